#include "stfcube/jobs/export.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/raster_file.hpp"
#include "stfcube/jobs/quicklook.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

/// Rows read at a time: whole chunks of a cube with default chunking.
constexpr int strip_rows = 256;

enum class Format { png, geotiff, cog };
enum class Variable { quantity, uncertainty, quality };

Format format_named(std::string const& name) {
  if (name == "png") return Format::png;
  if (name == "geotiff") return Format::geotiff;
  if (name == "cog") return Format::cog;
  throw Error(ErrorKind::config, fmt::format("format = {} is not available. Use png, geotiff or cog.", name));
}

char const* ending(Format format) {
  return format == Format::png ? ".png" : ".tif";
}

Variable variable_named(std::string const& name, CubeReader const& cube) {
  if (name.empty() || name == cube.quantity().variable) return Variable::quantity;
  if (name == "quality") return Variable::quality;
  bool const is_uncertainty = name == "uncertainty";
  require(!is_uncertainty || cube.has_uncertainty(), ErrorKind::config,
          "variable = uncertainty: this cube was made without. Set cube.uncertainty = true when making it.");
  require(is_uncertainty, ErrorKind::config,
          fmt::format("variable = {} is not in the cube. Use {}{} or quality.", name,
                      cube.quantity().variable, cube.has_uncertainty() ? ", uncertainty" : ""));
  return Variable::uncertainty;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The cube's number of the band of that name, in any case; -1 when there is none.
int find_band(CubeReader const& cube, std::string const& name) {
  auto const found =
      std::ranges::find_if(cube.bands(), [&](std::string const& band) { return lower(band) == lower(name); });
  return found == cube.bands().end() ? -1 : static_cast<int>(found - cube.bands().begin());
}

std::vector<int> bands_named(CubeReader const& cube, std::vector<std::string> const& names) {
  std::vector<int> bands;
  for (auto const& name : names) {
    int const band = find_band(cube, name);
    auto const near = nearest_word(name, cube.bands());
    require(band >= 0, ErrorKind::config,
            fmt::format("band {} is not in the cube.{} It has {}.", name,
                        near ? " Did you mean " + *near + "?" : "", fmt::join(cube.bands(), " ")));
    bands.push_back(band);
  }
  return bands;
}

std::vector<int> default_bands(CubeReader const& cube, Format format) {
  if (format != Format::png) {
    std::vector<int> all(cube.bands().size());
    for (std::size_t b = 0; b < all.size(); ++b) all[b] = static_cast<int>(b);
    return all;
  }
  for (std::vector<std::string> const& names :
       {std::vector<std::string>{"nir", "red", "green"}, {"red", "green", "blue"}}) {
    if (std::ranges::all_of(names, [&](auto const& name) { return find_band(cube, name) >= 0; })) {
      return bands_named(cube, names);
    }
  }
  return {0};
}

std::vector<int> bands_to_show(CubeReader const& cube, ExportSettings const& settings, Format format) {
  auto const bands = settings.bands.empty() ? default_bands(cube, format) : bands_named(cube, settings.bands);
  require(format != Format::png || bands.size() == 1 || bands.size() == 3, ErrorKind::config,
          fmt::format("bands = {}: a picture shows one band (grey) or three (red, green, blue channel).",
                      fmt::join(settings.bands, " ")));
  return bands;
}

/// The date that is nearest to `date`.
Date nearest(std::vector<Date> const& dates, Date date) {
  return *std::ranges::min_element(dates, {}, [&](Date one) { return std::abs(one - date); });
}

int find_date_of(CubeReader const& cube, std::string const& text) {
  auto const date = parse_date(text);
  require(date.has_value(), ErrorKind::config,
          fmt::format("date = {} is no day. Write YYYY-MM-DD or YYYYMMDD, or all.", text));
  auto const& dates = cube.dates();
  auto const found = std::ranges::find(dates, *date);
  require(found != dates.end(), ErrorKind::config,
          fmt::format("date {} is not in the cube. The nearest is {}; it has {} from {} to {}.", text,
                      to_string(nearest(dates, *date)),
                      dates.size() == 1 ? "one date," : fmt::format("{} dates", dates.size()), to_string(dates.front()),
                      to_string(dates.back())));
  return static_cast<int>(found - dates.begin());
}

std::vector<int> dates_to_show(CubeReader const& cube, std::vector<std::string> const& texts) {
  std::vector<int> dates;
  for (auto const& text : texts) {
    if (text == "all") {
      for (int d = 0; d < static_cast<int>(cube.dates().size()); ++d) dates.push_back(d);
    } else {
      dates.push_back(find_date_of(cube, text));
    }
  }
  std::ranges::sort(dates);
  dates.erase(std::ranges::unique(dates).begin(), dates.end());
  require(!dates.empty(), ErrorKind::config, "no date to export. Give --date YYYY-MM-DD, or --date all.");
  return dates;
}

/// The cube, what of it to write, and where; the same on every rank.
class Exporter {
 public:
  explicit Exporter(ExportSettings const& settings)
      : settings_(settings),
        format_(format_named(settings.format)),
        cube_(open_cube(settings.cube)),
        variable_(variable_named(settings.variable, *cube_)),
        bands_(bands_to_show(*cube_, settings, format_)),
        dates_(dates_to_show(*cube_, settings.dates)) {
    require(settings.max_size_px > 0, ErrorKind::config,
            fmt::format("max-size = {} (must be positive). It is the longest side of a picture in pixels.",
                        settings.max_size_px));
    bool const out_is_file = is_file_name(settings.out);
    require(!out_is_file || dates_.size() == 1, ErrorKind::config,
            fmt::format("out = {} is one file, but {} dates are to be written. Give a folder, or one --date.",
                        settings.out.string(), dates_.size()));
  }

  std::vector<int> const& dates() const { return dates_; }

  /// Where a date goes.
  std::filesystem::path path_of(int date) const {
    if (is_file_name(settings_.out)) return settings_.out;
    return settings_.out /
           fmt::format("{}_{}{}", settings_.cube.stem().string(), compact(day(date)), ending(format_));
  }

  void make_folder() const {
    auto const folder = path_of(dates_.front()).parent_path();
    std::error_code failed;
    if (!folder.empty()) std::filesystem::create_directories(folder, failed);
    require(!failed, ErrorKind::config,
            fmt::format("--out {}: the folder cannot be made ({}). Choose a writable place.", folder.string(), failed.message()));
  }

  void write(int date) {
    switch (format_) {
      case Format::png:
        return write_picture(date);
      case Format::geotiff:
        return write_geotiff(date, path_of(date));
      case Format::cog:
        return write_cog(date);
    }
  }

 private:
  static bool is_file_name(std::filesystem::path const& path) {
    std::string const end = lower(path.extension().string());
    return end == ".png" || end == ".tif" || end == ".tiff";
  }

  Date day(int date) const { return cube_->dates()[static_cast<std::size_t>(date)]; }

  std::vector<Dn> read(int date, int band, Rect const& px) {
    return variable_ == Variable::uncertainty ? cube_->read_uncertainty(date, band, px)
                                              : cube_->read(date, band, px);
  }

  template <class Body>
  void for_strips(int rows, Body&& body) const {
    Rect const all = cube_->grid().all();
    for (int y = 0; y < all.height; y += rows) body(intersect(all, {0, y, all.width, rows}));
  }

  void write_picture(int date) {
    Grid const& grid = cube_->grid();
    int const factor =
        (std::max(grid.width, grid.height) + settings_.max_size_px - 1) / settings_.max_size_px;
    int const rows = (strip_rows + factor - 1) / factor * factor;
    Quicklook picture(grid.width, grid.height, factor,
                      variable_ == Variable::quality ? 1 : static_cast<int>(bands_.size()));
    for_strips(rows, [&](Rect const& px) {
      if (variable_ == Variable::quality) return picture.add_flags(px, cube_->read_quality(date, px));
      for (std::size_t b = 0; b < bands_.size(); ++b)
        picture.add(static_cast<int>(b), px, read(date, bands_[b], px));
    });
    auto const pixels = variable_ == Variable::quality ? picture.flag_colours() : picture.stretched();
    write_png(path_of(date), picture.width(), picture.height(), 4, pixels);
  }

  RasterSpec spec_of(int date, std::filesystem::path const& path) const {
    RasterSpec spec;
    spec.path = path;
    spec.grid = cube_->grid();
    spec.metadata = {{"ACQUISITION_DATE", to_string(day(date))}};
    if (variable_ == Variable::quality) {
      spec.type = PixelType::uint8;
      spec.band_names = {"quality"};
      return spec;
    }
    Quantity const& quantity = cube_->quantity();
    spec.bands = static_cast<int>(bands_.size());
    spec.no_data = no_data_dn;
    spec.scale = quantity.step;
    spec.offset = variable_ == Variable::uncertainty ? 0 : quantity.offset;
    for (int band : bands_) spec.band_names.push_back(cube_->bands()[static_cast<std::size_t>(band)]);
    return spec;
  }

  void write_geotiff(int date, std::filesystem::path const& path) {
    RasterSpec const spec = spec_of(date, path);
    auto const file = create_geotiff(spec);
    for_strips(strip_rows, [&](Rect const& px) {
      Stack<float> values(1, spec.bands, px.height, px.width);
      if (variable_ == Variable::quality) {
        std::ranges::copy(cube_->read_quality(date, px), values.row(0, 0, 0));
      } else {
        for (int b = 0; b < spec.bands; ++b) {
          std::ranges::copy(read(date, bands_[static_cast<std::size_t>(b)], px), values.row(0, b, 0));
        }
      }
      file->write(px, values);
    });
    file->close();
  }

  void write_cog(int date) {
    std::filesystem::path const path = path_of(date);
    std::filesystem::path const plain = path.parent_path() / ("." + path.stem().string() + ".plain.tif");
    write_geotiff(date, plain);
    try {
      convert_to_cog(plain, path);
    } catch (...) {
      std::error_code ignored;
      std::filesystem::remove(plain, ignored);
      throw;
    }
    std::filesystem::remove(plain);
  }

  ExportSettings const& settings_;
  Format format_;
  std::unique_ptr<CubeReader> cube_;
  Variable variable_;
  std::vector<int> bands_, dates_;
};

}  // namespace

void export_cube(ExportSettings const& settings, Communicator const& comm, std::ostream& out) {
  std::unique_ptr<Exporter> exporter;
  comm.together([&] {
    exporter = std::make_unique<Exporter>(settings);
    if (comm.is_root()) exporter->make_folder();
  });
  auto const& dates = exporter->dates();
  comm.together([&] {
    for (std::size_t i = static_cast<std::size_t>(comm.rank()); i < dates.size();
         i += static_cast<std::size_t>(comm.size())) {
      exporter->write(dates[i]);
    }
  });
  if (!comm.is_root()) return;
  for (int date : dates) out << exporter->path_of(date).string() << '\n';
}

}  // namespace stfcube
