// Without room for a second copy of the chunks the file that they were appended to becomes the cube.
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/io/staged_starts.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using namespace stfcube::testing;

class InPlaceFinish : public ::testing::Test {
 protected:
  InPlaceFinish() {
    if (world().is_root()) fs::create_directory(disk_folder);
    world().barrier();
    disk.emplace(disk_folder, "size=420k");
    alone([&](Communicator const& comm) {
      CubeLayout ordered = layout;
      ordered.path = folder / "ordered.nc";
      run(ordered, units, comm);
      sha = sha_of(ordered.path);
    });
    expected = open_cube(folder / "ordered.nc");
  }

  void SetUp() override {
    if (!disk->is_there()) GTEST_SKIP() << "only root may mount a small file system";
  }

  /// The cube holds what the ordered one holds.
  void expect_content(std::string const& after) const {
    ASSERT_TRUE(is_cube(layout.path)) << after;
    auto const cube = open_cube(layout.path);
    EXPECT_EQ(cube->attribute("stfcube_content_digest"), expected->attribute("stfcube_content_digest"))
        << after;
    Rect const all = layout.grid.all();
    for (int t = 0; t < static_cast<int>(layout.dates.size()); ++t) {
      EXPECT_EQ(cube->read_quality(t, all), expected->read_quality(t, all)) << after;
      for (int b = 0; b < static_cast<int>(layout.bands.size()); ++b) {
        EXPECT_EQ(cube->read(t, b, all), expected->read(t, b, all)) << after;
        EXPECT_EQ(cube->read_uncertainty(t, b, all), expected->read_uncertainty(t, b, all)) << after;
      }
    }
  }

  /// Its first chunk lies where the first one was appended, or right behind the metadata.
  bool is_in_place() const { return fs::file_size(layout.path) > (4U << 20); }

  fs::path const folder = fresh_folder(), disk_folder = folder / "disk";
  CubeLayout const layout = small_layout(disk_folder / "cube.nc", no_compression);
  std::vector<SyntheticUnit> const units = small_units(layout);
  fs::path const work = disk_folder / "cube.nc.work";
  std::optional<SmallDisk> disk;
  std::string sha;  ///< of the ordered cube, on the root
  std::unique_ptr<CubeReader> expected;
};

TEST_F(InPlaceFinish, has_the_content_of_the_ordered_cube) {
  run(layout, units, world());
  EXPECT_TRUE(is_in_place());
  expect_content("");
  EXPECT_FALSE(fs::exists(work));
  world().barrier();
}

TEST_F(InPlaceFinish, is_chosen_for_lack_of_room_alone) {
  disk->enlarge("size=4m");
  run(layout, units, world());
  EXPECT_FALSE(is_in_place());
  expect_content("");
  world().barrier();
}

TEST_F(InPlaceFinish, damaged_chunks_are_found_before_anything_is_overwritten) {
  run_and_stop(layout, units, world());
  alone([&](Communicator const&) {
    std::fstream file(work / "data.part", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((4 << 20) + 100);
    file.put('\x7f').put('\x11').put('\x7f');
  });
  EXPECT_THROW(run(layout, units, world()), Error);
  world().barrier();
  EXPECT_FALSE(fs::exists(layout.path));
  EXPECT_EQ(run(layout, units, world()).size(), units.size() - 1);
  EXPECT_TRUE(is_in_place());
  expect_content("");
  world().barrier();
}

TEST_F(InPlaceFinish, may_be_killed_before_any_change_of_the_disk) {
  if (world().size() > 1) GTEST_SKIP() << "one process is killed";
  run_and_stop(layout, units, world());
  int calls = 0;
  while (!killed_runs.survives(layout, calls)) {
    std::string const after = "killed before call " + std::to_string(++calls);
    // Once the cube is there nobody starts again.
    if (!fs::exists(layout.path)) {
      EXPECT_EQ(run(layout, units, world()).size(), units.size()) << after;
    }
    EXPECT_TRUE(is_in_place()) << after;
    expect_content(after);
    fs::remove(layout.path);
    fs::remove_all(work);
    run_and_stop(layout, units, world());
    ASSERT_LT(calls, 2000);
  }
  EXPECT_GT(calls, 30);
}

TEST_F(InPlaceFinish, may_be_killed_while_it_keeps_what_a_later_start_needs) {
  if (world().size() > 1) GTEST_SKIP() << "one process is killed";
  int calls = 0;
  std::size_t most_done = 0;  // a later death costs no more units
  while (!killed_runs.survives(layout, calls, false)) {
    std::string const after = "killed before call " + std::to_string(++calls);
    std::size_t const done = run_without_second(layout, units, world()).size();
    EXPECT_GE(done, most_done) << after;
    most_done = done;
    EXPECT_EQ(run(layout, units, world()).size(), units.size() - 1) << after;
    expect_content(after);
    fs::remove(layout.path);
    ASSERT_LT(calls, 2000);
  }
  EXPECT_GT(calls, 50);
}

TEST_F(InPlaceFinish, cube_that_stands_there_is_whole_also_while_it_is_replaced) {
  if (world().size() > 1) GTEST_SKIP() << "one process is killed";
  Rect const last = units.back().px;
  int calls = 0;
  for (bool survived = false; !survived; ++calls) {
    run_without_second(layout, units, world());
    survived = killed_runs.survives(layout, calls);
    if (fs::exists(layout.path)) {
      int const date = units.back().first_date;
      EXPECT_EQ(open_cube(layout.path)->read(date, 0, last), expected->read(date, 0, last))
          << calls << " calls";
      EXPECT_THAT(open_cube(layout.path)->attribute("stfcube_completeness"), ::testing::AnyOf("7/8", "8/8"));
    }
    fs::remove(layout.path);
    fs::remove_all(work);
    ASSERT_LT(calls, 2000);
  }
  EXPECT_GT(calls, 30);
}

TEST_F(InPlaceFinish, after_failed_units_a_later_start_goes_on_from_the_cube_itself) {
  run_without_second(layout, units, world());
  EXPECT_TRUE(is_in_place());
  EXPECT_EQ(fs::hard_link_count(layout.path), 2U);
  EXPECT_EQ(open_cube(layout.path)->attribute("stfcube_completeness"), "7/8");
  world().barrier();
  // Once more with the same failure, then without, then with room for an ordered copy.
  run_without_second(layout, units, world());
  EXPECT_EQ(open_cube(layout.path)->attribute("stfcube_completeness"), "7/8");
  world().barrier();
  EXPECT_EQ(run(layout, units, world()).size(), units.size() - 1);
  EXPECT_TRUE(is_in_place());
  expect_content("");
  EXPECT_FALSE(fs::exists(work));
  world().barrier();
  alone([&](Communicator const&) { fs::remove(layout.path); });
  run_without_second(layout, units, world());
  disk->enlarge("size=4m");
  EXPECT_EQ(run(layout, units, world()).size(), units.size() - 1);
  EXPECT_FALSE(is_in_place());
  alone([&](Communicator const&) { EXPECT_EQ(sha_of(layout.path), sha); });
}

}  // namespace
}  // namespace stfcube
