#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "stfcube/models/nn/weights/element_type.hpp"

namespace stfcube::nn {

/// Place of a value in PickleDocument::values. Values name each other by it, so that a list that holds itself
/// does no harm.
using PickleId = std::uint32_t;

struct PickleString {
  std::string text;
};
struct PickleTuple {
  std::vector<PickleId> items;
};
struct PickleList {
  std::vector<PickleId> items;
};
struct PickleDict {
  std::vector<std::pair<PickleId, PickleId>> items;  ///< in the order of the file
};
/// A name of Python's that the reader knows, not yet called.
struct PickleGlobal {
  std::string name;  ///< "collections.OrderedDict"
};
/// A block of numbers outside the pickle.
struct PickledStorage {
  ElementType type = ElementType::float32;
  std::string key;
  std::int64_t count = 0;  ///< elements

  bool operator==(PickledStorage const&) const = default;
};
/// A view on a storage. Extents and strides are not negative; whether they fit the storage is not yet
/// checked.
struct PickledTensor {
  PickledStorage storage;
  std::int64_t offset = 0;                   ///< elements
  std::vector<std::int64_t> shape, strides;  ///< strides in elements
};
/// What weights do not need but files may have: bytes, very long integers, numpy scalars, devices, types.
struct PickleOpaque {
  std::string what;
};

/// Python's None is std::monostate.
using PickleValue =
    std::variant<std::monostate, bool, std::int64_t, double, PickleString, PickleTuple, PickleList,
                 PickleDict, PickleGlobal, PickledStorage, PickledTensor, PickleOpaque>;

/// What one pickle says.
struct PickleDocument {
  std::vector<PickleValue> values;
  PickleId root = 0;
  std::map<std::string, PickledStorage> storages;  ///< all that the pickle names, by key
  std::size_t length = 0;                          ///< bytes of the pickle, up to and with its STOP

  PickleValue const& value(PickleId id) const { return values[id]; }

  /// The value as this type, or nullptr.
  template <class T>
  T const* get(PickleId id) const {
    return std::get_if<T>(&values[id]);
  }

  /// The value of the last entry of a dict with this text as key. Nothing when there is none.
  std::optional<PickleId> find(PickleDict const& dict, std::string_view key) const;
};

}  // namespace stfcube::nn
