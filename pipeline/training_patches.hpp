#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "stfcube/models/training_patch.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"
#include "stfcube/pipeline/tile_job.hpp"

namespace stfcube {

/// Squares of `patch_px` that begin on coarse cells, half a patch apart, wholly inside the grid, where
/// `allowed` says so.
/// @param patch_px  a multiple of the ratio
std::vector<Rect> patch_places(Grid const& fine_grid, int ratio, int patch_px,
                               std::function<bool(Rect const&)> const& allowed);

/// Any of the triples at any of the places.
struct PatchPool {
  std::vector<TrainingTriple> triples;
  std::vector<Rect> places;
};

/// Which patches are wanted.
struct PatchDraw {
  std::vector<PatchPool> pools;
  int patch_px = 0;          ///< side of all places
  std::int64_t count = 0;    ///< fewer are written when there are fewer
  double least_valid = 0.9;  ///< share of valid pixels that every image of a patch needs
  std::uint64_t seed = 1;
};

/// Draws patches without repetition, with a probability proportional to the mean change of the coarse image
/// from the first reference to the target (at least 0.005), and writes them as a patch file
/// (models/nn/api/patch_file.hpp). The same file for any number of ranks and threads. Memory: some hundred
/// patches per rank.
///
/// @param task  fine and coarse observations; the quantity is reflectance in steps of 1e-4
/// @collective @return the number of patches in the file
/// @throws Error on every rank: data when the file would be empty, io
std::int64_t write_training_patches(PatchDraw const& draw, FusionTask const& task,
                                    std::filesystem::path const& file, int threads, Communicator const& comm);

}  // namespace stfcube
