#include "stfcube/models/classical/increment.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr int most_ratio = 500;  // the largest product of the exact sums then stays below 2^127

std::vector<OptionSpec> const specs = {
    {"coarse", "bilinear",
     "how coarse cells become fine pixels: bilinear, or nearest (blocks, keeps coarse means)"},
    {"weights", "tempchange",
     "weights of two pairs: tempchange (small coarse change wins), mean, or time (inverse distance in days)"},
    {"pairs", "2",
     "pairs used: 2 (nearest valid one on each side of the target) or 1 (the nearest valid one)"},
};

IncrementModel::Kernel kernel_named(std::string const& name) {
  return name == "nearest" ? IncrementModel::Kernel::nearest : IncrementModel::Kernel::bilinear;
}

IncrementModel::Weights weights_named(std::string const& name) {
  if (name == "mean") return IncrementModel::Weights::mean;
  return name == "time" ? IncrementModel::Weights::time : IncrementModel::Weights::temporal_change;
}

/// A rational number. Positive denominator.
struct Fraction {
  ExactSum numerator = 0, denominator = 1;

  /// The nearest double up to one unit in the last place; an exact half is exact, so that it rounds as in
  /// integers.
  double value() const {
    constexpr ExactSum exact = ExactSum{1} << 53;
    if (-exact <= numerator && numerator <= exact && denominator <= exact) {
      return static_cast<double>(static_cast<std::int64_t>(numerator)) /
             static_cast<double>(static_cast<std::int64_t>(denominator));
    }
    ExactSum const whole = numerator / denominator;
    return static_cast<double>(whole) +
           static_cast<double>(numerator - whole * denominator) / static_cast<double>(denominator);
  }
};

/// fine + later - earlier.
Fraction incremented(int fine, WeightedSum const& later, WeightedSum const& earlier) {
  if (later.weight == earlier.weight) return {fine * later.weight + later.sum - earlier.sum, later.weight};
  ExactSum const common = ExactSum{later.weight} * earlier.weight;
  return {fine * common + ExactSum{later.sum} * earlier.weight - ExactSum{earlier.sum} * later.weight,
          common};
}

/// (a * weight_a + b * weight_b) / (weight_a + weight_b).
Fraction weighted_mean(Fraction const& a, ExactSum weight_a, Fraction const& b, ExactSum weight_b) {
  if (a.denominator == b.denominator) {
    return {a.numerator * weight_a + b.numerator * weight_b, a.denominator * (weight_a + weight_b)};
  }
  return {a.numerator * b.denominator * weight_a + b.numerator * a.denominator * weight_b,
          a.denominator * b.denominator * (weight_a + weight_b)};
}

/// |later - earlier| + 1 DN, in whole parts of 1 / denominator.
Fraction change_plus_one(WeightedSum const& later, WeightedSum const& earlier) {
  std::int64_t const common = later.weight * earlier.weight;
  return {std::abs(later.sum * earlier.weight - earlier.sum * later.weight) + common, common};
}

/// What one target date can use, for all pixels.
struct TargetPlan {
  int coarse = -1;  ///< coarse observation of the target date; -1: none
  PairOrder order;
  std::vector<int> nearest;  ///< both sides merged
  PairOrder fine_only;       ///< for the fallback
};

}  // namespace

IncrementModel::IncrementModel(ModelSettings const& settings)
    : IncrementModel(settings, ModelOptions("increment", specs, settings.options)) {}

IncrementModel::IncrementModel(ModelSettings const& settings, ModelOptions const& options)
    : kernel_(kernel_named(options.choice("coarse", {"bilinear", "nearest"}))),
      weights_(weights_named(options.choice("weights", {"tempchange", "mean", "time"}))),
      pairs_(options.integer("pairs", 1, 2)),
      max_gap_days_(settings.max_pair_gap_days),
      tolerance_days_(settings.pair_tolerance_days),
      range_(settings.quantity),
      linear_(settings),
      info_{.name = "increment",
            .title = "Fine image plus coarse change",
            .citation = "stfcube documentation, docs/methods/increment.md",
            .pairs_needed = 1,
            .needs_coarse = true,
            .support = {}} {
  require(settings.ratio <= most_ratio, ErrorKind::config,
          fmt::format("grid.ratio = {} is too large for increment (at most {}). Use a coarser target grid.",
                      settings.ratio, most_ratio));
  bool const looks_around = pairs_ == 2 && weights_ == Weights::temporal_change;
  info_.support.halo_cells = kernel_ == Kernel::bilinear || looks_around ? 1 : 0;
  for (auto const& band : settings.bands) sigma_.push_back(observation_uncertainty_dn(band));
}

ModelEntry IncrementModel::entry() {
  return {.summary = "fine image plus the coarse change since its date; the floor every fusion must beat",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<IncrementModel>(settings); }};
}

std::size_t IncrementModel::memory_bytes(TileShape const& shape, int threads) const {
  return linear_.memory_bytes(shape, threads) + 2 * sizeof(CellStencil) *
                                                    static_cast<std::size_t>(shape.core_width) *
                                                    static_cast<std::size_t>(threads);
}

/// One call of `fuse`: what all its pixels share. Rows may be predicted in any order and at the same time.
class IncrementModel::Rows {
 public:
  Rows(IncrementModel const& model, FusionInput const& input, FusionOutput& output)
      : model_(model),
        input_(input),
        output_(output),
        frame_(cell_frame(input)),
        pairs_(find_pairs(input.fine.dates, input.coarse.dates, model.tolerance_days_)) {
    auto const fine_only = model.linear_.orders(input);
    // Which other coarse days are at hand depends on the slab, so none may stand in for the target's.
    auto const coarse = coarse_of_targets(input);
    for (std::size_t t = 0; t < input.targets.size(); ++t) {
      auto const order = pair_order(pairs_, input.targets[t], model.max_gap_days_);
      plans_.push_back({coarse[t], order, nearest_first(pairs_, order, input.targets[t]), fine_only[t]});
    }
  }

  void predict(int row) const {
    Rect const& core = input_.core_px;
    bool const bilinear = model_.kernel_ == Kernel::bilinear;
    std::vector<CellStencil> kernel, around;
    for (int x = core.x; x < core.right(); ++x) {
      kernel.push_back(bilinear ? bilinear_cells(frame_, x, core.y + row)
                                : nearest_cell(frame_, x, core.y + row));
      if (looks_around()) around.push_back(cells_around(frame_, x, core.y + row));
    }
    for (int target = 0; target < static_cast<int>(plans_.size()); ++target) {
      for (int col = 0; col < core.width; ++col) {
        auto const at = static_cast<std::size_t>(col);
        predict({target, row, col, kernel[at], looks_around() ? &around[at] : nullptr});
      }
    }
  }

 private:
  struct Pixel {
    int target, row, col;
    CellStencil const& kernel;
    CellStencil const* around;
  };
  /// The pairs used at one pixel; -1: none on that side.
  struct Sides {
    int before = -1, after = -1;
  };

  bool looks_around() const { return model_.pairs_ == 2 && model_.weights_ == Weights::temporal_change; }
  TargetPlan const& plan(Pixel const& pixel) const { return plans_[static_cast<std::size_t>(pixel.target)]; }
  Date target(Pixel const& pixel) const { return input_.targets[static_cast<std::size_t>(pixel.target)]; }
  Pair const& pair(int index) const { return pairs_[static_cast<std::size_t>(index)]; }

  int fine(int date, int band, Pixel const& pixel) const {
    return input_.fine.dn.at(date, band, input_.core_px.y + pixel.row - input_.padded_px.y,
                             input_.core_px.x + pixel.col - input_.padded_px.x);
  }
  WeightedSum coarse(int date, int band, CellStencil const& cells) const {
    return cells.over(input_.coarse.dn.row(date, band, 0));
  }

  int first_valid(std::vector<int> const& order, Pixel const& pixel) const {
    for (int const index : order) {
      if (fine(pair(index).fine, 0, pixel) != no_data_dn &&
          coarse(pair(index).coarse, 0, pixel.kernel).valid()) {
        return index;
      }
    }
    return -1;
  }

  Sides choose(Pixel const& pixel) const {
    int const coarse_date = plan(pixel).coarse;
    if (coarse_date < 0 || !coarse(coarse_date, 0, pixel.kernel).valid()) return {};
    if (model_.pairs_ == 2) {
      return {first_valid(plan(pixel).order.before, pixel), first_valid(plan(pixel).order.after, pixel)};
    }
    int const nearest = first_valid(plan(pixel).nearest, pixel);
    if (nearest < 0) return {};
    return pair(nearest).date <= target(pixel) ? Sides{nearest, -1} : Sides{-1, nearest};
  }

  void predict(Pixel const& pixel) const {
    Sides const sides = choose(pixel);
    auto& quality = output_.quality.at(pixel.target, 0, pixel.row, pixel.col);
    if (sides.before >= 0 && sides.after >= 0) {
      quality = predict_between(pixel, pair(sides.before), pair(sides.after));
    } else if (sides.before >= 0 || sides.after >= 0) {
      quality = predict_from(pixel, pair(std::max(sides.before, sides.after)));
    } else if (auto const flags = model_.linear_.predict(input_, plan(pixel).fine_only, pixel.target,
                                                         pixel.row, pixel.col, output_)) {
      quality = *flags | quality::gap_filled | quality::low_confidence;
    }
  }

  Fraction increment(Pixel const& pixel, Pair const& from, int band) const {
    return incremented(fine(from.fine, band, pixel), coarse(plan(pixel).coarse, band, pixel.kernel),
                       coarse(from.coarse, band, pixel.kernel));
  }

  /// quality::input_masked when a cell that the kernel looks at had no value.
  quality::Flags masked(Pixel const& pixel, int coarse_date) const {
    bool const whole = coarse(coarse_date, 0, pixel.kernel).weight == pixel.kernel.full_weight();
    return whole ? quality::Flags{0} : quality::input_masked;
  }

  quality::Flags predict_from(Pixel const& pixel, Pair const& only) const {
    quality::Flags flags = quality::fused | masked(pixel, plan(pixel).coarse) | masked(pixel, only.coarse);
    if (only.date != target(pixel)) flags |= quality::extrapolated;
    for (int band = 0; band < output_.dn.bands(); ++band) {
      double const sensor = model_.sigma_[static_cast<std::size_t>(band)];
      double const value = increment(pixel, only, band).value();
      flags |= put(output_, model_.range_, pixel.target, band, pixel.row, pixel.col, value,
                   prediction_sigma(sensor * std::sqrt(3.0), 0, value - fine(only.fine, band, pixel)));
    }
    return flags;
  }

  quality::Flags predict_between(Pixel const& pixel, Pair const& before, Pair const& after) const {
    quality::Flags flags = quality::fused | masked(pixel, plan(pixel).coarse) | masked(pixel, before.coarse) |
                           masked(pixel, after.coarse);
    for (int band = 0; band < output_.dn.bands(); ++band) {
      auto const [weight_before, weight_after] = weights(pixel, before, after, band);
      Fraction const first = increment(pixel, before, band);
      Fraction const second = increment(pixel, after, band);
      double const share =
          static_cast<double>(weight_before) / static_cast<double>(weight_before + weight_after);
      flags |= put(output_, model_.range_, pixel.target, band, pixel.row, pixel.col,
                   weighted_mean(first, weight_before, second, weight_after).value(),
                   sigma(band, share, second.value() - first.value(),
                         share * (first.value() - fine(before.fine, band, pixel)) +
                             (1 - share) * (second.value() - fine(after.fine, band, pixel))));
    }
    return flags;
  }

  /// One standard deviation: errors of the fine and coarse images of both pairs, of the coarse image of the
  /// target date, which both share, what the two predictions differ, and a share of the change.
  double sigma(int band, double share, double difference, double change) const {
    double const sensor = model_.sigma_[static_cast<std::size_t>(band)];
    double const squares = share * share + (1 - share) * (1 - share);
    return prediction_sigma(std::sqrt(2 * squares + 1) * sensor, std::sqrt(share * (1 - share)) * difference,
                            change);
  }

  /// Whole numbers in the proportion of the weights.
  std::pair<ExactSum, ExactSum> weights(Pixel const& pixel, Pair const& before, Pair const& after,
                                        int band) const {
    if (model_.weights_ == Weights::mean) return {1, 1};
    if (model_.weights_ == Weights::time) return {after.date - target(pixel), target(pixel) - before.date};
    WeightedSum const now = coarse(plan(pixel).coarse, band, *pixel.around);
    Fraction const first = change_plus_one(now, coarse(before.coarse, band, *pixel.around));
    Fraction const second = change_plus_one(now, coarse(after.coarse, band, *pixel.around));
    return {first.denominator * second.numerator, second.denominator * first.numerator};
  }

  IncrementModel const& model_;
  FusionInput const& input_;
  FusionOutput& output_;
  CellFrame frame_;
  std::vector<Pair> pairs_;
  std::vector<TargetPlan> plans_;
};

void IncrementModel::fuse(FusionInput const& input, FusionOutput& output) const {
  Rows const rows(*this, input, output);
  parallel_for(0, input.core_px.height, [&](int row) { rows.predict(row); });
}

}  // namespace stfcube
