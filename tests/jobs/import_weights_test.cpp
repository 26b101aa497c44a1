#include "stfcube/jobs/import_weights.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/weights/weight_file.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::vector<std::string> const four_bands{"blue", "green", "red", "nir"};

/// Parameters of EDCSTFN with these bands and width, as its publication names them.
std::string edcstfn_shapes(int bands, int width) {
  std::ostringstream list;
  auto const layer = [&](std::string const& name, int out, int in, int side) {
    list << name << ".weight " << out << " " << in << " " << side << " " << side << "\n"
         << name << ".bias " << out << "\n";
  };
  layer("encoder.0.1", width, bands, 3);
  layer("encoder.2.1", 2 * width, width, 3);
  layer("encoder.4.1", 4 * width, 2 * width, 3);
  layer("residual.0.1", width, 3 * bands, 3);
  layer("residual.2.1", 2 * width, width, 3);
  layer("residual.4.1", 4 * width, 2 * width, 3);
  layer("decoder.0.1", 2 * width, 4 * width, 3);
  layer("decoder.2.1", width, 2 * width, 3);
  layer("decoder.4", bands, width, 1);
  return list.str();
}

/// A checkpoint as torch.save writes it, with these shapes and a counter of batch norm.
fs::path checkpoint(std::string const& shapes) {
  fs::path const folder = testing::fresh_folder();
  std::ofstream(folder / "shapes.txt") << shapes << "norm.num_batches_tracked\n";
  std::string const script = STFCUBE_SOURCE_DIR "/tests/models/nn/write_checkpoints.py ";
  std::string const command =
      "/usr/bin/env python3 -B " + script + folder.string() + " --shapes " + (folder / "shapes.txt").string();
  EXPECT_EQ(std::system(command.c_str()), 0);
  return folder / "shapes.pth";
}

ImportWeightsSettings settings_for(fs::path const& file) {
  ImportWeightsSettings settings;
  settings.file = file;
  settings.out = file.parent_path() / "out.safetensors";
  settings.network = "edcstfn";
  settings.bands = four_bands;
  settings.options = {{"edcstfn.width", "4"}};
  return settings;
}

std::string message_of(ImportWeightsSettings const& settings) {
  std::ostringstream out;
  try {
    import_weights(settings, out);
    return "imported";
  } catch (Error const& error) {
    EXPECT_FALSE(fs::exists(settings.out));
    return error.what();
  }
}

class ImportWeights : public ::testing::Test {
 protected:
  void SetUp() override {
    if (nn::network_list().empty()) GTEST_SKIP() << "built without LibTorch";
  }
};

TEST_F(ImportWeights, a_checkpoint_becomes_a_weight_file_with_a_card) {
  ImportWeightsSettings settings = settings_for(checkpoint(edcstfn_shapes(4, 4)));
  settings.licence = "MIT";
  settings.source = "somewhere";
  std::ostringstream out;
  import_weights(settings, out);
  EXPECT_THAT(out.str(), HasSubstr("18 arrays"));
  nn::WeightFile const weights = nn::read_weight_file(settings.out);
  EXPECT_EQ(weights.arrays.size(), 18u);
  EXPECT_EQ(weights.arrays.at("encoder.0.1.weight").values[1], 0.25f);
  ASSERT_TRUE(weights.card.has_value());
  EXPECT_EQ(weights.card->network, "edcstfn");
  EXPECT_EQ(weights.card->options.at("width"), "4");
  EXPECT_EQ(weights.card->bands, four_bands);
  EXPECT_EQ(weights.card->ratio, "16");
  EXPECT_EQ(weights.card->scaling, "unit");
  EXPECT_EQ(weights.card->licence, "MIT");
  EXPECT_EQ(weights.card->source, "somewhere");
  EXPECT_EQ(weights.card->sha256, sha256_hex(nn::weight_data(weights.arrays)));
  EXPECT_THAT(out.str(), HasSubstr(weights.card->sha256));
}

TEST_F(ImportWeights, a_weight_file_can_be_imported_again_with_another_card) {
  ImportWeightsSettings settings = settings_for(checkpoint(edcstfn_shapes(4, 4)));
  std::ostringstream out;
  import_weights(settings, out);
  ImportWeightsSettings again = settings;
  again.file = settings.out;
  again.out = settings.out.parent_path() / "again.safetensors";
  again.metrics = "RMSE 0.02";
  import_weights(again, out);
  EXPECT_EQ(nn::read_weight_file(again.out).arrays, nn::read_weight_file(settings.out).arrays);
  EXPECT_EQ(nn::read_weight_file(again.out).card->metrics, "RMSE 0.02");
}

TEST_F(ImportWeights, what_does_not_fit_is_refused_with_what_would) {
  ImportWeightsSettings const right = settings_for(checkpoint(edcstfn_shapes(4, 4)));
  ImportWeightsSettings wrong = right;
  wrong.bands = {"red", "nir"};
  EXPECT_THAT(message_of(wrong), HasSubstr("They fit 4 bands; 2 were named."));
  wrong = right;
  wrong.options = {};
  EXPECT_THAT(message_of(wrong), HasSubstr("They fit with edcstfn.width = 4."));
  wrong = right;
  wrong.network = "edcstf";
  EXPECT_THAT(message_of(wrong), HasSubstr("Did you mean edcstfn?"));
  wrong = right;
  wrong.options["edcstfn.wide"] = "4";
  EXPECT_THAT(message_of(wrong), HasSubstr("edcstfn.wide is not an option"));
  wrong = right;
  wrong.out = right.file.parent_path() / "out.pth";
  EXPECT_THAT(message_of(wrong), HasSubstr("must end in .safetensors"));
  EXPECT_THAT(message_of(settings_for(checkpoint(edcstfn_shapes(4, 4) + "extra 3\n"))),
              HasSubstr("unexpected: extra [3]"));
}

}  // namespace
}  // namespace stfcube
