#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "stfcube/partitioning/core/dn.hpp"

namespace stfcube {

// Vectorised work on the similar pixels of a window. All images are rasters of one pitch, at most 65535
// values in a window. A window is given by its first pixel; pixels in it by their "code", the index from
// there on. Planes hold one value for each pixel, records hold all values of a pixel side by side.
//
// Every sum is either exact or grows in the order of the codes, so that the results are the same on every
// vector width.

/// Records are arrays of whole blocks of so many values.
inline constexpr int record_lanes = 8;

/// An image whose values must be near that of the centre.
struct SimilarImage {
  Dn const* fine = nullptr;  ///< plane, at the window's first pixel; no_data_dn is never similar
  Dn centre = 0;
  int delta = 0;  ///< |F - centre| <= delta
};

/// Finds the pixels of a window that are similar in all images. `codes` has room for all pixels of the window
/// and a vector beyond them. Returns how many there are; codes ascend.
std::size_t find_similar(std::span<SimilarImage const> images, int window, int pitch, std::uint16_t* codes);

/// 1 - R for `count` pixels, R the correlation of fine and coarse values; 1/2 where one does not vary; for
/// two images the mean of |f - c| / (f + c) (specs: estarfm.md, step 5). @param fine, coarse  planes of all
/// bands of both dates, `count` readable values each
void spectral_unlikeness(std::span<Dn const* const> fine, std::span<Dn const* const> coarse, int count,
                         double* result);

/// Weights before they are normalised: 1 / ((1 - R) d + epsilon). @param distance  d by code
/// @param weights  room for a vector beyond `count`
void similarity_weights(std::uint16_t const* codes, std::size_t count, double const* unlikeness,
                        double const* distance, double* weights);

/// Sums of weight * value over pixels, for `lanes` values of their records (whole blocks).
/// @param records  that of the window's first pixel, at the first of the values
/// @return the sum of the weights
double sum_weighted(std::uint16_t const* codes, double const* weights, std::size_t count, Dn const* records,
                    int stride, int lanes, double* sums);

/// Sums of the values themselves, exact.
void sum_values(std::uint16_t const* codes, std::size_t count, Dn const* records, int stride, int lanes,
                double* sums);

/// Exact sums over the pixels of y, x^2, x y and y^2; each `lanes` values.
struct ProductSums {
  double *y, *xx, *xy, *yy;
};
void sum_products(std::uint16_t const* codes, std::size_t count, Dn const* x, int x_stride, Dn const* y,
                  int y_stride, int lanes, ProductSums const& sums);

/// Sums over the pixels of w, w e, w f and w (e - f)^2; each `lanes` values.
struct EstimateSums {
  double *weight, *estimate, *fine, *squares;
};
/// @param weights  [pixel of the list, stride]  @param estimates, fine  records of `stride` values
void sum_estimates(std::uint16_t const* codes, double const* weights, std::size_t count,
                   double const* estimates, Dn const* fine, int stride, EstimateSums const& sums);

}  // namespace stfcube
