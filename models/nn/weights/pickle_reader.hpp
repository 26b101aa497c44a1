#pragma once

#include <string>
#include <string_view>

#include "stfcube/models/nn/weights/pickle_value.hpp"

namespace stfcube::nn {

/// Reads a Python pickle (protocols 2 to 5) as PyTorch writes them for state dicts. A pickle is a program for
/// a small stack machine that may call any Python function; this reader has no functions to call. It knows by
/// name how tensors and ordered dicts are put together, keeps a few other names that training scripts leave
/// behind as opaque values, and refuses the rest. Time and memory are bounded by the number of bytes.
///
/// @param bytes   may go on after the pickle (PickleDocument::length says where it ends)
/// @param source  what messages call it ("weights.pth, data.pkl")
/// @throws Error(data) for a name that is not known, a cut-off or contradictory pickle, or one with more than
/// a million values
PickleDocument read_pickle(std::string_view bytes, std::string const& source);

}  // namespace stfcube::nn
