#include "stfcube/partitioning/core/date.hpp"

#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

TEST(Date, counts_days_from_1970) {
  EXPECT_EQ(make_date(1970, 1, 1)->days, 0);
  EXPECT_EQ(make_date(1969, 12, 31)->days, -1);
  EXPECT_EQ(make_date(2000, 3, 1)->days, 11017);
  EXPECT_EQ(*make_date(2024, 3, 1) - *make_date(2024, 2, 28), 2);
  EXPECT_EQ(*make_date(2100, 3, 1) - *make_date(2100, 2, 28), 1);
}

TEST(Date, refuses_days_that_do_not_exist) {
  EXPECT_FALSE(make_date(2023, 2, 29));
  EXPECT_TRUE(make_date(2024, 2, 29));
  EXPECT_FALSE(make_date(2023, 13, 1));
  EXPECT_FALSE(make_date(2023, 0, 1));
  EXPECT_FALSE(make_date(2023, 4, 31));
  EXPECT_FALSE(make_date(1899, 12, 31));
  EXPECT_FALSE(make_date(2201, 1, 1));
  EXPECT_FALSE(make_date(2023, -1, 1));
}

TEST(Date, text_goes_there_and_back) {
  Date const date = *parse_date("2001-07-11");
  EXPECT_EQ(to_string(date), "2001-07-11");
  EXPECT_EQ(compact(date), "20010711");
  EXPECT_EQ(parse_date(compact(date)), date);
  for (int days = -20000; days < 80000; days += 17) {
    ASSERT_EQ(parse_date(to_string(Date{days})), Date{days}) << days;
  }
}

TEST(Date, parse_wants_the_whole_text) {
  for (char const* text :
       {"", "2001-7-11", "2001-07-11 ", " 20010711", "2001/07/11", "200107111", "2001-0711", "abcdefgh"}) {
    EXPECT_FALSE(parse_date(text)) << '"' << text << '"';
  }
}

TEST(Date, day_of_year_knows_leap_years) {
  EXPECT_EQ(day_of_year(*make_date(2023, 1, 1)), 1);
  EXPECT_EQ(day_of_year(*make_date(2023, 12, 31)), 365);
  EXPECT_EQ(day_of_year(*make_date(2024, 12, 31)), 366);
}

struct Name {
  char const* text;
  char const* pattern;
  char const* date;
};

TEST(FindDate, reads_the_usual_names) {
  for (Name const& name :
       {Name{"LC08_L2SP_092084_20200115_20200823_02_T1_SR_B4.TIF", "%Y%m%d", "2020-01-15"},
        Name{"MOD09GA.A2002005.h29v12.061.hdf", "A%Y%j", "2002-01-05"},
        Name{"fine_2001-07-11.tif", "%Y-%m-%d", "2001-07-11"}, Name{"scene_99123.tif", "_%y%j", "1999-05-03"},
        Name{"scene_690101.tif", "_%y%m%d", "2069-01-01"}, Name{"11072001.tif", "%d%m%Y", "2001-07-11"}}) {
    auto const found = find_date(name.text, name.pattern);
    ASSERT_TRUE(found) << name.text;
    EXPECT_EQ(to_string(*found), name.date) << name.text;
  }
}

TEST(FindDate, takes_the_first_place_with_a_valid_date) {
  // 09208420 would be the year 920; 92084202 has month 42.
  EXPECT_EQ(find_date("X_09208420200115", "%Y%m%d"), make_date(2020, 1, 15));
  EXPECT_EQ(find_date("20011332_20010711", "%Y%m%d"), make_date(2001, 7, 11));
}

TEST(FindDate, gives_nothing_without_a_date) {
  EXPECT_FALSE(find_date("scene.tif", "%Y%m%d"));
  EXPECT_FALSE(find_date("", "%Y%m%d"));
  EXPECT_FALSE(find_date("2001071", "%Y%m%d"));
  EXPECT_FALSE(find_date("2023366", "%Y%j"));
  EXPECT_FALSE(find_date("2024000", "%Y%j"));
  EXPECT_TRUE(find_date("2024366", "%Y%j"));
  EXPECT_FALSE(find_date("20010011", "%Y%m%d"));
  EXPECT_FALSE(find_date("20010700", "%Y%m%d"));
}

TEST(FindDate, refuses_patterns_that_cannot_give_a_date) {
  for (char const* pattern : {"%Y%m", "%Y%d", "%m%d", "%Y%m%d%H", "%Y%m%d%", "", "scene", "%j"}) {
    try {
      find_date("20010711", pattern);
      ADD_FAILURE() << pattern;
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      EXPECT_NE(std::string(error.what()).find(std::string("'") + pattern + "'"), std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace stfcube
