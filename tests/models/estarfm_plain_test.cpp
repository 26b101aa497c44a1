// ESTARFM against the method written down once more, as plainly as possible.
#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/classical/estarfm.hpp"
#include "stfcube/models/classical/estarfm_block.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/models/simd.hpp"
#include "stfcube/models/stat_zones.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"

namespace stfcube {
namespace {

using testing::Options;
using testing::patchy_scene;
using testing::patchy_settings;
using testing::predict;

struct PlainOptions {
  int half = 5, classes = 4, kept = 0, zone_px = 0;
  bool convert = true, in_cell = false, unbiased = false, nearest = false;
  double lowest = -2000, highest = 16000;
};

class Plain {
 public:
  Plain(FusionInput const& input, PlainOptions const& options) : input_(input), options_(options) {
    CellFrame const frame = cell_frame(input);
    for (int d = 0; d < input.coarse.dn.dates(); ++d) {
      for (int b = 0; b < bands(); ++b) {
        Dn const* const plane = input.coarse.dn.row(d, b, 0);
        coarse_.push_back(options.nearest ? nearest_plane(frame, plane, input.scene_px)
                                          : rounded_bilinear_plane(frame, plane, input.scene_px));
      }
    }
  }

  /// @param m, n  pairs; @param p  coarse date of the target
  std::vector<double> predict(Pair const& m, Pair const& n, int p, int y, int x) const {
    std::array<Pair, 2> const pairs = {m, n};
    std::vector<Place> omega, similar;
    for (int j = y - options_.half; j <= y + options_.half; ++j) {
      for (int i = x - options_.half; i <= x + options_.half; ++i) {
        if (input_.scene_px.contains({i, j, 1, 1}) && valid(m, j, i) && valid(n, j, i) &&
            coarse(p, 0, j, i) != no_data_dn)
          omega.push_back({j, i});
      }
    }
    for (Place const& at : omega) {
      bool same = true;
      for (int b = 0; b < bands(); ++b) {
        for (Pair const& pair : pairs)
          same = same && std::abs(fine(pair, b, at) - fine(pair, b, {y, x})) <= limit(pair, b, y, x);
      }
      if (same) similar.push_back(at);
    }
    bool const few = similar.size() < 6;
    if (options_.kept > 0 && similar.size() > static_cast<std::size_t>(options_.kept))
      keep_nearest(similar, pairs, y, x);
    std::vector<double> result;
    for (int b = 0; b < bands(); ++b)
      result.push_back(few ? fallback(omega, pairs, p, b, {y, x})
                           : blend(omega, similar, pairs, p, b, {y, x}));
    return result;
  }

  bool valid(Pair const& pair, int y, int x) const {
    return input_.fine.dn.at(pair.fine, 0, y, x) != no_data_dn && coarse(pair.coarse, 0, y, x) != no_data_dn;
  }
  Dn coarse(int date, int band, int y, int x) const {
    return coarse_[static_cast<std::size_t>(date * bands() + band)]
                  [static_cast<std::size_t>(y * input_.scene_px.width + x)];
  }

 private:
  struct Place {
    int y, x;
  };
  int bands() const { return input_.fine.dn.bands(); }
  int fine(Pair const& pair, int band, Place at) const {
    return input_.fine.dn.at(pair.fine, band, at.y, at.x);
  }

  double limit(Pair const& pair, int band, int y, int x) const {
    return (options_.unbiased ? 1.0 : 2.0 / options_.classes) * sigma(pair.fine, band, y, x);
  }

  double sigma(int date, int band, int y, int x) const {
    auto const [known, is_new] = sigma_.try_emplace({date, band, y, x});
    if (is_new) known->second = sigma_at(date, band, y, x);
    return known->second;
  }

  double sigma_at(int date, int band, int y, int x) const {
    if (options_.zone_px == 0) return sigma_in(date, band, input_.scene_px);
    StatZones const zones(options_.zone_px);
    auto const mixture = zones.at(input_.scene_px, x, y);
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      int const z = options_.zone_px;
      Rect const around{mixture.zones[i].column * z - z / 2, mixture.zones[i].row * z - z / 2, 2 * z, 2 * z};
      sum += mixture.weights[i] * sigma_in(date, band, intersect(around, input_.scene_px));
    }
    return sum;
  }

  double sigma_in(int date, int band, Rect const& px) const {
    ExactSum count = 0, sum = 0, squares = 0;
    for (int y = px.y; y < px.bottom(); ++y) {
      for (int x = px.x; x < px.right(); ++x) {
        int const value = input_.fine.dn.at(date, band, y, x);
        if (value == no_data_dn) continue;
        count += 1, sum += value, squares += ExactSum{value} * value;
      }
    }
    return population_sigma(count, sum, squares);
  }

  void keep_nearest(std::vector<Place>& similar, std::array<Pair, 2> const& pairs, int y, int x) const {
    auto const measure = [&](Place const& at) {
      double sum = 0;
      for (int b = 0; b < bands(); ++b) {
        for (Pair const& pair : pairs) {
          int const difference = std::abs(fine(pair, b, at) - fine(pair, b, {y, x}));
          if (difference > 0) sum += difference / limit(pair, b, y, x);
        }
      }
      return std::tuple(sum, (at.y - y) * (at.y - y) + (at.x - x) * (at.x - x), at.y, at.x);
    };
    std::ranges::sort(similar, {}, measure);
    similar.resize(static_cast<std::size_t>(options_.kept));
    std::ranges::sort(similar, {}, [](Place const& at) { return std::pair(at.y, at.x); });
  }

  std::array<double, 2> shares(std::vector<Place> const& omega, std::array<Pair, 2> const& pairs, int p,
                               int b) const {
    std::array<double, 2> tau{};
    for (std::size_t k = 0; k < 2; ++k) tau[k] = 1 / (std::abs(mean_change(omega, pairs[k], p, b)) + 1e-10);
    return {tau[0] / (tau[0] + tau[1]), tau[1] / (tau[0] + tau[1])};
  }
  double mean_change(std::vector<Place> const& omega, Pair const& pair, int p, int b) const {
    double sum = 0;
    for (Place const& at : omega) sum += coarse(p, b, at.y, at.x) - coarse(pair.coarse, b, at.y, at.x);
    return sum / static_cast<double>(omega.size());
  }

  double fallback(std::vector<Place> const& omega, std::array<Pair, 2> const& pairs, int p, int b,
                  Place centre) const {
    auto const share = shares(omega, pairs, p, b);
    double sum = 0;
    for (std::size_t k = 0; k < 2; ++k)
      sum += share[k] * (fine(pairs[k], b, centre) + mean_change(omega, pairs[k], p, b));
    return sum;
  }

  /// mean(C) - mean(F) over the similar pixels.
  double shift(std::vector<Place> const& similar, Pair const& pair, int b) const {
    double sum = 0;
    for (Place const& at : similar) sum += coarse(pair.coarse, b, at.y, at.x) - fine(pair, b, at);
    return options_.unbiased ? sum / static_cast<double>(similar.size()) : 0;
  }

  double correlation(std::vector<Place> const& similar, std::array<Pair, 2> const& pairs, Place at) const {
    std::vector<double> f, c;
    for (Pair const& pair : pairs) {
      for (int b = 0; b < bands(); ++b) {
        f.push_back(fine(pair, b, at) + shift(similar, pair, b));
        c.push_back(coarse(pair.coarse, b, at.y, at.x));
      }
    }
    if (bands() == 1) {
      double sum = 0;
      for (std::size_t k = 0; k < 2; ++k) sum += f[k] + c[k] <= 0 ? 1 : std::abs(f[k] - c[k]) / (f[k] + c[k]);
      return 1 - sum / 2;
    }
    double fm = 0, cm = 0, ff = 0, cc = 0, fc = 0;
    for (double v : f) fm += v / static_cast<double>(f.size());
    for (double v : c) cm += v / static_cast<double>(c.size());
    for (std::size_t i = 0; i < f.size(); ++i) {
      ff += (f[i] - fm) * (f[i] - fm), cc += (c[i] - cm) * (c[i] - cm), fc += (f[i] - fm) * (c[i] - cm);
    }
    return ff == 0 || cc == 0 ? 0.5 : std::clamp(fc / std::sqrt(ff) / std::sqrt(cc), -1.0, 1.0);
  }

  double conversion(std::vector<Place> similar, std::array<Pair, 2> const& pairs, int b, Place centre) const {
    if (!options_.convert || options_.unbiased) return 1;
    if (options_.in_cell) {
      std::vector<Place> own;
      for (Place const& at : similar) {
        if (at.y / input_.ratio == centre.y / input_.ratio && at.x / input_.ratio == centre.x / input_.ratio)
          own.push_back(at);
      }
      if (own.size() >= 3) similar = own;
    }
    double n = 0, sx = 0, sy = 0, change = 0;
    for (Place const& at : similar) {
      for (std::size_t k = 0; k < 2; ++k) {
        double const c = coarse(pairs[k].coarse, b, at.y, at.x);
        n += 1, sx += c, sy += fine(pairs[k], b, at), change += k == 0 ? c : -c;
      }
    }
    if (std::abs(change) < 200 * n / 2) return 1;
    double xx = 0, xy = 0, yy = 0;
    for (Place const& at : similar) {
      for (Pair const& pair : pairs) {
        double const dx = coarse(pair.coarse, b, at.y, at.x) - sx / n, dy = fine(pair, b, at) - sy / n;
        xx += dx * dx, xy += dx * dy, yy += dy * dy;
      }
    }
    if (xx == 0 || yy == 0) return 1;
    double const slope = xy / xx;
    return slope > 0 && slope <= 5 && estarfm_significant(xy * xy / xx / yy, static_cast<int>(n) / 2) ? slope
                                                                                                      : 1;
  }

  double blend(std::vector<Place> const& omega, std::vector<Place> const& similar,
               std::array<Pair, 2> const& pairs, int p, int b, Place centre) const {
    auto const share = shares(omega, pairs, p, b);
    double const v = conversion(similar, pairs, b, centre);
    double weight = 0;
    std::array<double, 2> change{}, mean{};
    for (Place const& at : similar) {
      double const d = 1 + std::hypot(at.y - centre.y, at.x - centre.x) / options_.half;
      double const w = 1 / ((1 - correlation(similar, pairs, at)) * d + 1e-7);
      weight += w;
      for (std::size_t k = 0; k < 2; ++k) {
        change[k] += w * (coarse(p, b, at.y, at.x) - coarse(pairs[k].coarse, b, at.y, at.x));
        mean[k] += w * (fine(pairs[k], b, at) + shift(similar, pairs[k], b));
      }
    }
    double value = 0;
    for (std::size_t k = 0; k < 2; ++k)
      value += share[k] * (fine(pairs[k], b, centre) + shift(similar, pairs[k], b) + v * change[k] / weight);
    bool const inside = value > options_.lowest && value < options_.highest;
    return inside ? value : share[0] * mean[0] / weight + share[1] * mean[1] / weight;
  }

  FusionInput const& input_;
  PlainOptions options_;
  std::vector<std::vector<Dn>> coarse_;
  mutable std::map<std::array<int, 4>, double> sigma_;
};

struct Case {
  char const* name;
  Options options;
  PlainOptions plain;
};
void PrintTo(Case const& c, std::ostream* out) {
  *out << c.name;
}

class EstarfmPlain : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Options, EstarfmPlain,
    ::testing::Values(Case{"default", {}, {}}, Case{"v_off", {{"estarfm.v", "off"}}, {.convert = false}},
                      Case{"own_cell", {{"estarfm.v_scope", "coarse_pixel"}}, {.in_cell = true}},
                      Case{"fast", {{"estarfm.fast", "true"}}, {.kept = 20}},
                      Case{"unbiased", {{"estarfm.unbiased", "true"}}, {.unbiased = true}},
                      Case{"nearest", {{"estarfm.coarse", "nearest"}}, {.nearest = true}},
                      Case{"classes", {{"estarfm.classes", "9"}}, {.classes = 9}},
                      Case{"zones", {}, {.zone_px = 12}},
                      Case{"range", {{"estarfm.range", "700 1100"}}, {.lowest = 700, .highest = 1100}}));

/// Compares all pixels; returns how many predictions there are.
int expect_plain(FusionInput const& input, testing::GoldenResult const& result, PlainOptions const& options) {
  Plain const plain(input, options);
  auto const pairs = pairs_in_reach(input, 0, 90);
  auto const coarse = coarse_of_targets(input);
  PairPlanner planner(pairs, input.targets, 2, 90);
  int predicted = 0;
  for (int y = 0; y < input.scene_px.height; ++y) {
    for (int x = 0; x < input.scene_px.width; ++x) {
      std::vector<bool> usable;
      for (Pair const& pair : pairs) usable.push_back(plain.valid(pair, y, x));
      std::vector<PairRun const*> run_of(input.targets.size(), nullptr);
      for (PairRun const& run : planner.runs(usable)) {
        for (int t = run.first; t < run.last; ++t) run_of[static_cast<std::size_t>(t)] = &run;
      }
      for (std::size_t t = 0; t < run_of.size(); ++t) {
        int const target = static_cast<int>(t);
        bool const expected = run_of[t] != nullptr && run_of[t]->pairs == 2 && coarse[t] >= 0 &&
                              plain.coarse(coarse[t], 0, y, x) != no_data_dn;
        EXPECT_EQ(std::isfinite(result.exact.at(target, 0, y, x)), expected)
            << target << ' ' << x << ' ' << y;
        EXPECT_EQ(result.output.quality.at(target, 0, y, x) == quality::no_data, !expected);
        if (!expected) continue;
        ++predicted;
        auto const& pair = run_of[t]->pair;
        auto const values = plain.predict(pairs[static_cast<std::size_t>(pair[0])],
                                          pairs[static_cast<std::size_t>(pair[1])], coarse[t], y, x);
        for (int b = 0; b < input.fine.dn.bands(); ++b) {
          EXPECT_NEAR(result.exact.at(target, b, y, x), values[static_cast<std::size_t>(b)], 1e-6)
              << target << ' ' << b << ' ' << x << ' ' << y;
        }
      }
      if (::testing::Test::HasFailure()) return predicted;
    }
  }
  return predicted;
}

TEST_P(EstarfmPlain, gives_the_same) {
  Options options = GetParam().options;
  options.merge(Options{{"estarfm.window", "11"}});
  ModelSettings settings = patchy_settings(8, options);
  settings.zone_px = GetParam().plain.zone_px;
  for (bool const gaps : {false, true}) {
    // Pairs 60 days apart: the coarse change is about 300 DN.
    FusionInput const input = patchy_scene(28, 8, {10, 70, 85}, {5, 10, 30, 60, 75}, 5, gaps);
    auto const model = make_model("estarfm", settings);
    EXPECT_GT(expect_plain(input, predict(*model, input), GetParam().plain), 28 * 28);
  }
}

TEST(EstarfmPlain, instruction_sets_change_no_bit) {
  FusionInput const input =
      patchy_scene(40, 8, {10, 70, 85}, {5, 10, 12, 14, 16, 20, 30, 40, 50, 60, 65, 75}, 6, true);
  auto const model = make_model("estarfm", patchy_settings(8, {{"estarfm.window", "11"}}));
  auto const expected = predict(*model, input);
  for (std::string const& name : simd_targets()) {
    use_simd_target(name);
    auto const result = predict(*model, input);
    for (std::size_t i = 0; i < expected.exact.size(); ++i) {
      double const a = expected.exact.all()[i], b = result.exact.all()[i];
      ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << name << ' ' << i;
    }
    EXPECT_TRUE(std::ranges::equal(expected.output.quality.all(), result.output.quality.all())) << name;
  }
  use_simd_target("");
}

TEST(EstarfmPlain, significance_is_that_of_student) {
  // Two-sided 5 % points of Student's t.
  constexpr double points[][2] = {
      {4, 2.776445}, {10, 2.228139}, {30, 2.042272}, {100, 1.983972}, {1000, 1.962339}};
  for (auto const& [freedom, t] : points) {
    int const candidates = static_cast<int>(freedom) / 2 + 1;
    auto const r_squared = [&, f = freedom](double value) { return value * value / (value * value + f); };
    EXPECT_TRUE(estarfm_significant(r_squared(t + 2e-6), candidates)) << freedom;
    EXPECT_FALSE(estarfm_significant(r_squared(t - 2e-6), candidates)) << freedom;
  }
  EXPECT_TRUE(estarfm_significant(1, 6));
  EXPECT_FALSE(estarfm_significant(0, 2000));
}

}  // namespace
}  // namespace stfcube
