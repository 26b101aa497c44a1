// Speed of the writers on one core, in bytes of pixels a second, of a whole cube from the first unit to the
// published file: 4 bands with uncertainty and quality, chunks of 256 x 256. Pixels: a Sentinel-2 series when
// the folder with real imagery is there, else simulated fields. STFCUBE_BENCHMARK_SIZE sets the size in
// pixels (1024), STFCUBE_BENCHMARK_FOLDER the place of the cubes (the temporary folder).
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/raster_file.hpp"
#include "stfcube/io/staged/unit_encoder.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/partitioning/mpi/session.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;

constexpr int bands = 4, dates = 4;

int cube_size() {
  char const* const given = std::getenv("STFCUBE_BENCHMARK_SIZE");
  return given ? std::atoi(given) : 1024;
}

fs::path folder() {
  char const* const given = std::getenv("STFCUBE_BENCHMARK_FOLDER");
  return given ? fs::path(given) : fs::temp_directory_path();
}

fs::path real_scene() {
  char const* const given = std::getenv("STFCUBE_SHARED");
  return fs::path(given ? given : STFCUBE_SOURCE_DIR "/../shared") / "data/bolzano_s2_2022/fine_20220602.tif";
}

/// A hash of the arguments, uniform over [0, 1).
double random_number(int a, int b, int c) {
  std::uint64_t h = static_cast<std::uint32_t>(a) * 0x9e3779b97f4a7c15ULL ^
                    static_cast<std::uint32_t>(b) * 0xc2b2ae3d27d4eb4fULL ^
                    static_cast<std::uint32_t>(c) * 0x165667b19e3779f9ULL;
  h = (h ^ (h >> 31)) * 0xbf58476d1ce4e5b9ULL;
  h = (h ^ (h >> 29)) * 0x94d049bb133111ebULL;
  return static_cast<double>(h >> 11) * 0x1p-53;
}

/// One band of the texture, [y, x]: mirrored imagery or fields of 37 x 52 px with noise.
Stack<Dn> texture(int band, int size) {
  Stack<Dn> values(1, 1, size, size);
  if (fs::exists(real_scene())) {
    auto const reader = open_raster(real_scene(), 1.0, 0.0);
    int const width = reader->grid().width, height = reader->grid().height;
    auto const scene = reader->read(1 + band % reader->bands(), {0, 0, width, height});
    auto const mirrored = [](int i, int n) { return i / n % 2 == 0 ? i % n : n - 1 - i % n; };
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        float const value = scene[static_cast<std::size_t>(mirrored(y, height) * width + mirrored(x, width))];
        values.at(0, 0, y, x) = std::isnan(value) ? no_data_dn : static_cast<Dn>(std::lround(value));
      }
    }
  } else {
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        double const crop = random_number(x / 52, y / 37, band), noise = random_number(x, y, 8 + band);
        values.at(0, 0, y, x) = static_cast<Dn>(std::lround(500 + 900 * band + 700 * crop + 120 * noise));
      }
    }
  }
  return values;
}

/// Every date is the texture, a little brighter than the one before.
CubeUnit make_unit(int size) {
  CubeUnit unit = {.px = {0, 0, size, size},
                   .first_date = 0,
                   .dn = Stack<Dn>(dates, bands, size, size),
                   .uncertainty = Stack<Dn>(dates, bands, size, size),
                   .quality = Stack<quality::Flags>(dates, 1, size, size)};
  unit.quality.fill(quality::fused);
  for (int b = 0; b < bands; ++b) {
    Stack<Dn> const values = texture(b, size);
    for (int t = 0; t < dates; ++t) {
      for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
          Dn const dn = values.at(0, 0, y, x);
          unit.dn.at(t, b, y, x) = dn == no_data_dn ? dn : static_cast<Dn>(dn + dn * t / 16);
          unit.uncertainty.at(t, b, y, x) = static_cast<Dn>(40 + 30 * random_number(x, y, 100 + t));
        }
      }
    }
  }
  return unit;
}

CubeLayout make_layout(int size, int chunk) {
  CubeLayout layout;
  layout.path = folder() / "stfcube_writer_benchmark.nc";
  layout.grid = {
      .crs_wkt = "", .x0 = 600000, .y0 = 5100000, .dx = 10, .dy = 10, .width = size, .height = size};
  for (int t = 0; t < dates; ++t) layout.dates.push_back({19000 + 8 * t});
  layout.bands = {"blue", "green", "red", "nir"};
  layout.wavelengths_um = {0.48F, 0.56F, 0.66F, 0.86F};
  layout.quantity = quantity_named("surface_reflectance");
  layout.chunk = {1, 1, chunk, chunk};
  layout.provenance.created = "2026-05-01T12:00:00Z";
  layout.provenance.job_digest = std::string(64, 'a');
  return layout;
}

/// Processor time of all threads of this process.
double processor_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void write_cube(benchmark::State& state, char const* writer_name) {
  CubeLayout const layout = make_layout(cube_size(), static_cast<int>(state.range(0)));
  CubeUnit const unit = make_unit(cube_size());
  std::size_t const bytes = unit.dn.bytes() + unit.uncertainty.bytes() + unit.quality.bytes();
  double writing = 0, all = 0;
  for (auto _ : state) {
    double const start = processor_seconds();
    with_threads(1, [&] {
      WorkDirectory const place(layout.path, Communicator());
      auto const writer = make_cube_writer(writer_name, layout, place, Communicator());
      std::uint64_t end = writer->first_extent();
      writer->write(&unit, [&](std::uint64_t size) { return std::exchange(end, end + size); });
      writing += processor_seconds() - start;
      writer->finish({1, 1, ""});
    });
    all += processor_seconds() - start;
  }
  double const total = static_cast<double>(bytes) * static_cast<double>(state.iterations());
  state.counters["write_MB_per_core_second"] = total / 1e6 / writing;
  state.counters["all_MB_per_core_second"] = total / 1e6 / all;
  state.counters["ratio"] = static_cast<double>(bytes) / static_cast<double>(fs::file_size(layout.path));
  state.SetLabel(fs::exists(real_scene()) ? "Sentinel-2" : "simulated fields");
  fs::remove(layout.path);
}

/// Calls visit(bytes) with the chunks of a unit as the staged writer stores them.
template <class Visit>
void encode(CubeLayout const& layout, CubeUnit const& unit, Visit&& visit) {
  UnitEncoder encoder(cube_arrays(layout), layout.compression, std::size_t{32} << 20);
  for (int batch = 0; batch < encoder.batches(unit); ++batch) {
    for (EncodedChunk const& chunk : encoder.encode(unit, batch)) visit(chunk.bytes);
  }
}

/// Processor seconds that a plain program takes for the same bytes: open, write chunk by chunk, fdatasync, close.
double plain_write_seconds(std::vector<std::vector<std::byte>> const& chunks, fs::path const& path) {
  double const start = processor_seconds();
  int const file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  for (auto const& chunk : chunks) {
    if (write(file, chunk.data(), chunk.size()) < 0) std::perror("write");
  }
  fdatasync(file);
  close(file);
  double const seconds = processor_seconds() - start;
  fs::remove(path);
  return seconds;
}

/// What journalled writing costs beside compression, against a plain program that writes the compressed bytes. Speed of the
/// plain one / speed of the writer without its compression is `share_of_plain_write`.
void write_path(benchmark::State& state) {
  CubeLayout const layout = make_layout(cube_size(), 256);
  CubeUnit const unit = make_unit(cube_size());
  std::vector<std::vector<std::byte>> chunks;
  encode(layout, unit, [&](auto bytes) { chunks.emplace_back(bytes.begin(), bytes.end()); });
  double encoding = 0, writing = 0, plain = 0;
  for (auto _ : state) {
    with_threads(1, [&] {
      double start = processor_seconds();
      encode(layout, unit, [](auto bytes) { benchmark::DoNotOptimize(bytes.data()); });
      encoding += processor_seconds() - start;
      WorkDirectory const place(layout.path, Communicator());
      auto const writer = make_staged_writer(layout, place, Communicator());
      std::uint64_t end = writer->first_extent();
      start = processor_seconds();
      writer->write(&unit, [&](std::uint64_t size) { return std::exchange(end, end + size); });
      writing += processor_seconds() - start;
      plain += plain_write_seconds(chunks, place.file("plain.part"));
      place.clear();
    });
  }
  double bytes = 0;
  for (auto const& chunk : chunks) bytes += static_cast<double>(chunk.size());
  state.counters["plain_MB_per_second"] = bytes * static_cast<double>(state.iterations()) / 1e6 / plain;
  state.counters["without_compression_MB_per_second"] =
      bytes * static_cast<double>(state.iterations()) / 1e6 / (writing - encoding);
  state.counters["share_of_plain_write"] = plain / (writing - encoding);
}

BENCHMARK(write_path)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write_cube, staged, "staged")->Arg(256)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write_cube, collective, "collective")->Arg(256)->Arg(64)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stfcube

int main(int argc, char** argv) {
  stfcube::Session const session(argc, argv);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
