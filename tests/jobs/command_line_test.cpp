#include "stfcube/jobs/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CommandSyntax const syntax{"try", "JOB.cfg", "Tries.",
                           {{"out", "DIR", "where", "here"},
                            {"count", "N", "how many", "3"},
                            {"bands", "NAMES", "which", "", false, true},
                            {"file", "F", "repeatable", "", true},
                            {"json", "", "for machines"}},
                           true};

CommandArguments parsed(std::vector<std::string> const& words) { return {syntax, words}; }

std::string message_of(std::vector<std::string> const& words) {
  try {
    CommandArguments const arguments(syntax, words);
    return "accepted";
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.what();
  }
}

TEST(CommandLine, options_defaults_switches_and_lists) {
  auto const arguments = parsed({"job.cfg", "--out", "there", "--bands", "nir", "red", "--file=a", "--file=b", "--json"});
  EXPECT_EQ(arguments.positional(), "job.cfg");
  EXPECT_EQ(arguments.text("out"), "there");
  EXPECT_EQ(arguments.integer("count", 1, 10), 3);
  EXPECT_THAT(arguments.list("bands"), ElementsAre("nir", "red"));
  EXPECT_THAT(arguments.list("file"), ElementsAre("a", "b"));
  EXPECT_TRUE(arguments.has("json"));
  EXPECT_FALSE(parsed({}).has("json"));
}

TEST(CommandLine, slips_are_answered_with_the_nearest_name) {
  EXPECT_THAT(message_of({"--uot", "x"}), HasSubstr("Did you mean --out?"));
  EXPECT_THAT(message_of({"--model.nam", "x"}), HasSubstr("Did you mean model.name?"));
  EXPECT_THAT(message_of({"--out"}), HasSubstr("stfcube try --help"));
  EXPECT_THAT(message_of({"one", "two"}), HasSubstr("one word too many"));
  EXPECT_THAT(message_of({"--count", "1", "--count", "2"}), HasSubstr("given twice"));
}

TEST(CommandLine, numbers_out_of_range_are_refused) {
  EXPECT_THROW(parsed({"--count", "11"}).integer("count", 1, 10), Error);
  EXPECT_THROW(parsed({"--count", "x"}).number("count", 1, 10), Error);
  EXPECT_THROW(parsed({}).positional(), Error);
}

TEST(CommandLine, keys_given_as_options_win_over_the_job_file) {
  auto const path = testing::fresh_folder() / "job.cfg";
  std::ofstream(path) << "[grid]\nlike = a.tif\n[fine]\nscenes = f\nbands = red:1\n[coarse]\nscenes = c\nbands = red:1\n"
                         "[target]\ndates = coarse\n[model]\nname = linear\n";
  JobSpec const job = parsed({path.string(), "--model.name", "increment", "--model.increment.weights", "mean",
                              "--run.tile=64"}).job();
  EXPECT_EQ(job.model_name, "increment");
  EXPECT_EQ(job.model_options.at("increment.weights"), "mean");
  EXPECT_EQ(job.tile_px, 64);
  EXPECT_EQ(job.grid.like, path.parent_path() / "a.tif");
}

TEST(CommandLine, an_error_about_a_key_is_located_where_the_key_was_given) {
  auto const path = testing::fresh_folder() / "job.cfg";
  std::ofstream(path) << "[run]\ntile = large\n";
  Error const error(ErrorKind::config, "run.tile = large (must be a number).");
  EXPECT_EQ(parsed({path.string()}).located(error).what(), path.string() + ", line 2: " + error.what());
  EXPECT_STREQ(parsed({path.string(), "--run.tile", "large"}).located(error).what(), error.what());
  EXPECT_TRUE(parsed({path.string()}).located(error.as_agreed()).agreed());
  Error const other(ErrorKind::data, "a.tif: is empty.");
  EXPECT_STREQ(parsed({path.string()}).located(other).what(), other.what());
}

TEST(CommandLine, help_shows_every_option_with_its_default) {
  std::string const text = help_text(syntax);
  EXPECT_THAT(text, HasSubstr("Usage: stfcube try JOB.cfg"));
  EXPECT_THAT(text, HasSubstr("--count N"));
  EXPECT_THAT(text, HasSubstr("(default 3)"));
  EXPECT_THAT(text, HasSubstr("--grid.ratio"));
}

}  // namespace
}  // namespace stfcube
