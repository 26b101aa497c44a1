#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "stfcube/models/deep/pixel_choices.hpp"
#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// What a network says about a rectangle for one target date, from one set of references. [band, y, x],
/// row-major.
struct Prediction {
  std::vector<float> values;              ///< in the quantity of the cube
  std::vector<float> spread;              ///< standard deviation of the members, likewise; empty: one member
  std::vector<float> change;              ///< coarse change since the pairs (their mean), likewise
  std::vector<std::uint8_t> near_filled;  ///< [y, x]: 1 where a pixel close by had no value in some image
};

using Predictions = std::map<References, Prediction>;

/// How the predictions from a pair on each side of the target are weighted.
enum class Combine { temporal_change, time, nearest };

/// How predictions become output: which ones a pixel takes, their weights, flags and uncertainty.
class PredictionWriter {
 public:
  struct Settings {
    nn::NetworkInfo network;
    Combine combine = Combine::temporal_change;
    std::vector<double> sensor_sigma;  ///< per band, DN, of one observation
    std::vector<double>
        residual_sigma;  ///< per band, DN, of the network on data it was not trained on; 0: not known
  };
  explicit PredictionWriter(Settings settings) : settings_(std::move(settings)) {}

  /// What has to be predicted for a pixel of this choice: one set of references, or one from each side;
  /// nothing where the network cannot work with these pairs.
  std::vector<References> references_of(PairRun const& run) const;

  /// Writes the pixels of `px` that have a prediction; others, and those that want one that is not there,
  /// stay as they are. Thread-safe for different pixels.
  void write(ImageSource const& images, Rect const& px, int target, int coarse_of_target,
             PixelChoices const& choices, Predictions const& predictions, FusionOutput& output) const;

 private:
  class Pixel;

  Settings settings_;
};

}  // namespace stfcube
