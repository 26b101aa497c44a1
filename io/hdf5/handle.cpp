#include "stfcube/io/hdf5/handle.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::hdf5 {
namespace {

herr_t collect(unsigned, H5E_error2_t const* entry, void* messages) {
  auto& list = *static_cast<std::vector<std::string>*>(messages);
  std::string const text = entry->desc ? entry->desc : "";
  if (!text.empty() && std::ranges::find(list, text) == list.end()) list.push_back(text);
  return 0;
}

}  // namespace

void quiet_library() {
  static bool const done = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static_cast<void>(done);
}

std::string error_stack() {
  std::vector<std::string> messages;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &messages);
  H5Eclear2(H5E_DEFAULT);
  constexpr std::size_t enough = 3;
  if (messages.size() > enough) messages.resize(enough);
  return messages.empty() ? "HDF5 gives no reason" : fmt::format("{}", fmt::join(messages, "; "));
}

void fail(std::string_view doing) {
  throw Error(ErrorKind::io, fmt::format("{}: {}", doing, error_stack()));
}

PropertyList file_access() {
  quiet_library();
  PropertyList access(checked(H5Pcreate(H5P_FILE_ACCESS), "file access list"));
  checked(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18), "file format bounds");
  // Closing a file with something left open in it is a mistake of ours; it must not pass unseen.
  checked(H5Pset_fclose_degree(access, H5F_CLOSE_SEMI), "closing of files");
  checked(H5Pset_file_locking(access, false, true), "file locking");
  return access;
}

}  // namespace stfcube::hdf5
