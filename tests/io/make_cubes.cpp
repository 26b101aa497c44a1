// Writes small cubes in several reference systems, with what readers must find in them, for readers.py.
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/partitioning/mpi/session.hpp"
#include "stfcube/tests/support/crs.hpp"
#include "stfcube/tests/support/synthetic_cube.hpp"

namespace stfcube::testing {
namespace {

namespace fs = std::filesystem;

constexpr int tile_px = 32, slab = 2;

struct Sample {
  std::string name, wkt;
  int epsg;  ///< 0: none
  double x0, y0, pixel;
  bool geographic = false;
  std::string quantity = "surface_reflectance";
  std::string writer = "staged";
};

CubeLayout layout_of(Sample const& sample, fs::path const& folder) {
  CubeLayout layout = synthetic_layout(folder / (sample.name + ".nc"));
  layout.grid.crs_wkt = sample.wkt;
  layout.grid.x0 = sample.x0;
  layout.grid.y0 = sample.y0;
  layout.grid.dx = layout.grid.dy = sample.pixel;
  layout.grid.geographic = sample.geographic;
  layout.quantity = quantity_named(sample.quantity);
  return layout;
}

template <class T>
void dump(fs::path const& path, Stack<T> const& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<char const*>(values.all().data()),
             static_cast<std::streamsize>(values.bytes()));
}

/// What a hole holds.
void empty_out(CubeUnit& all, SyntheticUnit const& hole) {
  for (int t = hole.first_date; t < hole.first_date + hole.dates; ++t) {
    for (int y = hole.px.y; y < hole.px.bottom(); ++y) {
      for (int b = 0; b < all.dn.bands(); ++b) {
        std::fill_n(all.dn.row(t, b, y) + hole.px.x, hole.px.width, no_data_dn);
        std::fill_n(all.uncertainty.row(t, b, y) + hole.px.x, hole.px.width, no_data_dn);
      }
      std::fill_n(all.quality.row(t, 0, y) + hole.px.x, hole.px.width, quality::no_data);
    }
  }
}

void write_expected(Sample const& sample, CubeLayout const& layout, SyntheticUnit const& hole) {
  fs::path const folder = layout.path.parent_path();
  CubeUnit all = synthetic_unit(layout, layout.grid.all(), 0, static_cast<int>(layout.dates.size()));
  empty_out(all, hole);
  dump(folder / (sample.name + ".product.raw"), all.dn);
  dump(folder / (sample.name + ".uncertainty.raw"), all.uncertainty);
  dump(folder / (sample.name + ".quality.raw"), all.quality);
  std::vector<std::string> dates;
  for (Date const date : layout.dates) dates.push_back(to_string(date));
  Grid const& g = layout.grid;
  std::ofstream(folder / (sample.name + ".json"))
      << fmt::format(R"({{"variable": "{}", "epsg": {}, "has_crs": {}, "geographic": {}, "origin": [{}, {}],)"
                     R"( "pixel": [{}, {}], "shape": [{}, {}, {}, {}], "dates": ["{}"], "bands": ["{}"],)"
                     R"( "step": {}, "offset": {}, "files": {{"product": "{}.product.raw",)"
                     R"( "uncertainty": "{}.uncertainty.raw", "quality": "{}.quality.raw"}}}})",
                     layout.quantity.variable, sample.epsg, !g.crs_wkt.empty(), g.geographic, g.x0, g.y0,
                     g.dx, g.dy, all.dn.dates(), all.dn.bands(), g.height, g.width,
                     fmt::join(dates, "\", \""), fmt::join(layout.bands, "\", \""), layout.quantity.step,
                     layout.quantity.offset, sample.name, sample.name, sample.name)
      << '\n';
}

void make(Sample const& sample, fs::path const& folder, Communicator const& comm) {
  CubeLayout layout = layout_of(sample, folder);
  auto units = synthetic_units(layout, tile_px, slab);
  SyntheticUnit const hole = units[5];
  units.erase(units.begin() + 5);
  PlacedWriter to(sample.writer, layout, comm);
  write_units(to, layout, units, comm);
  to.writer->finish({units.size(), units.size() + 1, "x001y000"});
  if (comm.is_root()) write_expected(sample, layout, hole);
}

}  // namespace
}  // namespace stfcube::testing

int main(int argc, char** argv) {
  using namespace stfcube::testing;
  stfcube::Session session(argc, argv);
  if (argc != 2) return 2;
  fs::path const folder = argv[1];
  fs::create_directories(folder);
  for (Sample const& sample :
       {Sample{"utm", crs::utm_32n(), 32632, 600000, 5100000, 30},
        Sample{"utm_collective", crs::utm_32n(), 32632, 600000, 5100000, 30, false, "surface_reflectance",
               "collective"},
        Sample{"laea", crs::laea_europe(), 3035, 4321000, 3210000, 10},
        Sample{"longitude_latitude", crs::longitude_latitude(), 4326, 20, 50, 0.0003, true},
        Sample{"temperature", crs::utm_32n(), 32632, 600000, 5100000, 30, false, "temperature"},
        Sample{"engineering", crs::engineering(), 0, 0, 0, 25}, Sample{"no_crs", "", 0, 0, 0, 1}}) {
    make(sample, folder, session.world());
  }
}
