#include "stfcube/tests/support/method_cases.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace stfcube::testing {
namespace {

/// Overwrites what lies outside the two rectangles, keeping gaps.
void poison(FusionInput& input, Rect const& keep_px, Rect const& keep_cells, unsigned seed) {
  std::mt19937 random(seed);
  auto const overwrite = [&](Stack<Dn>& stack, Rect const& kept) {
    for (int d = 0; d < stack.dates(); ++d) {
      for (int b = 0; b < stack.bands(); ++b) {
        for (int y = 0; y < stack.rows(); ++y) {
          for (int x = 0; x < stack.cols(); ++x) {
            auto const value = static_cast<Dn>(random() % 3000);
            if (!kept.contains({x, y, 1, 1})) stack.at(d, b, y, x) = value;
          }
        }
      }
    }
  };
  overwrite(input.fine.dn, keep_px);
  overwrite(input.coarse.dn, keep_cells);
}

FusionInput copy_of(FusionInput const& whole) {
  return tile_of(whole, whole.core_px, {});
}

}  // namespace

void expect_golden(GoldenResult const& result, GoldenRow const& row) {
  constexpr int places[4][2] = {{0, 0}, {30, 30}, {38, 22}, {59, 41}};
  for (int band = 0; band < 3; ++band) {
    auto const b = static_cast<std::size_t>(band);
    EXPECT_EQ(result.sum(band), row.sums[b]) << band;
    for (std::size_t p = 0; p < 4; ++p) {
      EXPECT_NEAR(result.probe(places[p][0], places[p][1])[b], row.probes[p][b], 5.001e-5)
          << p << ' ' << band;
    }
  }
}

GoldenResult fuse_tile(FusionModel const& model, FusionInput const& input) {
  auto const targets = static_cast<int>(input.targets.size());
  int const bands = input.coarse.dn.bands();
  GoldenResult result{{targets, bands, input.core_px.height, input.core_px.width},
                      {targets, bands, input.core_px.height, input.core_px.width}};
  result.exact.fill(std::numeric_limits<double>::quiet_NaN());
  result.output.exact = &result.exact;
  model.fuse(input, result.output);
  result.output.exact = nullptr;
  return result;
}

bool is_part_of(GoldenResult const& whole, GoldenResult const& tile, Rect const& core) {
  for (int t = 0; t < tile.exact.dates(); ++t) {
    for (int b = 0; b < tile.exact.bands(); ++b) {
      for (int y = 0; y < core.height; ++y) {
        for (int x = 0; x < core.width; ++x) {
          double const expected = whole.exact.at(t, b, core.y + y, core.x + x),
                       found = tile.exact.at(t, b, y, x);
          bool const equal = std::isnan(expected) ? std::isnan(found) : expected == found;
          if (!equal ||
              whole.output.uncertainty.at(t, b, core.y + y, core.x + x) !=
                  tile.output.uncertainty.at(t, b, y, x) ||
              whole.output.quality.at(t, 0, core.y + y, core.x + x) != tile.output.quality.at(t, 0, y, x))
            return false;
        }
      }
    }
  }
  return true;
}

void expect_support(FusionModel& model, FusionInput const& whole, Rect const& core_px) {
  GoldenResult const expected = predict(model, whole);
  Support const support = model.info().support;
  auto const same = [&](Rect const& keep_px, Rect const& keep_cells, unsigned seed) {
    FusionInput poisoned = copy_of(whole);
    poison(poisoned, keep_px, keep_cells, seed);
    return is_part_of(expected, fuse_tile(model, tile_of(poisoned, core_px, support)), core_px);
  };
  FusionInput const seen = tile_of(whole, core_px, support);
  Support less = support;
  less.halo_px -= 1;
  FusionInput const fewer_pixels = tile_of(whole, core_px, less);
  less = support;
  less.halo_cells -= 1;
  FusionInput const fewer_cells = tile_of(whole, core_px, less);
  int differing_px = 0, differing_cells = 0;
  for (unsigned seed = 0; seed < 5; ++seed) {
    EXPECT_TRUE(same(seen.padded_px, seen.cells, seed));
    differing_px += !same(fewer_pixels.padded_px, seen.cells, seed);
    differing_cells += !same(seen.padded_px, fewer_cells.cells, seed);
  }
  EXPECT_TRUE(differing_px > 0 || support.halo_px == 0) << "the halo of pixels is larger than needed";
  EXPECT_TRUE(differing_cells > 0 || support.halo_cells == 0) << "the halo of cells is larger than needed";
}

}  // namespace stfcube::testing
