#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// A fine image as the search for similar pixels reads it: floats, with a margin as wide as the window around
/// the pixels that are searched for. Pixels outside the scene, or not to be used, are similar to nothing.
class SimilarityRaster {
 public:
  /// @param core_px  pixels that will be searched for
  /// @param usable   [padded_px]: 0 where a pixel must not be found, besides those without data
  SimilarityRaster(FusionInput const& input, int index, Rect const& core_px, int half_window,
                   std::span<std::uint8_t const> usable);

  static std::size_t bytes(int core_width, int core_height, int half_window, int bands);

  int bands() const { return static_cast<int>(planes_.size()); }
  int stride() const { return px_.width; }
  float const* at(int band, int y, int x) const {
    return planes_[static_cast<std::size_t>(band)].data() +
           static_cast<std::ptrdiff_t>(y - px_.y) * px_.width + (x - px_.x);
  }

 private:
  Rect px_;
  std::vector<AlignedArray<float>> planes_;
};

/// Finds the pixels of a window that are most like its centre. Tables; immutable.
///
/// A pixel is a candidate when |F(i) - F(0)| <= limit in all bands. With sim = sum over bands of
/// |F(i) - F(0)| / max(F(0), 1) and d the distance in px, those with the smallest
/// (sim + 1e-5) (10 + d / w) are taken (ties: d^2, dy, dx), with weights in proportion to
/// 1 / ((1 + d / w) (sim + 1)). The centre is always among them.
/// @source specs: fsdaf.md, step 9
class MostSimilarPixels {
 public:
  /// @param half_window  w >= 1, px
  /// @param most         pixels to take
  MostSimilarPixels(int half_window, int most);

  int most() const { return most_; }

  /// Working memory of one thread.
  struct Scratch {
    explicit Scratch(MostSimilarPixels const& tables);
    AlignedArray<float> keys;
    AlignedArray<std::int32_t> codes;
    std::vector<float const*> centres;
    std::vector<float> inverse;
    std::vector<double> similarity, difference;
    std::vector<std::ptrdiff_t> places;
    struct Found {
      double key, similarity;
      std::int32_t rank, code;
    };
    std::vector<Found> found;
  };

  /// One found pixel: its place in the window and its weight; the weights of a window add up to one.
  struct Neighbour {
    std::int16_t dy, dx;
    double weight;
  };

  /// Writes up to `most` neighbours of a pixel, dy and dx ascending; returns how many.
  /// @param limits  per band, DN
  int find(SimilarityRaster const& raster, int y, int x, std::span<float const> limits, Scratch& scratch,
           Neighbour* neighbours) const;

 private:
  std::size_t window() const { return static_cast<std::size_t>(2 * half_ + 1); }

  int half_, most_;
  std::size_t pitch_;           ///< of `factor_`: the window's width and a vector more
  AlignedArray<float> factor_;  ///< [row, pitch]: 10 + d / w
  struct Offset {
    std::int16_t dy, dx;
  };
  std::vector<Offset> offset_;       ///< [row, column]
  std::vector<double> distance_;     ///< [row, column]: d / w
  std::vector<std::int32_t> order_;  ///< [row, column]: rank by d^2, dy, dx
};

}  // namespace stfcube
