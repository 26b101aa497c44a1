#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "stfcube/models/nn/weights/input_file.hpp"
#include "stfcube/models/nn/weights/pickle_value.hpp"
#include "stfcube/models/nn/weights/zip_archive.hpp"

namespace stfcube::nn {

/// The pickle of a PyTorch file, and the blocks of numbers it refers to.
class TensorStorages {
 public:
  virtual ~TensorStorages() = default;

  virtual PickleDocument const& document() const = 0;

  /// The bytes of one storage, at least as many as its elements need.
  /// @throws Error(data) when it is absent, shorter, or damaged
  virtual std::string read(PickledStorage const& storage) const = 0;
};

/// The storages of a file in either form of torch.save.
/// @param file must outlive the result
/// @throws Error(data) when the file has another form
std::unique_ptr<TensorStorages> open_tensor_storages(InputFile const& file);

}  // namespace stfcube::nn
