#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stfcube/models/fusion_model.hpp"

namespace stfcube {

/// Objects of a fine image in a rectangle of whole lattice squares: no object reaches beyond its square.
struct ImageObjects {
  Rect px;  ///< target grid
  int count = 0;
  std::vector<std::int32_t> object;   ///< [row, column] of px: -1 where there is no class
  std::vector<std::int16_t> classes;  ///< [object]: the class of most of its pixels, the lower of equals
  std::vector<std::int32_t> first;    ///< [object + 1]: its pixels in `pixels`
  std::vector<std::int32_t> pixels;   ///< indices in `object`, ascending within an object

  std::span<std::int32_t const> pixels_of(int o) const {
    auto const at = static_cast<std::size_t>(o);
    return std::span(pixels).subspan(static_cast<std::size_t>(first[at]),
                                     static_cast<std::size_t>(first[at + 1] - first[at]));
  }
};

/// Objects of the job's map, cut at the lattice; without a map, and where it has no number, connected pixels
/// (4 neighbours) of one class within a square. In parallel.
/// @param labels      classes of the pixels of padded_px, -1 = none (FineClasses::labels)
/// @param px          squares of the lattice, clipped to the scene; inside padded_px
/// @param lattice_px  side of a square; squares start at the grid's origin
ImageObjects find_objects(FusionInput const& input, std::span<std::int16_t const> labels, Rect const& px,
                          int lattice_px);

/// Bytes that objects of so many pixels take, at most.
std::size_t object_bytes(std::size_t pixels);

/// How well a pixel stands for its object when coarse values come to the fine grid: the object's share of the
/// pixels around it, less far from the centre of the coarse cell.
/// @param index  in `object`
/// @source specs: obsum.md, step 4
double object_index(ImageObjects const& objects, Rect const& scene_px, int ratio, std::int32_t index);

/// Pixels of an object by which its coarse residual is known: those whose index is among the highest, with
/// that index.
struct ObjectSample {
  std::int32_t pixel;
  double weight;
};
/// @param share  of the pixels, above 0; at least one is taken
std::vector<ObjectSample> object_sample(ImageObjects const& objects, Rect const& scene_px, int ratio, int o,
                                        double share);

}  // namespace stfcube
