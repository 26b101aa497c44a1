#pragma once

#include <span>
#include <string>
#include <vector>

#include "stfcube/jobs/accuracy_report.hpp"
#include "stfcube/jobs/svg_page.hpp"

namespace stfcube {

/// Bars of one value per series and group, groups side by side, from zero up.
struct GroupedBars {
  std::string title, value_name;
  std::vector<std::string> groups, series;
  std::vector<std::vector<double>> values;  ///< [series][group]; NaN: no bar
};
SvgPage draw(GroupedBars const& bars);

/// One panel per measure, one line per prediction: bars for errors, dots for shares and similarities. The
/// best of each panel stands out.
SvgPage draw_measures(std::string const& title, std::span<PredictionAccuracy const* const> predictions);

/// RMSE of the bands, and of the strata, of some predictions. No groups where there are none.
GroupedBars bars_of_bands(std::span<PredictionAccuracy const* const> predictions);
GroupedBars bars_of_strata(std::span<PredictionAccuracy const* const> predictions);
/// Mean RMSE of the images by date; images without a date are left out.
GroupedBars bars_of_dates(std::span<PredictionAccuracy const* const> predictions);

}  // namespace stfcube
