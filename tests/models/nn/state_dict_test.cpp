#include "stfcube/models/nn/state_dict.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/serialize.h>

#include "stfcube/models/nn/api/weight_check.hpp"
#include "stfcube/models/nn/network_registry.hpp"
#include "stfcube/models/nn/weights/torch_checkpoint.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/golden_network.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::map<std::string, std::string> const narrow{{"edcstfn.width", "4"}};

/// A module with all kinds of state.
struct Mixed : torch::nn::Module {
  Mixed() {
    register_module("norm", torch::nn::BatchNorm2d(3));
    register_parameter("scale", torch::tensor(2.0));
    register_buffer("attn_mask", torch::ones({2, 2}));
  }
};

std::string message_of(std::string const& network, NetworkShape const& shape,
                       std::map<std::string, std::string> const& options, NamedArrays const& arrays) {
  try {
    check_weights(network, shape, options, arrays);
    return "fits";
  } catch (Error const& error) {
    return error.what();
  }
}

TEST(StateDict, what_is_read_out_fills_another_module) {
  auto const first = make_network("edcstfn", {.bands = 3}, narrow),
             second = make_network("edcstfn", {.bands = 3}, narrow);
  NamedArrays const arrays = state_dict_of(*first);
  EXPECT_NE(state_dict_of(*second), arrays);
  load_state_dict(*second, arrays);
  EXPECT_EQ(state_dict_of(*second), arrays);
  EXPECT_THAT(arrays.at("encoder.0.1.weight").shape, ElementsAre(4, 3, 3, 3));
}

TEST(StateDict, other_types_are_filled_and_read_as_float32) {
  Mixed single, twice;
  twice.to(torch::kFloat64);
  single.named_parameters()["norm.weight"].data().copy_(torch::tensor({0.1f, 0.2f, 0.3f}));
  load_state_dict(twice, state_dict_of(single));
  EXPECT_EQ(state_dict_of(twice), state_dict_of(single));
  EXPECT_EQ(twice.named_parameters()["norm.weight"].scalar_type(), torch::kFloat64);
  EXPECT_TRUE(twice.named_parameters()["norm.weight"].requires_grad());
}

TEST(StateDict, what_a_network_derives_is_neither_stored_nor_expected) {
  Mixed module;
  NamedArrays arrays = state_dict_of(module);
  EXPECT_EQ(arrays.size(), 5u);  // weight, bias, running mean and variance, scale
  EXPECT_FALSE(arrays.contains("norm.num_batches_tracked"));
  arrays["norm.num_batches_tracked"] = {{}, {7}};
  arrays["block.relative_position_index"] = {{2}, {0, 1}};
  EXPECT_THAT(misfits(module, arrays), IsEmpty());
}

TEST(StateDict, all_misfits_are_told_at_once_and_nothing_is_filled) {
  Mixed module;
  NamedArrays const before = state_dict_of(module);
  NamedArrays arrays = before;
  arrays.erase("norm.bias");
  arrays["scale"] = {{1}, {5}};
  arrays["other"] = {{2, 3}, std::vector<float>(6)};
  EXPECT_THAT(misfits(module, arrays),
              ElementsAre("missing: norm.bias [3]", "other shape: scale is [1], expected []",
                          "unexpected: other [2, 3]"));
  arrays["norm.weight"].values[0] = 9;
  EXPECT_THROW(load_state_dict(module, arrays), Error);
  EXPECT_EQ(state_dict_of(module), before);
}

TEST(StateDict, of_the_wrong_network_bands_or_option_is_refused_with_what_fits) {
  NamedArrays const arrays = state_dict_of(*make_network("edcstfn", {.bands = 4}, narrow));
  EXPECT_EQ(message_of("edcstfn", {.bands = 4}, narrow, arrays), "fits");
  EXPECT_THAT(message_of("edcstfn", {.bands = 6}, narrow, arrays),
              HasSubstr("no weights of edcstfn with 6 bands. They fit 4 bands; 6 were named."));
  EXPECT_THAT(message_of("edcstfn", {.bands = 4}, {}, arrays), HasSubstr("They fit with edcstfn.width = 4."));
  EXPECT_THAT(message_of("edcstfn", {.bands = 4}, {}, arrays),
              HasSubstr("other shape: encoder.0.1.weight is [4, 4, 3, 3], expected [32, 4, 3, 3]"));
  NamedArrays const wide = state_dict_of(*make_network("edcstfn", {.bands = 4}, {}));
  EXPECT_THAT(message_of("incnet", {.bands = 4}, {}, wide), HasSubstr("They fit the network edcstfn."));
  NamedArrays more = arrays;
  more["extra"] = {{1}, {0}};
  EXPECT_THAT(message_of("edcstfn", {.bands = 4}, narrow, more), HasSubstr("unexpected: extra [1]"));
  EXPECT_THAT(message_of("edcstfn", {.bands = 4}, narrow, more), Not(HasSubstr("They fit")));
  EXPECT_THAT(message_of("edcstf", {}, {}, arrays), HasSubstr("Did you mean edcstfn?"));
}

TEST(StateDict, a_dict_written_by_libtorch_is_read) {
  auto const network = make_network("edcstfn", {.bands = 2}, narrow);
  c10::Dict<std::string, torch::Tensor> dict;
  for (auto const& item : network->named_parameters()) dict.insert(item.key(), item.value().detach());
  auto const path = testing::fresh_folder() / "written.pth";
  std::vector<char> const bytes = torch::pickle_save(dict);
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_EQ(read_torch_checkpoint(path).arrays, state_dict_of(*network));
}

TEST(StateDict, golden_names_fill_the_network) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no golden vectors here";
  auto const golden = testing::golden_network("edcstfn");
  NamedArrays arrays;
  for (auto const& [name, tensor] : golden.tensors) {
    arrays[name] = {tensor.sizes().vec(),
                    {tensor.data_ptr<float>(), tensor.data_ptr<float>() + tensor.numel()}};
  }
  EXPECT_EQ(message_of("edcstfn", {.bands = 6}, {}, arrays), "fits");
}

}  // namespace
}  // namespace stfcube::nn
