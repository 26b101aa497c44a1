#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "stfcube/models/nn/api/training_options.hpp"
#include "stfcube/partitioning/core/date.hpp"

namespace stfcube {

/// [train]: how `stfcube train` trains a network on the pairs of a job.
struct TrainingSpec {
  std::string network;  ///< a name of nn::network_list()
  nn::TrainingOptions options;
  int patch_px = 128;  ///< rounded up to a multiple of the ratio
  std::int64_t patches = 2000, validation_patches = 200;
  std::vector<Date> validation_dates;  ///< never a label or reference of a training patch
  std::vector<std::array<double, 4>>
      withheld_regions;           ///< xmin ymin xmax ymax; no training patch touches them
  double validation_share = 0.1;  ///< of blocks of the scene, likewise withheld
  std::filesystem::path out;      ///< the weight file
  std::chrono::seconds checkpoint_every{300};
  std::string device = "cpu", licence;
};

}  // namespace stfcube
