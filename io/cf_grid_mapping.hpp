#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube {

/// A grid's CRS in the words of the CF conventions (CF 1.11, appendix F).
struct CfGridMapping {
  std::string name;  ///< grid_mapping_name; empty when CF has no such mapping or no CRS is known
  std::vector<std::pair<std::string, std::vector<double>>>
      parameters;     ///< CF attribute, its one or two values
  std::string wkt;    ///< WKT2 with authority code where there is one; empty: none known
  std::string units;  ///< of the x coordinate: m, degrees_east, US_survey_foot ...; empty without a CRS
  std::optional<std::array<double, 4>>
      lonlat;  ///< west, south, east, north in degrees, WGS 84; none for local grids
};

/// @throws Error(config) when the grid's WKT cannot be read
CfGridMapping cf_grid_mapping(Grid const& grid);

}  // namespace stfcube
