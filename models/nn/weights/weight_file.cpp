#include "stfcube/models/nn/weights/weight_file.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "stfcube/models/nn/weights/element_type.hpp"
#include "stfcube/models/nn/weights/input_file.hpp"
#include "stfcube/models/nn/weights/little_endian.hpp"
#include "stfcube/models/nn/weights/model_card_text.hpp"
#include "stfcube/models/nn/weights/safetensors_header.hpp"
#include "stfcube/models/nn/weights/whole_file.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

constexpr std::uint64_t length_size = 8,
                        largest_header = 100'000'000;  // the limit of the reference implementation
constexpr std::size_t alignment = 8;

/// Tensors in the order of their data, without gaps and overlaps up to the end of the file.
void check_places(SafetensorsHeader const& header, std::uint64_t data_size, InputFile const& file) {
  std::vector<std::pair<SafetensorsEntry const*, std::string const*>> in_order;
  for (auto const& [name, entry] : header.tensors) in_order.emplace_back(&entry, &name);
  std::ranges::sort(in_order, {},
                    [](auto const& item) { return std::pair(item.first->begin, item.first->end); });
  std::uint64_t at = 0;
  for (auto const& [entry, name] : in_order) {
    file.demand(entry->begin == at && entry->end >= entry->begin && entry->end <= data_size,
                "tensor " + printable(*name) + " would lie at bytes " + std::to_string(entry->begin) +
                    " to " + std::to_string(entry->end) + " of the data, where the next tensor begins at " +
                    std::to_string(at) + " and the data end at " + std::to_string(data_size) +
                    ". The file is cut off or damaged; fetch it again.");
    at = entry->end;
  }
  file.demand(at == data_size, "it has " + std::to_string(data_size - at) +
                                   " bytes after its last tensor. The file is damaged.");
}

NamedArray read_tensor(InputFile const& file, std::string const& name, SafetensorsEntry const& entry,
                       std::uint64_t data_begin) {
  auto const type = element_type_of_safetensors(entry.type);
  file.demand(type.has_value(), "tensor " + printable(name) + " has numbers of the type " +
                                    printable(entry.type) + ". Convert it to F32.");
  std::uint64_t const length = entry.end - entry.begin;
  auto const count = count_elements(entry.shape, file.size());
  file.demand(count && *count * bytes_of(*type) == length,
              "tensor " + printable(name) + " " + shape_text(entry.shape) + " of type " + entry.type +
                  " has " + std::to_string(length) +
                  " bytes, which is not what its shape needs. The file is damaged.");
  NamedArray array{entry.shape, as_floats(*type, file.read(data_begin + entry.begin, length,
                                                           "tensor " + printable(name)))};
  file.demand(std::ranges::all_of(array.values, [](float value) { return std::isfinite(value); }),
              "tensor " + printable(name) +
                  " has numbers that are not finite. Its training failed, or the file is damaged.");
  return array;
}

void check_array(std::string const& name, NamedArray const& array, std::filesystem::path const& path) {
  require(count_elements(array.shape, array.values.size()) == array.values.size(), ErrorKind::data,
          path.string() + ": parameter " + name + " " + shape_text(array.shape) + " has " +
              std::to_string(array.values.size()) + " numbers.");
  require(std::ranges::all_of(array.values, [](float value) { return std::isfinite(value); }),
          ErrorKind::data,
          path.string() + ": parameter " + name +
              " has numbers that are not finite and is not written. Its training failed: lower the learning "
              "rate.");
}

}  // namespace

WeightFile read_weight_file(std::filesystem::path const& path) {
  InputFile const file(path);
  file.demand(file.size() > length_size, "it is too short for a weight file. Fetch it again.");
  auto const length = little_endian<std::uint64_t>(file.head(length_size).data());
  file.demand(length <= std::min(largest_header, file.size() - length_size),
              "this is no weight file (.safetensors), or it is cut off: its header would have " +
                  std::to_string(length) +
                  " bytes. PyTorch files are converted by 'stfcube import-weights'; TorchScript modules run "
                  "with model.name = torchscript.");
  SafetensorsHeader const header =
      parse_safetensors_header(file.read(length_size, length, "its header"), file);
  std::uint64_t const data_begin = length_size + length;
  check_places(header, file.size() - data_begin, file);
  WeightFile weights;
  try {
    weights.card = card_of(header.metadata);
  } catch (Error const& error) {
    throw error.with(path.string());
  }
  for (auto const& [name, entry] : header.tensors)
    weights.arrays[name] = read_tensor(file, name, entry, data_begin);
  return weights;
}

std::string weight_data(NamedArrays const& arrays) {
  std::string data;
  for (auto const& [name, array] : arrays) {
    for (float const value : array.values) append_little_endian(data, std::bit_cast<std::uint32_t>(value));
  }
  return data;
}

void write_weight_file(std::filesystem::path const& path, NamedArrays const& arrays, ModelCard const& card) {
  SafetensorsHeader header{metadata_of(card), {}};
  std::uint64_t at = 0;
  for (auto const& [name, array] : arrays) {
    check_array(name, array, path);
    std::uint64_t const end = at + array.values.size() * sizeof(float);
    header.tensors[name] = {"F32", array.shape, at, end};
    at = end;
  }
  std::string json = safetensors_header_text(header);
  json.append((alignment - json.size() % alignment) % alignment, ' ');
  std::string bytes;
  append_little_endian(bytes, std::uint64_t{json.size()});
  write_whole_file(path, bytes + json + weight_data(arrays));
}

bool is_weight_file(std::filesystem::path const& path) {
  InputFile const file(path);
  std::string const head = file.head(length_size + 1);
  return head.size() == length_size + 1 && head.back() == '{' &&
         little_endian<std::uint64_t>(head.data()) <= largest_header;
}

}  // namespace stfcube::nn
