#include "stfcube/jobs/quicklook.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;

TEST(Quicklook, averages_valid_pixels_of_a_block) {
  Quicklook picture(4, 2, 2, 1);
  picture.add(0, {0, 0, 4, 2}, {100, 200, no_data_dn, no_data_dn, 300, no_data_dn, no_data_dn, no_data_dn});
  EXPECT_EQ(picture.width(), 2);
  EXPECT_EQ(picture.height(), 1);
  auto const pixels = picture.stretched();
  EXPECT_EQ(pixels[3], 255);
  EXPECT_EQ(pixels[7], 0) << "a block without data is transparent";
}

TEST(Quicklook, partial_blocks_at_the_edges_count) {
  Quicklook picture(3, 3, 2, 1);
  picture.add(0, {0, 0, 3, 2}, {0, 0, 10, 0, 0, 10});
  picture.add(0, {0, 2, 3, 1}, {20, 20, 30});
  auto const pixels = picture.stretched();
  // The 2nd percentile of 0 10 20 30 is 0, the 98th is 30.
  EXPECT_THAT((std::vector<int>{pixels[0], pixels[4], pixels[8], pixels[12]}), ElementsAre(0, 85, 170, 255));
}

TEST(Quicklook, stretch_ignores_the_outer_two_percent) {
  std::vector<Dn> ramp(100);
  for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<Dn>(i);
  ramp[99] = 16000;
  Quicklook picture(100, 1, 1, 1);
  picture.add(0, {0, 0, 100, 1}, ramp);
  auto const pixels = picture.stretched();
  EXPECT_EQ(pixels[4 * 1], 0);
  EXPECT_EQ(pixels[4 * 97], 255);
  EXPECT_EQ(pixels[4 * 99], 255);
  EXPECT_NEAR(pixels[4 * 49], 128, 1);
}

TEST(Quicklook, pixel_with_one_empty_channel_is_transparent) {
  Quicklook picture(2, 1, 1, 3);
  for (int channel = 0; channel < 3; ++channel) {
    picture.add(channel, {0, 0, 2, 1}, {100, channel == 2 ? no_data_dn : Dn{100}});
  }
  auto const pixels = picture.stretched();
  EXPECT_THAT((std::vector<std::uint8_t>(pixels.begin() + 4, pixels.end())), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(pixels[0], 128) << "a flat channel is middle grey";
}

TEST(Quicklook, flags_have_colours) {
  Quicklook picture(4, 1, 1, 1);
  picture.add_flags({0, 0, 4, 1}, {quality::observed, quality::fused | quality::clamped, quality::gap_filled,
                                   quality::no_data});
  auto const pixels = picture.flag_colours();
  EXPECT_GT(pixels[1], pixels[0]);
  EXPECT_GT(pixels[6], pixels[4]);
  EXPECT_GT(pixels[8], pixels[10]);
  EXPECT_EQ(pixels[15], 0);
}

}  // namespace
}  // namespace stfcube
