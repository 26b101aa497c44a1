#include "stfcube/models/classical/coarse_up.hpp"

#include <cmath>
#include <memory>

#include "stfcube/models/classical/coarse_planes.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

class CoarseUp final : public FusionModel {
 public:
  explicit CoarseUp(ModelSettings const& settings)
      : range_(settings.quantity),
        info_{.name = "coarse_up",
              .title = "The coarse image alone, by cubic convolution",
              .citation = "stfcube documentation, docs/methods/coarse_up.md",
              .pairs_needed = 0,
              .needs_coarse = true,
              .support = {.halo_cells = 2}} {
    ModelOptions("coarse_up", {}, settings.options);
    for (auto const& band : settings.bands) sensor_.push_back(observation_uncertainty_dn(band));
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    auto const size = [](int n) { return static_cast<std::size_t>(n); };
    // A plane as doubles, its cells (no more than the padded pixels, with two on every side), and the rows of
    // the convolution.
    std::size_t const plane = size(shape.core_width) * size(shape.core_height);
    std::size_t const cells = size(shape.padded_width + 6) * size(shape.padded_height + 6);
    return size(threads) * (8 * plane + 8 * cells + 128 * size(shape.core_width + shape.core_height));
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    CellFrame const frame = cell_frame(input);
    std::vector<int> const coarse = coarse_of_targets(input);
    for (int t = 0; t < output.dn.dates(); ++t) {
      int const date = coarse[static_cast<std::size_t>(t)];
      if (date < 0) continue;
      for (int band = 0; band < output.dn.bands(); ++band) enlarge(input, frame, {date, t, band}, output);
    }
  }

 private:
  struct Plane {
    int date, target, band;
  };

  void enlarge(FusionInput const& input, CellFrame const& frame, Plane const& plane,
               FusionOutput& output) const {
    Dn const* const cells = input.coarse.dn.row(plane.date, plane.band, 0);
    CellField const field = cell_field(frame, cells);
    parallel_for(0, input.core_px.height, [&](int row) {
      Rect const px{input.core_px.x, input.core_px.y + row, input.core_px.width, 1};
      std::vector<double> const values = bicubic_plane(frame, field, px);
      for (int col = 0; col < px.width; ++col) {
        double const value = values[static_cast<std::size_t>(col)];
        if (std::isnan(value)) continue;
        double const sensor = sensor_[static_cast<std::size_t>(plane.band)];
        CellStencil const around = cells_around(frame, px.x + col, px.y);
        quality::Flags flags = quality::fused;
        if (around.over(cells).weight != around.full_weight()) flags |= quality::input_masked;
        flags |= put(output, range_, plane.target, plane.band, row, col, value,
                     std::hypot(sensor, detail(input, frame, cells, px.x + col, px.y)));
        quality::Flags& to = output.quality.at(plane.target, 0, row, col);
        to = static_cast<quality::Flags>((to & ~quality::no_data) | flags);
      }
    });
  }

  /// Population standard deviation of the valid ones of the 3 x 3 cells around a pixel.
  static double detail(FusionInput const& input, CellFrame const& frame, Dn const* cells, int x, int y) {
    Rect const block = intersect(grow({x / input.ratio, y / input.ratio, 1, 1}, 1), frame.scene);
    std::int64_t count = 0, sum = 0, squares = 0;
    for (int row = block.y; row < block.bottom(); ++row) {
      for (int column = block.x; column < block.right(); ++column) {
        std::int64_t const value = cells[(row - frame.held.y) * frame.held.width + column - frame.held.x];
        if (value == no_data_dn) continue;
        count += 1;
        sum += value;
        squares += value * value;
      }
    }
    return count == 0 ? 0.0 : population_sigma(count, sum, squares);
  }

  Quantity range_;
  std::vector<double> sensor_;
  ModelInfo info_;
};

}  // namespace

ModelEntry coarse_up_entry() {
  return {.summary = "the coarse image alone, enlarged; tells whether fine images help at all",
          .options = {},
          .make = [](ModelSettings const& settings) { return std::make_unique<CoarseUp>(settings); }};
}

}  // namespace stfcube
