#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stfcube/io/catalog.hpp"
#include "stfcube/io/gdal/decoder.hpp"
#include "stfcube/io/gdal/gdal_support.hpp"
#include "stfcube/io/gdal/pixel_transformer.hpp"
#include "stfcube/io/gdal/planes.hpp"

namespace stfcube::gdal {

/// The open files of one scene, checked to fit together. One thread at a time.
class SceneFiles {
 public:
  /// @throws Error(data) naming the file, what is wrong, and the way out
  SceneFiles(Scene const& scene, SensorSpec const& sensor, Grid const& grid);

  SceneGeometry const& geometry() const { return geometry_; }

  /// Masked DN (T = Dn) or masked physical values (T = double, NaN = no data) of a window that lies inside
  /// the scene.
  /// @throws Error(data) naming the file and band that cannot be read
  template <class T>
  Planes<T> read(Rect const& window, Decoder const& decoder) const;

  /// Reads the last pixel of every file and band: finds files whose end is missing. @throws Error(data)
  void check_last_blocks() const;

 private:
  /// One file and the bands it gives to the scene.
  struct File {
    std::string path;
    DatasetPtr dataset;
    std::vector<int> numbers;          ///< band numbers in the file
    std::vector<std::size_t> targets;  ///< where they go in the cube's order
    std::vector<BandCoding> codings;
    GDALDataType buffer_type = GDT_Float64;
  };

  File& file_at(std::string const& path);
  void add_band(std::size_t target, BandFile const& band, Scene const& scene);
  void open_quality(BandFile const& quality);
  SceneGeometry geometry_of(GDALDataset& dataset, std::string const& path, Grid const& grid) const;
  void check_sizes() const;
  /// Fills `out` with the raw numbers of the file's bands. @throws Error(data)
  void read_raw(File const& file, Rect const& window, GDALDataType type, void* out) const;
  template <class Raw, class T>
  void decode_file(File const& file, Rect const& window, Decoder const& decoder, Planes<T>& planes) const;
  /// 1 where the quality file says that the pixel of the bands can be used.
  std::vector<std::uint8_t> usable_pixels(Rect const& window) const;

  SensorSpec const& sensor_;
  std::vector<File> files_;
  std::optional<File> quality_;
  std::array<double, 4> to_quality_{0, 1, 0, 1};  ///< offset and factor of columns, then of rows
  SceneGeometry geometry_;
};

extern template Planes<Dn> SceneFiles::read<Dn>(Rect const&, Decoder const&) const;
extern template Planes<double> SceneFiles::read<double>(Rect const&, Decoder const&) const;

}  // namespace stfcube::gdal
