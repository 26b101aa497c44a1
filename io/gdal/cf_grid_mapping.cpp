#include "stfcube/io/cf_grid_mapping.hpp"

#include <cmath>
#include <map>
#include <memory>
#include <string_view>

#include <cpl_conv.h>
#include <cpl_error.h>
#include <fmt/format.h>
#include <ogr_spatialref.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

struct Parameter {
  char const* cf;
  char const* wkt;
  double otherwise;  ///< value when the CRS does not say
};

struct Mapping {
  char const* cf;
  std::vector<Parameter> parameters;
};

constexpr Parameter false_easting = {"false_easting", SRS_PP_FALSE_EASTING, 0};
constexpr Parameter false_northing = {"false_northing", SRS_PP_FALSE_NORTHING, 0};
constexpr Parameter central_meridian = {"longitude_of_central_meridian", SRS_PP_CENTRAL_MERIDIAN, 0};
constexpr Parameter latitude_of_origin = {"latitude_of_projection_origin", SRS_PP_LATITUDE_OF_ORIGIN, 0};

/// WKT name of the projection -> CF name and parameters that carry over one to one.
std::map<std::string_view, Mapping> const& mappings() {
  static std::map<std::string_view, Mapping> const table = {
      {SRS_PT_TRANSVERSE_MERCATOR,
       {"transverse_mercator",
        {{"scale_factor_at_central_meridian", SRS_PP_SCALE_FACTOR, 1},
         central_meridian,
         latitude_of_origin}}},
      {SRS_PT_LAMBERT_AZIMUTHAL_EQUAL_AREA,
       {"lambert_azimuthal_equal_area",
        {{"longitude_of_projection_origin", SRS_PP_LONGITUDE_OF_CENTER, 0},
         {"latitude_of_projection_origin", SRS_PP_LATITUDE_OF_CENTER, 0}}}},
      {SRS_PT_ALBERS_CONIC_EQUAL_AREA,
       {"albers_conical_equal_area",
        {{"longitude_of_central_meridian", SRS_PP_LONGITUDE_OF_CENTER, 0},
         {"latitude_of_projection_origin", SRS_PP_LATITUDE_OF_CENTER, 0}}}},
      {SRS_PT_LAMBERT_CONFORMAL_CONIC_2SP,
       {"lambert_conformal_conic", {central_meridian, latitude_of_origin}}},
      {SRS_PT_LAMBERT_CONFORMAL_CONIC_1SP,
       {"lambert_conformal_conic", {central_meridian, latitude_of_origin}}},
      {SRS_PT_POLAR_STEREOGRAPHIC,
       {"polar_stereographic", {{"straight_vertical_longitude_from_pole", SRS_PP_CENTRAL_MERIDIAN, 0}}}},
      {SRS_PT_MERCATOR_1SP,
       {"mercator",
        {{"longitude_of_projection_origin", SRS_PP_CENTRAL_MERIDIAN, 0},
         {"scale_factor_at_projection_origin", SRS_PP_SCALE_FACTOR, 1}}}},
      {SRS_PT_MERCATOR_2SP,
       {"mercator",
        {{"longitude_of_projection_origin", SRS_PP_CENTRAL_MERIDIAN, 0},
         {"standard_parallel", SRS_PP_STANDARD_PARALLEL_1, 0}}}},
      {SRS_PT_SINUSOIDAL,
       {"sinusoidal", {{"longitude_of_projection_origin", SRS_PP_LONGITUDE_OF_CENTER, 0}}}},
  };
  return table;
}

/// What CF says otherwise than WKT: standard parallels, the pole.
void add_special_parameters(OGRSpatialReference const& crs, std::string_view projection, CfGridMapping& cf) {
  auto const value = [&](char const* name) { return crs.GetNormProjParm(name, 0); };
  if (projection == SRS_PT_ALBERS_CONIC_EQUAL_AREA || projection == SRS_PT_LAMBERT_CONFORMAL_CONIC_2SP) {
    cf.parameters.push_back(
        {"standard_parallel", {value(SRS_PP_STANDARD_PARALLEL_1), value(SRS_PP_STANDARD_PARALLEL_2)}});
  } else if (projection == SRS_PT_LAMBERT_CONFORMAL_CONIC_1SP) {
    cf.parameters.push_back({"standard_parallel", {value(SRS_PP_LATITUDE_OF_ORIGIN)}});
  } else if (projection == SRS_PT_POLAR_STEREOGRAPHIC) {
    double const latitude = value(SRS_PP_LATITUDE_OF_ORIGIN);
    cf.parameters.push_back({"latitude_of_projection_origin", {std::copysign(90.0, latitude)}});
    if (std::abs(latitude) < 90) {
      cf.parameters.push_back({"standard_parallel", {latitude}});
    } else {
      cf.parameters.push_back(
          {"scale_factor_at_projection_origin", {crs.GetNormProjParm(SRS_PP_SCALE_FACTOR, 1)}});
    }
  }
}

/// CF has no word for web Mercator (a sphere for the map, an ellipsoid for the datum), nor for a cone of one
/// standard parallel whose scale is not 1 there.
bool beyond_cf(OGRSpatialReference const& crs, std::string_view projection) {
  return crs.GetExtension("PROJCS", "PROJ4") != nullptr ||
         (projection == SRS_PT_LAMBERT_CONFORMAL_CONIC_1SP &&
          crs.GetNormProjParm(SRS_PP_SCALE_FACTOR, 1) != 1);
}

void add_projection(OGRSpatialReference const& crs, CfGridMapping& cf) {
  char const* projection = crs.GetAttrValue("PROJECTION");
  auto const known = projection ? mappings().find(projection) : mappings().end();
  if (known == mappings().end() || beyond_cf(crs, projection)) return;
  cf.name = known->second.cf;
  for (Parameter const& p : known->second.parameters) {
    cf.parameters.push_back({p.cf, {crs.GetNormProjParm(p.wkt, p.otherwise)}});
  }
  add_special_parameters(crs, projection, cf);
  // CF wants false origins in the units of x and y, hence not the normalised ones.
  for (Parameter const& p : {false_easting, false_northing}) {
    cf.parameters.push_back({p.cf, {crs.GetProjParm(p.wkt, p.otherwise)}});
  }
}

void add_datum(OGRSpatialReference const& crs, CfGridMapping& cf) {
  cf.parameters.push_back({"semi_major_axis", {crs.GetSemiMajor()}});
  cf.parameters.push_back({"inverse_flattening", {crs.GetInvFlattening()}});
  cf.parameters.push_back({"longitude_of_prime_meridian", {crs.GetPrimeMeridian()}});
}

std::string linear_units(OGRSpatialReference const& crs) {
  char const* name = nullptr;
  double const metres = crs.GetLinearUnits(&name);
  if (metres == 1) return "m";
  if (std::abs(metres - 1200.0 / 3937.0) < 1e-12) return "US_survey_foot";
  if (std::abs(metres - 0.3048) < 1e-12) return "foot";
  return fmt::format("{:.17g} m", metres);
}

std::string to_wkt2(OGRSpatialReference const& crs) {
  char* text = nullptr;
  char const* options[] = {"FORMAT=WKT2_2019", "MULTILINE=NO", nullptr};
  auto const status = crs.exportToWkt(&text, options);
  std::string const wkt = text ? text : "";
  CPLFree(text);
  require(status == OGRERR_NONE && !wkt.empty(), ErrorKind::config,
          "the grid's CRS cannot be written as WKT2");
  return wkt;
}

std::optional<std::array<double, 4>> lonlat_bounds(OGRSpatialReference const& crs, Grid const& grid) {
  OGRSpatialReference wgs84;
  wgs84.importFromEPSG(4326);
  wgs84.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  std::unique_ptr<OGRCoordinateTransformation> const transform(
      OGRCreateCoordinateTransformation(&crs, &wgs84));
  std::array<double, 4> bounds{};
  constexpr int points_per_edge = 21;
  if (!transform ||
      !transform->TransformBounds(grid.x0, grid.y0 - grid.height * grid.dy, grid.x0 + grid.width * grid.dx,
                                  grid.y0, &bounds[0], &bounds[1], &bounds[2], &bounds[3], points_per_edge)) {
    return std::nullopt;
  }
  return bounds;
}

/// GDAL's own messages about a CRS that is no place on Earth would alarm without need.
class QuietGdal {
 public:
  QuietGdal() { CPLPushErrorHandler(CPLQuietErrorHandler); }
  ~QuietGdal() { CPLPopErrorHandler(); }
  QuietGdal(QuietGdal const&) = delete;
  QuietGdal& operator=(QuietGdal const&) = delete;
};

}  // namespace

CfGridMapping cf_grid_mapping(Grid const& grid) {
  CfGridMapping cf;
  if (grid.crs_wkt.empty()) return cf;
  QuietGdal const quiet;
  OGRSpatialReference crs;
  require(crs.importFromWkt(grid.crs_wkt.c_str()) == OGRERR_NONE, ErrorKind::config,
          fmt::format("the CRS of the grid cannot be read: {}", grid.crs_wkt.substr(0, 200)));
  crs.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
  cf.wkt = to_wkt2(crs);
  cf.units = crs.IsGeographic() ? "degrees_east" : linear_units(crs);
  if (crs.IsLocal()) return cf;
  if (crs.IsGeographic()) cf.name = "latitude_longitude";
  if (crs.IsProjected()) add_projection(crs, cf);
  if (!cf.name.empty()) add_datum(crs, cf);
  cf.lonlat = lonlat_bounds(crs, grid);
  return cf;
}

}  // namespace stfcube
