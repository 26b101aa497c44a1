#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {

/// What pixels of a cube must fulfil (docs/cube-format.md): no_data where and only where the product is empty
/// in all bands, a state of every other pixel, uncertainty where and only where there is a product, values in
/// their ranges. For the pixels of one place in the grid of chunks: its flags first, then the bands one after
/// the other. Pixels are [date, y, x], row-major, of a full chunk; those beyond the edge of the cube are left
/// out. One thread at a time.
class PixelCheck {
 public:
  /// Pixels that break one rule.
  struct Violation {
    std::string rule;
    std::int64_t pixels = 0;
    std::array<int, 3> first{};              ///< date, y, x within the chunk
    std::array<int, 3> lowest{}, highest{};  ///< of all of them
  };

  /// @param chunk   size of a chunk: dates, y, x
  /// @param inside  how much of it lies within the cube
  PixelCheck(Quantity const& quantity, std::array<int, 3> const& chunk, std::array<int, 3> const& inside);

  /// Looks at the flags alone. Size of all spans from here on: one chunk of one band.
  std::vector<Violation> flags(std::span<quality::Flags const> flags);

  /// Looks at the product of the next band.
  std::vector<Violation> band(std::span<Dn const> product);

  /// Looks at the uncertainty of a band.
  std::vector<Violation> uncertainty(std::span<Dn const> product, std::span<Dn const> uncertainty) const;

  /// Compares the flags with all bands, after the last one.
  std::vector<Violation> together(std::span<quality::Flags const> flags) const;

 private:
  template <class Broken>
  void find(std::vector<Violation>& found, std::string const& rule, Broken&& broken) const;

  Dn lowest_, highest_;
  std::array<int, 3> chunk_, inside_;
  std::vector<std::uint8_t> filled_;  ///< whether any band has a value
};

}  // namespace stfcube
