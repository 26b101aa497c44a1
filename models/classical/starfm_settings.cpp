#include "stfcube/models/classical/starfm_settings.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

/// Indices inside a block of raster rows are 16 bits wide.
constexpr int largest_window = 201;

double positive_number(std::string const& key, std::string const& word) {
  auto const value = parse_double(word);
  require(value && *value > 0 && *value <= 1e6, ErrorKind::config,
          fmt::format("{} = {} (must be 'auto' or a positive number).", key, word));
  return *value;
}

/// "auto", one number for all bands, or one per band.
std::vector<double> band_uncertainties(ModelOptions const& options, std::string const& name,
                                       std::vector<std::string> const& bands) {
  auto const words = options.words(name);
  std::string const key = "starfm." + name;
  require(words.size() == 1 || words.size() == bands.size(), ErrorKind::config,
          fmt::format("{} has {} values for {} bands. Give 'auto', one number, or one per band.", key,
                      words.size(), bands.size()));
  std::vector<double> values;
  for (std::size_t b = 0; b < bands.size(); ++b) {
    std::string const& word = words[words.size() == 1 ? 0 : b];
    values.push_back(word == "auto" ? observation_uncertainty_dn(bands[b]) : positive_number(key, word));
  }
  return values;
}

std::vector<int> band_indices(std::vector<std::string> const& words, std::vector<std::string> const& bands) {
  std::vector<int> indices;
  if (words.size() == 1 && words.front() == "own") return indices;
  for (std::string const& word : words) {
    auto const found = std::ranges::find(bands, word);
    require(found != bands.end(), ErrorKind::config,
            fmt::format(
                "starfm.similarity_bands names {}, which is no band of this cube. Use 'own' or some of: {}.",
                word, fmt::join(bands, ", ")));
    indices.push_back(static_cast<int>(std::distance(bands.begin(), found)));
  }
  require(!indices.empty(), ErrorKind::config,
          "starfm.similarity_bands is empty. Use 'own' or names of bands of the cube.");
  return indices;
}

std::optional<bool> automatic_flag(ModelOptions const& options, std::string const& name) {
  if (options.text(name) == "auto") return std::nullopt;
  return options.flag(name);
}

int window_of(ModelOptions const& options, bool usda) {
  int const window = options.integer("window", 1, largest_window);
  require(
      usda || window % 2 == 1, ErrorKind::config,
      fmt::format("starfm.window = {} (must be odd; only starfm.profile = usda takes an even one).", window));
  return window;
}

}  // namespace

std::vector<OptionSpec> const& starfm_options() {
  static std::vector<OptionSpec> const options = {
      {"window", "51", "full width of the window, px; odd, up to 201 (usda: also even)"},
      {"slices", "40", "m: similar means |F - F0| <= 2 sigma / m, sigma of the whole scene or of zones"},
      {"distance", "auto", "A: distance at which 1 + d/A is 2, px; auto: half the window"},
      {"sigma_fine", "auto",
       "uncertainty of the fine sensor, DN; auto (20 visible, 50 others), one number, or one per band"},
      {"sigma_coarse", "auto", "uncertainty of the coarse sensor, DN; as sigma_fine"},
      {"filter", "or", "or | and: a neighbour passes one or both of the spectral and temporal tests"},
      {"use_t", "auto", "auto | on | off: temporal difference in the weight; auto: where two pairs are used"},
      {"log", "false", "logarithmic weights"},
      {"centre", "min", "min | max over the pairs of the differences at the centre"},
      {"coarse", "nearest", "nearest | bilinear: how coarse images come to the fine grid"},
      {"similarity_bands", "own", "own, or names of bands that must all be similar"},
      {"pairs", "2", "1: the nearest valid pair in time; 2: the nearest before and the nearest after"},
      {"profile", "default", "default | usda: usda follows the reference program StarFM 1.2.1"},
  };
  return options;
}

StarfmSettings::StarfmSettings(ModelSettings const& settings) {
  ModelOptions const options("starfm", starfm_options(), settings.options);
  usda = options.choice("profile", {"default", "usda"}) == "usda";
  window = window_of(options, usda);
  slices = options.integer("slices", 1, 100000);
  double const half_window = usda ? window / 2.0 : (window - 1) / 2.0;
  std::string const& distance = options.text("distance");
  distance_px =
      distance == "auto" ? std::max(half_window, 1.0) : positive_number("starfm.distance", distance);
  both_tests = options.choice("filter", {"or", "and"}) == "and";
  use_t = automatic_flag(options, "use_t");
  log_weights = options.flag("log");
  centre_max = options.choice("centre", {"min", "max"}) == "max";
  bilinear = options.choice("coarse", {"nearest", "bilinear"}) == "bilinear";
  zone_px = settings.zone_px;
  pairs = options.integer("pairs", 1, 2);
  similarity_bands = band_indices(options.words("similarity_bands"), settings.bands);
  sigma_fine = band_uncertainties(options, "sigma_fine", settings.bands);
  sigma_coarse = band_uncertainties(options, "sigma_coarse", settings.bands);
}

StarfmThresholds::StarfmThresholds(double sigma_fine, double sigma_coarse, bool truncated) {
  double const fine = sigma_fine * sigma_fine;
  double const coarse = sigma_coarse * sigma_coarse;
  spectral = std::sqrt(fine + coarse);
  temporal = std::sqrt(2 * coarse);
  combined = std::sqrt(fine + 3 * coarse);
  variance = fine + 2 * coarse;
  if (!truncated) return;
  spectral = std::trunc(spectral);
  temporal = std::trunc(temporal);
  combined = std::trunc(std::sqrt(spectral * spectral + temporal * temporal));
}

int starfm_similar_dn(double sigma, StarfmSettings const& settings) {
  if (!std::isfinite(sigma)) return -1;
  double const limit = settings.usda ? std::floor(2 * std::trunc(sigma) / settings.slices + 0.5) - 1
                                     : std::floor(2 * sigma / settings.slices);
  return static_cast<int>(std::min(limit, 65534.0));
}

}  // namespace stfcube
