#include "stfcube/io/gdal/warp.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <cpl_string.h>
#include <fmt/format.h>

namespace stfcube::gdal {
namespace {

std::map<std::string, GDALResampleAlg> const algorithms = {
    {"near", GRA_NearestNeighbour},
    {"bilinear", GRA_Bilinear},
    {"cubic", GRA_Cubic},
    {"cubicspline", GRA_CubicSpline},
    {"lanczos", GRA_Lanczos},
    {"average", GRA_Average},
    {"rms", GRA_RMS},
    {"mode", GRA_Mode},
    {"max", GRA_Max},
    {"min", GRA_Min},
    {"med", GRA_Med},
    {"q1", GRA_Q1},
    {"q3", GRA_Q3},
};

/// How far a kernel reaches, in scene pixels or, where the scene is finer, grid pixels. Statistics look at no
/// more than the grid pixel itself, whose corners are looked at anyway.
double kernel_radius(GDALResampleAlg resampling) {
  switch (resampling) {
    case GRA_Cubic:
    case GRA_CubicSpline:
      return 2;
    case GRA_Lanczos:
      return 3;
    default:
      return 1;
  }
}

/// Scene pixels that the grid rectangle needs: where the corners of its pixels fall, and the kernel's reach
/// around them. Reaches outside the scene by no more than the kernel does.
Rect needed_window(PixelTransformer const& transformer, SceneGeometry const& scene, Rect const& px,
                   GDALResampleAlg resampling) {
  constexpr int steps = 32, reserve_px = 4;
  Points points = lattice(px, steps);
  transformer.to_scene(points);
  double left = HUGE_VAL, top = HUGE_VAL, right = -HUGE_VAL, bottom = -HUGE_VAL;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!points.ok[i]) continue;
    left = std::min(left, points.x[i]);
    right = std::max(right, points.x[i]);
    top = std::min(top, points.y[i]);
    bottom = std::max(bottom, points.y[i]);
  }
  if (!(left <= right)) return {};
  double const radius = kernel_radius(resampling);
  double const margin_x = std::ceil(radius * transformer.columns_per_pixel()) + reserve_px;
  double const margin_y = std::ceil(radius * transformer.rows_per_pixel()) + reserve_px;
  // Clamped at both sides: where a scene lies far away, its pixel numbers do not fit an int.
  auto const begin = [](double value, double margin, int size) {
    return static_cast<int>(std::floor(std::clamp(value - margin, -margin, size + margin)));
  };
  auto const end = [](double value, double margin, int size) {
    return static_cast<int>(std::ceil(std::clamp(value + margin, -margin, size + margin)));
  };
  int const x = begin(left, margin_x, scene.width), y = begin(top, margin_y, scene.height);
  return {x, y, end(right, margin_x, scene.width) - x, end(bottom, margin_y, scene.height) - y};
}

/// The scene on `window`; what lies outside the scene is no data, so that its border is like any gap and
/// where the window was cut does not matter.
Planes<double> read_padded(SceneFiles const& scene, Rect const& window, Rect const& inside,
                           Decoder const& decoder) {
  Planes<double> part = scene.read<double>(inside, decoder);
  if (inside == window) return part;
  Planes<double> padded;
  padded.width = window.width;
  padded.height = window.height;
  padded.bands = part.bands;
  padded.values.assign(padded.plane_size() * static_cast<std::size_t>(part.bands),
                       std::numeric_limits<double>::quiet_NaN());
  for (std::size_t b = 0; b < static_cast<std::size_t>(part.bands); ++b)
    for (int y = 0; y < part.height; ++y)
      std::copy_n(part.plane(b) + static_cast<std::ptrdiff_t>(y) * part.width, part.width,
                  padded.plane(b) + static_cast<std::ptrdiff_t>(inside.y - window.y + y) * padded.width +
                      (inside.x - window.x));
  return padded;
}

/// The planes as a raster of the library, without copying.
DatasetPtr wrap(Planes<double>& planes) {
  auto* driver = GetGDALDriverManager()->GetDriverByName("MEM");
  DatasetPtr dataset(driver->Create("", planes.width, planes.height, 0, GDT_Float64, nullptr));
  ensure(dataset != nullptr, "in-memory raster");
  for (int b = 0; b < planes.bands; ++b) {
    CPLStringList options;
    options.SetNameValue(
        "DATAPOINTER",
        fmt::format("{}", static_cast<void const*>(planes.plane(static_cast<std::size_t>(b)))).c_str());
    ensure(dataset->AddBand(GDT_Float64, options.List()) == CE_None, "band of an in-memory raster");
  }
  return dataset;
}

struct DestroyOptions {
  void operator()(GDALWarpOptions* options) const { GDALDestroyWarpOptions(options); }
};
using WarpOptions = std::unique_ptr<GDALWarpOptions, DestroyOptions>;

/// NaN for each band, in memory of the library, which frees it.
double* nan_per_band(int bands) {
  auto* values = static_cast<double*>(CPLMalloc(sizeof(double) * static_cast<std::size_t>(bands)));
  std::fill_n(values, bands, std::numeric_limits<double>::quiet_NaN());
  return values;
}

WarpOptions options_for(GDALDataset* source, GDALDataset* target, int bands, WindowTransformer& window,
                        GDALResampleAlg resampling) {
  WarpOptions options(GDALCreateWarpOptions());
  options->hSrcDS = source;
  options->hDstDS = target;
  options->eResampleAlg = resampling;
  options->eWorkingDataType = GDT_Float64;
  options->nBandCount = bands;
  options->panSrcBands = static_cast<int*>(CPLMalloc(sizeof(int) * static_cast<std::size_t>(bands)));
  options->panDstBands = static_cast<int*>(CPLMalloc(sizeof(int) * static_cast<std::size_t>(bands)));
  for (int b = 0; b < bands; ++b) options->panSrcBands[b] = options->panDstBands[b] = b + 1;
  options->padfSrcNoDataReal = nan_per_band(bands);
  options->padfDstNoDataReal = nan_per_band(bands);
  options->pfnTransformer = &PixelTransformer::transform_window;
  options->pTransformerArg = &window;
  // Left alone, the library derives the kernel's size from the window, and values would change with it.
  CPLStringList list;
  list.SetNameValue("XSCALE", fmt::format("{:.17g}", 1 / window.transformer->columns_per_pixel()).c_str());
  list.SetNameValue("YSCALE", fmt::format("{:.17g}", 1 / window.transformer->rows_per_pixel()).c_str());
  list.SetNameValue("UNIFIED_SRC_NODATA", "YES");
  list.SetNameValue("INIT_DEST", "NO_DATA");
  list.SetNameValue("NUM_THREADS", "1");
  options->papszWarpOptions = list.StealList();
  return options;
}

}  // namespace

GDALResampleAlg resampling_named(std::string const& name, std::string const& key) {
  auto const found = algorithms.find(name);
  require(
      found != algorithms.end(), ErrorKind::config,
      fmt::format(
          "{} = {} is not known. Use near, bilinear, cubic, cubicspline, lanczos, average, rms, mode, max, "
          "min, med, q1 or q3.",
          key, name));
  return found->second;
}

Planes<double> warp_scene(SceneFiles const& scene, PixelTransformer const& transformer, Rect const& px,
                          GDALResampleAlg resampling, Decoder const& decoder) {
  Planes<double> result;
  result.width = px.width;
  result.height = px.height;
  Rect const needed = needed_window(transformer, scene.geometry(), px, resampling);
  Rect const inside = intersect(needed, {0, 0, scene.geometry().width, scene.geometry().height});
  if (inside.empty()) return result;
  Planes<double> source = read_padded(scene, needed, inside, decoder);
  // Where nothing is missing the library sums in another order. A gap in the corner, out of every kernel's
  // reach, makes it take one way always.
  for (std::size_t b = 0; b < static_cast<std::size_t>(source.bands); ++b)
    *source.plane(b) = std::numeric_limits<double>::quiet_NaN();
  result.bands = source.bands;
  result.values.assign(result.plane_size() * static_cast<std::size_t>(source.bands),
                       std::numeric_limits<double>::quiet_NaN());

  WindowTransformer window;
  window.transformer = &transformer;
  window.scene_window = needed;
  window.grid_window = px;
  auto const from = wrap(source);
  auto const to = wrap(result);
  ErrorTrap const trap;
  auto const options = options_for(from.get(), to.get(), source.bands, window, resampling);
  GDALWarpOperation operation;
  bool done = operation.Initialize(options.get()) == CE_None;
  done =
      done && operation.WarpRegion(0, 0, px.width, px.height, 0, 0, needed.width, needed.height) == CE_None;
  require(done, ErrorKind::internal, fmt::format("warping failed ({})", trap.reason()));
  to->FlushCache(false);
  return result;
}

}  // namespace stfcube::gdal
