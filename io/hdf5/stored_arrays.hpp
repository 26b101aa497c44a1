#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/hdf5/handle.hpp"

namespace stfcube::hdf5 {

/// The pixel arrays of a cube file as they are stored, for reading chunk by chunk without decoding. One
/// thread at a time.
class StoredArrays {
 public:
  /// @throws Error(data) when the arrays are not those of a cube: then no chunk can be judged
  explicit StoredArrays(hid_t file);

  /// The product, its uncertainty where there is one, the quality flags.
  std::vector<CubeArray> const& arrays() const { return arrays_; }
  bool has_uncertainty() const { return arrays_.size() == 3; }
  Quantity const& quantity() const { return quantity_; }
  /// What the chunks of an array were compressed with.
  Coder coder(std::size_t array) const { return coders_[array]; }

  /// The stored bytes of one chunk; nothing when it is not stored. @throws Error(data) when they cannot be
  /// had
  std::optional<std::vector<std::byte>> read(std::size_t array, std::int64_t chunk) const;

 private:
  void add(hid_t file, std::string const& name, bool banded);

  Quantity quantity_;
  std::vector<CubeArray> arrays_;
  std::vector<Dataset> datasets_;
  std::vector<Coder> coders_;
  std::vector<bool> empty_;
};

/// What the product of a cube file measures, by the name of the variable and its standard name; nothing when
/// there is no such variable.
std::optional<Quantity> stored_quantity(hid_t file);

/// What the stored bytes of a dataset were compressed with, after a shuffle of items of two bytes. @throws
/// Error(data) for filters that no cube has
Coder stored_coder(hid_t dataset, std::string const& name);

}  // namespace stfcube::hdf5
