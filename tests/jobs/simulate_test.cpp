#include "stfcube/jobs/simulate.hpp"

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/raster_file.hpp"
#include "stfcube/jobs/job_file.hpp"
#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using testing::fresh_folder;
using ::testing::HasSubstr;
using testing::world;

SimulateSettings small_archive(std::filesystem::path const& out) {
  SimulateSettings settings;
  settings.out = out;
  settings.scene.width = 90;
  settings.scene.height = 70;
  settings.scene.bands = 3;
  settings.scene.days = 9;
  settings.scene.fine_every = 8;
  settings.scene.coarse_every = 4;
  return settings;
}

std::string bytes_of(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// File contents by path inside the folder.
std::map<std::string, std::string> contents_of(std::filesystem::path const& folder) {
  std::map<std::string, std::string> contents;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      contents[std::filesystem::relative(entry.path(), folder).string()] = bytes_of(entry.path());
    }
  }
  return contents;
}

std::vector<std::string> names_in(std::filesystem::path const& folder) {
  std::vector<std::string> names;
  for (auto const& [name, bytes] : contents_of(folder)) names.push_back(name);
  return names;
}

std::string refusal(SimulateSettings const& settings, ErrorKind kind) {
  try {
    simulate(settings, world());
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "no error";
}

TEST(Simulate, writes_the_archive) {
  auto settings = small_archive(fresh_folder() / "demo");
  settings.truth_dates = {settings.scene.start + 3};
  simulate(settings, world());
  EXPECT_THAT(
      names_in(settings.out),
      ElementsAre("coarse/COARSE_20200101.tif", "coarse/COARSE_20200105.tif", "coarse/COARSE_20200109.tif",
                  "fine/FINE_20200101.tif", "fine/FINE_20200101_QA.tif", "fine/FINE_20200109.tif",
                  "fine/FINE_20200109_QA.tif", "job.cfg", "truth/TRUTH_20200104.tif"));
}

TEST(Simulate, truth_of_every_coarse_date_on_request) {
  auto settings = small_archive(fresh_folder() / "demo");
  settings.truth = true;
  simulate(settings, world());
  EXPECT_THAT(names_in(settings.out / "truth"),
              ElementsAre("TRUTH_20200101.tif", "TRUTH_20200105.tif", "TRUTH_20200109.tif"));
}

TEST(Simulate, files_say_what_they_hold) {
  auto const settings = small_archive(fresh_folder() / "demo");
  simulate(settings, world());
  auto const fine = open_raster(settings.out / "fine/FINE_20200101.tif");
  EXPECT_EQ(fine->grid().width, 90);
  EXPECT_EQ(fine->grid().height, 70);
  EXPECT_THAT(fine->grid().crs_wkt, HasSubstr("UTM zone 32N"));
  EXPECT_THAT(fine->band_names(), ElementsAre("blue", "green", "red"));
  auto const coarse = open_raster(settings.out / "coarse/COARSE_20200105.tif");
  EXPECT_EQ(coarse->grid().width, 6);
  EXPECT_EQ(coarse->grid().height, 5);
  EXPECT_EQ(coarse->grid().dx, 480);
  EXPECT_EQ(coarse->grid().y0, fine->grid().y0);
}

TEST(Simulate, pixels_are_those_of_the_simulator) {
  auto settings = small_archive(fresh_folder() / "demo");
  settings.truth = true;
  simulate(settings, world());
  SceneSimulator const simulator(settings.scene);
  Date const date = settings.scene.start;
  auto const ground = simulator.ground(simulator.support(simulator.coarse_extent()));
  Stack<float> truth(1, 3, ground.px.height, ground.px.width);
  simulator.truth(ground, date, truth);
  auto const fine = simulator.fine(ground, truth, date, simulator.fine_extent());
  auto const coarse = simulator.coarse(ground.px, truth, date, simulator.coarse_extent());
  auto const expect_file = [](std::filesystem::path const& path, int band, Stack<float> const& expected) {
    auto const raster = open_raster(path);
    auto const values = raster->read(band + 1, raster->grid().all());
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_NEAR(values[i], static_cast<double>(expected.plane(0, band)[i]), 0.5001e-4) << path;
    }
  };
  expect_file(settings.out / "fine/FINE_20200101.tif", 1, fine.reflectance);
  expect_file(settings.out / "fine/FINE_20200101_QA.tif", 0, fine.qa);
  expect_file(settings.out / "coarse/COARSE_20200101.tif", 2, coarse);
  auto const written = open_raster(settings.out / "truth/TRUTH_20200101.tif")->read(1, {17, 20, 1, 1}).at(0);
  EXPECT_NEAR(written, static_cast<double>(truth.at(0, 0, 20 - ground.px.y, 17 - ground.px.x)), 0.5001e-4);
}

TEST(Simulate, ranks_and_threads_do_not_matter) {
  auto const folder = fresh_folder();
  // Two blocks beside, and two below each other, with coarse cells that begin in one and end in the other.
  for (auto const& [width, height] : {std::pair{1060, 40}, std::pair{40, 540}}) {
    auto settings = small_archive(folder / fmt::format("world{}", width));
    settings.scene.width = width;
    settings.scene.height = height;
    settings.scene.bands = 1;
    settings.scene.ratio = 10;
    settings.scene.coarse_clouds = 0.2;
    settings.truth_dates = {settings.scene.start + 1};
    with_threads(2, [&] { simulate(settings, world()); });
    if (!world().is_root()) continue;
    auto alone = settings;
    alone.out = folder / fmt::format("alone{}", width);
    with_threads(1, [&] { simulate(alone, Communicator()); });
    auto const one = contents_of(alone.out);
    auto const many = contents_of(settings.out);
    ASSERT_EQ(one.size(), 9U);
    ASSERT_EQ(many.size(), one.size());
    for (auto const& [name, bytes] : one) EXPECT_TRUE(many.at(name) == bytes) << name;
  }
}

TEST(Simulate, clouded_coarse_cells_are_no_data) {
  auto settings = small_archive(fresh_folder() / "demo");
  settings.scene.coarse_clouds = 1;
  simulate(settings, world());
  auto const coarse = open_raster(settings.out / "coarse/COARSE_20200105.tif");
  int missing = 0;
  for (double const value : coarse->read(1, coarse->grid().all())) missing += std::isnan(value) ? 1 : 0;
  EXPECT_GT(missing, 20);
}

TEST(Simulate, the_job_names_what_was_written) {
  std::string const job = simulated_job(small_archive("demo"));
  for (char const* line :
       {"[grid]\nlike = fine/FINE_20200101.tif", "ratio = 16", "[fine]\nscenes = fine/FINE_????????.tif",
        "bands = blue:1 green:2 red:3", "qa = fine/FINE_*_QA.tif", "qa_scheme = landsat_c2",
        "[coarse]\nscenes = coarse/COARSE_*.tif", "[target]\ndates = coarse", "[model]\nname = starfm",
        "[cube]\npath = cube.nc"}) {
    EXPECT_THAT(job, HasSubstr(line));
  }
}

TEST(Simulate, the_job_is_accepted_and_finds_its_scenes) {
  auto const settings = small_archive(fresh_folder() / "demo");
  simulate(settings, world());
  JobSpec const job = make_job_spec(read_job_file(settings.out / "job.cfg"), settings.out);
  Catalog const fine = find_scenes(job.fine);
  Catalog const coarse = find_scenes(job.coarse);
  EXPECT_EQ(fine.dates(), (std::vector<Date>{settings.scene.start, settings.scene.start + 8}));
  EXPECT_EQ(coarse.dates().size(), 3U);
  EXPECT_TRUE(fine.scenes.front().qa.has_value());
  Grid const grid = read_grid(job.grid.like.string());
  for (Scene const& scene : fine.scenes) EXPECT_TRUE(check_scene(scene, job.fine, grid).aligned);
  Grid const cells = coarse_grid(grid, *job.grid.ratio);
  for (Scene const& scene : coarse.scenes) EXPECT_TRUE(check_scene(scene, job.coarse, cells).aligned);
}

TEST(Simulate, an_archive_is_replaced_only_on_request) {
  auto settings = small_archive(fresh_folder());
  simulate(settings, world());  // an empty folder may be used
  world().barrier();
  EXPECT_THAT(refusal(settings, ErrorKind::config), HasSubstr("--overwrite"));
  settings.overwrite = true;
  settings.scene.start = settings.scene.start + 366;
  if (world().is_root()) std::ofstream(settings.out / "fine" / "notes.txt") << "mine";
  world().barrier();
  simulate(settings, world());
  EXPECT_THAT(names_in(settings.out / "fine"),
              ElementsAre("FINE_20210101.tif", "FINE_20210101_QA.tif", "FINE_20210109.tif",
                          "FINE_20210109_QA.tif", "notes.txt"));
}

TEST(Simulate, a_place_that_cannot_be_written_is_named) {
  auto const folder = fresh_folder();
  if (world().is_root()) std::ofstream(folder / "file") << "taken";
  world().barrier();
  EXPECT_THAT(refusal(small_archive(folder / "file" / "demo"), ErrorKind::config), HasSubstr("file/demo"));
  EXPECT_THAT(refusal(small_archive(folder / "file"), ErrorKind::config), HasSubstr("not an empty folder"));
  EXPECT_THAT(refusal(small_archive(""), ErrorKind::config), HasSubstr("--out"));
}

TEST(Simulate, settings_out_of_range_are_refused_before_anything_is_written) {
  auto const folder = fresh_folder();
  auto settings = small_archive(folder / "demo");
  settings.scene.bands = 7;
  EXPECT_THAT(refusal(settings, ErrorKind::config), HasSubstr("--bands 7"));
  settings.scene.bands = 3;
  settings.crs = "EPSG:nonsense";
  EXPECT_THAT(refusal(settings, ErrorKind::config), HasSubstr("nonsense"));
  EXPECT_FALSE(std::filesystem::exists(folder / "demo"));
}

}  // namespace
}  // namespace stfcube
