#include "stfcube/jobs/fold_run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "stfcube/jobs/comparison_tile.hpp"
#include "stfcube/jobs/series_report.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/pipeline/tile_pipeline.hpp"

namespace stfcube {
namespace {

/// A method made ready for one fold.
struct Rival {
  std::string name;
  std::unique_ptr<FusionModel> model;
  FusionTask task;
};

constexpr std::array<int, 4> tile_sides_px = {512, 256, 128, 64};

class FoldRun {
 public:
  FoldRun(FoldSettings const& settings, Pair const& withheld, Communicator const& comm)
      : settings_(settings),
        job_(settings.job),
        comm_(comm),
        fold_(job_, withheld, job_.memory.block_cache_bytes / 2),
        all_px_(job_.task.fine_grid.all()) {
    result_.date = withheld.date;
  }

  FoldResult run() {
    comm_.together([&] { make_rivals(); });
    if (rivals_.empty()) return std::move(result_);
    cut_into_tiles();
    prepare_rivals();
    if (rivals_.empty()) return std::move(result_);
    find_levels();
    tally_.emplace(rivals_.size(), job_.task.quantity, settings_.scale.data_range, levels_);
    comm_.together([&] {
      if (settings_.pictures.wanted()) start_pictures();
      with_threads(job_.threads, [&] {
        for (Rect const& core : my_tiles()) add_tile(core);
      });
    });
    gather();
    if (settings_.pictures.wanted()) draw();
    return std::move(result_);
  }

 private:
  void make_rivals() {
    for (std::string const& name : settings_.methods) {
      Rival rival{name, make_model(name, model_settings(job_)), fold_.task()};
      std::string const obstacle = fold_.obstacle(rival.model->info());
      if (!obstacle.empty()) {
        result_.missed[name] = obstacle;
        continue;
      }
      rival.task.model = rival.model.get();
      rivals_.push_back(std::move(rival));
    }
  }

  /// Bytes that one tile takes on a rank.
  std::uint64_t tile_bytes(int side_px) const {
    Rect const core = intersect({0, 0, side_px, side_px}, all_px_);
    Rect const held = with_margin(core, job_.task.ratio, all_px_);
    auto const pixels = static_cast<std::uint64_t>(held.area());
    auto const bands = static_cast<std::uint64_t>(job_.task.bands.size());
    std::uint64_t const planes = 3 * bands * sizeof(Nano) + 16;  // reference, prediction and sigma; labels
    std::uint64_t fusing = 0;
    for (Rival const& rival : rivals_)
      fusing = std::max(fusing, unit_bytes(rival.task, held, {0, 1}, job_.threads));
    return pixels * (rivals_.size() * (2 * bands * sizeof(Dn) + 1) + 3 * planes) + fusing;
  }

  /// The largest tiles that fit into memory and leave no rank idle; results do not depend on them.
  void cut_into_tiles() {
    int lattice = 1;
    for (Rival const& rival : rivals_) lattice = std::lcm(lattice, rival.model->info().support.lattice_px);
    auto const plan = [&](int side_px) {
      return make_plan(job_.task.fine_grid, 1,
                       {.tile_px = side_px, .chunk_y = 1, .chunk_x = 1, .lattice_px = lattice});
    };
    std::uint64_t const room =
        job_.budget.bytes - std::min(job_.budget.bytes, base_memory_bytes + job_.memory.block_cache_bytes +
                                                            job_.memory.raster_cache_bytes);
    std::size_t choice = 0;
    while (choice + 1 < tile_sides_px.size() &&
           (tile_bytes(tile_sides_px[choice]) > room || plan(tile_sides_px[choice]).tiles.size() < ranks())) {
      ++choice;
    }
    // Ranks on nodes of different size agree on the smallest.
    choice = static_cast<std::size_t>(comm_.max(static_cast<std::int64_t>(choice)));
    plan_ = plan(tile_sides_px[choice]);
    comm_.together([&] {
      std::uint64_t const needed = tile_bytes(tile_sides_px[choice]);
      require(needed <= room, ErrorKind::resource,
              fmt::format("one tile of {} px for {} methods needs {}, but {} of {} are free ({}). Give fewer "
                          "--methods, or "
                          "more memory (run.memory).",
                          tile_sides_px[choice], rivals_.size(), format_bytes(needed), format_bytes(room),
                          format_bytes(job_.budget.bytes), job_.budget.source));
    });
  }

  std::size_t ranks() const { return static_cast<std::size_t>(comm_.size()); }

  std::vector<Unit> my_units() const {
    std::vector<double> costs;
    for (Rect const& tile : plan_.tiles) costs.push_back(static_cast<double>(tile.area()));
    return assign(plan_, costs, comm_.size())[static_cast<std::size_t>(comm_.rank())];
  }

  std::vector<Rect> my_tiles() const {
    std::vector<Rect> tiles;
    for (Unit const& unit : my_units()) tiles.push_back(plan_.tiles[static_cast<std::size_t>(unit.tile)]);
    return tiles;
  }

  /// First passes. A method that can make nothing of its statistics does not take part.
  void prepare_rivals() {
    for (Rival& rival : rivals_) {
      try {
        run_first_passes(rival.task, plan_, my_units(), job_.threads, comm_);
      } catch (Error const& error) {
        if (error.kind() != ErrorKind::model || !error.agreed()) throw;
        result_.missed[rival.name] = error.what();
      }
    }
    std::erase_if(rivals_, [&](Rival const& rival) { return result_.missed.contains(rival.name); });
  }

  /// The withheld image with the mask applied.
  PairedTile reference(Rect const& px) const {
    PairedTile tile = fold_.reference(px);
    if (settings_.mask) {
      std::vector<double> const mask = settings_.mask->read(1, px);
      for (std::size_t i = 0; i < mask.size(); ++i) tile.valid[i] &= !std::isnan(mask[i]) && mask[i] != 0;
    }
    return tile;
  }

  void find_levels() {
    std::vector<LevelCounts> counts(job_.task.bands.size(), LevelCounts(settings_.scale.data_range));
    comm_.together([&] {
      for (Rect const& core : my_tiles()) {
        PairedTile const tile = reference(core);
        for (std::size_t b = 0; b < counts.size(); ++b) {
          for (std::size_t i = 0; i < tile.valid.size(); ++i) {
            if (tile.valid[i]) counts[b].add(tile.reference[b][i]);
          }
        }
      }
    });
    for (LevelCounts const& mine : counts) {
      LevelCounts all(settings_.scale.data_range);
      for (std::string const& piece : comm_.all_gather(mine.pack())) all.merge_packed(piece);
      levels_.push_back(all.levels());
    }
  }

  void add_tile(Rect const& core) {
    Rect const held = with_margin(core, job_.task.ratio, all_px_);
    PairedTile tile = reference(held);
    tile.core_width = core.width;
    tile.core_height = core.height;
    tile.coarse = fold_.coarse_cells(core, held);
    auto const layers = label_planes(tile, held);
    Timings timings;
    std::vector<CubeUnit> units;
    for (Rival const& rival : rivals_) units.push_back(fuse_unit(rival.task, held, {0, 1}, timings));
    tally_->add(tile, units, layers, [&](std::size_t rival, PairedTile const& compared) {
      if (!pictures_.empty()) pictures_[rival].add(compared, core);
    });
  }

  void start_pictures() {
    for (std::size_t r = 0; r < rivals_.size(); ++r)
      pictures_.emplace_back(all_px_, picture_channels(job_.spec.bands), levels_);
  }

  void draw() {
    for (std::size_t r = 0; r < rivals_.size(); ++r) {
      FoldSums const* const sums = result_.sums_of(rivals_[r].name);
      if (sums == nullptr) continue;
      SeriesReport one(rivals_[r].name, settings_.scale);
      one.add({result_.date, {}, {}}, job_.spec.bands, sums->own);
      PredictionAccuracy const figures = one.result();
      settings_.pictures.write_image(figures.label, figures.images.front(), pictures_[r]);
    }
  }

  std::vector<LabelPlane> label_planes(PairedTile const& tile, Rect const& px) const {
    std::vector<LabelPlane> layers;
    if (auto change = fold_.change(tile, px, settings_.scale.data_range))
      layers.push_back(std::move(*change));
    if (settings_.classes) layers.push_back(read_classes(*settings_.classes, px));
    return layers;
  }

  /// Adds up the sums of all ranks.
  void gather() {
    FoldTally all(rivals_.size(), job_.task.quantity, settings_.scale.data_range, levels_);
    for (std::string const& piece : comm_.all_gather(tally_->pack())) all.merge_packed(piece);
    auto const sums = all.result();
    for (std::size_t r = 0; r < rivals_.size(); ++r) {
      if (sums[r]) {
        result_.sums[rivals_[r].name] = *sums[r];
      } else {
        result_.missed[rivals_[r].name] = all.reference_pixels() == 0
                                              ? "the withheld scene has no pixel to compare"
                                              : "it predicts no pixel of that day";
      }
    }
  }

  FoldSettings const& settings_;
  PreparedJob const& job_;
  Communicator const& comm_;
  Fold fold_;
  Rect all_px_;
  std::vector<Rival> rivals_;
  Plan plan_;
  std::vector<ReferenceLevels> levels_;
  std::optional<FoldTally> tally_;
  std::vector<PictureTally> pictures_;  ///< one per rival, where pictures are drawn
  FoldResult result_;
};

}  // namespace

FoldSums const* FoldResult::sums_of(std::string const& method) const {
  auto const found = sums.find(method);
  return found == sums.end() ? nullptr : &found->second;
}

FoldResult run_fold(FoldSettings const& settings, Pair const& withheld, Communicator const& comm) {
  return FoldRun(settings, withheld, comm).run();
}

}  // namespace stfcube
