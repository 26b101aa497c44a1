#pragma once

namespace stfcube::hdf5 {

/// Open MPI's aggregating ways of collective writing (`vulcan`, `dynamic`, `dynamic_gen2`) do not report
/// failed writes: a full disk passes unseen. Chooses the one that does, `individual`, unless the user has
/// chosen (OMPI_MCA_fcoll). Compressed chunks are large pieces of their own, so that nothing is lost by it.
/// Does nothing with other MPI libraries. To be called before the first file is opened in parallel
/// (docs/decisions/0004).
void choose_collective_io();

}  // namespace stfcube::hdf5
