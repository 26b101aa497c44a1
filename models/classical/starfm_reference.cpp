#include "stfcube/models/classical/starfm_reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace stfcube {
namespace {

/// The reference program works in metres. The unit cancels but for rounding, which decides ties: the usual 30
/// m.
constexpr float pixel_m = 30;

/// A neighbour that passes all tests.
struct Candidate {
  float weight;
  int value;
};

/// Predicts one row, pixel by pixel.
class ReferenceRow {
 public:
  ReferenceRow(StarfmBlockView const& block, int row, StarfmRow& result)
      : block_(block), row_(row), result_(result) {}

  void run() {
    for (int x = 0; x < block_.cols; ++x) {
      StarfmPlan const& plan = *block_.plans[static_cast<std::size_t>(row_ * block_.cols + x)];
      for (int t = 0; t < block_.targets; ++t) store(x, t, 0, std::numeric_limits<double>::quiet_NaN(), 0);
      for (StarfmRun const& run : plan.runs) {
        for (int t = run.first; t < run.last; ++t)
          predict(x, t, run, plan.flags[static_cast<std::size_t>(t)]);
      }
    }
  }

 private:
  std::size_t raster(int x, int r, int c) const {
    return static_cast<std::size_t>((row_ + r) * block_.pitch + x + c);
  }

  double change(StarfmPairView const& pair, std::size_t at, int target) const {
    return pair.change[static_cast<std::size_t>(block_.cell[at]) * static_cast<std::size_t>(block_.stride) +
                       static_cast<std::size_t>(target)];
  }

  void predict(int x, int target, StarfmRun const& run, double flags) {
    std::size_t const centre = raster(x, block_.before, block_.before);
    int s0 = std::numeric_limits<int>::max(), t0 = s0;
    for (int k = 0; k < run.pairs; ++k) {
      StarfmPairView const& pair =
          block_.pairs[static_cast<std::size_t>(run.pair[static_cast<std::size_t>(k)])];
      double const moved = change(pair, centre, target);
      if (moved == starfm_missing_change) return;
      s0 = std::min(s0, int{pair.difference[centre]});
      t0 = std::min(t0, static_cast<int>(std::abs(moved)));
    }
    candidates_.clear();
    for (int k = 0; k < run.pairs; ++k) {
      find_candidates(x, target,
                      block_.pairs[static_cast<std::size_t>(run.pair[static_cast<std::size_t>(k)])],
                      run.use_t, s0 + block_.spectral, t0 + block_.temporal);
    }
    if (candidates_.empty()) return;
    bool const few =
        static_cast<double>(candidates_.size()) < block_.window * block_.window * run.pairs / 100.0;
    store(x, target, flags + (few ? quality::low_confidence : 0), weighted_mean(), spread());
  }

  void find_candidates(int x, int target, StarfmPairView const& pair, bool use_t, double largest_s,
                       double largest_t) {
    StarfmSimilarity const& similarity = pair.similarity.front();
    std::size_t const centre = raster(x, block_.before, block_.before), first = raster(x, 0, 0);
    int const centre_fine = similarity.fine[centre];
    if (centre_fine == no_data_dn) return;
    for (int r = 0; r < block_.window; ++r) {
      for (int c = 0; c < block_.window; ++c) {
        std::size_t const at = raster(x, r, c);
        // Gaps are no_data_dn in all bands and thus far from any value.
        if (std::abs(similarity.fine[at] - centre_fine) > similarity.limit(first) ||
            !is_similar(pair, at, centre, first))
          continue;
        double const moved = change(pair, at, target);
        if (pair.fine[at] == no_data_dn || moved == starfm_missing_change) continue;
        int const s = pair.difference[at], t = static_cast<int>(std::abs(moved));
        bool const fails_s = s > largest_s, fails_t = t > largest_t;
        if (block_.both_tests ? fails_s || fails_t : fails_s && fails_t) continue;
        candidates_.push_back({weight(s, t, use_t, r, c), pair.fine[at] + static_cast<int>(moved)});
      }
    }
  }

  static bool is_similar(StarfmPairView const& pair, std::size_t at, std::size_t centre, std::size_t first) {
    for (StarfmSimilarity const& band : pair.similarity) {
      if (std::abs(band.fine[at] - band.fine[centre]) > band.limit(first)) return false;
    }
    return true;
  }

  float weight(int s, int t, bool use_t, int r, int c) const {
    float const q = use_t ? static_cast<float>(s + 1) * static_cast<float>(t + 1) : static_cast<float>(s + 1);
    if (q < block_.combined) return 1;
    auto const dx = static_cast<float>(c - block_.before), dy = static_cast<float>(r - block_.before);
    float const distance_m = std::sqrt(dx * dx + dy * dy) * pixel_m;
    double const damping = 1.0 + distance_m / (static_cast<float>(block_.distance_px) * pixel_m);
    if (!block_.log_weights) return static_cast<float>(1.0 / (q * damping));
    return static_cast<float>(block_.tables.reciprocal[s] * (use_t ? block_.tables.reciprocal[t] : 1.0) /
                              damping);
  }

  /// Every weight is divided by the sum before it is used.
  float weighted_mean() {
    float total = 0, mean = 0;
    for (Candidate const& candidate : candidates_) total += candidate.weight;
    for (Candidate& candidate : candidates_) {
      candidate.weight /= total;
      mean += candidate.weight * static_cast<float>(candidate.value);
    }
    return mean;
  }

  /// One standard deviation with the sensors' part. The weights sum to 1.
  double spread() const {
    double mean = 0, square = 0;
    for (Candidate const& candidate : candidates_) mean += double{candidate.weight} * candidate.value;
    for (Candidate const& candidate : candidates_) {
      square += candidate.weight * (candidate.value - mean) * (candidate.value - mean);
    }
    return std::sqrt(square + block_.variance);
  }

  /// Values outside the range, and not a number, are no data. Rounds up by cutting off, also below zero.
  void store(int x, int target, double flags, double value, double sigma) {
    std::size_t const at = static_cast<std::size_t>(x) * static_cast<std::size_t>(result_.stride) +
                           static_cast<std::size_t>(target);
    bool const predicted = value > block_.range.lowest && value < block_.range.highest;
    result_.dn[at] = predicted ? static_cast<Dn>(value + 0.5) : no_data_dn;
    result_.uncertainty[at] =
        predicted ? static_cast<Dn>(std::llround(std::min(sigma, 32767.0))) : no_data_dn;
    result_.flags[at] = predicted ? static_cast<std::int16_t>(flags) : std::int16_t{0};
    result_.exact[at] = predicted ? value : std::numeric_limits<double>::quiet_NaN();
  }

  StarfmBlockView const& block_;
  int const row_;
  StarfmRow& result_;
  std::vector<Candidate> candidates_;
};

}  // namespace

void starfm_reference_row(StarfmBlockView const& block, int row, StarfmRow& result) {
  ReferenceRow(block, row, result).run();
}

}  // namespace stfcube
