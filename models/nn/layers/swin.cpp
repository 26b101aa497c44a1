#include "stfcube/models/nn/layers/swin.hpp"

#include <algorithm>
#include <cmath>

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::indexing::None;
using torch::indexing::Slice;
using torch::nn::LayerNorm;
using torch::nn::LayerNormOptions;
using torch::nn::Linear;

/// [N, side, side, C] -> [N * count, window * window, C].
Tensor partitioned(Tensor const& plane, int window) {
  auto const side = plane.size(1), channels = plane.size(3), n = side / window;
  return plane.reshape({-1, n, window, n, window, channels})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({-1, window * window, channels});
}

/// Index into the table of biases for each pair of tokens of a window.
Tensor relative_places(int window) {
  Tensor const at = torch::arange(window * window);
  Tensor const row = at.div(window, "floor"), column = at.remainder(window);
  Tensor const down = row.unsqueeze(1) - row.unsqueeze(0) + window - 1;
  Tensor const right = column.unsqueeze(1) - column.unsqueeze(0) + window - 1;
  return (down * (2 * window - 1) + right).reshape({-1});
}

/// The part of the map that each token of shifted windows lies in, [count, tokens]: parts differ where
/// tokens of a window came together by the wrap only.
Tensor parts_of_shift(int side, int window, int shift) {
  Tensor band = torch::zeros({side});
  band.slice(0, side - window, side - shift).fill_(1);
  band.slice(0, side - shift, side).fill_(2);
  Tensor const part = band.unsqueeze(1) * 3 + band.unsqueeze(0);
  return partitioned(part.reshape({1, side, side, 1}), window).squeeze(-1);
}

}  // namespace

SwinWindows::SwinWindows(int side, int window, bool shifted)
    : side_(side),
      window_(std::min(side, window)),
      shift_(shifted && side > window ? window / 2 : 0),
      relative_place_(relative_places(window_)) {
  if (shift_ > 0) part_ = parts_of_shift(side_, window_, shift_);
}

Tensor SwinWindows::split(Tensor const& map) const {
  Tensor plane = map.reshape({map.size(0), side_, side_, map.size(2)});
  if (shift_ > 0) plane = torch::roll(plane, {-shift_, -shift_}, {1, 2});
  return partitioned(plane, window_);
}

Tensor SwinWindows::join(Tensor const& windows) const {
  auto const n = side_ / window_, channels = static_cast<int>(windows.size(2));
  Tensor plane = windows.reshape({-1, n, n, window_, window_, channels})
                     .permute({0, 1, 3, 2, 4, 5})
                     .reshape({-1, side_, side_, channels});
  if (shift_ > 0) plane = torch::roll(plane, {shift_, shift_}, {1, 2});
  return plane.reshape({-1, side_ * side_, channels});
}

Tensor SwinWindows::logits(Tensor const& q, Tensor const& k, Tensor const& table) const {
  auto const heads = q.size(1);
  Tensor const bias = table.index_select(0, relative_place_.to(table.device()))
                          .reshape({tokens(), tokens(), heads})
                          .permute({2, 0, 1});
  Tensor const plain = torch::matmul(q, k.transpose(-2, -1)) + bias;
  if (shift_ == 0) return plain;
  Tensor const part = part_.to(plain.options());
  Tensor const mask = (part.unsqueeze(1) != part.unsqueeze(2)).to(plain.scalar_type()) * -100;
  return (plain.reshape({-1, count(), heads, tokens(), tokens()}) + mask.unsqueeze(1)).reshape(plain.sizes());
}

Tensor by_head(Tensor const& features, int heads) {
  return features.reshape({features.size(0), features.size(1), heads, -1}).transpose(1, 2);
}

SwinMlpImpl::SwinMlpImpl(int channels, int hidden) {
  first_ = register_module("fc1", Linear(channels, hidden));
  second_ = register_module("fc2", Linear(hidden, channels));
}

Tensor SwinMlpImpl::forward(Tensor const& input) {
  return second_->forward(torch::gelu(first_->forward(input)));
}

WindowAttentionImpl::WindowAttentionImpl(SwinWindows const& windows, int channels, int heads)
    : windows_(windows), heads_(heads) {
  bias_table_ =
      register_parameter("relative_position_bias_table", torch::randn({windows.places(), heads}) * 0.02);
  qkv_ = register_module("qkv", Linear(channels, 3 * channels));
  projection_ = register_module("proj", Linear(channels, channels));
}

Tensor WindowAttentionImpl::forward(Tensor const& map) {
  auto const parts = qkv_->forward(windows_.split(map)).chunk(3, -1);
  Tensor const q = by_head(parts[0], heads_), k = by_head(parts[1], heads_), v = by_head(parts[2], heads_);
  double const scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  Tensor const weights = windows_.logits(q * scale, k, bias_table_).softmax(-1);
  Tensor const mixed = torch::matmul(weights, v).transpose(1, 2).flatten(2);
  return windows_.join(projection_->forward(mixed));
}

SwinBlockImpl::SwinBlockImpl(SwinWindows const& windows, int channels, int heads, int mlp_ratio) {
  first_norm_ = register_module("norm1", LayerNorm(LayerNormOptions({channels})));
  attention_ = register_module("attn", WindowAttention(windows, channels, heads));
  second_norm_ = register_module("norm2", LayerNorm(LayerNormOptions({channels})));
  mlp_ = register_module("mlp", SwinMlp(channels, mlp_ratio * channels));
}

Tensor SwinBlockImpl::forward(Tensor const& map) {
  Tensor const attended = map + attention_->forward(first_norm_->forward(map));
  return attended + mlp_->forward(second_norm_->forward(attended));
}

SwinLayerImpl::SwinLayerImpl(Options const& options) {
  blocks_ = register_module("blocks", torch::nn::ModuleList());
  for (int i = 0; i < options.depth; ++i) {
    blocks_->push_back(SwinBlock(SwinWindows(options.side, options.window, i % 2 == 1), options.channels,
                                 options.heads, options.mlp_ratio));
  }
}

Tensor SwinLayerImpl::forward(Tensor const& map) {
  Tensor result = map;
  for (auto const& block : *blocks_) result = block->as<SwinBlockImpl>()->forward(result);
  return result;
}

PatchMergingImpl::PatchMergingImpl(int side, int in, int out) : side_(side) {
  norm_ = register_module("norm", LayerNorm(LayerNormOptions({4 * in})));
  reduction_ = register_module("reduction", Linear(torch::nn::LinearOptions(4 * in, out).bias(false)));
}

Tensor PatchMergingImpl::forward(Tensor const& map) {
  Tensor const plane = map.reshape({map.size(0), side_, side_, -1});
  auto const every_second = [&](int row, int column) {
    return plane.index({Slice(), Slice(row, None, 2), Slice(column, None, 2)});
  };
  Tensor const merged =
      torch::cat({every_second(0, 0), every_second(1, 0), every_second(0, 1), every_second(1, 1)}, -1);
  return reduction_->forward(norm_->forward(merged.flatten(1, 2)));
}

Tensor tokens_of(Tensor const& map) {
  return map.flatten(2).transpose(1, 2);
}

Tensor map_of(Tensor const& tokens, int side) {
  return tokens.transpose(1, 2).reshape({tokens.size(0), tokens.size(2), side, side});
}

}  // namespace stfcube::nn
