#include "stfcube/partitioning/schedule/plan.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using ::testing::HasSubstr;

Grid grid_of(int width, int height) {
  Grid grid;
  grid.width = width;
  grid.height = height;
  return grid;
}

TEST(Plan, tiles_are_whole_chunks_and_lattice_steps) {
  Plan const plan =
      make_plan(grid_of(1000, 700), 10, {.tile_px = 300, .chunk_y = 128, .chunk_x = 256, .lattice_px = 48});
  EXPECT_EQ(plan.tile_width, 768);
  EXPECT_EQ(plan.tile_height, 384);
  EXPECT_EQ(plan.columns, 2);
  EXPECT_EQ(plan.rows, 2);
  EXPECT_EQ(plan.tiles[1], (Rect{768, 0, 232, 384}));
  EXPECT_EQ(plan.tile_name(2), "x000y001");
}

TEST(Plan, slabs_are_whole_chunks_of_time) {
  Plan const plan = make_plan(grid_of(10, 10), 10, {.chunk_t = 3, .slab_dates = 4});
  ASSERT_EQ(plan.slabs.size(), 2U);
  EXPECT_EQ(plan.slabs[0], (Slab{0, 6}));
  EXPECT_EQ(plan.slabs[1], (Slab{6, 4}));
}

TEST(Plan, one_tile_has_an_order_too) {
  Plan const plan = make_plan(grid_of(1, 1), 1, {});
  EXPECT_EQ(plan.tile_order, std::vector<int>{0});
  EXPECT_EQ(plan.units(), 1U);
}

TEST(Plan, settings_that_are_not_positive_are_named) {
  auto const message = [](PlanSettings const& settings) -> std::string {
    try {
      make_plan(grid_of(10, 10), 1, settings);
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({.tile_px = 0}), HasSubstr("run.tile = 0"));
  EXPECT_THAT(message({.slab_dates = -1}), HasSubstr("run.slab = -1"));
  EXPECT_THAT(message({.chunk_x = 0}), HasSubstr("cube.chunk"));
  EXPECT_THAT(message({.lattice_px = 0}), HasSubstr("lattice"));
}

TEST(Plan, neighbours_on_the_curve_are_neighbours_in_space) {
  Plan const plan = make_plan(grid_of(512, 512), 1, {.tile_px = 64, .chunk_y = 64, .chunk_x = 64});
  for (std::size_t i = 1; i < plan.tile_order.size(); ++i) {
    Rect const& a = plan.tiles[static_cast<std::size_t>(plan.tile_order[i - 1])];
    Rect const& b = plan.tiles[static_cast<std::size_t>(plan.tile_order[i])];
    EXPECT_EQ(std::abs(a.x - b.x) + std::abs(a.y - b.y), 64);
  }
}

/// Numbers of a random but repeatable case.
class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  int operator()(int low, int high) {
    return low + static_cast<int>(engine_() % static_cast<unsigned>(high - low + 1));
  }

 private:
  std::mt19937 engine_;
};

struct Case {
  Grid grid;
  int targets, ranks;
  PlanSettings settings;
};

Case random_case(unsigned seed) {
  Dice dice(seed);
  return {grid_of(dice(1, 300), dice(1, 300)),
          dice(1, 40),
          dice(1, 9),
          {.tile_px = dice(1, 200),
           .chunk_y = dice(1, 64),
           .chunk_x = dice(1, 64),
           .chunk_t = dice(1, 5),
           .lattice_px = dice(1, 4) == 1 ? dice(1, 20) : 1,
           .slab_dates = dice(1, 12)}};
}

/// Every pixel lies in exactly one tile: the tiles lie inside, do not overlap (sorted along rows and columns
/// of a regular lattice) and their areas add up.
void expect_tiles_cover(Plan const& plan, Grid const& grid) {
  std::int64_t area = 0;
  std::set<std::pair<int, int>> corners;
  for (Rect const& tile : plan.tiles) {
    ASSERT_FALSE(tile.empty());
    ASSERT_TRUE(grid.all().contains(tile));
    ASSERT_EQ(tile.x % plan.tile_width, 0);
    ASSERT_EQ(tile.y % plan.tile_height, 0);
    ASSERT_LE(tile.width, plan.tile_width);
    ASSERT_LE(tile.height, plan.tile_height);
    ASSERT_TRUE(corners.emplace(tile.x, tile.y).second);
    area += tile.area();
  }
  ASSERT_EQ(area, grid.all().area());
}

/// A chunk lies in one tile and one slab: their corners are corners of chunks, unless they are far edges.
void expect_whole_chunks(Plan const& plan, Case const& c) {
  for (Rect const& tile : plan.tiles) {
    ASSERT_EQ(tile.x % c.settings.chunk_x, 0);
    ASSERT_EQ(tile.y % c.settings.chunk_y, 0);
    ASSERT_TRUE(tile.right() % c.settings.chunk_x == 0 || tile.right() == c.grid.width);
    ASSERT_TRUE(tile.bottom() % c.settings.chunk_y == 0 || tile.bottom() == c.grid.height);
    ASSERT_EQ(tile.x % c.settings.lattice_px, 0);
    ASSERT_EQ(tile.y % c.settings.lattice_px, 0);
  }
  int next = 0;
  for (Slab const& slab : plan.slabs) {
    ASSERT_EQ(slab.first, next);
    ASSERT_EQ(slab.first % c.settings.chunk_t, 0);
    ASSERT_GT(slab.count, 0);
    next += slab.count;
  }
  ASSERT_EQ(next, c.targets);
}

void expect_units_once(Plan const& plan, std::vector<std::vector<Unit>> const& work, int ranks) {
  ASSERT_EQ(work.size(), static_cast<std::size_t>(ranks));
  std::set<Unit> seen;
  for (auto const& units : work) {
    for (Unit const& unit : units) {
      ASSERT_TRUE(seen.insert(unit).second) << unit.tile << ' ' << unit.slab;
      ASSERT_TRUE(unit.tile >= 0 && unit.tile < static_cast<int>(plan.tiles.size()));
      ASSERT_TRUE(unit.slab >= 0 && unit.slab < static_cast<int>(plan.slabs.size()));
    }
  }
  ASSERT_EQ(seen.size(), plan.units());
}

TEST(Plan, ten_thousand_random_cases_hold_the_rules) {
  for (unsigned seed = 0; seed < 10000 && !::testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Case const c = random_case(seed);
    Plan const plan = make_plan(c.grid, c.targets, c.settings);
    expect_tiles_cover(plan, c.grid);
    expect_whole_chunks(plan, c);
    std::vector<int> order = plan.tile_order;
    std::ranges::sort(order);
    std::vector<int> all(plan.tiles.size());
    std::iota(all.begin(), all.end(), 0);
    ASSERT_EQ(order, all);
    Dice dice(seed + 1);
    std::vector<double> cost(plan.tiles.size());
    for (double& one : cost) one = dice(1, 1000) * 0.37;
    expect_units_once(plan, assign(plan, cost, c.ranks), c.ranks);
  }
}

TEST(Assign, equal_tiles_are_shared_equally) {
  Plan const plan =
      make_plan(grid_of(640, 640), 4, {.tile_px = 64, .chunk_y = 64, .chunk_x = 64, .slab_dates = 2});
  std::vector<double> const cost(plan.tiles.size(), 3.0);
  for (int ranks : {1, 2, 4, 5, 10, 100}) {
    auto const work = assign(plan, cost, ranks);
    for (auto const& units : work) EXPECT_EQ(units.size(), plan.units() / static_cast<std::size_t>(ranks));
  }
}

TEST(Assign, no_rank_has_more_than_its_share_and_one_tile) {
  Plan const plan = make_plan(grid_of(640, 640), 1, {.tile_px = 64, .chunk_y = 64, .chunk_x = 64});
  Dice dice(7);
  std::vector<double> cost(plan.tiles.size());
  for (double& one : cost) one = dice(1, 100);
  double const total = std::accumulate(cost.begin(), cost.end(), 0.0);
  for (int ranks : {2, 3, 7}) {
    for (auto const& units : assign(plan, cost, ranks)) {
      double sum = 0;
      for (Unit const& unit : units) sum += cost[static_cast<std::size_t>(unit.tile)];
      EXPECT_LE(sum, total / ranks + 100);
    }
  }
}

TEST(Assign, slabs_of_a_tile_follow_one_another) {
  Plan const plan =
      make_plan(grid_of(300, 200), 6, {.tile_px = 64, .chunk_y = 64, .chunk_x = 64, .slab_dates = 2});
  std::vector<double> const cost(plan.tiles.size(), 1.0);
  for (auto const& units : assign(plan, cost, 3)) {
    for (std::size_t i = 0; i < units.size(); ++i) {
      EXPECT_EQ(units[i].slab, static_cast<int>(i % 3));
      EXPECT_EQ(units[i].tile, units[i - i % 3].tile);
    }
  }
}

TEST(Assign, more_ranks_than_tiles_leaves_some_idle) {
  Plan const plan = make_plan(grid_of(10, 10), 1, {});
  auto const work = assign(plan, std::vector<double>{1.0}, 5);
  EXPECT_EQ(std::ranges::count_if(work, [](auto const& units) { return !units.empty(); }), 1);
}

}  // namespace
}  // namespace stfcube
