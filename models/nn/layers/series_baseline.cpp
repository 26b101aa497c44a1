#include "stfcube/models/nn/layers/series_baseline.hpp"

#include <tuple>

namespace stfcube::nn {

using torch::Tensor;

Tensor series_baseline(Tensor const& fine, Tensor const& coarse, Tensor const& both_valid,
                       Tensor const& days) {
  std::int64_t const dates = fine.size(0), bands = fine.size(2);
  Tensor const number = torch::arange(dates, both_valid.options().dtype(torch::kInt64)).unsqueeze(1);
  Tensor const before = std::get<0>(torch::where(both_valid, number, -1).cummax(0));
  Tensor const after = std::get<0>(torch::where(both_valid, number, dates).flip({0}).cummin(0)).flip({0});
  Tensor const has_before = before >= 0, has_after = after < dates;
  // Where one side is missing, both are the other one; where both are, any date stands for them.
  Tensor const first = torch::where(has_before, before, after).clamp(0, dates - 1);
  Tensor const second = torch::where(has_after, after, before).clamp(0, dates - 1);

  Tensor const first_day = days.index_select(0, first.flatten()).view_as(first);
  Tensor const second_day = days.index_select(0, second.flatten()).view_as(second);
  Tensor const share = (days.unsqueeze(1) - first_day) / (second_day - first_day).clamp_min(1e-3);
  Tensor const weight = torch::where(has_before & has_after, share, torch::zeros_like(share)).unsqueeze(-1);

  Tensor const difference = torch::where(both_valid.unsqueeze(-1), fine - coarse, torch::zeros_like(fine));
  auto const at = [&](Tensor const& date) {
    return difference.gather(0, date.unsqueeze(-1).expand({-1, -1, bands}));
  };
  return coarse + (1 - weight) * at(first) + weight * at(second);
}

}  // namespace stfcube::nn
