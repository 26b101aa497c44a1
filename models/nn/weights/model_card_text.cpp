#include "stfcube/models/nn/weights/model_card_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {
namespace {

struct TextEntry {
  char const* name;
  std::string ModelCard::*text;
};

constexpr std::array<TextEntry, 10> texts{{{"stfcube.network", &ModelCard::network},
                                           {"stfcube.ratio", &ModelCard::ratio},
                                           {"stfcube.scaling", &ModelCard::scaling},
                                           {"stfcube.training_data", &ModelCard::training_data},
                                           {"stfcube.metrics", &ModelCard::metrics},
                                           {"stfcube.sha256", &ModelCard::sha256},
                                           {"stfcube.licence", &ModelCard::licence},
                                           {"stfcube.source", &ModelCard::source},
                                           {"stfcube.version", &ModelCard::stfcube_version},
                                           {"stfcube.created", &ModelCard::created}}};

constexpr char const* format_name = "stfcube.format";
constexpr char const* format = "1";

/// The shortest text that is read back as the same number.
std::string number_text(double value) {
  std::array<char, 32> text{};
  auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string entry_of(std::map<std::string, std::string> const& metadata, std::string const& name) {
  auto const found = metadata.find(name);
  return found == metadata.end() ? std::string() : found->second;
}

void check(ModelCard const& card) {
  require(!card.network.empty() && !card.bands.empty(), ErrorKind::data,
          "the model card names no network or no bands.");
  require(card.scaling == "unit" || card.scaling == "symmetric", ErrorKind::data,
          "the model card has the scaling '" + card.scaling + "' (must be unit or symmetric).");
  require(std::isfinite(card.factor) && card.factor > 0, ErrorKind::data,
          "the model card has no positive factor.");
}

}  // namespace

std::map<std::string, std::string> metadata_of(ModelCard const& card) {
  check(card);
  std::map<std::string, std::string> metadata{{format_name, format},
                                              {"stfcube.factor", number_text(card.factor)}};
  for (TextEntry const& entry : texts) metadata[entry.name] = card.*entry.text;
  std::string& options = metadata["stfcube.options"];
  for (auto const& [name, value] : card.options)
    options += (options.empty() ? "" : "\n") + name + "=" + value;
  std::string& bands = metadata["stfcube.bands"];
  for (std::string const& band : card.bands) bands += (bands.empty() ? "" : " ") + band;
  return metadata;
}

std::optional<ModelCard> card_of(std::map<std::string, std::string> const& metadata) {
  std::string const version = entry_of(metadata, format_name);
  if (version.empty()) return std::nullopt;
  require(version == format, ErrorKind::data,
          "its model card has the format " + version + "; this stfcube knows " + format +
              ". Use a later stfcube.");
  ModelCard card;
  for (TextEntry const& entry : texts) card.*entry.text = entry_of(metadata, entry.name);
  card.factor = parse_double(entry_of(metadata, "stfcube.factor")).value_or(0);
  card.bands = split_words(entry_of(metadata, "stfcube.bands"));
  for (std::string const& line : split(entry_of(metadata, "stfcube.options"), '\n')) {
    if (line.empty()) continue;
    std::size_t const equals = line.find('=');
    require(equals != std::string::npos, ErrorKind::data,
            "the model card has an option without a value: " + line + ".");
    card.options[line.substr(0, equals)] = line.substr(equals + 1);
  }
  check(card);
  return card;
}

}  // namespace stfcube::nn
