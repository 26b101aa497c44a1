#include "stfcube/jobs/accuracy_report.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "stfcube/partitioning/core/build_info.hpp"

namespace stfcube {
namespace {

using Json = nlohmann::ordered_json;

std::string date_text(std::optional<Date> date) {
  return date ? to_string(*date) : "-";
}

std::string number(double value, int decimals) {
  return std::isnan(value) ? "n/a" : std::isinf(value) ? "inf" : fmt::format("{:.{}f}", value, decimals);
}

/// The table's columns that hold figures.
std::vector<AccuracyMeasure> shown_measures() {
  std::vector<AccuracyMeasure> shown;
  std::ranges::copy_if(accuracy_measures(), std::back_inserter(shown),
                       [](AccuracyMeasure const& measure) { return measure.decimals > 0; });
  return shown;
}

/// Lines of texts, printed with columns as wide as they need: the first ones to the left, figures to the
/// right.
class Table {
 public:
  Table(std::vector<std::string> header, std::size_t left) : left_(left) { add(std::move(header)); }

  void add(std::vector<std::string> cells) {
    widths_.resize(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], cells[i].size());
    lines_.push_back(std::move(cells));
  }

  void print(std::ostream& out) const {
    for (auto const& cells : lines_) {
      std::string line;
      for (std::size_t i = 0; i < cells.size(); ++i) {
        line += i < left_ ? fmt::format("{:<{}}  ", cells[i], widths_[i])
                          : fmt::format("{:>{}}  ", cells[i], widths_[i]);
      }
      out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
    }
  }

 private:
  std::size_t left_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> lines_;
};

std::vector<std::string> table_line(std::string date, std::string band, Accuracy const& accuracy) {
  std::vector<std::string> cells{std::move(date), std::move(band), std::to_string(accuracy.pixels)};
  for (auto const& measure : shown_measures())
    cells.push_back(number(accuracy.*measure.value, measure.decimals));
  return cells;
}

void print_prediction(PredictionAccuracy const& prediction, std::ostream& out) {
  std::vector<std::string> header{"date", "band", "pixels"};
  for (auto const& measure : shown_measures()) header.emplace_back(measure.title);
  Table table(header, 2);
  for (auto const& image : prediction.images) {
    for (auto const& band : image.bands)
      table.add(table_line(date_text(image.date), band.band, band.accuracy));
    table.add(table_line(date_text(image.date), "all", image.all));
  }
  if (prediction.images.size() > 1) {
    for (auto const& band : prediction.bands) table.add(table_line("all", band.band, band.accuracy));
    table.add(table_line("all", "all", prediction.overall));
  }
  table.print(out);
}

/// Several predictions side by side.
void print_summary(AccuracyReport const& report, std::ostream& out) {
  Table table({"prediction", "images", "pixels", "mean RMSE", "pooled RMSE", "MAE", "AD", "CC", "SSIM", "SAM",
               "ERGAS"},
              1);
  for (auto const& prediction : report.predictions) {
    Accuracy const& a = prediction.overall;
    table.add({prediction.label, std::to_string(prediction.images.size()), std::to_string(a.pixels),
               number(a.rmse, 5), number(a.pooled_rmse, 5), number(a.mae, 5), number(a.ad, 5),
               number(a.cc, 4), number(a.ssim_local, 4), number(a.sam, 3), number(a.ergas, 3)});
  }
  out << "Comparison (means over images and bands)\n";
  table.print(out);
}

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

Json json_prediction(PredictionAccuracy const& prediction) {
  Json images = Json::array();
  for (auto const& image : prediction.images) {
    images.push_back({{"date", image.date ? Json(to_string(*image.date)) : Json()},
                      {"prediction", image.prediction},
                      {"reference", image.reference},
                      {"bands", json_bands(image.bands, false)},
                      {"all", json_accuracy(image.all, true)}});
  }
  return {{"prediction", prediction.label},
          {"images", std::move(images)},
          {"bands", json_bands(prediction.bands, true)},
          {"overall", json_accuracy(prediction.overall, true)}};
}

std::string quoted(std::string const& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string result = "\"";
  for (char const c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + '"';
}

std::string csv_line(std::string const& label, std::string const& date, std::string const& band,
                     Accuracy const& accuracy) {
  std::string line = fmt::format("{},{},{},{}", quoted(label), date, quoted(band), accuracy.pixels);
  for (auto const& measure : accuracy_measures()) {
    double const value = accuracy.*measure.value;
    line += ',' + (std::isfinite(value) ? fmt::format("{}", value) : number(value, 0));
  }
  return line + '\n';
}

}  // namespace

void print_table(AccuracyReport const& report, std::ostream& out) {
  for (auto const& prediction : report.predictions) {
    out << "Prediction " << prediction.label << '\n';
    print_prediction(prediction, out);
    out << '\n';
  }
  if (report.predictions.size() > 1) {
    print_summary(report, out);
    out << '\n';
  }
  for (auto const& note : report.notes) out << "Note: " << note << '\n';
}

std::string accuracy_json(AccuracyReport const& report) {
  Json predictions = Json::array();
  for (auto const& prediction : report.predictions) predictions.push_back(json_prediction(prediction));
  Json const json{{"stfcube_version", version_described()},   {"data_range", report.scale.data_range},
                  {"ratio", json_number(report.scale.ratio)}, {"quality", report.quality},
                  {"predictions", std::move(predictions)},    {"notes", report.notes}};
  return json.dump(2) + '\n';
}

std::string accuracy_csv(AccuracyReport const& report) {
  std::string text = "prediction,date,band,pixels";
  for (auto const& measure : accuracy_measures()) text += fmt::format(",{}", measure.key);
  text += '\n';
  for (auto const& prediction : report.predictions) {
    for (auto const& image : prediction.images) {
      for (auto const& band : image.bands) {
        text += csv_line(prediction.label, date_text(image.date), band.band, band.accuracy);
      }
      text += csv_line(prediction.label, date_text(image.date), "all", image.all);
    }
    for (auto const& band : prediction.bands)
      text += csv_line(prediction.label, "all", band.band, band.accuracy);
    text += csv_line(prediction.label, "all", "all", prediction.overall);
  }
  return text;
}

}  // namespace stfcube
