#pragma once

#include <map>
#include <vector>

#include "stfcube/models/classical/coupled_dictionary.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/pairs.hpp"

namespace stfcube {

/// Parameters of SPSTFM (specs: spstfm.md).
struct SpstfmSettings {
  int side = 7;                ///< of a patch, px
  int step = 5;                ///< between patches, px
  int patches = 2000;          ///< to learn from
  double invalid_share = .15;  ///< of a patch, at most
  CoupledDictionary::Training training = {};
  CodingSettings coding = {};
  int tolerance_days = 0;  ///< within a pair
};

/// What was learnt from two neighbouring pairs, in one band.
struct SpstfmBand {
  double fine_sigma = 0, coarse_sigma = 0;    ///< of the changes between the pairs, DN
  std::vector<CoupledDictionary> dictionary;  ///< one, or none where there was nothing to learn from
  /// Largest |c_k - c_p| of the coarse cells by target date, DN: from the earlier pair and from the later
  /// one.
  std::map<Date, double> largest_before, largest_after;
};

struct SpstfmCombination {
  Date before, after;  ///< fine dates of the two pairs
  std::vector<SpstfmBand> bands;

  /// Every band has a dictionary.
  bool usable() const;
};

/// Learns a coupled dictionary of every two neighbouring pairs and every band in two rounds of the first
/// pass: the patches that vary most are found, then gathered. A part of a method. The result is a function of
/// the scene, not of its tiles.
class SpstfmTraining {
 public:
  SpstfmTraining(SpstfmSettings const& settings, int bands) : settings_(settings), bands_(bands) {}

  bool done() const { return round_ == 2; }
  /// Thread-safe for different `statistics`.
  void observe(FusionInput const& input, Statistics& statistics) const;
  void prepare(Statistics const& statistics);

  /// The pairs around a target; null where there are none.
  SpstfmCombination const* find(Date target) const;

 private:
  /// A patch by its first pixel; ordered by rows.
  struct Place {
    int y = 0, x = 0;
    auto operator<=>(Place const&) const = default;
  };
  struct Scene {
    int width = 0, height = 0, ratio = 1;
  };
  using Chosen = std::vector<std::vector<Place>>;  ///< [band, rank]

  Rect patch_px(Place place) const { return {place.x, place.y, settings_.side, settings_.side}; }
  std::vector<Place> candidates(Scene const& scene, int block_x, int block_y) const;
  Rect patch_cells(Scene const& scene, Place place) const;
  void observe_candidates(FusionInput const& input, std::vector<Pair> const& pairs,
                          Statistics& statistics) const;
  void observe_sums(FusionInput const& input, std::vector<Pair> const& pairs, Statistics& statistics) const;
  void observe_largest(FusionInput const& input, std::vector<Pair> const& pairs,
                       Statistics& statistics) const;
  void gather(FusionInput const& input, std::vector<Pair> const& pairs, Statistics& statistics) const;
  void choose(Statistics const& statistics, SpstfmCombination& combination);
  void take_sums(Statistics const& statistics, SpstfmCombination& combination) const;
  void learn(Statistics const& statistics, SpstfmCombination& combination, Chosen const& chosen) const;
  std::vector<float> patch(std::span<ExactSum const> packed, SpstfmBand const& band, Place place) const;

  SpstfmSettings settings_;
  int bands_;
  int round_ = 0;
  Scene scene_;
  std::vector<SpstfmCombination> combinations_;  ///< ascending
  std::vector<Chosen> chosen_;                   ///< per combination
};

}  // namespace stfcube
