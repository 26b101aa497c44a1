#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace stfcube {

/// An owning array that starts on a cache line and can be read and written one line beyond its end, as vector
/// code does. Values are not initialised.
template <class T>
requires std::is_trivial_v<T>
class AlignedArray {
 public:
  static constexpr std::size_t line_bytes = 64;

  AlignedArray() = default;
  explicit AlignedArray(std::size_t size)
      : size_(size), data_(static_cast<T*>(::operator new(bytes_for(size), std::align_val_t(line_bytes)))) {}

  /// Bytes that an array of `size` values takes.
  static std::size_t bytes_for(std::size_t size) { return size * sizeof(T) + 2 * line_bytes; }

  std::size_t size() const { return size_; }
  T* data() { return data_.get(); }
  T const* data() const { return data_.get(); }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  T const& operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Release {
    void operator()(T* p) const { ::operator delete(p, std::align_val_t(line_bytes)); }
  };
  std::size_t size_ = 0;
  std::unique_ptr<T, Release> data_;
};

}  // namespace stfcube
