#include "stfcube/models/shipped_weights.hpp"

#include <gtest/gtest.h>

#include "stfcube/models/registry.hpp"

namespace stfcube {
namespace {

TEST(ShippedWeights, are_there_for_the_increment_network_alone) {
  EXPECT_TRUE(shipped_weights("no_such_network").empty());
  EXPECT_TRUE(shipped_weights("").empty());
  EXPECT_EQ(shipped_weights("incnet").filename(), "incnet.safetensors");
}

TEST(ShippedWeights, serve_any_bands_and_need_no_file_of_the_job) {
  if (!model_registry().contains("incnet")) GTEST_SKIP() << "built without LibTorch";
  for (std::vector<std::string> const& bands :
       {std::vector<std::string>{"ndvi"}, {"blue", "green", "red", "nir", "swir1"}}) {
    auto const model = make_model("incnet", {.bands = bands, .ratio = 16});
    EXPECT_EQ(model->info().name, "incnet");
    EXPECT_EQ(model->info().pairs_needed, 1);
  }
}

}  // namespace
}  // namespace stfcube
