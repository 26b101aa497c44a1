#include "stfcube/jobs/loss_chart.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace stfcube {
namespace {

constexpr double page_width = 760, page_height = 420, left = 80, right = 30, top = 50, bottom = 60;
constexpr std::size_t most_parts = 300;
constexpr double smallest_loss = 1e-9;
constexpr char const* training_colour = "#1f77b4";
constexpr char const* validation_colour = "#d62728";

struct Point {
  double step = 0, loss = 0;
};

/// Means over equal parts.
std::vector<Point> thinned(std::vector<nn::CurvePoint> const& curve) {
  std::size_t const parts = std::min(most_parts, curve.size());
  std::vector<Point> points;
  for (std::size_t part = 0; part < parts; ++part) {
    std::size_t const first = part * curve.size() / parts, last = (part + 1) * curve.size() / parts;
    Point mean;
    for (auto i = first; i < last; ++i) {
      mean.step += static_cast<double>(curve[i].step) / static_cast<double>(last - first);
      mean.loss += curve[i].loss / static_cast<double>(last - first);
    }
    points.push_back(mean);
  }
  return points;
}

std::vector<Point> validations(std::vector<nn::CurvePoint> const& curve) {
  std::vector<Point> points;
  for (auto const& point : curve) {
    if (point.validation >= 0) points.push_back({static_cast<double>(point.step), point.validation});
  }
  return points;
}

/// From steps and losses to the page.
class Axes {
 public:
  explicit Axes(std::vector<Point> const& points) {
    low_ = high_ = std::log10(std::max(points.front().loss, smallest_loss));
    for (Point const& point : points) {
      double const value = std::log10(std::max(point.loss, smallest_loss));
      low_ = std::min(low_, value);
      high_ = std::max(high_, value);
      last_step_ = std::max(last_step_, point.step);
    }
    low_ -= 0.05;
    high_ += 0.05;
  }

  double x(double step) const { return left + (page_width - left - right) * step / last_step_; }
  double y(double loss) const {
    double const share = (std::log10(std::max(loss, smallest_loss)) - low_) / (high_ - low_);
    return page_height - bottom - (page_height - top - bottom) * share;
  }

  void draw(SvgPage& page) const {
    page.frame(left, top, page_width - left - right, page_height - top - bottom, "#888888");
    for (double const step : axis_ticks(0, last_step_, 6)) {
      page.line(x(step), page_height - bottom, x(step), page_height - bottom + 5, "#888888");
      page.text(x(step), page_height - bottom + 20, tick_text(step), {.anchor = TextAnchor::middle});
    }
    for (int power = -9; power < 9; ++power) {
      for (double const digit : {1.0, 2.0, 5.0}) {
        double const loss = digit * std::pow(10.0, power);
        if (std::log10(loss) < low_ || std::log10(loss) > high_) continue;
        page.line(left, y(loss), page_width - right, y(loss), "#dddddd");
        page.text(left - 8, y(loss) + 4, fmt::format("{:g}", loss), {.anchor = TextAnchor::end});
      }
    }
    page.text((left + page_width - right) / 2, page_height - 15, "step", {.anchor = TextAnchor::middle});
    page.text(20, (top + page_height - bottom) / 2, "loss", {.anchor = TextAnchor::middle, .upwards = true});
  }

 private:
  double low_ = 0, high_ = 0, last_step_ = 1;
};

}  // namespace

SvgPage draw_loss_curve(std::string const& title, std::vector<nn::CurvePoint> const& curve) {
  auto const training = thinned(curve), validation = validations(curve);
  auto all = training;
  all.insert(all.end(), validation.begin(), validation.end());
  Axes const axes(all);
  SvgPage page(page_width, page_height);
  page.text(left, 28, title, {.size_px = 15, .bold = true});
  axes.draw(page);
  for (std::size_t i = 1; i < training.size(); ++i) {
    page.line(axes.x(training[i - 1].step), axes.y(training[i - 1].loss), axes.x(training[i].step),
              axes.y(training[i].loss), training_colour, 1.5);
  }
  for (Point const& point : validation)
    page.dot(axes.x(point.step), axes.y(point.loss), 3, validation_colour);
  page.text(page_width - right - 150, 28, "training", {.colour = training_colour});
  page.text(page_width - right - 80, 28, "validation", {.colour = validation_colour});
  return page;
}

}  // namespace stfcube
