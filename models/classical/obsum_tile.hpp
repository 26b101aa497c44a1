#pragma once

#include <vector>

#include "stfcube/models/classical/classes.hpp"
#include "stfcube/models/classical/image_objects.hpp"
#include "stfcube/models/classical/similar_pixels.hpp"
#include "stfcube/models/classical/unmix.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {

/// The options of OBSUM, checked (specs: obsum.md, parameters).
struct ObsumSettings {
  /// What is put out: the last step, or one before it.
  enum class Result { objects, compensated, complete };

  ClassSettings classes;
  int most_classes = 5;
  int radius = 7;        ///< of the window of unmixing, cells
  int lattice_px = 128;  ///< objects are cut there
  double share = 0.05;   ///< of an object's pixels, by which its residual is known
  SimilarWindow window;
  Result result = Result::complete;
  bool of_images = false;  ///< residuals compare images of the two sensors, not their changes

  int halo_px(int ratio) const;
};

/// One call of OBSUM's `fuse`.
class ObsumTile {
 public:
  ObsumTile(FusionInput const& input, ObsumSettings const& settings, Quantity const& range,
            std::vector<double> const& sigma, FineClasses const& classes, int tolerance_days,
            int max_gap_days);
  /// Bytes at most, for all threads.
  static std::size_t bytes(ObsumSettings const& settings, int ratio, TileShape const& shape, int threads);

  std::vector<Pair> const& pairs() const { return pairs_; }

  /// Predicts all targets that use pair `number` somewhere.
  /// @param bounds  [target, band]: smallest and largest coarse change of the scene since the pair
  void fuse(int number, std::vector<std::vector<Bounds>> const& bounds, FusionOutput& output);

 private:
  /// What all targets of a pair share.
  struct Base {
    ImageObjects objects;
    CellFractions fractions;
    std::vector<std::vector<ObjectSample>> samples;  ///< [object]
  };
  /// A target predicted up to step 4.
  struct Compensated {
    std::vector<double> values;     ///< [band, row, column] of objects_px_; NaN where there is none
    std::vector<double> residuals;  ///< [band, cell] of pixel_cells_: what is left then
    std::vector<double> misfit;     ///< [band, cell] of pixel_cells_: of the unmixed change, DN
  };

  Base make_base(Pair const& pair) const;
  Compensated compensate(Pair const& pair, Base const& base, int target,
                         std::vector<Bounds> const& bounds) const;
  std::vector<double> object_changes(Base const& base, Unmixed const& unmixed) const;
  std::vector<double> cell_residual(Pair const& pair, int target, int band, std::vector<double> const& values,
                                    Rect const& held, Rect const& cells) const;
  void write_block(int number, int target, Compensated const& state, Rect const& block,
                   FusionOutput& output) const;
  bool uses(int target, int x, int y, int number) const;
  Dn coarse(int date, int band, int column, int row) const;

  FusionInput const& input_;
  ObsumSettings const& settings_;
  Quantity const& range_;
  std::vector<double> const& sigma_;
  FineClasses const& classes_;
  std::vector<Pair> pairs_;
  std::vector<int> coarse_;  ///< of the targets
  int bands_;
  Rect scene_cells_;
  // From the inside to the outside: what each step needs of the one before (specs: obsum.md, tiling).
  Rect pixel_cells_;                     ///< cells whose residual of step 5 is needed
  Rect objects_px_;                      ///< lattice squares of their objects
  Rect object_cells_;                    ///< cells whose residual of step 4 is needed
  Rect changes_px_;                      ///< lattice squares of their objects
  Rect unmixed_cells_;                   ///< cells where changes are unmixed
  Rect labels_px_;                       ///< lattice squares of the objects that give the shares of classes
  std::vector<std::vector<int>> plans_;  ///< [plan][target]: pair, -1: none
  std::vector<int> plan_of_;             ///< [pixel of the core]
};

}  // namespace stfcube
