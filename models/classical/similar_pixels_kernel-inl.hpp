// Compiled once for every instruction set; see similar_pixels.cpp.
#if defined(STFCUBE_SIMILAR_PIXELS_KERNEL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STFCUBE_SIMILAR_PIXELS_KERNEL_INL
#undef STFCUBE_SIMILAR_PIXELS_KERNEL_INL
#else
#define STFCUBE_SIMILAR_PIXELS_KERNEL_INL
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include <hwy/highway.h>

#include "stfcube/models/classical/similar_pixels.hpp"

#ifndef STFCUBE_SIMILAR_VIEW
#define STFCUBE_SIMILAR_VIEW
namespace stfcube {

/// Rows of the window's measures are padded to so many, whatever the vectors' width.
inline constexpr std::size_t similar_row_lanes = 16;

struct SimilarSearch::View {
  std::size_t width, stride, pitch, centre, wanted;
  int planes;
  Measure measure;
  std::vector<AlignedArray<Dn>> const& pairs;
  std::vector<AlignedArray<double>> const& values;
  std::int32_t const *excluded_whole, *tail_whole;
  double const *excluded_real, *tail_real, *weights;
  double *measures, *survivors, *selection;
  std::int32_t* indices;
  std::uint16_t const *codes, *order;
  std::vector<std::uint32_t>& ties;
};

}  // namespace stfcube
#endif

HWY_BEFORE_NAMESPACE();
namespace stfcube::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using View = SimilarSearch::View;
using Measure = SimilarSearch::Measure;

/// Sums over pairs of bands of differences of 16 bits; the sums have 32.
template <Measure measure>
struct WholeMeasure {
  using Value = std::int32_t;
  using Source = Dn;
  static constexpr hn::CappedTag<std::int32_t, 16> tag{};
  static constexpr Value none = std::numeric_limits<Value>::max();
  static constexpr std::size_t per_pixel = 2;

  static Dn const* plane(View const& view, std::size_t p) { return view.pairs[p].data(); }
  static Value const* excluded(View const& view) { return view.excluded_whole; }
  static Value const* tail(View const& view) { return view.tail_whole; }

#if HWY_TARGET == HWY_SCALAR
  static auto middle(Dn const* at) {
    return at;
  }
  static auto between(Dn const* at, Dn const* middle) {
    Value sum = 0;
    for (std::size_t b = 0; b < 2; ++b) {
      auto const difference = static_cast<std::int16_t>(at[b] - middle[b]);
      sum += measure == Measure::squares ? difference * difference : std::abs(difference);
    }
    return hn::Set(tag, sum);
  }
#else
  static constexpr hn::Repartition<std::int16_t, decltype(tag)> words{};

  static auto middle(Dn const* at) {
    std::int32_t two;
    std::memcpy(&two, at, sizeof two);
    return hn::BitCast(words, hn::Set(tag, two));
  }
  template <class Words>
  static auto between(Dn const* at, Words middle) {
    auto const difference = hn::Sub(hn::LoadU(words, at), middle);
    auto const factor = measure == Measure::squares ? difference : hn::Set(words, 1);
    auto const factor_of = measure == Measure::squares ? difference : hn::Abs(difference);
    auto other = hn::Zero(tag);
    auto const sum = hn::ReorderWidenMulAccumulate(tag, factor_of, factor, hn::Zero(tag), other);
    return hn::RearrangeToOddPlusEven(sum, other);
  }
#endif
  template <class Vector>
  static auto exclude(Vector value, Vector bits) {
    return hn::Or(value, bits);
  }
};

/// Sums over bands in double precision.
template <Measure measure>
struct RealMeasure {
  using Value = double;
  using Source = double;
  static constexpr hn::CappedTag<double, 8> tag{};
  static constexpr Value none = std::numeric_limits<Value>::infinity();
  static constexpr std::size_t per_pixel = 1;

  static double const* plane(View const& view, std::size_t p) { return view.values[p].data(); }
  static Value const* excluded(View const& view) { return view.excluded_real; }
  static Value const* tail(View const& view) { return view.tail_real; }

  static auto middle(double const* at) { return hn::Set(tag, *at); }
  template <class Vector>
  static auto between(double const* at, Vector middle) {
    auto const difference = hn::Sub(hn::LoadU(tag, at), middle);
    return measure == Measure::squares ? hn::Mul(difference, difference) : hn::Abs(difference);
  }
  template <class Vector>
  static auto exclude(Vector value, Vector infinite) {
    return hn::Add(value, infinite);
  }
};

/// Selects the wanted pixels with the smallest measures, one pixel of the block after the other.
template <class Source>
class Selector {
 public:
  using Value = typename Source::Value;

  explicit Selector(View const& view)
      : view_(view),
        measures_(reinterpret_cast<Value*>(view.measures)),
        survivors_(reinterpret_cast<Value*>(view.survivors)),
        selection_(reinterpret_cast<Value*>(view.selection)),
        size_(view.width * view.stride),
        goal_(static_cast<double>(view.wanted) * 1.4) {}

  /// Writes the offsets of the similar pixels in ascending order. Returns how many.
  std::size_t select(std::size_t base, std::uint16_t* codes) {
    measure(base);
    find_threshold();
    std::size_t count = compress();
    if (count > view_.wanted) {
      threshold_ = nth(count);
      count = filter(count);
    }
    if (count > view_.wanted) {
      drop_ties(count);
      count = view_.wanted;
    }
    for (std::size_t i = 0; i < count; ++i) codes[i] = view_.codes[view_.indices[i]];
    // Neighbouring pixels have similar thresholds.
    threshold_ = threshold_ < highest / 2 ? threshold_ + threshold_ / 4 + 1 : highest;
    return count;
  }

 private:
  static constexpr auto tag = Source::tag;
  static constexpr Value highest =
      std::is_integral_v<Value> ? Source::none - 1 : std::numeric_limits<Value>::max();
  /// Up to so many survivors ranks are counted all against all.
  static constexpr std::size_t most_ranked = 128;

  /// Measures the window; counts what is not above the threshold, and finds the largest of all measures.
  void measure(std::size_t base) {
    auto const planes = static_cast<std::size_t>(view_.planes);
    for (std::size_t p = 0; p < planes; p += 2) {
      bool const two = p + 1 < planes, last = p + 2 >= planes;
      if (p == 0) {
        if (two) {
          last ? add<true, true, true>(base, p) : add<true, true, false>(base, p);
        } else {
          add<true, false, true>(base, p);
        }
      } else if (two) {
        last ? add<false, true, true>(base, p) : add<false, true, false>(base, p);
      } else {
        add<false, false, true>(base, p);
      }
    }
  }

  /// Adds one plane, or two, to the measures.
  template <bool first, bool two, bool last>
  void add(std::size_t base, std::size_t p) {
    std::size_t const lanes = hn::Lanes(tag), width = view_.width, stride = view_.stride;
    auto const* const plane = Source::plane(view_, p) + Source::per_pixel * base;
    auto const* const other = two ? Source::plane(view_, p + 1) + Source::per_pixel * base : plane;
    auto const middle = Source::middle(plane + Source::per_pixel * view_.centre);
    auto const other_middle = Source::middle(other + Source::per_pixel * view_.centre);
    auto const* const excluded = Source::excluded(view_) + base;
    auto const* const tail = Source::tail(view_);
    auto const limit = hn::Set(tag, threshold_);
    auto largest = hn::Zero(tag);
    Value* to = measures_;
    std::size_t count = 0;
    for (std::size_t r = 0; r < width; ++r, to += stride) {
      std::size_t const row = r * view_.pitch;
      for (std::size_t c = 0; c < stride; c += lanes) {
        std::size_t const offset = row + (c < width ? c : 0);
        auto value = Source::between(plane + Source::per_pixel * offset, middle);
        if constexpr (!first) value = hn::Add(hn::LoadU(tag, to + c), value);
        if constexpr (two)
          value = hn::Add(value, Source::between(other + Source::per_pixel * offset, other_middle));
        if constexpr (last) {
          largest = hn::Max(largest, value);
          value = Source::exclude(value, hn::LoadU(tag, excluded + offset));
          value = Source::exclude(value, hn::LoadU(tag, tail + c));
          count += hn::CountTrue(tag, not_above(value, limit));
        }
        hn::StoreU(value, tag, to + c);
      }
    }
    count_ = count;
    largest_ = std::min(highest, hn::GetLane(hn::MaxOfLanes(tag, largest)));
  }

  /// Moves the threshold until it lets pass what is wanted and not much more; ends at the largest measure
  /// when there are fewer.
  void find_threshold() {
    std::size_t const most = std::max<std::size_t>(2 * view_.wanted, 64);
    Value below = -1, above = largest_;  // too low, and high enough unless there are too few
    for (int round = 0; round < 64; ++round) {
      if (count_ < view_.wanted) {
        if (threshold_ >= largest_) return;
        below = threshold_;
      } else {
        if (count_ <= most) return;
        above = std::min(above, threshold_);
      }
      Value next = between(below, above);
      if (round < 6) {
        double const factor = std::sqrt(goal_ / static_cast<double>(std::max<std::size_t>(count_, 1)));
        double const guess = static_cast<double>(std::min(threshold_, largest_)) * factor + 1;
        if (guess > static_cast<double>(below) && guess < static_cast<double>(above))
          next = static_cast<Value>(guess);
      }
      bool const done = next <= below || next >= above;
      threshold_ = done ? above : next;
      count_ = count();
      if (done) return;
    }
    threshold_ = above;
  }

  static Value between(Value low, Value high) { return low + (high - low) / 2; }

  std::size_t count() const {
    auto const limit = hn::Set(tag, threshold_);
    std::size_t count = 0;
    for (std::size_t i = 0; i < size_; i += hn::Lanes(tag))
      count += hn::CountTrue(tag, not_above(hn::LoadU(tag, measures_ + i), limit));
    return count;
  }

  template <class Vector>
  static auto not_above(Vector value, Vector limit) {
    return hn::Not(hn::Gt(value, limit));
  }

  /// Lists what is not above the threshold. Returns how many.
  std::size_t compress() {
    auto const limit = hn::Set(tag, threshold_);
    std::size_t const lanes = hn::Lanes(tag);
    std::size_t count = 0;
    if constexpr (std::is_integral_v<Value>) {
      auto index = hn::Iota(tag, Value{0});
      auto const step = hn::Set(tag, static_cast<Value>(lanes));
      for (std::size_t i = 0; i < size_; i += lanes, index = hn::Add(index, step)) {
        auto const mask = not_above(hn::LoadU(tag, measures_ + i), limit);
        hn::StoreU(hn::Compress(index, mask), tag, view_.indices + count);
        count += hn::CountTrue(tag, mask);
      }
    } else {
      // Compression of 64-bit lanes costs more than looking at the few that are kept.
      for (std::size_t i = 0; i < size_; i += lanes) {
        std::uint8_t bits[8] = {};
        hn::StoreMaskBits(tag, not_above(hn::LoadU(tag, measures_ + i), limit), bits);
        for (unsigned left = bits[0]; left != 0; left &= left - 1)
          view_.indices[count++] = static_cast<std::int32_t>(i) + std::countr_zero(left);
      }
    }
    for (std::size_t i = 0; i < count; ++i) survivors_[i] = measures_[view_.indices[i]];
    return count;
  }

  /// Leaves of the survivors those not above the threshold. Returns how many.
  std::size_t filter(std::size_t size) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < size; ++i) {
      Value const value = survivors_[i];
      view_.indices[count] = view_.indices[i];
      survivors_[count] = value;
      count += value <= threshold_;
    }
    return count;
  }

  /// The n-th smallest survivor.
  Value nth(std::size_t count) const {
    if (count > most_ranked) {
      std::copy_n(survivors_, count, selection_);
      std::nth_element(selection_, selection_ + (view_.wanted - 1), selection_ + count);
      return selection_[view_.wanted - 1];
    }
    std::size_t const lanes = hn::Lanes(tag);
    auto const wanted = hn::Set(tag, static_cast<Value>(view_.wanted));
    auto const one = hn::Set(tag, Value{1});
    auto largest = hn::Zero(tag);
    for (std::size_t i = count; i < count + lanes; ++i) survivors_[i] = Source::none;
    for (std::size_t i = 0; i < count; i += lanes) {
      auto const values = hn::LoadU(tag, survivors_ + i);
      auto smaller = hn::Zero(tag);
      for (std::size_t j = 0; j < count; ++j) {
        smaller = hn::Add(smaller, hn::IfThenElseZero(hn::Lt(hn::Set(tag, survivors_[j]), values), one));
      }
      auto const chosen = hn::Lt(smaller, wanted);
      largest = hn::Max(largest, hn::IfThenElseZero(chosen, values));
    }
    return hn::GetLane(hn::MaxOfLanes(tag, largest));
  }

  /// Too many have the largest measure: the nearest of them stay.
  void drop_ties(std::size_t count) {
    auto& ties = view_.ties;
    ties.clear();
    for (std::size_t i = 0; i < count; ++i) {
      if (survivors_[i] == threshold_) ties.push_back(view_.order[view_.indices[i]]);
    }
    std::size_t const places = view_.wanted - (count - ties.size());
    auto const first_out = ties.begin() + static_cast<std::ptrdiff_t>(places);
    std::nth_element(ties.begin(), first_out, ties.end());
    std::uint32_t const bound = *first_out;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::int32_t const index = view_.indices[i];
      view_.indices[kept] = index;
      kept += survivors_[i] < threshold_ || view_.order[index] < bound;
    }
  }

  View const& view_;
  Value *measures_, *survivors_, *selection_;
  std::size_t size_;
  double goal_;  ///< survivors to aim at
  Value threshold_ = highest, largest_ = 0;
  std::size_t count_ = 0;  ///< not above the threshold
};

template <class Source>
void select_row(View const& view, std::size_t base, std::span<std::uint8_t const> asked, std::uint16_t* codes,
                std::uint16_t* counts) {
  Selector<Source> selector(view);
  for (std::size_t x = 0; x < asked.size(); ++x) {
    counts[x] = 0;
    if (asked[x] != 0)
      counts[x] = static_cast<std::uint16_t>(selector.select(base + x, codes + x * view.wanted));
  }
}

void find_row(View const& view, bool whole_numbers, std::size_t base, std::span<std::uint8_t const> asked,
              std::uint16_t* codes, std::uint16_t* counts) {
  bool const squares = view.measure == Measure::squares;
  auto const select = whole_numbers ? (squares ? select_row<WholeMeasure<Measure::squares>>
                                               : select_row<WholeMeasure<Measure::differences>>)
                                    : (squares ? select_row<RealMeasure<Measure::squares>>
                                               : select_row<RealMeasure<Measure::differences>>);
  select(view, base, asked, codes, counts);
}

/// Means of the columns of `images` over the listed pixels.
void average(double const* weights, double const* images, std::span<std::uint16_t const> codes,
             SimilarSearch::Means& means) {
  constexpr hn::CappedTag<double, SimilarSearch::columns> tag{};
  constexpr std::size_t columns = SimilarSearch::columns;
  double total = 0;
  for (std::uint16_t const code : codes) total += weights[code];
  std::size_t const lanes = hn::Lanes(tag);
  for (std::size_t c = 0; c < columns; c += lanes) {
    auto sum = hn::Zero(tag), squares = hn::Zero(tag);
    for (std::uint16_t const code : codes) {
      auto const value = hn::LoadU(tag, images + columns * code + c);
      auto const weighted = hn::Mul(hn::Set(tag, weights[code]), value);
      sum = hn::Add(sum, weighted);
      squares = hn::Add(squares, hn::Mul(weighted, value));
    }
    hn::StoreU(hn::Div(sum, hn::Set(tag, total)), tag, means.value + c);
    hn::StoreU(hn::Div(squares, hn::Set(tag, total)), tag, means.square + c);
  }
}

}  // namespace
}  // namespace stfcube::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
