#include "stfcube/io/work_directory.hpp"

#include <fstream>
#include <iterator>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/file_size_limit.hpp"
#include "stfcube/tests/support/synthetic_cube.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace stfcube::testing;

std::string text_of(fs::path const& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_text(fs::path const& path, std::string const& text) {
  std::ofstream(path, std::ios::binary) << text;
}

template <class Work>
void expect_error(ErrorKind kind, std::string const& text, Work&& work) {
  try {
    work();
    ADD_FAILURE() << "nothing was thrown; expected: " << text;
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_THAT(error.what(), HasSubstr(text));
  }
}

void expect_bad_place(fs::path const& cube, std::string const& text) {
  expect_error(ErrorKind::config, text, [&] { check_cube_place(cube); });
}

TEST(WorkDirectory, place_of_a_cube_is_checked) {
  fs::path const folder = fresh_folder();
  if (!world().is_root()) return;
  EXPECT_NO_THROW(check_cube_place(folder / "cube.nc"));
  expect_bad_place(folder / "", "no file name. Name a file");
  expect_bad_place(folder / "missing" / "cube.nc", "missing does not exist. Make it, or choose another.");
  fs::create_directory(folder / "folder.nc");
  expect_bad_place(folder / "folder.nc", "is a folder. Name a file, for example");
  write_text(folder / "text.nc", "text");
  expect_bad_place(folder / "text.nc", "exists and is no stfcube cube; it is left alone");
}

TEST(WorkDirectory, place_that_cannot_be_written_is_named) {
  fs::path const folder = fresh_folder();
  if (!world().is_root()) return;
  fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
  if (access(folder.c_str(), W_OK) == 0) GTEST_SKIP() << "this user may write everywhere";
  expect_bad_place(folder / "cube.nc", "cannot be written. Change its permissions, or choose another.");
}

TEST(WorkDirectory, finished_cube_may_be_replaced) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  {
    PlacedWriter to("staged", layout, world());
    write_units(to, layout, synthetic_units(layout, 32, 2), world());
    to.writer->finish({});
  }
  EXPECT_NO_THROW(check_cube_place(layout.path));
}

TEST(WorkDirectory, file_in_its_place_is_refused) {
  fs::path const folder = fresh_folder();
  if (world().is_root()) write_text(folder / "cube.nc.work", "text");
  world().barrier();
  expect_error(ErrorKind::config, "cube.nc.work cannot be used",
               [&] { WorkDirectory(folder / "cube.nc", world()); });
}

TEST(WorkDirectory, is_removed_when_empty_and_stays_otherwise) {
  fs::path const folder = fresh_folder();
  {
    WorkDirectory const place(folder / "cube.nc", world());
    EXPECT_TRUE(fs::exists(place.file("LOCK")));
    world().barrier();
  }
  world().barrier();
  EXPECT_TRUE(fs::is_empty(folder));
  world().barrier();
  {
    WorkDirectory const place(folder / "cube.nc", world());
    if (world().is_root()) place.replace("plan.json", "{}");
    world().barrier();
  }
  world().barrier();
  EXPECT_TRUE(fs::exists(folder / "cube.nc.work" / "plan.json"));
  EXPECT_FALSE(fs::exists(folder / "cube.nc.work" / "LOCK"));
}

TEST(WorkDirectory, replace_gives_the_new_text_and_leaves_no_other_file) {
  WorkDirectory const place(fresh_folder() / "cube.nc", world());
  if (!world().is_root()) return;
  place.replace("status.json", "a longer first text");
  place.replace("status.json", "second");
  EXPECT_EQ(text_of(place.file("status.json")), "second");
  EXPECT_FALSE(fs::exists(place.file("status.json.new")));
  place.clear();
}

TEST(WorkDirectory, replace_keeps_the_old_text_when_writing_fails) {
  WorkDirectory const place(fresh_folder() / "cube.nc", world());
  if (!world().is_root()) return;
  place.replace("plan.json", "old");
  {
    FileSizeLimit const limit(1000);
    expect_error(ErrorKind::io, "plan.json.new",
                 [&] { place.replace("plan.json", std::string(100000, 'x')); });
  }
  EXPECT_EQ(text_of(place.file("plan.json")), "old");
  place.replace("plan.json", "new");
  EXPECT_EQ(text_of(place.file("plan.json")), "new");
  place.clear();
}

TEST(WorkDirectory, published_file_gets_the_final_name) {
  fs::path const folder = fresh_folder();
  {
    WorkDirectory const place(folder / "cube.nc", world());
    if (world().is_root()) {
      write_text(place.file("staged.part"), "cube");
      place.publish(place.file("staged.part"));
    }
    world().barrier();
  }
  world().barrier();
  EXPECT_EQ(text_of(folder / "cube.nc"), "cube");
  EXPECT_FALSE(fs::exists(folder / "cube.nc.work"));
}

TEST(WorkDirectory, clear_leaves_the_files_of_others_and_the_lock) {
  WorkDirectory const place(fresh_folder() / "cube.nc", world());
  if (!world().is_root()) return;
  for (char const* name : {"plan.json", "plan.json.new", "status.json", "failed.jsonl", "data.part",
                           "journal.20.1", "LOCK.0123456789abcdef", "LOCK.takeover"}) {
    write_text(place.file(name), "ours");
  }
  for (char const* name : {"notes.txt", "plan.json.bak", "journal.20", "LOCK.old"})
    write_text(place.file(name), "theirs");
  place.clear();
  std::vector<std::string> left;
  for (auto const& entry : fs::directory_iterator(place.file("")))
    left.push_back(entry.path().filename().string());
  EXPECT_THAT(
      left, ::testing::UnorderedElementsAre("LOCK", "LOCK.old", "journal.20", "notes.txt", "plan.json.bak"));
}

TEST(WorkDirectory, second_run_is_refused_on_all_ranks) {
  fs::path const cube = fresh_folder() / "cube.nc";
  WorkDirectory const first(cube, world());
  expect_error(ErrorKind::config, "cube.path = " + cube.string() + ": another run writes this cube: process ",
               [&] { WorkDirectory(cube, world()); });
  world().barrier();
  EXPECT_TRUE(fs::exists(first.file("LOCK")));
  world().barrier();  // before rank 0 gives the lock back
}

TEST(WorkDirectory, run_that_lost_the_lock_changes_nothing) {
  fs::path const cube = fresh_folder() / "cube.nc";
  WorkDirectory const place(cube, world());
  if (!world().is_root()) return;
  place.replace("plan.json", "old");
  write_text(place.file("staged.part"), "cube");
  write_text(place.file("LOCK"),
             "host = other\nspace = \nprocess = 1\nstarted = 1\njob = 77\nsince = 2026-05-01T12:00:00Z\n");
  std::string const lost = "LOCK is now that of process 1 on other, Slurm job 77, since 2026-05-01T12:00:00Z";
  expect_error(ErrorKind::io, lost, [&] { place.replace("plan.json", "new"); });
  expect_error(ErrorKind::io, lost, [&] { place.publish(place.file("staged.part")); });
  expect_error(ErrorKind::io, lost, [&] { place.clear(); });
  EXPECT_EQ(text_of(place.file("plan.json")), "old");
  EXPECT_FALSE(fs::exists(cube));
}

}  // namespace
}  // namespace stfcube
