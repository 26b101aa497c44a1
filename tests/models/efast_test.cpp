#include "stfcube/models/classical/efast.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_hash;
using testing::GoldenResult;
using ::testing::HasSubstr;
using testing::predict;
using Options = std::map<std::string, std::string>;

ModelSettings settings_of(int ratio, int bands, Options options) {
  ModelSettings settings;
  settings.bands = {"red", "nir"};
  settings.bands.resize(static_cast<std::size_t>(bands));
  settings.ratio = ratio;
  settings.options = std::move(options);
  return settings;
}

GoldenResult run(FusionInput const& input, Options options = {}) {
  auto const model = make_model("efast", settings_of(input.ratio, input.fine.dn.bands(), std::move(options)));
  return predict(*model, input);
}

/// A scene with fine images on some days, coarse ones on others, and values by hash. Days count from
/// 2020-01-01.
FusionInput series(int ratio, int width, int height, std::vector<int> const& fine,
                   std::vector<int> const& coarse, std::vector<int> const& targets, int bands = 2) {
  Date const start = *make_date(2020, 1, 1);
  int const across = (width + ratio - 1) / ratio, down = (height + ratio - 1) / ratio;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, width, height};
  input.cells = {0, 0, across, down};
  input.ratio = ratio;
  for (int day : targets) input.targets.push_back(start + day);
  input.fine.dn = Stack<Dn>(static_cast<int>(fine.size()), bands, height, width);
  input.coarse.dn = Stack<Dn>(static_cast<int>(coarse.size()), bands, down, across);
  auto const fill = [&](SceneSeries& into, std::vector<int> const& days, int salt) {
    for (std::size_t i = 0; i < days.size(); ++i) {
      into.dates.push_back(start + days[i]);
      for (int b = 0; b < bands; ++b) {
        for (int y = 0; y < into.dn.rows(); ++y) {
          for (int x = 0; x < into.dn.cols(); ++x) {
            into.dn.at(static_cast<int>(i), b, y, x) =
                static_cast<Dn>(500 + 10 * days[i] + golden_hash(x, y, b, salt + days[i]) % 1000);
          }
        }
      }
    }
  };
  fill(input.fine, fine, 0);
  fill(input.coarse, coarse, 500);
  return input;
}

void cloud(Stack<Dn>& images, int date, Rect const& px) {
  for (int b = 0; b < images.bands(); ++b) {
    for (int y = px.y; y < px.bottom(); ++y) std::fill_n(images.row(date, b, y) + px.x, px.width, no_data_dn);
  }
}

/// The specification read literally, one pixel at a time.
class Plain {
 public:
  Plain(FusionInput const& input, int distance, int window, int coarse_window, int least)
      : in_(input), distance_(distance), window_(window), coarse_window_(coarse_window), least_(least) {
    for (int j = 0; j < input.fine.dn.dates(); ++j) {
      for (int row = 0; row < input.cells.height; ++row) {
        for (int column = 0; column < input.cells.width; ++column)
          cloudy_.push_back(is_cloudy(j, row, column));
      }
    }
    for (Date const target : input.targets) {
      for (int j = 0; j < input.fine.dn.dates(); ++j) {
        for (int row = 0; row < input.cells.height; ++row) {
          for (int column = 0; column < input.cells.width; ++column)
            raw_.push_back(raw_weight(j, target, row, column));
        }
      }
    }
  }

  double predict(int target, int band, int y, int x) const {
    Date const day = in_.targets[static_cast<std::size_t>(target)];
    double const now = bilinear(y, x, [&](int r, int c) { return coarse(day, band, r, c); });
    if (std::isnan(now)) return now;
    double sum = 0, total = 0;
    for (int j = 0; j < in_.fine.dn.dates(); ++j) {
      Date const then = in_.fine.dates[static_cast<std::size_t>(j)];
      if (in_.fine.dn.at(j, band, y, x) == no_data_dn) continue;
      double const before = bilinear(y, x, [&](int r, int c) { return coarse(then, band, r, c); });
      double const weight = bilinear(y, x, [&](int r, int c) {
        double all = 0;
        for (int k = 0; k < in_.fine.dn.dates(); ++k) all += raw(k, target, r, c);
        return all > 0 ? raw(j, target, r, c) / all : 0;
      });
      if (!(weight > 0) || std::isnan(before)) continue;
      sum += weight * (in_.fine.dn.at(j, band, y, x) + now - before);
      total += weight;
    }
    return total > 0 ? sum / total : now;
  }

 private:
  std::size_t cell(int image, int row, int column) const {
    return static_cast<std::size_t>((image * in_.cells.height + row) * in_.cells.width + column);
  }
  double raw(int j, int target, int row, int column) const {
    return raw_[cell(target * in_.fine.dn.dates() + j, row, column)];
  }
  double raw_weight(int j, Date day, int row, int column) const {
    Date const then = in_.fine.dates[static_cast<std::size_t>(j)];
    if (std::abs(then - day) > window_ || std::isnan(coarse(then, 0, row, column))) return 0;
    double const time = std::exp(-std::pow(then - day, 2) / (2 * 20.0 * 20.0));
    if (distance_ == 0) return time;
    double nearest = distance_ + 1;
    for (int r = 0; r < in_.cells.height; ++r) {
      for (int c = 0; c < in_.cells.width; ++c) {
        if (cloudy_[cell(j, r, c)]) nearest = std::min(nearest, std::hypot(r - row, c - column));
      }
    }
    return time * std::clamp((nearest - 1) / distance_, 0.0, 1.0);
  }

  bool is_cloudy(int j, int row, int column) const {
    Rect const px = intersect({column * in_.ratio, row * in_.ratio, in_.ratio, in_.ratio}, in_.scene_px);
    int missing = 0;
    for (int y = px.y; y < px.bottom(); ++y) {
      for (int x = px.x; x < px.right(); ++x) missing += in_.fine.dn.at(j, 0, y, x) == no_data_dn;
    }
    return missing > 0 && missing >= 0.05 * static_cast<double>(px.area());
  }

  double coarse(Date day, int band, int row, int column) const {
    int before = -1, after = -1, count = 0;
    for (int i = 0; i < in_.coarse.dn.dates(); ++i) {
      Date const d = in_.coarse.dates[static_cast<std::size_t>(i)];
      if (std::abs(d - day) > coarse_window_ || in_.coarse.dn.at(i, 0, row, column) == no_data_dn) continue;
      if (d == day) return in_.coarse.dn.at(i, band, row, column);
      ++count;
      if (d < day) before = i;
      if (d > day && after < 0) after = i;
    }
    if (before < 0 || after < 0 || count < least_) return std::nan("");
    double const a = in_.coarse.dates[static_cast<std::size_t>(before)] - day,
                 b = in_.coarse.dates[static_cast<std::size_t>(after)] - day;
    return (in_.coarse.dn.at(before, band, row, column) * b -
            in_.coarse.dn.at(after, band, row, column) * a) /
           (b - a);
  }

  template <class At>
  double bilinear(int y, int x, At const& at) const {
    double const u = (x + 0.5) / in_.ratio - 0.5, v = (y + 0.5) / in_.ratio - 0.5;
    int const column = static_cast<int>(std::floor(u)), row = static_cast<int>(std::floor(v));
    double sum = 0, total = 0;
    for (int r = row; r <= row + 1; ++r) {
      for (int c = column; c <= column + 1; ++c) {
        double const w = (1 - std::abs(u - c)) * (1 - std::abs(v - r));
        double const value =
            at(std::clamp(r, 0, in_.cells.height - 1), std::clamp(c, 0, in_.cells.width - 1));
        if (w < 1e-12 || std::isnan(value)) continue;
        sum += w * value;
        total += w;
      }
    }
    return total > 0 ? sum / total : std::nan("");
  }

  FusionInput const& in_;
  int distance_, window_, coarse_window_, least_;
  std::vector<bool> cloudy_;  ///< [image, cell]
  std::vector<double> raw_;   ///< [target, image, cell]
};

/// Clouds in fine and coarse images, a target without a coarse image, several targets.
FusionInput cloudy_series(int ratio) {
  FusionInput input =
      series(ratio, 7 * ratio - 1, 6 * ratio, {0, 8, 20, 40}, {0, 6, 8, 10, 16, 24, 40, 44}, {8, 13, 16, 55});
  cloud(input.fine.dn, 0, {3 * ratio, 2 * ratio, ratio, ratio});
  cloud(input.fine.dn, 1, {0, 0, ratio, 2 * ratio});
  cloud(input.fine.dn, 2, {5 * ratio, 5 * ratio, 1, 1});
  cloud(input.fine.dn, 3, {2, 3, 2, 1});
  cloud(input.coarse.dn, 2, {1, 1, 2, 1});
  cloud(input.coarse.dn, 4, {4, 4, 1, 1});
  cloud(input.coarse.dn, 0, {0, 4, 1, 1});
  return input;
}

class EfastRatios : public ::testing::TestWithParam<std::pair<int, int>> {};
INSTANTIATE_TEST_SUITE_P(Ratios, EfastRatios,
                         ::testing::Values(std::pair{1, 2}, std::pair{2, 2}, std::pair{5, 0},
                                           std::pair{10, 3}, std::pair{16, 1}));

TEST_P(EfastRatios, equals_the_specification_read_literally) {
  auto const [ratio, distance] = GetParam();
  FusionInput const input = cloudy_series(ratio);
  auto const result = run(input, {{"efast.distance", std::to_string(distance)}});
  Plain const plain(input, distance, 30, 45, 4);
  int numbers = 0;
  for (int target = 0; target < 4; ++target) {
    for (int band = 0; band < 2; ++band) {
      for (int y = 0; y < input.scene_px.height; ++y) {
        for (int x = 0; x < input.scene_px.width; ++x) {
          double const expected = plain.predict(target, band, y, x),
                       value = result.exact.at(target, band, y, x);
          if (std::isnan(expected)) {
            ASSERT_TRUE(std::isnan(value)) << target << ' ' << y << ' ' << x;
            ASSERT_EQ(result.output.quality.at(target, 0, y, x), quality::no_data);
            ASSERT_EQ(result.output.dn.at(target, band, y, x), no_data_dn);
          } else {
            ASSERT_NEAR(value, expected, 1e-7) << target << ' ' << y << ' ' << x;
            ++numbers;
          }
        }
      }
    }
  }
  EXPECT_GT(numbers, 2 * 2 * input.scene_px.area());  // two and a bit of the four targets
}

TEST_P(EfastRatios, tiles_equal_the_whole_and_need_their_halo) {
  auto const [ratio, distance] = GetParam();
  FusionInput const whole = cloudy_series(ratio);
  auto const model =
      make_model("efast", settings_of(ratio, 2, {{"efast.distance", std::to_string(distance)}}));
  auto const expected = predict(*model, whole);
  int const corner = 3 * ratio + ratio / 2 - 1;
  for (Rect const& core : {Rect{corner, corner, ratio + 1, 1}, Rect{0, 1, 2 * ratio, 3 * ratio},
                           Rect{4 * ratio, 2, 2 * ratio + 1, 5}}) {
    Rect const px = intersect(core, whole.scene_px);
    auto const tile = predict(*model, testing::tile_of(whole, px, model->info().support));
    for (int target = 0; target < 4; ++target) {
      for (int y = 0; y < px.height; ++y) {
        for (int x = 0; x < px.width; ++x) {
          ASSERT_EQ(tile.output.quality.at(target, 0, y, x),
                    expected.output.quality.at(target, 0, y + px.y, x + px.x));
          for (int band = 0; band < 2; ++band) {
            double const one = tile.exact.at(target, band, y, x),
                         other = expected.exact.at(target, band, y + px.y, x + px.x);
            ASSERT_TRUE(one == other || (std::isnan(one) && std::isnan(other)));
            ASSERT_EQ(tile.output.uncertainty.at(target, band, y, x),
                      expected.output.uncertainty.at(target, band, y + px.y, x + px.x));
          }
        }
      }
    }
  }
}

TEST(Efast, a_smaller_halo_is_refused) {
  for (int const ratio : {4, 5}) {
    FusionInput const whole = series(ratio, 11 * ratio, 11 * ratio, {0}, {0, 4}, {4});
    for (int const distance : {0, 1, 3}) {
      auto const model =
          make_model("efast", settings_of(ratio, 2, {{"efast.distance", std::to_string(distance)}}));
      int refused = 0;
      for (int at = 5 * ratio; at < 6 * ratio; ++at) {
        Rect const pixel{at, at, 1, 1};
        EXPECT_NO_THROW(predict(*model, testing::tile_of(whole, pixel, model->info().support)));
        Support smaller = model->info().support;
        (distance == 0 ? smaller.halo_cells : smaller.halo_px) -= 1;
        try {
          predict(*model, testing::tile_of(whole, pixel, smaller));
        } catch (Error const&) {
          ++refused;
        }
      }
      EXPECT_GT(refused, 0) << ratio << ' ' << distance;
    }
  }
}

TEST(Efast, results_do_not_depend_on_other_targets_and_dates) {
  FusionInput const all = cloudy_series(4);
  auto const expected = run(all, {{"efast.distance", "2"}});
  // The slab of the second target alone: coarse dates within 30 + 45 days, all fine dates within the gap.
  FusionInput one = cloudy_series(4);
  one.targets = {all.targets[1]};
  auto const result = run(one, {{"efast.distance", "2"}});
  EXPECT_TRUE(std::ranges::equal(result.output.dn.plane(0, 0), expected.output.dn.plane(1, 0)));
  EXPECT_TRUE(
      std::ranges::equal(result.output.uncertainty.plane(0, 1), expected.output.uncertainty.plane(1, 1)));
  auto const model = make_model("efast", settings_of(4, 2, {}));
  EXPECT_EQ(model->info().coarse_reach_days, 75);
  EXPECT_EQ(make_model("efast", settings_of(4, 2, {{"efast.window", "11"}, {"efast.coarse_window", "5"}}))
                ->info()
                .coarse_reach_days,
            16);
}

TEST(Efast, one_image_gives_the_increment) {
  FusionInput const input = series(4, 16, 16, {4}, {4, 10}, {4, 10});
  auto const result = run(input);
  auto const increment = predict(*make_model("increment", settings_of(4, 2, {})), input);
  for (std::size_t i = 0; i < result.exact.size(); ++i)
    ASSERT_NEAR(result.exact.all()[i], increment.exact.all()[i], 1e-8);
  EXPECT_EQ(result.output.quality.at(0, 0, 3, 3), quality::fused);
  EXPECT_EQ(result.output.quality.at(1, 0, 3, 3), quality::fused | quality::extrapolated);
  // Of the target's own day: the fine image itself; noise of three observations.
  EXPECT_NEAR(result.exact.at(0, 0, 5, 5), input.fine.dn.at(0, 0, 5, 5), 1e-9);
  EXPECT_EQ(result.output.uncertainty.at(0, 0, 5, 5), std::lround(20 * std::sqrt(3.0)));
}

TEST(Efast, two_equal_images_are_one) {
  FusionInput one = series(4, 16, 16, {4}, {4, 10}, {10});
  FusionInput two = series(4, 16, 16, {4, 16}, {4, 10, 16}, {10});
  for (int b = 0; b < 2; ++b) {
    std::ranges::copy(two.fine.dn.plane(0, b), two.fine.dn.plane(1, b).begin());
    std::ranges::copy(two.coarse.dn.plane(0, b), two.coarse.dn.plane(2, b).begin());
  }
  auto const single = run(one), both = run(two);
  for (std::size_t i = 0; i < single.exact.size(); ++i)
    ASSERT_NEAR(single.exact.all()[i], both.exact.all()[i], 1e-8);
  EXPECT_EQ(both.output.quality.at(0, 0, 3, 3), quality::fused);
}

TEST(Efast, weights_add_up_to_one) {
  FusionInput input = cloudy_series(5);
  for (auto* images : {&input.fine.dn, &input.coarse.dn}) {
    for (Dn& v : images->all()) v = v == no_data_dn ? v : Dn{1234};
  }
  auto const result = run(input, {{"efast.distance", "2"}});
  for (double const v : result.exact.all()) ASSERT_TRUE(std::isnan(v) || std::abs(v - 1234) < 1e-8) << v;
}

TEST(Efast, without_a_usable_fine_image_the_coarse_image_alone_remains) {
  FusionInput input = series(4, 16, 16, {4}, {4, 10}, {10});
  cloud(input.fine.dn, 0, {0, 0, 16, 16});
  for (int b = 0; b < 2; ++b) std::ranges::fill(input.coarse.dn.plane(1, b), Dn{800});
  auto const result = run(input);
  EXPECT_EQ(result.exact.at(0, 0, 7, 7), 800);
  EXPECT_EQ(result.output.quality.at(0, 0, 7, 7), quality::fused | quality::low_confidence);
  // Nothing is known but the coarse value.
  EXPECT_EQ(result.output.uncertainty.at(0, 0, 7, 7), std::lround(prediction_sigma(20, 0, 800)));
}

TEST(Efast, the_coarse_image_of_the_target_is_interpolated_in_time) {
  FusionInput input = series(4, 8, 8, {10}, {0, 5, 10, 20, 30}, {14});
  auto const result = run(input);
  EXPECT_EQ(result.output.quality.at(0, 0, 4, 4),
            quality::fused | quality::extrapolated | quality::input_masked);
  for (int b = 0; b < 2; ++b) {
    for (int i = 2; i < 4; ++i) std::ranges::fill(input.coarse.dn.plane(i, b), static_cast<Dn>(100 * i));
  }
  EXPECT_NEAR(run(input).exact.at(0, 0, 4, 4), input.fine.dn.at(0, 0, 4, 4) + 40, 1e-9);
  // Four observations are needed within the window.
  EXPECT_EQ(run(input, {{"efast.observations", "6"}}).output.quality.at(0, 0, 4, 4), quality::no_data);
  EXPECT_EQ(run(input, {{"efast.coarse_window", "8"}}).output.quality.at(0, 0, 4, 4), quality::no_data);
  EXPECT_NE(
      run(input, {{"efast.coarse_window", "8"}, {"efast.observations", "2"}}).output.quality.at(0, 0, 4, 4),
      quality::no_data);
}

TEST(Efast, a_coarse_image_within_the_tolerance_belongs_to_its_fine_image) {
  FusionInput const input = series(4, 8, 8, {10}, {11, 20}, {20});
  auto settings = settings_of(4, 2, {});
  EXPECT_EQ(predict(*make_model("efast", settings), input).output.quality.at(0, 0, 4, 4),
            quality::fused | quality::low_confidence);
  settings.pair_tolerance_days = 1;
  EXPECT_EQ(predict(*make_model("efast", settings), input).output.quality.at(0, 0, 4, 4),
            quality::fused | quality::extrapolated);
}

TEST(Efast, the_weight_in_time_has_the_given_width) {
  FusionInput input = series(2, 4, 4, {0, 30}, {0, 10, 30}, {10}, 1);
  for (int i = 0; i < 3; ++i) std::ranges::fill(input.coarse.dn.plane(i, 0), Dn{700});
  std::ranges::fill(input.fine.dn.plane(0, 0), Dn{100});
  std::ranges::fill(input.fine.dn.plane(1, 0), Dn{200});
  double const near = std::exp(-0.5), far = std::exp(-2.0);
  EXPECT_NEAR(run(input, {{"efast.sigma", "10"}}).exact.at(0, 0, 1, 1),
              (100 * near + 200 * far) / (near + far), 1e-9);
  EXPECT_EQ(run(input, {{"efast.window", "19"}}).exact.at(0, 0, 1, 1), 100);
  EXPECT_EQ(run(input, {{"efast.window", "19"}}).output.quality.at(0, 0, 1, 1),
            quality::fused | quality::extrapolated);
}

TEST(Efast, small_gaps_count_as_clouds_only_from_a_share_of_the_cell) {
  FusionInput input = series(10, 50, 50, {0, 3}, {0, 3, 4}, {4});
  auto const clear = run(input);
  cloud(input.fine.dn, 0, {22, 22, 2, 2});
  auto const small = run(input), counted = run(input, {{"efast.cloud_share", "0.04"}});
  EXPECT_EQ(small.exact.at(0, 0, 25, 25), clear.exact.at(0, 0, 25, 25));
  EXPECT_NE(small.exact.at(0, 0, 22, 22), clear.exact.at(0, 0, 22, 22));
  EXPECT_NE(counted.exact.at(0, 0, 25, 25), clear.exact.at(0, 0, 25, 25));
}

TEST(Efast, edge_cases_give_defined_results) {
  for (int const ratio : {2, 50}) {
    FusionInput input = series(ratio, ratio, ratio, {0, 9}, {0, 4, 9}, {4}, 1);
    for (int i = 0; i < 2; ++i) std::ranges::fill(input.fine.dn.plane(i, 0), no_data_dn);
    input.fine.dn.at(1, 0, 1, 1) = 900;
    auto const result = run(input, {{"efast.distance", "0"}});
    EXPECT_EQ(result.output.quality.at(0, 0, 1, 1), quality::fused | quality::extrapolated);
    EXPECT_EQ(result.output.quality.at(0, 0, 0, 0), quality::fused | quality::low_confidence);
    cloud(input.coarse.dn, 1, {0, 0, 1, 1});
    EXPECT_EQ(run(input).output.quality.at(0, 0, 1, 1), quality::no_data);
    input.fine.dates.clear();
    input.fine.dn = Stack<Dn>(0, 1, ratio, ratio);
    EXPECT_EQ(run(input).output.quality.at(0, 0, 1, 1), quality::no_data);
  }
  FusionInput dark = series(2, 4, 4, {0}, {0, 4}, {4}, 1);
  for (Dn& v : dark.fine.dn.all()) v = -1500;
  std::ranges::fill(dark.coarse.dn.plane(0, 0), Dn{900});
  std::ranges::fill(dark.coarse.dn.plane(1, 0), Dn{100});
  EXPECT_EQ(run(dark).output.quality.at(0, 0, 1, 1),
            quality::fused | quality::extrapolated | quality::clamped);
  EXPECT_EQ(run(dark).output.dn.at(0, 0, 1, 1), -2000);
}

TEST(Efast, boreas_accuracy_is_that_of_the_page) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const model = make_model("efast", testing::boreas_settings({{"efast.window", "60"}}));
  auto const output = predict(*model, testing::boreas_input({0, 2})).output;
  auto const accuracy = testing::boreas_accuracy(output.dn);
  constexpr std::array<double, 3> expected = {.0043, .0049, .0155};
  for (std::size_t band = 0; band < 3; ++band) EXPECT_NEAR(accuracy.rmse[band], expected[band], 5e-5) << band;
}

TEST(Efast, wrong_options_name_what_is_allowed) {
  auto const message = [](Options const& options) -> std::string {
    try {
      make_model("efast", settings_of(10, 2, options));
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({{"efast.sigma", "0"}}), HasSubstr("efast.sigma = 0"));
  EXPECT_THAT(message({{"efast.coarse_window", "wide"}}), HasSubstr("efast.coarse_window = wide"));
  EXPECT_THAT(message({{"efast.distanse", "3"}}), HasSubstr("Did you mean efast.distance?"));
}

}  // namespace
}  // namespace stfcube
