#include "stfcube/jobs/svg_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(SvgPage, texts_cannot_break_the_document) {
  SvgPage page(10, 20);
  page.text(1, 2.5, "a < b & \"c\" > d");
  std::string const document = page.document();
  EXPECT_THAT(document, HasSubstr(">a &lt; b &amp; &quot;c&quot; &gt; d</text>"));
  EXPECT_THAT(document, HasSubstr("y=\"2.5\""));
  EXPECT_THAT(document, HasSubstr("viewBox=\"0 0 10 20\""));
}

TEST(SvgPage, pictures_are_kept_inside) {
  SvgPage page(10, 10);
  page.picture(0, 0, 1, 1, "Man");
  page.picture(0, 0, 1, 1, "Ma");
  page.picture(0, 0, 1, 1, std::string_view("\xff\0\x01M", 4));
  EXPECT_THAT(page.document(), HasSubstr("base64,TWFu\""));
  EXPECT_THAT(page.document(), HasSubstr("base64,TWE=\""));
  EXPECT_THAT(page.document(), HasSubstr("base64,/wABTQ==\""));
}

TEST(SvgPage, cells_of_one_colour_are_one_path) {
  SvgPage page(10, 10);
  page.cells(1, 2, 3.5, {{0, 0}, {4, 7}}, "#000000");
  page.cells(1, 2, 3.5, {}, "#123456");
  EXPECT_THAT(page.document(), HasSubstr("d=\"M0 0h1v1h-1zM4 7h1v1h-1z\""));
  EXPECT_THAT(page.document(), Not(HasSubstr("#123456")));
}

TEST(SvgPage, colours_lie_between_those_given) {
  EXPECT_EQ(blended({0x000000, 0x0a1420, 0xffffff}, 0.25), "#050a10");
  EXPECT_EQ(blended({0x000000, 0xffffff}, -3), "#000000");
  EXPECT_EQ(blended({0x000000, 0xffffff}, 1), "#ffffff");
}

TEST(SvgPage, ticks_are_round_numbers_inside_the_axis) {
  EXPECT_THAT(axis_ticks(0, 1, 5),
              ElementsAre(0, DoubleNear(0.2, 1e-12), DoubleNear(0.4, 1e-12), DoubleNear(0.6, 1e-12),
                          DoubleNear(0.8, 1e-12), DoubleNear(1, 1e-12)));
  EXPECT_THAT(axis_ticks(-0.013, 0.028, 4), ElementsAre(0, DoubleNear(0.02, 1e-12)));
  EXPECT_EQ(tick_text(0.30000000000000004), "0.3");
  EXPECT_EQ(tick_text(-1e-18), "0");
}

}  // namespace
}  // namespace stfcube
