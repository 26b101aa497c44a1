// STARFM against the method written down once more, as plainly as possible.
#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/starfm.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"

namespace stfcube {
namespace {

using testing::Options;
using testing::patchy_options;
using testing::patchy_scene;
using testing::patchy_settings;
using testing::predict;

struct PlainResult {
  double value = std::numeric_limits<double>::quiet_NaN();
  double sigma = 0;
  int used = 0;
};

struct PlainOptions {
  int half = 7, slices = 10;
  double distance = 7, sigma_fine = 20, sigma_coarse = 20;
  bool both = false, centre_max = false, logarithmic = false;
  std::vector<int> similarity_bands = {};
};

/// Coarse value on the fine grid by nearest; the scene starts at (0, 0).
Dn plain_coarse(FusionInput const& input, int date, int band, int y, int x) {
  return input.coarse.dn.at(date, band, y / input.ratio, x / input.ratio);
}

double plain_sigma(FusionInput const& input, int date, int band) {
  ExactSum n = 0, sum = 0, squares = 0;
  for (Dn const value : input.fine.dn.plane(date, band)) {
    if (value == no_data_dn) continue;
    n += 1;
    sum += value;
    squares += ExactSum{value} * value;
  }
  return population_sigma(n, sum, squares);
}

/// Step by step as in the specification, for one pixel, band and target; `pairs` are those valid at the
/// pixel.
PlainResult plain_starfm(FusionInput const& input, Stack<double> const& sigma, std::vector<Pair> const& pairs,
                         int target, int band, int y, int x, PlainOptions const& options) {
  double const spectral =
      std::sqrt(options.sigma_fine * options.sigma_fine + options.sigma_coarse * options.sigma_coarse);
  double const temporal = std::sqrt(2.0) * options.sigma_coarse;
  double const combined = std::sqrt(spectral * spectral + temporal * temporal);
  int s0 = options.centre_max ? 0 : 1 << 20, t0 = s0;
  auto const choose = [&](int a, int b) { return options.centre_max ? std::max(a, b) : std::min(a, b); };
  for (Pair const& pair : pairs) {
    int const coarse = plain_coarse(input, pair.coarse, band, y, x);
    s0 = choose(s0, std::abs(input.fine.dn.at(pair.fine, band, y, x) - coarse));
    t0 = choose(t0, std::abs(coarse - plain_coarse(input, target, band, y, x)));
  }
  double weights = 0, values = 0, squares = 0;
  PlainResult result;
  for (Pair const& pair : pairs) {
    for (int j = std::max(0, y - options.half); j <= std::min(input.scene_px.height - 1, y + options.half);
         ++j) {
      for (int i = std::max(0, x - options.half); i <= std::min(input.scene_px.width - 1, x + options.half);
           ++i) {
        bool similar = true;
        auto const bands =
            options.similarity_bands.empty() ? std::vector<int>{band} : options.similarity_bands;
        for (int const b : bands) {
          double const delta = 2 * sigma.at(pair.fine, b, 0, 0) / options.slices;
          similar = similar && std::abs(input.fine.dn.at(pair.fine, b, j, i) -
                                        input.fine.dn.at(pair.fine, b, y, x)) <= delta;
        }
        int const fine = input.fine.dn.at(pair.fine, band, j, i),
                  before = plain_coarse(input, pair.coarse, band, j, i),
                  after = plain_coarse(input, target, band, j, i);
        if (!similar || fine == no_data_dn || before == no_data_dn || after == no_data_dn) continue;
        int const s = std::abs(fine - before), t = std::abs(before - after);
        bool const passes_s = s <= s0 + spectral, passes_t = t <= t0 + temporal;
        if (options.both ? !(passes_s && passes_t) : !(passes_s || passes_t)) continue;
        bool const use_t = pairs.size() == 2;
        double const q = use_t ? (s + 1.0) * (t + 1.0) : s + 1.0;
        double const d = 1 + std::sqrt(double((i - x) * (i - x) + (j - y) * (j - y))) / options.distance;
        double weight = 1 / (q * d);
        if (options.logarithmic) weight = 1 / (d * std::log(s + 2.0) * (use_t ? std::log(t + 2.0) : 1.0));
        if (q < combined) weight = 1;
        double const value = fine + after - before;
        weights += weight;
        values += weight * value;
        squares += weight * value * value;
        ++result.used;
      }
    }
  }
  if (result.used == 0) {
    for (Pair const& pair : pairs) {
      double const value = input.fine.dn.at(pair.fine, band, y, x) + plain_coarse(input, target, band, y, x) -
                           plain_coarse(input, pair.coarse, band, y, x);
      weights += 1;
      values += value;
      squares += value * value;
    }
  }
  result.value = values / weights;
  result.sigma =
      std::sqrt(std::max(0.0, squares / weights - result.value * result.value) +
                options.sigma_fine * options.sigma_fine + 2 * options.sigma_coarse * options.sigma_coarse);
  return result;
}

/// Compares every pixel with the plain form. Ranks of pairs by hand: those valid at the pixel around the
/// target.
void expect_plain(FusionInput const& input, Options const& options, PlainOptions const& plain) {
  auto const model = make_model("starfm", patchy_settings(input.ratio, options));
  auto const result = predict(*model, input);
  auto const pairs = find_pairs(input.fine.dates, input.coarse.dates, 0);
  Stack<double> sigma(input.fine.dn.dates(), 2, 1, 1);
  for (int d = 0; d < sigma.dates(); ++d) {
    for (int b = 0; b < 2; ++b) sigma.at(d, b, 0, 0) = plain_sigma(input, d, b);
  }
  int compared = 0, empty = 0;
  for (int t = 0; t < static_cast<int>(input.targets.size()); ++t) {
    Date const date = input.targets[static_cast<std::size_t>(t)];
    int const coarse =
        static_cast<int>(std::ranges::find(input.coarse.dates, date) - input.coarse.dates.begin());
    PairOrder const order = pair_order(pairs, date, 90);
    for (int y = 0; y < input.scene_px.height; ++y) {
      for (int x = 0; x < input.scene_px.width; ++x) {
        std::vector<Pair> valid;
        for (auto const& side : {order.before, order.after}) {
          for (int const p : side) {
            Pair const& pair = pairs[static_cast<std::size_t>(p)];
            if (input.fine.dn.at(pair.fine, 0, y, x) == no_data_dn ||
                plain_coarse(input, pair.coarse, 0, y, x) == no_data_dn) {
              continue;
            }
            valid.push_back(pair);
            break;
          }
        }
        auto const flags = result.output.quality.at(t, 0, y, x);
        if (valid.empty() || plain_coarse(input, coarse, 0, y, x) == no_data_dn) {
          ++empty;
          EXPECT_EQ(flags, quality::no_data);
          EXPECT_EQ(result.output.dn.at(t, 0, y, x), no_data_dn);
          EXPECT_EQ(result.output.uncertainty.at(t, 1, y, x), no_data_dn);
          continue;
        }
        bool few = false;
        for (int band = 0; band < 2; ++band) {
          PlainResult const expected = plain_starfm(input, sigma, valid, coarse, band, y, x, plain);
          few = few || expected.used * 100 <
                           (2 * plain.half + 1) * (2 * plain.half + 1) * static_cast<int>(valid.size());
          ASSERT_NEAR(result.exact.at(t, band, y, x), expected.value, 1e-6)
              << t << ' ' << band << ' ' << y << ' ' << x;
          EXPECT_EQ(result.output.dn.at(t, band, y, x), std::llround(result.exact.at(t, band, y, x)));
          EXPECT_NEAR(result.output.uncertainty.at(t, band, y, x), expected.sigma, 0.501);
          ++compared;
        }
        bool const enclosed = valid.size() == 2 || valid.front().date == date;
        EXPECT_EQ(flags, quality::fused | (enclosed ? 0 : quality::extrapolated) |
                             (few ? quality::low_confidence : 0));
      }
    }
  }
  EXPECT_GT(compared, 100);
  EXPECT_EQ(compared / 2 + empty,
            static_cast<int>(input.targets.size()) * input.scene_px.width * input.scene_px.height);
}

TEST(Starfm, agrees_with_the_plain_form_for_few_targets) {
  for (int const ratio : {2, 8, 50}) {
    expect_plain(patchy_scene(45, ratio, {10}, {14}, 1, false), patchy_options(), {});
    expect_plain(patchy_scene(45, ratio, {10, 20}, {14, 25}, 2, true), patchy_options(), {});
  }
}

TEST(Starfm, agrees_with_the_plain_form_for_many_targets) {
  for (int const ratio : {1, 8}) {
    expect_plain(patchy_scene(30, ratio, {10, 20, 30},
                              {8, 10, 14, 16, 20, 22, 23, 24, 25, 26, 27, 28, 29, 33}, 3, true),
                 patchy_options(), {});
  }
}

TEST(Starfm, agrees_with_the_plain_form_for_each_option) {
  for (std::vector<int> const& days : {std::vector<int>{14}, std::vector<int>{8, 12, 14, 25}}) {
    FusionInput const input = patchy_scene(40, 8, {10, 20}, days, 4, true);
    expect_plain(input, patchy_options({{"starfm.filter", "and"}}), {.both = true});
    expect_plain(input, patchy_options({{"starfm.centre", "max"}}), {.centre_max = true});
    expect_plain(input, patchy_options({{"starfm.log", "true"}}), {.logarithmic = true});
    expect_plain(input, patchy_options({{"starfm.distance", "2.5"}}), {.distance = 2.5});
    expect_plain(input, patchy_options({{"starfm.window", "9"}, {"starfm.distance", "7"}}), {.half = 4});
    expect_plain(input, patchy_options({{"starfm.slices", "4"}}), {.slices = 4});
    expect_plain(input, patchy_options({{"starfm.sigma_fine", "35"}, {"starfm.sigma_coarse", "15 15"}}),
                 {.sigma_fine = 35, .sigma_coarse = 15});
    expect_plain(input, patchy_options({{"starfm.similarity_bands", "green red"}}),
                 {.similarity_bands = {0, 1}});
    expect_plain(input, patchy_options({{"starfm.similarity_bands", "red"}}), {.similarity_bands = {1}});
    expect_plain(input,
                 patchy_options(
                     {{"starfm.sigma_fine", "0.4"}, {"starfm.sigma_coarse", "0.4"}, {"starfm.log", "true"}}),
                 {.sigma_fine = 0.4, .sigma_coarse = 0.4, .logarithmic = true});
  }
}

}  // namespace
}  // namespace stfcube
