#pragma once

#include <string>
#include <vector>

#include "stfcube/jobs/svg_page.hpp"
#include "stfcube/models/nn/api/training_options.hpp"

namespace stfcube {

/// The loss over the steps, on a logarithmic axis: training as a line of means over up to 300 equal parts of
/// the run, and validation as dots.
/// @param curve  at least one point
SvgPage draw_loss_curve(std::string const& title, std::vector<nn::CurvePoint> const& curve);

}  // namespace stfcube
