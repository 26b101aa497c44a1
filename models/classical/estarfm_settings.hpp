#pragma once

#include <vector>

#include "stfcube/models/model_options.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The options of ESTARFM, checked (specs: estarfm.md, parameters).
struct EstarfmSettings {
  explicit EstarfmSettings(ModelSettings const& settings);

  /// Window offsets: -half() ... half() on both axes.
  int half() const { return window / 2; }
  /// What a distance of d px adds to 1 is d / distance_px().
  double distance_px() const { return half() > 0 ? half() : 1; }

  int window = 51;                 ///< full width in px
  int classes = 4;                 ///< m: similar means |F - F0| <= 2 sigma / m
  int least = 6;                   ///< fewer similar pixels: increment of window means
  int kept = 0;                    ///< only so many similar pixels, the most similar ones; 0: all
  bool convert = true;             ///< conversion coefficient V; else 1
  bool convert_cell = false;       ///< V from the coarse cell of the pixel
  double least_change = 200;       ///< DN of coarse change from which on V is fitted
  bool unbiased = false;           ///< fine images are moved to the coarse mean
  bool single_starfm = false;      ///< pixels with one pair are predicted by STARFM
  bool bilinear = true;            ///< coarse images: rounded bilinear; else nearest
  double lowest = 0, highest = 0;  ///< predictions lie strictly between
  std::vector<double> sigma;       ///< of one observation, DN, by band
};

std::vector<OptionSpec> const& estarfm_options();

}  // namespace stfcube
