#include "stfcube/io/stored_progress.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/support/synthetic_cube.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using namespace stfcube::testing;

TEST(StoredProgress, counts_units_of_all_ranks_and_starts_while_they_are_written) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  auto const units = synthetic_units(layout, 32, 2);
  std::filesystem::path const work = layout.path.string() + ".work";
  std::vector<SyntheticUnit> const first(units.begin(), units.begin() + 4);
  {
    PlacedWriter to("staged", layout, world());
    EXPECT_EQ(stored_progress(work).units.size(), 0U);
    world().barrier();
    write_units(to, layout, first, world());
    world().barrier();
    auto const progress = stored_progress(work);
    EXPECT_EQ(progress.units, (std::set<std::int64_t>{0, 1, 2, 3}));
    EXPECT_GT(progress.bytes, 1000U);
    world().barrier();
  }
  {
    PlacedWriter const to("staged", layout, world());
    EXPECT_EQ(stored_progress(work).units.size(), 4U);
    world().barrier();
  }
}

}  // namespace
}  // namespace stfcube
