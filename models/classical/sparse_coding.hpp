#pragma once

#include <span>
#include <vector>

namespace stfcube {

/// How a signal is coded.
struct CodingSettings {
  double threshold = 0.1;   ///< tau as a share of max |D^T y|
  double tolerance = 1e-5;  ///< stops when the objective changes by less than this share
  int iterations = 100;     ///< at most
  bool debias = true;       ///< the values of the atoms found are fitted again without the penalty
};

/// Codes signals by few atoms of a dictionary: min 1/2 |y - D a|^2 + tau |a|_1 by gradient projection with
/// Barzilai-Borwein steps. Every sum has a fixed order, so results are the same everywhere. Immutable and
/// thread-safe.
/// @source Figueiredo, Nowak, Wright 2007, doi:10.1109/JSTSP.2007.910281 (GPSR-BB); specs: spstfm.md
class SparseCoder {
 public:
  /// @param atoms  [atom, dimension]
  SparseCoder(std::span<float const> atoms, int dimension);

  int atoms() const { return atoms_; }
  /// Bytes of working memory of one call of `code`.
  static std::size_t bytes(int atoms);

  /// @param signal  `dimension` values
  /// @param code    `atoms` values, to be written
  void code(std::span<float const> signal, CodingSettings const& settings, std::span<float> code) const;

 private:
  struct State;

  void add_products(std::span<float const> factors, std::span<float> to) const;
  void descend(CodingSettings const& settings, State& state) const;
  void debias(State& state) const;

  int atoms_, dimension_;
  std::vector<float> by_dimension_;  ///< [dimension, atom]
  std::vector<float> gram_;          ///< [atom, atom]
};

}  // namespace stfcube
