#include "stfcube/io/cube_arrays.hpp"

namespace stfcube {
namespace {

/// A whole number of chunks from a chunk border, or up to the end of the axis.
bool whole_chunks(int first, int count, int chunk, int size) {
  return count > 0 && first >= 0 && first % chunk == 0 && first + count <= size &&
         (count % chunk == 0 || first + count == size);
}

template <class T>
bool fits(Stack<T> const& values, int dates, int bands, Rect const& px) {
  return values.dates() == dates && values.bands() == bands && values.rows() == px.height &&
         values.cols() == px.width;
}

}  // namespace

std::array<int, 4> CubeArray::chunk_counts() const {
  std::array<int, 4> counts{};
  for (std::size_t axis = 0; axis < 4; ++axis) counts[axis] = (shape[axis] + chunk[axis] - 1) / chunk[axis];
  return counts;
}

std::int64_t CubeArray::chunks() const {
  std::int64_t product = 1;
  for (int const count : chunk_counts()) product *= count;
  return product;
}

std::size_t CubeArray::chunk_bytes() const {
  std::size_t product = static_cast<std::size_t>(item_bytes);
  for (int const size : chunk) product *= static_cast<std::size_t>(size);
  return product;
}

std::int64_t CubeArray::chunk_number(std::array<int, 4> const& index) const {
  auto const counts = chunk_counts();
  std::int64_t number = 0;
  for (std::size_t axis = 0; axis < 4; ++axis) number = number * counts[axis] + index[axis];
  return number;
}

std::array<int, 4> CubeArray::chunk_index(std::int64_t number) const {
  auto const counts = chunk_counts();
  std::array<int, 4> index{};
  for (std::size_t axis = 4; axis-- > 0; number /= counts[axis]) {
    index[axis] = static_cast<int>(number % counts[axis]);
  }
  return index;
}

std::vector<CubeArray> cube_arrays(CubeLayout const& layout) {
  CubeArray product = {.name = layout.quantity.variable,
                       .shape = {static_cast<int>(layout.dates.size()), static_cast<int>(layout.bands.size()),
                                 layout.grid.height, layout.grid.width},
                       .fill = no_data_dn};
  for (std::size_t axis = 0; axis < 4; ++axis) {
    product.chunk[axis] = std::min(layout.chunk[axis], product.shape[axis]);
  }
  std::vector<CubeArray> arrays = {product};
  if (layout.uncertainty) {
    arrays.push_back(product);
    arrays.back().name = "uncertainty";
  }
  CubeArray flags = product;
  flags.name = "quality";
  flags.shape[1] = flags.chunk[1] = 1;
  flags.item_bytes = 1;
  flags.fill = quality::no_data;
  flags.banded = false;
  arrays.push_back(flags);
  return arrays;
}

void check_unit(CubeUnit const& unit, CubeLayout const& layout) {
  CubeArray const product = cube_arrays(layout).front();
  auto const& [dates, bands, rows, columns] = product.shape;
  ensure(whole_chunks(unit.first_date, unit.dn.dates(), product.chunk[0], dates),
         "the slab is made of whole chunks");
  ensure(whole_chunks(unit.px.y, unit.px.height, product.chunk[2], rows) &&
             whole_chunks(unit.px.x, unit.px.width, product.chunk[3], columns),
         "the tile is made of whole chunks");
  ensure(fits(unit.dn, unit.dn.dates(), bands, unit.px), "the unit holds all bands of its tile");
  ensure(!layout.uncertainty || fits(unit.uncertainty, unit.dn.dates(), bands, unit.px),
         "the uncertainty has the shape of the product");
  ensure(fits(unit.quality, unit.dn.dates(), 1, unit.px), "the quality flags have the shape of one band");
}

}  // namespace stfcube
