#include "stfcube/pipeline/tile_pipeline.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/stop_request.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/tests/support/small_job.hpp"
#include "stfcube/tests/support/window_mean_model.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::MemoryWriter;
using testing::SmallJob;
using testing::WindowMean;
using testing::world;

/// A small job, cut, with a writer in memory.
struct SmallRun {
  SmallRun(FusionModel& model, int tile_px, int slab_dates)
      : job(model),
        plan(make_plan(job.task.fine_grid, static_cast<int>(job.task.targets.size()),
                       {.tile_px = tile_px, .chunk_y = 10, .chunk_x = 10, .slab_dates = slab_dates})),
        work(assign(plan, std::vector<double>(plan.tiles.size(), 1.0), world().size())),
        todo(work),
        writer(job.task.fine_grid.all(), 5, 2) {}

  RunOutcome run(PipelineSettings const& settings, RunObserver* observer = nullptr) {
    auto const& mine = work[static_cast<std::size_t>(world().rank())];
    run_first_passes(job.task, plan, mine, settings.threads, world());
    return run_units(job.task, plan, todo, settings, writer, world(), timings, observer);
  }

  /// The whole cube, on every rank. Every pixel was written by one rank; the others hold the fill value.
  std::vector<std::int64_t> cube() const {
    std::vector<std::int64_t> values;
    for (Dn v : writer.dn.all()) values.push_back(v - no_data_dn);
    for (auto q : writer.quality.all()) values.push_back(q - quality::no_data);
    world().sum(values);
    return values;
  }

  SmallJob job;
  Plan plan;
  std::vector<std::vector<Unit>> work, todo;
  MemoryWriter writer;
  Timings timings;
};

/// The cube that both kinds of writers get.
std::vector<std::int64_t> run(FusionModel& model, int tile_px, int slab_dates, int threads, int in_flight) {
  std::array<std::vector<std::int64_t>, 2> cubes;
  for (bool rounds : {false, true}) {
    SmallRun one(model, tile_px, slab_dates);
    one.writer.rounds = rounds;
    auto const outcome = one.run({.threads = threads, .in_flight = in_flight});
    EXPECT_EQ(outcome.done.units_done, one.plan.units());
    EXPECT_FALSE(outcome.stopped);
    EXPECT_TRUE(outcome.failed.empty());
    cubes[rounds ? 1 : 0] = one.cube();
  }
  EXPECT_EQ(cubes[0], cubes[1]);
  return cubes[0];
}

TEST(TilePipeline, cube_does_not_depend_on_tiles_slabs_threads_or_units_in_flight) {
  WindowMean model(4, 4);
  auto const reference = run(model, 1000, 5, 1, 1);
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

/// Fails on the tile that holds the middle of the grid, some times.
class Failing final : public FusionModel {
 public:
  Failing(ErrorKind kind, int times) : kind_(kind), left_(times) {}
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const&, int) const override { return 0; }
  void fuse(FusionInput const& in, FusionOutput&) const override {
    if (in.core_px.contains({75, 55, 1, 1}) && left_-- > 0) throw Error(kind_, "this file is broken");
  }

 private:
  ModelInfo info_;
  ErrorKind kind_;
  mutable std::atomic<int> left_;
};

constexpr int always = 1000000;

/// Counts what it sees.
struct Counting final : RunObserver {
  void unit_done(RunProgress const& progress) override { last = progress; }
  void unit_failed(FailedUnit const& one) override { failed.push_back(one); }
  RunProgress last;
  std::vector<FailedUnit> failed;
};

/// Whether the writer works in rounds.
class TilePipelineOf : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Writers, TilePipelineOf, ::testing::Bool());

TEST_P(TilePipelineOf, broken_input_costs_its_unit_alone_after_a_second_try) {
  Failing model(ErrorKind::data, always);
  SmallRun one(model, 20, 5);
  one.writer.rounds = GetParam();
  Counting seen;
  RunOutcome const outcome = one.run({.threads = 2, .in_flight = 3}, &seen);
  EXPECT_EQ(outcome.done.units_done, one.plan.units() - 1);
  ASSERT_EQ(outcome.failed.size(), 1U);
  EXPECT_EQ(outcome.failed[0].attempt, 2);
  EXPECT_EQ(outcome.failed[0].reason, "tile x003y002: this file is broken");
  EXPECT_EQ(one.plan.tile_name(outcome.failed[0].unit.tile), "x003y002");
  if (!world().is_root()) return;
  EXPECT_EQ(seen.last.units_done, outcome.done.units_done);
  EXPECT_EQ(seen.last.pixel_values, outcome.done.pixel_values);
  ASSERT_FALSE(seen.failed.empty());
  EXPECT_EQ(seen.failed.back(), outcome.failed[0]);
}

TEST_P(TilePipelineOf, unit_that_fails_once_is_done_the_second_time) {
  Failing model(ErrorKind::data, world().size() == 1 ? 1 : 0);  // each rank has a model of its own
  SmallRun one(model, 20, 5);
  one.writer.rounds = GetParam();
  RunOutcome const outcome = one.run({.threads = 2, .in_flight = 3});
  EXPECT_EQ(outcome.done.units_done, one.plan.units());
  EXPECT_TRUE(outcome.failed.empty());
}

TEST_P(TilePipelineOf, failure_of_the_program_ends_all_ranks_with_its_message) {
  Failing model(ErrorKind::internal, always);
  SmallRun one(model, 20, 1);
  one.writer.rounds = GetParam();
  try {
    one.run({.threads = 2, .in_flight = 3});
    FAIL() << "no rank failed";
  } catch (Error const& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_NE(std::string(error.what()).find("tile x003y002: this file is broken"), std::string::npos)
        << error.what();
  }
}

TEST_P(TilePipelineOf, request_to_stop_ends_with_the_units_in_flight_and_the_rest_is_done_later) {
  WindowMean model(4, 4);
  SmallRun whole(model, 20, 1), stopped(model, 20, 1);
  whole.run({.threads = 1, .in_flight = 1});
  whole.writer.rounds = stopped.writer.rounds = GetParam();
  // Whichever rank comes to its third unit first is asked.
  stopped.writer.after_write = [n = 0]() mutable {
    if (++n == 3) request_stop();
  };
  RunOutcome const outcome = stopped.run({.threads = 2, .in_flight = 3});
  clear_stop_request();
  EXPECT_TRUE(outcome.stopped);
  EXPECT_GE(outcome.done.units_done, 3U);
  EXPECT_LT(outcome.done.units_done, stopped.plan.units());
  std::set<std::int64_t> written;
  for (std::string const& mine : world().all_gather(stopped.writer.numbers)) {
    for (std::string const& word : split_words(mine)) written.insert(std::stoll(word));
  }
  EXPECT_EQ(written.size(), outcome.done.units_done);

  for (auto& units : stopped.todo) {
    std::erase_if(units, [&](Unit const& unit) { return written.contains(stopped.plan.unit_number(unit)); });
  }
  stopped.writer.after_write = nullptr;
  RunOutcome const rest = stopped.run({.threads = 1, .in_flight = 1});
  EXPECT_EQ(outcome.done.units_done + rest.done.units_done, stopped.plan.units());
  EXPECT_EQ(stopped.cube(), whole.cube());
}

TEST(TilePipeline, no_unit_is_begun_when_time_is_nearly_up) {
  WindowMean model(4, 4);
  SmallRun one(model, 20, 1);
  one.writer.rounds = false;
  RunOutcome const outcome = one.run(
      {.threads = 1, .in_flight = 1, .end = std::chrono::steady_clock::now() + std::chrono::seconds(30)});
  EXPECT_TRUE(outcome.stopped);
  EXPECT_EQ(outcome.done.units_done, 0U);
}

/// Counts the units that were begun.
class Begun final : public FusionModel {
 public:
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const&, int) const override { return 0; }
  void fuse(FusionInput const&, FusionOutput&) const override { ++count; }
  mutable std::atomic<int> count{0};

 private:
  ModelInfo info_;
};

TEST_P(TilePipelineOf, slow_writer_does_not_let_units_pile_up) {
  Begun model;
  SmallRun one(model, 20, 1);
  one.writer.rounds = GetParam();
  int written = 0, most = 0;
  one.writer.after_write = [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    most = std::max(most, model.count - written++);
  };
  one.run({.threads = 2, .in_flight = 3});
  EXPECT_GT(most, 1);
  EXPECT_LE(most, 3) << "units in memory at once";
}

}  // namespace
}  // namespace stfcube
