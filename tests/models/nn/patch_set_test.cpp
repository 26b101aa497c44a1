#include "stfcube/models/nn/training/patch_set.hpp"

#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "stfcube/models/nn/training/diffusion_steps.hpp"
#include "stfcube/models/nn/training/training_sample.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::simulated_patches;
using torch::Tensor;

std::vector<CounterRandom> generators(std::size_t count, std::uint64_t seed = 1) {
  std::vector<CounterRandom> random;
  for (std::size_t i = 0; i < count; ++i) random.emplace_back(seed, 0, i);
  return random;
}

NetworkInfo info_of(NetworkForm form, std::string const& scaling = "unit") {
  NetworkInfo info;
  info.form = form;
  info.bands = 2;
  info.scaling = scaling;
  return info;
}

class PatchFileTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  void write(PatchBatch const& batch) {
    PatchFileHeader header{.bands = 2, .size_px = 16, .ratio = 8, .count = batch.images.size(0)};
    header.band_names = {"red", "nir"};
    PatchFileWriter writer(path_, header, PatchFileWriter::Mode::create);
    PatchFileWriter other(path_, header, PatchFileWriter::Mode::join);
    auto const values = static_cast<std::size_t>(6 * header.values_per_image());
    for (auto record = header.count; record-- > 0;) {
      auto const images = batch.images[record].contiguous();
      (record % 2 == 0 ? writer : other)
          .write(record, batch.days[static_cast<std::size_t>(record)],
                 {images.data_ptr<std::int16_t>(), values});
    }
    writer.close();
    other.close();
  }

  std::filesystem::path path_ = std::filesystem::temp_directory_path() / "stfcube_patch_set_test.patches";
};

TEST_F(PatchFileTest, gives_back_what_was_written) {
  auto batch = simulated_patches(5, 2, 16, 8, 1);
  batch.days[3].second = no_day;
  write(batch);
  auto const file = std::make_shared<PatchFile const>(path_);
  EXPECT_EQ(file->header().band_names, (std::vector<std::string>{"red", "nir"}));
  EXPECT_EQ(file->header().ratio, 8);
  FilePatches const patches(file, torch::kCPU, 0, false);
  ASSERT_EQ(patches.size(), 5);
  std::vector<std::int64_t> const wanted = {4, 0, 4};
  auto const read = patches.patches(wanted);
  EXPECT_TRUE(torch::equal(read.images, MemoryPatches(batch).patches(wanted).images));
  EXPECT_EQ(read.days[0].target, 11'000);

  FilePatches const both(file, torch::kCPU, 0, true);
  EXPECT_EQ(both.size(), 4) << "without the patch that has one reference";
  EXPECT_TRUE(torch::equal(both.patches(std::vector<std::int64_t>{3}).images[0], batch.images[4]));
}

TEST_F(PatchFileTest, refuses_files_that_are_cut_off_or_something_else) {
  write(simulated_patches(3, 2, 16, 8, 1));
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 1);
  EXPECT_THROW(PatchFile{path_}, Error);
  std::filesystem::resize_file(path_, 3);
  EXPECT_THROW(PatchFile{path_}, Error);
  EXPECT_THROW(PatchFile{"/nonexistent/patches"}, Error);
}

TEST(Augmentation, is_the_same_for_all_images_of_a_patch_and_another_for_the_next) {
  auto batch = simulated_patches(16, 2, 16, 8, 1);
  batch.images = batch.images.select(1, 0).unsqueeze(1).expand_as(batch.images).contiguous();
  auto const original = batch.images;
  auto random = generators(16);
  auto const changed = augmented(batch, {}, random).batch.images;
  int different = 0;
  for (std::int64_t i = 0; i < 16; ++i) {
    for (int image = 1; image < patch_images; ++image)
      EXPECT_TRUE(torch::equal(changed[i][image], changed[i][0]));
    EXPECT_EQ(changed[i].sum().item<std::int64_t>(), original[i].sum().item<std::int64_t>());
    different += torch::equal(changed[i], original[i]) ? 0 : 1;
  }
  EXPECT_GT(different, 8);
}

TEST(Augmentation, does_not_depend_on_the_other_patches_of_the_batch) {
  auto const batch = simulated_patches(4, 2, 16, 8, 1);
  AugmentationOptions const options{.gain = 0.03, .offset = 0.005};
  auto all = generators(4);
  auto const together = augmented(batch, options, all);
  auto one = std::vector{generators(4)[2]};
  auto const alone = augmented(MemoryPatches(batch).patches(std::vector<std::int64_t>{2}), options, one);
  EXPECT_TRUE(torch::equal(together.batch.images[2], alone.batch.images[0]));
  EXPECT_TRUE(torch::equal(together.gain[2], alone.gain[0]));
  EXPECT_EQ(together.batch.days[2].first, alone.batch.days[0].first);
}

TEST(Augmentation, exchanges_references_with_their_days) {
  auto const batch = simulated_patches(16, 2, 16, 8, 1);
  AugmentationOptions const options{.dihedral = false};
  auto random = generators(16);
  auto const changed = augmented(batch, options, random).batch;
  int exchanged = 0;
  for (std::int64_t i = 0; i < 16; ++i) {
    bool const swapped = changed.days[static_cast<std::size_t>(i)].first == 11'016;
    exchanged += swapped ? 1 : 0;
    EXPECT_TRUE(
        torch::equal(changed.images[i][fine_first], batch.images[i][swapped ? fine_second : fine_first]));
    EXPECT_TRUE(torch::equal(changed.images[i][coarse_second],
                             batch.images[i][swapped ? coarse_first : coarse_second]));
    EXPECT_TRUE(torch::equal(changed.images[i][fine_target], batch.images[i][fine_target]));
  }
  EXPECT_GT(exchanged, 2);
  EXPECT_LT(exchanged, 14);
}

TEST(Augmentation, jitters_the_coarse_images_alone) {
  auto const batch = simulated_patches(2, 2, 16, 8, 1);
  auto random = generators(2);
  AugmentationOptions const options{.dihedral = false, .swap = false, .gain = 0.03, .offset = 0.005};
  auto const info = info_of(NetworkForm::one_pair);
  auto const plain = training_sample({batch, {}, {}}, info),
             changed = training_sample(augmented(batch, options, random), info);
  EXPECT_TRUE(torch::equal(plain.input.fine_before, changed.input.fine_before));
  EXPECT_TRUE(torch::equal(plain.truth, changed.truth));
  auto const difference = (changed.input.coarse_target - plain.input.coarse_target).abs();
  EXPECT_GT(difference.max().item<float>(), 1e-4);
  EXPECT_LT(difference.max().item<float>(), 0.03 * 1 + 0.005);
}

TEST(TrainingSample, masks_and_fills_what_is_missing) {
  auto batch = simulated_patches(1, 2, 16, 8, 1);
  batch.images[0][fine_target][1][0][0] = no_value;    // not the truth of a pixel
  batch.images[0][coarse_target][0][0][1] = no_value;  // filled by the fine reference
  batch.images[0][fine_first][0][0][2] = no_value;     // filled by its coarse image
  auto const sample = training_sample({batch, {}, {}}, info_of(NetworkForm::one_pair));
  auto const images = batch.images[0].to(torch::kFloat32) * 1e-4;
  EXPECT_EQ(sample.mask.sum().item<float>(), 16 * 16 - 3);
  EXPECT_FLOAT_EQ(sample.input.fine_before[0][0][0][2].item<float>(),
                  images[coarse_first][0][0][2].item<float>());
  EXPECT_EQ(sample.input.fine_before_valid[0][0][0][2].item<float>(), 0);
  EXPECT_EQ(sample.input.fine_before_valid.sum().item<float>(), 255);
  EXPECT_FLOAT_EQ(sample.input.coarse_target[0][0][0][1].item<float>(),
                  images[fine_first][0][0][1].item<float>());
  EXPECT_TRUE(torch::isfinite(sample.truth).all().item<bool>());
  EXPECT_FALSE(sample.input.fine_after.defined());
}

TEST(TrainingSample, is_in_the_networks_scaling) {
  auto const batch = simulated_patches(1, 2, 16, 8, 1);
  auto const info = info_of(NetworkForm::two_pairs, "symmetric");
  auto const sample = training_sample({batch, {}, {}}, info);
  auto const reflectance = batch.images[0][fine_second].to(torch::kFloat32) * 1e-4;
  EXPECT_TRUE(torch::allclose(sample.input.fine_after[0], 2 * reflectance - 1, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(target_reflectance(sample.input.fine_after, info)[0], reflectance, 1e-5, 1e-6));
}

TEST(TrainingSample, hides_the_target_from_series_networks) {
  auto const batch = simulated_patches(1, 2, 16, 8, 1);
  auto const sample = training_sample({batch, {}, {}}, info_of(NetworkForm::series));
  ASSERT_EQ(sample.input.coarse_series.sizes(), (std::vector<std::int64_t>{1, 3, 2, 16, 16}));
  EXPECT_EQ(sample.input.fine_series.select(1, 1).abs().sum().item<float>(), 0);
  EXPECT_EQ(sample.input.fine_series_valid.select(1, 1).sum().item<float>(), 0);
  EXPECT_TRUE(torch::equal(sample.input.days, torch::tensor({{0.0F, 16.0F, 32.0F}})));
  // 10,984 days after 1970-01-01 is 2000-01-28.
  EXPECT_EQ(sample.input.day_of_year[0][0].item<float>(), 27);
}

TEST(DiffusionSteps, draw_noise_per_patch) {
  DiffusionSteps const steps(100);
  auto const clean = torch::zeros({3, 2, 32, 32});
  auto all = generators(3), last = std::vector{generators(3)[2]};
  auto const together = steps.noisy(clean, all), alone = steps.noisy(clean.slice(0, 2, 3), last);
  EXPECT_TRUE(torch::equal(together.image[2], alone.image[0]));
  EXPECT_EQ(together.step[2].item<std::int64_t>(), alone.step[0].item<std::int64_t>());
  EXPECT_FALSE(torch::equal(together.image[0], together.image[1]));
  double const left =
      steps.schedule().image_share[static_cast<std::size_t>(together.step[0].item<std::int64_t>())];
  EXPECT_NEAR(together.image[0].std().item<float>(), std::sqrt(1 - left), 0.05);
}

TEST(CounterRandom, is_uniform_and_a_function_of_its_key) {
  double sum = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) sum += CounterRandom(7, i / 100, i % 100).uniform();
  EXPECT_NEAR(sum / 10'000, 0.5, 0.01);
  EXPECT_EQ(CounterRandom(7, 1, 2).bits(), CounterRandom(7, 1, 2).bits());
  EXPECT_NE(CounterRandom(7, 1, 2).bits(), CounterRandom(7, 2, 1).bits());
}

}  // namespace
}  // namespace stfcube::nn
