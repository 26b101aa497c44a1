#include "stfcube/models/classical/unmixing.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_settings;
using ::testing::HasSubstr;
using testing::predict;

using Options = std::map<std::string, std::string>;

Options golden_options(std::string const& method, Options more = {}) {
  more.insert({{"unmixing.method", method},
               {"unmixing.classes", "3"},
               {"unmixing.radius", "1"},
               {"unmixing.purest", "5"}});
  return more;
}

testing::GoldenResult run(FusionInput const& input, Options const& options) {
  auto settings = golden_settings(options);
  settings.quantity.lowest = 0;
  settings.quantity.highest = 10000;
  UnmixingModel model(settings);
  return predict(model, input);
}

void expect_near(std::vector<double> const& values, std::array<double, 3> const& expected) {
  for (std::size_t band = 0; band < 3; ++band) EXPECT_NEAR(values[band], expected[band], 5e-5) << band;
}

TEST(Unmixing, strum_has_the_golden_row) {
  auto const result = run(golden_input({0}), golden_options("strum"));
  EXPECT_EQ(result.sum(0), 2615683);
  EXPECT_EQ(result.sum(1), 2779750);
  EXPECT_EQ(result.sum(2), 7004925);
  expect_near(result.probe(0, 0), {403.4228, 276.4786, 226.0886});
  expect_near(result.probe(30, 30), {356.9379, 252.7174, 223.0195});
  expect_near(result.probe(38, 22), {448.9098, 248.7085, 243.1353});
  expect_near(result.probe(59, 41), {609.6971, 394.4726, 3073.7868});
}

TEST(Unmixing, ubdf_has_the_golden_row) {
  auto const result = run(golden_input({0}), golden_options("ubdf"));
  EXPECT_EQ(result.sum(0), 2706185);
  EXPECT_EQ(result.sum(1), 2726503);
  EXPECT_EQ(result.sum(2), 7147249);
  expect_near(result.probe(0, 0), {449.5333, 302.6625, 219.2656});
  expect_near(result.probe(30, 30), {388.3023, 197.0079, 0});
  expect_near(result.probe(59, 41), {584.3836, 363.7275, 3318.7708});
}

}  // namespace
}  // namespace stfcube
