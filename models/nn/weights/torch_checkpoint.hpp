#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "stfcube/models/nn/weights/named_arrays.hpp"

namespace stfcube::nn {

/// A state dict as torch.save wrote it, alone or among other things.
struct TorchCheckpoint {
  std::string key;                    ///< where it was: "" = the file is the state dict, "model", "ema.model"
  NamedArrays arrays;                 ///< without the "module." of torch.nn.DataParallel
  std::vector<std::string> left_out;  ///< other state dicts in the file, as values for `key`
};

/// Reads the weights of a PyTorch checkpoint (.pth, .pt): the archives since PyTorch 1.6 and the files
/// before. Nothing in the file is executed (pickle_reader.hpp). Numbers become float32.
///
/// @param key  which state dict, when the file has several. Empty: the file itself when it is one, else the
/// only one, else the
///             only one with a usual name (state_dict, model_state_dict, model, generator, net, params)
/// @throws Error(data) when the file is damaged, asks for code, is a TorchScript module or something else;
/// Error(config) when
///         `key` is needed or names nothing, with the names that exist; Error(io) when it cannot be read
TorchCheckpoint read_torch_checkpoint(std::filesystem::path const& path, std::string const& key = {});

}  // namespace stfcube::nn
