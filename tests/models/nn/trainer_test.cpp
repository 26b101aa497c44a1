#include "stfcube/models/nn/training/trainer.hpp"

#include <barrier>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "stfcube/models/nn/networks/edcstfn.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/models/nn/training_checks.hpp"

namespace stfcube::nn {
namespace {

using testing::plain_training;
using testing::simulated_patches;
using torch::Tensor;

std::shared_ptr<Edcstfn> small_network(bool residual = true) {
  torch::manual_seed(3);
  return std::make_shared<Edcstfn>(EdcstfnOptions{.bands = 2, .width = 4, .residual = residual});
}

TrainingOptions random_training(std::int64_t steps, int batch) {
  auto options = plain_training(steps, batch);
  options.schedule.kind = "cosine";
  options.augmentation = {.gain = 0.03, .offset = 0.005};
  options.validate_every = 5;
  return options;
}

std::vector<double> losses(Trainer& trainer) {
  std::vector<double> values;
  for (auto const& point : trainer.curve()) values.push_back(point.loss);
  return values;
}

TEST(Trainer, overfits_a_patch) {
  torch::manual_seed(3);
  Edcstfn residual({.bands = 2, .width = 8, .residual = true}), whole({.bands = 2, .width = 8});
  EXPECT_TRUE(testing::overfits(residual));
  EXPECT_TRUE(testing::overfits(whole));
}

TEST(Trainer, goes_on_from_a_checkpoint_bit_for_bit) {
  MemoryPatches const training(simulated_patches(6, 2, 16, 8, 1)),
      validation(simulated_patches(2, 2, 16, 8, 2));
  auto const options = random_training(14, 3);
  auto const whole = small_network(), first = small_network(), second = small_network();
  Trainer uninterrupted(*whole, training, &validation, options);
  EXPECT_EQ(uninterrupted.run({}), Trainer::Outcome::finished);

  auto const path = std::filesystem::temp_directory_path() / "stfcube_trainer_test.checkpoint";
  Trainer before(*first, training, &validation, options);
  int asked = 0;
  EXPECT_EQ(before.run({.should_stop = [&] { return ++asked == 8; },
                        .save = [&] { write_checkpoint(path, before.checkpoint()); }}),
            Trainer::Outcome::interrupted);
  EXPECT_EQ(before.steps_done(), 8);

  for (auto& parameter : second->parameters()) torch::NoGradGuard{}, parameter.data().zero_();
  Trainer after(*second, training, &validation, options);
  after.restore(read_checkpoint(path));
  EXPECT_EQ(after.run({}), Trainer::Outcome::finished);
  std::filesystem::remove(path);

  EXPECT_EQ(losses(after), losses(uninterrupted));
  EXPECT_EQ(after.curve().back().validation, uninterrupted.curve().back().validation);
  EXPECT_EQ(after.checkpoint(), uninterrupted.checkpoint());
}

TEST(Trainer, refuses_the_checkpoint_of_another_run) {
  MemoryPatches const patches(simulated_patches(2, 2, 16, 8, 1));
  auto const network = small_network();
  auto options = plain_training(4, 2);
  Trainer trainer(*network, patches, nullptr, options);
  auto checkpoint = trainer.checkpoint();
  options.seed = 2;
  auto const other = small_network();
  Trainer another(*other, patches, nullptr, options);
  EXPECT_THROW(another.restore(checkpoint), Error);
  checkpoint.floats["parameters"].pop_back();
  EXPECT_THROW(trainer.restore(checkpoint), Error);
}

/// Adds the values of two threads.
class SumOfTwo {
 public:
  void operator()(int rank, std::span<float> values) {
    parts_[rank].assign(values.begin(), values.end());
    barrier_.arrive_and_wait();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = parts_[0][i] + parts_[1][i];
    barrier_.arrive_and_wait();
  }

 private:
  std::array<std::vector<float>, 2> parts_;
  std::barrier<> barrier_{2};
};

TEST(Trainer, gives_the_same_curve_on_two_ranks) {
  MemoryPatches const training(simulated_patches(6, 2, 16, 8, 1)),
      validation(simulated_patches(3, 2, 16, 8, 2));
  auto const options = random_training(50, 5);
  auto const alone = small_network(false);
  Trainer one(*alone, training, &validation, options);
  one.run({});

  SumOfTwo sum;
  std::array const networks = {small_network(false), small_network(false)};
  std::array<std::vector<CurvePoint>, 2> curves;
  auto const train = [&](int rank) {
    Trainer trainer(*networks[static_cast<std::size_t>(rank)], training, &validation, options,
                    {rank, 2, [&, rank](std::span<float> values) { sum(rank, values); }});
    trainer.run({});
    curves[static_cast<std::size_t>(rank)] = trainer.curve();
  };
  std::thread other(train, 1);
  train(0);
  other.join();
  for (auto const& curve : curves) {
    ASSERT_EQ(curve.size(), 50U);
    for (std::size_t i = 0; i < curve.size(); ++i) {
      EXPECT_NEAR(curve[i].loss, one.curve()[i].loss, 1e-4) << i;
      EXPECT_NEAR(curve[i].validation, one.curve()[i].validation, 1e-4) << i;
    }
  }
  for (std::size_t i = 0; i < networks[0]->parameters().size(); ++i)
    EXPECT_TRUE(torch::equal(networks[0]->parameters()[i], networks[1]->parameters()[i]));
}

TEST(Trainer, stops_on_all_ranks_when_one_wants_to) {
  MemoryPatches const patches(simulated_patches(4, 2, 16, 8, 1));
  SumOfTwo sum;
  std::array const networks = {small_network(), small_network()};
  std::array<std::int64_t, 2> steps{};
  auto const train = [&](int rank) {
    Trainer trainer(*networks[static_cast<std::size_t>(rank)], patches, nullptr, plain_training(20, 2),
                    {rank, 2, [&, rank](std::span<float> values) { sum(rank, values); }});
    int asked = 0;
    auto const outcome = trainer.run({.should_stop = [&] { return ++asked == 3 && rank == 1; }});
    EXPECT_EQ(outcome, Trainer::Outcome::interrupted);
    steps[static_cast<std::size_t>(rank)] = trainer.steps_done();
  };
  std::thread other(train, 1);
  train(0);
  other.join();
  EXPECT_EQ(steps[0], 3);
  EXPECT_EQ(steps[1], 3);
}

TEST(Trainer, sums_gradients_of_parts_of_a_batch) {
  MemoryPatches const patches(simulated_patches(6, 2, 16, 8, 1));
  auto options = random_training(5, 6);
  auto const whole = small_network(), parts = small_network();
  Trainer at_once(*whole, patches, nullptr, options);
  options.micro_batch = 4;
  Trainer in_parts(*parts, patches, nullptr, options);
  at_once.run({});
  in_parts.run({});
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(at_once.curve()[i].loss, in_parts.curve()[i].loss, 1e-6);
}

TEST(Trainer, ends_early_when_validation_gets_no_better) {
  MemoryPatches const training(simulated_patches(1, 2, 16, 8, 1)),
      validation(simulated_patches(2, 2, 16, 8, 2));
  auto const network = small_network();
  auto options = plain_training(1'000, 1);
  options.schedule.learning_rate = 0.05;  // far too much: it forgets what it began with
  options.validate_every = 1;
  options.early_stopping = 3;
  options.ema = 0;
  Trainer trainer(*network, training, &validation, options);
  EXPECT_EQ(trainer.run({}), Trainer::Outcome::stopped_early);
  EXPECT_LT(trainer.steps_done(), 1'000);
  auto const& curve = trainer.curve();
  EXPECT_EQ(curve[curve.size() - 4].validation, trainer.best_validation());
  trainer.use_best();
}

TEST(Trainer, takes_the_best_parameters) {
  MemoryPatches const training(simulated_patches(2, 2, 16, 8, 1)),
      validation(simulated_patches(2, 2, 16, 8, 2));
  auto const network = small_network();
  auto options = plain_training(12, 1);
  options.validate_every = 1;
  options.ema = 0;
  options.schedule.learning_rate = 0.05;
  Trainer trainer(*network, training, &validation, options);
  trainer.run({});
  trainer.use_best();
  EXPECT_NEAR(trainer.validate(), trainer.best_validation(), 1e-9);
}

TEST(Trainer, says_that_training_diverged) {
  MemoryPatches const patches(simulated_patches(2, 2, 16, 8, 1));
  auto const network = small_network(false);
  auto options = plain_training(50, 1);
  options.schedule.learning_rate = 1e30;
  Trainer trainer(*network, patches, nullptr, options);
  EXPECT_THROW(trainer.run({}), Error);
}

TEST(Trainer, refuses_batches_that_are_smaller_than_the_ranks) {
  MemoryPatches const patches(simulated_patches(2, 2, 16, 8, 1));
  auto const network = small_network();
  EXPECT_THROW(Trainer(*network, patches, nullptr, plain_training(2, 1), {0, 2, [](std::span<float>) {}}),
               Error);
}

/// Gives every pixel the same judgement: a weight times the image's mean.
class MeanJudge : public Discriminator {
 public:
  MeanJudge() { weight_ = register_parameter("weight", torch::full({1}, 0.5F)); }
  Tensor judge(Tensor const& image, NetworkInput const&) override { return weight_ * image.mean({1, 2, 3}); }

 private:
  Tensor weight_;
};

class JudgedNetwork : public Edcstfn {
 public:
  using Edcstfn::Edcstfn;
  std::shared_ptr<Discriminator> make_discriminator() const override { return judge; }
  std::shared_ptr<MeanJudge> judge = std::make_shared<MeanJudge>();
};

TEST(Trainer, trains_a_discriminator_against_the_network) {
  MemoryPatches const patches(simulated_patches(4, 2, 16, 8, 1));
  for (auto const* const game : {"lsgan-half", "lsgan-plain", "wgan"}) {
    torch::manual_seed(3);
    JudgedNetwork network({.bands = 2, .width = 4});
    auto options = random_training(6, 2);
    options.adversarial = game;
    options.adversarial_weight = 0.1;
    Trainer trainer(network, patches, nullptr, options);
    trainer.run({});
    auto const judged = network.judge->parameters()[0].item<float>();
    EXPECT_NE(judged, 0.5F) << game;
    if (std::string(game) == "wgan") {
      EXPECT_LE(std::abs(judged), 0.01F);
    }
    EXPECT_NE(trainer.curve().back().loss, trainer.curve().back().reconstruction);

    torch::manual_seed(3);
    JudgedNetwork again({.bands = 2, .width = 4});
    Trainer restored(again, patches, nullptr, options);
    restored.restore(trainer.checkpoint());
    EXPECT_EQ(restored.checkpoint(), trainer.checkpoint());
  }
}

TEST(AdversarialGame, has_the_losses_of_the_publications) {
  auto const real = torch::tensor({{0.8F, 0.6F}}), fake = torch::tensor({{0.1F, 0.3F}});
  AdversarialGame const half("lsgan-half"), plain("lsgan-plain"), wgan("wgan");
  EXPECT_NEAR(half.discriminator_loss(real, fake).item<float>(), 0.5 * (0.1 + 0.05), 1e-6);
  EXPECT_NEAR(half.generator_loss(fake).item<float>(), 0.5 * 0.65, 1e-6);
  EXPECT_NEAR(plain.generator_loss(fake).item<float>(), 0.65, 1e-6);
  EXPECT_NEAR(wgan.discriminator_loss(real, fake).item<float>(), 0.2 - 0.7, 1e-6);
  EXPECT_NEAR(wgan.generator_loss(fake).item<float>(), -0.2, 1e-6);
  EXPECT_THROW(AdversarialGame("gan"), Error);
}

TEST(CheckpointFile, refuses_damage) {
  auto const path = std::filesystem::temp_directory_path() / "stfcube_damaged.checkpoint";
  Checkpoint const checkpoint{{{"a", "text"}}, {{"b", {1, 2, 3}}, {"none", {}}}, {{"c", {0.5}}}};
  write_checkpoint(path, checkpoint);
  EXPECT_EQ(read_checkpoint(path), checkpoint);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(30);
    file.put('x');
  }
  EXPECT_THROW(read_checkpoint(path), Error);
  std::filesystem::resize_file(path, 12);
  EXPECT_THROW(read_checkpoint(path), Error);
  std::filesystem::remove(path);
  EXPECT_THROW(read_checkpoint(path), Error);
}

}  // namespace
}  // namespace stfcube::nn
