#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stfcube/models/classical/cell_fractions.hpp"
#include "stfcube/models/stat_zones.hpp"

namespace stfcube {

/// The smallest count of pixels of a class that makes a cell one of the `most` purest of that class, ties
/// included; 0 when there is none. @param counts  how many cells hold so many pixels
/// @source specs: conventions, section 6
std::int64_t purest_count(Tally const& counts, int most);

/// True where a cell holds enough pixels of a class to be one of its purest: more than 1 %.
/// @param count  in `parts` of a pixel
inline bool may_be_pure(std::int32_t count, int ratio, int parts = 1) {
  return 100 * std::int64_t{count} > std::int64_t{ratio} * ratio * parts;
}

/// Values of coarse cells as whole numbers, with the cells of a CellCounts or CellFractions.
struct CellValues {
  int bands = 0;
  std::vector<std::int32_t> values;  ///< [band, row, column]
  std::vector<std::uint8_t> valid;   ///< [row, column]
};

/// Differences of two coarse images, or one image (`minus` < 0): c_plus - c_minus in DN over `cells`, which
/// the input must hold. Valid where both are.
CellValues coarse_values(FusionInput const& input, Rect const& cells, int plus, int minus);

/// Adds what `purest_prior` needs: one tally for each class of the purest cells of the tile, and the sums
/// over all usable cells. One round is enough: a cell that is not among the purest of its tile is not among
/// those of the scene.
/// @param subject         begins the names
/// @param counts, values  of a tile without halo
void observe_purest(StatZones const& zones, std::string const& subject, CellCounts const& counts,
                    CellValues const& values, int most, Statistics& statistics);

/// Means of the values of the `most` purest cells of every class in a zone, [band, class]; those of all cells
/// for a class without one. Empty when the zone has no usable cell.
std::vector<double> purest_means(StatZones const& zones, StatZones::Zone zone, std::string const& subject,
                                 int classes, int bands, int most, Statistics const& statistics);

/// The prior of `unmix`: [band, class], or [band, class, row, column] over `wanted` where statistics come
/// from zones, those without a cell left out. NaN where nothing is known.
std::vector<double> purest_prior(StatZones const& zones, std::string const& subject, int classes, int bands,
                                 int most, Statistics const& statistics, FusionInput const& input,
                                 Rect const& wanted);

}  // namespace stfcube
