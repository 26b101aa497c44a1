#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/io/observation_reader.hpp"
#include "stfcube/tests/io/scene_fixture.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace testing;

fs::path data(char const* set) {
  return testing::shared_folder() / "data" / set;
}

#define SKIP_WITHOUT_IMAGERY() \
  if (testing::shared_folder().empty()) GTEST_SKIP() << "the real imagery is not here (STFCUBE_SHARED)"

/// Raw numbers of one band, read with the library alone.
std::vector<double> raw(std::string const& path, int band, Rect const& px) {
  auto* dataset = GDALDataset::Open(path.c_str());
  std::vector<double> values(static_cast<std::size_t>(px.area()));
  EXPECT_EQ(dataset->GetRasterBand(band)->RasterIO(GF_Read, px.x, px.y, px.width, px.height, values.data(),
                                                   px.width, px.height, GDT_Float64, 0, 0),
            CE_None);
  GDALClose(dataset);
  return values;
}

TEST(RealScenes, bolzano_with_scene_classes) {
  SKIP_WITHOUT_IMAGERY();
  auto sensor = sensor_of(data("bolzano_s2_2022"), "fine_*.tif", 4);
  sensor.scale.reset();
  sensor.qa = {"scl_*.tif"};
  sensor.qa_scheme = QaScheme::s2_scl;
  Grid const grid = read_grid(data("bolzano_s2_2022") / "fine_20220610.tif");
  auto const reader = open(sensor, grid);
  ASSERT_EQ(reader->dates().size(), 6U);
  Rect const px{200, 150, 300, 200};
  auto const stack = reader->read(0, px);
  auto const classes = raw(data("bolzano_s2_2022") / "scl_20220602.tif", 1, px);
  std::array<std::vector<double>, 4> bands;
  for (int b = 0; b < 4; ++b)
    bands[static_cast<std::size_t>(b)] = raw(data("bolzano_s2_2022") / "fine_20220602.tif", b + 1, px);
  std::size_t masked = 0, valid = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    bool clear = classes[i] >= 4 && classes[i] <= 7;
    for (auto const& band : bands) clear &= band[i] != 65535 && band[i] <= 16000;
    for (std::size_t b = 0; b < 4; ++b)
      ASSERT_EQ(stack.plane(0, static_cast<int>(b))[i], clear ? static_cast<Dn>(bands[b][i]) : no_data_dn)
          << i;
    (clear ? valid : masked) += 1;
  }
  EXPECT_GT(masked, 1000U);
  EXPECT_GT(valid, 1000U);
}

TEST(RealScenes, pantanal_scale_and_offset_of_the_file) {
  SKIP_WITHOUT_IMAGERY();
  auto sensor = sensor_of(data("pantanal_fire_2019"), "fine_*.tif", 6);
  sensor.scale.reset();
  Grid const grid = read_grid(data("pantanal_fire_2019") / "fine_20190809.tif");
  Rect const px{100, 300, 200, 100};
  auto const stack = open(sensor, grid)->read(1, px);
  for (int b = 0; b < 6; ++b) {
    auto const values = raw(data("pantanal_fire_2019") / "fine_20190825.tif", b + 1, px);
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(stack.plane(0, b)[i], std::llround((values[i] * 2e-5 + -0.1) / 1e-4)) << b << ' ' << i;
  }
}

TEST(RealScenes, boreas_on_its_local_grid) {
  SKIP_WITHOUT_IMAGERY();
  auto sensor = sensor_of(data("boreas_2001"), "coarse_on_fine_grid_*.tif", 3);
  sensor.scale.reset();
  Grid const grid = read_grid(data("boreas_2001") / "fine_20010524.tif");
  auto const reader = open(sensor, grid);
  ASSERT_EQ(reader->dates().size(), 3U);
  auto const stack = reader->read(2, grid.all());
  for (int b = 0; b < 3; ++b) {
    auto const values = raw(data("boreas_2001") / "coarse_on_fine_grid_20010812.tif", b + 1, grid.all());
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(stack.plane(0, b)[i], static_cast<Dn>(values[i]));
  }
  // the 480 m means, on the coarse lattice of the same corner
  auto coarse = sensor_of(data("boreas_2001"), "coarse_480m_*.tif", 3);
  EXPECT_TRUE(header_of(coarse, coarse_grid(grid, 16)).aligned);
}

TEST(RealScenes, unusual_files) {
  SKIP_WITHOUT_IMAGERY();
  auto const odd = data("odd");
  auto const scene_of = [&](std::string const& name, int bands) {
    auto sensor = sensor_of(odd, name, bands);
    Scene scene;
    for (int b = 1; b <= bands; ++b) scene.bands.push_back({odd / name, b});
    return std::pair(scene, sensor);
  };
  auto const check = [&](std::string const& name, int bands, Grid const& grid) {
    auto const [scene, sensor] = scene_of(name, bands);
    return check_scene(scene, sensor, grid);
  };
  Grid const brumadinho = read_grid(data("brumadinho_2019") / "fine_20190114.tif");
  EXPECT_FALSE(check("south_up.tif", 3, brumadinho).aligned);
  EXPECT_EQ(check("south_up.tif", 3, brumadinho).footprint_px.area() > 128 * 128, true);
  EXPECT_FALSE(check("half_pixel_shift.tif", 3, brumadinho).aligned);
  EXPECT_TRUE(check("float32_nan_gaps.tif", 3, brumadinho).aligned);
  Grid const boreas = read_grid(data("boreas_2001") / "fine_20010524.tif");
  EXPECT_THAT(error_of([&] { check("truncated.tif", 3, boreas); }),
              HasSubstr("truncated.tif, band 2: cannot be read ("));
  EXPECT_THAT(
      error_of([&] { check("MOD13A2.A2025001.h18v09.061.2025022080611.hdf", 1, brumadinho); }),
      HasSubstr("is a container and holds no band itself. Name a dataset inside it, for example HDF4_EOS:"));
  EXPECT_THAT(error_of([&] { check("corrupt.tif", 1, brumadinho); }), HasSubstr("corrupt.tif"));
  EXPECT_THAT(error_of([&] { check("float_nan.tif", 1, brumadinho); }), HasSubstr("has no CRS"));
  EXPECT_TRUE(check("envi_bsq_int16.dat", 23, read_grid(odd / "envi_bsq_int16.dat")).aligned);
}

}  // namespace
}  // namespace stfcube
