#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/stack.hpp"
#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube {

/// Pixel types of files we write.
enum class PixelType { uint8, int16, uint16, float32 };

/// A raster file to be made.
struct RasterSpec {
  std::filesystem::path path;
  Grid grid;
  int bands = 1;
  PixelType type = PixelType::int16;
  std::optional<double> no_data;
  double scale = 1, offset = 0;
  std::vector<std::string> band_names;          ///< empty, or one per band
  std::map<std::string, std::string> metadata;  ///< e.g. {"ACQUISITION_DATE", "2020-06-01"}
};

/// A tiled, compressed GeoTIFF in the making; complete under its name only after `close`. One thread at a time.
class RasterWriter {
 public:
  virtual ~RasterWriter() = default;
  /// Pixels of all bands, [1, band, y, x], values in the file's units, cast to its type. @throws Error(io)
  virtual void write(Rect const& px, Stack<float> const& values) = 0;
  /// @throws Error(io) when the file could not be completed
  virtual void close() = 0;
};

/// @throws Error(io) when the folder is not writable
std::unique_ptr<RasterWriter> create_geotiff(RasterSpec const& spec);

/// A cloud-optimised GeoTIFF made from a finished GeoTIFF. @throws Error(io)
void convert_to_cog(std::filesystem::path const& geotiff, std::filesystem::path const& cog);

/// An 8-bit picture, interleaved pixels: 1 grey, 3 RGB, 4 RGBA channels. @throws Error(io)
void write_png(std::filesystem::path const& path, int width, int height, int channels,
               std::vector<std::uint8_t> const& pixels);

/// The same as the bytes of a PNG file.
std::string png_bytes(int width, int height, int channels, std::vector<std::uint8_t> const& pixels);

/// Any raster that GDAL reads, as physical values. One thread at a time.
class RasterReader {
 public:
  virtual ~RasterReader() = default;
  virtual Grid const& grid() const = 0;
  virtual int bands() const = 0;
  virtual std::vector<std::string> const& band_names() const = 0;  ///< descriptions; empty texts where none
  /// Values times scale plus offset of band `band` (from 1), row-major; NaN = no data. @throws Error(data)
  virtual std::vector<double> read(int band, Rect const& px) = 0;
};

/// @param scale, offset  override what the file says. @throws Error(data)
std::unique_ptr<RasterReader> open_raster(std::filesystem::path const& path, std::optional<double> scale = {},
                                          std::optional<double> offset = {});

}  // namespace stfcube
