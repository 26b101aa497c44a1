#include "stfcube/models/classical/starfm_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stfcube/models/classical/starfm_kernel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "stfcube/models/classical/starfm_group-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace stfcube::HWY_NAMESPACE {
namespace {
/// Predicts pixels one by one, with targets side by side in vectors.
class PixelKernel : public RowPlace {
 public:
  using RowPlace::RowPlace;

  /// Predicts one pixel.
  void predict(int x) {
    base_ = window_at(x);
    StarfmPlan const& plan = plan_of(x);
    for (StarfmRun const& run : plan.runs) start_run(run);
    for (StarfmStretch const& stretch : plan.stretches) {
      if (stretch.use_t) {
        add_stretch<true>(stretch);
      } else {
        add_stretch<false>(stretch);
      }
    }
    int done = 0;
    for (StarfmRun const& run : plan.runs) {
      no_prediction(x, done, run.first);
      conclude_run(x, plan, run);
      done = run.last;
    }
    no_prediction(x, done, block_.targets);
  }

 private:
  void conclude_run(int x, StarfmPlan const& plan, StarfmRun const& run) {
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
    std::fill(scratch_.spectral.data() + run.first, scratch_.spectral.data() + run.last,
              static_cast<double>(to_word(spectral + block_.spectral)));
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

  /// The similar pixels of a pair in window order (spec, step 3). Returns how many.
  std::size_t search(std::vector<StarfmSimilarity> const& bands, std::uint16_t* codes) const {
    std::size_t count = search_first(bands.front(), codes);
    for (std::size_t b = 1; b < bands.size(); ++b) {
      Dn const* const fine = bands[b].fine + base_;
      SimilarRange const range(fine[centre_], bands[b].limit(base_));
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
    SimilarRange const range(similarity.fine[base_ + centre_], similarity.limit(base_));
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

  /// Steps 3 to 6 of one pair for the targets that use it. Pairs come in ascending order, so every target's
  /// sums grow in the order of the specification.
  template <bool use_t>
  void add_stretch(StarfmStretch const& stretch) {
    StarfmPairView const& pair = block_.pairs[static_cast<std::size_t>(stretch.pair)];
    std::size_t const similar = search(pair.similarity, scratch_.similar.data());
    auto const [lowest, highest] = std::minmax_element(scratch_.spectral.data() + stretch.first,
                                                       scratch_.spectral.data() + stretch.last);
    Listed const listed = list_neighbours<use_t>(pair, similar, *lowest, *highest);
    double const enough = Conclusion::enough(block_, stretch.pairs);
    bool const counted = static_cast<double>(listed.sure) < enough;
    // More than enough pass for every target: they need not be counted one by one.
    if (!counted)
      std::fill(scratch_.count.data() + stretch.first, scratch_.count.data() + stretch.last, enough);
    if (*lowest < *highest) {
      add_neighbours<use_t, true, true>(stretch, pair, listed.count);
    } else if (counted) {
      add_neighbours<use_t, true, false>(stretch, pair, listed.count);
    } else {
      add_neighbours<use_t, false, false>(stretch, pair, listed.count);
    }
  }

  struct Listed {
    std::size_t count = 0;  ///< can pass the filter
    std::size_t sure = 0;   ///< do so for every target
  };

  /// Looks up what the similar pixels bring.
  /// @param lowest, highest  of the targets' spectral limits
  template <bool use_t>
  Listed list_neighbours(StarfmPairView const& pair, std::size_t similar, double lowest, double highest) {
    int const sure_limit = static_cast<int>(lowest), limit = static_cast<int>(highest);
    std::uint16_t const* const codes = scratch_.similar.data();
    StarfmTables const tables = block_.tables;
    Dn const* const fine = pair.fine + base_;
    std::uint16_t const* const difference = pair.difference + base_;
    StarfmScratch::Neighbour* to = scratch_.neighbours.data();
    std::size_t sure = 0;
    for (std::size_t j = 0; j < similar; ++j) {
      std::uint16_t const code = codes[j];
      int const s = difference[code];
      bool const passes = s <= sure_limit;
      to->inverse_distance = block_.inverse_distance[code];
      to->weight =
          use_t ? tables.reciprocal[s] : tables.plateau[s] + tables.falloff[s] * to->inverse_distance;
      to->plateau_t = use_t && s < tables.plateau_levels ? tables.plateau_t[s] : -1.0;
      to->value = fine[code];
      to->any_change = passes && !block_.both_tests;
      to->difference = s;
      to->offset = change_offset(base_ + code);
      sure += passes && !block_.both_tests && pair.complete[block_.cell[base_ + code]] != 0;
      to += s <= limit || !block_.both_tests;
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

  /// Steps 4 to 6; several vectors of targets at a time, to look at a neighbour less often.
  /// @tparam varied  the targets' spectral limits differ
  template <bool use_t, bool counted, bool varied>
  void add_neighbours(StarfmStretch const& stretch, StarfmPairView const& pair, std::size_t count) {
    int const lanes = static_cast<int>(hn::Lanes(doubles));
    int t = stretch.first;
    for (; t + 2 * lanes < stretch.last; t += 3 * lanes) {
      add_neighbours_to<use_t, counted, varied, 3>(t, stretch.last, pair, count);
    }
    for (; t < stretch.last; t += lanes)
      add_neighbours_to<use_t, counted, varied, 1>(t, stretch.last, pair, count);
  }

  template <bool use_t, bool counted, bool varied, int vectors>
  void add_neighbours_to(int first, int last, StarfmPairView const& pair, std::size_t count) {
    auto const one = hn::Set(doubles, 1.0);
    int const lanes = static_cast<int>(hn::Lanes(doubles));
    Sums sums[vectors];
    DoubleVector spectral[vectors];
    // Largest temporal differences: those of the test, and one that every coarse image that is there passes.
    alignas(64) double limits[2][vectors * hn::MaxLanes(Doubles())];
    for (int v = 0; v < vectors; ++v) {
      int const t = first + v * lanes;
      sums[v] = load_sums(t);
      // Targets beyond the stretch keep nothing: no difference is as small.
      auto const inside = hn::FirstN(doubles, static_cast<std::size_t>(std::max(last - t, 0)));
      auto const none = hn::Set(doubles, -std::numeric_limits<double>::infinity());
      hn::Store(hn::IfThenElse(inside, hn::LoadU(doubles, scratch_.limit.data() + t), none), doubles,
                limits[0] + v * lanes);
      hn::Store(hn::IfThenElse(inside, hn::Set(doubles, any_present_change), none), doubles,
                limits[1] + v * lanes);
      spectral[v] = hn::LoadU(doubles, scratch_.spectral.data() + t);
    }
    StarfmScratch::Neighbour const* neighbour = scratch_.neighbours.data();
    for (std::size_t j = 0; j < count; ++j, ++neighbour) {
      auto const fine = hn::Set(doubles, neighbour->value);
      double const* const limit = limits[neighbour->any_change];
      for (int v = 0; v < vectors; ++v) {
        int const t = first + v * lanes;
        auto const change = hn::LoadU(doubles, pair.change + neighbour->offset + t);
        auto const difference = hn::Abs(change);
        // Never true where the coarse image is missing.
        auto kept = hn::Le(difference, hn::Load(doubles, limit + v * lanes));
        if constexpr (varied) {
          auto const passes = hn::Le(hn::Set(doubles, neighbour->difference), spectral[v]);
          auto const tested = hn::Le(difference, hn::Load(doubles, limits[0] + v * lanes));
          auto const present = hn::Le(difference, hn::Load(doubles, limits[1] + v * lanes));
          kept = block_.both_tests ? hn::And(passes, tested) : hn::Or(tested, hn::And(passes, present));
        }
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

  std::size_t base_ = 0;  ///< raster index of the first pixel of the window
};

void starfm_row_on_target(StarfmBlockView const& block, int row, StarfmScratch& scratch, StarfmRow& result) {
  GroupKernel group(block, row, scratch, result);
  PixelKernel pixel(block, row, scratch, result);
  bool const by_groups = !block.images.empty() && GroupKernel::possible();
  for (int x = 0; x < block.cols; x += StarfmScratch::group) {
    int const width = std::min(StarfmScratch::group, block.cols - x);
    StarfmPlan const& plan = pixel.plan_of(x);
    bool alike = by_groups;
    for (int i = 1; i < width; ++i) alike = alike && &pixel.plan_of(x + i) == &plan;
    if (alike) {
      group.predict(x, width, plan);
    } else {
      for (int i = 0; i < width; ++i) pixel.predict(x + i);
    }
  }
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

/// In the windows of a group of neighbours.
std::size_t group_pixels(int window) {
  return static_cast<std::size_t>(window) * static_cast<std::size_t>(window + StarfmScratch::group - 1);
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
    : similar(group_pixels(window)), lanes(group_pixels(window)), neighbours(window_pixels(window) + 1) {
  for (AlignedArray<double>* array :
       {&limit, &spectral, &weight, &value, &square, &count, &centre, &centre_square}) {
    *array = AlignedArray<double>(static_cast<std::size_t>(padded(targets)));
  }
}

std::size_t StarfmScratch::bytes(int window, int targets) {
  std::size_t const pixels = window_pixels(window);
  return 2 * AlignedArray<std::uint16_t>::bytes_for(group_pixels(window)) +
         AlignedArray<Neighbour>::bytes_for(pixels + 1) +
         8 * AlignedArray<double>::bytes_for(static_cast<std::size_t>(padded(targets)));
}

}  // namespace stfcube
#endif  // HWY_ONCE
