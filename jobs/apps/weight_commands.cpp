#include <sstream>

#include <fmt/format.h>

#include "stfcube/jobs/apps/commands.hpp"
#include "stfcube/jobs/import_weights.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

using Words = std::vector<std::string>;

/// "width=16" or "edcstfn.width=16" of each word.
std::map<std::string, std::string> network_options(std::string const& network, Words const& words) {
  std::map<std::string, std::string> options;
  for (std::string const& word : words) {
    std::size_t const equals = word.find('=');
    require(
        equals != std::string::npos && equals > 0, ErrorKind::config,
        fmt::format("--option {} (must be NAME=VALUE; 'stfcube models {}' lists the names).", word, network));
    std::string const name = word.substr(0, equals);
    options[name.starts_with(network + ".") ? name : network + "." + name] = word.substr(equals + 1);
  }
  return options;
}

ImportWeightsSettings import_settings(CommandArguments const& a) {
  ImportWeightsSettings s;
  s.file = a.positional();
  require(a.has("network") && a.has("out"), ErrorKind::config,
          "'stfcube import-weights' needs --network NAME and --out FILE.safetensors. 'stfcube models' lists "
          "the networks.");
  s.network = a.text("network");
  s.out = a.text("out");
  s.options = network_options(s.network, a.list("option"));
  for (std::string const& names : a.has("bands") ? a.list("bands") : Words{a.text("bands")}) {
    for (std::string const& name : split_words(names)) s.bands.push_back(name);
  }
  s.ratio = a.integer("ratio", 1, 1000);
  s.key = a.text("key");
  s.licence = a.text("licence");
  s.source = a.text("source");
  s.training_data = a.text("training-data");
  s.metrics = a.text("metrics");
  return s;
}

int run_import_weights(CommandArguments const& arguments, Words const&, Communicator const& comm) {
  std::ostringstream text;
  comm.together([&] {
    if (comm.is_root()) import_weights(import_settings(arguments), text);
  });
  fmt::print("{}", text.str());
  return 0;
}

CommandSyntax import_weights_syntax() {
  return {"import-weights",
          "FILE",
          "Turns published network weights (.pth, .pt, .safetensors) into a weight file with a model card. "
          "Executes nothing in them.",
          {{"network", "NAME", "the network they are for; 'stfcube models' lists them"},
           {"out", "FILE", "the weight file, .safetensors"},
           {"bands", "NAMES", "bands in the order of the channels", "blue green red nir swir1 swir2", false,
            true},
           {"ratio", "N", "coarse pixel / fine pixel they were trained at", "16"},
           {"option", "NAME=VALUE", "option of the network's structure; may be repeated", "", true, true},
           {"key", "NAME", "which state dict, when the file has several"},
           {"licence", "TEXT", "for the model card"},
           {"source", "TEXT", "for the model card: publication, address"},
           {"training-data", "TEXT", "for the model card"},
           {"metrics", "TEXT", "for the model card"}}};
}

}  // namespace

std::vector<Command> weight_commands() {
  return {{import_weights_syntax(), run_import_weights}};
}

}  // namespace stfcube
