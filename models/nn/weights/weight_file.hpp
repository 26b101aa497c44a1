#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "stfcube/models/nn/api/model_card.hpp"
#include "stfcube/models/nn/weights/named_arrays.hpp"

namespace stfcube::nn {

/// stfcube's weight files are safetensors files (8 bytes length of the header, JSON header, raw little-endian
/// numbers), which much other software reads, with the model card in the header's "__metadata__".
struct WeightFile {
  std::optional<ModelCard> card;  ///< nothing in files of others
  NamedArrays arrays;
};

/// Reads a safetensors file with F32 numbers, or others that become float32.
/// @throws Error(data) with what is wrong when the header, the places of the tensors, their lengths or
/// numbers (NaN, infinite) are not
///         as they must be; Error(io)
WeightFile read_weight_file(std::filesystem::path const& path);

/// Writes arrays and card; the same bytes for the same content. The file appears under its name when it is
/// complete.
/// @throws Error(data) for a number that is not finite or an array of another length than its shape says;
/// Error(io)
void write_weight_file(std::filesystem::path const& path, NamedArrays const& arrays, ModelCard const& card);

/// The numbers of a weight file as its data hold them: what ModelCard::sha256 is about.
std::string weight_data(NamedArrays const& arrays);

/// Whether the file begins as a safetensors file does. @throws Error(io)
bool is_weight_file(std::filesystem::path const& path);

}  // namespace stfcube::nn
