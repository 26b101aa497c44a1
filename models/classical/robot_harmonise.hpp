#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/models/statistics.hpp"

namespace stfcube {

/// What the factors of a coarse series are made from.
enum class Harmonise {
  none,
  series,  ///< all pairs together: one set of factors
  pairs,   ///< the same, then each pair for itself; targets take the factors of the pairs around them
};

/// Factors that bring a coarse series to the level of the fine one, by patch and band: regressions through
/// the origin in square patches of seven sizes, from the largest to the smallest, anchored to the origin of
/// the grid. A coarse cell belongs to the patches that hold its centre.
///
/// One round of statistics is enough for all sizes: the images as they were read decide which pixels count,
/// and sums are kept for the pieces between the borders of all patches, in which earlier factors are
/// constant.
/// @source specs: robot.md, harmonisation of the coarse series
class CoarseHarmony {
 public:
  CoarseHarmony(Harmonise mode, int bands) : mode_(mode), bands_(static_cast<std::size_t>(bands)) {}

  bool wanted() const { return mode_ != Harmonise::none; }
  bool wants_statistics() const { return wanted() && !prepared_; }
  /// Takes Observed::pair. Thread-safe for different `statistics`.
  void observe(FusionInput const& input, Statistics& statistics) const;
  void prepare(Statistics const& statistics);

  /// The factors of a pair's coarse image at the held cells: products of all sizes at the centres of the
  /// smallest patches, bilinear between them. @param pair  the date of its fine image
  CellField factors(CellFrame const& frame, Date pair, int band) const;

  /// Multiplies the coarse values of a tile by their factors.
  /// @param near    by target: pairs that it may use and that are not of its day, nearest first
  /// @param fields  values as read, of pairs, then of targets: [image, band]; empty where there is no image
  void apply(CellFrame const& frame, std::span<Pair const> pairs, std::span<Date const> targets,
             std::span<std::vector<int> const> near, std::span<CellField> fields) const;

 private:
  struct Patch {
    std::size_t size = 0;  ///< 0: the largest
    int column = 0, row = 0;
    auto operator<=>(Patch const&) const = default;
  };
  /// By patch and band. Patches whose values stay as they are have none.
  using PatchFactors = std::map<Patch, std::vector<double>>;

  /// A pixel.
  struct Place {
    int x = 0, y = 0;
    auto operator<=>(Place const&) const = default;
  };
  /// What is known of one piece between the borders of all patches.
  struct Piece {
    ExactSum pixels = 0;          ///< that count
    std::vector<ExactSum> sums;   ///< [band]: fine x coarse, coarse x coarse
    std::vector<double> factors;  ///< by band, the product so far
  };
  using Pieces = std::map<Place, Piece>;  ///< by their first pixel

  static Patch patch_at(std::size_t size, Place const& place);
  Pieces pieces_of(Statistics const& statistics, std::string const& subject) const;
  PatchFactors fit(Pieces& pieces, double least_pixels) const;
  double product_at(Place const& place, PatchFactors const* of_pair, std::size_t band) const;
  void apply_to_target(std::span<Pair const> pairs, Date target, std::vector<int> const& near,
                       std::span<CellField const> raw_pairs, std::span<CellField const> pair_factors,
                       std::span<CellField> fields) const;

  Harmonise mode_;
  std::size_t bands_;
  bool prepared_ = false;
  PatchFactors series_;
  std::map<Date, PatchFactors> pairs_;
};

}  // namespace stfcube
