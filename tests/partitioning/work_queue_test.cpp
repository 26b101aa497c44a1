#include "stfcube/partitioning/schedule/work_queue.hpp"

#include <cstdio>
#include <queue>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

/// The units of `tiles` tiles, dealt to the ranks in order.
std::vector<std::vector<Unit>> pieces(int tiles, int ranks, int slabs = 1) {
  std::vector<std::vector<Unit>> work(static_cast<std::size_t>(ranks));
  for (int i = 0; i < tiles; ++i) {
    auto& piece = work[static_cast<std::size_t>(static_cast<long>(i) * ranks / tiles)];
    for (int slab = 0; slab < slabs; ++slab) piece.push_back({i, slab});
  }
  return work;
}

TEST(WorkQueue, rank_alone_gets_its_units_in_order) {
  WorkQueue queue(pieces(10, 1));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(queue.next(0), (Unit{i, 0}));
  EXPECT_EQ(queue.next(0), std::nullopt);
  EXPECT_EQ(queue.left(), 0U);
}

TEST(WorkQueue, every_unit_is_handed_out_once_in_any_order_of_asking) {
  std::mt19937 random(5);
  for (int ranks : {1, 2, 3, 7, 40}) {
    WorkQueue queue(pieces(101, ranks));
    std::multiset<int> seen;
    for (std::vector<int> idle; idle.size() < static_cast<std::size_t>(ranks);) {
      int const rank = static_cast<int>(random() % static_cast<unsigned>(ranks));
      if (auto const unit = queue.next(rank)) {
        seen.insert(unit->tile);
      } else {
        idle.push_back(rank);
      }
    }
    EXPECT_EQ(queue.left(), 0U);
    EXPECT_EQ(seen.size(), 101U);
    EXPECT_EQ((std::set<int>(seen.begin(), seen.end()).size()), 101U);
  }
}

TEST(WorkQueue, idle_rank_takes_a_stretch_of_neighbours) {
  WorkQueue queue({{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}}, {}});
  EXPECT_EQ(queue.next(1), (Unit{2, 0}));
  EXPECT_EQ(queue.next(1), (Unit{3, 0}));
  EXPECT_EQ(queue.next(0), (Unit{0, 0}));
  EXPECT_EQ(queue.next(0), (Unit{1, 0}));
  EXPECT_EQ(queue.next(0), (Unit{4, 0}));
  EXPECT_EQ(queue.next(0), std::nullopt);
}

TEST(WorkQueue, failed_unit_goes_to_another_rank_when_one_asks) {
  WorkQueue queue(pieces(2, 2));
  EXPECT_EQ(queue.next(0), (Unit{0, 0}));
  queue.retry({0, 0}, 0);
  EXPECT_EQ(queue.left(), 2U);
  EXPECT_EQ(queue.next(1), (Unit{1, 0}));
  EXPECT_EQ(queue.next(1), (Unit{0, 0}));
  queue.retry({0, 0}, 1);
  EXPECT_EQ(queue.next(1), (Unit{0, 0})) << "nobody else is there";
  EXPECT_EQ(queue.next(0), std::nullopt);
}

/// Share of the machine that works while `ranks` ranks do 40 tiles each, whose times are spread log-normally
/// and equal over their slabs, on a clock of its own: the queue decides, nothing sleeps.
double efficiency(int ranks, int slabs, double sigma) {
  constexpr int tiles_per_rank = 40;
  int const tiles = ranks * tiles_per_rank;
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> spread(0, sigma);
  std::vector<double> seconds(static_cast<std::size_t>(tiles));
  double busy = 0;
  for (double& one : seconds) busy += one = spread(random);

  WorkQueue queue(pieces(tiles, ranks, slabs));
  using Event = std::pair<double, int>;  // when a rank is through, and which
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  for (int rank = 0; rank < ranks; ++rank) events.emplace(0.0, rank);
  double end = 0;
  while (!events.empty()) {
    auto const [now, rank] = events.top();
    events.pop();
    auto const unit = queue.next(rank);
    if (!unit) continue;
    double const through = now + seconds[static_cast<std::size_t>(unit->tile)] / slabs;
    end = std::max(end, through);
    events.emplace(through, rank);
  }
  return busy / (end * ranks);
}

TEST(WorkQueue, keeps_large_machines_busy) {
  std::printf(
      "40 tiles per rank, times log-normal with sigma 0.5: share of the machine that works\nranks  1 slab  4 "
      "slabs\n");
  for (int ranks : {16, 128, 1024, 8192}) {
    // What is left of the ideal is the last tile of each rank: the finer the units, the less.
    double const whole = efficiency(ranks, 1, 0.5), quarters = efficiency(ranks, 4, 0.5);
    std::printf("%5d  %.1f %%  %.1f %%\n", ranks, 100 * whole, 100 * quarters);
    EXPECT_GE(whole, 0.87) << ranks << " ranks";
    EXPECT_GE(quarters, 0.94) << ranks << " ranks";
  }
}

}  // namespace
}  // namespace stfcube
