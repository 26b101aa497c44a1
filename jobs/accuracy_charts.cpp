#include "stfcube/jobs/accuracy_charts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "stfcube/jobs/text_table.hpp"

namespace stfcube {
namespace {

constexpr char const* grid_grey = "#dddddd";
constexpr char const* axis_grey = "#666666";

/// Colours that people with any eyes tell apart (Okabe and Ito), then paler ones.
SvgColour series_colour(std::size_t series) {
  constexpr std::array<char const*, 14> colours = {"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9",
                                                   "#d55e00", "#8a8a8a", "#f0e442", "#332288", "#99c2d8",
                                                   "#c9a66b", "#7fc7af", "#882255", "#44aa99"};
  return colours[series % colours.size()];
}

/// Width of a text, roughly: no fonts are known here.
double text_width(std::string const& text, double size_px) {
  return 0.6 * size_px * static_cast<double>(text.size());
}

double widest(std::vector<std::string> const& texts, double size_px) {
  double width = 0;
  for (auto const& text : texts) width = std::max(width, text_width(text, size_px));
  return width;
}

/// A linear axis.
struct Axis {
  double low, high, from_px, to_px;
  double px(double value) const { return from_px + (value - low) / (high - low) * (to_px - from_px); }
};

double largest(std::vector<std::vector<double>> const& values) {
  double most = 0;
  for (auto const& row : values) {
    for (double const value : row) {
      if (std::isfinite(value)) most = std::max(most, value);
    }
  }
  return most > 0 ? most : 1;
}

class BarDrawing {
 public:
  explicit BarDrawing(GroupedBars const& bars)
      : bars_(bars),
        bar_px_(std::clamp(420.0 / static_cast<double>(bars.groups.size() * bars.series.size()), 7.0, 26.0)),
        group_px_(bar_px_ * static_cast<double>(bars.series.size()) + 22),
        legend_px_(widest(bars.series, 12) + 30),
        plot_px_(std::max(group_px_, widest(bars.groups, 12) + 14) * static_cast<double>(bars.groups.size())),
        page_(left_px + plot_px_ + 20 + legend_px_, top_px + height_px + 46),
        axis_{0, largest(bars.values) * 1.08, top_px + height_px, top_px} {}

  SvgPage draw() {
    page_.text(16, 26, bars_.title, {.size_px = 16, .bold = true});
    page_.text(16, top_px - 12, bars_.value_name, {.size_px = 11, .colour = axis_grey});
    draw_axis();
    for (std::size_t g = 0; g < bars_.groups.size(); ++g) draw_group(g);
    draw_legend();
    return std::move(page_);
  }

 private:
  static constexpr double left_px = 66, top_px = 64, height_px = 260;

  void draw_axis() {
    for (double const tick : axis_ticks(axis_.low, axis_.high, 5)) {
      double const y = axis_.px(tick);
      page_.line(left_px, y, left_px + plot_px_, y, tick == 0 ? axis_grey : grid_grey);
      page_.text(left_px - 8, y + 4, tick_text(tick),
                 {.size_px = 11, .anchor = TextAnchor::end, .colour = axis_grey});
    }
  }

  void draw_group(std::size_t g) {
    double const step = plot_px_ / static_cast<double>(bars_.groups.size());
    double const middle = left_px + step * (static_cast<double>(g) + 0.5);
    double x = middle - bar_px_ * static_cast<double>(bars_.series.size()) / 2;
    for (std::size_t s = 0; s < bars_.series.size(); ++s, x += bar_px_) {
      double const value = bars_.values[s][g];
      if (!std::isfinite(value)) continue;
      page_.box(x + 0.5, axis_.px(value), bar_px_ - 1, axis_.px(0) - axis_.px(value), series_colour(s));
    }
    page_.text(middle, top_px + height_px + 20, bars_.groups[g],
               {.size_px = 12, .anchor = TextAnchor::middle});
  }

  void draw_legend() {
    double y = top_px + 8;
    for (std::size_t s = 0; s < bars_.series.size(); ++s, y += 20) {
      page_.box(left_px + plot_px_ + 18, y - 9, 12, 12, series_colour(s));
      page_.text(left_px + plot_px_ + 36, y + 1, bars_.series[s]);
    }
  }

  GroupedBars const& bars_;
  double bar_px_, group_px_, legend_px_, plot_px_;
  SvgPage page_;
  Axis axis_;
};

/// How a measure is drawn.
struct Panel {
  double Accuracy::*value;
  char const* title;
  bool by_size;         ///< the size without sign is what counts, less is better: bars from zero; else dots
  double wanted = NAN;  ///< the value that is best; NaN: the largest
};

constexpr Panel panels[] = {
    {&Accuracy::rmse, "mean RMSE - less is better", true},
    {&Accuracy::mae, "MAE - less is better", true},
    {&Accuracy::ad, "AD (bias) - near 0 is better", true},
    {&Accuracy::sam, "SAM, degrees - less is better", true},
    {&Accuracy::ergas, "ERGAS - less is better", true},
    {&Accuracy::cc, "CC - more is better", false},
    {&Accuracy::ssim_local, "SSIM - more is better", false},
    {&Accuracy::within_sigma, "errors within 1 sigma - 0.683 is right", false, 0.683},
};

class MeasureDrawing {
 public:
  MeasureDrawing(std::string const& title, std::span<PredictionAccuracy const* const> predictions)
      : predictions_(predictions),
        label_px_(label_width(predictions)),
        shown_(known_panels(predictions)),
        panel_height_px_(44 + row_px * static_cast<double>(predictions.size())),
        page_(2 * (label_px_ + plot_px + 90) + 20,
              56 + panel_height_px_ * static_cast<double>((shown_.size() + 1) / 2)) {
    page_.text(16, 28, title, {.size_px = 16, .bold = true});
  }

  SvgPage draw() {
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      double const x = 16 + static_cast<double>(i % 2) * (label_px_ + plot_px + 90);
      draw_panel(*shown_[i], x, 56 + static_cast<double>(i / 2) * panel_height_px_);
    }
    return std::move(page_);
  }

 private:
  static constexpr double row_px = 21, plot_px = 250;

  static double label_width(std::span<PredictionAccuracy const* const> predictions) {
    std::vector<std::string> labels;
    for (auto const* one : predictions) labels.push_back(one->label);
    return std::max(60.0, widest(labels, 12) + 16);
  }

  static std::vector<Panel const*> known_panels(std::span<PredictionAccuracy const* const> predictions) {
    std::vector<Panel const*> known;
    for (Panel const& panel : panels) {
      if (std::ranges::any_of(predictions,
                              [&](auto const* one) { return std::isfinite(one->overall.*panel.value); }))
        known.push_back(&panel);
    }
    return known;
  }

  std::vector<double> values(Panel const& panel) const {
    std::vector<double> list;
    for (auto const* one : predictions_) list.push_back(one->overall.*panel.value);
    return list;
  }

  /// How far a value is from the best there could be; less is better.
  static double distance(Panel const& panel, double value) {
    return panel.by_size              ? std::abs(value)
           : std::isnan(panel.wanted) ? -value
                                      : std::abs(value - panel.wanted);
  }

  static Axis axis_of(Panel const& panel, std::vector<double> const& values, double from_px) {
    double low = panel.by_size ? 0 : 1, high = 0;
    for (double const value : values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    if (!std::isnan(panel.wanted)) high = std::max(high, panel.wanted), low = std::min(low, panel.wanted);
    if (high <= low) high = low + 1e-6;
    double const margin = 0.08 * (high - low);
    return {panel.by_size && low == 0 ? 0 : low - margin, high + margin, from_px, from_px + plot_px};
  }

  void draw_panel(Panel const& panel, double x, double y) {
    auto const list = values(panel);
    Axis const axis = axis_of(panel, list, x + label_px_);
    double best = INFINITY;
    for (double const value : list) {
      if (std::isfinite(value)) best = std::min(best, distance(panel, value));
    }
    page_.text(x + label_px_, y, panel.title, {.size_px = 12, .bold = true});
    double const bottom = y + 10 + row_px * static_cast<double>(list.size());
    if (panel.by_size || !std::isnan(panel.wanted)) {
      double const at = axis.px(panel.by_size ? 0 : panel.wanted);
      page_.line(at, y + 8, at, bottom, axis_grey, 1, panel.by_size ? "" : "4 3");
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      draw_row(panel, axis, predictions_[i]->label, list[i], distance(panel, list[i]) == best,
               y + 10 + row_px * static_cast<double>(i), x);
    }
  }

  void draw_row(Panel const& panel, Axis const& axis, std::string const& label, double value, bool is_best,
                double y, double x) {
    double const middle = y + row_px / 2;
    page_.text(x + label_px_ - 8, middle + 4, label,
               {.size_px = 12, .anchor = TextAnchor::end, .bold = is_best});
    if (!std::isfinite(value)) {
      page_.text(x + label_px_ + 6, middle + 4, "n/a", {.size_px = 11, .colour = axis_grey});
      return;
    }
    SvgColour const colour = is_best ? "#0072b2" : "#9ec4dc";
    if (panel.by_size) {
      double const from = std::min(axis.px(0), axis.px(value)), to = std::max(axis.px(0), axis.px(value));
      page_.box(from, y + 3, std::max(0.5, to - from), row_px - 6, colour);
    } else {
      page_.line(axis.from_px, middle, axis.to_px, middle, grid_grey);
      page_.dot(axis.px(value), middle, 5, colour);
    }
    page_.text(axis.to_px + 8, middle + 4, decimals(panel, value), {.size_px = 11});
  }

  static std::string decimals(Panel const& panel, double value) {
    auto const measures = accuracy_measures();
    auto const found = std::ranges::find(measures, panel.value, &AccuracyMeasure::value);
    return number_text(value, found->decimals);
  }

  std::span<PredictionAccuracy const* const> predictions_;
  double label_px_;
  std::vector<Panel const*> shown_;
  double panel_height_px_;
  SvgPage page_;
};

/// Adds a value under the names of its group and series.
void put(GroupedBars& bars, std::size_t series, std::string const& group, double value) {
  auto found = std::ranges::find(bars.groups, group);
  auto const at = static_cast<std::size_t>(found - bars.groups.begin());
  if (found == bars.groups.end()) {
    bars.groups.push_back(group);
    for (auto& row : bars.values) row.push_back(Accuracy::undefined);
  }
  bars.values[series][at] = value;
}

GroupedBars empty_bars(std::string title, std::span<PredictionAccuracy const* const> predictions) {
  GroupedBars bars{std::move(title), "RMSE", {}, {}, std::vector<std::vector<double>>(predictions.size())};
  for (auto const* one : predictions) bars.series.push_back(one->label);
  return bars;
}

}  // namespace

SvgPage draw(GroupedBars const& bars) {
  return BarDrawing(bars).draw();
}

SvgPage draw_measures(std::string const& title, std::span<PredictionAccuracy const* const> predictions) {
  return MeasureDrawing(title, predictions).draw();
}

GroupedBars bars_of_bands(std::span<PredictionAccuracy const* const> predictions) {
  GroupedBars bars = empty_bars("RMSE by band", predictions);
  for (std::size_t p = 0; p < predictions.size(); ++p) {
    for (auto const& band : predictions[p]->bands) put(bars, p, band.band, band.accuracy.rmse);
  }
  return bars;
}

GroupedBars bars_of_strata(std::span<PredictionAccuracy const* const> predictions) {
  GroupedBars bars = empty_bars("Mean RMSE by stratum", predictions);
  for (std::size_t p = 0; p < predictions.size(); ++p) {
    for (auto const& stratum : predictions[p]->strata) {
      put(bars, p, stratum.layer == "class" ? "class " + stratum.value : stratum.value, stratum.all.rmse);
    }
  }
  return bars;
}

GroupedBars bars_of_dates(std::span<PredictionAccuracy const* const> predictions) {
  GroupedBars bars = empty_bars("Mean RMSE by date", predictions);
  for (std::size_t p = 0; p < predictions.size(); ++p) {
    for (auto const& image : predictions[p]->images) {
      if (image.date) put(bars, p, to_string(*image.date), image.all.rmse);
    }
  }
  return bars;
}

}  // namespace stfcube
