// Compiled once for every instruction set; see starfm_kernel.cpp.
#if defined(STFCUBE_STARFM_PLACE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STFCUBE_STARFM_PLACE_INL
#undef STFCUBE_STARFM_PLACE_INL
#else
#define STFCUBE_STARFM_PLACE_INL
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include <hwy/highway.h>

#include "stfcube/models/classical/starfm_kernel.hpp"

HWY_BEFORE_NAMESPACE();
namespace stfcube::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using DoubleVector = hn::Vec<Doubles>;
using Words = hn::ScalableTag<std::uint16_t>;

constexpr Doubles doubles;
/// Added to a temporal limit, it lets every change pass that is not missing.
constexpr double any_present_change = starfm_missing_change / 4;

inline DoubleVector promoted(float const* values) {
  return hn::PromoteTo(doubles, hn::LoadU(hn::Rebind<float, Doubles>(), values));
}

/// Half away from zero, exact for every value (the same as std::llround).
inline DoubleVector round_half_away(DoubleVector value) {
  auto const whole = hn::Trunc(value);
  auto const up = hn::Ge(hn::Abs(hn::Sub(value, whole)), hn::Set(doubles, 0.5));
  return hn::Add(whole, hn::IfThenElseZero(up, hn::CopySign(hn::Set(doubles, 1.0), value)));
}

inline void store_words(DoubleVector value, std::int16_t* to) {
  hn::Rebind<std::int32_t, Doubles> const words32;
  hn::Rebind<std::int16_t, Doubles> const words16;
  hn::StoreU(hn::DemoteTo(words16, hn::DemoteTo(words32, value)), words16, to);
}

inline std::uint16_t to_word(double value) {
  return static_cast<std::uint16_t>(std::min(value, 65535.0));
}

/// The values that are similar to a centre, as lowest <= value < lowest + size in 16 bits without a sign;
/// no_data_dn lies outside of every such range.
struct SimilarRange {
  SimilarRange() = default;
  SimilarRange(Dn centre, int delta) {
    if (centre == no_data_dn || delta < 0) return;
    int const first = std::max(centre - delta, no_data_dn + 1);
    int const last = std::min(centre + delta, static_cast<int>(std::numeric_limits<Dn>::max()));
    lowest = static_cast<std::uint16_t>(first);
    size = static_cast<std::uint16_t>(last - first + 1);
  }
  std::uint16_t lowest = 0, size = 0;
};

/// The sums of step 6 for a vector of pixels or targets.
struct Sums {
  DoubleVector weight, value, square, count;

  /// A neighbour; the weight is 0 where it is not kept.
  void add(DoubleVector w, DoubleVector v) {
    auto const weighted = hn::Mul(w, v);
    weight = hn::Add(weight, w);
    value = hn::Add(value, weighted);
    square = hn::Add(square, hn::Mul(weighted, v));
  }
};

/// Where predictions go.
struct Destination {
  Dn* dn;
  Dn* uncertainty;
  std::int16_t* flags;
  double* exact;
};

/// Steps 6 and 7, the uncertainty, and rounding as `put` of the model contract does it.
class Conclusion {
 public:
  Conclusion(StarfmBlockView const& block, int pairs)
      : block_(block), pairs_(pairs), enough_(enough(block, pairs)) {}

  /// Fewer kept pixels than this are few.
  static double enough(StarfmBlockView const& block, int pairs) {
    return block.window * block.window * pairs / 100.0;
  }

  /// @param centre, centre_square  sums over the pairs at the centre itself; not a number: no prediction
  void store(Sums sums, DoubleVector centre, DoubleVector centre_square, DoubleVector flags,
             Destination to) const {
    auto const zero = hn::Zero(doubles);
    auto const none = hn::Eq(sums.count, zero);
    auto const predicted = hn::Eq(centre, centre);
    sums.weight = hn::IfThenElse(none, hn::Set(doubles, pairs_), sums.weight);
    sums.value = hn::IfThenElse(none, centre, sums.value);
    sums.square = hn::IfThenElse(none, centre_square, sums.square);
    auto const value = hn::Div(sums.value, sums.weight);
    auto const spread = hn::Max(hn::Sub(hn::Div(sums.square, sums.weight), hn::Mul(value, value)), zero);
    auto const sigma = hn::Sqrt(hn::Add(spread, hn::Set(doubles, block_.variance)));
    auto const few = hn::Lt(sums.count, hn::Set(doubles, enough_));
    flags = hn::Add(flags, hn::IfThenElseZero(few, hn::Set(doubles, double{quality::low_confidence})));
    round(value, sigma, flags, predicted, to);
  }

 private:
  template <class Mask>
  void round(DoubleVector value, DoubleVector sigma, DoubleVector flags, Mask predicted,
             Destination to) const {
    auto const lowest = hn::Set(doubles, block_.range.lowest);
    auto const highest = hn::Set(doubles, block_.range.highest);
    auto const missing = hn::Set(doubles, no_data_dn);
    auto const rounded = round_half_away(value);
    auto const inside = hn::Min(hn::Max(rounded, lowest), highest);
    flags = hn::Add(flags,
                    hn::IfThenElseZero(hn::Ne(inside, rounded), hn::Set(doubles, double{quality::clamped})));
    auto const uncertainty = round_half_away(hn::Min(sigma, hn::Set(doubles, 32767.0)));
    auto const not_a_number = hn::Set(doubles, std::numeric_limits<double>::quiet_NaN());
    store_words(hn::IfThenElse(predicted, inside, missing), to.dn);
    store_words(hn::IfThenElse(predicted, uncertainty, missing), to.uncertainty);
    store_words(hn::IfThenElseZero(predicted, flags), to.flags);
    hn::StoreU(hn::IfThenElse(predicted, value, not_a_number), doubles, to.exact);
  }

  StarfmBlockView const& block_;
  double const pairs_, enough_;
};

/// One row of a block, and where things stand in it.
class RowPlace {
 public:
  RowPlace(StarfmBlockView const& block, int row, StarfmScratch& scratch, StarfmRow& result)
      : block_(block),
        row_(row),
        centre_(static_cast<std::size_t>(block.before) * static_cast<std::size_t>(block.pitch + 1)),
        scratch_(scratch),
        result_(result) {}

  StarfmPlan const& plan_of(int x) const {
    return *block_.plans[static_cast<std::size_t>(row_) * static_cast<std::size_t>(block_.cols) +
                         static_cast<std::size_t>(x)];
  }

 protected:
  /// Raster index of the first pixel of the window around column `x`.
  std::size_t window_at(int x) const {
    return static_cast<std::size_t>(row_) * static_cast<std::size_t>(block_.pitch) +
           static_cast<std::size_t>(x);
  }

  void no_prediction(int x, int first, int last) {
    for (int t = first; t < last; ++t) {
      std::size_t const at = result_at(x, t);
      result_.dn[at] = no_data_dn;
      result_.uncertainty[at] = no_data_dn;
      result_.flags[at] = 0;
      result_.exact[at] = std::numeric_limits<double>::quiet_NaN();
    }
  }

  std::size_t result_at(int x, int t) const {
    return static_cast<std::size_t>(x) * static_cast<std::size_t>(result_.stride) +
           static_cast<std::size_t>(t);
  }

  StarfmPairView const& pair_of(StarfmRun const& run, int k) const {
    return block_.pairs[static_cast<std::size_t>(run.pair[static_cast<std::size_t>(k)])];
  }

  /// Where the cell of a raster pixel stands in `change`.
  std::size_t change_offset(std::size_t raster) const {
    return static_cast<std::size_t>(block_.cell[raster]) * static_cast<std::size_t>(block_.stride);
  }

  StarfmBlockView const& block_;
  int const row_;
  std::size_t const centre_;  ///< window index of the centre
  StarfmScratch& scratch_;
  StarfmRow& result_;
};

}  // namespace stfcube::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
