#include "stfcube/io/observation_reader.hpp"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/io/scene_fixture.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing;

TEST(ObservationReader, aligned_scene_is_read_pixel_by_pixel) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 20, .height = 12, .bands = 3},
        [](int b, int y, int x) { return 1000 * b + 40 * y + x; });
  // two pixels right, one down of the scene; reaches beyond its right border
  Grid const grid = grid_at(500020, 5099990, 10, 30, 5);
  auto const sensor = sensor_of(folder, "*.tif", 3);
  auto const header = header_of(sensor, grid);
  EXPECT_TRUE(header.aligned);
  EXPECT_EQ(header.footprint_px, (Rect{0, 0, 18, 5}));
  EXPECT_EQ(header.grid.width, 20);
  EXPECT_DOUBLE_EQ(header.grid.x0, 500000);

  auto const reader = open(sensor, grid);
  EXPECT_THAT(reader->dates(), ElementsAre(*make_date(2020, 6, 1)));
  EXPECT_EQ(reader->footprint(0), header.footprint_px);
  auto const stack = reader->read(0, {10, 1, 20, 3});
  ASSERT_EQ(stack.bands(), 3);
  for (int b = 0; b < 3; ++b)
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < 20; ++x) {
        Dn const expected = x + 10 < 18 ? static_cast<Dn>(1000 * b + 40 * (y + 2) + x + 12) : no_data_dn;
        ASSERT_EQ(stack.at(0, b, y, x), expected) << b << ' ' << y << ' ' << x;
      }
}

TEST(ObservationReader, file_per_band_equals_one_file) {
  auto const folder = testing::fresh_folder();
  for (int b = 0; b < 2; ++b)
    write({.path = folder / ("a_20200601_B" + std::to_string(b + 1) + ".tif")},
          [&](int, int y, int x) { return 100 * b + 10 * y + x; });
  write({.path = folder / "one_20200601.tif", .bands = 2},
        [](int b, int y, int x) { return 100 * b + 10 * y + x; });
  Grid const grid = grid_at(500000, 5100000, 10, 8, 8);
  auto per_band = sensor_of(folder, "a_*_{band}.tif", 2);
  per_band.bands[0].source = "B1";
  per_band.bands[1].source = "B2";
  EXPECT_EQ(read_all(per_band, grid), read_all(sensor_of(folder, "one*.tif", 2), grid));
}

TEST(ObservationReader, scale_offset_and_no_data_come_from_the_file_unless_given) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif",
         .width = 4,
         .height = 1,
         .type = GDT_UInt16,
         .no_data = 65535,
         .scale = 2e-5,
         .offset = -0.1},
        [](int, int, int x) {
          return std::array{65535.0, 0.0, 20000.0, 5000.0}[static_cast<std::size_t>(x)];
        });
  Grid const grid = grid_at(500000, 5100000, 10, 4, 1);
  auto sensor = sensor_of(folder, "*.tif");
  sensor.scale.reset();
  EXPECT_THAT(read_all(sensor, grid), ElementsAre(no_data_dn, -1000, 3000, 0));
  sensor.scale = 1e-5;
  sensor.offset = 0.2;
  sensor.no_data = 0;
  EXPECT_THAT(read_all(sensor, grid), ElementsAre(8554, no_data_dn, 4000, 2500));
}

TEST(ObservationReader, scale_of_a_scene_in_the_catalogue_wins) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a.tif", .width = 2, .height = 1, .scale = 1e-3},
        [](int, int, int x) { return 100 + x; });
  std::ofstream(folder / "s.csv")
      << "date,path,scale,offset\n2020-06-01,a.tif,0.001,-0.05\n2020-06-02,a.tif,,\n";
  auto const reader = open(sensor_of(folder, "s.csv"), grid_at(500000, 5100000, 10, 2, 1));
  EXPECT_THAT(all_values(reader->read(0, {0, 0, 2, 1})), ElementsAre(500, 510));
  EXPECT_THAT(all_values(reader->read(1, {0, 0, 2, 1})), ElementsAre(100, 101));
}

TEST(ObservationReader, every_16_bit_number_gives_what_floating_point_gives) {
  auto const folder = testing::fresh_folder();
  struct Case {
    GDALDataType type;
    int first;
    double scale, offset;
  };
  for (auto const& c : {Case{GDT_Int16, -32768, 1e-4, 0}, Case{GDT_UInt16, 0, 1e-4, 0},
                        Case{GDT_UInt16, 0, 2.75e-5, -0.2}, Case{GDT_Int16, -32768, 3e-5, 0.1}}) {
    auto const value = [&](int, int y, int x) { return c.first + y * 256 + x; };
    RasterFile file{
        .path = folder / "a_20200601.tif", .width = 256, .height = 256, .type = c.type, .no_data = 7000};
    write(file, value);
    file.path = folder / "b_20200601.tif";
    file.type = GDT_Float64;
    write(file, value);
    Grid const grid = grid_at(500000, 5100000, 10, 256, 256);
    auto sensor = sensor_of(folder, "a*.tif");
    sensor.scale = c.scale;
    sensor.offset = c.offset;
    auto const fast = read_all(sensor, grid);
    sensor.scenes = {"b*.tif"};
    EXPECT_EQ(fast, read_all(sensor, grid));
    auto const valid = std::ranges::count_if(fast, [](Dn dn) { return dn != no_data_dn; });
    EXPECT_GT(valid, 10000);
    EXPECT_LT(valid, 65536);
  }
}

TEST(ObservationReader, valid_range_is_inclusive_and_the_quantity_bounds_it) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 8, .height = 1}, [](int, int, int x) {
    return std::array{
        -2001.0, -2000.0, 16000.0, 16001.0, 30000.0, -30000.0, 0.0, 1.0}[static_cast<std::size_t>(x)];
  });
  Grid const grid = grid_at(500000, 5100000, 10, 8, 1);
  auto sensor = sensor_of(folder, "*.tif");
  EXPECT_THAT(read_all(sensor, grid),
              ElementsAre(no_data_dn, -2000, 16000, no_data_dn, no_data_dn, no_data_dn, 0, 1));
  sensor.valid_low = 0;
  sensor.valid_high = 1;
  EXPECT_THAT(read_all(sensor, grid),
              ElementsAre(no_data_dn, no_data_dn, no_data_dn, no_data_dn, no_data_dn, no_data_dn, 0, 1));
  sensor.valid_low = -100;
  sensor.valid_high = 100;
  EXPECT_THAT(read_all(sensor, grid),
              ElementsAre(no_data_dn, -2000, 16000, no_data_dn, no_data_dn, no_data_dn, 0, 1));
}

TEST(ObservationReader, other_quantities_have_their_own_steps) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "t_20200601.tif", .width = 3, .height = 1, .type = GDT_Float32},
        [](int, int, int x) { return 273.15 + 10.005 * x; });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.scale = 1;
  sensor.valid_low = 200;
  sensor.valid_high = 400;
  Grid const grid = grid_at(500000, 5100000, 10, 3, 1);
  EXPECT_THAT(all_values(open(sensor, grid, quantity_named("temperature"))->read(0, grid.all())),
              ElementsAre(0, 1000, 2001));
}

TEST(ObservationReader, float_no_data_and_nan_are_no_data) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 4, .height = 1, .type = GDT_Float32, .no_data = -3.4e38},
        [](int, int, int x) {
          return std::array{-3.4e38, std::nan(""), 0.5, 1e30}[static_cast<std::size_t>(x)];
        });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.scale.reset();
  sensor.valid_low = -1e39;
  EXPECT_THAT(read_all(sensor, grid_at(500000, 5100000, 10, 4, 1)),
              ElementsAre(no_data_dn, no_data_dn, 5000, no_data_dn));
}

TEST(ObservationReader, pixel_is_valid_in_all_bands_or_in_none) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 3, .height = 1, .bands = 2, .no_data = -9999},
        [](int b, int, int x) { return x == b ? -9999 : 10 * (x + 1) + b; });
  auto const values = read_all(sensor_of(folder, "*.tif", 2), grid_at(500000, 5100000, 10, 3, 1));
  EXPECT_THAT(values, ElementsAre(no_data_dn, no_data_dn, 30, no_data_dn, no_data_dn, 31));
}

TEST(ObservationReader, quality_words_of_each_scheme_mask_pixels) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 4, .height = 1},
        [](int, int, int x) { return 100 + x; });
  struct Case {
    QaScheme scheme;
    GDALDataType type;
    std::array<double, 4> words;
    std::array<bool, 4> usable;
  };
  Grid const grid = grid_at(500000, 5100000, 10, 4, 1);
  for (auto const& c : {
           Case{QaScheme::mask, GDT_Byte, {0, 1, 255, 0}, {false, true, true, false}},
           Case{QaScheme::landsat_c2, GDT_UInt16, {21824, 22280, 1, 21952}, {true, false, false, true}},
           Case{QaScheme::hls_fmask, GDT_Byte, {224, 2, 255, 64}, {true, false, false, true}},
           Case{QaScheme::s2_scl, GDT_Byte, {4, 8, 7, 11}, {true, false, true, false}},
           Case{QaScheme::mod09ga_state, GDT_UInt16, {72, 1, 1024, 8203}, {true, false, false, false}},
           Case{QaScheme::mask, GDT_Float32, {std::nan(""), 1, 0, 2}, {false, true, false, true}},
           Case{QaScheme::landsat_c2, GDT_Int16, {21824, -1, 64, 0}, {true, false, true, true}},
       }) {
    write({.path = folder / "q_20200601.tif", .width = 4, .height = 1, .type = c.type},
          [&](int, int, int x) { return c.words[static_cast<std::size_t>(x)]; });
    auto sensor = sensor_of(folder, "a*.tif");
    sensor.qa = {"q*.tif"};
    sensor.qa_scheme = c.scheme;
    auto const values = read_all(sensor, grid);
    for (std::size_t x = 0; x < 4; ++x)
      EXPECT_EQ(values[x], c.usable[x] ? static_cast<Dn>(100 + x) : no_data_dn)
          << static_cast<int>(c.scheme) << ' ' << x;
  }
}

TEST(ObservationReader, quality_on_another_grid_is_taken_from_the_nearest_pixel) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif", .width = 8, .height = 8},
        [](int, int y, int x) { return 10 * y + x; });
  // 20 m, begins 20 m to the right: columns 0 and 1 are not covered
  write({.path = folder / "q_20200601.tif",
         .width = 3,
         .height = 4,
         .type = GDT_Byte,
         .transform = {500020, 20, 0, 5100000, 0, -20}},
        [](int, int y, int x) { return (x + y) % 2; });
  auto sensor = sensor_of(folder, "a*.tif");
  sensor.qa = {"q*.tif"};
  sensor.qa_scheme = QaScheme::mask;
  Grid const grid = grid_at(500000, 5100000, 10, 8, 8);
  auto const stack = open(sensor, grid)->read(0, {1, 1, 7, 6});
  for (int y = 0; y < 6; ++y)
    for (int x = 0; x < 7; ++x) {
      int const column = x + 1, row = y + 1;
      bool const usable = column >= 2 && ((column - 2) / 2 + row / 2) % 2 == 1;
      EXPECT_EQ(stack.at(0, 0, y, x), usable ? static_cast<Dn>(10 * row + column) : no_data_dn)
          << x << ' ' << y;
    }
}

TEST(ObservationReader, first_valid_scene_of_a_date_wins) {
  auto const folder = testing::fresh_folder();
  auto const constant = [&](std::string const& name, double x0, double value, int gap) {
    write({.path = folder / name,
           .width = 4,
           .height = 2,
           .no_data = -1,
           .transform = {x0, 10, 0, 5100000, 0, -10}},
          [&](int, int, int x) { return x == gap ? -1 : value; });
  };
  constant("a_20200601.tif", 500000, 100, 1);
  constant("b_20200601.tif", 500010, 200, 3);
  constant("c_20200603.tif", 500000, 300, 0);
  Grid const grid = grid_at(500000, 5100000, 10, 6, 2);
  auto const reader = open(sensor_of(folder, "*.tif"), grid);
  ASSERT_EQ(reader->dates().size(), 2U);
  EXPECT_EQ(reader->footprint(0), (Rect{0, 0, 5, 2}));
  EXPECT_THAT(all_values(reader->read(0, {0, 1, 6, 1})),
              ElementsAre(100, 200, 100, 100, no_data_dn, no_data_dn));
  EXPECT_THAT(all_values(reader->read(1, {0, 1, 6, 1})),
              ElementsAre(no_data_dn, 300, 300, 300, no_data_dn, no_data_dn));
  auto reversed = sensor_of(folder, "b*.tif");
  reversed.scenes.push_back("a*.tif");
  EXPECT_THAT(all_values(open(reversed, grid)->read(0, {0, 1, 6, 1})),
              ElementsAre(100, 200, 200, 200, no_data_dn, no_data_dn));
}

TEST(ObservationReader, unknown_resampling_lists_the_known) {
  auto const folder = testing::fresh_folder();
  write({.path = folder / "a_20200601.tif"}, [](int, int, int) { return 1; });
  auto sensor = sensor_of(folder, "*.tif");
  sensor.resampling = "kubic";
  EXPECT_THAT(error_of([&] { open(sensor, grid_at(500000, 5100000, 10, 8, 8)); }, ErrorKind::config),
              HasSubstr("fine.resampling = kubic is not known. Use near, bilinear, cubic"));
}

TEST(ObservationReader, threads_read_what_one_thread_reads) {
  auto const folder = testing::fresh_folder();
  for (int d = 1; d <= 4; ++d) write_textured(folder / ("a_2020060" + std::to_string(d) + ".tif"));
  auto const sensor = sensor_of(folder, "*.tif", 2);
  for (auto const& grid :
       {laea_grid_over(650400, 5149800, 10, 200, 200), grid_at(650100, 5149000, 10, 200, 200)}) {
    auto const reader = open(sensor, grid);
    auto const block = [](int i) { return Rect{(i % 4) * 40, (i / 16) * 40, 40, 40}; };
    std::vector<std::vector<Dn>> alone, together(48);
    for (int i = 0; i < 48; ++i) alone.push_back(all_values(reader->read(i / 4 % 4, block(i))));
    with_threads(4, [&] {
      parallel_for(0, 48, [&](int i) {
        together[static_cast<std::size_t>(i)] = all_values(reader->read(i / 4 % 4, block(i)));
      });
    });
    EXPECT_EQ(alone, together);
  }
}

}  // namespace
}  // namespace stfcube
