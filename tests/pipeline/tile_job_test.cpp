#include "stfcube/pipeline/tile_job.hpp"

#include <gtest/gtest.h>

#include "stfcube/tests/support/small_job.hpp"
#include "stfcube/tests/support/window_mean_model.hpp"

namespace stfcube {
namespace {

using testing::SmallJob;
using testing::WindowMean;

CubeUnit fuse_all(FusionTask const& task) {
  Timings timings;
  return fuse_unit(task, task.fine_grid.all(), {0, static_cast<int>(task.targets.size())}, timings);
}

TEST(TileJob, observed_pixels_of_a_target_date_are_kept_and_flagged) {
  WindowMean model(1, 1);
  SmallJob job(model);
  CubeUnit const unit = fuse_all(job.task);
  Stack<Dn> const fine = SmallJob::random_stack(2, SmallJob::height, SmallJob::width, 7);
  for (int y = 0; y < SmallJob::height; ++y) {
    for (int x = 0; x < SmallJob::width; ++x) {
      if (fine.at(0, 0, y, x) == no_data_dn) {
        EXPECT_NE(unit.quality.at(0, 0, y, x) & quality::state_mask, quality::observed);
        continue;
      }
      ASSERT_EQ(unit.dn.at(0, 0, y, x), fine.at(0, 0, y, x));
      ASSERT_EQ(unit.dn.at(0, 1, y, x), fine.at(0, 1, y, x));
      ASSERT_EQ(unit.quality.at(0, 0, y, x), quality::observed);
      ASSERT_EQ(unit.uncertainty.at(0, 0, y, x), 20);
      ASSERT_EQ(unit.uncertainty.at(0, 1, y, x), 50);
    }
  }
  // A date without a fine scene has no observed pixel.
  for (quality::Flags q : unit.quality.plane(1, 0)) ASSERT_NE(q & quality::state_mask, quality::observed);
}

/// Predicts nothing at all.
class Silent final : public FusionModel {
 public:
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const&, int) const override { return 0; }
  void fuse(FusionInput const&, FusionOutput&) const override {}

 private:
  ModelInfo info_;
};

TEST(TileJob, holes_take_the_gap_fillers_value_and_flag) {
  Silent silent;
  WindowMean filler(0, 0);
  SmallJob job(silent);
  job.task.gap_filler = &filler;
  CubeUnit const unit = fuse_all(job.task);
  Stack<Dn> const fine = SmallJob::random_stack(2, SmallJob::height, SmallJob::width, 7);
  for (int y = 0; y < SmallJob::height; ++y) {
    for (int x = 0; x < SmallJob::width; ++x) {
      auto const flags = unit.quality.at(1, 0, y, x);
      if (fine.at(0, 0, y, x) == no_data_dn) {
        ASSERT_EQ(flags, quality::no_data);
        ASSERT_EQ(unit.dn.at(1, 0, y, x), no_data_dn);
      } else {
        ASSERT_EQ(flags, quality::gap_filled | quality::input_masked);
        ASSERT_NE(unit.dn.at(1, 0, y, x), no_data_dn);
      }
    }
  }
}

TEST(TileJob, without_a_gap_filler_holes_stay_no_data) {
  Silent silent;
  SmallJob job(silent);
  CubeUnit const unit = fuse_all(job.task);
  for (quality::Flags q : unit.quality.plane(1, 0)) ASSERT_EQ(q, quality::no_data);
  for (Dn v : unit.dn.plane(1, 0)) ASSERT_EQ(v, no_data_dn);
}

TEST(TileJob, slab_takes_the_scenes_within_the_pair_gap_and_its_own_coarse_dates) {
  WindowMean model(0, 0);
  SmallJob job(model);
  job.task.max_pair_gap_days = 4;
  SlabScenes const scenes = scenes_of_slab(job.task, {1, 2});  // days 3 and 5
  EXPECT_EQ(scenes.fine, (std::vector{0}));                    // day 0 is 3 days off, day 10 is 5
  EXPECT_EQ(scenes.coarse, (std::vector{0, 1, 2}));            // the pair's, and the two targets'
}

/// A method that looks at the coarse series around its targets.
class Reaching final : public FusionModel {
 public:
  explicit Reaching(int days) { info_.coarse_reach_days = days; }
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const&, int) const override { return 0; }
  void fuse(FusionInput const&, FusionOutput&) const override {}

 private:
  ModelInfo info_;
};

TEST(TileJob, coarse_dates_within_the_methods_reach_come_along) {
  Reaching near(2), far(5);
  SmallJob job(near);
  job.task.max_pair_gap_days = 0;
  auto const days = [&](FusionModel& model) {
    job.task.model = &model;
    std::vector<int> found;
    for (int const i : scenes_of_slab(job.task, {1, 2}).coarse) {  // days 3 and 5
      found.push_back(job.task.coarse->reader().dates()[static_cast<std::size_t>(i)].days);
    }
    return found;
  };
  EXPECT_EQ(days(near), (std::vector{3, 5}));
  EXPECT_EQ(days(far), (std::vector{0, 3, 5, 8, 10}));
}

/// A method that asks for the coarse series between its pairs.
class Between final : public FusionModel {
 public:
  Between() { info_.coarse_between_pairs = true; }
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const&, int) const override { return 0; }
  void fuse(FusionInput const&, FusionOutput&) const override {}

 private:
  ModelInfo info_;
};

TEST(TileJob, slab_takes_the_coarse_series_between_its_pairs_where_asked) {
  Between model;
  SmallJob job(model);
  job.task.max_pair_gap_days = 7;
  SlabScenes const scenes = scenes_of_slab(job.task, {1, 1});  // day 3
  EXPECT_EQ(scenes.fine, (std::vector{0, 1}));                 // days 0 and 10
  EXPECT_EQ(scenes.coarse, (std::vector{0, 1, 2, 3, 4}));      // all on days 0 to 10
}

TEST(TileJob, memory_of_a_unit_grows_with_dates_and_tile) {
  WindowMean model(3, 3);
  SmallJob job(model);
  auto const small = unit_bytes(job.task, {0, 0, 32, 32}, {0, 1}, 1);
  EXPECT_GT(unit_bytes(job.task, {0, 0, 64, 64}, {0, 1}, 1), small);
  EXPECT_GT(unit_bytes(job.task, {0, 0, 32, 32}, {0, 5}, 1), small);
}

}  // namespace
}  // namespace stfcube
