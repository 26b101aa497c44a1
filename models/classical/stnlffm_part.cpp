#include "stfcube/models/classical/stnlffm_part.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/classical/rounded_rows.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/classical/window_sums.hpp"
#include "stfcube/models/statistics.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double dn_per_one = 10000;
constexpr double epsilon = 1e-10;  // reflectance, of a date weight's denominator
constexpr int change_offset = 32767;
constexpr std::size_t room = 64;  // values that vectors write beyond a list
constexpr int largest_code = 65535;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

int whole_blocks(int lanes) {
  return (lanes + record_lanes - 1) / record_lanes * record_lanes;
}

ExactSum exact(double sum) {
  return static_cast<std::int64_t>(sum);
}

}  // namespace

/// Working arrays of one row.
struct StnlffmPart::Scratch {
  Scratch(int window, int stride)
      : codes(pixels(window) + room),
        weights(pixels(window) * to_size(stride) + room),
        values(to_size(stride)),
        y(to_size(stride)),
        xx(to_size(stride)),
        xy(to_size(stride)),
        yy(to_size(stride)) {}

  static std::size_t pixels(int window) { return to_size(window) * to_size(window); }
  static std::size_t bytes(int window, int stride) {
    return AlignedArray<std::uint16_t>::bytes_for(pixels(window) + room) +
           AlignedArray<double>::bytes_for(pixels(window) * to_size(stride) + room) +
           5 * AlignedArray<double>::bytes_for(to_size(stride));
  }

  AlignedArray<std::uint16_t> codes;
  AlignedArray<double> weights;  ///< [pixel, band]
  AlignedArray<double> values, y, xx, xy, yy;
  std::vector<SimilarImage> images;
};

int StnlffmPart::side(StnlffmSettings const& settings) {
  return std::min(256, largest_code / settings.window - 2 * settings.reach() - 1);
}

std::size_t StnlffmPart::bytes(StnlffmSettings const& settings, TileShape const& shape, int threads) {
  int const core = side(settings), raster_side = core + 2 * settings.reach();
  std::size_t const raster = to_size(raster_side) * to_size(raster_side),
                    pixels = to_size(core) * to_size(core);
  int const stride = whole_blocks(shape.bands);
  std::size_t const planes = 4 * to_size(shape.bands) * AlignedArray<Dn>::bytes_for(raster);
  std::size_t const records = 3 * AlignedArray<Dn>::bytes_for(raster * to_size(stride)) +
                              AlignedArray<double>::bytes_for(raster * to_size(stride));
  // Doubles while coarse images are brought to the fine grid: a plane, and their cells, at most a quarter of
  // the tile's pixels and some around.
  std::size_t const cells = (to_size(shape.padded_width) / 2 + 6) * (to_size(shape.padded_height) / 2 + 6);
  std::size_t const loading =
      to_size(threads) * sizeof(double) * (raster + cells + 16 * to_size(raster_side));
  std::size_t const row = Scratch::bytes(settings.window, stride) +
                          to_size(raster_side) * to_size(shape.bands) * sizeof(std::int64_t) * 2 + 4096;
  return planes + records + loading + pixels * (to_size(shape.bands) * sizeof(Sums) + sizeof(void*)) +
         to_size(threads) * row;
}

StnlffmPart::StnlffmPart(StnlffmTile const& tile, Rect const& core_px)
    : tile_(tile),
      settings_(tile.settings),
      core_px_(core_px),
      raster_px_(grow(core_px, settings_.reach())),
      inside_px_(intersect(raster_px_, tile.input.scene_px)),
      bands_(tile.input.fine.dn.bands()),
      cols_(raster_px_.width),
      rows_(raster_px_.height),
      stride_(whole_blocks(bands_)),
      frame_(cell_frame(tile.input)),
      planner_(tile.pairs, tile.input.targets, settings_.pairs, tile.max_gap_days) {
  std::size_t const raster = to_size(cols_) * to_size(rows_);
  for (auto* const planes : {&fine_, &change_, &before_, &now_}) {
    for (int b = 0; b < bands_; ++b) {
      planes->emplace_back(raster);
      std::fill_n(planes->back().data(), raster, no_data_dn);
    }
  }
  for (auto* const records : {&fine_records_, &before_records_, &now_records_}) {
    *records = AlignedArray<Dn>(raster * to_size(stride_));
    std::fill_n(records->data(), records->size(), Dn{0});
  }
  estimates_ = AlignedArray<double>(raster * to_size(stride_));
  std::fill_n(estimates_.data(), estimates_.size(), 0.0);
  sums_.resize(static_cast<std::size_t>(core_px.area()) * to_size(bands_));
  find_runs();
}

/// Which pairs each pixel of the core uses.
void StnlffmPart::find_runs() {
  FusionInput const& input = tile_.input;
  std::vector<std::vector<std::uint8_t>> valid;
  for (Pair const& pair : tile_.pairs) {
    load_coarse(pair.coarse, 0, before_[0]);
    auto& mask = valid.emplace_back();
    for (int y = 0; y < core_px_.height; ++y) {
      Dn const* const fine = input.fine.dn.row(pair.fine, 0, core_px_.y + y - input.padded_px.y) +
                             (core_px_.x - input.padded_px.x);
      Dn const* const coarse =
          before_[0].data() + raster_at(core_px_.y + y - raster_px_.y, core_px_.x - raster_px_.x);
      for (int x = 0; x < core_px_.width; ++x)
        mask.push_back(fine[x] != no_data_dn && coarse[x] != no_data_dn);
    }
  }
  std::vector<bool> usable(tile_.pairs.size()), last;
  std::vector<PairRun> const* runs = nullptr;
  for (std::size_t i = 0; i < static_cast<std::size_t>(core_px_.area()); ++i) {
    for (std::size_t p = 0; p < usable.size(); ++p) usable[p] = valid[p][i] != 0;
    if (runs == nullptr || usable != last) runs = &planner_.runs(usable);
    last = usable;
    runs_.push_back(runs);
  }
}

bool StnlffmPart::uses(int target, int pair, std::size_t pixel) const {
  for (PairRun const& run : *runs_[pixel]) {
    if (target < run.first || target >= run.last) continue;
    return run.pair[0] == pair || (run.pairs == 2 && run.pair[1] == pair);
  }
  return false;
}

void StnlffmPart::fuse(FusionOutput& output) {
  std::set<std::vector<PairRun> const*> const plans(runs_.begin(), runs_.end());
  for (int t = 0; t < static_cast<int>(tile_.input.targets.size()); ++t) {
    if (tile_.target_coarse[to_size(t)] < 0) continue;
    std::set<int> pairs;
    for (auto const* const plan : plans) {
      for (PairRun const& run : *plan) {
        if (run.first <= t && t < run.last) pairs.insert(run.pair.begin(), run.pair.begin() + run.pairs);
      }
    }
    std::ranges::fill(sums_, Sums{});
    for (int const pair : pairs) {
      load(tile_.pairs[to_size(pair)], tile_.target_coarse[to_size(t)]);
      int const border = settings_.reach() - settings_.half();
      parallel_for(border, rows_ - border, [&](int row) { fit_row(row); });
      parallel_for(0, core_px_.height, [&](int row) { blend_row(t, pair, row); });
    }
    parallel_for(0, core_px_.height, [&](int row) { write_row(t, row, output); });
  }
}

void StnlffmPart::load(Pair const& pair, int target_coarse) {
  parallel_for(0, 2 * bands_, [&](int i) {
    bool const now = i >= bands_;
    load_coarse(now ? target_coarse : pair.coarse, i % bands_, (now ? now_ : before_)[to_size(i % bands_)]);
  });
  parallel_for(inside_px_.y - raster_px_.y, inside_px_.bottom() - raster_px_.y,
               [&](int row) { load_row(pair, row); });
}

void StnlffmPart::load_coarse(int date, int band, AlignedArray<Dn>& plane) {
  Dn const* const cells = tile_.input.coarse.dn.row(date, band, 0);
  int const left = inside_px_.x - raster_px_.x;
  if (settings_.coarse == StnlffmSettings::Coarse::bicubic && frame_.ratio > 1) {
    auto const values = bicubic_plane(frame_, cell_field(frame_, cells), inside_px_);
    for (int y = 0; y < inside_px_.height; ++y) {
      Dn* const to = plane.data() + raster_at(inside_px_.y - raster_px_.y + y, left);
      for (int x = 0; x < inside_px_.width; ++x) {
        double const value = values[to_size(y * inside_px_.width + x)];
        to[x] = std::isnan(value) ? no_data_dn
                                  : static_cast<Dn>(std::clamp(std::llround(value), -32767LL, 32767LL));
      }
    }
    return;
  }
  RoundedRows rows(frame_, inside_px_,
                   settings_.coarse == StnlffmSettings::Coarse::nearest ? RoundedRows::Kernel::nearest
                                                                        : RoundedRows::Kernel::bilinear);
  for (int y = inside_px_.y; y < inside_px_.bottom(); ++y)
    rows.row(cells, y, plane.data() + raster_at(y - raster_px_.y, left));
}

void StnlffmPart::load_row(Pair const& pair, int row) {
  FusionInput const& input = tile_.input;
  std::size_t const first = raster_at(row, inside_px_.x - raster_px_.x);
  for (int b = 0; b < bands_; ++b) {
    Dn const* const from = input.fine.dn.row(pair.fine, b, raster_px_.y + row - input.padded_px.y) +
                           (inside_px_.x - input.padded_px.x);
    auto const band = to_size(b);
    for (std::size_t i = 0; i < to_size(inside_px_.width); ++i) {
      std::size_t const at = first + i, record = at * to_size(stride_) + band;
      Dn const before = before_[band][at], now = now_[band][at];
      bool const valid = from[i] != no_data_dn && before != no_data_dn && now != no_data_dn;
      fine_[band][at] = valid ? from[i] : no_data_dn;
      change_[band][at] = valid ? static_cast<Dn>(std::abs(now - before) - change_offset) : no_data_dn;
      fine_records_[record] = valid ? from[i] : Dn{0};
      before_records_[record] = valid ? before : Dn{0};
      now_records_[record] = valid ? now : Dn{0};
    }
  }
}

/// Step 1. @param at  raster index of the centre, which is valid
std::size_t StnlffmPart::similar_to(std::size_t at, Scratch& scratch) const {
  std::size_t const window = at - raster_at(settings_.half(), settings_.half());
  scratch.images.clear();
  for (std::size_t b = 0; b < to_size(bands_); ++b) {
    Dn const centre = fine_[b][at];
    double const limit = settings_.similar_dn * std::exp2(centre / dn_per_one);
    scratch.images.push_back(
        {fine_[b].data() + window, centre, static_cast<int>(std::min(std::floor(limit), 65535.0))});
  }
  for (std::size_t b = 0; b < to_size(bands_); ++b)
    scratch.images.push_back({change_[b].data() + window, change_[b][at], settings_.change_dn});
  return find_similar(scratch.images, settings_.window, cols_, scratch.codes.data());
}

void StnlffmPart::fit_row(int row) {
  Scratch scratch(settings_.window, stride_);
  int const border = settings_.reach() - settings_.half();
  for (int col = border; col < cols_ - border; ++col) {
    std::size_t const at = raster_at(row, col);
    if (fine_[0][at] != no_data_dn) fit(at, scratch);
  }
}

/// Step 2: the line of a pixel, and what it makes of the fine value.
void StnlffmPart::fit(std::size_t at, Scratch& scratch) {
  std::size_t const count = similar_to(at, scratch);
  std::size_t const window = (at - raster_at(settings_.half(), settings_.half())) * to_size(stride_);
  std::uint16_t const* const codes = scratch.codes.data();
  sum_values(codes, count, before_records_.data() + window, stride_, stride_, scratch.values.data());
  sum_products(codes, count, before_records_.data() + window, stride_, now_records_.data() + window, stride_,
               stride_, {scratch.y.data(), scratch.xx.data(), scratch.xy.data(), scratch.yy.data()});
  double const n = static_cast<double>(count), held = settings_.gamma * (dn_per_one * dn_per_one) * n;
  for (std::size_t b = 0; b < to_size(bands_); ++b) {
    ExactSum const points = static_cast<ExactSum>(count), x = exact(scratch.values[b]),
                   y = exact(scratch.y[b]);
    auto const xx = static_cast<double>(points * exact(scratch.xx[b]) - x * x) + held;
    auto const xy = static_cast<double>(points * exact(scratch.xy[b]) - x * y) + held;
    double const slope = xx > 0 ? xy / xx : 1;
    double const offset = (scratch.y[b] - slope * scratch.values[b]) / n;
    estimates_[at * to_size(stride_) + b] = slope * fine_[b][at] + offset;
  }
}

/// Steps 3 to 5 for the pixels that use the pair.
void StnlffmPart::blend_row(int target, int pair, int row) {
  Scratch scratch(settings_.window, stride_);
  int const half = settings_.half(), top = row + settings_.reach() - half;
  int const left = settings_.reach() - half, width = core_px_.width + 2 * half;
  // |C_k - C_p| by band over the columns of the row's windows, then over one window after the other.
  std::vector<std::int64_t> columns(to_size(width * bands_), 0), window(to_size(bands_), 0);
  for (std::size_t b = 0; b < to_size(bands_); ++b) {
    for (int r = top; r < top + settings_.window; ++r) {
      Dn const* const change = change_[b].data() + raster_at(r, left);
      for (std::size_t c = 0; c < to_size(width); ++c)
        columns[b * to_size(width) + c] += change[c] == no_data_dn ? 0 : change[c] + change_offset;
    }
    for (std::size_t c = 0; c + 1 < to_size(settings_.window); ++c)
      window[b] += columns[b * to_size(width) + c];
  }
  for (int x = 0; x < core_px_.width; ++x) {
    for (std::size_t b = 0; b < to_size(bands_); ++b) {
      window[b] += columns[b * to_size(width) + to_size(x + settings_.window - 1)];
      if (x > 0) window[b] -= columns[b * to_size(width) + to_size(x - 1)];
    }
    std::size_t const at = raster_at(row + settings_.reach(), x + settings_.reach());
    auto const pixel = to_size(row * core_px_.width + x);
    if (fine_[0][at] != no_data_dn && uses(target, pair, pixel)) blend(at, pixel, window, scratch);
  }
}

void StnlffmPart::blend(std::size_t at, std::size_t pixel, std::span<std::int64_t const> change,
                        Scratch& scratch) {
  std::size_t const count = similar_to(at, scratch);
  weigh(at, count, scratch);
  std::size_t const window = (at - raster_at(settings_.half(), settings_.half())) * to_size(stride_);
  sum_estimates(scratch.codes.data(), scratch.weights.data(), count, estimates_.data() + window,
                fine_records_.data() + window, stride_,
                {scratch.values.data(), scratch.y.data(), scratch.xy.data(), scratch.yy.data()});
  for (std::size_t b = 0; b < to_size(bands_); ++b) {
    double const date_weight = 1.0 / (static_cast<double>(change[b]) / dn_per_one + epsilon);
    Sums& sums = sums_[pixel * to_size(bands_) + b];
    sums.weight += date_weight * scratch.values[b];
    sums.estimate += date_weight * scratch.y[b];
    sums.fine += date_weight * scratch.xy[b];
    sums.squares += date_weight * scratch.yy[b];
  }
}

/// Step 4.
void StnlffmPart::weigh(std::size_t at, std::size_t count, Scratch& scratch) const {
  std::size_t const window = at - raster_at(settings_.half(), settings_.half());
  double const scale = dn_per_one * settings_.bandwidth * settings_.bandwidth;
  for (std::size_t b = 0; b < to_size(bands_); ++b) {
    int const now = now_[b][at];
    Dn const* const before = before_[b].data() + window;
    double* const to = scratch.weights.data() + b;
    if (settings_.patch > 0) {
      for (std::size_t i = 0; i < count; ++i) {
        double const difference = patch_difference(window + scratch.codes[i], at, static_cast<int>(b));
        to[i * to_size(stride_)] = std::exp(-difference / scale);
      }
    } else {
      for (std::size_t i = 0; i < count; ++i)
        to[i * to_size(stride_)] = tile_.weights[to_size(std::abs(before[scratch.codes[i]] - now))];
    }
  }
}

/// The weighted mean of |C_k - C_p| over two patches, DN.
double StnlffmPart::patch_difference(std::size_t of, std::size_t centre, int band) const {
  int const radius = settings_.patch;
  Dn const* const before = before_[to_size(band)].data() + of;
  Dn const* const now = now_[to_size(band)].data() + centre;
  double sum = 0, total = 0;
  std::size_t i = 0;
  for (int dy = -radius; dy <= radius; ++dy) {
    for (int dx = -radius; dx <= radius; ++dx, ++i) {
      std::ptrdiff_t const offset = std::ptrdiff_t{dy} * cols_ + dx;
      if (before[offset] == no_data_dn || now[offset] == no_data_dn) continue;
      sum += tile_.patch_weights[i] * std::abs(before[offset] - now[offset]);
      total += tile_.patch_weights[i];
    }
  }
  return sum / total;
}

void StnlffmPart::write_row(int target, int row, FusionOutput& output) const {
  int const y = core_px_.y + row - tile_.input.core_px.y;
  for (int col = 0; col < core_px_.width; ++col) {
    auto const pixel = to_size(row * core_px_.width + col);
    Sums const* const sums = &sums_[pixel * to_size(bands_)];
    PairRun const* run = nullptr;
    for (PairRun const& some : *runs_[pixel]) {
      if (some.first <= target && target < some.last) run = &some;
    }
    // The target's coarse image may have no value here.
    if (run == nullptr || sums[0].weight == 0) continue;
    int const x = core_px_.x + col - tile_.input.core_px.x;
    quality::Flags flags = fused_flags(*run, tile_.pairs, tile_.input.targets[to_size(target)]);
    for (int b = 0; b < bands_; ++b) {
      Sums const& s = sums[to_size(b)];
      double value = s.estimate / s.weight;
      double const change = (s.estimate - s.fine) / s.weight;
      if (value < tile_.range.lowest || value > tile_.range.highest) {
        value = s.fine / s.weight;
        flags |= quality::low_confidence;
      }
      double const noise = std::sqrt(2.0) * settings_.sigma[to_size(b)];  // of both coarse images
      double const spread = std::sqrt(std::max(0.0, s.squares / s.weight - change * change));
      flags |= put(output, tile_.range, target, b, y, x, value, prediction_sigma(noise, spread, change));
    }
    output.quality.at(target, 0, y, x) = flags;
  }
}

}  // namespace stfcube
