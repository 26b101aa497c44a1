#include "stfcube/jobs/accuracy_pictures.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "stfcube/jobs/accuracy_charts.hpp"
#include "stfcube/jobs/accuracy_maps.hpp"
#include "stfcube/jobs/text_table.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// A part of a file name.
std::string file_word(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '.'; }, '_');
  return text;
}

/// Every rank's part on the root. @collective
void bring_to_root(PictureTally& tally, Communicator const& comm) {
  if (comm.size() == 1) return;
  std::vector<std::string> to_each(static_cast<std::size_t>(comm.size()));
  if (!comm.is_root()) to_each[0] = tally.pack();
  for (std::string const& part : comm.exchange(to_each)) {
    if (!part.empty()) tally.merge_packed(part);
  }
}

std::vector<PredictionAccuracy const*> compared(AccuracyReport const& report) {
  std::vector<PredictionAccuracy const*> predictions;
  if (!report.cross_validation) {
    for (auto const& one : report.predictions) predictions.push_back(&one);
    return predictions;
  }
  for (auto const& standing : report.cross_validation->methods) {
    if (standing.rank > 0) predictions.push_back(&standing.common);
  }
  std::ranges::stable_sort(predictions, {}, [](auto const* one) { return one->overall.rmse; });
  return predictions;
}

}  // namespace

AccuracyPictures::AccuracyPictures(std::filesystem::path folder, Communicator const& comm)
    : folder_(std::move(folder)), comm_(comm) {
  comm_.together([&] {
    if (!wanted() || !comm_.is_root()) return;
    std::error_code failure;
    std::filesystem::create_directories(folder_, failure);
    require(!failure, ErrorKind::io,
            fmt::format("--pictures {}: the folder cannot be made ({}). Give another one.", folder_.string(),
                        failure.message()));
  });
}

void AccuracyPictures::write_image(std::string const& label, ImageAccuracy const& image,
                                   PictureTally& tally) const {
  bring_to_root(tally, comm_);
  comm_.together([&] {
    if (!comm_.is_root()) return;
    std::string const name = file_word(label) + (image.date ? "_" + compact(*image.date) : std::string());
    std::string const title = label + (image.date ? ", " + to_string(*image.date) : std::string());
    write("map_" + name, draw_maps(title, tally.data()).document());
    write("scatter_" + name, draw_scatter(title, tally.data(), image).document());
  });
}

void AccuracyPictures::write_report(AccuracyReport const& report) const {
  comm_.together([&] {
    auto const predictions = compared(report);
    if (!wanted() || !comm_.is_root() || predictions.empty()) return;
    std::string const title =
        report.cross_validation
            ? fmt::format("Cross-validation, {} withheld dates, pixels that all methods predicted",
                          report.cross_validation->common_folds)
            : "Accuracy, means over images and bands";
    write("measures", draw_measures(title, predictions).document());
    write("bands", draw(bars_of_bands(predictions)).document());
    auto const strata = bars_of_strata(predictions);
    if (!strata.groups.empty()) write("strata", draw(strata).document());
    auto const dates = bars_of_dates(predictions);
    if (dates.groups.size() > 1) write("dates", draw(dates).document());
  });
}

void AccuracyPictures::write(std::string const& name, std::string const& document) const {
  auto const path = folder_ / (name + ".svg");
  std::ofstream file(path, std::ios::binary);
  file << document;
  file.close();
  require(file.good(), ErrorKind::io,
          fmt::format("{}: cannot be written. Check that the folder is writable, and the free space.",
                      path.string()));
}

}  // namespace stfcube
