#pragma once

#include <string>

#include <ogr_spatialref.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube::gdal {

/// The CRS a text stands for (EPSG:32755, WKT, PROJ), axes in the order x, y. An empty text gives an empty
/// CRS. Opens neither files nor connections. @throws Error(kind), beginning with `what`, when the text is no
/// CRS
OGRSpatialReference crs_from_text(std::string const& text, std::string const& what,
                                  ErrorKind kind = ErrorKind::config);

/// Fills the CRS fields of a grid: WKT2 with its authority code, geographic flag, unit.
void set_crs(Grid& grid, OGRSpatialReference const& crs);

/// Whether positions in it say nothing about the Earth: an engineering CRS, or none at all.
bool is_local(OGRSpatialReference const& crs);

/// Whether coordinates mean the same place in both. Two local ones are taken as the same: their names say
/// nothing.
bool same_crs(OGRSpatialReference const& a, OGRSpatialReference const& b);

/// Name for messages: "EPSG:32755", the CRS's own name, or "no CRS".
std::string crs_name(OGRSpatialReference const& crs);

}  // namespace stfcube::gdal
