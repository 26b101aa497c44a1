#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/work_directory.hpp"

namespace stfcube::testing {

/// Pixels of the synthetic cube: a different value at every place, some of them without data.
inline bool synthetic_gap(int t, int y, int x) {
  return (x + 3 * y + 7 * t) % 41 == 0;
}
inline Dn synthetic_dn(int t, int b, int y, int x) {
  return synthetic_gap(t, y, x) ? no_data_dn
                                : static_cast<Dn>((t * 1009 + b * 3001 + y * 37 + x * 5) % 9000 - 500);
}
inline Dn synthetic_uncertainty(int t, int b, int y, int x) {
  return synthetic_gap(t, y, x) ? no_data_dn : static_cast<Dn>((t + b + y + x) % 300);
}
inline quality::Flags synthetic_quality(int t, int y, int x) {
  if (synthetic_gap(t, y, x)) return quality::no_data;
  return (x / 8 + t) % 2 == 0 ? quality::fused : quality::observed | quality::low_confidence;
}

/// A small cube whose size is no multiple of its chunks: 5 dates, 3 bands, 70 x 90 pixels.
inline CubeLayout synthetic_layout(std::filesystem::path const& path) {
  CubeLayout layout;
  layout.path = path;
  layout.grid = {.crs_wkt = "", .x0 = 600000, .y0 = 5100000, .dx = 30, .dy = 30, .width = 90, .height = 70};
  for (int i = 0; i < 5; ++i) layout.dates.push_back({19000 + 8 * i});
  layout.bands = {"green", "red", "nir"};
  layout.wavelengths_um = {0.56F, 0.66F, 0.86F};
  layout.chunk = {2, 1, 16, 32};
  layout.provenance.job_text = "[model]\nname = starfm\n";
  layout.provenance.job_digest = std::string(64, 'a');
  layout.provenance.created = "2026-05-01T12:00:00Z";
  layout.provenance.command = "stfcube run job.cfg";
  layout.provenance.model = "starfm";
  layout.provenance.model_title = "Spatial and temporal adaptive reflectance fusion";
  layout.provenance.model_citation = "Gao et al. 2006, doi:10.1109/TGRS.2006.872081";
  layout.provenance.title = "Synthetic cube";
  layout.provenance.institution = "Example institute";
  layout.provenance.inputs = {{"fine/a.tif", "a", "fine", {19000}}, {"coarse/b.tif", "b", "coarse", {19008}}};
  return layout;
}

/// The unit of the synthetic cube over `px` and `dates` dates from `first_date` on.
inline CubeUnit synthetic_unit(CubeLayout const& layout, Rect const& px, int first_date, int dates) {
  int const bands = static_cast<int>(layout.bands.size());
  CubeUnit unit;
  unit.px = px;
  unit.first_date = first_date;
  unit.dn = Stack<Dn>(dates, bands, px.height, px.width);
  if (layout.uncertainty) unit.uncertainty = Stack<Dn>(dates, bands, px.height, px.width);
  unit.quality = Stack<quality::Flags>(dates, 1, px.height, px.width);
  for (int t = 0; t < dates; ++t) {
    for (int y = 0; y < px.height; ++y) {
      for (int x = 0; x < px.width; ++x) {
        int const date = first_date + t, row = px.y + y, column = px.x + x;
        unit.quality.at(t, 0, y, x) = synthetic_quality(date, row, column);
        for (int b = 0; b < bands; ++b) {
          unit.dn.at(t, b, y, x) = synthetic_dn(date, b, row, column);
          if (layout.uncertainty)
            unit.uncertainty.at(t, b, y, x) = synthetic_uncertainty(date, b, row, column);
        }
      }
    }
  }
  return unit;
}

/// All units of the layout, cut into tiles of `tile_px` and slabs of `slab` dates, tile by tile.
struct SyntheticUnit {
  Rect px;
  int first_date = 0, dates = 0;
  std::int64_t number = 0;
};
inline std::vector<SyntheticUnit> synthetic_units(CubeLayout const& layout, int tile_px, int slab) {
  std::vector<SyntheticUnit> units;
  int const dates = static_cast<int>(layout.dates.size());
  for (int y = 0; y < layout.grid.height; y += tile_px) {
    for (int x = 0; x < layout.grid.width; x += tile_px) {
      for (int t = 0; t < dates; t += slab) {
        units.push_back(
            {intersect({x, y, tile_px, tile_px}, layout.grid.all()), t, std::min(slab, dates - t),
             static_cast<std::int64_t>(units.size())});
      }
    }
  }
  return units;
}

/// Places for the units of this rank: regions of the file that lie far apart.
inline Extents extents_of_rank(CubeWriter const& writer, Communicator const& comm) {
  std::uint64_t const begin = writer.first_extent() + (static_cast<std::uint64_t>(comm.rank()) << 26);
  return [next = begin](std::uint64_t bytes) mutable { return std::exchange(next, next + bytes); };
}

/// A writer in its work directory. @collective
struct PlacedWriter {
  PlacedWriter(std::string const& name, CubeLayout const& layout, Communicator const& comm)
      : place(layout.path, comm),
        writer(make_cube_writer(name, layout, place, comm)),
        extents(extents_of_rank(*writer, comm)) {}

  /// A null unit takes part in the round, where the writer works in rounds.
  void write(CubeUnit const* unit) {
    if (unit != nullptr || writer->in_rounds()) writer->write(unit, extents);
  }

  WorkDirectory place;
  std::unique_ptr<CubeWriter> writer;
  Extents extents;
};

/// Writes `units`, dealt out to the ranks in turn. @collective, but no rank waits for another where the writer does not
/// work in rounds
inline void write_units(PlacedWriter& to, CubeLayout const& layout, std::vector<SyntheticUnit> const& units,
                        Communicator const& comm) {
  auto const ranks = static_cast<std::size_t>(comm.size()), rank = static_cast<std::size_t>(comm.rank());
  for (std::size_t first = 0; first < units.size(); first += ranks) {
    if (first + rank < units.size()) {
      SyntheticUnit const& u = units[first + rank];
      CubeUnit unit = synthetic_unit(layout, u.px, u.first_date, u.dates);
      unit.number = u.number;
      to.write(&unit);
    } else {
      to.write(nullptr);
    }
  }
}

}  // namespace stfcube::testing
