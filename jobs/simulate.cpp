#include "stfcube/jobs/simulate.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/raster_file.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double no_data = -9999;
constexpr double scale = 0.0001;
constexpr double pixel_m = 30;
// Multiples of the block of the files. A wide block has less margin, a low one leaves work for every thread.
constexpr int block_width = 1024;
constexpr int block_height = 512;
constexpr int blocks_at_once = 8;
// Files open at a time are at most four per date.
constexpr int dates_at_once = 24;

/// One piece of the scene, the coarse cells that begin in it, and the fine pixels both need.
struct Block {
  Rect px, cells, window;
};

Rect hull(Rect const& a, Rect const& b) {
  int const x = std::min(a.x, b.x);
  int const y = std::min(a.y, b.y);
  return {x, y, std::max(a.right(), b.right()) - x, std::max(a.bottom(), b.bottom()) - y};
}

Block block_at(SceneSimulator const& simulator, int x, int y) {
  int const ratio = simulator.settings().ratio;
  auto const first_cell = [ratio](int pixel) { return (pixel + ratio - 1) / ratio; };
  Block block;
  block.px = intersect({x, y, block_width, block_height}, simulator.fine_extent());
  block.cells = {first_cell(x), first_cell(y), first_cell(block.px.right()) - first_cell(x),
                 first_cell(block.px.bottom()) - first_cell(y)};
  block.window = block.cells.empty() ? block.px : hull(block.px, simulator.support(block.cells));
  return block;
}

std::vector<Block> blocks_of(SceneSimulator const& simulator) {
  std::vector<Block> blocks;
  Rect const scene = simulator.fine_extent();
  for (int y = 0; y < scene.height; y += block_height) {
    for (int x = 0; x < scene.width; x += block_width) blocks.push_back(block_at(simulator, x, y));
  }
  return blocks;
}

/// Reflectance in steps of the files, of a part of a larger stack.
Stack<float> numbers_of(Stack<float> const& values, Rect const& window, Rect const& px) {
  Stack<float> numbers(1, values.bands(), px.height, px.width);
  for (int band = 0; band < values.bands(); ++band) {
    for (int y = 0; y < px.height; ++y) {
      float const* const from = values.row(0, band, px.y - window.y + y) + (px.x - window.x);
      float* const to = numbers.row(0, band, y);
      for (int x = 0; x < px.width; ++x) to[x] = from[x] * static_cast<float>(1 / scale);
    }
  }
  return numbers;
}

/// What is to be written for one date.
struct DatePlan {
  Date date;
  bool fine = false, coarse = false, truth = false;
};

std::vector<DatePlan> plan_dates(SimulateSettings const& settings, SceneSimulator const& simulator) {
  std::map<Date, DatePlan> plans;
  auto const add = [&plans](std::vector<Date> const& dates, bool DatePlan::*what) {
    for (Date const date : dates) {
      plans[date].date = date;
      plans[date].*what = true;
    }
  };
  add(simulator.fine_dates(), &DatePlan::fine);
  add(simulator.coarse_dates(), &DatePlan::coarse);
  add(settings.truth_dates, &DatePlan::truth);
  if (settings.truth) add(simulator.coarse_dates(), &DatePlan::truth);
  std::vector<DatePlan> list;
  for (auto const& [date, plan] : plans) list.push_back(plan);
  return list;
}

/// Dates with large files are dealt out first, so that every rank gets as many of them.
std::vector<DatePlan> share_of(Communicator const& comm, std::vector<DatePlan> plans) {
  std::ranges::stable_sort(plans, std::greater(),
                           [](DatePlan const& plan) { return plan.fine + plan.truth; });
  std::vector<DatePlan> own;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (static_cast<int>(i % static_cast<std::size_t>(comm.size())) == comm.rank()) own.push_back(plans[i]);
  }
  return own;
}

Grid scene_grid(SimulateSettings const& settings) {
  Grid grid = grid_with_crs(settings.crs, "--crs");
  grid.x0 = 600000;
  grid.y0 = 5400000;
  grid.dx = grid.dy = pixel_m;
  grid.width = settings.scene.width;
  grid.height = settings.scene.height;
  return grid;
}

/// The files of one date, open for writing.
class DateFiles {
 public:
  DateFiles(DatePlan const& plan, SimulateSettings const& settings, SceneSimulator const& simulator,
            Grid const& grid)
      : plan_(plan), simulator_(simulator) {
    RasterSpec spec;
    spec.grid = grid;
    spec.bands = settings.scene.bands;
    spec.no_data = no_data;
    spec.scale = scale;
    spec.band_names = simulator.band_names();
    spec.metadata = {{"ACQUISITION_DATE", to_string(plan.date)},
                     {"SIMULATION_SEED", std::to_string(settings.scene.seed)}};
    auto const create = [&](char const* folder, std::string const& name) {
      spec.path = settings.out / folder / name;
      return create_geotiff(spec);
    };
    std::string const day = compact(plan.date);
    if (plan.truth) truth_ = create("truth", "TRUTH_" + day + ".tif");
    if (plan.fine) fine_ = create("fine", "FINE_" + day + ".tif");
    if (plan.coarse) {
      spec.grid = coarse_grid(grid, settings.scene.ratio);
      coarse_ = create("coarse", "COARSE_" + day + ".tif");
    }
    if (plan.fine)
      qa_ = create_geotiff(qa_spec(spec, grid, settings.out / "fine" / ("FINE_" + day + "_QA.tif")));
  }

  void write(Block const& block, GroundWindow const& ground) {
    Stack<float> truth(1, simulator_.settings().bands, block.window.height, block.window.width);
    simulator_.truth(ground, plan_.date, truth);
    if (truth_) truth_->write(block.px, numbers_of(truth, block.window, block.px));
    if (coarse_ && !block.cells.empty()) {
      auto const seen = simulator_.coarse(block.window, truth, plan_.date, block.cells);
      coarse_->write(block.cells, numbers_of(seen, block.cells, block.cells));
    }
    if (fine_) {
      auto const seen = simulator_.fine(ground, truth, plan_.date, block.px);
      fine_->write(block.px, numbers_of(seen.reflectance, block.px, block.px));
      qa_->write(block.px, seen.qa);
    }
  }

  void close() {
    for (auto* file : {&truth_, &fine_, &qa_, &coarse_}) {
      if (*file) (*file)->close();
    }
  }

 private:
  static RasterSpec qa_spec(RasterSpec spec, Grid const& grid, std::filesystem::path path) {
    spec.path = std::move(path);
    spec.grid = grid;
    spec.bands = 1;
    spec.type = PixelType::uint16;
    spec.no_data = landsat_qa::fill;
    spec.scale = 1;
    spec.band_names = {"QA_PIXEL"};
    return spec;
  }

  DatePlan plan_;
  SceneSimulator const& simulator_;
  std::unique_ptr<RasterWriter> truth_, fine_, qa_, coarse_;
};

/// Writes dates that fit in memory and open files together. The ground of a group of blocks is made once for
/// all of them; a file is written by one thread at a time, block after block.
void write_dates(std::span<DatePlan const> plans, SimulateSettings const& settings,
                 SceneSimulator const& simulator, Grid const& grid) {
  std::vector<std::unique_ptr<DateFiles>> dates;
  for (DatePlan const& plan : plans) {
    dates.push_back(std::make_unique<DateFiles>(plan, settings, simulator, grid));
  }
  auto const blocks = blocks_of(simulator);
  for (std::size_t start = 0; start < blocks.size(); start += blocks_at_once) {
    auto const group =
        std::span(blocks).subspan(start, std::min<std::size_t>(blocks_at_once, blocks.size() - start));
    std::vector<GroundWindow> grounds(group.size());
    parallel_for(0, static_cast<int>(group.size()), [&](int i) {
      auto const index = static_cast<std::size_t>(i);
      grounds[index] = simulator.ground(group[index].window);
    });
    parallel_for(0, static_cast<int>(dates.size()), [&](int i) {
      for (std::size_t k = 0; k < group.size(); ++k)
        dates[static_cast<std::size_t>(i)]->write(group[k], grounds[k]);
    });
  }
  parallel_for(0, static_cast<int>(dates.size()),
               [&](int i) { dates[static_cast<std::size_t>(i)]->close(); });
}

bool is_ours(std::filesystem::path const& file) {
  auto const name = file.filename().string();
  return file.extension() == ".tif" &&
         (name.starts_with("FINE_") || name.starts_with("COARSE_") || name.starts_with("TRUTH_"));
}

/// Scenes of an earlier archive would become part of this one.
void clear_archive(std::filesystem::path const& out) {
  std::filesystem::remove(out / "job.cfg");
  for (char const* folder : {"fine", "coarse", "truth"}) {
    if (!std::filesystem::is_directory(out / folder)) continue;
    std::vector<std::filesystem::path> old;
    for (auto const& entry : std::filesystem::directory_iterator(out / folder)) {
      if (is_ours(entry.path())) old.push_back(entry.path());
    }
    for (auto const& file : old) std::filesystem::remove(file);
  }
}

void prepare_folder(SimulateSettings const& settings, bool with_truth) {
  auto const& out = settings.out;
  require(!out.empty(), ErrorKind::config,
          "simulate: no folder given. Say where the archive goes: --out DIR.");
  try {
    bool const taken = std::filesystem::exists(out) &&
                       (!std::filesystem::is_directory(out) || !std::filesystem::is_empty(out));
    require(
        !taken || (settings.overwrite && std::filesystem::is_directory(out)), ErrorKind::config,
        fmt::format(
            "{}: already there and not an empty folder. Choose another --out, or replace the scenes in it "
            "with --overwrite.",
            out.string()));
    if (taken) clear_archive(out);
    for (char const* folder : {"fine", "coarse", "truth"}) {
      if (with_truth || std::string_view(folder) != "truth")
        std::filesystem::create_directories(out / folder);
    }
  } catch (std::filesystem::filesystem_error const& failed) {
    throw Error(ErrorKind::config,
                fmt::format("{}: cannot be made or changed ({}). Choose a writable place with --out.",
                            out.string(), failed.code().message()));
  }
}

void write_text(std::filesystem::path const& path, std::string const& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  require(static_cast<bool>(file), ErrorKind::io,
          fmt::format("{}: cannot be written. Check that the folder is writable, and the free space.",
                      path.string()));
}

}  // namespace

std::string simulated_job(SimulateSettings const& settings) {
  SceneSettings const& scene = settings.scene;
  SceneSimulator const simulator(scene);
  std::string bands;
  int number = 1;
  for (auto const& name : simulator.band_names()) bands += fmt::format(" {}:{}", name, number++);
  return fmt::format(
      R"(# Simulated archive: {width} x {height} fine pixels, {days} days from {start}, seed {seed}.
# A region changes for good on {change}.
# Run it:  stfcube run job.cfg        (or: mpirun -n 2 --bind-to none stfcube run job.cfg)
# Relative paths start at the folder of this file. 'stfcube init' prints all keys with their defaults.

[grid]
like = fine/FINE_{first}.tif      # the cube takes the grid of this file
ratio = {ratio}                         # coarse pixel size / fine pixel size

[fine]
scenes = fine/FINE_????????.tif   # one file per date, with all bands; scale and no data stand in the files
date = FINE_%Y%m%d                # where the date is in the file name
bands ={bands}    # band of the cube : band of the file
qa = fine/FINE_*_QA.tif           # which pixels are cloud or shadow
qa_scheme = landsat_c2

[coarse]
scenes = coarse/COARSE_*.tif
date = COARSE_%Y%m%d
bands ={bands}

[target]
dates = coarse                    # a fine image for every coarse one; or START/END/P8D, or a list of dates

[model]
name = starfm                     # 'stfcube models' lists the methods

[cube]
path = cube.nc
)",
      fmt::arg("width", scene.width), fmt::arg("height", scene.height), fmt::arg("days", scene.days),
      fmt::arg("start", to_string(scene.start)), fmt::arg("seed", scene.seed),
      fmt::arg("change", to_string(simulator.change_date())), fmt::arg("first", compact(scene.start)),
      fmt::arg("ratio", scene.ratio), fmt::arg("bands", bands));
}

void simulate(SimulateSettings const& settings, Communicator const& comm) {
  SceneSimulator const simulator(settings.scene);
  Grid const grid = scene_grid(settings);
  auto const plans = plan_dates(settings, simulator);
  bool const with_truth = std::ranges::any_of(plans, &DatePlan::truth);
  comm.together([&] {
    if (comm.is_root()) prepare_folder(settings, with_truth);
  });
  comm.together([&] {
    auto const own = share_of(comm, plans);
    for (std::size_t start = 0; start < own.size(); start += dates_at_once) {
      write_dates(std::span(own).subspan(start, std::min<std::size_t>(dates_at_once, own.size() - start)),
                  settings, simulator, grid);
    }
  });
  comm.together([&] {
    if (comm.is_root()) write_text(settings.out / "job.cfg", simulated_job(settings));
  });
}

}  // namespace stfcube
