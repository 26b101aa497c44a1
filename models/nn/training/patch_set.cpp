#include "stfcube/models/nn/training/patch_set.hpp"

#include <algorithm>
#include <cstring>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

constexpr std::int64_t records_at_once = 256;

Tensor selected(Tensor const& images, std::span<std::int64_t const> indices) {
  auto const numbers =
      torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()), torch::kInt64);
  return images.index_select(0, numbers.to(images.device()));
}

}  // namespace

PatchBatch MemoryPatches::patches(std::span<std::int64_t const> indices) const {
  PatchBatch batch{selected(patches_.images, indices), {}};
  for (auto const index : indices) batch.days.push_back(patches_.days[static_cast<std::size_t>(index)]);
  return batch;
}

FilePatches::FilePatches(std::shared_ptr<PatchFile const> file, torch::Device device,
                         std::int64_t resident_bytes, bool both_sides)
    : file_(std::move(file)), device_(device) {
  auto const& header = file_->header();
  for (std::int64_t record = 0; record < header.count; ++record) {
    if (!both_sides || file_->days(record).second != no_day) records_.push_back(record);
  }
  require(!records_.empty(), ErrorKind::data,
          both_sides
              ? "No training patch has a reference on each side of its target, which this network needs."
              : "There are no training patches.");
  if (device_.is_cpu() || size() * header.bytes_per_record() > resident_bytes) return;
  try {
    resident_ = torch::empty({size(), patch_images, header.bands, header.size_px, header.size_px},
                             torch::TensorOptions(torch::kInt16).device(device_));
    for (std::int64_t at = 0; at < size(); at += records_at_once) {
      auto const count = std::min(records_at_once, size() - at);
      resident_.narrow(0, at, count)
          .copy_(host_images(
              std::span(records_).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(count))));
    }
  } catch (c10::Error const&) {
    resident_ = Tensor();  // the device has less memory to give: every step copies its own patches
  }
}

Tensor FilePatches::host_images(std::span<std::int64_t const> records) const {
  auto const& header = file_->header();
  auto images = torch::empty(
      {static_cast<std::int64_t>(records.size()), patch_images, header.bands, header.size_px, header.size_px},
      torch::kInt16);
  auto* at = images.data_ptr<std::int16_t>();
  for (auto const record : records) {
    auto const values = file_->images(record);
    std::memcpy(at, values.data(), values.size_bytes());
    at += values.size();
  }
  return images;
}

PatchBatch FilePatches::patches(std::span<std::int64_t const> indices) const {
  PatchBatch batch;
  std::vector<std::int64_t> records;
  for (auto const index : indices) {
    records.push_back(records_[static_cast<std::size_t>(index)]);
    batch.days.push_back(file_->days(records.back()));
  }
  batch.images = resident() ? selected(resident_, indices) : host_images(records).to(device_);
  return batch;
}

}  // namespace stfcube::nn
