#include "stfcube/models/classical/starfm_kernel.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

// Compression of 16-bit lanes, the heart of the search, is an instruction of its own from here on.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stfcube/models/classical/starfm_kernel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stfcube::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using DoubleVector = hn::Vec<Doubles>;
using Words = hn::ScalableTag<std::uint16_t>;

constexpr Doubles doubles;
/// Added to a temporal limit, it lets every change pass that is not missing.
constexpr double any_present_change = starfm_missing_change / 4;

DoubleVector promoted(float const* values) {
  return hn::PromoteTo(doubles, hn::LoadU(hn::Rebind<float, Doubles>(), values));
}

/// Half away from zero, exact for every value (the same as std::llround).
DoubleVector round_half_away(DoubleVector value) {
  auto const whole = hn::Trunc(value);
  auto const up = hn::Ge(hn::Abs(hn::Sub(value, whole)), hn::Set(doubles, 0.5));
  return hn::Add(whole, hn::IfThenElseZero(up, hn::CopySign(hn::Set(doubles, 1.0), value)));
}

void store_words(DoubleVector value, std::int16_t* to) {
  hn::Rebind<std::int32_t, Doubles> const words32;
  hn::Rebind<std::int16_t, Doubles> const words16;
  hn::StoreU(hn::DemoteTo(words16, hn::DemoteTo(words32, value)), words16, to);
}

std::uint16_t to_word(double value) {
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

/// Predicts the pixels of one row.
class RowKernel {
 public:
  RowKernel(StarfmBlockView const& block, int row, StarfmScratch& scratch, StarfmRow& result)
      : block_(block),
        row_(row),
        centre_(static_cast<std::size_t>(block.before) * static_cast<std::size_t>(block.pitch + 1)),
        scratch_(scratch),
        result_(result) {}

  void run() {
    for (int x = 0; x < block_.cols; x += StarfmScratch::group) {
      int const width = std::min(StarfmScratch::group, block_.cols - x);
      StarfmPlan const* const plan = &plan_of(x);
      // Which pixels keep a neighbour is stored by whole bytes.
      bool alike = !block_.images.empty() && hn::Lanes(GroupWords()) >= 8;
      for (int i = 1; i < width; ++i) alike = alike && &plan_of(x + i) == plan;
      if (alike) {
        predict_group(x, width, *plan);
      } else {
        for (int i = 0; i < width; ++i) predict_pixel(x + i);
      }
    }
  }

 private:
  StarfmPlan const& plan_of(int x) const {
    return *block_.plans[static_cast<std::size_t>(row_) * static_cast<std::size_t>(block_.cols) +
                         static_cast<std::size_t>(x)];
  }

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

  // ---- pixels side by side

  void predict_group(int x, int width, StarfmPlan const& plan) {
    int done = 0;
    for (StarfmRun const& run : plan.runs) {
      for (int i = 0; i < width; ++i) no_prediction(x + i, done, run.first);
      for (int t = run.first; t < run.last; ++t) predict_group_target(x, width, plan, run, t);
      done = run.last;
    }
    for (int i = 0; i < width; ++i) no_prediction(x + i, done, block_.targets);
  }

  StarfmImages const& images_of(StarfmRun const& run, int k, int target) const {
    return block_.images[block_.image_index(target, run.pair[static_cast<std::size_t>(k)], run.use_t)];
  }

  /// Largest differences that pass the filter, and the fallback, for a group of pixels (spec, steps 2, 4 and
  /// 7).
  struct GroupLimits {
    alignas(64) std::array<std::uint16_t, StarfmScratch::group> spectral, temporal;
    alignas(64) std::array<double, StarfmScratch::group> centre, centre_square;
  };

  GroupLimits limits_of(std::size_t base, int width, StarfmRun const& run, int target) const {
    GroupLimits limits{};
    for (int i = 0; i < width; ++i) {
      std::size_t const at = base + centre_ + static_cast<std::size_t>(i), lane = static_cast<std::size_t>(i);
      int spectral = 0, temporal = 0;
      for (int k = 0; k < run.pairs; ++k) {
        StarfmImages const& images = images_of(run, k, target);
        int const s = pair_of(run, k).difference[at], t = images.temporal[at];
        spectral = k == 0 ? s : block_.centre_max ? std::max(spectral, s) : std::min(spectral, s);
        temporal = k == 0 ? t : block_.centre_max ? std::max(temporal, t) : std::min(temporal, t);
        double const value = images.value[at];
        limits.centre[lane] += value;
        limits.centre_square[lane] += value * value;
      }
      double const change = pair_of(run, 0).change[change_offset(at) + static_cast<std::size_t>(target)];
      if (change == starfm_missing_change) limits.centre[lane] = std::numeric_limits<double>::quiet_NaN();
      limits.spectral[lane] = to_word(spectral + block_.spectral);
      limits.temporal[lane] = to_word(temporal + block_.temporal);
    }
    return limits;
  }

  void predict_group_target(int x, int width, StarfmPlan const& plan, StarfmRun const& run, int target) {
    std::size_t const base = window_at(x);
    GroupLimits const limits = limits_of(base, width, run, target);
    constexpr std::size_t parts = StarfmScratch::group / StarfmScratch::subgroup;
    std::array<GroupSums, parts> sums{};
    alignas(64) GroupArray counts{};
    int const used = (width + StarfmScratch::subgroup - 1) / StarfmScratch::subgroup;
    for (int k = 0; k < run.pairs; ++k) {
      find_kept(base, static_cast<std::size_t>(width), pair_of(run, k), images_of(run, k, target), limits,
                counts);
      for (int part = 0; part < used; ++part) {
        std::size_t const entries = list_entries(part);
        add_entries(base + static_cast<std::size_t>(part * StarfmScratch::subgroup),
                    images_of(run, k, target), entries, sums[static_cast<std::size_t>(part)]);
      }
    }
    for (int part = 0; part < used; ++part) {
      int const first = part * StarfmScratch::subgroup;
      conclude_subgroup(x + first, std::min(StarfmScratch::subgroup, width - first), first, plan, run, target,
                        limits, sums[static_cast<std::size_t>(part)], counts);
    }
  }

  /// Sums of a subgroup of pixels, in memory because their number of vectors differs between machines.
  struct GroupSums {
    alignas(64) double weight[StarfmScratch::subgroup], value[StarfmScratch::subgroup],
        square[StarfmScratch::subgroup];
  };

  /// A vector of 16-bit values for the pixels of a group.
  using GroupWords = hn::CappedTag<std::uint16_t, StarfmScratch::group>;
  using GroupVector = hn::Vec<GroupWords>;
  using GroupArray = std::array<std::uint16_t, StarfmScratch::group>;

  /// Steps 3 and 4: for every pixel of the window, which pixels of the group keep it; and how many pixels
  /// each keeps.
  void find_kept(std::size_t base, std::size_t width, StarfmPairView const& pair, StarfmImages const& images,
                 GroupLimits const& limits, GroupArray& counts) {
    bool const own = pair.similarity.size() == 1 && pair.similarity.front().fine == pair.fine;
    for (std::size_t first = 0; first < width; first += hn::Lanes(GroupWords())) {
      // Anything but a gap, when other bands decide what is similar.
      std::size_t const used = width - first;
      GroupRanges const ranges =
          own ? ranges_of(pair.similarity.front(), base + first, used) : GroupRanges::everything();
      if (block_.both_tests) {
        mark_kept<true>(base, first, pair, images, limits, ranges, counts);
      } else {
        mark_kept<false>(base, first, pair, images, limits, ranges, counts);
      }
      for (std::size_t b = 0; !own && b < pair.similarity.size(); ++b) {
        keep_similar(base, first, pair.similarity[b].fine, ranges_of(pair.similarity[b], base + first, used),
                     counts);
      }
    }
  }

  /// What is similar to each pixel of a vector; unused lanes have nothing that is.
  struct GroupRanges {
    alignas(64) GroupArray lowest{}, size{};
    static GroupRanges everything() {
      GroupRanges ranges;
      SimilarRange const valid(0, 65535);
      ranges.lowest.fill(valid.lowest);
      ranges.size.fill(valid.size);
      return ranges;
    }
  };
  GroupRanges ranges_of(StarfmSimilarity const& similarity, std::size_t base, std::size_t used) const {
    GroupRanges ranges;
    for (std::size_t i = 0; i < std::min(used, hn::Lanes(GroupWords())); ++i) {
      SimilarRange const range(similarity.fine[base + centre_ + i], similarity.delta);
      ranges.lowest[i] = range.lowest;
      ranges.size[i] = range.size;
    }
    return ranges;
  }

  template <bool both_tests>
  void mark_kept(std::size_t base, std::size_t first, StarfmPairView const& pair, StarfmImages const& images,
                 GroupLimits const& limits, GroupRanges const& ranges, GroupArray& counts) {
    GroupWords const tag;
    auto const spectral = hn::LoadU(tag, limits.spectral.data() + first);
    auto const temporal = hn::LoadU(tag, limits.temporal.data() + first);
    auto const lowest = hn::LoadU(tag, ranges.lowest.data()), size = hn::LoadU(tag, ranges.size.data());
    auto const one = hn::Set(tag, std::uint16_t{1});
    auto const* const fine = reinterpret_cast<std::uint16_t const*>(images.fine);
    std::uint16_t const* const difference = pair.difference;
    std::uint16_t const* const change = images.temporal;
    auto const width = static_cast<std::size_t>(block_.window),
               pitch = static_cast<std::size_t>(block_.pitch);
    std::uint8_t* to = scratch_.kept.data() + first / 8;
    auto count = hn::LoadU(tag, counts.data() + first);
    for (std::size_t row = base + first; row < base + first + width * pitch; row += pitch) {
      for (std::size_t at = row; at < row + width; ++at, to += StarfmScratch::group / 8) {
        auto const similar = hn::Lt(hn::Sub(hn::LoadU(tag, fine + at), lowest), size);
        auto const fails_s = hn::Gt(hn::LoadU(tag, difference + at), spectral);
        auto const fails_t = hn::Gt(hn::LoadU(tag, change + at), temporal);
        auto const fails = both_tests ? hn::Or(fails_s, fails_t) : hn::And(fails_s, fails_t);
        auto const kept = hn::AndNot(fails, similar);
        count = hn::Add(count, hn::IfThenElseZero(kept, one));
        hn::StoreMaskBits(tag, kept, to);
      }
    }
    hn::StoreU(count, tag, counts.data() + first);
  }

  /// Takes out what is not similar in another band.
  void keep_similar(std::size_t base, std::size_t first, Dn const* band, GroupRanges const& ranges,
                    GroupArray& counts) {
    GroupWords const tag;
    auto const lowest = hn::LoadU(tag, ranges.lowest.data()), size = hn::LoadU(tag, ranges.size.data());
    auto const one = hn::Set(tag, std::uint16_t{1});
    auto const* const fine = reinterpret_cast<std::uint16_t const*>(band);
    auto const width = static_cast<std::size_t>(block_.window),
               pitch = static_cast<std::size_t>(block_.pitch);
    std::uint8_t* to = scratch_.kept.data() + first / 8;
    auto count = hn::LoadU(tag, counts.data() + first);
    for (std::size_t row = base + first; row < base + first + width * pitch; row += pitch) {
      for (std::size_t at = row; at < row + width; ++at, to += StarfmScratch::group / 8) {
        auto const similar = hn::Lt(hn::Sub(hn::LoadU(tag, fine + at), lowest), size);
        auto const before = hn::LoadMaskBits(tag, to);
        count = hn::Sub(count, hn::IfThenElseZero(hn::AndNot(similar, before), one));
        hn::StoreMaskBits(tag, hn::And(similar, before), to);
      }
    }
    hn::StoreU(count, tag, counts.data() + first);
  }

  /// The pixels of the window that some pixel of a subgroup keeps, in window order. Returns how many.
  std::size_t list_entries(int part) {
    hn::ScalableTag<std::uint32_t> const tag;
    std::size_t const size =
        static_cast<std::size_t>(block_.window) * static_cast<std::size_t>(block_.window);
    auto const* const kept = reinterpret_cast<std::uint32_t const*>(scratch_.kept.data());
    std::uint32_t* const entries = scratch_.entries.data();
    auto const low_byte = hn::Set(tag, 255U);
    std::size_t count = 0;
    for (std::size_t i = 0; i < size; i += hn::Lanes(tag)) {
      auto const bits = hn::And(hn::ShiftRightSame(hn::LoadU(tag, kept + i), part * 8), low_byte);
      auto const wanted = hn::And(hn::Ne(bits, hn::Zero(tag)), hn::FirstN(tag, size - i));
      hn::StoreU(hn::Compress(hn::Or(bits, hn::LoadU(tag, block_.shifted_codes + i)), wanted), tag,
                 entries + count);
      count += hn::CountTrue(tag, wanted);
    }
    return count;
  }

  /// Steps 5 and 6.
  void add_entries(std::size_t base, StarfmImages const& images, std::size_t count, GroupSums& total) const {
    double const* const scale = images.scale + base;
    float const* const value = images.value + base;
    double const* const inverse_distance = block_.inverse_distance;
    std::uint32_t const* const entries = scratch_.entries.data();
    auto const one = hn::Set(doubles, 1.0);
    for (std::size_t first = 0; first < StarfmScratch::subgroup; first += hn::Lanes(doubles)) {
      Sums sums{hn::LoadU(doubles, total.weight + first), hn::LoadU(doubles, total.value + first),
                hn::LoadU(doubles, total.square + first), hn::Zero(doubles)};
      for (std::size_t j = 0; j < count; ++j) {
        std::size_t const code = entries[j] >> 8;
        auto const bits = static_cast<std::uint8_t>((entries[j] & 255U) >> first);
        auto const kept = hn::LoadMaskBits(doubles, &bits);
        auto const distant =
            hn::Mul(hn::LoadU(doubles, scale + code + first), hn::Set(doubles, inverse_distance[code]));
        sums.add(hn::IfThenElseZero(kept, hn::Min(distant, one)), promoted(value + code + first));
      }
      hn::StoreU(sums.weight, doubles, total.weight + first);
      hn::StoreU(sums.value, doubles, total.value + first);
      hn::StoreU(sums.square, doubles, total.square + first);
    }
  }

  void conclude_subgroup(int x, int width, int first, StarfmPlan const& plan, StarfmRun const& run,
                         int target, GroupLimits const& limits, GroupSums const& total,
                         GroupArray const& counts) {
    constexpr int size = StarfmScratch::subgroup;
    alignas(64) Dn dn[size], uncertainty[size];
    alignas(64) std::int16_t flags[size];
    alignas(64) double exact[size];
    alignas(64) double count[size];
    std::copy_n(counts.data() + first, size, count);
    Conclusion const conclusion(block_, run.pairs);
    for (int i = 0; i < size; i += static_cast<int>(hn::Lanes(doubles))) {
      Sums const sums{hn::LoadU(doubles, total.weight + i), hn::LoadU(doubles, total.value + i),
                      hn::LoadU(doubles, total.square + i), hn::LoadU(doubles, count + i)};
      conclusion.store(sums, hn::LoadU(doubles, limits.centre.data() + first + i),
                       hn::LoadU(doubles, limits.centre_square.data() + first + i),
                       hn::Set(doubles, plan.flags[static_cast<std::size_t>(target)]),
                       {dn + i, uncertainty + i, flags + i, exact + i});
    }
    for (int i = 0; i < width; ++i) {
      std::size_t const at = result_at(x + i, target);
      result_.dn[at] = dn[i];
      result_.uncertainty[at] = uncertainty[i];
      result_.flags[at] = flags[i];
      result_.exact[at] = exact[i];
    }
  }

  // ---- targets side by side

  void predict_pixel(int x) {
    base_ = window_at(x);
    scratch_.similar_pair[0] = scratch_.similar_pair[1] = -1;
    int done = 0;
    StarfmPlan const& plan = plan_of(x);
    for (StarfmRun const& run : plan.runs) {
      no_prediction(x, done, run.first);
      predict_run(x, plan, run);
      done = run.last;
    }
    no_prediction(x, done, block_.targets);
  }

  /// Where the cell of a raster pixel stands in `change`.
  std::size_t change_offset(std::size_t raster) const {
    return static_cast<std::size_t>(block_.cell[raster]) * static_cast<std::size_t>(block_.stride);
  }

  void predict_run(int x, StarfmPlan const& plan, StarfmRun const& run) {
    start_run(run);
    for (int k = 0; k < run.pairs; ++k) {
      int const which = find_similar(run.pair[static_cast<std::size_t>(k)]);
      std::uint16_t const* const codes = scratch_.similar[which].data();
      std::size_t const count = scratch_.similar_count[which];
      if (run.use_t) {
        add_similar<true>(run, pair_of(run, k), codes, count);
      } else {
        add_similar<false>(run, pair_of(run, k), codes, count);
      }
    }
    Conclusion const conclusion(block_, run.pairs);
    for (int t = run.first; t < run.last; t += static_cast<int>(hn::Lanes(doubles))) {
      std::size_t const at = result_at(x, t);
      conclusion.store(load_sums(t), hn::LoadU(doubles, scratch_.centre.data() + t),
                       hn::LoadU(doubles, scratch_.centre_square.data() + t),
                       hn::LoadU(doubles, plan.flags.data() + t),
                       {result_.dn.data() + at, result_.uncertainty.data() + at, result_.flags.data() + at,
                        result_.exact.data() + at});
    }
  }

  /// Differences at the centre and what follows from them: limits, and the fallback (spec, steps 2, 4 and 7).
  void start_run(StarfmRun const& run) {
    std::size_t const centre = base_ + centre_, offset = change_offset(centre);
    int spectral = pair_of(run, 0).difference[centre];
    if (run.pairs == 2) {
      int const other = pair_of(run, 1).difference[centre];
      spectral = block_.centre_max ? std::max(spectral, other) : std::min(spectral, other);
    }
    spectral_limit_ = to_word(spectral + block_.spectral);
    auto const temporal = hn::Set(doubles, block_.temporal);
    for (int t = run.first; t < run.last; t += static_cast<int>(hn::Lanes(doubles))) {
      auto const change = hn::LoadU(doubles, pair_of(run, 0).change + offset + t);
      auto difference = hn::Abs(change);
      auto const value = hn::Add(change, hn::Set(doubles, pair_of(run, 0).fine[centre]));
      auto sum = value, squares = hn::Mul(value, value);
      if (run.pairs == 2) {
        auto const other_change = hn::LoadU(doubles, pair_of(run, 1).change + offset + t);
        auto const other_difference = hn::Abs(other_change);
        difference =
            block_.centre_max ? hn::Max(difference, other_difference) : hn::Min(difference, other_difference);
        auto const other = hn::Add(other_change, hn::Set(doubles, pair_of(run, 1).fine[centre]));
        sum = hn::Add(sum, other);
        squares = hn::Add(squares, hn::Mul(other, other));
      }
      hn::StoreU(hn::Add(difference, temporal), doubles, scratch_.limit.data() + t);
      auto const missing = hn::Eq(change, hn::Set(doubles, starfm_missing_change));
      sum = hn::IfThenElse(missing, hn::Set(doubles, std::numeric_limits<double>::quiet_NaN()), sum);
      hn::StoreU(sum, doubles, scratch_.centre.data() + t);
      hn::StoreU(squares, doubles, scratch_.centre_square.data() + t);
      auto const zero = hn::Zero(doubles);
      store_sums({zero, zero, zero, zero}, t);
    }
  }

  /// The similar pixels of a pair in window order (spec, step 3), found once for runs that follow one
  /// another.
  int find_similar(int pair) {
    for (int which : {0, 1}) {
      if (scratch_.similar_pair[which] == pair) return which;
    }
    // Runs ascend in time: the older of the two is not needed again.
    int const which = scratch_.similar_pair[0] <= scratch_.similar_pair[1] ? 0 : 1;
    scratch_.similar_pair[which] = pair;
    StarfmPairView const& view = block_.pairs[static_cast<std::size_t>(pair)];
    scratch_.similar_count[which] = search(view.similarity, scratch_.similar[which].data());
    return which;
  }

  std::size_t search(std::vector<StarfmSimilarity> const& bands, std::uint16_t* codes) const {
    std::size_t count = search_first(bands.front(), codes);
    for (std::size_t b = 1; b < bands.size(); ++b) {
      Dn const* const fine = bands[b].fine + base_;
      SimilarRange const range(fine[centre_], bands[b].delta);
      std::size_t kept = 0;
      for (std::size_t j = 0; j < count; ++j) {
        std::uint16_t const code = codes[j];
        codes[kept] = code;
        kept +=
            static_cast<std::uint16_t>(static_cast<std::uint16_t>(fine[code]) - range.lowest) < range.size;
      }
      count = kept;
    }
    return count;
  }

  std::size_t search_first(StarfmSimilarity const& similarity, std::uint16_t* codes) const {
    Words const words;
    auto const* const fine = reinterpret_cast<std::uint16_t const*>(similarity.fine + base_);
    SimilarRange const range(similarity.fine[base_ + centre_], similarity.delta);
    if (range.size == 0) return 0;
    auto const lowest = hn::Set(words, range.lowest), size = hn::Set(words, range.size);
    std::size_t const lanes = hn::Lanes(words), width = static_cast<std::size_t>(block_.window);
    auto const last = hn::FirstN(words, (width - 1) % lanes + 1);
    std::size_t count = 0;
    for (std::size_t r = 0; r < width; ++r) {
      std::size_t code = r * static_cast<std::size_t>(block_.pitch);
      std::size_t const end = code + width;
      for (; code < end; code += lanes) {
        auto similar = hn::Lt(hn::Sub(hn::LoadU(words, fine + code), lowest), size);
        if (code + lanes >= end) similar = hn::And(similar, last);
        hn::StoreU(hn::Compress(hn::Iota(words, static_cast<std::uint16_t>(code)), similar), words,
                   codes + count);
        count += hn::CountTrue(words, similar);
      }
    }
    return count;
  }

  template <bool use_t>
  void add_similar(StarfmRun const& run, StarfmPairView const& pair, std::uint16_t const* codes,
                   std::size_t count) {
    Listed const listed = list_neighbours<use_t>(pair, codes, count);
    double const enough = Conclusion::enough(block_, run.pairs);
    if (static_cast<double>(listed.sure) < enough) {
      add_neighbours<use_t, true>(run, pair, listed.count);
      return;
    }
    // More than enough pass for every target: they need not be counted one by one.
    std::fill(scratch_.count.data() + run.first, scratch_.count.data() + run.last, enough);
    add_neighbours<use_t, false>(run, pair, listed.count);
  }

  struct Listed {
    std::size_t count = 0;  ///< can pass the filter
    std::size_t sure = 0;   ///< do so for every target
  };

  /// Looks up what the similar pixels bring.
  template <bool use_t>
  Listed list_neighbours(StarfmPairView const& pair, std::uint16_t const* codes, std::size_t count) {
    StarfmTables const tables = block_.tables;
    Dn const* const fine = pair.fine + base_;
    std::uint16_t const* const difference = pair.difference + base_;
    StarfmScratch::Neighbour* to = scratch_.neighbours.data();
    std::size_t sure = 0;
    for (std::size_t j = 0; j < count; ++j) {
      std::uint16_t const code = codes[j];
      int const s = difference[code];
      bool const passes = s <= spectral_limit_;
      to->inverse_distance = block_.inverse_distance[code];
      to->weight =
          use_t ? tables.reciprocal[s] : tables.plateau[s] + tables.falloff[s] * to->inverse_distance;
      to->plateau_t = use_t && s < tables.plateau_levels ? tables.plateau_t[s] : -1.0;
      to->value = fine[code];
      to->slack = passes && !block_.both_tests ? any_present_change : 0.0;
      to->offset = change_offset(base_ + code);
      sure += passes && !block_.both_tests && pair.complete[block_.cell[base_ + code]] != 0;
      to += passes || !block_.both_tests;
    }
    return {static_cast<std::size_t>(to - scratch_.neighbours.data()), sure};
  }

  Sums load_sums(int t) const {
    return {hn::LoadU(doubles, scratch_.weight.data() + t), hn::LoadU(doubles, scratch_.value.data() + t),
            hn::LoadU(doubles, scratch_.square.data() + t), hn::LoadU(doubles, scratch_.count.data() + t)};
  }

  void store_sums(Sums const& sums, int t) {
    hn::StoreU(sums.weight, doubles, scratch_.weight.data() + t);
    hn::StoreU(sums.value, doubles, scratch_.value.data() + t);
    hn::StoreU(sums.square, doubles, scratch_.square.data() + t);
    hn::StoreU(sums.count, doubles, scratch_.count.data() + t);
  }

  /// Steps 4 to 6 for all targets of a run; several vectors of targets at a time, to look at a neighbour less
  /// often.
  template <bool use_t, bool counted>
  void add_neighbours(StarfmRun const& run, StarfmPairView const& pair, std::size_t count) {
    int const lanes = static_cast<int>(hn::Lanes(doubles));
    int t = run.first;
    for (; t + 2 * lanes < run.last; t += 3 * lanes) add_neighbours_to<use_t, counted, 3>(t, pair, count);
    for (; t < run.last; t += lanes) add_neighbours_to<use_t, counted, 1>(t, pair, count);
  }

  template <bool use_t, bool counted, int vectors>
  void add_neighbours_to(int first, StarfmPairView const& pair, std::size_t count) {
    auto const one = hn::Set(doubles, 1.0);
    int const lanes = static_cast<int>(hn::Lanes(doubles));
    Sums sums[vectors];
    DoubleVector limit[vectors];
    for (int v = 0; v < vectors; ++v) {
      sums[v] = load_sums(first + v * lanes);
      limit[v] = hn::LoadU(doubles, scratch_.limit.data() + first + v * lanes);
    }
    StarfmScratch::Neighbour const* neighbour = scratch_.neighbours.data();
    for (std::size_t j = 0; j < count; ++j, ++neighbour) {
      auto const fine = hn::Set(doubles, neighbour->value), slack = hn::Set(doubles, neighbour->slack);
      for (int v = 0; v < vectors; ++v) {
        int const t = first + v * lanes;
        auto const change = hn::LoadU(doubles, pair.change + neighbour->offset + t);
        auto const difference = hn::Abs(change);
        // Never true where the coarse image is missing.
        auto const kept = hn::Le(difference, hn::Add(limit[v], slack));
        auto weight = hn::Set(doubles, neighbour->weight);
        if constexpr (use_t) {
          auto const damped = hn::Mul(weight, damping_of(pair, neighbour->offset, t, difference));
          weight = hn::IfThenElse(hn::Le(difference, hn::Set(doubles, neighbour->plateau_t)), one,
                                  hn::Mul(damped, hn::Set(doubles, neighbour->inverse_distance)));
        }
        sums[v].add(hn::IfThenElseZero(kept, weight), hn::Add(change, fine));
        if constexpr (counted) sums[v].count = hn::Add(sums[v].count, hn::IfThenElseZero(kept, one));
      }
    }
    for (int v = 0; v < vectors; ++v) store_sums(sums[v], first + v * lanes);
  }

  /// The temporal factor of a weight.
  DoubleVector damping_of(StarfmPairView const& pair, std::size_t offset, int t,
                          DoubleVector difference) const {
    if (pair.damping != nullptr) return hn::LoadU(doubles, pair.damping + offset + t);
    auto const one = hn::Set(doubles, 1.0);
    if (!block_.log_weights) return hn::Div(one, hn::Add(difference, one));
    hn::RebindToSigned<Doubles> const integers;
    auto const index = hn::Min(difference, hn::Set(doubles, 65535.0));
    return hn::GatherIndex(doubles, block_.tables.reciprocal, hn::ConvertTo(integers, index));
  }

  StarfmBlockView const& block_;
  int const row_;
  std::size_t const centre_;  ///< window index of the centre
  StarfmScratch& scratch_;
  StarfmRow& result_;
  std::size_t base_ = 0;    ///< raster index of the first pixel of the window
  int spectral_limit_ = 0;  ///< largest S that passes the filter
};

void starfm_row_on_target(StarfmBlockView const& block, int row, StarfmScratch& scratch, StarfmRow& result) {
  RowKernel(block, row, scratch, result).run();
}

}  // namespace
}  // namespace stfcube::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stfcube {

HWY_EXPORT(starfm_row_on_target);

void starfm_row(StarfmBlockView const& block, int row, StarfmScratch& scratch, StarfmRow& result) {
  HWY_DYNAMIC_DISPATCH(starfm_row_on_target)(block, row, scratch, result);
}

namespace {

std::size_t window_pixels(int window) {
  return static_cast<std::size_t>(window) * static_cast<std::size_t>(window);
}

}  // namespace

StarfmRow::StarfmRow(int cols, int targets)
    : stride(targets),
      dn(static_cast<std::size_t>(cols) * static_cast<std::size_t>(stride)),
      uncertainty(dn.size()),
      flags(dn.size()),
      exact(dn.size()) {}

std::size_t StarfmRow::bytes(int cols, int targets) {
  auto const size = static_cast<std::size_t>(cols) * static_cast<std::size_t>(targets);
  return 2 * AlignedArray<Dn>::bytes_for(size) + AlignedArray<std::int16_t>::bytes_for(size) +
         AlignedArray<double>::bytes_for(size);
}

StarfmScratch::StarfmScratch(int window, int targets)
    : similar{AlignedArray<std::uint16_t>(window_pixels(window)),
              AlignedArray<std::uint16_t>(window_pixels(window))},
      neighbours(window_pixels(window) + 1),
      kept(window_pixels(window) * (group / 8)),
      entries(window_pixels(window)) {
  for (AlignedArray<double>* array : {&limit, &weight, &value, &square, &count, &centre, &centre_square}) {
    *array = AlignedArray<double>(static_cast<std::size_t>(padded(targets)));
  }
}

std::size_t StarfmScratch::bytes(int window, int targets) {
  std::size_t const pixels = window_pixels(window);
  return 2 * AlignedArray<std::uint16_t>::bytes_for(pixels) + AlignedArray<Neighbour>::bytes_for(pixels + 1) +
         AlignedArray<std::uint8_t>::bytes_for(pixels * (group / 8)) +
         AlignedArray<std::uint32_t>::bytes_for(pixels) +
         7 * AlignedArray<double>::bytes_for(static_cast<std::size_t>(padded(targets)));
}

}  // namespace stfcube
#endif  // HWY_ONCE
