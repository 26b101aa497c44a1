#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// A small picture of a large image that is handed over strip by strip; memory is that of the picture.
class Quicklook {
 public:
  /// @param factor    image pixels per picture pixel, at least 1
  /// @param channels  1 (grey) or 3
  Quicklook(int image_width, int image_height, int factor, int channels);

  int width() const { return width_; }
  int height() const { return height_; }

  /// Adds rows of one channel: full width, first row a multiple of the factor. A picture pixel becomes the
  /// mean of its valid image pixels.
  void add(int channel, Rect const& px, std::vector<Dn> const& dn);

  /// Adds rows of quality flags; a picture pixel takes those of its upper left image pixel.
  void add_flags(Rect const& px, std::vector<quality::Flags> const& flags);

  /// RGBA, interleaved: each channel stretched from its 2nd to its 98th percentile; transparent where a
  /// channel is empty.
  std::vector<std::uint8_t> stretched() const;

  /// RGBA, interleaved: observed green, fused blue, gap-filled orange, transparent elsewhere.
  std::vector<std::uint8_t> flag_colours() const;

 private:
  std::size_t at(int x, int y) const;

  int factor_, width_, height_;
  std::vector<std::vector<Dn>> channels_;
  std::vector<quality::Flags> flags_;
};

}  // namespace stfcube
