#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "stfcube/models/registry.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube::testing {

using Options = std::map<std::string, std::string>;

inline GoldenResult run_starfm(FusionInput const& input, Options const& options) {
  return predict(*make_model("starfm", golden_settings(options)), input);
}

inline Options golden_options(Options options = {}) {
  options.merge(Options{{"starfm.window", "15"},
                        {"starfm.distance", "7"},
                        {"starfm.slices", "10"},
                        {"starfm.sigma_fine", "20 20 50"},
                        {"starfm.sigma_coarse", "20 20 50"}});
  return options;
}

/// A small scene of patches with noise, gaps in fine and coarse images, `pairs` pairs and targets around
/// them. Fine dates 10, 20, ...; coarse images on days 8, 9, ... as many as `coarse_days`.
inline FusionInput patchy_scene(int size, int ratio, std::vector<int> const& pair_days,
                                std::vector<int> const& target_days, unsigned seed, bool gaps) {
  std::mt19937 random(seed);
  auto const uniform = [&](int lowest, int highest) {
    return lowest + static_cast<int>(random() % static_cast<unsigned>(highest - lowest + 1));
  };
  int const cells = (size + ratio - 1) / ratio, bands = 2;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, size, size};
  input.cells = {0, 0, cells, cells};
  input.ratio = ratio;
  std::vector<int> coarse_days = pair_days;
  coarse_days.insert(coarse_days.end(), target_days.begin(), target_days.end());
  std::ranges::sort(coarse_days);
  coarse_days.erase(std::unique(coarse_days.begin(), coarse_days.end()), coarse_days.end());
  for (int const day : pair_days) input.fine.dates.push_back({day});
  for (int const day : coarse_days) input.coarse.dates.push_back({day});
  for (int const day : target_days) input.targets.push_back({day});
  input.fine.dn = Stack<Dn>(static_cast<int>(pair_days.size()), bands, size, size);
  input.coarse.dn = Stack<Dn>(static_cast<int>(coarse_days.size()), bands, cells, cells);
  auto const patch = [](int y, int x, int band) { return 500 + 400 * ((x / 7 + y / 5) % 3) + 100 * band; };
  for (int d = 0; d < input.fine.dn.dates(); ++d) {
    for (int b = 0; b < bands; ++b) {
      for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
          input.fine.dn.at(d, b, y, x) =
              static_cast<Dn>(patch(y, x, b) + uniform(-40, 40) + 5 * pair_days[static_cast<std::size_t>(d)]);
        }
      }
    }
    for (int i = 0; gaps && i < size * size / 12; ++i) {
      int const y = uniform(0, size - 1), x = uniform(0, size - 1);
      for (int b = 0; b < bands; ++b) input.fine.dn.at(d, b, y, x) = no_data_dn;
    }
  }
  for (int d = 0; d < input.coarse.dn.dates(); ++d) {
    for (int y = 0; y < cells; ++y) {
      for (int x = 0; x < cells; ++x) {
        bool const gap = gaps && uniform(0, 11) == 0;
        for (int b = 0; b < bands; ++b) {
          int const value = patch(y * ratio, x * ratio, b) + uniform(-60, 60) +
                            5 * coarse_days[static_cast<std::size_t>(d)];
          input.coarse.dn.at(d, b, y, x) = gap ? no_data_dn : static_cast<Dn>(value);
        }
      }
    }
  }
  return input;
}

inline ModelSettings patchy_settings(int ratio, Options options) {
  ModelSettings settings;
  settings.bands = {"green", "red"};
  settings.ratio = ratio;
  settings.options = std::move(options);
  return settings;
}

inline Options patchy_options(Options options = {}) {
  options.merge(Options{{"starfm.window", "15"}, {"starfm.slices", "10"}});
  return options;
}

/// One pair and one target, one band, ratio 4, 24 x 24 px; values by functions of (y, x) and of cells.
template <class Fine, class Before, class After>
FusionInput simple_scene(Fine fine, Before before, After after) {
  constexpr int size = 24, ratio = 4, cells = size / ratio;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, size, size};
  input.cells = {0, 0, cells, cells};
  input.ratio = ratio;
  input.fine = {{Date{0}}, Stack<Dn>(1, 1, size, size)};
  input.coarse = {{Date{0}, Date{1}}, Stack<Dn>(2, 1, cells, cells)};
  input.targets = {Date{1}};
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) input.fine.dn.at(0, 0, y, x) = static_cast<Dn>(fine(y, x));
  }
  for (int y = 0; y < cells; ++y) {
    for (int x = 0; x < cells; ++x) {
      input.coarse.dn.at(0, 0, y, x) = static_cast<Dn>(before(y, x));
      input.coarse.dn.at(1, 0, y, x) = static_cast<Dn>(after(y, x));
    }
  }
  return input;
}

inline GoldenResult run_simple(FusionInput const& input, Options const& options) {
  ModelSettings settings;
  settings.bands = {"green"};
  settings.ratio = input.ratio;
  settings.options = options;
  return predict(*make_model("starfm", settings), input);
}

}  // namespace stfcube::testing
