#include "stfcube/jobs/fold_tally.hpp"

#include <algorithm>
#include <cstring>

#include "stfcube/jobs/comparison_tile.hpp"
#include "stfcube/jobs/fold.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// The head of one packed piece: sums of a method's own pixels (with counts), or of common pixels.
struct PackedHead {
  std::uint64_t method = 0, bytes = 0, silent = 0, is_common = 0;
  std::int64_t reference_pixels = 0, predicted_pixels = 0;
};

void append(PackedHead head, ComparisonSums const& sums, std::string& bytes) {
  std::string const packed = sums.pack();
  head.bytes = packed.size();
  bytes.append(reinterpret_cast<char const*>(&head), sizeof head);
  bytes += packed;
}

std::int64_t core_pixels(PairedTile const& tile) {
  std::int64_t count = 0;
  for (int y = 0; y < tile.core_height; ++y) {
    auto const row = tile.valid.begin() + static_cast<std::ptrdiff_t>(y) * tile.width;
    count += std::count(row, row + tile.core_width, 1);
  }
  return count;
}

/// Pixels of the reference that the unit predicts in every band.
std::vector<std::uint8_t> predicted_pixels(PairedTile const& reference, CubeUnit const& unit) {
  std::vector<std::uint8_t> valid = reference.valid;
  for (int band = 0; band < unit.dn.bands(); ++band) {
    auto const plane = unit.dn.plane(0, band);
    for (std::size_t i = 0; i < valid.size(); ++i) valid[i] &= plane[i] != no_data_dn;
  }
  return valid;
}

}  // namespace

FoldTally::FoldTally(std::size_t methods, Quantity const& quantity, double data_range,
                     std::vector<ReferenceLevels> levels)
    : quantity_(quantity), data_range_(data_range), levels_(std::move(levels)), methods_(methods) {
  ensure(methods <= 64, "at most 64 methods");
}

FoldTally::Common FoldTally::common_pixels(PairedTile const& reference, std::span<CubeUnit const> units) {
  Common common{reference.valid, 0};
  for (std::size_t m = 0; m < units.size(); ++m) {
    auto const valid = predicted_pixels(reference, units[m]);
    if (std::ranges::find(valid, 1) == valid.end()) {
      common.silent |= std::uint64_t{1} << m;
      continue;
    }
    for (std::size_t i = 0; i < valid.size(); ++i) common.valid[i] &= valid[i];
  }
  return common;
}

PairedTile FoldTally::add_method(std::size_t method, PairedTile const& reference, CubeUnit const& unit,
                                 std::span<LabelPlane const> layers, Common const& common) {
  MethodSums& sums = methods_[method];
  PairedTile tile = reference;
  put_prediction(unit, quantity_, tile);
  ComparisonSums const own = compare_tile(tile, layers, data_range_, levels_);
  sums.own.merge(own);
  sums.reference_pixels += core_pixels(reference);
  sums.predicted_pixels += core_pixels(tile);
  if ((common.silent >> method & 1) != 0) return tile;
  if (tile.valid == common.valid) {
    sums.common[common.silent].merge(own);
    return tile;
  }
  PairedTile shared = tile;
  shared.valid = common.valid;
  clear_invalid(shared);
  sums.common[common.silent].merge(compare_tile(shared, layers, data_range_, levels_));
  return tile;
}

std::string FoldTally::pack() const {
  std::string bytes;
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    MethodSums const& sums = methods_[m];
    append(
        {.method = m, .reference_pixels = sums.reference_pixels, .predicted_pixels = sums.predicted_pixels},
        sums.own, bytes);
    for (auto const& [silent, common] : sums.common)
      append({.method = m, .silent = silent, .is_common = 1}, common, bytes);
  }
  return bytes;
}

void FoldTally::merge_packed(std::string_view bytes) {
  while (!bytes.empty()) {
    PackedHead head;
    ensure(bytes.size() >= sizeof head, "a packed tally is whole");
    std::memcpy(&head, bytes.data(), sizeof head);
    MethodSums& sums = methods_[head.method];
    auto const piece = ComparisonSums::unpack(bytes.substr(sizeof head, head.bytes));
    (head.is_common ? sums.common[head.silent] : sums.own).merge(piece);
    sums.reference_pixels += head.reference_pixels;
    sums.predicted_pixels += head.predicted_pixels;
    bytes.remove_prefix(sizeof head + head.bytes);
  }
}

std::vector<std::optional<FoldSums>> FoldTally::result() const {
  std::uint64_t silent = 0;
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    if (methods_[m].predicted_pixels == 0) silent |= std::uint64_t{1} << m;
  }
  std::vector<std::optional<FoldSums>> list(methods_.size());
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    MethodSums const& sums = methods_[m];
    if (sums.predicted_pixels == 0) continue;
    // The bands are there even when there is no common pixel.
    ComparisonSums common;
    common.whole.bands.resize(levels_.size());
    if (auto const found = sums.common.find(silent); found != sums.common.end()) common.merge(found->second);
    list[m] = FoldSums{sums.own, std::move(common), sums.reference_pixels, sums.predicted_pixels};
  }
  return list;
}

std::int64_t FoldTally::reference_pixels() const {
  return methods_.empty() ? 0 : methods_.front().reference_pixels;
}

}  // namespace stfcube
