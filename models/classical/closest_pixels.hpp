#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// The pixels of a small window whose values are closest to those of its centre: the sum over bands of
/// |F(i) - F(0)| / max(F(0), 1 DN) is at most the (most + 1)-th smallest of the window, the centre's 0
/// included; all pixels with that value are taken. Invalid pixels are close to nothing. Windows are clipped
/// at the scene. Immutable.
/// @source specs: fsdaf.md, SFSDAF
class ClosestPixels {
 public:
  /// @param index  fine image of the input, which must outlive this
  /// @param px     pixels that will be asked for; the input must hold their windows
  /// @param half   half width of the window, px
  ClosestPixels(FusionInput const& input, int index, Rect const& px, int half, int most);

  static std::size_t bytes(std::size_t pixels, int half, int threads);

  /// Places around a centre, dy and dx ascending, and their weights in proportion to 1 / (1 + d / (s / 2)),
  /// which add up to one. Also working memory of one thread.
  struct Found {
    struct Place {
      int dy, dx;
    };
    std::vector<Place> places;
    std::vector<double> weights;
    std::vector<double> differences;
  };
  /// Writes the neighbours of a valid pixel; none of an invalid one. Thread-safe.
  void find(int x, int y, Found& found) const;

 private:
  Rect window_of(int x, int y) const;
  void find_differences(int x, int y, Rect const& window, std::vector<double>& differences) const;

  FusionInput const& input_;
  int index_;
  Rect px_;
  int half_;
  std::vector<double> weights_;     ///< [dy, dx]
  std::vector<double> thresholds_;  ///< [px]; NaN at invalid pixels
};

}  // namespace stfcube
