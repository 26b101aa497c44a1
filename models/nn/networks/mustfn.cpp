#include "stfcube/models/nn/networks/mustfn.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/map_statistics.hpp"
#include "stfcube/models/nn/layers/resize.hpp"
#include "stfcube/models/nn/layers/sizes.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::ReLU;

constexpr int align = 16;
constexpr int gate_width = 150;

std::vector<OptionSpec> const specs = {
    {"gate", "scene",
     "weights of the channels: scene: from their means over the whole scene, as published; cell: over cells "
     "of "
     "a fixed lattice; const: trained constants; none"},
    {"cell", "256", "fine pixels, a multiple of 16: side of a cell of gate = cell"},
    {"width", "33", "a quarter of the channels at half resolution; 16 is stfcube's variant for CPUs"},
};

/// A convolution without bias, normalised by the batch, and ReLU.
void push_unit(Chain& chain, int in, int out, int kernel, int stride = 1, int dilation = 1) {
  chain->push_back(convolution(in, out, kernel, Padding::replicate, stride, dilation, false));
  chain->push_back(torch::nn::BatchNorm2d(out));
  chain->push_back(ReLU());
}

Chain unit(int in, int out, int kernel, int stride = 1, int dilation = 1) {
  Chain chain;
  push_unit(chain, in, out, kernel, stride, dilation);
  return chain;
}

/// Twice as many channels inside.
Chain inverted(int channels) {
  Chain chain;
  push_unit(chain, channels, 2 * channels, 1);
  push_unit(chain, 2 * channels, 2 * channels, 3);
  push_unit(chain, 2 * channels, channels, 1);
  return chain;
}

/// The same with each channel by itself in the middle.
Chain depthwise(int channels) {
  int const inside = 2 * channels;
  Chain chain;
  push_unit(chain, channels, inside, 1);
  chain->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(inside, inside, 3)
                                         .padding(1)
                                         .padding_mode(torch::kReplicate)
                                         .groups(inside)
                                         .bias(false)));
  chain->push_back(torch::nn::BatchNorm2d(inside));
  chain->push_back(ReLU());
  push_unit(chain, inside, channels, 1);
  return chain;
}

torch::nn::Conv2d pointwise(int in, int out) {
  return convolution(in, out, 1, Padding::zeros, 1, 1, false);
}

/// Means over cells, at every pixel: of the cells around it by distance from their centres.
Tensor cell_means(Tensor const& map, int cell) {
  Tensor const means = torch::avg_pool2d(map, cell, cell, 0, true, false);
  return cut_to(enlarged(means, cell), map);
}

int radius_of(MustfnOptions const& options) {
  int const local = 54;
  return options.gate == MustfnGate::cell ? local + options.cell + options.cell / 2 : local;
}

}  // namespace

Mustfn::Mustfn(MustfnOptions const& options)
    : options_(options),
      info_{
          .name = "mustfn",
          .title = "Multi-scene spatiotemporal fusion network",
          .citation = "Qin, Huang, Tang, Wang, Liu 2022, IJAEOG 115, 103113",
          .evidence = Evidence::published_code,
          .form = NetworkForm::two_pairs,
          .path = options.gate == MustfnGate::scene ? InferencePath::scene_statistics : InferencePath::local,
          .bands = options.bands,
          .radius_px = radius_of(options),
          .align_px = options.gate == MustfnGate::cell ? options.cell : align,
          .one_sided = true} {
  require(options.cell % align == 0, ErrorKind::config,
          "mustfn.cell = " + std::to_string(options.cell) + " is not a multiple of 16. Try 256.");
  int const fine = 2 * options.bands, coarse = 3 * options.coarse_bands, stem = fine + coarse;
  int const n = options.width, all = 2 * stem + 8 * n + 12 * n;
  Chain fine_stem = unit(fine, fine, 3);
  push_unit(fine_stem, fine, fine, 3);
  fine_stem_ = register_module("fine_stem", fine_stem);
  coarse_stem_ = register_module("coarse_stem", unit(coarse, coarse, 3));
  widen_ = register_module("widen", depthwise(stem));
  half_ = register_module("half", unit(2 * stem, 4 * n, 3, 2, 2));
  half_residual_ = register_module("half_residual", inverted(4 * n));
  quarter_ = register_module("quarter", unit(4 * n, 8 * n, 3, 2, 2));
  quarter_residual_ = register_module("quarter_residual", inverted(8 * n));
  for (int scale = 0; scale < 3; ++scale) pools_->push_back(unit(4 * n, 8 * n, 1));
  for (int const dilation : {2, 4, 8}) dilations_->push_back(unit(8 * n, 12 * n, 3, 1, dilation));
  register_module("pools", pools_);
  register_module("dilations", dilations_);
  join_pools_ = register_module("join_pools", unit(24 * n, 8 * n, 1));
  join_dilations_ = register_module("join_dilations", unit(36 * n, 12 * n, 1));
  if (options.gate == MustfnGate::constant)
    gate_logits_ = register_parameter("gate", torch::zeros({1, all, 1, 1}));
  if (options.gate == MustfnGate::scene || options.gate == MustfnGate::cell) {
    gate_ =
        register_module("gate", Chain(pointwise(all, gate_width), ReLU(), pointwise(gate_width, gate_width),
                                      pointwise(gate_width, all), torch::nn::Sigmoid()));
  }
  Chain head = unit(all, 128, 3);
  push_unit(head, 128, 64, 3);
  head->push_back(pointwise(64, options.bands));
  head->push_back(torch::nn::Sigmoid());
  head_ = register_module("head", head);
}

Tensor Mustfn::pooled_scales(Tensor const& half) {
  std::vector<Tensor> scales;
  for (std::size_t scale = 0; scale < 3; ++scale) {
    int const window = 2 << scale;
    auto& unit = pools_->at<ChainImpl>(scale);
    scales.push_back(enlarged(unit.forward(torch::avg_pool2d(half, window)), 2 * window));
  }
  return join_pools_->forward(torch::cat(scales, 1));
}

Tensor Mustfn::dilated_scales(Tensor const& quarter) {
  std::vector<Tensor> scales;
  for (std::size_t scale = 0; scale < 3; ++scale)
    scales.push_back(dilations_->at<ChainImpl>(scale).forward(quarter));
  return enlarged(join_dilations_->forward(torch::cat(scales, 1)), 4);
}

Tensor Mustfn::gated(Tensor const& features) {
  switch (options_.gate) {
    case MustfnGate::scene:
      return features * gate_->forward(map_statistics(features, Wanted::mean).mean);
    case MustfnGate::cell:
      return features * gate_->forward(cell_means(features, options_.cell));
    case MustfnGate::constant:
      return features * gate_logits_.sigmoid();
    case MustfnGate::none:
      break;
  }
  return features;
}

Tensor Mustfn::forward(Tensor const& fine, Tensor const& coarse) {
  Tensor const stem = torch::cat({fine_stem_->forward(fine), coarse_stem_->forward(coarse)}, 1);
  Tensor const full = torch::cat({stem, widen_->forward(stem)}, 1);
  Tensor half = half_->forward(full);
  half = half + half_residual_->forward(half);
  Tensor quarter = quarter_->forward(half);
  quarter = quarter + quarter_residual_->forward(quarter);
  return head_->forward(gated(torch::cat({full, pooled_scales(half), dilated_scales(quarter)}, 1)));
}

Tensor Mustfn::predict(NetworkInput const& input) {
  auto const masked = [](Tensor const& image, Tensor const& valid) {
    return filled_up(valid.defined() ? image * valid : image, align);
  };
  Tensor const image = forward(torch::cat({masked(input.fine_before, input.fine_before_valid),
                                           masked(input.fine_after, input.fine_after_valid)},
                                          1),
                               torch::cat({masked(input.coarse_before, input.coarse_before_valid),
                                           masked(input.coarse_target, input.coarse_target_valid),
                                           masked(input.coarse_after, input.coarse_after_valid)},
                                          1));
  return cut_to(image, input.coarse_target);
}

NetworkEntry mustfn_entry() {
  return {.summary = "two fine and three coarse images with their clouds masked, at three scales",
          .evidence = Evidence::published_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            std::map<std::string, MustfnGate> const gates = {{"scene", MustfnGate::scene},
                                                             {"cell", MustfnGate::cell},
                                                             {"const", MustfnGate::constant},
                                                             {"none", MustfnGate::none}};
            return std::make_shared<Mustfn>(
                MustfnOptions{.bands = shape.bands,
                              .coarse_bands = shape.bands,
                              .width = options.integer("width", 1, 256),
                              .gate = gates.at(options.choice("gate", {"scene", "cell", "const", "none"})),
                              .cell = options.integer("cell", 16, 4096)});
          }};
}

}  // namespace stfcube::nn
