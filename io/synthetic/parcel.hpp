#pragma once

#include <array>
#include <cstdint>

#include "stfcube/io/synthetic/random_field.hpp"
#include "stfcube/partitioning/core/date.hpp"

namespace stfcube {

/// What a parcel of land is.
enum class Cover : std::uint8_t {
  crop,
  grass,
  deciduous,
  conifer,
  lake,
  river,
  track,
  asphalt,
  roof,
  hall,
};

/// What happens to a parcel, for good, on the day of the change.
enum class Change : std::uint8_t { none, harvest, burn, flood };

/// A piece of land with one history: all its pixels have the same spectrum up to texture. A value type.
struct Parcel {
  Cover cover = Cover::crop;
  Change change = Change::none;
  std::uint64_t id = 0;  ///< decides crop rotation, dates and colours
  float soil = 0;        ///< 0 dark .. 1 pale

  bool operator==(Parcel const&) const = default;
};

inline bool is_water(Cover cover) {
  return cover == Cover::lake || cover == Cover::river;
}

inline constexpr int most_scene_bands = 6;
/// Reflectance of blue, green, red, nir, swir1, swir2.
using Spectrum = std::array<float, most_scene_bands>;

/// A parcel on one day.
struct ParcelState {
  Spectrum reflectance{};
  Spectrum vigour{};       ///< what one unit more of the pixel's vigour adds
  double green_share = 0;  ///< of the ground under green leaves
};

/// How the land looks on one day: crop calendars with per-field shifts, leaves of trees, soil moisture, and
/// the change. Pure and thread-safe.
class LandOnDate {
 public:
  /// @param change_date  first day after the change of the parcels that have one
  LandOnDate(std::uint64_t seed, Date date, Date change_date);
  ParcelState state(Parcel const& parcel) const;

 private:
  ParcelState undisturbed(Parcel const& parcel) const;
  Spectrum soil(Parcel const& parcel) const;
  ParcelState arable(Parcel const& parcel) const;
  ParcelState grassland(Parcel const& parcel) const;
  ParcelState deciduous(Parcel const& parcel) const;
  ParcelState coniferous(Parcel const& parcel) const;
  /// Random numbers of one parcel.
  RandomField own(Parcel const& parcel) const { return field_.sub(static_cast<std::int64_t>(parcel.id)); }

  RandomField field_;
  Date date_;
  bool changed_;
  std::array<Date, 3> new_years_;  ///< 1 January of the last, this and the next year
  double day_;                     ///< since 1 January
  double dryness_;                 ///< factor on the soil's brightness
  double lake_, river_;            ///< factors on the brightness of water
};

}  // namespace stfcube
