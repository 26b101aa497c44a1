#include "stfcube/io/hdf5/structure_check.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5_hl.h>

#include "stfcube/io/cf_grid_mapping.hpp"
#include "stfcube/io/hdf5/datasets.hpp"
#include "stfcube/io/hdf5/skeleton.hpp"
#include "stfcube/io/hdf5/stored_arrays.hpp"
#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::hdf5 {
namespace {

/// An object of the file that is looked at.
struct Object {
  std::string name;  ///< for messages
  hid_t id;
};

/// Equal but for what writing a number as text, or another version of a library, may change.
bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
}

hobj_ref_t reference_to(hid_t object) {
  hobj_ref_t reference = 0;
  checked(H5Rcreate(&reference, object, ".", H5R_OBJECT, H5I_INVALID_HID), "reference");
  return reference;
}

/// Whether a dataset and the scale of one of its dimensions are attached. H5DSis_attached is not asked: it
/// opens all that the scale refers back to, and fails (and loses memory) when one of these was removed.
bool names_scale(hid_t dataset, unsigned axis, hid_t scale) {
  hobj_ref_t wanted = reference_to(scale);
  H5DS_iterate_t const is_wanted = [](hid_t, unsigned, hid_t found, void* reference) -> herr_t {
    hobj_ref_t named = 0;
    if (H5Rcreate(&named, found, ".", H5R_OBJECT, H5I_INVALID_HID) < 0) return -1;
    return named == *static_cast<hobj_ref_t const*>(reference) ? 1 : 0;
  };
  return H5DSiterate_scales(dataset, axis, nullptr, is_wanted, &wanted) > 0 &&
         H5Aexists(scale, "REFERENCE_LIST") > 0;
}

/// Each member function looks at one or more objects; they come in the order of the format.
class StructureCheck {
 public:
  explicit StructureCheck(hid_t file) : file_(file) {}

  std::vector<std::string> run() {
    // Later ones use what earlier ones read.
    look("time", [&](Object const& o) { time(o); });
    look("band", [&](Object const& o) { band(o); });
    look("crs", [&](Object const& o) { grid_mapping(o); });
    look("y", [&](Object const& o) { axis(o, true); });
    look("x", [&](Object const& o) { axis(o, false); });
    guarded("the file", [&] { root(); });
    guarded("the product", [&] { bulk(); });
    look("nv", [&](Object const& o) { expect(sizes_of(o.id) == Sizes{2}, o, "has not the size 2"); });
    look("time_bnds", [&](Object const& o) { time_bounds(o); });
    look("band_name", [&](Object const& o) { band_names(o); });
    look("wavelength", [&](Object const& o) { wavelengths(o); });
    guarded("provenance", [&] { provenance(); });
    return std::move(problems_);
  }

 private:
  using Sizes = std::vector<hsize_t>;

  void add(std::string const& name, std::string const& what) {
    problems_.push_back(fmt::format("{} {}", name, what));
  }

  void expect(bool good, Object const& object, std::string const& what) {
    if (!good) add(object.name, what);
  }

  /// Runs a check; what it cannot read is a problem, too.
  void guarded(std::string const& name, std::function<void()> const& check) {
    try {
      check();
    } catch (Error const& error) {
      add(name, fmt::format("cannot be read: {}", error.what()));
    }
  }

  bool exists(std::string const& name) const { return H5Lexists(file_, name.c_str(), H5P_DEFAULT) > 0; }

  /// Runs the check of one dataset; one that is missing is a problem.
  void look(std::string const& name, std::function<void(Object const&)> const& check) {
    guarded(name, [&] {
      if (!exists(name)) return add(name, "is missing");
      Dataset const dataset = open_dataset(file_, name);
      check({name, dataset});
    });
  }

  std::optional<std::string> text(Object const& object, char const* attribute) {
    auto const found = text_of(object.id, attribute);
    if (!found) add(object.name, fmt::format("has no attribute {}, or it is no plain text", attribute));
    return found;
  }

  void expect_text(Object const& object, char const* attribute, std::string const& wanted) {
    auto const found = text(object, attribute);
    if (found)
      expect(*found == wanted, object, fmt::format("has {} = \"{}\", not \"{}\"", attribute, *found, wanted));
  }

  void expect_some_text(Object const& object, std::initializer_list<char const*> attributes) {
    for (char const* attribute : attributes) {
      auto const found = text(object, attribute);
      if (found) expect(!found->empty(), object, fmt::format("has an empty attribute {}", attribute));
    }
  }

  void expect_match(Object const& object, char const* attribute, char const* pattern) {
    auto const found = text(object, attribute);
    if (found) {
      expect(std::regex_match(*found, std::regex(pattern)), object,
             fmt::format("has {} = \"{}\"", attribute, *found));
    }
  }

  void expect_numbers(Object const& object, char const* attribute, std::vector<double> const& wanted,
                      hid_t type) {
    auto const found = numbers_of(object.id, attribute);
    if (!found) return add(object.name, fmt::format("has no attribute {}, or it is no number", attribute));
    Attribute const opened(checked(H5Aopen(object.id, attribute, H5P_DEFAULT), attribute));
    Datatype const stored(checked(H5Aget_type(opened), attribute));
    expect(*found == wanted, object,
           fmt::format("has {} = {}, not {}", attribute, fmt::join(*found, " "), fmt::join(wanted, " ")));
    expect(H5Tequal(stored, type) > 0, object,
           fmt::format("has {} of another type than it should be", attribute));
  }

  void expect_absent(Object const& object, char const* attribute, char const* reason) {
    expect(H5Aexists(object.id, attribute) == 0, object,
           fmt::format("has an attribute {}: {}", attribute, reason));
  }

  template <class T>
  void expect_array(Object const& object, Sizes const& sizes) {
    Datatype const type(checked(H5Dget_type(object.id), object.name));
    expect(H5Tequal(type, stored_type<T>()) > 0, object, "has another type than it should have");
    Sizes const found = sizes_of(object.id);
    expect(found == sizes, object,
           fmt::format("has the size ({}), not ({})", fmt::join(found, ", "), fmt::join(sizes, ", ")));
  }

  void expect_dimensions(Object const& object, std::vector<char const*> const& names) {
    if (sizes_of(object.id).size() != names.size()) return;  // said elsewhere
    for (std::size_t axis = 0; axis < names.size(); ++axis) {
      if (!exists(names[axis])) continue;
      Dataset const scale = open_dataset(file_, names[axis]);
      expect(names_scale(object.id, static_cast<unsigned>(axis), scale), object,
             fmt::format("does not name {} as dimension {}", names[axis], axis));
    }
  }

  void expect_scale(Object const& object) {
    expect(H5DSis_scale(object.id) > 0, object, "is not marked as a dimension");
  }

  void time(Object const& o) {
    expect_scale(o);
    days_ = read_numbers<double>(o.id, "time");
    expect_array<double>(o, {days_.size()});
    bool whole = true;
    for (std::size_t i = 0; i < days_.size(); ++i) {
      whole = whole && std::abs(days_[i]) < 1e7 && days_[i] == std::floor(days_[i]);
      if (i > 0) expect(days_[i] > days_[i - 1], o, fmt::format("does not ascend at date {}", i));
    }
    expect(whole && !days_.empty(), o, "holds something else than days");
    if (!whole) days_.clear();
    expect_text(o, "standard_name", "time");
    expect_text(o, "axis", "T");
    expect_text(o, "units", "days since 1970-01-01 00:00:00");
    expect_text(o, "calendar", "standard");
    expect_text(o, "bounds", "time_bnds");
    expect_some_text(o, {"long_name"});
  }

  void band(Object const& o) {
    expect_scale(o);
    auto const numbers = read_numbers<std::int32_t>(o.id, "band");
    bands_ = numbers.size();
    expect_array<std::int32_t>(o, {numbers.size()});
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] != static_cast<std::int32_t>(i) + 1) return add(o.name, "is not 1, 2, 3 ...");
    }
    expect_text(o, "units", "1");
    expect_some_text(o, {"long_name"});
  }

  void grid_mapping(Object const& o) {
    expect_array<std::int32_t>(o, {});
    expect_some_text(o, {"long_name"});
    auto const transform = text(o, "GeoTransform");
    std::vector<double> numbers;
    for (std::string const& word : split_words(transform.value_or("")))
      numbers.push_back(parse_double(word).value_or(NAN));
    bool const sound = numbers.size() == 6 && numbers[2] == 0 && numbers[4] == 0 && numbers[1] > 0 &&
                       numbers[5] < 0 && std::isfinite(numbers[0]) && std::isfinite(numbers[3]);
    if (transform) expect(sound, o, fmt::format("has GeoTransform = \"{}\"", *transform));
    if (sound) transform_ = numbers;
    auto const wkt = text_of(o.id, "crs_wkt"), same = text_of(o.id, "spatial_ref");
    expect(wkt == same, o, "has crs_wkt and spatial_ref that are not the same");
    wkt_ = wkt.value_or("");
    if (sound && !wkt_.empty()) mapping(o);
  }

  /// The attributes of CF say the same as the WKT.
  void mapping(Object const& o) {
    Grid grid;
    grid.crs_wkt = wkt_;
    grid.x0 = transform_[0];
    grid.dx = transform_[1];
    grid.y0 = transform_[3];
    grid.dy = -transform_[5];
    grid.width = grid.height = 1;
    CfGridMapping const wanted = cf_grid_mapping(grid);
    if (wanted.name.empty()) return;
    expect_text(o, "grid_mapping_name", wanted.name);
    for (auto const& [name, values] : wanted.parameters) {
      constexpr double tolerance = 1e-6;
      auto const found = numbers_of(o.id, name.c_str());
      bool const equal = found && std::ranges::equal(*found, values, [](double a, double b) {
                           return near(a, b, tolerance);
                         });
      expect(equal, o, fmt::format("has no {} as its crs_wkt says", name));
    }
  }

  void axis(Object const& o, bool north) {
    expect_scale(o);
    auto const centres = read_numbers<double>(o.id, o.name);
    (north ? height_ : width_) = centres.size();
    expect_array<double>(o, {centres.size()});
    double const origin = transform_[north ? 3 : 0], step = transform_[north ? 5 : 1];
    for (std::size_t i = 0; i < centres.size(); ++i) {
      double const wanted = origin + (static_cast<double>(i) + 0.5) * step;
      if (near(centres[i], wanted, 1e-9) || std::abs(centres[i] - wanted) <= 1e-9 * std::abs(step)) continue;
      add(o.name,
          fmt::format("is {:.17g} at pixel {}, not {:.17g} as GeoTransform says", centres[i], i, wanted));
      break;
    }
    auto const name = text(o, "standard_name");
    bool const degrees = name == (north ? "latitude" : "longitude");
    expect(!name || degrees || name == (north ? "projection_y_coordinate" : "projection_x_coordinate"), o,
           fmt::format("has standard_name = \"{}\"", name.value_or("")));
    expect_text(o, "axis", north ? "Y" : "X");
    expect_some_text(o, {"long_name"});
    if (degrees) {
      expect_text(o, "units", north ? "degrees_north" : "degrees_east");
    } else if (!wkt_.empty()) {
      expect_some_text(o, {"units"});
    }
  }

  void root() {
    Object const o = {"the file", file_};
    expect_text(o, "Conventions", "CF-1.11 ACDD-1.3");
    expect_match(o, attribute::format_version, R"(1\.\d+)");
    expect_some_text(o, {"_NCProperties", "summary", "keywords", "source", "product_version",
                         "processing_level", "history", "stfcube_version"});
    expect_match(o, "date_created", R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)");
    constexpr char const* digest = "[0-9a-f]{64}";
    expect_match(o, attribute::content_digest, digest);
    expect_match(o, "stfcube_job_digest", digest);
    expect_some_text(o, {"stfcube_model"});
    if (auto const job = text_of(file_, "stfcube_job_digest"))
      expect_text(o, "id", name_uuid("urn:stfcube:job:" + *job));
    if (!days_.empty()) {
      auto const day = [](double days) { return to_string(Date{static_cast<std::int32_t>(days)}); };
      expect_text(o, "time_coverage_start", day(days_.front()));
      expect_text(o, "time_coverage_end", day(days_.back()));
    }
    extent(o);
  }

  /// Where the extent is known it is given as a whole.
  void extent(Object const& o) {
    std::vector<char const*> const limits = {"geospatial_lat_min", "geospatial_lat_max", "geospatial_lon_min",
                                             "geospatial_lon_max"};
    bool const known =
        std::ranges::any_of(limits, [&](char const* name) { return numbers_of(file_, name).has_value(); });
    if (!known && !text_of(file_, "geospatial_bounds")) return;
    expect_some_text(o, {"geospatial_bounds", "geospatial_bounds_crs"});
    for (char const* name : limits) {
      auto const found = numbers_of(file_, name);
      bool const sound = found && found->size() == 1 && std::abs(found->front()) <= 360;
      expect(sound, o, fmt::format("has no attribute {} that is a number of degrees", name));
    }
  }

  void bulk() {
    auto const quantity = stored_quantity(file_);
    if (!quantity)
      return add("the file", "has no variable reflectance, index or temperature with its standard_name");
    bool const uncertain = exists("uncertainty");
    look(quantity->variable, [&](Object const& o) { product(o, *quantity, uncertain); });
    if (uncertain) look("uncertainty", [&](Object const& o) { values(o, *quantity, " standard_error"); });
    look("quality", [&](Object const& o) { flags(o); });
  }

  void values(Object const& o, Quantity const& quantity, char const* kind) {
    expect_array<Dn>(o, {days_.size(), bands_, height_, width_});
    expect_dimensions(o, {"time", "band", "y", "x"});
    expect_fill<Dn>(o, no_data_dn);
    if (!quantity.standard_name.empty()) expect_text(o, "standard_name", quantity.standard_name + kind);
    expect_some_text(o, {"long_name"});
    expect_text(o, "units", quantity.units);
    expect_text(o, "grid_mapping", "crs");
    expect_text(o, "coordinates", "band_name wavelength");
    expect_numbers(o, "_FillValue", {no_data_dn}, stored_type<Dn>());
    expect_numbers(o, "scale_factor", {quantity.step}, stored_type<double>());
  }

  void product(Object const& o, Quantity const& quantity, bool uncertain) {
    values(o, quantity, "");
    expect_numbers(o, "valid_range",
                   {static_cast<double>(quantity.lowest), static_cast<double>(quantity.highest)},
                   stored_type<Dn>());
    expect_text(o, "ancillary_variables", uncertain ? "uncertainty quality" : "quality");
    expect_some_text(o, {"cell_methods"});
    if (quantity.offset != 0) {
      expect_numbers(o, "add_offset", {quantity.offset}, stored_type<double>());
    } else {
      expect_absent(o, "add_offset", "its values have none");
    }
  }

  void flags(Object const& o) {
    expect_array<quality::Flags>(o, {days_.size(), height_, width_});
    expect_dimensions(o, {"time", "y", "x"});
    expect_fill<quality::Flags>(o, quality::no_data);
    expect_text(o, "standard_name", "quality_flag");
    expect_some_text(o, {"long_name"});
    expect_text(o, "grid_mapping", "crs");
    expect_numbers(o, "flag_masks", {1, 6, 6, 6, 8, 16, 32, 64, 128}, stored_type<quality::Flags>());
    expect_numbers(o, "flag_values", {1, 2, 4, 6, 8, 16, 32, 64, 128}, stored_type<quality::Flags>());
    expect_text(
        o, "flag_meanings",
        "no_data observed fused gap_filled low_confidence input_masked extrapolated clamped disturbed");
    expect_absent(o, "_FillValue", "readers would turn the flags into floating point");
  }

  /// Chunks that are not stored read as the fill value, in every reader.
  template <class T>
  void expect_fill(Object const& o, T wanted) {
    PropertyList const properties(checked(H5Dget_create_plist(o.id), o.name));
    T found{};
    H5D_fill_value_t defined = H5D_FILL_VALUE_ERROR;
    H5D_fill_time_t when = H5D_FILL_TIME_ERROR;
    checked(H5Pfill_value_defined(properties, &defined), o.name);
    checked(H5Pget_fill_value(properties, stored_type<T>(), &found), o.name);
    checked(H5Pget_fill_time(properties, &when), o.name);
    expect(defined == H5D_FILL_VALUE_USER_DEFINED && found == wanted, o,
           fmt::format("has the HDF5 fill value {}, not {}", found, wanted));
    expect(when != H5D_FILL_TIME_NEVER, o, "is never filled: what is not stored would read as anything");
  }

  void time_bounds(Object const& o) {
    expect_array<double>(o, {days_.size(), 2});
    expect_dimensions(o, {"time", "nv"});
    auto const bounds = read_numbers<double>(o.id, "time_bnds");
    for (std::size_t i = 0; i < days_.size() && 2 * i + 1 < bounds.size(); ++i) {
      bool const day = bounds[2 * i] == days_[i] && bounds[2 * i + 1] == days_[i] + 1;
      if (!day) return add(o.name, fmt::format("of date {} is not the day of time", i));
    }
  }

  void band_names(Object const& o) {
    expect_dimensions(o, {"band"});
    auto const names = read_strings(file_, o.name);
    expect(names.size() == bands_, o, fmt::format("names {} bands, not {}", names.size(), bands_));
    bool const good = std::ranges::none_of(names, &std::string::empty) &&
                      std::set<std::string>(names.begin(), names.end()).size() == names.size();
    expect(good, o, "has names that are empty or twice the same");
    expect_some_text(o, {"long_name"});
    expect_text(o, "standard_name", "sensor_band_identifier");
  }

  void wavelengths(Object const& o) {
    expect_array<float>(o, {bands_});
    expect_dimensions(o, {"band"});
    expect_some_text(o, {"long_name"});
    expect_text(o, "standard_name", "sensor_band_central_radiation_wavelength");
    expect_text(o, "units", "um");
  }

  void provenance() {
    if (!exists("provenance")) return add("provenance", "is missing");
    for (char const* name : {"provenance/job", "provenance/software"}) {
      look(name, [&](Object const& o) {
        auto const texts = read_strings(file_, name);
        expect(texts.size() == 1 && !texts.front().empty(), o, "is empty");
      });
    }
    look("provenance/failed_tiles", [&](Object const& o) { completeness(o); });
    if (exists("provenance/input")) inputs();
  }

  /// Failed tiles are named if and only if units are missing.
  void completeness(Object const& o) {
    Object const root = {"the file", file_};
    auto const failed = read_strings(file_, o.name);
    auto const share = text(root, attribute::completeness);
    if (!share) return;
    auto const parts = split(*share, '/');
    auto const done = parse_integer(parts.front()), planned = parse_integer(parts.back());
    bool const sound = parts.size() == 2 && done && planned && *done >= 0 && *done <= *planned;
    expect(sound, root, fmt::format("has {} = \"{}\"", attribute::completeness, *share));
    if (!sound) return;
    bool const named = failed.size() == 1 && !failed.front().empty();
    expect(named == (*done < *planned), o,
           fmt::format("{} although {} = {}", named ? "names tiles" : "is empty", attribute::completeness,
                       *share));
  }

  void inputs() {
    auto const count = sizes_of(open_dataset(file_, "provenance/input"));
    for (char const* name :
         {"provenance/href", "provenance/product_id", "provenance/role", "provenance/acquired"}) {
      look(name,
           [&](Object const& o) { expect(sizes_of(o.id) == count, o, "has not one entry for each input"); });
    }
  }

  hid_t file_;
  std::vector<std::string> problems_;
  std::vector<double> days_;
  std::vector<double> transform_ = std::vector<double>(6, NAN);
  std::string wkt_;
  hsize_t bands_ = 0, height_ = 0, width_ = 0;
};

}  // namespace

std::vector<std::string> structure_problems(hid_t file) {
  return StructureCheck(file).run();
}

}  // namespace stfcube::hdf5
