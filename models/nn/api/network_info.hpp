#pragma once

#include <string>

namespace stfcube::nn {

/// Which images a network reads.
enum class NetworkForm {
  fine_and_target,  ///< a fine image of another date and the coarse image of the target date
  one_pair,         ///< a pair and the coarse image of the target date
  two_pairs,        ///< a pair on each side and the coarse image of the target date
  series,           ///< all dates of both sensors at once
};

/// What makes a network's result the same for any tiles.
enum class InferencePath {
  local,             ///< a pixel depends on what lies within radius_px of it: blocks with a halo
  lattice,           ///< patches on a lattice that is fixed on the target grid, blended
  scene_statistics,  ///< means and deviations of feature maps come from a first pass over the scene, the rest
                     ///< is local
  diffusion,         ///< noise keyed by the pixel's place in the scene, patches on the lattice
};

/// How far the authors' own work can be checked.
enum class Evidence {
  published_code,    ///< built after the authors' code
  third_party_code,  ///< after somebody else's, or parts of the authors'
  reading,           ///< after text and figures: layer widths are ours
  own,               ///< stfcube's own network
};

/// Facts about a network as it was built.
struct NetworkInfo {
  std::string name;
  std::string title;
  std::string citation;
  Evidence evidence = Evidence::reading;
  NetworkForm form = NetworkForm::one_pair;
  InferencePath path = InferencePath::local;
  int bands = 6;
  bool any_bands = false;  ///< the same parameters serve any set of bands; the card of weights then says "*"
  int radius_px = 0;  ///< largest distance, in one direction, at which an input pixel changes an output pixel
  int align_px = 1;   ///< blocks begin at multiples of this: the product of the network's strides
  int patch_px = 256;            ///< lattice and diffusion: side of a patch
  int stride_px = 128;           ///< lattice and diffusion: distance of patches
  std::string scaling = "unit";  ///< unit: reflectance; symmetric: 2 x reflectance - 1
  bool one_sided = false;        ///< two pairs: one pair may stand on both sides, with days_after = 0
  int steps = 0;                 ///< diffusion: length of the schedule
  bool channels_last = true;     ///< images and weights are laid out so, which is faster for convolutions
};

/// "published code", "third-party code", "buildable reading", "stfcube's own".
std::string evidence_text(Evidence evidence);

}  // namespace stfcube::nn
