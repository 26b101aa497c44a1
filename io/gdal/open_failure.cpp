#include "stfcube/io/gdal/open_failure.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <fmt/format.h>
#include <gdal_priv.h>

#include "stfcube/io/file_patterns.hpp"

namespace stfcube::gdal {
namespace {

using namespace std::string_view_literals;

/// The format of a file by its first bytes.
struct Signature {
  std::string_view bytes;
  char const* driver;
};

constexpr Signature signatures[] = {
    {"\x0e\x03\x13\x01"sv, "HDF4"},      {"\x89HDF\r\n\x1a\n"sv, "HDF5"},       {"CDF"sv, "netCDF"},
    {"\0\0\0\x0cjP  "sv, "JP2OpenJPEG"}, {"\xff\x4f\xff\x51"sv, "JP2OpenJPEG"},
};

std::string first_bytes(std::string const& path) {
  std::string bytes(512, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

bool is_web_page(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::size_t const start = text.find_first_not_of(" \t\r\n");
  if (start == std::string::npos) return false;
  std::string_view const begin = std::string_view(text).substr(start);
  return begin.starts_with("<!doctype html") || begin.starts_with("<html") ||
         (begin.starts_with("<?xml") &&
          (begin.find("<html") != begin.npos || begin.find("<error") != begin.npos));
}

char const* missing_driver(std::string const& bytes) {
  for (auto const& signature : signatures)
    if (bytes.starts_with(signature.bytes) && GDALGetDriverByName(signature.driver) == nullptr)
      return signature.driver;
  return nullptr;
}

}  // namespace

std::string explain_open_failure(std::string const& path, std::string const& library_reason) {
  if (is_local_path(path)) {
    std::error_code failure;
    if (!std::filesystem::exists(path, failure))
      return fmt::format("{}: no such file. Check the path.", path);
    if (!std::filesystem::is_directory(path, failure)) {
      if (!std::ifstream(path))
        return fmt::format("{}: cannot be read ({}). Check the permissions.", path, std::strerror(errno));
      if (std::filesystem::file_size(path, failure) == 0)
        return fmt::format(
            "{}: is empty (0 bytes). The download or copy did not finish: fetch the file again.", path);
      std::string const bytes = first_bytes(path);
      if (is_web_page(bytes))
        return fmt::format(
            "{}: is a web page (HTML), not a raster. The server answered with an error or a login page: "
            "fetch the file again.",
            path);
      if (char const* driver = missing_driver(bytes))
        return fmt::format(
            "{}: GDAL here has no {} driver. Install libgdal with {}, or convert the file to GeoTIFF.", path,
            driver, driver);
    }
  }
  return fmt::format(
      "{}: cannot be opened as a raster ({}). Check that the file is there, readable and whole.", path,
      library_reason);
}

}  // namespace stfcube::gdal
