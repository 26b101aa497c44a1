#include "stfcube/tests/support/golden_scene.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "stfcube/models/observed_scenes.hpp"

namespace stfcube::testing {
namespace {

constexpr int base[3][3] = {{400, 300, 150}, {600, 450, 2600}, {1100, 1500, 2200}};
constexpr int trend[3][3][3] = {{{0, 0, 0}, {20, 10, 15}, {-10, 5, 10}},
                                {{0, 0, 0}, {-60, -110, 700}, {-90, -160, 1100}},
                                {{0, 0, 0}, {150, 220, 260}, {60, 100, 120}}};
constexpr int sensor_offset[3] = {25, -15, 40};

int noise(int x, int y, int band, int k, int amplitude) {
  auto const values = static_cast<std::uint32_t>(2 * amplitude + 1);
  return static_cast<int>(golden_hash(x, y, band, k) % values) - amplitude;
}

int class_of(int x, int y, int k) {
  bool const flooded = k >= 1 && (x - 38) * (x - 38) + (y - 22) * (y - 22) <= 36;
  return flooded ? 0 : ((x + y / 3) / 11 + y / 9) % 3;
}

/// Copies a rectangle out of planes that cover `held`.
template <class T>
Stack<T> cut(Stack<T> const& from, Rect const& held, Rect const& wanted) {
  if (from.size() == 0) return {};
  Stack<T> to(from.dates(), from.bands(), wanted.height, wanted.width);
  for (int date = 0; date < from.dates(); ++date) {
    for (int band = 0; band < from.bands(); ++band) {
      for (int y = 0; y < wanted.height; ++y) {
        std::copy_n(from.row(date, band, y + wanted.y - held.y) + (wanted.x - held.x), wanted.width,
                    to.row(date, band, y));
      }
    }
  }
  return to;
}

/// Some images of a series.
SceneSeries chosen(SceneSeries const& series, std::vector<int> const& indices) {
  SceneSeries some;
  some.dn = Stack<Dn>(static_cast<int>(indices.size()), series.dn.bands(), series.dn.rows(), series.dn.cols());
  for (int i = 0; i < some.dn.dates(); ++i) {
    int const from = indices[static_cast<std::size_t>(i)];
    some.dates.push_back(series.dates[static_cast<std::size_t>(from)]);
    for (int band = 0; band < series.dn.bands(); ++band) std::ranges::copy(series.dn.plane(from, band), some.dn.plane(i, band).begin());
  }
  return some;
}

}  // namespace

std::uint32_t golden_hash(int x, int y, int band, int k) {
  auto const part = [](int value, std::uint32_t factor) {
    return static_cast<std::uint32_t>(value) * factor;
  };
  std::uint32_t h =
      part(x, 73856093U) ^ part(y, 19349663U) ^ part(band + 1, 83492791U) ^ part(k + 1, 2654435761U);
  h ^= h >> 16;
  h *= 0x7feb352dU;
  h ^= h >> 15;
  h *= 0x846ca68bU;
  return h ^ (h >> 16);
}

Dn golden_fine(int k, int band, int y, int x) {
  int const c = class_of(x, y, k);
  return static_cast<Dn>(base[c][band] + trend[c][k][band] + noise(x, y, band, 7, 40) +
                         noise(x, y, band, k, 5));
}

Dn golden_coarse(int k, int band, int row, int column) {
  int sum = 0;
  for (int y = row * golden_ratio; y < (row + 1) * golden_ratio; ++y) {
    for (int x = column * golden_ratio; x < (column + 1) * golden_ratio; ++x)
      sum += golden_fine(k, band, y, x);
  }
  constexpr int pixels = golden_ratio * golden_ratio;
  int const mean = (2 * sum + (sum >= 0 ? pixels : -pixels)) / (2 * pixels);  // half away from zero
  return static_cast<Dn>(mean + sensor_offset[band] + noise(column, row, band, 100 + k, 8));
}

Date golden_date(int k) {
  return *make_date(2001, 5, 1) + 31 * k;
}

ModelSettings golden_settings(std::map<std::string, std::string> options) {
  ModelSettings settings;
  settings.bands = {"green", "red", "nir"};
  settings.ratio = golden_ratio;
  settings.options = std::move(options);
  return settings;
}

FusionInput golden_input(std::vector<int> const& pair_dates) {
  constexpr int cells = golden_size / golden_ratio;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, golden_size, golden_size};
  input.cells = {0, 0, cells, cells};
  input.ratio = golden_ratio;
  input.targets = {golden_date(1)};
  std::vector<int> coarse_dates;
  for (int k = 0; k < 3; ++k) {
    bool const paired = std::ranges::find(pair_dates, k) != pair_dates.end();
    if (paired) input.fine.dates.push_back(golden_date(k));
    if (!paired && k != 1) continue;
    input.coarse.dates.push_back(golden_date(k));
    coarse_dates.push_back(k);
  }
  input.fine.dn = Stack<Dn>(static_cast<int>(pair_dates.size()), golden_bands, golden_size, golden_size);
  input.coarse.dn = Stack<Dn>(static_cast<int>(coarse_dates.size()), golden_bands, cells, cells);
  for (int band = 0; band < golden_bands; ++band) {
    for (int i = 0; i < input.fine.dn.dates(); ++i) {
      for (int y = 0; y < golden_size; ++y) {
        for (int x = 0; x < golden_size; ++x) {
          input.fine.dn.at(i, band, y, x) = golden_fine(pair_dates[static_cast<std::size_t>(i)], band, y, x);
        }
      }
    }
    for (int i = 0; i < input.coarse.dn.dates(); ++i) {
      for (int y = 0; y < cells; ++y) {
        for (int x = 0; x < cells; ++x) {
          input.coarse.dn.at(i, band, y, x) =
              golden_coarse(coarse_dates[static_cast<std::size_t>(i)], band, y, x);
        }
      }
    }
  }
  return input;
}

FusionInput tile_of(FusionInput const& whole, Rect const& core_px, Support const& support) {
  FusionInput tile;
  tile.scene_px = whole.scene_px;
  tile.core_px = core_px;
  tile.padded_px = intersect(grow(core_px, support.halo_px), whole.scene_px);
  Rect const outer = align_outward(tile.padded_px, whole.ratio);
  tile.cells = intersect(grow({outer.x / whole.ratio, outer.y / whole.ratio, outer.width / whole.ratio,
                               outer.height / whole.ratio},
                              support.halo_cells),
                         whole.cells);
  tile.ratio = whole.ratio;
  tile.targets = whole.targets;
  tile.fine = {whole.fine.dates, cut(whole.fine.dn, whole.padded_px, tile.padded_px)};
  tile.coarse = {whole.coarse.dates, cut(whole.coarse.dn, whole.cells, tile.cells)};
  tile.classes = cut(whole.classes, whole.padded_px, tile.padded_px);
  tile.objects = cut(whole.objects, whole.padded_px, tile.padded_px);
  return tile;
}

std::int64_t GoldenResult::sum(int band) const {
  auto const plane = output.dn.plane(0, band);
  return std::accumulate(plane.begin(), plane.end(), std::int64_t{0});
}

std::vector<double> GoldenResult::probe(int x, int y) const {
  std::vector<double> values;
  for (int band = 0; band < exact.bands(); ++band) values.push_back(exact.at(0, band, y, x));
  return values;
}

void prepare(FusionModel& model, FusionInput const& whole) {
  auto const pairs = find_pairs(whole.fine.dates, whole.coarse.dates, 0);
  while (model.wants_statistics()) {
    Statistics statistics;
    for (ObservedScenes const& scenes :
         observed_scenes(model.info().observes, pairs, whole.coarse.dates, whole.targets, std::numeric_limits<int>::max())) {
      FusionInput call;
      call.scene_px = call.core_px = call.padded_px = whole.scene_px;
      call.cells = whole.cells;
      call.ratio = whole.ratio;
      call.targets = scenes.targets;
      call.fine = chosen(whole.fine, scenes.fine);
      if (!scenes.fine_images) call.fine.dn = {};
      call.coarse = chosen(whole.coarse, scenes.coarse);
      call.classes = cut(whole.classes, whole.padded_px, whole.padded_px);
      call.objects = cut(whole.objects, whole.padded_px, whole.padded_px);
      model.observe(call, statistics);
    }
    model.prepare(statistics);
  }
}

GoldenResult predict(FusionModel& model, FusionInput const& input) {
  auto const targets = static_cast<int>(input.targets.size());
  int const bands = input.fine.dn.bands();
  GoldenResult result{{targets, bands, input.core_px.height, input.core_px.width},
                      {targets, bands, input.core_px.height, input.core_px.width}};
  result.exact.fill(std::numeric_limits<double>::quiet_NaN());
  result.output.exact = &result.exact;
  prepare(model, input);
  model.fuse(input, result.output);
  result.output.exact = nullptr;
  return result;
}

}  // namespace stfcube::testing
