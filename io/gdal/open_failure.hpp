#pragma once

#include <string>

namespace stfcube::gdal {

/// Why a file could not be opened as a raster and what to do, as one message that begins with the path:
/// missing, empty, a web page, a format whose driver is not built in, or what the library said.
std::string explain_open_failure(std::string const& path, std::string const& library_reason);

}  // namespace stfcube::gdal
