#include <cstdio>

#include "stfcube/models/nn/api/training.hpp"

namespace stfcube::nn {

std::string curve_csv(std::vector<CurvePoint> const& curve) {
  std::string text = "step,loss,reconstruction,learning_rate,validation\n";
  char line[160];
  for (auto const& point : curve) {
    std::snprintf(line, sizeof line, "%lld,%.9g,%.9g,%.9g,", static_cast<long long>(point.step), point.loss,
                  point.reconstruction, point.learning_rate);
    text += line;
    if (point.validation >= 0) {
      std::snprintf(line, sizeof line, "%.9g", point.validation);
      text += line;
    }
    text += "\n";
  }
  return text;
}

}  // namespace stfcube::nn
