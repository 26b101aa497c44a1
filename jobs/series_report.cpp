#include "stfcube/jobs/series_report.hpp"

#include <algorithm>

namespace stfcube {
namespace {

std::vector<BandAccuracy> figures_of_bands(std::vector<std::string> const& names, ImageSums const& sums,
                                           AccuracyScale const& scale) {
  std::vector<BandAccuracy> bands;
  for (std::size_t b = 0; b < names.size(); ++b)
    bands.push_back({names[b], band_accuracy(sums.bands[b], scale)});
  return bands;
}

}  // namespace

void MeanFigures::add(std::vector<BandAccuracy> const& bands, Accuracy const& all, ImageSums const& sums) {
  for (std::size_t b = 0; b < bands.size(); ++b) {
    auto const known = std::ranges::find(names_, bands[b].band);
    auto const at = static_cast<std::size_t>(known - names_.begin());
    if (known == names_.end()) {
      names_.push_back(bands[b].band);
      parts_.emplace_back();
      band_sums_.emplace_back();
    }
    parts_[at].push_back(bands[b].accuracy);
    band_sums_[at].push_back(sums.bands[b]);
    pooled_.push_back(sums.bands[b]);
  }
  all_.push_back(all);
}

std::vector<BandAccuracy> MeanFigures::bands() const {
  std::vector<BandAccuracy> bands;
  for (std::size_t b = 0; b < names_.size(); ++b)
    bands.push_back({names_[b], mean_of(parts_[b], band_sums_[b])});
  return bands;
}

Accuracy MeanFigures::all() const {
  return mean_of(all_, pooled_);
}

Accuracy MeanFigures::mean_of(std::vector<Accuracy> const& images, std::vector<BandSums> const& pooled) {
  Accuracy accuracy = mean_accuracy(images, pooled);
  for (Accuracy const& image : images) accuracy.pixels += image.pixels;
  return accuracy;
}

void SeriesReport::add(ImageAccuracy image, std::vector<std::string> const& bands,
                       ComparisonSums const& sums) {
  image.bands = figures_of_bands(bands, sums.whole, scale_);
  image.all = image_accuracy(sums.whole, scale_);
  whole_.add(image.bands, image.all, sums.whole);
  for (auto const& [stratum, part] : sums.strata) {
    StratumAccuracy figures{layer_name(stratum), value_name(stratum), figures_of_bands(bands, part, scale_),
                            image_accuracy(part, scale_)};
    strata_[stratum].add(figures.bands, figures.all, part);
    image.strata.push_back(std::move(figures));
  }
  prediction_.images.push_back(std::move(image));
}

PredictionAccuracy SeriesReport::result() {
  prediction_.bands = whole_.bands();
  prediction_.overall = whole_.all();
  for (auto const& [stratum, figures] : strata_) {
    prediction_.strata.push_back({layer_name(stratum), value_name(stratum), figures.bands(), figures.all()});
  }
  return std::move(prediction_);
}

}  // namespace stfcube
