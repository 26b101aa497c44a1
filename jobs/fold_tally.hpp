#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stfcube/io/cube.hpp"
#include "stfcube/models/accuracy_strata.hpp"
#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {

/// What one method's prediction of one withheld date adds up to.
struct FoldSums {
  ComparisonSums own;     ///< pixels that the method predicted
  ComparisonSums common;  ///< pixels that all methods predicted which predicted any of that date
  std::int64_t reference_pixels = 0, predicted_pixels = 0;
};

/// Adds up the predictions of several methods for one withheld date, tile by tile. A method that predicts
/// nothing of the date must not make the common pixels empty, but that is known at the end only: sums of
/// common pixels are therefore kept apart by the methods that are silent in a tile. Who is silent everywhere
/// is silent in every tile, and a tile in which others are silent, too, has no common pixel. Not thread-safe.
class FoldTally {
 public:
  /// @param methods  at most 64
  FoldTally(std::size_t methods, Quantity const& quantity, double data_range,
            std::vector<ReferenceLevels> levels);

  /// Adds one tile.
  /// @param reference  with its core, and without a prediction
  /// @param units      one prediction per method, over the whole tile
  /// @param seen       told the tile of every method with its prediction in it
  template <class Seen>
  void add(PairedTile const& reference, std::span<CubeUnit const> units, std::span<LabelPlane const> layers,
           Seen const& seen) {
    Common const common = common_pixels(reference, units);
    for (std::size_t m = 0; m < units.size(); ++m)
      seen(m, add_method(m, reference, units[m], layers, common));
  }

  /// As bytes, for message passing between equal machines; added to another tally.
  std::string pack() const;
  void merge_packed(std::string_view bytes);

  /// One per method; nothing for one that predicted no pixel.
  std::vector<std::optional<FoldSums>> result() const;
  /// Pixels that could have been predicted.
  std::int64_t reference_pixels() const;

 private:
  struct Common {
    std::vector<std::uint8_t> valid;
    std::uint64_t silent = 0;  ///< bit m: method m predicts no pixel of the tile
  };
  struct MethodSums {
    ComparisonSums own;
    std::map<std::uint64_t, ComparisonSums> common;  ///< by silent methods
    std::int64_t reference_pixels = 0, predicted_pixels = 0;
  };

  static Common common_pixels(PairedTile const& reference, std::span<CubeUnit const> units);
  PairedTile add_method(std::size_t method, PairedTile const& reference, CubeUnit const& unit,
                        std::span<LabelPlane const> layers, Common const& common);

  Quantity quantity_;
  double data_range_;
  std::vector<ReferenceLevels> levels_;
  std::vector<MethodSums> methods_;
};

}  // namespace stfcube
