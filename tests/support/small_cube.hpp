#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/raster_file.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::testing {

/// A cube or file that a test makes up, pixel by pixel.
struct SmallCube {
  std::filesystem::path path;
  int width = 64, height = 48;
  std::vector<Date> dates;
  std::vector<std::string> bands;
  bool uncertainty = true;
  std::function<Dn(int date, int band, int x, int y)> dn;
  std::function<quality::Flags(int date, int x, int y)> flags = [](int, int, int) { return quality::fused; };
  Quantity quantity = {};
  std::string job_text = "model.name = starfm\n";

  Grid grid() const {
    Grid grid;
    grid.x0 = 500000;
    grid.y0 = 4200000;
    grid.dx = grid.dy = 30;
    grid.width = width;
    grid.height = height;
    return grid;
  }
};

/// Writes it as a cube; pixels whose flags are no_data get the fill value. Collective.
inline void write_cube(SmallCube const& cube, Communicator const& comm = world()) {
  CubeLayout layout;
  layout.path = cube.path;
  layout.grid = cube.grid();
  layout.dates = cube.dates;
  layout.bands = cube.bands;
  layout.wavelengths_um.assign(cube.bands.size(), 0.5F);
  layout.quantity = cube.quantity;
  layout.uncertainty = cube.uncertainty;
  layout.provenance.job_text = cube.job_text;
  layout.chunk = {1, 1, 64, 64};
  WorkDirectory const place(layout.path, comm);
  auto const writer = make_collective_writer(layout, place, comm);
  int const dates = static_cast<int>(cube.dates.size()), bands = static_cast<int>(cube.bands.size());
  CubeUnit unit;
  unit.px = layout.grid.all();
  unit.dn = Stack<Dn>(dates, bands, cube.height, cube.width);
  if (cube.uncertainty) unit.uncertainty = Stack<Dn>(dates, bands, cube.height, cube.width);
  unit.quality = Stack<quality::Flags>(dates, 1, cube.height, cube.width);
  for (int d = 0; d < dates; ++d) {
    for (int y = 0; y < cube.height; ++y) {
      for (int x = 0; x < cube.width; ++x) {
        quality::Flags const flags = cube.flags(d, x, y);
        unit.quality.at(d, 0, y, x) = flags;
        for (int b = 0; b < bands; ++b) {
          bool const empty = (flags & quality::no_data) != 0;
          unit.dn.at(d, b, y, x) = empty ? no_data_dn : cube.dn(d, b, x, y);
          if (cube.uncertainty)
            unit.uncertainty.at(d, b, y, x) = empty ? no_data_dn : static_cast<Dn>(20 + b);
        }
      }
    }
  }
  writer->write(comm.is_root() ? &unit : nullptr, {});
  CubeSummary summary;
  summary.units_done = summary.units_planned = 1;
  writer->finish(summary);
}

/// Writes one of its dates as a GeoTIFF of DN. Not collective.
/// @param scale  what the file says; 1 says nothing
inline void write_file(SmallCube const& image, int date, std::filesystem::path const& path, double scale,
                       std::vector<std::string> const& band_names) {
  RasterSpec spec;
  spec.path = path;
  spec.grid = image.grid();
  spec.bands = static_cast<int>(image.bands.size());
  spec.no_data = no_data_dn;
  spec.scale = scale;
  spec.band_names = band_names;
  auto const file = create_geotiff(spec);
  Stack<float> values(1, spec.bands, image.height, image.width);
  for (int b = 0; b < spec.bands; ++b) {
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x) {
        bool const empty = (image.flags(date, x, y) & quality::no_data) != 0;
        values.at(0, b, y, x) = empty ? no_data_dn : image.dn(date, b, x, y);
      }
    }
  }
  file->write(spec.grid.all(), values);
  file->close();
}

}  // namespace stfcube::testing
