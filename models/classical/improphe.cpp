#include "stfcube/models/classical/improphe.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "stfcube/models/classical/principal_components.hpp"
#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr std::array<double, 5> thresholds = {0.025, 0.05, 0.1, 0.2, 0.4};  // of the spectral distance
constexpr int table_steps = 4096;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

std::vector<OptionSpec> const specs = {
    {"radius", "auto", "radius of the circular kernel, px; auto: two and a half coarse cells"},
    {"variance", "0.975", "share of a fine image's variance that its principal components keep"},
    {"share", "0.005", "share of the kernel that has to be similar; up to five thresholds are tried"},
};

std::string statistics_key(Date date) {
  return "improphe/" + to_string(date);
}

std::size_t sums_of(int bands) {
  return to_size(1 + bands + bands * (bands + 1) / 2);
}

/// Smallest and largest value above 0.
struct PositiveRange {
  double lowest = infinite, highest = -infinite;

  void add(double value) {
    if (!(value > 0)) return;
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
};

/// 1 / (1 + exp(25 v - 7.5)) of a value's place v in a range, from a table; 1 for 0 and in a range without
/// extent.
class Falloff {
 public:
  Falloff() {
    for (int i = 0; i <= table_steps + 1; ++i) {
      table_[to_size(i)] = 1 / (1 + std::exp(25.0 * i / table_steps - 7.5));
    }
  }
  double operator()(double value, PositiveRange const& range) const {
    if (!(value > 0) || !(range.highest > range.lowest)) return 1;
    double const place = (value - range.lowest) / (range.highest - range.lowest) * table_steps;
    int const step = static_cast<int>(place);
    double const rest = place - step;
    return (1 - rest) * table_[to_size(step)] + rest * table_[to_size(step + 1)];
  }

 private:
  std::array<double, table_steps + 2> table_;
};

/// What the fine image of one pair says of a tile's pixels.
struct Structure {
  Rect px;  ///< pixels held
  int components = 0;
  std::vector<double> values;   ///< [component, pixel]; infinite where there is no value
  std::vector<double> texture;  ///< largest standard deviation of a component around the pixel

  double const* row(int component, int y) const {
    return values.data() + (to_size(component) * to_size(px.height) + to_size(y - px.y)) * to_size(px.width);
  }
  std::size_t at(int y, int x) const { return to_size(y - px.y) * to_size(px.width) + to_size(x - px.x); }
};

/// Standard deviations of a plane in square windows, over the pixels that have a value; each the sum of its
/// rows' sums.
class WindowDeviation {
 public:
  WindowDeviation(Rect const& px, int half)
      : px_(px), half_(half), rows_(3 * static_cast<std::size_t>(px.area())) {}

  void raise(double const* plane, std::vector<double>& to) {
    std::size_t const n = static_cast<std::size_t>(px_.area());
    parallel_for(0, px_.height, [&](int y) {
      for (int x = 0; x < px_.width; ++x) {
        double count = 0, sum = 0, squares = 0;
        for (int i = std::max(0, x - half_); i <= std::min(px_.width - 1, x + half_); ++i) {
          double const v = plane[to_size(y) * to_size(px_.width) + to_size(i)];
          bool const known = v < infinite;
          count += known;
          sum += known ? v : 0;
          squares += known ? v * v : 0;
        }
        double* const row = &rows_[3 * (to_size(y) * to_size(px_.width) + to_size(x))];
        row[0] = count, row[1] = sum, row[2] = squares;
      }
    });
    ensure(to.size() == n, "textures have the size of their plane");
    parallel_for(0, px_.height, [&](int y) {
      for (int x = 0; x < px_.width; ++x) {
        double count = 0, sum = 0, squares = 0;
        for (int i = std::max(0, y - half_); i <= std::min(px_.height - 1, y + half_); ++i) {
          double const* const row = &rows_[3 * (to_size(i) * to_size(px_.width) + to_size(x))];
          count += row[0], sum += row[1], squares += row[2];
        }
        if (count == 0) continue;
        double const mean = sum / count, variance = squares / count - mean * mean;
        double& texture = to[to_size(y) * to_size(px_.width) + to_size(x)];
        texture = std::max(texture, variance > 1e-12 ? std::sqrt(variance) : 0);  // below: rounding alone
      }
    });
  }

 private:
  Rect px_;
  int half_;
  std::vector<double> rows_;
};

/// The neighbours of one pixel, gathered by the coarse cell that they lie in.
struct Gathered {
  std::vector<double> weight;  ///< by cell of the frame; 0: no similar neighbour there
  std::vector<int> cells;      ///< those with weight
  bool few = false;
};

class Improphe final : public FusionModel {
 public:
  explicit Improphe(ModelSettings const& settings)
      : Improphe(settings, ModelOptions("improphe", specs, settings.options)) {}

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    std::size_t const padded = to_size(shape.padded_width) * to_size(shape.padded_height);
    std::size_t const cells =
        to_size(shape.padded_width / ratio_ + 5) * to_size(shape.padded_height / ratio_ + 5);
    std::size_t const kernel = to_size(2 * radius_ + 1) * to_size(2 * radius_ + 1);
    return padded * (to_size(shape.bands) + 4) * sizeof(double) +
           cells * to_size(shape.targets) * to_size(shape.bands) * sizeof(double) +
           to_size(threads) * (kernel * sizeof(double) + cells * (sizeof(double) + 2 * sizeof(int)) + 4096);
  }

  bool wants_statistics() const override { return !statistics_.has_value(); }

  void observe(FusionInput const& input, Statistics& statistics) const override {
    for (int date = 0; date < input.fine.dn.dates(); ++date) {
      auto const row = statistics.row(statistics_key(input.fine.dates[to_size(date)]), sums_of(bands_));
      for (int y = 0; y < input.padded_px.height; ++y) {
        std::size_t at = 0;
        auto const add = [&](auto const& value) {
          std::int64_t sum = 0;
          Dn const* const first = input.fine.dn.row(date, 0, y);
          for (int x = 0; x < input.padded_px.width; ++x) sum += first[x] == no_data_dn ? 0 : value(x);
          row[at++] += sum;
        };
        auto const line = [&](int band) { return input.fine.dn.row(date, band, y); };
        add([](int) { return std::int64_t{1}; });
        for (int b = 0; b < bands_; ++b) add([&, v = line(b)](int x) { return std::int64_t{v[x]}; });
        for (int b = 0; b < bands_; ++b) {
          for (int c = b; c < bands_; ++c)
            add([&, v = line(b), w = line(c)](int x) { return std::int64_t{v[x]} * w[x]; });
        }
      }
    }
  }

  void prepare(Statistics const& statistics) override { statistics_ = statistics; }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    Tile const tile = make_tile(input);
    put_coarse_alone(tile, output);
    for (int pair = 0; pair < static_cast<int>(tile.pairs.size()); ++pair) {
      Structure const structure = structure_of(tile, pair);
      parallel_for(0, input.core_px.height, [&](int row) {
        Gathered gathered;
        gathered.weight.assign(static_cast<std::size_t>(tile.frame.held.area()), 0);
        std::vector<double> distances(to_size(2 * radius_ + 1) * to_size(2 * radius_ + 1));
        for (int col = 0; col < input.core_px.width; ++col)
          predict(tile, structure, pair, row, col, distances, gathered, output);
      });
    }
  }

 private:
  struct Tile {
    FusionInput const& input;
    CellFrame frame;
    std::vector<Pair> pairs;
    std::vector<int> target_coarse;
    std::vector<std::vector<int>> order;             ///< by target: pairs, nearest first
    std::vector<std::vector<double>> heterogeneity;  ///< by target: [band, held cell]; 0 without coarse image
  };

  Improphe(ModelSettings const& settings, ModelOptions const& options)
      : range_(settings.quantity),
        bands_(static_cast<int>(settings.bands.size())),
        ratio_(settings.ratio),
        max_gap_days_(settings.max_pair_gap_days),
        tolerance_days_(settings.pair_tolerance_days),
        radius_(options.text("radius") == "auto" ? std::max(1, 5 * settings.ratio / 2)
                                                 : options.integer("radius", 1, 1000)),
        variance_(options.number("variance", 1e-6, 1)),
        share_(options.number("share", 0, 1)) {
    info_.name = "improphe";
    info_.title = "ImproPhe, coarse values spread over similar fine pixels";
    info_.citation =
        "Frantz, D., Stellmes, M., Röder, A., Udelhoven, T., Mader, S., Hill, J. (2016): Improving the "
        "Spatial Resolution of "
        "Land Surface Phenology by Fusing Medium- and Coarse-Resolution Inputs. IEEE Transactions on "
        "Geoscience and Remote "
        "Sensing 54(7), 4153-4164. doi:10.1109/TGRS.2016.2537929";
    info_.pairs_needed = 1;
    info_.needs_coarse = true;
    info_.support = {.halo_px = radius_ + ratio_ / 2, .halo_cells = 1, .lattice_px = 1};
    for (auto const& band : settings.bands) noise_.push_back(observation_uncertainty_dn(band));
    for (int dy = -radius_; dy <= radius_; ++dy) {
      int const half = static_cast<int>(std::sqrt(static_cast<double>(radius_ * radius_ - dy * dy)));
      half_widths_.push_back(half);
      kernel_pixels_ += 2 * half + 1;
    }
  }

  Tile make_tile(FusionInput const& input) const {
    Tile tile{input,
              cell_frame(input),
              pairs_in_reach(input, tolerance_days_, max_gap_days_),
              coarse_of_targets(input),
              {},
              {}};
    for (Date const day : input.targets) {
      tile.order.push_back(nearest_first(tile.pairs, pair_order(tile.pairs, day, max_gap_days_), day));
    }
    for (int const date : tile.target_coarse) tile.heterogeneity.push_back(heterogeneity(tile, date));
    return tile;
  }

  /// Standard deviation of the 3 x 3 cells around every held cell.
  std::vector<double> heterogeneity(Tile const& tile, int date) const {
    Rect const& held = tile.frame.held;
    std::vector<double> values(to_size(bands_) * static_cast<std::size_t>(held.area()));
    if (date < 0) return values;
    for (int band = 0; band < bands_; ++band) {
      for (int row = 0; row < held.height; ++row) {
        for (int column = 0; column < held.width; ++column) {
          std::int64_t n = 0, sum = 0, squares = 0;
          Rect const around = intersect({column - 1, row - 1, 3, 3}, {0, 0, held.width, held.height});
          for (int r = around.y; r < around.bottom(); ++r) {
            for (int c = around.x; c < around.right(); ++c) {
              std::int64_t const v = tile.input.coarse.dn.at(date, band, r, c);
              if (v == no_data_dn) continue;
              n += 1, sum += v, squares += v * v;
            }
          }
          if (n == 0) continue;
          values[(to_size(band) * to_size(held.height) + to_size(row)) * to_size(held.width) +
                 to_size(column)] =
              std::sqrt(static_cast<double>(n * squares - sum * sum)) / static_cast<double>(n);
        }
      }
    }
    return values;
  }

  Structure structure_of(Tile const& tile, int pair) const {
    FusionInput const& input = tile.input;
    ensure(input.padded_px.contains(intersect(grow(input.core_px, info_.support.halo_px), input.scene_px)),
           "ImproPhe holds the windows of all neighbours");
    auto const sums = statistics_->find(statistics_key(tile.pairs[to_size(pair)].date));
    ensure(!sums.empty(), "ImproPhe has statistics of every fine scene");
    PrincipalComponents const components = principal_components(sums, bands_, variance_);
    Structure structure{input.padded_px, std::max(1, components.count), {}, {}};
    std::size_t const pixels = static_cast<std::size_t>(structure.px.area());
    structure.values.assign(to_size(structure.components) * pixels, 0);
    structure.texture.assign(pixels, 0);
    int const date = tile.pairs[to_size(pair)].fine;
    for (int k = 0; k < structure.components; ++k) {
      double* const to = structure.values.data() + to_size(k) * pixels;
      for (int band = 0; band < bands_ && k < components.count; ++band) {
        double const weight = components.weights[to_size(k * bands_ + band)],
                     mean = components.mean[to_size(band)];
        auto const plane = input.fine.dn.plane(date, band);
        for (std::size_t i = 0; i < pixels; ++i) to[i] += weight * (plane[i] - mean);
      }
      auto const first = input.fine.dn.plane(date, 0);
      for (std::size_t i = 0; i < pixels; ++i) to[i] = first[i] == no_data_dn ? infinite : to[i];
      WindowDeviation(structure.px, ratio_ / 2).raise(to, structure.texture);
    }
    return structure;
  }

  /// Where no fine image has a value: the coarse one.
  void put_coarse_alone(Tile const& tile, FusionOutput& output) const {
    FusionInput const& input = tile.input;
    for (int t = 0; t < static_cast<int>(input.targets.size()); ++t) {
      int const date = tile.target_coarse[to_size(t)];
      if (date < 0) continue;
      for (int row = 0; row < input.core_px.height; ++row) {
        for (int col = 0; col < input.core_px.width; ++col) {
          auto const [cell_row, cell_column] = cell_at(tile, input.core_px.y + row, input.core_px.x + col);
          if (input.coarse.dn.at(date, 0, cell_row, cell_column) == no_data_dn) continue;
          int flags = quality::fused | quality::low_confidence;
          for (int band = 0; band < bands_; ++band) {
            double const value = input.coarse.dn.at(date, band, cell_row, cell_column);
            flags |= put(output, range_, t, band, row, col, value,
                         prediction_sigma(noise_[to_size(band)], 0, value));
          }
          output.quality.at(t, 0, row, col) = static_cast<quality::Flags>(flags);
        }
      }
    }
  }

  /// Row and column of the pixel's cell in the held ones.
  static std::pair<int, int> cell_at(Tile const& tile, int y, int x) {
    return {y / tile.frame.ratio - tile.frame.held.y, x / tile.frame.ratio - tile.frame.held.x};
  }

  static bool seen(Tile const& tile, int pair, int y, int x) {
    return tile.input.fine.dn.at(tile.pairs[to_size(pair)].fine, 0, y - tile.input.padded_px.y,
                                 x - tile.input.padded_px.x) != no_data_dn;
  }

  static double fine_value(Tile const& tile, int pair, int band, int row, int col) {
    Rect const& core = tile.input.core_px;
    Rect const& padded = tile.input.padded_px;
    return tile.input.fine.dn.at(tile.pairs[to_size(pair)].fine, band, core.y + row - padded.y,
                                 core.x + col - padded.x);
  }

  void predict(Tile const& tile, Structure const& structure, int pair, int row, int col,
               std::vector<double>& distances, Gathered& gathered, FusionOutput& output) const {
    int const y = tile.input.core_px.y + row, x = tile.input.core_px.x + col;
    if (!seen(tile, pair, y, x)) return;
    bool ready = false;
    for (int t = 0; t < static_cast<int>(tile.input.targets.size()); ++t) {
      int const date = tile.target_coarse[to_size(t)];
      auto const [cell_row, cell_column] = cell_at(tile, y, x);
      if (date < 0 || tile.input.coarse.dn.at(date, 0, cell_row, cell_column) == no_data_dn) continue;
      auto const& order = tile.order[to_size(t)];
      auto const nearest = std::ranges::find_if(order, [&](int p) { return seen(tile, p, y, x); });
      if (nearest == order.end() || *nearest != pair) continue;
      if (!ready) gather(tile, structure, y, x, distances, gathered);
      ready = true;
      put_mean(tile, gathered, pair, t, row, col, output);
    }
    for (int const cell : gathered.cells) gathered.weight[to_size(cell)] = 0;
    gathered.cells.clear();
  }

  /// Weights of similar neighbours, without the heterogeneity of coarse images.
  void gather(Tile const& tile, Structure const& structure, int y, int x, std::vector<double>& distances,
              Gathered& gathered) const {
    Rect const window = intersect(grow({x, y, 1, 1}, radius_), tile.input.scene_px);
    std::array<int, thresholds.size()> similar{};
    auto const for_neighbours = [&](auto const& body) {
      for (int ny = window.y; ny < window.bottom(); ++ny) {
        int const half = half_widths_[to_size(ny - y + radius_)];
        int const from = std::max(window.x, x - half), to = std::min(window.right() - 1, x + half);
        body(ny, from, to,
             distances.data() + to_size(ny - y + radius_) * to_size(2 * radius_ + 1) + (from - x + radius_));
      }
    };
    for_neighbours([&](int ny, int from, int to, double* distance) {
      int const n = to - from + 1;
      std::fill_n(distance, n, 0.0);
      for (int k = 0; k < structure.components; ++k) {
        double const own = structure.row(k, y)[x - structure.px.x];
        double const* const other = structure.row(k, ny) + (from - structure.px.x);
        for (int i = 0; i < n; ++i) distance[i] += std::abs(other[i] - own);
      }
      for (int i = 0; i < n; ++i) distance[i] /= structure.components;
      for (std::size_t s = 0; s < thresholds.size(); ++s) {
        int count = 0;
        for (int i = 0; i < n; ++i) count += distance[i] < thresholds[s];
        similar[s] += count;
      }
    });
    double const wanted = share_ * kernel_pixels_;
    std::size_t used = 0;
    while (used + 1 < thresholds.size() && similar[used] < wanted) ++used;
    gathered.few = similar[used] < wanted;
    PositiveRange spectral, textural;
    for_neighbours([&](int ny, int from, int to, double* distance) {
      double const* const texture = &structure.texture[structure.at(ny, from)];
      for (int i = 0; i <= to - from; ++i) {
        if (!(distance[i] < thresholds[used])) continue;
        spectral.add(distance[i]);
        textural.add(texture[i]);
      }
    });
    for_neighbours([&](int ny, int from, int to, double* distance) {
      double const* const texture = &structure.texture[structure.at(ny, from)];
      for (int i = 0; i <= to - from; ++i) {
        if (!(distance[i] < thresholds[used])) continue;
        auto const [cell_row, cell_column] = cell_at(tile, ny, from + i);
        int const cell = cell_row * tile.frame.held.width + cell_column;
        double& weight = gathered.weight[to_size(cell)];
        if (weight == 0) gathered.cells.push_back(cell);
        weight += falloff_(distance[i], spectral) * falloff_(texture[i], textural);
      }
    });
  }

  void put_mean(Tile const& tile, Gathered const& gathered, int pair, int t, int row, int col,
                FusionOutput& output) const {
    Dn const* const coarse = tile.input.coarse.dn.row(tile.target_coarse[to_size(t)], 0, 0);
    auto const cells = static_cast<std::size_t>(tile.frame.held.area());
    bool const same_day = tile.pairs[to_size(pair)].date == tile.input.targets[to_size(t)];
    int flags = quality::fused | (same_day ? 0 : quality::extrapolated) |
                (gathered.few ? quality::low_confidence : 0);
    for (int band = 0; band < bands_; ++band) {
      Dn const* const plane = coarse + to_size(band) * cells;
      Dn const* const then = tile.input.coarse.dn.row(tile.pairs[to_size(pair)].coarse, band, 0);
      double const* const rough = tile.heterogeneity[to_size(t)].data() + to_size(band) * cells;
      PositiveRange heterogeneous;
      for (int const cell : gathered.cells) {
        if (plane[cell] != no_data_dn) heterogeneous.add(rough[cell]);
      }
      double total = 0, sum = 0, squares = 0, known = 0, sum_then = 0;
      for (int const cell : gathered.cells) {
        if (plane[cell] == no_data_dn) {
          flags |= quality::input_masked;
          continue;
        }
        double const weight = gathered.weight[to_size(cell)] * falloff_(rough[cell], heterogeneous);
        total += weight;
        sum += weight * plane[cell];
        squares += weight * plane[cell] * plane[cell];
        if (then[cell] == no_data_dn) continue;
        known += weight;
        sum_then += weight * then[cell];
      }
      double const mean = sum / total;
      // How far the same weights are off on the day of the pair, where the fine value is known.
      double const off = known > 0 ? fine_value(tile, pair, band, row, col) - sum_then / known : mean;
      double const spread = std::sqrt(std::max(0.0, squares / total - mean * mean) + off * off);
      flags |=
          put(output, range_, t, band, row, col, mean, prediction_sigma(noise_[to_size(band)], spread, 0));
    }
    output.quality.at(t, 0, row, col) = static_cast<quality::Flags>(flags);
  }

  Quantity range_;
  int bands_, ratio_, max_gap_days_, tolerance_days_;
  int radius_;
  double variance_, share_;
  std::vector<int> half_widths_;  ///< of the kernel's rows
  int kernel_pixels_ = 0;
  ModelInfo info_;
  std::vector<double> noise_;  ///< by band, DN
  Falloff falloff_;
  std::optional<Statistics> statistics_;
};

}  // namespace

ModelEntry improphe_entry() {
  return {.summary =
              "coarse values spread over spectrally similar fine pixels, without the coarse change (Frantz "
              "et al. 2016)",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<Improphe>(settings); }};
}

}  // namespace stfcube
