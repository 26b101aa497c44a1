// The variant of FSDAF in which fractions of classes change inside pixels.
#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/io/raster_file.hpp"
#include "stfcube/models/classical/fsdaf.hpp"
#include "stfcube/models/simd.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/method_cases.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using ::testing::HasSubstr;
using testing::predict;

using Options = std::map<std::string, std::string>;

Options with_variant(Options options) {
  options["fsdaf.variant"] = "sfsdaf";
  return options;
}

ModelSettings golden_sfsdaf(Options options = {}) {
  options.merge(Options{{"fsdaf.classes", "3"}, {"fsdaf.purest", "10"}});
  ModelSettings settings = testing::golden_settings(with_variant(options));
  settings.quantity.lowest = 0;
  settings.quantity.highest = 10000;
  return settings;
}

testing::GoldenResult run(FusionInput const& input, ModelSettings const& settings) {
  return predict(*make_model("fsdaf", settings), input);
}

ModelSettings patchy(int ratio, Options options = {}) {
  options.merge(Options{{"fsdaf.purest", "12"}, {"fsdaf.similar", "8"}});
  return testing::patchy_settings(ratio, with_variant(options));
}

TEST(Sfsdaf, no_coarse_change_is_no_change) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band)
    std::ranges::copy(input.coarse.dn.plane(0, band), input.coarse.dn.plane(1, band).begin());
  auto const result = run(input, golden_sfsdaf());
  for (int band = 0; band < 3; ++band) {
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x)
        ASSERT_NEAR(result.exact.at(0, band, y, x), testing::golden_fine(0, band, y, x), 1e-6);
    }
  }
}

/// A scene of 48 x 48 px, ratio 4, two bands: two classes of noise around (1000, 3000) and (2000, 500).
struct TwoClasses {
  static constexpr int size = 48, ratio = 4, cells = size / ratio;
  FusionInput input;
  ModelSettings settings;

  static bool second(int x, int y) { return (x / 7 + y / 9) % 2 == 1; }

  TwoClasses() {
    input.scene_px = input.core_px = input.padded_px = {0, 0, size, size};
    input.cells = {0, 0, cells, cells};
    input.ratio = ratio;
    input.fine = {{Date{0}}, Stack<Dn>(1, 2, size, size)};
    input.coarse = {{Date{0}, Date{1}}, Stack<Dn>(2, 2, cells, cells)};
    input.targets = {Date{1}};
    for (int band = 0; band < 2; ++band) {
      for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
          int const base = second(x, y) ? (band == 0 ? 2000 : 500) : (band == 0 ? 1000 : 3000);
          input.fine.dn.at(0, band, y, x) =
              static_cast<Dn>(base + static_cast<int>(testing::golden_hash(x, y, band, 0) % 41));
        }
      }
      for (int cell = 0; cell < cells * cells; ++cell)
        input.coarse.dn.at(0, band, cell / cells, cell % cells) =
            static_cast<Dn>(std::lround(mean(band, cell % cells, cell / cells)));
    }
    settings.bands = {"red", "nir"};
    settings.ratio = ratio;
    settings.options = with_variant(
        {{"fsdaf.classes", "2"}, {"fsdaf.purest", "20"}, {"fsdaf.quantiles", "0 1"}, {"fsdaf.similar", "5"}});
  }

  double mean(int band, int column, int row) const {
    double sum = 0;
    for (int i = 0; i < ratio * ratio; ++i)
      sum += input.fine.dn.at(0, band, row * ratio + i / ratio, column * ratio + i % ratio);
    return sum / (ratio * ratio);
  }
};

TEST(Sfsdaf, fractions_that_do_not_change_give_the_plain_change_of_classes) {
  // Both classes change alike: fractions, however they were found, explain nothing more.
  TwoClasses scene;
  for (int band = 0; band < 2; ++band) {
    for (int cell = 0; cell < 144; ++cell) {
      scene.input.coarse.dn.at(1, band, cell / 12, cell % 12) =
          static_cast<Dn>(scene.input.coarse.dn.at(0, band, cell / 12, cell % 12) + (band == 0 ? 120 : -75));
    }
  }
  auto const result = run(scene.input, scene.settings);
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 48; ++x) {
      ASSERT_NEAR(result.exact.at(0, 0, y, x), scene.input.fine.dn.at(0, 0, y, x) + 120, 1e-5);
      ASSERT_NEAR(result.exact.at(0, 1, y, x), scene.input.fine.dn.at(0, 1, y, x) - 75, 1e-5);
    }
  }
}

TEST(Sfsdaf, changes_of_classes_follow_memberships) {
  // Each class changes by an amount of its own. Memberships are nearly 0 and 1.
  TwoClasses scene;
  for (int band = 0; band < 2; ++band) {
    for (int cell = 0; cell < 144; ++cell) {
      int of_second = 0;
      for (int i = 0; i < 16; ++i)
        of_second += TwoClasses::second(cell % 12 * 4 + i % 4, cell / 12 * 4 + i / 4);
      scene.input.coarse.dn.at(1, band, cell / 12, cell % 12) =
          static_cast<Dn>(scene.input.coarse.dn.at(0, band, cell / 12, cell % 12) + 160 + 20 * of_second);
    }
  }
  auto const result = run(scene.input, scene.settings);
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 48; ++x) {
      double const change = result.exact.at(0, 0, y, x) - scene.input.fine.dn.at(0, 0, y, x);
      ASSERT_NEAR(change, TwoClasses::second(x, y) ? 480 : 160, 5) << x << ' ' << y;
    }
  }
}

TEST(Sfsdaf, a_class_that_takes_the_place_of_another_is_seen_inside_pixels) {
  // A block of cells becomes the second class; nothing else changes.
  TwoClasses scene;
  for (int band = 0; band < 2; ++band) {
    std::ranges::copy(scene.input.coarse.dn.plane(0, band), scene.input.coarse.dn.plane(1, band).begin());
    for (int row = 4; row < 8; ++row) {
      for (int column = 4; column < 8; ++column)
        scene.input.coarse.dn.at(1, band, row, column) = static_cast<Dn>(band == 0 ? 2020 : 520);
    }
  }
  scene.settings.options["fsdaf.quantiles"] = "0.25 0.75";
  auto const error = [&](Options const& options) {
    ModelSettings settings = scene.settings;
    for (auto const& [name, value] : options) settings.options[name] = value;
    auto const result = run(scene.input, settings);
    double sum = 0;
    for (int y = 20; y < 28; ++y) {
      for (int x = 20; x < 28; ++x)
        sum += std::abs(result.exact.at(0, 0, y, x) - 2020) + std::abs(result.exact.at(0, 1, y, x) - 520);
    }
    return sum / 128;
  };
  double const sub_pixel = error({}), plain = error({{"fsdaf.variant", "fsdaf"}});
  EXPECT_LT(sub_pixel, 60);
  EXPECT_LT(sub_pixel, 0.5 * plain);
}

TEST(Sfsdaf, tiles_equal_the_whole_scene_at_any_corner) {
  for (bool const gaps : {false, true}) {
    FusionInput const whole = testing::patchy_scene(60, 5, {0, 40}, {8, 16, 32}, 7, gaps);
    for (int const zone_px : {0, 20}) {
      for (std::string const kernel : {"auto", "tps_local"}) {
        ModelSettings settings = patchy(5, {{"fsdaf.spatial", kernel}, {"fsdaf.reach", "2"}});
        settings.zone_px = zone_px;
        auto const model = make_model("fsdaf", settings);
        auto const expected = predict(*model, whole);
        for (Rect const core : {Rect{0, 0, 13, 11}, Rect{22, 31, 17, 9}, Rect{55, 44, 5, 16}}) {
          auto const tile = testing::fuse_tile(*model, testing::tile_of(whole, core, model->info().support));
          EXPECT_TRUE(testing::is_part_of(expected, tile, core)) << gaps << zone_px << kernel << core.x;
        }
      }
    }
  }
}

TEST(Sfsdaf, needs_its_support_and_no_more) {
  for (int const ratio : {4, 5}) {
    FusionInput const whole = testing::patchy_scene(15 * ratio, ratio, {0}, {8}, 7, false);
    for (std::string const kernel : {"bicubic", "tps_local"}) {
      auto const model = make_model("fsdaf", patchy(ratio, {{"fsdaf.spatial", kernel}}));
      // A window reaches the first pixel of a cell on the right of this core.
      int const last = 8 * ratio - ratio / 2;
      SCOPED_TRACE(ratio);
      testing::expect_support(*model, whole, {last - 3, last - 3, 4, 4});
    }
  }
}

TEST(Sfsdaf, threads_and_instruction_sets_change_nothing) {
  FusionInput const whole = testing::patchy_scene(40, 5, {0, 40}, {8, 16, 32}, 7, true);
  auto const model = make_model("fsdaf", patchy(5));
  auto const expected = predict(*model, whole);
  for (std::string const& name : simd_targets()) {
    use_simd_target(name);
    EXPECT_TRUE(testing::is_part_of(expected, predict(*model, whole), whole.core_px)) << name;
  }
  use_simd_target("");
  with_threads(3, [&] {
    auto const again = make_model("fsdaf", patchy(5));
    EXPECT_TRUE(testing::is_part_of(expected, predict(*again, whole), whole.core_px));
  });
}

TEST(Sfsdaf, targets_do_not_change_one_another) {
  FusionInput const whole = testing::patchy_scene(40, 5, {0, 40}, {8, 16, 32}, 7, true);
  auto const model = make_model("fsdaf", patchy(5));
  auto const together = predict(*model, whole);
  for (int t = 0; t < 3; ++t) {
    FusionInput one = testing::patchy_scene(40, 5, {0, 40}, {8, 16, 32}, 7, true);
    one.targets = {whole.targets[static_cast<std::size_t>(t)]};
    auto const alone = predict(*model, one);
    for (int b = 0; b < 2; ++b) {
      EXPECT_THAT(std::vector<Dn>(alone.output.dn.plane(0, b).begin(), alone.output.dn.plane(0, b).end()),
                  ::testing::ElementsAreArray(together.output.dn.plane(t, b)));
    }
  }
}

TEST(Sfsdaf, first_pass_in_parts_equals_the_first_pass_in_one) {
  FusionInput const whole = testing::patchy_scene(60, 5, {0}, {8}, 7, true);
  auto const in_one = make_model("fsdaf", patchy(5)), in_parts = make_model("fsdaf", patchy(5));
  testing::prepare(*in_one, whole);
  while (in_parts->wants_statistics()) {
    Statistics all;
    for (Rect const& core : {Rect{0, 0, 25, 60}, Rect{25, 0, 35, 20}, Rect{25, 20, 35, 40}}) {
      Statistics part;
      in_parts->observe(testing::tile_of(whole, core, {}), part);
      all.merge(part);
    }
    in_parts->prepare(all);
  }
  EXPECT_TRUE(testing::is_part_of(testing::fuse_tile(*in_one, whole), testing::fuse_tile(*in_parts, whole),
                                  whole.core_px));
}

TEST(Sfsdaf, similar_pixels_in_cells_without_a_value_are_left_out) {
  TwoClasses scene;
  for (int band = 0; band < 2; ++band) {
    for (int cell = 0; cell < 144; ++cell)
      scene.input.coarse.dn.at(1, band, cell / 12, cell % 12) =
          static_cast<Dn>(scene.input.coarse.dn.at(0, band, cell / 12, cell % 12) + 96);
    scene.input.coarse.dn.at(1, band, 5, 5) = no_data_dn;
    scene.input.coarse.dn.at(0, band, 7, 7) = no_data_dn;
    for (int i = 0; i < 16; ++i) scene.input.fine.dn.at(0, band, 8 + i / 4, 8 + i % 4) = no_data_dn;
  }
  scene.settings.options["fsdaf.similar"] = "20";
  auto const result = run(scene.input, scene.settings);
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 48; ++x) {
      int const column = x / 4, row = y / 4;
      bool const empty = (column == 2 && row == 2) || (column == 5 && row == 5) || (column == 7 && row == 7);
      ASSERT_EQ(result.output.quality.at(0, 0, y, x) == quality::no_data, empty) << x << ' ' << y;
      if (!empty) {
        ASSERT_NEAR(result.exact.at(0, 0, y, x), scene.input.fine.dn.at(0, 0, y, x) + 96, 1e-5);
      }
    }
  }
  // Most of the window of this pixel has no data: few similar pixels.
  EXPECT_NE(result.output.quality.at(0, 0, 8, 7) & quality::low_confidence, 0);
  EXPECT_EQ(result.output.quality.at(0, 0, 40, 40), quality::fused | quality::extrapolated);
}

TEST(Sfsdaf, options_that_it_shares_have_their_effect) {
  FusionInput const input = golden_input({0});
  auto const golden = run(input, golden_sfsdaf());
  for (auto const& [option, value] : Options{{"fsdaf.variant", "fsdaf"},
                                             {"fsdaf.classes", "2"},
                                             {"fsdaf.purest", "5"},
                                             {"fsdaf.quantiles", "0.1 0.9"},
                                             {"fsdaf.homogeneity", "2"},
                                             {"fsdaf.similar", "5"},
                                             {"fsdaf.weight_cap", "2"},
                                             {"fsdaf.spatial", "idw"}}) {
    auto settings = golden_sfsdaf();
    settings.options[option] = value;
    auto const other = run(input, settings);
    EXPECT_FALSE(std::ranges::equal(golden.exact.all(), other.exact.all())) << option;
    EXPECT_NEAR(static_cast<double>(other.sum(2)) / 7e6, 1, 0.03) << option;
  }
  // auto: 4 classes, bicubic, quantiles of SFSDAF.
  auto const bare = testing::golden_settings(with_variant({{"fsdaf.purest", "10"}}));
  auto written = bare;
  written.options.merge(
      Options{{"fsdaf.classes", "4"}, {"fsdaf.spatial", "bicubic"}, {"fsdaf.quantiles", "0.25 0.75"}});
  EXPECT_TRUE(std::ranges::equal(run(input, bare).exact.all(), run(input, written).exact.all()));
}

TEST(Sfsdaf, a_window_of_its_own_is_refused) {
  try {
    make_model("fsdaf", golden_sfsdaf({{"fsdaf.window", "41"}}));
    ADD_FAILURE() << "no error";
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.what(), HasSubstr("one coarse pixel"));
  }
}

TEST(Sfsdaf, memory_grows_with_what_it_keeps) {
  TileShape const shape{.core_width = 200,
                        .core_height = 200,
                        .padded_width = 320,
                        .padded_height = 320,
                        .bands = 6,
                        .fine_dates = 1,
                        .coarse_dates = 2,
                        .targets = 1};
  auto const bytes = [&](char const* classes) {
    auto settings = golden_sfsdaf();
    settings.options["fsdaf.classes"] = classes;
    return make_model("fsdaf", settings)->memory_bytes(shape, 2);
  };
  // Ten classes more are ten planes of memberships and of changes more.
  EXPECT_GE(bytes("14") - bytes("4"), std::size_t{320} * 320 * 10 * 10);
}

/// The scene with its coarse images on cells of 16 px.
FusionInput boreas_in_cells(int pair) {
  FusionInput input = testing::boreas_input({pair});
  input.coarse.dn = Stack<Dn>(2, 3, 25, 25);
  for (int d = 0; d < 2; ++d) {
    auto const reader =
        open_raster(testing::shared_folder() / "data/boreas_2001" /
                    ("coarse_480m_" + compact(input.coarse.dates[static_cast<std::size_t>(d)]) + ".tif"));
    for (int b = 0; b < 3; ++b) {
      std::ranges::transform(reader->read(b + 1, {0, 0, 25, 25}), input.coarse.dn.row(d, b, 0),
                             [](double v) { return static_cast<Dn>(std::llround(v / 1e-4)); });
    }
  }
  input.cells = {0, 0, 25, 25};
  input.ratio = 16;
  return input;
}

TEST(Sfsdaf, boreas_is_about_as_good_as_fsdaf) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder";
  FusionInput const input = boreas_in_cells(0);
  auto const rmse = [&](char const* variant) {
    ModelSettings settings = testing::boreas_settings({{"fsdaf.variant", variant}});
    settings.ratio = 16;
    auto const result = run(input, settings);
    double const share = testing::boreas_share_within_sigma(result.output);
    EXPECT_GT(share, 0.6) << variant;
    EXPECT_LT(share, 0.85) << variant;
    auto const accuracy = testing::boreas_accuracy(result.output.dn);
    return (accuracy.rmse[0] + accuracy.rmse[1] + accuracy.rmse[2]) / 3;
  };
  double const sub_pixel = rmse("sfsdaf"), plain = rmse("fsdaf");
  EXPECT_NEAR(sub_pixel, 0.01150, 1e-5);
  EXPECT_NEAR(plain, 0.01193, 1e-5);
}

}  // namespace
}  // namespace stfcube
