#include "stfcube/models/nn/training/schedule.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "stfcube/models/nn/training/adamw.hpp"
#include "stfcube/models/nn/training/moving_average.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

ScheduleOptions of_kind(std::string const& kind) {
  ScheduleOptions options;
  options.kind = kind;
  options.learning_rate = 0.01;
  options.lowest = 0.001;
  return options;
}

TEST(Schedule, constant_stays) {
  Schedule const schedule(of_kind("constant"), 100);
  EXPECT_EQ(schedule.rate(1), 0.01);
  EXPECT_EQ(schedule.rate(100), 0.01);
}

TEST(Schedule, cosine_warms_up_and_ends_at_the_lowest) {
  auto options = of_kind("cosine");
  options.warm_up = 10;
  Schedule const schedule(options, 110);
  EXPECT_DOUBLE_EQ(schedule.rate(5), 0.005);
  EXPECT_DOUBLE_EQ(schedule.rate(10), 0.01);
  EXPECT_DOUBLE_EQ(schedule.rate(60), 0.0055);
  EXPECT_DOUBLE_EQ(schedule.rate(110), 0.001);
}

TEST(Schedule, step_falls_at_equal_distances) {
  auto options = of_kind("step");
  options.every = 20;
  options.factor = 0.8;
  Schedule const schedule(options, 100);
  EXPECT_DOUBLE_EQ(schedule.rate(20), 0.01);
  EXPECT_DOUBLE_EQ(schedule.rate(21), 0.008);
  EXPECT_DOUBLE_EQ(schedule.rate(41), 0.0064);
}

TEST(Schedule, plateau_falls_when_validation_does_not) {
  auto options = of_kind("plateau");
  options.patience = 1;
  options.factor = 0.1;
  Schedule schedule(options, 100);
  schedule.validated(1.0);
  schedule.validated(2.0);
  EXPECT_DOUBLE_EQ(schedule.rate(9), 0.01);
  schedule.validated(2.0);
  EXPECT_DOUBLE_EQ(schedule.rate(9), 0.001);
  schedule.validated(0.5);
  schedule.validated(0.6);
  schedule.validated(0.6);
  EXPECT_DOUBLE_EQ(schedule.rate(9), 0.001) << "never below the lowest";
}

TEST(Schedule, refuses_unknown_kinds) {
  EXPECT_THROW(Schedule(of_kind("linear"), 10), Error);
}

TEST(AdamW, goes_as_computed_by_hand) {
  auto values = torch::tensor({1.0F});
  AdamW optimiser(values, 0.9, 0.99, 0.1);
  optimiser.step(torch::tensor({2.0F}), 0.01);
  // The first step moves by the rate, after the decay.
  EXPECT_NEAR(values.item<float>(), 1.0 * (1 - 0.001) - 0.01, 1e-6);
  optimiser.step(torch::tensor({-1.0F}), 0.01);
  double const first = (0.9 * 0.2 - 0.1) / (1 - 0.81), second = (0.99 * 0.04 + 0.01) / (1 - 0.9801);
  EXPECT_NEAR(values.item<float>(), 0.989 * (1 - 0.001) - 0.01 * first / std::sqrt(second), 1e-6);
}

TEST(MovingAverage, follows_the_values) {
  auto values = torch::tensor({0.0F});
  MovingAverage average(values, 0.5);
  values.fill_(1.0F);
  average.update(1'000);
  EXPECT_FLOAT_EQ(average.average().item<float>(), 0.5F);
  average.update(1'001);
  EXPECT_FLOAT_EQ(average.average().item<float>(), 0.75F);
}

TEST(MovingAverage, soon_forgets_the_beginning) {
  auto values = torch::tensor({0.0F});
  MovingAverage average(values, 0.999);
  values.fill_(1.0F);
  average.update(1);
  EXPECT_NEAR(average.average().item<float>(), 1 - 2.0 / 11, 1e-6);
}

TEST(AveragedParameters, come_and_go) {
  auto values = torch::tensor({1.0F});
  {
    AveragedParameters const averaged(values, torch::tensor({3.0F}));
    EXPECT_EQ(values.item<float>(), 3);
  }
  EXPECT_EQ(values.item<float>(), 1);
}

}  // namespace
}  // namespace stfcube::nn
