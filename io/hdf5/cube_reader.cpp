#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/hdf5/datasets.hpp"
#include "stfcube/io/hdf5/filters.hpp"
#include "stfcube/io/hdf5/skeleton.hpp"
#include "stfcube/io/hdf5/stored_arrays.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

using namespace hdf5;
namespace fs = std::filesystem;

/// What goes wrong with a finished cube is a matter of its data, and the file is named.
template <class Work>
auto reading(fs::path const& path, Work&& work) {
  try {
    return work();
  } catch (Error const& error) {
    throw Error(ErrorKind::data, fmt::format("cube {}: {}", path.string(), error.what()), error.where());
  }
}

std::string required_text(hid_t object, char const* name) {
  auto const text = text_of(object, name);
  require(text.has_value(), ErrorKind::data,
          fmt::format("attribute {} is missing; this is no cube of stfcube", name));
  return *text;
}

double required_number(hid_t object, char const* name) {
  auto const values = numbers_of(object, name);
  require(values && !values->empty(), ErrorKind::data, fmt::format("attribute {} is missing", name));
  return values->front();
}

std::vector<Date> read_dates(hid_t file) {
  Dataset const time = open_dataset(file, "time");
  require(sizes_of(time).size() == 1, ErrorKind::data, "time is not one-dimensional");
  std::vector<Date> dates;
  for (double const day : read_numbers<double>(time, "time")) {
    require(std::abs(day) < 1e7, ErrorKind::data, fmt::format("time {} is no day", day));
    dates.push_back({static_cast<std::int32_t>(std::lround(day))});
  }
  return dates;
}

double metres_of(std::string const& units) {
  if (units == "US_survey_foot") return 1200.0 / 3937.0;
  if (units == "foot") return 0.3048;
  constexpr double equator_m = 2 * std::numbers::pi * 6378137;
  if (units == "degrees_east") return equator_m / 360;
  return parse_double(units.substr(0, units.find(' '))).value_or(1);
}

Grid read_grid(hid_t file) {
  Dataset const crs = open_dataset(file, "crs");
  Grid grid;
  grid.crs_wkt = text_of(crs, "crs_wkt").value_or("");
  std::string const text = required_text(crs, "GeoTransform");
  std::vector<double> numbers;
  for (std::string const& word : split_words(text)) numbers.push_back(parse_double(word).value_or(NAN));
  require(numbers.size() == 6 && numbers[2] == 0 && numbers[4] == 0 && numbers[1] > 0 && numbers[5] < 0 &&
              std::isfinite(numbers[0]) && std::isfinite(numbers[3]),
          ErrorKind::data, fmt::format("GeoTransform \"{}\" is not that of a north-up grid", text));
  grid.x0 = numbers[0];
  grid.dx = numbers[1];
  grid.y0 = numbers[3];
  grid.dy = -numbers[5];
  Dataset const x = open_dataset(file, "x");
  grid.geographic = text_of(x, "standard_name") == "longitude";
  grid.metres_per_unit = metres_of(text_of(x, "units").value_or(""));
  return grid;
}

Quantity read_quantity(hid_t file) {
  auto quantity = stored_quantity(file);
  require(quantity.has_value(), ErrorKind::data,
          "has no variable reflectance, index or temperature; this is no cube of stfcube");
  Dataset const product = open_dataset(file, quantity->variable);
  quantity->units = text_of(product, "units").value_or("1");
  quantity->step = required_number(product, "scale_factor");
  quantity->offset = numbers_of(product, "add_offset").value_or(std::vector<double>{0}).at(0);
  return *quantity;
}

class Hdf5CubeReader final : public CubeReader {
 public:
  explicit Hdf5CubeReader(fs::path const& path) : path_(path) {
    quiet_library();
    reading(path_, [&] { open(); });
  }

  Grid const& grid() const override { return grid_; }
  std::vector<Date> const& dates() const override { return dates_; }
  std::vector<std::string> const& bands() const override { return bands_; }
  Quantity const& quantity() const override { return quantity_; }
  bool has_uncertainty() const override { return static_cast<bool>(uncertainty_); }

  std::vector<Dn> read(int date, int band, Rect const& px) override {
    return window<Dn>(product_, px, {index(date), index(band)});
  }
  std::vector<Dn> read_uncertainty(int date, int band, Rect const& px) override {
    require(has_uncertainty(), ErrorKind::data, fmt::format("cube {}: has no uncertainty", path_.string()));
    return window<Dn>(uncertainty_, px, {index(date), index(band)});
  }
  std::vector<quality::Flags> read_quality(int date, Rect const& px) override {
    return window<quality::Flags>(quality_, px, {index(date)});
  }

  std::string job_text() override {
    return reading(path_, [&] { return read_strings(file_, "provenance/job").at(0); });
  }

  std::string attribute(std::string const& name) override {
    return reading(path_, [&] { return text_of(file_, name.c_str()).value_or(""); });
  }

 private:
  static hsize_t index(int value) { return static_cast<hsize_t>(value); }

  void open() {
    require(fs::exists(path_), ErrorKind::data, "there is no such file. Check the path");
    file_ =
        File(checked(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, file_access()),
                     "is no cube, or damaged (give one that 'stfcube run' made): cannot be opened as HDF5"));
    std::string const version = required_text(file_, attribute::format_version);
    require(
        version.starts_with("1."), ErrorKind::data,
        fmt::format("has format version {}; this program reads version 1. Use a newer stfcube.", version));
    dates_ = read_dates(file_);
    bands_ = read_strings(file_, "band_name");
    grid_ = read_grid(file_);
    quantity_ = read_quantity(file_);
    product_ = open_bulk(quantity_.variable);
    if (H5Lexists(file_, "uncertainty", H5P_DEFAULT) > 0) uncertainty_ = open_bulk("uncertainty");
    quality_ = open_bulk("quality");
    check_shapes();
  }

  /// With room for the chunks of one row of a window, so that neighbouring windows do not decode them again.
  Dataset open_bulk(std::string const& name) const {
    PropertyList const access(checked(H5Pcreate(H5P_DATASET_ACCESS), "access list"));
    constexpr std::size_t slots = 12421, bytes = 16U << 20;
    checked(H5Pset_chunk_cache(access, slots, bytes, H5D_CHUNK_CACHE_W0_DEFAULT), "chunk cache");
    Dataset dataset(checked(H5Dopen2(file_, name.c_str(), access), "dataset " + name));
    require_filters(dataset, name);
    return dataset;
  }

  void check_shapes() {
    std::vector<hsize_t> const sizes = sizes_of(product_);
    require(sizes.size() == 4 && sizes[0] == dates_.size() && sizes[1] == bands_.size(), ErrorKind::data,
            fmt::format("{} does not have the dimensions time, band, y, x", quantity_.variable));
    require(sizes[2] <= 0x7fffffff && sizes[3] <= 0x7fffffff, ErrorKind::data, "is too large");
    grid_.height = static_cast<int>(sizes[2]);
    grid_.width = static_cast<int>(sizes[3]);
    require(!uncertainty_ || sizes_of(uncertainty_) == sizes, ErrorKind::data,
            "uncertainty has another shape");
    require(sizes_of(quality_) == std::vector<hsize_t>{sizes[0], sizes[2], sizes[3]}, ErrorKind::data,
            "quality has another shape");
  }

  /// One plane of `dataset` inside `px`; `leading` are the indices of the axes before y and x.
  template <class T>
  std::vector<T> window(Dataset const& dataset, Rect const& px, std::vector<hsize_t> leading) {
    ensure(grid_.all().contains(px) && !px.empty(), "the window lies inside the cube");
    std::vector<hsize_t> count(leading.size(), 1);
    leading.insert(leading.end(), {index(px.y), index(px.x)});
    count.insert(count.end(), {index(px.height), index(px.width)});
    std::vector<T> values(static_cast<std::size_t>(px.area()));
    reading(path_, [&] {
      Dataspace const in_file(checked(H5Dget_space(dataset), "shape"));
      Dataspace const in_memory(
          checked(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), "shape"));
      checked(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, leading.data(), nullptr, count.data(), nullptr),
              "window");
      checked(H5Dread(dataset, stored_type<T>(), in_memory, in_file, H5P_DEFAULT, values.data()),
              "reading pixels");
    });
    return values;
  }

  fs::path path_;
  File file_;
  Dataset product_, uncertainty_, quality_;
  Grid grid_;
  std::vector<Date> dates_;
  std::vector<std::string> bands_;
  Quantity quantity_;
};

}  // namespace

std::unique_ptr<CubeReader> open_cube(fs::path const& path) {
  return std::make_unique<Hdf5CubeReader>(path);
}

bool is_cube(fs::path const& path) noexcept {
  try {
    quiet_library();
    File const file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, file_access()));
    if (!file) H5Eclear2(H5E_DEFAULT);
    return file && text_of(file, attribute::format_version).has_value();
  } catch (...) {
    return false;
  }
}

std::string cube_library_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("HDF5 {}.{}.{}", major, minor, release);
}

}  // namespace stfcube
