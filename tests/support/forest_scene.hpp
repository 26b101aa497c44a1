#pragma once

#include <array>
#include <string>
#include <vector>

#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube::testing {

/// A forest of 40 x 40 pixels (ratio 4) with six bands, seen by the fine sensor on days 0 and 80 and by the
/// coarse one every eight days. A clearing of 8 x 8 pixels from (12, 20) on, four whole cells, is cut before
/// day `cut_day`.
struct ForestScene {
  static constexpr int size = 40, ratio = 4;
  static constexpr Rect clearing{12, 20, 8, 8};
  static constexpr std::array<int, 6> forest = {200, 400, 300, 3000, 1500, 700};
  static constexpr std::array<int, 6> bare = {800, 1000, 1400, 2200, 3000, 2400};

  int cut_day = 40;
  int noise = 30;
  std::vector<int> fine_days = {0, 80};
  std::vector<int> targets = {8, 24, 32, 40, 56, 72};

  bool is_bare(int y, int x, int day) const { return day >= cut_day && clearing.contains({x, y, 1, 1}); }

  int value(int y, int x, int band, int day) const {
    auto const b = static_cast<std::size_t>(band);
    auto const range = static_cast<std::uint32_t>(2 * noise + 1);
    int const own = static_cast<int>(golden_hash(x, y, band, 7) % range) - noise;
    return (is_bare(y, x, day) ? bare[b] : forest[b]) + own + day / 4;
  }

  FusionInput input() const {
    constexpr int cells = size / ratio;
    FusionInput in;
    in.scene_px = in.core_px = in.padded_px = {0, 0, size, size};
    in.cells = {0, 0, cells, cells};
    in.ratio = ratio;
    for (int const day : targets) in.targets.push_back({day});
    for (int const day : fine_days) in.fine.dates.push_back({day});
    for (int day = 0; day <= 80; day += 8) in.coarse.dates.push_back({day});
    in.fine.dn = Stack<Dn>(static_cast<int>(fine_days.size()), 6, size, size);
    in.coarse.dn = Stack<Dn>(static_cast<int>(in.coarse.dates.size()), 6, cells, cells);
    for (int band = 0; band < 6; ++band) {
      for (int d = 0; d < in.fine.dn.dates(); ++d) {
        for (int y = 0; y < size; ++y) {
          for (int x = 0; x < size; ++x) {
            in.fine.dn.at(d, band, y, x) =
                static_cast<Dn>(value(y, x, band, fine_days[static_cast<std::size_t>(d)]));
          }
        }
      }
      for (int d = 0; d < in.coarse.dn.dates(); ++d) {
        for (int i = 0; i < cells * cells; ++i) {
          int sum = 0;
          for (int p = 0; p < ratio * ratio; ++p)
            sum += value(i / cells * ratio + p / ratio, i % cells * ratio + p % ratio, band, 8 * d);
          in.coarse.dn.plane(d, band)[static_cast<std::size_t>(i)] = static_cast<Dn>(sum / (ratio * ratio));
        }
      }
    }
    return in;
  }

  static ModelSettings settings(std::map<std::string, std::string> options = {}) {
    ModelSettings settings;
    settings.bands = {"blue", "green", "red", "nir", "swir1", "swir2"};
    settings.ratio = ratio;
    settings.options = std::move(options);
    settings.options.try_emplace("starfm.window", "11");
    settings.options.try_emplace("starfm.slices", "4");
    return settings;
  }
};

}  // namespace stfcube::testing
