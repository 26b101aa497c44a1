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
constexpr std::size_t idle_files = 192, idle_transformers = 32;

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
    for (std::size_t const s : scenes_of_.at(static_cast<std::size_t>(index))) {
      Rect const common = intersect(px, headers_[s].footprint_px);
      if (!common.empty()) fill_gaps(read_scene(s, common), common, px, result);
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
    return dn;
  }

  /// Puts the pixels of `scene` (on `common`) where `result` (on `px`) has none and all bands of `scene` are
  /// valid.
  static void fill_gaps(gdal::Planes<Dn> const& scene, Rect const& common, Rect const& px,
                        Stack<Dn>& result) {
    auto const bands = static_cast<std::size_t>(scene.bands);
    for (int y = 0; y < scene.height && bands > 0; ++y) {
      std::size_t const row = static_cast<std::size_t>(y) * static_cast<std::size_t>(scene.width);
      for (int x = 0; x < scene.width; ++x) {
        int const to_y = common.y - px.y + y, to_x = common.x - px.x + x;
        if (result.at(0, 0, to_y, to_x) != no_data_dn) continue;
        std::size_t const at = row + static_cast<std::size_t>(x);
        bool valid = true;
        for (std::size_t b = 0; b < bands; ++b) valid &= scene.plane(b)[at] != no_data_dn;
        if (!valid) continue;
        for (std::size_t b = 0; b < bands; ++b)
          result.at(0, static_cast<int>(b), to_y, to_x) = scene.plane(b)[at];
      }
    }
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
