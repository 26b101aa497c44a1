#include "stfcube/io/catalog.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// An archive of empty files: listing opens none.
class Archive {
 public:
  Archive() : folder_(testing::fresh_folder()) {}

  void add(std::string const& name) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << "";
  }
  void write(std::string const& name, std::string const& text) const {
    std::ofstream(folder_ / name) << text;
  }
  std::string path(std::string const& name) const { return (folder_ / name).string(); }

  SensorSpec sensor(std::string const& scenes) const {
    SensorSpec sensor;
    sensor.base = folder_;
    sensor.scenes = {scenes};
    sensor.bands = {{"red", "1"}, {"nir", "2"}};
    return sensor;
  }

 private:
  fs::path folder_;
};

std::vector<std::string> first_names(Catalog const& catalog) {
  std::vector<std::string> names;
  for (auto const& scene : catalog.scenes) names.push_back(fs::path(scene.bands[0].path).filename().string());
  return names;
}

std::string message_of(SensorSpec const& sensor, ErrorKind kind = ErrorKind::data) {
  try {
    find_scenes(sensor);
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

Date day(int year, int month, int d) {
  return *make_date(year, month, d);
}

TEST(Catalog, globs_are_sorted_by_date_and_keep_band_numbers) {
  Archive const archive;
  for (char const* name :
       {"fine/b_20020105.tif", "fine/a_20020301.tif", "fine/c_20011220.tif", "fine/c_20011220.txt"})
    archive.add(name);
  auto sensor = archive.sensor("fine/*.tif");
  sensor.bands = {{"nir", "4"}, {"red", "3"}};
  auto const catalog = find_scenes(sensor);
  EXPECT_THAT(first_names(catalog), ElementsAre("c_20011220.tif", "b_20020105.tif", "a_20020301.tif"));
  EXPECT_THAT(catalog.dates(), ElementsAre(day(2001, 12, 20), day(2002, 1, 5), day(2002, 3, 1)));
  EXPECT_EQ(catalog.scenes[0].bands[0].band, 4);
  EXPECT_EQ(catalog.scenes[0].bands[1].band, 3);
  EXPECT_EQ(catalog.scenes[0].bands[1].path, archive.path("fine/c_20011220.tif"));
}

TEST(Catalog, scenes_of_one_date_keep_the_order_given) {
  Archive const archive;
  for (char const* name : {"a/x_20020105.tif", "a/y_20020105.tif", "b/a_20020105.tif"}) archive.add(name);
  auto sensor = archive.sensor("b/*.tif");
  sensor.scenes.push_back("a/*.tif");
  sensor.scenes.push_back("*/x_*.tif");  // again: counts once
  auto const catalog = find_scenes(sensor);
  EXPECT_THAT(first_names(catalog), ElementsAre("a_20020105.tif", "x_20020105.tif", "y_20020105.tif"));
  EXPECT_EQ(catalog.dates().size(), 1U);
}

TEST(Catalog, virtual_paths_are_taken_as_they_are) {
  Archive const archive;
  auto const catalog = find_scenes(archive.sensor("/vsimem/fine_20020105.tif"));
  EXPECT_EQ(catalog.scenes.at(0).bands[0].path, "/vsimem/fine_20020105.tif");
  EXPECT_EQ(
      find_scenes(archive.sensor("HDF4_EOS:EOS_GRID:\"m_20020105.hdf\":g:b")).scenes.at(0).bands[0].path,
      "HDF4_EOS:EOS_GRID:\"m_20020105.hdf\":g:b");
  EXPECT_THAT(message_of(archive.sensor("/vsizip/a.zip/*.tif")),
              HasSubstr("wildcards are not expanded in /vsi paths"));
}

TEST(Catalog, exclude_matches_paths_and_names) {
  Archive const archive;
  for (char const* name :
       {"fine/a_20020105.tif", "fine/a_20020106_bad.tif", "fine/a_20020107.tif", "fine/a_20020108.tif"})
    archive.add(name);
  auto sensor = archive.sensor("fine/*.tif");
  sensor.exclude = {"fine/*_bad*", "a_20020107.tif", archive.path("fine/a_20020108.tif")};
  EXPECT_THAT(first_names(find_scenes(sensor)), ElementsAre("a_20020105.tif"));
  sensor.exclude = {"*.tif"};
  EXPECT_THAT(message_of(sensor), HasSubstr("all 4 files it matches are left out by fine.exclude"));
}

TEST(Catalog, one_file_per_band_is_grouped_by_the_rest_of_the_name) {
  Archive const archive;
  for (char const* name :
       {"L_20020105_B4.TIF", "L_20020105_B3.TIF", "L_20020105_B30.TIF", "L_20020121_B3.TIF",
        "L_20020121_B4.TIF", "M_20020121_B3.TIF", "M_20020121_B4.TIF"})
    archive.add(name);
  auto sensor = archive.sensor("*_{band}.TIF");
  sensor.bands = {{"red", "B3"}, {"nir", "B4"}};
  auto const catalog = find_scenes(sensor);
  EXPECT_THAT(first_names(catalog),
              ElementsAre("L_20020105_B3.TIF", "L_20020121_B3.TIF", "M_20020121_B3.TIF"));
  EXPECT_EQ(catalog.scenes[2].bands[1].path, archive.path("M_20020121_B4.TIF"));
  EXPECT_EQ(catalog.scenes[2].bands[1].band, 1);
}

TEST(Catalog, band_token_may_stand_in_folders_and_where_digits_repeat) {
  Archive const archive;
  for (char const* name : {"R10/s_2_20020202_2.tif", "R10/s_2_20020202_3.tif"}) archive.add(name);
  auto sensor = archive.sensor("R10/*_{band}*.tif");
  sensor.bands = {{"red", "2"}, {"nir", "3"}};
  auto const catalog = find_scenes(sensor);
  ASSERT_EQ(catalog.scenes.size(), 1U);
  EXPECT_EQ(catalog.scenes[0].bands[0].path, archive.path("R10/s_2_20020202_2.tif"));
  EXPECT_EQ(catalog.scenes[0].bands[1].path, archive.path("R10/s_2_20020202_3.tif"));

  archive.add("blue/x_20020101_blue.tif");
  archive.add("nir/x_20020101_nir.tif");
  sensor.scenes = {"{band}/x_*_{band}.tif"};
  sensor.bands = {{"b", "blue"}, {"n", "nir"}};
  EXPECT_EQ(find_scenes(sensor).scenes.at(0).bands[1].path, archive.path("nir/x_20020101_nir.tif"));
}

TEST(Catalog, missing_band_file_is_named) {
  Archive const archive;
  for (char const* name : {"L_20020105_B3.TIF", "L_20020105_B4.TIF", "L_20020121_B4.TIF"}) archive.add(name);
  auto sensor = archive.sensor("*_{band}.TIF");
  sensor.bands = {{"red", "B3"}, {"nir", "B4"}};
  EXPECT_EQ(message_of(sensor),
            archive.path("L_20020121_B3.TIF") +
                ": the file of band red is missing. Complete the scene, or leave it out with "
                "fine.exclude.");
  sensor.exclude = {"*20020121*"};
  EXPECT_EQ(find_scenes(sensor).scenes.size(), 1U);
}

TEST(Catalog, band_without_number_needs_a_token) {
  Archive const archive;
  archive.add("a_20020105.tif");
  auto sensor = archive.sensor("*.tif");
  sensor.bands = {{"red", "B3"}};
  EXPECT_THAT(message_of(sensor, ErrorKind::config), HasSubstr("red:B3 is no band number"));
}

TEST(Catalog, nothing_found_says_where_it_looked) {
  Archive const archive;
  auto sensor = archive.sensor("fine/*.tif");
  EXPECT_EQ(message_of(sensor),
            "fine.scenes = fine/*.tif matches no scene: the folder " + archive.path("fine") +
                " does not exist. Correct fine.scenes; relative patterns start at the folder of the job file.");
  archive.add("fine/readme.md");
  EXPECT_THAT(message_of(sensor), HasSubstr("which holds 1 entries, for example readme.md"));
  sensor.role = "coarse";
  EXPECT_THAT(message_of(sensor), HasSubstr("coarse.scenes = fine/*.tif matches no scene"));
  sensor.scenes = {"fine/a_20020105.tif"};
  EXPECT_THAT(message_of(sensor), HasSubstr("a_20020105.tif: no such file. Check coarse.scenes."));
}

TEST(Catalog, name_without_date_names_file_and_pattern) {
  Archive const archive;
  archive.add("fine/scene_1.tif");
  EXPECT_EQ(message_of(archive.sensor("fine/*.tif")),
            archive.path("fine/scene_1.tif") +
                ": no date in the file name fits fine.date = %Y%m%d. Set fine.date to the pattern of the "
                "names (%Y %m %d "
                "%j, with literal text), or give a CSV catalogue.");
}

TEST(Catalog, all_problems_are_listed_up_to_twenty) {
  Archive const archive;
  for (int i = 0; i < 25; ++i) archive.add("fine/scene_" + std::to_string(100 + i) + ".tif");
  std::string const message = message_of(archive.sensor("fine/*.tif"));
  EXPECT_THAT(message, HasSubstr("25 problems with the fine scenes:\n"));
  EXPECT_THAT(message, HasSubstr("scene_119.tif"));
  EXPECT_THAT(message, Not(HasSubstr("scene_120.tif")));
  EXPECT_THAT(message, HasSubstr("... and 5 more"));
}

SensorSpec with_quality(SensorSpec sensor, std::string const& pattern) {
  sensor.qa = {pattern};
  sensor.qa_scheme = QaScheme::mask;
  return sensor;
}

TEST(Catalog, quality_files_are_matched_by_date_and_never_scenes) {
  Archive const archive;
  for (char const* name : {"fine/a_20020105.tif", "fine/a_20020105_QA.tif", "fine/a_20020121.tif",
                           "fine/a_20020121_QA.tif", "fine/a_20020206_QA.tif"})
    archive.add(name);
  auto const catalog = find_scenes(with_quality(archive.sensor("fine/*.tif"), "fine/*_QA.tif"));
  EXPECT_THAT(first_names(catalog), ElementsAre("a_20020105.tif", "a_20020121.tif"));
  EXPECT_EQ(catalog.scenes[1].qa->path, archive.path("fine/a_20020121_QA.tif"));
}

TEST(Catalog, several_quality_files_of_a_date_follow_the_names) {
  Archive const archive;
  for (char const* name :
       {"L_013_20020105.tif", "L_014_20020105.tif", "L_014_20020105_QA.tif", "L_013_20020105_QA.tif",
        "tile_a_20020106.tif", "tile_b_20020106.tif", "QA_20020106_tile_b.tif"})
    archive.add(name);
  auto sensor = with_quality(archive.sensor("L_*.tif"), "*_QA.tif");
  auto const catalog = find_scenes(sensor);
  ASSERT_EQ(catalog.scenes.size(), 2U);
  EXPECT_EQ(catalog.scenes[0].qa->path, archive.path("L_013_20020105_QA.tif"));
  EXPECT_EQ(catalog.scenes[1].qa->path, archive.path("L_014_20020105_QA.tif"));

  // one file serves one scene: the other is named
  EXPECT_THAT(message_of(with_quality(archive.sensor("tile_*.tif"), "QA_*.tif")),
              HasSubstr("no quality file of 2002-01-06 is left for this scene"));

  // equal beginnings: the ends decide
  archive.add("f_20020107_x.tif");
  archive.add("f_20020107_y.tif");
  archive.add("scl_20020107_x.tif");
  archive.add("scl_20020107_y.tif");
  auto const by_end = find_scenes(with_quality(archive.sensor("f_*.tif"), "scl_*.tif"));
  EXPECT_EQ(by_end.scenes[0].qa->path, archive.path("scl_20020107_x.tif"));
  EXPECT_EQ(by_end.scenes[1].qa->path, archive.path("scl_20020107_y.tif"));
}

TEST(Catalog, quality_settings_must_be_complete) {
  Archive const archive;
  for (char const* name : {"a_20020105.tif", "b_20020121.tif", "q_20020105.dat"}) archive.add(name);
  auto sensor = with_quality(archive.sensor("*.tif"), "q_*.dat");
  EXPECT_THAT(message_of(sensor),
              HasSubstr("b_20020121.tif: no quality file of 2002-01-21 is left for this scene. Add "
                        "it, leave the scene out with fine.exclude"));
  EXPECT_THAT(message_of(with_quality(sensor, "none/*")),
              HasSubstr("fine.qa = none/* matches no file: the folder"));
  EXPECT_THAT(message_of(with_quality(sensor, "*.tif")),
              HasSubstr("all 2 files it matches are quality files (fine.qa). Make the patterns differ"));
  sensor.qa_scheme = QaScheme::none;
  EXPECT_THAT(message_of(sensor, ErrorKind::config), HasSubstr("fine.qa_scheme does not say how to read it"));
}

TEST(Catalog, table_gives_dates_quality_and_scales) {
  Archive const archive;
  for (char const* name : {"in/a.tif", "in/b.tif", "in/qa_a.tif", "in/qa, b.tif", "in/c.tif"})
    archive.add(name);
  archive.write("in/scenes.csv",
                "\xEF\xBB\xBF"
                "date,path,qa,sensor,scale,offset,cloud\r\n"
                "2002-01-21,b.tif,\"qa, b.tif\",ETM,0.0001,-0.1,7\r\n"
                "\r\n"
                "2002-01-05T10:30:00Z,a.tif,qa_a.tif,,,,\r\n"
                "20020106,c.tif,,coarse,,,\r\n");
  auto sensor = archive.sensor("in/scenes.csv");
  sensor.qa_scheme = QaScheme::mask;
  auto const catalog = find_scenes(sensor);
  EXPECT_THAT(first_names(catalog), ElementsAre("a.tif", "b.tif"));  // c.tif is the other role's
  EXPECT_EQ(catalog.scenes[0].bands[1].band, 2);
  EXPECT_FALSE(catalog.scenes[0].scale);
  EXPECT_EQ(catalog.scenes[1].qa->path, archive.path("in/qa, b.tif"));
  EXPECT_EQ(catalog.scenes[1].scale, 0.0001);
  EXPECT_EQ(catalog.scenes[1].offset, -0.1);
}

TEST(Catalog, table_rows_with_bands_are_grouped_by_date_and_sensor) {
  Archive const archive;
  for (char const* name : {"r1.tif", "n1.tif", "r2.tif", "n2.tif", "r3.tif", "n3.tif", "s.tif"})
    archive.add(name);
  archive.write(
      "scenes.csv",
      "date,sensor,band,path\n"
      "2002-01-05,A,red,r1.tif\n2002-01-05,A,swir,s.tif\n2002-01-05,B,red,r2.tif\n2002-01-05,A,nir,n1.tif\n"
      "2002-01-05,B,B4,n2.tif\n2002-01-05,A,nir,n3.tif\n2002-01-05,A,red,r3.tif\n");
  auto sensor = archive.sensor("scenes.csv");
  sensor.bands = {{"red", "B3"}, {"nir", "B4"}};
  auto const catalog = find_scenes(sensor);
  EXPECT_THAT(first_names(catalog), ElementsAre("r1.tif", "r2.tif", "r3.tif"));
  EXPECT_EQ(catalog.scenes[0].bands[1].path, archive.path("n1.tif"));
  EXPECT_EQ(catalog.scenes[1].bands[1].path, archive.path("n2.tif"));
  EXPECT_EQ(catalog.scenes[2].bands[1].path, archive.path("n3.tif"));
}

TEST(Catalog, table_problems_name_their_line) {
  Archive const archive;
  archive.add("a.tif");
  archive.write("scenes.csv",
                "date,path,band,scale,qa\n"
                "2002-13-05,a.tif,,,\n2002-01-05,gone.tif,,,\n2002-01-06,a.tif,red,,\n2002-01-07,a.tif,,x,\n"
                "2002-01-08,a.tif,,,gone_qa.tif\n");
  auto const sensor = archive.sensor("scenes.csv");
  std::string const csv = archive.path("scenes.csv");
  EXPECT_EQ(message_of(sensor), "5 problems with the fine scenes:\n" + csv +
                                    ", line 2: date '2002-13-05' is not YYYY-MM-DD or YYYYMMDD.\n" + csv +
                                    ", line 3: " + archive.path("gone.tif") + ": no such file.\n" + csv +
                                    ", line 5: scale 'x' is not a number.\n" + csv +
                                    ", line 6: " + archive.path("gone_qa.tif") + ": no such quality file.\n" +
                                    csv + ", line 4: the scene a.tif has no row for band nir.");

  archive.write("scenes.csv", "day,path\n2002-01-05,a.tif\n");
  EXPECT_EQ(message_of(sensor),
            csv +
                ": no column 'date'. The first line must name the columns, at least date,path; "
                "found: day,path.");
  archive.write("scenes.csv", "date,path\n2002-01-05,a.tif,3\n");
  EXPECT_THAT(message_of(sensor), HasSubstr("line 2: 3 fields, but the header has 2"));
  archive.write("scenes.csv", "");
  EXPECT_THAT(message_of(sensor), HasSubstr("the catalogue is empty"));
  archive.write("scenes.csv", "date,path\n");
  EXPECT_THAT(message_of(sensor), HasSubstr("no row stands for a fine scene"));
  EXPECT_THAT(message_of(archive.sensor("none.csv")), HasSubstr("none.csv: the catalogue cannot be opened"));
}

}  // namespace
}  // namespace stfcube
