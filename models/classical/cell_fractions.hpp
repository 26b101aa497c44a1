#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// How many pixels of each class the coarse cells hold that lie whole in a tile's padded rectangle. Cells at
/// the edge of the scene need only those of their pixels that exist.
struct CellCounts {
  Rect cells;  ///< on the coarse grid
  int classes = 0;
  int ratio = 1;
  int parts = 1;                     ///< what a pixel counts: 1, or the whole of its memberships
  std::vector<std::int32_t> counts;  ///< [class, row, column], in parts of a pixel
  std::vector<std::int32_t>
      pixels;                       ///< [row, column]: those that exist; ratio^2 but at the edge of the scene
  std::vector<std::int32_t> valid;  ///< [row, column]: those that have a class

  std::size_t size() const { return valid.size(); }
  /// Position of a cell of the coarse grid in one plane. @throws Error(internal) when it is not held
  std::size_t at(int column, int row) const;
  /// At least half of the cell's pixels have a class.
  bool usable(std::size_t cell) const { return 2 * valid[cell] >= pixels[cell]; }
  /// How pure a cell is, as a whole number: pixels of the class; with parts, their share in the cell in
  /// parts.
  std::int32_t purity(int c, std::size_t cell) const {
    std::int32_t const count = of_class(c)[cell];
    return parts == 1 ? count : count / (ratio * ratio);
  }
  std::span<std::int32_t const> of_class(int c) const {
    return std::span(counts).subspan(static_cast<std::size_t>(c) * size(), size());
  }
};

/// @param labels  classes of the pixels of padded_px, -1 = none (FineClasses::labels)
CellCounts count_cell_classes(FusionInput const& input, std::span<std::int16_t const> labels, int classes);

/// The same of pixels that belong to several classes. A pixel counts as valid when it belongs to any.
/// @param memberships  [class, padded_px] in `parts` of a pixel; a pixel's add up to `parts`, or all are 0
CellCounts count_cell_memberships(FusionInput const& input, std::span<std::uint16_t const> memberships,
                                  int classes, int parts);

/// The cells that lie whole in the padded rectangle, on the coarse grid.
Rect whole_cells(FusionInput const& input);

/// Shares of the classes in coarse cells, as whole numbers, so that sums over windows are exact.
struct CellFractions {
  Rect cells;
  int classes = 0;
  std::int64_t scale = 1;            ///< the share 1
  std::vector<std::int32_t> shares;  ///< [class, row, column], in parts of `scale`
  std::vector<std::uint8_t> usable;  ///< [row, column]

  std::size_t size() const { return usable.size(); }
};

/// Counts over the number of pixels that have a class: exact when all have one, else to 1/64 of a pixel.
CellFractions block_fractions(CellCounts const& counts);

/// The shares seen through the sensor's point-spread function: a Gaussian with a standard deviation of half a
/// cell, cut 1.5 cells from the centre in x and y. Cells are those whose neighbours lie whole in the padded
/// rectangle.
/// @source Zhukov et al. 1999, doi:10.1109/36.763276; specs: unmixing.md
CellFractions psf_fractions(FusionInput const& input, std::span<std::int16_t const> labels, int classes);

}  // namespace stfcube
