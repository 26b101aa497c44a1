#include "stfcube/models/stat_zones.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace stfcube {
namespace {

/// The two zones around a pixel on one axis, and the weight of the second.
struct Neighbours {
  int first = 0, second = 0;
  double weight = 0;
};

Neighbours neighbours(int zone_px, int size_px, int at) {
  int const last = (size_px - 1) / zone_px;
  double const u = (at + 0.5) / zone_px - 0.5;
  double const whole = std::floor(u);
  auto const clamp = [&](double zone) {
    return static_cast<int>(std::clamp(zone, 0.0, static_cast<double>(last)));
  };
  return {clamp(whole), clamp(whole + 1), u - whole};
}

}  // namespace

std::vector<StatZones::Piece> StatZones::pieces(std::string const& subject, Rect const& px) const {
  if (zone_px_ == 0) return {{px, subject}};
  int const block_px = zone_px_ / 2;
  std::vector<Piece> pieces;
  for (int row = px.y / block_px; row * block_px < px.bottom(); ++row) {
    for (int column = px.x / block_px; column * block_px < px.right(); ++column) {
      Rect const part = intersect(px, {column * block_px, row * block_px, block_px, block_px});
      pieces.push_back({part, fmt::format("{}/{},{}", subject, column, row)});
    }
  }
  return pieces;
}

std::vector<std::string> StatZones::names(std::string const& subject, Zone zone) const {
  if (zone_px_ == 0) return {subject};
  std::vector<std::string> names;
  for (int row = 2 * zone.row - 1; row <= 2 * zone.row + 2; ++row) {
    for (int column = 2 * zone.column - 1; column <= 2 * zone.column + 2; ++column)
      names.push_back(fmt::format("{}/{},{}", subject, column, row));
  }
  return names;
}

std::vector<ExactSum> StatZones::sum(Statistics const& statistics, std::string const& subject,
                                     Zone zone) const {
  std::vector<ExactSum> total;
  for (std::string const& name : names(subject, zone)) {
    auto const row = statistics.find(name);
    if (row.empty()) continue;
    total.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) total[i] += row[i];
  }
  return total;
}

Tally StatZones::tally(Statistics const& statistics, std::string const& subject, Zone zone) const {
  Tally total;
  for (std::string const& name : names(subject, zone)) {
    for (auto const& [value, count] : statistics.find_tally(name)) total[value] += count;
  }
  return total;
}

StatZones::Mixture StatZones::at(Rect const& scene_px, int x, int y) const {
  if (zone_px_ == 0) return {{}, {1, 0, 0, 0}};
  Neighbours const across = neighbours(zone_px_, scene_px.width, x);
  Neighbours const down = neighbours(zone_px_, scene_px.height, y);
  return {{Zone{across.first, down.first}, Zone{across.second, down.first}, Zone{across.first, down.second},
           Zone{across.second, down.second}},
          {(1 - across.weight) * (1 - down.weight), across.weight * (1 - down.weight),
           (1 - across.weight) * down.weight, across.weight * down.weight}};
}

std::vector<StatZones::Zone> StatZones::zones_of(Rect const& scene_px, Rect const& px) const {
  if (zone_px_ == 0) return {Zone{}};
  Mixture const first = at(scene_px, px.x, px.y);
  Mixture const last = at(scene_px, px.right() - 1, px.bottom() - 1);
  std::vector<Zone> zones;
  for (int column = first.zones.front().column; column <= last.zones.back().column; ++column) {
    for (int row = first.zones.front().row; row <= last.zones.back().row; ++row)
      zones.push_back({column, row});
  }
  return zones;
}

ZoneField::ZoneField(StatZones const& zones, Rect const& scene_px, Rect const& px,
                     std::function<double(StatZones::Zone)> const& value)
    : zones_(zones), scene_px_(scene_px) {
  auto const used = zones.zones_of(scene_px, px);
  first_ = used.front();
  rows_ = static_cast<std::size_t>(used.back().row - first_.row + 1);
  for (auto const zone : used) values_.push_back(value(zone));
}

double ZoneField::at(int x, int y) const {
  auto const mixture = zones_.at(scene_px_, x, y);
  // As differences to one of them: equal numbers give that number, to the last bit.
  double first = std::numeric_limits<double>::quiet_NaN(), sum = 0, weight = 0;
  for (std::size_t i = 0; i < mixture.zones.size(); ++i) {
    if (mixture.weights[i] == 0) continue;
    double const number = value(mixture.zones[i]);
    if (std::isnan(number)) continue;
    if (std::isnan(first)) first = number;
    sum += mixture.weights[i] * (number - first);
    weight += mixture.weights[i];
  }
  return weight > 0 ? first + sum / weight : first;
}

}  // namespace stfcube
