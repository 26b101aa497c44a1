#pragma once

#include <vector>

#include "stfcube/models/nn/layers/map_statistics.hpp"
#include "stfcube/models/nn/network.hpp"

namespace stfcube::testing {

/// Random images of everything that the network's form reads (series: 5 dates, all observed), in its scaling.
nn::NetworkInput random_input(nn::NetworkInfo const& info, int height, int width, int patches = 1,
                              torch::Dtype type = torch::kFloat32);

/// Number of trainable parameters.
std::int64_t parameter_count(torch::nn::Module const& module);

/// Draws all parameters evenly from the range, as if trained. Layers that begin at zero then pass something on;
/// positive parameters keep every feature alive through ReLU and let no two paths cancel.
void draw_parameters(torch::nn::Module& module, double lowest, double highest);

/// The largest distance, in one direction, at which an input pixel changes an output pixel: by the gradient
/// of output pixels of all phases of the stride lattice in a plane of side x side, evaluation mode.
int measured_radius(nn::Network& network, int side);

/// The same for a network whose layers look at the whole map, with their statistics held.
int measured_radius_of_held(nn::Network& network, int side);

/// Statistics of all maps that the network asks for, of the images as one scene: gathered in rounds over
/// blocks of side x side pixels (a multiple of align_px) and the halo that info() names.
std::vector<nn::MapConstants> scene_constants(nn::Network& network, nn::NetworkInput const& scene, int side);

/// The prediction of a scene of one sample put together from such blocks, evaluation mode; of a network that
/// looks at whole maps with scene_constants().
torch::Tensor predict_by_blocks(nn::Network& network, nn::NetworkInput const& scene, int side);

/// Backward against differences of forward, in double and evaluation mode, for every parameter tensor and
/// input (a few elements each): the largest relative deviation.
double gradient_error(nn::Network& network, int height, int width);

/// The same along random directions of all parameters and inputs at once: for networks of hundreds of
/// tensors. A parameter without a gradient counts as infinitely wrong.
double directional_gradient_error(nn::Network& network, int height, int width);

/// Whether the network gives a finite prediction of the input's size for each of a few odd sizes.
bool runs_on_odd_sizes(nn::Network& network);

}  // namespace stfcube::testing
