#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube::testing {

/// All ranks of this test run.
Communicator const& world();

/// Where the folders of this run of the test program are; removed at its end.
std::filesystem::path const& folder_of_run();

/// A fresh empty folder for the running test, the same on every rank. Collective when there are several ranks.
inline std::filesystem::path fresh_folder() {
  auto const* info = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string(info->test_suite_name()) + "_" + info->name();
  std::ranges::replace(name, '/', '_');
  auto const folder = folder_of_run() / name;
  if (world().is_root()) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  world().barrier();
  return folder;
}

/// The folder with real imagery and golden vectors: STFCUBE_SHARED, else beside the checkout. Empty when absent; tests
/// then skip with a message.
inline std::filesystem::path shared_folder() {
  char const* given = std::getenv("STFCUBE_SHARED");
  std::filesystem::path const folder = given ? given : STFCUBE_SOURCE_DIR "/../shared";
  return std::filesystem::exists(folder / "data") ? folder : std::filesystem::path();
}

}  // namespace stfcube::testing
