#include "stfcube/models/classical/ratio.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "stfcube/models/classical/pair_formula.hpp"
#include "stfcube/models/classical/uncertainty.hpp"

namespace stfcube {
namespace {

/// Added to both coarse values, DN: keeps ratios of dark values in bounds.
constexpr double offset = 50;
constexpr double lowest_ratio = 0.5, highest_ratio = 2;

std::vector<OptionSpec> const specs = {
    {"coarse", "bilinear", "how coarse cells become fine pixels: bilinear or nearest"},
};

class Ratio final : public PairFormula {
 public:
  explicit Ratio(ModelSettings const& settings)
      : PairFormula(
            settings,
            {.name = "ratio",
             .title = "Fine image times the coarse ratio",
             .citation = "stfcube documentation, docs/methods/ratio.md",
             .support = {}},
            ModelOptions("ratio", specs, settings.options).choice("coarse", {"bilinear", "nearest"}) ==
                "bilinear") {}

 private:
  Formula formula(FusionInput const&) const override {
    return [this](int band, Observations const& observed) { return estimate(band, observed); };
  }

  Estimate estimate(int band, Observations const& observed) const {
    double const before = observed.pair_coarse + offset, after = observed.target_coarse + offset;
    double const ratio = before > 0       ? std::clamp(after / before, lowest_ratio, highest_ratio)
                         : after > before ? highest_ratio
                         : after < before ? lowest_ratio
                                          : 1.0;
    bool const limited = ratio == lowest_ratio || ratio == highest_ratio;
    double const value = observed.fine * ratio;
    return {value, prediction_sigma(std::sqrt(3.0) * ratio * sensor(band), 0, value - observed.fine),
            limited ? quality::low_confidence : quality::Flags{0}};
  }
};

}  // namespace

ModelEntry ratio_entry() {
  return {.summary = "fine image times the ratio of the coarse images; for comparisons",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<Ratio>(settings); }};
}

}  // namespace stfcube
