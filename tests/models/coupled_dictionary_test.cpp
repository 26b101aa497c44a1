#include "stfcube/models/classical/coupled_dictionary.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr int dimension = 9;

TEST(CoupledDictionary, one_pair_of_atoms_scales_linearly_when_the_penalty_vanishes) {
  std::vector<float> atom;
  for (int i = 0; i < dimension; ++i) atom.push_back(static_cast<float>(0.1 * i));
  for (int i = 0; i < dimension; ++i) atom.push_back(static_cast<float>(0.3 - 0.02 * i));
  CoupledDictionary const dictionary(atom, dimension);
  std::vector<float> fine(dimension);
  for (double const scale : {1.0, -3.5, 120.0}) {
    std::vector<float> coarse;
    for (int i = 0; i < dimension; ++i) coarse.push_back(static_cast<float>(scale * (0.3 - 0.02 * i)));
    dictionary.synthesise(coarse, {.threshold = 1e-9, .debias = false}, fine);
    for (std::size_t i = 0; i < dimension; ++i) EXPECT_NEAR(fine[i], scale * atom[i], 1e-5 * std::abs(scale));
  }
  dictionary.synthesise(std::vector<float>(dimension), {}, fine);
  for (float const v : fine) EXPECT_EQ(v, 0);
}

/// Patches of four kinds, each with its own fine pattern over a smooth coarse one, in any strength.
std::vector<float> kinds(int count) {
  std::mt19937 random(5);
  std::vector<float> patches;
  for (int p = 0; p < count; ++p) {
    double const strength = 0.5 + static_cast<double>(random() % 1000) / 500;
    for (int i = 0; i < 2 * dimension; ++i) {
      double const wave = std::sin((1 + p % 4) * (i % dimension + 1) * (i < dimension ? 1.7 : 0.4));
      patches.push_back(static_cast<float>(strength * wave));
    }
  }
  return patches;
}

double error_of(CoupledDictionary const& dictionary, std::vector<float> const& patches) {
  double error = 0;
  std::vector<float> fine(dimension);
  for (std::size_t at = 0; at < patches.size(); at += 2 * dimension) {
    dictionary.synthesise(std::span(patches).subspan(at + dimension, dimension), {}, fine);
    for (std::size_t i = 0; i < dimension; ++i) error += std::pow(fine[i] - patches[at + i], 2);
  }
  return std::sqrt(error / static_cast<double>(patches.size() / 2));
}

TEST(CoupledDictionary, learns_what_fine_patch_belongs_to_a_coarse_one) {
  auto const patches = kinds(200);
  auto const dictionary = CoupledDictionary::learn(patches, dimension, {.atoms = 4, .rounds = 5});
  EXPECT_EQ(dictionary.atoms(), 4);
  for (std::size_t a = 0; a < 4; ++a) {
    double squares = 0;
    for (std::size_t i = 0; i < 18; ++i) squares += std::pow(dictionary.values()[a * 18 + i], 2);
    EXPECT_NEAR(squares, 1, 1e-5);
  }
  EXPECT_LT(error_of(dictionary, patches), 0.05);
}

TEST(CoupledDictionary, rounds_improve_it) {
  // The first atoms are of two kinds only.
  auto patches = kinds(200);
  std::vector<float> sorted;
  for (int const kind : {0, 1, 2, 3}) {
    for (std::size_t p = static_cast<std::size_t>(kind); p < 200; p += 4)
      sorted.insert(sorted.end(), patches.begin() + static_cast<std::ptrdiff_t>(p * 18),
                    patches.begin() + static_cast<std::ptrdiff_t>((p + 1) * 18));
  }
  auto const error = [&](int rounds) {
    return error_of(CoupledDictionary::learn(sorted, dimension, {.atoms = 60, .rounds = rounds}), sorted);
  };
  EXPECT_LT(error(10), 0.7 * error(0));
}

TEST(CoupledDictionary, does_not_depend_on_threads) {
  auto const patches = kinds(100);
  std::vector<float> one, two;
  with_threads(
      1, [&] { one = CoupledDictionary::learn(patches, dimension, {.atoms = 30, .rounds = 3}).values(); });
  with_threads(
      2, [&] { two = CoupledDictionary::learn(patches, dimension, {.atoms = 30, .rounds = 3}).values(); });
  EXPECT_EQ(one, two);
}

TEST(CoupledDictionary, has_no_more_atoms_than_there_are_patches) {
  std::vector<float> patches(3 * 18, 0.0F);
  patches[20] = 2;
  auto const dictionary = CoupledDictionary::learn(patches, dimension, {});
  EXPECT_EQ(dictionary.atoms(), 1);
  EXPECT_EQ(dictionary.values()[2], 1);
}

}  // namespace
}  // namespace stfcube
