#include "stfcube/models/nn/training/losses.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {
namespace {

namespace F = torch::nn::functional;
using torch::Tensor;

constexpr std::array<double, 5> level_weights = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
constexpr int window_px = 11;
constexpr double window_sigma = 1.5;

/// Mean over bands and the pixels of `mask` [N, 1, H, W] of `values` [N, B or 1, H, W]; `empty` where there
/// are none.
Tensor masked_mean(Tensor const& values, Tensor const& mask, Tensor const& band_weights, double empty = 0) {
  auto const weighted = band_weights.defined() && values.size(1) > 1
                            ? values * band_weights.to(values.options()).view({1, -1, 1, 1})
                            : values;
  auto const count = mask.sum({1, 2, 3});
  auto const sum = (weighted * mask).sum({1, 2, 3});
  return torch::where(count > 0, sum / (count.clamp_min(1) * values.size(1)), torch::full_like(sum, empty));
}

Tensor difference(Comparison const& of) {
  // Pixels outside the mask may hold anything, NaN included: a product with zero would keep it.
  return torch::where(of.mask > 0, of.prediction - of.truth, torch::zeros_like(of.truth));
}

Tensor cosine(Comparison const& of) {
  auto const zero = torch::zeros_like(of.truth);
  auto const x = torch::where(of.mask > 0, of.prediction, zero);
  auto const y = torch::where(of.mask > 0, of.truth, zero);
  auto const lengths = (x.square().sum(1, true) + 1e-12).sqrt() * (y.square().sum(1, true) + 1e-12).sqrt();
  return (x * y).sum(1, true) / lengths;
}

/// [B, 1, 1, size] of a Gaussian that sums to one.
Tensor gaussian_row(int size, Tensor const& like) {
  auto const offsets = torch::arange(size, like.options()) - size / 2;
  auto row = (-offsets.square() / (2 * window_sigma * window_sigma)).exp();
  row = row / row.sum();
  return row.view({1, 1, 1, size}).expand({like.size(1), 1, 1, size}).contiguous();
}

Tensor blurred(Tensor const& image, Tensor const& row) {
  auto const options = F::Conv2dFuncOptions().groups(image.size(1));
  return F::conv2d(F::conv2d(image, row, options), row.transpose(2, 3).contiguous(), options);
}

/// Structure and full index of one level, [N] each.
struct Level {
  Tensor structure, full;
};

Level level_of(Tensor const& x, Tensor const& y, Tensor const& mask, Tensor const& band_weights) {
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  int const size = static_cast<int>(std::min<std::int64_t>({window_px, x.size(2), x.size(3)}));
  auto const row = gaussian_row(size, x);
  auto const mean_x = blurred(x, row), mean_y = blurred(y, row);
  auto const variance_x = blurred(x * x, row) - mean_x * mean_x;
  auto const variance_y = blurred(y * y, row) - mean_y * mean_y;
  auto const covariance = blurred(x * y, row) - mean_x * mean_y;
  auto const eroded = 1 - F::max_pool2d(1 - mask, F::MaxPool2dFuncOptions(size).stride(1));
  auto const structure = (2 * covariance + c2) / (variance_x + variance_y + c2);
  auto const full = (2 * mean_x * mean_y + c1) * structure / (mean_x.square() + mean_y.square() + c1);
  return {masked_mean(structure, eroded, band_weights, 1), masked_mean(full, eroded, band_weights, 1)};
}

Tensor made_positive(Tensor const& value, MsssimVariant variant) {
  switch (variant) {
    case MsssimVariant::tan:
      return (value + 1) / 2;
    case MsssimVariant::relu:
      return torch::relu(value) + 0.01;
    case MsssimVariant::standard:
      break;
  }
  return torch::relu(value) + 1e-6;
}

template <MsssimVariant variant>
Tensor msssim_of(Comparison const& of) {
  return msssim_loss(of, variant);
}

std::map<std::string, Tensor (*)(Comparison const&)> const& known_losses() {
  static std::map<std::string, Tensor (*)(Comparison const&)> const losses = {
      {"charbonnier", charbonnier_loss},
      {"cos", cosine_loss},
      {"l1", l1_loss},
      {"mse", mse_loss},
      {"msssim", msssim_of<MsssimVariant::standard>},
      {"msssim-relu", msssim_of<MsssimVariant::relu>},
      {"msssim-tan", msssim_of<MsssimVariant::tan>},
      {"sam", spectral_angle_loss},
  };
  return losses;
}

[[noreturn]] void refuse(std::string const& text, std::string const& problem) {
  std::string names;
  for (auto const& [name, loss] : known_losses()) names += (names.empty() ? "" : ", ") + name;
  throw Error(ErrorKind::config, "The loss '" + text + "' " + problem +
                                     " Write a sum such as 'l1 + 0.8 msssim' of these: " + names + ".");
}

}  // namespace

Tensor l1_loss(Comparison const& of) {
  return masked_mean(difference(of).abs(), of.mask, of.band_weights);
}

Tensor mse_loss(Comparison const& of) {
  return masked_mean(difference(of).square(), of.mask, of.band_weights);
}

Tensor charbonnier_loss(Comparison const& of) {
  return masked_mean((difference(of).square() + 1e-6).sqrt(), of.mask, of.band_weights);
}

Tensor cosine_loss(Comparison const& of) {
  return masked_mean(1 - cosine(of), of.mask, {});
}

Tensor spectral_angle_loss(Comparison const& of) {
  return masked_mean(cosine(of).clamp(-1 + 1e-6, 1 - 1e-6).acos(), of.mask, {});
}

Tensor msssim_loss(Comparison const& of, MsssimVariant variant) {
  auto const zero = torch::zeros_like(of.truth);
  auto x = torch::where(of.mask > 0, of.prediction, zero), y = torch::where(of.mask > 0, of.truth, zero);
  auto mask = of.mask;
  Tensor product;
  Tensor last;
  for (std::size_t i = 0; i < level_weights.size(); ++i) {
    auto const level = level_of(x, y, mask, of.band_weights);
    bool const is_last = i + 1 == level_weights.size();
    auto const factor = made_positive(is_last ? level.full : level.structure, variant).pow(level_weights[i]);
    if (is_last) {
      last = factor;
      break;
    }
    product = product.defined() ? product * factor : factor;
    x = F::avg_pool2d(x, F::AvgPool2dFuncOptions(2));
    y = F::avg_pool2d(y, F::AvgPool2dFuncOptions(2));
    mask = torch::floor(F::avg_pool2d(mask, F::AvgPool2dFuncOptions(2)));
  }
  product = product * (variant == MsssimVariant::tan ? last.pow(4) : last);
  if (variant == MsssimVariant::relu) product = (product + 0.05).clamp_max(1);
  return 1 - product;
}

Reconstruction::Reconstruction(std::string const& text) {
  for (auto const& piece : split(text, '+')) {
    auto const words = split_words(piece);
    if (words.empty() || words.size() > 2) refuse(text, "has a part that is no weight and name.");
    auto const weight = words.size() == 2 ? parse_double(words[0]) : 1.0;
    if (!weight || *weight < 0) refuse(text, "has a weight that is no number from zero: " + words[0] + ".");
    auto const found = known_losses().find(words.back());
    if (found == known_losses().end()) refuse(text, "names an unknown loss: " + words.back() + ".");
    terms_.push_back({*weight, found->second});
  }
}

Tensor Reconstruction::operator()(Comparison const& of) const {
  Tensor sum;
  for (Term const& term : terms_) {
    auto const part = term.weight * term.loss(of);
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

}  // namespace stfcube::nn
