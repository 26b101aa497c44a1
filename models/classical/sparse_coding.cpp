#include "stfcube/models/classical/sparse_coding.hpp"

#include <algorithm>
#include <cmath>

namespace stfcube {
namespace {

/// Steps of the fit without penalty, at most, and the share of the squared residual at which it ends.
constexpr int most_fitting_steps = 50;
constexpr double fitting_tolerance = 1e-4;

double dot(std::span<float const> a, std::span<float const> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

struct SparseCoder::State {
  explicit State(std::size_t atoms)
      : correlation(atoms),
        positive(atoms),
        negative(atoms),
        product(atoms),
        plus(atoms),
        step(atoms),
        step_product(atoms) {}

  std::vector<float> correlation;         ///< D^T y
  std::vector<float> positive, negative;  ///< the code as positive - negative
  std::vector<float> product;             ///< D^T D (positive - negative)
  std::vector<float> plus;                ///< change of the positive part
  std::vector<float> step, step_product;  ///< change of the code, and D^T D of it
  double threshold = 0;
};

SparseCoder::SparseCoder(std::span<float const> atoms, int dimension)
    : atoms_(static_cast<int>(atoms.size()) / dimension), dimension_(dimension), by_dimension_(atoms.size()) {
  auto const count = static_cast<std::size_t>(atoms_), length = static_cast<std::size_t>(dimension);
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t d = 0; d < length; ++d) by_dimension_[d * count + a] = atoms[a * length + d];
  }
  gram_.resize(count * count);
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      double const product = dot(atoms.subspan(a * length, length), atoms.subspan(b * length, length));
      gram_[a * count + b] = gram_[b * count + a] = static_cast<float>(product);
    }
  }
}

std::size_t SparseCoder::bytes(int atoms) {
  return 12 * sizeof(float) * static_cast<std::size_t>(atoms);
}

/// Adds D^T D factors.
void SparseCoder::add_products(std::span<float const> factors, std::span<float> to) const {
  for (std::size_t a = 0; a < factors.size(); ++a) {
    float const factor = factors[a];
    if (factor == 0) continue;
    float const* const row = gram_.data() + a * factors.size();
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * row[i];
  }
}

void SparseCoder::code(std::span<float const> signal, CodingSettings const& settings,
                       std::span<float> code) const {
  State state(static_cast<std::size_t>(atoms_));
  for (std::size_t d = 0; d < signal.size(); ++d) {
    float const* const row = by_dimension_.data() + d * state.correlation.size();
    for (std::size_t a = 0; a < state.correlation.size(); ++a) state.correlation[a] += signal[d] * row[a];
  }
  float largest = 0;
  for (float const c : state.correlation) largest = std::max(largest, std::abs(c));
  std::ranges::fill(code, 0.0F);
  if (largest == 0) return;
  state.threshold = settings.threshold * static_cast<double>(largest);
  descend(settings, state);
  if (settings.debias) debias(state);
  for (std::size_t a = 0; a < code.size(); ++a) code[a] = state.positive[a] - state.negative[a];
}

void SparseCoder::descend(CodingSettings const& settings, State& state) const {
  auto const tau = static_cast<float>(state.threshold);
  double objective = 0, length = 1;
  for (int iteration = 0; iteration < settings.iterations; ++iteration) {
    double slope = 0, squares = 0;
    auto const along = static_cast<float>(length);
    for (std::size_t a = 0; a < state.step.size(); ++a) {
      float const rest = state.product[a] - state.correlation[a];
      float const up = tau + rest, down = tau - rest;
      float const plus = std::max(state.positive[a] - along * up, 0.0F) - state.positive[a];
      float const minus = std::max(state.negative[a] - along * down, 0.0F) - state.negative[a];
      slope += static_cast<double>(plus) * up + static_cast<double>(minus) * down;
      squares += static_cast<double>(plus) * plus + static_cast<double>(minus) * minus;
      state.step[a] = plus - minus;
      state.plus[a] = plus;
    }
    if (!(slope < 0)) return;
    std::ranges::fill(state.step_product, 0.0F);
    add_products(state.step, state.step_product);
    double const curvature = dot(state.step, state.step_product);
    double const part = curvature > 0 ? std::min(-slope / curvature, 1.0) : 1.0;
    auto const share = static_cast<float>(part);
    double common = 0;
    for (std::size_t a = 0; a < state.step.size(); ++a) {
      state.positive[a] += share * state.plus[a];
      state.negative[a] += share * (state.plus[a] - state.step[a]);
      float const both = std::min(state.positive[a], state.negative[a]);
      state.positive[a] -= both;
      state.negative[a] -= both;
      common += both;
      state.product[a] += share * state.step_product[a];
    }
    double const next =
        objective + part * slope + 0.5 * part * part * curvature - 2 * state.threshold * common;
    bool const settled = std::abs(next - objective) <= settings.tolerance * std::abs(objective);
    objective = next;
    if (settled) return;
    length = curvature > 0 ? std::clamp(squares / curvature, 1e-30, 1e30) : 1e30;
  }
}

/// Conjugate gradients on the atoms found.
void SparseCoder::debias(State& state) const {
  std::vector<float> code(state.positive.size()), rest(code.size());
  std::size_t found = 0;
  for (std::size_t a = 0; a < code.size(); ++a) {
    code[a] = state.positive[a] - state.negative[a];
    found += code[a] != 0;
  }
  if (found == 0 || found >= static_cast<std::size_t>(dimension_)) return;
  std::vector<bool> used(code.size());
  std::ranges::fill(state.product, 0.0F);
  add_products(code, state.product);
  for (std::size_t a = 0; a < code.size(); ++a) {
    used[a] = code[a] != 0;
    rest[a] = used[a] ? state.correlation[a] - state.product[a] : 0.0F;
  }
  state.step = rest;
  double squares = dot(rest, rest);
  double const enough = fitting_tolerance * squares;
  for (int i = 0; i < most_fitting_steps && squares > enough; ++i) {
    std::ranges::fill(state.step_product, 0.0F);
    add_products(state.step, state.step_product);
    double const curvature = dot(state.step, state.step_product);
    if (!(curvature > 0)) break;
    auto const part = static_cast<float>(squares / curvature);
    for (std::size_t a = 0; a < code.size(); ++a) {
      if (!used[a]) continue;
      code[a] += part * state.step[a];
      rest[a] -= part * state.step_product[a];
    }
    double const next = dot(rest, rest);
    auto const keep = static_cast<float>(next / squares);
    for (std::size_t a = 0; a < code.size(); ++a) state.step[a] = rest[a] + keep * state.step[a];
    squares = next;
  }
  for (std::size_t a = 0; a < code.size(); ++a) {
    state.positive[a] = std::max(code[a], 0.0F);
    state.negative[a] = std::max(-code[a], 0.0F);
  }
}

}  // namespace stfcube
