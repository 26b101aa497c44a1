#include "stfcube/models/classical/sfsdaf_fractions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double sum_weight = 1e4;      // over the largest squared endmember
constexpr double change_weight = 0.01;  // over the same: keeps noise from moving fractions
constexpr int interpolation_cells = 2;  // beyond a pixel's own

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// The cells that pixels touch.
Rect cells_of(Rect const& px, int ratio) {
  Rect const outer = align_outward(px, ratio);
  return {outer.x / ratio, outer.y / ratio, outer.width / ratio, outer.height / ratio};
}

}  // namespace

FractionUnmixing::FractionUnmixing(std::vector<double> endmembers, int classes)
    : classes_(to_size(classes)), endmembers_(std::move(endmembers)), equations_(classes_), sum_weight_(1) {
  for (std::size_t i = 0; i < classes_; ++i) {
    for (std::size_t j = 0; j < classes_; ++j) {
      for (std::size_t b = 0; b < endmembers_.size(); b += classes_)
        equations_.gram[i * classes_ + j] += endmembers_[b + i] * endmembers_[b + j];
    }
    sum_weight_ = std::max(sum_weight_, equations_.gram[i * classes_ + i]);
  }
  double const ridge = change_weight * sum_weight_;
  sum_weight_ *= sum_weight;
  for (double& entry : equations_.gram) entry += sum_weight_;
  for (std::size_t i = 0; i < classes_; ++i) equations_.gram[i * classes_ + i] += ridge;
}

void FractionUnmixing::change(std::span<double const> fractions, std::span<double const> residual,
                              std::span<double> change) const {
  // gram times the fractions before is the right-hand side of no change.
  NormalEquations equations = equations_;
  for (std::size_t i = 0; i < classes_; ++i) {
    double rhs = 0;
    for (std::size_t b = 0; b < residual.size(); ++b) rhs += endmembers_[b * classes_ + i] * residual[b];
    for (std::size_t j = 0; j < classes_; ++j) rhs += equations.gram[i * classes_ + j] * fractions[j];
    equations.rhs[i] = rhs;
  }
  auto const after = bounded_least_squares(equations, {0, 1}, fractions);
  double sum = 0;
  for (double const fraction : after) sum += fraction;
  for (std::size_t i = 0; i < classes_; ++i) change[i] = after[i] / sum - fractions[i];
}

/// Tables at one place: [band, class].
struct SubPixelChange::Mixed {
  std::vector<double> changes, endmembers;
  std::vector<double> mean;  ///< per band: the change of pixels without a class
};

SubPixelChange::SubPixelChange(FusionInput const& input, StatZones const& zones,
                               ClassMemberships const& memberships, Pair const& pair, Rect const& px,
                               int similar)
    : input_(input),
      zones_(zones),
      pair_(pair),
      px_(px),
      ring_px_(intersect(grow(px, input.ratio / 2), input.scene_px)),
      bands_(to_size(input.fine.dn.bands())),
      shares_(memberships.shares(input, pair.fine)),
      frame_(cell_frame(input)),
      closest_(input, pair.fine, px, input.ratio / 2, similar) {
  classes_ = shares_.size() / static_cast<std::size_t>(input.padded_px.area());
  counts_ = count_cell_memberships(input, shares_, static_cast<int>(classes_), ClassMemberships::parts);
  // Pixels of the first half of a cell are interpolated with one cell less to the right.
  Rect const own = cells_of(px, input.ratio);
  frame_.held = intersect(grow(own, interpolation_cells), frame_.scene);
  ensure(counts_.cells.contains(frame_.held) && input.cells.contains(frame_.held),
         "SFSDAF sees all pixels of the cells that changes of fractions come from");
}

std::size_t SubPixelChange::bytes(TileShape const& shape, int ratio, int classes, int threads) {
  auto const padded = to_size(shape.padded_width) * to_size(shape.padded_height);
  auto const cells = to_size(shape.padded_width / ratio + 2) * to_size(shape.padded_height / ratio + 2);
  auto const n = to_size(classes);
  return padded * n * (sizeof(std::uint16_t) + sizeof(double)) +
         cells * (n * (sizeof(std::int32_t) + sizeof(double)) + 2 * sizeof(std::int32_t)) +
         ClosestPixels::bytes(padded, ratio / 2, threads) +
         to_size(threads) * (to_size(shape.padded_width) * 5 * sizeof(double) * 4 + n * n * 64 +
                             n * to_size(shape.bands) * 64 + 4096);
}

bool SubPixelChange::cell_valid(int coarse, int column, int row, int band) const {
  return input_.coarse.dn.at(coarse, band, row - input_.cells.y, column - input_.cells.x) != no_data_dn;
}

void SubPixelChange::mix(Tables const& tables, int x, int y, Mixed& mixed) const {
  auto mixture = zones_.at(input_.scene_px, x, y);
  // The same, whether a tile sees more zones or not.
  if (std::ranges::all_of(mixture.zones, [&](auto zone) { return zone == mixture.zones[0]; }))
    mixture.weights = {1, 0, 0, 0};
  mixed.changes.assign(bands_ * classes_, 0);
  mixed.endmembers.assign(bands_ * classes_, 0);
  mixed.mean.assign(bands_, 0);
  for (std::size_t z = 0; z < 4; ++z) {
    double const weight = mixture.weights[z];
    ChangeTable const& changes = *tables.changes.at(mixture.zones[z]);
    ChangeTable const& endmembers = *tables.endmembers.at(mixture.zones[z]);
    for (std::size_t b = 0; b < bands_; ++b) {
      for (std::size_t c = 0; c < classes_; ++c) {
        mixed.changes[b * classes_ + c] += weight * changes.change[b * (classes_ + 1) + c];
        mixed.endmembers[b * classes_ + c] += weight * endmembers.change[b * (classes_ + 1) + c];
      }
      mixed.mean[b] += weight * changes.change[b * (classes_ + 1) + classes_];
    }
  }
}

/// Changes of the fractions of every class in the cells of the frame; NaN where they cannot be known.
std::vector<CellField> SubPixelChange::cell_changes(int coarse, Tables const& tables) const {
  Rect const& held = frame_.held;
  std::vector<CellField> result(classes_, CellField(static_cast<std::size_t>(held.area()), nan));
  bool const one_zone = tables.changes.size() == 1;
  parallel_for(held.y, held.bottom(), [&](int row) {
    Mixed mixed;
    std::vector<double> fractions(classes_), residual(bands_), change(classes_);
    std::optional<FractionUnmixing> unmixing;
    for (int column = held.x; column < held.right(); ++column) {
      std::size_t const from = counts_.at(column, row);
      if (counts_.valid[from] == 0 || !cell_valid(coarse, column, row, 0) ||
          !cell_valid(pair_.coarse, column, row, 0))
        continue;
      if (!unmixing || !one_zone) {
        mix(tables, std::min(column * input_.ratio + input_.ratio / 2, input_.scene_px.right() - 1),
            std::min(row * input_.ratio + input_.ratio / 2, input_.scene_px.bottom() - 1), mixed);
        unmixing.emplace(mixed.endmembers, static_cast<int>(classes_));
      }
      double const all = static_cast<double>(counts_.valid[from]) * ClassMemberships::parts;
      for (std::size_t c = 0; c < classes_; ++c)
        fractions[c] = counts_.of_class(static_cast<int>(c))[from] / all;
      for (std::size_t b = 0; b < bands_; ++b) {
        int const y = row - input_.cells.y, x = column - input_.cells.x, band = static_cast<int>(b);
        residual[b] = static_cast<double>(input_.coarse.dn.at(coarse, band, y, x)) -
                      input_.coarse.dn.at(pair_.coarse, band, y, x);
        for (std::size_t c = 0; c < classes_; ++c)
          residual[b] -= fractions[c] * mixed.changes[b * classes_ + c];
      }
      unmixing->change(fractions, residual, change);
      auto const to = to_size(row - held.y) * to_size(held.width) + to_size(column - held.x);
      for (std::size_t c = 0; c < classes_; ++c) result[c][to] = change[c];
    }
  });
  return result;
}

/// Fractions inside a pixel before and after the change.
void SubPixelChange::fractions_after(std::vector<std::vector<double>> const& planes, int x, int y,
                                     ClosestPixels::Found& found, std::span<double> before,
                                     std::span<double> after) const {
  auto const pixels = static_cast<std::size_t>(input_.padded_px.area());
  auto const in_padded =
      to_size(y - input_.padded_px.y) * to_size(input_.padded_px.width) + to_size(x - input_.padded_px.x);
  auto const in_ring = static_cast<std::ptrdiff_t>(y - ring_px_.y) * ring_px_.width + (x - ring_px_.x);
  closest_.find(x, y, found);
  std::ranges::fill(after, 0.0);
  double total = 0;
  for (std::size_t i = 0; i < found.places.size(); ++i) {
    auto const place = static_cast<std::size_t>(
        in_ring + static_cast<std::ptrdiff_t>(found.places[i].dy) * ring_px_.width + found.places[i].dx);
    if (std::isnan(planes[0][place])) continue;
    total += found.weights[i];
    for (std::size_t c = 0; c < classes_; ++c) after[c] += found.weights[i] * planes[c][place];
  }
  double sum = 0;
  for (std::size_t c = 0; c < classes_; ++c) {
    before[c] = static_cast<double>(shares_[c * pixels + in_padded]) / ClassMemberships::parts;
    double const change = total > 0 ? after[c] / total : 0;
    after[c] = std::clamp(before[c] + change, 0.0, 1.0);
    sum += after[c];
  }
  for (double& fraction : after) fraction /= sum;
}

void SubPixelChange::predict(int coarse, Tables const& tables, double* changes, std::size_t stride) const {
  std::vector<std::vector<double>> planes(classes_);
  auto const fields = cell_changes(coarse, tables);
  parallel_for(0, static_cast<int>(classes_),
               [&](int c) { planes[to_size(c)] = bicubic_plane(frame_, fields[to_size(c)], ring_px_); });
  bool const one_zone = tables.changes.size() == 1;
  parallel_for(px_.y, px_.bottom(), [&](int y) {
    Mixed mixed;
    ClosestPixels::Found found;
    std::vector<double> before(classes_), after(classes_);
    Dn const* const row = input_.fine.dn.row(pair_.fine, 0, y - input_.padded_px.y) - input_.padded_px.x;
    for (int x = px_.x; x < px_.right(); ++x) {
      int const column = x / input_.ratio, cell_row = y / input_.ratio;
      if (row[x] == no_data_dn || !cell_valid(coarse, column, cell_row, 0) ||
          !cell_valid(pair_.coarse, column, cell_row, 0))
        continue;
      if (mixed.mean.empty() || !one_zone) mix(tables, x, y, mixed);
      double* const to = changes + (to_size(y - px_.y) * to_size(px_.width) + to_size(x - px_.x)) * stride;
      if (counts_.valid[counts_.at(column, cell_row)] == 0) {
        std::ranges::copy(mixed.mean, to);
        continue;
      }
      fractions_after(planes, x, y, found, before, after);
      for (std::size_t b = 0; b < bands_; ++b) {
        double sum = 0;
        for (std::size_t c = 0; c < classes_; ++c) {
          std::size_t const entry = b * classes_ + c;
          sum += before[c] * mixed.changes[entry] + mixed.endmembers[entry] * (after[c] - before[c]);
        }
        to[b] = sum;
      }
    }
  });
}

}  // namespace stfcube
