#include "stfcube/models/accuracy_strata.hpp"

#include <cmath>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/accuracy.hpp"
#include "stfcube/models/window_similarity.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using Image = std::function<double(int x, int y, int band)>;

constexpr AccuracyScale scale{1.0, 16.0, 2};

PairedTile tile_of(Image const& reference, Image const& prediction, int bands, int width, int height) {
  PairedTile tile{width, height, width, height, {}, {}, {}};
  tile.valid.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 1);
  for (int b = 0; b < bands; ++b) {
    auto& y = tile.reference.emplace_back();
    auto& p = tile.prediction.emplace_back();
    for (int row = 0; row < height; ++row) {
      for (int x = 0; x < width; ++x) {
        y.push_back(to_nano(reference(x, row, b)));
        p.push_back(to_nano(prediction(x, row, b)));
      }
    }
  }
  return tile;
}

double land(int x, int y, int band) {
  return 0.1 + 0.0001 * ((x * 37 + y * 91 + x * y * 13 + band * 211) % 3000);
}

double noisy(int x, int y, int band) {
  return land(x, y, band) + 0.0001 * ((x * 53 + y * 17 + x * x * 7) % 200 - 80);
}

double row_of(std::initializer_list<double> values, int x) {
  return values.begin()[x];
}

TEST(AccuracyStrata, hand_computed_further_measures) {
  // y = 0.1 0.2 0.3 0.4, p = 0.2 0.2 0.2 0.6; |p - 0.25| + |y - 0.25| = 0.2 0.1 0.1 0.5.
  auto const tile = tile_of(
      [](int x, int, int) {
        return row_of({0.1, 0.2, 0.3, 0.4}, x);
      },
      [](int x, int, int) {
        return row_of({0.2, 0.2, 0.2, 0.6}, x);
      },
      1, 4, 1);
  Accuracy const a = band_accuracy(band_sums(tile, 0, 1, {to_nano(0.25), 0, 0}), scale);
  EXPECT_DOUBLE_EQ(a.rmae, 0.1 / 0.25);
  EXPECT_DOUBLE_EQ(a.ia, 1 - 0.06 / 0.31);
  EXPECT_DOUBLE_EQ(a.cc2, 0.06 * 0.06 / (0.05 * 0.12));
  EXPECT_DOUBLE_EQ(a.rase, 100 * std::sqrt(0.06 / 4) / 0.25);
  EXPECT_DOUBLE_EQ(a.uiqi_global, 4 * 0.015 * 0.25 * 0.3 / ((0.0125 + 0.03) * (0.0625 + 0.09)));
  EXPECT_TRUE(std::isnan(a.ssim_p)) << "no window fits";
  EXPECT_TRUE(std::isnan(a.within_sigma)) << "no uncertainty was told";
  EXPECT_TRUE(std::isnan(a.coarse_rmse)) << "there is no coarse image";
}

TEST(AccuracyStrata, rase_of_an_image_pools_its_bands) {
  auto const tile = tile_of([](int, int, int b) { return b == 0 ? 0.1 : 0.3; },
                            [](int, int, int b) { return b == 0 ? 0.13 : 0.34; }, 2, 3, 3);
  ImageSums sums{{band_sums(tile, 0, 1), band_sums(tile, 1, 1)}, 0, 0};
  EXPECT_DOUBLE_EQ(image_accuracy(sums, scale).rase, 100 / 0.2 * std::sqrt((0.0009 + 0.0016) / 2));
}

TEST(AccuracyStrata, spatial_correlation_sees_detail_alone) {
  auto const line = [](int x, int y, int b) { return 0.5 * land(x, y, b) + 0.001 * x; };
  EXPECT_NEAR(band_accuracy(band_sums(tile_of(land, line, 1, 30, 20), 0, 1), scale).scc, 1, 1e-9);
  auto const inverse = [](int x, int y, int b) { return 0.7 - land(x, y, b); };
  EXPECT_NEAR(band_accuracy(band_sums(tile_of(land, inverse, 1, 30, 20), 0, 1), scale).scc, -1, 1e-12);
  EXPECT_TRUE(std::isnan(band_accuracy(band_sums(tile_of(land, noisy, 1, 2, 20), 0, 1), scale).scc));
}

TEST(AccuracyStrata, laplacian_is_eight_times_the_middle_less_its_neighbours) {
  auto const tile = tile_of([](int x, int y, int) { return x == 1 && y == 1 ? 0.5 : 0.1; },
                            [](int x, int y, int) { return 0.01 * (x + 3 * y); }, 1, 3, 3);
  BandSums const sums = band_sums(tile, 0, 1);
  EXPECT_EQ(static_cast<int>(sums.laplacians), 1);
  EXPECT_EQ(static_cast<Nano>(sums.reference_laplacian), to_nano(8 * 0.5 - 8 * 0.1));
  EXPECT_EQ(static_cast<Nano>(sums.prediction_laplacian), 0) << "a plane has no Laplacian";
}

TEST(AccuracyStrata, edges_of_a_blurred_image_are_too_weak) {
  auto const half = [](int x, int y, int b) { return 0.2 + 0.5 * std::round(land(x, y, b) * 5e3) / 5e3; };
  auto const even = [](int x, int y, int b) { return std::round(land(x, y, b) * 5e3) / 5e3; };
  EXPECT_NEAR(band_accuracy(band_sums(tile_of(even, half, 1, 20, 20), 0, 1), scale).edge, -1.0 / 3, 1e-9);
  EXPECT_EQ(band_accuracy(band_sums(tile_of(land, land, 1, 20, 20), 0, 1), scale).edge, 0);
  // One window: |0.1 - 0.4| + |0.3 - 0.2| = 0.4 against 0.6.
  auto const tile = tile_of(
      [](int x, int y, int) {
        return row_of({0.1, 0.2, 0.3, 0.4}, 2 * y + x);
      },
      [](int x, int y, int) {
        return row_of({0.1, 0.2, 0.4, 0.5}, 2 * y + x);
      },
      1, 2, 2);
  EXPECT_NEAR(band_accuracy(band_sums(tile, 0, 1), scale).edge, 0.2 / 1.0, 1e-15);
  auto const flat = tile_of([](int, int, int) { return 0.1; }, [](int, int, int) { return 0.2; }, 1, 9, 9);
  EXPECT_TRUE(std::isnan(band_accuracy(band_sums(flat, 0, 1), scale).edge)) << "no edge anywhere";
}

TEST(AccuracyStrata, ssim_p_is_ssim_with_the_range_between_percentiles) {
  auto const tile = tile_of(land, noisy, 1, 40, 30);
  Accuracy const a = band_accuracy(band_sums(tile, 0, 1, {0, 0.1, 0.35}), scale);
  Accuracy const b = band_accuracy(band_sums(tile, 0, 0.25), scale);
  EXPECT_DOUBLE_EQ(a.ssim_p, b.ssim_local);
  EXPECT_LT(a.ssim_p, a.ssim_local);
}

TEST(AccuracyStrata, levels_are_the_mean_and_percentiles_of_all_values) {
  LevelCounts odd, even;
  for (int i = 1; i <= 2000; ++i) (i % 2 ? odd : even).add(to_nano(i * 1e-4));
  odd.merge_packed(even.pack());
  ReferenceLevels const levels = odd.levels();
  EXPECT_EQ(levels.mean, to_nano(1000.5e-4));
  EXPECT_DOUBLE_EQ(levels.low, 2e-4);
  EXPECT_DOUBLE_EQ(levels.high, 1998e-4);
  EXPECT_EQ(LevelCounts().levels().mean, 0);
  LevelCounts negative;
  negative.add(-4);
  negative.add(-3);
  EXPECT_EQ(negative.levels().mean, -4) << "-3.5 is rounded away from zero";
}

TEST(AccuracyStrata, uncertainty_covers_errors_up_to_its_size) {
  auto tile = tile_of([](int, int, int) { return 0.2; },
                      [](int x, int, int) {
                        return row_of({0.2, 0.21, 0.18, 0.3, 0.2}, x);
                      },
                      1, 5, 1);
  tile.sigma = {{to_nano(0.01), to_nano(0.01), to_nano(0.0199), to_nano(0.05), -1}};
  Accuracy const a = band_accuracy(band_sums(tile, 0, 1), scale);
  EXPECT_DOUBLE_EQ(a.within_sigma, 2.0 / 4);
  EXPECT_DOUBLE_EQ(a.mean_sigma, (0.01 + 0.01 + 0.0199 + 0.05) / 4);
}

TEST(AccuracyStrata, coarse_consistency_compares_means_of_whole_cells) {
  auto tile = tile_of(
      land, [](int x, int, int) { return x < 2 ? 0.1 : 0.3; }, 1, 7, 4);
  tile.coarse = {2,
                 0,
                 0,
                 3,
                 2,
                 {1, 1, 1, 1, 1, 0},
                 {{to_nano(0.1), to_nano(0.31), to_nano(0.3), to_nano(0.1), to_nano(0.3), 0}}};
  tile.valid[0] = 0;  // takes the first cell out
  BandSums const sums = band_sums(tile, 0, 1);
  EXPECT_EQ(static_cast<int>(sums.coarse_cells), 4);
  EXPECT_DOUBLE_EQ(band_accuracy(sums, scale).coarse_rmse, std::sqrt(0.01 * 0.01 / 4));
}

TEST(AccuracyStrata, change_is_the_mean_difference_over_bands) {
  auto const tile = tile_of([](int, int, int) { return 0.2; }, noisy, 2, 6, 1);
  auto const base = [](std::initializer_list<double> values) {
    std::vector<Nano> plane;
    for (double const value : values) plane.push_back(to_nano(value));
    return plane;
  };
  auto const labels = change_labels(
      tile, {base({0.2, 0.2, 0.18, 0.1, 0.0999, 0.2}), base({0.2, 0.2398, 0.22, 0.3, 0.3, 0.2})},
      {1, 1, 1, 1, 1, 0}, 1);
  EXPECT_THAT(labels.labels, ElementsAre(0, 0, 1, 1, 2, no_label));
  auto const wide = change_labels(
      tile, {base({0.2, 0.2, 0.18, 0.1, 0.0999, 0.2}), base({0.2, 0.2398, 0.22, 0.3, 0.3, 0.2})},
      {1, 1, 1, 1, 1, 1}, 10);
  EXPECT_THAT(wide.labels, ElementsAre(0, 0, 0, 0, 0, 0)) << "thresholds are shares of the data range";
}

/// Two layers over land and noise, and some pixels that do not count.
ComparisonSums strata_sums() {
  auto tile = tile_of(land, noisy, 2, 37, 21);
  LabelPlane classes{StratumLayer::land_class, {}}, change{StratumLayer::change, {}};
  for (std::size_t i = 0; i < tile.valid.size(); ++i) {
    tile.valid[i] = i % 11 != 0;
    classes.labels.push_back(static_cast<std::int32_t>(i % 5 * 10) - 10);
    change.labels.push_back(i % 3 == 0 ? no_label : static_cast<std::int32_t>(i % 3));
  }
  std::vector<LabelPlane> const layers{change, classes};
  std::vector<ReferenceLevels> const levels(2);
  return compare_tile(tile, layers, 1, levels);
}

TEST(AccuracyStrata, classes_add_up_to_the_whole) {
  ComparisonSums const sums = strata_sums();
  ASSERT_EQ(sums.strata.size(), 2U + 5U);
  ImageSums classes;
  for (auto const& [stratum, part] : sums.strata) {
    EXPECT_TRUE(std::isnan(image_accuracy(part, scale).ssim_local)) << "no windows in strata";
    EXPECT_GT(image_accuracy(part, scale).sam, 0);
    if (stratum.layer == StratumLayer::land_class) classes.merge(part);
  }
  for (std::size_t b = 0; b < 2; ++b) {
    BandSums const &whole = sums.whole.bands[b], &parts = classes.bands[b];
    EXPECT_TRUE(whole.pixels == parts.pixels && whole.products == parts.products &&
                whole.absolute_errors == parts.absolute_errors &&
                whole.reference_squares == parts.reference_squares);
    EXPECT_EQ(whole.reference_lowest, parts.reference_lowest);
    EXPECT_EQ(whole.reference_highest, parts.reference_highest);
  }
  EXPECT_TRUE(classes.angles == sums.whole.angles && classes.angle_pixels == sums.whole.angle_pixels);
}

TEST(AccuracyStrata, sums_survive_packing) {
  ComparisonSums const sums = strata_sums();
  EXPECT_EQ(ComparisonSums::unpack(sums.pack()).pack(), sums.pack());
  ComparisonSums twice = sums;
  twice.merge(sums);
  EXPECT_TRUE(twice.strata.at({StratumLayer::land_class, 30}).bands[0].pixels ==
              2 * sums.strata.at({StratumLayer::land_class, 30}).bands[0].pixels);
}

TEST(AccuracyStrata, strata_have_names) {
  EXPECT_EQ(layer_name({StratumLayer::change, 2}) + " " + value_name({StratumLayer::change, 2}),
            "change abrupt");
  EXPECT_EQ(layer_name({StratumLayer::land_class, -3}) + " " + value_name({StratumLayer::land_class, -3}),
            "class -3");
}

}  // namespace
}  // namespace stfcube
