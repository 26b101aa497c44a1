#pragma once

#include <memory>

#include "stfcube/models/nn/training/sample_source.hpp"

namespace stfcube::nn {

/// Patches in memory.
class MemoryPatches : public SampleSource {
 public:
  /// @param patches all of them, on the device of the training
  explicit MemoryPatches(PatchBatch patches) : patches_(std::move(patches)) {}

  std::int64_t size() const override { return patches_.images.size(0); }
  PatchBatch patches(std::span<std::int64_t const> indices) const override;

 private:
  PatchBatch patches_;
};

/// The patches of a file. On a device of its own they are copied there at once when they fit, so that a step
/// moves nothing but numbers of patches; else each step copies its own.
class FilePatches : public SampleSource {
 public:
  /// @param resident_bytes what the patches may take of the device's memory; a device that refuses gets none
  /// @param both_sides     only the patches that have two references
  /// @throws Error(data) when the file has no such patch
  FilePatches(std::shared_ptr<PatchFile const> file, torch::Device device, std::int64_t resident_bytes,
              bool both_sides);

  std::int64_t size() const override { return static_cast<std::int64_t>(records_.size()); }
  PatchBatch patches(std::span<std::int64_t const> indices) const override;
  bool resident() const { return resident_.defined(); }

 private:
  torch::Tensor host_images(std::span<std::int64_t const> records) const;

  std::shared_ptr<PatchFile const> file_;
  torch::Device device_;
  std::vector<std::int64_t> records_;
  torch::Tensor resident_;  ///< [size, 6, B, P, P] on the device; undefined when they do not fit
};

}  // namespace stfcube::nn
