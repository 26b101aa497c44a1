#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stfcube/models/classical/classes.hpp"
#include "stfcube/models/classical/tasselled_cap.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/models/stat_zones.hpp"

namespace stfcube {

/// What counts as a disturbance (specs: staarch.md, parameters). Standardised: in standard deviations.
struct DisturbanceSettings {
  double index = 2;        ///< least standardised disturbance index of a fine pixel
  double brightness = -3;  ///< least standardised brightness
  double wetness = -1;     ///< largest standardised wetness
  double vegetation = 0;   ///< largest standardised vegetation index
  int neighbours = 1;      ///< of the four neighbours so many must be disturbed too
  int dates = 3;           ///< valid coarse dates in the forward mean
  double share = 2.0 / 3;  ///< dated where mean and index have risen by this share of the mean's range
  int classes = 10;        ///< of k-means
  bool class_map = false;  ///< classes from the job's map
  int zone_px = 0;         ///< side of a statistics zone; 0: the scene
};

/// Disturbances of a tile between two pairs: one entry per pixel of the core, row-major.
struct Disturbances {
  enum State : std::uint8_t { none, dated, undated };
  std::vector<std::uint8_t> state;
  std::vector<Date>
      date;  ///< the first day after the disturbance; of undated ones the middle between the pairs
};

/// Finds pixels that were disturbed between two fine images, and dates the disturbances from the coarse
/// series between them. A part of a method; its rounds of the first pass are those of
/// Observed::pairs_and_between.
/// @source Hilker et al. 2009, doi:10.1016/j.rse.2009.03.007; specs: staarch.md
class DisturbanceDetector {
 public:
  DisturbanceDetector(DisturbanceSettings const& settings, SixBands const& bands);

  /// No more rounds wanted.
  bool done() const { return statistics_.has_value(); }
  /// The next round is the last one.
  bool last_round() const { return classes_.done(); }
  /// Thread-safe for different `statistics`.
  void observe(FusionInput const& input, Statistics& statistics) const;
  void prepare(Statistics const& statistics);

  /// Between two pairs of the input. Without a class map, only neighbouring pairs of the whole run are
  /// compared; nothing is disturbed between others. Looks one pixel around the core. Works in parallel.
  Disturbances find(FusionInput const& input, Pair const& before, Pair const& after) const;

  /// Bytes of one call of `find` with its result, at most.
  static std::size_t bytes(TileShape const& shape);
  /// Bytes of a result.
  static std::size_t result_bytes(TileShape const& shape);

 private:
  class Scores;

  std::string fine_subject(Date classes, Date image) const;
  std::vector<std::int16_t> labels(FusionInput const& input, int class_image, int image) const;
  void observe_fine(FusionInput const& input, int class_image, int image, Statistics& statistics) const;
  void observe_coarse(FusionInput const& input, int image, Statistics& statistics) const;
  std::array<Dn, 6> six(SceneSeries const& series, int image, int y, int x) const;
  std::vector<std::uint8_t> disturbed(FusionInput const& input, int class_image, int image) const;
  void put_date(FusionInput const& input, std::vector<Scores> const& scores, int first, int cell_x,
                int cell_y, Disturbances& to, std::vector<std::size_t> const& pixels) const;

  DisturbanceSettings settings_;
  SixBands bands_;
  StatZones zones_;
  FineClasses classes_;
  std::optional<Statistics> statistics_;
};

}  // namespace stfcube
