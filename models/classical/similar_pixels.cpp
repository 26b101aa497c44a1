#include "stfcube/models/classical/similar_pixels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>

#include "stfcube/partitioning/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stfcube/models/classical/similar_pixels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "stfcube/models/classical/similar_pixels_kernel-inl.hpp"

#if HWY_ONCE
namespace stfcube {
namespace {

HWY_EXPORT(find_row);
HWY_EXPORT(average);

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// Width of a window row with padding.
std::size_t padded_width(SimilarWindow const& window) {
  return (to_size(window.width()) + similar_row_lanes - 1) / similar_row_lanes * similar_row_lanes;
}

/// Values of a window with a vector beyond.
std::size_t window_values(SimilarWindow const& window) {
  return padded_width(window) * to_size(window.width()) + similar_row_lanes;
}

/// A raster's values and a vector beyond, which the last window reaches.
std::size_t with_margin(std::size_t raster) {
  return raster + similar_row_lanes;
}

/// The smallest and the largest of the usable values of a raster.
struct ValueRange {
  int lowest = std::numeric_limits<Dn>::max(), highest = std::numeric_limits<Dn>::min();

  ValueRange(Dn const* plane, std::span<std::uint8_t const> usable) {
    for (std::size_t i = 0; i < usable.size(); ++i) {
      int const value = plane[i];
      lowest = std::min(lowest, usable[i] != 0 ? value : int{std::numeric_limits<Dn>::max()});
      highest = std::max(highest, usable[i] != 0 ? value : int{std::numeric_limits<Dn>::min()});
    }
    lowest = std::min(lowest, highest);
  }
  int size() const { return highest - lowest; }
};

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
      weights_(to_size(pitch_) * to_size(window.width())),
      tail_whole_(padded_width(window)),
      tail_real_(padded_width(window)),
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
  std::fill_n(tail_whole_.data(), tail_whole_.size(), std::numeric_limits<std::int32_t>::max());
  std::fill_n(tail_whole_.data(), window.width(), 0);
  std::fill_n(tail_real_.data(), tail_real_.size(), std::numeric_limits<double>::infinity());
  std::fill_n(tail_real_.data(), window.width(), 0.0);
  std::ranges::sort(places);
  for (std::size_t rank = 0; rank < places.size(); ++rank)
    order_[places[rank].index] = static_cast<std::uint16_t>(rank);
}

std::size_t SimilarSearch::bytes(SimilarWindow const& window, int cols, int rows, int bands) {
  std::size_t const pitch = to_size(cols + 2 * window.half_px);
  std::size_t const raster = with_margin(pitch * to_size(rows + 2 * window.half_px));
  std::size_t const values = window_values(window);
  return to_size((bands + 1) / 2) * AlignedArray<Dn>::bytes_for(2 * raster) +
         to_size(bands) * AlignedArray<double>::bytes_for(raster) +
         AlignedArray<std::int32_t>::bytes_for(raster) + AlignedArray<double>::bytes_for(raster) +
         2 * AlignedArray<double>::bytes_for(padded_width(window)) +
         AlignedArray<double>::bytes_for(pitch * to_size(window.width())) +
         3 * AlignedArray<double>::bytes_for(values) + AlignedArray<std::int32_t>::bytes_for(values) +
         values * (2 * sizeof(std::uint16_t) + sizeof(std::uint32_t));
}

void SimilarSearch::compare(std::span<Dn const* const> planes, std::span<std::uint8_t const> usable,
                            Measure measure) {
  std::int64_t largest = 0;  // of Q
  bool words = true;
  std::vector<ValueRange> ranges;
  for (Dn const* const plane : planes) {
    std::int64_t const range = ranges.emplace_back(plane, usable).size();
    words = words && range <= std::numeric_limits<std::int16_t>::max();
    largest += measure == Measure::squares ? range * range : range;
  }
  std::size_t const size = raster_size();
  if (!words || largest >= std::numeric_limits<std::int32_t>::max() - 1) {
    // Sums of squares of whole numbers stay exact.
    std::vector<std::vector<double>> wide;
    std::vector<double const*> pointers;
    for (Dn const* const plane : planes) {
      auto& values = wide.emplace_back(size);
      for (std::size_t i = 0; i < size; ++i) values[i] = usable[i] != 0 ? plane[i] : 0;
      pointers.push_back(wide.back().data());
    }
    compare(pointers, usable, measure);
    return;
  }
  whole_numbers_ = true;
  measure_ = measure;
  planes_ = static_cast<int>(planes.size() + 1) / 2;
  while (pairs_.size() < to_size(planes_)) {
    auto& pair = pairs_.emplace_back(2 * with_margin(size));
    std::fill_n(pair.data(), pair.size(), Dn{0});
  }
  for (std::size_t band = 0; band < 2 * to_size(planes_); ++band) {
    Dn* const to = pairs_[band / 2].data() + band % 2;
    bool const present = band < planes.size();
    // Whatever stands in unusable pixels must not make sums overflow.
    Dn const filler = present ? static_cast<Dn>(ranges[band].lowest) : Dn{0};
    for (std::size_t i = 0; i < size; ++i) to[2 * i] = present && usable[i] != 0 ? planes[band][i] : filler;
    for (std::size_t i = size; i < with_margin(size); ++i) to[2 * i] = filler;
  }
  if (excluded_whole_.size() == 0) {
    excluded_whole_ = AlignedArray<std::int32_t>(with_margin(size));
    std::fill_n(excluded_whole_.data(), with_margin(size), 0);
  }
  for (std::size_t i = 0; i < size; ++i)
    excluded_whole_[i] = usable[i] != 0 ? 0 : std::numeric_limits<std::int32_t>::max();
}

void SimilarSearch::compare(std::span<double const* const> planes, std::span<std::uint8_t const> usable,
                            Measure measure) {
  std::size_t const size = raster_size();
  whole_numbers_ = false;
  measure_ = measure;
  planes_ = static_cast<int>(planes.size());
  while (values_.size() < planes.size()) {
    auto& plane = values_.emplace_back(with_margin(size));
    std::fill_n(plane.data(), plane.size(), 0.0);
  }
  for (std::size_t p = 0; p < planes.size(); ++p) std::copy_n(planes[p], size, values_[p].data());
  if (excluded_real_.size() == 0) {
    excluded_real_ = AlignedArray<double>(with_margin(size));
    std::fill_n(excluded_real_.data(), with_margin(size), 0.0);
  }
  for (std::size_t i = 0; i < size; ++i)
    excluded_real_[i] = usable[i] != 0 ? 0 : std::numeric_limits<double>::infinity();
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
          .excluded_whole = excluded_whole_.data(),
          .tail_whole = tail_whole_.data(),
          .excluded_real = excluded_real_.data(),
          .tail_real = tail_real_.data(),
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
