#include "stfcube/partitioning/core/error.hpp"

#include <new>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::HasSubstr;

TEST(Error, exit_status_follows_the_kind) {
  EXPECT_EQ(exit_status(ErrorKind::config), 2);
  EXPECT_EQ(exit_status(ErrorKind::resource), 2);
  EXPECT_EQ(exit_status(ErrorKind::data), 3);
  for (ErrorKind kind : {ErrorKind::io, ErrorKind::mpi, ErrorKind::model, ErrorKind::internal}) {
    EXPECT_EQ(exit_status(kind), 1);
  }
}

TEST(Error, context_goes_in_front_and_keeps_the_rest) {
  Error const inner(ErrorKind::data, "file is truncated");
  Error const outer = inner.with("tile x012y044, 2021-06-03");
  EXPECT_STREQ(outer.what(), "tile x012y044, 2021-06-03: file is truncated");
  EXPECT_EQ(outer.kind(), ErrorKind::data);
  EXPECT_EQ(outer.where().line(), inner.where().line());
  EXPECT_FALSE(outer.agreed());
  EXPECT_TRUE(inner.as_agreed().with("run").agreed());
}

TEST(Error, knows_where_it_was_thrown) {
  Error const error(ErrorKind::io, "x");
  EXPECT_THAT(error.where().file_name(), HasSubstr("error_test"));
}

TEST(Require, throws_only_when_false) {
  EXPECT_NO_THROW(require(true, ErrorKind::config, "no"));
  EXPECT_THROW(require(false, ErrorKind::config, "yes"), Error);
}

TEST(Ensure, says_that_the_fault_is_ours) {
  EXPECT_NO_THROW(ensure(true, "sums add up"));
  try {
    ensure(false, "sums add up");
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_STREQ(error.what(), "internal check failed: sums add up");
  }
}

template <class Thrown>
Error caught(Thrown const& thrown) {
  try {
    throw thrown;
  } catch (...) {
    return current_error();
  }
}

TEST(CurrentError, ours_stay_as_they_are) {
  Error const error = caught(Error(ErrorKind::data, "no scene"));
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_STREQ(error.what(), "no scene");
}

TEST(CurrentError, foreign_ones_become_internal) {
  EXPECT_EQ(caught(std::runtime_error("odd")).kind(), ErrorKind::internal);
  EXPECT_STREQ(caught(std::runtime_error("odd")).what(), "odd");
  EXPECT_EQ(caught(42).kind(), ErrorKind::internal);
}

TEST(CurrentError, lack_of_memory_says_the_way_out) {
  Error const error = caught(std::bad_alloc());
  EXPECT_EQ(error.kind(), ErrorKind::resource);
  EXPECT_THAT(error.what(), HasSubstr("run.memory"));
}

}  // namespace
}  // namespace stfcube
