#include "stfcube/models/nn/torchscript.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/serialize.h>

#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/models/nn/networks/edcstfn.hpp"
#include "stfcube/models/nn/weights/torch_checkpoint.hpp"
#include "stfcube/models/nn/weights/torchscript_contract.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/network_checks.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

char const* const contract = "# as trained\nform = one_pair\nbands = green red\nradius = 5\n";

/// EDCSTFN in TorchScript; parameters are named as in the native module, with _ for the dots.
char const* const edcstfn_source = R"(
def layer(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.conv2d(torch.replication_pad2d(x, [1, 1, 1, 1]), weight, bias)
def forward(self, coarse_before: Tensor, fine_before: Tensor, coarse_target: Tensor) -> Tensor:
    f = torch.relu(self.layer(fine_before, self.encoder_0_1_weight, self.encoder_0_1_bias))
    f = torch.relu(self.layer(f, self.encoder_2_1_weight, self.encoder_2_1_bias))
    f = torch.relu(self.layer(f, self.encoder_4_1_weight, self.encoder_4_1_bias))
    r = torch.cat([coarse_before, fine_before, coarse_target], 1)
    r = torch.relu(self.layer(r, self.residual_0_1_weight, self.residual_0_1_bias))
    r = torch.relu(self.layer(r, self.residual_2_1_weight, self.residual_2_1_bias))
    r = self.layer(r, self.residual_4_1_weight, self.residual_4_1_bias)
    y = f + r
    y = torch.relu(self.layer(y, self.decoder_0_1_weight, self.decoder_0_1_bias))
    y = torch.relu(self.layer(y, self.decoder_2_1_weight, self.decoder_2_1_bias))
    return torch.conv2d(y, self.decoder_4_weight, self.decoder_4_bias)
)";

torch::jit::Module script_of(torch::nn::Module const& network, char const* source) {
  torch::jit::Module script("edcstfn");
  for (auto const& item : network.named_parameters()) {
    std::string name = item.key();
    std::ranges::replace(name, '.', '_');
    script.register_parameter(name, item.value().detach().clone(), false);
  }
  script.define(source);
  return script;
}

/// forward(a, b, c) = `body`.
fs::path saved(std::string const& body, std::string const& text = contract) {
  torch::jit::Module script("simple");
  script.define("def forward(self, a: Tensor, b: Tensor, c: Tensor):\n    " + body + "\n");
  fs::path const path = testing::fresh_folder() / "module.pt";
  script.save(path.string(), {{"stfcube.txt", text}});
  return path;
}

std::string message_of(fs::path const& path, std::map<std::string, std::string> const& settings = {}) {
  try {
    load_torchscript(path, settings);
    return "loaded";
  } catch (Error const& error) {
    return error.what();
  }
}

TEST(TorchScript, of_a_native_module_gives_its_bits) {
  Edcstfn native({.bands = 2, .width = 8});
  native.eval();
  fs::path const path = testing::fresh_folder() / "edcstfn.pt";
  script_of(native, edcstfn_source).save(path.string(), {{"stfcube.txt", contract}});
  auto const loaded = load_torchscript(path).network;
  torch::NoGradGuard const fixed;
  for (int const side : {33, 64, 47}) {
    auto const input = testing::random_input(native.info(), side, side + 2);
    auto const expected = native.predict(input);
    // The first calls as well: nothing is specialised on the way.
    for (int call = 0; call < 3; ++call)
      EXPECT_TRUE(torch::equal(loaded->predict(input), expected)) << side << ", call " << call;
  }
  EXPECT_EQ(loaded->info().form, NetworkForm::one_pair);
  EXPECT_EQ(loaded->info().path, InferencePath::local);
  EXPECT_EQ(loaded->info().bands, 2);
  EXPECT_EQ(loaded->info().radius_px, 5);
}

TEST(TorchScript, exported_twice_it_is_the_same) {
  Edcstfn native({.bands = 2, .width = 4});
  fs::path const folder = testing::fresh_folder();
  script_of(native, edcstfn_source).save((folder / "a.pt").string(), {{"stfcube.txt", contract}});
  torch::jit::load((folder / "a.pt").string()).save((folder / "b.pt").string(), {{"stfcube.txt", contract}});
  auto const input = testing::random_input(native.info(), 40, 40);
  torch::NoGradGuard const fixed;
  EXPECT_TRUE(torch::equal(load_torchscript(folder / "a.pt").network->predict(input),
                           load_torchscript(folder / "b.pt").network->predict(input)));
}

TEST(TorchScript, images_are_given_in_the_order_of_the_form) {
  NetworkInput input;
  auto const image = [](double value) { return torch::full({1, 2, 4, 4}, value); };
  input.coarse_before = image(1);
  input.fine_before = image(2);
  input.coarse_target = image(3);
  input.coarse_after = image(4);
  input.fine_after = image(5);
  EXPECT_TRUE(torch::equal(load_torchscript(saved("return a * 100 + b * 10 + c")).network->predict(input),
                           image(123)));

  torch::jit::Module two("two"), five("five");
  fs::path const path = testing::fresh_folder() / "module.pt";
  two.define("def forward(self, a: Tensor, b: Tensor):\n    return a * 10 + b\n");
  two.save(path.string());
  auto const fine_and_target =
      load_torchscript(path,
                       {{"form", "fine_and_target"}, {"bands", "a b"}, {"patch", "64"}, {"stride", "32"}})
          .network;
  EXPECT_TRUE(torch::equal(fine_and_target->predict(input), image(23)));
  EXPECT_EQ(fine_and_target->info().path, InferencePath::lattice);
  EXPECT_EQ(fine_and_target->info().patch_px, 64);
  EXPECT_EQ(fine_and_target->info().stride_px, 32);
  five.define(
      "def forward(self, a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor):\n    return a * 10000 + b * "
      "1000 + c * 100 + d * 10 + e\n");
  five.save(path.string(), {{"stfcube.txt", contract}});
  EXPECT_TRUE(
      torch::equal(load_torchscript(path, {{"form", "two_pairs"}}).network->predict(input), image(12345)));
}

TEST(TorchScript, runs_on_blocks_as_a_job_asks) {
  WeightRequest request{.file = saved("return a * 100 + b * 10 + c"),
                        .network = torchscript_name,
                        .bands = {"green", "red"},
                        .ratio = 16,
                        .options = {}};
  std::vector<float> const ones(32, 1), twos(32, 2), threes(32, 3);
  BlockImages const images{.bands = 2,
                           .height = 4,
                           .width = 4,
                           .coarse_target = threes,
                           .coarse_before = ones,
                           .fine_before = twos};
  auto const predictor = load_predictor(request);
  EXPECT_EQ(predictor->info().radius_px, 5);
  EXPECT_THAT(predictor->predict(images, {}), ::testing::Each(123));
  // 2 x - 1 on the way in, and back on the way out.
  request.options = {{"torchscript.scaling", "symmetric"}};
  EXPECT_THAT(load_predictor(request)->predict(images, {}), ::testing::Each((100 * 1 + 10 * 3 + 5 + 1) / 2.0f));
  request.bands = {"red", "green"};
  EXPECT_THROW(load_predictor(request), Error);
}

TEST(TorchScript, what_breaks_the_contract_is_refused) {
  EXPECT_THAT(message_of(saved("return c", "")), HasSubstr("has form =  (must be"));
  EXPECT_THAT(message_of(saved("return c"), {{"form", "two_pairs"}}),
              HasSubstr("forward takes 3 images, but the form of its contract gives it 5"));
  NetworkInput input;
  input.coarse_target = input.coarse_before = input.fine_before = torch::ones({1, 2, 4, 4});
  auto const prediction_error = [&](std::string const& body) -> std::string {
    auto const network = load_torchscript(saved(body)).network;
    try {
      network->predict(input);
      return "predicted";
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      return error.what();
    }
  };
  EXPECT_THAT(prediction_error("return c[0]"), HasSubstr("something else than a float32 tensor"));
  EXPECT_THAT(prediction_error("return c.double()"), HasSubstr("something else than a float32 tensor"));
  EXPECT_THAT(prediction_error("return (c, c)"), HasSubstr("something else than a float32 tensor"));
  EXPECT_THAT(prediction_error("return c.view([3, 5])"),
              HasSubstr("failed: RuntimeError: shape '[3, 5]' is invalid"));
  EXPECT_THAT(prediction_error("assert a.size(0) > 9, 'as asked'\n    return c"), HasSubstr("as asked"));
}

TEST(TorchScript, other_files_are_refused) {
  fs::path const path = saved("return c");
  EXPECT_THROW(read_torch_checkpoint(path), Error);
  fs::path const folder = path.parent_path();
  auto const bytes = torch::pickle_save(torch::ones({2}));
  std::ofstream(folder / "pickle.pt", std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_THAT(message_of(folder / "pickle.pt"), HasSubstr("stfcube import-weights"));
  std::ofstream(folder / "text.pt") << "text";
  EXPECT_THAT(message_of(folder / "text.pt"), HasSubstr("no complete zip archive"));
}

TEST(TorchScriptContract, is_read_line_by_line) {
  auto const settings = contract_settings(
      "# comment\n form = two_pairs \n\nbands=blue  green\r\nradius = 12\nalign = 4\nscaling = symmetric");
  TorchScriptContract const read = torchscript_contract(settings);
  EXPECT_EQ(read.form, NetworkForm::two_pairs);
  EXPECT_THAT(read.bands, ElementsAre("blue", "green"));
  EXPECT_EQ(read.radius_px, 12);
  EXPECT_EQ(read.align_px, 4);
  EXPECT_EQ(read.scaling, "symmetric");
}

TEST(TorchScriptContract, slips_are_told) {
  auto const told = [](std::string const& text) -> std::string {
    try {
      torchscript_contract(contract_settings(text));
      return "accepted";
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
  };
  std::string const start = "form = one_pair\nbands = red\n";
  EXPECT_EQ(told(start + "radius = 3"), "accepted");
  EXPECT_THAT(told(start + "radios = 3"), HasSubstr("Did you mean radius?"));
  EXPECT_THAT(told(start), HasSubstr("either radius, or patch and stride"));
  EXPECT_THAT(told(start + "radius = 3\npatch = 64\nstride = 32"),
              HasSubstr("either radius, or patch and stride"));
  EXPECT_THAT(told(start + "patch = 64"), HasSubstr("stride ="));
  EXPECT_THAT(told(start + "patch = 32\nstride = 64"), HasSubstr("stride larger"));
  EXPECT_THAT(told(start + "radius = -1"), HasSubstr("whole number"));
  EXPECT_THAT(told(start + "radius = 3\nscaling = other"), HasSubstr("unit or symmetric"));
  EXPECT_THAT(told("form = pair\nbands = red"), HasSubstr("form = pair"));
  EXPECT_THAT(told("form = one_pair\nradius = 3"), HasSubstr("names no bands"));
  EXPECT_THAT(told("text"), HasSubstr("without ="));
}

}  // namespace
}  // namespace stfcube::nn
