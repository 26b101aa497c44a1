#include "stfcube/models/classical/sfsdaf_fractions.hpp"

#include <cmath>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/homogeneity.hpp"
#include "stfcube/models/classical/weighted_changes.hpp"
#include "stfcube/tests/support/golden_scene.hpp"

namespace stfcube {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

class FractionChange : public ::testing::Test {
 protected:
  // Two bands, three classes.
  FractionUnmixing const unmixing_{{1000, 2000, 400, 3000, 500, 800}, 3};

  std::vector<double> change(std::vector<double> const& fractions,
                             std::vector<double> const& residual) const {
    std::vector<double> result(3);
    unmixing_.change(fractions, residual, result);
    return result;
  }
};

TEST_F(FractionChange, is_found_where_it_explains_everything) {
  // A tenth of the first class becomes the second.
  auto const found = change({0.5, 0.3, 0.2}, {100, -250});
  EXPECT_NEAR(found[0], -0.1, 0.01);
  EXPECT_NEAR(found[1], 0.1, 0.01);
  EXPECT_NEAR(found[2], 0, 0.01);
}

TEST_F(FractionChange, is_none_without_a_residual) {
  for (double const part : change({0.5, 0.3, 0.2}, {0, 0})) EXPECT_NEAR(part, 0, 1e-9);
}

TEST_F(FractionChange, leaves_fractions_from_0_to_1_that_add_up) {
  std::vector<double> const fractions = {0.5, 0.3, 0.2};
  for (auto const& residual :
       {std::vector{5000.0, 9000.0}, std::vector{-9000.0, 300.0}, std::vector{700.0, -900.0}}) {
    auto const found = change(fractions, residual);
    EXPECT_NEAR(std::accumulate(found.begin(), found.end(), 0.0), 0, 1e-12);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_GE(fractions[i] + found[i], 0);
      EXPECT_LE(fractions[i] + found[i], 1 + 1e-12);
    }
  }
}

TEST(FractionChangeOfEqualClasses, is_none) {
  // Nothing tells the classes apart.
  FractionUnmixing const unmixing({700, 700, 700}, 3);
  std::vector<double> found(3);
  unmixing.change(std::vector{0.2, 0.5, 0.3}, std::vector{40.0}, found);
  for (double const part : found) EXPECT_NEAR(part, 0, 0.05);
}

/// One fine image of one row, ratio 2.
FusionInput row_of(std::vector<Dn> const& values, int bands = 1) {
  int const width = static_cast<int>(values.size()) / bands;
  FusionInput input;
  input.scene_px = input.core_px = input.padded_px = {0, 0, width, 1};
  input.cells = {0, 0, (width + 1) / 2, 1};
  input.ratio = 2;
  input.fine = {{Date{0}}, Stack<Dn>(1, bands, 1, width)};
  std::ranges::copy(values, input.fine.dn.row(0, 0, 0));
  return input;
}

/// Classes and memberships of a row; labels as given.
struct Members {
  FusionInput input;
  FineClasses classes{{.class_map = true}};
  ClassMemberships memberships{"memberships"};

  Members(FusionInput row, std::vector<std::int32_t> const& labels) : input(std::move(row)) {
    input.classes = Stack<std::int32_t>(1, 1, 1, input.scene_px.width);
    std::ranges::copy(labels, input.classes.row(0, 0, 0));
    Statistics of_classes, of_members;
    classes.observe(input, of_classes);
    classes.prepare(of_classes);
    memberships.observe(input, classes, of_members);
    memberships.prepare(of_members, classes);
  }
};

TEST(ClassMemberships, are_inverse_squared_distances) {
  // Class 1: mean 100, variance 100. Class 2: mean 200, variance 400. One DN^2 is added to each.
  Members const members(row_of({90, 110, 180, 220, 150}), {1, 1, 2, 2, -1});
  auto const shares = members.memberships.shares(members.input, 0);
  double const first = 101.0 / 2500, second = 401.0 / 2500;  // of the pixel without a class
  EXPECT_NEAR(shares[4], 1024 * first / (first + second), 1);
  EXPECT_EQ(shares[4] + shares[9], 1024);
}

TEST(ClassMemberships, follow_the_covariance_of_bands) {
  // Class 1 lies along the diagonal of both bands, class 2 is round; both have the mean (0, 0) and nearly
  // the same variances. On the diagonal the first is nearer, off it the second.
  Members const members(row_of({100, -100, 100, -100, 0, 0, 80, 80,  //
                                100, -100, 0, 0, 100, -100, 80, -80},
                               2),
                        {1, 1, 2, 2, 2, 2, -1, -1});
  auto const shares = members.memberships.shares(members.input, 0);
  EXPECT_GT(shares[8 + 7], 1000);  // (80, -80): class 2
  EXPECT_LT(shares[8 + 6], 512);   // (80, 80): class 1
}

TEST(ClassMemberships, of_a_pixel_at_the_mean_and_of_none_are_defined) {
  Members const members(row_of({100, 100, 500, 500, no_data_dn}), {1, 1, 2, 2, 2});
  auto const shares = members.memberships.shares(members.input, 0);
  EXPECT_THAT(shares, ElementsAre(1024, 1024, 0, 0, 0, 0, 0, 1024, 1024, 0));
}

TEST(ClassMemberships, add_up_in_cells) {
  Members const members(row_of({90, 110, 180, 220, no_data_dn}), {1, 1, 2, 2, -1});
  auto const shares = members.memberships.shares(members.input, 0);
  auto const cells = count_cell_memberships(members.input, shares, 2, ClassMemberships::parts);
  EXPECT_THAT(cells.pixels, ElementsAre(2, 2, 1));
  EXPECT_THAT(cells.valid, ElementsAre(2, 2, 0));
  EXPECT_EQ(cells.counts[0], shares[0] + shares[1]);
  EXPECT_EQ(cells.counts[0] + cells.counts[3], 2 * 1024);
  EXPECT_EQ(cells.counts[2] + cells.counts[5], 0);
  // In parts of a cell of four pixels.
  EXPECT_EQ(cells.purity(0, 0), cells.counts[0] / 4);
}

TEST(ClosestPixels, are_those_up_to_the_value_after_the_last) {
  // Differences from 100 at the centre (x = 3): 0.5, 0.03, 0.01, 0, 0.02, 0.03, invalid.
  FusionInput input = row_of({150, 103, 99, 100, 102, 97, no_data_dn});
  ClosestPixels::Found found;
  auto const columns = [&](int most) {
    ClosestPixels const closest(input, 0, input.scene_px, 3, most);
    closest.find(3, 0, found);
    std::vector<int> result;
    for (auto const& place : found.places) result.push_back(place.dx);
    return result;
  };
  EXPECT_THAT(columns(1), ElementsAre(-1, 0));
  EXPECT_THAT(columns(2), ElementsAre(-1, 0, 1));
  // The fourth value occurs twice.
  EXPECT_THAT(columns(3), ElementsAre(-2, -1, 0, 1, 2));
  EXPECT_THAT(columns(9), ElementsAre(-3, -2, -1, 0, 1, 2));
  // d / (s / 2) = 3, 2, 1, 0, 1, 2.
  double const total = 1.0 / 4 + 2.0 / 3 + 1 + 1;
  EXPECT_THAT(found.weights[0], DoubleNear(0.25 / total, 1e-15));
  EXPECT_THAT(found.weights[3], DoubleNear(1 / total, 1e-15));
}

TEST(ClosestPixels, of_an_invalid_pixel_are_none) {
  FusionInput const input = row_of({100, no_data_dn, 100});
  ClosestPixels const closest(input, 0, input.scene_px, 1, 2);
  ClosestPixels::Found found;
  closest.find(1, 0, found);
  EXPECT_TRUE(found.places.empty());
}

TEST(Homogeneity, is_the_share_of_valid_pixels_with_the_label) {
  std::vector<std::uint8_t> const labels = {0, 0, 1, LabelMap::none, 1};
  Rect const px{0, 0, 5, 1};
  auto const shares = homogeneity({labels, px, 1}, px, px, 1);
  EXPECT_EQ(shares[0], 1);
  EXPECT_EQ(shares[1], 2.0 / 3);
  EXPECT_EQ(shares[2], 0.5);
  EXPECT_TRUE(std::isnan(shares[3]));
  EXPECT_EQ(shares[4], 1);
}

TEST(WeightedChanges, are_summed_for_any_number_of_values) {
  // Value v at place p: 10 p + v.
  std::vector<double> changes;
  for (int p = 0; p < 3; ++p) {
    for (int v = 0; v < 7; ++v) changes.push_back(10 * p + v);
  }
  std::int32_t const places[2] = {2, 1};
  double const weights[2] = {0.25, 0.75};
  std::vector<double> sums(7), squares(7);
  weighted_changes(changes.data(), 7, places, weights, 2, 7, sums.data(), squares.data());
  for (std::size_t v = 0; v < 7; ++v) {
    auto const d = static_cast<double>(v);
    EXPECT_THAT(sums[v], DoubleEq(12.5 + d));
    EXPECT_THAT(squares[v], DoubleEq(0.25 * (20 + d) * (20 + d) + 0.75 * (10 + d) * (10 + d)));
  }
}

}  // namespace
}  // namespace stfcube
