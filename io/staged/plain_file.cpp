#include "stfcube/io/staged/plain_file.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace fs = std::filesystem;
namespace {

int flags_of(PlainFile::Access access) {
  switch (access) {
    case PlainFile::Access::read:
      return O_RDONLY | O_CLOEXEC;
    case PlainFile::Access::write:
      return O_RDWR | O_CLOEXEC;
    case PlainFile::Access::create:
      return O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
    case PlainFile::Access::open_or_create:
      return O_RDWR | O_CREAT | O_CLOEXEC;
  }
  return O_RDONLY;
}

/// Calls `transfer(done)` until all bytes are through. @return errno of the failure; 0: all went through, or
/// the file ended (`done` is then less than `size`)
template <class Transfer>
int continued(std::size_t size, std::size_t& done, Transfer&& transfer) {
  while (done < size) {
    ssize_t const now = transfer(done);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) return errno;
    if (now == 0) break;
    done += static_cast<std::size_t>(now);
  }
  return 0;
}

}  // namespace

PlainFile::PlainFile(fs::path path, Access access)
    : path_(std::move(path)), file_(open(path_.c_str(), flags_of(access), 0666)) {
  require(file_ >= 0, ErrorKind::io,
          fmt::format("{} cannot be opened: {}", path_.string(), std::strerror(errno)));
}

PlainFile::~PlainFile() {
  if (file_ >= 0) ::close(file_);
}

void PlainFile::read(std::uint64_t offset, std::span<std::byte> into) const {
  std::size_t done = 0;
  int const reason = continued(into.size(), done, [&](std::size_t from) {
    return pread(file_, into.data() + from, into.size() - from, static_cast<off_t>(offset + from));
  });
  if (reason != 0) fail("reading", into.size(), offset, reason);
  require(
      done == into.size(), ErrorKind::io,
      fmt::format(
          "{} ends at byte {}, before {} bytes at {} that were written. The file system lost data; run the "
          "job again, on another one if need be.",
          path_.string(), offset + done, into.size(), offset));
}

void PlainFile::write(std::uint64_t offset, std::span<std::byte const> bytes) const {
  std::size_t done = 0;
  int reason = continued(bytes.size(), done, [&](std::size_t from) {
    return pwrite(file_, bytes.data() + from, bytes.size() - from, static_cast<off_t>(offset + from));
  });
  if (reason == 0 && done < bytes.size()) reason = ENOSPC;  // no progress, and no reason given
  if (reason != 0) fail("writing", bytes.size() - done, offset + done, reason);
}

std::uint64_t PlainFile::size() const {
  struct stat status {};
  if (fstat(file_, &status) != 0) fail("asking for the length of", 0, 0, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

void PlainFile::sync() const {
  require(fdatasync(file_) == 0, ErrorKind::io,
          fmt::format("{} cannot be synced to disk: {}. What was written to it last counts as lost; run the "
                      "command again.",
                      path_.string(), std::strerror(errno)));
}

void PlainFile::resize(std::uint64_t bytes) const {
  if (ftruncate(file_, static_cast<off_t>(bytes)) != 0) fail("setting the length of", bytes, 0, errno);
}

void PlainFile::close() {
  int const result = ::close(std::exchange(file_, -1));
  int const reason = errno;
  require(result == 0 || reason == EINTR, ErrorKind::io,
          fmt::format("closing {}: {}", path_.string(), std::strerror(reason)));
}

void PlainFile::fail(char const* doing, std::uint64_t bytes, std::uint64_t offset, int reason) const {
  std::error_code ignored;
  auto const free = fs::space(path_.parent_path(), ignored).available;
  bool const full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  throw Error(ErrorKind::io, fmt::format("{} {}: {} at byte {} failed: {} ({} needed, {} free there).{}",
                                         doing, path_.string(), format_bytes(bytes), offset,
                                         std::strerror(reason), format_bytes(bytes), format_bytes(free),
                                         full ? " Make space, or choose another cube.path." : ""));
}

}  // namespace stfcube
