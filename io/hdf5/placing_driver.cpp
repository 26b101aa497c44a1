#include "stfcube/io/hdf5/placing_driver.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif
#include <unistd.h>

#include "stfcube/io/staged/plain_file.hpp"

namespace stfcube::hdf5 {
namespace {

/// HDF5 copies the driver's settings byte by byte.
struct Settings {
  RawPlace* place;
};

constexpr haddr_t largest_address = (haddr_t{1} << 62) - 1;

/// What HDF5 handles as H5FD_t*, which must come first.
struct PlacedFile {
  H5FD_t head{};
  PlainFile file;
  std::filesystem::path path;
  RawPlace& place;
  haddr_t end_of_allocation = 0;
};

PlacedFile& of(H5FD_t* file) {
  return *reinterpret_cast<PlacedFile*>(file);
}
PlacedFile const& of(H5FD_t const* file) {
  return *reinterpret_cast<PlacedFile const*>(file);
}

/// Runs `work` for the C library, which knows no exceptions.
template <class Work>
herr_t outcome(Work&& work) noexcept {
  try {
    work();
    return 0;
  } catch (...) {
    return -1;
  }
}

H5FD_t* open_file(char const* name, unsigned, hid_t access, haddr_t) {
  H5FD_t* opened = nullptr;
  outcome([&] {
    auto const* settings = static_cast<Settings const*>(H5Pget_driver_info(access));
    opened = reinterpret_cast<H5FD_t*>(
        new PlacedFile{.file{name, PlainFile::Access::write}, .path = name, .place = *settings->place});
  });
  return opened;
}

herr_t close_file(H5FD_t* file) {
  std::unique_ptr<PlacedFile> const owned(&of(file));
  return outcome([&] { owned->file.close(); });
}

/// No features: the library then neither gathers small pieces nor asks for space it does not need yet.
herr_t query(H5FD_t const*, unsigned long* features) {
  *features = 0;
  return 0;
}

haddr_t allocate(H5FD_t* file, H5FD_mem_t type, hid_t, hsize_t size) {
  PlacedFile& placed = of(file);
  if (type == H5FD_MEM_DRAW) {
    bool const expected = placed.place.size == size;
    return expected ? std::exchange(placed.place.next, HADDR_UNDEF) : HADDR_UNDEF;
  }
  haddr_t const address = placed.end_of_allocation;
  placed.end_of_allocation += size;
  return address;
}

haddr_t end_of_allocation(H5FD_t const* file, H5FD_mem_t) {
  return of(file).end_of_allocation;
}

/// The superblock knows the skeleton only; the chunks behind it are taken too.
herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  of(file).end_of_allocation = std::max(address, of(file).place.end);
  return 0;
}

haddr_t end_of_file(H5FD_t const* file, H5FD_mem_t) {
  std::error_code failed;
  auto const size = std::filesystem::file_size(of(file).path, failed);
  return failed ? HADDR_UNDEF : size;
}

herr_t read_block(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* into) {
  return outcome([&] { of(file).file.read(address, {static_cast<std::byte*>(into), size}); });
}

herr_t write_block(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t address, std::size_t size,
                   void const* from) {
  if (type == H5FD_MEM_DRAW) return 0;
  return outcome([&] { of(file).file.write(address, {static_cast<std::byte const*>(from), size}); });
}

herr_t truncate_file(H5FD_t* file, hid_t, hbool_t) {
  return outcome([&] { std::filesystem::resize_file(of(file).path, of(file).end_of_allocation); });
}

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(600);  // from the range for private use
#endif
  driver.name = "stfcube_placing";
  driver.maxaddr = largest_address;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.fapl_size = sizeof(Settings);
  driver.open = open_file;
  driver.close = close_file;
  driver.query = query;
  driver.alloc = allocate;
  driver.get_eoa = end_of_allocation;
  driver.set_eoa = set_end_of_allocation;
  driver.get_eof = end_of_file;
  driver.read = read_block;
  driver.write = write_block;
  driver.truncate = truncate_file;
  return driver;
}

}  // namespace

void use_placing_driver(hid_t access, RawPlace& place) {
  static H5FD_class_t const driver = driver_class();
  static hid_t const id = checked(H5FDregister(&driver), "file driver");
  Settings const settings = {&place};
  checked(H5Pset_driver(access, id, &settings), "file driver");
}

}  // namespace stfcube::hdf5
