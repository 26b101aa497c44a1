// Networks of every kind through the whole pipeline: the cube is the same for any tiles, threads and ranks.
#include <algorithm>
#include <filesystem>
#include <memory>

#include <gtest/gtest.h>

#include "stfcube/models/registry.hpp"
#include "stfcube/pipeline/tile_pipeline.hpp"
#include "stfcube/tests/models/nn/random_weights.hpp"
#include "stfcube/tests/support/golden_scene.hpp"
#include "stfcube/tests/support/memory_io.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::MemoryReader;
using testing::MemoryWriter;
using testing::world;

constexpr int ratio = 10;
std::vector<std::string> const bands = {"red", "nir"};

/// A network of one kind, small enough for a test.
struct Kind {
  std::string name;
  std::string network;
  std::map<std::string, std::string> structure, use;
  int width = 560, height = 300;
};

std::vector<Kind> const kinds = {
    {"local", "edcstfn", {{"width", "4"}}, {}},
    {"local_two_pairs", "edcstfn", {{"width", "4"}, {"pairs", "2"}}, {}},
    {"lattice", "stfmlp", {{"width", "4"}}, {}, 300, 200},
    {"scene_statistics", "ganstfm", {{"width", "4"}}, {{"combine", "nearest"}}, 300, 200},
    {"diffusion",
     "stfdiff",
     {{"width", "8"}},
     {{"sampling_steps", "2"}, {"members", "2"}, {"combine", "nearest"}},
     300,
     100},
};

/// Parcels that change at their own pace, with a cloud on each date.
Stack<Dn> landscape(std::vector<Date> const& dates, Kind const& kind, int step) {
  int const cols = (kind.width + step - 1) / step, rows = (kind.height + step - 1) / step;
  Stack<Dn> dn(static_cast<int>(dates.size()), static_cast<int>(bands.size()), rows, cols);
  for (int d = 0; d < dn.dates(); ++d) {
    int const day = dates[static_cast<std::size_t>(d)].days;
    for (int y = 0; y < rows; ++y) {
      for (int x = 0; x < cols; ++x) {
        int const px = x * step + step / 2, py = y * step + step / 2;
        int const parcel = (px / 23 + py / 17 * 3) % 4;
        bool const missing = (px - 100 - 9 * day) * (px - 100 - 9 * day) + (py - 120) * (py - 120) < 1500;
        for (int b = 0; b < dn.bands(); ++b) {
          int const value = 900 + 450 * parcel + 300 * b + (parcel - 1) * day * (b + 2) +
                            static_cast<int>(testing::golden_hash(px, py, b, day) % 80u);
          dn.at(d, b, y, x) = missing ? no_data_dn : static_cast<Dn>(value);
        }
      }
    }
  }
  return dn;
}

struct Job {
  Job(ModelSettings const& settings, Kind const& kind) : model(make_model(kind.network, settings)) {
    task.fine_grid.width = kind.width;
    task.fine_grid.height = kind.height;
    task.ratio = ratio;
    task.coarse_grid = coarse_grid(task.fine_grid, ratio);
    task.targets = {Date{8}, Date{12}, Date{24}};  // no coarse image on day 12
    task.bands = bands;
    task.max_pair_gap_days = 40;
    task.model = model.get();
    std::vector<Date> const fine_dates = {Date{0}, Date{16}, Date{32}};
    std::vector<Date> const coarse_dates = {Date{0}, Date{8}, Date{16}, Date{24}, Date{32}};
    fine_reader = std::make_unique<MemoryReader>(fine_dates, landscape(fine_dates, kind, 1));
    coarse_reader = std::make_unique<MemoryReader>(coarse_dates, landscape(coarse_dates, kind, ratio));
    int const count = static_cast<int>(bands.size());
    fine = std::make_unique<BlockCache>(*fine_reader, task.fine_grid.all(), count, 128, 1 << 24);
    coarse = std::make_unique<BlockCache>(*coarse_reader, task.coarse_grid.all(), count, 16, 1 << 20);
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
std::vector<std::int64_t> cube(ModelSettings const& settings, Kind const& kind, Cut const& cut,
                               Communicator const& comm) {
  Job job(settings, kind);
  int const targets = static_cast<int>(job.task.targets.size());
  Plan const plan = make_plan(job.task.fine_grid, targets,
                              {.tile_px = cut.tile_px,
                               .chunk_y = 64,
                               .chunk_x = 64,
                               .lattice_px = job.model->info().support.lattice_px,
                               .slab_dates = cut.slab_dates});
  auto const work = assign(plan, std::vector<double>(plan.tiles.size(), 1.0), comm.size());
  MemoryWriter writer(job.task.fine_grid.all(), targets, static_cast<int>(bands.size()));
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

class NetworkInvariance : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, NetworkInvariance, ::testing::ValuesIn(kinds),
                         [](auto const& kind) { return kind.param.name; });

TEST_P(NetworkInvariance, cube_does_not_depend_on_tiles_slabs_threads_or_ranks) {
  Kind const& kind = GetParam();
  ModelSettings settings;
  settings.bands = bands;
  settings.ratio = ratio;
  settings.max_pair_gap_days = 40;
  settings.weights = testing::fresh_folder() / "weights.safetensors";
  for (auto const& [name, value] : kind.use) settings.options[kind.network + "." + name] = value;
  if (world().is_root())
    testing::write_random_weights(settings.weights, {kind.network, kind.structure, bands, "10"}, 7);
  world().barrier();

  auto const reference = cube(settings, kind, {1024, 3, 1}, {});
  EXPECT_GT(std::ranges::count_if(reference, [](std::int64_t v) { return v != 0; }), 10'000);
  for (Cut const& cut : {Cut{256, 3, 2}, Cut{512, 1, 1}, Cut{256, 2, 3}})
    EXPECT_TRUE(cube(settings, kind, cut, world()) == reference) << cut.tile_px;
}

}  // namespace
}  // namespace stfcube
