#include "stfcube/models/classical/bayes.hpp"

#include <algorithm>

namespace stfcube {
namespace {

constexpr int most_map_classes = 64;

std::vector<OptionSpec> const specs = {
    {"method", "block",
     "block (pixels uncorrelated given their class: each coarse cell by itself) or smooth (correlation falls "
     "with distance: "
     "3 x 3 cells together; slower)"},
    {"prior", "change",
     "expected fine image: change (fine image of the nearest pair + change of the class) or linear (between "
     "the fine images "
     "before and after)"},
    {"classes", "5", "number of classes (k-means of the fine image); a class map of the job takes its place"},
    {"sample", "1", "k-means looks at one of so many pixels; more than 1 for areas larger than a scene"},
    {"purest", "100", "purest cells of each class that its change is found from (prior = change)"},
    {"lowest_quantile", "0.1", "of the changes of these cells: smaller ones are left out"},
    {"highest_quantile", "0.9", "of the changes of these cells: larger ones are left out"},
    {"variance", "pairs",
     "doubt about the expected image: pairs (how pixels of the class differ between neighbouring pairs; "
     "change where there is "
     "only one) or change (0.3 of the class change + 30 DN)"},
    {"bias", "pair",
     "difference between the sensors: pair (that of the pair, cell by cell) or none (fine pixels average to "
     "coarse values)"},
    {"coarse_sigma", "50", "noise of a coarse value, DN"},
    {"length", "5", "distance, in fine pixels, at which correlation has fallen to 1 / e (method = smooth)"},
};

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

BayesModel::BayesModel(ModelSettings const& settings)
    : BayesModel(settings, ModelOptions("bayes", specs, settings.options)) {}

BayesModel::BayesModel(ModelSettings const& settings, ModelOptions const& options)
    : scatter_of_pairs_(options.choice("variance", {"pairs", "change"}) == "pairs"),
      most_classes_(settings.class_map ? most_map_classes : options.integer("classes", 1, 32)),
      ratio_(settings.ratio),
      parts_{.method = options.choice("method", {"block", "smooth"}) == "smooth" ? BayesMethod::smooth
                                                                                 : BayesMethod::block,
             .prior = options.choice("prior", {"change", "linear"}) == "linear" ? BayesPrior::linear
                                                                                : BayesPrior::change,
             .bias_of_pair = options.choice("bias", {"pair", "none"}) == "pair",
             .coarse_sigma = options.number("coarse_sigma", 0, 32767),
             .length = options.number("length", 0.01, 1e6),
             .max_gap_days = settings.max_pair_gap_days,
             .tolerance_days = settings.pair_tolerance_days,
             .range = settings.quantity,
             .sigma = {},
             .zones = StatZones(settings.zone_px),
             .classes = FineClasses({.subject = "bayes/classes",
                                     .classes = options.integer("classes", 1, 32),
                                     .sample = options.integer("sample", 1, 1000000),
                                     .class_map = settings.class_map}),
             .change = ClassChange({.subject = "bayes/change",
                                    .purest = options.integer("purest", 1, 100000),
                                    .lowest_quantile = options.number("lowest_quantile", 0, 1),
                                    .highest_quantile = options.number("highest_quantile", 0, 1),
                                    .zone_px = settings.zone_px,
                                    .ratio = settings.ratio}),
             .linear = LinearModel(settings),
             .scatter = {}},
      info_{.name = "bayes",
            .title = "Gaussian prior of fine images, updated by coarse values",
            .citation =
                "stfcube documentation, docs/methods/bayes.md; after Li et al. 2013, "
                "doi:10.1016/j.rse.2013.03.021, and Xue et al. 2017, doi:10.3390/rs9121310",
            .pairs_needed = 1,
            .needs_coarse = true,
            .support = {},
            .observes = Observed::pair_and_targets} {
  info_.support.halo_px = (parts_.method == BayesMethod::smooth ? 2 : 1) * settings.ratio - 1;
  for (auto const& band : settings.bands) parts_.sigma.push_back(observation_uncertainty_dn(band));
}

ModelEntry BayesModel::entry() {
  return {
      .summary =
          "most probable fine image given the coarse one, from a Gaussian prior; tells its own uncertainty",
      .options = specs,
      .make = [](ModelSettings const& settings) { return std::make_unique<BayesModel>(settings); }};
}

std::size_t BayesModel::memory_bytes(TileShape const& shape, int threads) const {
  std::size_t const padded = to_size(shape.padded_width) * to_size(shape.padded_height);
  std::size_t const images = to_size(shape.fine_dates), classes = to_size(most_classes_);
  // Each choice of pairs has groups of its own.
  std::size_t const choices = parts_.prior == BayesPrior::linear ? (images + 2) * (images + 2) / 4 : images;
  std::size_t const groups = std::min(to_size(ratio_) * to_size(ratio_), classes * choices);
  std::size_t const scatter = images * classes * (1 + 2 * to_size(shape.bands)) * 4 * 2 * sizeof(ExactSum);
  return padded * images * sizeof(std::int16_t) + scatter +
         bayes_tile_bytes(shape, ratio_, groups, parts_.method == BayesMethod::smooth, threads) +
         parts_.linear.memory_bytes(shape, threads);
}

void BayesModel::observe(FusionInput const& input, Statistics& statistics) const {
  if (round_ == Round::classes) return parts_.classes.observe(input, statistics);
  auto const pairs = find_pairs(input.fine.dates, input.coarse.dates, parts_.tolerance_days);
  if (round_ == Round::changes) {
    if (!pairs.empty()) parts_.change.observe(input, pairs.front(), parts_.classes, statistics);
  } else if (input.fine.dates.size() == 2 &&
             input.fine.dates[1] - input.fine.dates[0] <= parts_.max_gap_days) {
    observe_scatter(input, 0, 1, statistics);
    observe_scatter(input, 1, 0, statistics);
  }
}

/// How the pixels of each class of image `from` differ in image `to`.
void BayesModel::observe_scatter(FusionInput const& input, int from, int to, Statistics& statistics) const {
  Date const date = input.fine.dates[to_size(from)];
  int const classes = parts_.classes.count(date);
  auto const labels = parts_.classes.labels(input, from);
  Rect const& px = input.padded_px;
  int const bands = input.fine.dn.bands();
  for (auto const& piece : parts_.zones.pieces(scatter_name(date, to > from), px)) {
    std::vector<std::int64_t> sums(scatter_at(classes, bands));
    for (int y = piece.px.y - px.y; y < piece.px.bottom() - px.y; ++y) {
      for (int x = piece.px.x - px.x; x < piece.px.right() - px.x; ++x) {
        int const label = labels[to_size(y) * to_size(px.width) + to_size(x)];
        if (label < 0 || input.fine.dn.at(to, 0, y, x) == no_data_dn) continue;
        std::int64_t* at = sums.data() + scatter_at(label, bands);
        ++*at++;
        for (int band = 0; band < input.fine.dn.bands(); ++band) {
          std::int64_t const d = input.fine.dn.at(to, band, y, x) - input.fine.dn.at(from, band, y, x);
          *at++ += d;
          *at++ += d * d;
        }
      }
    }
    if (std::ranges::all_of(sums, [](std::int64_t sum) { return sum == 0; })) continue;
    auto const row = statistics.row(piece.name, sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i) row[i] += sums[i];
  }
}

void BayesModel::prepare(Statistics const& statistics) {
  if (round_ == Round::classes) {
    parts_.classes.prepare(statistics);
    if (parts_.classes.done()) next_round();
  } else if (round_ == Round::changes) {
    parts_.change.prepare(statistics, parts_.classes);
    if (parts_.change.done()) next_round();
  } else {
    parts_.scatter = statistics;
    next_round();
  }
}

void BayesModel::next_round() {
  if (round_ == Round::classes && parts_.prior == BayesPrior::change) {
    round_ = Round::changes;
  } else if (round_ != Round::scatter && scatter_of_pairs_) {
    round_ = Round::scatter;
    info_.observes = Observed::neighbouring_pairs;
  } else {
    round_ = Round::none;
  }
}

void BayesModel::fuse(FusionInput const& input, FusionOutput& output) const {
  predict_bayes(parts_, input, output);
}

}  // namespace stfcube
