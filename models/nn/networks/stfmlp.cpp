#include "stfcube/models/nn/networks/stfmlp.hpp"

#include <string>
#include <vector>

#include "stfcube/models/nn/layers/resize.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::GELU;
using torch::nn::Linear;
using torch::nn::Sequential;

constexpr double one_sided_difference = 0.2, least_change = 1e-3;

std::vector<OptionSpec> const specs = {
    {"patch", "40", "side of a patch, px, a multiple of 4"},
    {"weights", "absolute",
     "of the two pairs: absolute, by the mean size of the coarse changes | published, by the size of their "
     "mean"},
    {"width", "60", "channels of a pixel"},
};

Sequential mlp(int in, int hidden, int out) {
  return Sequential(Linear(in, hidden), GELU(), Linear(hidden, out));
}

/// Twice a layer norm and a network of the channels of a pixel; nothing is added to the input.
Sequential two_blocks(int width) {
  Sequential blocks;
  for (int i = 0; i < 2; ++i) {
    blocks->push_back(torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
    blocks->push_back(Linear(width, 2 * width));
    blocks->push_back(GELU());
    blocks->push_back(Linear(2 * width, width));
  }
  return blocks;
}

/// [N, pixels, C] -> [N, C, side, side], enlarged to `full`.
Tensor map_of(Tensor const& pixels, int side, int full) {
  Tensor const map = pixels.transpose(1, 2).reshape({pixels.size(0), pixels.size(2), side, side});
  return side == full ? map : resized(map, full, full);
}

Tensor size_of_change(Tensor const& change, StfmlpWeights weights) {
  std::vector<std::int64_t> const all = {1, 2, 3};
  Tensor const size =
      weights == StfmlpWeights::published ? change.mean(all, true).abs() : change.abs().mean(all, true);
  return size + least_change;
}

}  // namespace

StfmlpStreamImpl::StfmlpStreamImpl(StfmlpOptions const& options)
    : sides_{options.patch, options.patch * 3 / 4, options.patch / 2, options.patch / 4} {
  int const n = options.width, bands = options.bands;
  first_ = register_module("first", mlp(2 * bands, 4 * bands, n));
  full_ = register_module("full", two_blocks(n));
  for (int i = 0; i < 3; ++i) {
    int const from = sides_[i] * sides_[i], to = sides_[i + 1] * sides_[i + 1];
    std::string const number = std::to_string(i + 1);
    transitions_.push_back(register_module("transition" + number, mlp(from, 2 * from, to)));
    early_.push_back(register_module("early" + number, two_blocks(n)));
    if (i < 2) late_.push_back(register_module("late" + number, two_blocks(n)));
  }
  head_ = register_module("head", mlp(4 * n, 8 * n, bands));
}

Tensor StfmlpStreamImpl::forward(Tensor const& coarse_change, Tensor const& fine) {
  Tensor const pixels = torch::cat({coarse_change, fine}, 1).flatten(2).transpose(1, 2);
  Tensor branch = full_->forward(first_->forward(pixels));
  std::vector<Tensor> maps = {map_of(branch, sides_[0], sides_[0])};
  for (std::size_t i = 0; i < 3; ++i) {
    branch = early_[i]->forward(transitions_[i]->forward(branch.transpose(1, 2)).transpose(1, 2));
    maps.push_back(map_of(i < 2 ? late_[i]->forward(branch) : branch, sides_[i + 1], sides_[0]));
  }
  Tensor const changed = head_->forward(torch::cat(maps, 1).flatten(2).transpose(1, 2));
  return changed.transpose(1, 2).reshape(fine.sizes());
}

Tensor stfmlp_share(Tensor const& change_before, Tensor const& change_after, StfmlpWeights weights) {
  Tensor const before = size_of_change(change_before, weights), after = size_of_change(change_after, weights);
  Tensor const share = after / (before + after);
  if (weights == StfmlpWeights::absolute) return share;
  Tensor const earlier_alone =
      torch::where(after - before > one_sided_difference, torch::ones_like(share), share);
  return torch::where(before - after > one_sided_difference, torch::zeros_like(share), earlier_alone);
}

Stfmlp::Stfmlp(StfmlpOptions const& options)
    : options_(options),
      info_{.name = "stfmlp",
            .title = "Spatiotemporal fusion by multilayer perceptrons",
            .citation = "Chen, Lu, Di, Li, Emam, Jing 2023, IEEE GRSL 20",
            .evidence = Evidence::published_code,
            .form = NetworkForm::two_pairs,
            .path = InferencePath::lattice,
            .bands = options.bands,
            .radius_px = options.patch - 1,
            .patch_px = options.patch,
            .stride_px = options.patch / 2,
            .channels_last = false} {
  before_ = register_module("before", StfmlpStream(options));
  after_ = register_module("after", StfmlpStream(options));
}

Tensor Stfmlp::predict(NetworkInput const& input) {
  for (int const axis : {-2, -1}) {
    require(input.coarse_target.size(axis) == options_.patch, ErrorKind::model,
            "stfmlp works on patches of " + std::to_string(options_.patch) + " pixels, not of " +
                std::to_string(input.coarse_target.size(axis)) + ": see its option patch.");
  }
  Tensor const change_before = input.coarse_target - input.coarse_before;
  Tensor const change_after = input.coarse_after - input.coarse_target;
  Tensor const share = stfmlp_share(change_before, change_after, options_.weights);
  Tensor const from_before = input.fine_before + before_->forward(change_before, input.fine_before);
  Tensor const from_after = input.fine_after - after_->forward(change_after, input.fine_after);
  return share * from_before + (1 - share) * from_after;
}

NetworkEntry stfmlp_entry() {
  return {.summary = "changes from both pairs by layers that mix the pixels of a patch of 40 x 40",
          .evidence = Evidence::published_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            int const patch = options.integer("patch", 4, 256);
            require(patch % 4 == 0, ErrorKind::config,
                    "stfmlp.patch = " + std::to_string(patch) +
                        " is no multiple of 4, which its four sizes need.");
            return std::make_shared<Stfmlp>(
                StfmlpOptions{.bands = shape.bands,
                              .width = options.integer("width", 1, 1024),
                              .patch = patch,
                              .weights = options.choice("weights", {"absolute", "published"}) == "published"
                                             ? StfmlpWeights::published
                                             : StfmlpWeights::absolute});
          }};
}

}  // namespace stfcube::nn
