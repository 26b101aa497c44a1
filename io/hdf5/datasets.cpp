#include "stfcube/io/hdf5/datasets.hpp"

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::hdf5 {

Dataset open_dataset(hid_t place, std::string const& name) {
  return Dataset(checked(H5Dopen2(place, name.c_str(), H5P_DEFAULT), "dataset " + name));
}

std::vector<hsize_t> sizes_of(hid_t dataset) {
  Dataspace const space(checked(H5Dget_space(dataset), "shape"));
  int const rank = checked(H5Sget_simple_extent_ndims(space), "shape");
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  checked(H5Sget_simple_extent_dims(space, sizes.data(), nullptr), "shape");
  return sizes;
}

std::vector<hsize_t> first_element(CubeArray const& array, std::int64_t chunk) {
  auto const index = array.chunk_index(chunk);
  std::vector<hsize_t> first;
  for (std::size_t axis = 0; axis < 4; ++axis) {
    if (axis == 1 && !array.banded) continue;
    first.push_back(static_cast<hsize_t>(index[axis]) * static_cast<hsize_t>(array.chunk[axis]));
  }
  return first;
}

std::vector<std::string> read_strings(hid_t place, std::string const& name) {
  Dataset const dataset = open_dataset(place, name);
  Datatype const type(checked(H5Dget_type(dataset), name));
  require(H5Tis_variable_str(type) > 0, ErrorKind::data, name + " does not hold text");
  Dataspace const space(checked(H5Dget_space(dataset), name));
  std::vector<char*> pointers(static_cast<std::size_t>(checked(H5Sget_simple_extent_npoints(space), name)));
  checked(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), name);
  std::vector<std::string> texts;
  for (char const* text : pointers) texts.emplace_back(text ? text : "");
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
  return texts;
}

}  // namespace stfcube::hdf5
