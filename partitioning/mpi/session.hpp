#pragma once

#include <string>

#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// Starts MPI and ends it. Declared first in `main`, destroyed last, after every Communicator is gone.
/// MPI calls are made by one thread at a time: the main thread, or the one of a Listener (MPI_THREAD_SERIALIZED).
class Session {
 public:
  Session(int& argc, char**& argv);
  ~Session();
  Session(Session const&) = delete;
  Session& operator=(Session const&) = delete;

  /// A duplicate of the world that returns errors instead of ending the program.
  Communicator world() const { return world_; }

  /// Ends all ranks at once; the last resort when a rank cannot meet the others any more.
  [[noreturn]] static void abort(int status);

 private:
  Communicator world_;
};

/// First line of the MPI library's own version text.
std::string mpi_version();

}  // namespace stfcube
