#include "stfcube/models/deep/network_model.hpp"

#include <algorithm>
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

int round_up(int n, int step) {
  return (n + step - 1) / step * step;
}

/// The same settings with every method's options at their defaults.
ModelSettings without_options(ModelSettings settings) {
  settings.options.clear();
  return settings;
}

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
  int const halo = round_up(network.radius_px, network.align_px);
  info.support = {
      .halo_px = halo,
      .halo_cells = 1,
      .lattice_px = round_up(halo > large_halo_px ? large_block_px : small_block_px, network.align_px)};
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
      writer_({.network = predictor_->info(),
               .combine = use.combine,
               .sensor_sigma = sensor_sigma(settings.bands),
               .residual_sigma = residual_sigma(predictor_->card(), settings.bands, settings.quantity)}),
      increment_(without_options(settings)),
      info_(network_model_info(predictor_->info())) {
  require(predictor_->info().bands == bands_, ErrorKind::config,
          fmt::format("the weights of {} are for {} bands, but the cube has {}.", info_.name,
                      predictor_->info().bands, bands_));
}

std::size_t NetworkModel::memory_bytes(TileShape const& shape, int threads) const {
  int const side = info_.support.lattice_px, halo = info_.support.halo_px;
  int const width = run_side(std::min(side + 2 * halo, shape.padded_width));
  int const height = run_side(std::min(side + 2 * halo, shape.padded_height));
  std::size_t const run_pixels = to_size(width) * to_size(height);
  std::size_t const block_pixels =
      to_size(std::min(side, shape.core_width)) * to_size(std::min(side, shape.core_height));
  std::size_t const bands = to_size(shape.bands);
  std::size_t const pairs = to_size(std::min(shape.fine_dates, shape.coarse_dates));
  // Five images and a donor while they are filled (doubles), as the network reads them, and what it gives.
  std::size_t const gathering = run_pixels * (bands * (9 * sizeof(double) + 6 * sizeof(float)) + 64);
  std::size_t const kept = block_pixels * pairs * (bands * 3 * sizeof(float) + 2);
  std::size_t const one = gathering + kept + predictor_->working_bytes(height, width, 0);
  std::size_t const core = to_size(shape.core_width) * to_size(shape.core_height) * to_size(shape.targets);
  std::size_t const fallback = core * (bands * 2 * sizeof(Dn) + 1) + increment_.memory_bytes(shape, threads);
  return one * to_size(threads) + fallback;
}

void NetworkModel::fuse(FusionInput const& input, FusionOutput& output) const {
  ImageSource const images(input, quantity_, pairs_in_reach(input, tolerance_days_, max_gap_days_));
  auto const coarse = coarse_of_targets(input);
  auto const blocks = lattice_blocks(input.core_px, info_.support.lattice_px);
  int const targets = static_cast<int>(input.targets.size()), count = static_cast<int>(blocks.size());
  parallel_for(0, images.pairs().empty() ? 0 : count * targets, [&](int i) {
    int const target = i / count;
    fuse_region(images, blocks[to_size(i % count)], target, coarse[to_size(target)], output);
  });
  fill_from_increment(input, output);
}

void NetworkModel::fuse_region(ImageSource const& images, Rect const& px, int target, int coarse,
                               FusionOutput& output) const {
  PixelChoices const choices(images, px, target, coarse, most_pairs_, max_gap_days_);
  Predictions predictions;
  for (PairRun const& run : choices.runs()) {
    for (References const& references : writer_.references_of(run)) {
      if (!predictions.contains(references))
        predictions.emplace(references, predict_block(images, px, coarse, references));
    }
  }
  writer_.write(images, px, target, coarse, choices, predictions, output);
}

/// The block and its halo inside the scene, and beyond its right and lower edge what the network's strides
/// need.
Rect NetworkModel::run_rectangle(Rect const& block, Rect const& scene) const {
  Rect px = intersect(grow(block, info_.support.halo_px), scene);
  px.width = run_side(px.width);
  px.height = run_side(px.height);
  return px;
}

/// A side that the network can take: what it pads by reflection it has to find in a scene of any size.
int NetworkModel::run_side(int side) const {
  return round_up(std::max(side, predictor_->info().radius_px + 1), predictor_->info().align_px);
}

Prediction NetworkModel::predict_block(ImageSource const& images, Rect const& px, int coarse,
                                       References const& references) const {
  Rect const run = run_rectangle(px, images.input().scene_px);
  NetworkImages const gathered = images.gather(run, coarse, references, Beyond::edge);
  Prediction prediction;
  prediction.values = cut(predictor_->predict(gathered.block), run, px);
  prediction.change = cut(coarse_change(gathered.block), run, px);
  prediction.near_filled = cut(
      grown(gathered.filled, run.width, run.height, std::min(predictor_->info().radius_px, filled_reach_px)),
      run, px);
  return prediction;
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
