#include "stfcube/io/file_patterns.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fnmatch.h>
#include <glob.h>

namespace stfcube {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view wildcards = "*?[";

/// "HDF4_EOS:", "NETCDF:": two or more letters before the first colon.
bool has_driver_prefix(std::string_view path) {
  std::size_t const colon = path.find(':');
  if (colon == std::string_view::npos || colon < 2) return false;
  return std::ranges::all_of(path.substr(0, colon),
                             [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

/// The folder before the first part that has a wildcard.
fs::path searched_folder(std::string const& pattern) {
  fs::path folder;
  for (auto const& part : fs::path(pattern).parent_path()) {
    if (has_wildcard(part.string())) break;
    folder /= part;
  }
  return folder.empty() ? fs::path(".") : folder;
}

bool matches(std::string const& pattern, std::string const& text) {
  return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

}  // namespace

std::string file_name(std::string_view path) {
  std::size_t const slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

bool is_local_path(std::string_view path) {
  return !path.starts_with("/vsi") && !has_driver_prefix(path);
}

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of(wildcards) != std::string_view::npos;
}

std::string anchored(std::string const& path, fs::path const& base) {
  return is_local_path(path) ? (base / path).lexically_normal().string() : path;
}

std::string escape_wildcards(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '\\' || wildcards.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::vector<std::string> matching_files(std::string const& pattern) {
  glob_t found{};
  glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  std::ranges::sort(paths);
  return paths;
}

bool matches_any(std::string const& path, std::vector<std::string> const& patterns, fs::path const& base) {
  std::string const name = file_name(path);
  return std::ranges::any_of(patterns, [&](std::string const& pattern) {
    return matches(pattern, path) || matches(pattern, name) || matches(anchored(pattern, base), path);
  });
}

std::string explain_no_match(std::string const& pattern) {
  fs::path const folder = searched_folder(pattern);
  std::error_code failure;
  if (!fs::exists(folder, failure)) return fmt::format("the folder {} does not exist", folder.string());
  fs::directory_iterator const entries(folder, failure);
  if (failure) return fmt::format("the folder {} cannot be listed ({})", folder.string(), failure.message());
  std::vector<std::string> names;
  for (auto const& entry : entries) names.push_back(entry.path().filename().string());
  if (names.empty()) return fmt::format("the folder {} is empty", folder.string());
  return fmt::format("searched in {}, which holds {} entries, for example {}", folder.string(), names.size(),
                     *std::ranges::min_element(names));
}

}  // namespace stfcube
