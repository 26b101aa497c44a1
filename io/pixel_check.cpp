#include "stfcube/io/pixel_check.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace stfcube {

PixelCheck::PixelCheck(Quantity const& quantity, std::array<int, 3> const& chunk,
                       std::array<int, 3> const& inside)
    : lowest_(quantity.lowest),
      highest_(quantity.highest),
      chunk_(chunk),
      inside_(inside),
      filled_(static_cast<std::size_t>(chunk[0]) * static_cast<std::size_t>(chunk[1]) *
              static_cast<std::size_t>(chunk[2])) {}

/// Adds what breaks the rule; `broken` gets the number of a pixel within the chunk.
template <class Broken>
void PixelCheck::find(std::vector<Violation>& found, std::string const& rule, Broken&& broken) const {
  Violation one = {.rule = rule};
  for (int t = 0; t < inside_[0]; ++t) {
    for (int y = 0; y < inside_[1]; ++y) {
      std::size_t const row =
          (static_cast<std::size_t>(t) * static_cast<std::size_t>(chunk_[1]) + static_cast<std::size_t>(y)) *
          static_cast<std::size_t>(chunk_[2]);
      for (int x = 0; x < inside_[2]; ++x) {
        if (!broken(row + static_cast<std::size_t>(x))) continue;
        std::array<int, 3> const at = {t, y, x};
        if (one.pixels++ == 0) one.first = one.lowest = one.highest = at;
        for (std::size_t axis = 0; axis < 3; ++axis) {
          one.lowest[axis] = std::min(one.lowest[axis], at[axis]);
          one.highest[axis] = std::max(one.highest[axis], at[axis]);
        }
      }
    }
  }
  if (one.pixels > 0) found.push_back(one);
}

std::vector<PixelCheck::Violation> PixelCheck::flags(std::span<quality::Flags const> flags) {
  constexpr quality::Flags never = 255;
  std::vector<Violation> found;
  find(found, "quality is 255", [&](std::size_t i) { return flags[i] == never; });
  find(found, "quality has neither no_data nor a state (observed, fused, gap_filled)", [&](std::size_t i) {
    return (flags[i] & quality::no_data) == 0 && (flags[i] & quality::state_mask) == 0;
  });
  std::ranges::fill(filled_, std::uint8_t{0});
  return found;
}

std::vector<PixelCheck::Violation> PixelCheck::band(std::span<Dn const> product) {
  std::vector<Violation> found;
  find(found, fmt::format("a value is outside of the valid range {}..{}", lowest_, highest_),
       [&](std::size_t i) {
         if (product[i] == no_data_dn) return false;
         filled_[i] = 1;
         return product[i] < lowest_ || product[i] > highest_;
       });
  return found;
}

std::vector<PixelCheck::Violation> PixelCheck::uncertainty(std::span<Dn const> product,
                                                           std::span<Dn const> uncertainty) const {
  std::vector<Violation> found;
  find(found, "uncertainty is missing where there is a value",
       [&](std::size_t i) { return product[i] != no_data_dn && uncertainty[i] == no_data_dn; });
  find(found, "uncertainty is given where there is no value",
       [&](std::size_t i) { return product[i] == no_data_dn && uncertainty[i] != no_data_dn; });
  find(found, "uncertainty is negative",
       [&](std::size_t i) { return uncertainty[i] != no_data_dn && uncertainty[i] < 0; });
  return found;
}

std::vector<PixelCheck::Violation> PixelCheck::together(std::span<quality::Flags const> flags) const {
  std::vector<Violation> found;
  find(found, "quality says no_data where a band has a value",
       [&](std::size_t i) { return (flags[i] & quality::no_data) != 0 && filled_[i] != 0; });
  find(found, "quality does not say no_data where no band has a value",
       [&](std::size_t i) { return (flags[i] & quality::no_data) == 0 && filled_[i] == 0; });
  return found;
}

}  // namespace stfcube
