#include "stfcube/models/classical/most_similar.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>

#include <gtest/gtest.h>

#include "stfcube/models/simd.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr int size = 40;

FusionInput image(int bands, int lowest, int values, unsigned seed) {
  std::mt19937 random(seed);
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, size, size};
  input.fine = {{Date{0}}, Stack<Dn>(1, bands, size, size)};
  for (Dn& value : input.fine.dn.all())
    value = static_cast<Dn>(lowest + static_cast<int>(random() % static_cast<unsigned>(values)));
  for (int i = 0; i < 60; ++i) {
    auto const at = random() % (size * size);
    for (int b = 0; b < bands; ++b) input.fine.dn.plane(0, b)[at] = no_data_dn;
  }
  return input;
}

/// The definition, word by word.
std::vector<MostSimilarPixels::Neighbour> by_definition(FusionInput const& input, int half, int most,
                                                        std::vector<float> const& limits,
                                                        std::vector<std::uint8_t> const& usable, int y,
                                                        int x) {
  using Candidate = std::tuple<double, int, int, int, double>;  // key, d^2, dy, dx, sim
  std::vector<Candidate> candidates;
  for (int dy = -half; dy <= half; ++dy) {
    for (int dx = -half; dx <= half; ++dx) {
      if (!input.scene_px.contains({x + dx, y + dy, 1, 1})) continue;
      bool similar = usable[static_cast<std::size_t>((y + dy) * size + x + dx)] != 0;
      double sim = 0;
      for (int b = 0; b < input.fine.dn.bands(); ++b) {
        int const centre = input.fine.dn.at(0, b, y, x), other = input.fine.dn.at(0, b, y + dy, x + dx);
        similar = similar && other != no_data_dn &&
                  std::abs(other - centre) <= static_cast<double>(limits[static_cast<std::size_t>(b)]);
        sim += static_cast<double>(std::abs(other - centre)) / std::max(centre, 1);
      }
      if (!similar) continue;
      double const d = std::sqrt(static_cast<double>(dx * dx + dy * dy));
      candidates.emplace_back((sim + 1e-5) * (10 + d / half), dx * dx + dy * dy, dy, dx, sim);
    }
  }
  std::ranges::sort(candidates);
  candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(most)));
  std::ranges::sort(candidates, {}, [](Candidate const& c) {
    return std::pair{std::get<2>(c), std::get<3>(c)};
  });
  std::vector<MostSimilarPixels::Neighbour> neighbours;
  double total = 0;
  for (auto const& [key, square, dy, dx, sim] : candidates) {
    double const weight = 1 / ((1 + std::sqrt(static_cast<double>(square)) / half) * (sim + 1));
    neighbours.push_back({static_cast<std::int16_t>(dy), static_cast<std::int16_t>(dx), weight});
    total += weight;
  }
  for (auto& neighbour : neighbours) neighbour.weight /= total;
  return neighbours;
}

struct Case {
  int bands, lowest, values, half, most;
  float limit;
};
void PrintTo(Case const& c, std::ostream* out) {
  *out << c.bands << " bands, " << c.values << " values, half window " << c.half << ", " << c.most
       << " pixels";
}

class MostSimilarCases : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Images, MostSimilarCases,
                         ::testing::Values(Case{4, 200, 800, 20, 20, 300}, Case{1, 500, 40, 7, 12, 10},
                                           Case{3, 300, 2, 12, 20, 5},  // ties in masses
                                           Case{6, 1000, 1, 9, 30, 0},  // a constant image
                                           Case{2, -500, 1000, 5, 8, 65535}, Case{5, 0, 16000, 20, 20, 2000},
                                           Case{7, 100, 300, 1, 4, 400}, Case{4, 800, 100, 10, 1000, 90}));

TEST_P(MostSimilarCases, are_those_of_the_definition_on_every_instruction_set) {
  auto const& [bands, lowest, values, half, most, limit] = GetParam();
  FusionInput const input = image(bands, lowest, values, 11);
  std::vector<std::uint8_t> usable(size * size, 1);
  for (int i = 0; i < 30; ++i) usable[static_cast<std::size_t>(53 * i)] = 0;
  std::vector<float> const limits(static_cast<std::size_t>(bands), limit);
  MostSimilarPixels const similar(half, most);
  SimilarityRaster const raster(input, 0, input.core_px, half, usable);
  MostSimilarPixels::Scratch scratch(similar);
  std::vector<MostSimilarPixels::Neighbour> found(static_cast<std::size_t>(most));
  for (int y = 0; y < size; y += 3) {
    for (int x = y % 4; x < size; x += 5) {
      if (input.fine.dn.at(0, 0, y, x) == no_data_dn || !usable[static_cast<std::size_t>(y * size + x)])
        continue;
      auto const expected = by_definition(input, half, most, limits, usable, y, x);
      for (std::string const& name : simd_targets()) {
        use_simd_target(name);
        int const count = similar.find(raster, y, x, limits, scratch, found.data());
        ASSERT_EQ(count, static_cast<int>(expected.size())) << name << ' ' << x << ' ' << y;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          ASSERT_EQ(std::pair(found[i].dy, found[i].dx), std::pair(expected[i].dy, expected[i].dx))
              << name << ' ' << x << ' ' << y;
          ASSERT_EQ(found[i].weight, expected[i].weight);
        }
      }
    }
  }
  use_simd_target("");
}

TEST(MostSimilarPixels, a_tile_must_hold_its_windows) {
  FusionInput input = image(1, 0, 100, 1);
  input.padded_px = {5, 0, 35, 40};
  EXPECT_THROW(SimilarityRaster(input, 0, {9, 0, 4, 4}, 5, std::vector<std::uint8_t>(1400, 1)), Error);
}

}  // namespace
}  // namespace stfcube
