#include "stfcube/models/classical/obsum.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/purest_cells.hpp"
#include "stfcube/models/classical/unmix.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/method_cases.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::fuse_tile;
using testing::golden_input;
using testing::golden_settings;
using testing::is_part_of;
using testing::Options;
using testing::patchy_scene;
using testing::patchy_settings;
using testing::predict;

/// The golden scene with an object map by a function of (x, y).
template <class Number>
FusionInput with_objects(Number number) {
  FusionInput input = golden_input({0});
  input.objects = Stack<std::int32_t>(1, 1, 60, 60);
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) input.objects.at(0, 0, y, x) = number(x, y);
  }
  return input;
}

testing::GoldenResult run(FusionInput const& input, Options options) {
  options.merge(Options{
      {"obsum.classes", "3"}, {"obsum.radius", "1"}, {"obsum.window", "15"}, {"obsum.similar", "12"}});
  ModelSettings settings = golden_settings(options);
  settings.object_map = input.objects.size() > 0;
  return predict(*make_model("obsum", settings), input);
}

TEST(Obsum, with_pixels_as_objects_is_unmixing) {
  FusionInput input = with_objects([](int x, int y) { return 60 * y + x; });
  input.classes = Stack<std::int32_t>(1, 1, 60, 60);
  std::vector<std::int16_t> labels;
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 60; ++x) {
      labels.push_back(static_cast<std::int16_t>(((x + y / 3) / 11 + y / 9) % 3));
      input.classes.at(0, 0, y, x) = 5 + labels.back();
    }
  }
  ModelSettings settings = golden_settings({{"obsum.radius", "1"}, {"obsum.result", "objects"}});
  settings.class_map = settings.object_map = true;
  auto const result = predict(*make_model("obsum", settings), input);

  auto const fractions = block_fractions(count_cell_classes(input, labels, 3));
  auto const change = coarse_values(input, fractions.cells, 1, 0);
  UnmixSettings unmixing{.radius = 1, .ridge = 1e-6 * 9 / 3};
  for (int b = 0; b < 3; ++b) {
    auto const [lowest, highest] =
        std::minmax_element(change.values.begin() + 36 * b, change.values.begin() + 36 * (b + 1));
    unmixing.bounds.push_back({static_cast<double>(*lowest), static_cast<double>(*highest)});
  }
  auto const unmixed =
      unmix(fractions, change, 1, std::vector<double>(9, 0.0), unmixing, input.cells, input.cells);
  for (int b = 0; b < 3; ++b) {
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x) {
        double const value = unmixed.value(b, labels[static_cast<std::size_t>(60 * y + x)],
                                           static_cast<std::size_t>(y / 10 * 6 + x / 10));
        ASSERT_NEAR(result.exact.at(0, b, y, x), input.fine.dn.at(0, b, y, x) + value, 1e-9);
      }
    }
  }
}

TEST(Obsum, one_object_changes_as_a_whole) {
  FusionInput const input = with_objects([](int, int) { return 3; });
  auto const objects = run(input, {{"obsum.result", "objects"}});
  auto const compensated = run(input, {{"obsum.result", "compensated"}});
  for (int b = 0; b < 3; ++b) {
    double const change = objects.exact.at(0, b, 0, 0) - input.fine.dn.at(0, b, 0, 0);
    double const more = compensated.exact.at(0, b, 0, 0) - input.fine.dn.at(0, b, 0, 0);
    EXPECT_NE(change, 0);
    EXPECT_NE(change, more);
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x) {
        ASSERT_NEAR(objects.exact.at(0, b, y, x) - input.fine.dn.at(0, b, y, x), change, 1e-9);
        ASSERT_NEAR(compensated.exact.at(0, b, y, x) - input.fine.dn.at(0, b, y, x), more, 1e-9);
      }
    }
  }
}

TEST(Obsum, nothing_changes_where_the_coarse_images_are_equal) {
  FusionInput input = golden_input({0});
  for (int b = 0; b < 3; ++b) {
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x)
        input.fine.dn.at(0, b, y, x) = static_cast<Dn>(500 + 300 * ((x / 5 + y / 5) % 2) + b);
    }
    for (int date = 0; date < 2; ++date)
      std::ranges::fill(input.coarse.dn.plane(date, b), static_cast<Dn>(650 + b));
  }
  for (char const* residual : {"change", "image"}) {
    auto const result = run(input, {{"obsum.residual", residual}});
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x)
        ASSERT_NEAR(result.exact.at(0, 1, y, x), input.fine.dn.at(0, 1, y, x), 1e-9);
    }
  }
  // A difference between the sensors matters to the comparison of images only.
  for (Dn& value : input.coarse.dn.all()) value = static_cast<Dn>(value + 80);
  EXPECT_NEAR(run(input, {}).exact.at(0, 1, 30, 30), input.fine.dn.at(0, 1, 30, 30), 1e-9);
  EXPECT_NEAR(run(input, {{"obsum.residual", "image"}}).exact.at(0, 1, 30, 30),
              input.fine.dn.at(0, 1, 30, 30) + 80, 1e-9);
}

TEST(Obsum, residuals_bring_the_prediction_near_to_the_coarse_target) {
  FusionInput const input = golden_input({0});
  auto const distance = [&](testing::GoldenResult const& result) {
    double sum = 0;
    for (int row = 0; row < 6; ++row) {
      for (int column = 0; column < 6; ++column) {
        double mean = 0;
        for (int i = 0; i < 100; ++i)
          mean += result.exact.at(0, 2, row * 10 + i / 10, column * 10 + i % 10) / 100;
        sum += std::abs(mean - input.coarse.dn.at(1, 2, row, column));
      }
    }
    return sum / 36;
  };
  double const objects = distance(run(input, {{"obsum.result", "objects"}, {"obsum.residual", "image"}}));
  double const compensated =
      distance(run(input, {{"obsum.result", "compensated"}, {"obsum.residual", "image"}}));
  double const complete = distance(run(input, {{"obsum.residual", "image"}}));
  EXPECT_LT(compensated, objects);
  EXPECT_LT(complete, compensated);
  EXPECT_NE(run(input, {{"obsum.compat", "true"}}).sum(0), run(input, {}).sum(0));
  EXPECT_NE(run(input, {{"obsum.lattice", "16"}}).sum(0), run(input, {}).sum(0));
  EXPECT_NE(run(input, {{"obsum.share", "0.5"}}).sum(0), run(input, {}).sum(0));
}

TEST(Obsum, tiles_threads_and_targets_change_no_bit) {
  std::vector<int> const days = {8, 14, 24};
  FusionInput whole = patchy_scene(160, 4, {10, 20}, days, 5, true);
  for (bool const map : {false, true}) {
    ModelSettings settings = patchy_settings(
        4, {{"obsum.lattice", "16"}, {"obsum.radius", "1"}, {"obsum.window", "7"}, {"obsum.similar", "9"}});
    settings.object_map = map;
    if (map) {
      whole.objects = Stack<std::int32_t>(1, 1, 160, 160);
      for (int y = 0; y < 160; ++y) {
        for (int x = 0; x < 160; ++x)
          whole.objects.at(0, 0, y, x) = (x / 9 + y / 6) % 7 == 6 ? -1 : (x / 9 + y / 6) % 7;
      }
    }
    auto const model = make_model("obsum", settings);
    EXPECT_EQ(model->info().support.halo_px, 3 + 3 + 8 + 15 + 3 + 8 + 15 + 3 + 4 + 15);
    auto const expected = predict(*model, whole);
    with_threads(2, [&] { EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, whole), whole.core_px)); });
    for (Rect const& core :
         {Rect{0, 0, 37, 20}, Rect{101, 83, 22, 13}, Rect{140, 150, 20, 10}, Rect{80, 81, 1, 1}}) {
      FusionInput const tile = testing::tile_of(whole, core, model->info().support);
      EXPECT_TRUE(is_part_of(expected, fuse_tile(*model, tile), core));
    }
    FusionInput one = patchy_scene(160, 4, {10, 20}, days, 5, true);
    if (map) {
      one.objects = Stack<std::int32_t>(1, 1, 160, 160);
      std::ranges::copy(whole.objects.all(), one.objects.all().begin());
    }
    one.targets = {whole.targets[1]};
    auto const alone = fuse_tile(*model, one);
    EXPECT_TRUE(std::ranges::equal(expected.output.dn.plane(1, 1), alone.output.dn.plane(0, 1)));
  }
}

TEST(Obsum, gaps_and_odd_ratios_give_defined_results) {
  for (int const ratio : {1, 2, 50}) {
    FusionInput const input = patchy_scene(100, ratio, {10, 20}, {14, 20, 22}, 9, true);
    auto const result = predict(
        *make_model("obsum", patchy_settings(ratio, {{"obsum.radius", "1"}, {"obsum.window", "9"}})), input);
    int predicted = 0;
    for (int t = 0; t < 3; ++t) {
      for (std::size_t i = 0; i < result.output.dn.plane_size(); ++i) {
        bool const gap = result.output.dn.plane(t, 0)[i] == no_data_dn;
        predicted += !gap;
        ASSERT_EQ(gap, (result.output.quality.plane(t, 0)[i] & quality::no_data) != 0);
        ASSERT_EQ(gap, std::isnan(result.exact.plane(t, 1)[i]));
      }
    }
    EXPECT_GT(predicted, 15000) << ratio;
  }
}

TEST(Obsum, wrong_options_are_refused_with_the_key) {
  auto const message = [](Options const& options, int ratio = 10) -> std::string {
    try {
      ModelSettings settings = golden_settings(options);
      settings.ratio = ratio;
      make_model("obsum", settings);
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "accepted";
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message({{"obsum.lattice", "1000"}}), HasSubstr("from 8 to 512"));
  EXPECT_THAT(message({{"obsum.window", "30"}}), HasSubstr("must be odd"));
  EXPECT_THAT(message({{"obsum.share", "0"}}), HasSubstr("obsum.share"));
  EXPECT_THAT(message({{"obsum.result", "all"}}), HasSubstr("complete, compensated, objects"));
  EXPECT_THAT(message({}, 101), HasSubstr("grid.ratio = 101"));
}

/// The BOREAS scene with coarse images of 16 x 16 px.
FusionInput boreas_cells() {
  FusionInput input = testing::boreas_input({2});
  Stack<Dn> cells(2, 3, 25, 25);
  for (int date = 0; date < 2; ++date) {
    for (int b = 0; b < 3; ++b) {
      for (int i = 0; i < 625; ++i) {
        int sum = 0;
        for (int k = 0; k < 256; ++k)
          sum += input.coarse.dn.at(date, b, i / 25 * 16 + k / 16, i % 25 * 16 + k % 16);
        cells.at(date, b, i / 25, i % 25) = static_cast<Dn>(std::lround(sum / 256.0));
      }
    }
  }
  input.coarse.dn = std::move(cells);
  input.cells = {0, 0, 25, 25};
  input.ratio = 16;
  return input;
}

TEST(Obsum, told_uncertainty_is_about_that_of_real_errors) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  ModelSettings settings = testing::boreas_settings({});
  settings.ratio = 16;
  auto const result = predict(*make_model("obsum", settings), boreas_cells());
  EXPECT_NEAR(testing::boreas_share_within_sigma(result.output), 0.68, 0.12);
  // Better than the image of the pair itself.
  auto const accuracy = testing::boreas_accuracy(result.output.dn);
  EXPECT_LT(accuracy.rmse[0], .0075);
  EXPECT_LT(accuracy.rmse[1], .0063);
  EXPECT_LT(accuracy.rmse[2], .0168);
}

}  // namespace
}  // namespace stfcube
