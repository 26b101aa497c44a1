#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "stfcube/models/classical/similar_pixels.hpp"
#include "stfcube/models/model_options.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

std::vector<OptionSpec> const& fitfc_options();

/// The options of Fit-FC, checked (specs: fitfc.md, parameters).
struct FitFcSettings {
  /// What is put out: the last step, or one before it.
  enum class Result { regression, filtered, complete };

  /// @throws Error(config)
  explicit FitFcSettings(ModelSettings const& settings);

  SimilarWindow window;
  int regression = 1;                 ///< r: half the window of the regression, cells
  std::vector<int> similarity_bands;  ///< indices
  double least_variance = 1;          ///< DN^2; below it the slope is 1
  double ridge = 0;                   ///< DN^2
  double lowest_slope = -std::numeric_limits<double>::infinity();
  double highest_slope = std::numeric_limits<double>::infinity();
  bool borrow = false;
  Result result = Result::complete;

  /// Coarse cells beyond those of the padded tile: two for the cubic kernel, and the regression's.
  int halo_cells() const { return 2 + regression; }
};

/// A number of the option's range, or `automatic` where it says auto.
double number_or_auto(ModelOptions const& options, std::string const& name, double lowest, double highest,
                      double automatic);
int integer_or_auto(ModelOptions const& options, std::string const& name, int lowest, int highest,
                    int automatic);

/// Indices of the bands that an option names: "all", or names of bands of the cube.
/// @throws Error(config) naming the key
std::vector<int> named_bands(std::string const& key, std::vector<std::string> const& words,
                             std::vector<std::string> const& bands);

/// Half of an odd window given in pixels. @throws Error(config) when it is even
int half_of_window(std::string const& key, int window);

}  // namespace stfcube
