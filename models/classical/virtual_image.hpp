#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/models/classical/pair_candidates.hpp"
#include "stfcube/models/classical/vipstf_settings.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/stat_zones.hpp"

namespace stfcube {

/// The first pass of VIPSTF: what regressions of coarse targets on the candidates' coarse images need. Cells
/// are summed up by which candidates are valid there, so that a regression on any of them can be made from
/// all cells where those are.
/// @source specs: vipstf.md, step 1
class CoarseRegressions {
 public:
  CoarseRegressions(VipstfSettings const& settings, int zone_px, int max_gap_days, int tolerance_days)
      : settings_(settings), zones_(zone_px), max_gap_days_(max_gap_days), tolerance_days_(tolerance_days) {}

  /// Takes Observed::coarse_series. Thread-safe for different `statistics`.
  void observe(FusionInput const& input, Statistics& statistics) const;
  void prepare(Statistics statistics) { statistics_ = std::move(statistics); }
  bool prepared() const { return statistics_.has_value(); }

  /// Dates of the candidates of a target, best first, wherever they are valid.
  std::vector<Date> candidates(Date target) const;
  StatZones const& zones() const { return zones_; }

  /// Sums of one target in one zone: for each set of valid candidates [band, RegressionSums].
  using Sums = std::map<CandidateSet, std::vector<ExactSum>>;
  Sums sums(Date target, StatZones::Zone zone) const;

 private:
  VipstfSettings const& settings_;
  StatZones zones_;
  int max_gap_days_, tolerance_days_;
  std::optional<Statistics> statistics_;
};

/// The combination of the candidates `set` from the cells where all of them are valid, per band; empty where
/// there is none. Factors are by candidate. @param candidates  their dates, best first
std::vector<ImageCombination> combine(CoarseRegressions::Sums const& sums, CandidateSet set,
                                      std::span<Date const> candidates, Date target, int bands,
                                      Negative negative);

}  // namespace stfcube
