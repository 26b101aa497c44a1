#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace stfcube {

/// An owning array [date, band, y, x], row-major without padding. Move-only; values are not initialised.
template <class T>
class Stack {
 public:
  Stack() = default;
  Stack(int dates, int bands, int rows, int cols)
      : dates_(dates), bands_(bands), rows_(rows), cols_(cols),
        data_(std::make_unique_for_overwrite<T[]>(size())) {}

  int dates() const { return dates_; }
  int bands() const { return bands_; }
  int rows() const { return rows_; }
  int cols() const { return cols_; }
  std::size_t plane_size() const { return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(cols_); }
  std::size_t size() const { return plane_size() * static_cast<std::size_t>(dates_) * static_cast<std::size_t>(bands_); }
  std::size_t bytes() const { return size() * sizeof(T); }

  T* row(int date, int band, int y) { return data_.get() + offset(date, band, y); }
  T const* row(int date, int band, int y) const { return data_.get() + offset(date, band, y); }
  T& at(int date, int band, int y, int x) { return row(date, band, y)[x]; }
  T const& at(int date, int band, int y, int x) const { return row(date, band, y)[x]; }
  std::span<T> plane(int date, int band) { return {row(date, band, 0), plane_size()}; }
  std::span<T const> plane(int date, int band) const { return {row(date, band, 0), plane_size()}; }
  std::span<T> all() { return {data_.get(), size()}; }
  std::span<T const> all() const { return {data_.get(), size()}; }
  /// Forgets the dates from `count` on; memory stays.
  void keep_dates(int count) { dates_ = std::min(dates_, count); }
  void fill(T value) { std::fill_n(data_.get(), size(), value); }

 private:
  std::size_t offset(int date, int band, int y) const {
    return ((static_cast<std::size_t>(date) * static_cast<std::size_t>(bands_) + static_cast<std::size_t>(band)) *
                static_cast<std::size_t>(rows_) +
            static_cast<std::size_t>(y)) *
           static_cast<std::size_t>(cols_);
  }

  int dates_ = 0, bands_ = 0, rows_ = 0, cols_ = 0;
  std::unique_ptr<T[]> data_;
};

}  // namespace stfcube
