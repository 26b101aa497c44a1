#include "stfcube/models/accuracy_strata.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr std::array<char const*, 3> change_names = {"stable", "gradual", "abrupt"};
constexpr double least_gradual = 0.02, most_gradual = 0.1;

/// The labels of a plane that occur among counting pixels of the core, and each pixel's place in that list.
struct Bins {
  std::vector<std::int32_t> labels;
  std::vector<int> of_pixel;
};

Bins bins_of(PairedTile const& tile, LabelPlane const& plane) {
  Bins bins;
  bins.of_pixel.assign(plane.labels.size(), -1);
  for (int y = 0; y < tile.core_height; ++y) {
    auto const first = static_cast<std::size_t>(y) * static_cast<std::size_t>(tile.width);
    for (std::size_t at = first; at < first + static_cast<std::size_t>(tile.core_width); ++at) {
      std::int32_t const label = plane.labels[at];
      if (label == no_label || !tile.valid[at]) continue;
      auto found = std::ranges::find(bins.labels, label);
      if (found == bins.labels.end()) found = bins.labels.insert(found, label);
      bins.of_pixel[at] = static_cast<int>(found - bins.labels.begin());
    }
  }
  return bins;
}

void add_layer(PairedTile const& tile, LabelPlane const& plane, std::span<ReferenceLevels const> levels,
               ComparisonSums& result) {
  Bins const bins = bins_of(tile, plane);
  if (bins.labels.empty()) return;
  std::size_t const bands = tile.reference.size();
  std::vector<std::vector<BandSums>> sums(bands, std::vector<BandSums>(bins.labels.size()));
  parallel_for(0, static_cast<int>(bands), [&](int b) {
    auto const band = static_cast<std::size_t>(b);
    add_pixels(tile, b, levels[band], bins.of_pixel, sums[band]);
  });
  std::vector<ImageSums> images(bins.labels.size());
  add_spectral_angles(tile, bins.of_pixel, images);
  for (std::size_t i = 0; i < bins.labels.size(); ++i) {
    for (auto const& of_band : sums) images[i].bands.push_back(of_band[i]);
    result.strata[{plane.layer, bins.labels[i]}].merge(images[i]);
  }
}

/// The head of one packed image: its stratum and how many bytes follow.
struct PackedHead {
  Stratum stratum;
  std::uint64_t bytes = 0;
};

void append(PackedHead const& head, std::string const& sums, std::string& bytes) {
  bytes.append(reinterpret_cast<char const*>(&head), sizeof head);
  bytes += sums;
}

/// Half away from zero.
Nano rounded_quotient(ExactSum a, ExactSum b) {
  return static_cast<Nano>((2 * a + (a < 0 ? -b : b)) / (2 * b));
}

}  // namespace

std::string layer_name(Stratum const& stratum) {
  return stratum.layer == StratumLayer::change ? "change" : "class";
}

std::string value_name(Stratum const& stratum) {
  return stratum.layer == StratumLayer::change ? change_names[static_cast<std::size_t>(stratum.value)]
                                               : std::to_string(stratum.value);
}

LabelPlane change_labels(PairedTile const& tile, std::vector<std::vector<Nano>> const& base,
                         std::vector<std::uint8_t> const& base_valid, double data_range) {
  auto const bands = static_cast<Nano>(base.size());
  Nano const gradual = bands * to_nano(least_gradual * data_range);
  Nano const abrupt = bands * to_nano(most_gradual * data_range);
  LabelPlane plane{StratumLayer::change, std::vector<std::int32_t>(tile.valid.size(), no_label)};
  for (std::size_t at = 0; at < plane.labels.size(); ++at) {
    if (!tile.valid[at] || !base_valid[at]) continue;
    Nano change = 0;
    for (std::size_t b = 0; b < base.size(); ++b) change += std::abs(tile.reference[b][at] - base[b][at]);
    plane.labels[at] = change < gradual ? 0 : change <= abrupt ? 1 : 2;
  }
  return plane;
}

void ComparisonSums::merge(ComparisonSums const& other) {
  whole.merge(other.whole);
  for (auto const& [stratum, sums] : other.strata) strata[stratum].merge(sums);
}

std::string ComparisonSums::pack() const {
  std::string bytes;
  std::string packed = whole.pack();
  append({{}, packed.size()}, packed, bytes);
  for (auto const& [stratum, sums] : strata) {
    packed = sums.pack();
    append({stratum, packed.size()}, packed, bytes);
  }
  return bytes;
}

ComparisonSums ComparisonSums::unpack(std::string_view bytes) {
  ComparisonSums result;
  for (bool first = true; !bytes.empty(); first = false) {
    PackedHead head;
    ensure(bytes.size() >= sizeof head, "packed sums are whole");
    std::memcpy(&head, bytes.data(), sizeof head);
    auto sums = ImageSums::unpack(bytes.substr(sizeof head, head.bytes));
    (first ? result.whole : result.strata[head.stratum]) = std::move(sums);
    bytes.remove_prefix(sizeof head + head.bytes);
  }
  return result;
}

ComparisonSums compare_tile(PairedTile const& tile, std::span<LabelPlane const> layers, double data_range,
                            std::span<ReferenceLevels const> levels) {
  ComparisonSums result;
  result.whole.bands.resize(tile.reference.size());
  parallel_for(0, static_cast<int>(tile.reference.size()), [&](int b) {
    auto const band = static_cast<std::size_t>(b);
    result.whole.bands[band] = band_sums(tile, b, data_range, levels[band]);
  });
  add_spectral_angles(tile, {}, {&result.whole, 1});
  for (LabelPlane const& plane : layers) add_layer(tile, plane, levels, result);
  return result;
}

LevelCounts::LevelCounts(double data_range) : bin_width_(std::max<Nano>(1, to_nano(1e-4 * data_range))) {}

void LevelCounts::add(Nano value) {
  // Nothing that is of the quantity lies beyond; the list of bins stays short.
  constexpr Nano most_bins = 65536;
  Nano const bin = std::clamp(rounded_quotient(value, bin_width_), -most_bins, most_bins);
  ++bins_[static_cast<std::int32_t>(bin)];
  sum_ += value;
  ++count_;
}

void LevelCounts::merge(LevelCounts const& other) {
  sum_ += other.sum_;
  count_ += other.count_;
  for (auto const& [bin, count] : other.bins_) bins_[bin] += count;
}

double LevelCounts::percentile(double share) const {
  auto const wanted = std::max<std::int64_t>(1, std::llround(std::ceil(share * static_cast<double>(count_))));
  std::int64_t seen = 0;
  for (auto const& [bin, count] : bins_) {
    seen += count;
    if (seen >= wanted) return static_cast<double>(bin * bin_width_) / nano_per_one;
  }
  return 0;
}

ReferenceLevels LevelCounts::levels() const {
  if (count_ == 0) return {};
  return {rounded_quotient(sum_, count_), percentile(0.001), percentile(0.999)};
}

std::string LevelCounts::pack() const {
  std::string bytes(reinterpret_cast<char const*>(&sum_), sizeof sum_);
  for (auto const& [bin, count] : bins_) {
    std::int64_t const pair[2] = {bin, count};
    bytes.append(reinterpret_cast<char const*>(pair), sizeof pair);
  }
  return bytes;
}

void LevelCounts::merge_packed(std::string_view bytes) {
  ExactSum sum = 0;
  ensure(bytes.size() >= sizeof sum && bytes.size() % sizeof sum == 0, "packed counts are whole");
  std::memcpy(&sum, bytes.data(), sizeof sum);
  sum_ += sum;
  for (std::size_t at = sizeof sum; at < bytes.size(); at += sizeof sum) {
    std::int64_t pair[2];
    std::memcpy(pair, bytes.data() + at, sizeof pair);
    bins_[static_cast<std::int32_t>(pair[0])] += pair[1];
    count_ += pair[1];
  }
}

}  // namespace stfcube
