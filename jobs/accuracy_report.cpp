#include "stfcube/jobs/accuracy_report.hpp"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "stfcube/jobs/text_table.hpp"
#include "stfcube/partitioning/core/build_info.hpp"

namespace stfcube {
namespace {

using Json = nlohmann::ordered_json;

Json json_number(double value) {
  if (std::isnan(value)) return nullptr;
  if (std::isinf(value)) return "inf";
  return value;
}

/// @param mean  the figures are means over bands or dates, and say so for the RMSE
Json json_accuracy(Accuracy const& accuracy, bool mean) {
  Json json{{"pixels", accuracy.pixels}};
  for (auto const& measure : accuracy_measures()) {
    bool const is_rmse = measure.value == &Accuracy::rmse;
    json[std::string(mean && is_rmse ? "mean_rmse" : measure.key)] = json_number(accuracy.*measure.value);
  }
  return json;
}

Json json_bands(std::vector<BandAccuracy> const& bands, bool mean) {
  Json list = Json::array();
  for (auto const& band : bands) {
    Json json{{"band", band.band}};
    json.update(json_accuracy(band.accuracy, mean));
    list.push_back(std::move(json));
  }
  return list;
}

Json json_strata(std::vector<StratumAccuracy> const& strata, bool mean) {
  Json list = Json::array();
  for (auto const& stratum : strata) {
    list.push_back({{"layer", stratum.layer},
                    {"value", stratum.value},
                    {"bands", json_bands(stratum.bands, mean)},
                    {"all", json_accuracy(stratum.all, true)}});
  }
  return list;
}

Json json_prediction(PredictionAccuracy const& prediction) {
  Json images = Json::array();
  for (auto const& image : prediction.images) {
    images.push_back({{"date", image.date ? Json(to_string(*image.date)) : Json()},
                      {"prediction", image.prediction},
                      {"reference", image.reference},
                      {"bands", json_bands(image.bands, false)},
                      {"all", json_accuracy(image.all, true)},
                      {"strata", json_strata(image.strata, false)}});
  }
  return {{"prediction", prediction.label},
          {"images", std::move(images)},
          {"bands", json_bands(prediction.bands, true)},
          {"overall", json_accuracy(prediction.overall, true)},
          {"strata", json_strata(prediction.strata, true)}};
}

Json json_standing(MethodStanding const& standing) {
  Json missed = Json::array();
  for (auto const& fold : standing.missed)
    missed.push_back({{"date", to_string(fold.date)}, {"reason", fold.reason}});
  return {{"method", standing.method},
          {"rank", standing.rank == 0 ? Json() : Json(standing.rank)},
          {"folds", standing.folds},
          {"missed", std::move(missed)},
          {"reference_pixels", standing.reference_pixels},
          {"predicted_pixels", standing.predicted_pixels},
          {"common", json_prediction(standing.common)}};
}

Json json_cross_validation(CrossValidation const& validation) {
  Json dates = Json::array(), methods = Json::array();
  for (Date const date : validation.dates) dates.push_back(to_string(date));
  for (auto const& standing : validation.methods) methods.push_back(json_standing(standing));
  return {{"dates", std::move(dates)},
          {"common_folds", validation.common_folds},
          {"methods", std::move(methods)}};
}

std::string name_of(StratumAccuracy const& stratum) {
  return stratum.layer + ':' + stratum.value;
}

std::string quoted(std::string const& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string result = "\"";
  for (char const c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + '"';
}

/// The lines of one prediction.
class CsvLines {
 public:
  CsvLines(std::string const& label, std::string& text) : label_(quoted(label)), text_(text) {}

  void add(PredictionAccuracy const& prediction) {
    for (auto const& image : prediction.images) {
      std::string const date = date_text(image.date);
      add(date, "all", image.bands, image.all);
      for (auto const& stratum : image.strata) add(date, name_of(stratum), stratum.bands, stratum.all);
    }
    add("all", "all", prediction.bands, prediction.overall);
    for (auto const& stratum : prediction.strata) add("all", name_of(stratum), stratum.bands, stratum.all);
  }

 private:
  void add(std::string const& date, std::string const& stratum, std::vector<BandAccuracy> const& bands,
           Accuracy const& all) {
    for (auto const& band : bands) add(date, band.band, stratum, band.accuracy);
    add(date, "all", stratum, all);
  }

  void add(std::string const& date, std::string const& band, std::string const& stratum,
           Accuracy const& accuracy) {
    text_ += fmt::format("{},{},{},{},{}", label_, date, quoted(band), stratum, accuracy.pixels);
    for (auto const& measure : accuracy_measures()) {
      double const value = accuracy.*measure.value;
      text_ += ',' + (std::isfinite(value) ? fmt::format("{}", value) : number_text(value, 0));
    }
    text_ += '\n';
  }

  std::string label_;
  std::string& text_;
};

}  // namespace

std::string accuracy_json(AccuracyReport const& report) {
  Json predictions = Json::array();
  for (auto const& prediction : report.predictions) predictions.push_back(json_prediction(prediction));
  Json json{{"stfcube_version", version_described()},   {"data_range", report.scale.data_range},
            {"ratio", json_number(report.scale.ratio)}, {"quality", report.quality},
            {"predictions", std::move(predictions)},    {"notes", report.notes}};
  if (report.cross_validation) json["cross_validation"] = json_cross_validation(*report.cross_validation);
  return json.dump(2) + '\n';
}

std::string accuracy_csv(AccuracyReport const& report) {
  std::string text = "prediction,date,band,stratum,pixels";
  for (auto const& measure : accuracy_measures()) text += fmt::format(",{}", measure.key);
  text += '\n';
  for (auto const& prediction : report.predictions) CsvLines(prediction.label, text).add(prediction);
  if (!report.cross_validation) return text;
  for (auto const& standing : report.cross_validation->methods) {
    CsvLines(standing.method + " common", text).add(standing.common);
  }
  return text;
}

}  // namespace stfcube
