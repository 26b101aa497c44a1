#include "stfcube/io/pixel_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;

/// Two bands of a chunk of 2 dates and 3 x 4 pixels, of which the last row and column lie beyond the edge.
struct Pixels {
  static constexpr std::size_t count = 2 * 3 * 4;
  std::vector<quality::Flags> flags = std::vector<quality::Flags>(count, quality::fused);
  std::vector<Dn> red = std::vector<Dn>(count, 100), nir = red, uncertainty = red;

  static std::size_t at(int t, int y, int x) { return static_cast<std::size_t>((t * 3 + y) * 4 + x); }

  std::vector<PixelCheck::Violation> violations() {
    PixelCheck check(Quantity{}, {2, 3, 4}, {2, 2, 3});
    std::vector<PixelCheck::Violation> all = check.flags(flags);
    auto const add = [&](auto const& more) { all.insert(all.end(), more.begin(), more.end()); };
    for (auto const* band : {&red, &nir}) {
      add(check.band(*band));
      add(check.uncertainty(*band, uncertainty));
    }
    add(check.together(flags));
    return all;
  }

  std::vector<std::string> rules() {
    std::vector<std::string> found;
    for (auto const& violation : violations()) found.push_back(violation.rule);
    return found;
  }
};

TEST(PixelCheck, sound_pixels_break_no_rule) {
  Pixels p;
  p.flags[Pixels::at(0, 0, 0)] = quality::observed | quality::disturbed | quality::low_confidence;
  p.flags[Pixels::at(1, 1, 2)] = quality::no_data;
  p.red[Pixels::at(1, 1, 2)] = p.nir[Pixels::at(1, 1, 2)] = p.uncertainty[Pixels::at(1, 1, 2)] = no_data_dn;
  p.red[Pixels::at(0, 1, 1)] = -2000;
  p.nir[Pixels::at(0, 1, 1)] = 16000;
  EXPECT_THAT(p.rules(), ElementsAre());
}

TEST(PixelCheck, pixels_beyond_the_edge_are_not_looked_at) {
  Pixels p;
  p.flags[Pixels::at(0, 2, 0)] = p.flags[Pixels::at(1, 0, 3)] = 255;
  p.red[Pixels::at(0, 2, 0)] = 20000;
  EXPECT_THAT(p.rules(), ElementsAre());
}

TEST(PixelCheck, places_and_numbers_of_pixels_are_those_that_break_the_rule) {
  Pixels p;
  p.nir[Pixels::at(0, 1, 2)] = p.nir[Pixels::at(1, 0, 1)] = p.nir[Pixels::at(1, 1, 1)] = 16001;
  auto const found = p.violations();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pixels, 3);
  EXPECT_THAT(found[0].lowest, ElementsAre(0, 0, 1));
  EXPECT_THAT(found[0].highest, ElementsAre(1, 1, 2));
}

TEST(PixelCheck, flags_without_state_and_255_are_found) {
  Pixels p;
  p.flags[Pixels::at(0, 0, 0)] = quality::clamped;
  EXPECT_THAT(p.rules(),
              ElementsAre("quality has neither no_data nor a state (observed, fused, gap_filled)"));
  p.flags[Pixels::at(0, 0, 0)] = 255;
  EXPECT_THAT(p.rules(), ElementsAre("quality is 255", "quality says no_data where a band has a value"));
}

TEST(PixelCheck, no_data_must_be_where_all_bands_are_empty_and_nowhere_else) {
  Pixels p;
  p.red[Pixels::at(1, 0, 0)] = p.uncertainty[Pixels::at(1, 0, 0)] = no_data_dn;
  p.nir[Pixels::at(1, 0, 0)] = no_data_dn;
  EXPECT_THAT(p.rules(), ElementsAre("quality does not say no_data where no band has a value"));
  p.flags[Pixels::at(1, 0, 0)] = quality::no_data;
  EXPECT_THAT(p.rules(), ElementsAre());
  p.nir[Pixels::at(1, 0, 0)] = 5;
  EXPECT_THAT(p.rules(), ElementsAre("uncertainty is missing where there is a value",
                                     "quality says no_data where a band has a value"));
}

TEST(PixelCheck, uncertainty_must_be_where_the_product_is) {
  Pixels p;
  p.uncertainty[Pixels::at(0, 0, 0)] = -1;
  EXPECT_THAT(p.rules(), ElementsAre("uncertainty is negative", "uncertainty is negative"));
  p.uncertainty[Pixels::at(0, 0, 0)] = 1;
  p.red[Pixels::at(0, 0, 0)] = no_data_dn;
  EXPECT_THAT(p.rules(), ElementsAre("uncertainty is given where there is no value"));
}

TEST(PixelCheck, values_must_be_in_the_range_of_the_quantity) {
  Pixels p;
  p.red[Pixels::at(0, 0, 0)] = -2001;
  EXPECT_THAT(p.rules(), ElementsAre("a value is outside of the valid range -2000..16000"));
}

}  // namespace
}  // namespace stfcube
