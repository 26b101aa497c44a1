#include "stfcube/models/classical/starfm_kernel.hpp"

#include <algorithm>
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
using Scratch = StarfmScratch;

constexpr Doubles doubles;

/// C_p - C_k of one cell for a vector of targets.
DoubleVector load_change(float const* change) {
  return hn::PromoteTo(doubles, hn::LoadU(hn::Rebind<float, Doubles>(), change));
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

/// The four sums of a slot; a vector where the machine has one of that width.
class FourSums {
 public:
  using Tag = hn::CappedTag<double, 4>;

  /// sums += weight * powers, and one more in the count.
  static void add(double weight, double const* powers, double* sums) {
    Tag const tag;
    alignas(32) static constexpr double one_more[4] = {0, 0, 0, 1};
    auto const w = hn::Set(tag, weight);
    for (std::size_t i = 0; i < 4; i += hn::Lanes(tag)) {
      auto const counted = hn::Add(hn::Load(tag, sums + i), hn::Load(tag, one_more + i));
      hn::Store(hn::Add(counted, hn::Mul(w, hn::Load(tag, powers + i))), tag, sums + i);
    }
  }

  /// to = the sum over the sets of one class, which become zero.
  static void collect(double* sums, double* to) {
    Tag const tag;
    for (std::size_t i = 0; i < 4; i += hn::Lanes(tag)) {
      auto total = hn::Load(tag, sums + i);
      hn::Store(hn::Zero(tag), tag, sums + i);
      for (int set = 1; set < starfm_sets; ++set) {
        double* const at = sums + set * starfm_slot_size + i;
        total = hn::Add(total, hn::Load(tag, at));
        hn::Store(hn::Zero(tag), tag, at);
      }
      hn::StoreU(total, tag, to + i);
    }
  }
};

/// Predicts the pixels of one row, one after the other.
class RowKernel {
 public:
  RowKernel(StarfmBlockView const& block, int row, StarfmScratch& scratch, StarfmRow& result)
      : block_(block), row_(row), scratch_(scratch), result_(result) {}

  void run() {
    for (int x = 0; x < block_.cols; ++x) pixel(x);
  }

 private:
  void pixel(int x) {
    base_ = static_cast<std::size_t>(row_) * static_cast<std::size_t>(block_.pitch) + static_cast<std::size_t>(x);
    centre_ = static_cast<std::size_t>(block_.before) * static_cast<std::size_t>(block_.pitch + 1);
    centre_offset_ = offset_of(centre_);
    scratch_.similar_pair[0] = scratch_.similar_pair[1] = -1;
    int done = 0;
    StarfmPlan const& plan = *block_.plans[static_cast<std::size_t>(row_) * static_cast<std::size_t>(block_.cols) +
                                           static_cast<std::size_t>(x)];
    for (StarfmRun const& run : plan.runs) {
      no_prediction(x, done, run.first);
      predict(x, plan, run);
      done = run.last;
    }
    no_prediction(x, done, block_.targets);
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
    return static_cast<std::size_t>(x) * static_cast<std::size_t>(result_.stride) + static_cast<std::size_t>(t);
  }

  /// Where the cell of a window pixel stands in `change`.
  std::size_t offset_of(std::size_t code) const {
    return static_cast<std::size_t>(block_.cell[base_ + code]) * static_cast<std::size_t>(block_.stride);
  }

  StarfmPairView const& pair_of(StarfmRun const& run, int k) const {
    return block_.pairs[static_cast<std::size_t>(run.pair[static_cast<std::size_t>(k)])];
  }

  void predict(int x, StarfmPlan const& plan, StarfmRun const& run) {
    start(run);
    for (int k = 0; k < run.pairs; ++k) {
      int const which = find_similar(run.pair[static_cast<std::size_t>(k)]);
      std::uint16_t const* const codes = scratch_.similar[which].data();
      std::size_t const count = scratch_.similar_count[which];
      if (run.use_t) {
        add_pair<true>(run, pair_of(run, k), codes, count);
      } else {
        add_pair<false>(run, pair_of(run, k), codes, count);
      }
    }
    finish(x, plan, run);
  }

  /// Differences at the centre and what follows from them: limits, and the fallback (spec, steps 2, 4 and 7).
  void start(StarfmRun const& run) {
    reference_ = pair_of(run, 0).fine[base_ + centre_];
    int spectral = pair_of(run, 0).difference[base_ + centre_];
    if (run.pairs == 2) {
      int const other = pair_of(run, 1).difference[base_ + centre_];
      spectral = block_.centre_max ? std::max(spectral, other) : std::min(spectral, other);
    }
    spectral_limit_ = static_cast<int>(std::min(spectral + block_.spectral, 1e6));
    auto const temporal = hn::Set(doubles, block_.temporal);
    for (int t = run.first; t < run.last; t += static_cast<int>(hn::Lanes(doubles))) {
      auto const change = load_change(pair_of(run, 0).change + centre_offset_ + t);
      auto lowest = hn::Abs(change);
      auto sum = change;
      auto squares = hn::Mul(change, change);
      if (run.pairs == 2) {
        auto const other = load_change(pair_of(run, 1).change + centre_offset_ + t);
        lowest = block_.centre_max ? hn::Max(lowest, hn::Abs(other)) : hn::Min(lowest, hn::Abs(other));
        auto const value = hn::Add(other, hn::Set(doubles, pair_of(run, 1).fine[base_ + centre_] - reference_));
        sum = hn::Add(sum, value);
        squares = hn::Add(squares, hn::Mul(value, value));
      }
      hn::StoreU(hn::Add(lowest, temporal), doubles, scratch_.limit.data() + t);
      hn::StoreU(sum, doubles, scratch_.centre.data() + t);
      hn::StoreU(squares, doubles, scratch_.centre_square.data() + t);
      for (double* sums : {scratch_.weight.data(), scratch_.value.data(), scratch_.square.data(), scratch_.count.data()}) {
        hn::StoreU(hn::Zero(doubles), doubles, sums + t);
      }
    }
  }

  /// The similar pixels of a pair in window order (spec, step 3), found once for runs that follow one another.
  int find_similar(int pair) {
    for (int which : {0, 1}) {
      if (scratch_.similar_pair[which] == pair) return which;
    }
    // Runs ascend in time: the older of the two is not needed again.
    int const which = scratch_.similar_pair[0] <= scratch_.similar_pair[1] ? 0 : 1;
    scratch_.similar_pair[which] = pair;
    StarfmPairView const& view = block_.pairs[static_cast<std::size_t>(pair)];
    std::uint16_t* const codes = scratch_.similar[which].data();
    scratch_.similar_count[which] =
        view.similarity.size() == 1 ? search(view.similarity.front(), codes) : search_all(view.similarity, codes);
    return which;
  }

  /// The values that are similar to the centre, as lowest <= value < lowest + size in 16 bits without a sign, where
  /// no_data_dn lies outside of every such range.
  struct SimilarRange {
    std::uint16_t lowest = 0, size = 0;
  };
  SimilarRange range_of(StarfmSimilarity const& similarity) const {
    int const centre = similarity.fine[base_ + centre_];
    if (centre == no_data_dn || similarity.delta < 0) return {};
    int const lowest = std::max(centre - similarity.delta, no_data_dn + 1);
    int const highest = std::min(centre + similarity.delta, static_cast<int>(std::numeric_limits<Dn>::max()));
    return {static_cast<std::uint16_t>(lowest), static_cast<std::uint16_t>(highest - lowest + 1)};
  }

  using Words = hn::ScalableTag<std::uint16_t>;

  static auto is_similar(Dn const* fine, SimilarRange const& range) {
    Words const words;
    auto const value = hn::LoadU(words, reinterpret_cast<std::uint16_t const*>(fine));
    return hn::Lt(hn::Sub(value, hn::Set(words, range.lowest)), hn::Set(words, range.size));
  }

  template <class Mask>
  static std::size_t append_codes(std::size_t first, Mask similar, std::uint16_t* to) {
    Words const words;
    hn::StoreU(hn::Compress(hn::Iota(words, static_cast<std::uint16_t>(first)), similar), words, to);
    return hn::CountTrue(words, similar);
  }

  std::size_t search(StarfmSimilarity const& similarity, std::uint16_t* codes) const {
    Words const words;
    SimilarRange const range = range_of(similarity);
    if (range.size == 0) return 0;
    std::size_t const lanes = hn::Lanes(words), width = static_cast<std::size_t>(block_.window);
    auto const last = hn::FirstN(words, (width - 1) % lanes + 1);
    std::size_t count = 0;
    for (std::size_t r = 0; r < width; ++r) {
      std::size_t code = r * static_cast<std::size_t>(block_.pitch);
      std::size_t const end = code + width;
      for (; code + lanes < end; code += lanes) {
        count += append_codes(code, is_similar(similarity.fine + base_ + code, range), codes + count);
      }
      count += append_codes(code, hn::And(last, is_similar(similarity.fine + base_ + code, range)), codes + count);
    }
    return count;
  }

  /// As `search` on the first band, keeping what is similar in the other bands too.
  std::size_t search_all(std::vector<StarfmSimilarity> const& bands, std::uint16_t* codes) const {
    std::size_t count = search(bands.front(), codes);
    for (std::size_t b = 1; b < bands.size(); ++b) {
      SimilarRange const range = range_of(bands[b]);
      Dn const* const fine = bands[b].fine + base_;
      std::size_t kept = 0;
      for (std::size_t j = 0; j < count; ++j) {
        std::uint16_t const code = codes[j];
        codes[kept] = code;
        kept += static_cast<std::uint16_t>(static_cast<std::uint16_t>(fine[code]) - range.lowest) < range.size;
      }
      count = kept;
    }
    return count;
  }

  template <bool use_t>
  void add_pair(StarfmRun const& run, StarfmPairView const& pair, std::uint16_t const* codes, std::size_t count) {
    if (count == 0) return;
    int const centre_fine = pair.fine[base_ + centre_];
    double const shift = centre_fine - reference_;
    std::size_t neighbours = 0;
    if (block_.grouped) {
      neighbours = sum_by_cell<use_t>(pair, centre_fine, codes, count);
      add_cells<use_t>(run, pair, shift, collect_cells());
    } else {
      for (std::size_t j = 0; j < count; ++j) neighbours += list_neighbour<use_t>(pair, codes[j], neighbours);
    }
    if (neighbours > 0) add_neighbours<use_t>(run, pair, neighbours);
  }

  /// Adds the weights of all similar pixels to the sums of their cells; with T, those whose weight may lie on the
  /// plateau are listed instead. Returns how many were listed.
  template <bool use_t>
  std::size_t sum_by_cell(StarfmPairView const& pair, int centre_fine, std::uint16_t const* codes,
                          std::size_t count) {
    Dn const* const fine = pair.fine + base_;
    std::uint16_t const* const difference = pair.difference + base_;
    std::uint16_t const* const slot = block_.slot + base_;
    double const* const powers =
        block_.powers + (block_.powers_radius - centre_fine) * static_cast<std::ptrdiff_t>(starfm_slot_size);
    double const* const inverse_distance = block_.inverse_distance;
    StarfmTables const tables = block_.tables;
    double* const sums = scratch_.sums.data();
    int const limit = spectral_limit_;
    std::size_t listed = 0;
    for (std::size_t j = 0; j < count; ++j) {
      std::uint16_t const code = codes[j];
      int const s = difference[code];
      if constexpr (use_t) {
        if (s < tables.plateau_levels) {
          listed += list_neighbour<use_t>(pair, code, listed);
          continue;
        }
      }
      double const weight = use_t ? tables.reciprocal[s] * inverse_distance[code]
                                  : tables.plateau[s] + tables.falloff[s] * inverse_distance[code];
      std::size_t const at = slot[code] + (s > limit ? static_cast<std::size_t>(starfm_class_size) : 0);
      FourSums::add(weight, powers + static_cast<std::ptrdiff_t>(fine[code]) * starfm_slot_size, sums + at);
    }
    return listed;
  }

  /// Brings the sums of the window's cells together, leaving out empty cells. Returns how many there are.
  std::size_t collect_cells() {
    std::size_t const x = base_ % static_cast<std::size_t>(block_.pitch);
    std::size_t const last = static_cast<std::size_t>(block_.window) - 1;
    int const first_col = block_.column_cell[x], last_col = block_.column_cell[x + last];
    int const first_row = block_.row_cell[row_], last_row = block_.row_cell[static_cast<std::size_t>(row_) + last];
    std::size_t count = 0;
    for (int cy = first_row; cy <= last_row; ++cy) {
      for (int cx = first_col; cx <= last_col; ++cx) {
        auto const cell = static_cast<std::size_t>(cy * block_.cell_cols + cx);
        Scratch::CellSums& to = scratch_.cell_sums[count];
        double* const sums = scratch_.sums.data() + cell * starfm_cell_size;
        double failing[4];
        FourSums::collect(sums, to.passed);
        FourSums::collect(sums + starfm_class_size, failing);
        for (int i = 0; i < 4; ++i) {
          to.failed[i] = block_.both_tests ? 0.0 : to.passed[i];
          to.passed[i] = block_.both_tests ? to.passed[i] : to.passed[i] + failing[i];
        }
        to.offset = cell * static_cast<std::size_t>(block_.stride);
        count += to.passed[3] > 0;
      }
    }
    return count;
  }

  /// Writes one similar pixel at `at` of the list; 0 when it can pass no filter.
  template <bool use_t>
  std::size_t list_neighbour(StarfmPairView const& pair, std::uint16_t code, std::size_t at) {
    int const s = pair.difference[base_ + code];
    bool const passes = s <= spectral_limit_;
    StarfmTables const& tables = block_.tables;
    Scratch::Neighbour& to = scratch_.neighbours[at];
    to.weight = use_t ? tables.reciprocal[s] * block_.inverse_distance[code]
                      : tables.plateau[s] + tables.falloff[s] * block_.inverse_distance[code];
    to.plateau_t = use_t && s < tables.plateau_levels ? tables.plateau_t[s] : -1.0;
    to.value = pair.fine[base_ + code] - reference_;
    to.slack = passes && !block_.both_tests ? std::numeric_limits<double>::infinity() : 0.0;
    to.offset = offset_of(code);
    return passes || !block_.both_tests;
  }

  /// The sums over all similar pixels for a vector of targets.
  struct TargetSums {
    DoubleVector weight, value, square, count;
  };
  TargetSums load_sums(int t) const {
    return {hn::LoadU(doubles, scratch_.weight.data() + t), hn::LoadU(doubles, scratch_.value.data() + t),
            hn::LoadU(doubles, scratch_.square.data() + t), hn::LoadU(doubles, scratch_.count.data() + t)};
  }
  void store_sums(TargetSums const& sums, int t) {
    hn::StoreU(sums.weight, doubles, scratch_.weight.data() + t);
    hn::StoreU(sums.value, doubles, scratch_.value.data() + t);
    hn::StoreU(sums.square, doubles, scratch_.square.data() + t);
    hn::StoreU(sums.count, doubles, scratch_.count.data() + t);
  }

  /// Steps 4 to 6 for whole cells: all pixels of a cell have the same coarse change.
  template <bool use_t>
  void add_cells(StarfmRun const& run, StarfmPairView const& pair, double shift, std::size_t count) {
    for (int t = run.first; t < run.last; t += static_cast<int>(hn::Lanes(doubles))) {
      TargetSums sums = load_sums(t);
      auto const limit = hn::LoadU(doubles, scratch_.limit.data() + t);
      for (std::size_t c = 0; c < count; ++c) {
        Scratch::CellSums const& cell = scratch_.cell_sums[c];
        auto const change = load_change(pair.change + cell.offset + t);
        auto const present = hn::Eq(change, change);
        auto const passes = hn::Le(hn::Abs(change), limit);
        auto const choose = [&](int i) HWY_ATTR {
          return hn::IfThenElseZero(present, hn::IfThenElse(passes, hn::Set(doubles, cell.passed[i]),
                                                            hn::Set(doubles, cell.failed[i])));
        };
        auto const moved = hn::IfThenElseZero(present, hn::Add(change, hn::Set(doubles, shift)));
        auto weight = choose(0);
        auto const first = choose(1);
        auto value = hn::Add(first, hn::Mul(moved, weight));
        auto square = hn::Add(choose(2), hn::Mul(moved, hn::Add(first, value)));
        if constexpr (use_t) {
          auto const damping = hn::LoadU(doubles, pair.damping + cell.offset + t);
          weight = hn::Mul(weight, damping);
          value = hn::Mul(value, damping);
          square = hn::Mul(square, damping);
        }
        sums.weight = hn::Add(sums.weight, weight);
        sums.value = hn::Add(sums.value, value);
        sums.square = hn::Add(sums.square, square);
        sums.count = hn::Add(sums.count, choose(3));
      }
      store_sums(sums, t);
    }
  }

  /// Steps 4 to 6 for listed pixels.
  template <bool use_t>
  void add_neighbours(StarfmRun const& run, StarfmPairView const& pair, std::size_t count) {
    auto const one = hn::Set(doubles, 1.0);
    for (int t = run.first; t < run.last; t += static_cast<int>(hn::Lanes(doubles))) {
      TargetSums sums = load_sums(t);
      auto const limit = hn::LoadU(doubles, scratch_.limit.data() + t);
      for (std::size_t j = 0; j < count; ++j) {
        Scratch::Neighbour const& neighbour = scratch_.neighbours[j];
        auto const change = load_change(pair.change + neighbour.offset + t);
        // Never true where the change is not a number.
        auto const kept = hn::Le(hn::Abs(change), hn::Add(limit, hn::Set(doubles, neighbour.slack)));
        auto weight = hn::Set(doubles, neighbour.weight);
        if constexpr (use_t) {
          auto const difference = hn::IfThenElseZero(kept, hn::Abs(change));
          auto const on_plateau = hn::Le(difference, hn::Set(doubles, neighbour.plateau_t));
          weight = hn::IfThenElse(on_plateau, one, hn::Mul(weight, damping_of(pair, neighbour.offset, t, difference)));
        }
        weight = hn::IfThenElseZero(kept, weight);
        auto const value = hn::IfThenElseZero(kept, hn::Add(change, hn::Set(doubles, neighbour.value)));
        auto const weighted = hn::Mul(weight, value);
        sums.weight = hn::Add(sums.weight, weight);
        sums.value = hn::Add(sums.value, weighted);
        sums.square = hn::Add(sums.square, hn::Mul(weighted, value));
        sums.count = hn::Add(sums.count, hn::IfThenElseZero(kept, one));
      }
      store_sums(sums, t);
    }
  }

  /// The temporal factor of a weight.
  DoubleVector damping_of(StarfmPairView const& pair, std::size_t offset, int t, DoubleVector difference) const {
    if (pair.damping != nullptr) return hn::LoadU(doubles, pair.damping + offset + t);
    auto const one = hn::Set(doubles, 1.0);
    if (!block_.log_weights) return hn::Div(one, hn::Add(difference, one));
    hn::RebindToSigned<Doubles> const integers;
    return hn::GatherIndex(doubles, block_.tables.reciprocal, hn::ConvertTo(integers, difference));
  }

  /// Steps 6 and 7, the uncertainty, and rounding.
  void finish(int x, StarfmPlan const& plan, StarfmRun const& run) {
    auto const enough = hn::Set(doubles, block_.window * block_.window * run.pairs / 100.0);
    auto const zero = hn::Zero(doubles);
    for (int t = run.first; t < run.last; t += static_cast<int>(hn::Lanes(doubles))) {
      TargetSums sums = load_sums(t);
      auto const centre = hn::LoadU(doubles, scratch_.centre.data() + t);
      auto const none = hn::Eq(sums.count, zero);
      auto predicted = hn::Eq(centre, centre);
      if (block_.usda) {
        predicted = hn::And(predicted, hn::Not(none));
      } else {
        sums.weight = hn::IfThenElse(none, hn::Set(doubles, run.pairs), sums.weight);
        sums.value = hn::IfThenElse(none, centre, sums.value);
        sums.square = hn::IfThenElse(none, hn::LoadU(doubles, scratch_.centre_square.data() + t), sums.square);
      }
      auto const mean = hn::Div(sums.value, sums.weight);
      auto const spread = hn::Max(hn::Sub(hn::Div(sums.square, sums.weight), hn::Mul(mean, mean)), zero);
      auto const value = hn::Add(mean, hn::Set(doubles, reference_));
      auto const few = hn::Lt(sums.count, enough);
      auto flags = hn::LoadU(doubles, plan.flags.data() + t);
      flags = hn::Add(flags, hn::IfThenElseZero(few, hn::Set(doubles, double{quality::low_confidence})));
      put(result_at(x, t), value, hn::Sqrt(hn::Add(spread, hn::Set(doubles, block_.variance))), flags, predicted);
    }
  }

  /// Rounds and stores a vector of targets as `put` of the model contract does, or by the rules of the reference program.
  template <class Mask>
  void put(std::size_t at, DoubleVector value, DoubleVector sigma, DoubleVector flags, Mask predicted) {
    auto const lowest = hn::Set(doubles, block_.range.lowest);
    auto const highest = hn::Set(doubles, block_.range.highest);
    auto const missing = hn::Set(doubles, no_data_dn);
    auto rounded = round_half_away(value);
    if (block_.usda) {
      rounded = hn::Floor(hn::Add(value, hn::Set(doubles, 0.5)));
      predicted = hn::And(predicted, hn::And(hn::Ge(rounded, lowest), hn::Le(rounded, highest)));
    }
    auto const inside = hn::Min(hn::Max(rounded, lowest), highest);
    flags = hn::Add(flags, hn::IfThenElseZero(hn::Ne(inside, rounded), hn::Set(doubles, double{quality::clamped})));
    auto const uncertainty = round_half_away(hn::Min(sigma, hn::Set(doubles, 32767.0)));
    auto const not_a_number = hn::Set(doubles, std::numeric_limits<double>::quiet_NaN());
    store_words(hn::IfThenElse(predicted, inside, missing), result_.dn.data() + at);
    store_words(hn::IfThenElse(predicted, uncertainty, missing), result_.uncertainty.data() + at);
    store_words(hn::IfThenElseZero(predicted, flags), result_.flags.data() + at);
    hn::StoreU(hn::IfThenElse(predicted, value, not_a_number), doubles, result_.exact.data() + at);
  }

  StarfmBlockView const& block_;
  int const row_;
  StarfmScratch& scratch_;
  StarfmRow& result_;
  std::size_t base_ = 0;           ///< raster index of the window's first pixel
  std::size_t centre_ = 0;         ///< window index of the centre
  std::size_t centre_offset_ = 0;  ///< of its cell in `change`
  int reference_ = 0;              ///< sums are of differences to this DN
  int spectral_limit_ = 0;         ///< largest S that passes the filter
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

std::size_t window_pixels(int n) { return static_cast<std::size_t>(n) * static_cast<std::size_t>(n); }

/// Per-target arrays are as long as the targets rounded up to the widest vectors.
int padded(int targets) { return (targets + 7) / 8 * 8; }

}  // namespace

StarfmRow::StarfmRow(int cols, int targets)
    : stride(padded(targets)),
      dn(static_cast<std::size_t>(cols) * static_cast<std::size_t>(stride)),
      uncertainty(dn.size()),
      flags(dn.size()),
      exact(dn.size()) {}

std::size_t StarfmRow::bytes(int cols, int targets) {
  auto const size = static_cast<std::size_t>(cols) * static_cast<std::size_t>(padded(targets));
  return 2 * AlignedArray<Dn>::bytes_for(size) + AlignedArray<std::int16_t>::bytes_for(size) +
         AlignedArray<double>::bytes_for(size);
}

StarfmScratch::StarfmScratch(int window, int cells, int targets)
    : similar{AlignedArray<std::uint16_t>(window_pixels(window)), AlignedArray<std::uint16_t>(window_pixels(window))},
      sums(static_cast<std::size_t>(cells) * starfm_cell_size),
      cell_sums(static_cast<std::size_t>(cells) + 1),
      neighbours(window_pixels(window) + 1) {
  std::fill_n(sums.data(), sums.size(), 0.0);
  for (AlignedArray<double>* array : {&limit, &weight, &value, &square, &count, &centre, &centre_square}) {
    *array = AlignedArray<double>(static_cast<std::size_t>(padded(targets)));
  }
}

std::size_t StarfmScratch::bytes(int window, int cells, int targets) {
  auto const cell_count = static_cast<std::size_t>(cells);
  return 2 * AlignedArray<std::uint16_t>::bytes_for(window_pixels(window)) +
         AlignedArray<double>::bytes_for(cell_count * starfm_cell_size) +
         AlignedArray<CellSums>::bytes_for(cell_count + 1) +
         AlignedArray<Neighbour>::bytes_for(window_pixels(window) + 1) +
         7 * AlignedArray<double>::bytes_for(static_cast<std::size_t>(padded(targets)));
}

}  // namespace stfcube
#endif  // HWY_ONCE
