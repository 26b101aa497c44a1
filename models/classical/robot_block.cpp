#include "stfcube/models/classical/robot_block.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "stfcube/models/classical/robot_solver.hpp"
#include "stfcube/models/classical/uncertainty.hpp"
#include "stfcube/models/pair_runs.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr double least_valid_share = 0.9;  // of a block, for a member to be used in it
constexpr std::size_t least_pixels = 50;   // that a fit needs; and two for each member
constexpr double low_sum = 0.98, high_sum = 1.02;
constexpr std::int64_t least_to_compare = 10;  // pixels for the test of consistency
constexpr double range_guard = 1e-6;           // DN, keeps constant images from dividing by 0

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// Sums of products in eight lanes. Of whole numbers it is exact in any order.
double dot(double const* a, double const* b, std::size_t n) {
  std::array<double, 8> lanes{};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t l = 0; l < 8; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  double rest = 0;
  for (; i < n; ++i) rest += a[i] * b[i];
  for (double const lane : lanes) rest += lane;
  return rest;
}

/// The coarse or the fine image of a block with what its normalisation needs.
struct Image {
  std::vector<double> values;  ///< [band, pixel]; 0 where not valid
  double lowest = 0, highest = 0;
};

/// Fine and coarse images of one pair over a block.
struct Member {
  Image fine, coarse;
  std::vector<double> valid;  ///< by pixel, 1 or 0
  bool complete = false, usable = false;
  std::vector<double> coarse_mean;  ///< by band, over valid pixels
};

/// Calls body(i, pixel) for all values [band, pixel] of an image.
template <class Body>
void for_values(std::size_t values, std::size_t pixels, Body const& body) {
  for (std::size_t first = 0; first < values; first += pixels) {
    for (std::size_t p = 0; p < pixels; ++p) body(first + p, p);
  }
}

/// Smallest and largest value over valid pixels and all bands, or the quantiles of 1 % and 99 %.
void find_range(Image& image, std::vector<double> const& valid, bool quantiles) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (!quantiles) {
    double low = infinite, high = -infinite;
    for_values(image.values.size(), valid.size(), [&](std::size_t i, std::size_t p) {
      low = std::min(low, valid[p] > 0 ? image.values[i] : infinite);
      high = std::max(high, valid[p] > 0 ? image.values[i] : -infinite);
    });
    image.lowest = low;
    image.highest = high;
    return;
  }
  std::vector<double> values;
  for_values(image.values.size(), valid.size(), [&](std::size_t i, std::size_t p) {
    if (valid[p] > 0) values.push_back(image.values[i]);
  });
  auto const quantile_of = [&](double q) {
    auto const rank = static_cast<std::ptrdiff_t>(std::ceil(q * static_cast<double>(values.size()))) - 1;
    std::ranges::nth_element(values, values.begin() + rank);
    return values[static_cast<std::size_t>(rank)];
  };
  image.lowest = quantile_of(0.01);
  image.highest = quantile_of(0.99);
}

/// Sums over the pixels of one mask. Those of members are made once and stay for all targets with the mask.
class Sums {
 public:
  Sums(std::vector<Member> const& members, std::vector<double> mask, std::size_t bands, bool complete)
      : members_(members),
        mask_(std::move(mask)),
        bands_(bands),
        complete_(complete),
        fine_(members.size() * members.size(), unknown),
        coarse_(fine_),
        fine_sums_(members.size(), unknown),
        coarse_sums_(members.size(), unknown) {
    pixels_ = static_cast<double>(std::ranges::count(mask_, 1.0));
  }

  double values() const { return pixels_ * static_cast<double>(bands_); }

  double fine(std::size_t k, std::size_t l) { return product(fine_, k, l, &Member::fine); }
  double coarse(std::size_t k, std::size_t l) { return product(coarse_, k, l, &Member::coarse); }
  double fine_sum(std::size_t k) { return sum(fine_sums_, k, &Member::fine); }
  double coarse_sum(std::size_t k) { return sum(coarse_sums_, k, &Member::coarse); }

  /// `image` with 0 outside the mask: products with it need no mask.
  std::vector<double> masked(std::vector<double> const& image) const {
    std::vector<double> values = image;
    if (complete_) return values;
    for_values(values.size(), mask_.size(), [&](std::size_t i, std::size_t p) { values[i] *= mask_[p]; });
    return values;
  }
  double with_coarse(std::vector<double> const& masked_image, std::size_t k) const {
    return dot(masked_image.data(), members_[k].coarse.values.data(), masked_image.size());
  }

 private:
  static constexpr double unknown = std::numeric_limits<double>::infinity();

  double product(std::vector<double>& known, std::size_t k, std::size_t l, Image Member::*which) {
    std::size_t const at = std::max(k, l) * members_.size() + std::min(k, l);
    if (known[at] == unknown) {
      auto const& a = (members_[std::max(k, l)].*which).values;
      auto const& b = (members_[std::min(k, l)].*which).values;
      known[at] = complete_ ? dot(a.data(), b.data(), a.size()) : dot(masked(a).data(), b.data(), a.size());
    }
    return known[at];
  }

  double sum(std::vector<double>& known, std::size_t k, Image Member::*which) {
    if (known[k] == unknown) {
      double total = 0;
      for (double v : masked((members_[k].*which).values)) total += v;
      known[k] = total;
    }
    return known[k];
  }

  std::vector<Member> const& members_;
  std::vector<double> mask_;
  std::size_t bands_;
  bool complete_;
  double pixels_ = 0;
  std::vector<double> fine_, coarse_, fine_sums_, coarse_sums_;
};

/// v -> (v - low) / width, for values of one sensor.
struct Scale {
  double low = 0, width = 1;

  /// The sum of products of two normalised images, from their raw sums over n values.
  double product(double products, double sum_a, double sum_b, double n) const {
    return ((products - low * (sum_a + sum_b)) + n * low * low) / (width * width);
  }
};

class BlockFitter {
 public:
  BlockFitter(RobotTile const& tile, Rect const& block)
      : tile_(tile),
        px_(block),
        pixels_(static_cast<std::size_t>(block.area())),
        bands_(to_size(tile.bands())) {
    ensure(tile.input.padded_px.contains(block), "ROBOT holds whole blocks");
    for (int k = 0; k < static_cast<int>(tile.pairs.size()); ++k) members_.push_back(load(k));
  }

  RobotFit fit(int target) {
    if (tile_.target_coarse[to_size(target)] < 0) return {};
    std::vector<double> valid(pixels_, 1.0);
    std::vector<double> const coarse = load_coarse(tile_.image_of(target), valid);
    std::vector<std::size_t> chosen;  // nearest first
    for (int const p : tile_.near[to_size(target)]) {
      if (chosen.size() == to_size(tile_.settings.most_members)) break;
      if (members_[to_size(p)].usable) chosen.push_back(to_size(p));
    }
    bool few = false;
    for (; !chosen.empty(); chosen.pop_back(), few = true) {
      std::vector<double> const mask = common_mask(chosen, valid);
      auto const pixels = static_cast<std::size_t>(std::ranges::count(mask, 1.0));
      if (pixels < std::max(least_pixels, 2 * chosen.size())) continue;
      Sums& sums = sums_.try_emplace(mask, members_, mask, bands_, pixels == pixels_).first->second;
      std::ranges::sort(chosen);
      RobotFit result = solve(target, chosen, sums, sums.masked(coarse));
      result.few = few;
      add_variance(result, coarse, valid);
      return result;
    }
    return {};
  }

 private:
  Member load(int pair) const {
    Member member;
    int const date = tile_.pairs[to_size(pair)].fine;
    member.valid.assign(pixels_, 1.0);
    Rect const& padded = tile_.input.padded_px;
    member.fine.values.resize(bands_ * pixels_);
    for (std::size_t band = 0; band < bands_; ++band) {
      for (int y = 0; y < px_.height; ++y) {
        Dn const* const row =
            tile_.input.fine.dn.row(date, static_cast<int>(band), px_.y + y - padded.y) + (px_.x - padded.x);
        double* const to = &member.fine.values[band * pixels_ + to_size(y) * to_size(px_.width)];
        for (int x = 0; x < px_.width; ++x) to[x] = row[x];
      }
    }
    for (std::size_t i = 0; i < pixels_; ++i) member.valid[i] = member.fine.values[i] != no_data_dn ? 1 : 0;
    member.coarse.values = load_coarse(pair, member.valid);
    double count = 0;
    for (double v : member.valid) count += v;
    member.complete = count == static_cast<double>(pixels_);
    for_values(bands_ * pixels_, pixels_, [&](std::size_t i, std::size_t p) {
      member.fine.values[i] *= member.valid[p];
      member.coarse.values[i] *= member.valid[p];
    });
    member.usable = count >= least_valid_share * static_cast<double>(pixels_) && consistent(member, count);
    if (!member.usable) return member;
    find_range(member.fine, member.valid, tile_.settings.quantiles);
    find_range(member.coarse, member.valid, tile_.settings.quantiles);
    member.coarse_mean = means(member.coarse.values, count);
    return member;
  }

  /// A coarse image (RobotTile::expand); takes pixels without value out of `valid`.
  std::vector<double> load_coarse(int image, std::vector<double>& valid) const {
    std::vector<double> values(bands_ * pixels_);
    for (std::size_t band = 0; band < bands_; ++band) {
      tile_.expand(image, static_cast<int>(band), px_, &values[band * pixels_]);
    }
    for_values(values.size(), pixels_, [&](std::size_t i, std::size_t p) {
      bool const known = !std::isnan(values[i]);
      values[i] = known ? values[i] : 0;
      valid[p] = known ? valid[p] : 0;
    });
    return values;
  }

  /// By band; pixels that do not count are 0.
  std::vector<double> means(std::vector<double> const& values, double count) const {
    std::vector<double> result(bands_);
    for (std::size_t band = 0; band < bands_; ++band) {
      double sum = 0;
      for (std::size_t i = band * pixels_; i < (band + 1) * pixels_; ++i) sum += values[i];
      result[band] = count > 0 ? sum / count : 0;
    }
    return result;
  }

  bool consistent(Member const& member, double count) const {
    if (tile_.settings.consistency == 0 || count < static_cast<double>(least_to_compare)) return true;
    double sum = 0, compared = 0;
    for (std::size_t i = 0; i < member.fine.values.size(); ++i) {
      double const fine = member.fine.values[i], coarse = member.coarse.values[i];
      double const size = std::abs(fine) + std::abs(coarse);
      if (size == 0) continue;
      sum += std::abs(fine - coarse) / size;
      compared += 1;
    }
    return compared == 0 || sum / compared <= tile_.settings.consistency;
  }

  /// 1 at the pixels that are valid in the target's coarse image and in all members.
  std::vector<double> common_mask(std::vector<std::size_t> const& chosen, std::vector<double> mask) const {
    for (std::size_t const k : chosen) {
      if (members_[k].complete) continue;
      for (std::size_t i = 0; i < pixels_; ++i) mask[i] *= members_[k].valid[i];
    }
    return mask;
  }

  RobotFit solve(int target, std::vector<std::size_t> const& chosen, Sums& sums,
                 std::vector<double> const& coarse) {
    std::size_t const n = chosen.size();
    RobotFit fit;
    for (std::size_t i = 0; i < n; ++i) {
      fit.members.push_back(static_cast<int>(chosen[i]));
      bool const earlier = tile_.pairs[chosen[i]].date < tile_.target(target);
      if (earlier) fit.before = static_cast<int>(i);
      if (!earlier && fit.after < 0) fit.after = static_cast<int>(i);
    }
    auto const [fine_scale, coarse_scale] = scales(chosen);
    double const values = sums.values(), beta_squared = tile_.settings.beta * tile_.settings.beta;
    double const size = static_cast<double>(bands_ * pixels_);
    // The reference is a combination of members, so its products are those of the members.
    auto const reference = reference_parts(fit, chosen, target);
    auto const of_reference = [&](auto const& raw) {
      double sum = 0;
      for (auto const& [k, share] : reference) sum += share * raw(k);
      return sum;
    };
    double const reference_sum = of_reference([&](std::size_t k) { return sums.fine_sum(k); });
    double target_sum = 0;
    for (double v : coarse) target_sum += v;
    std::vector<double> hessian(n * n), g(n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        std::size_t const k = chosen[i], l = chosen[j];
        double const product =
            coarse_scale.product(sums.coarse(k, l), sums.coarse_sum(k), sums.coarse_sum(l), values) +
            beta_squared * fine_scale.product(sums.fine(k, l), sums.fine_sum(k), sums.fine_sum(l), values);
        hessian[i * n + j] = hessian[j * n + i] = product + (i == j ? tile_.settings.ridge * size * size : 0);
      }
      std::size_t const k = chosen[i];
      double const with_reference = of_reference([&](std::size_t l) { return sums.fine(k, l); });
      g[i] = coarse_scale.product(sums.with_coarse(coarse, k), sums.coarse_sum(k), target_sum, values) +
             beta_squared * fine_scale.product(with_reference, sums.fine_sum(k), reference_sum, values);
    }
    fit.alpha = minimum_in_simplex(hessian, g, tile_.settings.radius);
    double total = 0;
    for (double a : fit.alpha) total += a;
    fit.residual = tile_.settings.always_residual || !(low_sum < total && total < high_sum);
    return fit;
  }

  /// Means over the members of their smallest and largest values.
  std::pair<Scale, Scale> scales(std::vector<std::size_t> const& chosen) const {
    auto const scale_of = [&](Image Member::*which) {
      double low = 0, high = 0;
      for (std::size_t const k : chosen) {
        low += (members_[k].*which).lowest;
        high += (members_[k].*which).highest;
      }
      low /= static_cast<double>(chosen.size());
      high /= static_cast<double>(chosen.size());
      return Scale{low, high - low + range_guard};
    };
    return {scale_of(&Member::fine), scale_of(&Member::coarse)};
  }

  /// The members that the reference is made of, with their shares.
  std::vector<std::pair<std::size_t, double>> reference_parts(RobotFit const& fit,
                                                              std::vector<std::size_t> const& chosen,
                                                              int target) const {
    if (fit.before < 0) return {{chosen[to_size(fit.after)], 1.0}};
    if (fit.after < 0) return {{chosen[to_size(fit.before)], 1.0}};
    std::size_t const before = chosen[to_size(fit.before)], after = chosen[to_size(fit.after)];
    double const share = share_of_before(tile_.settings, tile_.target(target), tile_.pairs[before].date,
                                         tile_.pairs[after].date);
    return {{before, share}, {after, 1 - share}};
  }

  /// Noise of the observations, what the fit leaves of the coarse image, and, where the reference is a single
  /// image, a share of the coarse change since then.
  void add_variance(RobotFit& fit, std::vector<double> coarse, std::vector<double> const& valid) const {
    double count = 0, squares = fit.residual ? 1 : 0;
    for (double v : valid) count += v;
    for_values(coarse.size(), pixels_, [&](std::size_t i, std::size_t p) { coarse[i] *= valid[p]; });
    for (double a : fit.alpha) squares += a * a * (fit.residual ? 2 : 1);
    auto const now = means(coarse, count);
    bool const enclosed = fit.before >= 0 && fit.after >= 0;
    int const single = std::max(fit.before, fit.after);
    for (std::size_t band = 0; band < bands_; ++band) {
      double left = now[band];
      for (std::size_t i = 0; i < fit.alpha.size(); ++i) {
        left -= fit.alpha[i] * members_[to_size(fit.members[i])].coarse_mean[band];
      }
      double const change =
          enclosed ? 0
                   : change_error_share *
                         (now[band] - members_[to_size(fit.members[to_size(single)])].coarse_mean[band]);
      double const noise = tile_.noise[band];
      // A residual that is added has a share left that is wrong.
      double const wrong = fit.residual ? change_error_share * left : left;
      fit.variance.push_back(squares * noise * noise + wrong * wrong + change * change);
    }
  }

  RobotTile const& tile_;
  Rect px_;
  std::size_t pixels_, bands_;
  std::vector<Member> members_;
  std::map<std::vector<double>, Sums> sums_;  ///< by mask
};

}  // namespace

int RobotLayout::count(int length) const {
  return length <= block_px ? 1 : (length - block_px + step_px - 1) / step_px + 1;
}

Rect RobotLayout::block(int row, int column) const {
  return intersect({scene.x + column * step_px, scene.y + row * step_px, block_px, block_px}, scene);
}

Rect RobotLayout::blocks_of(Rect const& px) const {
  auto const first = [&](int at) { return at < block_px ? 0 : (at - block_px) / step_px + 1; };
  auto const last = [&](int at, int length) { return std::min(at / step_px, count(length) - 1); };
  int const x = first(px.x - scene.x), y = first(px.y - scene.y);
  return {x, y, last(px.right() - 1 - scene.x, scene.width) - x + 1,
          last(px.bottom() - 1 - scene.y, scene.height) - y + 1};
}

RobotTile::RobotTile(FusionInput const& from, RobotSettings const& with, std::vector<double> band_noise,
                     int tolerance_days, int max_gap_days, CoarseHarmony const& harmony)
    : input(from),
      settings(with),
      noise(std::move(band_noise)),
      frame(cell_frame(from)),
      pairs(pairs_in_reach(from, tolerance_days, max_gap_days)),
      target_coarse(coarse_of_targets(from)) {
  for (Date const day : input.targets) {
    near.push_back(nearest_first(pairs, pair_order(pairs, day, max_gap_days), day));
    std::erase_if(near.back(), [&](int p) { return pairs[to_size(p)].date == day; });
  }
  auto const add = [&](int date) {
    for (int band = 0; band < bands(); ++band)
      fields.push_back(date < 0 ? CellField() : cell_field(frame, input.coarse.dn.row(date, band, 0)));
  };
  for (Pair const& pair : pairs) add(pair.coarse);
  for (int const date : target_coarse) add(date);
  if (harmony.wanted()) harmony.apply(frame, pairs, input.targets, near, fields);
}

std::size_t RobotTile::bytes(TileShape const& shape, int ratio) {
  auto const cells = [&](int pixels) { return to_size(pixels / ratio + 6); };
  // Fields of pairs, their factors, and fields of targets.
  return to_size(2 * shape.fine_dates + shape.targets) * to_size(shape.bands) *
             (cells(shape.padded_width) * cells(shape.padded_height) * sizeof(double) + 64) +
         to_size(shape.targets) * (to_size(shape.fine_dates) * sizeof(int) + 64);
}

void RobotTile::expand(int image, int band, Rect const& px, double* to) const {
  CellField const& field = fields[to_size(image) * to_size(bands()) + to_size(band)];
  if (settings.bicubic) {
    std::ranges::copy(bicubic_plane(frame, field, px), to);
    return;
  }
  int const ratio = frame.ratio;
  for (int y = px.y; y < px.bottom(); ++y, to += px.width) {
    if (y > px.y && y % ratio != 0) {
      std::copy_n(to - px.width, px.width, to);
      continue;
    }
    double const* const row = field.data() + to_size(y / ratio - frame.held.y) * to_size(frame.held.width);
    for (int x = 0; x < px.width; ++x) to[x] = row[(px.x + x) / ratio - frame.held.x];
  }
}

std::vector<RobotFit> fit_robot_block(RobotTile const& tile, Rect const& block) {
  BlockFitter fitter(tile, block);
  std::vector<RobotFit> fits;
  for (int t = 0; t < static_cast<int>(tile.input.targets.size()); ++t) fits.push_back(fitter.fit(t));
  return fits;
}

std::size_t robot_block_bytes(TileShape const& shape, RobotSettings const& settings) {
  std::size_t const pixels = to_size(settings.block_px) * to_size(settings.block_px);
  std::size_t const bands = to_size(shape.bands), pairs = to_size(shape.fine_dates),
                    targets = to_size(shape.targets);
  std::size_t const images = (2 * pairs + 6) * bands * pixels + pairs * pixels;
  std::size_t const masks = targets * (2 * pixels + 2 * pairs * pairs + 2 * pairs);
  return (images + masks) * sizeof(double) + (pairs + targets) * 512;
}

}  // namespace stfcube
