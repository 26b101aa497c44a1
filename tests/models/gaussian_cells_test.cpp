#include "stfcube/models/classical/gaussian_cells.hpp"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

/// A cell of 4 x 4 pixels and two groups in one band; one pixel is unknown.
CellBelief cell_at(int column, int row, double variance_0, double variance_1, double innovation) {
  CellBelief cell;
  cell.px = {4 * column, 4 * row, 4, 4};
  cell.groups = 2;
  cell.bands = 1;
  for (int i = 0; i < 16; ++i)
    cell.group.push_back(static_cast<std::int16_t>(i == 5 ? -1 : i % 3 == 0 ? 1 : 0));
  cell.known = 15;
  cell.variance = {variance_0, variance_1};
  cell.observed = true;
  cell.innovation = {innovation};
  return cell;
}

double mean_shift(CellBelief const& cell, CellUpdate const& update) {
  double sum = 0;
  for (std::size_t i = 0; i < 16; ++i) sum += cell.group[i] < 0 ? 0 : update.shift[i];
  return sum / cell.known;
}

TEST(BlockUpdate, without_noise_the_mean_is_the_coarse_value) {
  auto const cell = cell_at(0, 0, 400, 2500, 37);
  EXPECT_NEAR(mean_shift(cell, block_update(cell, 0)), 37, 1e-12);
}

TEST(BlockUpdate, with_endless_noise_nothing_is_learnt) {
  auto const cell = cell_at(0, 0, 400, 2500, 37);
  auto const update = block_update(cell, 1e12);
  EXPECT_NEAR(mean_shift(cell, update), 0, 1e-9);
  EXPECT_NEAR(update.variance[0], 2500, 1e-9);
  EXPECT_NEAR(update.variance[1], 400, 1e-9);
}

TEST(BlockUpdate, equal_variances_share_the_innovation_equally) {
  auto const cell = cell_at(0, 0, 900, 900, -20);
  auto const update = block_update(cell, 0);
  for (std::size_t i = 0; i < 16; ++i) {
    if (cell.group[i] < 0) continue;
    EXPECT_NEAR(update.shift[i], -20, 1e-12);
  }
  EXPECT_NEAR(update.variance[0], 900 * (1 - 1.0 / 15), 1e-9);
}

TEST(BlockUpdate, cells_without_a_coarse_value_or_any_doubt_keep_their_belief) {
  auto cell = cell_at(0, 0, 400, 2500, 37);
  cell.observed = false;
  EXPECT_EQ(block_update(cell, 10).shift[0], 0);
  EXPECT_EQ(block_update(cell, 10).variance[0], 2500);
  auto const certain = cell_at(0, 0, 0, 0, 37);
  EXPECT_EQ(block_update(certain, 0).shift[0], 0);
}

/// Draws from the model: the mean squared error has to be the variance that was told.
TEST(BlockUpdate, errors_of_drawn_scenes_are_as_large_as_told) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  auto cell = cell_at(0, 0, 400, 2500, 0);
  double const noise = 12;
  double squares = 0, told = 0;
  constexpr int draws = 20000;
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<double> truth(16);
    double mean = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      if (cell.group[i] < 0) continue;
      truth[i] = std::sqrt(cell.variance_of(cell.group[i], 0)) * normal(random);
      mean += truth[i] / 15;
    }
    cell.innovation = {mean + noise * normal(random)};
    auto const update = block_update(cell, noise);
    squares += std::pow(truth[0] - update.shift[0], 2);
    told += update.variance[0];
  }
  EXPECT_NEAR(squares / draws, told / draws, 0.03 * told / draws);
}

/// All covariances of some cells, [cell, cell, band].
std::vector<double> covariances(CellCorrelation const& correlation, std::vector<CellBelief> const& cells) {
  std::vector<double> all;
  for (auto const& a : cells) {
    for (auto const& b : cells) all.push_back(correlation.covariance(a, b).front());
  }
  return all;
}

std::vector<CellBelief const*> pointers(std::vector<CellBelief> const& cells) {
  std::vector<CellBelief const*> all;
  for (auto const& cell : cells) all.push_back(&cell);
  return all;
}

TEST(CellCorrelation, covariance_is_the_sum_over_all_pairs_of_pixels) {
  CellCorrelation const correlation(4, 5);
  auto const a = cell_at(1, 1, 400, 2500, 0), b = cell_at(2, 0, 100, 900, 0);
  double sum = 0;
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) {
      if (i == 5 || j == 5) continue;
      double const dx = a.px.x + i % 4 - b.px.x - j % 4, dy = a.px.y + i / 4 - b.px.y - j / 4;
      sum += std::sqrt((i % 3 == 0 ? 2500.0 : 400.0) * (j % 3 == 0 ? 900.0 : 100.0)) *
             std::exp(-std::hypot(dx, dy) / 5);
    }
  }
  EXPECT_NEAR(correlation.covariance(a, b).front(), sum / 225, 1e-9);
  EXPECT_NEAR(correlation.covariance(b, a).front(), sum / 225, 1e-9);
}

TEST(CellCorrelation, short_lengths_are_the_block_rule) {
  CellCorrelation const correlation(4, 1e-3);
  std::vector<CellBelief> const cells = {cell_at(0, 0, 400, 2500, 37), cell_at(1, 0, 100, 900, -80)};
  auto const update = correlation.update(cells[0], pointers(cells), covariances(correlation, cells), 15);
  auto const block = block_update(cells[0], 15);
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_NEAR(update.shift[i], block.shift[i], 1e-9);
    EXPECT_NEAR(update.variance[i], block.variance[i], 1e-9);
  }
}

TEST(CellCorrelation, without_noise_means_of_cells_are_their_coarse_values) {
  CellCorrelation const correlation(4, 5);
  std::vector<CellBelief> const cells = {cell_at(0, 0, 400, 2500, 37), cell_at(1, 0, 100, 900, -80)};
  auto const update = correlation.update(cells[0], pointers(cells), covariances(correlation, cells), 0);
  EXPECT_NEAR(mean_shift(cells[0], update), 37, 1e-8);
}

TEST(CellCorrelation, neighbours_tell_of_a_cell_that_has_no_value) {
  CellCorrelation const correlation(4, 5);
  std::vector<CellBelief> cells = {cell_at(0, 0, 400, 400, 0), cell_at(1, 0, 400, 400, 50)};
  cells[0].observed = false;
  auto const update = correlation.update(cells[0], pointers(cells), covariances(correlation, cells), 1);
  EXPECT_GT(update.shift[3], update.shift[0]);  // nearer to the neighbour
  EXPECT_GT(update.shift[0], 1);
  EXPECT_LT(update.variance[3], update.variance[0]);
  EXPECT_LT(update.variance[0], 400);
}

TEST(CellCorrelation, errors_of_drawn_scenes_are_as_large_as_told) {
  CellCorrelation const correlation(4, 5);
  std::vector<CellBelief> cells = {cell_at(0, 0, 400, 2500, 0), cell_at(1, 0, 400, 2500, 0)};
  auto const all = covariances(correlation, cells);
  double const noise = 8;
  // A factor of the covariance of all 30 pixels, made by hand.
  std::vector<std::pair<int, int>> pixels;
  for (int c = 0; c < 2; ++c) {
    for (int i = 0; i < 16; ++i) {
      if (i != 5) pixels.emplace_back(c, i);
    }
  }
  std::size_t const n = pixels.size();
  std::vector<double> factor(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      auto const [ci, pi] = pixels[i];
      auto const [cj, pj] = pixels[j];
      double sum = std::sqrt((pi % 3 == 0 ? 2500.0 : 400.0) * (pj % 3 == 0 ? 2500.0 : 400.0)) *
                   std::exp(-std::hypot(4 * ci + pi % 4 - 4 * cj - pj % 4, pi / 4 - pj / 4) / 5.0);
      for (std::size_t m = 0; m < j; ++m) sum -= factor[i * n + m] * factor[j * n + m];
      factor[i * n + j] = i == j ? std::sqrt(sum) : sum / factor[j * n + j];
    }
  }
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  double squares = 0, told = 0;
  constexpr int draws = 20000;
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<double> z(n), truth(n);
    for (double& v : z) v = normal(random);
    for (auto& cell : cells) cell.innovation = {noise * normal(random)};
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t m = 0; m <= i; ++m) truth[i] += factor[i * n + m] * z[m];
      cells[static_cast<std::size_t>(pixels[i].first)].innovation[0] += truth[i] / 15;
    }
    auto const update = correlation.update(cells[0], pointers(cells), all, noise);
    squares += std::pow(truth[3] - update.shift[3], 2);
    told += update.variance[3];
  }
  EXPECT_NEAR(squares / draws, told / draws, 0.03 * told / draws);
}

}  // namespace
}  // namespace stfcube
