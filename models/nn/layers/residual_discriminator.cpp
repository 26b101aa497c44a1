#include "stfcube/models/nn/layers/residual_discriminator.hpp"

#include "stfcube/models/nn/layers/chain.hpp"
#include "stfcube/models/nn/layers/spectral_convolution.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::indexing::None;
using torch::indexing::Slice;

class HalvingBlockImpl : public torch::nn::Module {
 public:
  HalvingBlockImpl(int in, int out, bool pooling) {
    using torch::nn::BatchNorm2d;
    auto const slope = torch::nn::LeakyReLUOptions().negative_slope(0.01);
    Chain residual(BatchNorm2d(in), torch::nn::LeakyReLU(slope),
                   SpectralConvolution(in, in, 3, pooling ? 1 : 2));
    if (pooling) residual->push_back(torch::nn::MaxPool2d(2));
    residual->push_back(BatchNorm2d(in));
    residual->push_back(torch::nn::LeakyReLU(slope));
    residual->push_back(SpectralConvolution(in, out, 1));
    Chain shortcut(SpectralConvolution(in, out, 1, pooling ? 1 : 2));
    if (pooling) shortcut->push_back(torch::nn::MaxPool2d(2));
    residual_ = register_module("residual", residual);
    shortcut_ = register_module("transform", shortcut);
  }

  Tensor forward(Tensor const& map) { return residual_->forward(map) + shortcut_->forward(map); }

 private:
  Chain residual_{nullptr}, shortcut_{nullptr};
};
TORCH_MODULE(HalvingBlock);

}  // namespace

ResidualDiscriminator::ResidualDiscriminator(ResidualDiscriminatorOptions const& options) {
  for (auto const& widths : options.widths) {
    torch::nn::Sequential blocks;
    int in = 2 * options.bands;
    for (int const out : widths) {
      blocks->push_back(HalvingBlock(in, out, options.pooling));
      in = out;
    }
    blocks->push_back(SpectralConvolution(in, 1, 1));
    scales_.push_back(register_module("scale" + std::to_string(scales_.size()), blocks));
  }
}

Tensor ResidualDiscriminator::judge(Tensor const& image, NetworkInput const& input) {
  Tensor seen = torch::cat({image, input.coarse_target}, 1);
  std::vector<Tensor> scores;
  for (auto& scale : scales_) {
    scores.push_back(scale->forward(seen).flatten(1));
    seen = seen.index({Slice(), Slice(), Slice(None, None, 2), Slice(None, None, 2)});
  }
  return torch::cat(scores, 1);
}

}  // namespace stfcube::nn
