#include "stfcube/models/classical/vipstf_settings.hpp"

#include "stfcube/models/classical/fitfc_settings.hpp"

namespace stfcube {
namespace {

constexpr int most_map_classes = 64;
constexpr int largest_window = 2 * SimilarWindow::largest_half_px + 1;

Negative negative_named(std::string const& name) {
  if (name == "allow") return Negative::allow;
  return name == "forbid" ? Negative::forbid : Negative::forbid_when_noisy;
}

}  // namespace

std::vector<OptionSpec> const& vipstf_options() {
  static std::vector<OptionSpec> const options = {
      {"version", "sw",
       "sw: similar pixels spread the residual; su: it is unmixed into classes of the nearest fine image"},
      {"pairs", "2",
       "K: pairs combined at most, 1 to 4; the nearest valid ones, of both sides of the target in turn"},
      {"regression", "global",
       "global: one combination for the scene (or interpolated between zones); local: one for each coarse "
       "cell"},
      {"local_window", "25", "full width of the window of a local regression, coarse cells, odd"},
      {"negative", "auto",
       "negative factors: allow, forbid, or auto (forbid where the noise would grow by more than 1.5)"},
      {"window", "65", "full width of the window of similar pixels, px, odd"},
      {"similar", "30", "n: similar pixels taken"},
      {"distance", "auto", "kappa: distance at which a weight is halved, px; auto: half the window's width"},
      {"similarity_bands", "all", "all, or names of bands that are compared"},
      {"filter_all", "false", "average the virtual image over similar pixels too, not only the residual"},
      {"classes", "5", "su: number of classes (k-means); a class map of the job takes its place"},
      {"sample", "1", "su: k-means looks at one of so many pixels"},
      {"radius", "4", "su: half size of the window of unmixing, coarse cells"},
      {"ridge", "1", "su: weight of no residual at all, in cells that hold one class alone"},
  };
  return options;
}

VipstfSettings::VipstfSettings(ModelSettings const& settings) {
  ModelOptions const options("vipstf", vipstf_options(), settings.options);
  pairs = options.integer("pairs", 1, 4);
  bool const is_local = options.choice("regression", {"global", "local"}) == "local";
  int const local_window = half_of_window("vipstf.local_window", options.integer("local_window", 3, 201));
  local = is_local ? local_window : 0;
  negative = negative_named(options.choice("negative", {"auto", "allow", "forbid"}));
  int const width = options.integer("window", 1, largest_window);
  window.half_px = half_of_window("vipstf.window", width);
  window.wanted = options.integer("similar", 1, 1000);
  window.distance_px = number_or_auto(options, "distance", 1e-3, 1e6, width / 2.0);
  similarity_bands =
      named_bands("vipstf.similarity_bands", options.words("similarity_bands"), settings.bands);
  filter_all = options.flag("filter_all");
  unmixed = options.choice("version", {"sw", "su"}) == "su";
  fine_classes = {.subject = "vipstf/classes",
                  .classes = options.integer("classes", 1, 32),
                  .sample = options.integer("sample", 1, 1000000),
                  .class_map = settings.class_map};
  classes = settings.class_map ? most_map_classes : fine_classes.classes;
  radius = options.integer("radius", 0, 50);
  ridge = options.number("ridge", 0, 1e9);
  if (unmixed) window = {.half_px = 0, .wanted = 1, .distance_px = 1};
}

}  // namespace stfcube
