#include "stfcube/tests/models/nn/network_checks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace stfcube::testing {
namespace {

using torch::Tensor;

std::vector<Tensor*> images(nn::NetworkInput& input) {
  std::vector<Tensor*> found;
  for (Tensor* const image :
       {&input.coarse_target, &input.coarse_before, &input.fine_before, &input.coarse_after,
        &input.fine_after, &input.coarse_series, &input.fine_series, &input.noisy}) {
    if (image->defined()) found.push_back(image);
  }
  return found;
}

/// Images and masks.
std::vector<Tensor*> planes(nn::NetworkInput& input) {
  std::vector<Tensor*> found = images(input);
  for (Tensor* const mask : {&input.coarse_target_valid, &input.fine_before_valid, &input.coarse_before_valid,
                             &input.fine_after_valid, &input.coarse_after_valid, &input.coarse_series_valid,
                             &input.fine_series_valid}) {
    if (mask->defined()) found.push_back(mask);
  }
  return found;
}

/// One block of a scene with its halo.
struct Block {
  int row, column, rows, columns;
  nn::CoreRectangle core;
};

std::vector<Block> blocks_of(nn::NetworkInfo const& info, int height, int width, int side) {
  int const halo = (info.radius_px + info.align_px - 1) / info.align_px * info.align_px;
  std::vector<Block> blocks;
  for (int row = 0; row < height; row += side) {
    for (int column = 0; column < width; column += side) {
      int const last_row = std::min(row + side, height), last_column = std::min(column + side, width);
      int const top = std::max(0, row - halo), left = std::max(0, column - halo);
      blocks.push_back({top,
                        left,
                        std::min(height, last_row + halo) - top,
                        std::min(width, last_column + halo) - left,
                        {row - top, column - left, last_row - row, last_column - column}});
    }
  }
  return blocks;
}

nn::NetworkInput cut(nn::NetworkInput scene, Block const& block) {
  for (Tensor* const image : planes(scene))
    *image = image->narrow(-2, block.row, block.rows).narrow(-1, block.column, block.columns);
  return scene;
}

int height_of(nn::NetworkInput scene) {
  return static_cast<int>(images(scene).front()->size(-2));
}

int width_of(nn::NetworkInput scene) {
  return static_cast<int>(images(scene).front()->size(-1));
}

Tensor weighted_sum(Tensor const& prediction, Tensor const& weights) {
  return (prediction * weights).sum();
}

/// Deviation of the derivative at one element of `values` from what a difference of two forward passes gives.
template <class Forward>
double deviation(Tensor& values, Tensor const& gradient, std::int64_t element, Forward const& forward) {
  torch::NoGradGuard const fixed;
  double* const at = values.data_ptr<double>() + element;
  double const kept = *at, step = 1e-6;
  *at = kept + step;
  double const above = forward();
  *at = kept - step;
  double const below = forward();
  *at = kept;
  double const expected = (above - below) / (2 * step);
  double const found = gradient.defined() ? gradient.contiguous().data_ptr<double>()[element] : 0.0;
  return std::abs(found - expected) / std::max(1e-3, std::abs(expected));
}

}  // namespace

nn::NetworkInput random_input(nn::NetworkInfo const& info, int height, int width, int patches,
                              torch::Dtype type) {
  using nn::NetworkForm;
  auto const image = [&] {
    Tensor const unit = torch::rand({patches, info.bands, height, width}, type);
    return info.scaling == "symmetric" ? 2 * unit - 1 : unit;
  };
  auto const ones = [&] { return torch::ones({patches, 1, height, width}, type); };
  nn::NetworkInput input;
  if (info.form == NetworkForm::series) {
    int const dates = 5;
    input.coarse_series = torch::rand({patches, dates, info.bands, height, width}, type);
    input.fine_series = torch::rand({patches, dates, info.bands, height, width}, type);
    input.coarse_series_valid = torch::ones({patches, dates, 1, height, width}, type);
    input.fine_series_valid = torch::ones({patches, dates, 1, height, width}, type);
    input.days = (torch::arange(dates, type) * 16).expand({patches, dates});
    input.day_of_year = input.days + 10;
    return input;
  }
  input.coarse_target = image();
  input.fine_before = image();
  input.coarse_target_valid = ones();
  input.fine_before_valid = ones();
  if (info.form != NetworkForm::fine_and_target) {
    input.coarse_before = image();
    input.coarse_before_valid = ones();
  }
  if (info.form == NetworkForm::two_pairs) {
    input.coarse_after = image();
    input.fine_after = image();
    input.days_before = torch::full({patches}, 10, type);
    input.days_after = torch::full({patches}, 22, type);
    input.coarse_after_valid = ones();
    input.fine_after_valid = ones();
  }
  if (info.path == nn::InferencePath::diffusion) {
    input.noisy = torch::randn({patches, info.bands, height, width}, type);
    input.step = torch::full({patches}, info.steps / 3, torch::kInt64);
  }
  return input;
}

std::int64_t parameter_count(torch::nn::Module const& module) {
  std::int64_t count = 0;
  for (auto const& parameter : module.parameters()) count += parameter.numel();
  return count;
}

void draw_parameters(torch::nn::Module& module, double lowest, double highest) {
  torch::NoGradGuard const fixed;
  for (auto& parameter : module.parameters()) parameter.uniform_(lowest, highest);
}

int measured_radius(nn::Network& network, int side) {
  network.eval();
  auto input = random_input(network.info(), side, side);
  auto const inputs = images(input);
  for (Tensor* const image : inputs) image->set_requires_grad(true);
  Tensor const prediction = network.predict(input);
  int const align = std::max(1, network.info().align_px), middle = side / 2;
  int radius = 0;
  for (int phase = 0; phase < align; ++phase) {
    int const at = middle + phase;
    Tensor const pixel = prediction.select(-1, at).select(-1, at).sum();
    for (Tensor* const image : inputs) image->mutable_grad() = Tensor();
    pixel.backward({}, true);
    for (Tensor* const image : inputs) {
      if (!image->grad().defined()) continue;
      Tensor const touched = image->grad().abs().reshape({-1, side, side}).sum(0) > 0;
      Tensor const places = touched.nonzero();
      if (places.numel() == 0) continue;
      radius = std::max(radius, static_cast<int>((places - at).abs().max().item<std::int64_t>()));
    }
  }
  return radius;
}

int measured_radius_of_held(nn::Network& network, int side) {
  network.eval();
  auto const known = scene_constants(network, random_input(network.info(), side, side), side);
  int radius = 0;
  nn::use_statistics(known, [&] { radius = measured_radius(network, side); });
  return radius;
}

std::vector<nn::MapConstants> scene_constants(nn::Network& network, nn::NetworkInput const& scene, int side) {
  torch::NoGradGuard const fixed;
  network.eval();
  auto const blocks = blocks_of(network.info(), height_of(scene), width_of(scene), side);
  std::vector<nn::MapConstants> known;
  for (;;) {
    nn::MapSums sums;
    bool found = false;
    for (Block const& block : blocks) {
      found = nn::gather_statistics(known, {block.rows, block.columns, {block.core}}, sums,
                                    [&] { network.predict(cut(scene, block)); });
    }
    if (!found) return known;
    known.push_back(sums.constants());
  }
}

Tensor predict_by_blocks(nn::Network& network, nn::NetworkInput const& scene, int side) {
  auto const known = scene_constants(network, scene, side);
  torch::NoGradGuard const fixed;
  std::vector<Tensor> rows, row;
  for (Block const& block : blocks_of(network.info(), height_of(scene), width_of(scene), side)) {
    nn::CoreRectangle const& core = block.core;
    nn::use_statistics(known, [&] {
      row.push_back(network.predict(cut(scene, block))
                        .narrow(-2, core.row, core.height)
                        .narrow(-1, core.column, core.width));
    });
    if (block.column + core.column + core.width < width_of(scene)) continue;
    rows.push_back(torch::cat(row, -1));
    row.clear();
  }
  return torch::cat(rows, -2);
}

double gradient_error(nn::Network& network, int height, int width) {
  network.to(torch::kFloat64);
  network.eval();
  auto input = random_input(network.info(), height, width, 1, torch::kFloat64);
  auto const inputs = images(input);
  for (Tensor* const image : inputs) image->set_requires_grad(true);
  Tensor const first = network.predict(input);
  Tensor const weights = torch::rand_like(first);
  weighted_sum(first, weights).backward();
  auto const forward = [&] { return weighted_sum(network.predict(input), weights).template item<double>(); };

  std::vector<std::pair<Tensor, Tensor>> variables;
  for (Tensor const& parameter : network.parameters()) variables.emplace_back(parameter, parameter.grad());
  for (Tensor* const image : inputs) variables.emplace_back(*image, image->grad());
  double worst = 0;
  for (auto& [values, gradient] : variables) {
    for (std::int64_t const element : {std::int64_t{0}, values.numel() / 2}) {
      worst = std::max(worst, deviation(values, gradient, element, forward));
    }
  }
  return worst;
}

double directional_gradient_error(nn::Network& network, int height, int width) {
  network.to(torch::kFloat64);
  network.eval();
  auto input = random_input(network.info(), height, width, 1, torch::kFloat64);
  std::vector<Tensor> variables = network.parameters();
  for (Tensor* const image : images(input)) variables.push_back(image->set_requires_grad(true));
  Tensor const first = network.predict(input);
  Tensor const weights = torch::rand_like(first);
  weighted_sum(first, weights).backward();
  torch::NoGradGuard const fixed;
  double worst = 0;
  for (int trial = 0; trial < 5; ++trial) {
    std::vector<Tensor> directions;
    double found = 0;
    for (Tensor const& variable : variables) {
      if (!variable.grad().defined()) return std::numeric_limits<double>::infinity();
      directions.push_back(torch::randn_like(variable));
      found += (variable.grad() * directions.back()).sum().item<double>();
    }
    auto const moved_by = [&](double step) {
      for (std::size_t i = 0; i < variables.size(); ++i) variables[i].add_(directions[i], step);
      return weighted_sum(network.predict(input), weights).item<double>();
    };
    double const step = 1e-7, above = moved_by(step), below = moved_by(-2 * step);
    moved_by(step);
    double const expected = (above - below) / (2 * step);
    worst = std::max(worst, std::abs(found - expected) / std::max(1e-3, std::abs(expected)));
  }
  return worst;
}

bool runs_on_odd_sizes(nn::Network& network) {
  torch::NoGradGuard const fixed;
  network.eval();
  for (auto const& [height, width] : {std::pair{33, 47}, {40, 29}, {64, 37}}) {
    auto const prediction = network.predict(random_input(network.info(), height, width));
    if (prediction.size(-2) != height || prediction.size(-1) != width) return false;
    if (!torch::isfinite(prediction).all().item<bool>()) return false;
  }
  return true;
}

}  // namespace stfcube::testing
