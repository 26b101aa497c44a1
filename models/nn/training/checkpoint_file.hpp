#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stfcube::nn {

/// The state of a training run: texts and arrays by name.
///
/// File, little-endian: "STFCHKP1", then for each entry: uint32 kind (0 text, 1 float32, 2 float64), uint32
/// length of the name, uint64 number of elements, the name, the elements; at the end uint64 FNV-1a over all
/// bytes before.
struct Checkpoint {
  std::map<std::string, std::string> texts;
  std::map<std::string, std::vector<float>> floats;
  std::map<std::string, std::vector<double>> numbers;

  bool operator==(Checkpoint const&) const = default;
};

/// The file has its name only when it is complete and on the disk; an older one stays until then. @throws
/// Error(io)
void write_checkpoint(std::filesystem::path const& path, Checkpoint const& checkpoint);

/// @throws Error(io) when it cannot be read, Error(data) when it is damaged or no checkpoint
Checkpoint read_checkpoint(std::filesystem::path const& path);

}  // namespace stfcube::nn
