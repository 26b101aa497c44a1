// Starts MPI for every test binary, so that the same binary runs alone or under mpirun.
#include <gtest/gtest.h>

#include "stfcube/partitioning/mpi/session.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::testing {
namespace {
Communicator* current = nullptr;
}
Communicator const& world() { return *current; }
}  // namespace stfcube::testing

int main(int argc, char** argv) {
  stfcube::Session session(argc, argv);
  stfcube::Communicator world = session.world();
  stfcube::testing::current = &world;
  ::testing::InitGoogleTest(&argc, argv);
  if (!world.is_root()) {
    // Failures of the other ranks reach the log through their exit status and stderr; successes are rank 0's to tell.
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    if (std::getenv("STFCUBE_TEST_ALL_RANKS") == nullptr) delete listeners.Release(listeners.default_result_printer());
  }
  int const failed = RUN_ALL_TESTS();
  int const any = static_cast<int>(world.max(failed));
  world = stfcube::Communicator();
  return any;
}
