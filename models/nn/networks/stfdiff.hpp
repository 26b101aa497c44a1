#pragma once

#include <vector>

#include "stfcube/models/nn/layers/standardised_convolution.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

enum class StfdiffNorm {
  group,  ///< over eight groups of channels and the whole patch, as published
  batch,  ///< constants in evaluation: local, for any blocks
};

struct StfdiffOptions {
  int bands = 6;
  int width = 64;  ///< channels at full size, a multiple of 8; two and four times as many at 1/2 and 1/4
  int pairs = 1;   ///< 1, or 2: references on both sides
  StfdiffNorm norm = StfdiffNorm::group;
};

/// Two 3x3 convolutions, normalised, the first one scaled and shifted by the diffusion step; plus the input.
class StfdiffBlockImpl : public torch::nn::Module {
 public:
  /// @param time_channels length of the vector that describes the step; 0: the block does not know it
  StfdiffBlockImpl(int in, int out, int time_channels, StfdiffNorm norm);

  /// @param time [N, time_channels], or undefined
  torch::Tensor forward(torch::Tensor const& input, torch::Tensor const& time);

 private:
  torch::nn::Sequential scale_and_shift_{nullptr};
  StandardisedConvolution first_{nullptr};
  torch::nn::Conv2d second_{nullptr}, shortcut_{nullptr};
  torch::nn::AnyModule first_norm_, second_norm_;
};
TORCH_MODULE(StfdiffBlock);

/// Conditional diffusion (Huang, He, Zhang, Xia, Zhang 2024, Information Fusion 111): from the images of the
/// reference, the coarse image of the target date and the noisy target image it predicts the clean one. Names
/// of parameters are those of the published code.
class Stfdiff : public Network {
 public:
  explicit Stfdiff(StfdiffOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// @param coarse [N, 2B, H, W]: reference, target; of two pairs [N, 3B, H, W]: before, target, after
  /// @param fine [N, B, H, W]; of two pairs [N, 2B, H, W]
  /// @param noisy [N, B, H, W]
  /// @param step [N], int64
  /// All in -1 .. 1; H and W multiples of 4.
  torch::Tensor forward(torch::Tensor const& coarse, torch::Tensor const& fine, torch::Tensor const& noisy,
                        torch::Tensor const& step);

 private:
  struct Stage {
    StfdiffBlock block;
    torch::nn::AnyModule resize;
  };
  Stage stage(std::string const& list, StfdiffBlock block, torch::nn::AnyModule resize);
  torch::Tensor described(torch::Tensor const& step, torch::Tensor const& like);

  StfdiffOptions options_;
  NetworkInfo info_;
  torch::nn::Sequential describe_step_{nullptr};
  torch::nn::Conv2d fine_head_{nullptr}, coarse_head_{nullptr}, noisy_head_{nullptr}, clean_head_{nullptr};
  std::vector<Stage> clean_downs_, noisy_downs_, ups_;
  StfdiffBlock clean_middle_{nullptr}, noisy_middle_{nullptr}, last_block_{nullptr};
  torch::nn::Conv2d last_{nullptr};
};

NetworkEntry stfdiff_entry();

}  // namespace stfcube::nn
