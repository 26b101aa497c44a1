#pragma once

#include <filesystem>

#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/registry.hpp"

/// Scenes for measurements of methods: 4 bands, ratio 16.
namespace stfcube::benchmarks {

inline constexpr int ratio = 16, bands = 4;

/// Values of a scene, [1, band, y, x].
using Texture = Stack<Dn>;

/// Fields of 20 to 60 px with a crop's reflectance, a slow trend inside, and noise from pixel to pixel.
Texture field_texture(int size);

/// The fine image of the BOREAS set, in the folder with real imagery.
std::filesystem::path boreas_scene();
/// The scene of 400 x 400 px, mirrored again and again; the last band twice.
Texture boreas_texture(int size);

/// Side of the scenes: 1200 px, or what STFCUBE_BENCHMARK_SIZE says.
int scene_size();

/// A whole scene, one image a day: `pairs` days have a pair (the first, and with more than one the last and
/// others evenly between), the `targets` others are to be predicted.
FusionInput make_scene(Texture const& texture, int pairs, int targets);

/// The settings of a method for these scenes: pairs of any age.
ModelSettings scene_settings();

}  // namespace stfcube::benchmarks
