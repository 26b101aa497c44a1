#include "stfcube/models/nn/diffusion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using ::testing::ElementsAre;
using torch::Tensor;

TEST(Diffusion, schedule_is_the_cosine_of_the_publication) {
  auto const share = cosine_schedule(100).image_share;
  ASSERT_EQ(share.size(), 100u);
  EXPECT_NEAR(share[0], 0.99937, 5e-6);
  EXPECT_NEAR(share[9], 0.97209, 5e-6);
  EXPECT_NEAR(share[24], 0.84701, 5e-6);
  EXPECT_NEAR(share[49], 0.49384, 5e-6);
  EXPECT_NEAR(share[74], 0.14427, 5e-6);
  EXPECT_NEAR(share[89], 0.02409, 5e-6);
  EXPECT_NEAR(share[99], 2.4e-7, 5e-9);
}

TEST(Diffusion, steps_are_spread_over_the_schedule) {
  auto const schedule = cosine_schedule(100);
  EXPECT_THAT(sampling_steps(schedule, 10), ElementsAre(99, 89, 79, 69, 59, 49, 39, 29, 19, 9, -1));
  EXPECT_THAT(sampling_steps(schedule, 1), ElementsAre(99, -1));
  EXPECT_THAT(sampling_steps(schedule, 3), ElementsAre(99, 65, 32, -1));
  EXPECT_EQ(sampling_steps(schedule, 100).at(99), 0);
  EXPECT_THROW(sampling_steps(schedule, 0), Error);
  EXPECT_THROW(sampling_steps(schedule, 101), Error);
}

TEST(Diffusion, noisy_image_has_the_share_of_each_patch) {
  auto const schedule = cosine_schedule(100);
  Tensor const image = torch::rand({2, 3, 4, 5}), noise = torch::randn({2, 3, 4, 5});
  Tensor const noisy = noisy_image(schedule, image, torch::tensor({49, 99}), noise);
  Tensor const first = 0.702737 * image[0] + 0.711449 * noise[0];
  EXPECT_LT((noisy[0] - first).abs().max().item<double>(), 1e-4);
  EXPECT_LT((noisy[1] - noise[1]).abs().max().item<double>(), 1e-3);
}

/// Steps from noise with a network that always sees the same clean image.
struct Run {
  Tensor image;
  std::vector<int> asked_noise, asked_steps;
};

Run run(Sampling const& sampling, Tensor const& truth) {
  Run result;
  torch::manual_seed(3);
  result.image = sample(
      cosine_schedule(100), sampling,
      [&](Tensor const&, int step) {
        result.asked_steps.push_back(step);
        return truth;
      },
      [&](int step) {
        result.asked_noise.push_back(step);
        return torch::randn(truth.sizes());
      });
  return result;
}

TEST(Diffusion, sampling_ends_with_what_the_network_sees_last) {
  Tensor const truth = 2 * torch::rand({1, 2, 6, 6}) - 1;
  auto const result = run({.steps = 4}, truth);
  EXPECT_TRUE(torch::equal(result.image, truth));
  EXPECT_THAT(result.asked_steps, ElementsAre(99, 74, 49, 24));
  EXPECT_THAT(result.asked_noise, ElementsAre(100));
}

TEST(Diffusion, sampling_asks_for_fresh_noise_where_eta_is_positive) {
  auto const result = run({.steps = 4, .eta = 1}, torch::zeros({1, 2, 6, 6}));
  EXPECT_THAT(result.asked_noise, ElementsAre(100, 99, 74, 49));
}

TEST(Diffusion, sampling_cuts_clean_images_to_the_range_where_asked) {
  Tensor const truth = torch::full({1, 1, 2, 2}, 1.5);
  EXPECT_EQ(run({.steps = 2}, truth).image.max().item<float>(), 1.0f);
  EXPECT_EQ(run({.steps = 2, .clamp = false}, truth).image.max().item<float>(), 1.5f);
}

TEST(Diffusion, update_with_the_true_image_keeps_the_noise) {
  auto const schedule = cosine_schedule(100);
  Tensor const truth = 2 * torch::rand({1, 2, 6, 6}, torch::kFloat64) - 1;
  Tensor const noise = torch::randn({1, 2, 6, 6}, torch::kFloat64);
  Tensor const noisy = noisy_image(schedule, truth, torch::tensor({60}), noise);
  Tensor const updated = sampling_update(schedule, {}, noisy, truth, 60, 30, {});
  Tensor const expected = noisy_image(schedule, truth, torch::tensor({30}), noise);
  EXPECT_LT((updated - expected).abs().max().item<double>(), 1e-12);
}

TEST(Diffusion, update_with_fresh_noise_has_the_deviation_of_the_schedule) {
  auto const schedule = cosine_schedule(100);
  torch::manual_seed(4);
  Tensor const truth = torch::zeros({1, 1, 300, 300}, torch::kFloat64);
  Tensor const noisy = noisy_image(schedule, truth, torch::tensor({60}), torch::randn_like(truth));
  Tensor const updated =
      sampling_update(schedule, {.eta = 1}, noisy, truth, 60, 30, torch::randn_like(truth));
  EXPECT_NEAR(updated.var().item<double>(), 1 - schedule.image_share[30], 0.01);
}

}  // namespace
}  // namespace stfcube::nn
