#include "stfcube/models/classical/fitfc_settings.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

constexpr int largest_window = 2 * SimilarWindow::largest_half_px + 1;

/// "none", or two numbers, ascending.
void read_bounds(ModelOptions const& options, FitFcSettings& settings) {
  auto const words = options.words("a_bounds");
  if (words.size() == 1 && words.front() == "none") return;
  std::vector<double> bounds;
  for (auto const& word : words) {
    if (auto const bound = parse_double(word)) bounds.push_back(*bound);
  }
  require(words.size() == 2 && bounds.size() == 2 && bounds[0] <= bounds[1], ErrorKind::config,
          fmt::format("fitfc.a_bounds = {} (must be 'none' or two ascending numbers, such as 0 5).",
                      options.text("a_bounds")));
  settings.lowest_slope = bounds[0];
  settings.highest_slope = bounds[1];
}

FitFcSettings::Result result_named(std::string const& name) {
  if (name == "regression") return FitFcSettings::Result::regression;
  return name == "filtered" ? FitFcSettings::Result::filtered : FitFcSettings::Result::complete;
}

}  // namespace

double number_or_auto(ModelOptions const& options, std::string const& name, double lowest, double highest,
                      double automatic) {
  return options.text(name) == "auto" ? automatic : options.number(name, lowest, highest);
}

int integer_or_auto(ModelOptions const& options, std::string const& name, int lowest, int highest,
                    int automatic) {
  return options.text(name) == "auto" ? automatic : options.integer(name, lowest, highest);
}

std::vector<int> named_bands(std::string const& key, std::vector<std::string> const& words,
                             std::vector<std::string> const& bands) {
  std::vector<int> indices;
  if (words.size() == 1 && words.front() == "all") {
    indices.resize(bands.size());
    std::iota(indices.begin(), indices.end(), 0);
  } else {
    for (std::string const& word : words) {
      auto const found = std::ranges::find(bands, word);
      require(found != bands.end(), ErrorKind::config,
              fmt::format("{} names {}, which is no band of this cube. Use 'all' or some of: {}.", key, word,
                          fmt::join(bands, ", ")));
      indices.push_back(static_cast<int>(std::distance(bands.begin(), found)));
    }
  }
  require(!indices.empty(), ErrorKind::config, key + " is empty. Use 'all' or names of bands of the cube.");
  return indices;
}

int half_of_window(std::string const& key, int window) {
  require(window % 2 == 1, ErrorKind::config, fmt::format("{} = {} (must be odd).", key, window));
  return (window - 1) / 2;
}

std::vector<OptionSpec> const& fitfc_options() {
  static std::vector<OptionSpec> const options = {
      {"preset", "default",
       "default | landsat-modis (window 41, 20 similar pixels, red and nir): what 'auto' stands for below"},
      {"regression", "1", "r: the regression sees (2 r + 1)^2 coarse cells"},
      {"window", "auto", "full width of the window of similar pixels, px, odd; auto: 31"},
      {"similar", "auto", "n: similar pixels taken; auto: 30"},
      {"distance", "auto", "kappa: distance at which a weight is halved, px; auto: half the window's width"},
      {"similarity_bands", "auto", "all, or names of bands that are compared; auto: all"},
      {"var_min", "1", "variance of coarse cells below which the slope is 1, DN^2"},
      {"ridge", "0", "DN; draws slopes toward 1 where coarse cells differ by less (25 is a good value)"},
      {"a_bounds", "none", "none, or the lowest and the highest slope"},
      {"borrow", "false", "predict cells without a coarse value from the regression of their neighbours"},
      {"result", "complete",
       "complete | filtered (without residual) | regression (without filter and residual)"},
  };
  return options;
}

FitFcSettings::FitFcSettings(ModelSettings const& settings) {
  ModelOptions const options("fitfc", fitfc_options(), settings.options);
  bool const landsat_modis = options.choice("preset", {"default", "landsat-modis"}) == "landsat-modis";
  int const width = integer_or_auto(options, "window", 1, largest_window, landsat_modis ? 41 : 31);
  window.half_px = half_of_window("fitfc.window", width);
  window.wanted = integer_or_auto(options, "similar", 1, 1000, landsat_modis ? 20 : 30);
  window.distance_px = number_or_auto(options, "distance", 1e-3, 1e6, width / 2.0);
  regression = options.integer("regression", 0, 10);
  auto words = options.words("similarity_bands");
  if (words.size() == 1 && words.front() == "auto")
    words = landsat_modis ? std::vector<std::string>{"red", "nir"} : std::vector<std::string>{"all"};
  similarity_bands = named_bands("fitfc.similarity_bands", words, settings.bands);
  least_variance = options.number("var_min", 0, 1e12);
  double const ridge_dn = options.number("ridge", 0, 1e6);
  ridge = ridge_dn * ridge_dn;
  read_bounds(options, *this);
  borrow = options.flag("borrow");
  result = result_named(options.choice("result", {"complete", "filtered", "regression"}));
}

}  // namespace stfcube
