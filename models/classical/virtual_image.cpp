#include "stfcube/models/classical/virtual_image.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "stfcube/models/pair_runs.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

std::string subject(Date target) {
  return "vipstf/" + to_string(target);
}

std::string set_name(std::string const& name, CandidateSet set) {
  return fmt::format("{}/{}", name, set);
}

/// Cells whose first pixel lies in `px`.
Rect cells_starting_in(Rect const& px, int ratio) {
  auto const up = [&](int at) { return (at + ratio - 1) / ratio; };
  return {up(px.x), up(px.y), up(px.right()) - up(px.x), up(px.bottom()) - up(px.y)};
}

/// The numbers of some images out of sums for `images` images.
std::vector<ExactSum> chosen_sums(std::span<ExactSum const> all, std::vector<int> const& chosen) {
  std::vector<ExactSum> sums(all.begin(), all.begin() + 3);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    std::size_t const from = RegressionSums::count(chosen[i]);
    sums.push_back(all[from]);
    sums.push_back(all[from + 1]);
    for (std::size_t j = 0; j <= i; ++j) sums.push_back(all[from + 2 + to_size(chosen[j])]);
  }
  return sums;
}

/// Where each cell's sums go: rows of one piece and target, looked up once.
class PieceSums {
 public:
  PieceSums(Statistics& statistics, std::string name, std::size_t count)
      : statistics_(statistics), name_(std::move(name)), count_(count), tally_(statistics.tally(name_)) {}

  std::span<ExactSum> of(CandidateSet set) {
    auto& row = rows_[set];
    if (row.empty()) row = statistics_.row(set_name(name_, set), count_);
    tally_[set] += 1;
    return row;
  }

 private:
  Statistics& statistics_;
  std::string name_;
  std::size_t count_;
  Tally& tally_;
  std::map<CandidateSet, std::span<ExactSum>> rows_;
};

}  // namespace

void CoarseRegressions::observe(FusionInput const& input, Statistics& statistics) const {
  auto const pairs = find_pairs(input.fine.dates, input.coarse.dates, tolerance_days_);
  auto const& coarse = input.coarse.dn;
  int const images = settings_.candidates(), bands = coarse.bands();
  std::size_t const per_band = RegressionSums::count(images);
  auto const target_coarse = coarse_of_targets(input);
  for (std::size_t t = 0; t < target_coarse.size(); ++t) {
    Date const target = input.targets[t];
    int const date = target_coarse[t];
    auto const candidates = pair_candidates(pairs, target, max_gap_days_, images);
    if (date < 0 || candidates.empty()) continue;
    for (Pair const& pair : candidates) statistics.tally(subject(target) + "/pairs")[pair.date.days] += 1;
    for (auto const& piece : zones_.pieces(subject(target), input.core_px)) {
      PieceSums rows(statistics, piece.name, to_size(bands) * per_band);
      Rect const cells = intersect(cells_starting_in(piece.px, input.ratio), input.cells);
      std::vector<int> values(to_size(images));
      for (int y = cells.y - input.cells.y; y < cells.bottom() - input.cells.y; ++y) {
        for (int x = cells.x - input.cells.x; x < cells.right() - input.cells.x; ++x) {
          if (coarse.at(date, 0, y, x) == no_data_dn) continue;
          CandidateSet set = 0;
          for (std::size_t i = 0; i < candidates.size(); ++i)
            set |= coarse.at(candidates[i].coarse, 0, y, x) != no_data_dn ? 1U << i : 0U;
          if (set == 0) continue;
          auto const row = rows.of(set);
          for (int band = 0; band < bands; ++band) {
            for (std::size_t i = 0; i < candidates.size(); ++i)
              values[i] = (set >> i & 1U) != 0 ? coarse.at(candidates[i].coarse, band, y, x) : 0;
            RegressionSums::add(row.subspan(to_size(band) * per_band, per_band), std::span<int const>(values),
                                coarse.at(date, band, y, x));
          }
        }
      }
    }
  }
}

std::vector<Date> CoarseRegressions::candidates(Date target) const {
  std::vector<Pair> pairs;
  for (auto const& [days, count] : statistics_->find_tally(subject(target) + "/pairs"))
    pairs.push_back({.date = Date{static_cast<std::int32_t>(days)}});
  std::vector<Date> dates;
  for (Pair const& pair : pair_candidates(pairs, target, max_gap_days_, settings_.candidates()))
    dates.push_back(pair.date);
  return dates;
}

CoarseRegressions::Sums CoarseRegressions::sums(Date target, StatZones::Zone zone) const {
  Sums total;
  for (std::string const& name : zones_.names(subject(target), zone)) {
    for (auto const& [set, cells] : statistics_->find_tally(name)) {
      auto const row = statistics_->find(set_name(name, static_cast<CandidateSet>(set)));
      auto& sums = total[static_cast<CandidateSet>(set)];
      sums.resize(row.size());
      for (std::size_t i = 0; i < row.size(); ++i) sums[i] += row[i];
    }
  }
  return total;
}

std::vector<ImageCombination> combine(CoarseRegressions::Sums const& sums, CandidateSet set,
                                      std::span<Date const> candidates, Date target, int bands,
                                      Negative negative) {
  std::vector<ExactSum> total;
  for (auto const& [valid, part] : sums) {
    if ((valid & set) != set) continue;
    total.resize(part.size());
    for (std::size_t i = 0; i < part.size(); ++i) total[i] += part[i];
  }
  if (total.empty()) return {};
  std::vector<int> chosen, farthest;
  for (int i = 0; i < static_cast<int>(candidates.size()); ++i) {
    if ((set >> i & 1U) != 0) chosen.push_back(i);
  }
  for (int i = static_cast<int>(chosen.size()) - 1; i >= 0; --i) farthest.push_back(i);
  auto const distance = [&](int i) { return std::abs(candidates[to_size(chosen[to_size(i)])] - target); };
  std::ranges::stable_sort(farthest, [&](int a, int b) { return distance(a) > distance(b); });
  std::vector<ImageCombination> combinations;
  std::size_t const per_band = total.size() / to_size(bands);
  for (int band = 0; band < bands; ++band) {
    auto const some = chosen_sums(std::span(total).subspan(to_size(band) * per_band, per_band), chosen);
    ImageCombination compact =
        explain_image(RegressionSums(some, static_cast<int>(chosen.size())), farthest, negative);
    ImageCombination& wide = combinations.emplace_back(compact);
    wide.factors.assign(candidates.size(), 0.0);
    for (std::size_t i = 0; i < chosen.size(); ++i) wide.factors[to_size(chosen[i])] = compact.factors[i];
  }
  return combinations;
}

}  // namespace stfcube
