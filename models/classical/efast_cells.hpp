#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"

namespace stfcube {

/// Parameters of EFAST (docs/methods/efast.md).
struct EfastSettings {
  double sigma_days = 20;   ///< standard deviation of the weight in time
  int window_days = 30;     ///< fine images at most so far from the target are used
  int distance_cells = 15;  ///< D: from a cloud to full weight; 0: clouds do not lower weights around them
  double cloud_share =
      0.05;              ///< share of a cell's fine pixels without value from which on the cell is cloudy
  int coarse_days = 45;  ///< coarse images at most so far away are interpolated between
  int least_observations = 4;  ///< so many of them must be valid in a cell
  int pair_tolerance_days = 0;
};

/// Fine pixels that EFAST looks beyond a pixel: to the far side of the cells from which a cloud lowers the
/// weights of the cells around the pixel.
int efast_halo_px(EfastSettings const& settings, int ratio);

/// Columns or rows of a tile's pixels on the coarse grid: between which two cells a pixel's centre lies.
struct CellAxis {
  int first = 0, count = 0;      ///< cells that pixels look at, clamped to the scene
  std::vector<int> cell;         ///< by pixel: the cell before its centre, minus `first`
  std::vector<int> next;         ///< the cell behind it
  std::vector<double> fraction;  ///< the share of `next`

  CellAxis(int first_px, int pixels, int ratio, int scene_first, int scene_count);
};

/// A value of each cell that a tile's pixels look at, row-major.
using CellPlane = std::vector<double>;

/// What EFAST knows of the coarse cells of a tile: the coarse series at any day, and the weights of fine
/// images. The same for all rows of the tile. Immutable after construction, thread-safe.
/// @source specs: efast.md, steps 1 and 2
class EfastCells {
 public:
  EfastCells(FusionInput const& input, EfastSettings const& settings, int bands);

  /// Bytes of an object for a tile of that shape.
  static std::size_t bytes(TileShape const& shape, EfastSettings const& settings, int ratio);

  struct Plane {
    std::vector<double> values;        ///< [band, cell]; 0 where not known
    std::vector<double> known;         ///< [cell], 1 or 0
    std::vector<std::uint8_t> filled;  ///< [cell], 1: not observed on that day
  };
  struct FineImage {
    int date = 0;     ///< index into the fine series
    Plane coarse;     ///< on its day
    CellPlane clear;  ///< 0 ... 1 by distance to clouds; 0 where coarse is not known
  };
  struct Use {
    int image = 0;      ///< index into images()
    double weight = 0;  ///< in time
    int days = 0;       ///< fine date - target
  };
  struct Target {
    Plane coarse;
    std::vector<Use> uses;     ///< ascending in time
    CellPlane inverse_weight;  ///< 1 / sum over uses of weight * clear; 0 where the sum is 0
    std::vector<float>
        change;  ///< [band, cell]: coarse target minus the weighted mean of the coarse images used
  };

  CellAxis const& across() const { return across_; }
  CellAxis const& down() const { return down_; }
  std::size_t cell_count() const {
    return static_cast<std::size_t>(across_.count) * static_cast<std::size_t>(down_.count);
  }
  std::vector<FineImage> const& images() const { return images_; }
  std::vector<Target> const& targets() const { return targets_; }

 private:
  Plane coarse_at(FusionInput const& input, EfastSettings const& settings, Date day, int stand_in) const;
  CellPlane clear_weights(FusionInput const& input, EfastSettings const& settings, int date) const;
  std::vector<std::uint8_t> cloudy_cells(FusionInput const& input, EfastSettings const& settings, int date,
                                         Rect const& cells) const;
  void weigh(Target& target) const;

  int bands_;
  CellAxis across_, down_;
  std::vector<FineImage> images_;
  std::vector<Target> targets_;
};

}  // namespace stfcube
