#include "stfcube/jobs/accuracy_maps.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "stfcube/io/raster_file.hpp"
#include "stfcube/jobs/text_table.hpp"

namespace stfcube {
namespace {

constexpr char const* axis_grey = "#666666";
constexpr std::array<std::uint8_t, 3> empty_rgb = {208, 208, 208};

std::vector<std::uint32_t> const& diverging() {
  static std::vector<std::uint32_t> const colours = {0x2166ac, 0x67a9cf, 0xd1e5f0, 0xf7f7f7,
                                                     0xfddbc7, 0xef8a62, 0xb2182b};
  return colours;
}

std::vector<std::uint32_t> const& density() {
  static std::vector<std::uint32_t> const colours = {0xc6dbef, 0x6baed6, 0x2171b5, 0x6a51a3,
                                                     0xb5367a, 0xf1605d, 0xfeca57};
  return colours;
}

/// The values between which a channel is stretched: the 2nd and the 98th percentile of the reference.
std::pair<double, double> stretch(std::vector<float> const& channel) {
  std::vector<float> valid;
  std::ranges::copy_if(channel, std::back_inserter(valid), [](float value) { return !std::isnan(value); });
  if (valid.empty()) return {0, 1};
  std::ranges::sort(valid);
  auto const at = [&](double share) {
    return static_cast<double>(
        valid[static_cast<std::size_t>(share * static_cast<double>(valid.size() - 1))]);
  };
  return at(0.02) < at(0.98) ? std::pair{at(0.02), at(0.98)} : std::pair{at(0.02) - 1e-3, at(0.02) + 1e-3};
}

std::string image_png(PictureData const& data, std::vector<std::vector<float>> const& channels) {
  std::vector<std::pair<double, double>> ranges;
  for (auto const& channel : data.reference) ranges.push_back(stretch(channel));
  std::vector<std::uint8_t> pixels;
  for (std::size_t i = 0; i < data.error.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      std::size_t const from = std::min(c, channels.size() - 1);
      double const value = channels[from][i];
      auto const [low, high] = ranges[from];
      pixels.push_back(std::isnan(value) ? empty_rgb[c]
                                         : static_cast<std::uint8_t>(std::lround(
                                               255 * std::clamp((value - low) / (high - low), 0.0, 1.0))));
    }
  }
  return png_bytes(data.width, data.height, 3, pixels);
}

std::string error_png(PictureData const& data, double limit) {
  std::vector<std::uint8_t> pixels;
  for (float const error : data.error) {
    std::uint32_t const rgb =
        std::isnan(error) ? 0xd0d0d0 : blended_rgb(diverging(), 0.5 + error / limit / 2);
    for (int shift : {16, 8, 0}) pixels.push_back(static_cast<std::uint8_t>(rgb >> shift & 255));
  }
  return png_bytes(data.width, data.height, 3, pixels);
}

/// 1, 2 or 5 times a power of ten, not above the value.
double round_number_below(double value) {
  double const power = std::pow(10, std::floor(std::log10(value)));
  double const factor = value / power * (1 + 1e-9);
  return power * (factor >= 5 ? 5 : factor >= 2 ? 2 : 1);
}

double error_limit(PictureData const& data) {
  double sum = 0;
  for (auto const& band : data.levels) sum += band.high - band.low;
  double const mean = sum / static_cast<double>(data.levels.size());
  return round_number_below(std::max(0.2 * mean, 1e-3));
}

void draw_error_legend(SvgPage& page, double x, double y, double width, double limit) {
  constexpr int steps = 60;
  double const step = width / steps;
  for (int i = 0; i < steps; ++i)
    page.box(x + i * step, y, step + 0.3, 12, blended(diverging(), (i + 0.5) / steps));
  page.frame(x, y, width, 12, axis_grey);
  for (double const share : {-1.0, -0.5, 0.0, 0.5, 1.0}) {
    double const at = x + (share + 1) / 2 * width;
    page.line(at, y + 12, at, y + 16, axis_grey);
    page.text(at, y + 29, tick_text(share * limit),
              {.size_px = 11, .anchor = TextAnchor::middle, .colour = axis_grey});
  }
}

/// One panel of a scatter plot.
class ScatterPanel {
 public:
  ScatterPanel(SvgPage& page, PictureData const& data, std::size_t band, double x, double y)
      : page_(page), data_(data), band_(band), range_(scatter_range(data.levels[band])), x_(x), y_(y) {}

  void draw(BandAccuracy const& figures) {
    page_.text(x_, y_ - 8, figures.band, {.size_px = 13, .bold = true});
    draw_cells();
    page_.line(x_, y_ + side_px, x_ + side_px, y_, "#222222", 1, "5 4");
    page_.frame(x_, y_, side_px, side_px, axis_grey);
    draw_axes();
    draw_figures(figures.accuracy);
  }

  static constexpr double cell_px = 3.5, side_px = cell_px * scatter_cells;

 private:
  void draw_cells() {
    constexpr int shades = 12;
    auto const& counts = data_.counts[band_];
    double const most = std::log1p(static_cast<double>(*std::ranges::max_element(counts)));
    if (most == 0) return;
    std::array<std::vector<std::pair<int, int>>, shades> places;
    for (int row = 0; row < scatter_cells; ++row) {
      for (int column = 0; column < scatter_cells; ++column) {
        auto const count = counts[static_cast<std::size_t>(row * scatter_cells + column)];
        if (count == 0) continue;
        auto const shade = static_cast<int>(std::log1p(static_cast<double>(count)) / most * (shades - 1));
        places[static_cast<std::size_t>(shade)].emplace_back(column, scatter_cells - 1 - row);
      }
    }
    for (int shade = 0; shade < shades; ++shade) {
      page_.cells(x_, y_, cell_px, places[static_cast<std::size_t>(shade)],
                  blended(density(), shade / (shades - 1.0)));
    }
  }

  void draw_axes() {
    for (double const tick : axis_ticks(range_.low, range_.high, 4)) {
      double const offset = (tick - range_.low) / (range_.high - range_.low) * side_px;
      page_.line(x_ + offset, y_ + side_px, x_ + offset, y_ + side_px + 4, axis_grey);
      page_.text(x_ + offset, y_ + side_px + 17, tick_text(tick),
                 {.size_px = 11, .anchor = TextAnchor::middle, .colour = axis_grey});
      page_.line(x_ - 4, y_ + side_px - offset, x_, y_ + side_px - offset, axis_grey);
      page_.text(x_ - 7, y_ + side_px - offset + 4, tick_text(tick),
                 {.size_px = 11, .anchor = TextAnchor::end, .colour = axis_grey});
    }
    page_.text(x_ + side_px / 2, y_ + side_px + 34, "reference",
               {.size_px = 11, .anchor = TextAnchor::middle});
    page_.text(x_ - 44, y_ + side_px / 2, "prediction",
               {.size_px = 11, .anchor = TextAnchor::middle, .upwards = true});
  }

  void draw_figures(Accuracy const& a) {
    double y = y_ + 18;
    for (std::string const& line :
         {fmt::format("RMSE {}", number_text(a.rmse, 5)), fmt::format("AD {}", number_text(a.ad, 5)),
          fmt::format("CC {}", number_text(a.cc, 4)), fmt::format("R2 {}", number_text(a.r2, 4)),
          fmt::format("{} pixels", a.pixels)}) {
      page_.text(x_ + 8, y, line, {.size_px = 11});
      y += 15;
    }
  }

  SvgPage& page_;
  PictureData const& data_;
  std::size_t band_;
  ScatterRange range_;
  double x_, y_;
};

void draw_density_legend(SvgPage& page, double x, double y) {
  constexpr int steps = 40;
  constexpr double width = 160;
  for (int i = 0; i < steps; ++i) {
    page.box(x + i * width / steps, y, width / steps + 0.3, 10, blended(density(), i / (steps - 1.0)));
  }
  page.text(x - 8, y + 9, "one pixel", {.size_px = 11, .anchor = TextAnchor::end, .colour = axis_grey});
  page.text(x + width + 8, y + 9, "most pixels (logarithmic)", {.size_px = 11, .colour = axis_grey});
}

}  // namespace

SvgPage draw_maps(std::string const& title, PictureData const& data) {
  constexpr double gap = 16, top = 66, longest = 400;
  double const scale = longest / std::max(data.width, data.height);
  double const width = std::max(120.0, data.width * scale), height = data.height * scale;
  double const limit = error_limit(data);
  SvgPage page(4 * gap + 3 * width, top + height + 64);
  page.text(gap, 28, title, {.size_px = 16, .bold = true});
  char const* const names[] = {"reference", "prediction", "prediction - reference, mean of bands"};
  std::string const pictures[] = {image_png(data, data.reference), image_png(data, data.prediction),
                                  error_png(data, limit)};
  for (int i = 0; i < 3; ++i) {
    double const x = gap + i * (width + gap);
    page.text(x, top - 10, names[i], {.size_px = 12});
    page.picture(x, top, width, height, pictures[i]);
    page.frame(x, top, width, height, "#bbbbbb");
  }
  draw_error_legend(page, gap + 2 * (width + gap), top + height + 14, width, limit);
  std::string const sampled =
      data.factor > 1 ? fmt::format("one of {0} x {0} pixels is shown; ", data.factor) : std::string();
  page.text(gap, top + height + 26, sampled + "grey: not compared", {.size_px = 11, .colour = axis_grey});
  page.text(gap, top + height + 42, "both images stretched alike", {.size_px = 11, .colour = axis_grey});
  return page;
}

SvgPage draw_scatter(std::string const& title, PictureData const& data, ImageAccuracy const& image) {
  constexpr double left = 64, top = 84, step_x = ScatterPanel::side_px + 74,
                   step_y = ScatterPanel::side_px + 74;
  std::size_t const columns = std::min<std::size_t>(3, data.counts.size());
  std::size_t const rows = (data.counts.size() + columns - 1) / columns;
  SvgPage page(std::max(520.0, left + static_cast<double>(columns) * step_x),
               top + static_cast<double>(rows) * step_y);
  page.text(16, 28, title, {.size_px = 16, .bold = true});
  draw_density_legend(page, 80, 40);
  for (std::size_t b = 0; b < data.counts.size(); ++b) {
    ScatterPanel(page, data, b, left + static_cast<double>(b % columns) * step_x,
                 top + static_cast<double>(b / columns) * step_y)
        .draw(image.bands[b]);
  }
  return page;
}

}  // namespace stfcube
