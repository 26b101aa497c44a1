#include "stfcube/models/nn/training/losses.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

/// Two bands of two pixels, the second pixel without a value.
Comparison two_pixels() {
  return {torch::tensor({0.3F, 9.0F, 0.5F, 9.0F}).view({1, 2, 1, 2}),
          torch::tensor({0.1F, 0.0F, 0.4F, 0.0F}).view({1, 2, 1, 2}),
          torch::tensor({1.0F, 0.0F}).view({1, 1, 1, 2}),
          {}};
}

Tensor waves(double phase, double factor, double offset) {
  auto const at = torch::arange(192, torch::kFloat64);
  auto const r = at.view({-1, 1}), c = at.view({1, -1});
  std::vector<Tensor> bands;
  for (double const b : {1.0, 2.0}) {
    bands.push_back(0.4 + 0.2 * (0.11 * r + 0.07 * c * b + 0.3 * phase).sin() +
                    0.1 * (0.9 * r * b - 0.5 * c + phase).cos());
  }
  return (torch::stack(bands).unsqueeze(0) * factor + offset).to(torch::kFloat64);
}

Comparison wave_images() {
  return {waves(1.7, 0.8, 0.05), waves(0, 1, 0), torch::ones({1, 1, 192, 192}, torch::kFloat64), {}};
}

double value(Tensor const& loss) {
  return loss.item<double>();
}

TEST(Losses, are_means_over_bands_and_valid_pixels) {
  auto const of = two_pixels();
  EXPECT_NEAR(value(l1_loss(of)), (0.2 + 0.1) / 2, 1e-6);
  EXPECT_NEAR(value(mse_loss(of)), (0.04 + 0.01) / 2, 1e-6);
  EXPECT_NEAR(value(charbonnier_loss(of)), (std::sqrt(0.04 + 1e-6) + std::sqrt(0.01 + 1e-6)) / 2, 1e-6);
  double const cosine = (0.3 * 0.1 + 0.5 * 0.4) / std::sqrt((0.09 + 0.25) * (0.01 + 0.16));
  EXPECT_NEAR(value(cosine_loss(of)), 1 - cosine, 1e-6);
  EXPECT_NEAR(value(spectral_angle_loss(of)), std::acos(cosine), 1e-5);
}

TEST(Losses, weigh_bands) {
  auto of = two_pixels();
  of.band_weights = torch::tensor({1.5F, 0.5F});
  EXPECT_NEAR(value(l1_loss(of)), (1.5 * 0.2 + 0.5 * 0.1) / 2, 1e-6);
}

TEST(Losses, of_a_patch_without_values_are_zero) {
  auto of = two_pixels();
  of.mask = torch::zeros_like(of.mask);
  for (auto const* const name : {"l1", "mse", "charbonnier", "cos", "sam"})
    EXPECT_EQ(value(Reconstruction(name)(of)), 0);
}

// Expected: levels by scikit-image's structural_similarity (gaussian_weights, sigma 1.5, population
// covariance, range 1) and SciPy's gaussian_filter, inside 5 pixels of the edge; 2x2 means between them; put
// together as the variants say.
TEST(Losses, msssim_agrees_with_scikit_image) {
  auto const of = wave_images();
  EXPECT_NEAR(value(msssim_loss(of, MsssimVariant::standard)), 0.3712148977567209, 2e-6);
  EXPECT_NEAR(value(msssim_loss(of, MsssimVariant::tan)), 0.19162875627635068, 2e-6);
  EXPECT_NEAR(value(msssim_loss(of, MsssimVariant::relu)), 0.30967084579658655, 2e-6);
}

TEST(Losses, msssim_of_equal_images_is_zero) {
  auto of = wave_images();
  of.prediction = of.truth;
  EXPECT_NEAR(value(msssim_loss(of, MsssimVariant::standard)), 0, 1e-5);
  EXPECT_NEAR(value(msssim_loss(of, MsssimVariant::tan)), 0, 1e-5);
  EXPECT_EQ(value(msssim_loss(of, MsssimVariant::relu)), 0);
}

TEST(Losses, do_not_touch_pixels_outside_the_mask) {
  auto of = wave_images();
  of.mask.slice(2, 0, 40).zero_();
  of.truth.slice(2, 0, 40).fill_(std::numeric_limits<double>::quiet_NaN());
  for (auto const* const name :
       {"l1", "mse", "charbonnier", "cos", "sam", "msssim", "msssim-tan", "msssim-relu"}) {
    auto prediction = of.prediction.clone().set_requires_grad(true);
    Reconstruction const loss(name);
    loss({prediction, of.truth, of.mask, {}}).sum().backward();
    EXPECT_TRUE(torch::isfinite(prediction.grad()).all().item<bool>()) << name;
    EXPECT_EQ(prediction.grad().slice(2, 0, 40).abs().max().item<double>(), 0) << name;
    EXPECT_GT(prediction.grad().slice(2, 60, 192).abs().max().item<double>(), 0) << name;
  }
}

TEST(Losses, of_a_patch_do_not_depend_on_the_others) {
  auto const one = wave_images();
  Comparison const two{torch::cat({one.prediction, one.truth}),
                       torch::cat({one.truth, one.truth}),
                       torch::cat({one.mask, one.mask}),
                       {}};
  for (auto const* const name : {"l1", "sam", "msssim"}) {
    auto const loss = Reconstruction(name)(two);
    EXPECT_NEAR(loss[0].item<double>(), value(Reconstruction(name)(one)), 1e-12) << name;
    EXPECT_LT(loss[1].item<double>(), 2e-3) << name;
  }
}

TEST(Reconstruction, is_a_weighted_sum_by_name) {
  auto const of = two_pixels();
  EXPECT_NEAR(value(Reconstruction("l1 + 0.8 mse")(of)), 0.15 + 0.8 * 0.025, 1e-6);
}

TEST(Reconstruction, refuses_what_it_does_not_know) {
  for (auto const* const text : {"", "l1 +", "l7", "x l1", "-1 l1", "0.5 l1 mse"})
    EXPECT_THROW(Reconstruction(std::string(text)), Error) << text;
}

}  // namespace
}  // namespace stfcube::nn
