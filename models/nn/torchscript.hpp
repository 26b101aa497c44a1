#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "stfcube/models/nn/network.hpp"
#include "stfcube/models/nn/weights/torchscript_contract.hpp"

namespace stfcube::nn {

/// A TorchScript module as a network, and what it says about itself.
struct TorchScriptModule {
  std::shared_ptr<Network> network;
  TorchScriptContract contract;
};

/// A network that is a TorchScript module, with the input contract of torchscript_contract.hpp. A TorchScript
/// archive is a program: it may do whatever LibTorch's operators can, reading and writing files among it. Run
/// only what you trust.
///
/// The module is frozen, without rewriting its arithmetic, and runs on the CPU. The profiling executor is
/// switched off for the whole process: what it makes of a module depends on the calls before. `predict` is
/// thread-safe.
/// @param settings contract settings that win over those in the archive
/// @throws Error(data) when the file is no TorchScript archive, cannot be loaded, or its forward takes other
/// arguments;
///         Error(config) when the contract is incomplete or wrong. predict throws Error(model) when the
///         module fails or gives another shape or type than the contract says.
TorchScriptModule load_torchscript(std::filesystem::path const& path,
                                   std::map<std::string, std::string> const& settings = {});

}  // namespace stfcube::nn
