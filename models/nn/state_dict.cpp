#include "stfcube/models/nn/state_dict.hpp"

#include <map>

#include "stfcube/models/nn/weights/element_type.hpp"
#include "stfcube/models/nn/weights/input_file.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {
namespace {

/// What a state dict holds of a module.
std::map<std::string, torch::Tensor> stored_tensors(torch::nn::Module const& module) {
  std::map<std::string, torch::Tensor> tensors;
  for (auto const& item : module.named_parameters()) tensors[item.key()] = item.value();
  for (auto const& item : module.named_buffers()) tensors[item.key()] = item.value();
  std::erase_if(tensors, [](auto const& item) { return is_derived(item.first) || !item.second.defined(); });
  return tensors;
}

}  // namespace

NamedArrays state_dict_of(torch::nn::Module const& module) {
  NamedArrays arrays;
  for (auto const& [name, tensor] : stored_tensors(module)) {
    torch::Tensor const values = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    float const* const begin = values.data_ptr<float>();
    arrays[name] = {values.sizes().vec(), {begin, begin + values.numel()}};
  }
  return arrays;
}

std::vector<std::string> misfits(torch::nn::Module const& module, NamedArrays const& arrays) {
  std::vector<std::string> lines;
  auto const expected = stored_tensors(module);
  for (auto const& [name, tensor] : expected) {
    auto const given = arrays.find(name);
    if (given == arrays.end()) {
      lines.push_back("missing: " + name + " " + shape_text(tensor.sizes().vec()));
    } else if (given->second.shape != tensor.sizes().vec()) {
      lines.push_back("other shape: " + name + " is " + shape_text(given->second.shape) + ", expected " +
                      shape_text(tensor.sizes().vec()));
    }
  }
  for (auto const& [name, array] : arrays) {
    if (!expected.contains(name) && !is_derived(name)) {
      lines.push_back("unexpected: " + printable(name) + " " + shape_text(array.shape));
    }
  }
  return lines;
}

void load_state_dict(torch::nn::Module& module, NamedArrays const& arrays) {
  auto const lines = misfits(module, arrays);
  require(lines.empty(), ErrorKind::data, "the weights do not fit the network:\n" + join_limited(lines));
  torch::NoGradGuard const fixed;
  for (auto& [name, tensor] : stored_tensors(module)) {
    NamedArray const& array = arrays.at(name);
    // from_blob wants memory it might write to; copy_ only reads it.
    tensor.copy_(torch::from_blob(const_cast<float*>(array.values.data()), array.shape, torch::kFloat32));
  }
}

}  // namespace stfcube::nn
