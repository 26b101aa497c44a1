#include "stfcube/models/model_options.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<OptionSpec> const specs = {{"window", "51", "fine pixels"},
                                       {"filter", "or", "or, and"},
                                       {"sigma", "0.5", "DN"},
                                       {"log", "off", ""},
                                       {"bands", "", "names"}};

ModelOptions given(std::map<std::string, std::string> const& values) {
  return ModelOptions("starfm", specs, values);
}

std::string message_of(std::function<void()> const& action) {
  try {
    action();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.what();
  }
  return "no error";
}

TEST(ModelOptions, defaults_stand_where_nothing_is_given) {
  ModelOptions const options = given({});
  EXPECT_EQ(options.integer("window", 1, 1000), 51);
  EXPECT_EQ(options.choice("filter", {"or", "and"}), "or");
  EXPECT_EQ(options.number("sigma", 0, 1), 0.5);
  EXPECT_FALSE(options.flag("log"));
  EXPECT_THAT(options.words("bands"), IsEmpty());
}

TEST(ModelOptions, given_values_win) {
  ModelOptions const options = given({{"starfm.window", "31"}, {"starfm.bands", "red  nir"}});
  EXPECT_EQ(options.integer("window", 1, 1000), 31);
  EXPECT_THAT(options.words("bands"), ElementsAre("red", "nir"));
  EXPECT_EQ(options.text("bands"), "red  nir");
}

TEST(ModelOptions, other_methods_are_not_our_business) {
  EXPECT_EQ(given({{"estarfm.window", "31"}, {"starfmx.odd", "1"}}).integer("window", 1, 1000), 51);
}

TEST(ModelOptions, unknown_names_get_the_nearest_known_one) {
  EXPECT_THAT(message_of([] { given({{"starfm.windwo", "31"}}); }), HasSubstr("Did you mean starfm.window?"));
  EXPECT_THAT(message_of([] {
                given({{"starfm.q", "31"}});
              }),
              HasSubstr("starfm.q is not an option of starfm"));
}

TEST(ModelOptions, integers_stay_in_their_bounds) {
  auto const read = [](std::string const& value) {
    return message_of([&] { given({{"starfm.window", value}}).integer("window", 3, 101); });
  };
  EXPECT_EQ(read("3"), "no error");
  EXPECT_EQ(read("101"), "no error");
  for (char const* wrong : {"2", "102", "51.0", "fifty", "", "99999999999999999999"}) {
    EXPECT_THAT(read(wrong), HasSubstr(std::string("starfm.window = ") + wrong +
                                       " (must be a whole number from 3 to 101)"));
  }
}

TEST(ModelOptions, numbers_stay_in_their_bounds) {
  auto const read = [](std::string const& value) {
    return message_of([&] { given({{"starfm.sigma", value}}).number("sigma", 0, 1); });
  };
  EXPECT_EQ(read("1"), "no error");
  for (char const* wrong : {"-0.1", "1.01", "nan", "inf", "x"})
    EXPECT_THAT(read(wrong), HasSubstr("from 0 to 1")) << wrong;
}

TEST(ModelOptions, choices_list_what_is_allowed) {
  EXPECT_THAT(message_of([] {
                given({{"starfm.filter", "xor"}}).choice("filter", {"or", "and"});
              }),
              HasSubstr("starfm.filter = xor is not known. Use one of: or, and."));
}

TEST(ModelOptions, flags_know_four_pairs_of_words) {
  for (char const* yes : {"true", "on", "yes", "1"}) EXPECT_TRUE(given({{"starfm.log", yes}}).flag("log"));
  for (char const* no : {"false", "off", "no", "0"}) EXPECT_FALSE(given({{"starfm.log", no}}).flag("log"));
  EXPECT_THAT(message_of([] {
                given({{"starfm.log", "maybe"}}).flag("log");
              }),
              HasSubstr("must be true or false"));
}

TEST(ModelOptions, reading_an_undeclared_option_is_our_fault) {
  try {
    given({}).text("halo");
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
  }
}

}  // namespace
}  // namespace stfcube
