// Every registered method with its default options on one core: pixel-bands (per target date) a second, and
// the working memory of a tile of 512 px. 1200 x 1200 pixels of simulated fields, 4 bands, ratio 16; for one
// target and for 46. Methods that want the six bands of Landsat get some of the four twice.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/benchmarks/scenes.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube::benchmarks {
namespace {

/// Pairs that a method is measured with: what it needs, or a series for methods that live on series.
int pairs_of(std::string const& method, ModelInfo const& info) {
  static std::map<std::string, int> const series = {
      {"efast", 8}, {"robot", 8}, {"spstfm", 2}, {"staarch", 2}, {"vipstf", 2}};
  auto const found = series.find(method);
  return found != series.end() ? found->second : std::max(info.pairs_needed, 1);
}

ModelSettings settings_of(std::string const& method) {
  ModelSettings settings = scene_settings();
  if (method == "staarch") settings.bands = {"blue", "green", "red", "nir", "swir1", "swir2"};
  return settings;
}

/// The bands over and over, up to the wanted number.
Stack<Dn> with_bands(Stack<Dn> from, int wanted) {
  if (from.bands() == wanted) return from;
  Stack<Dn> to(from.dates(), wanted, from.rows(), from.cols());
  for (int date = 0; date < to.dates(); ++date) {
    for (int band = 0; band < wanted; ++band)
      std::ranges::copy(from.plane(date, band % from.bands()), to.plane(date, band).begin());
  }
  return to;
}

/// All images of the last pair brighter by an eighth: bright fields change more than dark ones, so that there
/// is something to learn.
void brighten_last_pair(FusionInput& input) {
  auto const brighten = [&](Stack<Dn>& dn) {
    for (int band = 0; band < dn.bands(); ++band) {
      for (Dn& value : dn.plane(dn.dates() - 1, band)) value = static_cast<Dn>(value + value / 8);
    }
  };
  brighten(input.fine.dn);
  brighten(input.coarse.dn);
}

double tile_memory_mib(FusionModel const& model, int pairs, int targets, int held_bands) {
  constexpr int side = 512;
  int const padded = side + 2 * model.info().support.halo_px;
  TileShape const shape{.core_width = side,
                        .core_height = side,
                        .padded_width = padded,
                        .padded_height = padded,
                        .bands = held_bands,
                        .fine_dates = pairs,
                        .coarse_dates = pairs + targets,
                        .targets = targets};
  return static_cast<double>(model.memory_bytes(shape, 1)) / (1 << 20);
}

void predict(benchmark::State& state, std::string const& method, int targets) {
  auto const model = make_model(method, settings_of(method));
  auto const held_bands = static_cast<int>(settings_of(method).bands.size());
  int const size = scene_size();
  int const pairs = pairs_of(method, model->info());
  static Texture const texture = field_texture(size);
  FusionInput input = make_scene(texture, pairs, targets);
  input.fine.dn = with_bands(std::move(input.fine.dn), held_bands);
  input.coarse.dn = with_bands(std::move(input.coarse.dn), held_bands);
  if (method == "spstfm") brighten_last_pair(input);
  testing::prepare(*model, input);
  FusionOutput output(targets, held_bands, size, size);
  for ([[maybe_unused]] auto _ : state) {
    output.quality.fill(quality::no_data);
    with_threads(1, [&] { model->fuse(input, output); });
  }
  state.counters["pixel-bands"] = benchmark::Counter(static_cast<double>(size) * size * held_bands * targets,
                                                     benchmark::Counter::kIsIterationInvariantRate);
  state.counters["tile MiB"] = tile_memory_mib(*model, pairs, targets, held_bands);
}

}  // namespace
}  // namespace stfcube::benchmarks

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (auto const& [method, entry] : stfcube::model_registry()) {
    if (entry.needs_weights()) continue;
    for (int const targets : {1, 46}) {
      benchmark::RegisterBenchmark((method + (targets == 1 ? "/1_target" : "/46_targets")).c_str(),
                                   [method = method, targets](benchmark::State& state) {
                                     stfcube::benchmarks::predict(state, method, targets);
                                   })
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
}
