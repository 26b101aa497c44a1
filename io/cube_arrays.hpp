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

  /// Row-major number of a chunk among all chunks of the array, and back.
  std::int64_t chunk_number(std::array<int, 4> const& index) const;
  std::array<int, 4> chunk_index(std::int64_t number) const;
};

/// The product, its uncertainty when the layout has one, the quality flags: the arrays of a cube, in file
/// order.
std::vector<CubeArray> cube_arrays(CubeLayout const& layout);

/// Checks that the unit is made of whole chunks (far edges excepted) and that its stacks fit. @throws
/// Error(internal)
void check_unit(CubeUnit const& unit, CubeLayout const& layout);

/// How many chunks `values` covers along each axis; it begins at a chunk border.
template <class T>
std::array<int, 4> chunks_covered(CubeArray const& array, Stack<T> const& values) {
  auto const blocks = [](int size, int step) { return (size + step - 1) / step; };
  auto const& c = array.chunk;
  return {blocks(values.dates(), c[0]), blocks(values.bands(), c[1]), blocks(values.rows(), c[2]),
          blocks(values.cols(), c[3])};
}

/// Copies one chunk, the `at`-th of those that `values` covers, to `raw`: a full chunk, row-major,
/// `array.fill` beyond the edge of the array.
template <class T>
void copy_chunk(CubeArray const& array, Stack<T> const& values, std::array<int, 4> const& at,
                std::span<T> raw) {
  auto const& c = array.chunk;
  std::array<int, 4> first{}, count{};
  std::array<int, 4> const size = {values.dates(), values.bands(), values.rows(), values.cols()};
  for (std::size_t axis = 0; axis < 4; ++axis) {
    first[axis] = at[axis] * c[axis];
    count[axis] = std::min(c[axis], size[axis] - first[axis]);
  }
  if (count != c) std::fill(raw.begin(), raw.end(), static_cast<T>(array.fill));
  for (int t = 0; t < count[0]; ++t) {
    for (int b = 0; b < count[1]; ++b) {
      for (int y = 0; y < count[2]; ++y) {
        auto const row =
            (static_cast<std::size_t>(t) * static_cast<std::size_t>(c[1]) + static_cast<std::size_t>(b)) *
                static_cast<std::size_t>(c[2]) +
            static_cast<std::size_t>(y);
        std::copy_n(values.row(first[0] + t, first[1] + b, first[2] + y) + first[3], count[3],
                    raw.data() + row * static_cast<std::size_t>(c[3]));
      }
    }
  }
}

/// The index within the array of the `at`-th chunk that a unit over `px` from `first_date` on covers.
inline std::array<int, 4> index_in_array(CubeArray const& array, Rect const& px, int first_date,
                                         std::array<int, 4> const& at) {
  auto const& c = array.chunk;
  return {first_date / c[0] + at[0], at[1], px.y / c[2] + at[2], px.x / c[3] + at[3]};
}

/// Calls visit(chunk index, elements) for each chunk that `values` covers, in index order. The elements are
/// those of `copy_chunk`; they are valid during the call only.
template <class T, class Visit>
void for_each_chunk(CubeArray const& array, Stack<T> const& values, Rect const& px, int first_date,
                    Visit&& visit) {
  std::vector<T> raw(array.chunk_bytes() / sizeof(T));
  auto const [dates, bands, rows, columns] = chunks_covered(array, values);
  std::array<int, 4> at{};
  for (at[0] = 0; at[0] < dates; ++at[0]) {
    for (at[1] = 0; at[1] < bands; ++at[1]) {
      for (at[2] = 0; at[2] < rows; ++at[2]) {
        for (at[3] = 0; at[3] < columns; ++at[3]) {
          copy_chunk(array, values, at, std::span(raw));
          visit(index_in_array(array, px, first_date, at), std::span<T const>(raw));
        }
      }
    }
  }
}

}  // namespace stfcube
