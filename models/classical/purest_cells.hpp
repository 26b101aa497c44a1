#pragma once

#include <cstdint>
#include <optional>
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
inline bool may_be_pure(std::int32_t count, int ratio) {
  return 100 * std::int64_t{count} > std::int64_t{ratio} * ratio;
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

/// Adds what the purest cells of each class need: one tally per class, "subject/class/zone part". One round
/// is enough: a cell that is not among the purest of its tile is not among those of the scene.
/// @param counts, values  of a tile without halo
void observe_purest(StatZones const& zones, std::string const& subject, CellCounts const& counts,
                    CellValues const& values, int most, Statistics& statistics);

/// The means of the values of the `most` purest cells of a class in a zone, per band; nothing without a cell.
std::optional<std::vector<double>> purest_means(StatZones const& zones, StatZones::Zone zone,
                                                std::string const& subject, int c, int bands, int most,
                                                Statistics const& statistics);

}  // namespace stfcube
