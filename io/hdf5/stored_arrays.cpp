#include "stfcube/io/hdf5/stored_arrays.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/io/hdf5/datasets.hpp"
#include "stfcube/io/hdf5/filters.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::hdf5 {
namespace {

[[noreturn]] void refuse(std::string const& name, std::string const& what) {
  throw Error(ErrorKind::data, fmt::format("{} {}", name, what));
}

std::vector<hsize_t> chunk_of(hid_t dataset, std::string const& name, std::size_t rank) {
  PropertyList const properties(checked(H5Dget_create_plist(dataset), name));
  std::vector<hsize_t> chunk(rank);
  if (H5Pget_layout(properties) != H5D_CHUNKED) refuse(name, "is not stored in chunks");
  checked(H5Pget_chunk(properties, static_cast<int>(rank), chunk.data()), name);
  return chunk;
}

/// Sizes of a stored array as those of time, band, y, x.
std::array<int, 4> four_axes(std::vector<hsize_t> sizes, bool banded, std::string const& name) {
  if (!banded) sizes.insert(sizes.begin() + 1, 1);
  std::array<int, 4> axes{};
  for (std::size_t axis = 0; axis < 4; ++axis) {
    if (sizes[axis] == 0 || sizes[axis] > 0x7fffffff)
      refuse(name, fmt::format("has the size {}", fmt::join(sizes, " x ")));
    axes[axis] = static_cast<int>(sizes[axis]);
  }
  return axes;
}

[[noreturn]] void refuse_reading(std::string const& reason = error_stack()) {
  throw Error(ErrorKind::data, fmt::format("cannot be read: {}", reason));
}

/// 0 when the chunk is not stored. To ask the library for the place of the chunk would give a clean answer,
/// but that goes through the whole index each time.
hsize_t stored_size(hid_t dataset, std::vector<hsize_t> const& first) {
  hsize_t size = 0;
  if (H5Dget_chunk_storage_size(dataset, first.data(), &size) >= 0) return size;
  std::string const reason = error_stack();
  if (!reason.starts_with("chunk storage is not allocated")) refuse_reading(reason);
  return 0;
}

}  // namespace

std::optional<Quantity> stored_quantity(hid_t file) {
  for (char const* name : {"surface_reflectance", "toa_reflectance", "index", "temperature"}) {
    Quantity const quantity = quantity_named(name);
    if (H5Lexists(file, quantity.variable.c_str(), H5P_DEFAULT) <= 0) continue;
    Dataset const product = open_dataset(file, quantity.variable);
    if (text_of(product, "standard_name").value_or("") == quantity.standard_name) return quantity;
  }
  return std::nullopt;
}

Coder stored_coder(hid_t dataset, std::string const& name) {
  PropertyList const properties(checked(H5Dget_create_plist(dataset), name));
  Datatype const type(checked(H5Dget_type(dataset), name));
  std::vector<H5Z_filter_t> filters;
  for (int i = 0; i < checked(H5Pget_nfilters(properties), name); ++i) {
    unsigned flags = 0, config = 0;
    std::size_t none = 0;
    filters.push_back(
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &none, nullptr, 0, nullptr, &config));
  }
  if (filters.empty()) return Coder::none;
  for (auto const& [filter, coder] :
       {std::pair{H5Z_FILTER_DEFLATE, Coder::deflate}, {zstd_filter, Coder::zstd}}) {
    auto const usual = H5Tget_size(type) == 1 ? std::vector<H5Z_filter_t>{filter}
                                              : std::vector<H5Z_filter_t>{H5Z_FILTER_SHUFFLE, filter};
    if (filters == usual) return coder;
  }
  refuse(name, fmt::format("is stored with the filters {}; shuffle with deflate or zstd are known",
                           fmt::join(filters, ", ")));
}

StoredArrays::StoredArrays(hid_t file) {
  auto const quantity = stored_quantity(file);
  require(quantity.has_value(), ErrorKind::data,
          "the file has no variable reflectance, index or temperature of a cube");
  quantity_ = *quantity;
  add(file, quantity_.variable, true);
  if (H5Lexists(file, "uncertainty", H5P_DEFAULT) > 0) add(file, "uncertainty", true);
  add(file, "quality", false);
}

void StoredArrays::add(hid_t file, std::string const& name, bool banded) {
  Dataset dataset = open_dataset(file, name);
  Datatype const type(checked(H5Dget_type(dataset), name));
  hid_t const wanted = banded ? stored_type<Dn>() : stored_type<quality::Flags>();
  if (checked(H5Tequal(type, wanted), name) == 0)
    refuse(name, banded ? "does not hold int16" : "does not hold uint8");
  std::vector<hsize_t> const sizes = sizes_of(dataset);
  std::size_t const rank = banded ? 4 : 3;
  if (sizes.size() != rank) refuse(name, fmt::format("has {} dimensions, not {}", sizes.size(), rank));
  CubeArray array = {.name = name,
                     .shape = four_axes(sizes, banded, name),
                     .chunk = four_axes(chunk_of(dataset, name, rank), banded, name),
                     .item_bytes = banded ? 2 : 1,
                     .fill = banded ? no_data_dn : quality::no_data,
                     .banded = banded};
  if (!arrays_.empty()) {
    CubeArray product = arrays_.front();
    if (!banded) product.shape[1] = product.chunk[1] = 1;
    if (array.shape != product.shape) refuse(name, "has not the size of " + product.name);
    if (array.chunk != product.chunk) refuse(name, "has not the chunks of " + product.name);
  }
  coders_.push_back(stored_coder(dataset, name));
  H5D_space_status_t status = H5D_SPACE_STATUS_ERROR;
  checked(H5Dget_space_status(dataset, &status), name);
  empty_.push_back(status == H5D_SPACE_STATUS_NOT_ALLOCATED);
  arrays_.push_back(std::move(array));
  datasets_.push_back(std::move(dataset));
}

std::optional<std::vector<std::byte>> StoredArrays::read(std::size_t array, std::int64_t chunk) const {
  if (empty_[array]) return std::nullopt;
  auto const first = first_element(arrays_[array], chunk);
  auto const size = stored_size(datasets_[array], first);
  if (size == 0) return std::nullopt;
  std::size_t const most = arrays_[array].chunk_bytes() * 2 + 1024;  // more than any encoder needs
  require(size <= most, ErrorKind::data,
          fmt::format("has {} stored bytes according to the index: it is damaged", size));
  std::vector<std::byte> bytes(size);
  std::uint32_t filters_left_out = 0;
  if (H5Dread_chunk(datasets_[array], H5P_DEFAULT, first.data(), &filters_left_out, bytes.data()) < 0)
    refuse_reading();
  require(filters_left_out == 0, ErrorKind::data,
          "is marked as stored without its filters: the index is damaged");
  return bytes;
}

}  // namespace stfcube::hdf5
