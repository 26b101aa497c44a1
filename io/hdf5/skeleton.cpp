#include "stfcube/io/hdf5/skeleton.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <hdf5_hl.h>

#include "stfcube/io/cf_grid_mapping.hpp"
#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/hdf5/attributes.hpp"
#include "stfcube/io/hdf5/filters.hpp"
#include "stfcube/io/hdf5/serial_file.hpp"
#include "stfcube/partitioning/core/build_info.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::hdf5 {
namespace {

constexpr std::size_t sha256_digits = 64;
constexpr std::size_t completeness_length = 32;  ///< two counts of at most 15 digits

/// Links and attributes keep the order they were made in, and nothing holds a time: netCDF-C needs the first,
/// equal bytes of equal runs the second.
PropertyList object_properties(hid_t kind) {
  PropertyList list(checked(H5Pcreate(kind), "property list"));
  unsigned const ordered = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
  checked(H5Pset_attr_creation_order(list, ordered), "order of attributes");
  if (kind != H5P_DATASET_CREATE) checked(H5Pset_link_creation_order(list, ordered), "order of links");
  checked(H5Pset_obj_track_times(list, false), "object times");
  return list;
}

Dataspace shape_of(std::vector<hsize_t> const& sizes) {
  if (sizes.empty()) return Dataspace(checked(H5Screate(H5S_SCALAR), "scalar"));
  return Dataspace(checked(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), "shape"));
}

Datatype variable_text() {
  Datatype type(checked(H5Tcopy(H5T_C_S1), "text type"));
  checked(H5Tset_size(type, H5T_VARIABLE), "text length");
  checked(H5Tset_cset(type, H5T_CSET_UTF8), "text encoding");
  return type;
}

Dataset make_dataset(hid_t place, char const* name, hid_t type, std::vector<hsize_t> const& sizes,
                     hid_t properties = H5I_INVALID_HID) {
  PropertyList const plain = object_properties(H5P_DATASET_CREATE);
  return Dataset(checked(H5Dcreate2(place, name, type, shape_of(sizes), H5P_DEFAULT,
                                    properties >= 0 ? properties : static_cast<hid_t>(plain), H5P_DEFAULT),
                         fmt::format("dataset {}", name)));
}

template <class T>
Dataset put_array(hid_t place, char const* name, std::vector<T> const& values,
                  std::vector<hsize_t> const& sizes) {
  Dataset array = make_dataset(place, name, stored_type<T>(), sizes);
  checked(H5Dwrite(array, stored_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), name);
  return array;
}

Dataset put_strings(hid_t place, char const* name, std::vector<std::string> const& values,
                    std::vector<hsize_t> const& sizes) {
  Datatype const type = variable_text();
  Dataset array = make_dataset(place, name, type, sizes);
  std::vector<char const*> pointers;
  for (std::string const& value : values) pointers.push_back(value.c_str());
  checked(H5Dwrite(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), name);
  return array;
}

std::string words(std::string text) {
  std::ranges::replace(text, '_', ' ');
  return text;
}

/// "P8D" when all dates have the same distance; empty otherwise.
std::string resolution(std::vector<Date> const& dates) {
  if (dates.size() < 2) return "";
  int const step = dates[1] - dates[0];
  for (std::size_t i = 1; i < dates.size(); ++i) {
    if (dates[i] - dates[i - 1] != step) return "";
  }
  return fmt::format("P{}D", step);
}

/// Writes the objects in the order of the format; each member function makes one or more of them.
class Skeleton {
 public:
  Skeleton(std::filesystem::path const& path, CubeLayout const& layout)
      : layout_(layout),
        mapping_(cf_grid_mapping(layout.grid)),
        file_(SerialFile::create(path, object_properties(H5P_FILE_CREATE))) {}

  void write() {
    file_.doing([&] { put_all(); });
    for (Dataset* scale : {&time_, &band_, &y_, &x_}) scale->reset();
    file_.close();
  }

 private:
  using Axes = std::vector<Dataset const*>;

  void put_all() {
    put_root_attributes();
    put_time();
    put_band();
    put_y();
    put_x();
    put_grid_mapping();
    for (CubeArray const& array : cube_arrays(layout_)) put_bulk(array);
    put_time_bounds();
    put_band_labels();
    put_provenance();
  }

  void put_root_attributes() {
    Provenance const& p = layout_.provenance;
    auto const put = [&](char const* name, std::string const& text) { put_text(file_, name, text); };
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    put("_NCProperties", fmt::format("version=2,stfcube={},hdf5={}.{}.{}", version(), major, minor, release));
    put("Conventions", "CF-1.11 ACDD-1.3");
    put("title", p.title);
    put("summary",
        fmt::format("Seamless fine-resolution {} on {} dates from {} to {}, made by spatiotemporal fusion{}.",
                    words(layout_.quantity.name), layout_.dates.size(), to_string(layout_.dates.front()),
                    to_string(layout_.dates.back()), p.model_title.empty() ? "" : ": " + p.model_title));
    put("keywords",
        fmt::format("remote sensing, spatiotemporal fusion, data cube, {}", words(layout_.quantity.name)));
    put("institution", p.institution);
    put("source",
        fmt::format("stfcube {}, method {}, {} input files", version_described(), p.model, p.inputs.size()));
    put("references", p.model_citation);
    put("product_version", version());
    put("processing_level", "4");
    put("id", name_uuid("urn:stfcube:job:" + p.job_digest));
    put("date_created", p.created);
    put("history", p.created + " " + p.command);
    put_extent();
    put(attribute::format_version, "1.0");
    put("stfcube_version", version_described());
    put("stfcube_job_digest", p.job_digest);
    put("stfcube_model", p.model);
    put_text(file_, attribute::content_digest, "", sha256_digits);
    put_text(file_, attribute::completeness, "", completeness_length);
  }

  void put_extent() {
    if (mapping_.lonlat) {
      auto const [west, south, east, north] = *mapping_.lonlat;
      put_text(
          file_, "geospatial_bounds",
          fmt::format("POLYGON (({1} {0}, {1} {2}, {3} {2}, {3} {0}, {1} {0}))", west, south, east, north));
      put_text(file_, "geospatial_bounds_crs", "EPSG:4326");
      put_numbers<double>(file_, "geospatial_lat_min", {south});
      put_numbers<double>(file_, "geospatial_lat_max", {north});
      put_numbers<double>(file_, "geospatial_lon_min", {west});
      put_numbers<double>(file_, "geospatial_lon_max", {east});
    }
    put_text(file_, "time_coverage_start", to_string(layout_.dates.front()));
    put_text(file_, "time_coverage_end", to_string(layout_.dates.back()));
    put_text(file_, "time_coverage_resolution", resolution(layout_.dates));
  }

  /// Makes an array a dimension; the order of calls is the order of dimensions.
  void make_scale(Dataset const& scale, std::string const& name) {
    checked(H5DSset_scale(scale, name.c_str()), "dimension scale");
    put_scalar(scale, "_Netcdf4Dimid", dimensions_++);
  }

  void attach(Dataset const& array, Axes const& axes) {
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
      checked(H5DSattach_scale(array, *axes[axis], static_cast<unsigned>(axis)), "dimension scale");
    }
  }

  void put_time() {
    std::vector<double> days;
    for (Date const date : layout_.dates) days.push_back(date.days);
    time_ = put_array(file_, "time", days, {days.size()});
    make_scale(time_, "time");
    put_text(time_, "standard_name", "time");
    put_text(time_, "long_name", "day (UTC) that the image stands for");
    put_text(time_, "axis", "T");
    put_text(time_, "units", "days since 1970-01-01 00:00:00");
    put_text(time_, "calendar", "standard");
    put_text(time_, "bounds", "time_bnds");
  }

  void put_band() {
    std::vector<std::int32_t> numbers;
    for (std::size_t i = 0; i < layout_.bands.size(); ++i)
      numbers.push_back(static_cast<std::int32_t>(i) + 1);
    band_ = put_array(file_, "band", numbers, {numbers.size()});
    make_scale(band_, "band");
    put_text(band_, "long_name", "number of the band, named in band_name");
    put_text(band_, "units", "1");
  }

  void put_y() {
    std::vector<double> centres;
    for (int row = 0; row < layout_.grid.height; ++row) centres.push_back(layout_.grid.centre_y(row));
    y_ = put_array(file_, "y", centres, {centres.size()});
    make_scale(y_, "y");
    bool const geographic = layout_.grid.geographic;
    put_text(y_, "standard_name", geographic ? "latitude" : "projection_y_coordinate");
    put_text(y_, "long_name", geographic ? "latitude of pixel centre" : "northing of pixel centre");
    put_text(y_, "axis", "Y");
    // GDAL finds no axes where the units say "1"; where they are unknown there are none.
    put_text(y_, "units", geographic ? "degrees_north" : mapping_.units);
  }

  void put_x() {
    std::vector<double> centres;
    for (int column = 0; column < layout_.grid.width; ++column)
      centres.push_back(layout_.grid.centre_x(column));
    x_ = put_array(file_, "x", centres, {centres.size()});
    make_scale(x_, "x");
    bool const geographic = layout_.grid.geographic;
    put_text(x_, "standard_name", geographic ? "longitude" : "projection_x_coordinate");
    put_text(x_, "long_name", geographic ? "longitude of pixel centre" : "easting of pixel centre");
    put_text(x_, "axis", "X");
    put_text(x_, "units", mapping_.units);
  }

  void put_grid_mapping() {
    Dataset const crs = put_array<std::int32_t>(file_, "crs", {0}, {});
    put_text(crs, "long_name", "coordinate reference system");
    put_text(crs, "grid_mapping_name", mapping_.name);
    for (auto const& [name, values] : mapping_.parameters) put_numbers(crs, name.c_str(), values);
    put_text(crs, "crs_wkt", mapping_.wkt);
    put_text(crs, "spatial_ref", mapping_.wkt);
    Grid const& g = layout_.grid;
    put_text(crs, "GeoTransform",
             fmt::format("{:.17g} {:.17g} 0 {:.17g} 0 {:.17g}", g.x0, g.dx, g.y0, -g.dy));
  }

  void put_bulk(CubeArray const& array) {
    bool const flags = array.item_bytes == 1;
    std::vector<hsize_t> sizes, chunk;
    for (std::size_t axis = 0; axis < 4; ++axis) {
      if (axis == 1 && !array.banded) continue;
      sizes.push_back(static_cast<hsize_t>(array.shape[axis]));
      chunk.push_back(static_cast<hsize_t>(array.chunk[axis]));
    }
    hid_t const type = flags ? stored_type<quality::Flags>() : stored_type<Dn>();
    Dataset const dataset =
        make_dataset(file_, array.name.c_str(), type, sizes, bulk_properties(array, chunk));
    attach(dataset, array.banded ? Axes{&time_, &band_, &y_, &x_} : Axes{&time_, &y_, &x_});
    if (flags) {
      put_flag_attributes(dataset);
    } else {
      put_value_attributes(dataset, array.name == "uncertainty");
    }
    put_text(dataset, "grid_mapping", "crs");
  }

  PropertyList bulk_properties(CubeArray const& array, std::vector<hsize_t> const& chunk) const {
    PropertyList list = object_properties(H5P_DATASET_CREATE);
    checked(H5Pset_chunk(list, static_cast<int>(chunk.size()), chunk.data()), "chunk shape");
    set_filters(list, layout_.compression, array.item_bytes);
    checked(H5Pset_fill_value(list, H5T_NATIVE_INT, &array.fill), "fill value");
    // Never H5D_FILL_TIME_NEVER: chunks that were not written would read as whatever is in the reader's
    // buffer.
    checked(H5Pset_fill_time(list, H5D_FILL_TIME_IFSET), "fill time");
    checked(H5Pset_alloc_time(list, H5D_ALLOC_TIME_INCR), "allocation time");
    return list;
  }

  void put_value_attributes(Dataset const& dataset, bool deviation) {
    Quantity const& q = layout_.quantity;
    std::string const kind = words(q.name);
    if (!q.standard_name.empty()) {
      put_text(dataset, "standard_name", deviation ? q.standard_name + " standard_error" : q.standard_name);
    }
    put_text(dataset, "long_name", deviation ? "one standard deviation of " + kind : kind);
    put_text(dataset, "units", q.units);
    put_numbers<Dn>(dataset, "_FillValue", {no_data_dn});
    put_numbers<double>(dataset, "scale_factor", {q.step});
    if (!deviation) {
      // Readers take the decoded type from both attributes when there are two: float64, twice the memory.
      if (q.offset != 0) put_numbers<double>(dataset, "add_offset", {q.offset});
      put_numbers<Dn>(dataset, "valid_range", {q.lowest, q.highest});
      put_text(dataset, "cell_methods", "time: point area: mean");
      put_text(dataset, "ancillary_variables", layout_.uncertainty ? "uncertainty quality" : "quality");
    }
    put_text(dataset, "coordinates", "band_name wavelength");
  }

  /// No _FillValue: with it xarray would return the flags as floating point.
  static void put_flag_attributes(Dataset const& dataset) {
    using namespace quality;
    put_text(dataset, "standard_name", "quality_flag");
    put_text(dataset, "long_name", "quality flags of the pixel on this date");
    put_numbers<Flags>(dataset, "flag_masks",
                       {no_data, state_mask, state_mask, state_mask, low_confidence, input_masked,
                        extrapolated, clamped, disturbed});
    put_numbers<Flags>(dataset, "flag_values",
                       {no_data, observed, fused, gap_filled, low_confidence, input_masked, extrapolated,
                        clamped, disturbed});
    put_text(dataset, "flag_meanings",
             "no_data observed fused gap_filled low_confidence input_masked extrapolated clamped disturbed");
  }

  void put_time_bounds() {
    Dataset const two = make_dataset(file_, "nv", H5T_IEEE_F32BE, {2});
    make_scale(two, pure_dimension(2));
    std::vector<double> bounds;
    for (Date const date : layout_.dates) {
      bounds.push_back(date.days);
      bounds.push_back(date.days + 1);
    }
    Dataset const dataset = put_array(file_, "time_bnds", bounds, {layout_.dates.size(), 2});
    attach(dataset, {&time_, &two});
  }

  /// What netCDF-C calls a dimension without a variable of its own; otherwise it would be taken for data.
  static std::string pure_dimension(std::size_t length) {
    return fmt::format("This is a netCDF dimension but not a netCDF variable.{:10}", length);
  }

  void put_band_labels() {
    Dataset const names = put_strings(file_, "band_name", layout_.bands, {layout_.bands.size()});
    attach(names, {&band_});
    put_text(names, "long_name", "name of the band");
    put_text(names, "standard_name", "sensor_band_identifier");
    Dataset const wavelengths =
        put_array(file_, "wavelength", layout_.wavelengths_um, {layout_.bands.size()});
    attach(wavelengths, {&band_});
    put_text(wavelengths, "long_name", "central wavelength of the band");
    put_text(wavelengths, "standard_name", "sensor_band_central_radiation_wavelength");
    put_text(wavelengths, "units", "um");
  }

  void put_provenance() {
    PropertyList const properties = object_properties(H5P_GROUP_CREATE);
    Group const group(
        checked(H5Gcreate2(file_, "provenance", H5P_DEFAULT, properties, H5P_DEFAULT), "provenance"));
    if (!layout_.provenance.inputs.empty()) put_inputs(group);
    put_strings(group, "job", {layout_.provenance.job_text}, {});
    put_strings(group, "software", {"stfcube " + version_described()}, {});
    put_strings(group, "failed_tiles", {""}, {});
    put_checksum_table(group);
  }

  /// A place for what `complete_skeleton` knows; it takes no bytes of the file until then.
  void put_checksum_table(Group const& group) {
    std::int64_t chunks = 0;
    for (CubeArray const& array : cube_arrays(layout_)) chunks += array.chunks();
    std::vector<hsize_t> const sizes = {static_cast<hsize_t>(chunks)};
    Dataset const chunk = make_dataset(group, "chunk", H5T_IEEE_F32BE, sizes);
    make_scale(chunk, pure_dimension(sizes[0]));
    Dataset const table = make_dataset(group, "chunk_checksum", stored_type<std::uint32_t>(), sizes);
    attach(table, {&chunk});
    put_text(table, "long_name", "CRC-32C of each chunk of the arrays before compression");
  }

  void put_inputs(Group const& group) {
    std::vector<InputRecord> const& inputs = layout_.provenance.inputs;
    Dataset const input = make_dataset(group, "input", H5T_IEEE_F32BE, {inputs.size()});
    make_scale(input, pure_dimension(inputs.size()));
    auto const put_column = [&](char const* name, auto&& value) {
      std::vector<std::string> column;
      for (InputRecord const& record : inputs) column.push_back(value(record));
      attach(put_strings(group, name, column, {column.size()}), {&input});
    };
    put_column("href", [](InputRecord const& r) { return r.href; });
    put_column("product_id", [](InputRecord const& r) { return r.product_id; });
    put_column("role", [](InputRecord const& r) { return r.role; });
    std::vector<double> days;
    for (InputRecord const& record : inputs) days.push_back(record.acquired.days);
    Dataset const acquired = put_array(group, "acquired", days, {days.size()});
    attach(acquired, {&input});
    put_text(acquired, "units", "days since 1970-01-01 00:00:00");
    put_text(acquired, "calendar", "standard");
  }

  CubeLayout const& layout_;
  CfGridMapping mapping_;
  SerialFile file_;
  Dataset time_, band_, y_, x_;
  std::int32_t dimensions_ = 0;
};

}  // namespace

void write_skeleton(std::filesystem::path const& path, CubeLayout const& layout) {
  Skeleton(path, layout).write();
}

void complete_skeleton(std::filesystem::path const& path, std::string const& content_digest,
                       ChunkChecksums const& checksums, CubeSummary const& summary) {
  SerialFile file = SerialFile::open(path);
  file.doing([&] {
    replace_text(file, attribute::content_digest, content_digest);
    replace_text(file, attribute::completeness,
                 fmt::format("{}/{}", summary.units_done, summary.units_planned));
    Dataset const table(checked(H5Dopen2(file, chunk_checksum_path, H5P_DEFAULT), chunk_checksum_path));
    checked(H5Dwrite(table, stored_type<std::uint32_t>(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                     checksums.all().data()),
            chunk_checksum_path);
    if (!summary.failed_tiles.empty()) {
      Dataset const failed(checked(H5Dopen2(file, failed_tiles_path, H5P_DEFAULT), failed_tiles_path));
      char const* text = summary.failed_tiles.c_str();
      checked(H5Dwrite(failed, variable_text(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &text), failed_tiles_path);
    }
  });
  file.close();
}

}  // namespace stfcube::hdf5
