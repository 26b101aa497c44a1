#include "stfcube/models/nn/training/training_sample.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

constexpr double scale = 1e-4;

/// [N, 1, 1, 1, 1] of booleans.
Tensor choices(std::vector<std::uint8_t> const& chosen, torch::Device device) {
  return torch::tensor(chosen, torch::kUInt8).to(torch::kBool).view({-1, 1, 1, 1, 1}).to(device);
}

struct Image {
  Tensor values, valid;  ///< [N, B, P, P] reflectance; [N, 1, P, P]
};

/// All images of a kind and date, before filling.
Image image_of(AugmentedPatches const& patches, PatchImage which) {
  auto const stored = patches.batch.images.select(1, which);
  auto const known = stored != no_value;
  auto values = stored.to(torch::kFloat32) * scale;
  bool const coarse = which == coarse_target || which == coarse_first || which == coarse_second;
  if (coarse && patches.gain.defined()) values = values * patches.gain + patches.offset;
  return {torch::where(known, values, torch::full_like(values, NAN)), known.all(1, true).to(torch::kFloat32)};
}

/// Where `image` has no value that of `other` stands, where neither has one 0.
Tensor filled(Image const& image, Image const& other, double factor, double shift) {
  auto const values = torch::where(image.values.isnan(), other.values, image.values);
  return torch::nan_to_num(values, 0.0) * factor + shift;
}

bool has_second(PatchBatch const& batch) {
  return std::all_of(batch.days.begin(), batch.days.end(),
                     [](PatchDays const& days) { return days.second != no_day; });
}

/// Days from each patch's target to the reference that `day` names, [N].
template <class Day>
Tensor days_to(PatchBatch const& batch, Day const& day) {
  std::vector<float> days;
  for (PatchDays const& of : batch.days) days.push_back(static_cast<float>(std::abs(of.target - day(of))));
  return torch::tensor(days).to(batch.images.device());
}

/// Puts the earlier pair in the later one's place where there is none.
void complete(NetworkInput& input, AugmentedPatches const& patches) {
  std::vector<std::uint8_t> missing;
  for (PatchDays const& days : patches.batch.days) missing.push_back(days.second == no_day);
  auto const chosen = choices(missing, input.fine_before.device()).squeeze(1);
  input.fine_after = torch::where(chosen, input.fine_before, input.fine_after);
  input.coarse_after = torch::where(chosen, input.coarse_before, input.coarse_after);
  input.fine_after_valid = torch::where(chosen, input.fine_before_valid, input.fine_after_valid);
  input.coarse_after_valid = torch::where(chosen, input.coarse_before_valid, input.coarse_after_valid);
}

/// Day of the year from 0 of days since 1970 (Hinnant's civil calendar).
int day_of_year(std::int64_t days) {
  auto const shifted = days + 719468;
  auto const era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  auto const of_era = shifted - era * 146097;
  auto const year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  auto const from_march = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  auto const year = year_of_era + era * 400;
  bool const leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return static_cast<int>(from_march >= 306 ? from_march - 306 : from_march + 59 + (leap ? 1 : 0));
}

struct Scaling {
  double factor, shift;
};

Scaling scaling_of(NetworkInfo const& info) {
  return info.scaling == "symmetric" ? Scaling{2, -1} : Scaling{1, 0};
}

/// Dates of a series sample in order, per patch. The order must be the same in a batch: the target stands in
/// the middle.
void fill_series(NetworkInput& input, AugmentedPatches const& patches, Scaling const& to) {
  bool const both = has_second(patches.batch);
  std::vector<std::pair<PatchImage, PatchImage>> dates = {{fine_first, coarse_first},
                                                          {fine_target, coarse_target}};
  if (both) dates.emplace_back(fine_second, coarse_second);
  std::vector<Tensor> fine, coarse, fine_valid, coarse_valid;
  for (auto const& [fine_place, coarse_place] : dates) {
    auto const fine_image = image_of(patches, fine_place), coarse_image = image_of(patches, coarse_place);
    bool const hidden = fine_place == fine_target;
    fine.push_back(hidden ? torch::zeros_like(fine_image.values)
                          : filled(fine_image, coarse_image, to.factor, to.shift));
    fine_valid.push_back(hidden ? torch::zeros_like(fine_image.valid) : fine_image.valid);
    coarse.push_back(hidden ? filled(coarse_image, coarse_image, to.factor, to.shift)
                            : filled(coarse_image, fine_image, to.factor, to.shift));
    coarse_valid.push_back(coarse_image.valid);
  }
  input.fine_series = torch::stack(fine, 1);
  input.coarse_series = torch::stack(coarse, 1);
  input.fine_series_valid = torch::stack(fine_valid, 1);
  input.coarse_series_valid = torch::stack(coarse_valid, 1);
  std::vector<float> of_year, since_first;
  for (PatchDays const& days : patches.batch.days) {
    std::vector<std::int32_t> ordered = {days.first, days.target};
    if (both) ordered.push_back(days.second);
    // A series whose pairs were exchanged runs backwards: its days are mirrored at the target.
    bool const backwards = days.first > days.target;
    for (auto const day : ordered) {
      of_year.push_back(static_cast<float>(day_of_year(day)));
      since_first.push_back(static_cast<float>(backwards ? days.first - day : day - days.first));
    }
  }
  auto const shape = std::vector<std::int64_t>{static_cast<std::int64_t>(patches.batch.days.size()),
                                               static_cast<std::int64_t>(dates.size())};
  auto const device = patches.batch.images.device();
  input.day_of_year = torch::tensor(of_year).view(shape).to(device);
  input.days = torch::tensor(since_first).view(shape).to(device);
}

}  // namespace

AugmentedPatches augmented(PatchBatch batch, AugmentationOptions const& options,
                           std::span<CounterRandom> random) {
  auto const count = batch.days.size();
  ensure(random.size() == count, "each patch has its own random numbers");
  auto const bands = batch.images.size(2);
  std::vector<std::uint8_t> transposed, mirrored, flipped, swapped;
  std::vector<float> gain, offset;
  for (std::size_t i = 0; i < count; ++i) {
    // Every patch draws all numbers, whatever is switched on: one switch does not change what another one
    // gives.
    auto const turn = random[i].below(8);
    bool const swap = random[i].below(2) == 1 && options.swap && batch.days[i].second != no_day;
    transposed.push_back(options.dihedral && (turn & 1) != 0);
    mirrored.push_back(options.dihedral && (turn & 2) != 0);
    flipped.push_back(options.dihedral && (turn & 4) != 0);
    swapped.push_back(swap);
    if (swap) std::swap(batch.days[i].first, batch.days[i].second);
    for (std::int64_t band = 0; band < bands; ++band) {
      gain.push_back(static_cast<float>(1 + random[i].uniform(-options.gain, options.gain)));
      offset.push_back(static_cast<float>(random[i].uniform(-options.offset, options.offset)));
    }
  }
  auto const device = batch.images.device();
  auto images = batch.images;
  if (options.dihedral) {
    images = torch::where(choices(transposed, device), images.transpose(-1, -2), images);
    images = torch::where(choices(mirrored, device), images.flip(-1), images);
    images = torch::where(choices(flipped, device), images.flip(-2), images);
  }
  if (options.swap) {
    auto const order = torch::tensor(std::vector<std::int64_t>{fine_target, coarse_target, fine_second,
                                                               coarse_second, fine_first, coarse_first});
    images = torch::where(choices(swapped, device), images.index_select(1, order.to(device)), images);
  }
  AugmentedPatches result{{images, std::move(batch.days)}, {}, {}};
  if (options.gain > 0 || options.offset > 0) {
    std::vector<std::int64_t> const shape = {static_cast<std::int64_t>(count), bands, 1, 1};
    result.gain = torch::tensor(gain).view(shape).to(device);
    result.offset = torch::tensor(offset).view(shape).to(device);
  }
  return result;
}

TrainingSample training_sample(AugmentedPatches const& patches, NetworkInfo const& info) {
  auto const to = scaling_of(info);
  TrainingSample sample;
  auto const target = image_of(patches, fine_target);
  sample.truth = torch::nan_to_num(target.values, 0.0);
  auto const coarse = image_of(patches, coarse_target);
  auto& input = sample.input;
  auto const first_fine = image_of(patches, fine_first), first_coarse = image_of(patches, coarse_first);
  auto const second_fine = image_of(patches, fine_second), second_coarse = image_of(patches, coarse_second);
  bool const reads_second =
      info.form == NetworkForm::two_pairs || (info.form == NetworkForm::series && has_second(patches.batch));
  auto const referenced =
      reads_second ? torch::maximum(first_fine.valid, second_fine.valid) : first_fine.valid;
  sample.mask = target.valid * coarse.valid * referenced;
  if (info.form == NetworkForm::series) {
    fill_series(input, patches, to);
    return sample;
  }
  input.coarse_target = filled(coarse, first_fine, to.factor, to.shift);
  input.coarse_target_valid = coarse.valid;
  input.fine_before = filled(first_fine, first_coarse, to.factor, to.shift);
  input.fine_before_valid = first_fine.valid;
  if (info.form != NetworkForm::fine_and_target) {
    input.coarse_before = filled(first_coarse, first_fine, to.factor, to.shift);
    input.coarse_before_valid = first_coarse.valid;
  }
  if (info.form == NetworkForm::two_pairs) {
    input.fine_after = filled(second_fine, second_coarse, to.factor, to.shift);
    input.coarse_after = filled(second_coarse, second_fine, to.factor, to.shift);
    input.fine_after_valid = second_fine.valid;
    input.coarse_after_valid = second_coarse.valid;
    input.days_before = days_to(patches.batch, [](PatchDays const& days) { return days.first; });
    input.days_after = days_to(patches.batch, [](PatchDays const& days) {
      return days.second == no_day ? days.target : days.second;
    });
    if (info.one_sided) complete(input, patches);
  }
  return sample;
}

Tensor in_scaling(Tensor const& reflectance, NetworkInfo const& info) {
  auto const to = scaling_of(info);
  return reflectance * to.factor + to.shift;
}

Tensor target_reflectance(Tensor const& output, NetworkInfo const& info) {
  auto const of_target = output.dim() == 5 ? output.select(1, 1) : output;
  auto const from = scaling_of(info);
  return from.shift == 0 ? of_target : (of_target - from.shift) / from.factor;
}

}  // namespace stfcube::nn
