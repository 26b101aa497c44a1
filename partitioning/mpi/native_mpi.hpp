#pragma once

#include <mpi.h>

#include <string>

#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The MPI communicator behind a Communicator; freed with the last copy, before the Session ends.
struct Communicator::Native {
  MPI_Comm comm = MPI_COMM_NULL;
  ~Native();
};

/// The MPI communicator, MPI_COMM_SELF for the communicator of one.
MPI_Comm mpi_comm(Communicator const& communicator);

/// @throws Error(mpi) with MPI's own text when `code` is not MPI_SUCCESS.
void check_mpi(int code, char const* call);

/// Receives the message that `probed` announced: bytes of any length below 2 GiB. @throws Error(mpi)
std::string receive_probed(MPI_Comm comm, MPI_Status const& probed);

}  // namespace stfcube
