#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "stfcube/models/statistics.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// Where statistics come from: the whole scene, or zones anchored to the grid's origin, for areas that are
/// larger than a scene. The statistics of a zone are those of its pixels and of half a zone around it; at a
/// pixel they are interpolated between the four surrounding zone centres, so that there is no seam and
/// nothing depends on tiles.
/// @source specs: conventions, section 6
class StatZones {
 public:
  /// @param zone_px  side of a zone, even; 0: the whole scene is one zone
  explicit StatZones(int zone_px) : zone_px_(zone_px) {}

  /// A part of a rectangle and the name that its sums go under.
  struct Piece {
    Rect px;
    std::string name;
  };
  /// The parts of `px` by blocks of half a zone; rows of statistics are kept for each of them. @param subject
  /// begins the names
  std::vector<Piece> pieces(std::string const& subject, Rect const& px) const;

  /// A zone by column and row; (0, 0) when the scene is one zone.
  struct Zone {
    int column = 0, row = 0;
    auto operator<=>(Zone const&) const = default;
  };
  /// The names of the pieces that a zone consists of, whether or not they exist.
  std::vector<std::string> names(std::string const& subject, Zone zone) const;
  /// The sum of the zone's rows; empty when nothing was added in it.
  std::vector<ExactSum> sum(Statistics const& statistics, std::string const& subject, Zone zone) const;
  /// All tallies of the zone together.
  Tally tally(Statistics const& statistics, std::string const& subject, Zone zone) const;

  /// The four zones around a pixel and their weights, which add up to one; equal zones may occur twice.
  struct Mixture {
    std::array<Zone, 4> zones;
    std::array<double, 4> weights;
  };
  /// @param scene_px  zones outside it do not exist: those at its edge stand in
  Mixture at(Rect const& scene_px, int x, int y) const;

  /// Zones that some pixel of `px` uses, ascending.
  std::vector<Zone> zones_of(Rect const& scene_px, Rect const& px) const;

 private:
  int zone_px_;
};

/// One number per zone, interpolated at the pixels of a rectangle. Zones without a number (NaN) are left out.
/// A value type.
class ZoneField {
 public:
  /// @param value  of a zone; called once for each that a pixel of `px` uses
  ZoneField(StatZones const& zones, Rect const& scene_px, Rect const& px,
            std::function<double(StatZones::Zone)> const& value);

  /// The number at a pixel of the rectangle; NaN where no zone around it has one.
  double at(int x, int y) const;

 private:
  double value(StatZones::Zone zone) const {
    return values_[static_cast<std::size_t>(zone.column - first_.column) * rows_ +
                   static_cast<std::size_t>(zone.row - first_.row)];
  }

  StatZones zones_;
  Rect scene_px_;
  StatZones::Zone first_;
  std::size_t rows_ = 0;
  std::vector<double> values_;  ///< [column, row] from the first zone on
};

}  // namespace stfcube
