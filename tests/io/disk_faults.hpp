#pragma once

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "stfcube/tests/support/world.hpp"

namespace stfcube::testing {

/// What the calls that change files do in this process, from the next `watch` on. The functions below stand
/// in front of the C library's; only one source file of a program may include them.
struct DiskFaults {
  enum Call : unsigned { write = 1, sync = 2, rename = 4, remove = 8, truncate = 16, all = 31 };

  void watch(unsigned calls, int before) {
    watched = calls;
    calls_before = before;
    count = 0;
  }

  /// errno of the failure; 0: the call is done.
  int of(Call call) {
    if ((watched & call) == 0 || count++ != calls_before) return 0;
    if (kill) die();
    return fail_with;
  }

  void note_write(int file, off_t offset, std::size_t size) {
    std::lock_guard const lock(mutex);
    if (kill) unsynced.push_back({path_of(file), offset, size});
  }
  void note_sync(int file) {
    std::lock_guard const lock(mutex);
    if (kill)
      std::erase_if(unsynced, [path = path_of(file)](Written const& one) { return one.path == path; });
  }

  static constexpr int killed_status = 9;
  std::atomic<unsigned> watched{all};
  std::atomic<int> count{0};         ///< watched calls so far
  std::atomic<int> calls_before{0};  ///< calls that succeed before one fails
  std::atomic<int> fail_with{0};     ///< its errno; 0: it succeeds too
  std::atomic<bool> stumble{false};  ///< every third write is interrupted, every other writes half
  /// The process ends instead of making this call, and the machine with it: what was not synced to disk is
  /// lost, but for journals, of which it happens to be written.
  std::atomic<bool> kill{false};

 private:
  struct Written {
    std::filesystem::path path;
    off_t offset;
    std::size_t size;
  };

  static std::filesystem::path path_of(int file) {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file));
  }

  [[noreturn]] void die() {
    mutex.lock();
    for (Written const& one : unsynced) {
      int const file = open(one.path.c_str(), O_WRONLY);
      std::string const nothing(one.size, '\0');
      bool const journal = one.path.filename().string().starts_with("journal");
      if (file >= 0 && !journal && lseek(file, one.offset, SEEK_SET) == one.offset) {
        if (::write(file, nothing.data(), nothing.size()) < 0) _exit(2);
      }
    }
    _exit(killed_status);
  }

  std::mutex mutex;
  std::vector<Written> unsynced;
};
inline DiskFaults faults;

template <class Function>
Function next_function(char const* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

/// -1 with errno set when the call fails; 0 when it is to be made.
inline int fault(DiskFaults::Call call) {
  int const reason = faults.of(call);
  if (reason == 0) return 0;
  errno = reason;
  return -1;
}

/// A small file system of its own over a folder, as far as the user may make one.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path folder, char const* size) : folder_(std::move(folder)) {
    if (!world().is_root()) return;
    mounted_ = mount("tmpfs", folder_.c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(SmallDisk const&) = delete;
  SmallDisk& operator=(SmallDisk const&) = delete;
  bool is_there() const { return world().max(mounted_ ? 1 : 0) == 1; }
  void enlarge(char const* size) const {
    if (mounted_ && mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, size) != 0) std::abort();
    world().barrier();
  }

 private:
  std::filesystem::path folder_;
  bool mounted_ = false;
};

}  // namespace stfcube::testing

extern "C" {

ssize_t pwrite(int file, void const* bytes, std::size_t size, off_t offset) {
  using namespace stfcube::testing;
  static auto const real = next_function<ssize_t (*)(int, void const*, std::size_t, off_t)>("pwrite");
  if (fault(DiskFaults::write) != 0) return -1;
  if (faults.stumble && faults.count % 3 == 0) {
    errno = EINTR;
    return -1;
  }
  faults.note_write(file, offset, size);
  return real(file, bytes, faults.stumble && size > 1 && faults.count % 2 == 0 ? size / 2 : size, offset);
}

int fdatasync(int file) {
  using namespace stfcube::testing;
  static auto const real = next_function<int (*)(int)>("fdatasync");
  if (fault(DiskFaults::sync) != 0) return -1;
  faults.note_sync(file);
  return real(file);
}

int fsync(int file) {
  using namespace stfcube::testing;
  static auto const real = next_function<int (*)(int)>("fsync");
  if (fault(DiskFaults::sync) != 0) return -1;
  faults.note_sync(file);
  return real(file);
}

int rename(char const* from, char const* to) noexcept {
  using namespace stfcube::testing;
  static auto const real = next_function<int (*)(char const*, char const*)>("rename");
  return fault(DiskFaults::rename) != 0 ? -1 : real(from, to);
}

int remove(char const* path) noexcept {
  using namespace stfcube::testing;
  static auto const real = next_function<int (*)(char const*)>("remove");
  return fault(DiskFaults::remove) != 0 ? -1 : real(path);
}

int ftruncate(int file, off_t size) noexcept {
  using namespace stfcube::testing;
  static auto const real = next_function<int (*)(int, off_t)>("ftruncate");
  return fault(DiskFaults::truncate) != 0 ? -1 : real(file, size);
}

}  // extern "C"
