// Networks as fusion methods, with stand-ins for the networks whose results are known.
#include "stfcube/models/deep/network_model.hpp"

#include <atomic>
#include <cmath>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

using nn::BlockImages;

constexpr int bands = 2;

/// A network that is a function.
class StandIn final : public nn::Predictor {
 public:
  using Function = std::function<std::vector<float>(BlockImages const&)>;
  StandIn(nn::NetworkInfo info, Function function) : info_(std::move(info)), function_(std::move(function)) {
    info_.name = "stand_in";
    info_.bands = bands;
  }
  nn::NetworkInfo const& info() const override { return info_; }
  nn::ModelCard const& card() const override { return card_; }
  std::vector<float> predict(BlockImages const& images, nn::RunSettings const&) const override {
    return function_(images);
  }
  bool gather_maps(BlockImages const&, nn::CoreRectangle const&, std::vector<nn::MapConstants> const&,
                   nn::MapSums&) const override {
    return false;
  }
  std::size_t working_bytes(int, int, int) const override { return 0; }

  nn::ModelCard card_;

 private:
  nn::NetworkInfo info_;
  Function function_;
};

/// Fine image plus coarse change: what `increment` does.
std::vector<float> incremented(BlockImages const& images) {
  std::vector<float> values(images.fine_before.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = images.fine_before[i] + (images.coarse_target[i] - images.coarse_before[i]);
  return values;
}

/// The sum over a square window of all images, with zeros beyond the block, as a padded convolution has it.
std::vector<float> windowed(BlockImages const& images, int radius) {
  std::vector<float> values(images.fine_before.size());
  int const w = images.width, h = images.height;
  for (int b = 0; b < images.bands; ++b) {
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        double sum = 0;
        for (int v = std::max(0, y - radius); v <= std::min(h - 1, y + radius); ++v) {
          for (int u = std::max(0, x - radius); u <= std::min(w - 1, x + radius); ++u) {
            auto const i = static_cast<std::size_t>((b * h + v) * w + u);
            sum += images.fine_before[i] + 2 * images.coarse_target[i] - images.coarse_before[i];
          }
        }
        values[static_cast<std::size_t>((b * h + y) * w + x)] =
            static_cast<float>(sum / ((2 * radius + 1) * (2 * radius + 1)));
      }
    }
  }
  return values;
}

ModelSettings settings() {
  ModelSettings settings;
  settings.bands = {"red", "nir"};
  settings.ratio = 8;
  return settings;
}

nn::NetworkInfo local(int radius_px, int align_px = 1) {
  nn::NetworkInfo info;
  info.radius_px = radius_px;
  info.align_px = align_px;
  return info;
}

nn::NetworkInfo of_two_pairs(bool one_sided) {
  nn::NetworkInfo info;
  info.form = nn::NetworkForm::two_pairs;
  info.one_sided = one_sided;
  return info;
}

NetworkModel make(nn::NetworkInfo const& info, StandIn::Function function,
                  Combine combine = Combine::temporal_change) {
  return {settings(), {.combine = combine}, std::make_unique<StandIn>(info, std::move(function))};
}

/// Pairs on days 0 and 32, targets on days 8 and 24 with coarse images, and on day 11 without one.
FusionInput scene(int width, int height) {
  constexpr int ratio = 8;
  FusionInput input;
  int const cols = (width + ratio - 1) / ratio, rows = (height + ratio - 1) / ratio;
  input.scene_px = input.core_px = input.padded_px = {0, 0, width, height};
  input.cells = {0, 0, cols, rows};
  input.ratio = ratio;
  input.fine.dates = {Date{0}, Date{32}};
  input.coarse.dates = {Date{0}, Date{8}, Date{24}, Date{32}};
  input.targets = {Date{8}, Date{11}, Date{24}};
  input.fine.dn = Stack<Dn>(2, bands, height, width);
  input.coarse.dn = Stack<Dn>(4, bands, rows, cols);
  auto const fill = [](Stack<Dn>& dn, int spread, int salt) {
    for (int date = 0; date < dn.dates(); ++date) {
      for (int b = 0; b < bands; ++b) {
        for (int y = 0; y < dn.rows(); ++y) {
          for (int x = 0; x < dn.cols(); ++x)
            dn.at(date, b, y, x) =
                static_cast<Dn>(1500 + static_cast<int>(testing::golden_hash(x, y, b, salt + date) %
                                                        static_cast<unsigned>(spread)));
        }
      }
    }
  };
  fill(input.fine.dn, 1500, 0);
  fill(input.coarse.dn, 400, 10);
  return input;
}

void blot(Stack<Dn>& dn, int date, Rect const& px) {
  for (int y = px.y; y < px.bottom(); ++y) {
    for (int x = px.x; x < px.right(); ++x) {
      for (int b = 0; b < bands; ++b) dn.at(date, b, y, x) = no_data_dn;
    }
  }
}

/// Clouds over both sensors, at places of their own.
FusionInput cloudy_scene(int width, int height) {
  FusionInput input = scene(width, height);
  blot(input.fine.dn, 0, {30, 40, 60, 25});
  blot(input.fine.dn, 1, {60, 50, 90, 30});
  blot(input.coarse.dn, 1, {3, 10, 4, 3});
  blot(input.coarse.dn, 3, {12, 2, 5, 5});
  return input;
}

/// Result of a tile placed into those of the scene.
struct Differences {
  int values = 0, flags = 0;
};
Differences differences(NetworkModel& model, FusionInput const& whole, FusionOutput const& expected,
                        int tile_px) {
  Differences found;
  for (int y = 0; y < whole.scene_px.height; y += tile_px) {
    for (int x = 0; x < whole.scene_px.width; x += tile_px) {
      Rect const core = intersect({x, y, tile_px, tile_px}, whole.scene_px);
      auto const tile = testing::predict(model, testing::tile_of(whole, core, model.info().support)).output;
      for (int t = 0; t < tile.dn.dates(); ++t) {
        for (int v = 0; v < core.height; ++v) {
          for (int u = 0; u < core.width; ++u) {
            found.flags += tile.quality.at(t, 0, v, u) != expected.quality.at(t, 0, y + v, x + u);
            for (int b = 0; b < bands; ++b)
              found.values += tile.dn.at(t, b, v, u) != expected.dn.at(t, b, y + v, x + u) ||
                              tile.uncertainty.at(t, b, v, u) != expected.uncertainty.at(t, b, y + v, x + u);
          }
        }
      }
    }
  }
  return found;
}

TEST(NetworkModel, of_a_network_that_increments_is_increment) {
  FusionInput const input = scene(150, 140);
  auto model = make({}, incremented);
  IncrementModel increment(settings());
  auto const ours = testing::predict(model, input), theirs = testing::predict(increment, input);
  for (int t : {0, 2}) {
    for (int b = 0; b < bands; ++b) {
      for (int y = 0; y < 140; ++y) {
        for (int x = 0; x < 150; ++x) {
          ASSERT_NEAR(ours.exact.at(t, b, y, x), theirs.exact.at(t, b, y, x), 0.01) << x << ' ' << y;
          ASSERT_NEAR(ours.output.uncertainty.at(t, b, y, x), theirs.output.uncertainty.at(t, b, y, x), 1);
          ASSERT_EQ(ours.output.quality.at(t, 0, y, x), theirs.output.quality.at(t, 0, y, x));
        }
      }
    }
  }
}

TEST(NetworkModel, weights_by_time_and_takes_the_nearest_when_asked) {
  FusionInput const input = scene(40, 40);
  auto nearest = make({}, incremented, Combine::nearest), by_time = make({}, incremented, Combine::time);
  auto const first = testing::predict(nearest, input), weighted = testing::predict(by_time, input);
  // The corner pixel is made of the corner cell alone. Day 8: a quarter of the way from the first pair to the
  // second.
  double const later = input.coarse.dn.at(1, 0, 0, 0);
  double const before = input.fine.dn.at(0, 0, 0, 0) + later - input.coarse.dn.at(0, 0, 0, 0);
  double const after = input.fine.dn.at(1, 0, 0, 0) + later - input.coarse.dn.at(3, 0, 0, 0);
  EXPECT_NEAR(first.exact.at(0, 0, 0, 0), before, 0.01);
  EXPECT_NEAR(weighted.exact.at(0, 0, 0, 0), 0.75 * before + 0.25 * after, 0.01);
}

TEST(NetworkModel, tiles_threads_and_halos_do_not_show) {
  for (int const radius : {1, 7}) {
    auto model = make(local(radius), [=](BlockImages const& images) { return windowed(images, radius); });
    EXPECT_EQ(model.info().support.halo_px, radius);
    FusionInput const input = cloudy_scene(300, 270);
    auto const whole = testing::predict(model, input);
    auto const found = differences(model, input, whole.output, 128);
    EXPECT_EQ(found.values, 0);
    EXPECT_EQ(found.flags, 0);
    with_threads(3, [&] { EXPECT_EQ(differences(model, input, whole.output, 256).values, 0); });
  }
}

TEST(NetworkModel, sees_the_scene_as_if_it_ran_on_all_of_it_at_once) {
  auto model = make(
      local(4), [](BlockImages const& images) { return windowed(images, 4); }, Combine::nearest);
  FusionInput input = scene(300, 140);
  input.targets = {Date{8}};
  auto const blocks = testing::predict(model, input);
  ImageSource const images(input, Quantity{}, find_pairs(input.fine.dates, input.coarse.dates, 0));
  auto const direct = windowed(images.gather(input.scene_px, 1, {0, -1}, Beyond::edge).block, 4);
  // The network pads at the edge of the scene alone. Blocks end where the scene does.
  for (int y = 0; y < 140; ++y) {
    for (int x = 0; x < 300; ++x)
      ASSERT_NEAR(blocks.exact.at(0, 0, y, x), direct[static_cast<std::size_t>(y * 300 + x)] * 1e4, 0.01)
          << x << ' ' << y;
  }
}

TEST(NetworkModel, begins_blocks_at_multiples_of_the_strides) {
  std::atomic<int> odd = 0, runs = 0;
  auto model = make(local(5, 8), [&](BlockImages const& images) {
    ++runs;
    odd += images.width % 8 != 0 || images.height % 8 != 0;
    return incremented(images);
  });
  EXPECT_EQ(model.info().support.halo_px, 8);
  FusionInput const input = scene(139, 133);
  auto const result = testing::predict(model, input);
  EXPECT_GT(runs, 4);
  EXPECT_EQ(odd, 0);
  EXPECT_EQ(differences(model, input, result.output, 128).values, 0);
}

TEST(NetworkModel, gives_the_network_a_value_at_every_pixel) {
  std::atomic<int> missing = 0;
  auto model = make(local(3), [&](BlockImages const& images) {
    for (auto const* values : {&images.fine_before, &images.coarse_before, &images.coarse_target}) {
      for (float const value : *values) missing += !(value > 0.05f && value < 0.5f);
    }
    return incremented(images);
  });
  testing::predict(model, cloudy_scene(150, 120));
  EXPECT_EQ(missing, 0);
}

TEST(NetworkModel, tells_what_happened_to_a_pixel) {
  FusionInput input = cloudy_scene(150, 120);
  auto model = make(local(3), incremented);
  auto const result = testing::predict(model, input);
  auto const flags = [&](int target, int x, int y) { return int{result.output.quality.at(target, 0, y, x)}; };
  EXPECT_EQ(flags(0, 5, 5), quality::fused);
  EXPECT_EQ(flags(0, 5, 100), quality::fused);
  // Under the cloud of the first pair, the second one serves.
  EXPECT_EQ(flags(0, 40, 44), quality::fused | quality::extrapolated);
  // Next to it, where the network saw filled pixels.
  EXPECT_EQ(flags(0, 28, 44), quality::fused | quality::input_masked);
  EXPECT_EQ(flags(0, 20, 44), quality::fused);
  // Under both clouds there is nothing to start from.
  EXPECT_EQ(flags(0, 70, 55), quality::no_data);
  // No coarse image of the date, or of the pixel: between the fine ones.
  EXPECT_EQ(flags(1, 5, 5), quality::gap_filled | quality::low_confidence);
  EXPECT_EQ(flags(0, 40, 92), quality::gap_filled | quality::low_confidence);
}

TEST(NetworkModel, of_two_pairs_takes_one_twice_where_it_can_and_increment_where_not) {
  FusionInput const input = cloudy_scene(150, 120);
  std::atomic<int> twice = 0;
  auto const both = [&](BlockImages const& images) {
    twice += images.fine_before == images.fine_after;
    return incremented(images);
  };
  auto strict = make(of_two_pairs(false), both);
  auto const result = testing::predict(strict, input);
  EXPECT_EQ(twice, 0);
  EXPECT_NE(result.output.quality.at(0, 0, 44, 40) & quality::low_confidence, 0);
  EXPECT_EQ(result.output.quality.at(0, 0, 5, 5), quality::fused);
  auto flexible = make(of_two_pairs(true), both);
  auto const served = testing::predict(flexible, input);
  EXPECT_GT(twice, 0);
  EXPECT_EQ(served.output.quality.at(0, 0, 44, 40) & quality::low_confidence, 0);
}

TEST(NetworkModel, adds_the_error_that_the_weights_are_known_to_have) {
  FusionInput const input = scene(40, 40);
  auto careful = std::make_unique<StandIn>(nn::NetworkInfo{}, incremented);
  careful->card_.metrics = "rmse.red=0.0300 trained elsewhere";
  NetworkModel known(settings(), {}, std::move(careful));
  auto unknown = make({}, incremented);
  auto const more = testing::predict(known, input), less = testing::predict(unknown, input);
  double const a = more.output.uncertainty.at(0, 0, 7, 7), b = less.output.uncertainty.at(0, 0, 7, 7);
  EXPECT_NEAR(a * a - b * b, 300.0 * 300.0, 1000);
  EXPECT_EQ(more.output.uncertainty.at(0, 1, 7, 7), less.output.uncertainty.at(0, 1, 7, 7));
}

nn::NetworkInfo on_patches(int patch, int stride) {
  nn::NetworkInfo info;
  info.path = nn::InferencePath::lattice;
  info.patch_px = patch;
  info.stride_px = stride;
  return info;
}

/// Differs from patch to patch: the mean of the patch is mixed in.
std::vector<float> with_mean(BlockImages const& images) {
  auto values = incremented(images);
  double sum = 0;
  for (float const value : values) sum += value;
  for (float& value : values)
    value = (value + static_cast<float>(sum / static_cast<double>(values.size()))) / 2;
  return values;
}

TEST(NetworkModel, on_patches_does_not_show_tiles_or_threads) {
  for (auto const& [patch, stride] : {std::pair{64, 32}, {40, 20}, {48, 32}}) {
    auto model = make(on_patches(patch, stride), with_mean);
    FusionInput const input = cloudy_scene(190, 170);
    auto const whole = testing::predict(model, input);
    EXPECT_EQ(whole.output.quality.at(0, 0, 5, 5), quality::fused);
    auto const found = differences(model, input, whole.output, 64);
    EXPECT_EQ(found.values, 0) << patch;
    EXPECT_EQ(found.flags, 0) << patch;
    with_threads(2, [&] { EXPECT_EQ(differences(model, input, whole.output, 128).values, 0) << patch; });
  }
}

TEST(NetworkModel, on_patches_blends_to_the_common_value_without_seams) {
  FusionInput const input = scene(150, 140);
  auto blended = make(on_patches(64, 32), incremented), direct = make({}, incremented);
  auto const ours = testing::predict(blended, input), theirs = testing::predict(direct, input);
  for (int y = 0; y < 140; ++y) {
    for (int x = 0; x < 150; ++x) ASSERT_NEAR(ours.exact.at(0, 0, y, x), theirs.exact.at(0, 0, y, x), 0.01);
  }
  // A value of its own on every patch: neighbouring pixels differ by no more than the window's slope allows.
  std::atomic<int> number = 0;
  auto stepped = make(
      on_patches(64, 32),
      [&](BlockImages const& images) {
        return std::vector<float>(images.fine_before.size(), 0.1f + 0.1f * static_cast<float>(number++ % 2));
      },
      Combine::nearest);
  auto const steps = testing::predict(stepped, input);
  for (int y = 0; y < 140; ++y) {
    for (int x = 1; x < 150; ++x)
      ASSERT_LT(std::abs(steps.exact.at(0, 0, y, x) - steps.exact.at(0, 0, y, x - 1)),
                1000 * 3.15 / 64 * 1.01);
  }
}

TEST(NetworkModel, of_whole_series_is_refused) {
  nn::NetworkInfo info;
  info.form = nn::NetworkForm::series;
  EXPECT_THROW(make(info, incremented), Error);
}

TEST(NetworkModel, stands_scenes_of_any_size) {
  auto model = make(local(20, 16), incremented);
  for (auto const& [width, height] : {std::pair{1, 1}, {40, 1}, {1, 33}, {129, 257}}) {
    auto const result = testing::predict(model, scene(width, height));
    EXPECT_EQ(result.output.quality.at(0, 0, height - 1, width - 1), quality::fused);
    EXPECT_GT(model.memory_bytes({width, height, width, height, bands, 2, 4, 3}, 1), 0u);
  }
}

TEST(NetworkModel, refuses_weights_of_other_bands) {
  ModelSettings three = settings();
  three.bands = {"green", "red", "nir"};
  EXPECT_THROW(NetworkModel(three, {}, std::make_unique<StandIn>(nn::NetworkInfo{}, incremented)), Error);
}

}  // namespace
}  // namespace stfcube
