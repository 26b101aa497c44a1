#include "stfcube/partitioning/schedule/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/schedule/hilbert.hpp"

namespace stfcube {
namespace {

int round_up(int value, int step) { return (value + step - 1) / step * step; }

void require_positive(int value, char const* key) {
  require(value > 0, ErrorKind::config, fmt::format("{} = {} (must be positive).", key, value));
}

std::vector<Slab> make_slabs(int targets, int dates, int chunk_t) {
  std::vector<Slab> slabs;
  int const step = round_up(dates, chunk_t);
  for (int first = 0; first < targets; first += step) slabs.push_back({first, std::min(step, targets - first)});
  return slabs;
}

}  // namespace

std::string Plan::tile_name(int tile) const { return fmt::format("x{:03}y{:03}", tile % columns, tile / columns); }

Plan make_plan(Grid const& grid, int targets, PlanSettings const& s) {
  require_positive(s.tile_px, "run.tile");
  require_positive(s.slab_dates, "run.slab");
  require_positive(s.lattice_px, "the method's lattice_px");
  require(s.chunk_y > 0 && s.chunk_x > 0 && s.chunk_t > 0, ErrorKind::config,
          fmt::format("cube.chunk = {} b {} {} (all must be positive).", s.chunk_t, s.chunk_y, s.chunk_x));

  Plan plan;
  plan.grid_px = grid.all();
  plan.tile_width = round_up(s.tile_px, std::lcm(s.chunk_x, s.lattice_px));
  plan.tile_height = round_up(s.tile_px, std::lcm(s.chunk_y, s.lattice_px));
  plan.columns = (grid.width + plan.tile_width - 1) / plan.tile_width;
  plan.rows = (grid.height + plan.tile_height - 1) / plan.tile_height;
  for (int row = 0; row < plan.rows; ++row) {
    for (int column = 0; column < plan.columns; ++column) {
      plan.tiles.push_back(intersect(
          {column * plan.tile_width, row * plan.tile_height, plan.tile_width, plan.tile_height}, grid.all()));
    }
  }
  plan.slabs = make_slabs(targets, s.slab_dates, s.chunk_t);

  int const order = std::bit_width(static_cast<unsigned>(std::max(plan.columns, plan.rows) - 1));
  plan.tile_order.resize(plan.tiles.size());
  std::iota(plan.tile_order.begin(), plan.tile_order.end(), 0);
  std::ranges::sort(plan.tile_order, {}, [&](int tile) {
    return hilbert_index(order, static_cast<std::uint32_t>(tile % plan.columns),
                         static_cast<std::uint32_t>(tile / plan.columns));
  });
  return plan;
}

std::vector<std::vector<Unit>> assign(Plan const& plan, std::span<double const> tile_cost, int ranks) {
  ensure(tile_cost.size() == plan.tiles.size() && ranks > 0, "one cost per tile, at least one rank");
  double const total = std::accumulate(tile_cost.begin(), tile_cost.end(), 0.0);
  std::vector<std::vector<Unit>> work(static_cast<std::size_t>(ranks));
  double before = 0;
  for (int tile : plan.tile_order) {
    // A tile belongs to the rank in whose share of the curve its middle lies.
    double const cost = tile_cost[static_cast<std::size_t>(tile)];
    double const middle = (before + cost / 2) / total;
    auto const rank = static_cast<std::size_t>(std::clamp(static_cast<int>(middle * ranks), 0, ranks - 1));
    for (int slab = 0; slab < static_cast<int>(plan.slabs.size()); ++slab) work[rank].push_back({tile, slab});
    before += cost;
  }
  return work;
}

}  // namespace stfcube
