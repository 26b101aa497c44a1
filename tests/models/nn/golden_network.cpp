#include "stfcube/tests/models/nn/golden_network.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "stfcube/tests/support/world.hpp"

namespace stfcube::testing {
namespace {

std::uint64_t fnv1a(std::string const& text) {
  std::uint64_t hash = 14695981039346656037u;
  for (unsigned char const letter : text) hash = (hash ^ letter) * 1099511628211u;
  return hash;
}

std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

torch::Tensor tensor_of(nlohmann::json const& item, std::uint64_t seed) {
  auto const shape = item.at("shape").get<std::vector<std::int64_t>>();
  double const a = item.at("a"), b = item.at("b");
  torch::Tensor values = torch::empty(shape);
  float* const at = values.data_ptr<float>();
  std::uint64_t const start = fnv1a(item.at("name").get<std::string>()) + seed;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    std::uint64_t const z = mixed(start + (static_cast<std::uint64_t>(i) + 1) * 0x9E3779B97F4A7C15u);
    at[i] = static_cast<float>(b + a * (2 * (static_cast<double>(z >> 40) / 16777216.0) - 1));
  }
  return values;
}

torch::Tensor output_of(std::filesystem::path const& folder, nlohmann::json const& item) {
  torch::Tensor values = torch::empty(item.at("shape").get<std::vector<std::int64_t>>());
  std::ifstream file(folder / item.at("file").get<std::string>(), std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data_ptr<float>()), values.numel() * 4);
  EXPECT_TRUE(file) << item;
  return values;
}

}  // namespace

GoldenNetwork golden_network(std::string const& name) {
  std::filesystem::path const folder = std::filesystem::path(shared_folder()) / "golden" / "deep";
  nlohmann::json const list = nlohmann::json::parse(std::ifstream(folder / (name + ".json")));
  std::uint64_t const seed = list.at("seed");
  GoldenNetwork golden;
  for (auto const& item : list.at("tensors")) golden.tensors[item.at("name")] = tensor_of(item, seed);
  for (auto const& item : list.at("inputs")) golden.inputs[item.at("name")] = tensor_of(item, seed);
  for (auto const& item : list.at("outputs")) golden.outputs.push_back(output_of(folder, item));
  golden.parameters = list.at("parameters");
  return golden;
}

void fill(torch::nn::Module& module, std::map<std::string, torch::Tensor> const& tensors) {
  torch::NoGradGuard const fixed;
  auto left = tensors;
  auto const take = [&](std::string const& name, torch::Tensor& target) {
    auto const found = left.find(name);
    if (found == left.end()) {
      ADD_FAILURE() << "the golden list has no " << name << " " << target.sizes();
      return;
    }
    ASSERT_EQ(found->second.sizes(), target.sizes()) << name;
    target.copy_(found->second);
    left.erase(found);
  };
  for (auto& item : module.named_parameters()) take(item.key(), item.value());
  for (auto& item : module.named_buffers()) {
    if (!item.key().ends_with("num_batches_tracked") && tensors.contains(item.key()))
      take(item.key(), item.value());
  }
  for (auto const& [name, tensor] : left) {
    if (!name.ends_with("num_batches_tracked"))
      ADD_FAILURE() << "the module has no " << name << " " << tensor.sizes();
  }
}

double relative_difference(torch::Tensor const& a, torch::Tensor const& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

}  // namespace stfcube::testing
