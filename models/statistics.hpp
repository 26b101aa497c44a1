#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace stfcube {

/// Exact integer sum. Sums of DN, of their products and of counts fit for any number of pixels, and integer addition has no
/// order: the merged result cannot depend on tiles, threads or ranks (specs: conventions, section 6).
__extension__ typedef __int128 ExactSum;

/// A sparse histogram: how often each whole number occurred. Quantiles, the smallest and the largest are read from it.
using Tally = std::map<std::int64_t, std::int64_t>;

/// Named rows of exact sums and named tallies, gathered tile by tile in a first pass and merged over ranks. Not thread-safe.
class Statistics {
 public:
  /// The row of that name, made of `count` zeros when it is new.
  /// @throws Error(internal) when it exists with another length
  std::span<ExactSum> row(std::string const& name, std::size_t count);

  /// The row of that name; empty when nothing was added under it.
  std::span<ExactSum const> find(std::string const& name) const;

  /// Names of all rows, ascending.
  std::vector<std::string> row_names() const;

  /// The tally of that name, empty when it is new.
  Tally& tally(std::string const& name) { return tallies_[name]; }
  /// The tally of that name; empty when nothing was counted under it.
  Tally const& find_tally(std::string const& name) const;

  /// Adds all rows and tallies of `other`.
  void merge(Statistics const& other);

  /// As bytes, for message passing between equal machines, and back.
  std::string pack() const;
  static Statistics unpack(std::string const& bytes);

  /// Cut into `parts`, the same names in the same part wherever this is called.
  std::vector<Statistics> split(std::size_t parts) const;

 private:
  std::map<std::string, std::vector<ExactSum>> rows_;
  std::map<std::string, Tally> tallies_;
};

/// The q-quantile, 0 < q <= 1: the smallest value v whose count of values up to v is at least ceil(q n) (conventions,
/// section 6). The tally must not be empty.
std::int64_t quantile(Tally const& tally, double q);

/// Population standard deviation from n, sum and sum of squares, exact up to the last division (conventions, section 6).
/// NaN when n is 0.
double population_sigma(ExactSum n, ExactSum sum, ExactSum sum_of_squares);

}  // namespace stfcube
