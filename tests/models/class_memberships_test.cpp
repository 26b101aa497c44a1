#include "stfcube/models/classical/class_memberships.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/classical/cell_fractions.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;

/// One fine image of one row, band after band, ratio 2.
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

}  // namespace
}  // namespace stfcube
