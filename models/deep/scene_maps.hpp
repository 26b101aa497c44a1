#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stfcube/models/deep/network_images.hpp"
#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/models/statistics.hpp"

namespace stfcube {

/// Blocks of a local network: squares of a lattice of the target grid, with a halo inside the scene.
struct BlockLattice {
  int side_px = 128, halo_px = 0;
  int align_px = 1;     ///< runs have sides that are multiples of this
  int smallest_px = 1;  ///< and at least this

  /// What the network runs on for a block; it reaches beyond the scene's right and lower edge where the sides
  /// ask for it.
  Rect run_of(Rect const& block, Rect const& scene) const;
  /// A side that the network can take.
  int run_side(int side) const;
};

/// Means, variances and maxima of a network's feature maps over the whole scene, for every target date and
/// the pairs it may start from. One map is found per round: its sums are added block by block as whole
/// numbers, so that neither tiles nor ranks show.
class SceneMaps {
 public:
  SceneMaps(std::string name, BlockLattice const& lattice, std::shared_ptr<nn::Predictor const> predictor)
      : name_(std::move(name)), lattice_(lattice), predictor_(std::move(predictor)) {}

  bool complete() const { return complete_; }

  /// For FirstPass: what has to be read for the blocks that begin in `core_px`.
  std::vector<Rect> parts(Rect const& scene_px, int ratio, Rect const& core_px) const;
  /// For FirstPass: one part, with the images of one pair, or of two, and the coarse ones of targets.
  void observe(FusionInput const& input, Quantity const& quantity, int tolerance_days,
               Statistics& statistics) const;
  void prepare(Statistics const& statistics);

  /// Null where none were found, because no target uses these pairs. Lives as long as this.
  std::vector<nn::MapConstants> const* find(std::vector<Pair> const& pairs, References const& references,
                                            Date target) const;

 private:
  std::string subject(std::vector<Pair> const& pairs, References const& references, Date target) const;
  Rect part_of(Rect const& block, Rect const& scene, int ratio) const;

  std::string name_;
  BlockLattice lattice_;
  std::shared_ptr<nn::Predictor const> predictor_;
  std::map<std::string, std::vector<nn::MapConstants>>
      maps_;  ///< by subject, in the order in which the network asks
  bool complete_ = false;
};

}  // namespace stfcube
