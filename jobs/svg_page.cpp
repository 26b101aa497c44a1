#include "stfcube/jobs/svg_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace stfcube {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (char const c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::array<unsigned, 3> group{};
    std::size_t const count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < count; ++k) group[k] = static_cast<unsigned char>(bytes[i + k]);
    unsigned const word = group[0] << 16 | group[1] << 8 | group[2];
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? letters[word >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

/// A length with two decimals at most.
std::string px(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

char const* anchor_name(TextAnchor anchor) {
  return anchor == TextAnchor::start ? "start" : anchor == TextAnchor::middle ? "middle" : "end";
}

}  // namespace

SvgPage::SvgPage(double width, double height) : width_(width), height_(height) {
  box(0, 0, width, height, "#ffffff");
}

void SvgPage::box(double x, double y, double width, double height, SvgColour const& fill) {
  body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", px(x), px(y),
                       px(width), px(height), fill);
}

void SvgPage::frame(double x, double y, double width, double height, SvgColour const& stroke) {
  body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"{}\"/>\n",
                       px(x), px(y), px(width), px(height), stroke);
}

void SvgPage::line(double x1, double y1, double x2, double y2, SvgColour const& stroke, double width,
                   std::string_view dashes) {
  body_ +=
      fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\" stroke-width=\"{}\"{}/>\n",
                  px(x1), px(y1), px(x2), px(y2), stroke, px(width),
                  dashes.empty() ? std::string() : fmt::format(" stroke-dasharray=\"{}\"", dashes));
}

void SvgPage::dot(double x, double y, double radius, SvgColour const& fill) {
  body_ +=
      fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>\n", px(x), px(y), px(radius), fill);
}

void SvgPage::text(double x, double y, std::string_view text, TextStyle const& style) {
  std::string const turn =
      style.upwards ? fmt::format(" transform=\"rotate(-90 {} {})\"", px(x), px(y)) : std::string();
  body_ +=
      fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\"{}{}>{}</text>\n",
                  px(x), px(y), px(style.size_px), anchor_name(style.anchor), style.colour,
                  style.bold ? " font-weight=\"bold\"" : "", turn, escaped(text));
}

void SvgPage::cells(double x, double y, double cell_px, std::vector<std::pair<int, int>> const& places,
                    SvgColour const& fill) {
  if (places.empty()) return;
  body_ += fmt::format(
      "<path fill=\"{}\" shape-rendering=\"crispEdges\" transform=\"translate({} {}) scale({})\" d=\"", fill,
      px(x), px(y), px(cell_px));
  for (auto const& [column, row] : places) body_ += fmt::format("M{} {}h1v1h-1z", column, row);
  body_ += "\"/>\n";
}

void SvgPage::picture(double x, double y, double width, double height, std::string_view png) {
  body_ += fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" "
      "style=\"image-rendering:pixelated\" xlink:href=\"data:image/png;base64,{}\"/>\n",
      px(x), px(y), px(width), px(height), base64(png));
}

std::string SvgPage::document() const {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
      "xmlns:xlink=\"http://www.w3.org/1999/xlink\" version=\"1.1\" width=\"{0}\" height=\"{1}\" viewBox=\"0 "
      "0 {0} {1}\" "
      "font-family=\"DejaVu Sans, Arial, sans-serif\">\n{2}</svg>\n",
      px(width_), px(height_), body_);
}

std::uint32_t blended_rgb(std::vector<std::uint32_t> const& rgb, double share) {
  double const place = std::clamp(share, 0.0, 1.0) * static_cast<double>(rgb.size() - 1);
  auto const first = std::min(static_cast<std::size_t>(place), rgb.size() - 2);
  double const rest = place - static_cast<double>(first);
  std::uint32_t result = 0;
  for (int shift : {16, 8, 0}) {
    double const a = rgb[first] >> shift & 255, b = rgb[first + 1] >> shift & 255;
    result |= static_cast<std::uint32_t>(std::lround(a + (b - a) * rest)) << shift;
  }
  return result;
}

SvgColour blended(std::vector<std::uint32_t> const& rgb, double share) {
  return fmt::format("#{:06x}", blended_rgb(rgb, share));
}

std::vector<double> axis_ticks(double low, double high, int wanted) {
  double const rough = (high - low) / wanted;
  double const power = std::pow(10, std::floor(std::log10(rough)));
  double const factor = rough / power;
  double const step = power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
  std::vector<double> ticks;
  constexpr double slack = 1e-9;
  for (auto i = static_cast<long>(std::ceil(low / step - slack));
       static_cast<double>(i) * step <= high + slack * step; ++i) {
    ticks.push_back(static_cast<double>(i) * step);
  }
  return ticks;
}

std::string tick_text(double value) {
  return fmt::format("{:.6g}", std::abs(value) < 1e-12 ? 0.0 : value);
}

}  // namespace stfcube
