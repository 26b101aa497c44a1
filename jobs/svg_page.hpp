#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stfcube {

/// "#1f77b4" and the like.
using SvgColour = std::string;

enum class TextAnchor { start, middle, end };

struct TextStyle {
  double size_px = 12;
  TextAnchor anchor = TextAnchor::start;
  SvgColour colour = "#222222";
  bool bold = false;
  bool upwards = false;  ///< reads from below
};

/// A drawing of lines, boxes, texts and pictures on a white page, as SVG 1.1. Units are pixels, y grows
/// downwards.
class SvgPage {
 public:
  SvgPage(double width, double height);

  double width() const { return width_; }
  double height() const { return height_; }
  void box(double x, double y, double width, double height, SvgColour const& fill);
  void frame(double x, double y, double width, double height, SvgColour const& stroke);
  /// @param dashes  empty: a full line; "4 3" and the like
  void line(double x1, double y1, double x2, double y2, SvgColour const& stroke, double width = 1,
            std::string_view dashes = {});
  void dot(double x, double y, double radius, SvgColour const& fill);
  void text(double x, double y, std::string_view text, TextStyle const& style = {});
  /// Squares of one colour: their places in a lattice of `cell_px` whose corner is at x, y.
  void cells(double x, double y, double cell_px, std::vector<std::pair<int, int>> const& places,
             SvgColour const& fill);
  /// A picture in PNG format, kept inside the drawing; pixels stay sharp.
  void picture(double x, double y, double width, double height, std::string_view png);

  /// The whole document.
  std::string document() const;

 private:
  double width_, height_;
  std::string body_;
};

/// Between the colours of a list, at `share` from 0 to 1.
SvgColour blended(std::vector<std::uint32_t> const& rgb, double share);
/// The same as three bytes.
std::uint32_t blended_rgb(std::vector<std::uint32_t> const& rgb, double share);

/// Round numbers for an axis, about `wanted` of them, inside [low, high]. @param low < high
std::vector<double> axis_ticks(double low, double high, int wanted);

/// The number as short as it is exact for an axis.
std::string tick_text(double value);

}  // namespace stfcube
