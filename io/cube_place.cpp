#include "stfcube/io/cube_place.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace fs = std::filesystem;
namespace {

fs::path directory_of(fs::path const& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

[[noreturn]] void refuse(fs::path const& path, std::string const& why) {
  throw Error(ErrorKind::config, fmt::format("cube.path = {}: {}", path.string(), why));
}

void check_directory(fs::path const& path) {
  fs::path const directory = directory_of(path);
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) {
    refuse(path, fmt::format("the directory {} does not exist. Create it, or choose another path.",
                             directory.string()));
  }
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    refuse(path, fmt::format(
                     "the directory {} is not writable ({}). Change its permissions, or choose another path.",
                     directory.string(), std::strerror(errno)));
  }
}

void check_name(fs::path const& path, bool overwrite) {
  std::error_code failed;
  auto const status = fs::status(path, failed);
  if (!fs::exists(status)) return;
  if (fs::is_directory(status)) refuse(path, "is a directory. Give the name of a file, such as cube.nc.");
  if (!is_cube(path)) {
    refuse(path,
           "exists and is not a cube of stfcube. It is not overwritten; remove it, or choose another path.");
  }
  if (!overwrite)
    refuse(path, "is a finished cube. It is not overwritten; remove it, or choose another path.");
}

}  // namespace

CubePlace::CubePlace(fs::path final_name, std::string const& part_name, bool overwrite)
    : final_(std::move(final_name)), part_(fs::path(final_.string() + ".work") / part_name) {
  require(final_.has_filename(), ErrorKind::config,
          fmt::format("cube.path = {}: no file name. Give the name of a file, such as cube.nc.",
                      final_.string()));
  check_directory(final_);
  check_name(final_, overwrite);
  std::error_code failed;
  fs::create_directory(part_.parent_path(), failed);
  if (!failed) fs::remove(part_, failed);
  if (failed) refuse_directory(failed);
}

CubePlace::~CubePlace() {
  tidy();
}

fs::path CubePlace::scratch(std::string const& name) {
  scratch_ = part_.parent_path() / name;
  std::error_code failed;
  fs::remove(scratch_, failed);
  if (failed) refuse_directory(failed);
  return scratch_;
}

void CubePlace::publish() {
  std::error_code failed;
  fs::rename(part_, final_, failed);
  require(!failed, ErrorKind::io,
          fmt::format("{} cannot be renamed to {}: {}", part_.string(), final_.string(), failed.message()));
  sync_to_disk(directory_of(final_));
  tidy();
}

void CubePlace::refuse_directory(std::error_code const& failed) const {
  refuse(final_, fmt::format("the work directory {} cannot be used ({}). Remove it, or choose another path.",
                             part_.parent_path().string(), failed.message()));
}

void CubePlace::tidy() noexcept {
  // Not remove_all: what others keep in the work directory is not ours to lose.
  std::error_code ignored;
  fs::remove(part_, ignored);
  if (!scratch_.empty()) fs::remove(scratch_, ignored);
  fs::remove(part_.parent_path(), ignored);
}

void sync_to_disk(fs::path const& path) {
  int const file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  bool const synced = file >= 0 && fsync(file) == 0;
  int const reason = errno;
  if (file >= 0) close(file);
  require(synced, ErrorKind::io,
          fmt::format("{} cannot be synced to disk: {}", path.string(), std::strerror(reason)));
}

void naming_file(fs::path const& file, std::function<void()> const& work) {
  try {
    work();
  } catch (Error const& error) {
    std::error_code ignored;
    auto const free = fs::space(file.parent_path(), ignored).available;
    throw error.with(fmt::format("{} ({} free there)", file.string(), format_bytes(free)));
  }
}

}  // namespace stfcube
