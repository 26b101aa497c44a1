#include "stfcube/pipeline/tile_pipeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "stfcube/tests/support/small_job.hpp"
#include "stfcube/tests/support/window_mean_model.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::MemoryWriter;
using testing::SmallJob;
using testing::WindowMean;
using testing::world;

/// Runs the small job over all ranks and gathers the cube on every rank.
std::string run(FusionModel& model, int tile_px, int slab_dates, int threads, int in_flight) {
  SmallJob job(model);
  Plan const plan = make_plan(job.task.fine_grid, static_cast<int>(job.task.targets.size()),
                              {.tile_px = tile_px, .chunk_y = 10, .chunk_x = 10, .slab_dates = slab_dates});
  std::vector<double> const cost(plan.tiles.size(), 1.0);
  auto const work = assign(plan, cost, world().size());
  auto const& mine = work[static_cast<std::size_t>(world().rank())];
  MemoryWriter writer(job.task.fine_grid.all(), 5, 2);
  Timings timings;
  run_statistics(job.task, plan, mine, threads, world());
  auto const result = run_units(job.task, plan, mine, {threads, in_flight}, writer, world(), timings);
  EXPECT_EQ(result.units_done, plan.units());
  // Every pixel was written by one rank; the others hold the fill value, which is the smallest number.
  std::string bytes;
  for (Dn v : writer.dn.all()) bytes += std::to_string(world().max(v)) + " ";
  for (auto q : writer.quality.all()) {
    bytes += std::to_string(world().max(q == quality::no_data ? 0 : q)) + " ";
  }
  return bytes;
}

TEST(TilePipeline, cube_does_not_depend_on_tiles_slabs_threads_or_units_in_flight) {
  WindowMean model(4, 4);
  std::string const reference = run(model, 1000, 5, 1, 1);
  EXPECT_GT(reference.size(), 1000U);
  EXPECT_EQ(run(model, 40, 5, 1, 1), reference);
  EXPECT_EQ(run(model, 30, 2, 2, 3), reference);
  EXPECT_EQ(run(model, 10, 1, 2, 2), reference);
  EXPECT_EQ(run(model, 70, 3, 3, 4), reference);
}

TEST(TilePipeline, halo_that_is_one_pixel_short_shows) {
  WindowMean honest(4, 4);
  WindowMean short_of_one(4, 3);
  EXPECT_NE(run(short_of_one, 40, 5, 1, 1), run(honest, 40, 5, 1, 1));
}

/// Fails on the tile that holds the middle of the grid.
class Failing final : public FusionModel {
 public:
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const&, int) const override { return 0; }
  void fuse(FusionInput const& in, FusionOutput&) const override {
    if (in.core_px.contains({75, 55, 1, 1})) throw Error(ErrorKind::data, "this file is broken");
  }

 private:
  ModelInfo info_;
};

TEST(TilePipeline, failure_of_one_rank_ends_all_with_its_message) {
  Failing model;
  SmallJob job(model);
  Plan const plan = make_plan(job.task.fine_grid, 5, {.tile_px = 20, .chunk_y = 10, .chunk_x = 10, .slab_dates = 1});
  auto const work = assign(plan, std::vector<double>(plan.tiles.size(), 1.0), world().size());
  MemoryWriter writer(job.task.fine_grid.all(), 5, 2);
  Timings timings;
  try {
    run_units(job.task, plan, work[static_cast<std::size_t>(world().rank())], {2, 3}, writer, world(), timings);
    FAIL() << "no rank failed";
  } catch (Error const& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find("tile x003y002: this file is broken"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace stfcube
