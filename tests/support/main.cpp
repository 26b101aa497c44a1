// Starts MPI for every test binary, so that the same binary runs alone or under mpirun.
#include <cstdio>

#include <gtest/gtest.h>

#include "stfcube/partitioning/mpi/session.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::testing {
namespace {

Communicator* current = nullptr;

/// What ranks other than 0 tell: failures alone.
class FailurePrinter final : public ::testing::EmptyTestEventListener {
  void OnTestPartResult(::testing::TestPartResult const& result) override {
    if (!result.failed()) return;
    auto const* test = ::testing::UnitTest::GetInstance()->current_test_info();
    std::fprintf(stderr, "rank %d, %s: %s:%d: %s\n", current->rank(), test ? test->name() : "", result.file_name(),
                 result.line_number(), result.message());
  }
};

}  // namespace
Communicator const& world() { return *current; }
}  // namespace stfcube::testing

int main(int argc, char** argv) {
  stfcube::Session session(argc, argv);
  stfcube::Communicator world = session.world();
  stfcube::testing::current = &world;
  ::testing::InitGoogleTest(&argc, argv);
  if (!world.is_root()) {
    // Successes are rank 0's to tell.
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new stfcube::testing::FailurePrinter);
  }
  int const failed = RUN_ALL_TESTS();
  int const any = static_cast<int>(world.max(failed));
  world = stfcube::Communicator();
  return any;
}
