#include "stfcube/models/classical/robot.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/robot_block.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_settings;
using ::testing::HasSubstr;
using testing::predict;
using Options = std::map<std::string, std::string>;

testing::GoldenResult run(FusionInput const& input, Options options = {}) {
  auto settings = golden_settings(std::move(options));
  settings.bands.resize(static_cast<std::size_t>(input.coarse.dn.bands()));
  settings.ratio = input.ratio;
  return predict(*make_model("robot", settings), input);
}

/// Fits of the golden scene's blocks in row-major order, for the first target.
std::vector<RobotFit> golden_fits(FusionInput const& input, RobotSettings const& settings) {
  RobotTile const tile(input, settings, std::vector<double>(3, 20.0), 0, 90);
  RobotLayout const layout{input.scene_px, settings.block_px, settings.step_px};
  std::vector<RobotFit> fits;
  for (int row = 0; row < layout.count(input.scene_px.height); ++row) {
    for (int column = 0; column < layout.count(input.scene_px.width); ++column) {
      fits.push_back(fit_robot_block(tile, layout.block(row, column)).front());
    }
  }
  return fits;
}

double sum_of(RobotFit const& fit) {
  double sum = 0;
  for (double a : fit.alpha) sum += a;
  return sum;
}

TEST(Robot, has_the_golden_row) {
  auto const result = run(golden_input({0, 2}), {{"robot.coarse", "nearest"}});
  EXPECT_EQ(result.sum(0), 2596315);
  EXPECT_EQ(result.sum(1), 2768299);
  EXPECT_EQ(result.sum(2), 6994466);
  constexpr int places[4][2] = {{0, 0}, {30, 30}, {38, 22}, {59, 41}};
  constexpr double expected[4][3] = {{391.9317, 274.4251, 140.7675},
                                     {359.8025, 290.1152, 194.7024},
                                     {441.3300, 272.7939, 187.0263},
                                     {634.8392, 412.2040, 3285.8829}};
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t b = 0; b < 3; ++b) {
      EXPECT_NEAR(result.probe(places[p][0], places[p][1])[b], expected[p][b], 5.001e-5) << p << ' ' << b;
    }
  }
  for (quality::Flags const q : result.output.quality.all()) ASSERT_EQ(q, quality::fused);
}

TEST(Robot, has_the_golden_sums_of_coefficients) {
  auto const fits = golden_fits(golden_input({0, 2}), {.bicubic = false});
  constexpr std::array<double, 9> expected = {1.030058, 1.009800, 1.039246, 1.027096, 1.008262,
                                              1.031133, 1.032347, 1.035310, 1.044526};
  ASSERT_EQ(fits.size(), expected.size());
  for (std::size_t i = 0; i < fits.size(); ++i) {
    EXPECT_NEAR(sum_of(fits[i]), expected[i], 5.001e-7) << i;
    EXPECT_EQ(fits[i].residual, i != 1 && i != 4);
  }
}

TEST(Robot, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const input = testing::boreas_input({0, 2});
  auto const rmse = [&](Options const& options) {
    auto const model = make_model("robot", testing::boreas_settings(options));
    return testing::boreas_accuracy(predict(*model, input).output.dn);
  };
  auto const accuracy = rmse({});
  testing::BoreasAccuracy const expected = {{.0050, .0069, .0132}, {.0035, .0046, .0097}, {.882, .850, .954}};
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
  EXPECT_NEAR(rmse({{"robot.reference", "time"}}).rmse[1], .0066, 5e-5);
}

}  // namespace
}  // namespace stfcube
