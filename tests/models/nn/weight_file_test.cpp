#include "stfcube/models/nn/weights/weight_file.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/models/nn/weights/little_endian.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

NamedArrays some_arrays() {
  return {{"conv.weight", {{2, 1, 3}, {1, -2, 0.5f, 1e-20f, 3, 4}}},
          {"conv.bias", {{2}, {0.1f, -0.0f}}},
          {"scale", {{}, {7}}},
          {"none", {{0, 4}, {}}}};
}

ModelCard some_card() {
  ModelCard card;
  card.network = "edcstfn";
  card.options = {{"width", "16"}, {"note", "a=b \"c\" \\ \t\x01"}};
  card.bands = {"blue", "green", "red", "nir"};
  card.ratio = "8-20";
  card.scaling = "symmetric";
  card.factor = 0.1;
  card.training_data = "simulated archives, seeds 1 to 40\nand more";
  card.metrics = "RMSE 0.0123";
  card.sha256 = std::string(64, 'a');
  card.licence = "Apache-2.0";
  card.source = "T\xc3\xa4st et al. 2020";
  card.stfcube_version = "0.1.0";
  card.created = "2026-01-02T03:04:05Z";
  return card;
}

std::string content(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(fs::path const& path, std::string const& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A file of this header and so many bytes of data.
fs::path file_of(std::string const& json, std::string const& data) {
  fs::path const path = testing::folder_of_run() / "made.safetensors";
  std::string bytes;
  append_little_endian(bytes, std::uint64_t{json.size()});
  put(path, bytes + json + data);
  return path;
}

std::string message_of(fs::path const& path) {
  try {
    read_weight_file(path);
    return "read";
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_THAT(error.what(), HasSubstr(path.filename().string()));
    return error.what();
  }
}

std::string message_of(std::string const& json, std::size_t data) {
  return message_of(file_of(json, std::string(data, '\0')));
}

TEST(WeightFile, what_is_written_is_read) {
  fs::path const path = testing::fresh_folder() / "w.safetensors";
  write_weight_file(path, some_arrays(), some_card());
  WeightFile const weights = read_weight_file(path);
  EXPECT_EQ(weights.arrays, some_arrays());
  EXPECT_TRUE(std::signbit(weights.arrays.at("conv.bias").values[1]));
  ASSERT_TRUE(weights.card.has_value());
  EXPECT_EQ(*weights.card, some_card());
  EXPECT_TRUE(is_weight_file(path));
}

TEST(WeightFile, the_same_content_gives_the_same_bytes_and_nothing_else_is_left) {
  fs::path const folder = testing::fresh_folder();
  write_weight_file(folder / "a.safetensors", some_arrays(), some_card());
  write_weight_file(folder / "b.safetensors", some_arrays(), some_card());
  write_weight_file(folder / "b.safetensors", some_arrays(), some_card());
  EXPECT_EQ(content(folder / "a.safetensors"), content(folder / "b.safetensors"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2);
  std::string const bytes = content(folder / "a.safetensors");
  auto const length = little_endian<std::uint64_t>(bytes.data());
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(bytes.substr(8 + length), weight_data(some_arrays()));
}

TEST(WeightFile, others_can_read_the_header) {
  fs::path const path = testing::fresh_folder() / "w.safetensors";
  write_weight_file(path, some_arrays(), some_card());
  std::string const script =
      "import json, struct, sys\n"
      "raw = open(sys.argv[1], 'rb').read()\n"
      "n, = struct.unpack('<Q', raw[:8])\n"
      "h = json.loads(raw[8:8 + n])\n"
      "m = h.pop('__metadata__')\n"
      "assert all(type(v) is str for v in m.values()) and m['stfcube.network'] == 'edcstfn', m\n"
      "assert m['stfcube.source'] == 'T\\u00e4st et al. 2020' and '\\x01' in m['stfcube.options'], m\n"
      "b, e = h['conv.weight']['data_offsets']\n"
      "assert h['conv.weight'] == {'dtype': 'F32', 'shape': [2, 1, 3], 'data_offsets': [b, e]}, h\n"
      "assert struct.unpack('<6f', raw[8 + n + b:8 + n + e])[:3] == (1, -2, 0.5)\n"
      "assert max(t['data_offsets'][1] for t in h.values()) == len(raw) - 8 - n\n";
  put(path.parent_path() / "check.py", script);
  std::string const command =
      "/usr/bin/env python3 -B " + (path.parent_path() / "check.py").string() + " " + path.string();
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST(WeightFile, files_of_others_are_read_without_a_card) {
  std::string const json =
      "{ \"b\\u00e4\\ud83d\\ude00\" : {\"data_offsets\":[4,8],\"shape\":[2],\"dtype\":\"F16\"},\n"
      "\"a\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[0,4]},\"__metadata__\":{\"format\":\"pt\"}"
      ","
      "\"d\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[8,16]}}   ";
  std::string const data("\x80\x3f\x00\xc0\x00\x3c\x00\xc1\0\0\0\0\0\0\xf8\x3f", 16);
  WeightFile const weights = read_weight_file(file_of(json, data));
  EXPECT_FALSE(weights.card.has_value());
  ASSERT_EQ(weights.arrays.size(), 3u);
  EXPECT_THAT(weights.arrays.at("a").values, ElementsAre(1, -2));
  EXPECT_THAT(weights.arrays.at("a").shape, ElementsAre(1, 2));
  EXPECT_THAT(weights.arrays.at("b\xc3\xa4\xf0\x9f\x98\x80").values, ElementsAre(1, -2.5f));
  EXPECT_THAT(weights.arrays.at("d").values, ElementsAre(1.5f));
}

TEST(WeightFile, wrong_places_shapes_and_numbers_are_refused) {
  auto const one = [](std::string const& entry) { return "{\"w\":" + entry + "}"; };
  EXPECT_THAT(message_of(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), 8), "read");
  EXPECT_THAT(message_of(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), 7),
              HasSubstr("data end at 7"));
  EXPECT_THAT(message_of(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), 9),
              HasSubstr("1 bytes after its last tensor"));
  EXPECT_THAT(message_of(one(R"({"dtype":"F32","shape":[2],"data_offsets":[4,12]})"), 12),
              HasSubstr("next tensor begins at 0"));
  EXPECT_THAT(message_of(one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), 8),
              HasSubstr("bytes 8 to 0"));
  EXPECT_THAT(message_of(one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"), 8),
              HasSubstr("not what its shape needs"));
  EXPECT_THAT(
      message_of(
          one(R"({"dtype":"F32","shape":[4000000000000000000,4000000000000000000],"data_offsets":[0,8]})"),
          8),
      HasSubstr("not what its shape needs"));
  EXPECT_THAT(message_of(one(R"({"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})"), 8),
              HasSubstr("type F8_E4M3. Convert it to F32"));
  EXPECT_THAT(
      message_of(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
          12),
      HasSubstr("tensor b would lie at bytes 4 to 12"));
  std::string const nan("\0\0\xc0\x7f", 4);
  EXPECT_THAT(message_of(file_of(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"), nan)),
              HasSubstr("not finite"));
}

TEST(WeightFile, headers_of_another_grammar_are_refused) {
  std::vector<std::pair<std::string, std::string>> const cases{
      {"", "too short"},
      {"[]", "object should begin"},
      {"{", "text should begin"},
      {"{\"a\"}", "no colon"},
      {"{\"a\":1}", "object should begin"},
      {"{} x", "ends later"},
      {"{}{}", "ends later"},
      {"{\"a\":{}}", "without dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "two data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", "more than two"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "whole number"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", "does not end a list"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]}}", "leading zeros"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}", "too large"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
       "too many extents"},
      {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1]}}", "a name twice"},
      {"{\"__metadata__\":{\"a\":1}}", "text should begin"},
      {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "a name twice"},
      {"{\"__metadata__\":{\"a\":\"\\ud800\"}}", "half a character"},
      {"{\"__metadata__\":{\"a\":\"\\x\"}}", "unknown escape"},
      {"{\"__metadata__\":{\"a\":\"\\u12g4\"}}", "unknown escape"},
      {"{\"__metadata__\":{\"a\":\"\n\"}}", "control character"},
      {"{\"__metadata__\":{\"a\":\"b", "cut off"},
      {"{\"__metadata__\":{\"stfcube.format\":\"2\"}}", "Use a later stfcube"},
      {"{\"__metadata__\":{\"stfcube.format\":\"1\"}}", "names no network"}};
  for (auto const& [json, message] : cases)
    EXPECT_THAT(message_of(json, 0), ::testing::ContainsRegex(message)) << json;
  fs::path const path = testing::fresh_folder() / "long.safetensors";
  put(path, std::string(8, '\x7f') + "{}");
  EXPECT_THAT(message_of(path), HasSubstr("no weight file (.safetensors), or it is cut off"));
  put(path, "PK\3\4 and so on");
  EXPECT_THAT(message_of(path), HasSubstr("stfcube import-weights"));
  EXPECT_FALSE(is_weight_file(path));
}

TEST(WeightFile, numbers_that_are_not_finite_and_wrong_lengths_are_not_written) {
  fs::path const path = testing::fresh_folder() / "w.safetensors";
  EXPECT_THROW(
      write_weight_file(path, {{"w", {{1}, {std::numeric_limits<float>::quiet_NaN()}}}}, some_card()), Error);
  EXPECT_THROW(write_weight_file(path, {{"w", {{3}, {1, 2}}}}, some_card()), Error);
  ModelCard card = some_card();
  card.bands.clear();
  EXPECT_THROW(write_weight_file(path, some_arrays(), card), Error);
  EXPECT_TRUE(fs::is_empty(path.parent_path()));
  EXPECT_THROW(write_weight_file(path.parent_path() / "absent/w.safetensors", some_arrays(), some_card()),
               Error);
}

TEST(WeightFile, a_file_cut_off_or_changed_anywhere_does_no_harm) {
  fs::path const folder = testing::fresh_folder();
  write_weight_file(folder / "w.safetensors", some_arrays(), some_card());
  std::string const whole = content(folder / "w.safetensors");
  fs::path const other = folder / "other.safetensors";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put(other, whole.substr(0, length));
    EXPECT_THAT(message_of(other), Not("read")) << length;
  }
  std::mt19937 random(13);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = whole;
    for (std::size_t change = 0; change < 1 + random() % 3; ++change)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    put(other, bytes);
    EXPECT_FALSE(message_of(other).empty());
  }
}

}  // namespace
}  // namespace stfcube::nn
