#include "stfcube/io/hdf5/filters.hpp"

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace hdf5 {
namespace {

bool is_available(H5Z_filter_t filter) {
  quiet_library();
  bool const available = H5Zfilter_avail(filter) > 0;
  H5Eclear2(H5E_DEFAULT);  // of the search for plugins
  return available;
}

}  // namespace

void set_filters(hid_t creation_list, Compression const& compression, int item_bytes) {
  if (compression.coder == Coder::none) return;
  if (item_bytes > 1) checked(H5Pset_shuffle(creation_list), "shuffle filter");
  auto const level = static_cast<unsigned>(compression.level);
  if (compression.coder == Coder::deflate) {
    checked(H5Pset_deflate(creation_list, level), "deflate filter");
  } else {
    checked(H5Pset_filter(creation_list, zstd_filter, H5Z_FLAG_MANDATORY, 1, &level), "zstd filter");
  }
}

void require_filters(hid_t dataset, std::string const& name) {
  PropertyList const properties(checked(H5Dget_create_plist(dataset), name));
  int const filters = checked(H5Pget_nfilters(properties), name);
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    std::size_t none = 0;
    H5Z_filter_t const filter = checked(
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &none, nullptr, 0, nullptr, &config),
        name);
    require(
        is_available(filter), ErrorKind::data,
        fmt::format("{} is compressed with HDF5's filter {}{}, which is not there. Install its plugin and "
                    "set HDF5_PLUGIN_PATH to the folder that holds it.",
                    name, filter, filter == zstd_filter ? " (zstd)" : ""));
  }
}

}  // namespace hdf5

bool has_filter(Compression const& compression) {
  return compression.coder != Coder::zstd || hdf5::is_available(hdf5::zstd_filter);
}

}  // namespace stfcube
