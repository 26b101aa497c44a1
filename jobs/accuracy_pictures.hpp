#pragma once

#include <filesystem>
#include <string>

#include "stfcube/jobs/accuracy_report.hpp"
#include "stfcube/jobs/picture_tally.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The pictures of an evaluation, as SVG files in one folder:
///   map_NAME_DATE.svg      reference, prediction and error side by side
///   scatter_NAME_DATE.svg  prediction over reference, band by band
///   measures.svg, bands.svg, strata.svg, dates.svg   predictions beside each other
class AccuracyPictures {
 public:
  /// @param folder  made when it does not exist; empty: there are no pictures. @collective @throws Error(io)
  AccuracyPictures(std::filesystem::path folder, Communicator const& comm);

  bool wanted() const { return !folder_.empty(); }

  /// Writes map and scatter plot of one image on the root. @param image  with its figures, on the root at
  /// least
  /// @collective @throws Error(io)
  void write_image(std::string const& label, ImageAccuracy const& image, PictureTally& tally) const;

  /// Writes what shows all predictions. Of a cross-validation what is common to all methods is shown.
  /// @collective @throws Error(io)
  void write_report(AccuracyReport const& report) const;

 private:
  void write(std::string const& name, std::string const& document) const;

  std::filesystem::path folder_;
  Communicator const& comm_;
};

}  // namespace stfcube
