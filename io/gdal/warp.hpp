#pragma once

#include <string>

#include <gdal_alg.h>
#include <gdalwarper.h>

#include "stfcube/io/gdal/decoder.hpp"
#include "stfcube/io/gdal/pixel_transformer.hpp"
#include "stfcube/io/gdal/scene_files.hpp"

namespace stfcube::gdal {

/// @throws Error(config) listing the known names
GDALResampleAlg resampling_named(std::string const& name, std::string const& key);

/// Physical values of a scene on the grid rectangle `px`: reads what the kernel needs and resamples it. A
/// value is valid only when the scene pixel nearest to its centre is (kernels), or any pixel under it
/// (average and the like), and does not depend on `px`.
/// @throws Error(data) when the scene cannot be read
Planes<double> warp_scene(SceneFiles const& scene, PixelTransformer const& transformer, Rect const& px,
                          GDALResampleAlg resampling, Decoder const& decoder);

}  // namespace stfcube::gdal
