#pragma once

#include <string>

/// Reference systems as WKT2, for tests that have no GDAL at hand.
namespace stfcube::testing::crs {

inline std::string const wgs84_datum =
    R"wkt(DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]])wkt";
inline std::string const grs80_datum =
    R"wkt(DATUM["European Terrestrial Reference System 1989",ELLIPSOID["GRS 1980",6378137,298.257222101]])wkt";

/// `conversion` is METHOD[...] and its PARAMETERs; `id` an EPSG number or 0.
inline std::string projected(std::string const& name, std::string const& datum, std::string const& conversion,
                             int id = 0, std::string const& unit = R"wkt(LENGTHUNIT["metre",1])wkt") {
  return "PROJCRS[\"" + name + "\",BASEGEOGCRS[\"base\"," + datum + "],CONVERSION[\"conversion\"," +
         conversion + R"wkt(],CS[Cartesian,2],AXIS["(E)",east],AXIS["(N)",north],)wkt" + unit +
         (id != 0 ? ",ID[\"EPSG\"," + std::to_string(id) + "]]" : "]");
}

inline std::string parameter(std::string const& name, std::string const& value, bool length = false) {
  return ",PARAMETER[\"" + name + "\"," + value +
         (length ? R"wkt(,LENGTHUNIT["metre",1]])wkt" : R"wkt(,ANGLEUNIT["degree",0.0174532925199433]])wkt");
}

inline std::string utm_32n() {
  return projected("WGS 84 / UTM zone 32N", wgs84_datum,
                   "METHOD[\"Transverse Mercator\"]" + parameter("Latitude of natural origin", "0") +
                       parameter("Longitude of natural origin", "9") +
                       R"wkt(,PARAMETER["Scale factor at natural origin",0.9996,SCALEUNIT["unity",1]])wkt" +
                       parameter("False easting", "500000", true) + parameter("False northing", "0", true),
                   32632);
}

/// With the axes in the order of the register, northing first: readers know it by its code only then.
inline std::string laea_europe() {
  return R"wkt(PROJCRS["ETRS89-extended / LAEA Europe",BASEGEOGCRS["ETRS89",)wkt" + grs80_datum +
         R"wkt(,ID["EPSG",4258]],CONVERSION["Europe Equal Area 2001",METHOD["Lambert Azimuthal Equal Area"])wkt" +
         parameter("Latitude of natural origin", "52") + parameter("Longitude of natural origin", "10") +
         parameter("False easting", "4321000", true) + parameter("False northing", "3210000", true) +
         R"wkt(],CS[Cartesian,2],AXIS["northing (Y)",north,ORDER[1]],AXIS["easting (X)",east,ORDER[2]],)wkt"
         R"wkt(LENGTHUNIT["metre",1],ID["EPSG",3035]])wkt";
}

inline std::string longitude_latitude() {
  return "GEOGCRS[\"WGS 84\"," + wgs84_datum +
         R"wkt(,CS[ellipsoidal,2],AXIS["geodetic latitude (Lat)",north],AXIS["geodetic longitude (Lon)",east],)wkt"
         R"wkt(ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",4326]])wkt";
}

inline std::string engineering() {
  return R"wkt(ENGCRS["engineering grid",EDATUM["site"],CS[Cartesian,2],AXIS["(E)",east],AXIS["(N)",north],)wkt"
         R"wkt(LENGTHUNIT["metre",1]])wkt";
}

}  // namespace stfcube::testing::crs
