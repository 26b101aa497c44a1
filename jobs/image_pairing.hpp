#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stfcube/jobs/image_source.hpp"

namespace stfcube {

/// One image of one source.
struct ImageIndex {
  int source = 0, image = 0;
  auto operator<=>(ImageIndex const&) const = default;
};

/// A prediction and the reference it is held against.
struct ImagePair {
  std::optional<Date> date;
  ImageIndex prediction, reference;
  std::vector<std::string> bands;  ///< names for the report
  std::vector<int> prediction_bands, reference_bands;
};

/// Pairs that are judged together: a cube's dates, or a run of files.
struct PredictionSeries {
  std::string label;
  std::vector<ImagePair> pairs;
};

struct ImagePairing {
  std::vector<PredictionSeries> series;
  std::vector<std::string> notes;  ///< what the reader of the figures should know
};

/// Finds what is compared with what. A date of a cube is looked up by the date in a file's name; two cubes
/// share dates; files are paired in the order given, or all with the only reference. Bands go by name where
/// both sides name them, else by position. Pure.
/// @throws Error(config) when files cannot be paired, Error(data) when nothing can be compared, or sizes,
/// positions or
///         bands do not fit
ImagePairing pair_images(std::span<ImageSourceInfo const> predictions,
                         std::span<ImageSourceInfo const> references);

/// Checks that a prediction and what it is held against have the same pixels on the ground; without a CRS on
/// both sides, the same size. @throws Error(data) naming both
void check_same_pixels(ImageSourceInfo const& prediction, ImageSourceInfo const& other);

/// The bands of a further source that belong to a pair's: by name, else by position where it has as many
/// bands as the pair's reference. @throws Error(data)
std::vector<int> bands_like(ImageSourceInfo const& source, ImagePair const& pair,
                            ImageSourceInfo const& reference);

}  // namespace stfcube
