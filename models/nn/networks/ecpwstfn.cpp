#include "stfcube/models/nn/networks/ecpwstfn.hpp"

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/models/nn/layers/haar.hpp"
#include "stfcube/models/nn/layers/sizes.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::Conv2d;
using torch::nn::ReLU;

std::vector<OptionSpec> const specs = {
    {"gates", "both",
     "both: as published, the channel gates need statistics of the whole scene; spatial: pixel gates alone, "
     "local (ECPW-S)"},
    {"detach_wavelet", "false",
     "true: no gradient through the wavelet, as in the published code, whose encoders therefore do not "
     "learn"},
    {"width", "32", "channels of the first layers; the next ones have two and four times as many"},
};

Chain encoder(int bands, int n) {
  return Chain(replicated_convolution(bands, n), ReLU(), replicated_convolution(n, 2 * n), ReLU(),
               replicated_convolution(2 * n, 4 * n), ReLU());
}

Chain decoder(int n, int bands) {
  return Chain(replicated_convolution(4 * n, 2 * n), ReLU(), replicated_convolution(2 * n, n), ReLU(),
               Conv2d(n, bands, 1));
}

}  // namespace

GatedConvolutionImpl::GatedConvolutionImpl(int in, int out, bool channel_gate) {
  residual_ = register_module("residual", Chain(replicated_convolution(in, out), ReLU()));
  if (channel_gate) {
    channel_gate_ = ChannelAttention(out, 16);
    register_module("ChannelA", torch::nn::ModuleList(channel_gate_));
  }
  pixel_gate_ = SpatialAttention(7);
  register_module("SpatialA", torch::nn::ModuleList(pixel_gate_));
}

Tensor GatedConvolutionImpl::forward(Tensor const& map) {
  Tensor features = residual_->forward(map);
  if (channel_gate_) features = features * channel_gate_->forward(features);
  return features * pixel_gate_->forward(features);
}

Ecpwstfn::Ecpwstfn(EcpwstfnOptions const& options)
    : options_(options),
      info_{.name = "ecpwstfn",
            .title = "Enhanced cross-paired wavelet based spatiotemporal fusion network",
            .citation = "Zhang, Li, Tan, Li 2024, ISPRS Journal 211, 281-297",
            .evidence = Evidence::published_code,
            .form = NetworkForm::fine_and_target,
            .path = options.channel_gates ? InferencePath::scene_statistics : InferencePath::local,
            .bands = options.bands,
            .radius_px = 23,
            .align_px = 2} {
  int const n = options.width, bands = options.bands;
  bool const gate = options.channel_gates;
  fine_encoder_ = register_module("Landsat_encoder", encoder(bands, n));
  residual_encoder_ = register_module("MLRes_encoder", encoder(bands, n));
  decoder_ = register_module("decoder", decoder(n, bands));
  refiner_ = register_module("RFEncoder",
                             Chain(GatedConvolution(2 * bands, n, gate), GatedConvolution(n, 2 * n, gate),
                                   GatedConvolution(2 * n, 4 * n, gate)));
  last_decoder_ = register_module("RFDecoder", decoder(n, bands));
}

Tensor Ecpwstfn::wavelet_features(Tensor const& fine, Tensor const& cross_residual) {
  auto const fine_bands = haar_analysis(fine), residual_bands = haar_analysis(cross_residual);
  std::array<Tensor, 4> features;
  for (std::size_t band = 0; band < features.size(); ++band) {
    features[band] =
        fine_encoder_->forward(fine_bands[band]) + residual_encoder_->forward(residual_bands[band]);
  }
  Tensor const joined = haar_synthesis(features);
  return options_.detach_wavelet ? joined.detach() : joined;
}

Tensor Ecpwstfn::forward(Tensor const& fine_reference, Tensor const& coarse_target) {
  Tensor const first = decoder_->forward(wavelet_features(fine_reference, coarse_target - fine_reference));
  return last_decoder_->forward(refiner_->forward(torch::cat({first, fine_reference}, 1)));
}

Tensor Ecpwstfn::predict(NetworkInput const& input) {
  Tensor const image = forward(filled_up(input.fine_before, 2), filled_up(input.coarse_target, 2));
  return cut_to(image, input.fine_before);
}

NetworkEntry ecpwstfn_entry() {
  return {.summary =
              "encodes the wavelet bands of the fine image and of its difference to the coarse one, then "
              "refines; needs no coarse image of the reference date",
          .evidence = Evidence::published_code,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Ecpwstfn>(
                EcpwstfnOptions{.bands = shape.bands,
                                .width = options.integer("width", 16, 1024),
                                .channel_gates = options.choice("gates", {"both", "spatial"}) == "both",
                                .detach_wavelet = options.flag("detach_wavelet")});
          }};
}

}  // namespace stfcube::nn
