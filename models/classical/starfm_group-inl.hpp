// Compiled once for every instruction set; see starfm_kernel.cpp.
#if defined(STFCUBE_STARFM_GROUP_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef STFCUBE_STARFM_GROUP_INL
#undef STFCUBE_STARFM_GROUP_INL
#else
#define STFCUBE_STARFM_GROUP_INL
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include <hwy/highway.h>

#include "stfcube/models/classical/starfm_place-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace stfcube::HWY_NAMESPACE {

/// Predicts groups of neighbouring pixels, side by side in vectors.
class GroupKernel : public RowPlace {
 public:
  using RowPlace::RowPlace;

  /// A vector of 16-bit values for the pixels of a group.
  using GroupWords = hn::CappedTag<std::uint16_t, StarfmScratch::group>;
  using GroupVector = hn::Vec<GroupWords>;
  using GroupArray = std::array<std::uint16_t, StarfmScratch::group>;

  /// Which pixels keep a neighbour is stored by whole bytes.
  static bool possible() { return hn::Lanes(GroupWords()) >= 8; }

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

  void predict_target(int x, int width, StarfmPlan const& plan, StarfmRun const& run, int target) {
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
};

}  // namespace stfcube::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
