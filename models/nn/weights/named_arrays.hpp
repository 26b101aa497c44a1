#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace stfcube::nn {

/// The values of one parameter, row-major, whatever the type in the file was.
struct NamedArray {
  std::vector<std::int64_t> shape;  ///< empty: a single value
  std::vector<float> values;        ///< as many as the product of the shape

  bool operator==(NamedArray const&) const = default;
};

/// Parameters and buffers of a network by the names of its state dict ("encoder.0.weight").
using NamedArrays = std::map<std::string, NamedArray>;

/// Names whose values follow from a network's structure or matter to training alone: counters of batch norm,
/// window indices and attention masks. Published state dicts have them; weight files do not.
bool is_derived(std::string const& name);

}  // namespace stfcube::nn
