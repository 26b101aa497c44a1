#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stfcube/io/cube.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

/// One bulk array of a cube and how it is cut into chunks. Always four axes (time, band, y, x); an array
/// without bands has one. A value type.
struct CubeArray {
  std::string name;
  std::array<int, 4> shape{};  ///< elements
  std::array<int, 4> chunk{};  ///< elements, at most the shape
  int item_bytes = 2;
  int fill = 0;        ///< what an element is when nothing was written
  bool banded = true;  ///< false: stored as (time, y, x)

  /// Number of chunks along each axis; those at the far edge may be partial.
  std::array<int, 4> chunk_counts() const;
  std::int64_t chunks() const;
  std::size_t chunk_bytes() const;
};

/// The product, its uncertainty when the layout has one, the quality flags: the arrays of a cube, in file
/// order.
std::vector<CubeArray> cube_arrays(CubeLayout const& layout);

/// Checks that the unit is made of whole chunks (far edges excepted) and that its stacks fit. @throws
/// Error(internal)
void check_unit(CubeUnit const& unit, CubeLayout const& layout);

/// Calls visit(chunk index, elements) for each chunk that `values` covers, in index order. The elements are
/// those of a full chunk, row-major, `array.fill` beyond the edge of the array; they are valid during the
/// call only.
template <class T, class Visit>
void for_each_chunk(CubeArray const& array, Stack<T> const& values, Rect const& px, int first_date,
                    Visit&& visit) {
  auto const& c = array.chunk;
  std::vector<T> raw(array.chunk_bytes() / sizeof(T));
  auto const blocks = [](int size, int step) { return (size + step - 1) / step; };
  auto const copy_chunk = [&](int t0, int b0, int y0, int x0) {
    std::fill(raw.begin(), raw.end(), static_cast<T>(array.fill));
    int const columns = std::min(c[3], px.width - x0);
    for (int t = t0; t < std::min(t0 + c[0], values.dates()); ++t) {
      for (int b = b0; b < std::min(b0 + c[1], values.bands()); ++b) {
        for (int y = y0; y < std::min(y0 + c[2], px.height); ++y) {
          auto const row = (static_cast<std::size_t>(t - t0) * static_cast<std::size_t>(c[1]) +
                            static_cast<std::size_t>(b - b0)) *
                               static_cast<std::size_t>(c[2]) +
                           static_cast<std::size_t>(y - y0);
          std::copy_n(values.row(t, b, y) + x0, columns, raw.data() + row * static_cast<std::size_t>(c[3]));
        }
      }
    }
  };
  for (int t = 0; t < blocks(values.dates(), c[0]); ++t) {
    for (int b = 0; b < blocks(values.bands(), c[1]); ++b) {
      for (int y = 0; y < blocks(px.height, c[2]); ++y) {
        for (int x = 0; x < blocks(px.width, c[3]); ++x) {
          copy_chunk(t * c[0], b * c[1], y * c[2], x * c[3]);
          visit(std::array<int, 4>{first_date / c[0] + t, b, px.y / c[2] + y, px.x / c[3] + x},
                std::span<T const>(raw));
        }
      }
    }
  }
}

}  // namespace stfcube
