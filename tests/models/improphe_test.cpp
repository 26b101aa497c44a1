#include "stfcube/models/classical/improphe.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/principal_components.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

using testing::golden_hash;
using ::testing::HasSubstr;
using testing::predict;
using Options = std::map<std::string, std::string>;

ModelSettings settings_of(FusionInput const& input, Options options) {
  ModelSettings settings;
  settings.bands = {"red", "nir", "swir1"};
  settings.bands.resize(static_cast<std::size_t>(input.coarse.dn.bands()));
  settings.ratio = input.ratio;
  settings.options = std::move(options);
  return settings;
}

testing::GoldenResult run(FusionInput const& input, Options options = {}) {
  return predict(*make_model("improphe", settings_of(input, std::move(options))), input);
}

/// Two fine images, fields of few values with noise; targets near the first, near the second, and without a
/// coarse image.
FusionInput scene(int ratio, bool clouds) {
  constexpr int width = 37, height = 30, bands = 3;
  int const across = (width + ratio - 1) / ratio, down = (height + ratio - 1) / ratio;
  Date const start = *make_date(2020, 1, 1);
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, width, height};
  input.cells = {0, 0, across, down};
  input.ratio = ratio;
  input.fine.dates = {start, start + 32};
  input.coarse.dates = {start, start + 8, start + 30, start + 32};
  input.targets = {start + 8, start + 9, start + 30};
  input.fine.dn = Stack<Dn>(2, bands, height, width);
  input.coarse.dn = Stack<Dn>(4, bands, down, across);
  for (int d = 0; d < 4; ++d) {
    for (int b = 0; b < bands; ++b) {
      for (int y = 0; y < height && d < 2; ++y) {
        for (int x = 0; x < width; ++x) {
          std::uint32_t const field = golden_hash(x / 6, y / 5, 0, 0) % 4;
          input.fine.dn.at(d, b, y, x) = static_cast<Dn>(
              400 + field * static_cast<std::uint32_t>(300 + 200 * b) + golden_hash(x, y, b, d) % 90);
        }
      }
      for (int y = 0; y < down; ++y) {
        for (int x = 0; x < across; ++x)
          input.coarse.dn.at(d, b, y, x) = static_cast<Dn>(500 + golden_hash(x, y, b, 50 + d) % 1500);
      }
    }
  }
  if (!clouds) return input;
  for (int b = 0; b < bands; ++b) {
    for (int y = 8; y < 15; ++y) std::fill_n(input.fine.dn.row(0, b, y) + 10, 9, no_data_dn);
    for (int y = 12; y < 15; ++y) std::fill_n(input.fine.dn.row(1, b, y) + 12, 9, no_data_dn);
    input.coarse.dn.at(1, b, 1, 1) = no_data_dn;
  }
  return input;
}

/// The definition read literally for one pixel, target and band; NaN: nothing.
double literal(FusionInput const& in, int radius, double share, int target, int band, int y, int x) {
  auto const found = std::ranges::find(in.coarse.dates, in.targets[static_cast<std::size_t>(target)]);
  if (found == in.coarse.dates.end()) return std::nan("");
  int const date = static_cast<int>(found - in.coarse.dates.begin()), bands = in.fine.dn.bands();
  auto const coarse = [&](int py, int px) {
    return in.coarse.dn.at(date, band, py / in.ratio, px / in.ratio);
  };
  if (coarse(y, x) == no_data_dn) return std::nan("");
  int const near = std::abs(in.fine.dates[0] - in.targets[static_cast<std::size_t>(target)]) <= 16 ? 0 : 1;
  int const image = in.fine.dn.at(near, 0, y, x) != no_data_dn ? near : 1 - near;
  if (in.fine.dn.at(image, 0, y, x) == no_data_dn) return coarse(y, x);

  std::vector<ExactSum> sums(10);
  auto const valid = [&](int py, int px) { return in.fine.dn.at(image, 0, py, px) != no_data_dn; };
  auto const fine = [&](int b, int py, int px) { return ExactSum{in.fine.dn.at(image, b, py, px)}; };
  for (int py = 0; py < in.scene_px.height; ++py) {
    for (int px = 0; px < in.scene_px.width; ++px) {
      if (!valid(py, px)) continue;
      std::size_t at = 0;
      sums[at++] += 1;
      for (int b = 0; b < bands; ++b) sums[at++] += fine(b, py, px);
      for (int b = 0; b < bands; ++b) {
        for (int c = b; c < bands; ++c) sums[at++] += fine(b, py, px) * fine(c, py, px);
      }
    }
  }
  auto const components = principal_components(sums, bands, 0.975);
  auto const value = [&](int k, int py, int px) {
    double v = 0;
    for (int b = 0; b < bands; ++b) {
      v += components.weights[static_cast<std::size_t>(k * bands + b)] *
           (static_cast<double>(in.fine.dn.at(image, b, py, px)) -
            components.mean[static_cast<std::size_t>(b)]);
    }
    return v;
  };
  auto const deviation = [&](auto const& of, auto const& known, Rect const& window) {
    double n = 0, sum = 0, squares = 0;
    for (int py = window.y; py < window.bottom(); ++py) {
      for (int px = window.x; px < window.right(); ++px) {
        if (!known(py, px)) continue;
        double const v = of(py, px);
        n += 1, sum += v, squares += v * v;
      }
    }
    double const variance = squares / n - sum / n * sum / n;
    return variance > 1e-9 ? std::sqrt(variance) : 0.0;
  };
  struct Neighbour {
    double distance, texture, heterogeneity, coarse;
  };
  std::vector<Neighbour> all;
  int kernel = 0;
  for (int dy = -radius; dy <= radius; ++dy) {
    for (int dx = -radius; dx <= radius; ++dx) {
      if (dx * dx + dy * dy > radius * radius) continue;
      ++kernel;
      int const py = y + dy, px = x + dx;
      if (py < 0 || px < 0 || py >= in.scene_px.height || px >= in.scene_px.width || !valid(py, px)) continue;
      Neighbour n{};
      for (int k = 0; k < components.count; ++k) {
        n.distance += std::abs(value(k, py, px) - value(k, y, x)) / components.count;
        Rect const window = intersect(grow({px, py, 1, 1}, in.ratio / 2), in.scene_px);
        n.texture =
            std::max(n.texture, deviation([&](int a, int b) { return value(k, a, b); }, valid, window));
      }
      Rect const cells = intersect({px / in.ratio - 1, py / in.ratio - 1, 3, 3}, in.cells);
      auto const cell = [&](int a, int b) { return static_cast<double>(in.coarse.dn.at(date, band, a, b)); };
      n.heterogeneity = deviation(
          cell, [&](int a, int b) { return cell(a, b) != no_data_dn; }, cells);
      n.coarse = coarse(py, px);
      all.push_back(n);
    }
  }
  double limit = 0;
  for (double const t : {0.025, 0.05, 0.1, 0.2, 0.4}) {
    limit = t;
    if (static_cast<double>(std::ranges::count_if(all, [&](auto const& n) { return n.distance < t; })) >=
        share * kernel)
      break;
  }
  std::erase_if(all, [&](auto const& n) { return n.distance >= limit; });
  auto const rescaled = [&](double Neighbour::*which, Neighbour const& one) {
    double low = 1e300, high = -1e300;
    for (auto const& n : all) {
      bool const counts = n.*which > 0 && (which != &Neighbour::heterogeneity || n.coarse != no_data_dn);
      if (counts) low = std::min(low, n.*which), high = std::max(high, n.*which);
    }
    return one.*which > 0 && high > low ? 1 + std::exp(25 * ((one.*which - low) / (high - low)) - 7.5) : 1.0;
  };
  double sum = 0, total = 0;
  for (auto const& n : all) {
    if (n.coarse == no_data_dn) continue;
    double const weight = 1 / (rescaled(&Neighbour::distance, n) * rescaled(&Neighbour::texture, n) *
                               rescaled(&Neighbour::heterogeneity, n));
    sum += weight * n.coarse;
    total += weight;
  }
  return sum / total;
}

TEST(Improphe, equals_its_definition_read_literally) {
  for (auto const& [ratio, clouds, share] : {std::tuple{4, true, 0.02}, {5, false, 0.2}}) {
    FusionInput const input = scene(ratio, clouds);
    auto const result = run(input, {{"improphe.radius", "6"}, {"improphe.share", std::to_string(share)}});
    for (int t = 0; t < 3; ++t) {
      for (int y = 0; y < input.scene_px.height; y += 3) {
        for (int x = 0; x < input.scene_px.width; x += 3) {
          for (int b = 0; b < 3; ++b) {
            double const expected = literal(input, 6, share, t, b, y, x), value = result.exact.at(t, b, y, x);
            ASSERT_EQ(std::isnan(expected), std::isnan(value)) << t << ' ' << y << ' ' << x;
            ASSERT_TRUE(std::isnan(expected) || std::abs(value - expected) < 5e-3)
                << t << ' ' << y << ' ' << x;
          }
        }
      }
    }
  }
}

TEST(Improphe, tiles_equal_the_whole_and_need_their_halo) {
  for (int const ratio : {2, 5}) {
    FusionInput const whole = scene(ratio, true);
    auto const model = make_model("improphe", settings_of(whole, {{"improphe.radius", "6"}}));
    auto const expected = predict(*model, whole);
    for (Rect const& core : {Rect{0, 0, 9, 7}, Rect{13, 9, 11, 12}, Rect{36, 29, 1, 1}}) {
      auto const tile = predict(*model, testing::tile_of(whole, core, model->info().support));
      for (int t = 0; t < 3; ++t) {
        for (int y = 0; y < core.height; ++y) {
          for (int x = 0; x < core.width; ++x) {
            ASSERT_EQ(tile.output.quality.at(t, 0, y, x),
                      expected.output.quality.at(t, 0, y + core.y, x + core.x));
            double const one = tile.exact.at(t, 1, y, x),
                         other = expected.exact.at(t, 1, y + core.y, x + core.x);
            ASSERT_TRUE(one == other || (std::isnan(one) && std::isnan(other))) << x << ' ' << y;
            ASSERT_EQ(tile.output.uncertainty.at(t, 1, y, x),
                      expected.output.uncertainty.at(t, 1, y + core.y, x + core.x));
          }
        }
      }
    }
    Support smaller = model->info().support;
    --smaller.halo_px;
    EXPECT_THROW(predict(*model, testing::tile_of(whole, {13, 9, 11, 12}, smaller)), Error);
    // Heterogeneity looks one cell further: without it some value differs.
    smaller = model->info().support;
    --smaller.halo_cells;
    int different = 0;
    for (int x = 8; x < 28; ++x) {
      auto const tile = predict(*model, testing::tile_of(whole, {x, 9, 1, 12}, smaller));
      for (int y = 0; y < 12; ++y)
        different += tile.exact.at(0, 0, y, 0) != expected.exact.at(0, 0, y + 9, x);
    }
    EXPECT_GT(different, 0);
  }
}

TEST(Improphe, equal_coarse_cells_are_kept) {
  FusionInput input = scene(4, true);
  for (Dn& v : input.coarse.dn.all()) v = v == no_data_dn ? v : Dn{777};
  auto const result = run(input);
  for (std::size_t i = 0; i < result.exact.plane_size(); ++i) {
    double const value = result.exact.plane(0, 0)[i];
    ASSERT_TRUE(std::isnan(value) || std::abs(value - 777) < 1e-9);
    ASSERT_EQ(std::isnan(value), result.output.quality.plane(0, 0)[i] == quality::no_data);
  }
  // What the weights are off on the day of the pair: its coarse images are 777 too.
  double const off = input.fine.dn.at(0, 0, 0, 0) - 777;
  EXPECT_EQ(result.output.uncertainty.at(0, 0, 0, 0), std::lround(std::sqrt(20 * 20 + off * off)));
  EXPECT_EQ(result.output.quality.at(1, 0, 0, 0), quality::no_data);  // no coarse image
  EXPECT_EQ(result.output.quality.at(0, 0, 0, 0) & ~quality::input_masked,
            quality::fused | quality::extrapolated);
  EXPECT_EQ(result.output.quality.at(0, 0, 13, 13),
            quality::fused | quality::low_confidence);                // no fine value
  EXPECT_EQ(result.output.quality.at(0, 0, 5, 5), quality::no_data);  // no coarse value
}

TEST(Improphe, constant_images_and_single_bands_are_defined) {
  FusionInput input = scene(4, false);
  for (Dn& v : input.fine.dn.all()) v = 300;
  auto const constant = run(input);
  for (double const v : constant.exact.plane(0, 2)) ASSERT_TRUE(v >= 500 && v < 2000);
  for (int const ratio : {2, 50}) {
    FusionInput one = scene(ratio, false);
    FusionInput band = scene(ratio, false);
    band.fine.dn = Stack<Dn>(2, 1, 30, 37);
    band.coarse.dn = Stack<Dn>(4, 1, one.coarse.dn.rows(), one.coarse.dn.cols());
    for (int d = 0; d < 2; ++d) std::ranges::copy(one.fine.dn.plane(d, 0), band.fine.dn.plane(d, 0).begin());
    for (int d = 0; d < 4; ++d)
      std::ranges::copy(one.coarse.dn.plane(d, 0), band.coarse.dn.plane(d, 0).begin());
    auto const result = run(band, {{"improphe.radius", "4"}});
    for (double const v : result.exact.plane(0, 0)) ASSERT_TRUE(v >= 500 && v < 2000);
  }
}

TEST(Improphe, too_few_similar_pixels_are_flagged) {
  FusionInput const input = scene(4, false);
  auto const result = run(input, {{"improphe.share", "1"}});
  EXPECT_EQ(result.output.quality.at(0, 0, 9, 9),
            quality::fused | quality::extrapolated | quality::low_confidence);
}

TEST(Improphe, fewer_components_give_another_result) {
  FusionInput const input = scene(4, false);
  EXPECT_FALSE(std::ranges::equal(run(input, {{"improphe.variance", "0.5"}}).exact.plane(0, 0),
                                  run(input, {{"improphe.variance", "1"}}).exact.plane(0, 0)));
}

TEST(Improphe, wrong_options_name_what_is_allowed) {
  auto const message = [](Options const& options) -> std::string {
    try {
      make_model("improphe", settings_of(scene(4, false), options));
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({{"improphe.radius", "0"}}), HasSubstr("improphe.radius = 0"));
  EXPECT_THAT(message({{"improphe.varianze", "0.9"}}), HasSubstr("Did you mean improphe.variance?"));
}

}  // namespace
}  // namespace stfcube
