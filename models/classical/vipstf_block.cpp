#include "stfcube/models/classical/vipstf_block.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "stfcube/models/classical/resample.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/pair_runs.hpp"

namespace stfcube {
namespace {

constexpr auto columns = static_cast<std::size_t>(SimilarSearch::columns);
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

bool holds(CandidateSet set, std::size_t candidate) {
  return (set >> candidate & 1U) != 0;
}

/// Candidates of a set as an index, at most so many sets.
std::size_t most_sets(VipstfSettings const& settings) {
  return std::size_t{1} << settings.candidates();
}

}  // namespace

std::size_t VipstfBlock::bytes(VipstfSettings const& settings, int ratio, int bands) {
  int const side = SimilarSearch::largest_side, raster_side = side + 2 * settings.window.half_px;
  std::size_t const raster = to_size(raster_side) * to_size(raster_side),
                    pixels = to_size(side) * to_size(side);
  std::size_t const cell_side = to_size(ColumnCells::most_cells(raster_side, ratio));
  std::size_t const cells = cell_side * cell_side;
  std::size_t const combination =
      sizeof(ImageCombination) + to_size(settings.candidates() + 4) * sizeof(double);
  return SimilarSearch::bytes(settings.window, side, side,
                              static_cast<int>(settings.similarity_bands.size())) +
         SimilarLists::bytes(side * side, settings.window.wanted) + ColumnCells::bytes(raster_side, ratio) +
         cells * (1 + most_sets(settings) * to_size(bands) * combination) +
         raster * (to_size(bands) * sizeof(double) + 2) + pixels +
         AlignedArray<double>::bytes_for(raster * columns) + to_size(raster_side) * columns * sizeof(double) +
         to_size(side) * sizeof(SimilarSearch::Means) + 4096;
}

VipstfBlock::VipstfBlock(VipstfTile const& tile, Rect const& core_px)
    : tile_(tile),
      core_px_(core_px),
      raster_px_(grow(core_px, tile.settings.window.half_px)),
      inside_px_(intersect(raster_px_, tile.input.scene_px)),
      bands_(tile.input.coarse.dn.bands()),
      search_(tile.settings.window, core_px.width, core_px.height),
      lists_(core_px.width * core_px.height, tile.settings.window.wanted),
      cells_(inside_px_, tile.input.ratio, cell_frame(tile.input).scene),
      cell_sets_(cells_.count()),
      sets_(search_.raster_size()),
      virtual_(to_size(bands_)),
      usable_(search_.raster_size()),
      asked_(static_cast<std::size_t>(core_px.area())),
      images_(search_.raster_size() * columns),
      residual_row_(to_size(inside_px_.width) * columns),
      means_(to_size(core_px.width)) {
  for (auto& plane : virtual_) plane.resize(search_.raster_size());
}

void VipstfBlock::fuse(FusionOutput& output) {
  for (int t = 0; t < static_cast<int>(tile_.targets.size()); ++t) fuse_target(t, output);
}

void VipstfBlock::fuse_target(int number, FusionOutput& output) {
  Target const& target = tile_.targets[to_size(number)];
  if (target.coarse < 0 || target.pairs.empty()) return;
  find_sets(target);
  fields_.clear();
  for (CandidateSet set = 1; set < most_sets(tile_.settings); ++set) {
    if (std::ranges::find(sets_, static_cast<std::uint8_t>(set)) != sets_.end())
      fields_.try_emplace(set, tile_, target, set, cells_.cells());
  }
  make_virtual_image(target);
  if (std::ranges::none_of(asked_, [](std::uint8_t asked) { return asked != 0; })) return;
  if (!tile_.settings.unmixed) search();
  for (int band = 0; band < bands_; band += SimilarSearch::columns) {
    int const bands = std::min(SimilarSearch::columns, bands_ - band);
    if (!tile_.settings.unmixed) spread_residual(band, bands);
    for (int y = 0; y < core_px_.height; ++y) write_row(target, number, y, band, bands, output);
  }
}

/// Which candidates each pixel uses: the best valid ones.
void VipstfBlock::find_sets(Target const& target) {
  Rect const& cells = cells_.cells();
  for (int row = cells.y; row < cells.bottom(); ++row) {
    for (int column = cells.x; column < cells.right(); ++column)
      cell_sets_[cells_.cell(column, row)] = static_cast<std::uint8_t>(tile_.valid_at(target, column, row));
  }
  std::ranges::fill(sets_, std::uint8_t{0});
  Rect const& padded = tile_.input.padded_px;
  int const ratio = tile_.input.ratio;
  for (int y = inside_px_.y; y < inside_px_.bottom(); ++y) {
    for (int x = inside_px_.x; x < inside_px_.right(); ++x) {
      CandidateSet set = cell_sets_[cells_.cell(x / ratio, y / ratio)];
      for (std::size_t i = 0; i < target.pairs.size(); ++i) {
        if (holds(set, i) &&
            tile_.input.fine.dn.at(target.pairs[i].fine, 0, y - padded.y, x - padded.x) == no_data_dn)
          set &= ~(1U << i);
      }
      sets_[search_.window_at(x - raster_px_.x, y - raster_px_.y)] =
          static_cast<std::uint8_t>(first_of(set, tile_.settings.pairs));
    }
  }
}

/// The combined fine images; notes where they can be used and where predictions are asked for.
void VipstfBlock::make_virtual_image(Target const& target) {
  std::ranges::fill(usable_, std::uint8_t{0});
  for (auto& plane : virtual_) std::ranges::fill(plane, 0.0);
  Rect const& padded = tile_.input.padded_px;
  int const ratio = tile_.input.ratio;
  for (auto const& [set, field] : fields_) {
    for (int band = 0; band < bands_; ++band) {
      auto& plane = virtual_[to_size(band)];
      for (int y = inside_px_.y; y < inside_px_.bottom(); ++y) {
        std::size_t const first = search_.window_at(inside_px_.x - raster_px_.x, y - raster_px_.y);
        for (int x = inside_px_.x; x < inside_px_.right(); ++x) {
          std::size_t const i = first + to_size(x - inside_px_.x);
          if (sets_[i] != set || !field.present(x / ratio, y / ratio)) continue;
          ImageCombination const& line = field.at(x / ratio, y / ratio, band);
          double value = 0;
          for (std::size_t k = 0; k < target.pairs.size(); ++k) {
            if (holds(set, k))
              value += line.factors[k] *
                       tile_.input.fine.dn.at(target.pairs[k].fine, band, y - padded.y, x - padded.x);
          }
          plane[i] = value + line.offset;
          usable_[i] = 1;
        }
      }
    }
  }
  for (int y = 0; y < core_px_.height; ++y) {
    for (int x = 0; x < core_px_.width; ++x)
      asked_[to_size(y * core_px_.width + x)] = usable_[search_.window_at(x, y) + search_.centre()];
  }
}

void VipstfBlock::search() {
  std::vector<double const*> planes;
  for (int const band : tile_.settings.similarity_bands) planes.push_back(virtual_[to_size(band)].data());
  search_.compare(planes, usable_, SimilarSearch::Measure::squares);
  search_.find(asked_, lists_);
}

/// What the combinations leave of the coarse target, at the fine pixels: each with the candidates that it
/// uses.
void VipstfBlock::spread_residual(int first_band, int bands) {
  Rect const& cells = cells_.cells();
  for (auto const& [set, field] : fields_) {
    double* const residuals = cells_.values();
    for (int row = cells.y; row < cells.bottom(); ++row) {
      for (int column = cells.x; column < cells.right(); ++column) {
        std::size_t const cell = cells_.cell(column, row);
        bool const valid = (cell_sets_[cell] & set) == set && field.present(column, row);
        for (int b = 0; b < bands; ++b)
          residuals[cell * columns + to_size(b)] = valid ? field.residual(column, row, first_band + b) : nan;
      }
    }
    for (int y = inside_px_.y; y < inside_px_.bottom(); ++y) {
      cells_.row(y - inside_px_.y, residual_row_.data());
      std::size_t const first = search_.window_at(inside_px_.x - raster_px_.x, y - raster_px_.y);
      for (std::size_t x = 0; x < to_size(inside_px_.width); ++x) {
        if (sets_[first + x] != set) continue;
        double* const to = images_.data() + (first + x) * columns;
        std::copy_n(residual_row_.data() + x * columns, columns, to);
        if (!tile_.settings.filter_all) continue;
        for (std::size_t b = 0; b < to_size(bands); ++b)
          to[b] += virtual_[to_size(first_band) + b][first + x];
      }
    }
  }
}

/// The unmixed residual at a pixel of the core, of its class in the best of the fine images it uses; NaN
/// where there is none.
double VipstfBlock::unmixed(Target const& target, CandidateSet set, int x, int y, int band) const {
  auto const best = to_size(std::countr_zero(set));
  auto const& residual = target.residuals[best];
  if (!residual) return nan;
  Rect const& padded = tile_.input.padded_px;
  int const label =
      tile_.labels.at(target.dates[best])[to_size((y - padded.y) * padded.width + x - padded.x)];
  if (label < 0) return nan;
  Rect const& cells = residual->cells;
  int const ratio = tile_.input.ratio;
  return residual->value(band, label, to_size((y / ratio - cells.y) * cells.width + x / ratio - cells.x));
}

quality::Flags VipstfBlock::flags_of(Target const& target, CandidateSet set) const {
  bool before = false, after = false;
  for (std::size_t k = 0; k < target.dates.size(); ++k) {
    if (!holds(set, k)) continue;
    before = before || target.dates[k] <= target.date;
    after = after || target.dates[k] >= target.date;
  }
  auto const all = (CandidateSet{1} << target.dates.size()) - 1;
  quality::Flags flags = quality::fused;
  if (!before || !after) flags |= quality::extrapolated;
  if (set != first_of(all, tile_.settings.pairs)) flags |= quality::input_masked;
  return flags;
}

void VipstfBlock::write_row(Target const& target, int number, int y, int first_band, int bands,
                            FusionOutput& output) {
  bool const searched = !tile_.settings.unmixed;
  if (searched) search_.average_row(lists_, y, images_.data(), means_);
  FusionInput const& input = tile_.input;
  int const to_y = core_px_.y + y - input.core_px.y, to_x = core_px_.x - input.core_px.x;
  int const row = (core_px_.y + y) / input.ratio;
  for (int x = 0; x < core_px_.width; ++x) {
    int const pixel = y * core_px_.width + x;
    if (asked_[to_size(pixel)] == 0) continue;
    std::size_t const at = search_.window_at(x, y) + search_.centre();
    CandidateSet const set = sets_[at];
    int const column = (core_px_.x + x) / input.ratio;
    quality::Flags flags = flags_of(target, set);
    if (searched && lists_.of(pixel).size() < to_size(tile_.settings.window.wanted))
      flags |= quality::low_confidence;
    for (int b = 0; b < bands; ++b) {
      int const band = first_band + b;
      double mean =
          searched ? means_[to_size(x)].value[b] : unmixed(target, set, core_px_.x + x, core_px_.y + y, band);
      double spread = 0;
      if (searched) {
        spread = std::sqrt(std::max(0.0, means_[to_size(x)].square[b] - mean * mean));
      } else if (std::isnan(mean)) {
        // No class here: the residual of the cell itself.
        mean = fields_.at(set).residual(column, row, band);
        flags |= quality::low_confidence;
      }
      ImageCombination const& line = fields_.at(set).at(column, row, band);
      double change = 0, weight = 0;
      for (std::size_t k = 0; k < target.pairs.size(); ++k) {
        if (!holds(set, k)) continue;
        change += std::abs(line.factors[k]) * (tile_.coarse(target.coarse, band, column, row) -
                                               tile_.coarse(target.pairs[k].coarse, band, column, row));
        weight += std::abs(line.factors[k]);
      }
      double const gain = line.noise_gain();
      double const noise = tile_.sigma[to_size(band)] * std::sqrt(gain * gain + 1);
      double const value = tile_.settings.filter_all ? mean : virtual_[to_size(band)][at] + mean;
      flags |= put(output, tile_.range, number, band, to_y, to_x + x, value,
                   prediction_sigma(noise, spread, weight > 0 ? change / weight : 0));
    }
    quality::Flags& to = output.quality.at(number, 0, to_y, to_x + x);
    to = first_band == 0 ? flags : static_cast<quality::Flags>(to | flags);
  }
}

}  // namespace stfcube
