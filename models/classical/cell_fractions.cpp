#include "stfcube/models/classical/cell_fractions.hpp"

#include <cmath>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr std::int32_t parts_of_pixel = 64;
constexpr std::int64_t psf_scale = 1 << 20;
constexpr double psf_sigma_cells = 0.5;

int ceil_div(int a, int b) {
  return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

/// The pixels of some cells that exist and are held.
Rect pixels_of(FusionInput const& input, Rect const& cells) {
  int const s = input.ratio;
  return intersect({cells.x * s, cells.y * s, cells.width * s, cells.height * s}, input.scene_px);
}

/// The label at pixel (x, y) of the target grid.
std::int16_t label_at(FusionInput const& input, std::span<std::int16_t const> labels, int x, int y) {
  Rect const& px = input.padded_px;
  return labels[static_cast<std::size_t>(y - px.y) * static_cast<std::size_t>(px.width) +
                static_cast<std::size_t>(x - px.x)];
}

/// Weights of the 3 ratio pixels of three cells along one axis.
std::vector<double> psf_weights(int ratio) {
  std::vector<double> weights;
  for (int i = 0; i < 3 * ratio; ++i) {
    double const cells = (i + 0.5) / ratio - 1.5;
    weights.push_back(std::exp(-cells * cells / (2 * psf_sigma_cells * psf_sigma_cells)));
  }
  return weights;
}

}  // namespace

std::size_t CellCounts::at(int column, int row) const {
  ensure(cells.contains({column, row, 1, 1}), "a method looks at whole cells within its support");
  return static_cast<std::size_t>(row - cells.y) * static_cast<std::size_t>(cells.width) +
         static_cast<std::size_t>(column - cells.x);
}

Rect whole_cells(FusionInput const& input) {
  Rect const scene = cell_frame(input).scene;
  Rect const& px = input.padded_px;
  int const s = input.ratio;
  int const left = px.x == input.scene_px.x ? scene.x : ceil_div(px.x, s);
  int const top = px.y == input.scene_px.y ? scene.y : ceil_div(px.y, s);
  int const right = px.right() == input.scene_px.right() ? scene.right() : px.right() / s;
  int const bottom = px.bottom() == input.scene_px.bottom() ? scene.bottom() : px.bottom() / s;
  return {left, top, std::max(0, right - left), std::max(0, bottom - top)};
}

CellCounts count_cell_classes(FusionInput const& input, std::span<std::int16_t const> labels, int classes) {
  Rect const cells = whole_cells(input);
  auto const size = static_cast<std::size_t>(cells.area());
  CellCounts result{cells, classes, input.ratio, 1, {}, {}, {}};
  result.counts.resize(static_cast<std::size_t>(classes) * size);
  result.pixels.resize(size);
  result.valid.resize(size);
  parallel_for(0, cells.height, [&](int row) {
    for (int column = 0; column < cells.width; ++column) {
      Rect const px = pixels_of(input, {cells.x + column, cells.y + row, 1, 1});
      auto const cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(cells.width) +
                        static_cast<std::size_t>(column);
      result.pixels[cell] = static_cast<std::int32_t>(px.area());
      for (int y = px.y; y < px.bottom(); ++y) {
        for (int x = px.x; x < px.right(); ++x) {
          auto const label = label_at(input, labels, x, y);
          if (label < 0) continue;
          ++result.counts[static_cast<std::size_t>(label) * size + cell];
          ++result.valid[cell];
        }
      }
    }
  });
  return result;
}

CellCounts count_cell_memberships(FusionInput const& input, std::span<std::uint16_t const> memberships,
                                  int classes, int parts) {
  Rect const cells = whole_cells(input);
  auto const size = static_cast<std::size_t>(cells.area());
  auto const plane = static_cast<std::size_t>(input.padded_px.area());
  CellCounts result{cells, classes, input.ratio, parts, {}, {}, {}};
  result.counts.resize(static_cast<std::size_t>(classes) * size);
  result.pixels.resize(size);
  result.valid.resize(size);
  parallel_for(0, cells.height, [&](int row) {
    for (int column = 0; column < cells.width; ++column) {
      Rect const px = pixels_of(input, {cells.x + column, cells.y + row, 1, 1});
      auto const cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(cells.width) +
                        static_cast<std::size_t>(column);
      result.pixels[cell] = static_cast<std::int32_t>(px.area());
      std::int64_t all = 0;
      for (std::size_t c = 0; c < static_cast<std::size_t>(classes); ++c) {
        std::int32_t& count = result.counts[c * size + cell];
        for (int y = px.y; y < px.bottom(); ++y) {
          std::uint16_t const* const from =
              &memberships[c * plane + static_cast<std::size_t>(y - input.padded_px.y) *
                                           static_cast<std::size_t>(input.padded_px.width)];
          for (int x = px.x; x < px.right(); ++x) count += from[x - input.padded_px.x];
        }
        all += count;
      }
      result.valid[cell] = static_cast<std::int32_t>(all / parts);
    }
  });
  return result;
}

CellFractions block_fractions(CellCounts const& counts) {
  CellFractions result{counts.cells, counts.classes, 0, std::vector<std::int32_t>(counts.counts.size()), {}};
  result.scale = std::int64_t{counts.ratio} * counts.ratio * parts_of_pixel;
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    result.usable.push_back(counts.usable(cell) ? 1 : 0);
    if (counts.valid[cell] == 0) continue;
    for (int c = 0; c < counts.classes; ++c) {
      auto const at = static_cast<std::size_t>(c) * counts.size() + cell;
      std::int64_t const twice = 2 * result.scale * counts.counts[at];
      result.shares[at] = static_cast<std::int32_t>((twice + counts.valid[cell]) / (2 * counts.valid[cell]));
    }
  }
  return result;
}

CellFractions psf_fractions(FusionInput const& input, std::span<std::int16_t const> labels, int classes) {
  Rect const whole = whole_cells(input);
  Rect const scene = cell_frame(input).scene;
  int const left = whole.x == scene.x ? 0 : 1, top = whole.y == scene.y ? 0 : 1;
  int const right = whole.right() == scene.right() ? 0 : 1, bottom = whole.bottom() == scene.bottom() ? 0 : 1;
  Rect const cells{whole.x + left, whole.y + top, std::max(0, whole.width - left - right),
                   std::max(0, whole.height - top - bottom)};
  auto const size = static_cast<std::size_t>(cells.area());
  CellFractions result{cells, classes, psf_scale,
                       std::vector<std::int32_t>(static_cast<std::size_t>(classes) * size),
                       std::vector<std::uint8_t>(size)};
  auto const weights = psf_weights(input.ratio);
  int const s = input.ratio;
  parallel_for(0, cells.height, [&](int row) {
    std::vector<double> sums(static_cast<std::size_t>(classes));
    for (int column = 0; column < cells.width; ++column) {
      Rect const own{cells.x + column, cells.y + row, 1, 1};
      Rect const inner = pixels_of(input, own), px = pixels_of(input, grow(own, 1));
      auto const weight = [&](int at, int first_cell) {
        return weights[static_cast<std::size_t>(at - (first_cell - 1) * s)];
      };
      std::ranges::fill(sums, 0.0);
      double total = 0;
      int valid = 0;
      for (int y = px.y; y < px.bottom(); ++y) {
        for (int x = px.x; x < px.right(); ++x) {
          auto const label = label_at(input, labels, x, y);
          if (label < 0) continue;
          double const w = weight(x, own.x) * weight(y, own.y);
          sums[static_cast<std::size_t>(label)] += w;
          total += w;
          valid += inner.contains({x, y, 1, 1});
        }
      }
      auto const cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(cells.width) +
                        static_cast<std::size_t>(column);
      result.usable[cell] = 2 * valid >= inner.area() ? 1 : 0;
      for (std::size_t c = 0; c < sums.size() && total > 0; ++c) {
        result.shares[c * size + cell] =
            static_cast<std::int32_t>(std::llround(sums[c] / total * static_cast<double>(psf_scale)));
      }
    }
  });
  return result;
}

}  // namespace stfcube
