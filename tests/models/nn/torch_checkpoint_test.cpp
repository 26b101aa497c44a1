#include "stfcube/models/nn/weights/torch_checkpoint.hpp"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::nn {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// The files of write_checkpoints.py, made once.
fs::path const& written_files() {
  static fs::path const folder = [] {
    fs::path made = testing::folder_of_run() / "checkpoints";
    std::string const script = STFCUBE_SOURCE_DIR "/tests/models/nn/write_checkpoints.py ";
    EXPECT_EQ(std::system(("/usr/bin/env python3 -B " + script + made.string()).c_str()), 0);
    return made;
  }();
  return folder;
}

std::string content(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(fs::path const& path, std::string const& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// What reading it complains about; "read" when it does not.
std::string message_of(fs::path const& path, std::string const& key = {}) {
  try {
    read_torch_checkpoint(path, key);
    return "read";
  } catch (Error const& error) {
    EXPECT_THAT(error.what(), HasSubstr(path.filename().string()));
    return error.what();
  }
}

void expect_plain(TorchCheckpoint const& checkpoint) {
  ASSERT_EQ(checkpoint.arrays.size(), 3u);
  NamedArray const& weight = checkpoint.arrays.at("conv.weight");
  EXPECT_THAT(weight.shape, ElementsAre(2, 1, 3));
  EXPECT_THAT(weight.values, ElementsAre(1, 1.25f, 1.5f, 1.75f, 2, 2.25f));
  NamedArray const& bias = checkpoint.arrays.at("conv.bias");
  EXPECT_THAT(bias.shape, ElementsAre(2));
  EXPECT_THAT(bias.values, ElementsAre(-1, -0.75f));
  NamedArray const& batches = checkpoint.arrays.at("norm.num_batches_tracked");
  EXPECT_TRUE(batches.shape.empty());
  EXPECT_THAT(batches.values, ElementsAre(7));
}

TEST(TorchCheckpoint, both_forms_and_all_protocols_are_read) {
  fs::path const good = written_files() / "good";
  for (char const* name : {"plain.pth", "plain_old.pth", "protocol4.pth", "protocol4_old.pth",
                           "protocol5.pth", "zip64.pth", "parallel.pth"}) {
    SCOPED_TRACE(name);
    auto const checkpoint = read_torch_checkpoint(good / name);
    EXPECT_EQ(checkpoint.key, "");
    EXPECT_TRUE(checkpoint.left_out.empty());
    expect_plain(checkpoint);
  }
}

TEST(TorchCheckpoint, the_state_dict_is_found_in_what_training_scripts_save) {
  fs::path const good = written_files() / "good";
  for (char const* name : {"model", "model_state_dict", "generator", "net", "params"}) {
    SCOPED_TRACE(name);
    auto const checkpoint = read_torch_checkpoint(good / (name + std::string(".pth")));
    EXPECT_EQ(checkpoint.key, name);
    expect_plain(checkpoint);
  }
  for (char const* name : {"training.pth", "training_old.pth"}) {
    SCOPED_TRACE(name);
    auto const checkpoint = read_torch_checkpoint(good / name);
    EXPECT_EQ(checkpoint.key, "state_dict");
    expect_plain(checkpoint);
  }
  auto const nested = read_torch_checkpoint(good / "nested.pth");
  EXPECT_EQ(nested.key, "nets.fusion");
  expect_plain(nested);
}

TEST(TorchCheckpoint, of_several_state_dicts_one_is_chosen_by_its_name) {
  fs::path const good = written_files() / "good";
  auto const usual = read_torch_checkpoint(good / "gan.pth");
  EXPECT_EQ(usual.key, "generator");
  EXPECT_THAT(usual.left_out, ElementsAre("discriminator"));
  EXPECT_THAT(read_torch_checkpoint(good / "gan.pth", "discriminator").arrays.at("score.weight").values,
              ElementsAre(5));
  EXPECT_THAT(message_of(good / "two.pth"),
              HasSubstr("several state dicts: first (3 tensors), second (1 tensors). Choose one with --key"));
  expect_plain(read_torch_checkpoint(good / "two.pth", "first"));
  EXPECT_THAT(message_of(good / "two.pth", "third"),
              HasSubstr("no state dict third; it has: first (3 tensors), second"));
}

TEST(TorchCheckpoint, strides_and_offsets_are_honoured) {
  fs::path const good = written_files() / "good";
  for (char const* name : {"views.pth", "views_old.pth"}) {
    SCOPED_TRACE(name);
    NamedArrays const arrays = read_torch_checkpoint(good / name).arrays;
    auto const place = [](int i) { return 0.25f * static_cast<float>(i); };
    for (int i = 0; i < 24; ++i) EXPECT_EQ(arrays.at("all").values[static_cast<std::size_t>(i)], place(i));
    EXPECT_THAT(arrays.at("turned").shape, ElementsAre(4, 3, 2));
    for (int a = 0; a < 4; ++a) {
      for (int b = 0; b < 3; ++b) {
        for (int c = 0; c < 2; ++c) {
          EXPECT_EQ(arrays.at("turned").values[static_cast<std::size_t>((a * 3 + b) * 2 + c)],
                    place(a + 4 * b + 12 * c));
        }
      }
    }
    EXPECT_THAT(arrays.at("row").values, ElementsAre(place(8), place(9), place(10), place(11)));
    EXPECT_THAT(arrays.at("column").values,
                ElementsAre(place(3), place(7), place(11), place(15), place(19), place(23)));
    EXPECT_THAT(arrays.at("one").values, ElementsAre(place(23)));
    EXPECT_THAT(arrays.at("empty").shape, ElementsAre(0, 3));
    EXPECT_TRUE(arrays.at("empty").values.empty());
  }
}

TEST(TorchCheckpoint, all_types_become_float32) {
  NamedArrays const arrays = read_torch_checkpoint(written_files() / "good/types.pth").arrays;
  for (char const* type : {"Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte"}) {
    EXPECT_THAT(arrays.at(type + std::string("Storage")).values, ElementsAre(0, 1, 2, 3)) << type;
  }
  EXPECT_THAT(arrays.at("BoolStorage").values, ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(arrays.at("half").values,
              ElementsAre(-2.5f, 65504, std::ldexp(1.0f, -24), 1023 * std::ldexp(1.0f, -24)));
  EXPECT_THAT(arrays.at("bfloat").values, ElementsAre(-2.5f, 0.15625f, 3, 0));
  EXPECT_THAT(arrays.at("double").values,
              ElementsAre(0.1f, -std::numeric_limits<float>::infinity(), 0, 16777216));
  EXPECT_THAT(arrays.at("long").values, ElementsAre(-1, std::ldexp(1.0f, 40), -std::ldexp(1.0f, 62), 5));
}

TEST(TorchCheckpoint, a_file_that_asks_for_a_call_is_refused_and_nothing_is_executed) {
  fs::path const folder = written_files();
  std::vector<std::pair<std::string, std::string>> const cases{
      {"system.pth", "asks to call posix.system"},
      {"system_old.pth", "asks to call posix.system"},
      {"system_4.pth", "asks to call posix.system"},
      {"tensor_place.pth", "asks to call posix.system"},
      {"hooks.pth", "asks to call posix.system"},
      {"bare.pth", "asks to call posix.system"},
      {"posix.pth", "asks to call posix.system (byte 2); a weight file has no need to. It was not executed."},
      {"eval.pth", "asks to call __builtin__.eval"},
      {"inst.pth", "opcode 0x69"},
      {"obj.pth", "asks to call os.system"},
      {"newobj.pth", "asks to call subprocess.Popen"},
      {"build.pth", "asks to call os.system"},
      {"extension.pth", "opcode 0x82"},
      {"getattr.pth", "asks to call builtins.getattr"},
      {"dotted.pth", "asks to call collections.OrderedDict.__init__"},
      {"call_text.pth", "calls something that is no known function"},
      {"call_storage.pth", "calls a storage class"},
      {"persistent.pth", "refers to something outside that is no PyTorch storage"},
      {"persistent_text.pth", "opcode 0x50"}};
  for (auto const& [name, message] : cases)
    EXPECT_THAT(message_of(folder / "bad" / name), HasSubstr(message)) << name;
  EXPECT_FALSE(fs::exists(folder / "executed"));
}

TEST(TorchCheckpoint, bombs_are_refused) {
  fs::path const bad = written_files() / "bad";
  std::vector<std::pair<std::string, std::string>> const cases{
      {"memo_bomb.pth", "holds no state dict but a single value"},
      {"many_values.pth", "more than a million values"},
      {"many_marks.pth", "more than a million values"},
      {"deep.pth", "holds no state dict but a single value"},
      {"itself.pth", "holds no state dict"},
      {"shared_bomb.pth", "many times more elements than the file has bytes"},
      {"length_text.pth", "is cut off"},
      {"length_text8.pth", "is cut off"},
      {"length_bytes8.pth", "is cut off"},
      {"length_bytearray8.pth", "is cut off"},
      {"length_long4.pth", "is cut off"},
      {"machine_underflow.pth", "ends a group that it did not begin"},
      {"machine_no_mark.pth", "ends a group that it did not begin"},
      {"machine_pop.pth", "takes a value that is not there"},
      {"machine_two_values.pth", "leaves more or less than one value"},
      {"machine_no_value.pth", "leaves more or less than one value"},
      {"machine_recall.pth", "recalls a value that it did not store"},
      {"machine_append.pth", "appends to something that is no list"},
      {"machine_odd_items.pth", "sets a key without a value"},
      {"machine_unknown.pth", "opcode 0xff"},
      {"machine_zero.pth", "opcode 0x00"},
      {"machine_protocol0.pth", "opcode 0x49"},
      {"machine_unended.pth", "is cut off"}};
  for (auto const& [name, message] : cases) EXPECT_THAT(message_of(bad / name), HasSubstr(message)) << name;
}

TEST(TorchCheckpoint, tensors_that_do_not_fit_their_storage_are_refused) {
  fs::path const bad = written_files() / "bad";
  std::vector<std::pair<std::string, std::string>> const cases{
      {"storage_short.pth", "storage 0 has 16 bytes; its tensors were described with 32"},
      {"storage_short_old.pth", "cut off within storage 0"},
      {"storage_huge.pth", "more elements than the file has bytes"},
      {"storage_absent.pth", "no member archive/data/1"},
      {"shape_large.pth", "tensor w [5] has more elements than its storage, 4"},
      {"shape_overflow.pth", "has more elements than its storage"},
      {"shape_negative.pth", "impossible shape"},
      {"shape_rank.pth", "impossible shape"},
      {"stride_large.pth",
       "tensor w [2, 2] with offset 0 and strides [3, 1] reaches beyond its storage of 4 elements"},
      {"stride_overflow.pth", "reaches beyond its storage"},
      {"stride_missing.pth", "as many strides"},
      {"stride_negative.pth", "impossible strides"},
      {"offset_large.pth", "reaches beyond its storage"},
      {"offset_overflow.pth", "reaches beyond its storage"},
      {"offset_negative.pth", "impossible offset"},
      {"no_tensors.pth", "holds no state dict"},
      {"one_value.pth", "holds no state dict but a single value"},
      {"big_endian.pth", "big-endian"}};
  for (auto const& [name, message] : cases) EXPECT_THAT(message_of(bad / name), HasSubstr(message)) << name;
}

TEST(TorchCheckpoint, damaged_archives_and_other_files_are_refused) {
  fs::path const bad = written_files() / "bad";
  std::vector<std::pair<std::string, std::string>> const cases{
      {"torchscript.pt",
       "this is a TorchScript module, a program with its weights; run it with model.name = torchscript"},
      {"compressed.pth", "is compressed, which PyTorch never does"},
      {"other.zip", "no data.pkl"},
      {"packed.zip", "unpack it first"},
      {"header_outside.pth", "outside the archive's data"},
      {"header_elsewhere.pth", "is not where the archive says"},
      {"member_large.pth", "would run into what follows it"},
      {"member_overlap.pth", "would run into what follows it"},
      {"name_differs.pth", "has another name in its own header"},
      {"directory_outside.pth", "the archive's directory would reach from byte 2147483648"},
      {"directory_large.pth", "more than any weight file needs"},
      {"many_entries.pth", "directory is damaged"},
      {"zip64_absent.pth", "zip64 locator is missing"},
      {"encrypted.pth", "is encrypted"},
      {"bit.pth", "wrong checksum"},
      {"text.pth", "no PyTorch checkpoint"},
      {"empty.pth", "no PyTorch checkpoint"}};
  for (auto const& [name, message] : cases) EXPECT_THAT(message_of(bad / name), HasSubstr(message)) << name;
  EXPECT_THAT(message_of(bad / "absent.pth"), HasSubstr("cannot be opened"));
  EXPECT_THAT(message_of(bad), HasSubstr("is not a file"));
}

TEST(TorchCheckpoint, a_file_cut_off_anywhere_is_refused) {
  fs::path const folder = written_files();
  for (char const* name : {"plain.pth", "plain_old.pth"}) {
    std::string const whole = content(folder / "good" / name);
    fs::path const cut = testing::fresh_folder() / "cut.pth";
    for (std::size_t length = 0; length < whole.size(); ++length) {
      put(cut, whole.substr(0, length));
      EXPECT_THAT(message_of(cut), Not("read")) << name << " cut to " << length << " of " << whole.size();
    }
  }
}

TEST(TorchCheckpoint, no_change_of_bytes_makes_it_crash) {
  fs::path const folder = written_files();
  std::mt19937 random(11);
  for (char const* name :
       {"training.pth", "training_old.pth", "views_old.pth", "protocol4_old.pth", "zip64.pth"}) {
    std::string const whole = content(folder / "good" / name);
    fs::path const changed = testing::fresh_folder() / "changed.pth";
    for (int round = 0; round < 400; ++round) {
      std::string bytes = whole;
      for (std::size_t change = 0; change < 1 + random() % 4; ++change) {
        std::size_t const at = random() % bytes.size();
        // Whole numbers that tend to hurt, and single bits.
        if (random() % 2) {
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        } else {
          bytes.replace(at, 4, random() % 2 ? "\xff\xff\xff\x7f" : std::string(4, '\0'));
        }
      }
      put(changed, bytes);
      EXPECT_FALSE(message_of(changed).empty());
    }
  }
  EXPECT_FALSE(fs::exists(folder / "executed"));
}

TEST(TorchCheckpoint, no_change_of_opcodes_makes_it_crash) {
  // The old form has no checksums in front of its pickle.
  std::string const whole = content(written_files() / "good/training_old.pth");
  std::size_t const begin = whole.find("epoch");
  constexpr std::string_view opcodes = "(.012N)}]tRabcehjqrsuQ\x85\x86\x87\x81\x88\x8a\x8c\x93\x94X\xff";
  std::mt19937 random(12);
  fs::path const changed = testing::fresh_folder() / "changed.pth";
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = whole;
    for (std::size_t change = 0; change < 1 + random() % 3; ++change) {
      bytes[begin + random() % (bytes.size() - begin)] = opcodes[random() % opcodes.size()];
    }
    put(changed, bytes);
    EXPECT_FALSE(message_of(changed).empty());
  }
}

}  // namespace
}  // namespace stfcube::nn
