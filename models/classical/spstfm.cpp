#include "stfcube/models/classical/spstfm.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/classical/increment.hpp"
#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/spstfm_training.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

/// Where the two sides' changes differ by more than this, shares of the scene's largest, the better side
/// stands alone.
constexpr double decisive_difference = 0.2;

std::vector<OptionSpec> const specs = {
    {"patch", "7", "side of a patch, px, 3 to 15"},
    {"overlap", "2", "of neighbouring patches, px, below patch"},
    {"atoms", "256", "of the dictionary, 1 to 1024"},
    {"training", "2000", "patches to learn from, those of largest variance, 1 to 16000"},
    {"rounds", "10", "of K-SVD, 0 to 50"},
    {"threshold", "0.02", "penalty of the codes as a share of max |D^T y|, 0 to 1"},
    {"tolerance", "1e-5", "coding ends when its objective changes by less; a tenth of it while learning"},
    {"iterations", "50", "of one coding, at most"},
    {"debias", "false", "fit the atoms found again without the penalty"},
    {"invalid", "0.15", "largest share of invalid pixels in a patch"},
};

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

SpstfmSettings spstfm_settings(ModelSettings const& settings) {
  ModelOptions const options("spstfm", specs, settings.options);
  SpstfmSettings to;
  to.side = options.integer("patch", 3, 15);
  to.step = to.side - options.integer("overlap", 0, to.side - 1);
  to.patches = options.integer("training", 1, 16000);
  to.invalid_share = options.number("invalid", 0, 1);
  to.coding = {.threshold = options.number("threshold", 0, 1),
               .tolerance = options.number("tolerance", 0, 1),
               .iterations = options.integer("iterations", 1, 10000),
               .debias = options.flag("debias")};
  to.training = {.atoms = options.integer("atoms", 1, 1024),
                 .rounds = options.integer("rounds", 0, 50),
                 .coding = to.coding};
  to.training.coding.tolerance = to.coding.tolerance / 10;
  to.tolerance_days = settings.pair_tolerance_days;
  return to;
}

/// The increment with its own defaults.
ModelSettings without_options(ModelSettings settings) {
  settings.options.clear();
  return settings;
}

/// First pixels of the patches along an axis that reach into [first, last): multiples of the step, and the
/// last patch moved inward at the edge of the scene.
std::vector<int> patch_origins(int first, int last, int size, SpstfmSettings const& settings) {
  std::vector<int> origins;
  if (size < settings.side) return origins;
  int at = std::max(0, first - settings.side + 1);
  at = (at + settings.step - 1) / settings.step * settings.step;
  for (; at < last && at + settings.side <= size; at += settings.step) origins.push_back(at);
  int const inward = size - settings.side;
  bool const needed = inward % settings.step != 0 && inward < last && inward + settings.side > first;
  if (needed) origins.push_back(inward);
  return origins;
}

/// Images of one target in one band over the padded rectangle.
struct Planes {
  std::vector<double> before, target, after;  ///< coarse, NaN = invalid
};

/// One target between its two pairs.
struct Task {
  SpstfmCombination const& learnt;
  Pair before, after;
  int target = 0;  ///< index
  int coarse = 0;  ///< of the target
};

/// What is found for one patch in one band.
struct Patch {
  bool valid = false;
  double weight_before = 0, weight_after = 0;
};

/// Predicts one target of a tile.
class TargetFusion {
 public:
  TargetFusion(SpstfmSettings const& settings, FusionInput const& input, Task const& task)
      : settings_(settings),
        input_(input),
        task_(task),
        frame_(cell_frame(input)),
        rows_(patch_origins(input.core_px.y, input.core_px.bottom(), input.scene_px.height, settings)),
        columns_(patch_origins(input.core_px.x, input.core_px.right(), input.scene_px.width, settings)) {}

  static std::size_t bytes(SpstfmSettings const& settings, TileShape const& shape, int threads) {
    std::size_t const padded = to_size(shape.padded_width) * to_size(shape.padded_height);
    std::size_t const cells = to_size(shape.padded_width + 8) * to_size(shape.padded_height + 8);
    auto const along = [&](int length) { return to_size((length + settings.side) / settings.step + 3); };
    std::size_t const patches = along(shape.core_width) * along(shape.core_height);
    std::size_t const pixels = to_size(settings.side) * to_size(settings.side);
    return padded * (3 * sizeof(double) + 1) + cells * sizeof(double) +
           patches * (sizeof(Patch) + 2 * pixels * sizeof(float)) +
           to_size(threads) * (SparseCoder::bytes(settings.training.atoms) + 4 * pixels * sizeof(float) +
                               to_size(settings.training.atoms) * sizeof(float));
  }

  void fuse(Quantity const& range, std::vector<double> const& sensor, FusionOutput& output) {
    if (rows_.empty() || columns_.empty()) return;
    for (int band = 0; band < output.dn.bands(); ++band) {
      load(band);
      code(band);
      parallel_for(0, input_.core_px.height,
                   [&](int row) { write_row(range, sensor[to_size(band)], band, row, output); });
    }
  }

 private:
  std::size_t padded_at(int y, int x) const {
    return to_size(y - input_.padded_px.y) * to_size(input_.padded_px.width) +
           to_size(x - input_.padded_px.x);
  }
  int fine(Pair const& pair, int band, int y, int x) const {
    return input_.fine.dn.at(pair.fine, band, y - input_.padded_px.y, x - input_.padded_px.x);
  }

  void load(int band) {
    auto const plane = [&](int image) {
      return bicubic_plane(frame_, cell_field(frame_, input_.coarse.dn.row(image, band, 0)),
                           input_.padded_px);
    };
    planes_ = {plane(task_.before.coarse), plane(task_.coarse), plane(task_.after.coarse)};
    Dn const* const before = input_.fine.dn.row(task_.before.fine, band, 0);
    Dn const* const after = input_.fine.dn.row(task_.after.fine, band, 0);
    valid_.resize(planes_.target.size());
    for (std::size_t i = 0; i < valid_.size(); ++i) {
      valid_[i] = before[i] != no_data_dn && after[i] != no_data_dn && !std::isnan(planes_.before[i]) &&
                  !std::isnan(planes_.target[i]) && !std::isnan(planes_.after[i]);
    }
  }

  /// Codes all patches.
  void code(int band) {
    std::size_t const pixels = to_size(settings_.side) * to_size(settings_.side);
    patches_.assign(rows_.size() * columns_.size(), {});
    changes_.resize(patches_.size() * 2 * pixels);
    parallel_for(0, static_cast<int>(patches_.size()), [&](int i) {
      auto const at = to_size(i);
      code_patch(band, rows_[at / columns_.size()], columns_[at % columns_.size()], patches_[at],
                 std::span(changes_).subspan(at * 2 * pixels, 2 * pixels));
    });
  }

  void code_patch(int band, int y0, int x0, Patch& patch, std::span<float> changes) const {
    SpstfmBand const& learnt = task_.learnt.bands[to_size(band)];
    std::size_t const pixels = changes.size() / 2;
    std::vector<float> before(pixels), after(pixels);  // coarse changes to the target, normalised
    double sum_before = 0, sum_after = 0;
    std::size_t valid = 0;
    for (std::size_t i = 0; i < pixels; ++i) {
      std::size_t const at =
          padded_at(y0 + static_cast<int>(i) / settings_.side, x0 + static_cast<int>(i) % settings_.side);
      if (valid_[at] == 0) continue;
      double const from_before = planes_.target[at] - planes_.before[at];
      double const from_after = planes_.target[at] - planes_.after[at];
      before[i] = static_cast<float>(from_before / learnt.coarse_sigma);
      after[i] = static_cast<float>(from_after / learnt.coarse_sigma);
      sum_before += std::abs(from_before);
      sum_after += std::abs(from_after);
      ++valid;
    }
    double const invalid = static_cast<double>(pixels - valid) / static_cast<double>(pixels);
    patch.valid = valid > 0 && invalid <= settings_.invalid_share;
    if (!patch.valid) return;
    weigh(learnt, sum_before / static_cast<double>(valid), sum_after / static_cast<double>(valid), patch);
    auto const synthesise = [&](std::vector<float> const& coarse, double weight, std::span<float> fine) {
      std::ranges::fill(fine, 0.0F);
      if (weight > 0) learnt.dictionary.front().synthesise(coarse, settings_.coding, fine);
      for (float& v : fine) v = static_cast<float>(v * learnt.fine_sigma);
    };
    synthesise(before, patch.weight_before, changes.first(pixels));
    synthesise(after, patch.weight_after, changes.last(pixels));
  }

  /// Weights of the two sides from their mean coarse changes (spec, step 4).
  void weigh(SpstfmBand const& learnt, double mean_before, double mean_after, Patch& patch) const {
    Date const target = input_.targets[to_size(task_.target)];
    auto const share = [&](double mean, std::map<Date, double> const& largest) {
      auto const found = largest.find(target);
      return found == largest.end() || found->second == 0 ? 0.0 : mean / found->second;
    };
    double const before = share(mean_before, learnt.largest_before);
    double const after = share(mean_after, learnt.largest_after);
    patch.weight_before = before + after > 0 ? after / (before + after) : 0.5;
    if (std::abs(before - after) > decisive_difference) patch.weight_before = before < after ? 1 : 0;
    patch.weight_after = 1 - patch.weight_before;
  }

  /// The pixels of a row of the core: the mean over the patches around them, in the order of their places.
  void write_row(Quantity const& range, double sensor, int band, int row, FusionOutput& output) const {
    int const y = input_.core_px.y + row;
    std::size_t const pixels = to_size(settings_.side) * to_size(settings_.side);
    for (int col = 0; col < input_.core_px.width; ++col) {
      int const x = input_.core_px.x + col;
      std::size_t const here = padded_at(y, x);
      if (valid_[here] == 0) continue;
      double const from_before = fine(task_.before, band, y, x), from_after = fine(task_.after, band, y, x);
      double sum = 0, squares = 0, weight_before = 0;
      int count = 0;
      for (std::size_t r = 0; r < rows_.size(); ++r) {
        if (y < rows_[r] || y >= rows_[r] + settings_.side) continue;
        for (std::size_t c = first_column(x); c < columns_.size() && columns_[c] <= x; ++c) {
          std::size_t const i = r * columns_.size() + c;
          Patch const& patch = patches_[i];
          if (!patch.valid || x >= columns_[c] + settings_.side) continue;
          float const* const changes = changes_.data() + i * 2 * pixels +
                                       to_size(y - rows_[r]) * to_size(settings_.side) +
                                       to_size(x - columns_[c]);
          double const one = from_before + static_cast<double>(changes[0]);
          double const other = from_after + static_cast<double>(changes[pixels]);
          sum += patch.weight_before * one + patch.weight_after * other;
          squares += patch.weight_before * one * one + patch.weight_after * other * other;
          weight_before += patch.weight_before;
          ++count;
        }
      }
      if (count == 0) continue;
      double const value = sum / count, share = weight_before / count;
      double const spread = std::sqrt(std::max(squares / count - value * value, 0.0));
      double const change = share * (planes_.target[here] - planes_.before[here]) +
                            (1 - share) * (planes_.target[here] - planes_.after[here]);
      quality::Flags& flags = output.quality.at(task_.target, 0, row, col);
      if (band == 0) flags = quality::fused;
      flags |= put(output, range, task_.target, band, row, col, value,
                   prediction_sigma(sensor * std::sqrt(3.0), spread, change));
    }
  }

  /// The first patch column that can reach pixel column x.
  std::size_t first_column(int x) const {
    auto const found = std::ranges::lower_bound(columns_, x - settings_.side + 1);
    return static_cast<std::size_t>(found - columns_.begin());
  }

  SpstfmSettings const& settings_;
  FusionInput const& input_;
  Task task_;
  CellFrame frame_;
  std::vector<int> rows_, columns_;  ///< first pixels of the patches
  Planes planes_;
  std::vector<std::uint8_t> valid_;  ///< padded
  std::vector<Patch> patches_;       ///< [row, column]
  std::vector<float> changes_;       ///< [patch, side, pixel], DN
};

class Spstfm final : public FusionModel {
 public:
  explicit Spstfm(ModelSettings const& settings)
      : settings_(spstfm_settings(settings)),
        training_(settings_, static_cast<int>(settings.bands.size())),
        increment_(without_options(settings)),
        range_(settings.quantity),
        max_gap_days_(settings.max_pair_gap_days),
        info_{.name = "spstfm",
              .title = "SPSTFM, Sparse-representation-based SpatioTemporal reflectance Fusion Model",
              .citation =
                  "Huang, B., Song, H. (2012): Spatiotemporal reflectance fusion via sparse "
                  "representation. IEEE Transactions on Geoscience and Remote Sensing 50(10), 3707-3716. "
                  "doi:10.1109/TGRS.2012.2186638",
              .pairs_needed = 1,
              .needs_coarse = true,
              .support = {.halo_px = settings_.side - 1, .halo_cells = 2},
              .observes = Observed::neighbouring_pairs} {
    for (auto const& band : settings.bands) sensor_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    return increment_.memory_bytes(shape, threads) + TargetFusion::bytes(settings_, shape, threads);
  }

  bool wants_statistics() const override { return !training_.done(); }
  void observe(FusionInput const& input, Statistics& statistics) const override {
    training_.observe(input, statistics);
  }
  void prepare(Statistics const& statistics) override { training_.prepare(statistics); }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    increment_.fuse(input, output);
    for (quality::Flags& flags : output.quality.all()) {
      if ((flags & quality::no_data) == 0) flags |= quality::low_confidence;
    }
    auto const pairs = find_pairs(input.fine.dates, input.coarse.dates, settings_.tolerance_days);
    auto const coarse = coarse_of_targets(input);
    for (int t = 0; t < static_cast<int>(input.targets.size()); ++t) {
      auto const task = task_of(input, pairs, t, coarse[to_size(t)]);
      if (task) TargetFusion(settings_, input, *task).fuse(range_, sensor_, output);
    }
  }

 private:
  std::optional<Task> task_of(FusionInput const& input, std::vector<Pair> const& pairs, int t,
                              int coarse) const {
    Date const target = input.targets[to_size(t)];
    SpstfmCombination const* const learnt = training_.find(target);
    if (coarse < 0 || learnt == nullptr || !learnt->usable() || target - learnt->before > max_gap_days_ ||
        learnt->after - target > max_gap_days_)
      return std::nullopt;
    auto const pair_on = [&](Date date) { return std::ranges::find(pairs, date, &Pair::date); };
    auto const before = pair_on(learnt->before), after = pair_on(learnt->after);
    // A fine image without any valid pixel in the tile is not there.
    if (before == pairs.end() || after == pairs.end()) return std::nullopt;
    return Task{*learnt, *before, *after, t, coarse};
  }

  SpstfmSettings settings_;
  SpstfmTraining training_;
  IncrementModel increment_;
  Quantity range_;
  int max_gap_days_;
  std::vector<double> sensor_;
  ModelInfo info_;
};

}  // namespace

ModelEntry spstfm_entry() {
  return {.summary =
              "fine changes from sparse codes of coarse changes in a coupled dictionary (Huang, Song 2012)",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<Spstfm>(settings); }};
}

}  // namespace stfcube
