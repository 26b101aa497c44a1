#include "stfcube/io/raster_file.hpp"

#include <cmath>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
char const* const local_crs =
    R"(ENGCRS["field survey",EDATUM["none"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],)"
    R"(LENGTHUNIT["metre",1]])";

RasterSpec spec_of(std::filesystem::path const& path, int width, int height, int bands) {
  RasterSpec spec;
  spec.path = path;
  spec.grid.x0 = 500000;
  spec.grid.y0 = 5100000;
  spec.grid.dx = spec.grid.dy = 30;
  spec.grid.width = width;
  spec.grid.height = height;
  spec.bands = bands;
  return spec;
}

Stack<float> ramp(int bands, int rows, int cols, float start) {
  Stack<float> values(1, bands, rows, cols);
  float next = start;
  for (float& value : values.all()) value = next++;
  return values;
}

std::string head_of(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(8, '\0');
  file.read(bytes.data(), 8);
  return bytes;
}

TEST(RasterFile, values_scale_names_and_no_data_come_back) {
  auto spec = spec_of(testing::fresh_folder() / "a.tif", 5, 4, 2);
  spec.no_data = -9999;
  spec.scale = 0.0001;
  spec.offset = 0.5;
  spec.band_names = {"red", "nir"};
  auto values = ramp(2, 4, 5, -3);
  values.at(0, 1, 2, 3) = nothing;
  auto writer = create_geotiff(spec);
  writer->write({0, 0, 5, 4}, values);
  writer->close();

  auto const reader = open_raster(spec.path);
  EXPECT_EQ(reader->bands(), 2);
  EXPECT_EQ(reader->band_names(), spec.band_names);
  EXPECT_EQ(reader->grid().x0, 500000);
  EXPECT_EQ(reader->grid().y0, 5100000);
  EXPECT_EQ(reader->grid().dy, 30);
  auto const nir = reader->read(2, {0, 0, 5, 4});
  for (std::size_t i = 0; i < nir.size(); ++i) {
    if (i == 13) {
      EXPECT_TRUE(std::isnan(nir[i]));
    } else {
      EXPECT_DOUBLE_EQ(nir[i], static_cast<double>(values.row(0, 1, 0)[i]) * 0.0001 + 0.5);
    }
  }
  EXPECT_EQ(open_raster(spec.path, 1, 0)->read(1, {1, 1, 2, 1}), (std::vector<double>{3, 4}));
}

TEST(RasterFile, values_are_rounded_and_clamped_to_the_type) {
  auto spec = spec_of(testing::fresh_folder() / "a.tif", 4, 1, 1);
  spec.type = PixelType::uint8;
  Stack<float> values(1, 1, 1, 4);
  std::ranges::copy(std::array{-7.0F, 1.4F, 1.6F, 300.0F}, values.row(0, 0, 0));
  auto writer = create_geotiff(spec);
  writer->write({0, 0, 4, 1}, values);
  writer->close();
  EXPECT_EQ(open_raster(spec.path)->read(1, {0, 0, 4, 1}), (std::vector<double>{0, 1, 2, 255}));
}

TEST(RasterFile, floats_keep_every_bit) {
  auto spec = spec_of(testing::fresh_folder() / "a.tif", 3, 1, 1);
  spec.type = PixelType::float32;
  spec.no_data = std::numeric_limits<double>::quiet_NaN();
  Stack<float> values(1, 1, 1, 3);
  std::ranges::copy(std::array{0.1F, nothing, -1e-20F}, values.row(0, 0, 0));
  auto writer = create_geotiff(spec);
  writer->write({0, 0, 3, 1}, values);
  writer->close();
  auto const back = open_raster(spec.path)->read(1, {0, 0, 3, 1});
  EXPECT_EQ(back[0], static_cast<double>(0.1F));
  EXPECT_TRUE(std::isnan(back[1]));
  EXPECT_EQ(back[2], static_cast<double>(-1e-20F));
}

TEST(RasterFile, windows_off_the_blocks_meet) {
  auto const spec = spec_of(testing::fresh_folder() / "a.tif", 600, 300, 1);
  auto const whole = ramp(1, 300, 600, -30000);
  auto writer = create_geotiff(spec);
  for (Rect const& px : {Rect{0, 0, 350, 300}, Rect{350, 0, 250, 100}, Rect{350, 100, 250, 200}}) {
    Stack<float> part(1, 1, px.height, px.width);
    for (int y = 0; y < px.height; ++y) {
      std::copy_n(whole.row(0, 0, px.y + y) + px.x, px.width, part.row(0, 0, y));
    }
    writer->write(px, part);
  }
  writer->close();
  auto const back = open_raster(spec.path)->read(1, spec.grid.all());
  ASSERT_EQ(back.size(), whole.size());
  for (std::size_t i = 0; i < back.size(); ++i) {
    ASSERT_EQ(back[i], std::min(32767.0, static_cast<double>(whole.all()[i])));
  }
}

TEST(RasterFile, a_name_appears_only_when_complete) {
  auto const folder = testing::fresh_folder();
  auto const spec = spec_of(folder / "a.tif", 4, 1, 1);
  {
    auto writer = create_geotiff(spec);
    writer->write({0, 0, 4, 1}, ramp(1, 1, 4, 0));
    EXPECT_FALSE(std::filesystem::exists(spec.path));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(RasterFile, a_local_crs_is_kept) {
  auto spec = spec_of(testing::fresh_folder() / "a.tif", 4, 1, 1);
  spec.grid.crs_wkt = local_crs;
  create_geotiff(spec)->close();
  EXPECT_NE(open_raster(spec.path)->grid().crs_wkt.find("field survey"), std::string::npos);
}

TEST(RasterFile, a_missing_folder_is_named) {
  auto const spec = spec_of(testing::fresh_folder() / "absent" / "a.tif", 4, 1, 1);
  try {
    create_geotiff(spec);
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_NE(std::string(error.what()).find("absent"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("writable"), std::string::npos);
  }
}

TEST(RasterFile, a_damaged_file_is_a_data_error) {
  auto const folder = testing::fresh_folder();
  auto const spec = spec_of(folder / "a.tif", 600, 600, 1);
  auto writer = create_geotiff(spec);
  writer->write(spec.grid.all(), ramp(1, 600, 600, 0));
  writer->close();
  std::filesystem::resize_file(spec.path, std::filesystem::file_size(spec.path) / 2);
  std::ofstream(folder / "text.tif") << "no raster";
  for (char const* name : {"a.tif", "text.tif", "missing.tif"}) {
    try {
      open_raster(folder / name)->read(1, spec.grid.all());
      FAIL() << name;
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << name;
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos);
    }
  }
}

TEST(RasterFile, a_window_or_band_outside_is_refused) {
  auto const spec = spec_of(testing::fresh_folder() / "a.tif", 4, 4, 1);
  create_geotiff(spec)->close();
  auto const reader = open_raster(spec.path);
  EXPECT_THROW(reader->read(2, {0, 0, 4, 4}), Error);
  EXPECT_THROW(reader->read(1, {1, 0, 4, 4}), Error);
}

TEST(RasterFile, a_cog_has_the_same_pixels_and_overviews) {
  auto const folder = testing::fresh_folder();
  auto spec = spec_of(folder / "a.tif", 1100, 700, 1);
  spec.no_data = -9999;
  spec.band_names = {"red"};
  auto writer = create_geotiff(spec);
  writer->write(spec.grid.all(), ramp(1, 700, 1100, -20000));
  writer->close();
  convert_to_cog(spec.path, folder / "cog.tif");
  auto const cog = open_raster(folder / "cog.tif");
  EXPECT_EQ(cog->read(1, spec.grid.all()).at(12345), -20000 + 12345);
  EXPECT_EQ(cog->band_names(), spec.band_names);
  std::ifstream file(folder / "cog.tif", std::ios::binary);
  std::string start(400, '\0');
  file.read(start.data(), 400);
  EXPECT_NE(start.find("LAYOUT=IFDS_BEFORE_DATA"), std::string::npos);
}

TEST(RasterFile, a_picture_comes_back) {
  auto const path = testing::fresh_folder() / "a.png";
  std::vector<std::uint8_t> const pixels = {1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252};
  write_png(path, 2, 2, 3, pixels);
  EXPECT_EQ(head_of(path).substr(1, 3), "PNG");
  auto const reader = open_raster(path);
  EXPECT_EQ(reader->bands(), 3);
  EXPECT_EQ(reader->read(2, {0, 0, 2, 2}), (std::vector<double>{2, 5, 8, 251}));
}

TEST(RasterFile, bytes_of_a_picture_are_those_of_its_file) {
  auto const folder = testing::fresh_folder();
  std::vector<std::uint8_t> const pixels{0, 50, 100, 150, 200, 255};
  std::string const bytes = png_bytes(3, 2, 1, pixels);
  EXPECT_EQ(bytes.substr(1, 3), "PNG");
  std::ofstream(folder / "bytes.png", std::ios::binary) << bytes;
  auto const picture = open_raster(folder / "bytes.png");
  EXPECT_EQ(picture->read(1, {0, 0, 3, 2}), (std::vector<double>{0, 50, 100, 150, 200, 255}));
}

}  // namespace
}  // namespace stfcube
