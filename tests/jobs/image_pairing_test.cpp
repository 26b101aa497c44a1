#include "stfcube/jobs/image_pairing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Infos = std::vector<ImageSourceInfo>;

Grid small_grid() {
  Grid grid;
  grid.crs_wkt = R"(PROJCRS["WGS 84 / UTM zone 32N",ID["EPSG",32632]])";
  grid.width = 20;
  grid.height = 10;
  grid.dx = grid.dy = 30;
  return grid;
}

ImageSourceInfo file(std::string const& path, std::vector<std::string> bands = {"red", "nir"}) {
  int const count = static_cast<int>(bands.size());
  return {path, small_grid(), count, std::move(bands), {find_date(path, "%Y%m%d")}, {}};
}

ImageSourceInfo cube(std::string const& path, std::vector<std::string> const& dates) {
  ImageSourceInfo info{path, small_grid(), 2, {"red", "nir"}, {}, Quantity{}};
  for (auto const& date : dates) info.dates.push_back(parse_date(date));
  return info;
}

/// The message of the error that pairing throws.
std::string refusal(Infos const& predictions, Infos const& references, ErrorKind kind) {
  try {
    pair_images(predictions, references);
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(ImagePairing, file_finds_its_date_in_the_cube) {
  auto const pairing = pair_images(Infos{cube("c.nc", {"20200101", "20200109", "20200117"})},
                                   Infos{file("t_20200117.tif"), file("t_20200101.tif")});
  ASSERT_THAT(pairing.series, SizeIs(1));
  EXPECT_EQ(pairing.series[0].label, "c");
  ASSERT_THAT(pairing.series[0].pairs, SizeIs(2));
  EXPECT_EQ(pairing.series[0].pairs[0].date, parse_date("20200101"));
  EXPECT_EQ(pairing.series[0].pairs[0].prediction, (ImageIndex{0, 0}));
  EXPECT_EQ(pairing.series[0].pairs[0].reference, (ImageIndex{1, 0}));
  EXPECT_EQ(pairing.series[0].pairs[1].prediction, (ImageIndex{0, 2}));
  EXPECT_THAT(pairing.notes, IsEmpty());
}

TEST(ImagePairing, cubes_are_compared_on_common_dates) {
  auto const pairing = pair_images(Infos{cube("a.nc", {"20200101", "20200109"})},
                                   Infos{cube("b.nc", {"20200109", "20200125"})});
  ASSERT_THAT(pairing.series[0].pairs, SizeIs(1));
  EXPECT_EQ(pairing.series[0].pairs[0].prediction, (ImageIndex{0, 1}));
  EXPECT_EQ(pairing.series[0].pairs[0].reference, (ImageIndex{0, 0}));
}

TEST(ImagePairing, reference_without_a_date_in_the_cube_is_noted) {
  auto const pairing =
      pair_images(Infos{cube("a.nc", {"20200101"})}, Infos{file("t_20200101.tif"), file("t_20210101.tif")});
  EXPECT_THAT(pairing.series[0].pairs, SizeIs(1));
  EXPECT_THAT(pairing.notes, ElementsAre(HasSubstr("t_20210101.tif is left out")));
}

TEST(ImagePairing, no_common_date_is_refused_with_both_spans) {
  auto const message =
      refusal({cube("a.nc", {"20200101", "20200109"})}, {file("t_20210101.tif")}, ErrorKind::data);
  EXPECT_THAT(message, HasSubstr("2 dates from 2020-01-01 to 2020-01-09"));
  EXPECT_THAT(message, HasSubstr("2021-01-01"));
}

TEST(ImagePairing, name_without_date_is_refused) {
  EXPECT_THAT(refusal({cube("a.nc", {"20200101"})}, {file("truth.tif")}, ErrorKind::config),
              HasSubstr("--date"));
}

TEST(ImagePairing, files_with_one_reference_are_rivals) {
  auto const pairing =
      pair_images(Infos{file("x/starfm.tif"), file("y/linear.tif")}, Infos{file("truth.tif")});
  ASSERT_THAT(pairing.series, SizeIs(2));
  EXPECT_EQ(pairing.series[0].label, "starfm");
  EXPECT_EQ(pairing.series[1].label, "linear");
}

TEST(ImagePairing, files_with_references_of_their_own_are_one_series) {
  auto const pairing = pair_images(Infos{file("p_20200101.tif"), file("p_20200109.tif")},
                                   Infos{file("t_20200101.tif"), file("t_20200109.tif")});
  ASSERT_THAT(pairing.series, SizeIs(1));
  EXPECT_EQ(pairing.series[0].label, "2 files");
  EXPECT_EQ(pairing.series[0].pairs[1].reference, (ImageIndex{1, 0}));
}

TEST(ImagePairing, files_of_different_dates_are_noted) {
  auto const pairing = pair_images(Infos{file("p_20200101.tif")}, Infos{file("t_20200109.tif")});
  EXPECT_THAT(pairing.notes, ElementsAre(HasSubstr("although their names say 2020-01-01 and 2020-01-09")));
}

TEST(ImagePairing, file_prediction_is_looked_up_in_a_reference_cube) {
  auto const pairing =
      pair_images(Infos{file("p_20200109.tif")}, Infos{cube("truth.nc", {"20200101", "20200109"})});
  EXPECT_EQ(pairing.series[0].pairs[0].reference, (ImageIndex{0, 1}));
}

TEST(ImagePairing, unequal_numbers_of_files_are_refused) {
  auto const message = refusal({file("a.tif"), file("b.tif"), file("c.tif")}, {file("s.tif"), file("t.tif")},
                               ErrorKind::config);
  EXPECT_THAT(message, HasSubstr("3 prediction files and 2 reference files"));
}

TEST(ImagePairing, equal_names_are_told_apart_by_paths) {
  auto const pairing = pair_images(Infos{file("x/p.tif"), file("y/p.tif")}, Infos{file("t.tif")});
  EXPECT_EQ(pairing.series[0].label, "x/p.tif");
  EXPECT_EQ(pairing.series[1].label, "y/p.tif");
}

TEST(ImagePairing, bands_go_by_name_in_any_case_and_order) {
  auto const pairing =
      pair_images(Infos{file("p.tif", {"red", "nir"})}, Infos{file("t.tif", {"NIR", "blue", "Red"})});
  auto const& pair = pairing.series[0].pairs[0];
  EXPECT_THAT(pair.bands, ElementsAre("red", "nir"));
  EXPECT_THAT(pair.prediction_bands, ElementsAre(0, 1));
  EXPECT_THAT(pair.reference_bands, ElementsAre(2, 0));
  EXPECT_THAT(pairing.notes, ElementsAre(HasSubstr("only common ones")));
}

TEST(ImagePairing, bands_without_names_go_by_position) {
  auto unnamed = file("t.tif");
  unnamed.band_names.clear();
  auto const pairing = pair_images(Infos{file("p.tif")}, Infos{unnamed});
  EXPECT_THAT(pairing.series[0].pairs[0].bands, ElementsAre("red", "nir"));
  EXPECT_THAT(pairing.notes, IsEmpty());
}

TEST(ImagePairing, foreign_names_go_by_position_with_a_note) {
  auto const pairing = pair_images(Infos{file("p.tif")}, Infos{file("t.tif", {"B4", "B8"})});
  EXPECT_THAT(pairing.series[0].pairs[0].reference_bands, ElementsAre(0, 1));
  EXPECT_THAT(pairing.notes, ElementsAre(HasSubstr("by position")));
}

TEST(ImagePairing, different_numbers_of_nameless_bands_are_refused) {
  auto const message = refusal({file("p.tif")}, {file("t.tif", {"B2", "B4", "B8"})}, ErrorKind::data);
  EXPECT_THAT(message, HasSubstr("differ in number"));
}

TEST(ImagePairing, other_pixels_are_refused) {
  auto shifted = file("shifted.tif"), larger = file("larger.tif"), zone = file("zone.tif");
  shifted.grid.x0 += 15;
  larger.grid.width += 1;
  zone.grid.crs_wkt = R"(PROJCRS["WGS 84 / UTM zone 33N",ID["EPSG",32633]])";
  for (auto const& other : {shifted, larger, zone}) {
    EXPECT_THAT(refusal({file("p.tif")}, {other}, ErrorKind::data), HasSubstr("do not have the same pixels"));
  }
}

TEST(ImagePairing, file_without_position_needs_only_the_same_size) {
  auto bare = file("t.tif");
  bare.grid.crs_wkt.clear();
  bare.grid.x0 = 12345;
  EXPECT_THAT(pair_images(Infos{file("p.tif")}, Infos{bare}).series, SizeIs(1));
}

}  // namespace
}  // namespace stfcube
