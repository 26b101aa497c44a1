#include "stfcube/jobs/import_weights.hpp"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "stfcube/models/nn/api/weight_check.hpp"
#include "stfcube/models/nn/weights/torch_checkpoint.hpp"
#include "stfcube/models/nn/weights/weight_file.hpp"
#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

nn::TorchCheckpoint read_published(ImportWeightsSettings const& settings) {
  if (!nn::is_weight_file(settings.file)) return nn::read_torch_checkpoint(settings.file, settings.key);
  return {"", nn::read_weight_file(settings.file).arrays, {}};
}

nn::ModelCard card_of(ImportWeightsSettings const& settings, nn::NetworkInfo const& info,
                      nn::NamedArrays const& arrays) {
  nn::ModelCard card;
  card.network = settings.network;
  std::size_t const prefix = settings.network.size() + 1;
  for (auto const& [name, value] : settings.options) card.options[name.substr(prefix)] = value;
  card.bands = settings.bands;
  card.ratio = std::to_string(settings.ratio);
  card.scaling = info.scaling;
  card.training_data = settings.training_data;
  card.metrics = settings.metrics;
  card.sha256 = sha256_hex(nn::weight_data(arrays));
  card.licence = settings.licence;
  card.source = settings.source;
  card.stfcube_version = version();
  card.created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  return card;
}

std::string origin_text(ImportWeightsSettings const& settings, nn::TorchCheckpoint const& published) {
  std::string text = settings.file.string();
  if (!published.key.empty()) text += ", state dict '" + published.key + "'";
  if (!published.left_out.empty())
    text += fmt::format(" (left out: {})", fmt::join(published.left_out, ", "));
  return text;
}

}  // namespace

void import_weights(ImportWeightsSettings const& settings, std::ostream& out) {
  require(settings.out.extension() == ".safetensors", ErrorKind::config,
          fmt::format("--out {} (must end in .safetensors).", settings.out.string()));
  nn::NetworkShape const shape{.bands = static_cast<int>(settings.bands.size()), .ratio = settings.ratio};
  nn::NetworkInfo const info = nn::describe_network(settings.network, shape, settings.options);
  nn::TorchCheckpoint published = read_published(settings);
  std::erase_if(published.arrays, [](auto const& item) { return nn::is_derived(item.first); });
  try {
    nn::check_weights(settings.network, shape, settings.options, published.arrays);
  } catch (Error const& error) {
    throw error.with(settings.file.string());
  }
  nn::ModelCard const card = card_of(settings, info, published.arrays);
  nn::write_weight_file(settings.out, published.arrays, card);
  std::size_t numbers = 0;
  for (auto const& [name, array] : published.arrays) numbers += array.values.size();
  out << fmt::format("{}: {} arrays, {} numbers\n", origin_text(settings, published), published.arrays.size(),
                     numbers)
      << fmt::format("{}: {}, {} bands ({}), ratio {}, scaling {}\n", settings.network, info.title,
                     info.bands, fmt::join(settings.bands, " "), settings.ratio, info.scaling)
      << fmt::format("{}: written, SHA-256 of the numbers {}\n", settings.out.string(), card.sha256);
}

}  // namespace stfcube
