#include "stfcube/partitioning/core/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Text, words_are_split_at_runs_of_blanks) {
  EXPECT_THAT(split_words("  blue:1\tgreen:2 \n red:3 "), ElementsAre("blue:1", "green:2", "red:3"));
  EXPECT_THAT(split_words(""), IsEmpty());
  EXPECT_THAT(split_words(" \t\r\n"), IsEmpty());
}

TEST(Text, split_keeps_empty_pieces) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split("abc", ','), ElementsAre("abc"));
}

TEST(Text, trim_takes_blanks_off_both_ends) {
  EXPECT_EQ(trim(" a b\r\n"), "a b");
  EXPECT_EQ(trim("\t "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, numbers_are_read_whole_or_not_at_all) {
  EXPECT_EQ(parse_double("-1.5e3"), -1500.0);
  EXPECT_EQ(parse_double("+2"), 2.0);
  EXPECT_EQ(parse_double("0.0001"), 1e-4);
  for (char const* text : {"", " 1", "1 ", "1,5", "1x", "--1", "+-1", "+"})
    EXPECT_FALSE(parse_double(text)) << text;
  EXPECT_EQ(parse_integer("-42"), -42);
  EXPECT_EQ(parse_integer("9223372036854775807"), 9223372036854775807LL);
  for (char const* text : {"", "1.0", "9223372036854775808", "0x10", "1e3"})
    EXPECT_FALSE(parse_integer(text)) << text;
}

TEST(Text, bytes_know_powers_of_1024) {
  EXPECT_EQ(parse_bytes("1000"), 1000U);
  EXPECT_EQ(parse_bytes("2G"), 2ULL << 30);
  EXPECT_EQ(parse_bytes("512m"), 512ULL << 20);
  EXPECT_EQ(parse_bytes("1.5K"), 1536U);
  EXPECT_EQ(parse_bytes(" 1T "), 1ULL << 40);
  EXPECT_EQ(parse_bytes("0"), 0U);
  for (char const* text : {"", "G", "-1", "-1G", "1GB", "nan", "inf", "infG", "1e30", "2 GG"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(Text, bytes_are_written_for_people) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(3ULL << 30), "3.0 GiB");
}

TEST(Text, nearest_word_forgives_slips_only) {
  std::vector<std::string> const words = {"model.name", "model.weights", "run.tile"};
  EXPECT_EQ(nearest_word("modle.name", words), "model.name");
  EXPECT_EQ(nearest_word("run.tiles", words), "run.tile");
  EXPECT_EQ(nearest_word("run.tile", words), "run.tile");
  EXPECT_FALSE(nearest_word("xyzzy", words));
  EXPECT_FALSE(nearest_word("anything", std::vector<std::string>{}));
}

TEST(Text, long_lists_are_cut_with_their_count) {
  std::vector<std::string> const lines = {"a", "b", "c"};
  EXPECT_EQ(join_limited(lines), "a\nb\nc");
  EXPECT_EQ(join_limited(lines, 3), "a\nb\nc");
  EXPECT_EQ(join_limited(lines, 1), "a\n... and 2 more");
  EXPECT_EQ(join_limited(std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace stfcube
