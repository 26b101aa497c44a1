#include "stfcube/io/work_directory.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <regex>
#include <system_error>
#include <utility>

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

void rename_durably(fs::path const& from, fs::path const& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  require(!failed, ErrorKind::io,
          fmt::format("{} cannot be renamed to {}: {}", from.string(), to.string(), failed.message()));
  sync_to_disk(directory_of(to));
}

/// What a run keeps in its work directory.
bool is_ours(std::string const& name) {
  static std::regex const names(
      R"((plan|status)\.json(\.new)?|statistics\.bin(\.new)?|failed\.jsonl|.*\.part|journal\.\d+\.\d+|LOCK\.([0-9a-f]{16}|takeover))");
  return std::regex_match(name, names);
}

}  // namespace

fs::path work_directory_of(fs::path const& cube) {
  return cube.string() + ".work";
}

void check_cube_place(fs::path const& cube) {
  auto const check = [&](bool good, std::string const& why) {
    require(good, ErrorKind::config, fmt::format("cube.path = {}{}", cube.string(), why));
  };
  check(cube.has_filename(), ": no file name. Name a file, for example cube.nc.");
  fs::path const folder = directory_of(cube);
  std::error_code ignored;
  bool const there = fs::is_directory(folder, ignored);
  check(there && access(folder.c_str(), W_OK | X_OK) == 0,
        fmt::format(": the folder {} {}, or choose another.", folder.string(),
                    there ? "cannot be written. Change its permissions" : "does not exist. Make it"));
  if (!fs::exists(cube)) return;
  check(!fs::is_directory(cube),
        fmt::format(" is a folder. Name a file, for example {}/cube.nc.", cube.string()));
  check(is_cube(cube), " exists and is no stfcube cube; it is left alone. Choose another name.");
}

WorkDirectory::WorkDirectory(fs::path cube, Communicator const& comm)
    : cube_(std::move(cube)), directory_(work_directory_of(cube_)) {
  comm.together([&] {
    if (!comm.is_root()) return;
    check_cube_place(cube_);
    std::error_code failed;
    fs::create_directory(directory_, failed);
    if (!failed && access(directory_.c_str(), W_OK | X_OK) != 0) failed = {errno, std::generic_category()};
    require(
        !failed, ErrorKind::config,
        fmt::format(
            "cube.path = {}: the work directory {} cannot be used ({}). Remove it, or choose another name.",
            cube_.string(), directory_.string(), failed.message()));
    try {
      lock_.emplace(directory_);
    } catch (Error const& error) {
      throw error.with(fmt::format("cube.path = {}", cube_.string()));
    }
  });
}

WorkDirectory::~WorkDirectory() {
  if (!lock_) return;
  lock_.reset();
  std::error_code not_empty;
  fs::remove(directory_, not_empty);
}

void WorkDirectory::replace(std::string const& name, std::string const& text) const {
  check_lock();
  fs::path const fresh = file(name + ".new");
  naming_file(fresh, [&] {
    std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
    stream << text;
    stream.close();
    require(stream.good(), ErrorKind::io, "cannot be written. Make space, or choose another cube.path.");
  });
  sync_to_disk(fresh);
  rename_durably(fresh, file(name));
}

void WorkDirectory::publish(fs::path const& part) const {
  check_lock();
  rename_durably(part, cube_);
}

void WorkDirectory::clear() const {
  check_lock();
  std::error_code failed;
  for (fs::directory_entry const& entry : fs::directory_iterator(directory_, failed)) {
    if (!failed && is_ours(entry.path().filename().string())) fs::remove(entry.path(), failed);
  }
  require(!failed, ErrorKind::io,
          fmt::format("{} cannot be emptied: {}", directory_.string(), failed.message()));
}

void WorkDirectory::check_lock() const {
  ensure(lock_.has_value(), "rank 0 alone changes the work directory");
  lock_->check();
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
