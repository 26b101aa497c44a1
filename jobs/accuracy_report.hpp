#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "stfcube/models/accuracy.hpp"
#include "stfcube/partitioning/core/date.hpp"

namespace stfcube {

/// Accuracy of one band.
struct BandAccuracy {
  std::string band;
  Accuracy accuracy;
};

/// Accuracy of one image.
struct ImageAccuracy {
  std::optional<Date> date;
  std::string prediction, reference;  ///< paths
  std::vector<BandAccuracy> bands;
  Accuracy all;  ///< all bands
};

/// Accuracy of one prediction: a cube, a file, or a run of files.
struct PredictionAccuracy {
  std::string label;
  std::vector<ImageAccuracy> images;
  std::vector<BandAccuracy> bands;  ///< means over images
  Accuracy overall;
};

/// The result of `stfcube evaluate`.
struct AccuracyReport {
  AccuracyScale scale;
  std::string quality = "all";  ///< which pixels counted
  std::vector<PredictionAccuracy> predictions;
  std::vector<std::string> notes;
};

/// A table for people; "n/a" where a measure is undefined.
void print_table(AccuracyReport const& report, std::ostream& out);

/// One JSON document; null where a measure is undefined, "inf" for the PSNR of equal images.
std::string accuracy_json(AccuracyReport const& report);

/// One line per prediction, date and band; "all" stands for the mean over dates or bands.
std::string accuracy_csv(AccuracyReport const& report);

}  // namespace stfcube
