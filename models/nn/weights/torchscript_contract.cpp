#include "stfcube/models/nn/weights/torchscript_contract.hpp"

#include <algorithm>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {
namespace {

using Settings = std::map<std::string, std::string>;

std::vector<std::string> const names{"form", "bands", "radius", "patch", "stride", "align", "scaling"};

constexpr int largest_px = 1 << 16;

[[noreturn]] void refuse(std::string const& problem) {
  throw Error(ErrorKind::config, "the input contract of the TorchScript module " + problem +
                                     " docs/weights.md shows how it is written.");
}

void check_names(Settings const& settings) {
  for (auto const& [name, value] : settings) {
    if (std::ranges::find(names, name) != names.end()) continue;
    auto const near = nearest_word(name, names);
    refuse("has a setting '" + name + "' that is not known." + (near ? " Did you mean " + *near + "?" : ""));
  }
}

std::string text_of(Settings const& settings, std::string const& name) {
  auto const found = settings.find(name);
  return found == settings.end() ? std::string() : found->second;
}

int pixels(Settings const& settings, std::string const& name, int lowest) {
  auto const value = parse_integer(text_of(settings, name));
  if (!value || *value < lowest || *value > largest_px) {
    refuse("has " + name + " = " + text_of(settings, name) + " (must be a whole number from " +
           std::to_string(lowest) + " to " + std::to_string(largest_px) + ").");
  }
  return static_cast<int>(*value);
}

NetworkForm form_of(std::string const& text) {
  if (text == "fine_and_target") return NetworkForm::fine_and_target;
  if (text == "one_pair") return NetworkForm::one_pair;
  if (text == "two_pairs") return NetworkForm::two_pairs;
  refuse("has form = " + text + " (must be fine_and_target, one_pair or two_pairs).");
}

}  // namespace

Settings contract_settings(std::string const& text) {
  Settings settings;
  for (std::string const& line : split(text, '\n')) {
    std::string_view const content = trim(line);
    if (content.empty() || content.front() == '#') continue;
    std::size_t const equals = content.find('=');
    if (equals == std::string_view::npos) refuse("has the line '" + std::string(content) + "' without =.");
    settings[std::string(trim(content.substr(0, equals)))] = trim(content.substr(equals + 1));
  }
  return settings;
}

TorchScriptContract torchscript_contract(Settings const& settings) {
  check_names(settings);
  TorchScriptContract contract;
  contract.form = form_of(text_of(settings, "form"));
  contract.bands = split_words(text_of(settings, "bands"));
  if (contract.bands.empty()) refuse("names no bands.");
  if (settings.contains("radius") == settings.contains("patch"))
    refuse("must say either radius, or patch and stride.");
  if (settings.contains("radius")) {
    contract.radius_px = pixels(settings, "radius", 0);
  } else {
    contract.path = InferencePath::lattice;
    contract.patch_px = pixels(settings, "patch", 1);
    contract.stride_px = pixels(settings, "stride", 1);
    if (contract.stride_px > contract.patch_px) refuse("has a stride larger than its patch.");
  }
  if (settings.contains("align")) contract.align_px = pixels(settings, "align", 1);
  if (settings.contains("scaling")) contract.scaling = settings.at("scaling");
  if (contract.scaling != "unit" && contract.scaling != "symmetric") {
    refuse("has scaling = " + contract.scaling + " (must be unit or symmetric).");
  }
  return contract;
}

}  // namespace stfcube::nn
