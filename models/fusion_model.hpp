#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "stfcube/models/statistics.hpp"
#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/core/stack.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// Observations of one sensor over one rectangle of its grid.
struct SceneSeries {
  std::vector<Date> dates;  ///< ascending, unique
  Stack<Dn> dn;             ///< [date, band, y, x]; no_data_dn in all bands of a pixel, or in none
};

/// What a method sees: everything it may look at to predict the core of one tile.
struct FusionInput {
  Rect scene_px;              ///< the whole target grid: windows are clipped at its edge, never at a tile's
  Rect core_px;               ///< pixels to predict, on the target grid
  Rect padded_px;             ///< pixels held by `fine`: the core grown by the method's halo, clipped to the scene
  Rect cells;                 ///< coarse cells held by `coarse`, on the coarse grid, clipped to the scene's cells
  int ratio = 1;              ///< coarse pixel / fine pixel
  SceneSeries fine, coarse;
  std::vector<Date> targets;  ///< ascending, unique
  Stack<std::int32_t> classes;  ///< [1, 1, y, x] over padded_px: the job's class map, -1 = none; empty without one
  Stack<std::int32_t> objects;  ///< the same of the job's object map
};

/// What a method writes for the core. Every value is rounded once, here (decision 0003).
struct FusionOutput {
  Stack<Dn> dn;                    ///< [target, band, y, x]; no_data_dn = nothing can be said
  Stack<Dn> uncertainty;           ///< [target, band, y, x], one standard deviation in DN; no_data_dn where dn is
  Stack<quality::Flags> quality;   ///< [target, 1, y, x]
  Stack<double>* exact = nullptr;  ///< for tests: the values before rounding, same shape as dn, NaN = no data

  FusionOutput() = default;
  /// Everything no data.
  FusionOutput(int targets, int bands, int rows, int cols)
      : dn(targets, bands, rows, cols), uncertainty(targets, bands, rows, cols), quality(targets, 1, rows, cols) {
    dn.fill(no_data_dn);
    uncertainty.fill(no_data_dn);
    quality.fill(quality::no_data);
  }
};

/// How far a method looks.
struct Support {
  int halo_px = 0;       ///< fine pixels around the core
  int halo_cells = 0;    ///< coarse cells around the cells that touch the padded rectangle
  int lattice_px = 1;    ///< tile corners must be multiples of this
};

/// What one call of FusionModel::observe sees of a tile.
enum class Observed {
  pair,                ///< both images of one pair
  pair_and_targets,    ///< also the targets that may use the pair, with their coarse images
  neighbouring_pairs,  ///< a pair and the next one, and the targets between them (both ends included)
  coarse_series,       ///< the coarse images of all pairs and targets, no fine one
};

struct ModelInfo {
  std::string name;
  std::string title;
  std::string citation;
  int pairs_needed = 1;       ///< pairs without which a target date cannot be predicted; 0: none
  bool needs_coarse = true;   ///< a coarse observation of the target date is used
  Support support;
  Observed observes = Observed::pair;  ///< what the first pass looks at
};

/// Sizes that decide how much memory a method needs for one tile.
struct TileShape {
  int core_width = 0, core_height = 0;
  int padded_width = 0, padded_height = 0;
  int bands = 0, fine_dates = 0, coarse_dates = 0, targets = 0;
};

/// A spatiotemporal fusion method. Sees a series, not a pair of images, because everything that does not depend on the
/// target date is then computed once for all of them.
///
/// Contract: the result for a pixel is a function of the inputs within `info().support` around it and of the merged
/// Statistics alone; never of the tile, of the other targets, or of threads.
class FusionModel {
 public:
  virtual ~FusionModel() = default;

  virtual ModelInfo const& info() const = 0;

  /// Bytes of working memory that `fuse` takes beyond its input and output, summed over `threads` threads.
  virtual std::size_t memory_bytes(TileShape const& shape, int threads) const = 0;

  /// True when `observe` must see every tile before `fuse`. Asked again after each `prepare`: a method may need several
  /// rounds (the iterations of k-means).
  virtual bool wants_statistics() const { return false; }

  /// First pass: adds what this tile contributes. Called once for every tile and everything that `info().observes` names.
  /// The cores of all calls for the same images are disjoint, cover the scene, hold whole coarse cells (their corners are
  /// multiples of the ratio, or edges of the scene), and have no halo: padded_px == core_px, cells are those of the core.
  /// Thread-safe for different `statistics`.
  virtual void observe(FusionInput const& /*input*/, Statistics& /*statistics*/) const {}

  /// The merged result of one round; called on every rank. @throws Error(model) when nothing can be made of it
  virtual void prepare(Statistics const& /*statistics*/) {}

  /// Predicts all targets. Thread-safe; no input, output or message passing. `output` has the shape of the core and is
  /// all no data when handed over.
  virtual void fuse(FusionInput const& input, FusionOutput& output) const = 0;
};

/// Rounds one prediction into the output: half away from zero, clamped to the valid range (flag `clamped`).
/// Not a number stays no data. Returns the flag to add to the pixel's quality, 0 or quality::clamped.
/// @param sigma one standard deviation in DN, clamped to [0, 32767]
inline quality::Flags put(FusionOutput& output, Quantity const& range, int target, int band, int y, int x, double value,
                          double sigma) {
  if (output.exact) output.exact->at(target, band, y, x) = value;
  if (!std::isfinite(value)) return 0;
  double const clamped = value < range.lowest ? range.lowest : value > range.highest ? range.highest : value;
  output.dn.at(target, band, y, x) = static_cast<Dn>(std::llround(clamped));
  output.uncertainty.at(target, band, y, x) =
      static_cast<Dn>(std::llround(std::isfinite(sigma) ? std::fmin(std::fmax(sigma, 0.0), 32767.0) : 32767.0));
  return std::llround(clamped) != std::llround(value) ? quality::clamped : quality::Flags{0};
}

}  // namespace stfcube
