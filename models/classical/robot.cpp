#include "stfcube/models/classical/robot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/models/classical/put_row.hpp"
#include "stfcube/models/classical/robot_block.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The share of the difference between the reference's two images that is wrong at a pixel, one standard
/// deviation.
constexpr double reference_error_share = 0.25;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

std::vector<OptionSpec> const specs = {
    {"block", "30", "side of a block, px"},
    {"step", "20", "from one block to the next, px; at most the block"},
    {"members", "20", "pairs that a combination is made of, at most; the nearest in time"},
    {"beta", "1", "weight of the fine reference against the coarse image"},
    {"lambda", "2", "largest sum of the coefficients"},
    {"eta", "1e-6", "ridge, times the square of bands x pixels of a block; 0: none"},
    {"residual", "sum",
     "coarse residual that is added: sum (where the coefficients do not add up to 1) or always"},
    {"reference", "index",
     "fine reference: index (mean of the neighbours in time) or time (linear between them)"},
    {"coarse", "bicubic", "how coarse cells become fine pixels: bicubic or nearest"},
    {"normalisation", "range", "of a block's values: range (smallest to largest) or quantiles (1 % to 99 %)"},
    {"consistency", "0",
     "pairs whose images differ by more, mean of |F - C| / (|F| + |C|), are left out of a block; 0: none"},
    {"harmonise", "none",
     "bring coarse images to the level of fine ones by patches: none, series (factors of all pairs together) "
     "or pairs (then of each pair)"},
};

Harmonise harmonise_from(ModelOptions const& options) {
  std::string const word = options.choice("harmonise", {"none", "series", "pairs"});
  return word == "none" ? Harmonise::none : word == "series" ? Harmonise::series : Harmonise::pairs;
}

RobotSettings settings_from(ModelOptions const& options) {
  RobotSettings robot;
  robot.block_px = options.integer("block", 4, 1000);
  robot.step_px = options.integer("step", 1, 1000);
  require(robot.step_px <= robot.block_px, ErrorKind::config,
          fmt::format(
              "robot.step = {} is larger than robot.block = {}: pixels between blocks would have none. Use a "
              "smaller step or larger blocks.",
              robot.step_px, robot.block_px));
  robot.most_members = options.integer("members", 1, 1000);
  robot.beta = options.number("beta", 0, 1e6);
  robot.radius = options.number("lambda", 1e-9, 1e9);
  robot.ridge = options.number("eta", 0, 1e9);
  robot.always_residual = options.choice("residual", {"sum", "always"}) == "always";
  robot.reference_in_time = options.choice("reference", {"index", "time"}) == "time";
  robot.bicubic = options.choice("coarse", {"bicubic", "nearest"}) == "bicubic";
  robot.quantiles = options.choice("normalisation", {"range", "quantiles"}) == "quantiles";
  robot.consistency = options.number("consistency", 0, 1);
  return robot;
}

/// Fits of the blocks that a tile touches, [block row, block column, target].
struct TileFits {
  Rect blocks;  ///< columns and rows of the layout
  std::vector<std::vector<RobotFit>> fits;

  RobotFit const& at(int row, int column, int target) const {
    return fits[to_size(row - blocks.y) * to_size(blocks.width) + to_size(column - blocks.x)]
               [to_size(target)];
  }
};

/// A region between neighbouring multiples of the step, where one thread puts together what all blocks give.
class Region {
 public:
  Region(RobotTile const& tile, RobotLayout const& layout, TileFits const& fits, Quantity const& range,
         Rect const& px, FusionOutput& output)
      : tile_(tile),
        layout_(layout),
        fits_(fits),
        range_(range),
        output_(output),
        px_(px),
        blocks_(layout.blocks_of(px)),
        pixels_(static_cast<std::size_t>(px.area())),
        pairs_(tile.pairs.size()),
        fine_(pairs_ * pixels_),
        difference_(fine_.size()),
        valid_(fine_.size()),
        complete_(pairs_),
        coarse_(pixels_),
        sum_(pixels_),
        variance_(pixels_),
        count_(pixels_),
        row_(to_size(px.width)),
        flags_(pixels_) {}

  static std::size_t bytes(TileShape const& shape, RobotSettings const& settings) {
    std::size_t const pixels = to_size(settings.step_px) * to_size(settings.step_px);
    return to_size(shape.fine_dates) * (pixels * (2 * sizeof(double) + 1) + 8) +
           pixels * (6 * sizeof(double) + 1) + 4096;
  }

  void fuse() {
    for (int band = 0; band < tile_.bands(); ++band) {
      band_ = band;
      load(band);
      for (int target = 0; target < static_cast<int>(tile_.input.targets.size()); ++target)
        fuse(target, band);
    }
  }

 private:
  double* fine(std::size_t pair) { return fine_.data() + pair * pixels_; }
  double* difference(std::size_t pair) { return difference_.data() + pair * pixels_; }
  std::uint8_t* valid(std::size_t pair) { return valid_.data() + pair * pixels_; }

  /// Fine images of all pairs, and fine minus coarse ones; 0 where not valid.
  void load(int band) {
    Rect const& padded = tile_.input.padded_px;
    for (std::size_t k = 0; k < pairs_; ++k) {
      double* const f = fine(k);
      double* const d = difference(k);
      tile_.expand(static_cast<int>(k), band, px_, d);
      for (int y = 0; y < px_.height; ++y) {
        Dn const* const row =
            tile_.input.fine.dn.row(tile_.pairs[k].fine, band, px_.y + y - padded.y) + (px_.x - padded.x);
        std::copy_n(row, px_.width, f + to_size(y) * to_size(px_.width));
      }
      bool complete = true;
      for (std::size_t i = 0; i < pixels_; ++i) {
        bool const both = f[i] != no_data_dn && !std::isnan(d[i]);
        complete = complete && both;
        valid(k)[i] = both;
        d[i] = both ? f[i] - d[i] : 0;
        if (!both) f[i] = 0;
      }
      complete_[k] = complete;
    }
  }

  void fuse(int target, int band) {
    if (tile_.target_coarse[to_size(target)] < 0) return;
    tile_.expand(tile_.image_of(target), band, px_, coarse_.data());
    for (auto* values : {&sum_, &variance_, &count_}) std::ranges::fill(*values, 0.0);
    std::ranges::fill(flags_, quality::Flags{0});
    for (int row = blocks_.y; row < blocks_.bottom(); ++row) {
      for (int column = blocks_.x; column < blocks_.right(); ++column) {
        RobotFit const& fit = fits_.at(row, column, target);
        if (fit.valid()) add(fit, intersect(layout_.block(row, column), px_), target, band);
      }
    }
    finish(target, band);
  }

  /// Adds what one block gives for its pixels of the region.
  void add(RobotFit const& fit, Rect const& px, int target, int band) {
    bool const complete = std::ranges::all_of(fit.members, [&](int k) { return complete_[to_size(k)]; });
    bool const enclosed = fit.before >= 0 && fit.after >= 0;
    int const flags = (enclosed ? 0 : quality::extrapolated) | (fit.few ? quality::low_confidence : 0);
    for (int y = px.y; y < px.bottom(); ++y) {
      std::size_t const first = to_size(y - px_.y) * to_size(px_.width) + to_size(px.x - px_.x);
      std::size_t const n = to_size(px.width);
      if (complete) {
        combine(fit, first, n);
      } else {
        for (std::size_t i = 0; i < n; ++i) row_[i] = combine_with_gaps(fit, first + i, target);
      }
      put_together(fit, first, n, band, flags);
    }
  }

  /// The combination at n pixels where all members are valid.
  void combine(RobotFit const& fit, std::size_t first, std::size_t n) {
    double* const to = row_.data();
    if (fit.residual) {
      std::copy_n(coarse_.data() + first, n, to);
    } else {
      std::fill_n(to, n, 0.0);
    }
    for (std::size_t m = 0; m < fit.members.size(); ++m) {
      double const alpha = fit.alpha[m];
      if (alpha == 0) continue;
      auto const k = to_size(fit.members[m]);
      double const* const from = (fit.residual ? difference(k) : fine(k)) + first;
      for (std::size_t i = 0; i < n; ++i) to[i] += alpha * from[i];
    }
  }

  /// The same at one pixel: members that are not valid take the reference, moved by the coarse difference.
  double combine_with_gaps(RobotFit const& fit, std::size_t at, int target) {
    int before = -1, after = -1;
    for (std::size_t m = 0; m < fit.members.size(); ++m) {
      int const k = fit.members[m];
      if (!valid(to_size(k))[at]) continue;
      bool const earlier = tile_.pairs[to_size(k)].date < tile_.target(target);
      if (earlier) before = k;
      if (!earlier && after < 0) after = k;
    }
    if (before < 0 && after < 0) return nan;
    double share = before < 0 ? 0 : 1;
    if (before >= 0 && after >= 0) {
      share = share_of_before(tile_.settings, tile_.target(target), tile_.pairs[to_size(before)].date,
                              tile_.pairs[to_size(after)].date);
    }
    auto const reference = [&](auto const& of) {
      return (before < 0 ? 0 : share * of(to_size(before))[at]) +
             (after < 0 ? 0 : (1 - share) * of(to_size(after))[at]);
    };
    double const moved = reference([&](std::size_t k) { return difference(k); });
    double value = fit.residual ? coarse_[at] : 0;
    for (std::size_t m = 0; m < fit.members.size(); ++m) {
      double const alpha = fit.alpha[m];
      if (alpha == 0) continue;
      auto const k = to_size(fit.members[m]);
      if (valid(k)[at]) {
        value += alpha * (fit.residual ? difference(k)[at] : fine(k)[at]);
        continue;
      }
      flags_[at] |= quality::input_masked;
      // Fine minus coarse is that of the reference; without the residual the member's own coarse value is
      // needed.
      double const own = fit.residual ? 0 : coarse_value(k, at);
      value += alpha * (moved + own);
    }
    return value;
  }

  /// The coarse image of a pair at a pixel where its fine image has no value; NaN where it has none either.
  double coarse_value(std::size_t pair, std::size_t at) const {
    int const width = px_.width;
    Rect const pixel{px_.x + static_cast<int>(at) % width, px_.y + static_cast<int>(at) / width, 1, 1};
    double value = nan;
    tile_.expand(static_cast<int>(pair), band_, pixel, &value);
    return value;
  }

  /// Clamps what a block gives and adds it to the sums of its pixels.
  void put_together(RobotFit const& fit, std::size_t first, std::size_t n, int band, int flags) {
    double const lowest = range_.lowest, highest = range_.highest;
    double const variance = fit.variance[to_size(band)];
    bool const enclosed = fit.before >= 0 && fit.after >= 0;
    double const* const before = enclosed ? fine(to_size(fit.members[to_size(fit.before)])) + first : nullptr;
    double const* const after = enclosed ? fine(to_size(fit.members[to_size(fit.after)])) + first : nullptr;
    for (std::size_t i = 0; i < n; ++i) {
      double const value = row_[i];
      double const known = value - value == 0 ? 1 : 0;
      double const kept = value < lowest ? lowest : value > highest ? highest : value;
      double const change = enclosed ? reference_error_share * (after[i] - before[i]) : 0;
      sum_[first + i] += known > 0 ? kept : 0;
      count_[first + i] += known;
      variance_[first + i] += known * (variance + change * change);
      int const clamped = value <= lowest - 0.5 || value >= highest + 0.5 ? quality::clamped : 0;
      flags_[first + i] = static_cast<quality::Flags>(flags_[first + i] | (known > 0 ? flags | clamped : 0));
    }
  }

  void finish(int target, int band) {
    for (std::size_t i = 0; i < pixels_; ++i) {
      if (count_[i] > 0) {
        sum_[i] /= count_[i];
        variance_[i] = std::sqrt(variance_[i] / count_[i]);
        flags_[i] |= quality::fused;
      } else {
        increment(target, band, i);
      }
    }
    Rect const& core = tile_.input.core_px;
    for (int y = 0; y < px_.height; ++y) {
      std::size_t const at = to_size(y) * to_size(px_.width);
      int const row = px_.y + y - core.y, col = px_.x - core.x;
      quality::Flags* const to = output_.quality.row(target, 0, row) + col;
      put_row(output_, range_, {target, band, row, col}, {&sum_[at], to_size(px_.width)},
              {&variance_[at], to_size(px_.width)}, &flags_[at]);
      for (int x = 0; x < px_.width; ++x) {
        quality::Flags const earlier = band == 0 ? quality::Flags{0} : to[x];
        to[x] = static_cast<quality::Flags>(earlier | flags_[at + to_size(x)]);
      }
    }
  }

  /// No block has a combination here: the nearest valid pair with the coarse change since then, or nothing.
  void increment(int target, int band, std::size_t i) {
    sum_[i] = nan;
    flags_[i] = quality::no_data;
    if (std::isnan(coarse_[i])) return;
    auto const& near = tile_.near[to_size(target)];
    auto const found = std::ranges::find_if(near, [&](int k) { return valid(to_size(k))[i]; });
    if (found == near.end()) return;
    auto const k = to_size(*found);
    sum_[i] = difference(k)[i] + coarse_[i];
    variance_[i] = prediction_sigma(tile_.noise[to_size(band)] * std::sqrt(3.0), 0, sum_[i] - fine(k)[i]);
    flags_[i] = quality::fused | quality::low_confidence | quality::extrapolated;
  }

  RobotTile const& tile_;
  RobotLayout const& layout_;
  TileFits const& fits_;
  Quantity const& range_;
  FusionOutput& output_;
  Rect px_, blocks_;
  std::size_t pixels_, pairs_;
  AlignedArray<double> fine_, difference_;  ///< [pair, pixel], of one band
  AlignedArray<std::uint8_t> valid_;
  std::vector<bool> complete_;
  std::vector<double> coarse_, sum_, variance_, count_, row_;
  std::vector<quality::Flags> flags_;
  int band_ = 0;
};

class Robot final : public FusionModel {
 public:
  explicit Robot(ModelSettings const& settings)
      : settings_(settings_from(ModelOptions("robot", specs, settings.options))),
        harmony_(harmonise_from(ModelOptions("robot", specs, settings.options)),
                 static_cast<int>(settings.bands.size())),
        range_(settings.quantity),
        ratio_(settings.ratio),
        max_gap_days_(settings.max_pair_gap_days),
        tolerance_days_(settings.pair_tolerance_days) {
    info_.name = "robot";
    info_.title = "ROBOT, robust optimisation-based fusion of series";
    info_.citation =
        "Chen, S., Wang, J., Gong, P. (2023): ROBOT: A spatiotemporal fusion model toward seamless data cube "
        "for global "
        "remote sensing applications. Remote Sensing of Environment 294, 113616. "
        "doi:10.1016/j.rse.2023.113616";
    info_.pairs_needed = 1;
    info_.needs_coarse = true;
    info_.support = {
        .halo_px = settings_.block_px - 1, .halo_cells = settings_.bicubic ? 2 : 0, .lattice_px = 1};
    for (auto const& band : settings.bands) noise_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  bool wants_statistics() const override { return harmony_.wants_statistics(); }
  void observe(FusionInput const& input, Statistics& statistics) const override {
    harmony_.observe(input, statistics);
  }
  void prepare(Statistics const& statistics) override { harmony_.prepare(statistics); }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    auto const blocks = [&](int pixels) {
      return to_size((pixels + settings_.block_px) / settings_.step_px + 2);
    };
    std::size_t const members = to_size(std::min(settings_.most_members, shape.fine_dates));
    std::size_t const fit = sizeof(RobotFit) + members * (sizeof(int) + sizeof(double)) +
                            to_size(shape.bands) * sizeof(double) + 3 * 32;
    return RobotTile::bytes(shape, ratio_) +
           blocks(shape.core_width) * blocks(shape.core_height) * to_size(shape.targets) * 2 * fit +
           to_size(threads) * (robot_block_bytes(shape, settings_) + Region::bytes(shape, settings_));
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    RobotTile const tile(input, settings_, noise_, tolerance_days_, max_gap_days_, harmony_);
    if (tile.pairs.empty()) return;
    RobotLayout const layout{input.scene_px, settings_.block_px, settings_.step_px};
    TileFits fits{layout.blocks_of(input.core_px), {}};
    fits.fits.resize(static_cast<std::size_t>(fits.blocks.area()));
    parallel_for(0, static_cast<int>(fits.fits.size()), [&](int i) {
      Rect const block =
          layout.block(fits.blocks.y + i / fits.blocks.width, fits.blocks.x + i % fits.blocks.width);
      fits.fits[to_size(i)] = fit_robot_block(tile, block);
    });
    std::vector<Rect> const regions = regions_of(input);
    parallel_for(0, static_cast<int>(regions.size()),
                 [&](int i) { Region(tile, layout, fits, range_, regions[to_size(i)], output).fuse(); });
  }

 private:
  /// The core cut at multiples of the step.
  std::vector<Rect> regions_of(FusionInput const& input) const {
    int const step = settings_.step_px;
    Rect const& scene = input.scene_px;
    Rect const core{input.core_px.x - scene.x, input.core_px.y - scene.y, input.core_px.width,
                    input.core_px.height};
    Rect const outer = align_outward(core, step);
    std::vector<Rect> regions;
    for (int y = outer.y; y < outer.bottom(); y += step) {
      for (int x = outer.x; x < outer.right(); x += step) {
        regions.push_back(intersect({scene.x + x, scene.y + y, step, step}, input.core_px));
      }
    }
    return regions;
  }

  RobotSettings settings_;
  CoarseHarmony harmony_;
  Quantity range_;
  int ratio_, max_gap_days_, tolerance_days_;
  ModelInfo info_;
  std::vector<double> noise_;  ///< by band, DN, of one observation
};

}  // namespace

ModelEntry robot_entry() {
  return {
      .summary =
          "block by block one combination of all pairs around the target; for long series (Chen et al. 2023)",
      .options = specs,
      .make = [](ModelSettings const& settings) { return std::make_unique<Robot>(settings); }};
}

}  // namespace stfcube
