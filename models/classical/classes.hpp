#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// Where the classes of the fine pixels come from.
struct ClassSettings {
  std::string subject = "classes";  ///< begins the names of the statistics
  int classes = 5;                  ///< k of k-means, at least 1
  int sample = 1;                   ///< k-means looks at one of so many pixels; 1: at all
  bool class_map = false;           ///< labels from FusionInput::classes instead of k-means
  int assignments = 20;             ///< of k-means at most
};

/// Classes of the pixels of fine images: k-means of the bands with one set of centres for each date, or a map
/// of any whole numbers. A part of a method: its rounds of the first pass come before the method's own. The
/// label of a pixel is a function of its values and of the centres, so no map is kept anywhere.
/// @source specs: conventions, section 6
class FineClasses {
 public:
  explicit FineClasses(ClassSettings settings) : settings_(std::move(settings)) {}

  /// No more rounds wanted.
  bool done() const { return round_ == Round::none; }
  /// Adds the fine images of a tile without halo. Every image must be seen equally often for each of its
  /// pixels; how often does not matter. Thread-safe for different `statistics`.
  void observe(FusionInput const& input, Statistics& statistics) const;
  /// @throws Error(data) when a class map holds more than 64 different numbers
  void prepare(Statistics const& statistics);

  /// Number of classes of a date; 0 when none of its pixels was seen.
  int count(Date date) const;
  /// Centres of k-means: [class, band], DN. Those that the last assignment used.
  std::vector<double> const& centres(Date date) const;
  /// How many assignments k-means made.
  int assignments(Date date) const;

  /// Class of every pixel of padded_px at fine image `index`, row-major; -1 where the image is invalid or the
  /// map has no number, or when the date has no classes. Works in parallel.
  /// @param fill  where there is a class map: also pixels whose image is invalid
  std::vector<std::int16_t> labels(FusionInput const& input, int index, bool fill = false) const;

 private:
  enum class Round { values, ranks, assignments, none };
  struct KMeans {
    std::vector<std::int64_t> starts;  ///< the first band sum of every initial class, ascending
    std::vector<double> centres, previous;
    int assignments = 0;
    bool done = false;
  };

  std::string name(Date date, char const* what) const;
  void observe_values(FusionInput const& input, int index, Statistics& statistics) const;
  void observe_ranks(FusionInput const& input, int index, KMeans const& state, Statistics& statistics) const;
  void observe_assignment(FusionInput const& input, int index, KMeans const& state,
                          Statistics& statistics) const;
  void prepare_values(Statistics const& statistics);
  void prepare_ranks(Statistics const& statistics);
  void prepare_assignments(Statistics const& statistics);

  ClassSettings settings_;
  Round round_ = Round::values;
  std::map<Date, KMeans> states_;
  std::vector<std::int32_t> map_labels_;  ///< of the class map, ascending
};

/// The nearest centre of each of `pixels` pixels: the smallest sum of squares over bands, the lower class of
/// equals.
/// @param bands    one row of values for each band
/// @param centres  [class, band]
/// @param labels   to be written
void nearest_centres(std::span<Dn const* const> bands, int pixels, std::span<double const> centres,
                     std::int16_t* labels);

}  // namespace stfcube
