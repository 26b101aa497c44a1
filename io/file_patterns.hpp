#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace stfcube {

/// The part after the last slash; of a subdataset name ("HDF4_EOS:...") what follows its last slash.
std::string file_name(std::string_view path);

/// Whether the name is an ordinary path of this machine: neither /vsi... nor a subdataset name
/// ("NETCDF:...").
bool is_local_path(std::string_view path);

/// Whether a shell pattern has anything to expand.
bool has_wildcard(std::string_view pattern);

/// `path` below `base` when it is relative and local; otherwise unchanged.
std::string anchored(std::string const& path, std::filesystem::path const& base);

/// `text` with the characters that mean something in a shell pattern taken literally.
std::string escape_wildcards(std::string_view text);

/// Files that a shell pattern (glob) matches, in byte order of their paths, so that every rank sees the same
/// list.
std::vector<std::string> matching_files(std::string const& pattern);

/// Whether `path` or its file name matches one of the shell patterns; relative patterns also match below
/// `base`.
bool matches_any(std::string const& path, std::vector<std::string> const& patterns,
                 std::filesystem::path const& base);

/// Why `pattern` (anchored) may have matched nothing: the folder it looks into does not exist, or what is
/// there instead.
std::string explain_no_match(std::string const& pattern);

}  // namespace stfcube
