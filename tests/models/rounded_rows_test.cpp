#include "stfcube/models/classical/rounded_rows.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

std::vector<Dn> random_cells(int count, bool gaps, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Dn> cells;
  for (int i = 0; i < count; ++i) {
    bool const gap = gaps && random() % 7 == 0;
    cells.push_back(gap ? no_data_dn : static_cast<Dn>(static_cast<int>(random() % 60000) - 30000));
  }
  return cells;
}

std::vector<Dn> by_rows(CellFrame const& frame, std::vector<Dn> const& cells, Rect const& px,
                        RoundedRows::Kernel kernel) {
  RoundedRows rows(frame, px, kernel);
  std::vector<Dn> values(static_cast<std::size_t>(px.area()));
  for (int y = 0; y < px.height; ++y)
    rows.row(cells.data(), px.y + y, &values[static_cast<std::size_t>(y * px.width)]);
  return values;
}

TEST(RoundedRows, are_the_rows_of_planes) {
  for (int const ratio : {1, 2, 3, 10, 16, 50, 127, 128}) {
    CellFrame const frame{{0, 0, 5, 4}, {0, 0, 5, 4}, ratio};
    Rect const px{ratio / 3, 0, 4 * ratio + ratio / 2, 4 * ratio};
    for (bool const gaps : {false, true}) {
      auto const cells = random_cells(20, gaps, static_cast<unsigned>(ratio));
      EXPECT_EQ(RoundedRows::complete(frame, cells.data()), !gaps);
      EXPECT_EQ(by_rows(frame, cells, px, RoundedRows::Kernel::bilinear),
                rounded_bilinear_plane(frame, cells.data(), px))
          << ratio;
      EXPECT_EQ(by_rows(frame, cells, px, RoundedRows::Kernel::nearest),
                nearest_plane(frame, cells.data(), px))
          << ratio;
    }
  }
}

TEST(RoundedRows, exact_halves_go_away_from_zero) {
  CellFrame const frame{{0, 0, 2, 1}, {0, 0, 2, 1}, 2};
  std::vector<Dn> const up = {0, 2}, down = {0, -2};
  EXPECT_THAT(by_rows(frame, up, {0, 0, 4, 1}, RoundedRows::Kernel::bilinear),
              ::testing::ElementsAre(0, 1, 2, 2));
  EXPECT_THAT(by_rows(frame, down, {0, 0, 4, 1}, RoundedRows::Kernel::bilinear),
              ::testing::ElementsAre(0, -1, -2, -2));
}

TEST(RoundedRows, cells_beyond_those_at_hand_are_not_read) {
  CellFrame const frame{{1, 1, 2, 2}, {0, 0, 9, 9}, 4};
  EXPECT_THROW(RoundedRows(frame, {4, 4, 8, 8}, RoundedRows::Kernel::bilinear), Error);
  std::vector<Dn> const cells = {1, 2, 3, 4};
  EXPECT_THAT(by_rows(frame, cells, {4, 4, 8, 1}, RoundedRows::Kernel::nearest),
              ::testing::ElementsAre(1, 1, 1, 1, 2, 2, 2, 2));
  EXPECT_THROW(by_rows(frame, cells, {4, 3, 8, 1}, RoundedRows::Kernel::nearest), Error);
}

}  // namespace
}  // namespace stfcube
