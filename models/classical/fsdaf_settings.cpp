#include "stfcube/models/classical/fsdaf_settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "stfcube/models/classical/sfsdaf_fractions.hpp"
#include "stfcube/models/classical/thin_plate_spline.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

constexpr int largest_window = 201, default_window = 41;

SpatialKernel kernel_named(std::string const& name) {
  if (name == "bicubic") return SpatialKernel::bicubic;
  if (name == "bilinear") return SpatialKernel::bilinear;
  return name == "idw" ? SpatialKernel::idw : SpatialKernel::tps_local;
}

/// Two ascending numbers from 0 to 1.
std::pair<double, double> quantiles_of(ModelOptions const& options, FsdafVariant variant) {
  auto const words = options.words("quantiles");
  if (words == std::vector<std::string>{"auto"})
    return variant == FsdafVariant::sfsdaf ? std::pair{0.25, 0.75} : std::pair{0.1, 0.9};
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
      {"variant", "fsdaf", "fsdaf, or sfsdaf: fractions of classes inside pixels change too"},
      {"classes", "auto",
       "k of k-means, 1 to 64; a class map (inputs.classes) takes its place; auto: 5, sfsdaf 4"},
      {"sample", "1", "k-means looks at one of so many pixels; more than 1 for very large areas"},
      {"purest", "100",
       "purest coarse cells of each class that its change is found from; sfsdaf: its value, twice as many "
       "its "
       "change"},
      {"quantiles", "auto",
       "coarse changes of the purest cells that are kept; auto: 0.1 0.9, sfsdaf (of their size) 0.25 0.75"},
      {"homogeneity", "auto", "half window of the homogeneity index, px; auto: half a coarse pixel"},
      {"window", "auto",
       "full width of the window of similar pixels, px; odd, 3 to 201; auto: 41; sfsdaf: always a coarse "
       "pixel"},
      {"similar", "20", "similar pixels that are averaged"},
      {"weight_cap", "10", "weights of the residual in a cell above this become 1"},
      {"spatial", "auto",
       "spatial prediction: tps_local (local thin-plate splines), bicubic, bilinear or idw; auto: tps_local, "
       "sfsdaf bicubic"},
      {"reach", "3", "tps_local: cells on each side of one that its spline runs through, 1 to 5"},
  };
  return options;
}

FsdafSettings::FsdafSettings(ModelSettings const& settings) {
  ModelOptions const options("fsdaf", fsdaf_options(), settings.options);
  ratio = settings.ratio;
  class_map = settings.class_map;
  if (options.choice("variant", {"fsdaf", "sfsdaf"}) == "sfsdaf") variant = FsdafVariant::sfsdaf;
  bool const sub_pixel = variant == FsdafVariant::sfsdaf;
  assignments = sub_pixel ? 10 : 20;
  bool const auto_classes = options.text("classes") == "auto";
  classes = auto_classes ? (sub_pixel ? 4 : 5) : options.integer("classes", 1, 64);
  sample = options.integer("sample", 1, 1000000);
  endmember_purest = options.integer("purest", 1, 1000000);
  purest = sub_pixel ? 2 * endmember_purest : endmember_purest;
  std::tie(lowest_quantile, highest_quantile) = quantiles_of(options, variant);
  homogeneity_px = options.text("homogeneity") == "auto" ? ratio / 2 : options.integer("homogeneity", 0, 200);
  window_px = sub_pixel ? ratio / 2 : default_window / 2;
  if (options.text("window") != "auto") {
    int const window = options.integer("window", 3, largest_window);
    require(window % 2 == 1, ErrorKind::config, fmt::format("fsdaf.window = {} (must be odd).", window));
    require(!sub_pixel, ErrorKind::config,
            fmt::format("fsdaf.window = {} (the windows of sfsdaf are one coarse pixel: leave it auto).",
                        window));
    window_px = window / 2;
  }
  similar = options.integer("similar", 1, 1000);
  weight_cap = options.number("weight_cap", 1, 1e9);
  std::string const spatial = options.choice("spatial", {"auto", "tps_local", "bicubic", "bilinear", "idw"});
  kernel = kernel_named(spatial == "auto" && sub_pixel ? "bicubic" : spatial);
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
  // Changes of fractions look at two cells more.
  int const reach_px = variant == FsdafVariant::sfsdaf ? SubPixelChange::reach_px(ratio) : 0;
  int const beyond = ratio - 1 + std::max(homogeneity_px, reach_px);
  return {.halo_px = window_px + beyond,
          .halo_cells = std::max(0, kernel_cells() - beyond / ratio),
          .lattice_px = 1};
}

}  // namespace stfcube
