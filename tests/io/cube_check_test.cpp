#include "stfcube/io/cube_check.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/synthetic_cube.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace stfcube::testing;

constexpr int tile_px = 32, slab = 2;

/// Damage in all ways is a matter of tests/integration/verify_test.py; here are cubes that no job makes.
class CubeCheckTest : public ::testing::TestWithParam<char const*> {
 protected:
  /// Writes the units, then checks the cube. @collective
  CubeCheck written(CubeLayout const& layout, std::vector<SyntheticUnit> const& units,
                    CubeSummary const& summary) {
    {
      PlacedWriter to(GetParam(), layout, world());
      write_units(to, layout, units, world());
      digest_ = to.writer->finish(summary);
    }
    world().barrier();
    return check_cube(layout.path, world());
  }

  std::string digest_;
};
INSTANTIATE_TEST_SUITE_P(Writers, CubeCheckTest, ::testing::Values("staged", "collective"),
                         [](auto const& writer) { return std::string(writer.param); });

TEST_P(CubeCheckTest, whole_cube_has_no_problems) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  auto const units = synthetic_units(layout, tile_px, slab);
  CubeCheck const check = written(layout, units, {units.size(), units.size(), ""});
  EXPECT_THAT(check.problems, ElementsAre());
  EXPECT_EQ(check.problem_count, 0);
  EXPECT_EQ(check.content_digest, digest_);
  EXPECT_THAT(check.holes, ElementsAre());
  // 3 chunks of two dates, 3 bands, 5 x 3 places: product and uncertainty, and the flags once.
  EXPECT_EQ(check.chunks, 3 * 15 * (3 + 3 + 1));
}

TEST_P(CubeCheckTest, other_quantities_and_grids_have_no_problems) {
  fs::path const folder = fresh_folder();
  for (char const* quantity : {"toa_reflectance", "index", "temperature"}) {
    CubeLayout layout = synthetic_layout(folder / (std::string(quantity) + ".nc"));
    layout.quantity = quantity_named(quantity);
    layout.grid.x0 = 123456.789;
    layout.grid.dx = layout.grid.dy = 0.1;
    layout.provenance.inputs.clear();
    layout.provenance.institution.clear();
    auto const units = synthetic_units(layout, tile_px, slab);
    CubeCheck const check = written(layout, units, {units.size(), units.size(), ""});
    EXPECT_THAT(check.problems, ElementsAre()) << quantity;
  }
}

TEST_P(CubeCheckTest, chunks_of_several_dates_and_bands_have_no_problems) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  layout.chunk = {3, 2, 70, 64};
  auto const units = synthetic_units(layout, 128, 3);
  CubeCheck const check = written(layout, units, {units.size(), units.size(), ""});
  EXPECT_THAT(check.problems, ElementsAre());
  EXPECT_EQ(check.content_digest, digest_);
}

TEST_P(CubeCheckTest, holes_are_named_and_are_no_problem) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  auto units = synthetic_units(layout, tile_px, slab);
  units.erase(units.begin() + 4);
  units.pop_back();
  CubeCheck const check =
      written(layout, units, {units.size(), units.size() + 2, "x001y000, first\nx002y002, second\n"});
  EXPECT_THAT(check.problems, ElementsAre());
  EXPECT_THAT(check.holes, ElementsAre("x001y000, first", "x002y002, second"));
  EXPECT_EQ(check.content_digest, digest_);
}

TEST_P(CubeCheckTest, cube_without_any_pixel_has_no_problems) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  CubeCheck const check = written(layout, {}, {0, 1, "x000y000\n"});
  EXPECT_THAT(check.problems, ElementsAre());
  // Parallel HDF5 gives every chunk its place at once.
  EXPECT_EQ(check.stored_chunks, GetParam() == std::string("staged") ? 0 : check.chunks);
  EXPECT_THAT(check.holes, ElementsAre("x000y000"));
}

TEST_P(CubeCheckTest, hole_that_is_not_named_is_a_problem) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  auto units = synthetic_units(layout, tile_px, slab);
  units.pop_back();
  CubeCheck const check = written(layout, units, {units.size(), units.size() + 1, ""});
  EXPECT_THAT(check.problems,
              ElementsAre(HasSubstr("provenance/failed_tiles is empty although stfcube_completeness = ")));
}

TEST_P(CubeCheckTest, pixels_that_break_the_rules_are_problems_even_when_written_so) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  {
    PlacedWriter to(GetParam(), layout, world());
    CubeUnit unit = synthetic_unit(layout, layout.grid.all(), 0, static_cast<int>(layout.dates.size()));
    unit.quality.at(3, 0, 50, 70) = quality::low_confidence;
    unit.dn.at(4, 2, 5, 6) = -2001;
    unit.uncertainty.at(0, 1, 20, 40) = -3;
    to.write(world().is_root() ? &unit : nullptr);
    digest_ = to.writer->finish({1, 1, ""});
  }
  world().barrier();
  CubeCheck const check = check_cube(layout.path, world());
  EXPECT_EQ(check.content_digest, digest_);
  EXPECT_THAT(
      check.problems,
      ElementsAre(AllOf(HasSubstr("uncertainty, chunk 0 1 1 1 ("), HasSubstr("negative: 1 pixel, "),
                        HasSubstr(", row 20, column 40")),
                  AllOf(HasSubstr("quality, chunk 1 3 2 ("), HasSubstr("neither no_data nor a state"),
                        HasSubstr(", row 50, column 70")),
                  AllOf(HasSubstr("reflectance, chunk 2 2 0 0 ("), HasSubstr("band nir"),
                        HasSubstr("valid range -2000..16000: 1 pixel, 2022-02-09, row 5, column 6"))));
}

TEST(CubeCheckOfNoCube, missing_file_is_an_error_on_all_ranks) {
  fs::path const folder = fresh_folder();
  EXPECT_THROW(check_cube(folder / "missing.nc", world()), Error);
}

TEST(CubeCheckOfNoCube, file_without_arrays_of_a_cube_is_a_problem) {
  fs::path const path = fresh_folder() / "text.nc";
  if (world().is_root()) std::ofstream(path) << "no HDF5 at all";
  world().barrier();
  CubeCheck const check = check_cube(path, world());
  EXPECT_THAT(check.problems, ElementsAre(HasSubstr("the file is no cube, or damaged")));
  EXPECT_EQ(check.content_digest, "");
}

}  // namespace
}  // namespace stfcube
