#include "stfcube/models/accuracy.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "stfcube/models/window_similarity.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using Image = std::function<double(int x, int y, int band)>;

/// A repeatable number in [0, 1).
double noise(int x, int y, int seed) {
  std::uint32_t h = static_cast<std::uint32_t>(x) * 73856093U ^ static_cast<std::uint32_t>(y) * 19349663U ^
                    static_cast<std::uint32_t>(seed + 1) * 83492791U;
  h ^= h >> 16;
  h *= 0x7feb352dU;
  h ^= h >> 15;
  h *= 0x846ca68bU;
  h ^= h >> 16;
  return (h >> 8) / 16777216.0;
}

double dn(double value) {
  return std::round(value * 1e4) / 1e4;
}

/// Reflectance 0.1 to 0.5 in whole DN.
double land(int x, int y, int band) {
  return dn(0.1 + 0.4 * noise(x, y, band));
}

/// The window [x0, x0+width) x [y0, y0+height) of two images; NaN of either is invalid.
PairedTile tile_of(Image const& reference, Image const& prediction, int bands, int width, int height,
                   int core_width, int core_height, int x0 = 0, int y0 = 0) {
  PairedTile tile{width, height, core_width, core_height, {}, {}, {}};
  std::size_t const size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  tile.valid.assign(size, 1);
  tile.reference.assign(static_cast<std::size_t>(bands), std::vector<Nano>(size));
  tile.prediction = tile.reference;
  for (int y = 0, at = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, ++at) {
      for (int b = 0; b < bands; ++b) {
        double const r = reference(x0 + x, y0 + y, b);
        double const p = prediction(x0 + x, y0 + y, b);
        if (std::isnan(r) || std::isnan(p)) {
          tile.valid[static_cast<std::size_t>(at)] = 0;
        } else {
          tile.reference[static_cast<std::size_t>(b)][static_cast<std::size_t>(at)] = to_nano(r);
          tile.prediction[static_cast<std::size_t>(b)][static_cast<std::size_t>(at)] = to_nano(p);
        }
      }
    }
  }
  for (auto* images : {&tile.reference, &tile.prediction}) {
    for (auto& image : *images) {
      for (std::size_t at = 0; at < size; ++at) image[at] *= tile.valid[at];
    }
  }
  return tile;
}

ImageSums sums_of(PairedTile const& tile, double data_range = 1) {
  ImageSums sums;
  for (int b = 0; b < static_cast<int>(tile.reference.size()); ++b)
    sums.bands.push_back(band_sums(tile, b, data_range));
  add_spectral_angles(tile, {}, {&sums, 1});
  return sums;
}

ImageSums compare(Image const& reference, Image const& prediction, int bands, int width = 40,
                  int height = 30) {
  return sums_of(tile_of(reference, prediction, bands, width, height, width, height));
}

constexpr AccuracyScale ratio_16{1.0, 16.0};

TEST(Accuracy, equal_images_are_perfect) {
  Accuracy const a = image_accuracy(compare(land, land, 3), ratio_16);
  EXPECT_EQ(a.pixels, 1200);
  EXPECT_EQ(a.rmse, 0);
  EXPECT_EQ(a.pooled_rmse, 0);
  EXPECT_EQ(a.mae, 0);
  EXPECT_EQ(a.ad, 0);
  EXPECT_EQ(a.cc, 1);
  EXPECT_EQ(a.r2, 1);
  EXPECT_DOUBLE_EQ(a.ssim_local, 1);
  EXPECT_DOUBLE_EQ(a.ssim_global, 1);
  EXPECT_EQ(a.uiqi, 1);
  EXPECT_EQ(a.sam, 0);
  EXPECT_EQ(a.ergas, 0);
  EXPECT_TRUE(std::isinf(a.psnr) && a.psnr > 0);
}

TEST(Accuracy, constant_offset_shows_in_errors_and_not_in_correlation) {
  Accuracy const a = band_accuracy(compare(
                                       land, [](int x, int y, int b) { return land(x, y, b) + 0.01; }, 1)
                                       .bands[0],
                                   ratio_16);
  EXPECT_DOUBLE_EQ(a.rmse, 0.01);
  EXPECT_DOUBLE_EQ(a.mae, 0.01);
  EXPECT_DOUBLE_EQ(a.ad, 0.01);
  EXPECT_DOUBLE_EQ(a.psnr, 40);
  EXPECT_DOUBLE_EQ(a.cc, 1);
  EXPECT_LT(a.r2, 1);
}

TEST(Accuracy, bias_keeps_its_sign_and_means_of_bias_do_not_cancel) {
  auto const shifted = [](int x, int y, int b) { return land(x, y, b) + (b == 0 ? 0.01 : -0.01); };
  Accuracy const a = image_accuracy(compare(land, shifted, 2), ratio_16);
  EXPECT_NEAR(a.ad, 0, 1e-15);
  EXPECT_DOUBLE_EQ(a.abs_ad, 0.01);
}

TEST(Accuracy, scaled_image_keeps_angle_and_correlation) {
  // Multiples of ten DN, so that 1.1 times each is a whole number of billionths.
  auto const y = [](int x, int row, int b) { return std::round(land(x, row, b) * 1e3) / 1e3; };
  auto const p = [&](int x, int row, int b) { return 1.1 * y(x, row, b); };
  ImageSums const sums = compare(y, p, 1);
  Accuracy const one = band_accuracy(sums.bands[0], ratio_16);
  double squares = 0, total = 0;
  for (int row = 0; row < 30; ++row) {
    for (int x = 0; x < 40; ++x) squares += y(x, row, 0) * y(x, row, 0), total += y(x, row, 0);
  }
  double const expected = 100.0 / 16 * 0.1 * std::sqrt(squares / 1200) / (total / 1200);
  EXPECT_NEAR(one.ergas, expected, 1e-9);
  EXPECT_NEAR(one.cc, 1, 1e-12);
  EXPECT_NEAR(image_accuracy(compare(y, p, 4), ratio_16).sam, 0, 1e-12);
}

TEST(Accuracy, spectral_angle_is_in_degrees_and_skips_zero_spectra) {
  auto const y = [](int x, int, int b) { return x == 1 ? 0.0 : b == 0 ? 1.0 : 0.0; };
  ImageSums const sums = compare(
      y, [](int, int, int) { return 1.0; }, 2, 2, 1);
  EXPECT_EQ(static_cast<int>(sums.angle_pixels), 1);
  EXPECT_NEAR(image_accuracy(sums, ratio_16).sam, 45, 1e-12);
}

TEST(Accuracy, spectral_angle_of_one_band_is_undefined) {
  EXPECT_TRUE(std::isnan(image_accuracy(compare(land, land, 1), ratio_16).sam));
}

TEST(Accuracy, hand_computed_case) {
  // y = 0.1 0.2 0.3 0.4, p = 0.2 0.2 0.2 0.6: errors 0.1 0 -0.1 0.2.
  std::array<double, 4> const y{0.1, 0.2, 0.3, 0.4}, p{0.2, 0.2, 0.2, 0.6};
  auto const at = [](std::array<double, 4> const& row) {
    return [&row](int x, int, int) { return row[static_cast<std::size_t>(x)]; };
  };
  Accuracy const a = band_accuracy(compare(at(y), at(p), 1, 4, 1).bands[0], ratio_16);
  EXPECT_DOUBLE_EQ(a.rmse, std::sqrt(0.06 / 4));
  EXPECT_DOUBLE_EQ(a.mae, 0.1);
  EXPECT_DOUBLE_EQ(a.ad, 0.05);
  EXPECT_DOUBLE_EQ(a.nrmse, std::sqrt(0.06 / 4) / 0.3);
  EXPECT_DOUBLE_EQ(a.r2, 1 - 0.06 / 0.05);
  EXPECT_DOUBLE_EQ(a.cc, 0.06 / std::sqrt(0.05 * 0.12));
  EXPECT_DOUBLE_EQ(a.ergas, 100.0 / 16 * std::sqrt(0.06 / 4) / 0.25);
  // One window: means 0.25 and 0.3, variances 0.0125 and 0.03, covariance 0.015.
  EXPECT_DOUBLE_EQ(a.ssim_global, (2 * 0.25 * 0.3 + 1e-4) * (2 * 0.015 + 9e-4) /
                                      ((0.0625 + 0.09 + 1e-4) * (0.0125 + 0.03 + 9e-4)));
  EXPECT_TRUE(std::isnan(a.ssim_local)) << "no 11 x 11 window fits";
  EXPECT_TRUE(std::isnan(a.uiqi));
}

TEST(Accuracy, pooled_figures_weigh_bands_by_squares) {
  auto const p = [](int x, int y, int b) { return land(x, y, b) + (b == 0 ? 0.03 : 0.04); };
  Accuracy const a = image_accuracy(compare(land, p, 2), ratio_16);
  EXPECT_NEAR(a.rmse, 0.035, 1e-12);
  EXPECT_NEAR(a.pooled_rmse, std::sqrt((0.0009 + 0.0016) / 2), 1e-12);
  EXPECT_NEAR(a.psnr, -10 * std::log10((0.0009 + 0.0016) / 2), 1e-9);
}

TEST(Accuracy, constant_reference_leaves_correlation_and_r2_undefined) {
  auto const flat = [](int, int, int) { return 0.3; };
  Accuracy const a = band_accuracy(compare(flat, land, 1).bands[0], ratio_16);
  EXPECT_EQ(a.pixels, 1200);
  EXPECT_TRUE(std::isnan(a.cc));
  EXPECT_TRUE(std::isnan(a.r2));
  EXPECT_TRUE(std::isnan(a.nrmse));
  EXPECT_GT(a.rmse, 0);
}

TEST(Accuracy, nothing_valid_is_undefined) {
  auto const empty = [](int, int, int) { return std::nan(""); };
  Accuracy const a = image_accuracy(compare(empty, land, 2), ratio_16);
  EXPECT_EQ(a.pixels, 0);
  for (AccuracyMeasure const& measure : accuracy_measures())
    EXPECT_TRUE(std::isnan(a.*measure.value)) << measure.key;
}

TEST(Accuracy, ergas_without_ratio_is_undefined) {
  Accuracy const a = image_accuracy(compare(land, land, 2), {});
  EXPECT_TRUE(std::isnan(a.ergas));
  EXPECT_EQ(a.rmse, 0);
}

TEST(Accuracy, means_skip_what_is_undefined) {
  std::vector<Accuracy> parts(2);
  parts[0].rmse = 0.5;
  Accuracy const a = mean_accuracy(parts, {});
  EXPECT_EQ(a.rmse, 0.5);
  EXPECT_TRUE(std::isnan(a.cc));
}

TEST(Accuracy, large_areas_do_not_overflow) {
  // The sums of 1e10 pixels, half of value 1e5 and half of -1e5 + 2: the variance is (1e5 - 1)^2.
  BandSums sums;
  ExactSum const half = 5'000'000'000;
  ExactSum const high = to_nano(1e5), low = to_nano(-1e5 + 2);
  sums.pixels = 2 * half;
  sums.reference = sums.prediction = half * high + half * low;
  sums.reference_squares = sums.prediction_squares = sums.products =
      half * (high * high) + half * (low * low);
  sums.reference_lowest = to_nano(-1e5 + 2);
  sums.reference_highest = to_nano(1e5);
  Accuracy const a = band_accuracy(sums, ratio_16);
  EXPECT_EQ(a.rmse, 0);
  EXPECT_DOUBLE_EQ(a.cc, 1);
  EXPECT_DOUBLE_EQ(a.ssim_global, 1);
}

/// Invalid blotches and noisy predictions, so that windows matter.
double patchy(int x, int y, int b) {
  return noise(x / 5, y / 4, 77) < 0.04 ? std::nan("") : land(x, y, b);
}
double noisy(int x, int y, int b) {
  return dn(0.8 * land(x, y, b) + 0.05 + 0.1 * noise(x, y, b + 20));
}

std::string bytes_of_tiles(int step) {
  constexpr int width = 61, height = 47;
  ImageSums sums;
  for (int y = 0; y < height; y += step) {
    for (int x = 0; x < width; x += step) {
      int const core_width = std::min(step, width - x), core_height = std::min(step, height - y);
      sums.merge(sums_of(tile_of(patchy, noisy, 2, std::min(core_width + accuracy_margin_px, width - x),
                                 std::min(core_height + accuracy_margin_px, height - y), core_width,
                                 core_height, x, y)));
    }
  }
  return sums.pack();
}

TEST(Accuracy, sums_do_not_depend_on_tiles) {
  std::string const whole = bytes_of_tiles(100);
  ImageSums const sums = ImageSums::unpack(whole);
  ASSERT_GT(static_cast<long>(sums.bands[0].ssim_windows), 100);
  ASSERT_GT(static_cast<long>(sums.bands[0].uiqi_windows), static_cast<long>(sums.bands[0].ssim_windows));
  for (int step : {7, 16, 33}) EXPECT_EQ(bytes_of_tiles(step), whole) << step;
}

TEST(Accuracy, window_measures_take_only_windows_without_holes) {
  constexpr int width = 61, height = 47;
  BandSums const sums = compare(patchy, noisy, 1, width, height).bands[0];
  auto const whole = [](int x0, int y0, int size) {
    for (int y = y0; y < y0 + size; ++y) {
      for (int x = x0; x < x0 + size; ++x) {
        if (std::isnan(patchy(x, y, 0))) return false;
      }
    }
    return true;
  };
  long ssim = 0, uiqi = 0;
  double uiqi_total = 0;
  for (int y = 0; y + 8 <= height; ++y) {
    for (int x = 0; x + 8 <= width; ++x) {
      ssim += x + 11 <= width && y + 11 <= height && whole(x, y, 11);
      if (!whole(x, y, 8)) continue;
      ++uiqi;
      double r = 0, p = 0, rr = 0, pp = 0, rp = 0;
      for (int i = 0; i < 64; ++i) {
        double const a = patchy(x + i % 8, y + i / 8, 0), b = noisy(x + i % 8, y + i / 8, 0);
        r += a / 64, p += b / 64, rr += a * a / 64, pp += b * b / 64, rp += a * b / 64;
      }
      uiqi_total += 4 * (rp - r * p) * r * p / ((rr - r * r + pp - p * p) * (r * r + p * p));
    }
  }
  EXPECT_EQ(static_cast<long>(sums.ssim_windows), ssim);
  EXPECT_EQ(static_cast<long>(sums.uiqi_windows), uiqi);
  EXPECT_NEAR(band_accuracy(sums, ratio_16).uiqi, uiqi_total / static_cast<double>(uiqi), 1e-10);
}

TEST(Accuracy, flat_windows_compare_by_brightness) {
  auto const flat = [](double value) { return [value](int, int, int) { return value; }; };
  EXPECT_DOUBLE_EQ(band_accuracy(compare(flat(0.1), flat(0.3), 1).bands[0], ratio_16).uiqi, 2 * 0.03 / 0.1);
  EXPECT_EQ(band_accuracy(compare(flat(0), flat(0), 1).bands[0], ratio_16).uiqi, 1);
}

void write_doubles(std::filesystem::path const& path, Image const& image, int width, int height) {
  std::ofstream file(path, std::ios::binary);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      double const value = image(x, y, 0);
      file.write(reinterpret_cast<char const*>(&value), sizeof value);
    }
  }
}

TEST(Accuracy, ssim_equals_scikit_image) {
  constexpr int width = 57, height = 43;
  auto const folder = testing::fresh_folder();
  write_doubles(folder / "reference.f64", land, width, height);
  write_doubles(folder / "prediction.f64", noisy, width, height);
  std::string const command = "/usr/bin/python3 " STFCUBE_SOURCE_DIR "/tests/models/ssim_of_skimage.py " +
                              folder.string() + " " + std::to_string(width) + " 2>&1";
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  ASSERT_NE(pipe, nullptr);
  std::array<char, 256> line{};
  ASSERT_NE(std::fgets(line.data(), line.size(), pipe.get()), nullptr);
  std::string const answer = line.data();
  if (answer.starts_with("missing")) GTEST_SKIP() << answer;
  double const ours = band_accuracy(compare(land, noisy, 1, width, height).bands[0], ratio_16).ssim_local;
  EXPECT_NEAR(ours, std::stod(answer), 1e-12) << answer;
}

}  // namespace
}  // namespace stfcube
