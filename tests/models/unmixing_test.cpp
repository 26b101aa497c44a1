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

TEST(Unmixing, stdfa_equals_strum_without_bounds) {
  Options const same = {
      {"unmixing.ridge", "0.7"}, {"unmixing.bounds", "none"}, {"unmixing.smallest_share", "0"}};
  auto const strum = run(golden_input({0}), golden_options("strum", same));
  auto const stdfa = run(golden_input({0}), golden_options("stdfa", same));
  for (std::size_t i = 0; i < strum.exact.size(); ++i)
    ASSERT_NEAR(strum.exact.all()[i], stdfa.exact.all()[i], 1e-6) << i;
  auto const bounded = run(golden_input({0}), golden_options("stdfa", {{"unmixing.highest", "1500"}}));
  EXPECT_NE(bounded.sum(2), stdfa.sum(2));
}

/// What a test wants to vary.
struct Case {
  std::string method;
  Options options;
};
void PrintTo(Case const& c, std::ostream* out) {
  *out << c.method;
}

class UnmixingMethods : public ::testing::TestWithParam<Case> {
 protected:
  Options options(Options more = {}) const {
    more.insert(GetParam().options.begin(), GetParam().options.end());
    return golden_options(GetParam().method, more);
  }
};
INSTANTIATE_TEST_SUITE_P(Methods, UnmixingMethods,
                         ::testing::Values(Case{"strum", {}}, Case{"strum", {{"unmixing.bounds", "change"}}},
                                           Case{"stdfa", {}}, Case{"ubdf", {}}, Case{"mmt", {}}));

TEST_P(UnmixingMethods, tiles_equal_the_whole_and_need_their_halo) {
  FusionInput whole = golden_input({0, 2});
  whole.targets = {testing::golden_date(1)};
  for (int band = 0; band < 3; ++band) {
    for (int x = 14; x < 33; ++x) whole.fine.dn.at(0, band, 31, x) = no_data_dn;
    whole.coarse.dn.at(1, band, 4, 2) = no_data_dn;
    whole.coarse.dn.at(0, band, 3, 3) = no_data_dn;
  }
  for (int const zone_px : {0, 24}) {
    auto settings = golden_settings(options());
    settings.zone_px = zone_px;
    UnmixingModel model(settings);
    auto const expected = predict(model, whole);
    Rect const core{29, 23, 12, 17};  // its upper left corner is the last pixel of a cell in x
    auto const tile = predict(model, testing::tile_of(whole, core, model.info().support));
    for (int y = 0; y < core.height; ++y) {
      for (int x = 0; x < core.width; ++x) {
        ASSERT_EQ(tile.output.quality.at(0, 0, y, x),
                  expected.output.quality.at(0, 0, y + core.y, x + core.x));
        for (int band = 0; band < 3; ++band) {
          ASSERT_EQ(tile.exact.at(0, band, y, x), expected.exact.at(0, band, y + core.y, x + core.x));
          ASSERT_EQ(tile.output.uncertainty.at(0, band, y, x),
                    expected.output.uncertainty.at(0, band, y + core.y, x + core.x));
        }
      }
    }
    Support smaller = model.info().support;
    --smaller.halo_px;
    EXPECT_THROW(predict(model, testing::tile_of(whole, core, smaller)), Error);
  }
}

TEST_P(UnmixingMethods, all_targets_at_once_equal_each_alone) {
  FusionInput whole = golden_input({0, 1, 2});
  for (int band = 0; band < 3; ++band) whole.fine.dn.at(1, band, 7, 7) = no_data_dn;
  whole.targets = {testing::golden_date(0), testing::golden_date(1), testing::golden_date(2)};
  UnmixingModel model(golden_settings(options()));
  auto const together = predict(model, whole);
  for (int t = 0; t < 3; ++t) {
    whole.targets = {testing::golden_date(t)};
    auto const alone = predict(model, whole);
    for (int band = 0; band < 3; ++band)
      EXPECT_TRUE(std::ranges::equal(alone.exact.plane(0, band), together.exact.plane(t, band))) << t;
  }
}

TEST_P(UnmixingMethods, missing_input_is_flagged) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band) {
    input.coarse.dn.at(1, band, 2, 2) = no_data_dn;
    input.fine.dn.at(0, band, 50, 50) = no_data_dn;
  }
  auto const result = run(input, options());
  EXPECT_EQ(result.output.quality.at(0, 0, 25, 25),
            quality::fused | quality::extrapolated | quality::input_masked);
  EXPECT_EQ(result.output.quality.at(0, 0, 25, 35), quality::fused | quality::extrapolated);
  EXPECT_EQ(result.output.quality.at(0, 0, 50, 50), quality::no_data);
  EXPECT_EQ(result.output.dn.at(0, 0, 50, 50), no_data_dn);
}

TEST_P(UnmixingMethods, a_target_without_coarse_values_is_interpolated_in_time) {
  FusionInput input = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) std::ranges::fill(input.coarse.dn.plane(1, band), no_data_dn);
  auto const result = run(input, options());
  EXPECT_EQ(result.output.quality.at(0, 0, 25, 25), quality::gap_filled | quality::low_confidence);
  EXPECT_EQ(result.exact.at(0, 2, 25, 25),
            (testing::golden_fine(0, 2, 25, 25) + testing::golden_fine(2, 2, 25, 25)) / 2.0);
}

TEST_P(UnmixingMethods, a_class_map_takes_the_place_of_k_means) {
  FusionInput input = golden_input({0});
  input.classes = Stack<std::int32_t>(1, 1, 60, 60);
  std::ranges::fill(input.classes.all(), 40);
  auto settings = golden_settings(options());
  settings.class_map = true;
  UnmixingModel model(settings);
  auto const result = predict(model, input);
  // One class: in the corner the mean of four cells and of the prior, which is that of all cells. (Through
  // the point-spread function the shares are one all the same.)
  auto const value = [&](int row, int column) -> double {
    int const base = GetParam().method == "ubdf" || GetParam().method == "mmt"
                         ? 0
                         : testing::golden_coarse(0, 1, row, column);
    return testing::golden_coarse(1, 1, row, column) - base;
  };
  double all = 0;
  for (int i = 0; i < 36; ++i) all += value(i / 6, i % 6);
  double const ridge = GetParam().method == "strum" ? 1 : 0.01;
  double const e = (value(0, 0) + value(0, 1) + value(1, 0) + value(1, 1) + ridge * all / 36) / (4 + ridge);
  bool const adds = GetParam().method == "strum" || GetParam().method == "stdfa";
  EXPECT_NEAR(result.exact.at(0, 1, 3, 3), e + (adds ? testing::golden_fine(0, 1, 3, 3) : 0), 1e-9);
}

TEST_P(UnmixingMethods, memory_is_told) {
  UnmixingModel model(golden_settings(options()));
  TileShape shape{60, 60, 60, 60, 3, 2, 3, 1};
  EXPECT_GT(model.memory_bytes(shape, 1), std::size_t{2} * 60 * 60 * sizeof(std::int16_t));
  TileShape const larger{60, 60, 120, 120, 3, 2, 3, 1};
  EXPECT_GT(model.memory_bytes(larger, 1), model.memory_bytes(shape, 1));
}

TEST(Unmixing, bounds_of_the_change_hold) {
  FusionInput const input = golden_input({0});
  auto const free = run(input, golden_options("strum", {{"unmixing.ridge", "0"}}));
  auto const bounded =
      run(input, golden_options("strum", {{"unmixing.ridge", "0"}, {"unmixing.bounds", "change"}}));
  double least = 1e9, most = -1e9, sum = 0, squares = 0;
  for (int i = 0; i < 36; ++i) {
    double const change =
        testing::golden_coarse(1, 2, i / 6, i % 6) - testing::golden_coarse(0, 2, i / 6, i % 6);
    least = std::min(least, change);
    most = std::max(most, change);
    sum += change;
    squares += change * change;
  }
  double const sigma = std::sqrt(squares / 36 - sum / 36 * (sum / 36));
  bool beyond = false;
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) {
      double const fine = testing::golden_fine(0, 2, y, x);
      beyond = beyond || free.exact.at(0, 2, y, x) - fine > most + sigma ||
               free.exact.at(0, 2, y, x) - fine < least - sigma;
      EXPECT_LE(bounded.exact.at(0, 2, y, x) - fine, most + sigma + 1e-9);
      EXPECT_GE(bounded.exact.at(0, 2, y, x) - fine, least - sigma - 1e-9);
    }
  }
  EXPECT_TRUE(beyond);
}

TEST(Unmixing, shares_through_the_point_spread_function_differ) {
  auto const ubdf = run(golden_input({0}), golden_options("ubdf"));
  auto const mmt = run(golden_input({0}), golden_options("mmt"));
  EXPECT_NE(ubdf.sum(2), mmt.sum(2));
  EXPECT_NEAR(static_cast<double>(ubdf.sum(2)), static_cast<double>(mmt.sum(2)), 0.1 * 7147249);
}

TEST(Unmixing, uncertainty_has_the_scatter_of_a_class_only_where_the_class_value_is_the_prediction) {
  FusionInput input = golden_input({0});
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) {
      for (int band = 0; band < 3; ++band) input.fine.dn.at(0, band, y, x) = x % 2 == 0 ? 400 : 800;
    }
  }
  for (auto const v : {0, 1})
    for (int band = 0; band < 3; ++band) std::ranges::fill(input.coarse.dn.plane(v, band), Dn{600});
  Options const one_class = {{"unmixing.classes", "1"}};
  auto more = one_class;
  more.insert({{"unmixing.method", "ubdf"}, {"unmixing.radius", "1"}});
  EXPECT_EQ(run(input, more).output.uncertainty.at(0, 0, 30, 30), std::lround(std::hypot(200, 20)));
  more["unmixing.method"] = "strum";
  EXPECT_EQ(run(input, more).output.uncertainty.at(0, 0, 30, 30), std::lround(20 * std::sqrt(3.0)));
}

TEST(Unmixing, a_class_map_fills_pixels_without_a_fine_image) {
  FusionInput input = golden_input({0});
  input.classes = Stack<std::int32_t>(1, 1, 60, 60);
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) input.classes.at(0, 0, y, x) = (x / 7 + y / 9) % 2;
  }
  for (int band = 0; band < 3; ++band) {
    for (int x = 40; x < 60; ++x) input.fine.dn.at(0, band, 8, x) = no_data_dn;
  }
  for (bool const fill : {false, true}) {
    auto settings = golden_settings(golden_options("ubdf", {{"unmixing.fill", fill ? "true" : "false"}}));
    settings.class_map = true;
    UnmixingModel model(settings);
    auto const result = predict(model, input);
    EXPECT_EQ(result.output.quality.at(0, 0, 8, 50),
              fill ? quality::fused | quality::extrapolated : quality::no_data);
    EXPECT_EQ(std::isfinite(result.exact.at(0, 0, 8, 50)), fill);
    EXPECT_LT(result.output.uncertainty.at(0, 0, 8, 45), 5000);
  }
}

TEST(Unmixing, every_option_changes_the_result) {
  auto const sums = [](Options const& more) {
    auto const result = run(golden_input({0}), golden_options("ubdf", more));
    return std::vector<double>(result.exact.all().begin(), result.exact.all().end());
  };
  auto const plain = sums({});
  for (Options const& more : {Options{{"unmixing.classes", "2"}}, Options{{"unmixing.sample", "3000"}},
                              Options{{"unmixing.radius", "2"}}, Options{{"unmixing.purest", "1"}},
                              Options{{"unmixing.ridge", "5"}}, Options{{"unmixing.bounds", "none"}},
                              Options{{"unmixing.lowest", "250"}}, Options{{"unmixing.highest", "1000"}},
                              Options{{"unmixing.smallest_share", "0.6"}}}) {
    EXPECT_NE(sums(more), plain) << more.begin()->first;
  }
}

TEST(Unmixing, wrong_options_name_what_is_allowed) {
  auto const message = [](Options const& options, int ratio = 10) -> std::string {
    try {
      auto settings = golden_settings(options);
      settings.ratio = ratio;
      UnmixingModel model(settings);
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({{"unmixing.method", "istrum"}}), HasSubstr("strum, stdfa, ubdf, mmt"));
  EXPECT_THAT(message({{"unmixing.ridge", "-1"}}), HasSubstr("unmixing.ridge = -1"));
  EXPECT_THAT(message({{"unmixing.method", "ubdf"}, {"unmixing.bounds", "change"}}), HasSubstr("strum"));
  EXPECT_THAT(message({{"unmixing.bounds", "values"}, {"unmixing.lowest", "20000"}}), HasSubstr("below"));
  EXPECT_THAT(message({{"unmixing.classes", "0"}}), HasSubstr("from 1 to 32"));
  EXPECT_THAT(message({{"unmixing.fill", "true"}}), HasSubstr("class map"));
  EXPECT_THAT(message({}, 101), HasSubstr("grid.ratio = 101"));
}

}  // namespace
}  // namespace stfcube
