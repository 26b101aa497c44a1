#include "stfcube/models/classical/window_sums.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stfcube/models/classical/window_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stfcube::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, record_lanes>;
using Whole = hn::Rebind<std::int32_t, Doubles>;
using Values = hn::Rebind<std::int16_t, Doubles>;
using Words = hn::ScalableTag<std::uint16_t>;
using DoubleVector = hn::Vec<Doubles>;

constexpr Doubles doubles;

constexpr double epsilon = 1e-7;  // of a weight's denominator

inline DoubleVector loaded(Dn const* values) {
  return hn::PromoteTo(doubles, hn::PromoteTo(Whole(), hn::LoadU(Values(), values)));
}

/// The similar values as lowest <= value < lowest + size in 16 bits without a sign; no_data_dn is outside.
struct Limits {
  explicit Limits(SimilarImage const& image) : fine(reinterpret_cast<std::uint16_t const*>(image.fine)) {
    int const first = std::max(image.centre - image.delta, no_data_dn + 1);
    int const last = std::min(image.centre + image.delta, static_cast<int>(std::numeric_limits<Dn>::max()));
    lowest = static_cast<std::uint16_t>(first);
    size = static_cast<std::uint16_t>(last - first + 1);
  }
  std::uint16_t const* fine;
  std::uint16_t lowest, size;
};

std::size_t similar_on_target(std::span<SimilarImage const> images, int window, int pitch,
                              std::uint16_t* codes) {
  Words const words;
  std::size_t const lanes = hn::Lanes(words), width = static_cast<std::size_t>(window);
  std::vector<Limits> const limits(images.begin(), images.end());
  auto const last = hn::FirstN(words, (width - 1) % lanes + 1);
  std::size_t count = 0;
  for (std::size_t r = 0; r < width; ++r) {
    std::size_t code = r * static_cast<std::size_t>(pitch);
    std::size_t const end = code + width;
    for (; code < end; code += lanes) {
      auto similar = code + lanes >= end ? last : hn::FirstN(words, lanes);
      for (Limits const& image : limits) {
        auto const above = hn::Sub(hn::LoadU(words, image.fine + code), hn::Set(words, image.lowest));
        similar = hn::And(similar, hn::Lt(above, hn::Set(words, image.size)));
      }
      hn::StoreU(hn::Compress(hn::Iota(words, static_cast<std::uint16_t>(code)), similar), words,
                 codes + count);
      count += hn::CountTrue(words, similar);
    }
  }
  return count;
}

/// One band: from the relative differences of fine and coarse.
void relative_unlikeness(std::span<Dn const* const> fine, std::span<Dn const* const> coarse, int count,
                         double* result) {
  for (int i = 0; i < count; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < fine.size(); ++j) {
      double const f = fine[j][i], c = coarse[j][i];
      sum += f + c > 0 ? std::abs(f - c) / (f + c) : 1.0;
    }
    result[i] = std::clamp(sum / 2, 0.0, 2.0);
  }
}

/// Eight pixels at a time, for the compiler to have them side by side.
void unlikeness_on_target(std::span<Dn const* const> fine, std::span<Dn const* const> coarse, int count,
                          double* result) {
  if (fine.size() <= 2) return relative_unlikeness(fine, coarse, count, result);
  double const n = static_cast<double>(fine.size());
  auto const one = hn::Set(doubles, 1.0), zero = hn::Zero(doubles), size = hn::Set(doubles, n);
  auto const step = static_cast<int>(hn::Lanes(doubles));
  for (int i = 0; i < count; i += step) {
    auto f_mean = zero, c_mean = zero;
    for (std::size_t j = 0; j < fine.size(); ++j) {
      f_mean = hn::Add(f_mean, loaded(fine[j] + i));
      c_mean = hn::Add(c_mean, loaded(coarse[j] + i));
    }
    f_mean = hn::Div(f_mean, size);
    c_mean = hn::Div(c_mean, size);
    auto ff = zero, cc = zero, fc = zero;
    for (std::size_t j = 0; j < fine.size(); ++j) {
      auto const f = hn::Sub(loaded(fine[j] + i), f_mean), c = hn::Sub(loaded(coarse[j] + i), c_mean);
      ff = hn::Add(ff, hn::Mul(f, f));
      cc = hn::Add(cc, hn::Mul(c, c));
      fc = hn::Add(fc, hn::Mul(f, c));
    }
    auto const squares = hn::Mul(ff, cc);
    auto const r =
        hn::IfThenElse(hn::Gt(squares, zero), hn::Div(fc, hn::Sqrt(squares)), hn::Set(doubles, 0.5));
    auto const clamped = hn::Min(hn::Max(r, hn::Neg(one)), one);
    auto const unlike = hn::Sub(one, clamped);
    if (i + step <= count) {
      hn::StoreU(unlike, doubles, result + i);
    } else {
      hn::BlendedStore(unlike, hn::FirstN(doubles, static_cast<std::size_t>(count - i)), doubles, result + i);
    }
  }
}

void weights_on_target(std::uint16_t const* codes, std::size_t count, double const* unlikeness,
                       double const* distance, double* weights) {
  // Looked up one by one: that is faster than vector loads from many places.
  for (std::size_t i = 0; i < count; ++i) weights[i] = unlikeness[codes[i]] * distance[codes[i]];
  auto const one = hn::Set(doubles, 1.0), least = hn::Set(doubles, epsilon);
  for (std::size_t i = 0; i < count; i += hn::Lanes(doubles))
    hn::StoreU(hn::Div(one, hn::Add(hn::LoadU(doubles, weights + i), least)), doubles, weights + i);
}

/// `vectors` vectors at a time stay in registers.
template <int vectors>
double weighted_sums(std::uint16_t const* codes, double const* weights, std::size_t count, Dn const* records,
                     std::size_t stride, double* sums) {
  std::size_t const lanes = hn::Lanes(doubles);
  DoubleVector s0 = hn::Zero(doubles), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Dn const* const at = records + codes[i] * stride;
    auto const w = hn::Set(doubles, weights[i]);
    total += weights[i];
    auto const add = [&](DoubleVector& sum, std::size_t k)
                         HWY_ATTR { sum = hn::Add(sum, hn::Mul(w, loaded(at + k * lanes))); };
    add(s0, 0);
    if constexpr (vectors > 1) add(s1, 1);
    if constexpr (vectors > 2) add(s2, 2);
    if constexpr (vectors > 2) add(s3, 3);
    if constexpr (vectors > 4) add(s4, 4);
    if constexpr (vectors > 4) add(s5, 5);
    if constexpr (vectors > 4) add(s6, 6);
    if constexpr (vectors > 4) add(s7, 7);
  }
  auto const store = [&](DoubleVector sum, std::size_t k)
                         HWY_ATTR { hn::StoreU(sum, doubles, sums + k * lanes); };
  store(s0, 0);
  if constexpr (vectors > 1) store(s1, 1);
  if constexpr (vectors > 2) store(s2, 2);
  if constexpr (vectors > 2) store(s3, 3);
  if constexpr (vectors > 4) store(s4, 4);
  if constexpr (vectors > 4) store(s5, 5);
  if constexpr (vectors > 4) store(s6, 6);
  if constexpr (vectors > 4) store(s7, 7);
  return total;
}

double weighted_sums_on_target(std::uint16_t const* codes, double const* weights, std::size_t count,
                               Dn const* records, int stride, int lanes, double* sums) {
  auto const step = static_cast<std::size_t>(stride);
  int const width = static_cast<int>(hn::Lanes(doubles));
  double total = 0;
  for (int lane = 0; lane < lanes;) {
    int const left = (lanes - lane) / width;
    Dn const* const from = records + lane;
    double* const to = sums + lane;
    int const vectors = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    if (vectors == 8) total = weighted_sums<8>(codes, weights, count, from, step, to);
    if (vectors == 4) total = weighted_sums<4>(codes, weights, count, from, step, to);
    if (vectors == 2) total = weighted_sums<2>(codes, weights, count, from, step, to);
    if (vectors == 1) total = weighted_sums<1>(codes, weights, count, from, step, to);
    lane += vectors * width;
  }
  return total;
}

void totals_on_target(std::uint16_t const* codes, std::size_t count, Dn const* records, int stride, int lanes,
                      double* sums) {
  auto const step = static_cast<std::size_t>(stride);
  for (int lane = 0; lane < lanes; lane += static_cast<int>(hn::Lanes(doubles))) {
    // Four sums hide the time that an addition takes; whole numbers may be added in any order.
    auto s0 = hn::Zero(doubles), s1 = s0, s2 = s0, s3 = s0;
    Dn const* const from = records + lane;
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
      s0 = hn::Add(s0, loaded(from + codes[i] * step));
      s1 = hn::Add(s1, loaded(from + codes[i + 1] * step));
      s2 = hn::Add(s2, loaded(from + codes[i + 2] * step));
      s3 = hn::Add(s3, loaded(from + codes[i + 3] * step));
    }
    for (; i < count; ++i) s0 = hn::Add(s0, loaded(from + codes[i] * step));
    hn::StoreU(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), doubles, sums + lane);
  }
}

void moments_on_target(std::uint16_t const* codes, std::size_t count, Dn const* x, int x_stride, Dn const* y,
                       int y_stride, int lanes, ProductSums const& sums) {
  auto const x_step = static_cast<std::size_t>(x_stride), y_step = static_cast<std::size_t>(y_stride);
  for (int lane = 0; lane < lanes; lane += static_cast<int>(hn::Lanes(doubles))) {
    auto sum_y = hn::Zero(doubles), sum_xx = sum_y, sum_xy = sum_y, sum_yy = sum_y;
    for (std::size_t i = 0; i < count; ++i) {
      auto const a = loaded(x + codes[i] * x_step + lane), b = loaded(y + codes[i] * y_step + lane);
      sum_y = hn::Add(sum_y, b);
      sum_xx = hn::Add(sum_xx, hn::Mul(a, a));
      sum_xy = hn::Add(sum_xy, hn::Mul(a, b));
      sum_yy = hn::Add(sum_yy, hn::Mul(b, b));
    }
    hn::StoreU(sum_y, doubles, sums.y + lane);
    hn::StoreU(sum_xx, doubles, sums.xx + lane);
    hn::StoreU(sum_xy, doubles, sums.xy + lane);
    hn::StoreU(sum_yy, doubles, sums.yy + lane);
  }
}

void estimates_on_target(std::uint16_t const* codes, double const* weights, std::size_t count,
                         double const* estimates, Dn const* fine, int stride, EstimateSums const& sums) {
  auto const step = static_cast<std::size_t>(stride);
  for (std::size_t lane = 0; lane < step; lane += hn::Lanes(doubles)) {
    auto weight = hn::Zero(doubles), estimate = weight, value = weight, squares = weight;
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t const at = codes[i] * step + lane;
      auto const w = hn::LoadU(doubles, weights + i * step + lane);
      auto const e = hn::LoadU(doubles, estimates + at), f = loaded(fine + at), change = hn::Sub(e, f);
      weight = hn::Add(weight, w);
      estimate = hn::Add(estimate, hn::Mul(w, e));
      value = hn::Add(value, hn::Mul(w, f));
      squares = hn::Add(squares, hn::Mul(w, hn::Mul(change, change)));
    }
    hn::StoreU(weight, doubles, sums.weight + lane);
    hn::StoreU(estimate, doubles, sums.estimate + lane);
    hn::StoreU(value, doubles, sums.fine + lane);
    hn::StoreU(squares, doubles, sums.squares + lane);
  }
}

}  // namespace
}  // namespace stfcube::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stfcube {

HWY_EXPORT(estimates_on_target);
HWY_EXPORT(similar_on_target);
HWY_EXPORT(unlikeness_on_target);
HWY_EXPORT(weights_on_target);
HWY_EXPORT(weighted_sums_on_target);
HWY_EXPORT(totals_on_target);
HWY_EXPORT(moments_on_target);

std::size_t find_similar(std::span<SimilarImage const> images, int window, int pitch, std::uint16_t* codes) {
  return HWY_DYNAMIC_DISPATCH(similar_on_target)(images, window, pitch, codes);
}

void spectral_unlikeness(std::span<Dn const* const> fine, std::span<Dn const* const> coarse, int count,
                         double* result) {
  HWY_DYNAMIC_DISPATCH(unlikeness_on_target)(fine, coarse, count, result);
}

void similarity_weights(std::uint16_t const* codes, std::size_t count, double const* unlikeness,
                        double const* distance, double* weights) {
  HWY_DYNAMIC_DISPATCH(weights_on_target)(codes, count, unlikeness, distance, weights);
}

double sum_weighted(std::uint16_t const* codes, double const* weights, std::size_t count, Dn const* records,
                    int stride, int lanes, double* sums) {
  return HWY_DYNAMIC_DISPATCH(weighted_sums_on_target)(codes, weights, count, records, stride, lanes, sums);
}

void sum_values(std::uint16_t const* codes, std::size_t count, Dn const* records, int stride, int lanes,
                double* sums) {
  HWY_DYNAMIC_DISPATCH(totals_on_target)(codes, count, records, stride, lanes, sums);
}

void sum_products(std::uint16_t const* codes, std::size_t count, Dn const* x, int x_stride, Dn const* y,
                  int y_stride, int lanes, ProductSums const& sums) {
  HWY_DYNAMIC_DISPATCH(moments_on_target)(codes, count, x, x_stride, y, y_stride, lanes, sums);
}

void sum_estimates(std::uint16_t const* codes, double const* weights, std::size_t count,
                   double const* estimates, Dn const* fine, int stride, EstimateSums const& sums) {
  HWY_DYNAMIC_DISPATCH(estimates_on_target)(codes, weights, count, estimates, fine, stride, sums);
}

}  // namespace stfcube
#endif  // HWY_ONCE
