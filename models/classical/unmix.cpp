#include "stfcube/models/classical/unmix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

/// Sums over the window around each wanted cell, by an integral image. Unsigned numbers may overflow on the
/// way: the sums are right as long as they themselves fit.
class WindowSums {
 public:
  WindowSums(Rect const& held, Rect const& scene, Rect const& wanted, int radius)
      : held_(held), scene_(scene), wanted_(wanted), radius_(radius) {
    Rect const needed = intersect(grow(wanted, radius), scene);
    ensure(held.contains(needed), "the whole cells at hand reach as far as the window");
  }

  /// @param value  of cell `i` of the held ones
  template <class Value>
  std::vector<std::int64_t> of(Value const& value) const {
    auto const width = static_cast<std::size_t>(held_.width) + 1;
    std::vector<std::uint64_t> sums(width * (static_cast<std::size_t>(held_.height) + 1));
    std::size_t cell = 0;
    for (std::size_t y = 1; y <= static_cast<std::size_t>(held_.height); ++y) {
      std::uint64_t row = 0;
      for (std::size_t x = 1; x < width; ++x) {
        row += static_cast<std::uint64_t>(static_cast<std::int64_t>(value(cell++)));
        sums[y * width + x] = sums[(y - 1) * width + x] + row;
      }
    }
    auto const at = [&](int x, int y) {
      return sums[static_cast<std::size_t>(y - held_.y) * width + static_cast<std::size_t>(x - held_.x)];
    };
    std::vector<std::int64_t> result;
    result.reserve(static_cast<std::size_t>(wanted_.area()));
    for (int y = wanted_.y; y < wanted_.bottom(); ++y) {
      for (int x = wanted_.x; x < wanted_.right(); ++x) {
        Rect const w = intersect(grow({x, y, 1, 1}, radius_), scene_);
        result.push_back(static_cast<std::int64_t>(at(w.right(), w.bottom()) - at(w.x, w.bottom()) -
                                                   at(w.right(), w.y) + at(w.x, w.y)));
      }
    }
    return result;
  }

 private:
  Rect held_, scene_, wanted_;
  int radius_;
};

/// Everything the normal equations of the wanted cells are made of.
struct WindowedEquations {
  std::size_t classes, bands;
  double scale, step;
  std::vector<std::int64_t> used;                  ///< cells in the window
  std::vector<std::vector<std::int64_t>> gram;     ///< [class i >= class j] of shares
  std::vector<std::vector<std::int64_t>> rhs;      ///< [band, class]
  std::vector<std::vector<std::int64_t>> squares;  ///< [band]
  std::vector<std::vector<std::int64_t>> present;  ///< [class]: cells with at least the smallest share

  WindowedEquations(CellFractions const& f, CellValues const& v, double step_dn,
                    UnmixSettings const& settings, WindowSums const& sums)
      : classes(static_cast<std::size_t>(f.classes)),
        bands(static_cast<std::size_t>(v.bands)),
        scale(static_cast<double>(f.scale)),
        step(step_dn) {
    auto const valid = [&](std::size_t cell) -> std::int64_t { return f.usable[cell] & v.valid[cell]; };
    auto const share = [&](std::size_t c, std::size_t cell) -> std::int64_t {
      return f.shares[c * f.size() + cell];
    };
    auto const value = [&](std::size_t band, std::size_t cell) -> std::int64_t {
      return v.values[band * f.size() + cell];
    };
    used = sums.of(valid);
    for (std::size_t i = 0; i < classes; ++i) {
      for (std::size_t j = 0; j <= i; ++j)
        gram.push_back(sums.of([&](std::size_t x) { return valid(x) * share(i, x) * share(j, x); }));
      double const least = settings.smallest_share * scale;
      present.push_back(sums.of(
          [&](std::size_t x) { return valid(x) * (static_cast<double>(share(i, x)) >= least ? 1 : 0); }));
    }
    for (std::size_t band = 0; band < bands; ++band) {
      squares.push_back(sums.of([&](std::size_t x) { return valid(x) * value(band, x) * value(band, x); }));
      for (std::size_t c = 0; c < classes; ++c)
        rhs.push_back(sums.of([&](std::size_t x) { return valid(x) * share(c, x) * value(band, x); }));
    }
  }

  double gram_at(std::size_t i, std::size_t j, std::size_t cell) const {
    auto const& plane = gram[std::max(i, j) * (std::max(i, j) + 1) / 2 + std::min(i, j)];
    return static_cast<double>(plane[cell]) / (scale * scale);
  }
  double rhs_at(std::size_t band, std::size_t c, std::size_t cell) const {
    return static_cast<double>(rhs[band * classes + c][cell]) * step / scale;
  }
};

/// The values of one cell and band. @param unknown  classes to solve for @param e  the prior when called
void solve(WindowedEquations const& all, std::size_t cell, std::size_t band,
           std::vector<std::size_t> const& unknown, UnmixSettings const& settings, std::vector<double>& e) {
  NormalEquations equations(unknown.size());
  std::vector<double> prior;
  for (std::size_t i = 0; i < unknown.size(); ++i) {
    prior.push_back(e[unknown[i]]);
    equations.rhs[i] = all.rhs_at(band, unknown[i], cell);
    for (std::size_t j = 0; j < unknown.size(); ++j)
      equations.gram[i * unknown.size() + j] = all.gram_at(unknown[i], unknown[j], cell);
  }
  equations.add_ridge(settings.ridge, prior);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Bounds const bounds = settings.bounds.empty() ? Bounds{-infinity, infinity} : settings.bounds[band];
  auto const solved = bounded_least_squares(equations, bounds, prior);
  for (std::size_t i = 0; i < unknown.size(); ++i) e[unknown[i]] = solved[i];
}

double residual(WindowedEquations const& all, std::size_t cell, std::size_t band,
                std::vector<double> const& e) {
  double squares = static_cast<double>(all.squares[band][cell]) * all.step * all.step;
  for (std::size_t i = 0; i < e.size(); ++i) {
    squares -= 2 * e[i] * all.rhs_at(band, i, cell);
    for (std::size_t j = 0; j < e.size(); ++j) squares += e[i] * e[j] * all.gram_at(i, j, cell);
  }
  return std::sqrt(std::max(squares, 0.0) / static_cast<double>(all.used[cell]));
}

}  // namespace

Unmixed unmix(CellFractions const& fractions, CellValues const& values, double step,
              std::span<double const> prior, UnmixSettings const& settings, Rect const& scene_cells,
              Rect const& wanted) {
  WindowSums const sums(fractions.cells, scene_cells, wanted, settings.radius);
  WindowedEquations const all(fractions, values, step, settings, sums);
  auto const cells = static_cast<std::size_t>(wanted.area());
  Unmixed result{wanted, fractions.classes, values.bands, {}, {}, {all.used.begin(), all.used.end()}};
  result.values.assign(all.bands * all.classes * cells, std::numeric_limits<double>::quiet_NaN());
  result.residual.assign(all.bands * cells, std::numeric_limits<double>::quiet_NaN());
  bool const one_prior = prior.size() == all.bands * all.classes;
  ensure(one_prior || prior.size() == result.values.size(), "a prior is for every class, band and cell");
  parallel_for(0, wanted.height, [&](int row) {
    for (std::size_t cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(wanted.width);
         cell < static_cast<std::size_t>(row + 1) * static_cast<std::size_t>(wanted.width); ++cell) {
      if (all.used[cell] == 0) continue;
      std::vector<std::size_t> unknown;
      for (std::size_t c = 0; c < all.classes; ++c) {
        if (settings.smallest_share == 0 || all.present[c][cell] > 0) unknown.push_back(c);
      }
      for (std::size_t band = 0; band < all.bands; ++band) {
        std::vector<double> e;
        for (std::size_t c = 0; c < all.classes; ++c) {
          std::size_t const at = band * all.classes + c;
          e.push_back(prior[one_prior ? at : at * cells + cell]);
        }
        solve(all, cell, band, unknown, settings, e);
        for (std::size_t c = 0; c < all.classes; ++c)
          result.values[(band * all.classes + c) * cells + cell] = e[c];
        result.residual[band * cells + cell] = residual(all, cell, band, e);
      }
    }
  });
  return result;
}

std::size_t unmix_bytes(std::size_t held_cells, int classes, int bands) {
  auto const k = static_cast<std::size_t>(classes), b = static_cast<std::size_t>(bands);
  std::size_t const planes = 2 + k * (k + 1) / 2 + k + b * (k + 1) + b * (k + 1);
  return planes * sizeof(std::int64_t) * (held_cells + 1);
}

}  // namespace stfcube
