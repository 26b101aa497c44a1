#include "stfcube/jobs/export.hpp"

#include <cmath>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/tests/support/small_cube.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallCube;
using testing::world;

SmallCube cube_in(std::filesystem::path const& folder) {
  SmallCube cube;
  cube.path = folder / "demo.nc";
  cube.dates = {*parse_date("2020-01-01"), *parse_date("2020-01-09"), *parse_date("2020-01-17")};
  cube.bands = {"blue", "green", "red", "nir"};
  cube.dn = [](int date, int band, int x, int y) {
    return static_cast<Dn>(1000 * (band + 1) + 100 * date + x + y);
  };
  cube.flags = [](int, int x, int y) { return x < 2 && y < 2 ? quality::no_data : quality::fused; };
  return cube;
}

/// Exports, and gives the lines that name the files.
std::vector<std::string> exported(ExportSettings const& settings) {
  std::ostringstream out;
  export_cube(settings, world(), out);
  world().barrier();
  std::vector<std::string> lines;
  std::istringstream text(out.str());
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::string refusal(ExportSettings const& settings) {
  try {
    exported(settings);
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

struct Export : public ::testing::Test {
  std::filesystem::path folder = testing::fresh_folder();
  SmallCube cube = cube_in(folder);
  ExportSettings settings;

  Export() {
    testing::write_cube(cube);
    settings.cube = cube.path;
    settings.out = folder / "out";
  }
};

TEST_F(Export, every_date_becomes_a_file_named_after_it) {
  settings.format = "geotiff";
  auto const lines = exported(settings);
  for (char const* name : {"demo_20200101.tif", "demo_20200109.tif", "demo_20200117.tif"}) {
    EXPECT_TRUE(std::filesystem::exists(settings.out / name)) << name;
  }
  EXPECT_EQ(lines.size(), world().is_root() ? 3U : 0U);
}

TEST_F(Export, geotiff_keeps_values_names_and_gaps) {
  settings.format = "geotiff";
  settings.dates = {"20200109"};
  exported(settings);
  auto const file = open_raster(settings.out / "demo_20200109.tif");
  EXPECT_THAT(file->band_names(), ElementsAre("blue", "green", "red", "nir"));
  EXPECT_EQ(file->grid().x0, cube.grid().x0);
  auto const nir = file->read(4, file->grid().all());
  EXPECT_TRUE(std::isnan(nir[0]));
  EXPECT_NEAR(nir[2], 0.4102, 1e-12);
  EXPECT_NEAR(nir.back(), (4100 + 63 + 47) * 1e-4, 1e-12);
}

TEST_F(Export, chosen_bands_come_in_the_order_asked_for) {
  settings.format = "cog";
  settings.dates = {"2020-01-01"};
  settings.bands = {"NIR", "blue"};
  exported(settings);
  EXPECT_THAT(open_raster(settings.out / "demo_20200101.tif")->band_names(), ElementsAre("nir", "blue"));
  if (!world().is_root()) return;
  int files = 0;
  for ([[maybe_unused]] auto const& entry : std::filesystem::directory_iterator(settings.out)) ++files;
  EXPECT_EQ(files, 1) << "nothing is left over";
}

TEST_F(Export, uncertainty_and_quality_can_be_had) {
  settings.format = "geotiff";
  settings.dates = {"2020-01-01"};
  settings.variable = "uncertainty";
  settings.out = folder / "u.tif";
  exported(settings);
  EXPECT_NEAR(open_raster(settings.out)->read(2, {5, 5, 1, 1})[0], 0.0021, 1e-12);
  settings.variable = "quality";
  settings.out = folder / "q.tif";
  exported(settings);
  auto const flags = open_raster(settings.out);
  EXPECT_EQ(flags->bands(), 1);
  EXPECT_EQ(flags->read(1, {0, 0, 1, 1})[0], quality::no_data);
  EXPECT_EQ(flags->read(1, {5, 5, 1, 1})[0], quality::fused);
}

TEST_F(Export, picture_is_transparent_where_nothing_is) {
  settings.dates = {"2020-01-01"};
  settings.out = folder / "look.png";
  auto const lines = exported(settings);
  EXPECT_EQ(lines.size(), world().is_root() ? 1U : 0U);
  auto const picture = open_raster(settings.out);
  EXPECT_EQ(picture->bands(), 4);
  EXPECT_EQ(picture->grid().width, 64);
  auto const alpha = picture->read(4, picture->grid().all());
  EXPECT_TRUE(alpha[0] == 0 || std::isnan(alpha[0]));
  EXPECT_EQ(alpha.back(), 255);
}

TEST_F(Export, picture_is_no_larger_than_asked) {
  settings.dates = {"2020-01-01"};
  settings.bands = {"red"};
  settings.max_size_px = 20;
  settings.out = folder / "small.png";
  exported(settings);
  EXPECT_EQ(open_raster(settings.out)->grid().width, 16);
  EXPECT_EQ(open_raster(settings.out)->grid().height, 12);
}

TEST_F(Export, quality_can_be_a_picture) {
  settings.dates = {"2020-01-01"};
  settings.variable = "quality";
  settings.out = folder / "quality.png";
  exported(settings);
  EXPECT_EQ(open_raster(settings.out)->read(3, {10, 10, 1, 1})[0], 190);
}

TEST_F(Export, unknown_things_are_refused_with_those_that_exist) {
  auto const with = [&](auto change) {
    ExportSettings changed = settings;
    change(changed);
    return refusal(changed);
  };
  EXPECT_THAT(with([](auto& s) { s.dates = {"2020-01-08"}; }),
              HasSubstr("The nearest is 2020-01-09; it has 3 dates from 2020-01-01 to 2020-01-17"));
  EXPECT_THAT(with([](auto& s) { s.dates = {"yesterday"}; }), HasSubstr("is no day"));
  EXPECT_THAT(with([](auto& s) { s.bands = {"grene"}; }),
              HasSubstr("Did you mean green? It has blue green red nir"));
  EXPECT_THAT(with([](auto& s) { s.bands = {"red", "nir"}; }), HasSubstr("one band (grey) or three"));
  EXPECT_THAT(with([](auto& s) { s.variable = "ndvi"; }),
              HasSubstr("Use reflectance, uncertainty or quality"));
  for (char const* format : {"gif", "zarr", "netcdf"}) {
    EXPECT_THAT(with([&](auto& s) { s.format = format; }), HasSubstr("Use png, geotiff or cog"));
  }
  EXPECT_THAT(with([&](auto& s) { s.out = folder / "one.png"; }), HasSubstr("3 dates are to be written"));
  EXPECT_THAT(with([](auto& s) { s.max_size_px = 0; }), HasSubstr("max-size = 0"));
}

TEST_F(Export, uncertainty_that_was_not_made_is_refused) {
  cube.path = folder / "plain.nc";
  cube.uncertainty = false;
  testing::write_cube(cube);
  settings.cube = cube.path;
  settings.variable = "uncertainty";
  EXPECT_THAT(refusal(settings), HasSubstr("made without"));
}

}  // namespace
}  // namespace stfcube
