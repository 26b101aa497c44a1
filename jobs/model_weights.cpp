#include "stfcube/jobs/model_weights.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/models/registry.hpp"
#include "stfcube/models/shipped_weights.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

std::string file_sha256(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  require(file.good(), ErrorKind::io, fmt::format("model.weights = {} cannot be opened.", path.string()));
  Sha256 hash;
  std::vector<char> piece(1 << 20);
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hash.add(std::string_view(piece.data(), static_cast<std::size_t>(file.gcount())));
  }
  require(file.eof(), ErrorKind::io, fmt::format("model.weights = {} cannot be read.", path.string()));
  return hash.hex();
}

/// The file that the job names, else the one that comes with stfcube for its network; empty when there is
/// neither.
std::filesystem::path weights_of(KeyValues& values, std::filesystem::path const& folder) {
  auto& given = values["model.weights"];
  if (given.empty() || given.front().empty()) {
    auto const name = values.find("model.name");
    auto const shipped =
        name == values.end() ? std::filesystem::path() : shipped_weights(name->second.front());
    if (shipped.empty()) {
      if (given.empty()) values.erase("model.weights");
      return {};
    }
    given = {shipped.string()};
  }
  return folder / given.front();
}

}  // namespace

KeyValues with_weights(KeyValues values, std::filesystem::path const& folder) {
  std::filesystem::path const path = weights_of(values, folder);
  if (path.empty()) return values;
  std::string const found = file_sha256(path);
  auto& expected = values["model.weights_sha256"];
  require(expected.empty() || expected.front() == found, ErrorKind::config,
          fmt::format("model.weights_sha256 = {} is not that of {}, which is {}. Give the file that was "
                      "meant, or leave the "
                      "checksum out.",
                      expected.empty() ? "" : expected.front(), path.string(), found));
  expected = {found};
  auto& name = values["model.name"];
  if (name.empty()) name = {nn::read_model_card(path).network};
  auto const method = model_registry().find(name.front());
  require(method == model_registry().end() || method->second.needs_weights(), ErrorKind::config,
          fmt::format("model.weights = {} is for networks, but model.name = {} is a method without weights. "
                      "Leave one of the two out.",
                      path.string(), name.front()));
  return values;
}

}  // namespace stfcube
