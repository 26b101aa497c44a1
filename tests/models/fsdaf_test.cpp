#include "stfcube/models/classical/fsdaf.hpp"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/simd.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_settings;
using ::testing::HasSubstr;
using testing::predict;

using Options = std::map<std::string, std::string>;

/// The parameters of the golden row.
ModelSettings golden_fsdaf(Options options = {}) {
  options.merge(Options{{"fsdaf.classes", "3"},
                        {"fsdaf.purest", "10"},
                        {"fsdaf.window", "15"},
                        {"fsdaf.similar", "12"},
                        {"fsdaf.homogeneity", "5"}});
  ModelSettings settings = golden_settings(options);
  settings.quantity.lowest = 0;
  settings.quantity.highest = 10000;
  return settings;
}

testing::GoldenResult run(FusionInput const& input, ModelSettings const& settings) {
  return predict(*make_model("fsdaf", settings), input);
}

void expect_near(std::vector<double> const& values, std::array<double, 3> const& expected) {
  for (std::size_t band = 0; band < 3; ++band) EXPECT_NEAR(values[band], expected[band], 5e-5) << band;
}

TEST(Fsdaf, has_the_golden_row) {
  auto const result = run(golden_input({0}), golden_fsdaf());
  EXPECT_EQ(result.sum(0), 2620455);
  EXPECT_EQ(result.sum(1), 2788354);
  EXPECT_EQ(result.sum(2), 7020214);
  expect_near(result.probe(0, 0), {405.3654, 279.8979, 130.1309});
  expect_near(result.probe(30, 30), {381.2894, 300.5576, 219.2848});
  expect_near(result.probe(38, 22), {430.5119, 266.0486, 145.2555});
  expect_near(result.probe(59, 41), {598.5941, 351.8638, 3264.9388});
}

TEST(Fsdaf, bicubic_has_the_golden_sums) {
  auto const result = run(golden_input({0}), golden_fsdaf({{"fsdaf.spatial", "bicubic"}}));
  EXPECT_EQ(result.sum(0), 2620483);
  EXPECT_EQ(result.sum(1), 2788432);
  EXPECT_EQ(result.sum(2), 7020160);
}

/// Every value of a result inside `core` equals that of the tile, bit by bit.
bool tile_equals(testing::GoldenResult const& whole, testing::GoldenResult const& tile, Rect const& core) {
  for (int t = 0; t < tile.exact.dates(); ++t) {
    for (int b = 0; b < tile.exact.bands(); ++b) {
      for (int y = 0; y < core.height; ++y) {
        for (int x = 0; x < core.width; ++x) {
          double const expected = whole.exact.at(t, b, core.y + y, core.x + x),
                       found = tile.exact.at(t, b, y, x);
          bool const same = std::isnan(expected) ? std::isnan(found) : expected == found;
          if (!same ||
              whole.output.uncertainty.at(t, b, core.y + y, core.x + x) !=
                  tile.output.uncertainty.at(t, b, y, x) ||
              whole.output.quality.at(t, 0, core.y + y, core.x + x) != tile.output.quality.at(t, 0, y, x))
            return false;
        }
      }
    }
  }
  return true;
}

/// Random values outside `keep` and `cells`.
void poison(FusionInput& input, Rect const& keep, Rect const& cells, unsigned seed) {
  std::mt19937 random(seed);
  auto const overwrite = [&](Stack<Dn>& stack, Rect const& held) {
    for (int d = 0; d < stack.dates(); ++d) {
      for (int b = 0; b < stack.bands(); ++b) {
        for (int y = 0; y < stack.rows(); ++y) {
          for (int x = 0; x < stack.cols(); ++x) {
            if (!held.contains({x, y, 1, 1})) stack.at(d, b, y, x) = static_cast<Dn>(random() % 3000);
          }
        }
      }
    }
  };
  overwrite(input.fine.dn, keep);
  overwrite(input.coarse.dn, cells);
}

/// A wider scene of patches: one or two pairs, three targets, gaps where asked for.
FusionInput scene(int size, int ratio, int pairs, bool gaps) {
  std::vector<int> const pair_days = pairs == 1 ? std::vector{0} : std::vector{0, 40};
  FusionInput input = testing::patchy_scene(size, ratio, pair_days, {8, 16, 32}, 7, gaps);
  return input;
}

ModelSettings scene_settings(int ratio, Options options = {}) {
  options.merge(
      Options{{"fsdaf.purest", "12"}, {"fsdaf.window", "9"}, {"fsdaf.reach", "2"}, {"fsdaf.similar", "8"}});
  return testing::patchy_settings(ratio, options);
}

class FsdafTiles : public ::testing::TestWithParam<char const*> {};
INSTANTIATE_TEST_SUITE_P(Kernels, FsdafTiles, ::testing::Values("tps_local", "bicubic", "bilinear", "idw"));

TEST_P(FsdafTiles, equal_the_whole_scene_at_any_corner) {
  for (bool const gaps : {false, true}) {
    FusionInput const whole = scene(66, 5, 2, gaps);
    for (int const zone_px : {0, 20}) {
      ModelSettings settings = scene_settings(5, {{"fsdaf.spatial", GetParam()}});
      settings.zone_px = zone_px;
      auto const model = make_model("fsdaf", settings);
      auto const expected = predict(*model, whole);
      for (Rect const core : {Rect{0, 0, 13, 11}, Rect{22, 31, 17, 9}, Rect{61, 50, 5, 16}}) {
        auto const tile = predict(*model, testing::tile_of(whole, core, model->info().support));
        EXPECT_TRUE(tile_equals(expected, tile, core)) << gaps << zone_px << ' ' << core.x;
      }
    }
  }
}

TEST_P(FsdafTiles, need_their_support_and_no_more) {
  FusionInput const whole = scene(66, 5, 1, false);
  ModelSettings const settings = scene_settings(5, {{"fsdaf.spatial", GetParam()}});
  auto const model = make_model("fsdaf", settings);
  auto const expected = predict(*model, whole);
  Support const support = model->info().support;
  // Corners in all places of a cell: the support is for the worst of them.
  auto const equal = [&](Support const& seen, unsigned seed) {
    bool all = true;
    for (int corner = 29; corner < 34; ++corner) {
      Rect const core{corner, corner, 4, 4};
      FusionInput const tile = testing::tile_of(whole, core, seen);
      FusionInput poisoned = scene(66, 5, 1, false);
      poison(poisoned, tile.padded_px, tile.cells, seed);
      all = all && tile_equals(expected, predict(*model, testing::tile_of(poisoned, core, support)), core);
    }
    return all;
  };
  EXPECT_TRUE(equal(support, 1));
  Support less_pixels = support, less_cells = support;
  --less_pixels.halo_px;
  --less_cells.halo_cells;
  less_pixels.halo_cells = support.halo_cells + 1;
  bool pixels_matter = false, cells_matter = support.halo_cells == 0;
  for (unsigned seed = 1; seed <= 5; ++seed) {
    pixels_matter = pixels_matter || !equal(less_pixels, seed);
    cells_matter = cells_matter || !equal(less_cells, seed);
  }
  EXPECT_TRUE(pixels_matter);
  EXPECT_TRUE(cells_matter);
}

TEST(Fsdaf, instruction_sets_and_threads_change_nothing) {
  FusionInput const whole = scene(40, 5, 2, true);
  auto const model = make_model("fsdaf", scene_settings(5));
  auto const expected = predict(*model, whole);
  for (std::string const& name : simd_targets()) {
    use_simd_target(name);
    EXPECT_TRUE(tile_equals(expected, predict(*model, whole), whole.core_px)) << name;
  }
  use_simd_target("");
  with_threads(3, [&] { EXPECT_TRUE(tile_equals(expected, predict(*model, whole), whole.core_px)); });
}

TEST(Fsdaf, targets_do_not_change_one_another) {
  FusionInput whole = scene(40, 5, 2, true);
  auto const model = make_model("fsdaf", scene_settings(5));
  auto const together = predict(*model, whole);
  for (int t = 0; t < 3; ++t) {
    FusionInput one = scene(40, 5, 2, true);
    one.targets = {whole.targets[static_cast<std::size_t>(t)]};
    auto const alone = predict(*model, one);
    for (int b = 0; b < 2; ++b) {
      EXPECT_THAT(std::vector<Dn>(alone.output.dn.plane(0, b).begin(), alone.output.dn.plane(0, b).end()),
                  ::testing::ElementsAreArray(together.output.dn.plane(t, b)));
    }
  }
}

/// A scene of 48 x 48 px, ratio 4, one band: fine values and a map of classes; coarse changes by class.
struct Simple {
  static constexpr int size = 48, ratio = 4, cells = size / ratio;
  FusionInput input;
  ModelSettings settings;

  template <class Class>
  explicit Simple(Class class_of, std::vector<double> const& change, Options options = {}) {
    input.scene_px = input.core_px = input.padded_px = {0, 0, size, size};
    input.cells = {0, 0, cells, cells};
    input.ratio = ratio;
    input.fine = {{Date{0}}, Stack<Dn>(1, 1, size, size)};
    input.coarse = {{Date{0}, Date{1}}, Stack<Dn>(2, 1, cells, cells)};
    input.targets = {Date{1}};
    input.classes = Stack<std::int32_t>(1, 1, size, size);
    input.coarse.dn.fill(0);
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        int const c = class_of(x, y);
        input.classes.at(0, 0, y, x) = 10 * c + 3;
        input.fine.dn.at(0, 0, y, x) =
            static_cast<Dn>(1000 + 500 * c + static_cast<int>(testing::golden_hash(x, y, 0, 0) % 41));
      }
    }
    for (int row = 0; row < cells; ++row) {
      for (int column = 0; column < cells; ++column) {
        double sum = 0;
        for (int i = 0; i < ratio * ratio; ++i)
          sum +=
              change[static_cast<std::size_t>(class_of(column * ratio + i % ratio, row * ratio + i / ratio))];
        input.coarse.dn.at(0, 0, row, column) = 1500;
        input.coarse.dn.at(1, 0, row, column) = static_cast<Dn>(1500 + std::lround(sum / (ratio * ratio)));
      }
    }
    options.merge(Options{{"fsdaf.window", "9"}, {"fsdaf.purest", "30"}, {"fsdaf.quantiles", "0 1"}});
    settings.bands = {"red"};
    settings.ratio = ratio;
    settings.class_map = true;
    settings.options = options;
  }

  testing::GoldenResult result() const { return run(input, settings); }
};

TEST(Fsdaf, changes_of_classes_that_explain_everything_are_found) {
  // Changes are multiples of 16 DN: coarse values are whole numbers.
  Simple const simple([](int x, int y) { return (x / 7 + y / 9) % 3; }, {160, -320, 640});
  auto const result = simple.result();
  double const change[3] = {160, -320, 640};
  for (int y = 0; y < Simple::size; ++y) {
    for (int x = 0; x < Simple::size; ++x) {
      ASSERT_NEAR(result.exact.at(0, 0, y, x),
                  simple.input.fine.dn.at(0, 0, y, x) + change[(x / 7 + y / 9) % 3], 1e-6)
          << x << ' ' << y;
    }
  }
}

TEST(Fsdaf, one_class_changes_by_the_mean_of_what_is_kept) {
  Simple simple([](int, int) { return 0; }, {80});
  simple.input.coarse.dn.at(1, 0, 3, 3) += 1000;  // outside the quantiles
  simple.settings.options["fsdaf.quantiles"] = "0.1 0.9";
  auto const result = simple.result();
  // Far from that cell the residual is 0.
  EXPECT_NEAR(result.exact.at(0, 0, 40, 40), simple.input.fine.dn.at(0, 0, 40, 40) + 80, 1e-6);
}

TEST(Fsdaf, no_coarse_change_is_no_change) {
  FusionInput input = golden_input({0});
  for (int band = 0; band < 3; ++band)
    std::ranges::copy(input.coarse.dn.plane(0, band), input.coarse.dn.plane(1, band).begin());
  auto const result = run(input, golden_fsdaf());
  for (int band = 0; band < 3; ++band) {
    for (int y = 0; y < 60; ++y) {
      for (int x = 0; x < 60; ++x)
        ASSERT_NEAR(result.exact.at(0, band, y, x), testing::golden_fine(0, band, y, x), 1e-9);
    }
  }
}

TEST(Fsdaf, coarse_means_are_kept_where_nothing_is_averaged_or_clamped) {
  auto const result = run(golden_input({0}), golden_fsdaf({{"fsdaf.similar", "1"}}));
  int checked = 0;
  for (int band = 0; band < 3; ++band) {
    // Values are clamped to what is the smallest and the largest of the scene then.
    auto const [lowest, highest] = std::ranges::minmax(result.exact.plane(0, band));
    for (int cell = 0; cell < 36; ++cell) {
      double sum = 0;
      bool clamped = false;
      for (int i = 0; i < 100; ++i) {
        int const x = cell % 6 * 10 + i % 10, y = cell / 6 * 10 + i / 10;
        double const value = result.exact.at(0, band, y, x);
        sum += value - testing::golden_fine(0, band, y, x);
        clamped = clamped || value == lowest || value == highest;
      }
      if (clamped) continue;
      ++checked;
      EXPECT_NEAR(sum / 100,
                  testing::golden_coarse(1, band, cell / 6, cell % 6) -
                      testing::golden_coarse(0, band, cell / 6, cell % 6),
                  1e-9);
    }
  }
  EXPECT_GT(checked, 50);
}

TEST(Fsdaf, a_class_map_takes_the_place_of_k_means) {
  Simple const good([](int x, int y) { return (x / 7 + y / 9) % 3; }, {160, -320, 640});
  ModelSettings without = good.settings;
  without.class_map = false;
  without.options["fsdaf.classes"] = "1";
  double worse = 0;
  auto const result = run(good.input, without);
  for (int i = 0; i < Simple::size * Simple::size; ++i) {
    int const x = i % Simple::size, y = i / Simple::size;
    double const change[3] = {160, -320, 640};
    worse = std::max(worse, std::abs(result.exact.at(0, 0, y, x) - good.input.fine.dn.at(0, 0, y, x) -
                                     change[(x / 7 + y / 9) % 3]));
  }
  EXPECT_GT(worse, 50);
}

TEST(Fsdaf, pixels_without_a_class_change_as_the_mean_cell_and_are_flagged) {
  Simple simple([](int, int) { return 0; }, {96});
  simple.input.classes.at(0, 0, 20, 20) = -1;
  auto const result = simple.result();
  EXPECT_EQ(result.output.quality.at(0, 0, 20, 20) & quality::low_confidence, quality::low_confidence);
  EXPECT_EQ(result.output.quality.at(0, 0, 20, 30) & quality::low_confidence, 0);
  EXPECT_NEAR(result.exact.at(0, 0, 20, 20), simple.input.fine.dn.at(0, 0, 20, 20) + 96, 1e-6);
}

TEST(Fsdaf, invalid_pixels_and_cells_have_no_value_and_are_left_out_of_the_others) {
  Simple simple([](int, int) { return 0; }, {96});
  for (int i = 0; i < 16; ++i) simple.input.fine.dn.at(0, 0, 8 + i / 4, 8 + i % 4) = no_data_dn;
  simple.input.coarse.dn.at(1, 0, 5, 5) = no_data_dn;
  simple.input.coarse.dn.at(0, 0, 7, 7) = no_data_dn;
  auto const result = simple.result();
  for (int y = 0; y < Simple::size; ++y) {
    for (int x = 0; x < Simple::size; ++x) {
      int const column = x / 4, row = y / 4;
      bool const empty = (column == 2 && row == 2) || (column == 5 && row == 5) || (column == 7 && row == 7);
      ASSERT_EQ(result.output.quality.at(0, 0, y, x) == quality::no_data, empty) << x << ' ' << y;
      if (!empty) {
        ASSERT_NEAR(result.exact.at(0, 0, y, x), simple.input.fine.dn.at(0, 0, y, x) + 96, 1e-6);
      }
    }
  }
}

TEST(Fsdaf, few_similar_pixels_are_flagged) {
  Simple simple([](int, int) { return 0; }, {96}, {{"fsdaf.similar", "20"}});
  simple.input.fine.dn.at(0, 0, 24, 24) = 9000;
  auto const result = simple.result();
  EXPECT_EQ(result.output.quality.at(0, 0, 24, 24),
            quality::fused | quality::extrapolated | quality::low_confidence);
  EXPECT_EQ(result.output.quality.at(0, 0, 24, 40), quality::fused | quality::extrapolated);
}

TEST(Fsdaf, zones_follow_changes_that_differ_from_place_to_place) {
  // The same class changes by 64 DN on the left and by 640 DN on the right.
  Simple simple([](int x, int) { return x < 24 ? 0 : 1; }, {64, 640});
  simple.input.classes.fill(1);
  auto const worst = [&](int zone_px, int first, int last, double change) {
    ModelSettings settings = simple.settings;
    settings.zone_px = zone_px;
    auto const result = run(simple.input, settings);
    double largest = 0;
    for (int y = 8; y < 40; ++y) {
      for (int x = first; x < last; ++x)
        largest = std::max(
            largest, std::abs(result.exact.at(0, 0, y, x) - simple.input.fine.dn.at(0, 0, y, x) - change));
    }
    return largest;
  };
  // Zones of 16 px: pixels up to the centre of the first one know the left side alone.
  EXPECT_LT(worst(16, 0, 4, 64), 1e-6);
  EXPECT_LT(worst(16, 44, 48, 640), 1e-6);
  EXPECT_GT(worst(0, 0, 4, 64), 1);
}

TEST(Fsdaf, every_option_has_its_effect) {
  auto const golden = run(golden_input({0}), golden_fsdaf());
  for (auto const& [option, value] : Options{{"fsdaf.classes", "2"},
                                             {"fsdaf.purest", "5"},
                                             {"fsdaf.quantiles", "0.25 0.75"},
                                             {"fsdaf.homogeneity", "2"},
                                             {"fsdaf.window", "21"},
                                             {"fsdaf.similar", "5"},
                                             {"fsdaf.weight_cap", "2"},
                                             {"fsdaf.spatial", "idw"},
                                             {"fsdaf.reach", "2"}}) {
    auto const other = run(golden_input({0}), golden_fsdaf({{option, value}}));
    EXPECT_FALSE(std::ranges::equal(golden.exact.all(), other.exact.all())) << option;
    EXPECT_NEAR(static_cast<double>(other.sum(2)) / 7e6, 1, 0.02) << option;
  }
  // Classes that overlap, for the sample of k-means.
  FusionInput const mixed = scene(40, 5, 1, false);
  EXPECT_FALSE(std::ranges::equal(run(mixed, scene_settings(5)).exact.all(),
                                  run(mixed, scene_settings(5, {{"fsdaf.sample", "7"}})).exact.all()));
  // auto: half a coarse pixel.
  auto const by_itself = run(golden_input({0}), golden_fsdaf({{"fsdaf.homogeneity", "auto"}}));
  EXPECT_TRUE(std::ranges::equal(golden.exact.all(), by_itself.exact.all()));
}

TEST(Fsdaf, wrong_options_name_what_is_allowed) {
  auto const message = [](Options const& options, int ratio = 10) -> std::string {
    try {
      auto settings = golden_settings(options);
      settings.ratio = ratio;
      make_model("fsdaf", settings);
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({{"fsdaf.window", "20"}}), HasSubstr("must be odd"));
  EXPECT_THAT(message({{"fsdaf.quantiles", "0.9 0.1"}}), HasSubstr("two ascending numbers"));
  EXPECT_THAT(message({{"fsdaf.quantiles", "0.1"}}), HasSubstr("two ascending numbers"));
  EXPECT_THAT(message({{"fsdaf.spatial", "tps"}}), HasSubstr("tps_local, bicubic, bilinear, idw"));
  EXPECT_THAT(message({{"fsdaf.classes", "0"}}), HasSubstr("from 1 to 64"));
  EXPECT_THAT(message({{"fsdaf.reach", "6"}}), HasSubstr("from 1 to 5"));
  EXPECT_THAT(message({}, 200), HasSubstr("Use bicubic"));
  EXPECT_EQ(message({{"fsdaf.spatial", "bicubic"}}, 200), "no error");
}

}  // namespace
}  // namespace stfcube
