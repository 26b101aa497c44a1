#include "stfcube/models/nn/blas.hpp"

#include <dlfcn.h>

#include <string_view>

namespace stfcube::nn {

bool blas_needs_turns() {
  static bool const needs = [] {
    auto const config = reinterpret_cast<char const* (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
    return config && std::string_view(config()).find("SINGLE_THREADED") != std::string_view::npos;
  }();
  return needs;
}

}  // namespace stfcube::nn
