#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stfcube/io/raster_file.hpp"
#include "stfcube/jobs/accuracy_pictures.hpp"
#include "stfcube/jobs/fold.hpp"
#include "stfcube/jobs/fold_tally.hpp"
#include "stfcube/models/accuracy.hpp"

namespace stfcube {

/// One withheld date.
struct FoldResult {
  Date date;
  std::map<std::string, FoldSums> sums;       ///< by method
  std::map<std::string, std::string> missed;  ///< methods that cannot predict it, and why

  /// Null when the method did not predict the date.
  FoldSums const* sums_of(std::string const& method) const;
};

/// What all folds of a cross-validation share.
struct FoldSettings {
  PreparedJob const& job;
  RasterReader* mask = nullptr;       ///< not zero = evaluate; null: everywhere
  LabelMap const* classes = nullptr;  ///< null: no classes
  std::vector<std::string> methods;
  AccuracyScale scale;
  AccuracyPictures const& pictures;
};

/// Withholds one pair date and lets every method predict it, tile by tile; tiles are shared out among the
/// ranks.
/// @collective @return the same on every rank. @throws Error on every rank
FoldResult run_fold(FoldSettings const& settings, Pair const& withheld, Communicator const& comm);

}  // namespace stfcube
