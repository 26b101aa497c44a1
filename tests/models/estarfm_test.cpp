#include "stfcube/models/classical/estarfm.hpp"

#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/boreas.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::golden_input;
using testing::golden_settings;
using testing::predict;

using Options = std::map<std::string, std::string>;

Options golden_options(Options options = {}) {
  options.merge(Options{{"estarfm.window", "15"}, {"estarfm.range", "0 10000"}});
  return options;
}

testing::GoldenResult run_golden(Options const& options) {
  return predict(*make_model("estarfm", golden_settings(golden_options(options))), golden_input({0, 2}));
}

TEST(Estarfm, has_the_golden_row) {
  auto const result = run_golden({});
  EXPECT_EQ(result.sum(0), 2614757);
  EXPECT_EQ(result.sum(1), 2770917);
  EXPECT_EQ(result.sum(2), 7011133);
  constexpr int places[4][2] = {{0, 0}, {30, 30}, {38, 22}, {59, 41}};
  constexpr double probes[4][3] = {{394.7297, 275.1869, 131.4068},
                                   {359.3784, 289.5102, 198.9015},
                                   {442.9050, 273.9230, 154.3121},
                                   {636.3910, 424.0255, 3441.6683}};
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t b = 0; b < 3; ++b)
      EXPECT_NEAR(result.probe(places[p][0], places[p][1])[b], probes[p][b], 5.001e-5) << p << ' ' << b;
  }
}

TEST(Estarfm, boreas_accuracy_is_that_of_the_specs) {
  if (testing::shared_folder().empty()) GTEST_SKIP() << "no shared folder with real imagery";
  auto const model = make_model("estarfm", testing::boreas_settings({{"estarfm.range", "0 10000"}}));
  auto const result = predict(*model, testing::boreas_input({0, 2}));
  auto const accuracy = testing::boreas_accuracy(result.output.dn);
  testing::BoreasAccuracy const expected = {{.0054, .0048, .0125}, {.0038, .0035, .0094}, {.867, .904, .962}};
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(accuracy.rmse[band], expected.rmse[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.mae[band], expected.mae[band], 5e-5) << band;
    EXPECT_NEAR(accuracy.cc[band], expected.cc[band], 5e-4) << band;
  }
}

}  // namespace
}  // namespace stfcube
