#pragma once

#include <map>
#include <optional>
#include <vector>

#include "stfcube/models/classical/classes.hpp"
#include "stfcube/models/classical/unmix.hpp"
#include "stfcube/models/classical/virtual_image.hpp"
#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// What all blocks of a tile have in common; lives as long as the call that made it.
struct VipstfTile {
  /// One target of the tile.
  struct Target {
    Date date;
    int coarse = -1;          ///< of the target, -1: none
    std::vector<Date> dates;  ///< of the candidates, best first
    std::vector<Pair> pairs;  ///< the candidates; fine = -1: not valid anywhere in the tile
    std::map<StatZones::Zone, CoarseRegressions::Sums> sums;
    /// Version SU, for the classes of each candidate: the unmixed residual of the cells that touch the core.
    std::vector<std::optional<Unmixed>> residuals = {};
  };

  VipstfTile(FusionInput const& tile_input, VipstfSettings const& model_settings, Quantity const& valid_range,
             std::vector<double> const& sensor_sigma, CoarseRegressions const& model_regressions,
             int tolerance_days);
  /// Bytes at most.
  static std::size_t bytes(VipstfSettings const& settings, int ratio, TileShape const& shape);

  /// Version SU: unmixes what the combinations leave of the coarse targets. In parallel.
  void unmix_residuals(FineClasses const& classes);

  Dn coarse(int date, int band, int column, int row) const {
    return input.coarse.dn.at(date, band, row - input.cells.y, column - input.cells.x);
  }
  /// Candidates of a target whose coarse images are valid at a cell; none where the target's is not.
  CandidateSet valid_at(Target const& target, int column, int row) const;

  FusionInput const& input;
  VipstfSettings const& settings;
  Quantity const& range;
  std::vector<double> const& sigma;  ///< [band]
  CoarseRegressions const& regressions;
  bool one_zone = true;  ///< in the scene
  std::vector<Target> targets;
  std::map<Date, std::vector<std::int16_t>> labels;  ///< version SU: of the padded rectangle

 private:
  CellValues residual_of(Target const& target, Rect const& cells) const;
};

/// Combinations of one set of candidates at the cells of a rectangle.
class CombinationField {
 public:
  CombinationField(VipstfTile const& tile, VipstfTile::Target const& target, CandidateSet set,
                   Rect const& cells);

  /// False where no regression can be made.
  bool present(int column, int row) const {
    return !combinations_.empty() && !combinations_[index(column, row)].factors.empty();
  }
  ImageCombination const& at(int column, int row, int band) const {
    return combinations_[index(column, row) + static_cast<std::size_t>(band)];
  }
  /// What is left of the coarse target. The set must be valid there.
  double residual(int column, int row, int band) const;

 private:
  std::size_t index(int column, int row) const {
    return uniform_ ? 0
                    : (static_cast<std::size_t>(row - cells_.y) * static_cast<std::size_t>(cells_.width) +
                       static_cast<std::size_t>(column - cells_.x)) *
                          static_cast<std::size_t>(bands_);
  }
  std::vector<ImageCombination> local(int column, int row) const;
  std::vector<ImageCombination> mixed(
      std::map<StatZones::Zone, std::vector<ImageCombination>> const& of_zones, int column, int row) const;

  VipstfTile const& tile_;
  VipstfTile::Target const& target_;
  CandidateSet set_;
  Rect cells_;
  int bands_;
  bool uniform_;
  std::vector<ImageCombination> combinations_;  ///< [cell, band], or [band] when they are the same everywhere
};

}  // namespace stfcube
