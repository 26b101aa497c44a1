#include <algorithm>
#include <cmath>
#include <numeric>

#include "stfcube/models/classical/estarfm_block.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/classical/window_sums.hpp"
#include "stfcube/models/statistics.hpp"

namespace stfcube {
namespace {

constexpr double epsilon_change = 1e-10;  // DN, of a temporal weight's denominator
constexpr double highest_conversion = 5;
constexpr std::size_t room = 64;  // values that vectors write beyond a list

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

int whole_blocks(int lanes) {
  return (lanes + record_lanes - 1) / record_lanes * record_lanes;
}

ExactSum exact(double sum) {
  return static_cast<std::int64_t>(sum);
}

/// Pearson's correlation of 2 nb values, two-pass.
double unlikeness_of(std::span<double const> fine, std::span<double const> coarse) {
  double const n = static_cast<double>(fine.size());
  if (fine.size() == 2) {
    double sum = 0;
    for (std::size_t j = 0; j < 2; ++j) {
      double const both = fine[j] + coarse[j];
      sum += both > 0 ? std::abs(fine[j] - coarse[j]) / both : 1.0;
    }
    return std::clamp(sum / 2, 0.0, 2.0);
  }
  double const f_mean = std::accumulate(fine.begin(), fine.end(), 0.0) / n;
  double const c_mean = std::accumulate(coarse.begin(), coarse.end(), 0.0) / n;
  double ff = 0, cc = 0, fc = 0;
  for (std::size_t j = 0; j < fine.size(); ++j) {
    double const f = fine[j] - f_mean, c = coarse[j] - c_mean;
    ff += f * f;
    cc += c * c;
    fc += f * c;
  }
  double const r = ff * cc > 0 ? fc / std::sqrt(ff * cc) : 0.5;
  return 1.0 - std::clamp(r, -1.0, 1.0);
}

}  // namespace

bool estarfm_significant(double r_squared, int candidates) {
  // p <= 0.05 where r^2 (P - 1) reaches a limit that grows with P, from 0.9025 to 1.9208.
  int const half_freedom = candidates - 1;
  double const scaled = r_squared * half_freedom;
  if (scaled >= 1.93) return true;
  if (scaled < 0.9) return false;
  // I_z(a, 1/2) for whole a: 1 - sqrt(1 - z) * sum of Gamma(j + 1/2) / (j! Gamma(1/2)) z^j, j < a.
  double const z = 1 - r_squared;
  double term = 1, sum = 0;
  for (int j = 0; j < half_freedom; ++j) {
    sum += term;
    term *= z * (j + 0.5) / (j + 1);
  }
  return 1 - std::sqrt(r_squared) * sum <= 0.05;
}

std::size_t EstarfmEnsemble::bytes(int cols, int rows, int bands, int targets, int window) {
  std::size_t const raster = to_size(cols) * to_size(rows);
  std::size_t const pair_record = to_size(whole_blocks(2 * bands));
  std::size_t const record = to_size(whole_blocks((2 + targets) * bands));
  std::size_t const list = to_size(window) * to_size(window) + room;
  return raster + to_size(2 * bands) * AlignedArray<Dn>::bytes_for(raster) +
         AlignedArray<Dn>::bytes_for(raster * pair_record) + AlignedArray<Dn>::bytes_for(raster * record) +
         AlignedArray<Dn>::bytes_for(to_size(cols) * to_size(2 * bands + 1)) +
         AlignedArray<double>::bytes_for(raster) +
         AlignedArray<std::int32_t>::bytes_for(record * to_size(cols)) +
         AlignedArray<std::int32_t>::bytes_for(record) + sizeof(int) * to_size(cols) +
         2 * AlignedArray<std::uint16_t>::bytes_for(list) + 3 * AlignedArray<double>::bytes_for(list) +
         AlignedArray<double>::bytes_for(record) + 16 * AlignedArray<double>::bytes_for(pair_record);
}

EstarfmEnsemble::EstarfmEnsemble(EstarfmBlock& block, std::array<int, 2> pairs, std::vector<int> targets,
                                 std::vector<std::uint8_t> valid)
    : block_(block),
      tile_(block.tile()),
      settings_(tile_.settings),
      pairs_(pairs),
      targets_(std::move(targets)),
      valid_(std::move(valid)),
      bands_(tile_.input.fine.dn.bands()),
      cols_(block.raster_px().width),
      rows_(block.raster_px().height),
      fine_stride_(whole_blocks(2 * bands_)),
      stride_(whole_blocks((2 + static_cast<int>(targets_.size())) * bands_)),
      pair_lanes_(to_size(2 * bands_)),
      fine_(valid_.size() * to_size(fine_stride_)),
      coarse_(valid_.size() * to_size(stride_)),
      coarse_planes_(to_size(cols_) * (pair_lanes_ + 1)),
      unlikeness_(valid_.size()),
      column_sums_(to_size(cols_) * to_size(stride_)),
      window_sums_(to_size(stride_)),
      column_counts_(to_size(cols_), 0),
      codes_(to_size(settings_.window) * to_size(settings_.window) + room),
      cell_codes_(codes_.size()),
      weights_(codes_.size()),
      limits_(pair_lanes_),
      conversion_(to_size(bands_), 1.0),
      shift_(pair_lanes_, 0.0),
      replacement_(to_size(fine_stride_)),
      sums_(to_size(stride_)),
      moments_(4 * to_size(fine_stride_)),
      totals_(2 * to_size(fine_stride_)) {
  for (std::size_t i = 0; i < pair_lanes_; ++i) fine_planes_.emplace_back(valid_.size());
  for (AlignedArray<Dn>& plane : fine_planes_) std::fill_n(plane.data(), plane.size(), no_data_dn);
  std::fill_n(fine_.data(), fine_.size(), Dn{0});
  std::fill_n(coarse_.data(), coarse_.size(), Dn{0});
  std::fill_n(unlikeness_.data(), unlikeness_.size(), 1.0);
  for (int row = 0; row < rows_; ++row) load_row(row);
  if (tile_.zoned) return;
  for (int k = 0; k < 2; ++k)
    tile_.similar_limits(pairs_[to_size(k)], block.core_px().x, block.core_px().y, &limits_[lane(k, 0)]);
}

void EstarfmEnsemble::load_row(int row) {
  Rect const& inside = block_.inside_px();
  int const y = block_.raster_px().y + row;
  if (y < inside.y || y >= inside.bottom()) return;
  load_pair(0, row);
  load_pair(1, row);
  load_targets(row);
  std::size_t const first = to_size(row * cols_ + inside.x - block_.raster_px().x);
  std::vector<Dn const*> fine, coarse;
  for (std::size_t i = 0; i < pair_lanes_; ++i) {
    fine.push_back(fine_planes_[i].data() + first);
    coarse.push_back(coarse_planes_.data() + i * to_size(cols_));
  }
  spectral_unlikeness(fine, coarse, inside.width, unlikeness_.data() + first);
}

void EstarfmEnsemble::load_pair(int k, int row) {
  FusionInput const& input = tile_.input;
  Rect const& inside = block_.inside_px();
  Pair const& pair = tile_.pairs[to_size(pairs_[to_size(k)])];
  int const y = block_.raster_px().y + row;
  std::size_t const first = to_size(row * cols_ + inside.x - block_.raster_px().x);
  for (int b = 0; b < bands_; ++b) {
    Dn const* const fine =
        input.fine.dn.row(pair.fine, b, y - input.padded_px.y) + (inside.x - input.padded_px.x);
    Dn* const coarse = coarse_planes_.data() + lane(k, b) * to_size(cols_);
    block_.coarse_rows().row(input.coarse.dn.row(pair.coarse, b, 0), y, coarse);
    Dn* const plane = fine_planes_[lane(k, b)].data() + first;
    Dn* const fine_record = fine_.data() + first * to_size(fine_stride_) + lane(k, b);
    Dn* const coarse_record = coarse_.data() + first * to_size(stride_) + lane(k, b);
    for (std::size_t i = 0; i < to_size(inside.width); ++i) {
      if (!valid_[first + i]) continue;
      plane[i] = fine[i];
      fine_record[i * to_size(fine_stride_)] = fine[i];
      coarse_record[i * to_size(stride_)] = coarse[i];
    }
  }
}

void EstarfmEnsemble::load_targets(int row) {
  Rect const& inside = block_.inside_px();
  int const y = block_.raster_px().y + row;
  std::size_t const first = to_size(row * cols_ + inside.x - block_.raster_px().x);
  Dn* const values = coarse_planes_.data() + pair_lanes_ * to_size(cols_);
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    int const date = tile_.target_coarse[to_size(targets_[t])];
    for (int b = 0; b < bands_; ++b) {
      block_.coarse_rows().row(tile_.input.coarse.dn.row(date, b, 0), y, values);
      Dn* const record = coarse_.data() + first * to_size(stride_) + target_lane(static_cast<int>(t), b);
      for (std::size_t i = 0; i < to_size(inside.width); ++i)
        record[i * to_size(stride_)] = valid_[first + i] ? values[i] : Dn{0};
    }
  }
}

/// Adds a raster row to the sums of all columns, or takes it away.
void EstarfmEnsemble::add_row(int row, int sign) {
  std::size_t const first = to_size(row * cols_), size = to_size(cols_) * to_size(stride_);
  Dn const* const from = coarse_.data() + first * to_size(stride_);
  std::int32_t* const to = column_sums_.data();
  for (std::size_t i = 0; i < size; ++i) to[i] += sign * from[i];
  for (std::size_t c = 0; c < to_size(cols_); ++c) column_counts_[c] += sign * valid_[first + c];
}

void EstarfmEnsemble::add_column(int column, int sign) {
  std::int32_t const* const from = column_sums_.data() + to_size(column) * to_size(stride_);
  std::int32_t* const to = window_sums_.data();
  for (std::size_t i = 0; i < to_size(stride_); ++i) to[i] += sign * from[i];
  window_count_ += sign * column_counts_[to_size(column)];
}

void EstarfmEnsemble::fuse(FusionOutput& output) {
  std::fill_n(column_sums_.data(), column_sums_.size(), 0);
  for (int row = 0; row < settings_.window - 1; ++row) add_row(row, 1);
  for (int y = 0; y < block_.core_px().height; ++y) {
    if (y > 0) add_row(y - 1, -1);
    add_row(y + settings_.window - 1, 1);
    fuse_row(y, output);
  }
}

void EstarfmEnsemble::fuse_row(int y, FusionOutput& output) {
  std::fill_n(window_sums_.data(), window_sums_.size(), 0);
  window_count_ = 0;
  for (int column = 0; column < settings_.window - 1; ++column) add_column(column, 1);
  for (int x = 0; x < block_.core_px().width; ++x) {
    if (x > 0) add_column(x - 1, -1);
    add_column(x + settings_.window - 1, 1);
    Place const place = place_at(x, y);
    if (place.first < place.last) predict(place, output);
  }
}

EstarfmEnsemble::Place EstarfmEnsemble::place_at(int x, int y) const {
  Place place{.x = x, .y = y};
  place.window = to_size(y * cols_ + x);
  place.centre = place.window + to_size(settings_.half() * (cols_ + 1));
  if (!valid_[place.centre]) return place;
  PairRun const* const run = block_.run_at(x, y, pairs_[0], pairs_[1]);
  if (run == nullptr) return place;
  auto const at = [&](int target) {
    return static_cast<int>(std::ranges::lower_bound(targets_, target) - targets_.begin());
  };
  place.first = at(run->first);
  place.last = at(run->last);
  return place;
}

double EstarfmEnsemble::fine_at(std::size_t raster, int k, int band) const {
  return fine_[raster * to_size(fine_stride_) + lane(k, band)];
}

void EstarfmEnsemble::predict(Place const& place, FusionOutput& output) {
  std::size_t count = similar_to(place);
  bool const enough = count >= to_size(settings_.least);
  if (enough) {
    if (settings_.kept > 0 && count > to_size(settings_.kept)) count = most_similar(place, count);
    weigh(place, count);
    find_conversion(place, count);
    sum_coarse(place, count);
  }
  replaced_ = false;
  write(place, enough, count, output);
}

std::size_t EstarfmEnsemble::similar_to(Place const& place) {
  if (tile_.zoned) {
    for (int k = 0; k < 2; ++k) {
      tile_.similar_limits(pairs_[to_size(k)], block_.core_px().x + place.x, block_.core_px().y + place.y,
                           &limits_[lane(k, 0)]);
    }
  }
  std::vector<SimilarImage> images(pair_lanes_);
  for (std::size_t i = 0; i < pair_lanes_; ++i) {
    images[i] = {fine_planes_[i].data() + place.window, fine_planes_[i][place.centre],
                 static_cast<int>(std::min(std::floor(limits_[i]), 65535.0))};
  }
  return find_similar(images, settings_.window, cols_, codes_.data());
}

/// Keeps those with the smallest sum of |F - F0| / limit, in window order.
std::size_t EstarfmEnsemble::most_similar(Place const& place, std::size_t count) {
  struct Candidate {
    double measure;
    int squared_distance;
    std::uint16_t code;  // ascends with dy, then dx
    auto operator<=>(Candidate const&) const = default;
  };
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < count; ++i) {
    double measure = 0;
    for (std::size_t b = 0; b < to_size(bands_); ++b) {
      for (std::size_t k = 0; k < 2; ++k) {
        std::size_t const at = lane(static_cast<int>(k), static_cast<int>(b));
        int const difference =
            std::abs(fine_planes_[at][place.window + codes_[i]] - fine_planes_[at][place.centre]);
        if (difference > 0) measure += difference / limits_[at];
      }
    }
    int const dy = codes_[i] / cols_ - settings_.half(), dx = codes_[i] % cols_ - settings_.half();
    candidates.push_back({measure, dx * dx + dy * dy, codes_[i]});
  }
  auto const end = candidates.begin() + settings_.kept;
  std::nth_element(candidates.begin(), end, candidates.end());
  std::sort(candidates.begin(), end, [](auto const& a, auto const& b) { return a.code < b.code; });
  for (std::size_t i = 0; i < to_size(settings_.kept); ++i) codes_[i] = candidates[i].code;
  return to_size(settings_.kept);
}

void EstarfmEnsemble::weigh(Place const& place, std::size_t count) {
  if (settings_.unbiased) {
    weigh_unbiased(place, count);
  } else {
    similarity_weights(codes_.data(), count, unlikeness_.data() + place.window, block_.distance(),
                       weights_.data());
  }
}

/// The fine images are moved to the mean of the coarse ones before the two are compared.
void EstarfmEnsemble::weigh_unbiased(Place const& place, std::size_t count) {
  auto* const fine_totals = totals_.data();
  auto* const coarse_totals = totals_.data() + fine_stride_;
  sum_values(codes_.data(), count, fine_.data() + place.window * to_size(fine_stride_), fine_stride_,
             fine_stride_, fine_totals);
  sum_values(codes_.data(), count, coarse_.data() + place.window * to_size(stride_), stride_, fine_stride_,
             coarse_totals);
  for (std::size_t i = 0; i < pair_lanes_; ++i)
    shift_[i] = (coarse_totals[i] - fine_totals[i]) / static_cast<double>(count);
  std::vector<double> unlikeness(count), fine(pair_lanes_), coarse(pair_lanes_);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t const at = place.window + codes_[i];
    for (std::size_t j = 0; j < pair_lanes_; ++j) {
      fine[j] = fine_[at * to_size(fine_stride_) + j] + shift_[j];
      coarse[j] = coarse_[at * to_size(stride_) + j];
    }
    weights_[i] = 1.0 / (unlikeness_of(fine, coarse) * block_.distance()[codes_[i]] + 1e-7);
  }
}

/// Those of the coarse cell that the pixel lies in.
std::size_t EstarfmEnsemble::in_own_cell(Place const& place, std::size_t count) {
  int const ratio = tile_.input.ratio;
  int const x = block_.core_px().x + place.x, y = block_.core_px().y + place.y;
  auto* end = cell_codes_.data();
  for (std::size_t i = 0; i < count; ++i) {
    int const column = x - settings_.half() + codes_[i] % cols_,
              row = y - settings_.half() + codes_[i] / cols_;
    if (column / ratio == x / ratio && row / ratio == y / ratio) *end++ = codes_[i];
  }
  return static_cast<std::size_t>(end - cell_codes_.data());
}

void EstarfmEnsemble::find_conversion(Place const& place, std::size_t count) {
  std::ranges::fill(conversion_, 1.0);
  if (!settings_.convert || settings_.unbiased) return;
  std::uint16_t const* codes = codes_.data();
  if (settings_.convert_cell) {
    std::size_t const own = in_own_cell(place, count);
    if (2 * own >= 6) {
      codes = cell_codes_.data();
      count = own;
    }
  }
  Dn const* const coarse = coarse_.data() + place.window * to_size(stride_);
  Dn const* const fine = fine_.data() + place.window * to_size(fine_stride_);
  sum_values(codes, count, coarse, stride_, fine_stride_, totals_.data());
  auto const changes = [&](int b) {
    return std::abs(totals_[lane(0, b)] - totals_[lane(1, b)]) >=
           settings_.least_change * static_cast<double>(count);
  };
  bool any = false;
  for (int b = 0; b < bands_; ++b) any = any || changes(b);
  if (!any) return;
  std::size_t const size = to_size(fine_stride_);
  ProductSums const sums{moments_.data(), moments_.data() + size, moments_.data() + 2 * size,
                         moments_.data() + 3 * size};
  sum_products(codes, count, coarse, stride_, fine, fine_stride_, fine_stride_, sums);
  for (int b = 0; b < bands_; ++b) {
    if (!changes(b)) continue;
    std::size_t const m = lane(0, b), n = lane(1, b);
    ExactSum const points = 2 * static_cast<ExactSum>(count);
    ExactSum const x = exact(totals_[m] + totals_[n]), y = exact(sums.y[m] + sums.y[n]);
    auto const xx = static_cast<double>(points * exact(sums.xx[m] + sums.xx[n]) - x * x);
    auto const xy = static_cast<double>(points * exact(sums.xy[m] + sums.xy[n]) - x * y);
    auto const yy = static_cast<double>(points * exact(sums.yy[m] + sums.yy[n]) - y * y);
    if (xx == 0 || yy == 0) continue;
    double const slope = xy / xx;
    if (slope > 0 && slope <= highest_conversion &&
        estarfm_significant(std::min(1.0, xy / xx * (xy / yy)), static_cast<int>(count)))
      conversion_[to_size(b)] = slope;
  }
}

/// Weighted sums of the coarse images of both pairs and of the pixel's targets.
void EstarfmEnsemble::sum_coarse(Place const& place, std::size_t count) {
  Dn const* const records = coarse_.data() + place.window * to_size(stride_);
  int const pairs_end = fine_stride_;
  int const first = static_cast<int>(target_lane(place.first, 0)) / record_lanes * record_lanes;
  int const last = whole_blocks(static_cast<int>(target_lane(place.last, 0)));
  auto const sum = [&](int from, int to) {
    weight_sum_ = sum_weighted(codes_.data(), weights_.data(), count, records + from, stride_, to - from,
                               sums_.data() + from);
  };
  if (first <= pairs_end) {
    sum(0, std::max(pairs_end, last));
  } else {
    sum(0, pairs_end);
    sum(first, last);
  }
}

/// The weighted mean of the fine image k, where the prediction leaves the range (spec, step 7).
double EstarfmEnsemble::replacement(Place const& place, std::size_t count, int k, int band) {
  if (!replaced_) {
    sum_weighted(codes_.data(), weights_.data(), count, fine_.data() + place.window * to_size(fine_stride_),
                 fine_stride_, fine_stride_, replacement_.data());
  }
  replaced_ = true;
  return replacement_[lane(k, band)] / weight_sum_ + shift_[lane(k, band)];
}

void EstarfmEnsemble::write(Place const& place, bool enough, std::size_t count, FusionOutput& output) {
  double const pixels = window_count_;
  int const row = block_.core_px().y + place.y - tile_.input.core_px.y;
  int const col = block_.core_px().x + place.x - tile_.input.core_px.x;
  for (int t = place.first; t < place.last; ++t) {
    quality::Flags flags = quality::fused | (enough ? quality::Flags{0} : quality::low_confidence);
    for (int b = 0; b < bands_; ++b) {
      std::size_t const p = target_lane(t, b);
      std::array<double, 2> share{}, single{}, change{};
      for (std::size_t k = 0; k < 2; ++k) {
        std::size_t const at = lane(static_cast<int>(k), b);
        double const mean_change = (window_sums_[p] - std::int64_t{window_sums_[at]}) / pixels;
        share[k] = 1.0 / (std::abs(mean_change) + epsilon_change);
        double const fine = fine_at(place.centre, static_cast<int>(k), b);
        if (enough) {
          change[k] = conversion_[to_size(b)] * ((sums_[p] - sums_[at]) / weight_sum_);
          single[k] = fine + shift_[at] + change[k];
        } else {
          change[k] = mean_change;
          single[k] = fine + mean_change;
        }
      }
      double const total = share[0] + share[1];
      share = {share[0] / total, share[1] / total};
      double value = share[0] * single[0] + share[1] * single[1];
      if (enough && (value <= settings_.lowest || value >= settings_.highest)) {
        value = share[0] * replacement(place, count, 0, b) + share[1] * replacement(place, count, 1, b);
        flags |= quality::clamped;
      }
      // The fine and coarse images of both pairs, and the coarse image of the target, which both share.
      double const noise =
          settings_.sigma[to_size(b)] * std::sqrt(1 + 2 * (share[0] * share[0] + share[1] * share[1]));
      double const sigma = prediction_sigma(noise, std::sqrt(share[0] * share[1]) * (single[0] - single[1]),
                                            share[0] * std::abs(change[0]) + share[1] * std::abs(change[1]));
      flags |= put(output, tile_.range, targets_[to_size(t)], b, row, col, value, sigma);
    }
    output.quality.at(targets_[to_size(t)], 0, row, col) = flags;
  }
}

}  // namespace stfcube
