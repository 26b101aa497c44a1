#pragma once

#include <cstddef>

#include "stfcube/io/hdf5/handle.hpp"

namespace stfcube::hdf5 {

/// Where the next raw data block comes to lie; shared by the caller and an open file of the placing driver.
struct RawPlace {
  haddr_t end = 0;             ///< metadata go behind this byte
  haddr_t next = HADDR_UNDEF;  ///< of the next block; undefined: none is expected
  hsize_t size = 0;            ///< that it must have
};

/// Lets H5Fopen use a driver that gives raw data the place `place` names and does not write them: they are
/// there already. Everything else is read and written as usual. `place` must outlive the file. @throws
/// Error(io)
void use_placing_driver(hid_t access, RawPlace& place);

}  // namespace stfcube::hdf5
