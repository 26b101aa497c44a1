#include "stfcube/jobs/started_run.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using ::testing::HasSubstr;

StartedRun a_run() {
  return {.job_digest = "d",
          .job_text = "model.name = starfm\ngrid.ratio = 16\n",
          .software = version_described(),
          .created = "2026-05-01T12:00:00Z",
          .command = "stfcube run \"a b\".cfg",
          .writer = "staged",
          .tile_px = 512,
          .slab_dates = 3,
          .units = 12,
          .inputs = {{"fine 2020-01-01 a.tif", 100}, {"coarse 2020-01-01 b.tif", 50}}};
}

JobSpec its_job() {
  JobSpec spec;
  spec.cube_path = "cube.nc";
  spec.digest = "d";
  spec.text = "model.name = starfm\ngrid.ratio = 16\nrun.threads = 2\n";
  return spec;
}

template <class Call>
std::string refusal(ErrorKind kind, Call&& call) {
  try {
    call();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "nothing was refused";
}

TEST(StartedRun, comes_back_from_its_file) {
  auto const folder = testing::fresh_folder();
  if (testing::world().is_root()) {
    EXPECT_EQ(read_started_run(folder), std::nullopt);
    std::ofstream(folder / started_run_file) << to_json(a_run());
    EXPECT_EQ(read_started_run(folder), a_run());
  }
}

TEST(StartedRun, damaged_file_is_named_with_the_way_out) {
  auto const folder = testing::fresh_folder();
  for (char const* text : {"", "{", "[]", "{\"format\": 2}", "{\"format\": 1}"}) {
    std::ofstream(folder / started_run_file) << text;
    std::string const message = refusal(ErrorKind::io, [&] { read_started_run(folder); });
    EXPECT_THAT(message, HasSubstr("plan.json cannot be used"));
    EXPECT_THAT(message, HasSubstr("--fresh"));
  }
}

TEST(StartedRun, same_job_continues_whatever_its_threads) {
  EXPECT_NO_THROW(check_continues(a_run(), its_job()));
}

TEST(StartedRun, another_job_version_or_writer_is_refused) {
  JobSpec other = its_job();
  other.digest = "e";
  other.text = "model.name = linear\ngrid.ratio = 8\n";
  EXPECT_THAT(
      refusal(ErrorKind::config, [&] { check_continues(a_run(), other); }),
      HasSubstr("cube.path = cube.nc was started for another job; different: grid.ratio, model.name."));
  StartedRun older = a_run();
  older.software = "0.0.1";
  EXPECT_THAT(refusal(ErrorKind::config, [&] { check_continues(older, its_job()); }),
              HasSubstr("by stfcube 0.0.1"));
  JobSpec plain = its_job();
  plain.writer = "collective";
  EXPECT_THAT(refusal(ErrorKind::config, [&] { check_continues(a_run(), plain); }),
              HasSubstr("cube.writer = staged"));
}

TEST(StartedRun, inputs_that_changed_are_named) {
  auto inputs = a_run().inputs;
  std::swap(inputs[0], inputs[1]);
  EXPECT_NO_THROW(check_same_inputs(a_run(), inputs, false));
  inputs[0].bytes = 51;
  std::string const message = refusal(ErrorKind::data, [&] { check_same_inputs(a_run(), inputs, false); });
  EXPECT_THAT(message,
              HasSubstr("was: coarse 2020-01-01 b.tif (50 bytes)\nnow: coarse 2020-01-01 b.tif (51 bytes)"));
  EXPECT_NO_THROW(check_same_inputs(a_run(), inputs, true)) << "a file that could not be read was put right";
  inputs.push_back({"fine 2020-02-02 c.tif", 1});
  EXPECT_THAT(refusal(ErrorKind::data, [&] { check_same_inputs(a_run(), inputs, true); }),
              HasSubstr("now: fine 2020-02-02 c.tif"));
}

}  // namespace
}  // namespace stfcube
