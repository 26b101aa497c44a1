#include "stfcube/partitioning/mpi/session.hpp"

#include <cstdlib>
#include <string_view>

#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/mpi/native_mpi.hpp"

namespace stfcube {

Session::Session(int& argc, char**& argv) {
  int provided = 0;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
  require(provided >= MPI_THREAD_SERIALIZED, ErrorKind::mpi,
          "this MPI library lets only the main thread send messages (MPI_THREAD_SERIALIZED is missing). Use one that was "
          "built with support of threads.");
  auto native = std::make_shared<Communicator::Native>();
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &native->comm), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(native->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  world_ = Communicator(std::move(native));
  log::set_rank(world_.rank());
}

Session::~Session() {
  world_ = Communicator();
  MPI_Finalize();
}

void Session::abort(int status) {
  MPI_Abort(MPI_COMM_WORLD, status);
  std::abort();
}

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string_view const all(text, static_cast<std::size_t>(length));
  return std::string(all.substr(0, all.find_first_of(",\n")));
}

}  // namespace stfcube
