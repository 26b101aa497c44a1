#include "stfcube/io/gdal/scene_files.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/io/gdal/crs.hpp"

namespace stfcube::gdal {
namespace {

/// 16-bit numbers have a fast way to DN; all others go through double, which holds them exactly.
GDALDataType buffer_type_of(GDALDataType type) {
  if (type == GDT_Int16) return GDT_Int16;
  return type == GDT_Byte || type == GDT_UInt16 ? GDT_UInt16 : GDT_Float64;
}

/// The first names of the datasets inside a container file.
std::string subdatasets(GDALDataset& dataset) {
  char** const entries = dataset.GetMetadata("SUBDATASETS");
  std::vector<std::string> names;
  for (int i = 0; entries != nullptr && entries[i] != nullptr && names.size() < 3; i += 2) {
    std::string const entry = entries[i];
    names.push_back(entry.substr(entry.find('=') + 1));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void check_bands(GDALDataset& dataset, std::string const& path) {
  if (dataset.GetRasterCount() > 0) return;
  std::string const inside = subdatasets(dataset);
  throw Error(ErrorKind::data,
              inside.empty()
                  ? fmt::format("{}: holds no raster band. Give a file with pixels.", path)
                  : fmt::format("{}: is a container and holds no band itself. Name a dataset inside it, for "
                                "example {}.",
                                path, inside));
}

BandCoding coding_of(GDALRasterBand& band, SensorSpec const& sensor, Scene const& scene) {
  BandCoding coding;
  int known = FALSE;
  double const file_scale = band.GetScale(&known);
  double const scale_or_one = known != FALSE ? file_scale : 1;
  double const file_offset = band.GetOffset(&known);
  double const offset_or_zero = known != FALSE ? file_offset : 0;
  coding.scale = scene.scale ? *scene.scale : sensor.scale.value_or(scale_or_one);
  coding.offset = scene.offset ? *scene.offset : sensor.offset.value_or(offset_or_zero);
  double const file_no_data = band.GetNoDataValue(&known);
  if (sensor.no_data)
    coding.no_data = sensor.no_data;
  else if (known != FALSE)
    coding.no_data = file_no_data;
  if (coding.no_data && std::isnan(*coding.no_data)) coding.no_data.reset();  // NaN is no data anyhow
  coding.single_precision = band.GetRasterDataType() == GDT_Float32;
  return coding;
}

std::array<double, 6> transform_of(GDALDataset& dataset, bool& known) {
  std::array<double, 6> transform{0, 1, 0, 0, 0, -1};
  std::array<double, 6> found{};
  known = dataset.GetGeoTransform(found.data()) == CE_None;
  return known ? found : transform;
}

Error unreadable(std::string const& path, int band, std::string const& reason, std::string const& role) {
  return {
      ErrorKind::data,
      fmt::format(
          "{}, band {}: cannot be read ({}). The file is damaged or cut off: fetch it again, or leave it out "
          "with {}.exclude.",
          path, band, reason, role)};
}

}  // namespace

SceneFiles::SceneFiles(Scene const& scene, SensorSpec const& sensor, Grid const& grid) : sensor_(sensor) {
  ensure(scene.bands.size() == sensor.bands.size(), "one band file per band");
  for (std::size_t b = 0; b < scene.bands.size(); ++b) add_band(b, scene.bands[b], scene);
  check_sizes();
  geometry_ = geometry_of(*files_.front().dataset, files_.front().path, grid);
  if (scene.qa) open_quality(*scene.qa);
}

SceneFiles::File& SceneFiles::file_at(std::string const& path) {
  auto const known = std::ranges::find(files_, path, &File::path);
  if (known != files_.end()) return *known;
  File file;
  file.path = path;
  try {
    file.dataset = open_dataset(path);
  } catch (Error const& error) {
    throw Error(error.kind(),
                fmt::format("{} Or leave the scene out with {}.exclude.", error.what(), sensor_.role),
                error.where());
  }
  check_bands(*file.dataset, path);
  files_.push_back(std::move(file));
  return files_.back();
}

void SceneFiles::add_band(std::size_t target, BandFile const& band, Scene const& scene) {
  std::string const& name = sensor_.bands[target].name;
  File& file = file_at(band.path);
  int const count = file.dataset->GetRasterCount();
  require(band.band >= 1 && band.band <= count, ErrorKind::data,
          fmt::format("{}: has {} {}, so there is no band {} for {}. Correct {}.bands.", file.path, count,
                      count == 1 ? "band" : "bands", band.band, name, sensor_.role));
  GDALRasterBand& raster = *file.dataset->GetRasterBand(band.band);
  GDALDataType const type = raster.GetRasterDataType();
  require(GDALDataTypeIsComplex(type) == FALSE, ErrorKind::data,
          fmt::format("{}, band {}: holds complex numbers. Give real values.", file.path, band.band));
  GDALDataType const buffer = buffer_type_of(type);
  bool const first = file.numbers.empty();
  file.buffer_type = first || file.buffer_type == buffer ? buffer : GDT_Float64;
  file.numbers.push_back(band.band);
  file.targets.push_back(target);
  file.codings.push_back(coding_of(raster, sensor_, scene));
}

void SceneFiles::check_sizes() const {
  auto const& first = files_.front();
  bool known = false;
  auto const position = transform_of(*first.dataset, known);
  for (auto const& file : files_) {
    int const width = file.dataset->GetRasterXSize(), height = file.dataset->GetRasterYSize();
    require(width == first.dataset->GetRasterXSize() && height == first.dataset->GetRasterYSize(),
            ErrorKind::data,
            fmt::format("{}: has {} x {} pixels, but {} of the same scene has {} x {}. All bands of a scene "
                        "must have one "
                        "pixel grid.",
                        file.path, width, height, first.path, first.dataset->GetRasterXSize(),
                        first.dataset->GetRasterYSize()));
    require(
        transform_of(*file.dataset, known) == position, ErrorKind::data,
        fmt::format(
            "{}: lies elsewhere than {} of the same scene. All bands of a scene must have one pixel grid.",
            file.path, first.path));
  }
}

SceneGeometry SceneFiles::geometry_of(GDALDataset& dataset, std::string const& path, Grid const& grid) const {
  SceneGeometry geometry;
  geometry.width = dataset.GetRasterXSize();
  geometry.height = dataset.GetRasterYSize();
  bool positioned = false;
  geometry.to_world = transform_of(dataset, positioned);

  OGRSpatialReference crs = crs_from_text(sensor_.crs, sensor_.role + ".crs");
  if (crs.IsEmpty() && dataset.GetSpatialRef() != nullptr) crs = *dataset.GetSpatialRef();
  crs.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  OGRSpatialReference const target = crs_from_text(grid.crs_wkt, "the CRS of the grid", ErrorKind::internal);

  require(!crs.IsEmpty() || is_local(target), ErrorKind::data,
          fmt::format("{}: has no CRS. Set {}.crs, or give the file one (gdal_edit.py -a_srs).", path,
                      sensor_.role));
  require(
      positioned || is_local(target), ErrorKind::data,
      fmt::format("{}: has no georeference (no geotransform). Give it one (gdal_translate -a_ullr).", path));
  require(is_local(crs) == is_local(target), ErrorKind::data,
          fmt::format("{}: its CRS ({}) cannot be related to that of the target grid ({}), because one of "
                      "them is local. Set "
                      "{}.crs or grid.crs.",
                      path, crs_name(crs), crs_name(target), sensor_.role));
  double const inside =
      geometry.to_world[1] * geometry.to_world[5] - geometry.to_world[2] * geometry.to_world[4];
  require(std::isfinite(inside) && inside != 0, ErrorKind::data,
          fmt::format("{}: its geotransform gives pixels without area. Correct it.", path));
  if (!same_crs(crs, target)) {
    Grid described;
    set_crs(described, crs);
    geometry.crs_wkt = described.crs_wkt;
  }
  return geometry;
}

void SceneFiles::open_quality(BandFile const& quality) {
  File file;
  file.path = quality.path;
  try {
    file.dataset = open_dataset(quality.path);
  } catch (Error const& error) {
    throw error.with(sensor_.role + " quality file");
  }
  check_bands(*file.dataset, file.path);
  require(quality.band <= file.dataset->GetRasterCount(), ErrorKind::data,
          fmt::format("{}: has no band {}.", file.path, quality.band));
  file.numbers = {quality.band};

  OGRSpatialReference const* crs = file.dataset->GetSpatialRef();
  OGRSpatialReference const* bands_crs = files_.front().dataset->GetSpatialRef();
  require(
      crs == nullptr || bands_crs == nullptr || same_crs(*crs, *bands_crs), ErrorKind::data,
      fmt::format(
          "{}: this quality file has another CRS than the bands ({}). Warp it onto their grid with nearest "
          "neighbour (gdalwarp -r near).",
          file.path, files_.front().path));
  bool known = false;
  auto const q = transform_of(*file.dataset, known);
  auto const& b = geometry_.to_world;
  double const scale_x = b[1] / q[1], scale_y = b[5] / q[5];
  bool const parallel =
      q[2] * b[1] == b[2] * q[1] && q[4] * b[5] == b[4] * q[5] && (!geometry_.rotated() || (q == b));
  require(parallel && std::isfinite(scale_x) && std::isfinite(scale_y), ErrorKind::data,
          fmt::format(
              "{}: this quality file is rotated against the bands ({}). Warp it onto their grid with nearest "
              "neighbour (gdalwarp -r near).",
              file.path, files_.front().path));
  to_quality_ = {(b[0] - q[0]) / q[1], scale_x, (b[3] - q[3]) / q[5], scale_y};
  quality_ = std::move(file);
}

void SceneFiles::read_raw(File const& file, Rect const& window, GDALDataType type, void* out) const {
  ErrorTrap const trap;
  auto numbers = file.numbers;
  auto const read_bands = [&](int count, int* first) {
    return file.dataset->RasterIO(GF_Read, window.x, window.y, window.width, window.height, out, window.width,
                                  window.height, type, count, first, 0, 0, 0, nullptr);
  };
  if (read_bands(static_cast<int>(numbers.size()), numbers.data()) == CE_None) return;
  for (int& number : numbers) {  // which one was it?
    ErrorTrap const single;
    if (read_bands(1, &number) != CE_None) throw unreadable(file.path, number, single.reason(), sensor_.role);
  }
  throw unreadable(file.path, numbers.front(), trap.reason(), sensor_.role);
}

template <class Raw, class T>
void SceneFiles::decode_file(File const& file, Rect const& window, Decoder const& decoder,
                             Planes<T>& planes) const {
  std::size_t const size = planes.plane_size();
  auto const raw = std::make_unique_for_overwrite<Raw[]>(size * file.numbers.size());
  read_raw(file, window, file.buffer_type, raw.get());
  for (std::size_t i = 0; i < file.numbers.size(); ++i)
    decoder.decode(std::span<Raw const>(raw.get() + i * size, size), file.codings[i],
                   planes.plane(file.targets[i]));
}

std::vector<std::uint8_t> SceneFiles::usable_pixels(Rect const& window) const {
  // The centre of a pixel of the bands, in pixels of the quality file; a centre on a border belongs to the
  // later pixel.
  constexpr double on_border = 1e-6;
  auto const index = [&](int at, double offset, double factor, int size) {
    double const place = std::floor(offset + (at + 0.5) * factor + on_border);
    return place >= 0 && place < size ? static_cast<int>(place) : -1;
  };
  int const width = quality_->dataset->GetRasterXSize(), height = quality_->dataset->GetRasterYSize();
  std::vector<int> columns, rows;
  for (int x = window.x; x < window.right(); ++x)
    columns.push_back(index(x, to_quality_[0], to_quality_[1], width));
  for (int y = window.y; y < window.bottom(); ++y)
    rows.push_back(index(y, to_quality_[2], to_quality_[3], height));

  std::vector<std::uint8_t> usable_at(columns.size() * rows.size(), 0);
  auto const range = [](std::vector<int> const& places) {
    auto inside = places;
    std::erase(inside, -1);
    return inside.empty() ? std::pair(0, -1) : std::pair(std::ranges::min(inside), std::ranges::max(inside));
  };
  auto const [left, right] = range(columns);
  auto const [top, bottom] = range(rows);
  Rect const needed{left, top, right - left + 1, bottom - top + 1};
  if (needed.empty()) return usable_at;

  auto const words = std::make_unique_for_overwrite<double[]>(static_cast<std::size_t>(needed.area()));
  read_raw(*quality_, needed, GDT_Float64, words.get());
  double last = std::numeric_limits<double>::quiet_NaN();
  bool last_usable = false;
  auto at = usable_at.begin();
  for (int const row : rows) {
    double const* const line = words.get() + static_cast<std::ptrdiff_t>(row - top) * needed.width;
    for (int const column : columns) {
      if (row >= 0 && column >= 0) {
        double const word = line[column - left];
        if (word != last) {  // words come in runs
          last = word;
          last_usable = !std::isnan(word) &&
                        usable(sensor_.qa_scheme, static_cast<unsigned>(static_cast<std::int64_t>(word)));
        }
        *at = last_usable ? 1 : 0;
      }
      ++at;
    }
  }
  return usable_at;
}

template <class T>
Planes<T> SceneFiles::read(Rect const& window, Decoder const& decoder) const {
  Planes<T> planes;
  planes.width = window.width;
  planes.height = window.height;
  planes.bands = static_cast<int>(sensor_.bands.size());
  planes.values.resize(planes.plane_size() * sensor_.bands.size());
  for (auto const& file : files_) {
    if (file.buffer_type == GDT_Int16)
      decode_file<std::int16_t>(file, window, decoder, planes);
    else if (file.buffer_type == GDT_UInt16)
      decode_file<std::uint16_t>(file, window, decoder, planes);
    else
      decode_file<double>(file, window, decoder, planes);
  }
  mask_pixels(planes, quality_ ? usable_pixels(window) : std::vector<std::uint8_t>(planes.plane_size(), 1));
  return planes;
}

template Planes<Dn> SceneFiles::read<Dn>(Rect const&, Decoder const&) const;
template Planes<double> SceneFiles::read<double>(Rect const&, Decoder const&) const;

void SceneFiles::check_last_blocks() const {
  auto const check_file = [&](File const& file) {
    std::vector<double> pixels(file.numbers.size());
    read_raw(file, {file.dataset->GetRasterXSize() - 1, file.dataset->GetRasterYSize() - 1, 1, 1},
             GDT_Float64, pixels.data());
  };
  for (auto const& file : files_) check_file(file);
  if (quality_) check_file(*quality_);
}

}  // namespace stfcube::gdal
