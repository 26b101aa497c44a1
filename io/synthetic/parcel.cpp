#include "stfcube/io/synthetic/parcel.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

namespace stfcube {
namespace {

// End members: blue, green, red, nir, swir1, swir2. Round numbers within the ranges of common spectral
// libraries.
constexpr Spectrum pale_soil = {0.095F, 0.130F, 0.175F, 0.255F, 0.335F, 0.285F};
constexpr Spectrum dark_soil = {0.050F, 0.068F, 0.090F, 0.145F, 0.205F, 0.175F};
constexpr Spectrum crop_leaves = {0.026F, 0.058F, 0.032F, 0.470F, 0.195F, 0.088F};
constexpr Spectrum straw = {0.105F, 0.145F, 0.195F, 0.300F, 0.350F, 0.265F};
constexpr Spectrum grass_leaves = {0.030F, 0.070F, 0.043F, 0.390F, 0.225F, 0.115F};
constexpr Spectrum dry_grass = {0.065F, 0.095F, 0.115F, 0.235F, 0.285F, 0.195F};
constexpr Spectrum tree_leaves = {0.022F, 0.046F, 0.026F, 0.410F, 0.175F, 0.073F};
constexpr Spectrum bare_trees = {0.040F, 0.055F, 0.068F, 0.180F, 0.185F, 0.120F};
constexpr Spectrum needles = {0.020F, 0.034F, 0.024F, 0.245F, 0.105F, 0.048F};
constexpr Spectrum winter_needles = {0.022F, 0.034F, 0.028F, 0.205F, 0.100F, 0.050F};
constexpr Spectrum lake_water = {0.036F, 0.038F, 0.026F, 0.020F, 0.016F, 0.014F};
constexpr Spectrum river_water = {0.050F, 0.068F, 0.055F, 0.034F, 0.022F, 0.018F};
constexpr Spectrum gravel = {0.110F, 0.140F, 0.170F, 0.225F, 0.275F, 0.250F};
constexpr Spectrum asphalt = {0.085F, 0.097F, 0.108F, 0.145F, 0.170F, 0.155F};
constexpr Spectrum tiles = {0.095F, 0.120F, 0.165F, 0.225F, 0.270F, 0.245F};
constexpr Spectrum metal_sheet = {0.230F, 0.255F, 0.280F, 0.320F, 0.350F, 0.330F};
constexpr Spectrum char_and_ash = {0.036F, 0.045F, 0.056F, 0.090F, 0.150F, 0.165F};
constexpr Spectrum flood_water = {0.058F, 0.082F, 0.078F, 0.058F, 0.030F, 0.022F};

/// One season of a crop, in days since 1 January of the harvest year.
struct Crop {
  double share;         ///< of the arable fields
  double sowing;        ///< middle of the emergence; negative: the autumn before
  double winter_green;  ///< share of green ground between emergence and spring growth
  double growth;        ///< middle of the spring growth
  double growth_days;
  double top_green;
  double ripening;  ///< middle of the ripening
  double ripening_days;
  double tillage;    ///< until then straw lies on the field
  bool catch_crop;   ///< half of the fields are green again in autumn
  double cut_every;  ///< days between cuts, 0: none
};

constexpr std::array<Crop, 8> crops = {{
    {0.27, -72, 0.30, 98, 9, 0.93, 182, 7, 226, true, 0},       // winter wheat
    {0.12, -85, 0.34, 90, 8, 0.90, 165, 6, 205, true, 0},       // winter barley
    {0.13, -112, 0.48, 84, 8, 0.92, 178, 7, 214, false, 0},     // oilseed rape
    {0.21, 138, 0.08, 164, 8, 0.93, 262, 9, 292, false, 0},     // maize
    {0.09, 128, 0.08, 155, 9, 0.95, 296, 8, 300, false, 0},     // sugar beet
    {0.08, 140, 0.06, 166, 8, 0.88, 243, 8, 268, false, 0},     // soya
    {0.07, -140, 0.40, 82, 10, 0.88, 322, 14, 322, false, 38},  // ley, cut
    {0.03, 60, 0.10, 130, 25, 0.30, 290, 20, 330, false, 0},    // fallow
}};

double rise(double days, double width) {
  return 1 / (1 + std::exp(-days / width));
}

double green_share(Crop const& crop, double day, double cut_phase) {
  double const cover =
      crop.winter_green * (rise(day - crop.sowing, 7) - rise(day - crop.growth, crop.growth_days));
  double const stand = crop.top_green * (rise(day - crop.growth, crop.growth_days) -
                                         rise(day - crop.ripening, crop.ripening_days));
  double const green = std::max(0.0, cover + stand);
  if (crop.cut_every == 0 || day < crop.growth + 30 || day > crop.ripening) return green;
  double const since_cut = std::fmod(day + cut_phase * crop.cut_every, crop.cut_every);
  return green * (1 - 0.55 * std::exp(-since_cut / 11));
}

Crop const& crop_of(double draw) {
  for (Crop const& crop : crops) {
    if (draw < crop.share) return crop;
    draw -= crop.share;
  }
  return crops.front();
}

Spectrum mix(Spectrum const& a, Spectrum const& b, double share_of_b) {
  Spectrum result{};
  auto const share = static_cast<float>(share_of_b);
  for (std::size_t band = 0; band < result.size(); ++band)
    result[band] = a[band] + share * (b[band] - a[band]);
  return result;
}

Spectrum scaled(Spectrum spectrum, double factor) {
  for (float& value : spectrum) value *= static_cast<float>(factor);
  return spectrum;
}

/// Ground with green leaves over it. More vigour means more leaves, where there are any.
ParcelState covered(Spectrum const& ground, Spectrum const& leaves, double green) {
  ParcelState state;
  state.reflectance = mix(ground, leaves, green);
  for (std::size_t band = 0; band < leaves.size(); ++band) {
    state.vigour[band] = static_cast<float>(green) * (leaves[band] - ground[band]);
  }
  state.green_share = green;
  return state;
}

ParcelState plain(Spectrum const& spectrum) {
  ParcelState state;
  state.reflectance = spectrum;
  return state;
}

/// 1 January of the year of `date`, some years later.
Date new_year(Date date, int years_later) {
  int const year = std::atoi(to_string(date).substr(0, 4).c_str()) + years_later;
  return make_date(year, 1, 1).value_or(date);
}

}  // namespace

LandOnDate::LandOnDate(std::uint64_t seed, Date date, Date change_date)
    : field_(seed, 77),
      date_(date),
      changed_(date >= change_date),
      new_years_{new_year(date, -1), new_year(date, 0), new_year(date, 1)},
      day_(date - new_years_[1]),
      dryness_(1 - 0.06 * smooth_noise(field_.sub(1), date.days / 9.0)),
      lake_(1 + 0.08 * smooth_noise(field_.sub(3), date.days / 30.0)),
      river_(1 + 0.12 * smooth_noise(field_.sub(4), date.days / 14.0)) {}

/// Soils are darker when wet; the weather of about nine days is the same in the whole scene.
Spectrum LandOnDate::soil(Parcel const& parcel) const {
  double const tint = 1 + 0.05 * static_cast<double>(own(parcel).normal(9));
  return scaled(mix(dark_soil, pale_soil, static_cast<double>(parcel.soil)), tint * dryness_);
}

/// A field with a crop rotation: last year's crop, this year's, and the one that is sown in this autumn.
ParcelState LandOnDate::arable(Parcel const& parcel) const {
  RandomField const random = own(parcel);
  double green = 0;
  double straw_share = 0;
  for (Date const first_day : new_years_) {
    Crop crop = crop_of(random.uniform(first_day.days, 0));
    crop.top_green *= 0.82 + 0.2 * random.uniform(first_day.days, 1);
    double const shift = 24 * (random.uniform(first_day.days, 2) - 0.5);
    double const day = (date_ - first_day) - shift;
    double season = green_share(crop, day, random.uniform(first_day.days, 3));
    if (crop.catch_crop && random.uniform(first_day.days, 4) < 0.5) {
      season = std::max(season, 0.6 * (rise(day - 252, 7) - rise(day - 325, 9)));
    }
    green = std::max(green, season);
    straw_share =
        std::max(straw_share, rise(day - crop.ripening, crop.ripening_days) - rise(day - crop.tillage, 3));
  }
  Spectrum const ground = mix(soil(parcel), straw, 0.85 * straw_share);
  double const tint = 1 + 0.05 * static_cast<double>(random.normal(5));
  return covered(ground, scaled(crop_leaves, tint), std::min(green, 0.96));
}

/// Meadows and pastures: green in winter too, dry in some summers.
ParcelState LandOnDate::grassland(Parcel const& parcel) const {
  RandomField const random = own(parcel);
  double const day = day_ - 18 * (random.uniform(0) - 0.5);
  double const summer = rise(day - 88, 9) - rise(day - 305, 14);
  double const drought =
      0.28 * random.uniform(new_years_[1].days, 1) * (rise(day - 190, 10) - rise(day - 255, 10));
  double const green = 0.42 + 0.10 * random.uniform(2) + (0.36 + 0.08 * random.uniform(3)) * summer - drought;
  return covered(dry_grass, scaled(grass_leaves, 1 + 0.05 * static_cast<double>(random.normal(4))), green);
}

ParcelState LandOnDate::deciduous(Parcel const& parcel) const {
  RandomField const random = own(parcel);
  double const day = day_ - 12 * (random.uniform(0) - 0.5);
  double const leaves = (0.86 + 0.1 * random.uniform(1)) * (rise(day - 114, 6) - rise(day - 298, 9));
  return covered(bare_trees, scaled(tree_leaves, 1 + 0.06 * static_cast<double>(random.normal(2))),
                 std::max(leaves, 0.0));
}

ParcelState LandOnDate::coniferous(Parcel const& parcel) const {
  double const summer = rise(day_ - 130, 14) - rise(day_ - 285, 14);
  double const tint = 1 + 0.09 * static_cast<double>(own(parcel).normal(0));
  return covered(scaled(winter_needles, tint), scaled(needles, tint), 0.2 + 0.8 * summer);
}

ParcelState LandOnDate::undisturbed(Parcel const& parcel) const {
  switch (parcel.cover) {
    case Cover::crop:
      return arable(parcel);
    case Cover::grass:
      return grassland(parcel);
    case Cover::deciduous:
      return deciduous(parcel);
    case Cover::conifer:
      return coniferous(parcel);
    case Cover::lake:
      return plain(scaled(lake_water, lake_));
    case Cover::river:
      return plain(scaled(river_water, river_));
    case Cover::track:
      return plain(gravel);
    case Cover::asphalt:
      return plain(asphalt);
    case Cover::roof:
      return plain(tiles);
    case Cover::hall:
      return plain(metal_sheet);
  }
  return {};
}

ParcelState LandOnDate::state(Parcel const& parcel) const {
  ParcelState const before = undisturbed(parcel);
  if (!changed_) return before;
  switch (parcel.change) {
    case Change::harvest:
      return plain(mix(soil(parcel), straw, 0.5));
    case Change::burn:
      return plain(mix(before.reflectance, char_and_ash, 0.88));
    case Change::flood:
      return plain(flood_water);
    case Change::none:
      break;
  }
  return before;
}

}  // namespace stfcube
