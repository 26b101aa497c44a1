#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The options of `stfcube export`.
struct ExportSettings {
  std::filesystem::path cube;
  std::vector<std::string> dates = {"all"};  ///< days (YYYY-MM-DD or YYYYMMDD), or "all"
  std::string format = "png";                ///< png | geotiff | cog
  std::vector<std::string>
      bands;             ///< default: all; of a picture nir red green, else red green blue, else the first
  std::string variable;  ///< the cube's quantity (reflectance, the default), uncertainty or quality
  std::filesystem::path out;  ///< a file for one date, else a folder; empty: CUBE_YYYYMMDD.EXT here
  int max_size_px = 1600;     ///< longest side of a picture; larger cubes are averaged down
};

/// Writes dates of a cube as files that other programs open, and names them on `out`.
/// GeoTIFF and COG keep the cube's integers, with scale, no data, band names and date. A picture is stretched
/// from the 2nd to the 98th percentile of its valid pixels, transparent where there is no data; the picture
/// of the quality shows observed pixels green, fused blue, gap-filled orange. Dates are shared out among
/// ranks. @collective
/// @throws Error(config) for an unknown date, band, variable or format, naming those that exist; Error(data)
/// when the cube
///         cannot be read; Error(io) when a file cannot be written
void export_cube(ExportSettings const& settings, Communicator const& comm, std::ostream& out);

}  // namespace stfcube
