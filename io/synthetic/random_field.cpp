#include "stfcube/io/synthetic/random_field.hpp"

#include <cmath>

namespace stfcube {
namespace {

double quintic(double t) {
  return t * t * t * (t * (t * 6 - 15) + 10);
}

double lattice(RandomField const& field, std::int64_t x, std::int64_t y) {
  return 2 * field.uniform(x, y) - 1;
}

double between(double a, double b, double t) {
  return a + (b - a) * t;
}

// Standard deviations of interpolated uniform numbers, in two dimensions and in one.
constexpr double plane_sigma = 0.4523;
constexpr double line_sigma = 0.5110;

}  // namespace

double smooth_noise(RandomField const& field, double x, double y) {
  double const column = std::floor(x);
  double const row = std::floor(y);
  double const tx = quintic(x - column);
  double const ty = quintic(y - row);
  auto const i = static_cast<std::int64_t>(column);
  auto const j = static_cast<std::int64_t>(row);
  double const top = between(lattice(field, i, j), lattice(field, i + 1, j), tx);
  double const bottom = between(lattice(field, i, j + 1), lattice(field, i + 1, j + 1), tx);
  return between(top, bottom, ty) / plane_sigma;
}

double smooth_noise(RandomField const& field, double x) {
  double const column = std::floor(x);
  auto const i = static_cast<std::int64_t>(column);
  return between(lattice(field, i, 0), lattice(field, i + 1, 0), quintic(x - column)) / line_sigma;
}

double fractal_noise(RandomField const& field, double x, double y, int octaves) {
  double sum = 0;
  double height = 1;
  double power = 0;
  for (int octave = 0; octave < octaves; ++octave) {
    sum += height * smooth_noise(field, x + 17.3 * octave, y - 9.1 * octave);
    power += height * height;
    height *= 0.5;
    // Turned by the angle of a 3-4-5 triangle and doubled.
    double const turned = 2 * (0.8 * x - 0.6 * y);
    y = 2 * (0.6 * x + 0.8 * y);
    x = turned;
  }
  return sum / std::sqrt(power);
}

}  // namespace stfcube
