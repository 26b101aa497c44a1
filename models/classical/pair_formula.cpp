#include "stfcube/models/classical/pair_formula.hpp"

#include <utility>

#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

double value(WeightedSum const& sum) {
  return static_cast<double>(sum.sum) / static_cast<double>(sum.weight);
}

}  // namespace

PairFormula::PairFormula(ModelSettings const& settings, ModelInfo info, bool bilinear)
    : choice_{.most_pairs = 1,
              .tolerance_days = settings.pair_tolerance_days,
              .max_gap_days = settings.max_pair_gap_days,
              .bilinear = bilinear},
      range_(settings.quantity),
      info_(std::move(info)) {
  info_.support.halo_cells = bilinear ? 1 : 0;
  for (auto const& band : settings.bands) sensor_.push_back(observation_uncertainty_dn(band));
}

std::size_t PairFormula::memory_bytes(TileShape const& shape, int threads) const {
  return PairPixels::Row::bytes(shape) * static_cast<std::size_t>(threads + 1);
}

void PairFormula::fuse(FusionInput const& input, FusionOutput& output) const {
  PairPixels const pixels(input, choice_);
  Formula const estimate = formula(input);
  parallel_for(0, input.core_px.height, [&](int row) { predict(input, pixels, estimate, row, output); });
}

void PairFormula::predict(FusionInput const& input, PairPixels const& pixels, Formula const& estimate,
                          int row, FusionOutput& output) const {
  PairPixels::Row pixel_row(pixels, row);
  for (int col = 0; col < input.core_px.width; ++col) {
    for (PairRun const& run : pixel_row.runs(col)) {
      Pair const& pair = pixels.pairs()[static_cast<std::size_t>(run.pair[0])];
      for (int t = run.first; t < run.last; ++t) {
        int const coarse = pixels.target_coarse()[static_cast<std::size_t>(t)];
        if (coarse < 0 || !pixel_row.coarse(coarse, 0, col).valid()) continue;
        quality::Flags flags = fused_flags(run, pixels.pairs(), input.targets[static_cast<std::size_t>(t)]) |
                               pixel_row.masked(coarse, col) | pixel_row.masked(pair.coarse, col);
        for (int band = 0; band < output.dn.bands(); ++band) {
          Estimate const estimated =
              estimate(band, {.x = input.core_px.x + col,
                              .y = input.core_px.y + row,
                              .fine = pixel_row.fine(pair, band, col),
                              .pair_coarse = value(pixel_row.coarse(pair.coarse, band, col)),
                              .target_coarse = value(pixel_row.coarse(coarse, band, col))});
          flags |= estimated.flags | put(output, range_, t, band, row, col, estimated.value, estimated.sigma);
        }
        output.quality.at(t, 0, row, col) = flags;
      }
    }
  }
}

}  // namespace stfcube
