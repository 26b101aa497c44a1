#include "stfcube/models/classical/class_memberships.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

// What rounding to whole DN and noise leave at least in every band, DN^2: classes of few or equal pixels have
// a distance too.
constexpr double least_variance = 1;
constexpr double least_distance = 1e-7;  // of a pixel at the mean of a class, squared

/// Number, sums and products of the pixels of one class: 1, b, then b (b + 1) / 2, the lower triangle.
std::size_t entries(std::size_t bands) {
  return 1 + bands + bands * (bands + 1) / 2;
}

/// Lower factor of the covariance of a class, from the sums of its pixels.
std::vector<double> cholesky(ExactSum const* sums, std::size_t bands) {
  std::vector<double> lower(bands * bands);
  auto const n = static_cast<double>(sums[0]);
  ExactSum const* product = sums + 1 + bands;
  for (std::size_t i = 0; i < bands; ++i) {
    for (std::size_t j = 0; j <= i; ++j, ++product) {
      double value = static_cast<double>(sums[0] * *product - sums[1 + i] * sums[1 + j]) / n / n +
                     (i == j ? least_variance : 0);
      for (std::size_t m = 0; m < j; ++m) value -= lower[i * bands + m] * lower[j * bands + m];
      lower[i * bands + j] =
          i == j ? std::sqrt(std::max(value, least_variance)) : value / lower[j * bands + j];
    }
  }
  return lower;
}

/// The inverse of a lower triangle.
std::vector<double> inverse_of(std::vector<double> const& lower, std::size_t bands) {
  std::vector<double> inverse(bands * bands);
  for (std::size_t j = 0; j < bands; ++j) {
    for (std::size_t i = j; i < bands; ++i) {
      double sum = i == j ? 1 : 0;
      for (std::size_t m = j; m < i; ++m) sum -= lower[i * bands + m] * inverse[m * bands + j];
      inverse[i * bands + j] = sum / lower[i * bands + i];
    }
  }
  return inverse;
}

}  // namespace

void ClassMemberships::observe(FusionInput const& input, FineClasses const& classes,
                               Statistics& statistics) const {
  auto const bands = static_cast<std::size_t>(input.fine.dn.bands());
  for (int index = 0; index < input.fine.dn.dates(); ++index) {
    Date const date = input.fine.dates[static_cast<std::size_t>(index)];
    auto const count = static_cast<std::size_t>(classes.count(date));
    if (count == 0) continue;
    auto const labels = classes.labels(input, index);
    std::vector<ExactSum> sums(count * entries(bands));
    std::vector<std::int64_t> values(bands);
    for (std::size_t pixel = 0; pixel < labels.size(); ++pixel) {
      if (labels[pixel] < 0) continue;
      for (std::size_t b = 0; b < bands; ++b)
        values[b] = input.fine.dn.row(index, static_cast<int>(b), 0)[pixel];
      ExactSum* to = &sums[static_cast<std::size_t>(labels[pixel]) * entries(bands)];
      *to++ += 1;
      for (std::int64_t const value : values) *to++ += value;
      for (std::size_t i = 0; i < bands; ++i) {
        for (std::size_t j = 0; j <= i; ++j) *to++ += values[i] * values[j];
      }
    }
    auto const row = statistics.row(fmt::format("{}/{}", subject_, date.days), sums.size());
    for (std::size_t i = 0; i < row.size(); ++i) row[i] += sums[i];
    ++statistics.tally(subject_ + "/dates")[date.days];
  }
}

void ClassMemberships::prepare(Statistics const& statistics, FineClasses const& classes) {
  done_ = true;
  for (auto const& [days, calls] : statistics.find_tally(subject_ + "/dates")) {
    Date const date{static_cast<std::int32_t>(days)};
    auto const sums = statistics.find(fmt::format("{}/{}", subject_, days));
    auto const count = static_cast<std::size_t>(classes.count(date));
    std::size_t bands = 1;
    while (count * entries(bands) < sums.size()) ++bands;
    auto& shapes = shapes_[date];
    shapes.resize(count);
    for (std::size_t c = 0; c < count; ++c) {
      ExactSum const* const from = &sums[c * entries(bands)];
      if (from[0] == 0) continue;
      for (std::size_t b = 0; b < bands; ++b)
        shapes[c].mean.push_back(static_cast<double>(from[1 + b]) / static_cast<double>(from[0]));
      shapes[c].inverse = inverse_of(cholesky(from, bands), bands);
    }
  }
}

std::vector<std::uint16_t> ClassMemberships::shares(FusionInput const& input, int index) const {
  ensure(done_, "memberships are known after the first pass");
  auto const found = shapes_.find(input.fine.dates[static_cast<std::size_t>(index)]);
  if (found == shapes_.end()) return {};
  auto const& shapes = found->second;
  auto const plane = static_cast<std::size_t>(input.padded_px.area());
  auto const bands = static_cast<std::size_t>(input.fine.dn.bands());
  std::vector<std::uint16_t> shares(shapes.size() * plane);
  parallel_for(0, input.padded_px.height, [&](int y) {
    std::vector<Dn const*> rows;
    for (std::size_t b = 0; b < bands; ++b) rows.push_back(input.fine.dn.row(index, static_cast<int>(b), y));
    std::vector<double> weights(shapes.size());
    auto const first = static_cast<std::size_t>(y) * static_cast<std::size_t>(input.padded_px.width);
    for (std::size_t x = 0; x < static_cast<std::size_t>(input.padded_px.width); ++x) {
      if (rows[0][x] == no_data_dn) continue;
      double total = 0;
      for (std::size_t c = 0; c < shapes.size(); ++c) {
        weights[c] = 0;
        Shape const& shape = shapes[c];
        if (shape.mean.empty()) continue;
        double distance = 0;
        for (std::size_t i = 0; i < bands; ++i) {
          double part = 0;
          for (std::size_t j = 0; j <= i; ++j)
            part += shape.inverse[i * bands + j] * (rows[j][x] - shape.mean[j]);
          distance += part * part;
        }
        weights[c] = 1 / std::max(distance, least_distance);
        total += weights[c];
      }
      if (total == 0) continue;
      // Rounded down; what is left is the most likely class's.
      int left = parts;
      for (std::size_t c = 0; c < shapes.size(); ++c) {
        auto const share = static_cast<int>(weights[c] / total * parts);
        shares[c * plane + first + x] = static_cast<std::uint16_t>(share);
        left -= share;
      }
      auto const most = static_cast<std::size_t>(std::ranges::max_element(weights) - weights.begin());
      shares[most * plane + first + x] = static_cast<std::uint16_t>(shares[most * plane + first + x] + left);
    }
  });
  return shares;
}

}  // namespace stfcube
