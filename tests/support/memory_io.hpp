#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/observation_reader.hpp"

namespace stfcube::testing {

/// Observations in memory, [date, band, y, x] on the whole grid. Counts how often it is read.
class MemoryReader final : public ObservationReader {
 public:
  MemoryReader(std::vector<Date> dates, Stack<Dn> dn) : dates_(std::move(dates)), dn_(std::move(dn)) {}

  std::span<Date const> dates() const override { return dates_; }
  Rect footprint(int) const override { return {0, 0, dn_.cols(), dn_.rows()}; }
  Stack<Dn> read(int index, Rect const& px) const override {
    ++reads;
    Stack<Dn> block(1, dn_.bands(), px.height, px.width);
    for (int band = 0; band < dn_.bands(); ++band) {
      for (int y = 0; y < px.height; ++y) {
        std::copy_n(dn_.row(index, band, px.y + y) + px.x, px.width, block.row(0, band, y));
      }
    }
    return block;
  }

  mutable std::atomic<int> reads{0};

 private:
  std::vector<Date> dates_;
  Stack<Dn> dn_;
};

/// Keeps the whole cube in memory.
class MemoryWriter final : public CubeWriter {
 public:
  MemoryWriter(Rect const& grid, int dates, int bands)
      : dn(dates, bands, grid.height, grid.width), uncertainty(dates, bands, grid.height, grid.width),
        quality(dates, 1, grid.height, grid.width) {
    dn.fill(no_data_dn);
    uncertainty.fill(no_data_dn);
    quality.fill(quality::no_data);
  }

  std::vector<std::int64_t> const& units_done() const override { return done; }
  std::uint64_t first_extent() const override { return 0; }
  bool in_rounds() const override { return rounds; }
  void write(CubeUnit const* unit, Extents const&) override {
    if (!unit) return;
    place(unit->dn, *unit, dn);
    place(unit->uncertainty, *unit, uncertainty);
    place(unit->quality, *unit, quality);
    numbers += std::to_string(unit->number) + " ";
    if (after_write) after_write();
  }
  std::string finish(CubeSummary const&) override { return "in memory"; }

  std::vector<std::int64_t> done;
  bool rounds = false;
  std::string numbers;                ///< of the units that this rank wrote
  std::function<void()> after_write;  ///< called by `write`, when set
  Stack<Dn> dn, uncertainty;
  Stack<quality::Flags> quality;

 private:
  template <class T>
  static void place(Stack<T> const& from, CubeUnit const& unit, Stack<T>& to) {
    for (int t = 0; t < from.dates(); ++t) {
      for (int band = 0; band < from.bands(); ++band) {
        for (int y = 0; y < from.rows(); ++y) {
          std::copy_n(from.row(t, band, y), from.cols(), to.row(unit.first_date + t, band, unit.px.y + y) + unit.px.x);
        }
      }
    }
  }
};

}  // namespace stfcube::testing
