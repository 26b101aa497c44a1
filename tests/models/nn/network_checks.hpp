#pragma once

#include "stfcube/models/nn/network.hpp"

namespace stfcube::testing {

/// Random images of everything that the network's form reads (series: 5 dates, all observed), in its scaling.
nn::NetworkInput random_input(nn::NetworkInfo const& info, int height, int width, int patches = 1,
                              torch::Dtype type = torch::kFloat32);

/// Number of trainable parameters.
std::int64_t parameter_count(torch::nn::Module const& module);

/// The largest distance, in one direction, at which an input pixel changes an output pixel: by the gradient
/// of output pixels of all phases of the stride lattice in a plane of side x side, evaluation mode.
int measured_radius(nn::Network& network, int side);

/// Backward against differences of forward, in double and evaluation mode, for every parameter tensor and
/// input (a few elements each): the largest relative deviation.
double gradient_error(nn::Network& network, int height, int width);

/// The same along random directions of all parameters and inputs at once: for networks of hundreds of
/// tensors. A parameter without a gradient counts as infinitely wrong.
double directional_gradient_error(nn::Network& network, int height, int width);

/// Whether the network gives a finite prediction of the input's size for each of a few odd sizes.
bool runs_on_odd_sizes(nn::Network& network);

}  // namespace stfcube::testing
