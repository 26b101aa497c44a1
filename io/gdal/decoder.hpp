#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "stfcube/io/sensor.hpp"
#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube::gdal {

/// How the numbers of one band stand for physical values.
struct BandCoding {
  double scale = 1, offset = 0;
  std::optional<double> no_data;
  bool single_precision = false;  ///< numbers are floats, so no_data is compared as a float

  bool is_no_data(double raw) const {
    if (!no_data) return false;
    return single_precision ? static_cast<float>(raw) == static_cast<float>(*no_data) : raw == *no_data;
  }
};

/// Turns raw numbers into physical values and DN, by the valid range of a sensor and the quantity of a cube.
/// Thread-safe.
class Decoder {
 public:
  Decoder(SensorSpec const& sensor, Quantity const& quantity);

  /// raw * scale + offset; NaN when it is no data or outside the valid range.
  double physical(double raw, BandCoding const& coding) const {
    if (coding.is_no_data(raw)) return std::numeric_limits<double>::quiet_NaN();
    double const value = raw * coding.scale + coding.offset;
    return value >= low_ && value <= high_ ? value : std::numeric_limits<double>::quiet_NaN();
  }

  /// llround((value - offset) / step); no_data_dn for NaN, outside the valid range or outside the quantity's
  /// range.
  Dn quantise(double value) const;

  void decode(std::span<std::int16_t const> raw, BandCoding const& coding, Dn* out) const;
  void decode(std::span<std::uint16_t const> raw, BandCoding const& coding, Dn* out) const;
  void decode(std::span<double const> raw, BandCoding const& coding, Dn* out) const;
  template <class T>
  void decode(std::span<T const> raw, BandCoding const& coding, double* out) const {
    for (std::size_t i = 0; i < raw.size(); ++i) out[i] = physical(static_cast<double>(raw[i]), coding);
  }

 private:
  using Table = std::array<Dn, 65536>;
  using TableKey = std::tuple<bool, double, double, bool, double>;

  /// The DN of every 16-bit number, made by the same arithmetic as any other.
  std::shared_ptr<Table const> table(bool is_signed, BandCoding const& coding) const;

  double low_, high_;
  Quantity quantity_;
  mutable std::mutex mutex_;
  mutable std::map<TableKey, std::shared_ptr<Table const>> tables_;
};

}  // namespace stfcube::gdal
