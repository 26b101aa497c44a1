#include "stfcube/models/deep/network_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "stfcube/models/deep/rectangles.hpp"
#include "stfcube/models/deep/residual_sigma.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr int small_block_px = 128, large_block_px = 256;
constexpr int large_halo_px = 16;   // from which on small blocks would cost too much
constexpr int filled_reach_px = 8;  // how far a filled pixel is taken to matter

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// The same settings with every method's options at their defaults.
ModelSettings without_options(ModelSettings settings) {
  settings.options.clear();
  return settings;
}

BlockLattice block_lattice(nn::NetworkInfo const& network) {
  BlockLattice lattice{.halo_px = 0, .align_px = network.align_px, .smallest_px = network.radius_px + 1};
  auto const rounded_up = [&](int n) {
    return (n + network.align_px - 1) / network.align_px * network.align_px;
  };
  lattice.halo_px = rounded_up(network.radius_px);
  lattice.side_px = rounded_up(lattice.halo_px > large_halo_px ? large_block_px : small_block_px);
  return lattice;
}

std::optional<PatchLattice> patch_lattice(nn::NetworkInfo const& network) {
  if (network.path != nn::InferencePath::lattice && network.path != nn::InferencePath::diffusion)
    return std::nullopt;
  return PatchLattice(network.patch_px, network.stride_px);
}

/// Mean and standard deviation of the members, number by number.
void reduce_members(std::vector<std::vector<float>> const& members, Prediction& prediction) {
  if (members.size() == 1) {
    prediction.values = members.front();
    return;
  }
  auto const count = static_cast<double>(members.size());
  for (std::size_t i = 0; i < members.front().size(); ++i) {
    double sum = 0, squares = 0;
    for (auto const& member : members) sum += member[i];
    double const mean = sum / count;
    for (auto const& member : members) squares += (member[i] - mean) * (member[i] - mean);
    prediction.values.push_back(static_cast<float>(mean));
    prediction.spread.push_back(static_cast<float>(std::sqrt(squares / (count - 1))));
  }
}

/// Whether a pixel of `part` takes a prediction from these references.
class Needed {
 public:
  Needed(PixelChoices const& choices, PredictionWriter const& writer, Rect const& px,
         References const& references)
      : choices_(choices), px_(px) {
    for (PairRun const& run : choices.runs()) {
      auto const wanted = writer.references_of(run);
      if (std::ranges::find(wanted, references) != wanted.end()) runs_.push_back(&run);
    }
  }
  bool operator()(Rect const& part) const {
    Rect const shared = intersect(part, px_);
    for (int y = shared.y; y < shared.bottom(); ++y) {
      for (int x = shared.x; x < shared.right(); ++x) {
        auto const* const run = choices_.at(to_size(y - px_.y) * to_size(px_.width) + to_size(x - px_.x));
        if (std::ranges::find(runs_, run) != runs_.end() && run != nullptr) return true;
      }
    }
    return false;
  }

 private:
  PixelChoices const& choices_;
  Rect px_;
  std::vector<PairRun const*> runs_;
};

std::vector<double> sensor_sigma(std::vector<std::string> const& bands) {
  std::vector<double> sigma;
  for (auto const& band : bands) sigma.push_back(observation_uncertainty_dn(band));
  return sigma;
}

}  // namespace

ModelInfo network_model_info(nn::NetworkInfo const& network) {
  ModelInfo info{.name = network.name,
                 .title = network.title,
                 .citation = network.citation,
                 .pairs_needed = network.form == nn::NetworkForm::two_pairs && !network.one_sided ? 2 : 1,
                 .support = {}};
  if (auto const patches = patch_lattice(network)) {
    info.support = {.halo_px = patches->halo(), .halo_cells = 1, .lattice_px = patches->corner_step()};
  } else {
    BlockLattice const blocks = block_lattice(network);
    info.support = {.halo_px = blocks.halo_px, .halo_cells = 1, .lattice_px = blocks.side_px};
  }
  if (network.path == nn::InferencePath::scene_statistics) {
    info.observes = network.form == nn::NetworkForm::two_pairs ? Observed::neighbouring_pairs
                                                               : Observed::pair_and_targets;
  }
  return info;
}

NetworkModel::NetworkModel(ModelSettings const& settings, NetworkUse const& use,
                           std::unique_ptr<nn::Predictor> predictor)
    : predictor_(std::move(predictor)),
      use_(use),
      quantity_(settings.quantity),
      bands_(static_cast<int>(settings.bands.size())),
      max_gap_days_(settings.max_pair_gap_days),
      tolerance_days_(settings.pair_tolerance_days),
      most_pairs_(
          predictor_->info().form != nn::NetworkForm::two_pairs && use.combine == Combine::nearest ? 1 : 2),
      blocks_(block_lattice(predictor_->info())),
      lattice_(patch_lattice(predictor_->info())),
      writer_({.network = predictor_->info(),
               .combine = use.combine,
               .sensor_sigma = sensor_sigma(settings.bands),
               .residual_sigma = residual_sigma(predictor_->card(), settings.bands, settings.quantity)}),
      increment_(without_options(settings)),
      info_(network_model_info(predictor_->info())) {
  require(predictor_->info().bands == bands_, ErrorKind::config,
          fmt::format("the weights of {} are for {} bands, but the cube has {}.", info_.name,
                      predictor_->info().bands, bands_));
  require(
      network().form != nn::NetworkForm::series, ErrorKind::config,
      fmt::format(
          "model.name = {}: networks of whole series can be trained, but a job cannot run them yet. Take a "
          "network of one pair or two.",
          info_.name));
  if (network().path == nn::InferencePath::scene_statistics) maps_.emplace(info_.name, blocks_, predictor_);
}

std::vector<Rect> NetworkModel::parts(Rect const& scene_px, int ratio, Rect const& core_px) const {
  return maps_ ? maps_->parts(scene_px, ratio, core_px) : FusionModel::parts(scene_px, ratio, core_px);
}

void NetworkModel::observe(FusionInput const& input, Statistics& statistics) const {
  if (maps_) maps_->observe(input, quantity_, tolerance_days_, statistics);
}

void NetworkModel::prepare(Statistics const& statistics) {
  if (maps_) maps_->prepare(statistics);
}

/// Five images and a donor while they are filled (doubles), as the network reads them, and what it gives.
std::size_t NetworkModel::gathering_bytes(std::size_t pixels) const {
  return pixels * (to_size(bands_) * (9 * sizeof(double) + 7 * sizeof(float)) + 64);
}

std::size_t NetworkModel::working_bytes(TileShape const& shape, int threads) const {
  std::size_t const pairs = to_size(std::min(shape.fine_dates, shape.coarse_dates));
  std::size_t const bands = to_size(bands_);
  if (on_patches()) {
    int const side = lattice_->patch_px();
    std::size_t const patch = to_size(side) * to_size(side);
    std::size_t const patches = lattice_->patches_of({0, 0, shape.core_width, shape.core_height}).size();
    std::size_t const core = to_size(shape.core_width) * to_size(shape.core_height);
    std::size_t const members = to_size(use_.members);
    std::size_t const one = gathering_bytes(patch) + members * bands * patch * sizeof(float) +
                            predictor_->working_bytes(side, side, 0);
    std::size_t const results = patches * patch * (bands * 3 * sizeof(float) + 1);
    std::size_t const blended = core * (bands * 3 * (sizeof(double) + sizeof(float)) + 32);
    return one * to_size(threads) + results + blended + core * pairs * (bands * 3 * sizeof(float) + 2);
  }
  int const side = blocks_.side_px, halo = blocks_.halo_px;
  int const width = blocks_.run_side(std::min(side + 2 * halo, shape.padded_width));
  int const height = blocks_.run_side(std::min(side + 2 * halo, shape.padded_height));
  std::size_t const block =
      to_size(std::min(side, shape.core_width)) * to_size(std::min(side, shape.core_height));
  std::size_t const kept = block * pairs * (bands * 3 * sizeof(float) + 2);
  return to_size(threads) * (gathering_bytes(to_size(width) * to_size(height)) + kept +
                             predictor_->working_bytes(height, width, 0));
}

std::size_t NetworkModel::memory_bytes(TileShape const& shape, int threads) const {
  std::size_t const core = to_size(shape.core_width) * to_size(shape.core_height) * to_size(shape.targets);
  std::size_t const fallback =
      core * (to_size(bands_) * 2 * sizeof(Dn) + 1) + increment_.memory_bytes(shape, threads);
  return working_bytes(shape, threads) + fallback;
}

void NetworkModel::fuse(FusionInput const& input, FusionOutput& output) const {
  ImageSource const images(input, quantity_, pairs_in_reach(input, tolerance_days_, max_gap_days_));
  auto const coarse = coarse_of_targets(input);
  auto const target = [&](int t) { return Target{images, t, coarse[to_size(t)], input.targets[to_size(t)]}; };
  int const targets = images.pairs().empty() ? 0 : static_cast<int>(input.targets.size());
  if (on_patches()) {
    for (int t = 0; t < targets; ++t) fuse_region(target(t), input.core_px, output);
  } else {
    auto const blocks = lattice_blocks(input.core_px, blocks_.side_px);
    int const count = static_cast<int>(blocks.size());
    parallel_for(0, count * targets,
                 [&](int i) { fuse_region(target(i / count), blocks[to_size(i % count)], output); });
  }
  fill_from_increment(input, output);
}

void NetworkModel::fuse_region(Target const& target, Rect const& px, FusionOutput& output) const {
  if (target.coarse < 0) return;
  PixelChoices const choices(target.images, px, target.index, target.coarse, most_pairs_, max_gap_days_);
  Predictions predictions;
  for (PairRun const& run : choices.runs()) {
    for (References const& references : writer_.references_of(run)) {
      if (predictions.contains(references)) continue;
      auto predicted = on_patches()
                           ? predict_patches(target, px, references, Needed(choices, writer_, px, references))
                           : predict_block(target, px, references);
      if (predicted) predictions.emplace(references, std::move(*predicted));
    }
  }
  writer_.write(target.images, px, target.index, target.coarse, choices, predictions, output);
}

/// Nothing where the scene's statistics for these pairs were not gathered.
std::optional<Prediction> NetworkModel::predict_block(Target const& target, Rect const& px,
                                                      References const& references) const {
  nn::RunSettings settings;
  if (maps_) {
    settings.scene = maps_->find(target.images.pairs(), references, target.date);
    if (settings.scene == nullptr) return std::nullopt;
  }
  Rect const run = blocks_.run_of(px, target.images.input().scene_px);
  NetworkImages const gathered = target.images.gather(run, target.coarse, references, Beyond::edge);
  Prediction prediction;
  prediction.values = cut(predictor_->predict(gathered.block, settings), run, px);
  prediction.change = cut(coarse_change(gathered.block), run, px);
  prediction.near_filled = cut(
      grown(gathered.filled, run.width, run.height, std::min(network().radius_px, filled_reach_px)), run, px);
  return prediction;
}

Prediction NetworkModel::predict_patch(Target const& target, Rect const& patch,
                                       References const& references) const {
  NetworkImages const gathered = target.images.gather(patch, target.coarse, references, Beyond::mirror);
  bool const diffusion = network().path == nn::InferencePath::diffusion;
  std::vector<std::vector<float>> members;
  for (int member = 0; member < (diffusion ? use_.members : 1); ++member) {
    members.push_back(predictor_->predict(gathered.block, {.scene = nullptr,
                                                           .steps = use_.sampling_steps,
                                                           .seed = use_.seed,
                                                           .member = static_cast<std::uint32_t>(member),
                                                           .row = patch.y,
                                                           .column = patch.x}));
  }
  Prediction prediction;
  reduce_members(members, prediction);
  prediction.change = coarse_change(gathered.block);
  prediction.near_filled = grown(gathered.filled, patch.width, patch.height, filled_reach_px);
  return prediction;
}

Prediction NetworkModel::predict_patches(Target const& target, Rect const& px, References const& references,
                                         std::function<bool(Rect const&)> const& needed) const {
  auto patches = lattice_->patches_of(px);
  std::erase_if(patches, [&](Rect const& patch) { return !needed(patch); });
  std::vector<Prediction> parts(patches.size());
  parallel_for(0, static_cast<int>(patches.size()),
               [&](int i) { parts[to_size(i)] = predict_patch(target, patches[to_size(i)], references); });
  PatchBlend values(*lattice_, px, bands_), spread(*lattice_, px, bands_), change(*lattice_, px, bands_);
  Prediction blended;
  blended.near_filled.resize(static_cast<std::size_t>(px.area()));
  bool const has_spread = !parts.empty() && !parts.front().spread.empty();
  for (std::size_t i = 0; i < patches.size(); ++i) {
    Rect const& patch = patches[i];
    values.add(patch, parts[i].values);
    change.add(patch, parts[i].change);
    if (has_spread) spread.add(patch, parts[i].spread);
    Rect const shared = intersect(patch, px);
    for (int y = shared.y; y < shared.bottom(); ++y) {
      for (int x = shared.x; x < shared.right(); ++x)
        blended.near_filled[to_size(y - px.y) * to_size(px.width) + to_size(x - px.x)] |=
            parts[i].near_filled[to_size(y - patch.y) * to_size(patch.width) + to_size(x - patch.x)];
    }
  }
  blended.values = values.result();
  blended.change = change.result();
  if (has_spread) blended.spread = spread.result();
  return blended;
}

void NetworkModel::fill_from_increment(FusionInput const& input, FusionOutput& output) const {
  auto const found = output.quality.all();
  if (std::ranges::find(found, quality::no_data) == found.end()) return;
  FusionOutput other(output.dn.dates(), bands_, output.dn.rows(), output.dn.cols());
  Stack<double> exact;
  if (output.exact) {
    exact = Stack<double>(output.dn.dates(), bands_, output.dn.rows(), output.dn.cols());
    exact.fill(std::numeric_limits<double>::quiet_NaN());
    other.exact = &exact;
  }
  increment_.fuse(input, other);
  for (int t = 0; t < output.dn.dates(); ++t) {
    for (std::size_t i = 0; i < output.dn.plane_size(); ++i) {
      quality::Flags const flags = other.quality.plane(t, 0)[i];
      if (output.quality.plane(t, 0)[i] != quality::no_data || flags == quality::no_data) continue;
      output.quality.plane(t, 0)[i] = flags | quality::low_confidence;
      for (int b = 0; b < bands_; ++b) {
        output.dn.plane(t, b)[i] = other.dn.plane(t, b)[i];
        output.uncertainty.plane(t, b)[i] = other.uncertainty.plane(t, b)[i];
        if (output.exact) output.exact->plane(t, b)[i] = exact.plane(t, b)[i];
      }
    }
  }
}

}  // namespace stfcube
