#include "stfcube/partitioning/core/log.hpp"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

/// What `action` writes to stderr as that rank.
std::string written(int rank, std::function<void()> const& action) {
  log::set_rank(rank);
  ::testing::internal::CaptureStderr();
  action();
  log::set_rank(0);
  log::set_level(log::Level::info);
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, line_has_time_level_rank_and_text) {
  EXPECT_THAT(written(3, [] { log::warning("disk is {slow}"); }),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z [a-zA-Z]+ rank=3 disk is \\{slow\\}\n"));
}

TEST(Log, only_the_root_speaks_of_progress) {
  auto const speak = [] {
    log::info("progress");
    log::error("trouble");
  };
  EXPECT_THAT(written(0, speak), HasSubstr("progress"));
  std::string const other = written(1, speak);
  EXPECT_EQ(other.find("progress"), std::string::npos);
  EXPECT_THAT(other, HasSubstr("trouble"));
}

TEST(Log, level_hides_what_is_below) {
  auto const speak = [] {
    log::debug("detail");
    log::warning("warning");
  };
  EXPECT_EQ(written(0, speak).find("detail"), std::string::npos);
  EXPECT_THAT(written(0,
                      [&] {
                        log::set_level(log::Level::debug);
                        speak();
                      }),
              HasSubstr("detail"));
  EXPECT_EQ(written(0,
                    [&] {
                      log::set_level(log::Level::error);
                      speak();
                    }),
            "");
}

}  // namespace
}  // namespace stfcube
