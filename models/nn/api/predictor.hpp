#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stfcube/models/nn/api/model_card.hpp"
#include "stfcube/models/nn/api/network_info.hpp"
#include "stfcube/models/nn/api/scene_statistics.hpp"

namespace stfcube::nn {

/// The images that one run of a network reads: planar float32 [bands, height, width] of one block, in
/// reflectance (the quantity of the cube), every pixel with a value. Masks are [height, width], 1 = observed,
/// 0 = filled. What the network's form does not name is empty; a single reference pair stands in `..._before`
/// on whichever side it lies.
struct BlockImages {
  int bands = 0, height = 0, width = 0;
  std::vector<float> coarse_target = {};
  std::vector<float> coarse_before = {}, fine_before = {};
  std::vector<float> coarse_after = {}, fine_after = {};
  std::vector<float> coarse_target_valid = {};
  std::vector<float> coarse_before_valid = {}, fine_before_valid = {}, coarse_after_valid = {},
                     fine_after_valid = {};
  float days_before = 0,
        days_after = 0;  ///< between target and pairs; one pair on both sides: days_after = 0

  int dates = 0;                                                        ///< of a series, ascending
  std::vector<float> coarse_series = {}, fine_series = {};              ///< [dates, bands, height, width]
  std::vector<float> coarse_series_valid = {}, fine_series_valid = {};  ///< [dates, height, width]
  std::vector<float> day_of_year = {}, days = {};                       ///< [dates]
};

/// What one run has to know beside its images; how much of it matters depends on the network's path.
struct RunSettings {
  std::vector<MapConstants> const* scene = nullptr;  ///< scene_statistics: of all maps; null: the block's own
  int steps = 1;                                     ///< diffusion: how often the network is asked
  std::uint64_t seed = 0;                            ///< diffusion: of the noise
  std::uint32_t member = 0;                          ///< diffusion: of the ensemble
  std::int64_t row = 0, column = 0;                  ///< diffusion: the block's first pixel in the scene
};

/// A network with its weights, ready to predict. Thread-safe; a call uses the calling thread alone, and equal
/// images of equal size give equal bits.
class Predictor {
 public:
  virtual ~Predictor() = default;

  virtual NetworkInfo const& info() const = 0;
  /// What the weight file says about itself.
  virtual ModelCard const& card() const = 0;

  /// The fine image of the target date, [bands, height, width]; of a series every date, [dates, bands,
  /// height, width]. In the units of the images. @throws Error(model) when the network cannot take the block
  virtual std::vector<float> predict(BlockImages const& images, RunSettings const& run) const = 0;

  /// Adds the core's part of the first feature map that is not in `known` to `sums`; false, and adds nothing,
  /// when all maps of the network are known. Networks of the path scene_statistics. @throws as predict
  virtual bool gather_maps(BlockImages const& images, CoreRectangle const& core,
                           std::vector<MapConstants> const& known, MapSums& sums) const = 0;

  /// Bytes that one call takes beyond its arguments, for a block of this size: measured, with a reserve.
  virtual std::size_t working_bytes(int height, int width, int dates) const = 0;
};

/// What a job asks of a weight file.
struct WeightRequest {
  std::filesystem::path file;
  std::string network;             ///< name of the registry
  std::vector<std::string> bands;  ///< of the cube, in order
  int ratio = 16;                  ///< coarse pixel / fine pixel
  /// "NAME.OPTION" -> value, as the job gives them; those of its structure that it does not give are the
  /// file's.
  std::map<std::string, std::string> options;
};

/// Builds the network that a weight file is for.
/// @throws Error(config) when the file is for another network, other bands or other options than the job asks
/// for, with what was expected; Error(data) when it is damaged or its arrays do not fit the network;
/// Error(io)
std::unique_ptr<Predictor> load_predictor(WeightRequest const& request);

/// The card of a weight file. @throws Error(data) when the file is none of stfcube's or damaged; Error(io)
ModelCard read_model_card(std::filesystem::path const& file);

}  // namespace stfcube::nn
