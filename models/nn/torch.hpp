#pragma once

/// The one place from where LibTorch is included: its headers are precompiled, and take half a minute where
/// they are not.
#include <torch/nn.h>
#include <torch/types.h>
