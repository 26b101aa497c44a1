#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stfcube/models/model_options.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// The options of STARFM, checked (specs: starfm.md, parameters). Per-band vectors have one entry for each
/// band.
struct StarfmSettings {
  explicit StarfmSettings(ModelSettings const& settings);

  /// Window offsets: -before() ... window - 1 - before() on both axes.
  int before() const { return window / 2; }

  int window = 51;            ///< width of the window in px; even only with the profile usda
  int slices = 40;            ///< m: similar means |F - F0| <= 2 sigma / m
  double distance_px = 25;    ///< A: the distance that doubles the denominator of a weight
  bool both_tests = false;    ///< filter = and
  std::optional<bool> use_t;  ///< nothing: on where two pairs are used
  bool log_weights = false;
  bool centre_max = false;            ///< largest instead of smallest difference over the pairs at the centre
  bool bilinear = false;              ///< coarse images: rounded bilinear instead of nearest
  bool usda = false;                  ///< the rules of the reference program
  int zone_px = 0;                    ///< side of a statistics zone; 0: the scene
  int pairs = 2;                      ///< pairs for one pixel and target
  std::vector<int> similarity_bands;  ///< all must be similar; empty: the band itself
  std::vector<double> sigma_fine, sigma_coarse;  ///< sensor uncertainties in DN
};

/// One band's thresholds, from its sensor uncertainties (specs: starfm.md, step 1).
struct StarfmThresholds {
  /// @param truncated  to whole DN after each step, as the reference program does
  StarfmThresholds(double sigma_fine, double sigma_coarse, bool truncated);

  double spectral = 0;  ///< sigma_lm
  double temporal = 0;  ///< sigma_mm
  double combined = 0;  ///< sigma_c
  double variance = 0;  ///< of one summand F + C_p - C_k, DN^2
};

/// The largest difference that counts as similar, from the standard deviation of a scene; -1 when none does.
int starfm_similar_dn(double sigma, StarfmSettings const& settings);

std::vector<OptionSpec> const& starfm_options();

}  // namespace stfcube
