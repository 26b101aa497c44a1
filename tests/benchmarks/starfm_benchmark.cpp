// Speed of STARFM on one core, in pixel-bands (per target date) a second: 1200 x 1200 pixels, 4 bands, window
// 51, ratio 16. Two textures: simulated fields, and a mosaic of the BOREAS scene when the folder with real
// imagery is there.
#include <map>
#include <memory>

#include <benchmark/benchmark.h>

#include "stfcube/partitioning/threads/parallel_for.hpp"
#include "stfcube/tests/benchmarks/scenes.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube::benchmarks {
namespace {

void predict(benchmark::State& state, Texture (*make_texture)(int), int pairs, int targets,
             std::string const& use_t) {
  static std::map<std::pair<void*, int>, std::unique_ptr<Texture>> textures;
  int const size = scene_size();
  auto& texture = textures[{reinterpret_cast<void*>(make_texture), size}];
  if (!texture) texture = std::make_unique<Texture>(make_texture(size));
  FusionInput const input = make_scene(*texture, pairs, targets);
  ModelSettings settings = scene_settings();
  settings.options["starfm.use_t"] = use_t;
  auto const model = make_model("starfm", settings);
  testing::prepare(*model, input);
  FusionOutput output(targets, bands, size, size);
  for ([[maybe_unused]] auto _ : state) {
    output.quality.fill(quality::no_data);
    with_threads(1, [&] { model->fuse(input, output); });
  }
  state.counters["pixel-bands"] = benchmark::Counter(static_cast<double>(size) * size * bands * targets,
                                                     benchmark::Counter::kIsIterationInvariantRate);
}

void add_texture(std::string const& name, Texture (*make_texture)(int)) {
  struct Case {
    char const* name;
    int pairs, targets;
    char const* use_t;
  };
  for (Case const& c :
       {Case{"1_pair/1_target", 1, 1, "auto"}, Case{"1_pair/46_targets", 1, 46, "auto"},
        Case{"1_pair_with_t/1_target", 1, 1, "on"}, Case{"1_pair_with_t/46_targets", 1, 46, "on"},
        Case{"2_pairs/1_target", 2, 1, "auto"}, Case{"2_pairs/46_targets", 2, 46, "auto"}}) {
    benchmark::RegisterBenchmark(("starfm/" + name + "/" + c.name).c_str(), [=](benchmark::State& state) {
      predict(state, make_texture, c.pairs, c.targets, c.use_t);
    })->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace stfcube::benchmarks

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  stfcube::benchmarks::add_texture("fields", stfcube::benchmarks::field_texture);
  if (std::filesystem::exists(stfcube::benchmarks::boreas_scene()))
    stfcube::benchmarks::add_texture("boreas", stfcube::benchmarks::boreas_texture);
  benchmark::RunSpecifiedBenchmarks();
}
