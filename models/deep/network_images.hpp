#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/models/pairs.hpp"

namespace stfcube {

/// The pairs that one run of a network starts from, as indices into a list of pairs.
struct References {
  int before = 0;  ///< the only one of a single pair, on whichever side of the target it lies
  int after = -1;  ///< -1: one pair
  auto operator<=>(References const&) const = default;
};

/// Images of one rectangle as a network reads them.
struct NetworkImages {
  nn::BlockImages block;
  std::vector<std::uint8_t> filled;  ///< [height, width]: 1 where some image had no value there
};

/// What a pixel beyond the edge of the scene repeats: that at the edge, or its mirror image inside the
/// rectangle.
enum class Beyond { edge, mirror };

/// Makes the images of rectangles: coarse ones bilinear on the grid of the scene, every pixel with a value.
/// The result for a rectangle is a function of the images that are named, inside the rectangle, alone.
///
/// A fine pixel without a value takes the coarse value of its date plus the mean difference of the two images
/// in the rectangle; a coarse one that of the other dates of the call, plus the mean difference of the dates.
/// Thread-safe.
class ImageSource {
 public:
  /// `input` has to outlive it. @param pairs  indices into its series
  ImageSource(FusionInput const& input, Quantity const& quantity, std::vector<Pair> pairs);

  /// @param px  may reach beyond the scene, but not beyond the padded tile
  /// @param target  the coarse observation of the target date
  NetworkImages gather(Rect const& px, int target, References const& references, Beyond beyond) const;

  std::vector<Pair> const& pairs() const { return pairs_; }
  CellFrame const& frame() const { return frame_; }
  FusionInput const& input() const { return input_; }
  Quantity const& quantity() const { return quantity_; }

 private:
  FusionInput const& input_;
  Quantity quantity_;
  std::vector<Pair> pairs_;
  CellFrame frame_;
};

}  // namespace stfcube
