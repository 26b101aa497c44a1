#include "stfcube/io/label_map.hpp"

#include <cmath>
#include <limits>
#include <mutex>

#include <fmt/format.h>

#include "stfcube/io/raster_file.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

class RasterLabels final : public LabelMap {
 public:
  RasterLabels(std::filesystem::path path, std::string key) : path_(std::move(path)), key_(std::move(key)) {}

  void open_on(Grid const& grid) {
    raster_ = open_raster(path_, 1.0, 0.0);
    require(same_pixels(raster_->grid(), grid), ErrorKind::data,
            fmt::format("{} = {} is not on the cube's grid: {}; the cube: {}. Bring it there with gdalwarp "
                        "-r near -te ... -tr "
                        "...",
                        key_, path_.string(), describe(raster_->grid()), describe(grid)));
  }

  void read(Rect const& px, std::int32_t* to) const override {
    std::lock_guard const lock(mutex_);
    for (double const value : raster_->read(1, px)) *to++ = label(value);
  }

 private:
  std::int32_t label(double value) const {
    if (std::isnan(value)) return -1;
    require(
        value == std::floor(value) && value >= 0 && value <= std::numeric_limits<std::int32_t>::max(),
        ErrorKind::data,
        fmt::format(
            "{} = {} holds the value {}; labels are whole numbers from 0 on, and no data has a nodata value.",
            key_, path_.string(), value));
    return static_cast<std::int32_t>(value);
  }

  std::filesystem::path path_;
  std::string key_;
  mutable std::mutex mutex_;  // a reader serves one thread at a time
  std::unique_ptr<RasterReader> raster_;
};

}  // namespace

std::unique_ptr<LabelMap> open_label_map(std::filesystem::path const& path, Grid const& grid,
                                         std::string const& key) {
  auto labels = std::make_unique<RasterLabels>(path, key);
  labels->open_on(grid);
  return labels;
}

}  // namespace stfcube
