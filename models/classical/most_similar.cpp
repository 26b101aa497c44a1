#include "stfcube/models/classical/most_similar.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stfcube/models/classical/most_similar.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "stfcube/models/classical/most_similar_window-inl.hpp"

#if HWY_ONCE

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
HWY_EXPORT(preselect);

namespace {

/// Unlike every DN, and far enough that no limit reaches it.
constexpr float unlike = 1e9F;

/// Up to so many, the largest are taken out one by one.
constexpr std::size_t few = 8;

/// Moves the `kept` smallest to the front.
void keep_smallest(std::vector<MostSimilarPixels::Scratch::Found>& found, std::size_t kept) {
  auto const before = [](auto const& a, auto const& b) {
    return a.key != b.key ? a.key < b.key : a.rank < b.rank;
  };
  if (found.size() > kept + few) {
    std::nth_element(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(), before);
    return;
  }
  for (auto end = found.end(); end != found.begin() + static_cast<std::ptrdiff_t>(kept); --end)
    std::iter_swap(std::max_element(found.begin(), end, before), end - 1);
}

}  // namespace

SimilarityRaster::SimilarityRaster(FusionInput const& input, int index, Rect const& core_px, int half_window,
                                   std::span<std::uint8_t const> usable)
    : px_(grow(core_px, half_window)) {
  Rect const inside = intersect(px_, input.scene_px);
  ensure(input.padded_px.contains(inside), "a method looks at pixels within its support");
  for (int band = 0; band < input.fine.dn.bands(); ++band) {
    AlignedArray<float>& plane = planes_.emplace_back(static_cast<std::size_t>(px_.area()));
    std::fill_n(plane.data(), plane.size(), unlike);
    for (int y = inside.y; y < inside.bottom(); ++y) {
      Dn const* const from = input.fine.dn.row(index, band, y - input.padded_px.y) - input.padded_px.x;
      std::uint8_t const* const use =
          usable.data() + static_cast<std::ptrdiff_t>(y - input.padded_px.y) * input.padded_px.width -
          input.padded_px.x;
      float* const to = plane.data() + static_cast<std::ptrdiff_t>(y - px_.y) * px_.width - px_.x;
      for (int x = inside.x; x < inside.right(); ++x)
        to[x] = use[x] != 0 && from[x] != no_data_dn ? static_cast<float>(from[x]) : unlike;
    }
  }
}

std::size_t SimilarityRaster::bytes(int core_width, int core_height, int half_window, int bands) {
  auto const width = static_cast<std::size_t>(core_width + 2 * half_window);
  auto const height = static_cast<std::size_t>(core_height + 2 * half_window);
  return static_cast<std::size_t>(bands) * AlignedArray<float>::bytes_for(width * height);
}

MostSimilarPixels::MostSimilarPixels(int half_window, int most)
    : half_(half_window), most_(most), pitch_(window() + AlignedArray<float>::line_bytes / sizeof(float)) {
  ensure(half_window >= 1 && most >= 1, "a window of similar pixels is not empty");
  factor_ = AlignedArray<float>(window() * pitch_);
  std::fill_n(factor_.data(), factor_.size(), 0.0F);
  std::vector<std::int32_t> square;
  for (int dy = -half_; dy <= half_; ++dy) {
    for (int dx = -half_; dx <= half_; ++dx) {
      square.push_back(dx * dx + dy * dy);
      offset_.push_back({static_cast<std::int16_t>(dy), static_cast<std::int16_t>(dx)});
      distance_.push_back(std::sqrt(static_cast<double>(square.back())) / half_);
      factor_[static_cast<std::size_t>(dy + half_) * pitch_ + static_cast<std::size_t>(dx + half_)] =
          static_cast<float>(10 + distance_.back());
    }
  }
  // Places are numbered by dy, then dx: a stable order by the square does the rest.
  std::vector<std::int32_t> places(square.size());
  std::iota(places.begin(), places.end(), 0);
  std::ranges::stable_sort(places, {}, [&](std::int32_t i) { return square[static_cast<std::size_t>(i)]; });
  order_.resize(places.size());
  for (std::size_t i = 0; i < places.size(); ++i)
    order_[static_cast<std::size_t>(places[i])] = static_cast<std::int32_t>(i);
}

MostSimilarPixels::Scratch::Scratch(MostSimilarPixels const& tables)
    : keys(tables.window() * tables.window() + 64), codes(tables.window() * tables.window() + 64) {}

int MostSimilarPixels::find(SimilarityRaster const& raster, int y, int x, std::span<float const> limits,
                            Scratch& scratch, Neighbour* neighbours) const {
  MostSimilarWindow query{};
  query.half = half_;
  query.most = most_;
  query.pitch = pitch_;
  query.stride = raster.stride();
  query.factor = factor_.data();
  std::vector<float const*>& centres = scratch.centres;
  std::vector<float>& inverse = scratch.inverse;
  centres.clear();
  inverse.clear();
  for (int band = 0; band < raster.bands(); ++band) {
    centres.push_back(raster.at(band, y, x));
    inverse.push_back(1.0F / std::max(*centres.back(), 1.0F));
  }
  query.bands = raster.bands();
  query.centres = centres.data();
  query.inverse = inverse.data();
  query.limits = limits.data();
  std::size_t const count = HWY_DYNAMIC_DISPATCH(preselect)(query, scratch.keys.data(), scratch.codes.data());

  // The few that are left, in double precision and in the order of the definition.
  scratch.similarity.assign(count, 0.0);
  scratch.difference.resize(count);
  scratch.places.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto const& [dy, dx] = offset_[static_cast<std::size_t>(scratch.codes[i])];
    scratch.places[i] = dy * query.stride + dx;
  }
  for (float const* const centre : centres) {
    double const value = *centre, divisor = std::max(value, 1.0);
    for (std::size_t i = 0; i < count; ++i)
      scratch.difference[i] = std::abs(static_cast<double>(centre[scratch.places[i]]) - value);
    for (std::size_t i = 0; i < count; ++i) scratch.similarity[i] += scratch.difference[i] / divisor;
  }
  scratch.found.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto const code = static_cast<std::size_t>(scratch.codes[i]);
    scratch.found[i] = {(scratch.similarity[i] + 1e-5) * (10 + distance_[code]), scratch.similarity[i],
                        order_[code], scratch.codes[i]};
  }
  auto const kept = std::min(count, static_cast<std::size_t>(most_));
  keep_smallest(scratch.found, kept);
  std::sort(scratch.found.begin(), scratch.found.begin() + static_cast<std::ptrdiff_t>(kept),
            [](Scratch::Found const& a, Scratch::Found const& b) { return a.code < b.code; });
  double total = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    auto const& [key, similarity, rank, code] = scratch.found[i];
    double const weight = 1 / ((1 + distance_[static_cast<std::size_t>(code)]) * (similarity + 1));
    auto const& [dy, dx] = offset_[static_cast<std::size_t>(code)];
    neighbours[i] = {dy, dx, weight};
    total += weight;
  }
  for (std::size_t i = 0; i < kept; ++i) neighbours[i].weight /= total;
  return static_cast<int>(kept);
}

}  // namespace stfcube
#endif  // HWY_ONCE
