#include "stfcube/models/nn/weights/named_arrays.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace stfcube::nn {

bool is_derived(std::string const& name) {
  constexpr std::array<std::string_view, 3> derived{"num_batches_tracked", "relative_position_index",
                                                    "attn_mask"};
  return std::ranges::find(derived, name.substr(name.rfind('.') + 1)) != derived.end();
}

}  // namespace stfcube::nn
