#pragma once

#include <string>

#include "stfcube/jobs/accuracy_report.hpp"
#include "stfcube/jobs/picture_tally.hpp"
#include "stfcube/jobs/svg_page.hpp"

namespace stfcube {

/// Reference, prediction and error side by side; both images in the reference's stretch, errors from blue
/// (too dark) over white to red (too bright). The ends of that scale are a fifth of the reference's range, so
/// that rivals are shown alike.
SvgPage draw_maps(std::string const& title, PictureData const& data);

/// How often which values meet, one panel per band, with the 1:1 line and the band's figures.
/// @param image  has as many bands as the data
SvgPage draw_scatter(std::string const& title, PictureData const& data, ImageAccuracy const& image);

}  // namespace stfcube
