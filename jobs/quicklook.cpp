#include "stfcube/jobs/quicklook.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace stfcube {
namespace {

/// The values between which a channel is stretched.
struct Stretch {
  double low = 0, high = 1;

  std::uint8_t shade(Dn value) const {
    double const share = std::clamp((value - low) / (high - low), 0.0, 1.0);
    return static_cast<std::uint8_t>(std::lround(255 * share));
  }
};

/// The smallest value that at least `share` of all values do not exceed.
Dn quantile(std::vector<Dn>& values, double share) {
  auto const wanted = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
  auto const at = values.begin() + std::max<std::ptrdiff_t>(0, wanted);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

Stretch stretch_of(std::vector<Dn> const& channel) {
  std::vector<Dn> valid;
  std::ranges::copy_if(channel, std::back_inserter(valid), [](Dn value) { return value != no_data_dn; });
  if (valid.empty()) return {};
  double const low = quantile(valid, 0.02), high = quantile(valid, 0.98);
  // A flat image has no contrast to show: it becomes middle grey.
  return low < high ? Stretch{low, high} : Stretch{low - 1, low + 1};
}

std::array<std::uint8_t, 4> colour(quality::Flags flags) {
  switch (flags & quality::state_mask) {
    case quality::observed:
      return {70, 150, 70, 255};
    case quality::fused:
      return {60, 110, 190, 255};
    case quality::gap_filled:
      return {230, 150, 40, 255};
    default:
      return {0, 0, 0, 0};
  }
}

}  // namespace

Quicklook::Quicklook(int image_width, int image_height, int factor, int channels)
    : factor_(factor),
      width_((image_width + factor - 1) / factor),
      height_((image_height + factor - 1) / factor) {
  std::size_t const size = static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
  channels_.assign(static_cast<std::size_t>(channels), std::vector<Dn>(size, no_data_dn));
  flags_.assign(size, quality::no_data);
}

std::size_t Quicklook::at(int x, int y) const {
  return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x);
}

void Quicklook::add(int channel, Rect const& px, std::vector<Dn> const& dn) {
  std::vector<std::int64_t> sums(static_cast<std::size_t>(width_)), counts(sums.size());
  for (int y = 0; y < px.height; ++y) {
    if (y % factor_ == 0) {
      std::ranges::fill(sums, 0);
      std::ranges::fill(counts, 0);
    }
    Dn const* row = dn.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(px.width);
    for (int x = 0; x < px.width; ++x) {
      if (row[x] == no_data_dn) continue;
      sums[static_cast<std::size_t>(x / factor_)] += row[x];
      ++counts[static_cast<std::size_t>(x / factor_)];
    }
    if ((y + 1) % factor_ != 0 && y + 1 != px.height) continue;
    for (int x = 0; x < width_; ++x) {
      auto const n = counts[static_cast<std::size_t>(x)];
      if (n == 0) continue;
      double const mean = static_cast<double>(sums[static_cast<std::size_t>(x)]) / static_cast<double>(n);
      channels_[static_cast<std::size_t>(channel)][at(x, (px.y + y) / factor_)] =
          static_cast<Dn>(std::lround(mean));
    }
  }
}

void Quicklook::add_flags(Rect const& px, std::vector<quality::Flags> const& flags) {
  for (int y = 0; y < px.height; y += factor_) {
    quality::Flags const* row =
        flags.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(px.width);
    for (int x = 0; x < width_; ++x) flags_[at(x, (px.y + y) / factor_)] = row[x * factor_];
  }
}

std::vector<std::uint8_t> Quicklook::stretched() const {
  std::vector<Stretch> stretches;
  for (auto const& channel : channels_) stretches.push_back(stretch_of(channel));
  std::vector<std::uint8_t> pixels(4 * flags_.size(), 0);
  for (std::size_t i = 0; i < flags_.size(); ++i) {
    if (std::ranges::any_of(channels_, [i](auto const& channel) { return channel[i] == no_data_dn; }))
      continue;
    for (std::size_t c = 0; c < 3; ++c) {
      std::size_t const from = std::min(c, channels_.size() - 1);
      pixels[4 * i + c] = stretches[from].shade(channels_[from][i]);
    }
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}

std::vector<std::uint8_t> Quicklook::flag_colours() const {
  std::vector<std::uint8_t> pixels;
  for (quality::Flags const flags : flags_) {
    auto const rgba = colour(flags);
    pixels.insert(pixels.end(), rgba.begin(), rgba.end());
  }
  return pixels;
}

}  // namespace stfcube
