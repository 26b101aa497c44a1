#include "stfcube/models/classical/bayes_tile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "stfcube/models/classical/gaussian_cells.hpp"
#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int fewest_pixels = 20;     // of a class, for a variance of its own
constexpr double change_share = 0.3;  // of the class change that is doubted where no two pairs tell more
constexpr double least_sigma = 30;    // DN, added to it

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// What one fine pixel is expected from: the images of one or two pairs, and its class in the first of them.
struct Source {
  PairRun run;
  int label = 0;
  double weight_first = 1;  ///< of the first image, 1 - that of the second
};

/// One call of `fuse`: what all its targets share.
class Tile {
 public:
  Tile(BayesParts const& parts, FusionInput const& input, FusionOutput& output)
      : parts_(parts),
        input_(input),
        output_(output),
        bands_(output.dn.bands()),
        pairs_(pairs_in_reach(input, parts.tolerance_days, parts.max_gap_days)),
        coarse_(coarse_of_targets(input)),
        fine_only_(parts.linear.orders(input)),
        correlation_(parts.method == BayesMethod::smooth ? input.ratio : 1, parts.length) {
    int const s = input.ratio;
    Rect const outer = align_outward(input.core_px, s);
    core_cells_ = {outer.x / s, outer.y / s, outer.width / s, outer.height / s};
    Rect const scene = cell_frame(input).scene;
    cells_ = intersect(grow(core_cells_, parts.method == BayesMethod::smooth ? 1 : 0), scene);
    ensure(whole_cells(input).contains(cells_), "the pixels at hand fill the cells that are looked at");
    for (Pair const& pair : pairs_) labels_.push_back(parts.classes.labels(input, pair.fine));
    choose_patterns();
    int const s2 = s / 2;
    Rect const middles{cells_.x * s + s2, cells_.y * s + s2, (cells_.width - 1) * s + 1,
                       (cells_.height - 1) * s + 1};
    for (auto const& zone : parts.zones.zones_of(input.scene_px, middles)) {
      for (Pair const& pair : pairs_) {
        for (bool const to_next : {true, false})
          scatter_sums_[{pair.date, to_next, zone}] =
              parts.zones.sum(parts.scatter, scatter_name(pair.date, to_next), zone);
      }
    }
  }

  void predict(int target) {
    Target const t = plan(target);
    std::vector<Cell> cells(to_size(static_cast<int>(cells_.area())));
    parallel_for(0, cells_.height, [&](int row) {
      for (int column = 0; column < cells_.width; ++column)
        cells[cell_at(cells_.x + column, cells_.y + row)] = belief_of(t, cells_.x + column, cells_.y + row);
    });
    Covariances const joint = parts_.method == BayesMethod::smooth ? covariances(cells) : Covariances{};
    parallel_for(0, core_cells_.height, [&](int row) {
      for (int column = 0; column < core_cells_.width; ++column)
        predict_cell(t, cells, joint, core_cells_.x + column, core_cells_.y + row);
    });
  }

 private:
  /// What is expected of a cell.
  struct Cell {
    CellBelief belief;
    std::vector<Source> sources;  ///< [group]
    std::vector<double> shift;    ///< [group, band]: expected value less the mixture of the fine images
  };
  struct Target {
    int index = 0, coarse = -1;
    Date date;
    std::vector<PairRun> runs;  ///< pairs that pixels use; pairs == 0: none
    std::vector<int> run_of;    ///< [pattern]
  };
  /// [cell, (dy + 2) 5 + dx + 2, band]: covariance with the cell at that offset; only the later of two cells
  /// has it.
  using Covariances = std::vector<double>;

  std::size_t padded_at(int x, int y) const {
    return to_size(y - input_.padded_px.y) * to_size(input_.padded_px.width) +
           to_size(x - input_.padded_px.x);
  }
  std::size_t cell_at(int column, int row) const {
    return to_size(row - cells_.y) * to_size(cells_.width) + to_size(column - cells_.x);
  }
  Pair const& pair(int index) const { return pairs_[to_size(index)]; }
  Dn coarse_dn(int date, int band, int column, int row) const {
    return input_.coarse.dn.at(date, band, row - input_.cells.y, column - input_.cells.x);
  }

  /// Finds for every pixel which pairs are valid there; pixels with the same ones share a pattern.
  void choose_patterns() {
    std::map<std::vector<bool>, std::int32_t> known;
    Rect const& px = input_.padded_px;
    patterns_.assign(static_cast<std::size_t>(px.area()), -1);
    std::vector<bool> usable(pairs_.size());
    int const s = input_.ratio;
    Rect const filled =
        intersect({cells_.x * s, cells_.y * s, cells_.width * s, cells_.height * s}, input_.scene_px);
    for (int y = filled.y; y < filled.bottom(); ++y) {
      for (int x = filled.x; x < filled.right(); ++x) {
        for (std::size_t p = 0; p < pairs_.size(); ++p) {
          bool const comparable =
              !parts_.bias_of_pair || coarse_dn(pairs_[p].coarse, 0, x / s, y / s) != no_data_dn;
          usable[p] = labels_[p][padded_at(x, y)] >= 0 && comparable;
        }
        auto const [entry, is_new] = known.try_emplace(usable, static_cast<std::int32_t>(usable_.size()));
        if (is_new) usable_.push_back(usable);
        patterns_[padded_at(x, y)] = entry->second;
      }
    }
  }

  Target plan(int index) const {
    Target target{index, coarse_[to_size(index)], input_.targets[to_size(index)], {}, {}};
    std::vector<Date> const date = {target.date};
    PairPlanner planner(pairs_, date, parts_.prior == BayesPrior::linear ? 2 : 1, parts_.max_gap_days);
    for (auto const& usable : usable_) {
      auto const& runs = planner.runs(usable);
      PairRun const run = runs.empty() ? PairRun{} : runs.front();
      auto const found = std::ranges::find(target.runs, run);
      target.run_of.push_back(static_cast<int>(found - target.runs.begin()));
      if (found == target.runs.end()) target.runs.push_back(run);
    }
    return target;
  }

  /// The part of the first image of a run. Of two, they lie on both sides of the target.
  double weight_first(PairRun const& run, Date target) const {
    if (run.pairs == 1) return 1;
    Date const before = pair(run.pair[0]).date, after = pair(run.pair[1]).date;
    return before == after ? 1 : static_cast<double>(after - target) / (after - before);
  }

  Cell belief_of(Target const& t, int column, int row) const {
    int const s = input_.ratio;
    Cell cell;
    CellBelief& belief = cell.belief;
    belief.px = intersect({column * s, row * s, s, s}, input_.scene_px);
    belief.group.reserve(static_cast<std::size_t>(belief.px.area()));
    belief.bands = bands_;
    struct Known {
      int run, label;
      std::int16_t group;  // or -1
    };
    std::vector<Known> known;  // few: searched from the front
    for (int y = belief.px.y; y < belief.px.bottom(); ++y) {
      for (int x = belief.px.x; x < belief.px.right(); ++x) {
        int const run_index = t.run_of[to_size(patterns_[padded_at(x, y)])];
        PairRun const& run = t.runs[to_size(run_index)];
        std::int16_t group = -1;
        if (run.pairs > 0) {
          int const label = labels_[to_size(run.pair[0])][padded_at(x, y)];
          auto found = std::ranges::find_if(
              known, [&](Known const& k) { return k.run == run_index && k.label == label; });
          if (found == known.end()) {
            Source const source{run, label, weight_first(run, t.date)};
            known.push_back({run_index, label, add_group(t, cell, source, column, row)});
            found = known.end() - 1;
          }
          group = found->group;
        }
        belief.group.push_back(group);
        belief.known += group >= 0;
      }
    }
    find_innovation(t, cell, column, row);
    return cell;
  }

  /// @return number of the group; -1 when nothing is expected of its pixels
  std::int16_t add_group(Target const& t, Cell& cell, Source const& source, int column, int row) const {
    std::vector<double> shift(to_size(bands_), 0.0), variance;
    if (parts_.prior == BayesPrior::change) {
      shift = class_change(pair(source.run.pair[0]).date, t.date, source.label, column, row);
      if (shift.empty()) return -1;
    }
    for (int band = 0; band < bands_; ++band)
      variance.push_back(variance_of(t, source, band, shift[to_size(band)], column, row));
    cell.sources.push_back(source);
    cell.shift.insert(cell.shift.end(), shift.begin(), shift.end());
    cell.belief.variance.insert(cell.belief.variance.end(), variance.begin(), variance.end());
    return static_cast<std::int16_t>(cell.belief.groups++);
  }

  StatZones::Mixture mixture(int column, int row) const {
    int const s = input_.ratio;
    return parts_.zones.at(input_.scene_px, column * s + s / 2, row * s + s / 2);
  }

  /// Of all bands, interpolated between zones at the middle of the cell; empty when nothing is known.
  std::vector<double> class_change(Date from, Date to, int label, int column, int row) const {
    auto const mix = mixture(column, row);
    std::vector<double> change(to_size(bands_), 0.0);
    double weight = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      ChangeTable const* const table = parts_.change.find(from, to, mix.zones[i]);
      if (!table || mix.weights[i] == 0) continue;
      weight += mix.weights[i];
      std::size_t const entries = table->change.size() / to_size(bands_);
      for (std::size_t band = 0; band < to_size(bands_); ++band)
        change[band] += mix.weights[i] * table->change[band * entries + to_size(label)];
    }
    if (weight == 0) return {};
    for (double& value : change) value /= weight;
    return change;
  }

  double variance_of(Target const& t, Source const& source, int band, double change, int column,
                     int row) const {
    Date const date = pair(source.run.pair[0]).date;
    double const w = source.weight_first;
    if (source.run.pairs == 2) {
      // Between two observations: what a random walk between them does, and their noise.
      double const noise = parts_.sigma[to_size(band)];
      double const walk = scatter(date, true, source.label, band, column, row, true);
      double const doubt =
          std::isnan(walk)
              ? std::pow(change_share * 2 * coarse_change(t, source, band, column, row) + 2 * least_sigma, 2)
              : walk;
      return doubt * w * (1 - w) + (w * w + (1 - w) * (1 - w)) * noise * noise;
    }
    bool const linear = parts_.prior == BayesPrior::linear;
    double known = scatter(date, date <= t.date, source.label, band, column, row, linear);
    if (std::isnan(known)) known = scatter(date, date > t.date, source.label, band, column, row, linear);
    if (!std::isnan(known)) return known;
    double const size = linear ? coarse_change(t, source, band, column, row) : std::abs(change);
    return std::pow(change_share * size + least_sigma, 2);
  }

  /// |c_p - c_1| of the cell, 0 where one of them is missing.
  double coarse_change(Target const& t, Source const& source, int band, int column, int row) const {
    if (t.coarse < 0) return 0;
    Dn const now = coarse_dn(t.coarse, band, column, row);
    Dn const then = coarse_dn(pair(source.run.pair[0]).coarse, band, column, row);
    return now == no_data_dn || then == no_data_dn ? 0 : std::abs(now - then);
  }

  /// Variance, or mean square, of the differences to the next or the previous pair; NaN where too few are
  /// known.
  double scatter(Date date, bool to_next, int label, int band, int column, int row, bool about_zero) const {
    auto const mix = mixture(column, row);
    double sum = 0, weight = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      if (mix.weights[i] == 0) continue;
      auto const& sums = scatter_sums(date, to_next, mix.zones[i]);
      std::size_t const at = scatter_at(label, bands_);
      if (sums.empty() || sums[at] < fewest_pixels) continue;
      ExactSum const mean = about_zero ? 0 : sums[at + 1 + 2 * to_size(band)];
      double const sigma = population_sigma(sums[at], mean, sums[at + 2 + 2 * to_size(band)]);
      sum += mix.weights[i] * sigma * sigma;
      weight += mix.weights[i];
    }
    return weight > 0 ? sum / weight : nan;
  }

  std::vector<ExactSum> const& scatter_sums(Date date, bool to_next, StatZones::Zone zone) const {
    static std::vector<ExactSum> const none;
    auto const found = scatter_sums_.find({date, to_next, zone});
    return found == scatter_sums_.end() ? none : found->second;
  }

  /// The mixture of the fine images of a pixel, and of the coarse values of its cell.
  double mixed_fine(Source const& source, int band, int x, int y) const {
    auto const fine = [&](int p) -> double {
      return input_.fine.dn.at(pair(source.run.pair[to_size(p)]).fine, band, y - input_.padded_px.y,
                               x - input_.padded_px.x);
    };
    return source.weight_first == 1 ? fine(0)
                                    : source.weight_first * fine(0) + (1 - source.weight_first) * fine(1);
  }
  double mixed_coarse(Source const& source, int band, int column, int row) const {
    auto const coarse = [&](int p) -> double {
      return coarse_dn(pair(source.run.pair[to_size(p)]).coarse, band, column, row);
    };
    return source.weight_first == 1 ? coarse(0)
                                    : source.weight_first * coarse(0) + (1 - source.weight_first) * coarse(1);
  }

  /// Coarse value less what is expected of it. The difference between the sensors is taken over from the
  /// pairs: their fine images drop out, and what is left is their coarse values and the changes.
  void find_innovation(Target const& t, Cell& cell, int column, int row) const {
    CellBelief& belief = cell.belief;
    belief.innovation.assign(to_size(bands_), 0.0);
    if (t.coarse < 0 || belief.known == 0 || coarse_dn(t.coarse, 0, column, row) == no_data_dn) return;
    belief.observed = true;
    for (int band = 0; band < bands_; ++band) {
      std::vector<double> offsets;
      for (std::size_t g = 0; g < cell.sources.size(); ++g) {
        double const shift = cell.shift[g * to_size(bands_) + to_size(band)];
        offsets.push_back(shift +
                          (parts_.bias_of_pair ? mixed_coarse(cell.sources[g], band, column, row) : 0));
      }
      double sum = 0;
      std::size_t i = 0;
      for (int y = belief.px.y; y < belief.px.bottom(); ++y) {
        for (int x = belief.px.x; x < belief.px.right(); ++x, ++i) {
          if (belief.group[i] < 0) continue;
          auto const g = to_size(belief.group[i]);
          sum += offsets[g] + (parts_.bias_of_pair ? 0 : mixed_fine(cell.sources[g], band, x, y));
        }
      }
      belief.innovation[to_size(band)] = coarse_dn(t.coarse, band, column, row) - sum / belief.known;
    }
  }

  /// Calls `body(cell, index of the offset)` for the cells at most two columns and rows away that come before
  /// this one, and for itself.
  template <class Body>
  void for_earlier(int column, int row, Body const& body) const {
    for (int dy = -2; dy <= 0; ++dy) {
      for (int dx = -2; dx <= (dy < 0 ? 2 : 0); ++dx) {
        if (cells_.contains({column + dx, row + dy, 1, 1}))
          body(cell_at(column + dx, row + dy), to_size((dy + 2) * 5 + dx + 2));
      }
    }
  }

  Covariances covariances(std::vector<Cell> const& cells) const {
    Covariances all(cells.size() * 25 * to_size(bands_));
    parallel_for(0, cells_.height, [&](int row) {
      for (int column = 0; column < cells_.width; ++column) {
        std::size_t const own = cell_at(cells_.x + column, cells_.y + row);
        if (!cells[own].belief.observed) continue;
        for_earlier(cells_.x + column, cells_.y + row, [&](std::size_t other, std::size_t offset) {
          if (!cells[other].belief.observed) return;
          auto const bands = correlation_.covariance(cells[own].belief, cells[other].belief);
          std::ranges::copy(bands,
                            all.begin() + static_cast<std::ptrdiff_t>((own * 25 + offset) * to_size(bands_)));
        });
      }
    });
    return all;
  }

  CellUpdate update_of(std::vector<Cell> const& cells, Covariances const& joint, int column, int row) const {
    CellBelief const& own = cells[cell_at(column, row)].belief;
    if (parts_.method == BayesMethod::block) return block_update(own, parts_.coarse_sigma);
    std::vector<std::pair<int, int>> places;
    std::vector<CellBelief const*> around;
    Rect const block = intersect(grow({column, row, 1, 1}, 1), cells_);
    for (int y = block.y; y < block.bottom(); ++y) {
      for (int x = block.x; x < block.right(); ++x) {
        places.emplace_back(x, y);
        around.push_back(&cells[cell_at(x, y)].belief);
      }
    }
    std::size_t const n = places.size(), bands = to_size(bands_);
    std::vector<double> covariance(n * n * bands);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        auto const offset =
            to_size((places[j].second - places[i].second + 2) * 5 + places[j].first - places[i].first + 2);
        double const* const from =
            joint.data() + (cell_at(places[i].first, places[i].second) * 25 + offset) * bands;
        std::copy_n(from, bands, covariance.begin() + static_cast<std::ptrdiff_t>((i * n + j) * bands));
        std::copy_n(from, bands, covariance.begin() + static_cast<std::ptrdiff_t>((j * n + i) * bands));
      }
    }
    return correlation_.update(own, around, covariance, parts_.coarse_sigma);
  }

  void predict_cell(Target const& t, std::vector<Cell> const& cells, Covariances const& joint, int column,
                    int row) {
    Cell const& cell = cells[cell_at(column, row)];
    CellBelief const& belief = cell.belief;
    CellUpdate const update = update_of(cells, joint, column, row);
    Rect const px = intersect(belief.px, input_.core_px);
    for (int y = px.y; y < px.bottom(); ++y) {
      for (int x = px.x; x < px.right(); ++x) {
        std::size_t const i = to_size(y - belief.px.y) * to_size(belief.px.width) + to_size(x - belief.px.x);
        int const out_x = x - input_.core_px.x, out_y = y - input_.core_px.y;
        auto& quality = output_.quality.at(t.index, 0, out_y, out_x);
        if (belief.group[i] < 0) {
          if (auto const flags =
                  parts_.linear.predict(input_, fine_only_[to_size(t.index)], t.index, out_y, out_x, output_))
            quality = *flags | quality::gap_filled | quality::low_confidence;
          continue;
        }
        auto const g = to_size(belief.group[i]);
        quality::Flags flags = state_of(t, cell.sources[g], belief.observed);
        for (int band = 0; band < bands_; ++band) {
          std::size_t const at = to_size(band) * belief.group.size() + i;
          double const expected =
              mixed_fine(cell.sources[g], band, x, y) + cell.shift[g * to_size(bands_) + to_size(band)];
          flags |= put(output_, parts_.range, t.index, band, out_y, out_x, expected + update.shift[at],
                       std::sqrt(update.variance[at]));
        }
        quality = flags;
      }
    }
  }

  /// Flags of a pixel; a target without any coarse image is filled in time, a missing cell keeps what is
  /// expected.
  quality::Flags state_of(Target const& t, Source const& source, bool observed) const {
    quality::Flags flags = fused_flags(source.run, pairs_, t.date);
    if (observed) return flags;
    if (t.coarse >= 0)
      return static_cast<quality::Flags>(flags | quality::input_masked | quality::low_confidence);
    return static_cast<quality::Flags>((flags & ~quality::state_mask) | quality::gap_filled |
                                       quality::low_confidence);
  }

  BayesParts const& parts_;
  FusionInput const& input_;
  FusionOutput& output_;
  int bands_;
  std::vector<Pair> pairs_;
  std::vector<int> coarse_;
  std::vector<PairOrder> fine_only_;
  CellCorrelation correlation_;
  Rect core_cells_, cells_;  ///< those of the core, and those that are looked at
  std::vector<std::vector<std::int16_t>> labels_;
  std::vector<std::int32_t> patterns_;     ///< [padded pixel]
  std::vector<std::vector<bool>> usable_;  ///< [pattern, pair]
  std::map<std::tuple<Date, bool, StatZones::Zone>, std::vector<ExactSum>> scatter_sums_;
};

}  // namespace

std::string scatter_name(Date date, bool to_next) {
  return fmt::format("bayes/scatter/{}/{}", date.days, to_next ? "next" : "previous");
}

std::size_t bayes_tile_bytes(TileShape const& shape, int ratio, std::size_t groups, bool smooth,
                             int threads) {
  std::size_t const cell_px = to_size(ratio) * to_size(ratio), bands = to_size(shape.bands);
  std::size_t const cells =
      (to_size(shape.padded_width / ratio) + 2) * (to_size(shape.padded_height / ratio) + 2);
  std::size_t const belief = sizeof(CellBelief) + cell_px * sizeof(std::int16_t) +
                             groups * (sizeof(Source) + 2 * bands * sizeof(double)) + bands * sizeof(double);
  std::size_t const joint = smooth ? 25 * bands * sizeof(double) : 0;
  std::size_t const scratch = cell_px * (9 * (groups + 1) + 2 * bands) * sizeof(double);
  std::size_t const patterns =
      to_size(shape.padded_width) * to_size(shape.padded_height) * sizeof(std::int32_t);
  return patterns + cells * (belief + joint) + to_size(threads) * scratch;
}

void predict_bayes(BayesParts const& parts, FusionInput const& input, FusionOutput& output) {
  Tile tile(parts, input, output);
  for (int target = 0; target < output.dn.dates(); ++target) tile.predict(target);
}

}  // namespace stfcube
