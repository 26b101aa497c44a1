#include "stfcube/io/raster_file.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <ogr_spatialref.h>
#include <unistd.h>

#include "stfcube/io/gdal/gdal_support.hpp"

namespace stfcube {
namespace {

using gdal::DatasetPtr;
using gdal::ErrorTrap;

constexpr int block_px = 256;

/// Where a file grows until it is complete. Scene globs end in the final ending and do not see it.
std::filesystem::path unfinished(std::filesystem::path const& path) {
  return path.parent_path() / fmt::format("{}.{}.part", path.filename().string(), ::getpid());
}

[[noreturn]] void refuse(std::filesystem::path const& path, std::string const& what,
                         std::string const& reason) {
  throw Error(ErrorKind::io,
              fmt::format("{}: {} ({}). Check that the folder exists and is writable, and the free space.",
                          path.string(), what, reason));
}

void remove_quietly(std::filesystem::path const& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

void publish(std::filesystem::path const& from, std::filesystem::path const& to) {
  std::error_code failed;
  std::filesystem::rename(from, to, failed);
  if (failed) {
    remove_quietly(from);
    refuse(to, "cannot be put in place", failed.message());
  }
}

GDALDriver& driver_named(char const* name) {
  gdal::start();
  GDALDriver* const driver = GetGDALDriverManager()->GetDriverByName(name);
  require(
      driver != nullptr, ErrorKind::io,
      fmt::format("This GDAL has no {} driver. Install a GDAL that has one (Debian: libgdal-dev).", name));
  return *driver;
}

/// Copies `source` through a driver that can only copy, and puts the result in place when it is whole.
void copy_through(char const* driver, GDALDataset& source, std::filesystem::path const& path,
                  CPLStringList const& options) {
  auto const part = unfinished(path);
  ErrorTrap const trap;
  DatasetPtr copy(
      driver_named(driver).CreateCopy(part.c_str(), &source, FALSE, options.List(), nullptr, nullptr));
  bool const made = copy != nullptr;
  copy.reset();
  if (!made || trap.failed()) {
    remove_quietly(part);
    refuse(path, "cannot be written", trap.reason());
  }
  publish(part, path);
}

GDALDataType gdal_type(PixelType type) {
  switch (type) {
    case PixelType::uint8:
      return GDT_Byte;
    case PixelType::int16:
      return GDT_Int16;
    case PixelType::uint16:
      return GDT_UInt16;
    case PixelType::float32:
      return GDT_Float32;
  }
  return GDT_Unknown;
}

/// Rounds to the nearest value of the type; NaN becomes `empty`.
template <class T>
void cast(float const* from, T* to, std::size_t count, T empty) {
  for (std::size_t i = 0; i < count; ++i) {
    float const value =
        std::clamp(std::nearbyint(from[i]), static_cast<float>(std::numeric_limits<T>::lowest()),
                   static_cast<float>(std::numeric_limits<T>::max()));
    to[i] = std::isnan(from[i]) ? empty : static_cast<T>(value);
  }
}

void cast(float const* from, float* to, std::size_t count, float empty) {
  for (std::size_t i = 0; i < count; ++i) to[i] = std::isnan(from[i]) ? empty : from[i];
}

CPLStringList geotiff_options(PixelType type) {
  CPLStringList options;
  options.SetNameValue("TILED", "YES");
  options.SetNameValue("BLOCKXSIZE", std::to_string(block_px).c_str());
  options.SetNameValue("BLOCKYSIZE", std::to_string(block_px).c_str());
  options.SetNameValue("INTERLEAVE", "BAND");
  options.SetNameValue("COMPRESS", "DEFLATE");
  options.SetNameValue(
      "ZLEVEL", "1");  // noisy pixels shrink hardly more at higher levels, and take several times as long
  options.SetNameValue("PREDICTOR", type == PixelType::float32 ? "3" : "2");
  options.SetNameValue("BIGTIFF", "IF_SAFER");
  return options;
}

void set_georeference(GDALDataset& dataset, Grid const& grid) {
  std::array<double, 6> transform = {grid.x0, grid.dx, 0, grid.y0, 0, -grid.dy};
  dataset.SetGeoTransform(transform.data());
  if (grid.crs_wkt.empty()) return;
  OGRSpatialReference crs;
  crs.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  crs.importFromWkt(grid.crs_wkt.c_str());
  dataset.SetSpatialRef(&crs);
}

void set_bands(GDALDataset& dataset, RasterSpec const& spec) {
  for (int band = 1; band <= spec.bands; ++band) {
    GDALRasterBand& target = *dataset.GetRasterBand(band);
    if (spec.no_data) target.SetNoDataValue(*spec.no_data);
    if (spec.scale != 1 || spec.offset != 0) {
      target.SetScale(spec.scale);
      target.SetOffset(spec.offset);
    }
    if (!spec.band_names.empty())
      target.SetDescription(spec.band_names[static_cast<std::size_t>(band - 1)].c_str());
  }
}

bool whole_blocks(Rect const& px, Grid const& grid) {
  auto const ends_block = [](int end, int size) { return end % block_px == 0 || end == size; };
  return px.x % block_px == 0 && px.y % block_px == 0 && ends_block(px.right(), grid.width) &&
         ends_block(px.bottom(), grid.height);
}

class GeotiffWriter final : public RasterWriter {
 public:
  explicit GeotiffWriter(RasterSpec const& spec) : spec_(spec), part_(unfinished(spec.path)) {
    check(spec.grid);
    ensure(spec.band_names.empty() || static_cast<int>(spec.band_names.size()) == spec.bands,
           "one name per band");
    ErrorTrap const trap;
    dataset_.reset(driver_named("GTiff").Create(part_.c_str(), spec.grid.width, spec.grid.height, spec.bands,
                                                gdal_type(spec.type), geotiff_options(spec.type).List()));
    if (dataset_ == nullptr) refuse(spec.path, "cannot be created", trap.reason());
    set_georeference(*dataset_, spec.grid);
    set_bands(*dataset_, spec);
    for (auto const& [key, value] : spec.metadata) dataset_->SetMetadataItem(key.c_str(), value.c_str());
    if (trap.failed()) {
      abandon();
      refuse(spec.path, "its header cannot be written", trap.reason());
    }
  }

  ~GeotiffWriter() override { abandon(); }

  void write(Rect const& px, Stack<float> const& values) override {
    ensure(dataset_ != nullptr, "an open file");
    ensure(spec_.grid.all().contains(px) && values.bands() == spec_.bands && values.rows() == px.height &&
               values.cols() == px.width,
           "pixels that fit the rectangle and the file");
    switch (spec_.type) {
      case PixelType::uint8:
        return write_as<std::uint8_t>(px, values);
      case PixelType::int16:
        return write_as<std::int16_t>(px, values);
      case PixelType::uint16:
        return write_as<std::uint16_t>(px, values);
      case PixelType::float32:
        return write_as<float>(px, values);
    }
  }

  void close() override {
    ensure(dataset_ != nullptr, "an open file");
    ErrorTrap const trap;
    dataset_.reset();
    if (trap.failed()) {
      remove_quietly(part_);
      refuse(spec_.path, "cannot be completed", trap.reason());
    }
    publish(part_, spec_.path);
  }

 private:
  template <class T>
  void write_as(Rect const& px, Stack<float> const& values) {
    auto const pixels = std::make_unique_for_overwrite<T[]>(values.plane_size());
    T const empty = static_cast<T>(spec_.no_data.value_or(0));
    for (int band = 0; band < spec_.bands; ++band) {
      cast(values.row(0, band, 0), pixels.get(), values.plane_size(), empty);
      ErrorTrap const trap;
      auto const status = dataset_->GetRasterBand(band + 1)->RasterIO(
          GF_Write, px.x, px.y, px.width, px.height, pixels.get(), px.width, px.height, gdal_type(spec_.type),
          0, 0, nullptr);
      // Whole blocks leave the cache at once, in the order written: files are then the same for any number of
      // threads.
      if (whole_blocks(px, spec_.grid)) dataset_->GetRasterBand(band + 1)->FlushCache(false);
      if (status != CE_None || trap.failed()) refuse(spec_.path, "cannot be written", trap.reason());
    }
  }

  /// Leaves nothing behind of a file that was not closed.
  void abandon() {
    if (dataset_ == nullptr) return;
    ErrorTrap const trap;
    dataset_.reset();
    remove_quietly(part_);
  }

  RasterSpec spec_;
  std::filesystem::path part_;
  DatasetPtr dataset_;
};

class GdalRasterReader final : public RasterReader {
 public:
  GdalRasterReader(std::filesystem::path const& path, std::optional<double> scale,
                   std::optional<double> offset)
      : path_(path.string()),
        dataset_(gdal::open_dataset(path_)),
        grid_(gdal::grid_of(*dataset_, path_)),
        scale_(scale),
        offset_(offset) {
    for (int band = 1; band <= dataset_->GetRasterCount(); ++band) {
      band_names_.emplace_back(dataset_->GetRasterBand(band)->GetDescription());
    }
    require(!band_names_.empty(), ErrorKind::data,
            fmt::format("{}: has no raster band. Name one of its subdatasets (gdalinfo lists them).", path_));
  }

  Grid const& grid() const override { return grid_; }
  int bands() const override { return static_cast<int>(band_names_.size()); }
  std::vector<std::string> const& band_names() const override { return band_names_; }

  std::vector<double> read(int band, Rect const& px) override {
    require(band >= 1 && band <= bands(), ErrorKind::data,
            fmt::format("{}: no band {}; the file has {}.", path_, band, bands()));
    require(grid_.all().contains(px), ErrorKind::data,
            fmt::format("{}: pixels ({}, {}) to ({}, {}) lie outside its {} x {}.", path_, px.x, px.y,
                        px.right(), px.bottom(), grid_.width, grid_.height));
    if (px.empty()) return {};
    GDALRasterBand& source = *dataset_->GetRasterBand(band);
    std::vector<double> values(static_cast<std::size_t>(px.area()));
    fetch(source, px, values.data(), GDT_Float64);
    // Scale and offset are applied before the mask, so that a no-data value never becomes a number.
    double const scale = scale_.value_or(source.GetScale());
    double const offset = offset_.value_or(source.GetOffset());
    for (double& value : values) value = value * scale + offset;
    if (source.GetMaskFlags() != GMF_ALL_VALID) clear_masked(*source.GetMaskBand(), px, values);
    return values;
  }

 private:
  void fetch(GDALRasterBand& source, Rect const& px, void* target, GDALDataType type) const {
    ErrorTrap const trap;
    auto const status = source.RasterIO(GF_Read, px.x, px.y, px.width, px.height, target, px.width, px.height,
                                        type, 0, 0, nullptr);
    require(status == CE_None && !trap.failed(), ErrorKind::data,
            fmt::format("{}: cannot be read ({}). The file may be truncated; fetch or make it again.", path_,
                        trap.reason()));
  }

  /// The mask covers no-data values, mask files and alpha bands alike.
  void clear_masked(GDALRasterBand& mask, Rect const& px, std::vector<double>& values) const {
    std::vector<std::uint8_t> visible(values.size());
    fetch(mask, px, visible.data(), GDT_Byte);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (visible[i] == 0) values[i] = std::numeric_limits<double>::quiet_NaN();
    }
  }

  std::string path_;
  DatasetPtr dataset_;
  Grid grid_;
  std::optional<double> scale_, offset_;
  std::vector<std::string> band_names_;
};

DatasetPtr picture_of(int width, int height, int channels, std::vector<std::uint8_t> const& pixels) {
  ensure(channels == 1 || channels == 3 || channels == 4, "1, 3 or 4 channels");
  ensure(width > 0 && height > 0 &&
             pixels.size() == static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                                  static_cast<std::size_t>(channels),
         "pixels that fill the picture");
  DatasetPtr picture(driver_named("MEM").Create("", width, height, channels, GDT_Byte, nullptr));
  ensure(picture != nullptr, "a picture in memory");
  auto const line_bytes = static_cast<GSpacing>(width) * channels;
  auto const status =
      picture->RasterIO(GF_Write, 0, 0, width, height, const_cast<std::uint8_t*>(pixels.data()), width,
                        height, GDT_Byte, channels, nullptr, channels, line_bytes, 1, nullptr);
  ensure(status == CE_None, "a picture in memory");
  return picture;
}

}  // namespace

std::unique_ptr<RasterWriter> create_geotiff(RasterSpec const& spec) {
  return std::make_unique<GeotiffWriter>(spec);
}

void convert_to_cog(std::filesystem::path const& geotiff, std::filesystem::path const& cog) {
  auto const source = gdal::open_dataset(geotiff.string(), ErrorKind::io);
  GDALDataType const type = source->GetRasterBand(1)->GetRasterDataType();
  bool const may_be_flags = type == GDT_Byte || type == GDT_UInt16;  // a mean of bit flags means nothing
  CPLStringList options;
  options.SetNameValue("COMPRESS", "DEFLATE");
  options.SetNameValue("PREDICTOR", "YES");
  options.SetNameValue("BIGTIFF", "IF_SAFER");
  options.SetNameValue("OVERVIEW_RESAMPLING", may_be_flags ? "NEAREST" : "AVERAGE");
  copy_through("COG", *source, cog, options);
}

void write_png(std::filesystem::path const& path, int width, int height, int channels,
               std::vector<std::uint8_t> const& pixels) {
  copy_through("PNG", *picture_of(width, height, channels, pixels), path, CPLStringList());
}

std::string png_bytes(int width, int height, int channels, std::vector<std::uint8_t> const& pixels) {
  static std::atomic<int> number{0};
  std::string const path = fmt::format("/vsimem/stfcube_picture_{}.png", number++);
  DatasetPtr const picture = picture_of(width, height, channels, pixels);
  DatasetPtr(driver_named("PNG").CreateCopy(path.c_str(), picture.get(), FALSE, nullptr, nullptr, nullptr))
      .reset();
  vsi_l_offset size = 0;
  GByte const* const bytes = VSIGetMemFileBuffer(path.c_str(), &size, FALSE);
  ensure(bytes != nullptr, "a PNG file in memory");
  std::string result(reinterpret_cast<char const*>(bytes), static_cast<std::size_t>(size));
  VSIUnlink(path.c_str());
  return result;
}

std::unique_ptr<RasterReader> open_raster(std::filesystem::path const& path, std::optional<double> scale,
                                          std::optional<double> offset) {
  return std::make_unique<GdalRasterReader>(path, scale, offset);
}

}  // namespace stfcube
