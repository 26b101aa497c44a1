#include "stfcube/models/nn/weights/pickle_globals.hpp"

#include <algorithm>
#include <array>

namespace stfcube::nn {
namespace {

constexpr std::array opaque_globals{"_codecs.encode",  // how Python 3 writes bytes in protocol 2
                                    "argparse.Namespace",
                                    "collections.Counter",
                                    "builtins.set",
                                    "__builtin__.set",
                                    "builtins.complex",
                                    "__builtin__.complex",
                                    "numpy.dtype",
                                    "numpy.ndarray",
                                    "numpy.core.multiarray.scalar",
                                    "numpy.core.multiarray._reconstruct",
                                    "numpy._core.multiarray.scalar",
                                    "numpy._core.multiarray._reconstruct",
                                    "torch.device",
                                    "torch.float64",
                                    "torch.float32",
                                    "torch.float16",
                                    "torch.bfloat16",
                                    "torch.int64",
                                    "torch.int32",
                                    "torch.int16",
                                    "torch.int8",
                                    "torch.uint8",
                                    "torch.bool",
                                    "torch.strided",
                                    "torch.contiguous_format",
                                    "torch.channels_last"};

constexpr std::array called_globals{"collections.OrderedDict",         "torch.Size",
                                    "torch._utils._rebuild_tensor",    "torch._utils._rebuild_tensor_v2",
                                    "torch._utils._rebuild_parameter", "torch.jit._pickle.restore_type_tag"};

template <class Names>
bool contains(Names const& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool is_known_global(std::string_view global) {
  return contains(called_globals, global) || is_opaque_global(global) ||
         storage_of_global(global).has_value();
}

bool is_opaque_global(std::string_view global) {
  return contains(opaque_globals, global);
}

std::optional<ElementType> storage_of_global(std::string_view global) {
  for (std::string_view const module : {"torch.cuda.", "torch."}) {
    if (global.starts_with(module)) return element_type_of_storage(global.substr(module.size()));
  }
  return std::nullopt;
}

}  // namespace stfcube::nn
