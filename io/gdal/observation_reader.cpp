#include "stfcube/io/observation_reader.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "stfcube/io/gdal/lease_pool.hpp"
#include "stfcube/io/gdal/scene_files.hpp"
#include "stfcube/io/gdal/warp.hpp"

namespace stfcube {
namespace {

/// Files and transformers that stay open between two reads. Both sensors together stay well below the 1024
/// files that a process may have open.
/// An open file holds a megabyte or more of decoding buffers, and opening it again costs a header.
constexpr std::size_t idle_files = 24, idle_transformers = 24;

/// Scenes that may stay open, by how many files each has.
std::size_t idle_scenes(Catalog const& catalog) {
  std::size_t files = 1;
  for (auto const& scene : catalog.scenes) {
    std::vector<std::string> paths;
    for (auto const& band : scene.bands) paths.push_back(band.path);
    std::ranges::sort(paths);
    paths.erase(std::ranges::unique(paths).begin(), paths.end());
    files = std::max(files, paths.size() + (scene.qa ? 1 : 0));
  }
  return std::max<std::size_t>(1, idle_files / files);
}

class GdalObservationReader final : public ObservationReader {
 public:
  GdalObservationReader(Catalog catalog, std::vector<SceneHeader> headers, Grid grid,
                        Quantity const& quantity)
      : catalog_(std::move(catalog)),
        headers_(std::move(headers)),
        grid_(std::move(grid)),
        dates_(catalog_.dates()),
        resampling_(gdal::resampling_named(catalog_.sensor.resampling, catalog_.sensor.role + ".resampling")),
        decoder_(catalog_.sensor, quantity),
        scenes_(idle_scenes(catalog_)),
        transformers_(idle_transformers) {
    ensure(headers_.size() == catalog_.scenes.size(), "one header per scene");
    scenes_of_.resize(dates_.size());
    for (std::size_t s = 0; s < catalog_.scenes.size(); ++s) {
      auto const date = std::ranges::lower_bound(dates_, catalog_.scenes[s].date) - dates_.begin();
      scenes_of_[static_cast<std::size_t>(date)].push_back(s);
    }
  }

  std::span<Date const> dates() const override { return dates_; }

  Rect footprint(int index) const override {
    Rect all;
    for (std::size_t const s : scenes_of_.at(static_cast<std::size_t>(index)))
      all = hull(all, headers_[s].footprint_px);
    return all;
  }

  Stack<Dn> read(int index, Rect const& px) const override {
    Stack<Dn> result(1, static_cast<int>(catalog_.sensor.bands.size()), px.height, px.width);
    result.fill(no_data_dn);
    bool first = true;
    for (std::size_t const s : scenes_of_.at(static_cast<std::size_t>(index))) {
      Rect const common = intersect(px, headers_[s].footprint_px);
      if (common.empty()) continue;
      auto const scene = read_scene(s, common);
      if (scene.bands == 0) continue;
      for (int y = 0; y < common.height; ++y)
        first ? copy_row(scene, common, y, px, result) : fill_row(scene, common, y, px, result);
      first = false;
    }
    return result;
  }

 private:
  static Rect hull(Rect const& a, Rect const& b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    int const x = std::min(a.x, b.x), y = std::min(a.y, b.y);
    return {x, y, std::max(a.right(), b.right()) - x, std::max(a.bottom(), b.bottom()) - y};
  }

  /// DN of one scene on a grid rectangle within its footprint.
  gdal::Planes<Dn> read_scene(std::size_t s, Rect const& px) const {
    auto const files = scenes_.lease(
        s, [&] { return std::make_unique<gdal::SceneFiles>(catalog_.scenes[s], catalog_.sensor, grid_); });
    if (auto const aligned = gdal::aligned_rect(files->geometry(), grid_))
      return files->read<Dn>({px.x - aligned->x, px.y - aligned->y, px.width, px.height}, decoder_);
    auto const transformer = transformers_.lease(files->geometry(), [&] {
      return std::make_unique<gdal::PixelTransformer>(files->geometry(), grid_);
    });
    return quantised(gdal::warp_scene(*files, *transformer, px, resampling_, decoder_));
  }

  gdal::Planes<Dn> quantised(gdal::Planes<double> const& values) const {
    gdal::Planes<Dn> dn;
    dn.width = values.width;
    dn.height = values.height;
    dn.bands = values.bands;
    dn.values.resize(values.values.size());
    std::ranges::transform(values.values, dn.values.begin(),
                           [&](double value) { return decoder_.quantise(value); });
    gdal::mask_pixels(dn, std::vector<std::uint8_t>(dn.plane_size(), 1));
    return dn;
  }

  /// Row `y` of `scene` (on `common`) to its place in `result` (on `px`).
  static void copy_row(gdal::Planes<Dn> const& scene, Rect const& common, int y, Rect const& px,
                       Stack<Dn>& result) {
    for (int b = 0; b < scene.bands; ++b)
      std::copy_n(row_of(scene, b, y), scene.width,
                  result.row(0, b, common.y - px.y + y) + (common.x - px.x));
  }

  /// The same, only where `result` has no pixel yet. A pixel is there in all bands or in none.
  static void fill_row(gdal::Planes<Dn> const& scene, Rect const& common, int y, Rect const& px,
                       Stack<Dn>& result) {
    int const to_x = common.x - px.x, to_y = common.y - px.y + y;
    for (int b = scene.bands; b-- > 0;) {  // the first band last: it tells where a pixel is missing
      Dn const* const missing = result.row(0, 0, to_y) + to_x;
      Dn const* const from = row_of(scene, b, y);
      Dn* const to = result.row(0, b, to_y) + to_x;
      for (int x = 0; x < scene.width; ++x) to[x] = missing[x] == no_data_dn ? from[x] : to[x];
    }
  }

  static Dn const* row_of(gdal::Planes<Dn> const& scene, int band, int y) {
    return scene.plane(static_cast<std::size_t>(band)) + static_cast<std::ptrdiff_t>(y) * scene.width;
  }

  Catalog catalog_;
  std::vector<SceneHeader> headers_;
  Grid grid_;
  std::vector<Date> dates_;
  std::vector<std::vector<std::size_t>> scenes_of_;
  GDALResampleAlg resampling_;
  gdal::Decoder decoder_;
  mutable gdal::LeasePool<std::size_t, gdal::SceneFiles> scenes_;
  mutable gdal::LeasePool<gdal::SceneGeometry, gdal::PixelTransformer> transformers_;
};

}  // namespace

std::unique_ptr<ObservationReader> make_observation_reader(Catalog catalog, std::vector<SceneHeader> headers,
                                                           Grid const& grid, Quantity const& quantity) {
  return std::make_unique<GdalObservationReader>(std::move(catalog), std::move(headers), grid, quantity);
}

}  // namespace stfcube
