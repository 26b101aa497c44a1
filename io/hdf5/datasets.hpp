#pragma once

#include <string>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/hdf5/attributes.hpp"

namespace stfcube::hdf5 {

/// @throws Error(io) when there is none of that name
Dataset open_dataset(hid_t place, std::string const& name);

std::vector<hsize_t> sizes_of(hid_t dataset);

/// First element of a chunk in the dimensions of its dataset, as HDF5 wants to know it.
std::vector<hsize_t> first_element(CubeArray const& array, std::int64_t chunk);

/// A text, or a row of texts of variable length. @throws Error(data) when it holds something else
std::vector<std::string> read_strings(hid_t place, std::string const& name);

/// All numbers of a dataset, converted to T where they are stored as something else.
template <class T>
std::vector<T> read_numbers(hid_t dataset, std::string const& name) {
  std::size_t count = 1;
  for (hsize_t const size : sizes_of(dataset)) count *= static_cast<std::size_t>(size);
  std::vector<T> values(count);
  checked(H5Dread(dataset, stored_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), name);
  return values;
}

}  // namespace stfcube::hdf5
