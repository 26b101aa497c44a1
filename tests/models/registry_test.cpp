#include "stfcube/models/registry.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/shipped_weights.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

using ::testing::HasSubstr;

/// The golden scene's settings, with six bands for methods that want those of Landsat.
ModelSettings settings_of(std::string const& name, std::map<std::string, std::string> options = {}) {
  ModelSettings settings = testing::golden_settings(std::move(options));
  if (name == "staarch") settings.bands = {"blue", "green", "red", "nir", "swir1", "swir2"};
  return settings;
}

/// The same bands over and over.
Stack<Dn> with_bands(Stack<Dn> const& from, int bands) {
  Stack<Dn> to(from.dates(), bands, from.rows(), from.cols());
  for (int date = 0; date < from.dates(); ++date) {
    for (int band = 0; band < bands; ++band)
      std::ranges::copy(from.plane(date, band % from.bands()), to.plane(date, band).begin());
  }
  return to;
}

TEST(Registry, every_method_can_be_made_and_knows_its_name) {
  EXPECT_FALSE(model_registry().empty());
  for (auto const& [name, entry] : model_registry()) {
    if (entry.needs_weights()) continue;
    auto const model = make_model(name, settings_of(name));
    EXPECT_EQ(model->info().name, name);
    EXPECT_FALSE(model->info().title.empty()) << name;
    EXPECT_FALSE(model->info().citation.empty()) << name;
    EXPECT_FALSE(entry.summary.empty()) << name;
    EXPECT_GE(model->info().support.halo_px, 0) << name;
    EXPECT_GE(model->info().support.halo_cells, 0) << name;
    EXPECT_GE(model->info().support.lattice_px, 1) << name;
  }
}

TEST(Registry, every_option_is_explained_and_its_default_is_accepted) {
  for (auto const& [name, entry] : model_registry()) {
    std::map<std::string, std::string> defaults;
    for (OptionSpec const& option : entry.options) {
      EXPECT_FALSE(option.help.empty()) << name << '.' << option.name;
      EXPECT_TRUE(defaults.emplace(name + "." + option.name, option.default_value).second) << option.name;
    }
    EXPECT_NO_THROW(describe_model(name, settings_of(name, defaults))) << name;
  }
}

/// Every method predicts every pixel of the golden scene, and what it leaves empty it leaves empty in all
/// planes.
TEST(Registry, every_method_holds_the_contract_of_the_output) {
  for (auto const& [name, entry] : model_registry()) {
    if (entry.needs_weights()) continue;
    auto const model = make_model(name, settings_of(name));
    auto const bands = static_cast<int>(settings_of(name).bands.size());
    FusionInput input = testing::golden_input({0, 2});
    for (int date = 0; date < 2; ++date) {
      for (int band = 0; band < 3; ++band) input.fine.dn.at(date, band, 10, 20) = no_data_dn;
    }
    input.fine.dn = with_bands(input.fine.dn, bands);
    input.coarse.dn = with_bands(input.coarse.dn, bands);
    auto const result = testing::predict(*model, input);
    for (int y = 0; y < testing::golden_size; ++y) {
      for (int x = 0; x < testing::golden_size; ++x) {
        auto const flags = result.output.quality.at(0, 0, y, x);
        bool const empty = (flags & quality::no_data) != 0;
        ASSERT_EQ((flags & quality::state_mask) == 0, empty) << name << ' ' << x << ' ' << y;
        ASSERT_TRUE(!empty || (x == 20 && y == 10)) << name << ' ' << x << ' ' << y;
        for (int band = 0; band < bands; ++band) {
          ASSERT_EQ(result.output.dn.at(0, band, y, x) == no_data_dn, empty) << name;
          ASSERT_EQ(result.output.uncertainty.at(0, band, y, x) == no_data_dn, empty) << name;
          ASSERT_TRUE(empty || result.output.uncertainty.at(0, band, y, x) >= 0) << name;
        }
      }
    }
  }
}

TEST(Registry, networks_are_known_and_say_that_they_need_weights) {
  for (auto const& [name, entry] : model_registry()) {
    if (!entry.needs_weights()) continue;
    EXPECT_EQ(describe_model(name, settings_of(name)).name, name);
    EXPECT_FALSE(describe_model(name, settings_of(name)).citation.empty()) << name;
    if (!shipped_weights(name).empty()) continue;
    try {
      make_model(name, settings_of(name));
      ADD_FAILURE() << name;
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      EXPECT_THAT(error.what(), HasSubstr("model.weights is missing"));
      EXPECT_THAT(error.what(), HasSubstr("stfcube train"));
    }
  }
}

TEST(Registry, unknown_methods_get_the_nearest_and_all_known_ones) {
  try {
    make_model("liner", {});
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.what(), HasSubstr("model.name = liner"));
    EXPECT_THAT(error.what(), HasSubstr("Did you mean linear?"));
    for (auto const& [name, entry] : model_registry()) EXPECT_THAT(error.what(), HasSubstr(name));
  }
}

}  // namespace
}  // namespace stfcube
