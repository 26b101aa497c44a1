#include "stfcube/models/classical/starfm.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/registry.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_settings;
using testing::predict;

using Options = std::map<std::string, std::string>;

testing::GoldenResult run(FusionInput const& input, Options const& options) {
  return predict(*make_model("starfm", golden_settings(options)), input);
}

Options golden_options(Options more = {}) {
  Options options = {{"starfm.window", "15"},
                     {"starfm.distance", "7"},
                     {"starfm.slices", "10"},
                     {"starfm.sigma_fine", "20 20 50"},
                     {"starfm.sigma_coarse", "20 20 50"}};
  options.merge(more);
  return options;
}

struct GoldenRow {
  std::array<std::int64_t, 3> sums;
  std::array<std::array<double, 3>, 4> probes;  ///< at (0, 0), (30, 30), (38, 22), (59, 41)
};

void expect_golden(testing::GoldenResult const& result, GoldenRow const& row) {
  constexpr int places[4][2] = {{0, 0}, {30, 30}, {38, 22}, {59, 41}};
  for (int band = 0; band < 3; ++band) {
    auto const b = static_cast<std::size_t>(band);
    EXPECT_EQ(result.sum(band), row.sums[b]);
    for (std::size_t p = 0; p < 4; ++p) {
      EXPECT_NEAR(result.probe(places[p][0], places[p][1])[b], row.probes[p][b], 5.001e-5) << p << ' ' << band;
    }
  }
}

TEST(Starfm, one_pair_has_the_golden_row) {
  expect_golden(run(golden_input({0}), golden_options()),
                {{2616001, 2791567, 7150712},
                 {{{445.9828, 320.5095, 240.2015},
                   {368.1509, 320.9062, 297.6703},
                   {377.8523, 242.4152, 74.7155},
                   {650.1889, 500.4726, 2979.4429}}}});
}

TEST(Starfm, two_pairs_have_the_golden_row) {
  expect_golden(run(golden_input({0, 2}), golden_options()),
                {{2593672, 2751138, 6984757},
                 {{{424.7903, 329.8200, 165.2818},
                   {392.9828, 319.5813, 154.2131},
                   {439.7327, 316.8429, 152.8682},
                   {615.7860, 431.1175, 3456.4135}}}});
}

TEST(Starfm, both_tests_have_the_golden_row) {
  expect_golden(run(golden_input({0, 2}), golden_options({{"starfm.filter", "and"}})),
                {{2581906, 2744559, 6935484},
                 {{{424.7903, 329.8200, 206.5716},
                   {389.0993, 317.6906, 149.6161},
                   {443.5914, 316.9446, 152.8682},
                   {619.9589, 439.9462, 3257.0000}}}});
}

TEST(Starfm, logarithmic_weights_have_the_golden_row) {
  expect_golden(run(golden_input({0, 2}), golden_options({{"starfm.log", "true"}})),
                {{2608725, 2750835, 7019205},
                 {{{417.6498, 323.5440, 175.7749},
                   {399.6558, 334.8394, 168.7025},
                   {443.2153, 321.6409, 152.3033},
                   {609.7914, 422.6715, 3410.7975}}}});
}

}  // namespace
}  // namespace stfcube
