#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/jobs/prepared_job.hpp"
#include "stfcube/models/accuracy_strata.hpp"

namespace stfcube {

/// A job without the fine observation of one pair date, which is its only target: what a cross-validation
/// predicts, and what it holds the predictions against. Points into the job.
class Fold {
 public:
  /// @param cache_bytes  of decoded blocks of the fine scenes that are left
  Fold(PreparedJob const& job, Pair const& withheld, std::uint64_t cache_bytes);
  ~Fold();

  Date date() const { return withheld_.date; }
  /// Without a method.
  FusionTask const& task() const { return task_; }

  /// Why a method cannot predict this date; empty when it may.
  std::string obstacle(ModelInfo const& info) const;

  /// The withheld observation over a rectangle, in billionths; zero where not valid. Its prediction is empty,
  /// its core is the whole rectangle.
  PairedTile reference(Rect const& px) const;

  /// Change since the nearest fine observation that is left; nothing when there is none.
  std::optional<LabelPlane> change(PairedTile const& reference, Rect const& px, double data_range) const;

  /// The coarse cells of a tile on that day; none when there is no coarse observation.
  CoarseCells coarse_cells(Rect const& core_px, Rect const& held_px) const;

 private:
  std::vector<Date> dates_left() const;

  PreparedJob const& job_;
  Pair withheld_;
  std::unique_ptr<ObservationReader> fine_left_;
  std::unique_ptr<BlockCache> fine_cache_;
  FusionTask task_;
};

/// Puts a prediction beside the reference of a tile; pixels without one become invalid. `sigma` is left empty
/// without an uncertainty layer.
void put_prediction(CubeUnit const& unit, Quantity const& quantity, PairedTile& tile);

}  // namespace stfcube
