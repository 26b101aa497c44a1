#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stfcube/models/classical/classes.hpp"

namespace stfcube {

/// How much fine pixels belong to each class: the inverse squared Mahalanobis distance to the mean of the
/// class, by the covariance of its pixels, as a share of all classes. A part of a method: its one round of
/// the first pass comes after those of the classes. Memberships are a function of the values of the pixel and
/// of the classes, in whole parts, so that their sums over cells are exact.
/// @source Li et al. 2020, doi:10.1016/j.rse.2019.111537; specs: fsdaf.md, SFSDAF
class ClassMemberships {
 public:
  /// @param subject  begins the names of the statistics
  explicit ClassMemberships(std::string subject) : subject_(std::move(subject)) {}

  static constexpr int parts = 1024;  ///< the membership 1

  bool done() const { return done_; }
  /// Adds the fine images of a tile without halo, as FineClasses::observe.
  void observe(FusionInput const& input, FineClasses const& classes, Statistics& statistics) const;
  void prepare(Statistics const& statistics, FineClasses const& classes);

  /// Memberships of the pixels of padded_px at fine image `index`, [class, y, x], in parts; a pixel's add up
  /// to `parts`. All 0 where the image is invalid or no class has a pixel. Works in parallel.
  std::vector<std::uint16_t> shares(FusionInput const& input, int index) const;

 private:
  /// One class of a date.
  struct Shape {
    std::vector<double> mean;     ///< per band, DN
    std::vector<double> inverse;  ///< [band, band]: of the lower Cholesky factor of the covariance
  };

  std::string subject_;
  bool done_ = false;
  std::map<Date, std::vector<Shape>> shapes_;  ///< per class; without a mean where it has no pixel
};

}  // namespace stfcube
