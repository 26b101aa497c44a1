#include "stfcube/models/classical/efast.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stfcube/models/classical/aligned_array.hpp"
#include "stfcube/models/classical/efast_cells.hpp"
#include "stfcube/models/classical/put_row.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr int strip_px = 128;      // pixels of a row that are worked on at once: they stay in the cache
constexpr int rows_per_task = 16;  // share of one allocation

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

std::vector<OptionSpec> const specs = {
    {"sigma", "20", "standard deviation of the weight in time, days"},
    {"window", "30", "fine images at most so many days from the target are used"},
    {"distance", "15",
     "coarse cells from a cloud to full weight; 0: clouds do not lower the weights around them"},
    {"cloud_share", "0.05",
     "share of a coarse cell's fine pixels without value from which on it counts as cloudy"},
    {"coarse_window", "auto",
     "days around a date whose coarse images are interpolated between; auto: 1.5 times the window"},
    {"observations", "4", "valid coarse images within coarse_window that interpolation in time needs"},
};

EfastSettings settings_from(ModelSettings const& settings, ModelOptions const& options) {
  EfastSettings efast;
  efast.sigma_days = options.number("sigma", 1e-3, 1e6);
  efast.window_days = options.integer("window", 0, 3650);
  efast.distance_cells = options.integer("distance", 0, 1000);
  efast.cloud_share = options.number("cloud_share", 0, 1);
  bool const automatic = options.text("coarse_window") == "auto";
  efast.coarse_days = automatic ? (3 * efast.window_days + 1) / 2 : options.integer("coarse_window", 0, 3650);
  efast.least_observations = options.integer("observations", 2, 1000);
  efast.pair_tolerance_days = settings.pair_tolerance_days;
  return efast;
}

/// A stretch of a row between the centres of the same two cells.
struct Segment {
  int first = 0, last = 0;  ///< pixels of the strip
  int cell = 0, next = 0;   ///< cells of the row
};

/// A part of a row of pixels: where its values lie between cells.
struct Strip {
  int row = 0, col = 0, width = 0;   ///< pixels of the core
  int upper = 0, lower = 0;          ///< cell rows
  double share = 0;                  ///< of the lower row
  double const* fraction = nullptr;  ///< of the next cell, by pixel
  std::vector<Segment> segments;
};

Strip strip_of(EfastCells const& cells, int row, int col, int width) {
  CellAxis const& across = cells.across();
  CellAxis const& down = cells.down();
  Strip strip{row,
              col,
              width,
              down.cell[to_size(row)],
              down.next[to_size(row)],
              down.fraction[to_size(row)],
              across.fraction.data() + col,
              {}};
  for (int i = 0; i < width; ++i) {
    int const cell = across.cell[to_size(col + i)], next = across.next[to_size(col + i)];
    auto& segments = strip.segments;
    if (segments.empty() || segments.back().cell != cell || segments.back().next != next) {
      segments.push_back({i, i, cell, next});
    }
    segments.back().last = i + 1;
  }
  return strip;
}

/// Scratch of one thread.
struct Workspace {
  Workspace(std::size_t images, std::size_t bands)
      : difference(images * bands * strip_px),
        usable(images * strip_px),
        sums(bands * strip_px),
        squares(bands * strip_px) {
    for (auto* row :
         {&weight, &total, &before, &after, &weight_squares, &coarse, &known, &value, &sigma, &change}) {
      *row = AlignedArray<double>(strip_px);
    }
  }
  static std::size_t bytes(std::size_t images, std::size_t bands) {
    return AlignedArray<double>::bytes_for(images * bands * strip_px) +
           AlignedArray<double>::bytes_for(images * strip_px) +
           2 * AlignedArray<double>::bytes_for(bands * strip_px) +
           10 * AlignedArray<double>::bytes_for(strip_px);
  }

  AlignedArray<double> difference;     ///< [image, band, pixel]: fine - coarse; 0 where not usable
  AlignedArray<double> usable;         ///< [image, pixel], 1 or 0
  AlignedArray<double> sums, squares;  ///< [band, pixel], weighted
  AlignedArray<double> weight, total, before, after, weight_squares;
  AlignedArray<double> coarse, known, value, sigma, change;
};

class Efast final : public FusionModel {
 public:
  explicit Efast(ModelSettings const& settings)
      : settings_(settings_from(settings, ModelOptions("efast", specs, settings.options))),
        range_(settings.quantity),
        ratio_(settings.ratio) {
    info_.name = "efast";
    info_.title = "EFAST, weighted increments over the fine series";
    info_.citation =
        "Senty, P., Guzinski, R., Grogan, K., Buitenwerf, R., Ardö, J., Eklundh, L., Koukos, A., Tagesson, "
        "T., Munk, M. "
        "(2024): Fast Fusion of Sentinel-2 and Sentinel-3 Time Series over Rangelands. Remote Sensing "
        "16(11), 1833. "
        "doi:10.3390/rs16111833";
    info_.pairs_needed = 0;
    info_.needs_coarse = true;
    info_.support = {.halo_px = efast_halo_px(settings_, ratio_),
                     .halo_cells = settings_.distance_cells == 0 ? 1 : 0,
                     .lattice_px = 1};
    info_.coarse_reach_days = settings_.window_days + settings_.coarse_days;
    for (auto const& band : settings.bands) noise_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    return EfastCells::bytes(shape, settings_, ratio_) +
           to_size(threads) * (Workspace::bytes(to_size(shape.fine_dates), to_size(shape.bands)) + 4096);
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    EfastCells const cells(input, settings_, output.dn.bands());
    int const rows = input.core_px.height, columns = input.core_px.width;
    parallel_for(0, (rows + rows_per_task - 1) / rows_per_task, [&](int task) {
      Workspace space(cells.images().size(), noise_.size());
      for (int row = task * rows_per_task; row < std::min(rows, (task + 1) * rows_per_task); ++row) {
        for (int col = 0; col < columns; col += strip_px) {
          fuse_strip(input, cells, strip_of(cells, row, col, std::min(strip_px, columns - col)), space,
                     output);
        }
      }
    });
  }

 private:
  /// A plane of cells at the strip's pixels, bilinear. @param at  value of cell (row, column)
  template <class At>
  static void expand(Strip const& strip, At const& at, double* to) {
    auto const blend = [&](int column) {
      return (1 - strip.share) * at(strip.upper, column) + strip.share * at(strip.lower, column);
    };
    for (Segment const& s : strip.segments) {
      double const first = blend(s.cell), next = blend(s.next);
      for (int i = s.first; i < s.last; ++i)
        to[i] = (1 - strip.fraction[i]) * first + strip.fraction[i] * next;
    }
  }

  /// The shares of known cells: 1 where all four are.
  static bool expand_known(Strip const& strip, EfastCells const& cells, CellPlane const& known, double* to) {
    auto const at = [&](int row, int column) {
      return known[to_size(row) * to_size(cells.across().count) + to_size(column)];
    };
    bool complete = true;
    for (Segment const& s : strip.segments) {
      complete = complete && at(strip.upper, s.cell) > 0 && at(strip.upper, s.next) > 0 &&
                 at(strip.lower, s.cell) > 0 && at(strip.lower, s.next) > 0;
    }
    if (complete) {
      std::fill_n(to, strip.width, 1.0);
    } else {
      expand(strip, at, to);
    }
    return complete;
  }

  /// One band of a coarse plane; cells that are not known are dropped and the remaining share divides.
  static void expand_plane(Strip const& strip, EfastCells const& cells, EfastCells::Plane const& plane,
                           int band, bool complete, double const* known, double* to) {
    double const* const values = plane.values.data() + to_size(band) * cells.cell_count();
    auto const width = to_size(cells.across().count);
    expand(
        strip, [&](int row, int column) { return values[to_size(row) * width + to_size(column)]; }, to);
    if (complete) return;
    for (int i = 0; i < strip.width; ++i) {
      if (known[i] != 1) to[i] = known[i] > 0 ? to[i] / known[i] : 0;
    }
  }

  void fuse_strip(FusionInput const& input, EfastCells const& cells, Strip const& strip, Workspace& space,
                  FusionOutput& output) const {
    for (std::size_t i = 0; i < cells.images().size(); ++i) subtract_coarse(input, cells, strip, i, space);
    for (int target = 0; target < static_cast<int>(cells.targets().size()); ++target) {
      add_images(cells, strip, cells.targets()[to_size(target)], space);
      finish(cells, strip, target, space, output);
    }
  }

  void subtract_coarse(FusionInput const& input, EfastCells const& cells, Strip const& strip, std::size_t i,
                       Workspace& space) const {
    EfastCells::FineImage const& image = cells.images()[i];
    int const y = input.core_px.y + strip.row - input.padded_px.y;
    int const x = input.core_px.x + strip.col - input.padded_px.x;
    double* const usable = space.usable.data() + i * strip_px;
    bool const complete = expand_known(strip, cells, image.coarse.known, space.known.data());
    Dn const* const first = input.fine.dn.row(image.date, 0, y) + x;
    for (int p = 0; p < strip.width; ++p)
      usable[p] = first[p] != no_data_dn && space.known[to_size(p)] > 0 ? 1.0 : 0.0;
    for (std::size_t band = 0; band < noise_.size(); ++band) {
      expand_plane(strip, cells, image.coarse, static_cast<int>(band), complete, space.known.data(),
                   space.coarse.data());
      Dn const* const fine = input.fine.dn.row(image.date, static_cast<int>(band), y) + x;
      double* const difference = space.difference.data() + (i * noise_.size() + band) * strip_px;
      double const* const coarse = space.coarse.data();
      for (int p = 0; p < strip.width; ++p)
        difference[p] = usable[p] * (static_cast<double>(fine[p]) - coarse[p]);
    }
  }

  void add_images(EfastCells const& cells, Strip const& strip, EfastCells::Target const& target,
                  Workspace& space) const {
    int const n = strip.width;
    for (auto* row : {&space.total, &space.before, &space.after, &space.weight_squares})
      std::fill_n(row->data(), n, 0.0);
    for (std::size_t band = 0; band < noise_.size(); ++band) {
      std::fill_n(space.sums.data() + band * strip_px, n, 0.0);
      std::fill_n(space.squares.data() + band * strip_px, n, 0.0);
    }
    auto const width = to_size(cells.across().count);
    for (EfastCells::Use const& use : target.uses) {
      auto const& clear = cells.images()[to_size(use.image)].clear;
      double* const weight = space.weight.data();
      expand(
          strip,
          [&](int row, int column) {
            std::size_t const cell = to_size(row) * width + to_size(column);
            return use.weight * clear[cell] * target.inverse_weight[cell];
          },
          weight);
      add_weights(use, n, space);
      for (std::size_t band = 0; band < noise_.size(); ++band) {
        double const* const difference =
            space.difference.data() + (to_size(use.image) * noise_.size() + band) * strip_px;
        double* const sums = space.sums.data() + band * strip_px;
        double* const squares = space.squares.data() + band * strip_px;
        for (int p = 0; p < n; ++p) {
          double const part = weight[p] * difference[p];
          sums[p] += part;
          squares[p] += part * difference[p];
        }
      }
    }
  }

  /// Weights of one image, those of its unusable pixels taken away.
  static void add_weights(EfastCells::Use const& use, int n, Workspace& space) {
    double* const weight = space.weight.data();
    double const* const usable = space.usable.data() + to_size(use.image) * strip_px;
    double* const total = space.total.data();
    double* const squares = space.weight_squares.data();
    for (int p = 0; p < n; ++p) {
      weight[p] *= usable[p];
      total[p] += weight[p];
      squares[p] += weight[p] * weight[p];
    }
    auto const add = [&](double* side) {
      for (int p = 0; p < n; ++p) side[p] += weight[p];
    };
    if (use.days <= 0) add(space.before.data());
    if (use.days >= 0) add(space.after.data());
  }

  void finish(EfastCells const& cells, Strip const& strip, int index, Workspace& space,
              FusionOutput& output) const {
    EfastCells::Target const& target = cells.targets()[to_size(index)];
    int const n = strip.width;
    double* const known = space.known.data();
    bool const complete = expand_known(strip, cells, target.coarse.known, known);
    quality::Flags* const flags = output.quality.row(index, 0, strip.row) + strip.col;
    set_flags(cells, strip, target, space, flags);
    double const* const total = space.total.data();
    double const* const weight_squares = space.weight_squares.data();
    for (std::size_t band = 0; band < noise_.size(); ++band) {
      double* const coarse = space.coarse.data();
      expand_plane(strip, cells, target.coarse, static_cast<int>(band), complete, known, coarse);
      float const* const changes = target.change.data() + band * cells.cell_count();
      double* const change = space.change.data();
      expand(
          strip,
          [&](int row, int column) {
            return static_cast<double>(
                changes[to_size(row) * to_size(cells.across().count) + to_size(column)]);
          },
          change);
      double const* const sums = space.sums.data() + band * strip_px;
      double const* const squares = space.squares.data() + band * strip_px;
      double* const value = space.value.data();
      double* const sigma = space.sigma.data();
      double const variance = noise_[band] * noise_[band];
      for (int p = 0; p < n; ++p) {
        bool const fused = total[p] > 0;
        double const scale = fused ? total[p] : 1;
        double const mean = sums[p] / scale;  // 0 without images
        double const spread = squares[p] / scale - mean * mean;
        double const noise = variance * (1 + 2 * weight_squares[p] / (scale * scale));
        double const wrong = change_error_share * (fused ? change[p] : coarse[p]);
        sigma[p] = noise + (spread > 0 ? spread : 0) + wrong * wrong;
        value[p] = known[p] > 0 ? coarse[p] + mean : std::numeric_limits<double>::quiet_NaN();
      }
      for (int p = 0; p < n; ++p) sigma[p] = std::sqrt(sigma[p]);
      put_row(output, range_, {index, static_cast<int>(band), strip.row, strip.col}, {value, to_size(n)},
              {sigma, to_size(n)}, flags);
    }
    for (int p = 0; p < n; ++p) {
      if (!(known[p] > 0)) flags[p] = quality::no_data;
    }
  }

  /// Flags of pixels as if all had a coarse value.
  static void set_flags(EfastCells const& cells, Strip const& strip, EfastCells::Target const& target,
                        Workspace const& space, quality::Flags* flags) {
    auto const width = to_size(cells.across().count);
    auto const seen = [&](int row, int column) {
      std::size_t const cell = to_size(row) * width + to_size(column);
      return target.coarse.known[cell] > 0 && !target.coarse.filled[cell];
    };
    for (Segment const& s : strip.segments) {
      bool const all_seen = seen(strip.upper, s.cell) && seen(strip.upper, s.next) &&
                            seen(strip.lower, s.cell) && seen(strip.lower, s.next);
      int const base = quality::fused | (all_seen ? 0 : quality::input_masked);
      for (int p = s.first; p < s.last; ++p) {
        auto const at = to_size(p);
        int const sides = space.before[at] > 0 && space.after[at] > 0 ? 0 : quality::extrapolated;
        flags[p] =
            static_cast<quality::Flags>(base | (space.total[at] > 0 ? sides : quality::low_confidence));
      }
    }
  }

  EfastSettings settings_;
  Quantity range_;
  int ratio_;
  ModelInfo info_;
  std::vector<double> noise_;  ///< per band, DN, of one observation
};

}  // namespace

ModelEntry efast_entry() {
  return {.summary =
              "weighted increments of all fine images around the target; cheap, for cloudy series (Senty et "
              "al. 2024)",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<Efast>(settings); }};
}

}  // namespace stfcube
