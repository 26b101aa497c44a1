#include "stfcube/tests/support/boreas.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "stfcube/io/raster_file.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::testing {
namespace {

constexpr char const* days[3] = {"20010524", "20010711", "20010812"};
constexpr int size = 400;

void read_into(Stack<Dn>& stack, int date, std::string const& kind, int k) {
  auto const reader = open_raster(shared_folder() / "data/boreas_2001" / (kind + "_" + days[k] + ".tif"));
  for (int band = 0; band < 3; ++band) {
    auto const values = reader->read(band + 1, {0, 0, size, size});
    std::ranges::transform(values, stack.row(date, band, 0),
                           [](double v) { return static_cast<Dn>(std::llround(v / 1e-4)); });
  }
}

}  // namespace

FusionInput boreas_input(std::vector<int> const& pair_dates) {
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = input.cells = {0, 0, size, size};
  input.targets = {*parse_date(days[1])};
  auto coarse_dates = pair_dates;
  coarse_dates.push_back(1);
  std::ranges::sort(coarse_dates);
  input.fine.dn = Stack<Dn>(static_cast<int>(pair_dates.size()), 3, size, size);
  input.coarse.dn = Stack<Dn>(static_cast<int>(coarse_dates.size()), 3, size, size);
  for (int const k : pair_dates) {
    read_into(input.fine.dn, static_cast<int>(input.fine.dates.size()), "fine", k);
    input.fine.dates.push_back(*parse_date(days[k]));
  }
  for (int const k : coarse_dates) {
    read_into(input.coarse.dn, static_cast<int>(input.coarse.dates.size()), "coarse_on_fine_grid", k);
    input.coarse.dates.push_back(*parse_date(days[k]));
  }
  return input;
}

ModelSettings boreas_settings(std::map<std::string, std::string> options) {
  ModelSettings settings;
  settings.bands = {"green", "red", "nir"};
  settings.options = std::move(options);
  return settings;
}

BoreasAccuracy boreas_accuracy(Stack<Dn> const& prediction) {
  Stack<Dn> truth(1, 3, size, size);
  read_into(truth, 0, "fine", 1);
  BoreasAccuracy accuracy;
  for (int band = 0; band < 3; ++band) {
    auto const slot = static_cast<std::size_t>(band);
    // Whole numbers: all sums are exact.
    std::int64_t p = 0, t = 0, pp = 0, tt = 0, pt = 0, off = 0;
    for (std::size_t i = 0; i < truth.plane_size(); ++i) {
      std::int64_t const a = prediction.plane(0, band)[i];
      std::int64_t const b = truth.plane(0, band)[i];
      p += a, t += b, pp += a * a, tt += b * b, pt += a * b, off += std::abs(a - b);
    }
    auto const n = static_cast<std::int64_t>(truth.plane_size());
    accuracy.rmse[slot] = std::sqrt(static_cast<double>(pp + tt - 2 * pt) / static_cast<double>(n)) * 1e-4;
    accuracy.mae[slot] = static_cast<double>(off) / static_cast<double>(n) * 1e-4;
    accuracy.cc[slot] =
        static_cast<double>(n * pt - p * t) /
        (std::sqrt(static_cast<double>(n * pp - p * p)) * std::sqrt(static_cast<double>(n * tt - t * t)));
  }
  return accuracy;
}

double boreas_share_within_sigma(FusionOutput const& prediction) {
  Stack<Dn> truth(1, 3, size, size);
  read_into(truth, 0, "fine", 1);
  std::size_t within = 0;
  for (int band = 0; band < 3; ++band) {
    for (std::size_t i = 0; i < truth.plane_size(); ++i) {
      int const error = std::abs(prediction.dn.plane(0, band)[i] - truth.plane(0, band)[i]);
      within += error <= prediction.uncertainty.plane(0, band)[i];
    }
  }
  return static_cast<double>(within) / static_cast<double>(truth.size());
}

}  // namespace stfcube::testing
