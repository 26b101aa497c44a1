// Starts MPI for every test binary, so that the same binary runs alone or under mpirun.
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "stfcube/partitioning/mpi/session.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::testing {
namespace {

Communicator* current = nullptr;
std::filesystem::path folder;

/// What ranks other than 0 tell: failures alone.
class FailurePrinter final : public ::testing::EmptyTestEventListener {
  void OnTestStart(::testing::TestInfo const& test) override { test_ = test.name(); }
  void OnTestEnd(::testing::TestInfo const&) override { test_.clear(); }

  // GoogleTest holds its lock meanwhile: it cannot be asked for the test.
  void OnTestPartResult(::testing::TestPartResult const& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d, %s: %s:%d: %s\n", current->rank(), test_.c_str(), result.file_name(),
                 result.line_number(), result.message());
  }

  std::string test_;
};

}  // namespace
Communicator const& world() { return *current; }
std::filesystem::path const& folder_of_run() { return folder; }

/// The same on every rank, and of no other test that runs at the same time.
void name_folder(Communicator const& ranks) {
  folder = ranks.broadcast(std::filesystem::temp_directory_path() / ("stfcube_test_" + std::to_string(getpid())));
}

/// What a test left: children of a failed one may still be at work in it.
void remove_folder(Communicator const& ranks) {
  std::error_code ignored;
  ranks.barrier();
  if (ranks.is_root()) std::filesystem::remove_all(folder, ignored);
}

}  // namespace stfcube::testing

int main(int argc, char** argv) {
  stfcube::Session session(argc, argv);
  stfcube::Communicator world = session.world();
  stfcube::testing::current = &world;
  stfcube::testing::name_folder(world);
  ::testing::InitGoogleTest(&argc, argv);
  if (!world.is_root()) {
    // Successes are rank 0's to tell.
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new stfcube::testing::FailurePrinter);
  }
  int const failed = RUN_ALL_TESTS();
  int const any = static_cast<int>(world.max(failed));
  stfcube::testing::remove_folder(world);
  world = stfcube::Communicator();
  return any;
}
