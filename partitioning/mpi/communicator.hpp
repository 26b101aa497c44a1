#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

/// A group of ranks. Default constructed it is rank 0 of 1 and makes no MPI call, so that the same code runs alone.
/// Copies share one MPI communicator (a duplicate of the world). Collective members must be called by every rank, in
/// the same order, from the main thread.
class Communicator {
 public:
  struct Native;

  Communicator() = default;
  explicit Communicator(std::shared_ptr<Native const> native);

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Ranks on this node, this one included.
  int node_size() const { return node_size_; }
  bool is_root() const { return rank_ == 0; }

  /// @collective In place, over all ranks.
  void sum(std::span<double> values) const;
  void sum(std::span<std::int64_t> values) const;
  std::int64_t max(std::int64_t value) const;

  /// @collective The bytes of every rank, in rank order, on every rank.
  std::vector<std::string> all_gather(std::string const& bytes) const;

  /// @collective The root's value everywhere.
  std::string broadcast(std::string const& bytes) const;

  /// @collective
  void barrier() const;

  /// Meets all ranks; when one or more of them failed, throws everywhere.
  /// The error thrown is that of the lowest failed rank (equal messages of several ranks appear once).
  /// @collective
  void agree(std::optional<Error> const& error) const;

  /// Runs `work`, which must not be collective, then agrees on its outcome.
  /// @collective
  template <class Work>
  void together(Work&& work) const {
    std::optional<Error> failed;
    try {
      work();
    } catch (...) {
      failed = current_error();
    }
    agree(failed);
  }

  /// Null for the communicator of one; for the folders that may include mpi.h (native_mpi.hpp).
  Native const* native() const { return native_.get(); }

 private:
  std::shared_ptr<Native const> native_;
  int rank_ = 0, size_ = 1, node_size_ = 1;
};

}  // namespace stfcube
