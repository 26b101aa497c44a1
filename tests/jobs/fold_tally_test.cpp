#include "stfcube/jobs/fold_tally.hpp"

#include <functional>

#include <gtest/gtest.h>

#include "stfcube/models/accuracy.hpp"

namespace stfcube {
namespace {

using Values = std::function<Dn(int x, int y)>;

constexpr int width = 40, height = 20;

/// A reference of 1000 DN everywhere but in the first column.
PairedTile reference_of(Rect const& held, Rect const& core) {
  PairedTile tile{held.width, held.height, core.width, core.height, {}, {}, {}};
  for (int y = held.y; y < held.bottom(); ++y) {
    for (int x = held.x; x < held.right(); ++x) tile.valid.push_back(x > 0);
  }
  tile.reference = {std::vector<Nano>(tile.valid.size(), to_nano(0.1))};
  return tile;
}

CubeUnit unit_of(Rect const& held, Values const& dn) {
  CubeUnit unit;
  unit.px = held;
  unit.dn = Stack<Dn>(1, 1, held.height, held.width);
  for (int y = 0; y < held.height; ++y) {
    for (int x = 0; x < held.width; ++x) unit.dn.at(0, 0, y, x) = dn(held.x + x, held.y + y);
  }
  return unit;
}

/// Adds the whole image in tiles of some width; tiles from `first` on, every `step`-th.
FoldTally tally_of(std::vector<Values> const& methods, int tile_px, int first = 0, int step = 1) {
  FoldTally tally(methods.size(), {}, 1, {{to_nano(0.1), 0, 0.2}});
  int number = 0;
  for (int x = 0; x < width; x += tile_px, ++number) {
    if (number % step != first) continue;
    Rect const core{x, 0, std::min(tile_px, width - x), height};
    Rect const held{x, 0, std::min(tile_px + accuracy_margin_px, width - x), height};
    std::vector<CubeUnit> units;
    for (Values const& method : methods) units.push_back(unit_of(held, method));
    tally.add(reference_of(held, core), units, {}, [](std::size_t, PairedTile const&) {});
  }
  return tally;
}

Values everywhere(Dn dn) {
  return [dn](int, int) { return dn; };
}

Values in_columns(int from, int to, Dn dn) {
  return [=](int x, int) { return x >= from && x < to ? dn : no_data_dn; };
}

int pixels(ComparisonSums const& sums) {
  return static_cast<int>(sums.whole.bands[0].pixels);
}

TEST(FoldTally, own_and_common_pixels_are_kept_apart) {
  auto const result = tally_of({everywhere(1010), in_columns(5, 30, 980)}, 100).result();
  EXPECT_EQ(pixels(result[0]->own), 39 * height);
  EXPECT_EQ(pixels(result[1]->own), 25 * height);
  for (auto const& one : result) EXPECT_EQ(pixels(one->common), 25 * height);
  EXPECT_EQ(result[1]->reference_pixels, 39 * height);
  EXPECT_EQ(result[1]->predicted_pixels, 25 * height);
  EXPECT_DOUBLE_EQ(band_accuracy(result[0]->common.whole.bands[0], {}).rmse, 0.001);
  EXPECT_DOUBLE_EQ(band_accuracy(result[1]->common.whole.bands[0], {}).rmse, 0.002);
}

TEST(FoldTally, method_that_is_silent_everywhere_takes_nothing_from_others) {
  auto const result = tally_of({everywhere(1010), in_columns(0, 1, 5), in_columns(5, 30, 980)}, 8).result();
  EXPECT_FALSE(result[1]) << "where it predicts there is no reference";
  EXPECT_EQ(pixels(result[0]->common), 25 * height);
  EXPECT_EQ(pixels(result[2]->common), 25 * height);
}

TEST(FoldTally, methods_without_a_pixel_in_common_have_none) {
  auto const result = tally_of({in_columns(0, 10, 1010), in_columns(20, 40, 980)}, 7).result();
  for (auto const& one : result) EXPECT_EQ(pixels(one->common), 0);
  EXPECT_EQ(pixels(result[1]->own), 20 * height);
}

TEST(FoldTally, neither_tiles_nor_ranks_matter) {
  std::vector<Values> const methods{
      everywhere(1010), in_columns(5, 22, 980), in_columns(40, 50, 1),
      [](int x, int y) { return (x + y) % 7 == 0 || x > 20 ? no_data_dn : Dn{990}; }};
  auto const whole = tally_of(methods, 100).result();
  for (int tile_px : {3, 9, 16}) {
    FoldTally all(methods.size(), {}, 1, {{to_nano(0.1), 0, 0.2}});
    for (int rank : {2, 0, 1}) all.merge_packed(tally_of(methods, tile_px, rank, 3).pack());
    auto const parts = all.result();
    EXPECT_EQ(all.reference_pixels(), 39 * height);
    for (std::size_t m = 0; m < methods.size(); ++m) {
      ASSERT_EQ(parts[m].has_value(), whole[m].has_value());
      if (!whole[m]) continue;
      EXPECT_EQ(parts[m]->own.pack(), whole[m]->own.pack());
      EXPECT_EQ(parts[m]->common.pack(), whole[m]->common.pack()) << tile_px << ' ' << m;
      EXPECT_EQ(parts[m]->predicted_pixels, whole[m]->predicted_pixels);
    }
  }
}

}  // namespace
}  // namespace stfcube
