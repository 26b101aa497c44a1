#include "stfcube/pipeline/block_cache.hpp"

#include <gtest/gtest.h>

#include <random>

#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/memory_io.hpp"

namespace stfcube {
namespace {

constexpr int width = 37;
constexpr int height = 29;

Stack<Dn> numbered(int dates, int bands) {
  Stack<Dn> dn(dates, bands, height, width);
  Dn value = 0;
  for (Dn& v : dn.all()) v = value++;
  return dn;
}

testing::MemoryReader reader_of_two_dates() { return {{Date{0}, Date{8}}, numbered(2, 2)}; }

void expect_window(BlockCache& cache, Stack<Dn> const& truth, int date, Rect const& px) {
  Stack<Dn> out(1, 2, px.height, px.width);
  EXPECT_TRUE(cache.copy(date, px, out, 0));
  for (int band = 0; band < 2; ++band) {
    for (int y = 0; y < px.height; ++y) {
      for (int x = 0; x < px.width; ++x) {
        ASSERT_EQ(out.at(0, band, y, x), truth.at(date, band, px.y + y, px.x + x)) << band << " " << y << " " << x;
      }
    }
  }
}

TEST(BlockCache, any_window_has_the_values_of_the_reader) {
  auto const reader = reader_of_two_dates();
  Stack<Dn> const truth = numbered(2, 2);
  BlockCache cache(reader, {0, 0, width, height}, 2, 8, 1 << 20);
  for (Rect const& px : {Rect{0, 0, width, height}, Rect{7, 7, 2, 2}, Rect{8, 8, 8, 8}, Rect{30, 20, 7, 9}}) {
    expect_window(cache, truth, 0, px);
    expect_window(cache, truth, 1, px);
  }
}

TEST(BlockCache, block_is_decoded_once_while_it_is_held) {
  auto const reader = reader_of_two_dates();
  BlockCache cache(reader, {0, 0, width, height}, 2, 64, 1 << 20);
  Stack<Dn> const truth = numbered(2, 2);
  for (int i = 0; i < 5; ++i) expect_window(cache, truth, 0, {i, i, 4, 4});
  EXPECT_EQ(reader.reads.load(), 1);
}

TEST(BlockCache, without_capacity_values_are_right_and_blocks_are_decoded_again) {
  auto const reader = reader_of_two_dates();
  BlockCache cache(reader, {0, 0, width, height}, 2, 8, 0);
  Stack<Dn> const truth = numbered(2, 2);
  expect_window(cache, truth, 1, {0, 0, 8, 8});
  expect_window(cache, truth, 1, {0, 0, 8, 8});
  EXPECT_EQ(reader.reads.load(), 2);
}

TEST(BlockCache, empty_observation_is_no_data_everywhere) {
  Stack<Dn> nothing(1, 1, height, width);
  nothing.fill(no_data_dn);
  testing::MemoryReader const reader({Date{0}}, std::move(nothing));
  BlockCache cache(reader, {0, 0, width, height}, 1, 8, 1 << 20);
  Stack<Dn> out(1, 1, height, width);
  EXPECT_FALSE(cache.copy(0, {0, 0, width, height}, out, 0));
  for (Dn v : out.all()) EXPECT_EQ(v, no_data_dn);
}

TEST(BlockCache, many_threads_see_the_same_values) {
  auto const reader = reader_of_two_dates();
  Stack<Dn> const truth = numbered(2, 2);
  BlockCache cache(reader, {0, 0, width, height}, 2, 8, 600);
  parallel_for(0, 200, [&](int i) {
    std::mt19937 random(static_cast<unsigned>(i));
    int const x = static_cast<int>(random() % (width - 5));
    int const y = static_cast<int>(random() % (height - 5));
    expect_window(cache, truth, i % 2, {x, y, 5, 5});
  });
}

class FailingReader final : public ObservationReader {
 public:
  std::span<Date const> dates() const override { return dates_; }
  Rect footprint(int) const override { return {0, 0, 8, 8}; }
  Stack<Dn> read(int, Rect const&) const override { throw Error(ErrorKind::data, "broken file"); }

 private:
  std::vector<Date> dates_ = {Date{0}};
};

TEST(BlockCache, error_of_the_reader_comes_through_each_time) {
  FailingReader const reader;
  BlockCache cache(reader, {0, 0, 8, 8}, 1, 8, 1 << 20);
  Stack<Dn> out(1, 1, 8, 8);
  EXPECT_THROW(cache.copy(0, {0, 0, 8, 8}, out, 0), Error);
  EXPECT_THROW(cache.copy(0, {0, 0, 8, 8}, out, 0), Error);
}

}  // namespace
}  // namespace stfcube
