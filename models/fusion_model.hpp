#pragma once

#include <cmath>
#include <cstddef>
#include <string>

#include "stfcube/models/first_pass.hpp"
#include "stfcube/models/fusion_input.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/core/stack.hpp"

namespace stfcube {

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

struct ModelInfo {
  std::string name;
  std::string title;
  std::string citation;
  int pairs_needed = 1;       ///< pairs without which a target date cannot be predicted; 0: none
  bool needs_coarse = true;   ///< a coarse observation of the target date is used
  bool coarse_between_pairs = false;  ///< fuse sees all coarse observations between its pairs
  Support support;
  Observed observes = Observed::pair;  ///< what the first pass looks at; may be another after a `prepare`
  /// Coarse observations up to so many days from a target come along, and stand in where it has none of its own.
  int coarse_reach_days = 0;
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
class FusionModel : public FirstPass {
 public:
  virtual ModelInfo const& info() const = 0;

  /// Bytes of working memory that `fuse` takes beyond its input and output, summed over `threads` threads.
  virtual std::size_t memory_bytes(TileShape const& shape, int threads) const = 0;

  Observed observed() const final { return info().observes; }

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
