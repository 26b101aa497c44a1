#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube {

/// How the values of files become physical, where the files do not say it or say it wrongly. Cubes say it
/// themselves.
struct FileScaling {
  std::optional<double> scale, offset;
  std::optional<std::pair<double, double>> valid;  ///< physical values outside are no data
};

/// What is known of a cube or a file before its first pixel.
struct ImageSourceInfo {
  std::filesystem::path path;
  Grid grid;
  int bands = 0;
  std::vector<std::string> band_names;  ///< empty when the file does not name all its bands
  std::vector<std::optional<Date>>
      dates;  ///< one per image: of a cube all, of a file one, nothing when its name has none
  std::optional<Quantity> quantity = {};  ///< of a cube
  std::optional<double> ratio = {};       ///< coarse / fine pixel size, of a cube whose job gives it
  bool uncertainty = false;               ///< of a cube that has the layer
};

/// Images of one place by date: a cube, or a raster file that is one image. One thread at a time.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual ImageSourceInfo const& info() const = 0;
  /// Physical values of one band (from 0), row-major; NaN = no data. @throws Error(data)
  virtual std::vector<double> read(int image, int band, Rect const& px) = 0;
  /// One standard deviation in the values' unit, row-major; NaN = none; empty when the source tells none.
  /// @throws Error(data)
  virtual std::vector<double> read_uncertainty(int image, int band, Rect const& px) = 0;
  /// Quality flags; empty when the source has none. @throws Error(data)
  virtual std::vector<quality::Flags> read_quality(int image, Rect const& px) = 0;
};

/// @param date_pattern  how a file's name says its date (find_date)
/// @throws Error(data) when the file is neither a cube nor a raster
std::unique_ptr<ImageSource> open_image_source(std::filesystem::path const& path, FileScaling const& scaling,
                                               std::string const& date_pattern);

}  // namespace stfcube
