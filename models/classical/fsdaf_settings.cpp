#include "stfcube/models/classical/fsdaf_settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "stfcube/models/classical/thin_plate_spline.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

constexpr int largest_window = 201;

SpatialKernel kernel_named(std::string const& name) {
  if (name == "bicubic") return SpatialKernel::bicubic;
  if (name == "bilinear") return SpatialKernel::bilinear;
  return name == "idw" ? SpatialKernel::idw : SpatialKernel::tps_local;
}

/// Two ascending numbers from 0 to 1.
std::pair<double, double> quantiles_of(ModelOptions const& options) {
  auto const words = options.words("quantiles");
  std::vector<double> values;
  for (auto const& word : words) values.push_back(parse_double(word).value_or(-1));
  require(values.size() == 2 && values[0] >= 0 && values[0] < values[1] && values[1] <= 1, ErrorKind::config,
          fmt::format("fsdaf.quantiles = {} (must be two ascending numbers from 0 to 1).",
                      options.text("quantiles")));
  return {values[0], values[1]};
}

}  // namespace

std::vector<OptionSpec> const& fsdaf_options() {
  static std::vector<OptionSpec> const options = {
      {"classes", "5", "k of k-means, 1 to 64; a class map (inputs.classes) takes its place"},
      {"sample", "1", "k-means looks at one of so many pixels; more than 1 for very large areas"},
      {"purest", "100", "purest coarse cells of each class that its change is found from"},
      {"quantiles", "0.1 0.9",
       "coarse changes of the purest cells that are kept; 0.25 0.75 where much changes"},
      {"homogeneity", "auto", "half window of the homogeneity index, px; auto: half a coarse pixel"},
      {"window", "41", "full width of the window of similar pixels, px; odd, 3 to 201"},
      {"similar", "20", "similar pixels that are averaged"},
      {"weight_cap", "10", "weights of the residual in a cell above this become 1"},
      {"spatial", "tps_local",
       "spatial prediction: tps_local (local thin-plate splines), bicubic, bilinear or idw"},
      {"reach", "3", "tps_local: cells on each side of one that its spline runs through, 1 to 5"},
  };
  return options;
}

FsdafSettings::FsdafSettings(ModelSettings const& settings) {
  ModelOptions const options("fsdaf", fsdaf_options(), settings.options);
  ratio = settings.ratio;
  class_map = settings.class_map;
  classes = options.integer("classes", 1, 64);
  sample = options.integer("sample", 1, 1000000);
  purest = options.integer("purest", 1, 1000000);
  std::tie(lowest_quantile, highest_quantile) = quantiles_of(options);
  homogeneity_px = options.text("homogeneity") == "auto" ? ratio / 2 : options.integer("homogeneity", 0, 200);
  int const window = options.integer("window", 3, largest_window);
  require(window % 2 == 1, ErrorKind::config, fmt::format("fsdaf.window = {} (must be odd).", window));
  window_px = window / 2;
  similar = options.integer("similar", 1, 1000);
  weight_cap = options.number("weight_cap", 1, 1e9);
  kernel = kernel_named(options.choice("spatial", {"tps_local", "bicubic", "bilinear", "idw"}));
  reach = options.integer("reach", 1, ThinPlateSpline::most_reach);
  require(kernel != SpatialKernel::tps_local || ratio <= ThinPlateSpline::most_ratio, ErrorKind::config,
          fmt::format("grid.ratio = {} is too large for fsdaf.spatial = tps_local (at most {}). Use bicubic.",
                      ratio, ThinPlateSpline::most_ratio));
}

int FsdafSettings::kernel_cells() const {
  switch (kernel) {
    case SpatialKernel::tps_local:
      return reach + 1;
    case SpatialKernel::bilinear:
      return 1;
    default:
      return 2;
  }
}

Support FsdafSettings::support() const {
  // Pixels of a window lie in cells that may begin ratio - 1 px further out; all pixels of these cells count,
  // each with its homogeneity. What the halo reaches into beyond them saves cells of the kernel.
  int const beyond = ratio - 1 + homogeneity_px;
  return {.halo_px = window_px + beyond,
          .halo_cells = std::max(0, kernel_cells() - beyond / ratio),
          .lattice_px = 1};
}

}  // namespace stfcube
