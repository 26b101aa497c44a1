#pragma once

#include <algorithm>

#include "stfcube/models/fusion_model.hpp"

namespace stfcube::testing {

/// A method with a halo, for tests of the machinery around methods: mean of the nearest fine date over a window, plus the
/// coarse value of the pixel's cell, plus the scene-wide mean of the first band.
class WindowMean final : public FusionModel {
 public:
  /// @param reach_px what it looks at; @param halo_px what it declares
  WindowMean(int reach_px, int halo_px) : reach_(reach_px) {
    info_.name = "window_mean";
    info_.support.halo_px = halo_px;
  }
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const&, int) const override { return 0; }
  bool wants_statistics() const override { return !prepared_; }
  void observe(FusionInput const& in, Statistics& statistics) const override {
    auto const row = statistics.row("first band", 2);
    for (Dn v : in.fine.dn.plane(0, 0)) {
      if (v == no_data_dn) continue;
      row[0] += 1;
      row[1] += v;
    }
  }
  void prepare(Statistics const& statistics) override {
    prepared_ = true;
    auto const row = statistics.find("first band");
    scene_mean_ = row.empty() || row[0] == 0 ? 0 : static_cast<double>(row[1]) / static_cast<double>(row[0]);
  }
  void fuse(FusionInput const& in, FusionOutput& out) const override {
    if (in.fine.dates.empty()) return;
    for (int t = 0; t < out.dn.dates(); ++t) {
      for (int band = 0; band < out.dn.bands(); ++band) {
        for (int y = 0; y < in.core_px.height; ++y) {
          for (int x = 0; x < in.core_px.width; ++x) predict(in, out, t, band, y, x);
        }
      }
    }
  }

 private:
  void predict(FusionInput const& in, FusionOutput& out, int t, int band, int y, int x) const {
    int const cx = in.core_px.x + x;
    int const cy = in.core_px.y + y;
    Rect const window = intersect(grow({cx, cy, 1, 1}, reach_), in.padded_px);
    double sum = 0;
    int count = 0;
    for (int wy = window.y; wy < window.bottom(); ++wy) {
      for (int wx = window.x; wx < window.right(); ++wx) {
        Dn const v = in.fine.dn.at(0, band, wy - in.padded_px.y, wx - in.padded_px.x);
        if (v == no_data_dn) continue;
        sum += v;
        ++count;
      }
    }
    if (count == 0) return;
    auto const date = std::find(in.coarse.dates.begin(), in.coarse.dates.end(), in.targets[static_cast<std::size_t>(t)]);
    if (date == in.coarse.dates.end()) return;
    Dn const coarse = in.coarse.dn.at(static_cast<int>(date - in.coarse.dates.begin()), band,
                                      cy / in.ratio - in.cells.y, cx / in.ratio - in.cells.x);
    put(out, {}, t, band, y, x, sum / count + coarse + scene_mean_ / 100, 10);
    out.quality.at(t, 0, y, x) = quality::fused;
  }

  int reach_;
  ModelInfo info_;
  bool prepared_ = false;
  double scene_mean_ = 0;
};

}  // namespace stfcube::testing
