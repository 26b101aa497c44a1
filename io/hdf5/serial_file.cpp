#include "stfcube/io/hdf5/serial_file.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "stfcube/io/staged/plain_file.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::hdf5 {

namespace fs = std::filesystem;

/// What a SerialFile and its driver share.
struct SerialState {
  haddr_t end = 0;                ///< of what lies in the file already
  bool pixels_are_there = false;  ///< they get the place `next` and are not written
  haddr_t next = HADDR_UNDEF;
  hsize_t next_size = 0;
  std::optional<Error> failed;
};

namespace {

/// HDF5 copies the driver's settings byte by byte.
struct Settings {
  SerialState* state;
};

constexpr haddr_t largest_address = (haddr_t{1} << 62) - 1;

/// What HDF5 handles as H5FD_t*, which must come first.
struct DriverFile {
  H5FD_t head{};
  PlainFile file;
  SerialState& state;
  haddr_t end_of_allocation = 0;
};

DriverFile& of(H5FD_t* file) {
  return *reinterpret_cast<DriverFile*>(file);
}
DriverFile const& of(H5FD_t const* file) {
  return *reinterpret_cast<DriverFile const*>(file);
}

/// Runs `work` for the C library, which knows no exceptions; keeps the first failure. @return whether it
/// succeeded
template <class Work>
bool succeeds(SerialState& state, Work&& work) noexcept {
  try {
    work();
    return true;
  } catch (...) {
    if (!state.failed) state.failed = current_error();
    return false;
  }
}

H5FD_t* open_file(char const* name, unsigned flags, hid_t access, haddr_t) {
  SerialState& state = *static_cast<Settings const*>(H5Pget_driver_info(access))->state;
  auto const mode = (flags & H5F_ACC_TRUNC) != 0 ? PlainFile::Access::create : PlainFile::Access::write;
  H5FD_t* opened = nullptr;
  state.failed.reset();  // HDF5 tries without making the file first
  succeeds(state, [&] {
    opened = reinterpret_cast<H5FD_t*>(new DriverFile{.file{name, mode}, .state = state});
  });
  return opened;
}

herr_t close_file(H5FD_t* file) {
  std::unique_ptr<DriverFile> const owned(&of(file));
  succeeds(owned->state, [&] { owned->file.close(); });
  return 0;
}

/// No features: the library then neither gathers small pieces nor asks for space that it does not need yet.
herr_t query(H5FD_t const*, unsigned long* features) {
  *features = 0;
  return 0;
}

haddr_t allocate(H5FD_t* file, H5FD_mem_t type, hid_t, hsize_t size) {
  DriverFile& one = of(file);
  if (type == H5FD_MEM_DRAW && one.state.pixels_are_there) {
    return one.state.next_size == size ? std::exchange(one.state.next, HADDR_UNDEF) : HADDR_UNDEF;
  }
  return std::exchange(one.end_of_allocation, one.end_of_allocation + size);
}

haddr_t end_of_allocation(H5FD_t const* file, H5FD_mem_t) {
  return of(file).end_of_allocation;
}

/// The superblock of a skeleton does not know of the chunks behind it.
herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  of(file).end_of_allocation = std::max(address, of(file).state.end);
  return 0;
}

haddr_t end_of_file(H5FD_t const* file, H5FD_mem_t) {
  std::error_code failed;
  auto const size = fs::file_size(of(file).file.path(), failed);
  return failed ? HADDR_UNDEF : size;
}

herr_t read_block(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* into) {
  DriverFile const& one = of(file);
  return succeeds(one.state, [&] { one.file.read(address, {static_cast<std::byte*>(into), size}); }) ? 0 : -1;
}

herr_t write_block(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t address, std::size_t size,
                   void const* from) {
  DriverFile const& one = of(file);
  if (one.state.failed || (type == H5FD_MEM_DRAW && one.state.pixels_are_there)) return 0;
  succeeds(one.state, [&] { one.file.write(address, {static_cast<std::byte const*>(from), size}); });
  return 0;
}

herr_t truncate_file(H5FD_t* file, hid_t, hbool_t) {
  DriverFile const& one = of(file);
  if (one.state.failed) return 0;
  succeeds(one.state, [&] { one.file.resize(one.end_of_allocation); });
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(600);  // from the range for private use
#endif
  driver.name = "stfcube_serial";
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

PropertyList serial_access(SerialState& state) {
  static H5FD_class_t const driver = driver_class();
  PropertyList access = file_access();
  static hid_t const id = checked(H5FDregister(&driver), "file driver");
  Settings const settings = {&state};
  checked(H5Pset_driver(access, id, &settings), "file driver");
  return access;
}

}  // namespace

SerialFile::SerialFile(std::unique_ptr<SerialState> state, hid_t file)
    : state_(std::move(state)), file_(file) {
  if (file_) return;
  std::string const stack = error_stack();
  throw state_->failed ? *state_->failed : Error(ErrorKind::io, "opening the file: " + stack);
}

SerialFile::~SerialFile() = default;
SerialFile::SerialFile(SerialFile&&) noexcept = default;

SerialFile SerialFile::create(fs::path const& path, hid_t creation) {
  auto state = std::make_unique<SerialState>();
  hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation, serial_access(*state));
  return {std::move(state), file};
}

SerialFile SerialFile::open(fs::path const& path) {
  auto state = std::make_unique<SerialState>();
  hid_t const file = H5Fopen(path.c_str(), H5F_ACC_RDWR, serial_access(*state));
  return {std::move(state), file};
}

SerialFile SerialFile::open_with_pixels(fs::path const& path, std::uint64_t end) {
  auto state = std::make_unique<SerialState>();
  state->end = end;
  state->pixels_are_there = true;
  hid_t const file = H5Fopen(path.c_str(), H5F_ACC_RDWR, serial_access(*state));
  return {std::move(state), file};
}

void SerialFile::doing(std::function<void()> const& work) const {
  try {
    work();
  } catch (Error const&) {
    if (state_->failed) throw *state_->failed;
    throw;
  }
}

void SerialFile::place_next(std::uint64_t offset, std::uint64_t size) {
  ensure(state_->pixels_are_there, "the pixels are in the file");
  state_->next = offset;
  state_->next_size = size;
}

void SerialFile::close() {
  herr_t const result = H5Fclose(file_.release());
  if (state_->failed) throw *state_->failed;
  checked(result, "closing the file");
}

}  // namespace stfcube::hdf5
