#pragma once

#include <map>
#include <string>
#include <vector>

#include "stfcube/jobs/accuracy_report.hpp"
#include "stfcube/models/accuracy_strata.hpp"

namespace stfcube {

/// Images or bands whose figures are averaged: one per band, and all.
class MeanFigures {
 public:
  /// @param bands  names, as many as `sums` has bands
  void add(std::vector<BandAccuracy> const& bands, Accuracy const& all, ImageSums const& sums);

  std::vector<BandAccuracy> bands() const;
  Accuracy all() const;

 private:
  static Accuracy mean_of(std::vector<Accuracy> const& images, std::vector<BandSums> const& pooled);

  std::vector<std::string> names_;
  std::vector<std::vector<Accuracy>> parts_;      ///< [band][image]
  std::vector<std::vector<BandSums>> band_sums_;  ///< [band][image]
  std::vector<Accuracy> all_;
  std::vector<BandSums> pooled_;
};

/// The report of one series from the sums of its images: each of them, the mean of each band, and the mean of
/// all.
class SeriesReport {
 public:
  SeriesReport(std::string label, AccuracyScale const& scale) : scale_(scale) {
    prediction_.label = std::move(label);
  }

  /// @param image  date and paths; its figures are computed here
  void add(ImageAccuracy image, std::vector<std::string> const& bands, ComparisonSums const& sums);

  PredictionAccuracy result();

 private:
  AccuracyScale scale_;
  PredictionAccuracy prediction_;
  MeanFigures whole_;
  std::map<Stratum, MeanFigures> strata_;
};

}  // namespace stfcube
