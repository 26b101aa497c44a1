// Every registered method, through the whole pipeline: the cube is the same for any tiles, slabs, threads and
// ranks.
#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "stfcube/models/registry.hpp"
#include "stfcube/pipeline/tile_pipeline.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/memory_io.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::MemoryReader;
using testing::MemoryWriter;
using testing::world;

constexpr int width = 88, height = 70, ratio = 8, bands = 6;

int noise(int x, int y, int band, int date, int amplitude) {
  return static_cast<int>(testing::golden_hash(x, y, band, date) % static_cast<unsigned>(amplitude));
}

/// Parcels of four classes that change at their own pace; a cloud on each date, and single missing pixels.
Stack<Dn> landscape(std::vector<Date> const& dates, int step, bool clouds) {
  int const cols = (width + step - 1) / step, rows = (height + step - 1) / step;
  Stack<Dn> dn(static_cast<int>(dates.size()), bands, rows, cols);
  for (int d = 0; d < dn.dates(); ++d) {
    int const day = dates[static_cast<std::size_t>(d)].days;
    for (int y = 0; y < rows; ++y) {
      for (int x = 0; x < cols; ++x) {
        int const px = x * step + step / 2, py = y * step + step / 2;
        int const parcel = (px / 13 + py / 11 * 3) % 4;
        bool const missing = clouds && (noise(px, py, 7, day, 40) == 0 ||
                                        (px - 3 * day) * (px - 3 * day) + (py - 30) * (py - 30) < 90);
        for (int b = 0; b < bands; ++b) {
          int const value =
              400 + 350 * parcel + 120 * b + (parcel - 1) * day * (b + 1) + noise(px, py, b, day, 50);
          dn.at(d, b, y, x) = missing ? no_data_dn : static_cast<Dn>(value);
        }
      }
    }
  }
  return dn;
}

/// Options that keep windows small beside the scene, and those that need the most of the first pass.
std::map<std::string, std::string> small_windows(std::string const& method) {
  static std::map<std::string, std::map<std::string, std::string>> const options = {
      {"bayes", {{"bayes.method", "smooth"}}},
      {"estarfm", {{"estarfm.window", "11"}}},
      {"robot", {{"robot.harmonise", "pairs"}}},
      {"spstfm", {{"spstfm.atoms", "16"}, {"spstfm.training", "60"}, {"spstfm.rounds", "1"}}},
      {"staarch", {{"starfm.window", "11"}, {"staarch.index", "1"}, {"staarch.wetness", "0"}}},
      {"starfm", {{"starfm.window", "11"}}},
      {"stnlffm", {{"stnlffm.window", "11"}}},
      {"unmixing", {{"unmixing.radius", "1"}, {"unmixing.purest", "5"}}},
  };
  auto const found = options.find(method);
  return found == options.end() ? std::map<std::string, std::string>() : found->second;
}

ModelSettings settings_of(std::string const& method, int zone_px) {
  ModelSettings settings;
  settings.bands = {"blue", "green", "red", "nir", "swir1", "swir2"};
  settings.ratio = ratio;
  settings.max_pair_gap_days = 40;
  settings.zone_px = zone_px;
  settings.options = small_windows(method);
  return settings;
}

struct Job {
  Job(std::string const& method, int zone_px) : model(make_model(method, settings_of(method, zone_px))) {
    task.fine_grid.width = width;
    task.fine_grid.height = height;
    task.ratio = ratio;
    task.coarse_grid = coarse_grid(task.fine_grid, ratio);
    task.targets = {Date{0}, Date{8}, Date{12}, Date{24}, Date{40}};  // no coarse image on day 12
    task.bands = {"blue", "green", "red", "nir", "swir1", "swir2"};
    task.max_pair_gap_days = 40;
    task.model = model.get();
    std::vector<Date> const fine_dates = {Date{0}, Date{16}, Date{32}};
    std::vector<Date> const coarse_dates = {Date{0}, Date{8}, Date{16}, Date{24}, Date{32}, Date{40}};
    fine_reader = std::make_unique<MemoryReader>(fine_dates, landscape(fine_dates, 1, true));
    coarse_reader = std::make_unique<MemoryReader>(coarse_dates, landscape(coarse_dates, ratio, true));
    fine = std::make_unique<BlockCache>(*fine_reader, task.fine_grid.all(), bands, 32, 1 << 22);
    coarse = std::make_unique<BlockCache>(*coarse_reader, task.coarse_grid.all(), bands, 16, 1 << 20);
    task.fine = fine.get();
    task.coarse = coarse.get();
  }

  std::unique_ptr<FusionModel> model;
  std::unique_ptr<MemoryReader> fine_reader, coarse_reader;
  std::unique_ptr<BlockCache> fine, coarse;
  FusionTask task;
};

struct Cut {
  int tile_px, slab_dates, threads;
};

/// Everything that ends up in the cube.
std::vector<std::int64_t> cube(std::string const& method, int zone_px, Cut const& cut,
                               Communicator const& comm) {
  Job job(method, zone_px);
  Plan const plan = make_plan(job.task.fine_grid, 5,
                              {.tile_px = cut.tile_px,
                               .chunk_y = 10,
                               .chunk_x = 10,
                               .lattice_px = job.model->info().support.lattice_px,
                               .slab_dates = cut.slab_dates});
  auto const work = assign(plan, std::vector<double>(plan.tiles.size(), 1.0), comm.size());
  MemoryWriter writer(job.task.fine_grid.all(), 5, bands);
  Timings timings;
  run_first_passes(job.task, plan, work[static_cast<std::size_t>(comm.rank())], cut.threads, comm);
  auto const outcome = run_units(job.task, plan, work, {.threads = cut.threads, .in_flight = 2}, writer, comm,
                                 timings, nullptr);
  EXPECT_TRUE(outcome.failed.empty()) << outcome.failed.front().reason;
  std::vector<std::int64_t> values;
  for (Dn const v : writer.dn.all()) values.push_back(v - no_data_dn);
  for (Dn const v : writer.uncertainty.all()) values.push_back(v - no_data_dn);
  for (auto const q : writer.quality.all()) values.push_back(q - quality::no_data);
  comm.sum(values);
  return values;
}

class MethodInvariance : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> methods() {
  std::vector<std::string> names;
  for (auto const& [name, entry] : model_registry()) {
    if (!entry.needs_weights()) names.push_back(name);
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Methods, MethodInvariance, ::testing::ValuesIn(methods()));

TEST_P(MethodInvariance, cube_does_not_depend_on_tiles_slabs_threads_or_ranks) {
  auto const reference = cube(GetParam(), 0, {1000, 5, 1}, {});
  EXPECT_GT(std::ranges::count_if(reference, [](std::int64_t v) { return v != 0; }), 1000);
  for (Cut const& cut : {Cut{40, 5, 2}, Cut{30, 2, 1}, Cut{50, 1, 3}})
    EXPECT_TRUE(cube(GetParam(), 0, cut, world()) == reference) << cut.tile_px;
}

TEST_P(MethodInvariance, zones_do_not_depend_on_them_either) {
  auto const reference = cube(GetParam(), 64, {1000, 5, 1}, {});
  EXPECT_TRUE(cube(GetParam(), 64, {30, 2, 2}, world()) == reference);
}

}  // namespace
}  // namespace stfcube
