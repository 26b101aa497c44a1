#include "stfcube/models/nn/layers/map_statistics.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

/// Sums over 3 x 3 pixels with weights. Its bits do not depend on the size of the map, which those of a
/// convolution do.
Tensor blurred(Tensor const& map) {
  Tensor const wide = torch::constant_pad_nd(map, {1, 1, 1, 1});
  auto const shifted = [&](int row, int column) {
    return wide.narrow(2, 1 + row, map.size(2)).narrow(3, 1 + column, map.size(3));
  };
  Tensor sum = 0.4 * map;
  for (int row = -1; row <= 1; ++row) {
    for (int column = -1; column <= 1; ++column)
      sum = sum + (0.1 * row - 0.05 * column) * shifted(row, column);
  }
  return sum;
}

/// Two maps that are standardised over the whole image, the second one at half the resolution.
class TwoNorms : public Network {
 public:
  TwoNorms() {
    info_.form = NetworkForm::fine_and_target;
    info_.path = InferencePath::scene_statistics;
    info_.bands = 2;
    info_.radius_px = 4;
    info_.align_px = 2;
  }

  NetworkInfo const& info() const override { return info_; }
  Tensor predict(NetworkInput const& input) override {
    using torch::indexing::None;
    using torch::indexing::Slice;
    Tensor const fine = standardised(blurred(input.coarse_target - 0.5 * input.fine_before)).abs();
    Tensor const half = blurred(fine).index({Slice(), Slice(), Slice(None, None, 2), Slice(None, None, 2)});
    return blurred(standardised(half).repeat_interleave(2, 2).repeat_interleave(2, 3));
  }

 private:
  NetworkInfo info_;
};

TEST(MapStatistics, of_a_map_are_its_own_where_nobody_says_otherwise) {
  Tensor const map = torch::randn({2, 3, 7, 5});
  auto const moments = map_statistics(map, Wanted::mean_and_variance);
  EXPECT_TRUE(torch::allclose(moments.mean, map.mean({2, 3}, true)));
  EXPECT_TRUE(torch::allclose(moments.variance, map.var({2, 3}, false, true)));
  EXPECT_TRUE(torch::allclose(moments.unbiased_variance(), map.var({2, 3}, true, true)));
  EXPECT_EQ(moments.count, 35);
  auto const extremes = map_statistics(map, Wanted::mean_and_maximum);
  EXPECT_TRUE(torch::equal(extremes.maximum, map.amax({2, 3}, true)));
}

TEST(MapStatistics, of_two_halves_added_are_those_of_the_whole) {
  Tensor const map = torch::randn({1, 3, 8, 10}) * 3 - 1;
  auto const sums_of = [&](CoreRectangle const& core) {
    MapSums sums;
    EXPECT_TRUE(gather_statistics({}, {16, 20, {core}}, sums, [&] { map_statistics(map, Wanted::mean); }));
    return sums;
  };
  MapSums const whole = sums_of({0, 0, 16, 20});
  MapSums left = sums_of({0, 0, 16, 7});
  MapSums const right = sums_of({0, 7, 16, 13});
  EXPECT_EQ(left.count, 8 * 4) << "pixel 3 of the map begins at 6, pixel 4 at 8";
  left.add(right);
  EXPECT_EQ(left.count, whole.count);
  EXPECT_TRUE(left.sum == whole.sum && left.square == whole.square);
  EXPECT_EQ(left.maximum, whole.maximum);
  auto const constants = left.constants();
  for (int channel = 0; channel < 3; ++channel) {
    auto const at = static_cast<std::size_t>(channel);
    Tensor const plane = map[0][channel].to(torch::kFloat64);
    EXPECT_NEAR(constants.mean[at], plane.mean().item<double>(), 1e-6);
    EXPECT_NEAR(constants.variance[at], plane.var(false).item<double>(), 1e-5);
    EXPECT_EQ(constants.maximum[at], plane.max().item<double>());
  }
}

TEST(MapStatistics, gathered_in_rounds_give_blocks_the_result_of_the_whole_scene) {
  TwoNorms network;
  EXPECT_EQ(testing::measured_radius_of_held(network, 32), network.info().radius_px);
  torch::NoGradGuard const fixed;
  auto const scene = testing::random_input(network.info(), 48, 40);
  EXPECT_EQ(testing::scene_constants(network, scene, 16).size(), 2u);
  Tensor const small = testing::predict_by_blocks(network, scene, 12);
  EXPECT_LT(testing::relative_difference(small, network.predict(scene)), 1e-5);
  EXPECT_TRUE(torch::equal(small, testing::predict_by_blocks(network, scene, 22)))
      << "another blocking gives other bits";
}

TEST(MapStatistics, of_samples_in_one_call_are_those_of_all_their_cores) {
  torch::NoGradGuard const fixed;
  Tensor const map = torch::randn({2, 1, 6, 6});
  MapSums sums;
  gather_statistics({}, {6, 6, {{0, 0, 6, 4}, {2, 0, 4, 6}}}, sums,
                    [&] { map_statistics(map, Wanted::mean); });
  Tensor const parts = torch::cat({map[0][0].narrow(1, 0, 4).flatten(), map[1][0].narrow(0, 2, 4).flatten()});
  EXPECT_EQ(sums.count, 48);
  EXPECT_NEAR(sums.constants().mean[0], parts.mean().item<double>(), 1e-6);
}

TEST(MapStatistics, refuses_what_it_cannot_answer) {
  Tensor const map = torch::ones({1, 2, 6, 6});
  EXPECT_THROW(use_statistics({}, [&] { map_statistics(map, Wanted::mean); }), Error);
  MapSums sums;
  EXPECT_THROW(
      gather_statistics({}, {10, 6, {{0, 0, 10, 6}}}, sums, [&] { map_statistics(map, Wanted::mean); }),
      Error);
  EXPECT_THROW(
      gather_statistics({}, {6, 6, {{0, 0, 6, 6}}}, sums, [&] { map_statistics(map / 0, Wanted::mean); }),
      Error);
  EXPECT_THROW(MapSums().constants(), Error);
  EXPECT_EQ(map_statistics(map, Wanted::mean).count, 36) << "a provider outlived its scope";
}

}  // namespace
}  // namespace stfcube::nn
