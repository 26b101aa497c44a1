#include "stfcube/models/nn/layers/convolution.hpp"

namespace stfcube::nn {

torch::nn::Conv2d convolution(int in, int out, int kernel, Padding padding, int stride, int dilation,
                              bool bias) {
  auto options = torch::nn::Conv2dOptions(in, out, kernel).stride(stride).dilation(dilation).bias(bias);
  options.padding(dilation * (kernel - 1) / 2);
  if (padding == Padding::replicate) options.padding_mode(torch::kReplicate);
  if (padding == Padding::reflect) options.padding_mode(torch::kReflect);
  return torch::nn::Conv2d(options);
}

Chain replicated_convolution(int in, int out, int stride) {
  return Chain(torch::nn::ReplicationPad2d(1),
               torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(stride)));
}

}  // namespace stfcube::nn
