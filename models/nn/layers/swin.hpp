#pragma once

#include "stfcube/models/nn/torch.hpp"

namespace stfcube::nn {

/// The windows over a square map of tokens [N, side * side, C], and what attention needs to know of them.
/// Shifted windows are moved by half a window and wrap round the map; a mask keeps the parts apart that did
/// not touch. A map that is not larger than a window is one window, unshifted.
class SwinWindows {
 public:
  SwinWindows(int side, int window, bool shifted);

  bool shifted() const { return shift_ > 0; }
  int count() const { return (side_ / window_) * (side_ / window_); }
  int tokens() const { return window_ * window_; }  ///< of one window
  int places() const { return (2 * window_ - 1) * (2 * window_ - 1); }

  /// [N, side * side, C] -> [N * count, tokens, C].
  torch::Tensor split(torch::Tensor const& map) const;
  /// [N * count, tokens, C] -> [N, side * side, C].
  torch::Tensor join(torch::Tensor const& windows) const;
  /// q k^T with the bias of relative places and the mask.
  /// @param q (scaled), k [N * count, heads, tokens, d]
  /// @param table [places, heads]
  torch::Tensor logits(torch::Tensor const& q, torch::Tensor const& k, torch::Tensor const& table) const;

 private:
  int side_, window_, shift_;
  torch::Tensor relative_place_;  ///< [tokens * tokens]
  torch::Tensor part_;            ///< [count, tokens], of shifted windows: -100 between different parts
};

/// [windows, tokens, heads * d] -> [windows, heads, tokens, d].
torch::Tensor by_head(torch::Tensor const& features, int heads);

/// Linear, GELU, Linear.
class SwinMlpImpl : public torch::nn::Module {
 public:
  SwinMlpImpl(int channels, int hidden);
  torch::Tensor forward(torch::Tensor const& input);

 private:
  torch::nn::Linear first_{nullptr}, second_{nullptr};
};
TORCH_MODULE(SwinMlp);

/// Attention of the tokens of a window to each other, with a bias by relative place.
class WindowAttentionImpl : public torch::nn::Module {
 public:
  WindowAttentionImpl(SwinWindows const& windows, int channels, int heads);
  torch::Tensor forward(torch::Tensor const& map);

 private:
  SwinWindows windows_;
  int heads_;
  torch::Tensor bias_table_;
  torch::nn::Linear qkv_{nullptr}, projection_{nullptr};
};
TORCH_MODULE(WindowAttention);

/// x + Attention(LN(x)), then x + MLP(LN(x)), on tokens [N, side * side, C].
class SwinBlockImpl : public torch::nn::Module {
 public:
  SwinBlockImpl(SwinWindows const& windows, int channels, int heads, int mlp_ratio);
  torch::Tensor forward(torch::Tensor const& map);

 private:
  torch::nn::LayerNorm first_norm_{nullptr}, second_norm_{nullptr};
  WindowAttention attention_{nullptr};
  SwinMlp mlp_{nullptr};
};
TORCH_MODULE(SwinBlock);

/// Blocks one after the other; every second one has shifted windows.
class SwinLayerImpl : public torch::nn::Module {
 public:
  struct Options {
    int side = 0, channels = 0, heads = 0, depth = 2;
    int window = 8;
    int mlp_ratio = 4;
  };
  explicit SwinLayerImpl(Options const& options);
  torch::Tensor forward(torch::Tensor const& map);

 private:
  torch::nn::ModuleList blocks_{nullptr};
};
TORCH_MODULE(SwinLayer);

/// Four neighbouring tokens become one: LN over the four, Linear without bias.
class PatchMergingImpl : public torch::nn::Module {
 public:
  PatchMergingImpl(int side, int in, int out);
  torch::Tensor forward(torch::Tensor const& map);

 private:
  int side_;
  torch::nn::LayerNorm norm_{nullptr};
  torch::nn::Linear reduction_{nullptr};
};
TORCH_MODULE(PatchMerging);

/// [N, C, H, W] -> [N, H * W, C].
torch::Tensor tokens_of(torch::Tensor const& map);
/// [N, side * side, C] -> [N, C, side, side].
torch::Tensor map_of(torch::Tensor const& tokens, int side);

}  // namespace stfcube::nn
