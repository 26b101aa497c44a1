#include "stfcube/jobs/scene_faults.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace stfcube {
namespace {

SceneFault fault(std::string const& path, std::string const& message) {
  return {0, ErrorKind::data, path, message};
}

TEST(SceneFaults, one_stands_as_it_is) {
  EXPECT_EQ(describe_faults(std::vector{fault("a.tif", "a.tif: is empty.")}, "fine"), "a.tif: is empty.");
}

TEST(SceneFaults, every_scene_is_named_and_a_shared_reason_told_once) {
  std::vector const faults = {fault("a.tif", "a.tif: is empty."), fault("b.tif", "b.tif: is empty."),
                              fault("c.tif", "c.tif, band 2: cannot be read.")};
  EXPECT_EQ(
      describe_faults(faults, "fine"),
      "3 problems with the fine scenes:\na.tif: is empty.\nb.tif: the same\nc.tif, band 2: cannot be read.");
}

TEST(SceneFaults, what_concerns_the_job_alone_is_told_once) {
  std::vector const faults = {fault("a.tif", "fine.crs = X is not a CRS."),
                              fault("b.tif", "fine.crs = X is not a CRS.")};
  EXPECT_EQ(describe_faults(faults, "fine"), "fine.crs = X is not a CRS.");
}

TEST(SceneFaults, many_end_in_a_count) {
  std::vector<SceneFault> faults;
  for (int i = 0; i < 25; ++i)
    faults.push_back(fault(std::to_string(i) + ".tif", std::to_string(i) + ".tif: is empty."));
  std::string const text = describe_faults(faults, "coarse");
  EXPECT_TRUE(text.starts_with("25 problems with the coarse scenes:\n0.tif: is empty.\n1.tif: the same\n"))
      << text;
  EXPECT_TRUE(text.ends_with("... and 5 more")) << text;
}

}  // namespace
}  // namespace stfcube
