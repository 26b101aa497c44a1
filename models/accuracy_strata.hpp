#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stfcube/models/accuracy_sums.hpp"

namespace stfcube {

/// By what pixels are told apart.
enum class StratumLayer : std::int32_t { change, land_class };

/// Pixels that are judged apart from others.
struct Stratum {
  StratumLayer layer = StratumLayer::change;
  std::int32_t value = 0;  ///< of the class map; 0 stable, 1 gradual, 2 abrupt change
  auto operator<=>(Stratum const&) const = default;
};

/// "change" or "class".
std::string layer_name(Stratum const& stratum);
/// "stable", "gradual", "abrupt", or the number of the class.
std::string value_name(Stratum const& stratum);

inline constexpr std::int32_t no_label = std::numeric_limits<std::int32_t>::min();

/// For every pixel of a tile the stratum it belongs to within one layer; no_label: to none.
struct LabelPlane {
  StratumLayer layer = StratumLayer::change;
  std::vector<std::int32_t> labels;
};

/// Change of the reference since a base image: stable below 0.02, abrupt above 0.1, gradual between, as mean
/// over bands of |reference - base|, in units of the data range (1 for reflectance).
/// @param base        [band][pixel of the tile]
/// @param base_valid  pixels where it is not 0 are compared; others have no label
/// @source specs: metrics.md, section 3
LabelPlane change_labels(PairedTile const& tile, std::vector<std::vector<Nano>> const& base,
                         std::vector<std::uint8_t> const& base_valid, double data_range);

/// What a pair of images adds up to, as a whole and by stratum. Strata lack what looks at a neighbourhood.
struct ComparisonSums {
  ImageSums whole;
  std::map<Stratum, ImageSums> strata;

  void merge(ComparisonSums const& other);
  /// As bytes, for message passing between equal machines, and back.
  std::string pack() const;
  static ComparisonSums unpack(std::string_view bytes);
};

/// Adds up the core of one tile, bands in parallel.
/// @param levels  one per band
ComparisonSums compare_tile(PairedTile const& tile, std::span<LabelPlane const> layers, double data_range,
                            std::span<ReferenceLevels const> levels);

/// Where the values of one band of a reference lie: bins of 1e-4 of the data range. Mergeable in any order.
/// @source specs: metrics.md, section 4
class LevelCounts {
 public:
  explicit LevelCounts(double data_range = 1);

  void add(Nano value);
  void merge(LevelCounts const& other);
  /// All zero when nothing was added.
  ReferenceLevels levels() const;

  /// As bytes, for message passing between equal machines, and back.
  std::string pack() const;
  void merge_packed(std::string_view bytes);

 private:
  double percentile(double share) const;

  Nano bin_width_;
  ExactSum sum_ = 0;
  std::int64_t count_ = 0;
  std::map<std::int32_t, std::int64_t> bins_;
};

}  // namespace stfcube
