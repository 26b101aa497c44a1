#pragma once

#include <optional>
#include <string_view>

#include "stfcube/models/nn/weights/element_type.hpp"

namespace stfcube::nn {

/// Whether a pickle may name this function or class of Python's ("collections.OrderedDict"). Everything else
/// is refused.
bool is_known_global(std::string_view global);

/// Whether it stands for a value of no interest, called or not.
bool is_opaque_global(std::string_view global);

/// The type of the numbers of "torch.FloatStorage" or "torch.cuda.FloatStorage". Nothing for other names.
std::optional<ElementType> storage_of_global(std::string_view global);

}  // namespace stfcube::nn
