#include "stfcube/pipeline/dispatch.hpp"

#include <set>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/stop_request.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::world;

/// `tiles` units on rank 0; the others have to ask for them.
std::vector<std::vector<Unit>> work(int tiles) {
  std::vector<std::vector<Unit>> all(static_cast<std::size_t>(world().size()));
  for (int i = 0; i < tiles; ++i) all.front().push_back({i, 0});
  return all;
}

/// What all ranks noted, as one set; nothing may occur twice.
std::set<std::int64_t> together(std::string const& mine) {
  std::set<std::int64_t> all;
  std::size_t count = 0;
  for (std::string const& of_rank : world().all_gather(mine)) {
    for (std::string const& word : split_words(of_rank)) {
      all.insert(*parse_integer(word));
      ++count;
    }
  }
  EXPECT_EQ(all.size(), count);
  return all;
}

TEST(Dispatch, ranks_together_get_every_unit_once) {
  std::string mine;
  Dispatch dispatch(world(), work(60), {}, nullptr);
  while (auto const unit = dispatch.next()) {
    mine += std::to_string(unit->tile) + " ";
    dispatch.done(*unit, 10);
  }
  RunOutcome const outcome = dispatch.close();
  EXPECT_EQ(together(mine).size(), 60U);
  EXPECT_EQ(outcome.done.units_done, 60U);
  EXPECT_EQ(outcome.done.pixel_values, 600);
  EXPECT_FALSE(outcome.stopped);
}

TEST(Dispatch, places_in_the_file_do_not_overlap) {
  std::string mine;
  Dispatch dispatch(world(), work(0), {.first_extent = 4096}, nullptr);
  for (int i = 0; i < 20; ++i) mine += std::to_string(dispatch.extent(8192)) + " ";
  dispatch.close();
  auto const all = together(mine);
  EXPECT_EQ(*all.begin(), 4096);
  EXPECT_EQ(*all.rbegin(), 4096 + 8192 * (20 * world().size() - 1));
}

TEST(Dispatch, unit_fails_for_good_the_second_time) {
  Dispatch dispatch(world(), work(3), {}, nullptr);
  std::string tries;
  while (auto const unit = dispatch.next()) {
    if (unit->tile == 1) {
      tries += "x";
      dispatch.failed(*unit, Error(ErrorKind::data, "two words\nand a line"));
    } else {
      dispatch.done(*unit, 1);
    }
  }
  RunOutcome const outcome = dispatch.close();
  EXPECT_EQ(outcome.done.units_done, 2U);
  EXPECT_EQ(outcome.failed, (std::vector<FailedUnit>{{{1, 0}, 2, "two words and a line"}}));
  std::size_t all = 0;
  for (std::string const& of_rank : world().all_gather(tries)) all += of_rank.size();
  EXPECT_EQ(all, 2U);
}

TEST(Dispatch, rank_that_gives_up_ends_all) {
  Dispatch dispatch(world(), work(1000), {}, nullptr);
  while (auto const unit = dispatch.next()) {
    if (unit->tile == 500) dispatch.give_up(Error(ErrorKind::io, "the disk is full"));
    dispatch.done(*unit, 1);
  }
  try {
    dispatch.close();
    FAIL() << "nobody heard of it";
  } catch (Error const& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_STREQ(error.what(), "the disk is full");
  }
}

TEST(Dispatch, request_to_stop_on_one_rank_reaches_all) {
  Dispatch dispatch(world(), work(100000), {}, nullptr);
  int mine = 0;
  while (auto const unit = dispatch.next()) {
    dispatch.done(*unit, 1);
    if (world().rank() == world().size() - 1 && ++mine == 3) dispatch.stop();
  }
  EXPECT_TRUE(dispatch.stopping());
  RunOutcome const outcome = dispatch.close();
  EXPECT_TRUE(outcome.stopped);
  EXPECT_LT(outcome.done.units_done, 100000U);
}

TEST(Dispatch, signal_after_the_last_unit_stops_nothing) {
  Dispatch dispatch(world(), work(2), {}, nullptr);
  while (auto const unit = dispatch.next()) dispatch.done(*unit, 1);
  request_stop();
  EXPECT_TRUE(dispatch.stopping());
  RunOutcome const outcome = dispatch.close();
  clear_stop_request();
  EXPECT_FALSE(outcome.stopped);
}

/// Fails when it hears of a unit.
struct Fragile final : RunObserver {
  void unit_done(RunProgress const&) override { throw Error(ErrorKind::io, "no room for the log"); }
  void unit_failed(FailedUnit const&) override {}
};

TEST(Dispatch, what_the_observer_throws_ends_the_run) {
  Fragile observer;
  Dispatch dispatch(world(), work(100), {}, &observer);
  int mine = 0;
  while (auto const unit = dispatch.next()) {
    dispatch.done(*unit, 1);
    ++mine;
  }
  EXPECT_THROW(dispatch.close(), Error);
  EXPECT_LE(mine, 1);
}

}  // namespace
}  // namespace stfcube
