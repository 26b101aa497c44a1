// Compiled once for every instruction set; see most_similar.cpp.
#if defined(STFCUBE_MOST_SIMILAR_WINDOW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STFCUBE_MOST_SIMILAR_WINDOW_INL
#undef STFCUBE_MOST_SIMILAR_WINDOW_INL
#else
#define STFCUBE_MOST_SIMILAR_WINDOW_INL
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include <hwy/highway.h>

#include "stfcube/models/classical/most_similar_window.hpp"

HWY_BEFORE_NAMESPACE();
namespace stfcube::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// Candidates of one window with keys in single precision. Keys that are among the smallest in double
/// precision are never lost: all comparisons leave room for rounding.
class Preselection {
 public:
  Preselection(MostSimilarWindow const& window, float* keys, std::int32_t* codes)
      : window_(window), keys_(keys), codes_(codes) {}

  /// Rows from the centre outwards: what is near is likely to be similar, and makes the rest fail early.
  /// @tparam bands  of the window; 0: not known when compiling
  template <int bands>
  std::size_t run() {
    add_row<bands>(0);
    for (int dy = 1; dy <= window_.half; ++dy) {
      add_row<bands>(-dy);
      add_row<bands>(dy);
    }
    reduce();
    return count_;
  }

 private:
  static constexpr hn::ScalableTag<float> floats = {};
  static constexpr hn::ScalableTag<std::int32_t> words = {};
  static constexpr float room = 1 + 1e-5F;

  template <int known_bands>
  void add_row(int dy) {
    int const bands = known_bands > 0 ? known_bands : window_.bands;
    std::size_t const width = static_cast<std::size_t>(2 * window_.half + 1), lanes = hn::Lanes(floats);
    float const* const factor = window_.factor + static_cast<std::size_t>(dy + window_.half) * window_.pitch;
    auto const highest = hn::Set(floats, highest_);
    auto const first_code = static_cast<std::int32_t>(dy + window_.half) * static_cast<std::int32_t>(width);
    std::ptrdiff_t const first = dy * window_.stride - window_.half;
    std::size_t count = count_;
    for (std::size_t i = 0; i < width; i += lanes) {
      auto similar = hn::FirstN(floats, width - i);
      auto sum = hn::Set(floats, 1e-5F);
#pragma GCC unroll 8
      for (int band = 0; band < bands; ++band) {
        float const* const centre = window_.centres[band];
        auto const value = hn::LoadU(floats, centre + first + static_cast<std::ptrdiff_t>(i));
        auto const difference = hn::Abs(hn::Sub(value, hn::Set(floats, *centre)));
        similar = hn::And(similar, hn::Le(difference, hn::Set(floats, window_.limits[band])));
        sum = hn::MulAdd(difference, hn::Set(floats, window_.inverse[band]), sum);
      }
      auto const key = hn::Mul(sum, hn::LoadU(floats, factor + i));
      auto const chosen = hn::And(similar, hn::Le(key, highest));
      if (hn::AllFalse(floats, chosen)) continue;
      count += append(count, key, hn::Iota(words, first_code + static_cast<std::int32_t>(i)), chosen);
    }
    count_ = count;
    if (count > 8 * static_cast<std::size_t>(window_.most) + lanes) reduce();
  }

  /// Stores the chosen lanes one after the other; whole vectors are written, as compressing in a register is
  /// many times faster than compressing into memory on some processors. Returns how many.
  template <class Keys, class Codes, class Mask>
  std::size_t append(std::size_t at, Keys key, Codes code, Mask chosen) {
    hn::StoreU(hn::Compress(code, hn::RebindMask(words, chosen)), words, codes_ + at);
    hn::StoreU(hn::Compress(key, chosen), floats, keys_ + at);
    return hn::CountTrue(floats, chosen);
  }

  /// How many keys are at most `limit`; those behind the last one are infinite then.
  std::size_t count_up_to(float limit) const {
    auto const highest = hn::Set(floats, limit);
    std::size_t total = 0;
    for (std::size_t i = 0; i < count_; i += hn::Lanes(floats))
      total += hn::CountTrue(floats, hn::Le(hn::LoadU(floats, keys_ + i), highest));
    return total;
  }

  /// Leaves out what is surely not among the smallest; keeps about as many as are wanted.
  void reduce() {
    std::size_t const most = static_cast<std::size_t>(window_.most);
    if (count_ <= most || count_ < hn::Lanes(floats)) return;
    // Positive floats are in the order of their bits.
    auto const bits = [](float value) {
      std::int32_t word;
      std::memcpy(&word, &value, sizeof word);
      return word;
    };
    std::size_t const lanes = hn::Lanes(floats);
    auto least = hn::LoadU(floats, keys_), most_of_all = hn::Set(floats, keys_[0]);
    for (std::size_t i = 0; i + lanes <= count_; i += lanes) {
      auto const key = hn::LoadU(floats, keys_ + i);
      least = hn::Min(least, key);
      most_of_all = hn::Max(most_of_all, key);
    }
    auto const tail = hn::LoadU(floats, keys_ + count_ - lanes);
    float const smallest = hn::GetLane(hn::MinOfLanes(floats, hn::Min(least, tail)));
    float const largest = hn::GetLane(hn::MaxOfLanes(floats, hn::Max(most_of_all, tail)));
    hn::StoreU(hn::Set(floats, std::numeric_limits<float>::infinity()), floats, keys_ + count_);
    std::int32_t low = bits(smallest), high = bits(largest);
    while (low < high) {
      std::int32_t const middle = low + (high - low) / 2;
      float value;
      std::memcpy(&value, &middle, sizeof value);
      std::size_t const below = count_up_to(value);
      if (below < most) {
        low = middle + 1;
      } else {
        high = middle;
        if (below <= most + most / 4) break;
      }
    }
    std::memcpy(&highest_, &high, sizeof highest_);
    highest_ *= room;
    std::size_t kept = 0;
    auto const highest = hn::Set(floats, highest_);
    for (std::size_t i = 0; i < count_; i += lanes) {
      auto const key = hn::LoadU(floats, keys_ + i);
      auto const codes = hn::LoadU(words, codes_ + i);
      auto const chosen = hn::Le(key, highest);
      kept += append(kept, key, codes, chosen);
    }
    count_ = kept;
  }

  MostSimilarWindow const& window_;
  float* keys_;
  std::int32_t* codes_;
  std::size_t count_ = 0;
  float highest_ = std::numeric_limits<float>::infinity();
};

/// The candidates of a window that may be among the most similar: their places row by row. Returns how many.
std::size_t preselect(MostSimilarWindow const& window, float* keys, std::int32_t* codes) {
  Preselection search(window, keys, codes);
  switch (window.bands) {
    case 1:
      return search.run<1>();
    case 2:
      return search.run<2>();
    case 3:
      return search.run<3>();
    case 4:
      return search.run<4>();
    case 6:
      return search.run<6>();
    default:
      return search.run<0>();
  }
}

}  // namespace
}  // namespace stfcube::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
