#include "stfcube/models/deep/patch_lattice.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace stfcube {
namespace {

constexpr int usual_chunk_px =
    128;  // strides that divide it, or that it divides, go well with chunks and tiles

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

std::vector<Rect> PatchLattice::patches_of(Rect const& px) const {
  // The first multiple of the stride that is more than a patch before the rectangle ends.
  auto const first = [&](int start) {
    int const lowest = start - patch_ + 1;
    return align_outward({lowest + stride_ - 1, 0, 1, 1}, stride_).x;
  };
  std::vector<Rect> patches;
  for (int y = first(px.y); y < px.bottom(); y += stride_) {
    for (int x = first(px.x); x < px.right(); x += stride_) patches.push_back({x, y, patch_, patch_});
  }
  return patches;
}

int PatchLattice::corner_step() const {
  return usual_chunk_px % stride_ == 0 || stride_ % usual_chunk_px == 0 ? stride_ : 1;
}

int PatchLattice::halo() const {
  return corner_step() == 1 ? patch_ - 1 : (patch_ - 1) / stride_ * stride_;
}

double PatchLattice::weight(int i) const {
  return (1 - std::cos(2 * std::numbers::pi * (i + 0.5) / patch_)) / 2;
}

PatchBlend::PatchBlend(PatchLattice const& lattice, Rect const& px, int planes)
    : lattice_(lattice),
      px_(px),
      planes_(to_size(planes)),
      sums_(planes_ * static_cast<std::size_t>(px.area())),
      weights_(static_cast<std::size_t>(px.area())) {}

void PatchBlend::add(Rect const& patch, std::vector<float> const& values) {
  Rect const shared = intersect(patch, px_);
  auto const plane_size = static_cast<std::size_t>(px_.area());
  auto const patch_size = static_cast<std::size_t>(patch.area());
  for (int y = shared.y; y < shared.bottom(); ++y) {
    double const row_weight = lattice_.weight(y - patch.y);
    for (int x = shared.x; x < shared.right(); ++x) {
      double const weight = row_weight * lattice_.weight(x - patch.x);
      std::size_t const to = to_size(y - px_.y) * to_size(px_.width) + to_size(x - px_.x);
      std::size_t const from = to_size(y - patch.y) * to_size(patch.width) + to_size(x - patch.x);
      weights_[to] += weight;
      for (std::size_t plane = 0; plane < planes_; ++plane)
        sums_[plane * plane_size + to] += weight * values[plane * patch_size + from];
    }
  }
}

std::vector<float> PatchBlend::result() const {
  std::vector<float> means(sums_.size());
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    double const weight = weights_[i % weights_.size()];
    means[i] = weight > 0 ? static_cast<float>(sums_[i] / weight) : 0;
  }
  return means;
}

}  // namespace stfcube
