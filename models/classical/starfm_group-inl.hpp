// Compiled once for every instruction set; see starfm_kernel.cpp.
#if defined(STFCUBE_STARFM_GROUP_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STFCUBE_STARFM_GROUP_INL
#undef STFCUBE_STARFM_GROUP_INL
#else
#define STFCUBE_STARFM_GROUP_INL
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include <hwy/highway.h>

#include "stfcube/models/classical/starfm_place-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace stfcube::HWY_NAMESPACE {

/// Predicts groups of neighbouring pixels, side by side in vectors. The vectors hold them in descending
/// order, so that the distances of one neighbour to all of them lie in memory as they are needed.
class GroupKernel : public RowPlace {
 public:
  using RowPlace::RowPlace;

  static constexpr int group = StarfmScratch::group;

  /// A vector has a lane for each of the group's bits.
  static bool possible() { return hn::Lanes(words) >= group; }

  /// Predicts `width` pixels from column `x` on that have the same plan.
  void predict(int x, int width, StarfmPlan const& plan) {
    int done = 0;
    for (StarfmRun const& run : plan.runs) {
      for (int i = 0; i < width; ++i) no_prediction(x + i, done, run.first);
      for (int t = run.first; t < run.last; ++t) predict_target(x, width, plan, run, t);
      done = run.last;
    }
    for (int i = 0; i < width; ++i) no_prediction(x + i, done, block_.targets);
  }

 private:
  static constexpr Words words = {};
  using WordVector = hn::Vec<Words>;
  using WordArray = std::array<std::uint16_t, group>;
  using DoubleArray = std::array<double, group>;

  static std::size_t lane_of(int i) { return static_cast<std::size_t>(group - 1 - i); }

  StarfmImages const& images_of(StarfmRun const& run, int k, int target) const {
    return block_.images[block_.image_index(target, run.pair[static_cast<std::size_t>(k)], run.use_t)];
  }

  /// Differences that are too large for the filter, and the fallback, for a group of pixels (spec, steps 2, 4
  /// and 7).
  struct Limits {
    alignas(64) WordArray spectral, temporal;
    std::uint16_t least_spectral;
    bool same_temporal;
    alignas(64) DoubleArray centre, centre_square;
  };

  Limits limits_of(std::size_t base, int width, StarfmRun const& run, int target) const {
    Limits limits{};
    for (int i = 0; i < width; ++i) {
      std::size_t const at = base + centre_ + static_cast<std::size_t>(i), lane = lane_of(i);
      int spectral = 0, temporal = 0;
      for (int k = 0; k < run.pairs; ++k) {
        StarfmImages const& images = images_of(run, k, target);
        int const s = pair_of(run, k).difference[at], t = images.temporal[at];
        spectral = k == 0 ? s : block_.centre_max ? std::max(spectral, s) : std::min(spectral, s);
        temporal = k == 0 ? t : block_.centre_max ? std::max(temporal, t) : std::min(temporal, t);
        double const value = images.summands[at].value;
        limits.centre[lane] += value;
        limits.centre_square[lane] += value * value;
      }
      double const change = pair_of(run, 0).change[change_offset(at) + static_cast<std::size_t>(target)];
      if (change == starfm_missing_change) limits.centre[lane] = std::numeric_limits<double>::quiet_NaN();
      limits.spectral[lane] = first_above(spectral + block_.spectral);
      limits.temporal[lane] = first_above(temporal + block_.temporal);
    }
    limits.least_spectral = *std::min_element(limits.spectral.end() - width, limits.spectral.end());
    limits.same_temporal = std::all_of(limits.temporal.end() - width, limits.temporal.end(),
                                       [&](std::uint16_t limit) { return limit == limits.temporal.back(); });
    return limits;
  }

  /// Differences of values that are there are below 65535.
  static std::uint16_t first_above(double limit) {
    return static_cast<std::uint16_t>(std::min(std::floor(limit) + 1, 65535.0));
  }

  /// The sums of a group, in memory because their number of vectors differs between machines.
  struct GroupSums {
    alignas(64) DoubleArray weight, value, square;
    std::array<int, group> count;
  };

  void predict_target(int x, int width, StarfmPlan const& plan, StarfmRun const& run, int target) {
    std::size_t const base = window_at(x);
    Limits const limits = limits_of(base, width, run, target);
    GroupSums sums{};
    int const enough = static_cast<int>(std::ceil(Conclusion::enough(block_, run.pairs)));
    for (int k = 0; k < run.pairs; ++k) {
      StarfmImages const& images = images_of(run, k, target);
      std::size_t const entries = list_entries(base, width, pair_of(run, k), images, limits);
      add_entries(base, images, entries, sums);
      count_entries(entries, enough, sums);
    }
    conclude(x, width, plan, run, target, limits, sums);
  }

  /// What is similar to each pixel of a group; nothing, for lanes without a pixel.
  struct Ranges {
    WordArray lowest{}, size{};
    /// Anything but a gap.
    static Ranges everything() {
      Ranges ranges;
      SimilarRange const valid(0, 65535);
      ranges.lowest.fill(valid.lowest);
      ranges.size.fill(valid.size);
      return ranges;
    }
  };
  Ranges ranges_of(StarfmSimilarity const& similarity, std::size_t base, int width) const {
    Ranges ranges;
    for (int i = 0; i < width; ++i) {
      std::size_t const first = base + static_cast<std::size_t>(i);
      SimilarRange const range(similarity.fine[first + centre_], similarity.limit(first));
      ranges.lowest[lane_of(i)] = range.lowest;
      ranges.size[lane_of(i)] = range.size;
    }
    return ranges;
  }

  /// How the differences are tested.
  enum class Filter {
    either_same_temporal,  ///< one of them must pass, and the temporal limit is the same for the group
    either,
    both
  };

  /// Steps 3 and 4: the pixels that some pixel of a group keeps, in window order, and which of them do.
  /// Returns how many.
  std::size_t list_entries(std::size_t base, int width, StarfmPairView const& pair,
                           StarfmImages const& images, Limits const& limits) {
    StarfmSimilarity const& similarity = pair.similarity.front();
    bool const own = pair.similarity.size() == 1 && similarity.fine == pair.fine;
    // The image has no value where C_p is missing.
    Dn const* const fine = own ? images.fine : similarity.fine;
    Ranges const ranges = ranges_of(similarity, base, width);
    std::size_t count = 0;
    if (block_.both_tests) {
      count = list_filtered<Filter::both>(base, width, fine, pair, images, ranges, limits);
    } else if (limits.same_temporal) {
      count = list_filtered<Filter::either_same_temporal>(base, width, fine, pair, images, ranges, limits);
    } else {
      count = list_filtered<Filter::either>(base, width, fine, pair, images, ranges, limits);
    }
    if (own) return count;
    count = keep_similar(base, images.fine, Ranges::everything(), count);
    for (std::size_t b = 1; b < pair.similarity.size(); ++b) {
      count = keep_similar(base, pair.similarity[b].fine, ranges_of(pair.similarity[b], base, width), count);
    }
    return count;
  }

  template <Filter filter>
  std::size_t list_filtered(std::size_t base, int width, Dn const* similar_fine, StarfmPairView const& pair,
                            StarfmImages const& images, Ranges const& ranges, Limits const& limits) {
    auto const* const fine = reinterpret_cast<std::uint16_t const*>(similar_fine) + base;
    std::uint16_t const* const difference = pair.difference + base;
    std::uint16_t const* const temporal = images.temporal + base;
    auto const rows = static_cast<std::size_t>(block_.window), pitch = static_cast<std::size_t>(block_.pitch);
    std::size_t const columns = rows + static_cast<std::size_t>(width) - 1;
    std::uint16_t* const codes = scratch_.similar.data();
    std::uint16_t* const lanes = scratch_.lanes.data();
    std::size_t count = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; c += hn::Lanes(words)) {
        std::size_t const code = r * pitch + c;
        auto const keeping =
            keeping_lanes<filter>(hn::LoadU(words, fine + code), hn::LoadU(words, difference + code),
                                  hn::LoadU(words, temporal + code), ranges, limits);
        auto const bits = hn::And(keeping, hn::LoadU(words, block_.group_reach + c));
        auto const wanted = hn::Ne(bits, hn::Zero(words));
        auto const code_vector = hn::Iota(words, static_cast<std::uint16_t>(code));
        hn::StoreU(hn::Compress(code_vector, wanted), words, codes + count);
        hn::StoreU(hn::Compress(bits, wanted), words, lanes + count);
        count += hn::CountTrue(words, wanted);
      }
    }
    return count;
  }

  /// A bit for every pixel of the group that keeps a neighbour, for a vector of neighbours.
  template <Filter filter>
  HWY_INLINE WordVector keeping_lanes(WordVector fine, WordVector difference, WordVector temporal,
                                      Ranges const& ranges, Limits const& limits) const {
    auto const similar = [&](std::size_t lane) HWY_ATTR {
      return hn::Lt(hn::Sub(fine, hn::Set(words, ranges.lowest[lane])), hn::Set(words, ranges.size[lane]));
    };
    if constexpr (filter == Filter::either_same_temporal) {
      auto const passes = hn::Lt(temporal, hn::Set(words, limits.temporal.back()));
      difference = hn::IfThenZeroElse(passes, difference);
      // Most often all pixels may keep all neighbours.
      if (hn::AllTrue(words, hn::Lt(difference, hn::Set(words, limits.least_spectral)))) {
        return bits_of(similar);
      }
      return bits_of([&](std::size_t lane) HWY_ATTR {
        return hn::And(similar(lane), hn::Lt(difference, hn::Set(words, limits.spectral[lane])));
      });
    }
    return bits_of([&](std::size_t lane) HWY_ATTR {
      auto const passes = hn::Lt(difference, hn::Set(words, limits.spectral[lane]));
      auto const passes_t = hn::Lt(temporal, hn::Set(words, limits.temporal[lane]));
      return hn::And(similar(lane),
                     filter == Filter::both ? hn::And(passes, passes_t) : hn::Or(passes, passes_t));
    });
  }

  /// A bit for every lane whose mask is true.
  template <class MaskOfLane>
  HWY_INLINE static WordVector bits_of(MaskOfLane const& mask_of_lane) {
    auto bits = hn::Zero(words);
    for (std::size_t lane = 0; lane < group; ++lane) {
      auto const bit = hn::Set(words, static_cast<std::uint16_t>(1U << lane));
      // Not Or: additions of this width can be masked.
      bits = hn::IfThenElse(mask_of_lane(lane), hn::Add(bits, bit), bits);
    }
    return bits;
  }

  /// Takes out what is not similar in another band. Returns how many entries are left.
  std::size_t keep_similar(std::size_t base, Dn const* band, Ranges const& ranges, std::size_t count) {
    hn::CappedTag<std::uint16_t, group> const tag;
    auto const lowest = hn::LoadU(tag, ranges.lowest.data()), size = hn::LoadU(tag, ranges.size.data());
    std::uint16_t* const codes = scratch_.similar.data();
    std::uint16_t* const lanes = scratch_.lanes.data();
    std::size_t left = 0;
    for (std::size_t j = 0; j < count; ++j) {
      auto const value = hn::Set(tag, static_cast<std::uint16_t>(band[base + codes[j]]));
      std::uint8_t similar[group] = {};
      hn::StoreMaskBits(tag, hn::Lt(hn::Sub(value, lowest), size), similar);
      codes[left] = codes[j];
      lanes[left] = lanes[j] & similar[0];
      left += lanes[left] != 0;
    }
    return left;
  }

  /// Steps 5 and 6.
  void add_entries(std::size_t base, StarfmImages const& images, std::size_t count, GroupSums& total) const {
    constexpr std::size_t parts = group / hn::MaxLanes(Doubles());
    StarfmSummand const* const summands = images.summands + base;
    double const* const inverse_distance = block_.inverse_distance - (group - 1);
    std::uint16_t const* const codes = scratch_.similar.data();
    std::uint16_t const* const lanes = scratch_.lanes.data();
    auto const one = hn::Set(doubles, 1.0);
    Sums sums[parts];
    for (std::size_t p = 0; p < parts; ++p) sums[p] = load(total, p);
    for (std::size_t j = 0; j < count; ++j) {
      std::size_t const code = codes[j];
      auto const scale = hn::Set(doubles, summands[code].scale),
                 value = hn::Set(doubles, summands[code].value);
      for (std::size_t p = 0; p < parts; ++p) {
        auto const bits = static_cast<std::uint8_t>(lanes[j] >> (p * hn::Lanes(doubles)));
        auto const kept = hn::LoadMaskBits(doubles, &bits);
        auto const distant =
            hn::Mul(scale, hn::LoadU(doubles, inverse_distance + code + p * hn::Lanes(doubles)));
        sums[p].add(hn::IfThenElseZero(kept, hn::Min(distant, one)), value);
      }
    }
    for (std::size_t p = 0; p < parts; ++p) store(sums[p], p, total);
  }

  static Sums load(GroupSums const& total, std::size_t part) {
    std::size_t const at = part * hn::Lanes(doubles);
    return {hn::LoadU(doubles, total.weight.data() + at), hn::LoadU(doubles, total.value.data() + at),
            hn::LoadU(doubles, total.square.data() + at), hn::Zero(doubles)};
  }
  static void store(Sums const& sums, std::size_t part, GroupSums& total) {
    std::size_t const at = part * hn::Lanes(doubles);
    hn::StoreU(sums.weight, doubles, total.weight.data() + at);
    hn::StoreU(sums.value, doubles, total.value.data() + at);
    hn::StoreU(sums.square, doubles, total.square.data() + at);
  }

  /// Counts what every pixel keeps, until all have enough.
  void count_entries(std::size_t count, int enough, GroupSums& total) const {
    std::uint16_t const* const lanes = scratch_.lanes.data();
    for (std::size_t j = 0; j < count; j += hn::Lanes(words)) {
      auto const bits = hn::IfThenElseZero(hn::FirstN(words, count - j), hn::LoadU(words, lanes + j));
      int fewest = enough;
      for (std::size_t lane = 0; lane < group; ++lane) {
        auto const bit = hn::Set(words, static_cast<std::uint16_t>(1U << lane));
        total.count[lane] += static_cast<int>(hn::CountTrue(words, hn::TestBit(bits, bit)));
        fewest = std::min(fewest, total.count[lane]);
      }
      if (fewest >= enough) return;
    }
  }

  void conclude(int x, int width, StarfmPlan const& plan, StarfmRun const& run, int target,
                Limits const& limits, GroupSums const& total) {
    alignas(64) Dn dn[group], uncertainty[group];
    alignas(64) std::int16_t flags[group];
    alignas(64) double exact[group];
    DoubleArray count;
    std::copy(total.count.begin(), total.count.end(), count.begin());
    Conclusion const conclusion(block_, run.pairs);
    for (int i = 0; i < group; i += static_cast<int>(hn::Lanes(doubles))) {
      Sums sums = load(total, static_cast<std::size_t>(i) / hn::Lanes(doubles));
      sums.count = hn::LoadU(doubles, count.data() + i);
      conclusion.store(sums, hn::LoadU(doubles, limits.centre.data() + i),
                       hn::LoadU(doubles, limits.centre_square.data() + i),
                       hn::Set(doubles, plan.flags[static_cast<std::size_t>(target)]),
                       {dn + i, uncertainty + i, flags + i, exact + i});
    }
    for (int i = 0; i < width; ++i) {
      std::size_t const at = result_at(x + i, target), lane = lane_of(i);
      result_.dn[at] = dn[lane];
      result_.uncertainty[at] = uncertainty[lane];
      result_.flags[at] = flags[lane];
      result_.exact[at] = exact[lane];
    }
  }
};

}  // namespace stfcube::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
