#include "stfcube/jobs/job_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "stfcube/jobs/job_keys.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::filesystem::path written(std::string const& text) {
  auto const path = testing::fresh_folder() / "job.cfg";
  std::ofstream(path) << text;
  return path;
}

std::string message_of(std::string const& text) {
  try {
    read_job_file(written(text));
    return "accepted";
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.what();
  }
}

TEST(JobFile, sections_comments_and_repeated_keys_are_read) {
  auto const values = read_job_file(written("# a job\n[fine]\nscenes = a/*.tif   # first\nscenes = b/*.tif\n\n[grid]\nratio = 16\n"));
  EXPECT_THAT(values.at("fine.scenes"), ElementsAre("a/*.tif", "b/*.tif"));
  EXPECT_THAT(values.at("grid.ratio"), ElementsAre("16"));
}

TEST(JobFile, empty_value_is_as_good_as_none) { EXPECT_FALSE(read_job_file(written("[fine]\ncrs =\n")).contains("fine.crs")); }

TEST(JobFile, unknown_key_is_named_with_line_and_nearest_key) {
  std::string const text = message_of("[grid]\nratio = 16\n\n[fine]\nscens = a\n");
  EXPECT_THAT(text, HasSubstr("line 5: fine.scens is not a key"));
  EXPECT_THAT(text, HasSubstr("Did you mean fine.scenes?"));
}

TEST(JobFile, key_that_holds_one_value_may_not_stand_twice) {
  EXPECT_THAT(message_of("[grid]\nratio = 16\nratio = 8\n"), HasSubstr("lines 2 and 3: grid.ratio stands more than once"));
}

TEST(JobFile, line_that_is_no_ini_is_refused) {
  EXPECT_THAT(message_of("[grid]\nratio 16\n"), HasSubstr("line 2: 'ratio 16' is neither [section] nor key = value"));
}

TEST(JobFile, message_that_begins_with_a_key_has_a_place) {
  auto const path = written("# a job\n[run]\ntile = large  # px\n[model]\nstarfm.window = 50\n[fine]\nscenes = a\nscenes = b\n");
  std::string const name = path.string();
  EXPECT_EQ(place_in_job_file(path, "run.tile = large (must be a number)."), name + ", line 3");
  EXPECT_EQ(place_in_job_file(path, "starfm.window = 50 (must be odd)."), name + ", line 5");
  EXPECT_EQ(place_in_job_file(path, "fine.scenes = b matches nothing."), name + ", line 8");
  EXPECT_EQ(place_in_job_file(path, "grid.like is missing."), name);
  EXPECT_EQ(place_in_job_file(path, "3 problems"), "");
}

TEST(JobFile, folder_is_named_as_such) {
  try {
    read_job_file(testing::fresh_folder());
    FAIL();
  } catch (Error const& error) {
    EXPECT_THAT(error.what(), HasSubstr("is a folder"));
  }
}

TEST(JobFile, missing_file_says_how_to_make_one) {
  try {
    read_job_file("/nowhere/job.cfg");
    FAIL();
  } catch (Error const& error) {
    EXPECT_THAT(error.what(), HasSubstr("stfcube init"));
  }
}

TEST(JobFile, environment_is_expanded_and_an_unset_variable_refused) {
  setenv("STFCUBE_TEST_ARCHIVE", "/archive", 1);
  EXPECT_THAT(read_job_file(written("[fine]\nscenes = ${STFCUBE_TEST_ARCHIVE}/*.tif\n")).at("fine.scenes"),
              ElementsAre("/archive/*.tif"));
  EXPECT_THAT(message_of("[fine]\nscenes = ${STFCUBE_TEST_UNSET}/*.tif\n"), HasSubstr("STFCUBE_TEST_UNSET is not set"));
}

TEST(JobFile, template_holds_every_key_and_reads_back) {
  std::string const text = job_file_template();
  for (JobKey const& key : job_keys()) EXPECT_THAT(text, HasSubstr(key.name_in_section() + " = ")) << key.name;
  EXPECT_THAT(read_job_file(written(text)).at("fine.scenes"), ElementsAre("fine/*.tif"));
}

TEST(JobFile, method_options_may_stand_in_the_model_section) {
  auto const values = read_job_file(written("[model]\nincrement.weights = mean\n"));
  EXPECT_THAT(values.at("increment.weights"), ElementsAre("mean"));
}

TEST(JobFile, deciding_lines_leave_out_where_and_how_a_job_runs) {
  std::string const one = canonical_job({{"grid.ratio", {"16"}}, {"run.tile", {"256"}}, {"cube.path", {"a.nc"}}});
  std::string const two = canonical_job({{"grid.ratio", {"16"}}, {"run.tile", {"512"}}, {"cube.path", {"b.nc"}}});
  EXPECT_NE(one, two);
  EXPECT_EQ(deciding_lines(one), deciding_lines(two));
  std::string const three = canonical_job({{"grid.ratio", {"8"}}});
  EXPECT_THAT(differing_keys(deciding_lines(one), deciding_lines(three)), ElementsAre("grid.ratio"));
}

TEST(JobFile, another_method_differs_by_its_name_alone) {
  std::string const one = canonical_job({{"model.name", {"starfm"}}});
  std::string const two = canonical_job({{"model.name", {"linear"}}});
  EXPECT_THAT(differing_keys(one, two), ElementsAre("model.name"));
}

}  // namespace
}  // namespace stfcube
