#include "stfcube/models/deep/prediction.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "stfcube/models/classical/uncertainty.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

double mean(WeightedSum const& sum) {
  return static_cast<double>(sum.sum) / static_cast<double>(sum.weight);
}

}  // namespace

std::vector<References> PredictionWriter::references_of(PairRun const& run) const {
  if (settings_.network.form == nn::NetworkForm::two_pairs) {
    if (run.pairs == 2) return {{run.pair[0], run.pair[1]}};
    if (settings_.network.one_sided) return {{run.pair[0], run.pair[0]}};
    return {};
  }
  if (run.pairs == 2) return {{run.pair[0], -1}, {run.pair[1], -1}};
  return {{run.pair[0], -1}};
}

/// One pixel of a rectangle: the estimates it takes, and their weights.
class PredictionWriter::Pixel {
 public:
  struct Estimate {
    double value = 0, sigma = 0;  ///< DN
  };

  Pixel(Settings const& settings, ImageSource const& images, std::array<Prediction const*, 2> from,
        std::size_t at, std::size_t plane_size)
      : settings_(settings), quantity_(images.quantity()), from_(from), at_(at), plane_size_(plane_size) {}

  /// @param share  weight of the first estimate, 1 where there is no other
  /// @param pairs  behind each estimate
  Estimate estimate(int band, double share, int pairs) const {
    double const first = value(0, band), second = from_[1] ? value(1, band) : first;
    double const spread_first = spread(0, band), spread_second = from_[1] ? spread(1, band) : 0;
    double const change =
        share * in_dn(from_[0]->change, band) + (from_[1] ? (1 - share) * in_dn(from_[1]->change, band) : 0);
    double const sensor = settings_.sensor_sigma[to_size(band)],
                 residual = settings_.residual_sigma[to_size(band)];
    double const squares = (share * share + (1 - share) * (1 - share)) / pairs;
    double const noise = std::sqrt((2 * squares + 1) * sensor * sensor + residual * residual);
    double const difference = second - first;
    double const spread =
        std::sqrt(share * (1 - share) * difference * difference + share * spread_first * spread_first +
                  (1 - share) * spread_second * spread_second);
    return {share * first + (1 - share) * second, prediction_sigma(noise, spread, change)};
  }

  bool near_filled() const {
    return from_[0]->near_filled[at_] != 0 || (from_[1] && from_[1]->near_filled[at_] != 0);
  }

 private:
  std::size_t offset(int band) const { return to_size(band) * plane_size_ + at_; }
  double value(std::size_t which, int band) const {
    return (from_[which]->values[offset(band)] - quantity_.offset) / quantity_.step;
  }
  double in_dn(std::vector<float> const& differences, int band) const {
    return differences[offset(band)] / quantity_.step;
  }
  double spread(std::size_t which, int band) const {
    return from_[which]->spread.empty() ? 0 : in_dn(from_[which]->spread, band);
  }

  Settings const& settings_;
  Quantity const& quantity_;
  std::array<Prediction const*, 2> from_;
  std::size_t at_, plane_size_;
};

void PredictionWriter::write(ImageSource const& images, Rect const& px, int target, int coarse_of_target,
                             PixelChoices const& choices, Predictions const& predictions,
                             FusionOutput& output) const {
  FusionInput const& input = images.input();
  Date const day = input.targets[to_size(target)];
  auto const& pairs = images.pairs();
  // Weight of the earlier pair's prediction at a pixel.
  auto const share_of = [&](PairRun const& run, int x, int y, int band) {
    Pair const &before = pairs[to_size(run.pair[0])], &after = pairs[to_size(run.pair[1])];
    if (settings_.combine == Combine::time)
      return static_cast<double>(after.date - day) / static_cast<double>(after.date - before.date);
    CellStencil const around = cells_around(images.frame(), x, y);
    auto const coarse = [&](int date) { return mean(around.over(input.coarse.dn.row(date, band, 0))); };
    double const now = coarse(coarse_of_target);
    double const first = std::abs(now - coarse(before.coarse)) + 1,
                 second = std::abs(now - coarse(after.coarse)) + 1;
    return second / (first + second);
  };
  auto const plane_size = static_cast<std::size_t>(px.area());
  std::size_t at = 0;
  for (int y = px.y; y < px.bottom(); ++y) {
    for (int x = px.x; x < px.right(); ++x, ++at) {
      PairRun const* const run = choices.at(at);
      if (run == nullptr) continue;
      auto const references = references_of(*run);
      bool const known = std::ranges::all_of(
          references, [&](References const& wanted) { return predictions.contains(wanted); });
      if (references.empty() || !known) continue;
      bool const both = references.size() == 2;
      Pixel const pixel(settings_, images,
                        {&predictions.at(references[0]), both ? &predictions.at(references[1]) : nullptr}, at,
                        plane_size);
      quality::Flags flags = fused_flags(*run, pairs, day);
      if (choices.has_masked_cells(at) || pixel.near_filled()) flags |= quality::input_masked;
      int const row = y - input.core_px.y, col = x - input.core_px.x;
      for (int band = 0; band < output.dn.bands(); ++band) {
        auto const [value, sigma] =
            pixel.estimate(band, both ? share_of(*run, x, y, band) : 1, both ? 1 : run->pairs);
        flags |= put(output, images.quantity(), target, band, row, col, value, sigma);
      }
      output.quality.at(target, 0, row, col) = flags;
    }
  }
}

}  // namespace stfcube
