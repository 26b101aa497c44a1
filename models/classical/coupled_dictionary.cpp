#include "stfcube/models/classical/coupled_dictionary.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

double norm(std::span<float const> values) {
  double sum = 0;
  for (float const v : values) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

void scale(std::span<float> values, double factor) {
  for (float& v : values) v = static_cast<float>(v * factor);
}

std::vector<float> coarse_halves(std::span<float const> atoms, int dimension) {
  auto const half = static_cast<std::size_t>(dimension);
  std::vector<float> halves;
  for (std::size_t at = 0; at < atoms.size(); at += 2 * half)
    halves.insert(halves.end(), atoms.begin() + static_cast<std::ptrdiff_t>(at + half),
                  atoms.begin() + static_cast<std::ptrdiff_t>(at + 2 * half));
  return halves;
}

/// What K-SVD works on.
class Learner {
 public:
  Learner(std::span<float const> patches, std::size_t length, CoupledDictionary::Training const& training)
      : patches_(patches), length_(length), count_(patches.size() / length), training_(training) {
    for (std::size_t p = 0; p < count_ && atoms_.size() < static_cast<std::size_t>(training.atoms) * length;
         ++p) {
      auto const patch = patches.subspan(p * length, length);
      double const size = norm(patch);
      if (size == 0) continue;
      atoms_.insert(atoms_.end(), patch.begin(), patch.end());
      scale(std::span(atoms_).last(length), 1 / size);
    }
  }

  std::vector<float> learn() {
    for (int round = 0; round < training_.rounds && !atoms_.empty(); ++round) {
      code();
      for (std::size_t a = 0; a < atoms(); ++a) update(a);
    }
    return std::move(atoms_);
  }

 private:
  std::size_t atoms() const { return atoms_.size() / length_; }

  /// Codes all patches, and keeps what the codes leave over.
  void code() {
    SparseCoder const coder(atoms_, static_cast<int>(length_));
    codes_.assign(count_ * atoms(), 0.0F);
    rest_.assign(patches_.begin(), patches_.end());
    parallel_for(0, static_cast<int>(count_), [&](int i) {
      auto const p = static_cast<std::size_t>(i);
      std::span<float> const code(codes_.data() + p * atoms(), atoms());
      coder.code(patches_.subspan(p * length_, length_), training_.coding, code);
      for (std::size_t a = 0; a < atoms(); ++a) {
        if (code[a] != 0) add(p, a, -code[a]);
      }
    });
  }

  /// Adds an atom to the rest of a patch.
  void add(std::size_t p, std::size_t a, float factor) {
    float const* const atom = atoms_.data() + a * length_;
    float* const rest = rest_.data() + p * length_;
    for (std::size_t i = 0; i < length_; ++i) rest[i] += factor * atom[i];
  }

  /// The best atom for the patches that use it, and its shares in them.
  void update(std::size_t a) {
    std::vector<std::size_t> users;
    for (std::size_t p = 0; p < count_; ++p) {
      if (codes_[p * atoms() + a] != 0) users.push_back(p);
    }
    if (users.empty()) return;
    std::vector<double> direction(length_);
    for (std::size_t const p : users) {
      float const share = codes_[p * atoms() + a];
      add(p, a, share);
      for (std::size_t i = 0; i < length_; ++i)
        direction[i] += static_cast<double>(share) * rest_[p * length_ + i];
    }
    double squares = 0;
    for (double const d : direction) squares += d * d;
    if (squares > 0) {
      for (std::size_t i = 0; i < length_; ++i)
        atoms_[a * length_ + i] = static_cast<float>(direction[i] / std::sqrt(squares));
    }
    for (std::size_t const p : users) {
      double share = 0;
      for (std::size_t i = 0; i < length_; ++i)
        share += static_cast<double>(atoms_[a * length_ + i]) * rest_[p * length_ + i];
      codes_[p * atoms() + a] = static_cast<float>(share);
      add(p, a, -static_cast<float>(share));
    }
  }

  std::span<float const> patches_;
  std::size_t length_, count_;
  CoupledDictionary::Training training_;
  std::vector<float> atoms_;  ///< [atom, length]
  std::vector<float> codes_;  ///< [patch, atom]
  std::vector<float> rest_;   ///< [patch, length]
};

}  // namespace

CoupledDictionary CoupledDictionary::learn(std::span<float const> patches, int dimension,
                                           Training const& training) {
  return {Learner(patches, 2 * static_cast<std::size_t>(dimension), training).learn(), dimension};
}

CoupledDictionary::CoupledDictionary(std::vector<float> atoms, int dimension)
    : atoms_(std::move(atoms)), dimension_(dimension), coder_(coarse_halves(atoms_, dimension), dimension) {}

void CoupledDictionary::synthesise(std::span<float const> coarse, CodingSettings const& settings,
                                   std::span<float> fine) const {
  std::vector<float> code(static_cast<std::size_t>(atoms()));
  coder_.code(coarse, settings, code);
  std::ranges::fill(fine, 0.0F);
  for (std::size_t a = 0; a < code.size(); ++a) {
    if (code[a] == 0) continue;
    float const* const atom = atoms_.data() + a * 2 * static_cast<std::size_t>(dimension_);
    for (std::size_t i = 0; i < fine.size(); ++i) fine[i] += code[a] * atom[i];
  }
}

}  // namespace stfcube
