// What every registered method owes its caller, whatever the scene: defined results, flags that fit them, no
// values that are not numbers.
#include <array>
#include <cmath>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

/// "METHOD" or "METHOD.OPTION=VALUE": the method, and the option that makes it a variant.
std::array<std::string, 3> parts_of(std::string const& method) {
  std::size_t const dot = method.find('.'), equals = method.find('=');
  if (dot == std::string::npos) return {method, "", ""};
  return {method.substr(0, dot), method.substr(0, equals), method.substr(equals + 1)};
}

/// A scene of its own: pairs on days 0 and 32, targets on days 8 and 24, all with coarse images.
struct Scene {
  int width = 40, height = 36, ratio = 4;
  std::vector<std::string> bands = {"blue", "green", "red", "nir", "swir1", "swir2"};
  FusionInput input;

  Scene& make() {
    int const cols = (width + ratio - 1) / ratio, rows = (height + ratio - 1) / ratio;
    auto const count = static_cast<int>(bands.size());
    input.scene_px = input.core_px = input.padded_px = {0, 0, width, height};
    input.cells = {0, 0, cols, rows};
    input.ratio = ratio;
    input.fine.dates = {Date{0}, Date{32}};
    input.coarse.dates = {Date{0}, Date{8}, Date{24}, Date{32}};
    input.targets = {Date{8}, Date{24}};
    input.fine.dn = Stack<Dn>(2, count, height, width);
    input.coarse.dn = Stack<Dn>(4, count, rows, cols);
    for (int band = 0; band < count; ++band) {
      for (int date = 0; date < 2; ++date) {
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) {
            int const parcel = (x / 9 + y / 7 * 2) % 4;
            input.fine.dn.at(date, band, y, x) =
                static_cast<Dn>(500 + 400 * parcel + 90 * band + 60 * date * parcel +
                                static_cast<int>(testing::golden_hash(x, y, band, date) % 61));
          }
        }
      }
      for (int date = 0; date < 4; ++date) {
        for (int y = 0; y < rows; ++y) {
          for (int x = 0; x < cols; ++x) {
            input.coarse.dn.at(date, band, y, x) =
                static_cast<Dn>(1100 + 90 * band + 40 * date +
                                static_cast<int>(testing::golden_hash(x, y, band, 50 + date) % 201));
          }
        }
      }
    }
    return *this;
  }

  /// The prediction; nothing where the method does not take such a scene (bands it must have, two pairs with data).
  std::optional<testing::GoldenResult> predicted(std::string const& method) const {
    ModelSettings settings;
    settings.bands = bands;
    settings.ratio = ratio;
    auto const [name, option, value] = parts_of(method);
    if (!option.empty()) settings.options[option] = value;
    std::unique_ptr<FusionModel> model;
    try {
      model = make_model(name, settings);
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return std::nullopt;
    }
    try {
      testing::prepare(*model, input);
    } catch (Error const& error) {
      // Nothing can be learnt from this scene, and the run is told so before its first pixel.
      EXPECT_EQ(error.kind(), ErrorKind::model);
      return std::nullopt;
    }
    return testing::predict(*model, input);
  }
};

/// How many values were predicted.
int expect_contract(testing::GoldenResult const& result) {
  Quantity const range;
  int predicted = 0;
  auto const& [output, exact] = result;
  for (int t = 0; t < output.dn.dates(); ++t) {
    for (int y = 0; y < output.dn.rows(); ++y) {
      for (int x = 0; x < output.dn.cols(); ++x) {
        quality::Flags const flags = output.quality.at(t, 0, y, x);
        bool const empty = (flags & quality::no_data) != 0;
        bool const fused = (flags & quality::state_mask) == quality::fused ||
                           (flags & quality::state_mask) == quality::gap_filled;
        bool good = empty ? flags == quality::no_data : fused;
        for (int b = 0; b < output.dn.bands(); ++b) {
          Dn const value = output.dn.at(t, b, y, x), sigma = output.uncertainty.at(t, b, y, x);
          if (empty) {
            good = good && value == no_data_dn && sigma == no_data_dn;
          } else {
            good = good && value >= range.lowest && value <= range.highest && sigma >= 0 &&
                   std::isfinite(exact.at(t, b, y, x));
            ++predicted;
          }
        }
        EXPECT_TRUE(good) << "target " << t << ", pixel " << x << ' ' << y << ": flags " << int{flags}
                          << ", value " << output.dn.at(t, 0, y, x) << ", sigma "
                          << output.uncertainty.at(t, 0, y, x);
        if (!good) return predicted;
      }
    }
  }
  return predicted;
}

class MethodContract : public ::testing::TestWithParam<std::string> {
 protected:
  int expect_contract_of(Scene const& scene) const {
    auto const result = scene.predicted(GetParam());
    return result ? expect_contract(*result) : -1;
  }
};

std::vector<std::string> methods() {
  std::vector<std::string> names;
  for (auto const& [name, entry] : model_registry()) {
    if (!entry.needs_weights()) names.push_back(name);
  }
  names.push_back("fsdaf.variant=sfsdaf");
  return names;
}
INSTANTIATE_TEST_SUITE_P(Methods, MethodContract, ::testing::ValuesIn(methods()));

TEST_P(MethodContract, clear_scene_is_predicted_everywhere) {
  Scene scene;
  scene.make();
  EXPECT_EQ(expect_contract_of(scene), 2 * 6 * scene.width * scene.height);
}

TEST_P(MethodContract, clouds_leave_defined_results) {
  Scene scene;
  scene.make();
  auto const blot = [](Stack<Dn>& dn, int date, int one_in) {
    for (int y = 0; y < dn.rows(); ++y) {
      for (int x = 0; x < dn.cols(); ++x) {
        if (testing::golden_hash(x / 3, y / 3, 9, date) % static_cast<unsigned>(one_in) != 0) continue;
        for (int b = 0; b < dn.bands(); ++b) dn.at(date, b, y, x) = no_data_dn;
      }
    }
  };
  for (int date = 0; date < 2; ++date) blot(scene.input.fine.dn, date, 4);
  for (int date = 0; date < 4; ++date) blot(scene.input.coarse.dn, date, 5);
  EXPECT_NE(expect_contract_of(scene), 0);
}

TEST_P(MethodContract, one_valid_pixel_is_enough_not_to_fail) {
  Scene scene;
  scene.make();
  for (int date = 0; date < 2; ++date) {
    for (int b = 0; b < 6; ++b) {
      Dn const kept = scene.input.fine.dn.at(date, b, 17, 21);
      std::ranges::fill(scene.input.fine.dn.plane(date, b), no_data_dn);
      scene.input.fine.dn.at(date, b, 17, 21) = kept;
    }
  }
  expect_contract_of(scene);
}

TEST_P(MethodContract, nothing_valid_gives_no_data) {
  Scene scene;
  scene.make();
  scene.input.fine.dn.fill(no_data_dn);
  scene.input.coarse.dn.fill(no_data_dn);
  EXPECT_LE(expect_contract_of(scene), 0);
}

TEST_P(MethodContract, target_without_coarse_image_is_defined) {
  Scene scene;
  scene.make();
  scene.input.targets = {Date{8}, Date{11}};
  expect_contract_of(scene);
}

TEST_P(MethodContract, constant_scene_stays_constant) {
  Scene scene;
  scene.make();
  scene.input.fine.dn.fill(1234);
  scene.input.coarse.dn.fill(1234);
  auto const result = scene.predicted(GetParam());
  if (!result) return;
  EXPECT_GT(expect_contract(*result), 0);
  for (Dn const value : result->output.dn.all()) ASSERT_NEAR(value, 1234, 1);
}

TEST_P(MethodContract, extremes_are_clamped) {
  Scene scene;
  scene.make();
  for (int b = 0; b < 6; ++b) {
    for (int date = 0; date < 2; ++date) {
      auto const plane = scene.input.fine.dn.plane(date, b);
      for (std::size_t i = 0; i < plane.size(); ++i) plane[i] = static_cast<Dn>(i % 3 == 0 ? 16000 : -2000);
    }
    for (int date = 0; date < 4; ++date) {
      auto const plane = scene.input.coarse.dn.plane(date, b);
      for (std::size_t i = 0; i < plane.size(); ++i)
        plane[i] = static_cast<Dn>((i + static_cast<std::size_t>(date)) % 2 == 0 ? 16000 : -2000);
    }
  }
  EXPECT_NE(expect_contract_of(scene), 0);
}

TEST_P(MethodContract, one_band_is_enough) {
  Scene scene;
  scene.bands = {"red"};
  scene.make();
  EXPECT_NE(expect_contract_of(scene), 0);
}

TEST_P(MethodContract, ratios_from_two_to_fifty_and_partial_cells) {
  for (int const ratio : {2, 7, 50}) {
    SCOPED_TRACE(ratio);
    Scene scene;
    scene.ratio = ratio;
    scene.make();
    EXPECT_NE(expect_contract_of(scene), 0);
  }
}

TEST_P(MethodContract, scene_of_one_pixel_and_of_one_row) {
  for (int const width : {1, 40}) {
    Scene scene;
    scene.width = width;
    scene.height = 1;
    scene.make();
    EXPECT_NE(expect_contract_of(scene), 0);
  }
}

}  // namespace
}  // namespace stfcube
