#include "stfcube/models/deep/network_entry.hpp"

#include <fmt/format.h>

#include "stfcube/models/deep/network_model.hpp"
#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/shipped_weights.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

std::vector<OptionSpec> const uses = {
    {"combine", "tempchange",
     "networks of one pair, with pairs on both sides: tempchange (small coarse change wins), time (inverse "
     "distance in "
     "days), or nearest (one pair alone)"},
};

/// Of networks that begin with noise.
std::vector<OptionSpec> const sampling_uses = {
    {"sampling_steps", "4", "how often the network is asked on the way from noise to the image"},
    {"members", "1",
     "images from noise of their own: their mean is the result, their spread part of its uncertainty"},
    {"seed", "0", "number that decides the noise"},
};

/// Options of the structure have no default of their own: the weight file says what they are.
std::vector<OptionSpec> options_of(nn::NetworkDescription const& network) {
  std::vector<OptionSpec> options;
  for (OptionSpec const& option : network.options)
    options.push_back({option.name, "",
                       option.default_value.empty()
                           ? option.help
                           : fmt::format("{} (of new weights: {})", option.help, option.default_value)});
  options.insert(options.end(), uses.begin(), uses.end());
  if (network.samples) options.insert(options.end(), sampling_uses.begin(), sampling_uses.end());
  return options;
}

Combine combine_named(std::string const& name) {
  if (name == "time") return Combine::time;
  return name == "nearest" ? Combine::nearest : Combine::temporal_change;
}

/// The options of the network's structure that the job gives.
std::map<std::string, std::string> structure(nn::NetworkDescription const& network,
                                             std::map<std::string, std::string> const& given) {
  std::map<std::string, std::string> options;
  for (OptionSpec const& option : network.options) {
    auto const found = given.find(network.name + "." + option.name);
    if (found != given.end() && !found->second.empty()) options.insert(*found);
  }
  return options;
}

/// Whether weights that were trained at this ratio ("16", or a range "8-20") are meant for another one.
bool is_other_ratio(std::string const& trained, int ratio) {
  auto const parts = split(trained, '-');
  auto const lowest = parse_integer(parts.front()), highest = parse_integer(parts.back());
  return lowest && highest && (ratio < *lowest || ratio > *highest);
}

std::unique_ptr<FusionModel> make_network_model(nn::NetworkDescription const& network,
                                                ModelSettings const& settings) {
  ModelOptions const options(network.name, options_of(network), settings.options);
  NetworkUse use{.combine = combine_named(options.choice("combine", {"tempchange", "time", "nearest"}))};
  if (network.samples) {
    use.sampling_steps = options.integer("sampling_steps", 1, 100);
    use.members = options.integer("members", 1, 1000);
    use.seed = static_cast<std::uint64_t>(options.integer("seed", 0, 2147483647));
  }
  auto const weights = settings.weights.empty() ? shipped_weights(network.name) : settings.weights;
  require(
      !weights.empty(), ErrorKind::config,
      fmt::format("model.weights is missing: {0} is a network and needs a file of weights. Train them "
                  "('stfcube train'), take over published ones ('stfcube import-weights'), or give a file: "
                  "model.weights = {0}.safetensors.",
                  network.name));
  auto predictor = nn::load_predictor({.file = weights,
                                       .network = network.name,
                                       .bands = settings.bands,
                                       .ratio = settings.ratio,
                                       .options = structure(network, settings.options)});
  if (is_other_ratio(predictor->card().ratio, settings.ratio)) {
    log::warning(fmt::format(
        "the weights of {} were trained at the ratio {}, but the job's is {}: expect them to do worse",
        weights.string(), predictor->card().ratio, settings.ratio));
  }
  return std::make_unique<NetworkModel>(settings, use, std::move(predictor));
}

ModelEntry entry_of(nn::NetworkDescription const& network) {
  bool const reading = network.evidence == nn::Evidence::reading;
  return {.summary = network.summary + (reading ? " (" + nn::evidence_text(network.evidence) + ")" : ""),
          .options = options_of(network),
          .make = [network](ModelSettings const& settings) { return make_network_model(network, settings); },
          .describe =
              [network](ModelSettings const& settings) {
                return network_model_info(nn::describe_network(
                    network.name, {static_cast<int>(settings.bands.size()), settings.ratio},
                    structure(network, settings.options)));
              }};
}

/// A network that comes with its file: options say what the file does not.
ModelEntry torchscript_entry() {
  nn::NetworkDescription const network{
      .name = nn::torchscript_name,
      .summary = "a TorchScript module, a program that is run from a file that you trust",
      .evidence = nn::Evidence::published_code,
      .options = {{"form", "", "fine_and_target, one_pair or two_pairs: the images that forward takes"},
                  {"bands", "", "names in the order of the channels"},
                  {"radius", "", "local modules: receptive radius, px"},
                  {"patch", "", "others: side of a patch, px"},
                  {"stride", "", "others: distance of patches, px"},
                  {"align", "", "blocks begin at multiples of this, px"},
                  {"scaling", "", "unit: reflectance; symmetric: 2 x reflectance - 1"}}};
  ModelEntry entry = entry_of(network);
  entry.describe = [](ModelSettings const& settings) {
    nn::NetworkInfo info;
    info.name = nn::torchscript_name;
    info.title = "TorchScript module";
    info.citation = "what its authors say";
    info.bands = static_cast<int>(settings.bands.size());
    return network_model_info(info);
  };
  return entry;
}

}  // namespace

std::map<std::string, ModelEntry> network_entries() {
  std::map<std::string, ModelEntry> entries;
  auto const networks = nn::network_list();
  for (nn::NetworkDescription const& network : networks) entries.emplace(network.name, entry_of(network));
  if (!networks.empty()) entries.emplace(nn::torchscript_name, torchscript_entry());
  return entries;
}

}  // namespace stfcube
