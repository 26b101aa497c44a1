#include "stfcube/models/classical/similar_pixels.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>

#include <gtest/gtest.h>

#include "stfcube/models/simd.hpp"

namespace stfcube {
namespace {

using Measure = SimilarSearch::Measure;

/// A block with random images; `levels` different values, so that ties are frequent when there are few.
struct Case {
  SimilarWindow window;
  int cols, rows, bands, levels, step;
  double gaps;
  Measure measure;
};

struct Block {
  explicit Block(Case const& c, unsigned seed)
      : search(c.window, c.cols, c.rows),
        usable(search.raster_size()),
        asked(static_cast<std::size_t>(c.cols * c.rows)) {
    std::mt19937 random(seed);
    for (int b = 0; b < c.bands; ++b) {
      auto& plane = planes.emplace_back(search.raster_size());
      for (Dn& v : plane) {
        v = static_cast<Dn>(-16000 + c.step * static_cast<int>(random() % static_cast<unsigned>(c.levels)));
      }
    }
    for (auto& u : usable) u = static_cast<double>(random() % 1000) >= 1000 * c.gaps;
    for (int y = 0; y < c.rows; ++y) {
      for (int x = 0; x < c.cols; ++x) {
        asked[static_cast<std::size_t>(y * c.cols + x)] = usable[search.window_at(x, y) + search.centre()];
      }
    }
  }

  /// The definition.
  std::vector<std::uint16_t> expected(Case const& c, int x, int y) const {
    std::vector<std::tuple<std::int64_t, int, int, int, std::uint16_t>> all;
    std::size_t const base = search.window_at(x, y);
    int const h = c.window.half_px;
    for (int dy = -h; dy <= h; ++dy) {
      for (int dx = -h; dx <= h; ++dx) {
        std::size_t const code = search.window_at(dx + h, dy + h);
        if (usable[base + code] == 0) continue;
        std::int64_t q = 0;
        for (auto const& plane : planes) {
          std::int64_t const difference = plane[base + code] - plane[base + search.centre()];
          q += c.measure == Measure::squares ? difference * difference : std::abs(difference);
        }
        all.emplace_back(q, dx * dx + dy * dy, dy, dx, static_cast<std::uint16_t>(code));
      }
    }
    std::ranges::sort(all);
    all.resize(std::min(all.size(), static_cast<std::size_t>(c.window.wanted)));
    std::vector<std::uint16_t> codes;
    for (auto const& entry : all) codes.push_back(std::get<4>(entry));
    std::ranges::sort(codes);
    return codes;
  }

  SimilarSearch search;
  std::vector<std::vector<Dn>> planes;
  std::vector<std::uint8_t> usable, asked;
};

class SimilarPixels : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Images, SimilarPixels,
    ::testing::Values(Case{{15, 30, 15.5}, 20, 6, 4, 2000, 1, 0, Measure::squares},
                      Case{{7, 12, 7.5}, 20, 20, 3, 3000, 1, 0.2, Measure::squares},
                      Case{{7, 12, 7.5}, 20, 20, 3, 3, 50, 0.1, Measure::squares},   // many ties
                      Case{{4, 20, 4.5}, 17, 9, 2, 1, 1, 0, Measure::squares},       // all equal
                      Case{{4, 20, 4.5}, 17, 9, 2, 60000, 1, 0, Measure::squares},   // 32 bits are too few
                      Case{{4, 200, 4.5}, 17, 9, 1, 100, 9, 0.5, Measure::squares},  // fewer than wanted
                      Case{{4, 10, 4.5}, 17, 9, 5, 200, 9, 0.95, Measure::squares},
                      Case{{0, 1, 0.5}, 5, 5, 1, 200, 9, 0.3, Measure::squares},
                      Case{{16, 40, 16}, 64, 3, 6, 900, 2, 0.05, Measure::differences},
                      Case{{4, 20, 4.5}, 17, 9, 2, 60000, 1, 0.1, Measure::differences}));

TEST_P(SimilarPixels, are_the_first_of_all_on_every_instruction_set) {
  Case const& c = GetParam();
  for (std::string const& name : simd_targets()) {
    use_simd_target(name);
    Block block(c, 7);
    std::vector<Dn const*> planes;
    for (auto const& plane : block.planes) planes.push_back(plane.data());
    std::vector<std::vector<double>> real;
    std::vector<double const*> real_planes;
    for (auto const& plane : block.planes) real.emplace_back(plane.begin(), plane.end());
    for (auto const& plane : real) real_planes.push_back(plane.data());
    SimilarLists whole(c.cols * c.rows, c.window.wanted), others(c.cols * c.rows, c.window.wanted);
    block.search.compare(planes, block.usable, c.measure);
    block.search.find(block.asked, whole);
    block.search.compare(real_planes, block.usable, c.measure);
    block.search.find(block.asked, others);
    for (int y = 0; y < c.rows; ++y) {
      for (int x = 0; x < c.cols; ++x) {
        int const pixel = y * c.cols + x;
        bool const asked = block.asked[static_cast<std::size_t>(pixel)] != 0;
        auto const expected = asked ? block.expected(c, x, y) : std::vector<std::uint16_t>{};
        ASSERT_TRUE(std::ranges::equal(whole.of(pixel), expected)) << name << ' ' << x << ' ' << y;
        ASSERT_TRUE(std::ranges::equal(others.of(pixel), expected)) << name << ' ' << x << ' ' << y;
      }
    }
  }
  use_simd_target("");
}

TEST(SimilarPixels, means_are_weighted_by_distance) {
  Case const c{{3, 5, 2.0}, 4, 4, 1, 1000, 3, 0, Measure::squares};
  Block block(c, 3);
  std::vector<Dn const*> const planes = {block.planes[0].data()};
  SimilarLists lists(16, 5);
  block.search.compare(planes, block.usable, c.measure);
  block.search.find(block.asked, lists);
  constexpr auto columns = static_cast<std::size_t>(SimilarSearch::columns);
  std::vector<double> images(block.search.raster_size() * columns);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<double>(i * i % 977);
  std::vector<SimilarSearch::Means> means(4);
  block.search.average_row(lists, 2, images.data(), means);
  double sum = 0, squares = 0, total = 0;
  for (std::uint16_t const code : lists.of(2 * 4 + 1)) {
    int const dx = code % block.search.pitch() - 3, dy = code / block.search.pitch() - 3;
    double const weight = 1 / (1 + std::hypot(dx, dy) / 2.0);
    double const value = images[(block.search.window_at(1, 2) + code) * columns + 6];
    sum += weight * value, squares += weight * value * value, total += weight;
  }
  EXPECT_NEAR(means[1].value[6], sum / total, 1e-9);
  EXPECT_NEAR(means[1].square[6], squares / total, 1e-6);
}

}  // namespace
}  // namespace stfcube
