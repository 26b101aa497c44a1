#include "stfcube/jobs/train.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "stfcube/jobs/job_file.hpp"
#include "stfcube/jobs/simulate.hpp"
#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/api/patch_file.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/stop_request.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using ::testing::HasSubstr;
using testing::fresh_folder;
using testing::world;

class Train : public ::testing::Test {
 protected:
  void SetUp() override {
    if (nn::network_list().empty()) GTEST_SKIP() << "built without LibTorch";
    folder_ = fresh_folder();
    SimulateSettings archive;
    archive.out = folder_;
    archive.scene.width = archive.scene.height = 128;
    archive.scene.bands = 2;
    archive.scene.ratio = 8;
    archive.scene.days = 33;
    archive.scene.fine_every = archive.scene.coarse_every = 8;
    archive.scene.clouds = 0;
    simulate(archive, world());
  }
  void TearDown() override { clear_stop_request(); }

  KeyValues values(std::string const& out) const {
    KeyValues values = read_job_file(folder_ / "job.cfg");
    for (auto const& [key, value] : std::map<std::string, std::string>{{"train.network", "edcstfn"},
                                                                       {"edcstfn.width", "4"},
                                                                       {"train.out", out},
                                                                       {"train.steps", "50"},
                                                                       {"train.batch", "4"},
                                                                       {"train.patch", "32"},
                                                                       {"train.patches", "20"},
                                                                       {"train.validation_patches", "6"},
                                                                       {"train.validate_every", "10"},
                                                                       {"train.loss", "l1"},
                                                                       {"run.threads", "1"}})
      values[key] = {value};
    return values;
  }
  TrainSettings settings(std::string const& out) const {
    return {.job = make_job_spec(values(out), folder_), .export_patches = {}, .fresh = false};
  }

  std::string content(std::string const& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::vector<std::string>> curve(std::string const& out) const {
    std::vector<std::vector<std::string>> rows;
    for (auto const& line : split(content(out + ".loss.csv"), '\n')) {
      if (!line.empty()) rows.push_back(split(line, ','));
    }
    return rows;
  }

  std::filesystem::path folder_;
};

TEST_F(Train, has_the_same_curve_on_any_number_of_ranks) {
  EXPECT_EQ(train(settings("together.safetensors"), world()), 0);
  if (!world().is_root()) return;
  EXPECT_EQ(train(settings("alone.safetensors"), {}), 0);
  auto const together = curve("together.safetensors"), alone = curve("alone.safetensors");
  ASSERT_EQ(together.size(), 51U);
  ASSERT_EQ(alone.size(), 51U);
  for (std::size_t i = 1; i < alone.size(); ++i) {
    EXPECT_NEAR(*parse_double(together[i][1]), *parse_double(alone[i][1]), 1e-4) << i;
    EXPECT_EQ(together[i][4].empty(), i % 10 != 0);
  }
  EXPECT_LT(*parse_double(alone[50][4]), *parse_double(alone[10][4])) << "it learns";
  EXPECT_THAT(content("together.safetensors.loss.svg"), HasSubstr("edcstfn: loss"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "together.safetensors.work"));
  auto const weights = content("together.safetensors");
  for (auto const* const text : {"edcstfn", "fine and", "withheld patches", "stfcube.sha256"})
    EXPECT_THAT(weights, HasSubstr(text));
}

TEST_F(Train, goes_on_to_the_same_weights_after_a_stop) {
  EXPECT_EQ(train(settings("whole.safetensors"), world()), 0);
  auto const stopped = settings("stopped.safetensors");
  request_stop();
  EXPECT_EQ(train(stopped, world()), stopped_status);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "stopped.safetensors"));
  EXPECT_EQ(curve("stopped.safetensors").size(), 2U) << "header and one step";
  world().barrier();
  clear_stop_request();
  EXPECT_EQ(train(stopped, world()), 0);
  EXPECT_EQ(content("stopped.safetensors.loss.csv"), content("whole.safetensors.loss.csv"));
  EXPECT_EQ(train(stopped, world()), 0) << "nothing to do";
}

TEST_F(Train, refuses_to_go_on_with_other_settings) {
  request_stop();
  EXPECT_EQ(train(settings("w.safetensors"), world()), stopped_status);
  auto other = values("w.safetensors");
  other["train.learning_rate"] = {"0.01"};
  TrainSettings const changed{.job = make_job_spec(other, folder_), .export_patches = {}, .fresh = false};
  EXPECT_THROW(train(changed, world()), Error);
}

TEST_F(Train, exports_the_same_patches_on_any_number_of_ranks) {
  auto together = settings("w.safetensors"), alone = together;
  together.export_patches = folder_ / "together";
  alone.export_patches = folder_ / "alone";
  EXPECT_EQ(train(together, world()), 0);
  if (!world().is_root()) return;
  EXPECT_EQ(train(alone, {}), 0);
  EXPECT_TRUE(content("together") == content("alone"));
  EXPECT_TRUE(content("together.validation") == content("alone.validation"));
  nn::PatchFile const file(folder_ / "together");
  EXPECT_EQ(file.header().count, 20);
  EXPECT_EQ(file.header().size_px, 32);
  EXPECT_EQ(file.header().band_names, (std::vector<std::string>{"blue", "green"}));
}

TEST_F(Train, refuses_unknown_networks_and_archives_with_one_pair) {
  auto unknown = values("w.safetensors");
  unknown["train.network"] = {"edcstfm"};
  EXPECT_THROW(train({.job = make_job_spec(unknown, folder_), .export_patches = {}, .fresh = false}, world()), Error);
  auto single = values("w.safetensors");
  single["fine.scenes"] = {"fine/FINE_20200101.tif"};
  EXPECT_THROW(train({.job = make_job_spec(single, folder_), .export_patches = {}, .fresh = false}, world()), Error);
}

}  // namespace
}  // namespace stfcube
