#pragma once

#include <map>
#include <string>
#include <vector>

#include "stfcube/models/nn/network.hpp"

namespace stfcube::testing {

/// One of the golden vectors of the shared folder: parameters and inputs follow from their names.
struct GoldenNetwork {
  std::map<std::string, torch::Tensor> tensors;  ///< by published name
  std::map<std::string, torch::Tensor> inputs;
  std::vector<torch::Tensor> outputs;
  std::int64_t parameters = 0;
};

/// @param name "edcstfn". Call only when shared_folder() is not empty.
GoldenNetwork golden_network(std::string const& name);

/// Fills parameters and buffers of the module from the golden list; fails the test where a name or a shape
/// differs.
void fill(torch::nn::Module& module, std::map<std::string, torch::Tensor> const& tensors);

/// max |a - b| / max |b|.
double relative_difference(torch::Tensor const& a, torch::Tensor const& b);

}  // namespace stfcube::testing
