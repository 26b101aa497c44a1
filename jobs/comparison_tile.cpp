#include "stfcube/jobs/comparison_tile.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr int tile_px = 512;

/// Which pixels of a rectangle belong to its upper left part.
struct CorePixels {
  int width, core_width, core_height;
  bool contains(std::size_t at) const {
    auto const columns = static_cast<std::size_t>(width);
    return static_cast<int>(at % columns) < core_width && static_cast<int>(at / columns) < core_height;
  }
};

/// Values that may be compared: not a number and beyond everything become invalid.
class ValueFilter {
 public:
  ValueFilter(ValueRange const& range, CorePixels const& core, RangeCount& count)
      : range_(range), core_(core), count_(count) {}

  /// In billionths; clears `valid` where there is no value.
  std::vector<Nano> filtered(std::vector<double> const& values, std::vector<std::uint8_t>& valid) {
    std::vector<Nano> result(values.size(), 0);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (admits(values[i], i))
        result[i] = to_nano(values[i]);
      else
        valid[i] = 0;
    }
    return result;
  }

 private:
  bool admits(double value, std::size_t at) {
    if (std::isnan(value)) return false;
    bool const outside = value < range_.low || value > range_.high;
    bool const in_core = core_.contains(at);
    count_.values += in_core;
    count_.outside += in_core && outside;
    return !(outside && range_.known) && std::abs(value) <= accuracy_largest_value;
  }

  ValueRange range_;
  CorePixels core_;
  RangeCount& count_;
};

class TileReader {
 public:
  TileReader(Comparison& comparison, ComparedPair const& pair, Rect const& core_px)
      : comparison_(comparison),
        compared_(pair),
        pair_(*pair.pair),
        all_px_(comparison.all_px(pair)),
        core_(core_px),
        px_(with_margin(core_px, pair.coarse ? comparison.scale.coarse_cell_px : 0, all_px_)) {}

  ComparedTile read() {
    ComparedTile result;
    PairedTile& tile = result.tile;
    tile = {px_.width, px_.height, core_.width, core_.height, {}, {}, {}};
    tile.valid.assign(static_cast<std::size_t>(px_.area()), 1);
    apply_mask(px_, tile.valid);
    apply_quality(tile.valid);
    tile.reference = read(comparison_.references, pair_.reference, pair_.reference_bands, px_, tile.valid,
                          result.reference);
    tile.prediction = read(comparison_.predictions, pair_.prediction, pair_.prediction_bands, px_, tile.valid,
                           result.prediction);
    clear_invalid(tile);
    add_sigma(tile);
    add_coarse(tile);
    add_layers(tile, result.layers);
    return result;
  }

  /// The reference alone, over the core.
  void count_levels(std::span<LevelCounts> counts) {
    std::vector<std::uint8_t> valid(static_cast<std::size_t>(core_.area()), 1);
    apply_mask(core_, valid);
    RangeCount count;
    auto const bands =
        read(comparison_.references, pair_.reference, pair_.reference_bands, core_, valid, count);
    for (std::size_t b = 0; b < bands.size(); ++b) {
      for (std::size_t i = 0; i < valid.size(); ++i) {
        if (valid[i]) counts[b].add(bands[b][i]);
      }
    }
  }

 private:
  std::vector<std::vector<Nano>> read(Side& side, ImageIndex image, std::vector<int> const& bands,
                                      Rect const& px, std::vector<std::uint8_t>& valid, RangeCount& count) {
    ValueFilter filter(comparison_.range(pair_, side), {px.width, core_.width, core_.height}, count);
    std::vector<std::vector<Nano>> values;
    for (int band : bands)
      values.push_back(filter.filtered(side.open(image.source).read(image.image, band, px), valid));
    return values;
  }

  void apply_mask(Rect const& px, std::vector<std::uint8_t>& valid) const {
    if (!comparison_.mask) return;
    std::vector<double> const values = comparison_.mask->read(1, px);
    for (std::size_t i = 0; i < values.size(); ++i) valid[i] &= !std::isnan(values[i]) && values[i] != 0;
  }

  void apply_quality(std::vector<std::uint8_t>& valid) {
    if (!comparison_.fused_only) return;
    auto& source = comparison_.predictions.open(pair_.prediction.source);
    auto const flags = source.read_quality(pair_.prediction.image, px_);
    for (std::size_t i = 0; i < flags.size(); ++i)
      valid[i] &= (flags[i] & quality::state_mask) != quality::observed;
  }

  void add_sigma(PairedTile& tile) {
    auto& source = comparison_.predictions.open(pair_.prediction.source);
    if (!source.info().uncertainty) return;
    for (int band : pair_.prediction_bands) {
      std::vector<double> const sigma = source.read_uncertainty(pair_.prediction.image, band, px_);
      auto& plane = tile.sigma.emplace_back(sigma.size());
      std::ranges::transform(sigma, plane.begin(),
                             [](double one) { return std::isnan(one) ? Nano{-1} : to_nano(one); });
    }
  }

  void add_coarse(PairedTile& tile) {
    if (!compared_.coarse) return;
    auto const& [image, bands] = *compared_.coarse;
    int const cell_px = comparison_.scale.coarse_cell_px;
    Rect const all_cells = comparison_.coarse.info(image.source).grid.all();
    tile.coarse = cells_of_tile(core_, px_, cell_px, all_px_, all_cells);
    CoarseCells& coarse = tile.coarse;
    if (coarse.columns == 0 || coarse.rows == 0) return;
    Rect const cells{(core_.x + coarse.first_x) / cell_px, (core_.y + coarse.first_y) / cell_px,
                     coarse.columns, coarse.rows};
    RangeCount count;
    coarse.values = read(comparison_.coarse, image, bands, cells, coarse.valid, count);
  }

  void add_layers(PairedTile const& tile, std::vector<LabelPlane>& layers) {
    if (compared_.base) {
      auto const& [image, bands] = *compared_.base;
      std::vector<std::uint8_t> valid(tile.valid.size(), 1);
      RangeCount count;
      auto const base = read(comparison_.base, image, bands, px_, valid, count);
      layers.push_back(change_labels(tile, base, valid, comparison_.scale.data_range));
    }
    if (comparison_.classes) layers.push_back(read_classes(*comparison_.classes, px_));
  }

  Comparison& comparison_;
  ComparedPair const& compared_;
  ImagePair const& pair_;
  Rect all_px_, core_, px_;
};

/// Cells that begin in [begin, end) and end before `limit`: the first, and how many.
std::pair<int, int> cell_range(int begin, int end, int limit, int cell_px, int most) {
  int const first = (begin + cell_px - 1) / cell_px;
  int const last = std::min({(end - 1) / cell_px, limit / cell_px - 1, most - 1});
  return {first, std::max(0, last - first + 1)};
}

}  // namespace

Rect with_margin(Rect const& core_px, int coarse_cell_px, Rect const& all_px) {
  int const margin = std::max(accuracy_margin_px, coarse_cell_px - 1);
  return intersect({core_px.x, core_px.y, core_px.width + margin, core_px.height + margin}, all_px);
}

CoarseCells cells_of_tile(Rect const& core_px, Rect const& held_px, int cell_px, Rect const& all_px,
                          Rect const& cells) {
  auto const [column, columns] =
      cell_range(core_px.x, core_px.right(), std::min(held_px.right(), all_px.width), cell_px, cells.width);
  auto const [row, rows] = cell_range(core_px.y, core_px.bottom(), std::min(held_px.bottom(), all_px.height),
                                      cell_px, cells.height);
  CoarseCells result{cell_px, column * cell_px - core_px.x, row * cell_px - core_px.y, columns, rows, {}, {}};
  result.valid.assign(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows), 1);
  return result;
}

LabelPlane read_classes(LabelMap const& classes, Rect const& px) {
  LabelPlane plane{StratumLayer::land_class, std::vector<std::int32_t>(static_cast<std::size_t>(px.area()))};
  classes.read(px, plane.labels.data());
  std::ranges::replace(plane.labels, -1, no_label);
  return plane;
}

void clear_invalid(PairedTile& tile) {
  for (auto* const images : {&tile.reference, &tile.prediction}) {
    for (auto& image : *images) {
      for (std::size_t i = 0; i < image.size(); ++i) image[i] *= tile.valid[i];
    }
  }
}

ComparedTile read_tile(Comparison& comparison, ComparedPair const& pair, Rect const& core_px) {
  return TileReader(comparison, pair, core_px).read();
}

void count_levels(Comparison& comparison, ComparedPair const& pair, Rect const& core_px,
                  std::span<LevelCounts> counts) {
  TileReader(comparison, pair, core_px).count_levels(counts);
}

std::vector<Rect> comparison_tiles(Rect const& all_px) {
  std::vector<Rect> tiles;
  for (int y = 0; y < all_px.height; y += tile_px) {
    for (int x = 0; x < all_px.width; x += tile_px)
      tiles.push_back(intersect({x, y, tile_px, tile_px}, all_px));
  }
  return tiles;
}

}  // namespace stfcube
