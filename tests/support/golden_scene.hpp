#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube::testing {

/// The golden scene (specs: conventions, section 11): 60 x 60 fine pixels, 6 x 6 coarse cells, 3 bands
/// (green, red, nir), dates k = 0, 1 (the one to predict), 2. A function of the indices alone.
inline constexpr int golden_size = 60;
inline constexpr int golden_ratio = 10;
inline constexpr int golden_bands = 3;

std::uint32_t golden_hash(int x, int y, int band, int k);
Dn golden_fine(int k, int band, int y, int x);
Dn golden_coarse(int k, int band, int row, int column);

/// k = 0, 1, 2: 2001-05-01, 2001-06-01, 2001-07-02; one month between them.
Date golden_date(int k);

/// Bands, range and ratio of the scene; options as given ("METHOD.OPTION" -> value).
ModelSettings golden_settings(std::map<std::string, std::string> options);

/// The whole scene as one tile: pairs at the given dates, target and coarse image at k = 1.
FusionInput golden_input(std::vector<int> const& pair_dates);

/// What a tile of `whole` sees: the core grown by the support, clipped to the scene. `whole` holds the whole
/// scene.
FusionInput tile_of(FusionInput const& whole, Rect const& core_px, Support const& support);

/// A prediction with its values before rounding.
struct GoldenResult {
  FusionOutput output;
  Stack<double> exact;

  std::int64_t sum(int band) const;               ///< of the rounded prediction, target 0
  std::vector<double> probe(int x, int y) const;  ///< unrounded, all bands, target 0
};

/// The first pass over a whole scene, all rounds of it; nothing for a method that wants none. Pairs are images of one date.
void prepare(FusionModel& model, FusionInput const& whole);

/// Predicts. A model that still wants statistics gets those of `input`, which then has to be the whole scene.
GoldenResult predict(FusionModel& model, FusionInput const& input);

}  // namespace stfcube::testing
