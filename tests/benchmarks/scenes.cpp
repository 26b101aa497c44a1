#include "stfcube/tests/benchmarks/scenes.hpp"

#include <cmath>
#include <cstdlib>

#include "stfcube/io/raster_file.hpp"

namespace stfcube::benchmarks {
namespace {

/// A hash of the arguments, uniform over [0, 1).
double random_number(int a, int b, int c) {
  std::uint64_t h = static_cast<std::uint32_t>(a) * 0x9e3779b97f4a7c15ULL ^
                    static_cast<std::uint32_t>(b) * 0xc2b2ae3d27d4eb4fULL ^
                    static_cast<std::uint32_t>(c) * 0x165667b19e3779f9ULL;
  h = (h ^ (h >> 31)) * 0xbf58476d1ce4e5b9ULL;
  h = (h ^ (h >> 29)) * 0x94d049bb133111ebULL;
  return static_cast<double>(h >> 11) * 0x1p-53;
}

/// About normal: the sum of uniform numbers, variance 1.
double random_normal(int a, int b, int c) {
  double sum = 0;
  for (int i = 0; i < 4; ++i) sum += random_number(a, b, 16 * c + i) - 0.5;
  return sum * std::sqrt(3.0);
}

/// Block means of a texture, moved by a smooth change that grows with time and noise of the sensor.
void add_coarse(Texture const& fine, int time, int date, Stack<Dn>& coarse) {
  int const size = fine.rows();
  for (int b = 0; b < bands; ++b) {
    for (int row = 0; row < coarse.rows(); ++row) {
      for (int column = 0; column < coarse.cols(); ++column) {
        double sum = 0;
        int count = 0;
        for (int y = row * ratio; y < std::min(size, (row + 1) * ratio); ++y) {
          for (int x = column * ratio; x < std::min(size, (column + 1) * ratio); ++x, ++count)
            sum += fine.at(0, b, y, x);
        }
        double const change = time * (3 + 2 * std::sin(0.3 * row) * std::cos(0.2 * column)) +
                              10 * random_normal(row, column, 100 + time);
        coarse.at(date, b, row, column) = static_cast<Dn>(std::lround(sum / count + change));
      }
    }
  }
}

bool is_pair(int date, int pairs, int targets) {
  int const last = targets + pairs - 1;
  for (int i = 0; i < pairs; ++i) {
    if (date == (pairs == 1 ? 0 : (2 * i * last + pairs - 1) / (2 * (pairs - 1)))) return true;
  }
  return false;
}

}  // namespace

Texture field_texture(int size) {
  constexpr double mean[bands] = {600, 700, 2800, 1900}, spread[bands] = {150, 220, 700, 450};
  Texture texture(1, bands, size, size);
  for (int b = 0; b < bands; ++b) {
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        int const field_y = y / 37, field_x = (x + 13 * (field_y % 3)) / 52;
        double const crop = random_normal(field_x, field_y, b);
        double const trend = 0.25 * std::sin(0.11 * x + field_x) * std::cos(0.07 * y + field_y);
        double const noise = 0.15 * random_normal(x, y, 8 + b);
        texture.at(0, b, y, x) = static_cast<Dn>(std::lround(mean[b] + spread[b] * (crop + trend + noise)));
      }
    }
  }
  return texture;
}

std::filesystem::path boreas_scene() {
  char const* const given = std::getenv("STFCUBE_SHARED");
  std::filesystem::path const folder = given ? given : STFCUBE_SOURCE_DIR "/../shared";
  return folder / "data/boreas_2001/fine_20010524.tif";
}

Texture boreas_texture(int size) {
  auto const reader = open_raster(boreas_scene(), 1.0, 0.0);
  int const width = reader->grid().width, height = reader->grid().height;
  Texture texture(1, bands, size, size);
  auto const mirrored = [](int i, int n) { return i / n % 2 == 0 ? i % n : n - 1 - i % n; };
  for (int b = 0; b < bands; ++b) {
    auto const values = reader->read(std::min(b + 1, reader->bands()), {0, 0, width, height});
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        auto const from = static_cast<std::size_t>(mirrored(y, height) * width + mirrored(x, width));
        texture.at(0, b, y, x) = static_cast<Dn>(std::lround(values[from]));
      }
    }
  }
  return texture;
}

int scene_size() {
  char const* const given = std::getenv("STFCUBE_BENCHMARK_SIZE");
  return given ? std::atoi(given) : 1200;
}

FusionInput make_scene(Texture const& texture, int pairs, int targets) {
  int const size = texture.rows(), cells = (size + ratio - 1) / ratio;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, size, size};
  input.cells = {0, 0, cells, cells};
  input.ratio = ratio;
  input.coarse.dn = Stack<Dn>(targets + pairs, bands, cells, cells);
  input.fine.dn = Stack<Dn>(pairs, bands, size, size);
  for (int date = 0; date < targets + pairs; ++date) {
    input.coarse.dates.push_back(Date{date});
    add_coarse(texture, date, date, input.coarse.dn);
    if (!is_pair(date, pairs, targets)) {
      input.targets.push_back(Date{date});
      continue;
    }
    for (int b = 0; b < bands; ++b) {
      for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
          input.fine.dn.at(static_cast<int>(input.fine.dates.size()), b, y, x) =
              static_cast<Dn>(texture.at(0, b, y, x) + 4 * date);
        }
      }
    }
    input.fine.dates.push_back(Date{date});
  }
  return input;
}

ModelSettings scene_settings() {
  ModelSettings settings;
  settings.bands = {"green", "red", "nir", "swir1"};
  settings.ratio = ratio;
  settings.max_pair_gap_days = 1000;
  return settings;
}

}  // namespace stfcube::benchmarks
