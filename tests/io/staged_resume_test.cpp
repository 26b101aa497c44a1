// A cube that is written in several starts, with faults of the disk or the process between them, has the
// bytes of one that was written undisturbed.
#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/io/staged_starts.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace stfcube::testing;

std::vector<std::int64_t> numbers_up_to(std::size_t count) {
  std::vector<std::int64_t> numbers;
  while (numbers.size() < count) numbers.push_back(static_cast<std::int64_t>(numbers.size()));
  return numbers;
}

class StagedResume : public ::testing::Test {
 protected:
  StagedResume() {
    alone([&](Communicator const& comm) {
      CubeLayout undisturbed = layout;
      undisturbed.path = folder / "undisturbed.nc";
      digest = [&] {
        PlacedWriter to("staged", undisturbed, comm);
        write_units(to, undisturbed, units, comm);
        return to.writer->finish({units.size(), units.size(), ""});
      }();
      sha = sha_of(undisturbed.path);
    });
  }

  void expect_undisturbed(std::string const& after) {
    world().barrier();
    if (!world().is_root()) return;
    EXPECT_EQ(sha_of(layout.path), sha) << after;
    EXPECT_FALSE(fs::exists(work)) << after;
    fs::remove(layout.path);
  }

  /// The journals, whoever wrote them.
  std::vector<fs::path> journals() const {
    std::vector<fs::path> found;
    for (auto const& entry : fs::directory_iterator(work)) {
      if (entry.path().filename().string().starts_with("journal.")) found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
  }

  fs::path const folder = fresh_folder();
  CubeLayout layout = small_layout(folder / "cube.nc");
  std::vector<SyntheticUnit> units = small_units(layout);
  fs::path const work = folder / "cube.nc.work", data = work / "data.part";
  std::string sha, digest;  ///< of the undisturbed cube, on the root
};

TEST_F(StagedResume, goes_on_after_any_number_of_units_with_any_ranks) {
  layout = synthetic_layout(folder / "cube.nc");
  units = synthetic_units(layout, 32, 2);
  ASSERT_GT(units.size(), 20U);
  alone([&](Communicator const& comm) {
    run(layout, units, comm);
    sha = sha_of(layout.path);
    fs::remove(layout.path);
  });
  for (std::size_t k = 0; k <= units.size(); ++k) {
    std::vector<SyntheticUnit> const first(units.begin(), units.begin() + static_cast<std::ptrdiff_t>(k));
    auto const expect_first = [&](std::vector<std::int64_t> const& done) {
      EXPECT_EQ(done, numbers_up_to(k));
    };
    if (k % 2 == 0) {
      alone([&](Communicator const& comm) { run_and_stop(layout, first, comm); });
      expect_first(run(layout, units, world()));
    } else {
      run_and_stop(layout, first, world());
      alone([&](Communicator const& comm) { expect_first(run(layout, units, comm)); });
    }
    expect_undisturbed("after " + std::to_string(k) + " units");
    world().barrier();
  }
}

TEST_F(StagedResume, goes_on_after_many_starts) {
  for (std::size_t k = 0; k < units.size(); ++k) {
    run_and_stop(layout, {units[units.size() - 1 - k]}, world());
  }
  EXPECT_EQ(run(layout, units, world()).size(), units.size());
  expect_undisturbed("");
}

TEST_F(StagedResume, start_without_units_leaves_nothing) {
  run_and_stop(layout, {}, world());
  EXPECT_FALSE(fs::exists(work));
}

TEST_F(StagedResume, units_of_nothing_but_fill_are_done_too) {
  CubeUnit unit = synthetic_unit(layout, units[1].px, units[1].first_date, units[1].dates);
  unit.dn.fill(no_data_dn);
  unit.uncertainty.fill(no_data_dn);
  unit.quality.fill(quality::no_data);
  unit.number = 1;
  {
    PlacedWriter to("staged", layout, world());
    if (world().is_root()) to.write(&unit);
  }
  world().barrier();
  PlacedWriter to("staged", layout, world());
  EXPECT_EQ(to.writer->units_done(), std::vector<std::int64_t>{1});
}

TEST_F(StagedResume, torn_or_damaged_journals_cost_units_and_nothing_else) {
  if (world().size() > 1) GTEST_SKIP() << "one rank is enough";
  units.resize(2);
  run(layout, units, world());
  sha = sha_of(layout.path);
  run_and_stop(layout, units, world());
  fs::path const kept = folder / "kept";
  fs::copy(work, kept);
  std::size_t const size = fs::file_size(kept / "journal.1.0");
  ASSERT_GT(size, 10U * 64);
  std::size_t least = units.size();
  for (std::size_t at = 0; at < 2 * size; at += at % 64 == 63 || at % 64 < 2 ? 1 : 7) {
    fs::remove_all(work);
    fs::copy(kept, work);
    fs::path const journal = work / "journal.1.0";
    if (at < size) {
      fs::resize_file(journal, at);
    } else {
      std::fstream file(journal, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(at - size));
      file.put('\x5a');
    }
    least = std::min(least, run(layout, units, world()).size());
    expect_undisturbed("fault at " + std::to_string(at));
  }
  EXPECT_EQ(least, 0U);
}

TEST_F(StagedResume, data_that_were_cut_off_are_written_again) {
  run_and_stop(layout, units, world());
  std::int64_t size = 0;
  alone([&](Communicator const&) { size = static_cast<std::int64_t>(fs::file_size(data)); });
  size = world().max(size);
  fs::path const kept = folder / "kept";
  alone([&](Communicator const&) { fs::copy(work, kept); });
  for (std::int64_t const cut :
       {size - 1, size - 3000, (std::int64_t{4} << 20) + 10, std::int64_t{17}, std::int64_t{0}}) {
    alone([&](Communicator const&) {
      fs::remove_all(work);
      fs::copy(kept, work);
      fs::resize_file(data, static_cast<std::uintmax_t>(cut));
    });
    // The next start writes one unit, perhaps where lost ones lay; these must stay lost, and this one not.
    std::vector<std::int64_t> done;
    {
      PlacedWriter to("staged", layout, world());
      done = to.writer->units_done();
      EXPECT_LT(done.size(), units.size());
      world().together([&] {
        auto const left = without(units, done);
        if (world().is_root()) write_units(to, layout, {left.front()}, Communicator());
      });
    }
    world().barrier();
    EXPECT_EQ(run(layout, units, world()).size(), done.size() + 1);
    expect_undisturbed("cut at " + std::to_string(cut));
    world().barrier();
  }
}

TEST_F(StagedResume, data_file_that_is_gone_costs_all_units) {
  run_and_stop(layout, units, world());
  alone([&](Communicator const&) { fs::remove(data); });
  EXPECT_TRUE(run(layout, units, world()).empty());
  expect_undisturbed("");
}

TEST_F(StagedResume, damaged_chunks_are_found_named_and_written_again) {
  run_and_stop(layout, units, world());
  alone([&](Communicator const&) {
    std::fstream file(data, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg((4 << 20) + 100);
    char const old = static_cast<char>(file.get());
    file.seekp((4 << 20) + 100);
    file.put(static_cast<char>(old ^ 4));
  });
  try {
    run(layout, units, world());
    ADD_FAILURE() << "the damage was not seen";
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), HasSubstr(data.string()));
    EXPECT_THAT(error.what(), HasSubstr("at 4194304"));
    EXPECT_THAT(error.what(), HasSubstr("run the command again"));
  }
  world().barrier();
  EXPECT_FALSE(fs::exists(layout.path));
  EXPECT_EQ(run(layout, units, world()).size(), units.size() - 1);
  expect_undisturbed("");
}

TEST_F(StagedResume, journal_that_lost_a_unit_during_the_run_is_noticed) {
  PlacedWriter to("staged", layout, world());
  world().together([&] { write_units(to, layout, units, world()); });
  alone([&](Communicator const&) {
    fs::path const journal = journals().back();
    fs::resize_file(journal, fs::file_size(journal) - 64);
  });
  try {
    to.writer->finish({units.size(), units.size(), ""});
    ADD_FAILURE() << "the loss was not seen";
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_THAT(error.what(), HasSubstr("the journals lost 1 of"));
  }
}

TEST_F(StagedResume, failed_units_keep_what_is_done_for_the_next_start) {
  run_without_second(layout, units, world());
  EXPECT_TRUE(is_cube(layout.path));
  EXPECT_EQ(open_cube(layout.path)->attribute("stfcube_completeness"),
            std::to_string(units.size() - 1) + "/" + std::to_string(units.size()));
  world().barrier();
  EXPECT_EQ(without(units, run(layout, units, world())).size(), 1U);
  expect_undisturbed("");
}

/// Makes the `calls`-th call on the last rank's disk fail. @return the error, the same on all ranks
std::optional<Error> failure_of_call(DiskFaults::Call call, int calls, std::function<void()> const& work) {
  std::optional<Error> failed;
  faults.watch(call, calls);
  if (world().rank() == world().size() - 1) faults.fail_with = EIO;
  try {
    work();
  } catch (Error const& error) {
    failed = error;
  }
  faults.fail_with = 0;
  world().barrier();
  return failed;
}

TEST_F(StagedResume, any_call_to_the_disk_may_fail) {
  for (auto const call : {DiskFaults::write, DiskFaults::sync, DiskFaults::rename, DiskFaults::truncate}) {
    int failures = 0;
    for (int calls = 0; calls < 1000; ++calls) {
      auto const failed = failure_of_call(call, calls, [&] { run(layout, units, world()); });
      if (failed) {
        ++failures;
        EXPECT_EQ(failed->kind(), ErrorKind::io) << failed->what();
        EXPECT_THAT(failed->what(), HasSubstr(folder.string()));
        EXPECT_FALSE(fs::exists(layout.path) && call != DiskFaults::sync) << failed->what();
        world().barrier();
        alone([&](Communicator const&) { fs::remove(layout.path); });
        run(layout, units, world());
      }
      expect_undisturbed("call " + std::to_string(call) + " fails after " + std::to_string(calls));
      world().barrier();
      if (!failed) break;
    }
    bool const every_rank_calls = call == DiskFaults::write || call == DiskFaults::sync;
    EXPECT_GE(failures, every_rank_calls ? 5 : world().size() == 1 ? 1 : 0) << "call " << call;
    EXPECT_LT(failures, 999);
  }
}

TEST_F(StagedResume, process_may_be_killed_before_any_change_of_the_disk) {
  if (world().size() > 1) GTEST_SKIP() << "one process is killed";
  int calls = 0;
  std::size_t most_done = 0;
  while (!killed_runs.survives(layout, calls)) {
    ++calls;
    bool const finished = fs::exists(layout.path);
    if (finished) {
      EXPECT_EQ(sha_of(layout.path), sha) << "killed before call " << calls;
    }
    std::size_t const done = run(layout, units, world()).size();
    EXPECT_TRUE(finished || done >= most_done) << "a later death costs more units: call " << calls;
    most_done = std::max(most_done, done);
    expect_undisturbed("killed before call " + std::to_string(calls));
    ASSERT_LT(calls, 2000);
  }
  EXPECT_GT(calls, 50);
}

TEST_F(StagedResume, process_may_be_killed_again_and_again) {
  if (world().size() > 1) GTEST_SKIP() << "one process is killed";
  int starts = 0;
  while (!killed_runs.survives(layout, 40 + starts % 17)) {
    ASSERT_LT(++starts, 100);
    if (starts > 30) break;
  }
  run(layout, units, world());
  expect_undisturbed("");
  EXPECT_GT(starts, 1);
}

}  // namespace
}  // namespace stfcube
