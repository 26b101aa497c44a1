#include "stfcube/models/classical/bayes.hpp"

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

Options with(Options more) {
  more.insert({{"bayes.classes", "3"}, {"bayes.purest", "10"}});
  return more;
}

testing::GoldenResult run(FusionInput const& input, Options const& options) {
  BayesModel model(golden_settings(with(options)));
  return predict(model, input);
}

struct Case {
  std::string method, prior;
};
void PrintTo(Case const& c, std::ostream* out) {
  *out << c.method << ' ' << c.prior;
}

class Bayes : public ::testing::TestWithParam<Case> {
 protected:
  Options options(Options more = {}) const {
    more.insert({{"bayes.method", GetParam().method}, {"bayes.prior", GetParam().prior}});
    return more;
  }
};
INSTANTIATE_TEST_SUITE_P(Methods, Bayes,
                         ::testing::Values(Case{"block", "change"}, Case{"block", "linear"},
                                           Case{"smooth", "change"}, Case{"smooth", "linear"}));

double cell_mean(testing::GoldenResult const& result, int band, int column, int row) {
  double sum = 0;
  for (int y = 10 * row; y < 10 * row + 10; ++y) {
    for (int x = 10 * column; x < 10 * column + 10; ++x) sum += result.exact.at(0, band, y, x);
  }
  return sum / 100;
}

TEST_P(Bayes, without_noise_fine_pixels_average_to_coarse_values) {
  auto const result =
      run(golden_input({0, 2}), options({{"bayes.coarse_sigma", "0"}, {"bayes.bias", "none"}}));
  for (int band = 0; band < 3; ++band) {
    for (int i = 0; i < 36; ++i)
      EXPECT_NEAR(cell_mean(result, band, i % 6, i / 6), testing::golden_coarse(1, band, i / 6, i % 6), 1e-6)
          << i;
  }
}

TEST_P(Bayes, without_noise_the_sensors_keep_their_difference) {
  auto const result = run(golden_input({0}), options({{"bayes.coarse_sigma", "0"}}));
  for (int i = 0; i < 36; ++i) {
    double fine = 0;
    for (int j = 0; j < 100; ++j)
      fine += testing::golden_fine(0, 1, 10 * (i / 6) + j / 10, 10 * (i % 6) + j % 10) / 100.0;
    EXPECT_NEAR(
        cell_mean(result, 1, i % 6, i / 6),
        fine + testing::golden_coarse(1, 1, i / 6, i % 6) - testing::golden_coarse(0, 1, i / 6, i % 6), 1e-6);
  }
}

TEST(BayesPrior, much_noise_leaves_the_class_change_of_the_golden_row) {
  for (auto const* method : {"block", "smooth"}) {
    auto const result = run(golden_input({0}), {{"bayes.method", method}, {"bayes.coarse_sigma", "32767"}});
    EXPECT_EQ(result.sum(0), 2650435);
    EXPECT_EQ(result.sum(1), 2836470);
    EXPECT_EQ(result.sum(2), 7124151);
  }
}

TEST(BayesPrior, much_noise_leaves_the_line_between_two_dates) {
  auto const result = run(golden_input({0, 2}), {{"bayes.prior", "linear"}, {"bayes.coarse_sigma", "32767"}});
  for (int y = 0; y < 60; y += 7) {
    for (int x = 0; x < 60; x += 5) {
      EXPECT_NEAR(result.exact.at(0, 2, y, x),
                  (testing::golden_fine(0, 2, y, x) + testing::golden_fine(2, 2, y, x)) / 2.0, 0.05);
    }
  }
}

TEST(BayesPrior, one_class_takes_the_innovation_evenly) {
  auto const result = run(golden_input({0}), {{"bayes.classes", "1"}, {"bayes.coarse_sigma", "0"}});
  double const shift = result.exact.at(0, 0, 20, 30) - testing::golden_fine(0, 0, 20, 30);
  for (int y = 20; y < 30; ++y) {
    for (int x = 30; x < 40; ++x)
      ASSERT_NEAR(result.exact.at(0, 0, y, x) - testing::golden_fine(0, 0, y, x), shift, 1e-9);
  }
  EXPECT_NE(result.exact.at(0, 0, 20, 29) - testing::golden_fine(0, 0, 20, 29), shift);
}

/// One class, constant images: 500 at both pairs but for pixels that differ by `spread` up and down.
FusionInput flat(int spread) {
  FusionInput input = golden_input({0, 2});
  input.fine.dn.fill(500);
  input.coarse.dn.fill(500);
  for (int band = 0; band < 3; ++band) {
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x)
        input.fine.dn.at(1, band, y, x) = static_cast<Dn>(500 + (x % 2 == 0 ? spread : -spread));
    }
  }
  return input;
}

TEST(BayesVariance, two_pairs_tell_how_pixels_of_a_class_differ) {
  // Variance 80^2 of single pixels, 64 of the mean of 100 and 2500 of the coarse noise: 6400 (1 - 64 / 100 /
  // 2564).
  auto const block = run(flat(80), {});
  EXPECT_EQ(block.output.uncertainty.at(0, 0, 30, 30), std::lround(std::sqrt(6400 - 64.0 * 64 / 2564)));
  auto const rule = run(flat(80), {{"bayes.variance", "change"}});
  EXPECT_EQ(rule.output.uncertainty.at(0, 0, 30, 30), 30);
  FusionInput single = golden_input({0});
  single.fine.dn.fill(500);
  single.coarse.dn.fill(500);
  for (Dn& value : single.coarse.dn.plane(1, 0)) value = 700;
  // No second pair: 0.3 of the class change and 30 DN.
  double const q = 90.0 * 90;
  EXPECT_EQ(run(single, {}).output.uncertainty.at(0, 0, 30, 30),
            std::lround(std::sqrt(q - q / 100 * q / 100 / (q / 100 + 2500))));
}

TEST(BayesVariance, between_two_dates_it_is_that_of_a_walk) {
  // Halfway 6400 / 4, and half the noise of one observation (20 DN in green).
  double const q = 1600 + 200;
  auto const result = run(flat(80), {{"bayes.prior", "linear"}});
  EXPECT_EQ(result.output.uncertainty.at(0, 0, 30, 30),
            std::lround(std::sqrt(q - q / 100 * q / 100 / (q / 100 + 2500))));
}

TEST_P(Bayes, tiles_equal_the_whole_and_need_their_halo) {
  FusionInput whole = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) {
    for (int x = 14; x < 33; ++x) whole.fine.dn.at(0, band, 31, x) = no_data_dn;
    whole.coarse.dn.at(1, band, 4, 3) = no_data_dn;
    whole.coarse.dn.at(0, band, 2, 2) = no_data_dn;
  }
  for (int const zone_px : {0, 24}) {
    auto settings = golden_settings(with(options()));
    settings.zone_px = zone_px;
    BayesModel model(settings);
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

TEST_P(Bayes, all_targets_at_once_equal_each_alone) {
  FusionInput whole = golden_input({0, 1, 2});
  for (int band = 0; band < 3; ++band) whole.fine.dn.at(1, band, 7, 7) = no_data_dn;
  whole.targets = {testing::golden_date(0), testing::golden_date(1), testing::golden_date(2)};
  BayesModel model(golden_settings(with(options())));
  auto const together = predict(model, whole);
  for (int t = 0; t < 3; ++t) {
    whole.targets = {testing::golden_date(t)};
    auto const alone = predict(model, whole);
    for (int band = 0; band < 3; ++band)
      EXPECT_TRUE(std::ranges::equal(alone.exact.plane(0, band), together.exact.plane(t, band))) << t;
  }
}

TEST(BayesGaps, a_missing_cell_keeps_what_was_expected) {
  FusionInput input = golden_input({0});
  auto const whole = run(input, {{"bayes.coarse_sigma", "32767"}});
  for (int band = 0; band < 3; ++band) input.coarse.dn.at(1, band, 2, 2) = no_data_dn;
  auto const result = run(input, {{"bayes.variance", "change"}});
  EXPECT_EQ(result.output.quality.at(0, 0, 25, 25),
            quality::fused | quality::extrapolated | quality::input_masked | quality::low_confidence);
  EXPECT_NEAR(result.exact.at(0, 2, 25, 25), whole.exact.at(0, 2, 25, 25),
              30);  // class changes without that cell
  EXPECT_EQ(result.output.quality.at(0, 0, 25, 35), quality::fused | quality::extrapolated);
  EXPECT_GT(result.output.uncertainty.at(0, 2, 25, 25), 30);
}

TEST_P(Bayes, pixels_without_a_pair_are_interpolated_in_time_or_empty) {
  FusionInput input = golden_input({0, 2});
  for (int band = 0; band < 3; ++band) {
    for (int k : {0, 1}) input.fine.dn.at(k, band, 5, 5) = no_data_dn;
    input.coarse.dn.at(0, band, 3, 3) = no_data_dn;
    input.coarse.dn.at(2, band, 3, 3) = no_data_dn;
  }
  auto const result = run(input, options());
  EXPECT_EQ(result.output.quality.at(0, 0, 5, 5), quality::no_data);
  EXPECT_EQ(result.output.quality.at(0, 0, 35, 35), quality::gap_filled | quality::low_confidence);
  EXPECT_EQ(result.exact.at(0, 0, 35, 35),
            (testing::golden_fine(0, 0, 35, 35) + testing::golden_fine(2, 0, 35, 35)) / 2.0);
  input.coarse.dates[1] = input.coarse.dates[1] + 1;  // no coarse image of the target
  EXPECT_EQ(run(input, options()).output.quality.at(0, 0, 25, 25),
            quality::gap_filled | quality::low_confidence);
}

TEST_P(Bayes, a_class_map_takes_the_place_of_k_means) {
  FusionInput input = golden_input({0});
  input.classes = Stack<std::int32_t>(1, 1, 60, 60);
  std::ranges::fill(input.classes.all(), 40);
  auto settings = golden_settings(with(options()));
  settings.class_map = true;
  BayesModel model(settings);
  auto const one = run(input, options({{"bayes.classes", "1"}}));
  EXPECT_TRUE(std::ranges::equal(predict(model, input).exact.all(), one.exact.all()));
}

TEST_P(Bayes, memory_is_told) {
  BayesModel model(golden_settings(with(options())));
  TileShape const shape{60, 60, 60, 60, 3, 2, 3, 1}, larger{60, 60, 120, 120, 3, 2, 3, 1};
  EXPECT_GT(model.memory_bytes(shape, 1), std::size_t{3} * 60 * 60 * sizeof(std::int16_t));
  EXPECT_GT(model.memory_bytes(larger, 1), model.memory_bytes(shape, 1));
}

TEST(BayesOptions, every_one_changes_the_result) {
  auto const values = [](Options more) {
    more.insert({"bayes.method", "smooth"});
    auto const result = run(golden_input({0, 2}), more);
    return std::vector<double>(result.exact.all().begin(), result.exact.all().end());
  };
  auto const plain = values({});
  for (Options const& more :
       {Options{{"bayes.method", "block"}}, Options{{"bayes.prior", "linear"}},
        Options{{"bayes.classes", "2"}}, Options{{"bayes.sample", "3000"}}, Options{{"bayes.purest", "2"}},
        Options{{"bayes.lowest_quantile", "0.4"}}, Options{{"bayes.highest_quantile", "0.6"}},
        Options{{"bayes.variance", "change"}}, Options{{"bayes.bias", "none"}},
        Options{{"bayes.coarse_sigma", "10"}}, Options{{"bayes.length", "20"}}}) {
    EXPECT_NE(values(more), plain) << more.begin()->first;
  }
}

TEST(BayesOptions, wrong_ones_name_what_is_allowed) {
  auto const message = [](Options const& options) -> std::string {
    try {
      BayesModel model(golden_settings(options));
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({{"bayes.method", "entropy"}}), HasSubstr("block, smooth"));
  EXPECT_THAT(message({{"bayes.prior", "mean"}}), HasSubstr("change, linear"));
  EXPECT_THAT(message({{"bayes.coarse_sigma", "-1"}}), HasSubstr("bayes.coarse_sigma = -1"));
  EXPECT_THAT(message({{"bayes.lenght", "5"}}), HasSubstr("Did you mean bayes.length?"));
}

}  // namespace
}  // namespace stfcube
