#include "stfcube/partitioning/mpi/listener.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/mpi/native_mpi.hpp"
#include "stfcube/partitioning/mpi/session.hpp"

namespace stfcube {
namespace {

constexpr int question_tag = 71, answer_tag = 72;

/// Waits between looks for a message: short at first, then long enough not to cost a core.
class Patience {
 public:
  void wait() {
    std::this_thread::sleep_for(pause_);
    pause_ = std::min(pause_ * 2, longest);
  }

 private:
  static constexpr std::chrono::microseconds longest{1000};
  std::chrono::microseconds pause_{20};
};

void send(MPI_Comm comm, std::string const& text, int rank, int tag) {
  check_mpi(MPI_Send(text.data(), static_cast<int>(text.size()), MPI_CHAR, rank, tag, comm), "MPI_Send");
}

MPI_Status wait_for_message(MPI_Comm comm, int rank, int tag) {
  MPI_Status probed;
  int there = 0;
  for (Patience patience;; patience.wait()) {
    check_mpi(MPI_Iprobe(rank, tag, comm, &there, &probed), "MPI_Iprobe");
    if (there) return probed;
  }
}

}  // namespace

struct Listener::State {
  Communicator comm;
  Answer answer;
  std::mutex mutex;     ///< rank 0: one question at a time; others: one message at a time
  std::thread listens;  ///< rank 0 of several

  std::string answer_to(int rank, std::string const& question) {
    std::lock_guard const lock(mutex);
    return answer(rank, question);
  }

  /// Until every other rank has sent the empty message.
  void listen() {
    MPI_Comm const native = mpi_comm(comm);
    for (int others = comm.size() - 1; others > 0;) {
      MPI_Status const probed = wait_for_message(native, MPI_ANY_SOURCE, question_tag);
      std::string const question = receive_probed(native, probed);
      if (question.empty()) {
        --others;
      } else {
        send(native, answer_to(probed.MPI_SOURCE, question), probed.MPI_SOURCE, answer_tag);
      }
    }
  }
};

Listener::Listener(Communicator const& comm, Answer answer)
    : state_(new State{comm, std::move(answer), {}, {}}) {
  // What other ranks still send to rank 0's main thread must have arrived before the listening thread takes
  // over.
  comm.barrier();
  if (!comm.is_root() || comm.size() == 1) return;
  state_->listens = std::thread([this] {
    try {
      state_->listen();
    } catch (...) {
      // The ranks could neither be answered nor meet again.
      log::error(std::string("the coordinator lost its ranks: ") + current_error().what());
      Session::abort(1);
    }
  });
}

Listener::~Listener() {
  if (state_->listens.joinable()) state_->listens.join();
  if (state_->comm.is_root()) return;
  MPI_Send(nullptr, 0, MPI_CHAR, 0, question_tag, mpi_comm(state_->comm));
}

std::string Listener::ask(std::string const& question) {
  ensure(!question.empty(), "the empty question says good-bye");
  if (state_->comm.is_root()) return state_->answer_to(0, question);
  std::lock_guard const lock(state_->mutex);
  MPI_Comm const native = mpi_comm(state_->comm);
  send(native, question, 0, question_tag);
  return receive_probed(native, wait_for_message(native, 0, answer_tag));
}

}  // namespace stfcube
