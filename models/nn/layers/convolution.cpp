#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {
namespace {

torch::nn::Conv2dOptions options_of(int in, int out, int kernel, Padding padding, int stride, int dilation) {
  auto options = torch::nn::Conv2dOptions(in, out, kernel).stride(stride).dilation(dilation);
  options.padding(dilation * (kernel - 1) / 2);
  if (padding == Padding::replicate) options.padding_mode(torch::kReplicate);
  if (padding == Padding::reflect) options.padding_mode(torch::kReflect);
  return options;
}

}  // namespace

torch::nn::Conv2d convolution(int in, int out, int kernel, Padding padding, int stride, int dilation,
                              bool bias) {
  return torch::nn::Conv2d(options_of(in, out, kernel, padding, stride, dilation).bias(bias));
}

torch::nn::Conv2d depthwise_convolution(int channels, int kernel, Padding padding, int stride, int dilation) {
  return torch::nn::Conv2d(
      options_of(channels, channels, kernel, padding, stride, dilation).groups(channels));
}

Chain replicated_convolution(int in, int out, int stride) {
  return Chain(torch::nn::ReplicationPad2d(1),
               torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(stride)));
}

torch::nn::Conv2d zeroed(torch::nn::Conv2d layer) {
  torch::NoGradGuard const fixed;
  layer->weight.zero_();
  layer->bias.zero_();
  return layer;
}

}  // namespace stfcube::nn
