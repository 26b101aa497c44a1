#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/io/sensor.hpp"
#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube {

/// Where one band of one scene lies.
struct BandFile {
  std::string path;
  int band = 1;  ///< band number in the file, from 1
};

/// One acquisition: its band files in the cube's band order, and its quality file.
struct Scene {
  Date date;
  std::vector<BandFile> bands;
  std::optional<BandFile> qa;
  std::optional<double> scale, offset;  ///< of this scene alone (CSV catalogue); else the sensor's
};

/// All scenes of one sensor, by date and, within a date, in the order given. Several scenes of one date are one
/// observation: per pixel the first valid one.
struct Catalog {
  SensorSpec sensor;
  std::vector<Scene> scenes;

  /// Ascending, unique.
  std::vector<Date> dates() const;
};

/// Lists files and reads dates from names, or from a CSV catalogue; opens no raster.
/// Not collective; every rank that sees the same folders gets the same catalogue.
/// @throws Error(data) when nothing matches, a date is not found, a band or quality file of a scene is missing (all named)
Catalog find_scenes(SensorSpec const& sensor);

/// What a scene's header says, for plans, costs and checks.
struct SceneHeader {
  Grid grid;            ///< of the scene's own raster; sizes in its own pixels
  Rect footprint_px;    ///< on the target grid, clipped to it, conservative; empty: no common area
  bool aligned = false; ///< its pixels are pixels of the target grid: read without resampling
};

/// Opens the scene and checks everything that can be checked before the first pixel: files readable and whole (last
/// block read), drivers, band numbers, sizes equal among bands, a CRS where one is needed, quality file, common area.
/// Thread-safe. @throws Error(data) naming the file, what is wrong, and the way out
SceneHeader check_scene(Scene const& scene, SensorSpec const& sensor, Grid const& target);

/// Versions of GDAL, and PROJ where known, for `--version`.
std::string raster_library_version();

/// The grid of a raster file ("grid.like"). @throws Error(config) when it cannot be opened or is rotated
Grid read_grid(std::string const& path);

/// A grid from a CRS text as users write it (EPSG:32755, WKT, PROJ): WKT2 and the geographic flag filled in.
/// @param what  where the text stands, for messages
/// @throws Error(config) when the text is no CRS
Grid grid_with_crs(std::string const& crs_text, std::string const& what = "CRS");

}  // namespace stfcube
