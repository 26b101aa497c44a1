#include "stfcube/partitioning/schedule/hilbert.hpp"

#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

TEST(Hilbert, visits_every_cell_once_in_steps_of_one) {
  for (int order = 0; order <= 6; ++order) {
    std::uint32_t const side = 1U << order;
    std::vector<std::pair<int, int>> cells(std::size_t{side} * side, {-1, -1});
    for (std::uint32_t y = 0; y < side; ++y) {
      for (std::uint32_t x = 0; x < side; ++x) {
        auto const index = hilbert_index(order, x, y);
        ASSERT_LT(index, cells.size());
        ASSERT_EQ(cells[index].first, -1) << "visited twice";
        cells[index] = {static_cast<int>(x), static_cast<int>(y)};
      }
    }
    for (std::size_t i = 1; i < cells.size(); ++i) {
      int const step =
          std::abs(cells[i].first - cells[i - 1].first) + std::abs(cells[i].second - cells[i - 1].second);
      ASSERT_EQ(step, 1) << "order " << order << ", index " << i;
    }
  }
}

TEST(Hilbert, large_orders_do_not_overflow) {
  // In every order the curve starts in one corner and ends in a neighbouring one.
  for (int order : {16, 20, 31}) {
    std::uint32_t const last = (1U << order) - 1;
    std::uint64_t const cells = std::uint64_t{1} << (2 * order);
    EXPECT_EQ(hilbert_index(order, 0, 0), 0U);
    EXPECT_EQ(hilbert_index(order, last, 0), cells - 1);
  }
}

}  // namespace
}  // namespace stfcube
