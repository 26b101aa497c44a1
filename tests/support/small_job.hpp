#pragma once

#include <memory>
#include <random>

#include "stfcube/pipeline/tile_pipeline.hpp"
#include "stfcube/tests/support/memory_io.hpp"

namespace stfcube::testing {

/// A small job in memory: random fine and coarse images, a few dates, two bands, some clouds.
struct SmallJob {
  static constexpr int width = 150, height = 110, ratio = 8, bands = 2;
  std::unique_ptr<MemoryReader> fine_reader, coarse_reader;
  std::unique_ptr<BlockCache> fine, coarse;
  FusionTask task;

  explicit SmallJob(FusionModel& model) {
    task.fine_grid.width = width;
    task.fine_grid.height = height;
    task.ratio = ratio;
    task.coarse_grid = coarse_grid(task.fine_grid, ratio);
    task.targets = {Date{0}, Date{3}, Date{5}, Date{8}, Date{10}};
    task.bands = {"red", "nir"};
    task.max_pair_gap_days = 30;
    task.model = &model;
    fine_reader = std::make_unique<MemoryReader>(std::vector{Date{0}, Date{10}}, random_stack(2, height, width, 7));
    coarse_reader = std::make_unique<MemoryReader>(task.targets, random_stack(5, task.coarse_grid.height, task.coarse_grid.width, 0));
    fine = std::make_unique<BlockCache>(*fine_reader, task.fine_grid.all(), bands, 32, 1 << 20);
    coarse = std::make_unique<BlockCache>(*coarse_reader, task.coarse_grid.all(), bands, 16, 1 << 20);
    task.fine = fine.get();
    task.coarse = coarse.get();
  }

  /// One pixel of `one_in` is without data; 0: none is.
  static Stack<Dn> random_stack(int dates, int rows, int cols, unsigned one_in) {
    std::mt19937 random(static_cast<unsigned>(rows));
    Stack<Dn> dn(dates, bands, rows, cols);
    for (int d = 0; d < dates; ++d) {
      for (int y = 0; y < rows; ++y) {
        for (int x = 0; x < cols; ++x) {
          bool const missing = one_in > 0 && random() % one_in == 0;
          for (int b = 0; b < bands; ++b) {
            dn.at(d, b, y, x) = missing ? no_data_dn : static_cast<Dn>(200 + random() % 3000);
          }
        }
      }
    }
    return dn;
  }
};

}  // namespace stfcube::testing
