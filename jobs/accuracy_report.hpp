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

/// Accuracy over the pixels of one stratum. Measures that look at a neighbourhood are undefined.
struct StratumAccuracy {
  std::string layer, value;  ///< "change" "abrupt", or "class" "3"
  std::vector<BandAccuracy> bands;
  Accuracy all;  ///< all bands
};

/// Accuracy of one image.
struct ImageAccuracy {
  std::optional<Date> date;
  std::string prediction, reference;  ///< paths
  std::vector<BandAccuracy> bands = {};
  Accuracy all = {};  ///< all bands
  std::vector<StratumAccuracy> strata = {};
};

/// Accuracy of one prediction: a cube, a file, or a run of files.
struct PredictionAccuracy {
  std::string label;
  std::vector<ImageAccuracy> images;
  std::vector<BandAccuracy> bands;  ///< means over images
  Accuracy overall;
  std::vector<StratumAccuracy> strata;  ///< means over images
};

/// A fold that a method could not predict.
struct MissedFold {
  Date date;
  std::string reason;
};

/// How one method stands beside others in a cross-validation.
struct MethodStanding {
  std::string method;
  int folds = 0;  ///< that it predicted
  std::vector<MissedFold> missed;
  std::int64_t reference_pixels = 0, predicted_pixels = 0;  ///< of those folds
  PredictionAccuracy common;  ///< the folds and the pixels that all methods predicted
  int rank = 0;               ///< by mean RMSE of `common`, from 1; 0: there is nothing in common
};

/// Every pair date withheld in turn.
struct CrossValidation {
  std::vector<Date> dates;
  int common_folds = 0;  ///< that all methods predicted
  std::vector<MethodStanding> methods;
};

/// The result of `stfcube evaluate`.
struct AccuracyReport {
  AccuracyScale scale;
  std::string quality = "all";  ///< which pixels counted
  std::vector<PredictionAccuracy> predictions;
  std::vector<std::string> notes;
  std::optional<CrossValidation> cross_validation = {};
};

/// A table for people (accuracy_table.cpp); "n/a" where a measure is undefined. Of a cross-validation the
/// summary alone.
void print_table(AccuracyReport const& report, std::ostream& out);

/// One JSON document; null where a measure is undefined, "inf" for the PSNR of equal images.
std::string accuracy_json(AccuracyReport const& report);

/// One line per prediction, date, band and stratum; "all" stands for the mean over dates or bands, and for
/// all pixels. Lines of the pixels that all methods of a cross-validation predicted say "common" in the first
/// column behind the method's name.
std::string accuracy_csv(AccuracyReport const& report);

}  // namespace stfcube
