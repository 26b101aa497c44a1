#include "stfcube/models/classical/vipstf.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/simd.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/method_cases.hpp"
#include "stfcube/tests/support/starfm_cases.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::expect_golden;
using testing::expect_support;
using testing::fuse_tile;
using testing::golden_input;
using testing::golden_settings;
using testing::is_part_of;
using testing::Options;
using testing::patchy_scene;
using testing::patchy_settings;
using testing::predict;

Options golden_options(Options options = {}) {
  options.merge(Options{{"vipstf.window", "15"}, {"vipstf.similar", "12"}});
  return options;
}

testing::GoldenResult run(FusionInput const& input, Options const& options) {
  return predict(*make_model("vipstf", golden_settings(options)), input);
}

/// The virtual image alone: one similar pixel, no residual... the coarse images of `input` must be explained exactly.
Options only_itself(Options options = {}) {
  options.merge(Options{{"vipstf.window", "5"}, {"vipstf.similar", "1"}});
  return options;
}

/// Replaces the coarse target (date 1 of three) by a combination of the others.
void explain_target(FusionInput& input, std::array<int, 2> const& factors, int offset) {
  for (int b = 0; b < input.coarse.dn.bands(); ++b) {
    for (std::size_t i = 0; i < input.coarse.dn.plane_size(); ++i) {
      input.coarse.dn.plane(1, b)[i] = static_cast<Dn>(factors[0] * input.coarse.dn.plane(0, b)[i] +
                                                       factors[1] * input.coarse.dn.plane(2, b)[i] + offset);
    }
  }
}

TEST(Vipstf, has_the_golden_row) {
  expect_golden(run(golden_input({0, 2}), golden_options()), {{2610554, 2786705, 7013240},
                                                              {{{382.1671, 273.8718, 133.3518},
                                                                {372.4850, 310.4090, 180.8441},
                                                                {464.4062, 272.0190, 129.2068},
                                                                {575.4426, 301.7792, 3381.4258}}}});
}

void expect_boreas(Options const& options, std::vector<int> const& pairs, testing::BoreasAccuracy const& expected,
                   bool all_measures) {
  auto const model = make_model("vipstf", testing::boreas_settings(options));
  auto const result = predict(*model, testing::boreas_input(pairs));
  auto const accuracy = testing::boreas_accuracy(result.output.dn);
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    if (!all_measures) continue;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
  EXPECT_NEAR(testing::boreas_share_within_sigma(result.output), 0.68, 0.12);
}

TEST(Vipstf, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  expect_boreas({}, {0, 2}, {{.0044, .0043, .0115}, {.0032, .0032, .0086}, {.908, .921, .968}}, true);
  expect_boreas({{"vipstf.window", "31"}}, {0, 2}, {{.0045, .0045, .0120}, {}, {}}, false);
  expect_boreas({{"vipstf.filter_all", "true"}}, {0, 2}, {{.0041, .0042, .0116}, {}, {}}, false);
}

}  // namespace
}  // namespace stfcube
