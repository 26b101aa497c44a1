// A disk that takes 8 MB/s, for a program that is started with LD_PRELOAD=libslow_disk.so.
#include <chrono>
#include <thread>

#include <dlfcn.h>
#include <unistd.h>

/// Stands in front of the C library's.
extern "C" ssize_t pwrite(int file, void const* bytes, std::size_t size, off_t offset) {
  using Write = ssize_t (*)(int, void const*, std::size_t, off_t);
  static auto const real = reinterpret_cast<Write>(dlsym(RTLD_NEXT, "pwrite"));
  constexpr double bytes_per_second = 8e6;
  std::this_thread::sleep_for(std::chrono::duration<double>(static_cast<double>(size) / bytes_per_second));
  return real(file, bytes, size, offset);
}
