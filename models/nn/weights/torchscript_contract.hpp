#pragma once

#include <map>
#include <string>
#include <vector>

#include "stfcube/models/nn/api/network_info.hpp"

namespace stfcube::nn {

/// What a TorchScript module is called with and what may be relied on. Written "name = value", one per line,
/// in the extra file `stfcube.txt` of the module's archive, or given by options of the same names.
struct TorchScriptContract {
  /// form: the arguments of forward, each [N, B, H, W] float32 on the fine grid, as is the result.
  ///   fine_and_target: forward(fine_before, coarse_target)
  ///   one_pair:        forward(coarse_before, fine_before, coarse_target)
  ///   two_pairs:       forward(coarse_before, fine_before, coarse_target, coarse_after, fine_after)
  NetworkForm form = NetworkForm::one_pair;
  /// bands: names in the order of the channels.
  std::vector<std::string> bands;
  /// radius: for a local module; patch and stride: for one that sees whole patches.
  InferencePath path = InferencePath::local;
  int radius_px = 0, patch_px = 0, stride_px = 0;
  int align_px = 1;              ///< align: blocks begin at multiples of this
  std::string scaling = "unit";  ///< scaling: unit or symmetric, as NetworkInfo::scaling
};

/// The settings in the text of `stfcube.txt`; empty lines and lines that begin with # are left out.
/// @throws Error(config) for a line without "="
std::map<std::string, std::string> contract_settings(std::string const& text);

/// @throws Error(config) for an unknown setting or value, without bands, or without either radius or patch
/// and stride
TorchScriptContract torchscript_contract(std::map<std::string, std::string> const& settings);

}  // namespace stfcube::nn
