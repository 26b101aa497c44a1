#include "stfcube/pipeline/tile_job.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "stfcube/models/observed_scenes.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

/// Reads the observations `indices` over `px`; those without any valid pixel there are left out, unless `keep_all`.
SceneSeries read_series(BlockCache& cache, std::vector<int> const& indices, Rect const& px, bool keep_all) {
  int const count = static_cast<int>(indices.size());
  Stack<Dn> all(count, cache.bands(), px.height, px.width);
  std::vector<char> used(indices.size());
  parallel_for(0, count, [&](int i) {
    auto const slot = static_cast<std::size_t>(i);
    used[slot] = cache.copy(indices[slot], px, all, i) || keep_all;
  });

  SceneSeries series;
  int kept = 0;
  for (int i = 0; i < count; ++i) {
    if (!used[static_cast<std::size_t>(i)]) continue;
    series.dates.push_back(cache.reader().dates()[static_cast<std::size_t>(indices[static_cast<std::size_t>(i)])]);
    if (kept != i) {
      std::copy_n(all.row(i, 0, 0), all.plane_size() * static_cast<std::size_t>(all.bands()), all.row(kept, 0, 0));
    }
    ++kept;
  }
  all.keep_dates(kept);
  series.dn = std::move(all);
  return series;
}

std::vector<Date> slab_targets(FusionTask const& task, Slab const& slab) {
  auto const first = task.targets.begin() + slab.first;
  return {first, first + slab.count};
}

/// Observed, clear fine pixels of a target date stand as they are.
void keep_observed(FusionTask const& task, FusionInput const& input, FusionOutput& output) {
  int const dx = input.core_px.x - input.padded_px.x;
  int const dy = input.core_px.y - input.padded_px.y;
  for (int t = 0; t < static_cast<int>(input.targets.size()); ++t) {
    auto const found = std::ranges::lower_bound(input.fine.dates, input.targets[static_cast<std::size_t>(t)]);
    if (found == input.fine.dates.end() || *found != input.targets[static_cast<std::size_t>(t)]) continue;
    int const date = static_cast<int>(found - input.fine.dates.begin());
    for (int band = 0; band < output.dn.bands(); ++band) {
      Dn const sigma = static_cast<Dn>(std::lround(observation_uncertainty_dn(task.bands[static_cast<std::size_t>(band)])));
      for (int y = 0; y < output.dn.rows(); ++y) {
        Dn const* seen = input.fine.dn.row(date, band, y + dy) + dx;
        Dn* to = output.dn.row(t, band, y);
        Dn* uncertainty = output.uncertainty.row(t, band, y);
        quality::Flags* flags = output.quality.row(t, 0, y);
        for (int x = 0; x < output.dn.cols(); ++x) {
          if (seen[x] == no_data_dn) continue;
          to[x] = seen[x];
          uncertainty[x] = sigma;
          flags[x] = quality::observed;
        }
      }
    }
  }
}

bool has_holes(FusionOutput const& output) {
  return std::ranges::any_of(output.quality.all(), [](quality::Flags q) { return (q & quality::no_data) != 0; });
}

/// Pixels the method left empty take the gap filler's value, flagged gap_filled and input_masked.
void fill_gaps(FusionModel const& filler, FusionInput const& input, FusionOutput& output) {
  FusionOutput filled(output.dn.dates(), output.dn.bands(), output.dn.rows(), output.dn.cols());
  filler.fuse(input, filled);
  std::size_t const plane = output.dn.plane_size();
  for (int t = 0; t < output.dn.dates(); ++t) {
    auto const flags = output.quality.plane(t, 0);
    auto const other = filled.quality.plane(t, 0);
    for (std::size_t i = 0; i < plane; ++i) {
      if ((flags[i] & quality::no_data) == 0 || (other[i] & quality::no_data) != 0) continue;
      flags[i] = static_cast<quality::Flags>((other[i] & ~quality::state_mask) | quality::gap_filled | quality::input_masked);
      for (int band = 0; band < output.dn.bands(); ++band) {
        output.dn.plane(t, band)[i] = filled.dn.plane(t, band)[i];
        output.uncertainty.plane(t, band)[i] = filled.uncertainty.plane(t, band)[i];
      }
    }
  }
}

/// The labels of `px`; an empty stack without a map.
Stack<std::int32_t> read_labels(LabelMap const* map, Rect const& px) {
  if (map == nullptr) return {};
  Stack<std::int32_t> labels(1, 1, px.height, px.width);
  map->read(px, labels.row(0, 0, 0));
  return labels;
}

/// An input without observations.
FusionInput unit_frame(FusionTask const& task, Rect const& core_px, Rect const& padded_px, int halo_cells) {
  FusionInput input;
  input.scene_px = task.fine_grid.all();
  input.core_px = core_px;
  input.padded_px = padded_px;
  input.ratio = task.ratio;
  input.cells = coarse_cells(padded_px, task.ratio, halo_cells, task.coarse_grid);
  input.classes = read_labels(task.classes, padded_px);
  input.objects = read_labels(task.objects, padded_px);
  return input;
}

/// The tile with every edge moved down to a multiple of the ratio, those at the end of the grid excepted.
Rect whole_cells(FusionTask const& task, Rect const& px) {
  auto const edge = [&](int at, int end) { return at == end ? end : at / task.ratio * task.ratio; };
  int const x = edge(px.x, task.fine_grid.width);
  int const y = edge(px.y, task.fine_grid.height);
  return {x, y, edge(px.right(), task.fine_grid.width) - x, edge(px.bottom(), task.fine_grid.height) - y};
}

/// Puts the images of one call of `observe` into an input of the same rectangle.
void read_observed(FusionTask const& task, ObservedScenes const& scenes, FusionInput& input) {
  input.targets = scenes.targets;
  input.fine = {};
  if (scenes.fine_images) {
    input.fine = read_series(*task.fine, scenes.fine, input.core_px, true);
  } else {
    for (int const i : scenes.fine)
      input.fine.dates.push_back(task.fine->reader().dates()[static_cast<std::size_t>(i)]);
  }
  input.coarse = read_series(*task.coarse, scenes.coarse, input.cells, true);
}

/// Carries what the model tells of its uncertainty over to the sensors and the landscape of the job.
void scale_uncertainty(FusionTask const& task, FusionOutput& output) {
  if (task.uncertainty_scale.empty()) return;
  for (int t = 0; t < output.dn.dates(); ++t) {
    auto const flags = output.quality.plane(t, 0);
    for (int band = 0; band < output.dn.bands(); ++band) {
      double const scale = task.uncertainty_scale[static_cast<std::size_t>(band)];
      auto const sigma = output.uncertainty.plane(t, band);
      for (std::size_t i = 0; i < sigma.size(); ++i) {
        if ((flags[i] & quality::state_mask) == quality::observed || sigma[i] == no_data_dn) continue;
        sigma[i] = static_cast<Dn>(std::min(std::llround(scale * sigma[i]), 32767LL));
      }
    }
  }
}

}  // namespace

std::vector<Pair> usable_pairs(FusionTask const& task) {
  auto pairs = find_pairs(task.fine->reader().dates(), task.coarse->reader().dates(), task.pair_tolerance_days);
  std::erase_if(pairs, [&](Pair const& pair) {
    return std::ranges::none_of(task.targets,
                                [&](Date t) { return std::abs(pair.date - t) <= task.max_pair_gap_days; });
  });
  return pairs;
}

SlabScenes scenes_of_slab(FusionTask const& task, Slab const& slab) {
  Date const first = task.targets[static_cast<std::size_t>(slab.first)] + -task.max_pair_gap_days;
  Date const last = task.targets[static_cast<std::size_t>(slab.first + slab.count - 1)] + task.max_pair_gap_days;
  auto const targets = slab_targets(task, slab);
  auto const fine_dates = task.fine->reader().dates();
  auto const coarse_dates = task.coarse->reader().dates();
  SlabScenes scenes;
  for (std::size_t i = 0; i < fine_dates.size(); ++i) {
    if (fine_dates[i] >= first && fine_dates[i] <= last) scenes.fine.push_back(static_cast<int>(i));
  }
  // Every coarse date that could be the nearest of a fine one comes along, so that pairs are those of the whole list.
  auto const pairs_with_a_fine = [&](Date date) {
    return std::ranges::any_of(scenes.fine, [&](int f) {
      return std::abs(fine_dates[static_cast<std::size_t>(f)] - date) <= task.pair_tolerance_days;
    });
  };
  int const reach = task.model->info().coarse_reach_days;
  auto const near_a_target = [&](Date date) {
    return std::ranges::any_of(targets, [&](Date target) { return std::abs(target - date) <= reach; });
  };
  auto const lies_between = [&](Date date) {
    return task.model->info().coarse_between_pairs && !scenes.fine.empty() &&
           date >= fine_dates[static_cast<std::size_t>(scenes.fine.front())] &&
           date <= fine_dates[static_cast<std::size_t>(scenes.fine.back())];
  };
  for (std::size_t i = 0; i < coarse_dates.size(); ++i) {
    if (near_a_target(coarse_dates[i]) || pairs_with_a_fine(coarse_dates[i]) || lies_between(coarse_dates[i])) {
      scenes.coarse.push_back(static_cast<int>(i));
    }
  }
  return scenes;
}

Rect padded_tile(FusionTask const& task, Rect const& core_px) {
  return intersect(grow(core_px, task.model->info().support.halo_px), task.fine_grid.all());
}

TileShape unit_shape(FusionTask const& task, Rect const& core_px, Slab const& slab) {
  SlabScenes const scenes = scenes_of_slab(task, slab);
  Rect const padded = padded_tile(task, core_px);
  return {.core_width = core_px.width,
          .core_height = core_px.height,
          .padded_width = padded.width,
          .padded_height = padded.height,
          .bands = static_cast<int>(task.bands.size()),
          .fine_dates = static_cast<int>(scenes.fine.size()),
          .coarse_dates = static_cast<int>(scenes.coarse.size()),
          .targets = slab.count};
}

std::uint64_t unit_bytes(FusionTask const& task, Rect const& core_px, Slab const& slab, int threads) {
  TileShape const s = unit_shape(task, core_px, slab);
  auto const product = [](auto... factors) { return (std::uint64_t{1} * ... * static_cast<std::uint64_t>(factors)); };
  Rect const cells = coarse_cells(padded_tile(task, core_px), task.ratio, task.model->info().support.halo_cells,
                                  task.coarse_grid);
  std::uint64_t const fine = product(s.padded_width, s.padded_height, s.bands, s.fine_dates, sizeof(Dn));
  std::uint64_t const coarse = product(cells.width, cells.height, s.bands, s.coarse_dates, sizeof(Dn));
  std::uint64_t const output = product(s.core_width, s.core_height, s.targets) * (product(s.bands, 2 * sizeof(Dn)) + 1);
  // The gap filler has an output of its own while it works.
  std::uint64_t const maps = (task.classes ? 1 : 0) + (task.objects ? 1 : 0);
  std::uint64_t const labels = maps * product(s.padded_width, s.padded_height, sizeof(std::int32_t));
  return fine + coarse + labels + output * (task.gap_filler ? 2 : 1) + task.model->memory_bytes(s, threads);
}

CubeUnit fuse_unit(FusionTask const& task, Rect const& core_px, Slab const& slab, Timings& timings) {
  FusionInput input = unit_frame(task, core_px, padded_tile(task, core_px), task.model->info().support.halo_cells);
  input.targets = slab_targets(task, slab);
  {
    Stopwatch const watch(timings.read_ns);
    SlabScenes const scenes = scenes_of_slab(task, slab);
    input.fine = read_series(*task.fine, scenes.fine, input.padded_px, false);
    input.coarse = read_series(*task.coarse, scenes.coarse, input.cells, true);
  }
  Stopwatch const watch(timings.fuse_ns);
  FusionOutput output(slab.count, static_cast<int>(task.bands.size()), core_px.height, core_px.width);
  task.model->fuse(input, output);
  keep_observed(task, input, output);
  if (task.gap_filler && has_holes(output)) fill_gaps(*task.gap_filler, input, output);
  scale_uncertainty(task, output);

  CubeUnit unit;
  unit.px = core_px;
  unit.first_date = slab.first;
  unit.dn = std::move(output.dn);
  if (task.uncertainty) unit.uncertainty = std::move(output.uncertainty);
  unit.quality = std::move(output.quality);
  return unit;
}

void observe_tile(FirstPass const& pass, FusionTask const& task, Rect const& core_px, Statistics& statistics) {
  Rect const core = whole_cells(task, core_px);
  if (core.empty()) return;
  auto const calls = observed_scenes(pass.observed(), usable_pairs(task), task.coarse->reader().dates(), task.targets,
                                     task.max_pair_gap_days);
  for (Rect const& part : pass.parts(task.fine_grid.all(), task.ratio, core)) {
    FusionInput input = unit_frame(task, part, part, 0);
    for (ObservedScenes const& scenes : calls) {
      try {
        read_observed(task, scenes, input);
        pass.observe(input, statistics);
      } catch (Error const& error) {
        if (!pass.tolerates_unreadable() || error.kind() != ErrorKind::data) throw;
        log::warning(fmt::format("left out of the scale of uncertainties: {}", error.what()));
      }
    }
  }
}

}  // namespace stfcube
