#include "stfcube/models/classical/unmixing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr int most_map_classes = 64;
constexpr int most_cell_pixels = 10000;  // larger shares would overflow the exact sums

std::vector<OptionSpec> const specs = {
    {"method", "strum",
     "strum (fine image + unmixed coarse change), stdfa (fine image + difference of two unmixed coarse "
     "images), ubdf "
     "(unmixed coarse image) or mmt (the same, class shares seen through the point-spread function)"},
    {"classes", "5", "number of classes (k-means of the fine image); a class map of the job takes its place"},
    {"sample", "1", "k-means looks at one of so many pixels; more than 1 for areas larger than a scene"},
    {"radius", "4", "half size of the window, coarse cells: 4 is a window of 9 x 9"},
    {"purest", "20", "purest cells of each class whose mean is the prior of its value"},
    {"ridge", "auto",
     "weight of the prior, in cells that hold one class alone (rho squared); auto: 1 for strum, 0.01 "
     "otherwise"},
    {"bounds", "auto",
     "limits of class values: none, values (lowest ... highest), change (smallest and largest coarse change, "
     "widened by its "
     "standard deviation; strum only); auto: none for strum, values otherwise"},
    {"lowest", "0", "lowest value of a class, DN, with bounds = values"},
    {"highest", "10000", "highest value of a class, DN, with bounds = values"},
    {"smallest_share", "auto",
     "a class below this share in every cell of the window keeps its prior; auto: 0.1 for strum, 0 "
     "otherwise"},
    {"fill", "false", "ubdf and mmt with a class map: predict also pixels whose fine image is missing"},
};

UnmixingModel::Method method_named(std::string const& name) {
  if (name == "stdfa") return UnmixingModel::Method::stdfa;
  if (name == "ubdf") return UnmixingModel::Method::ubdf;
  return name == "mmt" ? UnmixingModel::Method::mmt : UnmixingModel::Method::strum;
}

/// A number, or what `auto` stands for.
double number_or(ModelOptions const& options, std::string const& name, double highest, double automatic) {
  return options.text(name) == "auto" ? automatic : options.number(name, 0, highest);
}

/// The name of what is unmixed: the coarse image of a day, or its difference to that of the pair (`from`),
/// with the classes of the pair's fine image.
std::string field_name(Date fine, std::optional<Date> from, Date day) {
  return from ? fmt::format("unmixing/{}/{}-{}", fine.days, day.days, from->days)
              : fmt::format("unmixing/{}/{}", fine.days, day.days);
}

std::string scatter_name(Date fine) {
  return fmt::format("unmixing/{}/scatter", fine.days);
}

std::string change_name(std::string const& field, int band) {
  return fmt::format("{}/change/{}", field, band);
}

/// Adds number, sums and sums of squares of the pixels of each class: [class, 1 + 2 bands].
void observe_scatter(FusionInput const& input, int index, std::vector<std::int16_t> const& labels,
                     int classes, Statistics& statistics) {
  int const bands = input.fine.dn.bands();
  auto const entries = static_cast<std::size_t>(1 + 2 * bands);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(classes) * entries);
  for (int band = 0; band < bands; ++band) {
    auto const plane = input.fine.dn.plane(index, band);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] < 0 || plane[i] == no_data_dn) continue;
      std::int64_t* const to = sums.data() + static_cast<std::size_t>(labels[i]) * entries;
      to[0] += band == 0;
      to[1 + 2 * band] += plane[i];
      to[2 + 2 * band] += std::int64_t{plane[i]} * plane[i];
    }
  }
  auto const row =
      statistics.row(scatter_name(input.fine.dates[static_cast<std::size_t>(index)]), sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) row[i] += sums[i];
}

void observe_change(std::string const& field, CellValues const& values, Statistics& statistics) {
  for (int band = 0; band < values.bands; ++band) {
    Tally& tally = statistics.tally(change_name(field, band));
    for (std::size_t cell = 0; cell < values.valid.size(); ++cell) {
      if (values.valid[cell])
        ++tally[values.values[static_cast<std::size_t>(band) * values.valid.size() + cell]];
    }
  }
}

/// From the smallest change less its standard deviation to the largest one plus it; no bounds without a cell.
Bounds change_bounds(Tally const& tally) {
  if (tally.empty())
    return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  ExactSum n = 0, sum = 0, squares = 0;
  for (auto const& [value, count] : tally) {
    n += count;
    sum += ExactSum{count} * value;
    squares += ExactSum{count} * value * value;
  }
  double const sigma = population_sigma(n, sum, squares);
  return {static_cast<double>(tally.begin()->first) - sigma,
          static_cast<double>(tally.rbegin()->first) + sigma};
}

}  // namespace

UnmixingModel::UnmixingModel(ModelSettings const& settings)
    : UnmixingModel(settings, ModelOptions("unmixing", specs, settings.options)) {}

UnmixingModel::UnmixingModel(ModelSettings const& settings, ModelOptions const& options)
    : method_(method_named(options.choice("method", {"strum", "stdfa", "ubdf", "mmt"}))),
      fill_(options.flag("fill")),
      purest_(options.integer("purest", 1, 100000)),
      most_classes_(settings.class_map ? most_map_classes : options.integer("classes", 1, 32)),
      max_gap_days_(settings.max_pair_gap_days),
      tolerance_days_(settings.pair_tolerance_days),
      range_(settings.quantity),
      zones_(settings.zone_px),
      classes_({.subject = "unmixing/classes",
                .classes = options.integer("classes", 1, 32),
                .sample = options.integer("sample", 1, 1000000),
                .class_map = settings.class_map}),
      linear_(settings),
      info_{.name = "unmixing",
            .title = "Unmixing of coarse cells by fine classes (MMT, UBDF, STDFA, STRUM)",
            .citation =
                "Zhukov et al. 1999, doi:10.1109/36.763276; Zurita-Milla et al. 2008, "
                "doi:10.1109/LGRS.2008.919685; Wu et al. 2012, doi:10.1117/1.JRS.6.063507; Gevaert and "
                "Garcia-Haro 2015, doi:10.1016/j.rse.2014.09.012",
            .pairs_needed = 1,
            .needs_coarse = true,
            .support = {},
            .observes = Observed::pair_and_targets} {
  bool const strum = method_ == Method::strum;
  unmix_ = {.radius = options.integer("radius", 0, 100),
            .ridge = number_or(options, "ridge", 1e12, strum ? 1 : 0.01),
            .smallest_share = number_or(options, "smallest_share", 1, strum ? 0.1 : 0)};
  require(!fill_ || (settings.class_map && !adds_to_fine()), ErrorKind::config,
          "unmixing.fill = true needs a class map and unmixing.method = ubdf or mmt: other methods add to "
          "the fine image.");
  std::string const rule = options.choice("bounds", {"auto", "none", "values", "change"});
  require(
      rule != "change" || strum, ErrorKind::config,
      "unmixing.bounds = change is for unmixing.method = strum, which unmixes changes. Use values or none.");
  bounds_rule_ = rule == "change"                              ? BoundsRule::change
                 : rule == "none" || (rule == "auto" && strum) ? BoundsRule::none
                                                               : BoundsRule::values;
  if (bounds_rule_ == BoundsRule::values) {
    Bounds const bounds{options.number("lowest", -32767, 32767), options.number("highest", -32767, 32767)};
    require(bounds.lowest < bounds.highest, ErrorKind::config,
            "unmixing.lowest must be below unmixing.highest.");
    unmix_.bounds.assign(settings.bands.size(), bounds);
  }
  require(settings.ratio * settings.ratio <= most_cell_pixels, ErrorKind::config,
          fmt::format("grid.ratio = {} is too large for unmixing (at most 100). Use a coarser target grid.",
                      settings.ratio));
  int const cells = unmix_.radius + (method_ == Method::mmt ? 1 : 0);
  info_.support.halo_px = cells * settings.ratio + settings.ratio - 1;
  for (auto const& band : settings.bands) sigma_.push_back(observation_uncertainty_dn(band));
}

ModelEntry UnmixingModel::entry() {
  return {.summary =
              "class values or changes from coarse cells around, by class shares (MMT, UBDF, STDFA, STRUM)",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<UnmixingModel>(settings); }};
}

std::size_t UnmixingModel::memory_bytes(TileShape const& shape, int threads) const {
  auto const size = [](int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); };
  int const ratio = (info_.support.halo_px + 1) / (unmix_.radius + (method_ == Method::mmt ? 2 : 1));
  std::size_t const padded = size(shape.padded_width, shape.padded_height);
  std::size_t const cells = size(shape.padded_width / ratio + 2, shape.padded_height / ratio + 2);
  auto const images = static_cast<std::size_t>(shape.fine_dates);
  auto const k = static_cast<std::size_t>(most_classes_), bands = static_cast<std::size_t>(shape.bands);
  std::size_t const of_pair = padded * sizeof(std::int16_t) + cells * (2 * k + 3) * sizeof(std::int32_t);
  std::size_t const unmixed = cells * (bands * (2 * k + 1) + 2) * sizeof(double);
  std::size_t const of_core = size(shape.core_width, shape.core_height) * sizeof(std::uint32_t);
  return images * (of_pair + 2 * unmixed) + 2 * unmix_bytes(cells, most_classes_, shape.bands) + of_core +
         size(shape.core_width, threads) * sizeof(std::size_t) + linear_.memory_bytes(shape, threads);
}

void UnmixingModel::observe(FusionInput const& input, Statistics& statistics) const {
  if (!classes_.done()) return classes_.observe(input, statistics);
  Date const fine = input.fine.dates.front();
  int const classes = classes_.count(fine);
  if (classes == 0) return;
  auto const labels = classes_.labels(input, 0, fill_);
  auto const counts = count_cell_classes(input, labels, classes);
  if (!adds_to_fine()) observe_scatter(input, 0, labels, classes, statistics);
  auto const pairs = find_pairs(input.fine.dates, input.coarse.dates, tolerance_days_);
  if (pairs.empty()) return;
  auto const observe_field = [&](std::optional<Date> from, Date day, int plus, int minus) {
    auto const values = coarse_values(input, counts.cells, plus, minus);
    std::string const name = field_name(fine, from, day);
    observe_purest(zones_, name, counts, values, purest_, statistics);
    if (bounds_rule_ == BoundsRule::change) observe_change(name, values, statistics);
  };
  int const own = pairs.front().coarse;
  auto const coarse = coarse_of_targets(input);
  for (std::size_t t = 0; t < coarse.size(); ++t) {
    if (coarse[t] < 0) continue;
    bool const difference = method_ == Method::strum;
    observe_field(difference ? std::optional(fine) : std::nullopt, input.targets[t], coarse[t],
                  difference ? own : -1);
  }
  if (method_ == Method::stdfa) observe_field(fine, fine, own, -1);
}

void UnmixingModel::prepare(Statistics const& statistics) {
  if (!classes_.done()) return classes_.prepare(statistics);
  statistics_ = statistics;
  prepared_ = true;
}

/// One call of `fuse`: what all its targets and rows share.
class UnmixingModel::Tile {
 public:
  Tile(UnmixingModel const& model, FusionInput const& input, FusionOutput& output)
      : model_(model),
        input_(input),
        output_(output),
        pairs_(pairs_in_reach(input, model.tolerance_days_, model.max_gap_days_)),
        coarse_(coarse_of_targets(input)),
        scene_cells_(cell_frame(input).scene),
        fine_only_(model.linear_.orders(input)) {
    Rect const outer = align_outward(input.core_px, input.ratio);
    core_cells_ = {outer.x / input.ratio, outer.y / input.ratio, outer.width / input.ratio,
                   outer.height / input.ratio};
    for (Pair const& pair : pairs_) bases_.push_back(base_of(pair));
    choose_pairs();
  }

  void predict(int target) {
    auto const t = static_cast<std::size_t>(target);
    std::vector<std::optional<Unmixed>> unmixed(pairs_.size());
    for (Pattern const& pattern : patterns_) {
      int const p = pattern.pair[t];
      if (p < 0 || coarse_[t] < 0) continue;
      auto const at = static_cast<std::size_t>(p);
      if (!unmixed[at]) unmixed[at] = unmixed_change(pairs_[at], bases_[at], target);
    }
    parallel_for(0, input_.core_px.height, [&](int row) { predict_row(target, row, unmixed); });
  }

 private:
  /// What the targets of one pair share.
  struct Base {
    int classes = 0;
    std::vector<std::int16_t> labels;
    CellFractions fractions;
    std::vector<std::uint8_t> held;  ///< [core cell]: some cell of the window has a value at the pair's date
    std::optional<Unmixed> subtracted;  ///< STDFA: the unmixed coarse image of the pair
    std::vector<double> scatter;        ///< [band, class], DN
  };
  /// Pixels where the same pairs are valid: for every target the pair to use, or -1, and the flags of its
  /// choice.
  struct Pattern {
    std::vector<int> pair;
    std::vector<quality::Flags> flags;
  };

  Base base_of(Pair const& pair) const {
    Base base;
    base.labels = model_.classes_.labels(input_, pair.fine, model_.fill_);
    base.classes = model_.classes_.count(pair.date);
    if (base.classes == 0) return base;
    base.fractions = model_.method_ == Method::mmt
                         ? psf_fractions(input_, base.labels, base.classes)
                         : block_fractions(count_cell_classes(input_, base.labels, base.classes));
    auto const values = coarse_values(input_, base.fractions.cells, pair.coarse, -1);
    UnmixSettings settings = model_.unmix_;
    if (model_.method_ == Method::stdfa) {
      base.subtracted = unmixed_field(base, field_name(pair.date, pair.date, pair.date), values, settings);
      for (int const used : base.subtracted->used) base.held.push_back(used > 0);
    } else {
      base.held.assign(static_cast<std::size_t>(core_cells_.area()), 1);
    }
    base.scatter = scatter_of(pair.date, base.classes);
    return base;
  }

  std::vector<double> scatter_of(Date fine, int classes) const {
    auto const bands = static_cast<std::size_t>(output_.dn.bands());
    std::vector<double> scatter(bands * static_cast<std::size_t>(classes), 0.0);
    auto const row = model_.statistics_.find(scatter_name(fine));
    for (std::size_t c = 0; c < static_cast<std::size_t>(classes) && !row.empty(); ++c) {
      ExactSum const* const of_class = row.data() + c * (1 + 2 * bands);
      for (std::size_t band = 0; band < bands && of_class[0] > 0; ++band) {
        scatter[band * static_cast<std::size_t>(classes) + c] =
            population_sigma(of_class[0], of_class[1 + 2 * band], of_class[2 + 2 * band]);
      }
    }
    return scatter;
  }

  Unmixed unmixed_field(Base const& base, std::string const& name, CellValues const& values,
                        UnmixSettings const& settings) const {
    auto const prior = purest_prior(model_.zones_, name, base.classes, values.bands, model_.purest_,
                                    model_.statistics_, input_, core_cells_);
    return unmix(base.fractions, values, 1, prior, settings, scene_cells_, core_cells_);
  }

  /// The unmixed values that are added to the fine image of the pair, or that take its place.
  Unmixed unmixed_change(Pair const& pair, Base const& base, int target) const {
    Date const day = input_.targets[static_cast<std::size_t>(target)];
    bool const difference = model_.method_ == Method::strum;
    auto const name = field_name(pair.date, difference ? std::optional(pair.date) : std::nullopt, day);
    auto const values = coarse_values(input_, base.fractions.cells, coarse_[static_cast<std::size_t>(target)],
                                      difference ? pair.coarse : -1);
    UnmixSettings settings = model_.unmix_;
    if (model_.bounds_rule_ == BoundsRule::change) {
      for (int band = 0; band < values.bands; ++band)
        settings.bounds.push_back(change_bounds(model_.statistics_.find_tally(change_name(name, band))));
    }
    Unmixed result = unmixed_field(base, name, values, settings);
    if (base.subtracted) {
      for (std::size_t i = 0; i < result.values.size(); ++i) result.values[i] -= base.subtracted->values[i];
      for (std::size_t i = 0; i < result.residual.size(); ++i)
        result.residual[i] = std::hypot(result.residual[i], base.subtracted->residual[i]);
    }
    return result;
  }

  std::size_t padded_at(int x, int y) const {
    return static_cast<std::size_t>(y - input_.padded_px.y) *
               static_cast<std::size_t>(input_.padded_px.width) +
           static_cast<std::size_t>(x - input_.padded_px.x);
  }
  std::size_t cell_at(int x, int y) const {
    return static_cast<std::size_t>(y / input_.ratio - core_cells_.y) *
               static_cast<std::size_t>(core_cells_.width) +
           static_cast<std::size_t>(x / input_.ratio - core_cells_.x);
  }

  int label_at(int pair, int x, int y) const {
    return bases_[static_cast<std::size_t>(pair)].labels[padded_at(x, y)];
  }

  /// Finds for every pixel which pairs are valid there. Pixels with the same ones share a pattern.
  void choose_pairs() {
    PairPlanner planner(pairs_, input_.targets, 1, model_.max_gap_days_);
    std::map<std::vector<bool>, std::uint32_t> known;
    Rect const& core = input_.core_px;
    pattern_of_.resize(static_cast<std::size_t>(core.area()));
    std::vector<bool> usable(pairs_.size()), last;
    std::uint32_t pattern = 0;
    std::size_t i = 0;
    for (int y = core.y; y < core.bottom(); ++y) {
      for (int x = core.x; x < core.right(); ++x, ++i) {
        for (std::size_t p = 0; p < pairs_.size(); ++p)
          usable[p] = label_at(static_cast<int>(p), x, y) >= 0 && bases_[p].held[cell_at(x, y)];
        if (i == 0 || usable != last) {
          auto const [entry, is_new] =
              known.try_emplace(usable, static_cast<std::uint32_t>(patterns_.size()));
          if (is_new) patterns_.push_back(pattern_for(planner.runs(usable)));
          pattern = entry->second;
          last = usable;
        }
        pattern_of_[i] = pattern;
      }
    }
  }

  Pattern pattern_for(std::vector<PairRun> const& runs) const {
    Pattern pattern{std::vector<int>(input_.targets.size(), -1),
                    std::vector<quality::Flags>(input_.targets.size(), 0)};
    for (PairRun const& run : runs) {
      for (int t = run.first; t < run.last; ++t) {
        auto const at = static_cast<std::size_t>(t);
        pattern.pair[at] = run.pair[0];
        pattern.flags[at] = fused_flags(run, pairs_, input_.targets[at]);
      }
    }
    return pattern;
  }

  void predict_row(int target, int row, std::vector<std::optional<Unmixed>> const& unmixed) {
    int const y = input_.core_px.y + row;
    auto const t = static_cast<std::size_t>(target);
    for (int col = 0; col < input_.core_px.width; ++col) {
      int const x = input_.core_px.x + col;
      Pattern const& pattern = patterns_[pattern_of_[static_cast<std::size_t>(row) *
                                                         static_cast<std::size_t>(input_.core_px.width) +
                                                     static_cast<std::size_t>(col)]];
      int const p = coarse_[t] < 0 ? -1 : pattern.pair[t];
      auto& quality = output_.quality.at(target, 0, row, col);
      std::size_t const cell = cell_at(x, y);
      if (p >= 0 && unmixed[static_cast<std::size_t>(p)]->used[cell] > 0) {
        quality = static_cast<quality::Flags>(
            pattern.flags[t] |
            predict_pixel(target, row, col, p, *unmixed[static_cast<std::size_t>(p)], cell));
      } else if (auto const flags =
                     model_.linear_.predict(input_, fine_only_[t], target, row, col, output_)) {
        quality = *flags | quality::gap_filled | quality::low_confidence;
      }
    }
  }

  /// @return flags to add
  quality::Flags predict_pixel(int target, int row, int col, int p, Unmixed const& unmixed,
                               std::size_t cell) {
    int const x = input_.core_px.x + col, y = input_.core_px.y + row;
    auto const pair = static_cast<std::size_t>(p);
    Base const& base = bases_[pair];
    int const label = label_at(p, x, y);
    quality::Flags flags = unmixed.used[cell] < base.classes ? quality::low_confidence : quality::Flags{0};
    if (!has_coarse(coarse_[static_cast<std::size_t>(target)], x, y) ||
        (model_.adds_to_fine() && !has_coarse(pairs_[pair].coarse, x, y)))
      flags |= quality::input_masked;
    for (int band = 0; band < output_.dn.bands(); ++band) {
      auto const b = static_cast<std::size_t>(band);
      double const e = unmixed.value(band, label, cell);
      double const residual = unmixed.residual[b * unmixed.size() + cell];
      if (model_.adds_to_fine()) {
        double const fine =
            input_.fine.dn.at(pairs_[pair].fine, band, y - input_.padded_px.y, x - input_.padded_px.x);
        flags |= put(output_, model_.range_, target, band, row, col, fine + e,
                     prediction_sigma(model_.sigma_[b] * std::sqrt(3.0), residual, e));
      } else {
        double const scatter =
            base.scatter[b * static_cast<std::size_t>(base.classes) + static_cast<std::size_t>(label)];
        flags |= put(output_, model_.range_, target, band, row, col, e,
                     prediction_sigma(model_.sigma_[b], std::hypot(residual, scatter), 0));
      }
    }
    return flags;
  }

  bool has_coarse(int date, int x, int y) const {
    return input_.coarse.dn.at(date, 0, y / input_.ratio - input_.cells.y,
                               x / input_.ratio - input_.cells.x) != no_data_dn;
  }

  UnmixingModel const& model_;
  FusionInput const& input_;
  FusionOutput& output_;
  std::vector<Pair> pairs_;
  std::vector<int> coarse_;
  Rect scene_cells_, core_cells_;
  std::vector<PairOrder> fine_only_;
  std::vector<Base> bases_;
  std::vector<Pattern> patterns_;
  std::vector<std::uint32_t> pattern_of_;  ///< [core pixel]
};

void UnmixingModel::fuse(FusionInput const& input, FusionOutput& output) const {
  Tile tile(*this, input, output);
  for (int target = 0; target < output.dn.dates(); ++target) tile.predict(target);
}

}  // namespace stfcube
