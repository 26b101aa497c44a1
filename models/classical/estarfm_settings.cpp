#include "stfcube/models/classical/estarfm_settings.hpp"

#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

/// Indices inside the raster of a block are 16 bits wide.
constexpr int largest_window = 201;

constexpr int kept_by_fast = 20;

/// "auto", or two numbers.
std::pair<double, double> range_of(ModelOptions const& options, Quantity const& quantity) {
  auto const words = options.words("range");
  if (words.size() == 1 && words.front() == "auto") return {quantity.lowest, quantity.highest};
  bool const readable = words.size() == 2 && parse_double(words[0]) && parse_double(words[1]);
  std::pair<double, double> range;
  if (readable) range = {parse_double(words[0]).value_or(0), parse_double(words[1]).value_or(0)};
  require(readable && range.first < range.second, ErrorKind::config,
          fmt::format("estarfm.range = {} (must be 'auto' or two ascending numbers in DN).",
                      options.text("range")));
  return range;
}

}  // namespace

std::vector<OptionSpec> const& estarfm_options() {
  static std::vector<OptionSpec> const options = {
      {"window", "51", "full width of the window, px; odd, up to 201"},
      {"classes", "4", "m: similar means |F - F0| <= 2 sigma / m in all bands, sigma of the whole scene"},
      {"least", "6", "fewer similar pixels than this: increment of the window's means"},
      {"fast", "false", "only the 20 most similar pixels"},
      {"v", "on", "on | off: coefficient that turns coarse into fine change; off: 1"},
      {"v_scope", "window", "window | coarse_pixel: where the coefficient is fitted"},
      {"v_change", "200", "coarse change between the pairs, DN, from which on the coefficient is fitted"},
      {"unbiased", "false",
       "remove the difference between the sensors' means (for temperature and the like)"},
      {"single_pair", "none", "none | starfm: pixels with one valid pair"},
      {"coarse", "bilinear", "bilinear | nearest: how coarse images come to the fine grid"},
      {"range", "auto",
       "auto (the quantity's) or two numbers, DN: predictions not strictly inside are replaced"},
  };
  return options;
}

EstarfmSettings::EstarfmSettings(ModelSettings const& settings) {
  ModelOptions const options("estarfm", estarfm_options(), settings.options);
  window = options.integer("window", 1, largest_window);
  require(window % 2 == 1, ErrorKind::config, fmt::format("estarfm.window = {} (must be odd).", window));
  classes = options.integer("classes", 1, 100000);
  least = options.integer("least", 2, 100000);
  kept = options.flag("fast") ? kept_by_fast : 0;
  convert = options.flag("v");
  convert_cell = options.choice("v_scope", {"window", "coarse_pixel"}) == "coarse_pixel";
  least_change = options.number("v_change", 0, 65535);
  unbiased = options.flag("unbiased");
  single_starfm = options.choice("single_pair", {"none", "starfm"}) == "starfm";
  bilinear = options.choice("coarse", {"bilinear", "nearest"}) == "bilinear";
  std::tie(lowest, highest) = range_of(options, settings.quantity);
  for (std::string const& band : settings.bands) sigma.push_back(observation_uncertainty_dn(band));
}

}  // namespace stfcube
