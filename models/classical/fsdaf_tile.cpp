#include "stfcube/models/classical/fsdaf_tile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stfcube/models/classical/fsdaf_residual.hpp"
#include "stfcube/models/classical/homogeneity.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/classical/weighted_changes.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double sub_pixel_least_weight = 1e-7;  // DN
constexpr int values_at_once = 8;                // bands times targets of a group: one cache line

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// The cells that pixels touch.
Rect cells_of(Rect const& px, int ratio) {
  Rect const outer = align_outward(px, ratio);
  return {outer.x / ratio, outer.y / ratio, outer.width / ratio, outer.height / ratio};
}

int targets_at_once(int bands) {
  return std::max(1, values_at_once / bands);
}

}  // namespace

struct FsdafTile::TargetGroup {
  struct Member {
    int target = 0, coarse = 0;
    bool has_gaps = false;                                 ///< some cell of the region has no coarse value
    std::map<StatZones::Zone, ChangeTable const*> tables;  ///< of the zones around the tile
    std::map<StatZones::Zone, ChangeTable const*> endmembers;  ///< sfsdaf: of the same zones
    std::unique_ptr<SpatialPrediction> spatial;
  };
  int pair_index = 0;
  Pair pair;
  std::vector<Member> members;
  std::size_t stride = 0;  ///< values of a pixel: members times bands
};

/// The valid pixels of a cell and where their values stand.
struct FsdafTile::CellScratch {
  explicit CellScratch(int ratio)
      : pixels(to_size(ratio) * to_size(ratio)), kernel(pixels.fine.size()), places(pixels.fine.size()) {}

  struct Place {
    int x, y;
    std::size_t in_cell, in_padded, in_region;
  };
  FsdafCell pixels;
  std::vector<double> kernel;  ///< the spatial prediction at all pixels
  std::vector<Place> places;
};

struct FsdafTile::PixelScratch {
  explicit PixelScratch(int bands) : sums(to_size(bands)), squares(to_size(bands)) {}
  std::vector<double> sums, squares;
  std::vector<std::int32_t> places;
  std::vector<double> weights;
  std::int32_t const* similar_places = nullptr;
  double const* similar_weights = nullptr;
  int similar_count = 0;
  ClosestPixels::Found closest;
  std::vector<std::int32_t> closest_places;
};

FsdafTile::FsdafTile(FsdafKnowledge const& knowledge, FusionInput const& input, FusionOutput& output)
    : know_(knowledge),
      input_(input),
      output_(output),
      bands_(input.fine.dn.bands()),
      frame_(cell_frame(input)),
      cells_(intersect(
          cells_of(intersect(grow(input.core_px, knowledge.settings.window_px), input.scene_px), input.ratio),
          frame_.scene)),
      region_px_(intersect({cells_.x * input.ratio, cells_.y * input.ratio, cells_.width * input.ratio,
                            cells_.height * input.ratio},
                           input.scene_px)),
      pairs_(pairs_in_reach(input, knowledge.tolerance_days, knowledge.max_gap_days)),
      target_coarse_(coarse_of_targets(input)),
      planner_(pairs_, input.targets, 1, knowledge.max_gap_days) {
  ensure(input.padded_px.contains(region_px_) && input.cells.contains(cells_),
         "FSDAF sees all pixels of the cells that its windows touch");
}

void FsdafTile::fuse() {
  if (pairs_.empty()) return;
  plan();
  for (int pair = 0; pair < static_cast<int>(pairs_.size()); ++pair) fuse_pair(pair);
}

bool FsdafTile::cell_valid(int coarse, int x, int y) const {
  return input_.coarse.dn.at(coarse, 0, y / input_.ratio - input_.cells.y,
                             x / input_.ratio - input_.cells.x) != no_data_dn;
}

/// Which pairs the pixels of the core use.
void FsdafTile::plan() {
  Rect const& core = input_.core_px;
  std::vector<bool> usable(pairs_.size()), last;
  std::vector<PairRun> const* runs = nullptr;
  runs_.reserve(static_cast<std::size_t>(core.area()));
  for (int y = core.y; y < core.bottom(); ++y) {
    for (int x = core.x; x < core.right(); ++x) {
      for (std::size_t p = 0; p < pairs_.size(); ++p) {
        usable[p] = input_.fine.dn.at(pairs_[p].fine, 0, y - input_.padded_px.y, x - input_.padded_px.x) !=
                        no_data_dn &&
                    cell_valid(pairs_[p].coarse, x, y);
      }
      if (!runs || usable != last) {
        runs = &planner_.runs(usable);
        last = usable;
      }
      runs_.push_back(runs);
    }
  }
}

PairRun const* FsdafTile::run_of(int target, std::size_t pixel) const {
  for (PairRun const& run : *runs_[pixel]) {
    if (run.first <= target && target < run.last) return &run;
  }
  return nullptr;
}

void FsdafTile::fuse_pair(int pair) {
  std::vector<bool> used(input_.targets.size());
  std::vector<PairRun> const* last = nullptr;
  for (auto const* const runs : runs_) {
    if (runs == last) continue;
    last = runs;
    for (PairRun const& run : *runs) {
      for (int t = run.first; t < run.last && run.pair[0] == pair; ++t) used[to_size(t)] = true;
    }
  }
  std::vector<int> targets;
  Date const date = pairs_[to_size(pair)].date;
  for (int t = 0; t < static_cast<int>(used.size()); ++t) {
    bool const known = know_.change.find(date, input_.targets[to_size(t)], {}) != nullptr;
    if (used[to_size(t)] && target_coarse_[to_size(t)] >= 0 && known) targets.push_back(t);
  }
  if (targets.empty()) return;
  find_labels(pairs_[to_size(pair)]);
  homogeneity_ = homogeneity({labels_, input_.padded_px, classes_}, region_px_, input_.scene_px,
                             know_.settings.homogeneity_px);
  if (know_.memberships) {
    sub_pixel_.emplace(input_, know_.zones, *know_.memberships, pairs_[to_size(pair)], region_px_,
                       know_.settings.similar);
    find_used(pair);
  } else {
    find_similar(pairs_[to_size(pair)], pair);
  }
  int const at_once = targets_at_once(bands_);
  for (auto first = targets.begin(); first != targets.end();) {
    auto const last_target = targets.end() - first > at_once ? first + at_once : targets.end();
    fuse_group(pair, {first, last_target});
    first = last_target;
  }
}

void FsdafTile::find_labels(Pair const& pair) {
  auto const labels = know_.classes.labels(input_, pair.fine);
  classes_ = know_.classes.count(pair.date);
  labels_.resize(labels.size());
  Dn const* const fine = input_.fine.dn.row(pair.fine, 0, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    bool const valid = fine[i] != no_data_dn;
    labels_[i] = !valid ? LabelMap::none : static_cast<std::uint8_t>(labels[i] < 0 ? classes_ : labels[i]);
  }
}

/// The largest differences of candidates at a pixel, per band.
void FsdafTile::find_limits(int x, int y, std::map<StatZones::Zone, std::vector<double>> const& sigma,
                            std::vector<float>& limits) const {
  auto const mixture = know_.zones.at(input_.scene_px, x, y);
  for (std::size_t b = 0; b < limits.size(); ++b) {
    double mixed = 0;
    for (std::size_t z = 0; z < 4; ++z) mixed += mixture.weights[z] * sigma.at(mixture.zones[z])[b];
    limits[b] = static_cast<float>(std::min(std::floor(2 * mixed / classes_), 65535.0));
  }
}

/// Which pixels of the core use the pair.
void FsdafTile::find_used(int pair_index) {
  found_.assign(static_cast<std::size_t>(input_.core_px.area()), 0);
  for (std::size_t pixel = 0; pixel < found_.size(); ++pixel)
    found_[pixel] = uses_pair(pixel, pair_index) ? 1 : 0;
}

bool FsdafTile::uses_pair(std::size_t pixel, int pair_index) const {
  return std::ranges::any_of(*runs_[pixel], [&](PairRun const& run) { return run.pair[0] == pair_index; });
}

/// Candidates and weights of step 9 for the pixels of the core that use the pair.
void FsdafTile::find_similar(Pair const& pair, int pair_index) {
  Rect const& core = input_.core_px;
  Rect const& padded = input_.padded_px;
  std::vector<std::uint8_t> usable(static_cast<std::size_t>(padded.area()));
  for (int y = padded.y; y < padded.bottom(); ++y) {
    for (int x = padded.x; x < padded.right(); ++x)
      usable[padded_index(x, y)] = cell_valid(pair.coarse, x, y) ? 1 : 0;
  }
  SimilarityRaster const raster(input_, pair.fine, core, know_.settings.window_px, usable);
  auto const most = to_size(know_.settings.similar);
  auto const pixels = static_cast<std::size_t>(core.area());
  places_.resize(pixels * most);
  weights_.resize(pixels * most);
  found_.assign(pixels, 0);
  std::map<StatZones::Zone, std::vector<double>> sigma;
  for (auto const zone : know_.zones.zones_of(input_.scene_px, core)) {
    for (int band = 0; band < bands_; ++band) sigma[zone].push_back(know_.scene_sigma(pair.date, band, zone));
  }
  parallel_for(core.y, core.bottom(), [&](int y) {
    MostSimilarPixels::Scratch scratch(know_.similar);
    std::vector<MostSimilarPixels::Neighbour> neighbours(most);
    std::vector<float> limits(to_size(bands_));
    find_limits(core.x, y, sigma, limits);
    for (int x = core.x; x < core.right(); ++x) {
      auto const pixel = to_size(y - core.y) * to_size(core.width) + to_size(x - core.x);
      if (!uses_pair(pixel, pair_index)) continue;
      if (sigma.size() > 1) find_limits(x, y, sigma, limits);
      int const count = know_.similar.find(raster, y, x, limits, scratch, neighbours.data());
      found_[pixel] = static_cast<std::int16_t>(count);
      for (std::size_t i = 0; i < to_size(count); ++i) {
        auto const& [dy, dx, weight] = neighbours[i];
        places_[pixel * most + i] = dy * region_px_.width + dx;
        weights_[pixel * most + i] = weight;
      }
    }
  });
}

void FsdafTile::fuse_group(int pair_index, std::vector<int> const& targets) {
  TargetGroup group;
  group.pair_index = pair_index;
  group.pair = pairs_[to_size(pair_index)];
  group.stride = targets.size() * to_size(bands_);
  for (int const target : targets) {
    auto& member = group.members.emplace_back();
    member.target = target;
    member.coarse = target_coarse_[to_size(target)];
    for (auto const zone :
         know_.zones.zones_of(input_.scene_px, sub_pixel_ ? input_.padded_px : region_px_)) {
      Date const date = input_.targets[to_size(target)];
      member.tables[zone] = know_.change.find(group.pair.date, date, zone);
      if (sub_pixel_) member.endmembers[zone] = know_.endmembers->find(group.pair.date, date, zone);
    }
    for (int row = cells_.y; row < cells_.bottom(); ++row) {
      for (int column = cells_.x; column < cells_.right(); ++column)
        member.has_gaps |= !cell_valid(member.coarse, column * input_.ratio, row * input_.ratio);
    }
    member.spatial = std::make_unique<SpatialPrediction>(know_.settings.kernel, know_.spline, input_,
                                                         member.coarse, cells_);
  }
  changes_.assign(static_cast<std::size_t>(region_px_.area()) * group.stride, nan);
  for (std::size_t m = 0; sub_pixel_ && m < group.members.size(); ++m) {
    auto const& member = group.members[m];
    sub_pixel_->predict(member.coarse, {member.tables, member.endmembers},
                        changes_.data() + m * to_size(bands_), group.stride);
  }
  parallel_for(cells_.y, cells_.bottom(), [&](int row) {
    CellScratch scratch(input_.ratio);
    if (sub_pixel_) scratch.pixels.least_weight = sub_pixel_least_weight;
    for (int column = cells_.x; column < cells_.right(); ++column) change_cell(group, column, row, scratch);
  });
  parallel_for(0, input_.core_px.height, [&](int row) { predict_row(group, row); });
}

/// Steps 4 to 8 for the pixels of one cell.
void FsdafTile::change_cell(TargetGroup const& group, int column, int row, CellScratch& s) {
  Rect const px =
      intersect({column * input_.ratio, row * input_.ratio, input_.ratio, input_.ratio}, region_px_);
  if (!cell_valid(group.pair.coarse, px.x, px.y)) return;
  FsdafCell& pixels = s.pixels;
  pixels.count = 0;
  for (int y = px.y; y < px.bottom(); ++y) {
    for (int x = px.x; x < px.right(); ++x) {
      if (labels_[padded_index(x, y)] == LabelMap::none) continue;
      pixels.homogeneity[pixels.count] = homogeneity_[region_index(x, y)];
      auto const in_cell = to_size(y - px.y) * to_size(input_.ratio) + to_size(x - px.x);
      s.places[pixels.count++] = {x, y, in_cell, padded_index(x, y), region_index(x, y)};
    }
  }
  if (pixels.count == 0) return;
  for (std::size_t m = 0; m < group.members.size(); ++m) {
    auto const& member = group.members[m];
    if (!cell_valid(member.coarse, px.x, px.y)) continue;
    for (int band = 0; band < bands_; ++band) {
      load_classes(group, m, band, s);
      member.spatial->cell(column, row, band, s.kernel.data());
      for (std::size_t i = 0; i < pixels.count; ++i) pixels.spatial[i] = s.kernel[s.places[i].in_cell];
      pixels.share_residual(coarse_change(group, m, band, px.x, px.y), know_.settings.weight_cap,
                            know_.range);
      for (std::size_t i = 0; i < pixels.count; ++i) {
        changes_[s.places[i].in_region * group.stride + m * to_size(bands_) + to_size(band)] =
            pixels.change[i];
      }
    }
  }
}

/// Fine values of a cell's pixels, the changes of their classes, and their limits.
void FsdafTile::load_classes(TargetGroup const& group, std::size_t m, int band, CellScratch& s) const {
  auto const& tables = group.members[m].tables;
  Dn const* const fine = input_.fine.dn.row(group.pair.fine, band, 0);
  std::size_t const first = to_size(band) * to_size(classes_ + 1), b = to_size(band);
  FsdafCell& pixels = s.pixels;
  ChangeTable const& only = *tables.begin()->second;
  for (std::size_t i = 0; i < pixels.count; ++i) {
    auto const& place = s.places[i];
    std::size_t const entry = first + labels_[place.in_padded];
    pixels.fine[i] = fine[place.in_padded];
    // The temporal prediction of sfsdaf stands where its final change will.
    double const sub_pixel = changes_[place.in_region * group.stride + m * to_size(bands_) + b];
    if (tables.size() == 1) {
      pixels.change[i] = sub_pixel_ ? sub_pixel : only.change[entry];
      pixels.lowest[i] = only.lowest[b];
      pixels.highest[i] = only.highest[b];
      continue;
    }
    auto const mixture = know_.zones.at(input_.scene_px, place.x, place.y);
    pixels.change[i] = pixels.lowest[i] = pixels.highest[i] = 0;
    for (std::size_t z = 0; z < 4; ++z) {
      ChangeTable const& table = *tables.at(mixture.zones[z]);
      pixels.change[i] += mixture.weights[z] * table.change[entry];
      pixels.lowest[i] += mixture.weights[z] * table.lowest[b];
      pixels.highest[i] += mixture.weights[z] * table.highest[b];
    }
    if (sub_pixel_) pixels.change[i] = sub_pixel;
  }
}

/// c_p - c of the cell that holds a pixel.
double FsdafTile::coarse_change(TargetGroup const& group, std::size_t m, int band, int x, int y) const {
  auto const value = [&](int index) {
    return static_cast<double>(input_.coarse.dn.at(index, band, y / input_.ratio - input_.cells.y,
                                                   x / input_.ratio - input_.cells.x));
  };
  return value(group.members[m].coarse) - value(group.pair.coarse);
}

void FsdafTile::predict_row(TargetGroup const& group, int row) {
  PixelScratch scratch(bands_);
  Rect const& core = input_.core_px;
  for (int col = 0; col < core.width; ++col) {
    auto const pixel = to_size(row) * to_size(core.width) + to_size(col);
    if (found_[pixel] == 0) continue;
    load_similar(core.x + col, core.y + row, pixel, scratch);
    for (std::size_t m = 0; m < group.members.size(); ++m) {
      auto const* const run = run_of(group.members[m].target, pixel);
      if (run && run->pair[0] == group.pair_index &&
          cell_valid(group.members[m].coarse, core.x + col, core.y + row)) {
        predict_pixel(group, m, row, col, scratch);
      }
    }
  }
}

/// The similar pixels that a pixel is averaged over.
void FsdafTile::load_similar(int x, int y, std::size_t pixel, PixelScratch& scratch) const {
  if (!sub_pixel_) {
    auto const most = to_size(know_.settings.similar);
    scratch.similar_places = &places_[pixel * most];
    scratch.similar_weights = &weights_[pixel * most];
    scratch.similar_count = found_[pixel];
    return;
  }
  sub_pixel_->closest().find(x, y, scratch.closest);
  scratch.closest_places.clear();
  for (auto const& [dy, dx] : scratch.closest.places)
    scratch.closest_places.push_back(dy * region_px_.width + dx);
  scratch.similar_places = scratch.closest_places.data();
  scratch.similar_weights = scratch.closest.weights.data();
  scratch.similar_count = static_cast<int>(scratch.closest_places.size());
}

/// So many pixels of a window are not few.
int FsdafTile::enough_similar() const {
  int const width = 2 * know_.settings.window_px + 1;
  return sub_pixel_ ? std::min(know_.settings.similar, width * width) : know_.settings.similar;
}

/// Step 9.
void FsdafTile::predict_pixel(TargetGroup const& group, std::size_t m, int row, int col,
                              PixelScratch& scratch) {
  auto const& member = group.members[m];
  int const x = input_.core_px.x + col, y = input_.core_px.y + row;
  double const* const changes = changes_.data() + region_index(x, y) * group.stride + m * to_size(bands_);
  std::int32_t const* places = scratch.similar_places;
  double const* weights = scratch.similar_weights;
  int count = scratch.similar_count;
  // Similar pixels in cells without a coarse value of this target are left out.
  std::vector<std::int32_t>& left_places = scratch.places;
  std::vector<double>& left_weights = scratch.weights;
  if (member.has_gaps || sub_pixel_) {
    left_places.clear();
    left_weights.clear();
    double total = 0;
    for (int i = 0; i < count; ++i) {
      if (std::isnan(changes[places[i] * static_cast<std::ptrdiff_t>(group.stride)])) continue;
      left_places.push_back(places[i]);
      left_weights.push_back(weights[i]);
      total += weights[i];
    }
    if (left_places.size() < to_size(count)) {
      for (double& weight : left_weights) weight /= total;
      count = static_cast<int>(left_places.size());
      places = left_places.data();
      weights = left_weights.data();
    }
  }
  quality::Flags flags =
      fused_flags({.pairs = 1, .pair = {group.pair_index}}, pairs_, input_.targets[to_size(member.target)]);
  if (count < enough_similar() || labels_[padded_index(x, y)] == classes_) flags |= quality::low_confidence;
  std::vector<double>& sums = scratch.sums;
  std::vector<double>& squares = scratch.squares;
  weighted_changes(changes, group.stride, places, weights, count, bands_, sums.data(), squares.data());
  for (int band = 0; band < bands_; ++band) {
    double const sum = sums[to_size(band)], square = squares[to_size(band)];
    double const fine = input_.fine.dn.row(group.pair.fine, band, 0)[padded_index(x, y)];
    double const change = coarse_change(group, m, band, x, y);
    double value = fine + sum;
    if (value < know_.range.lowest || value > know_.range.highest) {
      value = fine + change;
      flags |= quality::low_confidence;
    }
    double const spread = std::sqrt(std::max(0.0, square - sum * sum));
    double const noise = know_.sigma[to_size(band)] * std::sqrt(3.0);
    flags |= put(output_, know_.range, member.target, band, row, col, value,
                 prediction_sigma(noise, spread, change));
  }
  output_.quality.at(member.target, 0, row, col) = flags;
}

std::size_t FsdafTile::bytes(FsdafSettings const& settings, TileShape const& shape, int threads) {
  auto const core = to_size(shape.core_width) * to_size(shape.core_height);
  auto const padded = to_size(shape.padded_width) * to_size(shape.padded_height);
  int const ratio = settings.ratio, targets = std::min(shape.targets, targets_at_once(shape.bands));
  auto const values = to_size(targets) * to_size(shape.bands);
  auto const cells = to_size(shape.padded_width / ratio + 4 + 2 * settings.kernel_cells()) *
                     to_size(shape.padded_height / ratio + 4 + 2 * settings.kernel_cells());
  std::size_t const labels = padded * (sizeof(std::int16_t) + 2);
  std::size_t const lists = core * (to_size(settings.similar) * (sizeof(std::int32_t) + sizeof(double)) +
                                    sizeof(std::int16_t) + sizeof(void*));
  std::size_t const raster =
      SimilarityRaster::bytes(shape.core_width, shape.core_height, settings.window_px, shape.bands);
  std::size_t const changes = padded * (values + 1) * sizeof(double);
  auto const window = to_size(2 * settings.window_px + 1);
  std::size_t const cell_scratch =
      to_size(ratio) * to_size(ratio) *
      (FsdafCell::arrays * sizeof(double) + sizeof(double) + sizeof(CellScratch::Place));
  std::size_t const row_scratch =
      to_size(shape.padded_width) * to_size(homogeneity_rows + 2) * sizeof(std::int32_t);
  std::size_t const spline = 4 * to_size(ratio) * to_size(ratio) * sizeof(double) + (std::size_t{1} << 18);
  std::size_t const search = window * window * 64 + to_size(settings.similar) * 64 + 4096;
  std::size_t const sub_pixel = settings.variant == FsdafVariant::sfsdaf
                                    ? SubPixelChange::bytes(shape, ratio, settings.classes_at_most(), threads)
                                    : 0;
  return labels + lists + raster + changes + sub_pixel +
         to_size(targets) * SpatialPrediction::bytes(settings, cells, shape.bands) +
         to_size(threads) * (cell_scratch + row_scratch + spline + search);
}

}  // namespace stfcube
