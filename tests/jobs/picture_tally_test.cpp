#include "stfcube/jobs/picture_tally.hpp"

#include <cmath>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;

constexpr Rect all_px{0, 0, 930, 61};

/// Part of an image of two bands whose errors are 0.01 and 0.03; every 13th pixel does not count.
PairedTile tile_of(Rect const& px) {
  PairedTile tile{px.width, px.height, px.width, px.height, {}, {}, {}};
  for (int b = 0; b < 2; ++b) {
    auto& y = tile.reference.emplace_back();
    auto& p = tile.prediction.emplace_back();
    for (int row = px.y; row < px.bottom(); ++row) {
      for (int x = px.x; x < px.right(); ++x) {
        if (b == 0) tile.valid.push_back((x + row) % 13 != 0);
        y.push_back(to_nano(0.1 + 0.0001 * ((x * 7 + row * 31) % 2000)));
        p.push_back(y.back() + to_nano(b == 0 ? 0.01 : 0.03));
      }
    }
  }
  return tile;
}

std::vector<ReferenceLevels> levels() {
  return {{0, 0.1, 0.3}, {0, 0.1, 0.3}};
}

TEST(PictureTally, parts_of_several_ranks_make_the_whole) {
  PictureTally whole(all_px, {1}, levels());
  whole.add(tile_of(all_px), all_px);
  PictureTally left(all_px, {1}, levels()), right(all_px, {1}, levels());
  for (int x = 0; x < all_px.width; x += 100) {
    Rect const px = intersect({x, 0, 100, 61}, all_px);
    (x < 300 ? left : right).add(tile_of(px), px);
  }
  left.merge_packed(right.pack());
  EXPECT_EQ(left.data().counts, whole.data().counts);
  ASSERT_EQ(left.data().error.size(), whole.data().error.size());
  for (std::size_t i = 0; i < left.data().error.size(); ++i) {
    bool const empty = std::isnan(whole.data().error[i]);
    EXPECT_EQ(std::isnan(left.data().error[i]), empty);
    if (empty) continue;
    EXPECT_EQ(left.data().error[i], whole.data().error[i]);
    EXPECT_EQ(left.data().reference[0][i], whole.data().reference[0][i]);
  }
}

TEST(PictureTally, map_holds_every_nth_pixel) {
  PictureTally tally(all_px, {0}, levels());
  tally.add(tile_of(all_px), all_px);
  PictureData const& data = tally.data();
  EXPECT_EQ(data.factor, 3);
  EXPECT_EQ(data.width, 310);
  EXPECT_EQ(data.height, 21);
  EXPECT_TRUE(std::isnan(data.error[0])) << "it does not count";
  EXPECT_NEAR(data.error[1], 0.02, 1e-7) << "mean over both bands";
  EXPECT_NEAR(data.reference[0][310 * 2 + 5], 0.1 + 0.0001 * (15 * 7 + 6 * 31), 1e-7);
}

TEST(PictureTally, scatter_counts_pairs_of_values) {
  PictureTally tally(all_px, {0}, levels());
  auto const tile = tile_of(all_px);
  tally.add(tile, all_px);
  auto const& counts = tally.data().counts[0];
  auto const total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  auto const valid = std::accumulate(tile.valid.begin(), tile.valid.end(), std::int64_t{0});
  EXPECT_EQ(total, valid) << "all values lie on the axes";
  ScatterRange const range = scatter_range(levels()[0]);
  EXPECT_DOUBLE_EQ(range.low, 0.1 - 0.016);
  for (int row = 0; row < scatter_cells; ++row) {
    for (int column = 0; column < scatter_cells; ++column) {
      bool const near_line = row - column == 3 || row - column == 4;  // 0.01 is 3.4 cells
      if (counts[static_cast<std::size_t>(row * scatter_cells + column)] > 0) {
        EXPECT_TRUE(near_line) << row << ' ' << column;
      }
    }
  }
}

TEST(PictureTally, colours_go_by_name_then_by_place) {
  EXPECT_THAT(picture_channels({"blue", "nir", "green", "red"}), ElementsAre(3, 2, 0));
  EXPECT_THAT(picture_channels({"b1", "b2", "b3", "b4"}), ElementsAre(2, 1, 0));
  EXPECT_THAT(picture_channels({"ndvi"}), ElementsAre(0));
}

}  // namespace
}  // namespace stfcube
