#include "stfcube/jobs/fold.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "stfcube/jobs/comparison_tile.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// Observations of a sensor less one.
class ReaderWithout final : public ObservationReader {
 public:
  ReaderWithout(ObservationReader const& all, int withheld) : all_(all), withheld_(withheld) {
    dates_.assign(all.dates().begin(), all.dates().end());
    dates_.erase(dates_.begin() + withheld);
  }

  std::span<Date const> dates() const override { return dates_; }
  Rect footprint(int index) const override { return all_.footprint(index_in_all(index)); }
  Stack<Dn> read(int index, Rect const& px) const override { return all_.read(index_in_all(index), px); }

 private:
  int index_in_all(int index) const { return index < withheld_ ? index : index + 1; }

  ObservationReader const& all_;
  int withheld_;
  std::vector<Date> dates_;
};

/// DN of one image as billionths; clears `valid` where there is no value.
std::vector<std::vector<Nano>> planes_of(Stack<Dn> const& dn, Quantity const& quantity,
                                         std::vector<std::uint8_t>& valid) {
  std::vector<std::vector<Nano>> planes;
  for (int band = 0; band < dn.bands(); ++band) {
    auto const values = dn.plane(0, band);
    auto& plane = planes.emplace_back(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] == no_data_dn) {
        valid[i] = 0;
      } else {
        plane[i] = to_nano(values[i] * quantity.step + quantity.offset);
      }
    }
  }
  return planes;
}

std::vector<std::vector<Nano>> read_planes(BlockCache& cache, int index, Rect const& px,
                                           Quantity const& quantity, std::vector<std::uint8_t>& valid) {
  Stack<Dn> dn(1, cache.bands(), px.height, px.width);
  cache.copy(index, px, dn, 0);
  valid.assign(dn.plane_size(), 1);
  return planes_of(dn, quantity, valid);
}

int nearest_index(std::vector<Date> const& dates, Date target) {
  auto const nearest =
      std::ranges::min_element(dates, {}, [&](Date date) { return std::abs(date - target); });
  return static_cast<int>(nearest - dates.begin());
}

}  // namespace

Fold::Fold(PreparedJob const& job, Pair const& withheld, std::uint64_t cache_bytes)
    : job_(job),
      withheld_(withheld),
      fine_left_(std::make_unique<ReaderWithout>(*job.fine.reader, withheld.fine)),
      fine_cache_(std::make_unique<BlockCache>(*fine_left_, job.task.fine_grid.all(), job.fine.cache->bands(),
                                               job.fine.cache->block_px(), cache_bytes)),
      task_(job.task) {
  task_.targets = {withheld.date};
  task_.fine = fine_cache_.get();
  task_.model = nullptr;
  // What is measured is the method; a hole is a hole.
  task_.gap_filler = nullptr;
}

Fold::~Fold() = default;

std::string Fold::obstacle(ModelInfo const& info) const {
  auto const coarse = task_.coarse->reader().dates();
  if (info.needs_coarse && !std::ranges::binary_search(coarse, date())) {
    return "there is no coarse observation of that day";
  }
  auto const dates = dates_left();
  auto const pairs = find_pairs(dates, coarse, task_.pair_tolerance_days);
  auto const order = info.pairs_needed > 0 ? pair_order(pairs, date(), task_.max_pair_gap_days)
                                           : date_order(dates, date(), task_.max_pair_gap_days);
  auto const left = static_cast<int>(order.before.size() + order.after.size());
  int const needed = std::max(1, info.pairs_needed);
  if (left >= needed) return {};
  return fmt::format("it needs {} {}{}, {} {} left within model.max_pair_gap = {} days", needed,
                     info.pairs_needed > 0 ? "pair" : "fine scene", needed == 1 ? "" : "s", left,
                     left == 1 ? "is" : "are", task_.max_pair_gap_days);
}

PairedTile Fold::reference(Rect const& px) const {
  PairedTile tile{px.width, px.height, px.width, px.height, {}, {}, {}};
  tile.reference = read_planes(*job_.fine.cache, withheld_.fine, px, task_.quantity, tile.valid);
  return tile;
}

std::optional<LabelPlane> Fold::change(PairedTile const& reference, Rect const& px, double data_range) const {
  auto const dates = dates_left();
  if (dates.empty()) return std::nullopt;
  std::vector<std::uint8_t> valid;
  auto const base = read_planes(*fine_cache_, nearest_index(dates, date()), px, task_.quantity, valid);
  return change_labels(reference, base, valid, data_range);
}

CoarseCells Fold::coarse_cells(Rect const& core_px, Rect const& held_px) const {
  auto const dates = task_.coarse->reader().dates();
  auto const found = std::ranges::lower_bound(dates, date());
  if (found == dates.end() || *found != date()) return {};
  CoarseCells coarse =
      cells_of_tile(core_px, held_px, task_.ratio, task_.fine_grid.all(), task_.coarse_grid.all());
  if (coarse.columns == 0 || coarse.rows == 0) return coarse;
  Rect const cells{(core_px.x + coarse.first_x) / task_.ratio, (core_px.y + coarse.first_y) / task_.ratio,
                   coarse.columns, coarse.rows};
  coarse.values = read_planes(*task_.coarse, static_cast<int>(found - dates.begin()), cells, task_.quantity,
                              coarse.valid);
  return coarse;
}

std::vector<Date> Fold::dates_left() const {
  auto const dates = fine_left_->dates();
  return {dates.begin(), dates.end()};
}

void put_prediction(CubeUnit const& unit, Quantity const& quantity, PairedTile& tile) {
  tile.prediction = planes_of(unit.dn, quantity, tile.valid);
  for (int band = 0; band < unit.uncertainty.bands(); ++band) {
    auto const told = unit.uncertainty.plane(0, band);
    auto& sigma = tile.sigma.emplace_back(told.size());
    std::ranges::transform(told, sigma.begin(), [&](Dn one) {
      return one == no_data_dn ? Nano{-1} : to_nano(one * quantity.step);
    });
  }
  clear_invalid(tile);
}

}  // namespace stfcube
