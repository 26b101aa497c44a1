#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <hdf5.h>

namespace stfcube::hdf5 {

/// Owns one HDF5 id and gives it back with `Close`. Move-only. The destructor ignores failures, as
/// destructors must.
template <herr_t (*Close)(hid_t)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, H5I_INVALID_HID);
    }
    return *this;
  }

  operator hid_t() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }
  void reset() noexcept {
    if (id_ >= 0) Close(release());
  }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

using File = Handle<H5Fclose>;
using Group = Handle<H5Gclose>;
using Dataset = Handle<H5Dclose>;
using Dataspace = Handle<H5Sclose>;
using Datatype = Handle<H5Tclose>;
using Attribute = Handle<H5Aclose>;
using PropertyList = Handle<H5Pclose>;

/// Stops HDF5 from printing its errors; they reach the user through `checked`. To be called before any other
/// HDF5 call.
void quiet_library();

/// The messages of HDF5's error stack, innermost (the reason) first; clears the stack.
std::string error_stack();

[[noreturn]] void fail(std::string_view doing);

/// Every HDF5 call that may fail goes through here. @throws Error(io) "<doing>: <what HDF5 says>" when
/// `result` < 0
template <class Result>
Result checked(Result result, std::string_view doing) {
  if (result < 0) fail(doing);
  return result;
}

/// For our own files: no file locks, which fail or hang on NFS and on Lustre without flock, and metadata that
/// netCDF-C and Java readers understand.
PropertyList file_access();

}  // namespace stfcube::hdf5
