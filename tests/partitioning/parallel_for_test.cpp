#include "stfcube/partitioning/threads/parallel_for.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

TEST(ParallelFor, calls_every_index_once) {
  for (int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> calls(1000);
    with_threads(threads,
                 [&] { parallel_for(0, 1000, [&](int i) { ++calls[static_cast<std::size_t>(i)]; }); });
    for (auto const& count : calls) ASSERT_EQ(count, 1);
  }
}

TEST(ParallelFor, starts_where_it_is_told) {
  std::atomic<int> sum = 0;
  parallel_for(-3, 5, [&](int i) { sum += i; });
  EXPECT_EQ(sum, -3 - 2 - 1 + 0 + 1 + 2 + 3 + 4);
}

TEST(ParallelFor, empty_ranges_call_nothing) {
  parallel_for(5, 5, [](int) { FAIL(); });
  parallel_for(5, 4, [](int) { FAIL(); });
}

TEST(ParallelFor, exceptions_arrive_with_their_kind) {
  try {
    parallel_for(0, 100, [](int i) { require(i != 37, ErrorKind::data, "index 37"); });
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_STREQ(error.what(), "index 37");
  }
}

TEST(ParallelFor, loops_can_be_nested) {
  std::atomic<int> calls = 0;
  parallel_for(0, 10, [&](int) { parallel_for(0, 10, [&](int) { ++calls; }); });
  EXPECT_EQ(calls, 100);
}

TEST(WithThreads, no_more_run_at_once_than_allowed) {
  for (int threads : {1, 2}) {
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    with_threads(threads, [&] {
      parallel_for(0, 64, [&](int) {
        int const now = ++running;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        --running;
      });
    });
    EXPECT_LE(most, threads);
  }
}

TEST(WithThreads, a_wish_for_none_is_one) {
  int calls = 0;
  with_threads(0, [&] { parallel_for(0, 3, [&](int) { ++calls; }); });
  EXPECT_EQ(calls, 3);
}

TEST(Threads, at_least_one_is_available) {
  EXPECT_GE(available_threads(), 1);
  EXPECT_FALSE(threading_version().empty());
}

}  // namespace
}  // namespace stfcube
