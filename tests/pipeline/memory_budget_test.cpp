#include "stfcube/pipeline/memory_budget.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

std::uint64_t ten_mebibytes_per_date(int dates) { return static_cast<std::uint64_t>(dates) * 10 * mebibyte; }

TEST(MemoryBudget, what_is_asked_is_taken) {
  EXPECT_EQ(memory_budget(gibibyte, 7).bytes, gibibyte);
  EXPECT_EQ(memory_budget(gibibyte, 7).source, "run.memory");
}

TEST(MemoryBudget, slurm_limit_of_the_node_is_shared_by_its_ranks) {
  setenv("SLURM_MEM_PER_NODE", "1024", 1);
  EXPECT_EQ(memory_budget(0, 4).bytes, 256 * mebibyte / 100 * 85);
  unsetenv("SLURM_MEM_PER_NODE");
}

TEST(MemoryPlan, takes_all_dates_at_once_when_they_fit) {
  auto const plan = plan_memory({8 * gibibyte, "test"}, ten_mebibytes_per_date, 0, 1, 46, 2);
  EXPECT_EQ(plan.slab_dates, 46);
  EXPECT_EQ(plan.in_flight, 3);
  EXPECT_LE(plan.total_bytes(), 8 * gibibyte);
}

TEST(MemoryPlan, shortens_the_slab_before_it_gives_up_overlap) {
  auto const plan = plan_memory({gibibyte, "test"}, ten_mebibytes_per_date, 0, 1, 46, 2);
  EXPECT_LT(plan.slab_dates, 46);
  EXPECT_GE(plan.in_flight, 2);
  EXPECT_LE(plan.total_bytes(), gibibyte);
}

TEST(MemoryPlan, slabs_are_whole_chunks) {
  auto const plan = plan_memory({gibibyte, "test"}, ten_mebibytes_per_date, 0, 8, 46, 2);
  EXPECT_EQ(plan.slab_dates % 8, 0);
}

TEST(MemoryPlan, keeps_the_slab_that_is_asked_for) {
  EXPECT_EQ(plan_memory({8 * gibibyte, "test"}, ten_mebibytes_per_date, 5, 1, 46, 2).slab_dates, 5);
}

TEST(MemoryPlan, refuses_what_cannot_fit_and_says_how_much_is_needed) {
  try {
    plan_memory({400 * mebibyte, "run.memory"}, [](int dates) { return static_cast<std::uint64_t>(dates) * gibibyte; }, 0, 1,
                46, 2);
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(exit_status(error.kind()), 2);
    std::string const text = error.what();
    EXPECT_NE(text.find("needs 1.8 GiB per rank, but only 400.0 MiB"), std::string::npos) << text;
    EXPECT_NE(text.find("run.tile"), std::string::npos) << text;
  }
}

TEST(MemoryPlan, no_slab_is_shorter_than_a_chunk_and_the_message_says_so) {
  auto const plan = [](int slab_dates, std::uint64_t bytes) {
    return plan_memory({bytes, "run.memory"}, ten_mebibytes_per_date, slab_dates, 46, 46, 2);
  };
  EXPECT_EQ(plan(1, 8 * gibibyte).slab_dates, 46);
  try {
    plan(0, 900 * mebibyte);
    FAIL();
  } catch (Error const& error) {
    std::string const text = error.what();
    EXPECT_NE(text.find("one tile of 46 target date(s) needs"), std::string::npos) << text;
    EXPECT_NE(text.find("run.tile or cube.chunk lower"), std::string::npos) << text;
  }
}

TEST(MemoryPlan, caches_shrink_before_a_job_is_refused) {
  auto const plan = plan_memory({340 * mebibyte, "run.memory"}, ten_mebibytes_per_date, 0, 1, 46, 2);
  EXPECT_EQ(plan.slab_dates, 1);
  EXPECT_EQ(plan.in_flight, 1);
  EXPECT_LE(plan.total_bytes(), 340 * mebibyte);
  EXPECT_THROW(plan_memory({plan.total_bytes() - 1, "run.memory"}, ten_mebibytes_per_date, 0, 1, 46, 2), Error);
  EXPECT_EQ(plan_memory({plan.total_bytes(), "run.memory"}, ten_mebibytes_per_date, 0, 1, 46, 2).slab_dates, 1);
}

TEST(MemoryPlan, does_not_advise_smaller_tiles_where_they_cannot_help) {
  try {
    plan_memory({20 * mebibyte, "run.memory"}, ten_mebibytes_per_date, 0, 1, 46, 2);
    FAIL();
  } catch (Error const& error) {
    std::string const text = error.what();
    EXPECT_EQ(text.find("run.tile"), std::string::npos) << text;
    EXPECT_NE(text.find("Give each rank more memory"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace stfcube
