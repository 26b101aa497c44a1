#include "stfcube/io/gdal/decoder.hpp"

#include <cstdint>

namespace stfcube::gdal {
namespace {

/// The ends of the valid range count as inside, also when 16000 * 1e-4 is not quite 1.6.
constexpr double slack_steps = 1e-6;

/// Series with a scale of their own per scene would otherwise collect tables without end.
constexpr std::size_t most_tables = 64;

}  // namespace

Decoder::Decoder(SensorSpec const& sensor, Quantity const& quantity)
    : low_(sensor.valid_low - slack_steps * quantity.step),
      high_(sensor.valid_high + slack_steps * quantity.step),
      quantity_(quantity) {}

Dn Decoder::quantise(double value) const {
  if (!(value >= low_ && value <= high_)) return no_data_dn;
  double const steps = std::round((value - quantity_.offset) / quantity_.step);
  return steps >= quantity_.lowest && steps <= quantity_.highest ? static_cast<Dn>(steps) : no_data_dn;
}

void Decoder::decode(std::span<std::int16_t const> raw, BandCoding const& coding, Dn* out) const {
  auto const lookup = table(true, coding);
  for (std::size_t i = 0; i < raw.size(); ++i) out[i] = (*lookup)[static_cast<std::uint16_t>(raw[i])];
}

void Decoder::decode(std::span<std::uint16_t const> raw, BandCoding const& coding, Dn* out) const {
  auto const lookup = table(false, coding);
  for (std::size_t i = 0; i < raw.size(); ++i) out[i] = (*lookup)[raw[i]];
}

void Decoder::decode(std::span<double const> raw, BandCoding const& coding, Dn* out) const {
  for (std::size_t i = 0; i < raw.size(); ++i) out[i] = quantise(physical(raw[i], coding));
}

std::shared_ptr<Decoder::Table const> Decoder::table(bool is_signed, BandCoding const& coding) const {
  TableKey const key{is_signed, coding.scale, coding.offset, coding.no_data.has_value(),
                     coding.no_data.value_or(0)};
  std::lock_guard const lock(mutex_);
  auto const known = tables_.find(key);
  if (known != tables_.end()) return known->second;
  auto made = std::make_shared<Table>();
  for (std::size_t i = 0; i < made->size(); ++i) {
    auto const bits = static_cast<std::uint16_t>(i);
    double const raw =
        is_signed ? static_cast<double>(static_cast<std::int16_t>(bits)) : static_cast<double>(bits);
    (*made)[i] = quantise(physical(raw, coding));
  }
  if (tables_.size() >= most_tables) tables_.clear();
  tables_.emplace(key, made);
  return made;
}

}  // namespace stfcube::gdal
