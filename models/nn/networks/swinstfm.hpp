#pragma once

#include <array>

#include "stfcube/models/nn/layers/swin.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

enum class SwinstfmFusion {
  published,  ///< as the authors' code computes it, slips included: for weights that were trained with it
  plain,      ///< weights of a row sum to one, windows and heads stay in place
};

struct SwinstfmOptions {
  int bands = 6;
  int width = 64;   ///< channels at half size, even; up to eight times as many below
  int patch = 256;  ///< side of a patch: 32, 64, 128 or a multiple of 256
  SwinstfmFusion fusion = SwinstfmFusion::published;
};

/// Five maps of tokens, from half size (width channels) to 1/32 (8 x width).
class SwinstfmEncoderImpl : public torch::nn::Module {
 public:
  explicit SwinstfmEncoderImpl(SwinstfmOptions const& options);
  std::array<torch::Tensor, 5> forward(torch::Tensor const& image);

 private:
  class Start;
  class Stage;
  std::shared_ptr<Start> start_;
  std::array<std::shared_ptr<Stage>, 4> stages_;
};
TORCH_MODULE(SwinstfmEncoder);

/// Spatiotemporal fusion by a Swin transformer (Chen, Jiao, Hu, Xiao, Ye 2022, IEEE TGRS 60): the change of
/// the coarse features goes to where both coarse and fine features of the reference say. A function of
/// patches of one size. Names of parameters are those of the published code.
class Swinstfm : public Network {
 public:
  explicit Swinstfm(SwinstfmOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

  /// All [N, B, patch, patch] in -1 .. 1. @throws Error(model) for another size
  torch::Tensor forward(torch::Tensor const& coarse_reference, torch::Tensor const& fine_reference,
                        torch::Tensor const& coarse_target);

 private:
  class Decoder;
  NetworkInfo info_;
  SwinstfmEncoder coarse_encoder_{nullptr}, fine_encoder_{nullptr};
  std::shared_ptr<Decoder> decoder_;
};

NetworkEntry swinstfm_entry();

}  // namespace stfcube::nn
