#pragma once

#include <span>
#include <vector>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/classical/robot_harmonise.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"

namespace stfcube {

/// Parameters of ROBOT (docs/methods/robot.md).
struct RobotSettings {
  int block_px = 30, step_px = 20;
  double beta = 1;
  double radius = 2;             ///< largest sum of the coefficients
  double ridge = 1e-6;           ///< times the square of bands x pixels of the block
  bool always_residual = false;  ///< not only where the coefficients' sum is off
  bool reference_in_time = false;
  bool bicubic = true;
  bool quantiles = false;  ///< normalise by quantiles in place of the smallest and largest values
  double consistency = 0;  ///< members whose fine and coarse images differ by more are dropped; 0: none
  int most_members = 20;
};

/// Where blocks are: anchored to the scene, for any tile the same.
/// @source specs: robot.md, block layout
struct RobotLayout {
  Rect scene;
  int block_px = 30, step_px = 20;

  /// Blocks along an axis of that length.
  int count(int length) const;
  Rect block(int row, int column) const;
  /// Blocks that touch `px`: columns and rows of the layout.
  Rect blocks_of(Rect const& px) const;
};

/// What all blocks of a tile share. Immutable, thread-safe.
struct RobotTile {
  /// @param noise    by band, standard deviation of one observation, DN
  /// @param harmony  prepared; brings coarse images to the level of the fine ones, where it is wanted
  RobotTile(FusionInput const& input, RobotSettings const& settings, std::vector<double> noise,
            int tolerance_days, int max_gap_days, CoarseHarmony const& harmony);
  static std::size_t bytes(TileShape const& shape, int ratio);

  /// One band of a coarse image on the fine grid, NaN where it has no value. @param image  a pair, or
  /// image_of(target) @param to  row-major
  void expand(int image, int band, Rect const& px, double* to) const;
  int image_of(int target) const { return static_cast<int>(pairs.size()) + target; }
  int bands() const { return input.fine.dn.bands(); }
  Date target(int t) const { return input.targets[static_cast<std::size_t>(t)]; }

  FusionInput const& input;
  RobotSettings const& settings;
  std::vector<double> noise;
  CellFrame frame;
  std::vector<Pair> pairs;             ///< ascending: those that some target may use
  std::vector<int> target_coarse;      ///< by target; -1: none
  std::vector<std::vector<int>> near;  ///< by target: pairs that it may use, nearest first
  std::vector<CellField> fields;       ///< coarse images of pairs, then of targets: [image, band]
};

/// The combination of one block for one target.
struct RobotFit {
  std::vector<int> members;  ///< indices into the pairs of the tile, ascending; empty: no fit
  std::vector<double> alpha;
  bool residual = false;        ///< the coarse residual is added
  bool few = false;             ///< members were given up because too few pixels are valid in all
  int before = -1, after = -1;  ///< places in `members` of the images that the reference is made of; -1: none
  std::vector<double> variance;  ///< by band, DN^2, without what differs from pixel to pixel

  bool valid() const { return !members.empty(); }
};

/// Fits of one block for all targets.
/// @source specs: robot.md, steps 1 to 3 and missing data
std::vector<RobotFit> fit_robot_block(RobotTile const& tile, Rect const& block);

/// Bytes that fit_robot_block takes, without its result.
std::size_t robot_block_bytes(TileShape const& shape, RobotSettings const& settings);

/// The shares of the reference's two images. @param before, after  dates; equal: one image
inline double share_of_before(RobotSettings const& settings, Date target, Date before, Date after) {
  return settings.reference_in_time ? static_cast<double>(after - target) / (after - before) : 0.5;
}

}  // namespace stfcube
