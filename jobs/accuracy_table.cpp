#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/jobs/accuracy_report.hpp"
#include "stfcube/jobs/text_table.hpp"

namespace stfcube {
namespace {

using Cells = std::vector<std::string>;

/// What the short tables show of an accuracy.
constexpr double Accuracy::*summary_measures[] = {
    &Accuracy::rmse, &Accuracy::pooled_rmse, &Accuracy::mae, &Accuracy::ad,    &Accuracy::cc,
    &Accuracy::r2,   &Accuracy::ssim_local,  &Accuracy::sam, &Accuracy::ergas, &Accuracy::within_sigma};
constexpr double Accuracy::*stratum_measures[] = {
    &Accuracy::rmse, &Accuracy::pooled_rmse, &Accuracy::mae,   &Accuracy::ad,          &Accuracy::cc,
    &Accuracy::r2,   &Accuracy::sam,         &Accuracy::ergas, &Accuracy::within_sigma};

bool is_known(PredictionAccuracy const& prediction, double Accuracy::*value) {
  return !std::isnan(prediction.overall.*value);
}

/// The measures among `wanted` that the tables of these predictions show. Empty `wanted`: all.
std::vector<AccuracyMeasure> shown(std::span<PredictionAccuracy const* const> predictions,
                                   std::span<double Accuracy::*const> wanted) {
  std::vector<AccuracyMeasure> list;
  std::ranges::copy_if(accuracy_measures(), std::back_inserter(list), [&](AccuracyMeasure const& measure) {
    bool const known =
        !measure.only_known || std::ranges::any_of(predictions, [&](PredictionAccuracy const* one) {
          return is_known(*one, measure.value);
        });
    bool const asked = wanted.empty() || std::ranges::find(wanted, measure.value) != wanted.end();
    return measure.decimals > 0 && known && asked;
  });
  return list;
}

Cells header(Cells first, std::span<AccuracyMeasure const> measures) {
  for (auto const& measure : measures) {
    first.emplace_back(measure.value == &Accuracy::pooled_rmse ? "pooled" : measure.title);
  }
  return first;
}

Cells line(Cells first, Accuracy const& accuracy, std::span<AccuracyMeasure const> measures) {
  for (auto const& measure : measures)
    first.push_back(number_text(accuracy.*measure.value, measure.decimals));
  return first;
}

Cells line(std::string date, std::string band, Accuracy const& accuracy,
           std::span<AccuracyMeasure const> measures) {
  return line({std::move(date), std::move(band), std::to_string(accuracy.pixels)}, accuracy, measures);
}

std::string percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "n/a"
                    : fmt::format("{:.2f}%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

void print_strata(PredictionAccuracy const& prediction, std::ostream& out) {
  if (prediction.strata.empty()) return;
  PredictionAccuracy const* const one[] = {&prediction};
  auto const measures = shown(one, stratum_measures);
  TextTable table(header({"stratum", "pixels", "share"}, measures), 1);
  for (auto const& stratum : prediction.strata) {
    table.add(line({stratum.layer + ' ' + stratum.value, std::to_string(stratum.all.pixels),
                    percent(stratum.all.pixels, prediction.overall.pixels)},
                   stratum.all, measures));
  }
  out << "Strata (means over images and bands)\n";
  table.print(out);
}

void print_prediction(PredictionAccuracy const& prediction, std::ostream& out) {
  PredictionAccuracy const* const one[] = {&prediction};
  auto const measures = shown(one, {});
  TextTable table(header({"date", "band", "pixels"}, measures), 2);
  for (auto const& image : prediction.images) {
    for (auto const& band : image.bands)
      table.add(line(date_text(image.date), band.band, band.accuracy, measures));
    table.add(line(date_text(image.date), "all", image.all, measures));
  }
  if (prediction.images.size() > 1) {
    for (auto const& band : prediction.bands) table.add(line("all", band.band, band.accuracy, measures));
    table.add(line("all", "all", prediction.overall, measures));
  }
  table.print(out);
  print_strata(prediction, out);
}

/// Mean RMSE of every stratum, predictions side by side.
void print_strata_side_by_side(std::span<PredictionAccuracy const* const> predictions, std::ostream& out) {
  std::vector<std::pair<std::string, std::string>> strata;
  for (auto const* prediction : predictions) {
    for (auto const& stratum : prediction->strata) {
      std::pair const name{stratum.layer, stratum.value};
      if (std::ranges::find(strata, name) == strata.end()) strata.push_back(name);
    }
  }
  if (strata.empty()) return;
  Cells names{"mean RMSE", "all"};
  for (auto const& [layer, value] : strata) names.push_back(layer + ' ' + value);
  TextTable table(names, 1);
  for (auto const* prediction : predictions) {
    Cells cells{prediction->label, number_text(prediction->overall.rmse, 5)};
    for (auto const& [layer, value] : strata) {
      auto const found = std::ranges::find_if(prediction->strata, [&](auto const& stratum) {
        return stratum.layer == layer && stratum.value == value;
      });
      cells.push_back(found == prediction->strata.end() ? "n/a" : number_text(found->all.rmse, 5));
    }
    table.add(std::move(cells));
  }
  out << "\nBy stratum\n";
  table.print(out);
}

/// Several predictions side by side.
void print_summary(AccuracyReport const& report, std::ostream& out) {
  std::vector<PredictionAccuracy const*> predictions;
  for (auto const& prediction : report.predictions) predictions.push_back(&prediction);
  auto const measures = shown(predictions, summary_measures);
  TextTable table(header({"prediction", "images", "pixels"}, measures), 1);
  for (auto const* one : predictions) {
    table.add(line({one->label, std::to_string(one->images.size()), std::to_string(one->overall.pixels)},
                   one->overall, measures));
  }
  out << "Comparison (means over images and bands)\n";
  table.print(out);
  print_strata_side_by_side(predictions, out);
}

std::vector<MethodStanding const*> by_rank(CrossValidation const& validation) {
  std::vector<MethodStanding const*> order;
  for (auto const& standing : validation.methods) order.push_back(&standing);
  std::ranges::stable_sort(order, {}, [](MethodStanding const* one) {
    return one->rank == 0 ? static_cast<int>(one->folds == 0) + 1'000'000 : one->rank;
  });
  return order;
}

/// Mean RMSE of every withheld date, methods side by side, over the pixels that each predicted.
void print_dates(AccuracyReport const& report, std::vector<MethodStanding const*> const& order,
                 std::ostream& out) {
  Cells names{"mean RMSE"};
  for (auto const* standing : order) names.push_back(standing->method);
  TextTable table(names, 1);
  for (Date const date : report.cross_validation->dates) {
    Cells cells{to_string(date)};
    for (auto const* standing : order) {
      double rmse = Accuracy::undefined;
      for (auto const& prediction : report.predictions) {
        if (prediction.label != standing->method) continue;
        auto const image = std::ranges::find(prediction.images, std::optional(date), &ImageAccuracy::date);
        if (image != prediction.images.end()) rmse = image->all.rmse;
      }
      cells.push_back(number_text(rmse, 5));
    }
    table.add(std::move(cells));
  }
  out << "\nBy date, over the pixels that each method predicted\n";
  table.print(out);
}

/// What one reason keeps from being predicted: methods with the same dates stand together.
struct Missed {
  std::string reason;
  std::vector<std::pair<std::vector<Date>, Cells>> methods_of_dates;
};

std::vector<Missed> missed_by_reason(std::vector<MethodStanding const*> const& order) {
  std::vector<Missed> list;
  for (auto const* standing : order) {
    std::map<std::string, std::vector<Date>> dates_of;
    for (auto const& fold : standing->missed) dates_of[fold.reason].push_back(fold.date);
    for (auto const& [reason, dates] : dates_of) {
      auto entry = std::ranges::find(list, reason, &Missed::reason);
      if (entry == list.end()) entry = list.insert(list.end(), {reason, {}});
      auto& groups = entry->methods_of_dates;
      auto group = std::ranges::find(groups, dates, [](auto const& one) { return one.first; });
      if (group == groups.end()) group = groups.insert(groups.end(), {dates, {}});
      group->second.push_back(standing->method);
    }
  }
  return list;
}

/// One line per reason.
void print_missed(CrossValidation const& validation, std::vector<MethodStanding const*> const& order,
                  std::ostream& out) {
  for (auto const& [reason, methods_of_dates] : missed_by_reason(order)) {
    Cells clauses;
    for (auto const& [dates, methods] : methods_of_dates) {
      Cells days;
      for (Date const date : dates) days.push_back(to_string(date));
      clauses.push_back(
          fmt::format("{} {} not predict {}", fmt::join(methods, ", "), methods.size() == 1 ? "does" : "do",
                      dates == validation.dates ? "any date" : fmt::to_string(fmt::join(days, ", "))));
    }
    out << fmt::format("{}: {}\n", fmt::join(clauses, "; "), reason);
  }
}

/// How the methods stand: first what is comparable, then what each has for itself.
void print_cross_validation(AccuracyReport const& report, std::ostream& out) {
  CrossValidation const& validation = *report.cross_validation;
  auto const order = by_rank(validation);
  std::vector<PredictionAccuracy const*> common;
  for (auto const* standing : order) common.push_back(&standing->common);
  auto const measures = shown(common, summary_measures);
  TextTable table(header({"method", "rank", "folds", "predicted", "pixels"}, measures), 1);
  for (auto const* standing : order) {
    table.add(line({standing->method, standing->rank == 0 ? "-" : std::to_string(standing->rank),
                    fmt::format("{}/{}", standing->folds, validation.dates.size()),
                    percent(standing->predicted_pixels, standing->reference_pixels),
                    std::to_string(standing->common.overall.pixels)},
                   standing->common.overall, measures));
  }
  out << fmt::format(
      "Cross-validation: {} dates withheld in turn. Means over bands and over the {} dates and the pixels "
      "that all methods "
      "predicted\n",
      validation.dates.size(), validation.common_folds);
  table.print(out);
  print_strata_side_by_side(common, out);
  print_dates(report, order, out);
  print_missed(validation, order, out);
}

}  // namespace

void print_table(AccuracyReport const& report, std::ostream& out) {
  if (report.cross_validation) {
    print_cross_validation(report, out);
    out << '\n';
  } else {
    for (auto const& prediction : report.predictions) {
      out << "Prediction " << prediction.label << '\n';
      print_prediction(prediction, out);
      out << '\n';
    }
    if (report.predictions.size() > 1) {
      print_summary(report, out);
      out << '\n';
    }
  }
  for (auto const& note : report.notes) out << "Note: " << note << '\n';
}

}  // namespace stfcube
