#pragma once

#include <functional>
#include <vector>

#include "stfcube/models/classical/pair_pixels.hpp"
#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/registry.hpp"

namespace stfcube {

/// A method that predicts every pixel by a formula from the nearest valid pair, its own fine value and the
/// coarse values of both dates.
class PairFormula : public FusionModel {
 public:
  ModelInfo const& info() const override { return info_; }
  std::size_t memory_bytes(TileShape const& shape, int threads) const override;
  void fuse(FusionInput const& input, FusionOutput& output) const override;

 protected:
  /// Observations at a pixel of the target grid, DN.
  struct Observations {
    int x = 0, y = 0;
    double fine = 0, pair_coarse = 0, target_coarse = 0;
  };
  struct Estimate {
    double value = 0, sigma = 0;  ///< DN
    quality::Flags flags = 0;     ///< to add
  };

  PairFormula(ModelSettings const& settings, ModelInfo info, bool bilinear);

  using Formula = std::function<Estimate(int band, Observations const& observed)>;
  /// The formula for the pixels of a tile; has to be thread-safe.
  virtual Formula formula(FusionInput const& input) const = 0;

  /// Standard deviation of one observation of a band, DN.
  double sensor(int band) const { return sensor_[static_cast<std::size_t>(band)]; }

 private:
  void predict(FusionInput const& input, PairPixels const& pixels, Formula const& formula, int row,
               FusionOutput& output) const;

  PairChoice choice_;
  Quantity range_;
  std::vector<double> sensor_;
  ModelInfo info_;
};

}  // namespace stfcube
