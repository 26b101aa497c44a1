#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {

/// How similar pixels are chosen and weighted.
struct SimilarWindow {
  int half_px = 15;           ///< h: the window is (2 h + 1) x (2 h + 1) pixels; at most largest_half_px
  int wanted = 30;            ///< n
  double distance_px = 15.5;  ///< kappa: weights are 1 / (1 + d / kappa)

  static constexpr int largest_half_px = 100;
  int width() const { return 2 * half_px + 1; }
};

/// The similar pixels of every pixel of a block. Rasters are a block with half_px more pixels on each side.
class SimilarLists {
 public:
  SimilarLists(int pixels, int wanted);
  static std::size_t bytes(int pixels, int wanted);

  /// Offsets in a raster, seen from the upper left pixel of the pixel's window; ascending.
  std::span<std::uint16_t const> of(int pixel) const {
    return {codes_.data() + static_cast<std::size_t>(pixel) * wanted_,
            counts_[static_cast<std::size_t>(pixel)]};
  }

 private:
  friend class SimilarSearch;
  std::size_t wanted_;
  AlignedArray<std::uint16_t> codes_;  ///< [pixel, wanted]
  std::vector<std::uint16_t> counts_;  ///< [pixel]
};

/// Finds, for each pixel of a block, the n pixels of its window that are most like it: those with the
/// smallest (Q, d^2, dy, dx) among the usable ones, Q a sum over bands. The result does not depend on the
/// block, nor on the width of vectors. One object for each thread.
/// @source specs: fitfc.md, steps 4 and 5; conventions, section 5
class SimilarSearch {
 public:
  /// What Q sums up over bands.
  enum class Measure { squares, differences };

  /// Largest side of a block, px.
  static constexpr int largest_side = 64;

  SimilarSearch(SimilarWindow const& window, int cols, int rows);
  static std::size_t bytes(SimilarWindow const& window, int cols, int rows, int bands);

  /// Pixels in a row of a raster, and rows.
  int pitch() const { return pitch_; }
  int raster_rows() const { return raster_rows_; }
  std::size_t raster_size() const {
    return static_cast<std::size_t>(pitch_) * static_cast<std::size_t>(raster_rows_);
  }
  /// Where the window of pixel (x, y) of the block begins in a raster.
  std::size_t window_at(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(pitch_) + static_cast<std::size_t>(x);
  }
  /// The pixel itself, seen from there.
  std::size_t centre() const { return window_at(window_.half_px, window_.half_px); }

  /// Takes the images to compare. Q of whole numbers is exact.
  /// @param planes  [band] rasters; finite; values where `usable` is 0 do not matter
  /// @param usable  raster: 1 where a pixel may be chosen; 0 outside the scene
  void compare(std::span<Dn const* const> planes, std::span<std::uint8_t const> usable, Measure measure);
  void compare(std::span<double const* const> planes, std::span<std::uint8_t const> usable, Measure measure);

  /// Lists the similar pixels of all pixels of the block where `asked` is not 0; of the others none. The
  /// pixels asked for must be usable.
  /// @param asked  [row, column] of the block
  void find(std::span<std::uint8_t const> asked, SimilarLists& lists);

  /// Images that are averaged side by side.
  static constexpr int columns = 8;
  /// Weighted means of one pixel's similar pixels in some images, and means of squares.
  struct Means {
    alignas(64) double value[columns], square[columns];
  };
  /// Means at all pixels of row `y` of the block that have a list.
  /// @param images  [raster pixel, column]
  /// @param means   [x] of the block
  void average_row(SimilarLists const& lists, int y, double const* images, std::span<Means> means) const;

  /// What the vectorised kernels work on.
  struct View;

 private:
  View view();

  SimilarWindow window_;
  int cols_, rows_, pitch_, raster_rows_;
  bool whole_numbers_ = true;
  Measure measure_ = Measure::squares;
  int planes_ = 0;                            ///< in use: pairs of bands, or bands
  std::vector<AlignedArray<Dn>> pairs_;       ///< [pair of bands]: raster of two bands side by side
  std::vector<AlignedArray<double>> values_;  ///< [band]: raster
  AlignedArray<std::int32_t>
      excluded_whole_;                  ///< raster: 0, or the largest number where a pixel cannot be chosen
  AlignedArray<double> excluded_real_;  ///< raster: 0, or infinity there
  AlignedArray<double> weights_;        ///< by offset in the raster
  AlignedArray<std::int32_t> tail_whole_;  ///< of a window's row: 0, beyond it the largest number
  AlignedArray<double> tail_real_;         ///< 0, beyond it infinity
  AlignedArray<double> measures_;          ///< of the window, rows padded to whole vectors
  AlignedArray<double> survivors_;         ///< Q of those below the threshold
  AlignedArray<double> selection_;         ///< copy to select from
  AlignedArray<std::int32_t> indices_;     ///< of survivors, in `measures_`
  std::vector<std::uint16_t> codes_;       ///< by index in `measures_`: offset in the raster
  std::vector<std::uint16_t> order_;       ///< by index in `measures_`: rank by (d^2, dy, dx)
  std::vector<std::uint32_t> ties_;
};

}  // namespace stfcube
