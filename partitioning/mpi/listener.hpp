#pragma once

#include <functional>
#include <memory>
#include <string>

#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// Rank 0 answers questions of all ranks while all of them work: a thread of its own listens, so that nobody
/// waits for rank 0's own work. While it exists, `ask` is the only thing that may be done over MPI, on any
/// rank, because rank 0's messages are the listening thread's. With one rank nothing is sent. Destroyed on
/// every rank, it waits on rank 0 until all others have asked their last.
class Listener {
 public:
  /// Called on rank 0, for one question at a time; must not throw and must not call MPI.
  using Answer = std::function<std::string(int rank, std::string const& question)>;

  /// @param answer  used on rank 0 alone. @collective
  Listener(Communicator const& comm, Answer answer);
  ~Listener();
  Listener(Listener const&) = delete;
  Listener& operator=(Listener const&) = delete;

  /// Waits for the answer, without using a core. Questions are short and not empty. Thread-safe. @throws
  /// Error(mpi)
  std::string ask(std::string const& question);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stfcube
