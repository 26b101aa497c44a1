#include "stfcube/models/classical/similar_pixels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "stfcube/partitioning/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stfcube/models/classical/similar_pixels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

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
  std::int32_t const* excluded;
  double const* weights;
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
  static constexpr hn::CappedTag<std::int32_t, 16> tag{};
  static constexpr Value none = std::numeric_limits<Value>::max();

  View const& view;
  std::size_t base;

#if HWY_TARGET == HWY_SCALAR
  auto at(std::size_t offset) const {
    Value sum = 0;
    for (int p = 0; p < view.planes; ++p) {
      Dn const* const plane = view.pairs[static_cast<std::size_t>(p)].data() + 2 * base;
      for (std::size_t b = 0; b < 2; ++b) {
        auto const difference = static_cast<std::int16_t>(plane[2 * offset + b] - plane[2 * view.centre + b]);
        sum += measure == Measure::squares ? difference * difference : std::abs(difference);
      }
    }
    return hn::Set(tag, view.excluded[base + offset] != 0 ? none : sum);
  }
#else
  auto at(std::size_t offset) const {
    hn::Repartition<std::int16_t, decltype(tag)> const words;
    auto sum = hn::Zero(tag), other = hn::Zero(tag);
    for (int p = 0; p < view.planes; ++p) {
      Dn const* const plane = view.pairs[static_cast<std::size_t>(p)].data();
      std::int32_t two;
      __builtin_memcpy(&two, plane + 2 * (base + view.centre), sizeof two);
      auto const middle = hn::BitCast(words, hn::Set(tag, two));
      auto const difference = hn::Sub(hn::LoadU(words, plane + 2 * (base + offset)), middle);
      if constexpr (measure == Measure::squares) {
        sum = hn::ReorderWidenMulAccumulate(tag, difference, difference, sum, other);
      } else {
        sum = hn::ReorderWidenMulAccumulate(tag, hn::Abs(difference), hn::Set(words, 1), sum, other);
      }
    }
    auto const excluded = hn::LoadU(tag, view.excluded + base + offset);
    return hn::IfThenElse(hn::Ne(excluded, hn::Zero(tag)), hn::Set(tag, none),
                          hn::RearrangeToOddPlusEven(sum, other));
  }
#endif
};

/// Sums over bands in double precision, bands ascending.
template <Measure measure>
struct RealMeasure {
  using Value = double;
  static constexpr hn::CappedTag<double, 8> tag{};
  static constexpr Value none = std::numeric_limits<Value>::infinity();

  View const& view;
  std::size_t base;

  auto at(std::size_t offset) const {
    auto sum = hn::Zero(tag);
    for (int p = 0; p < view.planes; ++p) {
      double const* const plane = view.values[static_cast<std::size_t>(p)].data() + base;
      auto const difference = hn::Sub(hn::LoadU(tag, plane + offset), hn::Set(tag, plane[view.centre]));
      sum = hn::Add(sum, measure == Measure::squares ? hn::Mul(difference, difference) : hn::Abs(difference));
    }
    hn::Rebind<std::int32_t, decltype(tag)> const narrow;
    auto const excluded = hn::PromoteTo(tag, hn::LoadU(narrow, view.excluded + base + offset));
    return hn::IfThenElse(hn::Ne(excluded, hn::Zero(tag)), hn::Set(tag, none), sum);
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
        selection_(reinterpret_cast<Value*>(view.selection)) {}

  /// Writes the offsets of the similar pixels in ascending order. Returns how many.
  std::size_t select(std::size_t base, std::uint16_t* codes) {
    std::size_t count = measure(Source{view_, base});
    while (count < view_.wanted && threshold_ < highest) {
      // The threshold of the pixel before was too low here.
      threshold_ = threshold_ < highest / 8 ? threshold_ * 4 + 1 : highest;
      count = filter(measures_, nullptr, view_.width * view_.stride);
    }
    if (count > view_.wanted) {
      threshold_ = nth(count);
      count = filter(survivors_, view_.indices, count);
    }
    if (count > view_.wanted) {
      drop_ties(count);
      count = view_.wanted;
    }
    for (std::size_t i = 0; i < count; ++i) codes[i] = view_.codes[view_.indices[i]];
    // Neighbouring pixels have similar thresholds.
    threshold_ = threshold_ < highest / 2 ? threshold_ + threshold_ / 2 + 1 : highest;
    return count;
  }

 private:
  static constexpr auto tag = Source::tag;
  static constexpr Value highest =
      std::is_integral_v<Value> ? Source::none - 1 : std::numeric_limits<Value>::max();
  /// Up to so many survivors ranks are counted all against all.
  static constexpr std::size_t most_ranked = 128;

  /// Measures the window and lists what is not above the threshold. Returns how many.
  std::size_t measure(Source const& source) {
    std::size_t const lanes = hn::Lanes(tag);
    auto const limit = hn::Set(tag, threshold_);
    auto const none = hn::Set(tag, Source::none);
    auto const last = hn::FirstN(tag, (view_.width - 1) % lanes + 1);
    std::size_t count = 0;
    for (std::size_t r = 0; r < view_.width; ++r) {
      for (std::size_t c = 0; c < view_.stride; c += lanes) {
        std::size_t const index = r * view_.stride + c;
        auto value = none;
        if (c < view_.width) value = source.at(r * view_.pitch + c);
        if (c + lanes > view_.width && c < view_.width) value = hn::IfThenElse(last, value, none);
        hn::StoreU(value, tag, measures_ + index);
        count += keep(not_above(value, limit), index, view_.indices + count);
      }
    }
    gather(count);
    return count;
  }

  template <class Vector>
  static auto not_above(Vector value, Vector limit) {
    return hn::Not(hn::Gt(value, limit));
  }

  /// Writes the indices of the lanes in the mask. Returns how many.
  template <class Mask>
  static std::size_t keep(Mask mask, std::size_t first, std::int32_t* to) {
    if constexpr (std::is_integral_v<Value>) {
      hn::StoreU(hn::Compress(hn::Iota(tag, static_cast<std::int32_t>(first)), mask), tag, to);
    } else {
      hn::Rebind<std::int32_t, decltype(tag)> const narrow;
      auto const kept = hn::Compress(hn::Iota(tag, static_cast<double>(first)), mask);
      hn::StoreU(hn::DemoteTo(narrow, kept), narrow, to);
    }
    return hn::CountTrue(tag, mask);
  }

  void gather(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) survivors_[i] = measures_[view_.indices[i]];
  }

  /// Lists what is not above the threshold. `from` is readable up to whole vectors; beyond `size` nothing counts.
  /// @param names  indices of the values; nothing: their places
  std::size_t filter(Value const* from, std::int32_t const* names, std::size_t size) {
    std::size_t const lanes = hn::Lanes(tag);
    auto const limit = hn::Set(tag, threshold_);
    std::size_t count = 0;
    if (names == nullptr) {
      for (std::size_t i = 0; i < size; i += lanes)
        count += keep(not_above(hn::LoadU(tag, from + i), limit), i, view_.indices + count);
    } else {
      for (std::size_t i = 0; i < size; ++i) {
        view_.indices[count] = names[i];
        count += from[i] <= threshold_;
      }
    }
    gather(count);
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
  Value threshold_ = highest;
};

template <class Source>
void select_row(View const& view, std::size_t base, std::span<std::uint8_t const> asked, std::uint16_t* codes,
                std::uint16_t* counts) {
  Selector<Source> selector(view);
  for (std::size_t x = 0; x < asked.size(); ++x) {
    counts[x] = 0;
    if (asked[x] != 0) counts[x] = static_cast<std::uint16_t>(selector.select(base + x, codes + x * view.wanted));
  }
}

void find_row(View const& view, bool whole_numbers, std::size_t base, std::span<std::uint8_t const> asked,
              std::uint16_t* codes, std::uint16_t* counts) {
  bool const squares = view.measure == Measure::squares;
  auto const select = whole_numbers
                          ? (squares ? select_row<WholeMeasure<Measure::squares>>
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

#if HWY_ONCE
namespace stfcube {
namespace {

HWY_EXPORT(find_row);
HWY_EXPORT(average);

std::size_t to_size(int n) { return static_cast<std::size_t>(n); }

/// Width of a window row with padding.
std::size_t padded_width(SimilarWindow const& window) {
  return (to_size(window.width()) + similar_row_lanes - 1) / similar_row_lanes * similar_row_lanes;
}

/// Values of a window with a vector beyond.
std::size_t window_values(SimilarWindow const& window) {
  return padded_width(window) * to_size(window.width()) + similar_row_lanes;
}

/// Largest minus smallest of the usable values of a raster; 0 without any.
int value_range(Dn const* plane, std::span<std::uint8_t const> usable) {
  int lowest = std::numeric_limits<Dn>::max(), highest = std::numeric_limits<Dn>::min();
  for (std::size_t i = 0; i < usable.size(); ++i) {
    int const value = plane[i];
    lowest = std::min(lowest, usable[i] != 0 ? value : int{std::numeric_limits<Dn>::max()});
    highest = std::max(highest, usable[i] != 0 ? value : int{std::numeric_limits<Dn>::min()});
  }
  return std::max(0, highest - lowest);
}

}  // namespace

SimilarLists::SimilarLists(int pixels, int wanted)
    : wanted_(to_size(wanted)), codes_(to_size(pixels) * to_size(wanted)), counts_(to_size(pixels)) {}

std::size_t SimilarLists::bytes(int pixels, int wanted) {
  return AlignedArray<std::uint16_t>::bytes_for(to_size(pixels) * to_size(wanted)) +
         to_size(pixels) * sizeof(std::uint16_t);
}

SimilarSearch::SimilarSearch(SimilarWindow const& window, int cols, int rows)
    : window_(window),
      cols_(cols),
      rows_(rows),
      pitch_(cols + 2 * window.half_px),
      raster_rows_(rows + 2 * window.half_px),
      excluded_(raster_size()),
      weights_(to_size(pitch_) * to_size(window.width())),
      measures_(window_values(window)),
      survivors_(window_values(window)),
      selection_(window_values(window)),
      indices_(window_values(window)),
      codes_(window_values(window)),
      order_(window_values(window)) {
  ensure(cols <= largest_side && rows <= largest_side && window.half_px <= SimilarWindow::largest_half_px,
         "offsets in a window have 16 bits");
  struct Place {
    int distance2, dy, dx;
    std::size_t index;
    auto operator<=>(Place const&) const = default;
  };
  std::vector<Place> places;
  std::fill_n(weights_.data(), weights_.size(), 0.0);
  int const h = window.half_px;
  for (int dy = -h; dy <= h; ++dy) {
    for (int dx = -h; dx <= h; ++dx) {
      std::size_t const index = to_size(dy + h) * padded_width(window) + to_size(dx + h);
      std::size_t const code = window_at(dx + h, dy + h);
      int const distance2 = dx * dx + dy * dy;
      places.push_back({distance2, dy, dx, index});
      codes_[index] = static_cast<std::uint16_t>(code);
      weights_[code] = 1.0 / (1.0 + std::sqrt(static_cast<double>(distance2)) / window.distance_px);
    }
  }
  std::ranges::sort(places);
  for (std::size_t rank = 0; rank < places.size(); ++rank)
    order_[places[rank].index] = static_cast<std::uint16_t>(rank);
}

std::size_t SimilarSearch::bytes(SimilarWindow const& window, int cols, int rows, int bands) {
  std::size_t const pitch = to_size(cols + 2 * window.half_px);
  std::size_t const raster = pitch * to_size(rows + 2 * window.half_px);
  std::size_t const values = window_values(window);
  return to_size((bands + 1) / 2) * AlignedArray<Dn>::bytes_for(2 * raster) +
         to_size(bands) * AlignedArray<double>::bytes_for(raster) +
         AlignedArray<std::int32_t>::bytes_for(raster) +
         AlignedArray<double>::bytes_for(pitch * to_size(window.width())) +
         3 * AlignedArray<double>::bytes_for(values) + AlignedArray<std::int32_t>::bytes_for(values) +
         values * (2 * sizeof(std::uint16_t) + sizeof(std::uint32_t));
}

void SimilarSearch::compare(std::span<Dn const* const> planes, std::span<std::uint8_t const> usable,
                            Measure measure) {
  std::int64_t largest = 0;  // of Q
  bool words = true;
  for (Dn const* const plane : planes) {
    std::int64_t const range = value_range(plane, usable);
    words = words && range <= std::numeric_limits<std::int16_t>::max();
    largest += measure == Measure::squares ? range * range : range;
  }
  std::size_t const size = raster_size();
  if (!words || largest >= std::numeric_limits<std::int32_t>::max() - 1) {
    // Sums of squares of whole numbers stay exact.
    std::vector<std::vector<double>> wide;
    std::vector<double const*> pointers;
    for (Dn const* const plane : planes) {
      wide.emplace_back(plane, plane + size);
      pointers.push_back(wide.back().data());
    }
    compare(pointers, usable, measure);
    return;
  }
  whole_numbers_ = true;
  measure_ = measure;
  planes_ = static_cast<int>(planes.size() + 1) / 2;
  while (pairs_.size() < to_size(planes_)) pairs_.emplace_back(2 * size);
  for (std::size_t p = 0; p < to_size(planes_); ++p) {
    Dn const* const first = planes[2 * p];
    Dn const* const second = 2 * p + 1 < planes.size() ? planes[2 * p + 1] : nullptr;
    for (std::size_t i = 0; i < size; ++i) {
      pairs_[p][2 * i] = first[i];
      pairs_[p][2 * i + 1] = second == nullptr ? Dn{0} : second[i];
    }
  }
  for (std::size_t i = 0; i < size; ++i) excluded_[i] = usable[i] != 0 ? 0 : -1;
}

void SimilarSearch::compare(std::span<double const* const> planes, std::span<std::uint8_t const> usable,
                            Measure measure) {
  std::size_t const size = raster_size();
  whole_numbers_ = false;
  measure_ = measure;
  planes_ = static_cast<int>(planes.size());
  while (values_.size() < planes.size()) values_.emplace_back(size);
  for (std::size_t p = 0; p < planes.size(); ++p) std::copy_n(planes[p], size, values_[p].data());
  for (std::size_t i = 0; i < size; ++i) excluded_[i] = usable[i] != 0 ? 0 : -1;
}

SimilarSearch::View SimilarSearch::view() {
  return {.width = to_size(window_.width()),
          .stride = padded_width(window_),
          .pitch = to_size(pitch_),
          .centre = centre(),
          .wanted = to_size(window_.wanted),
          .planes = planes_,
          .measure = measure_,
          .pairs = pairs_,
          .values = values_,
          .excluded = excluded_.data(),
          .weights = weights_.data(),
          .measures = measures_.data(),
          .survivors = survivors_.data(),
          .selection = selection_.data(),
          .indices = indices_.data(),
          .codes = codes_.data(),
          .order = order_.data(),
          .ties = ties_};
}

void SimilarSearch::find(std::span<std::uint8_t const> asked, SimilarLists& lists) {
  View const rows = view();
  for (int y = 0; y < rows_; ++y) {
    std::size_t const first = to_size(y) * to_size(cols_);
    HWY_DYNAMIC_DISPATCH(find_row)
    (rows, whole_numbers_, window_at(0, y), asked.subspan(first, to_size(cols_)),
     lists.codes_.data() + first * lists.wanted_, lists.counts_.data() + first);
  }
}

void SimilarSearch::average_row(SimilarLists const& lists, int y, double const* images,
                                std::span<Means> means) const {
  for (int x = 0; x < cols_; ++x) {
    auto const codes = lists.of(y * cols_ + x);
    if (codes.empty()) continue;
    HWY_DYNAMIC_DISPATCH(average)
    (weights_.data(), images + to_size(columns) * window_at(x, y), codes, means[to_size(x)]);
  }
}

}  // namespace stfcube
#endif  // HWY_ONCE
