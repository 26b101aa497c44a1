#include "stfcube/jobs/evaluate.hpp"

#include <cmath>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "stfcube/tests/support/small_cube.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::SmallCube;
using testing::world;

Date day(char const* text) {
  return *parse_date(text);
}

Dn truth_dn(int date, int band, int x, int y) {
  return static_cast<Dn>(1000 + 100 * date + 500 * band + (x * 37 + y * 91 + x * y) % 700);
}

/// Off by +10 DN in the first band and -20 in the second.
Dn predicted_dn(int date, int band, int x, int y) {
  return static_cast<Dn>(truth_dn(date, band, x, y) + (band == 0 ? 10 : -20));
}

/// Three dates, two bands, wider than one tile of work. Even columns are fused, odd ones observed, row 0 is
/// empty.
SmallCube prediction_in(std::filesystem::path const& folder) {
  SmallCube cube;
  cube.path = folder / "prediction.nc";
  cube.width = 530;
  cube.height = 24;
  cube.dates = {day("2020-01-01"), day("2020-01-09"), day("2020-01-17")};
  cube.bands = {"red", "nir"};
  cube.dn = predicted_dn;
  cube.flags = [](int, int x, int y) {
    return y == 0 ? quality::no_data : x % 2 == 0 ? quality::fused : quality::observed;
  };
  return cube;
}

/// The truth of the same places, without gaps.
SmallCube truth_of(SmallCube cube) {
  cube.dn = truth_dn;
  cube.flags = [](int, int, int) { return quality::observed; };
  return cube;
}

/// Writes what several tests need: the cube, and files of the truth for the first and last date.
struct Archive {
  std::filesystem::path folder = testing::fresh_folder();
  SmallCube prediction = prediction_in(folder);
  SmallCube truth = truth_of(prediction);

  explicit Archive(double scale = 1e-4) {
    testing::write_cube(prediction);
    if (world().is_root()) {
      for (int date : {0, 2}) testing::write_file(truth, date, truth_file(date), scale, truth.bands);
    }
    world().barrier();
  }

  std::filesystem::path truth_file(int date) const {
    return folder / ("truth_" + compact(truth.dates[static_cast<std::size_t>(date)]) + ".tif");
  }

  EvaluateSettings settings() const {
    EvaluateSettings settings;
    settings.predictions = {prediction.path};
    settings.references = {truth_file(0), truth_file(2)};
    settings.ratio = 16;
    settings.threads = 1;
    return settings;
  }
};

std::string refusal(EvaluateSettings const& settings, ErrorKind kind) {
  try {
    measure_accuracy(settings, world());
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Evaluate, cube_against_files_of_its_dates) {
  Archive const archive;
  AccuracyReport const report = measure_accuracy(archive.settings(), world());
  EXPECT_THAT(report.notes, IsEmpty());
  ASSERT_THAT(report.predictions, SizeIs(1));
  auto const& prediction = report.predictions[0];
  ASSERT_THAT(prediction.images, SizeIs(2));
  EXPECT_EQ(prediction.images[1].date, day("2020-01-17"));
  ASSERT_THAT(prediction.images[0].bands, SizeIs(2));
  auto const& red = prediction.images[0].bands[0];
  EXPECT_EQ(red.band, "red");
  EXPECT_EQ(red.accuracy.pixels, 530 * 23);
  EXPECT_DOUBLE_EQ(red.accuracy.rmse, 0.001);
  EXPECT_DOUBLE_EQ(red.accuracy.ad, 0.001);
  EXPECT_DOUBLE_EQ(red.accuracy.psnr, 60);
  auto const& nir = prediction.images[0].bands[1];
  EXPECT_DOUBLE_EQ(nir.accuracy.ad, -0.002);
  EXPECT_DOUBLE_EQ(prediction.images[0].all.rmse, 0.0015);
  EXPECT_DOUBLE_EQ(prediction.overall.rmse, 0.0015);
  EXPECT_NEAR(prediction.overall.pooled_rmse, std::sqrt((1e-6 + 4e-6) / 2), 1e-15);
  EXPECT_EQ(prediction.overall.pixels, 2 * 530 * 23);
  EXPECT_EQ(prediction.bands[1].band, "nir");
  EXPECT_DOUBLE_EQ(prediction.bands[1].accuracy.rmse, 0.002);
  EXPECT_GT(prediction.overall.sam, 0);
  EXPECT_GT(prediction.overall.ergas, 0);
  EXPECT_GT(prediction.overall.ssim_local, 0.9);
}

TEST(Evaluate, figures_do_not_depend_on_ranks_and_threads) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  std::string const together = accuracy_json(measure_accuracy(settings, world()));
  settings.threads = 2;
  std::string const alone = accuracy_json(measure_accuracy(settings, Communicator()));
  EXPECT_EQ(together, alone);
}

TEST(Evaluate, fused_leaves_out_what_was_observed) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.quality = "fused";
  EXPECT_EQ(measure_accuracy(settings, world()).predictions[0].images[0].all.pixels, 265 * 23);
}

TEST(Evaluate, fused_needs_a_cube) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.predictions = settings.references;
  settings.quality = "fused";
  EXPECT_THAT(refusal(settings, ErrorKind::config), HasSubstr("needs a cube"));
}

TEST(Evaluate, mask_restricts_the_pixels) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.mask = archive.folder / "mask.tif";
  if (world().is_root()) {
    SmallCube mask = archive.truth;
    mask.bands = {"mask"};
    mask.dn = [](int, int, int x, int y) { return static_cast<Dn>(x < 100 && y < 11); };
    testing::write_file(mask, 0, settings.mask, 1, mask.bands);
  }
  world().barrier();
  AccuracyReport const report = measure_accuracy(settings, world());
  EXPECT_EQ(report.predictions[0].images[0].all.pixels, 100 * 10);
  EXPECT_TRUE(std::isnan(report.predictions[0].images[0].all.ssim_local)) << "no window fits into ten rows";
  EXPECT_FALSE(std::isnan(report.predictions[0].images[0].all.uiqi));
}

TEST(Evaluate, mask_of_another_size_is_refused) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.mask = archive.folder / "mask.tif";
  if (world().is_root()) {
    SmallCube mask = archive.truth;
    mask.width = 20;
    testing::write_file(mask, 0, settings.mask, 1, mask.bands);
  }
  world().barrier();
  EXPECT_THAT(refusal(settings, ErrorKind::data), HasSubstr("20 x 24 pixels"));
}

TEST(Evaluate, missing_scale_is_refused_and_can_be_given) {
  Archive const archive(1);
  EvaluateSettings settings = archive.settings();
  EXPECT_THAT(refusal(settings, ErrorKind::data), HasSubstr("--scale (0.0001"));
  settings.reference_scaling.scale = 1e-4;
  EXPECT_DOUBLE_EQ(measure_accuracy(settings, world()).predictions[0].overall.rmse, 0.0015);
}

TEST(Evaluate, missing_scale_of_one_file_of_two_is_refused) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.predictions = {archive.folder / "raw.tif"};
  settings.references = {archive.truth_file(0)};
  if (world().is_root())
    testing::write_file(archive.truth, 0, settings.predictions[0], 1, archive.truth.bands);
  world().barrier();
  EXPECT_THAT(refusal(settings, ErrorKind::data), HasSubstr("--prediction-scale"));
  settings.prediction_scaling.scale = 1e-4;
  EXPECT_EQ(measure_accuracy(settings, world()).predictions[0].overall.rmse, 0);
}

TEST(Evaluate, two_unscaled_files_are_compared_with_a_note) {
  Archive const archive(1);
  EvaluateSettings settings = archive.settings();
  settings.predictions = {archive.truth_file(2)};
  settings.references = {archive.truth_file(0)};
  AccuracyReport const report = measure_accuracy(settings, world());
  EXPECT_GT(report.predictions[0].overall.rmse, 1);
  EXPECT_THAT(report.notes,
              ElementsAre(HasSubstr("although their names"), HasSubstr("hold values beyond 2")));
}

TEST(Evaluate, values_outside_the_valid_range_are_left_out) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.references = {archive.folder / "bright_20200101.tif"};
  if (world().is_root()) {
    SmallCube bright = archive.truth;
    bright.dn = [](int date, int band, int x, int y) {
      return x == 3 ? Dn{30000} : truth_dn(date, band, x, y);
    };
    testing::write_file(bright, 0, settings.references[0], 1e-4, bright.bands);
  }
  world().barrier();
  AccuracyReport const report = measure_accuracy(settings, world());
  EXPECT_EQ(report.predictions[0].overall.pixels, 529 * 23);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("48 of 25440 values outside -0.2 to 1.6")));
  settings.reference_scaling.valid = {0.0, 4.0};
  EXPECT_EQ(measure_accuracy(settings, world()).predictions[0].overall.pixels, 530 * 23);
}

TEST(Evaluate, ergas_without_ratio_is_undefined_and_says_why) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.ratio.reset();
  AccuracyReport const report = measure_accuracy(settings, world());
  EXPECT_TRUE(std::isnan(report.predictions[0].overall.ergas));
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("--ratio")));
}

TEST(Evaluate, ratio_comes_from_the_job_of_the_cube) {
  Archive const archive;
  SmallCube cube = archive.prediction;
  cube.path = archive.folder / "with_ratio.nc";
  cube.job_text = "grid.crs = EPSG:32632\ngrid.ratio = 8\nmodel.name = starfm\n";
  testing::write_cube(cube);
  EvaluateSettings settings = archive.settings();
  settings.predictions = {cube.path};
  settings.ratio.reset();
  EXPECT_EQ(measure_accuracy(settings, world()).scale.ratio, 8);
  settings.ratio = 30;
  EXPECT_EQ(measure_accuracy(settings, world()).scale.ratio, 30);
}

TEST(Evaluate, cube_against_cube) {
  Archive const archive;
  SmallCube truth = archive.truth;
  truth.path = archive.folder / "truth.nc";
  testing::write_cube(truth);
  EvaluateSettings settings = archive.settings();
  settings.references = {truth.path};
  EXPECT_THAT(measure_accuracy(settings, world()).predictions[0].images, SizeIs(3));
}

TEST(Evaluate, temperature_has_a_range_of_its_own) {
  auto const folder = testing::fresh_folder();
  SmallCube cube = prediction_in(folder);
  cube.quantity = quantity_named("temperature");
  cube.uncertainty = false;
  testing::write_cube(cube);
  EvaluateSettings settings;
  settings.predictions = settings.references = {cube.path};
  AccuracyReport const report = measure_accuracy(settings, world());
  EXPECT_DOUBLE_EQ(report.scale.data_range, 300);
  EXPECT_EQ(report.predictions[0].overall.rmse, 0);
}

TEST(Evaluate, table_names_every_figure_and_rivals_stand_side_by_side) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.predictions = {archive.truth_file(0), archive.truth_file(2)};
  settings.references = {archive.truth_file(0)};
  settings.ratio.reset();
  std::ostringstream out;
  evaluate(settings, world(), out);
  if (!world().is_root()) {
    EXPECT_EQ(out.str(), "");
    return;
  }
  for (char const* word : {"Prediction truth_20200101", "pooled", "SSIMglobal", "2020-01-01  nir", "n/a",
                           "inf", "Comparison", "RMSE", "Note: ERGAS"}) {
    EXPECT_THAT(out.str(), HasSubstr(word));
  }
}

TEST(Evaluate, json_and_csv_hold_what_the_table_shows) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.json = "-";
  settings.csv = (archive.folder / "accuracy.csv").string();
  settings.ratio.reset();
  std::ostringstream out;
  evaluate(settings, world(), out);
  if (!world().is_root()) return;
  auto const json = nlohmann::json::parse(out.str());
  auto const& prediction = json["predictions"][0];
  EXPECT_EQ(prediction["images"][0]["date"], "2020-01-01");
  EXPECT_DOUBLE_EQ(prediction["images"][0]["bands"][1]["rmse"].get<double>(), 0.002);
  EXPECT_DOUBLE_EQ(prediction["overall"]["mean_rmse"].get<double>(), 0.0015);
  EXPECT_TRUE(prediction["overall"]["ergas"].is_null());
  EXPECT_TRUE(json["ratio"].is_null());
  std::ifstream csv(settings.csv);
  std::string line;
  std::vector<std::string> lines;
  while (std::getline(csv, line)) lines.push_back(line);
  ASSERT_THAT(lines, SizeIs(1 + 2 * 3 + 3));
  EXPECT_THAT(lines[0], HasSubstr("prediction,date,band,stratum,pixels,rmse,pooled_rmse,mae"));
  EXPECT_THAT(lines[1], HasSubstr("prediction,2020-01-01,red,all,12190,0.001,"));
  EXPECT_THAT(lines.back(), HasSubstr("prediction,all,all,all,24380,0.0015,"));
  EXPECT_THAT(lines.back(), HasSubstr("n/a"));
}

TEST(Evaluate, equal_images_have_infinite_psnr_in_json) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.predictions = settings.references = {archive.truth_file(0)};
  auto const json = nlohmann::json::parse(accuracy_json(measure_accuracy(settings, world())));
  EXPECT_EQ(json["predictions"][0]["overall"]["psnr"], "inf");
}

TEST(Evaluate, unwritable_report_is_an_error_everywhere) {
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.json = (archive.folder / "absent" / "a.json").string();
  std::ostringstream out;
  EXPECT_THROW(evaluate(settings, world(), out), Error);
}

TEST(Evaluate, settings_are_checked) {
  EXPECT_THAT(refusal({}, ErrorKind::config), HasSubstr("--prediction and --reference"));
  Archive const archive;
  EvaluateSettings settings = archive.settings();
  settings.quality = "good";
  EXPECT_THAT(refusal(settings, ErrorKind::config), HasSubstr("quality = good"));
  settings = archive.settings();
  settings.ratio = 0;
  EXPECT_THAT(refusal(settings, ErrorKind::config), HasSubstr("ratio = 0"));
  settings = archive.settings();
  settings.json = settings.csv = "-";
  EXPECT_THAT(refusal(settings, ErrorKind::config), HasSubstr("standard output"));
}

// Specs: conventions, section 12, row "copy of 12 Aug".
TEST(Evaluate, boreas_copy_has_the_published_errors) {
  auto const shared = testing::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "no folder with real imagery (STFCUBE_SHARED)";
  EvaluateSettings settings;
  settings.predictions = {shared / "data/boreas_2001/fine_20010812.tif"};
  settings.references = {shared / "data/boreas_2001/fine_20010711.tif"};
  auto const image = measure_accuracy(settings, world()).predictions[0].images[0];
  double const rmse[] = {.0075, .0063, .0168}, mae[] = {.0066, .0050, .0148}, cc[] = {.910, .920, .976};
  for (std::size_t b = 0; b < 3; ++b) {
    EXPECT_NEAR(image.bands[b].accuracy.rmse, rmse[b], 0.00005) << b;
    EXPECT_NEAR(image.bands[b].accuracy.mae, mae[b], 0.00005) << b;
    EXPECT_NEAR(image.bands[b].accuracy.cc, cc[b], 0.0005) << b;
  }
}

}  // namespace
}  // namespace stfcube
