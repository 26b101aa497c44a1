#pragma once

#include <filesystem>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace stfcube {

struct ImportWeightsSettings {
  std::filesystem::path file;                  ///< a PyTorch checkpoint (.pth, .pt) or a safetensors file
  std::filesystem::path out;                   ///< .safetensors
  std::string network;                         ///< "edcstfn"
  std::map<std::string, std::string> options;  ///< of the network: "edcstfn.width" -> "32"
  std::vector<std::string> bands;              ///< names in the order of the channels
  int ratio = 16;                              ///< coarse pixel / fine pixel the weights were trained at
  std::string key;                             ///< which state dict, when the file has several
  std::string licence, source, training_data, metrics;  ///< for the model card
};

/// Turns published weights into a weight file of stfcube, with a model card, and tells on `out` what was
/// done. Nothing in the published file is executed.
/// @throws Error(config) for an unknown network or option, or when the key is needed; Error(data) when the
/// file is damaged,
///         asks for code, or does not fit the network, with what would; Error(io)
void import_weights(ImportWeightsSettings const& settings, std::ostream& out);

}  // namespace stfcube
