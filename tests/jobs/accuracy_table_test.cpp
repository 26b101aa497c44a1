#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/jobs/accuracy_report.hpp"

namespace stfcube {
namespace {

constexpr Date first{100}, second{108}, third{116};

MethodStanding standing(std::string const& method, int rank, std::vector<MissedFold> const& missed) {
  MethodStanding one;
  one.method = method;
  one.rank = rank;
  one.folds = 3 - static_cast<int>(missed.size());
  one.missed = missed;
  return one;
}

/// The lines of the table that tell what is not predicted.
std::vector<std::string> missed_lines(std::vector<MethodStanding> methods) {
  AccuracyReport report;
  report.cross_validation = CrossValidation{{first, second, third}, 1, std::move(methods)};
  std::ostringstream out;
  print_table(report, out);
  std::istringstream table(out.str());
  std::vector<std::string> lines;
  for (std::string line; std::getline(table, line);) {
    if (line.find("not predict") != std::string::npos) lines.push_back(line);
  }
  return lines;
}

TEST(AccuracyTable, methods_that_miss_the_same_dates_for_one_reason_share_a_line) {
  auto const lines = missed_lines({standing("starfm", 2, {{first, "no pair"}, {third, "no pair"}}),
                                   standing("linear", 1, {}),
                                   standing("gain", 3, {{first, "no pair"}, {third, "no pair"}})});
  EXPECT_THAT(lines, ::testing::ElementsAre("starfm, gain do not predict " + to_string(first) + ", " +
                                            to_string(third) + ": no pair"));
}

TEST(AccuracyTable, different_dates_and_reasons_are_told_apart) {
  auto const lines =
      missed_lines({standing("starfm", 1, {{first, "no pair"}}),
                    standing("estarfm", 0, {{first, "no pair"}, {second, "no pair"}, {third, "no pair"}}),
                    standing("gain", 2, {{first, "no pair"}, {second, "no pixel"}})});
  EXPECT_THAT(lines, ::testing::ElementsAre("starfm, gain do not predict " + to_string(first) +
                                                "; estarfm does not predict any date: no pair",
                                            "gain does not predict " + to_string(second) + ": no pixel"));
}

TEST(AccuracyTable, nothing_missed_is_not_mentioned) {
  EXPECT_THAT(missed_lines({standing("starfm", 1, {}), standing("linear", 2, {})}), ::testing::IsEmpty());
}

}  // namespace
}  // namespace stfcube
