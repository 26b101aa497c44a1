#pragma once

#include <string>
#include <vector>

#include "stfcube/models/nn/torch.hpp"
#include "stfcube/models/nn/weights/named_arrays.hpp"

namespace stfcube::nn {

/// Parameters and buffers of a module as float32 on the CPU, without what a network derives for itself
/// (is_derived).
NamedArrays state_dict_of(torch::nn::Module const& module);

/// One line for every name that is missing, unexpected or of another shape, with what the module expects.
/// Empty when all fit.
std::vector<std::string> misfits(torch::nn::Module const& module, NamedArrays const& arrays);

/// Copies the arrays into the module's parameters and buffers, whatever their device and type.
/// @throws Error(data) with all misfits; the module is unchanged then
void load_state_dict(torch::nn::Module& module, NamedArrays const& arrays);

}  // namespace stfcube::nn
