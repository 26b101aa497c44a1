#include "stfcube/models/deep/scene_maps.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "stfcube/models/deep/rectangles.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

int round_up(int n, int step) {
  return (n + step - 1) / step * step;
}

/// Whole numbers in the order of the doubles they stand for, and back.
std::int64_t ordered(double value) {
  auto const bits = std::bit_cast<std::int64_t>(value);
  return bits >= 0 ? bits : std::numeric_limits<std::int64_t>::min() - bits;
}

double unordered(std::int64_t key) {
  return std::bit_cast<double>(key >= 0 ? key : std::numeric_limits<std::int64_t>::min() - key);
}

std::string maximum_of(std::string const& subject, std::size_t channel) {
  return subject + "/maximum/" + std::to_string(channel);
}

void add(nn::MapSums const& sums, std::string const& subject, Statistics& statistics) {
  std::size_t const channels = sums.sum.size();
  auto const row = statistics.row(subject, 2 * channels + 1);
  for (std::size_t c = 0; c < channels; ++c) {
    row[2 * c] += sums.sum[c];
    row[2 * c + 1] += sums.square[c];
    statistics.tally(maximum_of(subject, c))[ordered(sums.maximum[c])] += 1;
  }
  row[2 * channels] += sums.count;
}

nn::MapSums sums_in(Statistics const& statistics, std::string const& subject) {
  auto const row = statistics.find(subject);
  nn::MapSums sums;
  for (std::size_t c = 0; 2 * c + 1 < row.size(); ++c) {
    sums.sum.push_back(row[2 * c]);
    sums.square.push_back(row[2 * c + 1]);
    sums.maximum.push_back(unordered(statistics.find_tally(maximum_of(subject, c)).rbegin()->first));
  }
  sums.count = static_cast<std::int64_t>(row.back());
  return sums;
}

}  // namespace

int BlockLattice::run_side(int side) const {
  return round_up(std::max(side, smallest_px), align_px);
}

Rect BlockLattice::run_of(Rect const& block, Rect const& scene) const {
  Rect px = intersect(grow(block, halo_px), scene);
  px.width = run_side(px.width);
  px.height = run_side(px.height);
  return px;
}

/// A coarse cell more than the run, for the kernel.
Rect SceneMaps::part_of(Rect const& block, Rect const& scene, int ratio) const {
  return intersect(align_outward(grow(block, lattice_.halo_px + ratio), ratio), scene);
}

std::vector<Rect> SceneMaps::parts(Rect const& scene_px, int ratio, Rect const& core_px) const {
  std::vector<Rect> parts;
  auto const blocks = lattice_blocks(scene_px, lattice_.side_px);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    Rect const part = part_of(blocks[i], scene_px, ratio);
    // Small scenes: several blocks with one part, which is read once.
    bool const is_first =
        std::ranges::none_of(blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(i),
                             [&](Rect const& earlier) { return part_of(earlier, scene_px, ratio) == part; });
    if (is_first && core_px.contains({blocks[i].x, blocks[i].y, 1, 1})) parts.push_back(part);
  }
  return parts;
}

std::string SceneMaps::subject(std::vector<Pair> const& pairs, References const& references,
                               Date target) const {
  std::string text =
      name_ + "/" + to_string(target) + "/" + to_string(pairs[to_size(references.before)].date);
  if (references.after >= 0) text += "/" + to_string(pairs[to_size(references.after)].date);
  return text;
}

void SceneMaps::observe(FusionInput const& input, Quantity const& quantity, int tolerance_days,
                        Statistics& statistics) const {
  ImageSource const images(input, quantity, find_pairs(input.fine.dates, input.coarse.dates, tolerance_days));
  auto const coarse = coarse_of_targets(input);
  bool const two = predictor_->info().form == nn::NetworkForm::two_pairs;
  if (images.pairs().size() != (two ? 2u : 1u)) return;
  References const references{0, two ? 1 : -1};
  std::vector<nn::MapConstants> const none;
  for (Rect const& block : lattice_blocks(input.scene_px, lattice_.side_px)) {
    if (part_of(block, input.scene_px, input.ratio) != input.core_px) continue;
    Rect const run = lattice_.run_of(block, input.scene_px);
    nn::CoreRectangle const core{block.y - run.y, block.x - run.x, block.height, block.width};
    for (std::size_t t = 0; t < coarse.size(); ++t) {
      if (coarse[t] < 0) continue;
      std::string const about = subject(images.pairs(), references, input.targets[t]);
      auto const known = maps_.find(about);
      nn::MapSums sums;
      if (predictor_->gather_maps(images.gather(run, coarse[t], references, Beyond::edge).block, core,
                                  known == maps_.end() ? none : known->second, sums))
        add(sums, about, statistics);
    }
  }
}

void SceneMaps::prepare(Statistics const& statistics) {
  complete_ = true;
  for (std::string const& about : statistics.row_names()) {
    if (!about.starts_with(name_ + "/")) continue;
    maps_[about].push_back(sums_in(statistics, about).constants());
    complete_ = false;
  }
}

std::vector<nn::MapConstants> const* SceneMaps::find(std::vector<Pair> const& pairs,
                                                     References const& references, Date target) const {
  auto const found = maps_.find(subject(pairs, references, target));
  return found == maps_.end() ? nullptr : &found->second;
}

}  // namespace stfcube
