#include "stfcube/jobs/job_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/jobs/target_grid.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using ::testing::HasSubstr;

KeyValues smallest() {
  return {{"grid.like", {"fine/a.tif"}},          {"fine.scenes", {"fine/*.tif"}}, {"fine.bands", {"red:1 nir:2"}},
          {"coarse.scenes", {"coarse/*.tif"}}, {"coarse.bands", {"red:1 nir:2"}}, {"target.dates", {"coarse"}}};
}

std::string message_of(std::string const& key, std::string const& value) {
  KeyValues values = smallest();
  if (value.empty()) {
    values.erase(key);
  } else {
    values[key] = {value};
  }
  try {
    make_job_spec(values, "/job");
    return "accepted";
  } catch (Error const& error) {
    EXPECT_EQ(exit_status(error.kind()), 2);
    return error.what();
  }
}

TEST(JobSpec, defaults_are_those_of_the_table) {
  JobSpec const job = make_job_spec(smallest(), "/job");
  EXPECT_EQ(job.model_name, "starfm");
  EXPECT_EQ(job.chunk, (std::array<int, 4>{1, 1, 256, 256}));
  EXPECT_EQ(job.compression.coder, Coder::deflate);
  EXPECT_EQ(job.compression.level, 1);
  EXPECT_EQ(job.tile_px, 512);
  EXPECT_EQ(job.max_pair_gap_days, 90);
  EXPECT_TRUE(job.uncertainty);
  EXPECT_EQ(job.grid.like, "/job/fine/a.tif");
  EXPECT_EQ(job.cube_path, "/job/cube.nc");
  EXPECT_DOUBLE_EQ(job.fine.valid_low, -0.2);
  EXPECT_DOUBLE_EQ(job.fine.valid_high, 1.6);
  EXPECT_EQ(job.digest.size(), 64U);
}

TEST(JobSpec, digest_follows_the_result_and_nothing_else) {
  std::string const digest = make_job_spec(smallest(), "/job").digest;
  KeyValues values = smallest();
  values["run.tile"] = {"256"};
  values["cube.path"] = {"other.nc"};
  EXPECT_EQ(make_job_spec(values, "/job").digest, digest);
  values["increment.weights"] = {"mean"};
  EXPECT_EQ(make_job_spec(values, "/job").digest, digest) << "an option of another method";
  values["model.name"] = {"increment"};
  std::string const other = make_job_spec(values, "/job").digest;
  EXPECT_NE(other, digest);
  values["increment.weights"] = {"time"};
  EXPECT_NE(make_job_spec(values, "/job").digest, other);
}

TEST(JobSpec, temperature_has_its_own_valid_range) {
  KeyValues values = smallest();
  values["cube.quantity"] = {"temperature"};
  JobSpec const job = make_job_spec(values, "/job");
  EXPECT_DOUBLE_EQ(job.fine.valid_low, 273.15 - 150);
  EXPECT_DOUBLE_EQ(job.fine.valid_high, 273.15 + 150);
}

TEST(JobSpec, each_fault_is_named_with_its_way_out) {
  EXPECT_THAT(message_of("grid.like", ""), HasSubstr("the job has no grid"));
  EXPECT_THAT(message_of("fine.scenes", ""), HasSubstr("fine.scenes is missing"));
  EXPECT_THAT(message_of("coarse.bands", ""), HasSubstr("coarse.bands is missing"));
  EXPECT_THAT(message_of("coarse.bands", "nir:1 red:2"), HasSubstr("same order"));
  EXPECT_THAT(message_of("fine.bands", "red:1 red:2"), HasSubstr("red stands twice"));
  EXPECT_THAT(message_of("fine.bands", "red nir"), HasSubstr("'red' is not NAME:BAND"));
  EXPECT_THAT(message_of("target.dates", ""), HasSubstr("target.dates is missing"));
  EXPECT_THAT(message_of("grid.ratio", "sixteen"), HasSubstr("whole number"));
  EXPECT_THAT(message_of("grid.bounds", "0 0 10"), HasSubstr("must be 4 numbers"));
  EXPECT_THAT(message_of("grid.bounds", "10 0 0 10"), HasSubstr("xmin ymin xmax ymax"));
  EXPECT_THAT(message_of("grid.crs", "EPSG:32755"), HasSubstr("grid.like gives CRS and resolution"));
  EXPECT_THAT(message_of("fine.qa", "fine/*_QA.tif"), HasSubstr("fine.qa_scheme is missing"));
  EXPECT_THAT(message_of("fine.resampling", "nearest"), HasSubstr("near"));
  EXPECT_THAT(message_of("cube.compression", "zip"), HasSubstr("deflate:1"));
  EXPECT_THAT(message_of("cube.compression", "deflate:4294967297"), HasSubstr("not known"));
  EXPECT_THAT(message_of("cube.compression", "deflate:10"), HasSubstr("not known"));
  EXPECT_THAT(message_of("cube.compression", "zstd"), HasSubstr("zstd:1 to zstd:19"));
  EXPECT_THAT(message_of("cube.compression", "zstd:20"), HasSubstr("zstd:1 to zstd:19"));
  EXPECT_THAT(message_of("cube.chunk", "1 1 0 256"), HasSubstr("positive"));
  EXPECT_THAT(message_of("cube.chunk", "1 1 2.5 256"), HasSubstr("whole numbers"));
  EXPECT_THAT(message_of("cube.chunk", "1 1 1e30 nan"), HasSubstr("whole numbers"));
  EXPECT_THAT(message_of("cube.quantity", "radiance"), HasSubstr("surface_reflectance"));
  EXPECT_THAT(message_of("cube.uncertainty", "maybe"), HasSubstr("true or false"));
  EXPECT_THAT(message_of("run.memory", "lots"), HasSubstr("run.memory"));
  EXPECT_THAT(message_of("cube.writer", "fast"), HasSubstr("staged"));
  EXPECT_THAT(message_of("fine.scale", "x"), HasSubstr("no number"));
}

TEST(JobSpec, ratio_of_pixel_sizes_is_guessed_only_within_its_limits) {
  auto const pixels_of = [](double size) {
    Grid grid;
    grid.dx = grid.dy = size;
    return grid;
  };
  EXPECT_EQ(resolve_ratio({}, pixels_of(30), pixels_of(480)), 16);
  EXPECT_THROW(resolve_ratio({}, pixels_of(1e-9), pixels_of(480)), Error);
  EXPECT_THROW(resolve_ratio({}, pixels_of(500), pixels_of(480)), Error);
}

}  // namespace
}  // namespace stfcube
