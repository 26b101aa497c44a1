// The coarse series of ROBOT at the level of the fine one.
#include "stfcube/models/classical/robot_harmonise.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "stfcube/models/registry.hpp"
#include "stfcube/tests/support/tile_equality.hpp"

namespace stfcube {
namespace {

using testing::fuse_prepared;
using testing::golden_hash;
using testing::golden_settings;
using testing::predict;
using testing::tile_equals;

constexpr int bands = 2;

/// By pair, band, cell column and row: fine / coarse.
using Gain = std::function<double(int, int, int, int)>;

/// Pairs every 16 days and a target 6 days after each. Cells of hashed values; fine pixels are their cell's
/// value times the gain, both whole numbers.
FusionInput scene(int width, int height, int ratio, int pairs, Gain const& gain) {
  int const across = (width + ratio - 1) / ratio, down = (height + ratio - 1) / ratio;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, width, height};
  input.cells = {0, 0, across, down};
  input.ratio = ratio;
  input.fine.dn = Stack<Dn>(pairs, bands, height, width);
  input.coarse.dn = Stack<Dn>(2 * pairs, bands, down, across);
  for (int d = 0; d < 2 * pairs; ++d) {
    Date const date{18000 + 16 * (d / 2) + 6 * (d % 2)};
    input.coarse.dates.push_back(date);
    (d % 2 == 0 ? input.fine.dates : input.targets).push_back(date);
    for (int b = 0; b < bands; ++b) {
      for (int y = 0; y < down; ++y) {
        for (int x = 0; x < across; ++x)
          input.coarse.dn.at(d, b, y, x) = static_cast<Dn>(100 * (10 + golden_hash(x, y, b, d) % 20));
      }
    }
  }
  for (int d = 0; d < pairs; ++d) {
    for (int b = 0; b < bands; ++b) {
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          double const factor = gain(d, b, x / ratio, y / ratio);
          input.fine.dn.at(d, b, y, x) =
              static_cast<Dn>(std::lround(factor * input.coarse.dn.at(2 * d, b, y / ratio, x / ratio)));
        }
      }
    }
  }
  return input;
}

double by_date(int pair, int band, int, int) {
  return band == 0 ? 0.95 + 0.04 * pair : 1.06 - 0.05 * pair;
}

/// What observe sees of the pair d within `px`.
FusionInput call_of(FusionInput const& whole, int d, Rect const& px) {
  FusionInput part = testing::tile_of(whole, px, {});
  auto const only = [](SceneSeries& series, int date) {
    SceneSeries one{{series.dates[static_cast<std::size_t>(date)]},
                    Stack<Dn>(1, bands, series.dn.rows(), series.dn.cols())};
    for (int b = 0; b < bands; ++b) std::ranges::copy(series.dn.plane(date, b), one.dn.plane(0, b).begin());
    series = std::move(one);
  };
  only(part.fine, d);
  only(part.coarse, 2 * d);
  part.targets = {};
  return part;
}

Statistics observed(CoarseHarmony const& harmony, FusionInput const& whole, std::vector<Rect> const& parts) {
  Statistics statistics;
  for (Rect const& px : parts) {
    for (int d = 0; d < whole.fine.dn.dates(); ++d) harmony.observe(call_of(whole, d, px), statistics);
  }
  return statistics;
}

CoarseHarmony prepared(Harmonise mode, FusionInput const& whole) {
  CoarseHarmony harmony(mode, bands);
  EXPECT_TRUE(harmony.wants_statistics());
  harmony.prepare(observed(harmony, whole, {whole.scene_px}));
  EXPECT_FALSE(harmony.wants_statistics());
  return harmony;
}

void expect_all(CellField const& factors, double value) {
  for (double const factor : factors) ASSERT_NEAR(factor, value, 1e-12);
}

/// Sum of fine x coarse over sum of coarse x coarse, over pairs and cells that fit into the scene.
double regression(FusionInput const& input, int band) {
  double products = 0, squares = 0;
  for (int d = 0; d < input.fine.dn.dates(); ++d) {
    for (int y = 0; y < input.fine.dn.rows(); ++y) {
      for (int x = 0; x < input.fine.dn.cols(); ++x) {
        double const coarse = input.coarse.dn.at(2 * d, band, y / input.ratio, x / input.ratio);
        products += coarse * input.fine.dn.at(d, band, y, x);
        squares += coarse * coarse;
      }
    }
  }
  return products / squares;
}

TEST(RobotHarmonise, gains_by_date_are_found_and_taken_away) {
  FusionInput const input = scene(120, 100, 10, 3, by_date);
  CellFrame const frame = cell_frame(input);
  auto const pairs = prepared(Harmonise::pairs, input);
  auto const series = prepared(Harmonise::series, input);
  for (int d = 0; d < 3; ++d) {
    for (int b = 0; b < bands; ++b) {
      Date const date = input.fine.dates[static_cast<std::size_t>(d)];
      expect_all(pairs.factors(frame, date, b), by_date(d, b, 0, 0));
      expect_all(series.factors(frame, date, b), regression(input, b));
    }
  }
}

/// Coarse fields of pairs and targets after apply.
std::vector<CellField> applied(CoarseHarmony const& harmony, FusionInput const& input) {
  CellFrame const frame = cell_frame(input);
  auto const pairs = find_pairs(input.fine.dates, input.coarse.dates, 0);
  std::vector<std::vector<int>> near;
  std::vector<CellField> fields;
  auto const add = [&](int date) {
    for (int b = 0; b < bands; ++b) {
      fields.push_back(date < 0 ? CellField() : cell_field(frame, input.coarse.dn.row(date, b, 0)));
    }
  };
  for (Pair const& pair : pairs) add(pair.coarse);
  for (Date const target : input.targets) {
    near.push_back(nearest_first(pairs, pair_order(pairs, target, 1000), target));
    std::erase_if(near.back(), [&](int k) { return pairs[static_cast<std::size_t>(k)].date == target; });
    auto const found = std::ranges::find(input.coarse.dates, target);
    add(found == input.coarse.dates.end() ? -1 : static_cast<int>(found - input.coarse.dates.begin()));
  }
  harmony.apply(frame, pairs, input.targets, near, fields);
  return fields;
}

TEST(RobotHarmonise, targets_take_the_factors_of_the_pairs_around_them) {
  FusionInput input = scene(120, 100, 10, 3, by_date);
  auto const harmony = prepared(Harmonise::pairs, input);
  Date const middle = input.fine.dates[1];
  Date const no_image = middle + 1;
  input.targets = {input.targets[0], middle, no_image, input.targets[2]};
  auto& coarse = input.coarse.dn;
  // Cells of the first target: like the pair before, like the one after, between them, and where a pair has
  // none.
  for (int b = 0; b < bands; ++b) {
    for (int x = 0; x < 6; ++x) {
      coarse.at(0, b, 0, x) = 1000;
      coarse.at(2, b, 0, x) = 1400;
    }
    coarse.at(1, b, 0, 0) = 1000;
    coarse.at(1, b, 0, 1) = 1400;
    coarse.at(1, b, 0, 2) = 1100;
    coarse.at(0, b, 0, 3) = no_data_dn;
    coarse.at(2, b, 0, 4) = no_data_dn;
    coarse.at(0, b, 0, 5) = coarse.at(2, b, 0, 5) = coarse.at(4, b, 0, 5) = no_data_dn;
    coarse.at(1, b, 0, 6) = no_data_dn;
  }
  auto const fields = applied(harmony, input);
  auto const factor = [&](int target, int band, std::size_t cell) {
    Dn const raw = coarse.at(target == 0 ? 1 : target == 1 ? 2 : 5, band, 0, static_cast<int>(cell));
    return fields[static_cast<std::size_t>((3 + target) * bands + band)][cell] / raw;
  };
  for (int b = 0; b < bands; ++b) {
    double const before = by_date(0, b, 0, 0), after = by_date(1, b, 0, 0);
    EXPECT_NEAR(factor(0, b, 0), before, 1e-6);
    EXPECT_NEAR(factor(0, b, 1), after, 1e-6);
    EXPECT_NEAR(factor(0, b, 2), 0.9 * before + 0.1 * after, 1e-6);  // squares of 100 and 300
    // Without the pair before, the next one after; without the one after, the one that follows it.
    EXPECT_NEAR(factor(0, b, 3), after, 1e-12);
    double const last = by_date(2, b, 0, 0);
    auto const distance = [&](int date) {
      double sum = bands * 0.01;
      for (int c = 0; c < bands; ++c) sum += std::pow(coarse.at(1, c, 0, 4) - coarse.at(date, c, 0, 4), 2);
      return sum;
    };
    double const to_before = distance(0), to_last = distance(4);
    EXPECT_NEAR(factor(0, b, 4), (before * to_last + last * to_before) / (to_before + to_last), 1e-12);
    EXPECT_NEAR(factor(0, b, 5), before, 1e-12);  // no pair has a value: the nearest in time
    EXPECT_TRUE(std::isnan(fields[static_cast<std::size_t>(3 * bands + b)][6]));
    EXPECT_NEAR(factor(1, b, 0), after, 1e-12);                                // of its own day
    EXPECT_TRUE(fields[static_cast<std::size_t>(5 * bands + b)].empty());      // no image
    EXPECT_NEAR(factor(3, b, 0), last, 1e-12);                                 // no pair after it
    EXPECT_NEAR(fields[static_cast<std::size_t>(b)][0], 1000 * before, 1e-9);  // of a pair
  }
}

TEST(RobotHarmonise, patches_with_too_few_pixels_stay) {
  FusionInput const few = scene(33, 30, 10, 12, by_date);  // 990 px each, 11 880 together
  Date const first = few.fine.dates[0];
  EXPECT_NEAR(prepared(Harmonise::pairs, few).factors(cell_frame(few), first, 0)[0],
              prepared(Harmonise::series, few).factors(cell_frame(few), first, 0)[0], 0);
  EXPECT_GT(std::abs(prepared(Harmonise::series, few).factors(cell_frame(few), first, 0)[0] - 1), 1e-3);
  FusionInput const pairs = scene(60, 50, 10, 3, by_date);  // 3000 px each, 9000 together
  expect_all(prepared(Harmonise::series, pairs).factors(cell_frame(pairs), first, 0), 1);
  expect_all(prepared(Harmonise::pairs, pairs).factors(cell_frame(pairs), first, 0), 0.95);
}

TEST(RobotHarmonise, pixels_and_factors_far_from_one_do_not_count) {
  // One band is too bright and the other too dark by more than a factor may be; their mean is near 1.
  FusionInput const far = scene(120, 100, 10, 1, [](int, int b, int, int) { return b == 0 ? 1.25 : 0.78; });
  expect_all(prepared(Harmonise::pairs, far).factors(cell_frame(far), far.fine.dates[0], 0), 1);
  expect_all(prepared(Harmonise::pairs, far).factors(cell_frame(far), far.fine.dates[0], 1), 1);
  // A third of the cells differs by 12 %, and clouds are over others: the rest tells the factor.
  FusionInput mixed = scene(240, 100, 10, 1, [](int, int, int x, int) { return x % 3 == 0 ? 1.12 : 1.03; });
  for (int b = 0; b < bands; ++b) {
    std::fill_n(mixed.fine.dn.row(0, b, 7), 9, no_data_dn);
    mixed.coarse.dn.at(0, b, 4, 4) = no_data_dn;
  }
  for (int b = 0; b < bands; ++b)
    expect_all(prepared(Harmonise::pairs, mixed).factors(cell_frame(mixed), mixed.fine.dates[0], b), 1.03);
}

/// Gains that change along the scene and with the date.
double along(int pair, int band, int x, int y) {
  return 0.94 + 0.01 * band + 0.02 * pair + (x > 30 ? 0.06 : 0) + (y > 27 ? 0.02 : 0);
}

/// The method as it is told: image by image, each size from the values that the one before has left.
class Plain {
 public:
  Plain(FusionInput const& input, int band) : input_(input), band_(band) {
    int const pairs = input.fine.dn.dates();
    for (int d = 0; d < pairs; ++d)
      images_.push_back(cell_field(cell_frame(input), input.coarse.dn.row(2 * d, band, 0)));
    std::vector<int> all(static_cast<std::size_t>(pairs));
    for (int d = 0; d < pairs; ++d) all[static_cast<std::size_t>(d)] = d;
    fit(all, 10000);
    for (int const d : all) fit({d}, 1000);
  }

  /// The product of the factors of a pair at a pixel.
  double product(int pair, int x, int y) const {
    double value = 1;
    for (Fitted const& one : fitted_) {
      if (std::ranges::count(one.pairs, pair) > 0 && one.px.contains({x, y, 1, 1})) value *= one.factor;
    }
    return value;
  }

 private:
  struct Fitted {
    std::vector<int> pairs;
    Rect px;
    double factor;
  };

  void fit(std::vector<int> const& pairs, std::int64_t least) {
    for (int const side : {1536, 1121, 819, 598, 436, 319, 233}) {
      for (int y = 0; y < input_.scene_px.height; y += side) {
        for (int x = 0; x < input_.scene_px.width; x += side) fit(pairs, least, {x, y, side, side});
      }
    }
  }

  void fit(std::vector<int> const& pairs, std::int64_t least, Rect const& patch) {
    int const ratio = input_.ratio;
    std::int64_t pixels = 0;
    double products = 0, squares = 0;
    auto const inside = [&](int x, int y) {
      return patch.contains({x * ratio + ratio / 2, y * ratio + ratio / 2, 1, 1});
    };
    for (int const d : pairs) {
      for (int y = 0; y < input_.fine.dn.rows(); ++y) {
        for (int x = 0; x < input_.fine.dn.cols(); ++x) {
          if (!inside(x / ratio, y / ratio)) continue;
          double const coarse = cell(d, x / ratio, y / ratio), fine = input_.fine.dn.at(d, band_, y, x);
          pixels += 1;
          products += fine * coarse;
          squares += coarse * coarse;
        }
      }
    }
    double const factor = products / squares;
    if (pixels < least || factor <= 0.8 || factor >= 1.2) return;
    fitted_.push_back({pairs, patch, factor});
    for (int const d : pairs) {
      for (int y = 0; y < input_.cells.height; ++y) {
        for (int x = 0; x < input_.cells.width; ++x) {
          if (inside(x, y)) cell(d, x, y) *= factor;
        }
      }
    }
  }

  double& cell(int pair, int x, int y) {
    return images_[static_cast<std::size_t>(pair)][static_cast<std::size_t>(y * input_.cells.width + x)];
  }

  FusionInput const& input_;
  int band_;
  std::vector<CellField> images_;
  std::vector<Fitted> fitted_;
};

TEST(RobotHarmonise, sums_of_pieces_are_those_of_images_that_change_from_size_to_size) {
  FusionInput const input = scene(683, 391, 10, 2, along);
  auto const harmony = prepared(Harmonise::pairs, input);
  for (int b = 0; b < bands; ++b) {
    Plain const plain(input, b);
    for (int d = 0; d < 2; ++d) {
      auto const factors =
          harmony.factors(cell_frame(input), input.fine.dates[static_cast<std::size_t>(d)], b);
      // Centres of patches of 233 px; 385 is the middle of the last row of cells.
      auto const at = [&](int column, int row) {
        return plain.product(d, 233 * column + 116, std::min(233 * row + 116, 395));
      };
      for (int y = 0; y < 40; ++y) {
        for (int x = 0; x < 69; ++x) {
          double const u = std::clamp((10 * x + 5) / 233.0 - 0.5, 0.0, 2.0);
          double const v = std::clamp((10 * y + 5) / 233.0 - 0.5, 0.0, 1.0);
          int const column = std::min(static_cast<int>(u), 1);
          double const above = at(column, 0) + (u - column) * (at(column + 1, 0) - at(column, 0));
          double const below = at(column, 1) + (u - column) * (at(column + 1, 1) - at(column, 1));
          ASSERT_NEAR(factors[static_cast<std::size_t>(y * 69 + x)], above + v * (below - above), 1e-11)
              << x << ' ' << y;
        }
      }
    }
  }
}

TEST(RobotHarmonise, factors_have_no_steps) {
  FusionInput const input = scene(683, 391, 10, 2, along);
  auto const harmony = prepared(Harmonise::pairs, input);
  auto const factors = harmony.factors(cell_frame(input), input.fine.dates[0], 0);
  for (std::size_t i = 0; i + 1 < factors.size(); ++i) {
    if (i % 69 != 68) {
      ASSERT_LT(std::abs(factors[i + 1] - factors[i]), 0.006) << i;
    }
    if (i + 69 < factors.size()) {
      ASSERT_LT(std::abs(factors[i + 69] - factors[i]), 0.006) << i;
    }
  }
  EXPECT_GT(factors[68] - factors[0], 0.03);
}

TEST(RobotHarmonise, statistics_do_not_depend_on_the_parts) {
  FusionInput const input = scene(683, 391, 10, 2, along);
  std::vector<Rect> const parts = {
      {0, 0, 230, 391}, {230, 0, 453, 110}, {230, 110, 20, 281}, {250, 110, 433, 281}};
  for (auto const mode : {Harmonise::series, Harmonise::pairs}) {
    CoarseHarmony const harmony(mode, bands);
    Statistics const whole = observed(harmony, input, {input.scene_px});
    Statistics in_parts;
    for (Rect const& part : parts) in_parts.merge(observed(harmony, input, {part}));
    CoarseHarmony one(mode, bands), other(mode, bands);
    one.prepare(whole);
    other.prepare(in_parts);
    for (Date const date : input.fine.dates)
      EXPECT_EQ(one.factors(cell_frame(input), date, 1), other.factors(cell_frame(input), date, 1));
  }
}

ModelSettings settings_of(FusionInput const& input, std::string const& mode) {
  auto settings = golden_settings({{"robot.harmonise", mode}});
  settings.bands = {"red", "nir"};
  settings.ratio = input.ratio;
  return settings;
}

TEST(RobotHarmonise, tiles_equal_the_whole) {
  FusionInput input = scene(285, 95, 7, 3, by_date);
  for (int d = 0; d < 3; ++d) {
    for (int b = 0; b < bands; ++b) {
      for (Dn& v : input.fine.dn.plane(d, b))
        v = static_cast<Dn>(v + (&v - input.fine.dn.plane(d, b).data()) % 37);
      for (int y = 20; y < 40; ++y) std::fill_n(input.fine.dn.row(d, b, y) + 40 * d, 30, no_data_dn);
      input.coarse.dn.at(2 * d, b, 5, 33 + d) = no_data_dn;
      input.coarse.dn.at(3, b, 8, 20) = no_data_dn;
    }
  }
  for (auto const* mode : {"series", "pairs"}) {
    auto const model = make_model("robot", settings_of(input, mode));
    auto const expected = predict(*model, input);
    for (Rect const& core : {Rect{0, 0, 40, 40}, Rect{222, 13, 31, 22}, Rect{284, 94, 1, 1}})
      EXPECT_TRUE(tile_equals(
          expected, fuse_prepared(*model, testing::tile_of(input, core, model->info().support)), core))
          << mode;
    FusionInput one = testing::tile_of(input, {200, 30, 60, 40}, model->info().support);
    auto const all = fuse_prepared(*model, one);
    one.targets = {input.targets[1]};
    EXPECT_TRUE(std::ranges::equal(fuse_prepared(*model, one).exact.plane(0, 1), all.exact.plane(1, 1)))
        << mode;
  }
}

TEST(RobotHarmonise, a_gain_of_the_coarse_series_is_no_matter) {
  auto const gain = [](int, int b, int, int) { return b == 0 ? 0.95 : 1.07; };
  FusionInput const input = scene(120, 95, 10, 3, gain);
  FusionInput level = scene(120, 95, 10, 3, gain);
  for (int d = 0; d < level.coarse.dn.dates(); ++d) {
    for (int b = 0; b < bands; ++b) {
      for (Dn& v : level.coarse.dn.plane(d, b)) v = static_cast<Dn>(std::lround(v * gain(0, b, 0, 0)));
    }
  }
  auto const expected = predict(*make_model("robot", settings_of(level, "none")), level);
  auto const as_read = predict(*make_model("robot", settings_of(input, "none")), input);
  double difference = 0;
  for (std::size_t i = 0; i < expected.exact.all().size(); ++i)
    difference = std::max(difference, std::abs(expected.exact.all()[i] - as_read.exact.all()[i]));
  EXPECT_GT(difference, 10);
  for (auto const* mode : {"series", "pairs"}) {
    auto const found = predict(*make_model("robot", settings_of(input, mode)), input);
    for (std::size_t i = 0; i < expected.exact.all().size(); ++i)
      ASSERT_NEAR(found.exact.all()[i], expected.exact.all()[i], 1e-6) << mode;
  }
}

TEST(RobotHarmonise, scenes_without_a_pair_are_defined) {
  FusionInput input = scene(40, 30, 10, 1, by_date);
  for (int b = 0; b < bands; ++b) std::ranges::fill(input.fine.dn.plane(0, b), no_data_dn);
  auto const result = predict(*make_model("robot", settings_of(input, "pairs")), input);
  for (auto const q : result.output.quality.all()) ASSERT_EQ(q, quality::no_data);
}

}  // namespace
}  // namespace stfcube
