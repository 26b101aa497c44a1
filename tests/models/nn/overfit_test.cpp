#include <gtest/gtest.h>

#include "stfcube/models/nn/networks/ecpwstfn.hpp"
#include "stfcube/models/nn/networks/ganstfm.hpp"
#include "stfcube/models/nn/networks/mustfn.hpp"
#include "stfcube/models/nn/networks/opgan.hpp"
#include "stfcube/models/nn/networks/rsfn.hpp"
#include "stfcube/models/nn/networks/srsfgan.hpp"
#include "stfcube/models/nn/networks/stf3dcnn.hpp"
#include "stfcube/models/nn/networks/stfnet.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"

namespace stfcube::nn {
namespace {

template <class Kind, class Options>
Kind drawn(Options const& options) {
  torch::manual_seed(3);
  return Kind(options);
}

TEST(Overfit, of_ganstfm) {
  auto network = drawn<Ganstfm>(GanstfmOptions{.bands = 2, .width = 4});
  EXPECT_TRUE(testing::overfits(network));
}

TEST(Overfit, of_ecpwstfn) {
  auto network = drawn<Ecpwstfn>(EcpwstfnOptions{.bands = 2, .width = 16});
  testing::OverfitOptions const options{.size = 16, .steps = 1500};
  EXPECT_TRUE(testing::overfits(network, options));
}

TEST(Overfit, of_srsfgan) {
  auto network = drawn<Srsfgan>(SrsfganOptions{.bands = 2, .width = 16});
  testing::OverfitOptions const options{.size = 16, .steps = 1000};
  EXPECT_TRUE(testing::overfits(network, options));
}

TEST(Overfit, of_stfnet) {
  auto network = drawn<Stfnet>(StfnetOptions{.bands = 2, .ratio = 4, .width = 32});
  testing::OverfitOptions const options{.size = 16, .steps = 4000, .learning_rate = 1e-3};
  EXPECT_TRUE(testing::overfits(network, options));
}

TEST(Overfit, of_opgan) {
  auto network = drawn<Opgan>(OpganOptions{.bands = 2, .width = 8});
  EXPECT_TRUE(testing::overfits(network));
}

TEST(Overfit, of_rsfn) {
  auto network = drawn<Rsfn>(RsfnOptions{.bands = 2, .width = 8});
  testing::OverfitOptions const options{.size = 16, .steps = 2000};
  EXPECT_TRUE(testing::overfits(network, options));
}

TEST(Overfit, of_mustfn) {
  auto network = drawn<Mustfn>(MustfnOptions{.bands = 2, .coarse_bands = 2, .width = 4});
  EXPECT_TRUE(testing::overfits(network));
}

TEST(Overfit, of_stf3dcnn) {
  auto network = drawn<Stf3dcnn>(Stf3dcnnOptions{.bands = 2, .width = 16});
  testing::OverfitOptions const options{.size = 16, .steps = 3000, .learning_rate = 5e-3};
  EXPECT_TRUE(testing::overfits(network, options));
}

}  // namespace
}  // namespace stfcube::nn
