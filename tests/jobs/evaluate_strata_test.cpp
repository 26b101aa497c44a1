#include <cmath>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/jobs/evaluate.hpp"
#include "stfcube/tests/support/small_cube.hpp"

namespace stfcube {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::SmallCube;
using testing::world;

Date day(char const* text) {
  return *parse_date(text);
}

Dn truth_dn(int date, int band, int x, int y) {
  return static_cast<Dn>(2000 + 100 * date + 500 * band + (x * 37 + y * 91 + x * y) % 700);
}

/// Errors of 10 DN times the class, which is 1, 2 or 3 by column.
int class_of(int x) {
  return 1 + x % 3;
}

/// Two dates, two bands, more than one tile of work.
struct Scene {
  std::filesystem::path folder = testing::fresh_folder();
  SmallCube cube, truth;

  Scene() {
    cube.path = folder / "prediction.nc";
    cube.width = 540;
    cube.height = 36;
    cube.dates = {day("2020-01-01"), day("2020-01-09")};
    cube.bands = {"red", "nir"};
    cube.dn = [](int date, int band, int x, int y) {
      return static_cast<Dn>(truth_dn(date, band, x, y) + 10 * class_of(x));
    };
    truth = cube;
    truth.dn = truth_dn;
    testing::write_cube(cube);
    for (int date : {0, 1}) write(truth, date, truth_file(date), truth.bands, 1e-4);
  }

  void write(SmallCube const& image, int date, std::filesystem::path const& path,
             std::vector<std::string> const& names, double scale) const {
    if (world().is_root()) testing::write_file(image, date, path, scale, names);
    world().barrier();
  }

  std::filesystem::path truth_file(int date) const {
    return folder / ("truth_" + compact(truth.dates[static_cast<std::size_t>(date)]) + ".tif");
  }

  /// One band of whole numbers.
  std::filesystem::path map_file(char const* name, std::function<int(int x, int y)> const& value) const {
    SmallCube map = truth;
    map.bands = {"map"};
    map.dn = [&](int, int, int x, int y) { return static_cast<Dn>(value(x, y)); };
    write(map, 0, folder / name, map.bands, 1);
    return folder / name;
  }

  /// The truth with something added.
  std::filesystem::path changed_file(char const* name, std::function<int(int x)> const& change) const {
    SmallCube image = truth;
    image.dn = [&](int date, int band, int x, int y) {
      return static_cast<Dn>(truth_dn(date, band, x, y) + change(x));
    };
    write(image, 0, folder / name, image.bands, 1e-4);
    return folder / name;
  }

  EvaluateSettings settings() const {
    EvaluateSettings settings;
    settings.predictions = {cube.path};
    settings.references = {truth_file(0), truth_file(1)};
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

TEST(EvaluateStrata, every_class_has_its_own_figures) {
  Scene const scene;
  EvaluateSettings settings = scene.settings();
  settings.classes =
      scene.map_file("classes.tif", [](int x, int y) { return y == 5 ? no_data_dn : class_of(x); });
  AccuracyReport const report = measure_accuracy(settings, world());
  auto const& image = report.predictions[0].images[1];
  ASSERT_THAT(image.strata, SizeIs(3));
  for (int c = 0; c < 3; ++c) {
    auto const& stratum = image.strata[static_cast<std::size_t>(c)];
    EXPECT_EQ(stratum.layer + stratum.value, "class" + std::to_string(c + 1));
    EXPECT_EQ(stratum.all.pixels, 180 * 35);
    EXPECT_NEAR(stratum.all.rmse, 0.001 * (c + 1), 1e-12);
    EXPECT_NEAR(stratum.bands[1].accuracy.ad, 0.001 * (c + 1), 1e-12);
    EXPECT_TRUE(std::isnan(stratum.all.ssim_local));
  }
  ASSERT_THAT(report.predictions[0].strata, SizeIs(3));
  EXPECT_EQ(report.predictions[0].strata[2].all.pixels, 2 * 180 * 35);
  EXPECT_NEAR(report.predictions[0].strata[2].all.rmse, 0.003, 1e-12);
}

TEST(EvaluateStrata, change_since_the_base_separates_pixels) {
  Scene const scene;
  EvaluateSettings settings = scene.settings();
  settings.references = {scene.truth_file(0)};
  // 0.0199 is stable, 0.02 and 0.1 are gradual, 0.1001 is abrupt.
  settings.base = {scene.changed_file("before_20191201.tif", [](int x) {
    return x < 100 ? 199 : x < 250 ? 200 : x < 300 ? -1000 : 1001;
  })};
  AccuracyReport const report = measure_accuracy(settings, world());
  auto const& strata = report.predictions[0].images[0].strata;
  ASSERT_THAT(strata, SizeIs(3));
  EXPECT_EQ(strata[0].value, "stable");
  EXPECT_EQ(strata[0].all.pixels, 100 * 36);
  EXPECT_EQ(strata[1].value, "gradual");
  EXPECT_EQ(strata[1].all.pixels, 200 * 36);
  EXPECT_EQ(strata[2].value, "abrupt");
  EXPECT_EQ(strata[2].all.pixels, 240 * 36);
}

TEST(EvaluateStrata, base_is_the_nearest_image_of_another_day) {
  Scene const scene;
  EvaluateSettings settings = scene.settings();
  settings.base = settings.references;  // each date has the other one as its base
  AccuracyReport const report = measure_accuracy(settings, world());
  for (auto const& image : report.predictions[0].images) {
    ASSERT_THAT(image.strata, SizeIs(1));
    EXPECT_EQ(image.strata[0].value, "stable") << "the dates differ by 100 DN";
  }
}

TEST(EvaluateStrata, coarse_images_are_compared_with_cell_means) {
  Scene const scene;
  SmallCube coarse = scene.truth;
  coarse.width = 540 / 20;
  coarse.height = 1;  // 36 rows hold one whole cell of 20
  coarse.dn = [](int, int band, int, int) { return static_cast<Dn>(3000 + band); };
  auto const path = scene.folder / "coarse_20200109.tif";
  if (world().is_root()) {
    RasterSpec spec{.path = path,
                    .grid = coarse.grid(),
                    .bands = 2,
                    .no_data = {},
                    .scale = 1e-4,
                    .band_names = coarse.bands,
                    .metadata = {}};
    spec.grid.dx = spec.grid.dy = 600;
    auto const file = create_geotiff(spec);
    Stack<float> values(1, 2, 1, coarse.width);
    for (int b = 0; b < 2; ++b) {
      for (int x = 0; x < coarse.width; ++x) values.at(0, b, 0, x) = static_cast<float>(3000 + b);
    }
    file->write(spec.grid.all(), values);
    file->close();
  }
  world().barrier();
  EvaluateSettings settings = scene.settings();
  settings.ratio.reset();
  settings.coarse = {path};
  AccuracyReport const report = measure_accuracy(settings, world());
  EXPECT_EQ(report.scale.ratio, 20);
  EXPECT_THAT(report.notes, ::testing::ElementsAre("no coarse image serves 2020-01-01."));
  double squares = 0;
  for (int cell = 0; cell < 27; ++cell) {
    double sum = 0;
    for (int y = 0; y < 20; ++y) {
      for (int x = 20 * cell; x < 20 * cell + 20; ++x) sum += scene.cube.dn(1, 0, x, y);
    }
    squares += std::pow(sum / 400 - 3000, 2);
  }
  auto const& images = report.predictions[0].images;
  EXPECT_NEAR(images[1].bands[0].accuracy.coarse_rmse, 1e-4 * std::sqrt(squares / 27), 1e-12);
  EXPECT_TRUE(std::isnan(images[0].all.coarse_rmse));
}

TEST(EvaluateStrata, uncertainty_of_a_cube_is_held_against_its_errors) {
  Scene const scene;  // told are 20 DN in the first band, 21 in the second; errors are 10, 20 and 30
  AccuracyReport const report = measure_accuracy(scene.settings(), world());
  auto const& red = report.predictions[0].images[0].bands[0].accuracy;
  EXPECT_NEAR(red.within_sigma, 2.0 / 3, 1e-12);
  EXPECT_DOUBLE_EQ(red.mean_sigma, 0.002);
  EXPECT_NEAR(report.predictions[0].overall.mean_sigma, 0.00205, 1e-15);
  EvaluateSettings files = scene.settings();
  files.predictions = files.references;
  EXPECT_TRUE(std::isnan(measure_accuracy(files, world()).predictions[0].overall.within_sigma));
}

TEST(EvaluateStrata, everything_is_equal_for_any_ranks_and_threads) {
  Scene const scene;
  EvaluateSettings settings = scene.settings();
  settings.classes = scene.map_file("classes.tif", [](int x, int y) { return (x / 7 + y) % 4; });
  settings.base = {scene.changed_file("before_20191201.tif", [](int x) { return 3 * x; })};
  std::string const together = accuracy_json(measure_accuracy(settings, world()));
  settings.threads = 2;
  EXPECT_EQ(together, accuracy_json(measure_accuracy(settings, Communicator())));
  EXPECT_THAT(together, HasSubstr("\"value\": \"abrupt\""));
}

TEST(EvaluateStrata, table_and_csv_show_strata_side_by_side) {
  Scene const scene;
  EvaluateSettings settings = scene.settings();
  settings.predictions.push_back(scene.changed_file("rival_20200101.tif", [](int) { return 40; }));
  settings.references = {scene.truth_file(0)};
  settings.classes = scene.map_file("classes.tif", [](int x, int) { return class_of(x); });
  std::ostringstream table;
  AccuracyReport const report = measure_accuracy(settings, world());
  print_table(report, table);
  for (char const* word : {"Strata", "class 2", "33.33%", "mean RMSE", "in sigma"})
    EXPECT_THAT(table.str(), HasSubstr(word));
  std::string const csv = accuracy_csv(report);
  EXPECT_THAT(csv, HasSubstr("\nprediction,2020-01-01,red,class:3,6480,0.003,"));
  EXPECT_THAT(csv, HasSubstr("\nrival_20200101,all,all,class:1,6480,0.004,"));
}

TEST(EvaluateStrata, what_does_not_fit_is_refused) {
  Scene const scene;
  EvaluateSettings settings = scene.settings();
  settings.classes = scene.map_file("no_classes.tif", [](int, int) { return -5; });
  EXPECT_THAT(refusal(settings, ErrorKind::data), HasSubstr("labels are whole numbers"));
  settings = scene.settings();
  SmallCube small = scene.truth;
  small.width = 20;
  scene.write(small, 0, scene.folder / "small_20191201.tif", small.bands, 1e-4);
  settings.base = {scene.folder / "small_20191201.tif"};
  EXPECT_THAT(refusal(settings, ErrorKind::data), HasSubstr("do not have the same pixels"));
  settings = scene.settings();
  settings.coarse = {scene.folder / "small_20191201.tif"};
  EXPECT_THAT(measure_accuracy(settings, world()).notes, SizeIs(2)) << "it has another date";
  settings = scene.settings();
  settings.classes = scene.folder / "small_20191201.tif";
  EXPECT_THAT(refusal(settings, ErrorKind::data), HasSubstr("the class map (--classes)"));
  settings = scene.settings();
  settings.base = {scene.map_file("one_band.tif", [](int, int) { return 1; })};
  EXPECT_THAT(refusal(settings, ErrorKind::data), HasSubstr("the compared ones are red nir"));
}

TEST(EvaluateStrata, coarse_images_must_lie_on_the_fine_grid) {
  Scene const scene;
  EvaluateSettings settings = scene.settings();
  if (world().is_root()) {
    RasterSpec spec{.path = scene.folder / "coarse_20200101.tif",
                    .grid = scene.truth.grid(),
                    .bands = 2,
                    .no_data = {},
                    .band_names = {},
                    .metadata = {}};
    spec.grid.x0 += 45;
    auto const file = create_geotiff(spec);
    Stack<float> values(1, 2, 36, 540);
    values.fill(1);
    file->write(spec.grid.all(), values);
    file->close();
  }
  world().barrier();
  settings.coarse = {scene.folder / "coarse_20200101.tif"};
  EXPECT_THAT(refusal(settings, ErrorKind::data), HasSubstr("are not whole blocks"));
}

}  // namespace
}  // namespace stfcube
