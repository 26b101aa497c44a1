#include "stfcube/jobs/target_dates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Date> const fine = {Date{10}, Date{20}};
std::vector<Date> const coarse = {Date{10}, Date{11}, Date{12}};

std::vector<std::string> texts(std::string const& text) {
  std::vector<std::string> all;
  for (Date date : resolve_target_dates(text, fine, coarse)) all.push_back(to_string(date));
  return all;
}

TEST(TargetDates, interval_steps_by_days_or_weeks_and_includes_both_ends) {
  EXPECT_THAT(texts("2002-02-20/2002-03-08/P8D"), ElementsAre("2002-02-20", "2002-02-28", "2002-03-08"));
  EXPECT_THAT(texts("2002-02-20/2002-03-08/P1W"), ElementsAre("2002-02-20", "2002-02-27", "2002-03-06"));
}

TEST(TargetDates, list_is_sorted_and_unique) {
  EXPECT_THAT(texts("2002-03-08 20020220 2002-03-08"), ElementsAre("2002-02-20", "2002-03-08"));
}

TEST(TargetDates, sensor_names_give_their_dates) {
  EXPECT_EQ(resolve_target_dates("fine", fine, coarse), fine);
  EXPECT_EQ(resolve_target_dates("coarse", fine, coarse), coarse);
}

TEST(TargetDates, wrong_texts_are_refused_with_the_reason) {
  auto const message = [](std::string const& text) {
    try {
      resolve_target_dates(text, fine, coarse);
      return std::string("accepted");
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return std::string(error.what());
    }
  };
  EXPECT_THAT(message("2002-02-30"), HasSubstr("'2002-02-30' is no date"));
  EXPECT_THAT(message("2002-01-01/2002-12-31"), HasSubstr("three parts"));
  EXPECT_THAT(message("2002-01-01/2002-12-31/P8"), HasSubstr("no period"));
  EXPECT_THAT(message("2002-01-01/2002-12-31/P0D"), HasSubstr("no period"));
  EXPECT_THAT(message("2002-12-31/2002-01-01/P8D"), HasSubstr("ends before it begins"));
}

}  // namespace
}  // namespace stfcube
