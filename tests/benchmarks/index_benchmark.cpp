// What it costs to enter chunks into the index of a cube whose stored bytes lie in the file already: seconds
// and bytes per chunk, and how much memory that takes. The stored bytes are a hole in the file.
// STFCUBE_BENCHMARK_CHUNKS sets the number of chunks (a million), STFCUBE_BENCHMARK_FOLDER the place of the
// cube (the temporary folder).
#include <cstdlib>
#include <filesystem>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/hdf5/chunk_index.hpp"
#include "stfcube/io/hdf5/skeleton.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t stored_bytes = 16;
constexpr std::size_t range_chunks = 65536;

std::int64_t chunks_wanted() {
  char const* const given = std::getenv("STFCUBE_BENCHMARK_CHUNKS");
  return given ? std::atoll(given) : 1000000;
}

fs::path folder() {
  char const* const given = std::getenv("STFCUBE_BENCHMARK_FOLDER");
  return given ? fs::path(given) : fs::temp_directory_path();
}

/// Four bands with quality, chunks of 256 x 256 in a square as large as the number asks for, on 46 dates.
CubeLayout make_layout() {
  constexpr int dates = 46, bands = 4, chunk = 256;
  CubeLayout layout;
  layout.path = folder() / "stfcube_index_benchmark.nc";
  int side = 1;
  while (std::int64_t{side} * side * dates * (bands + 1) < chunks_wanted()) ++side;
  layout.grid = {
      .crs_wkt = "", .x0 = 0, .y0 = 0, .dx = 10, .dy = 10, .width = side * chunk, .height = side * chunk};
  for (int t = 0; t < dates; ++t) layout.dates.push_back({19000 + 8 * t});
  layout.bands = {"blue", "green", "red", "nir"};
  layout.wavelengths_um = {0.48F, 0.56F, 0.66F, 0.86F};
  layout.quantity = quantity_named("surface_reflectance");
  layout.uncertainty = false;
  layout.provenance.created = "2026-05-01T12:00:00Z";
  return layout;
}

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

void index_chunks(benchmark::State& state) {
  CubeLayout const layout = make_layout();
  auto const arrays = cube_arrays(layout);
  std::int64_t total = 0;
  for (CubeArray const& array : arrays) total += array.chunks();
  hdf5::write_skeleton(layout.path, layout);
  std::uint64_t const begin = (fs::file_size(layout.path) + 4095) / 4096 * 4096;
  std::uint64_t const end = begin + stored_bytes * static_cast<std::uint64_t>(total);
  double const before = peak_bytes();
  for (auto _ : state) {
    hdf5::ChunkIndex index(layout.path, arrays, end);
    std::vector<StoredChunk> range;
    std::uint64_t next = begin;
    for (std::uint32_t array = 0; array < arrays.size(); ++array) {
      for (std::int64_t chunk = 0; chunk < arrays[array].chunks(); ++chunk, next += stored_bytes) {
        range.push_back({.chunk = chunk,
                         .offset = next,
                         .array = array,
                         .size = stored_bytes,
                         .stored_crc = 0,
                         .raw_crc = 0});
        if (range.size() < range_chunks && next + stored_bytes < end) continue;
        index.add(range);
        range.clear();
      }
    }
    index.close();
  }
  state.counters["chunks"] = static_cast<double>(total);
  state.counters["time_per_chunk"] =
      benchmark::Counter(static_cast<double>(total),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["index_bytes_per_chunk"] =
      static_cast<double>(fs::file_size(layout.path) - end) / static_cast<double>(total);
  state.counters["more_peak_memory_MB"] = (peak_bytes() - before) / 1e6;
  fs::remove(layout.path);
}

// Once: the index is made in a new file.
BENCHMARK(index_chunks)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stfcube

BENCHMARK_MAIN();
