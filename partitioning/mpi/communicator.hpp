#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

/// Plain values as bytes for a message, and back.
template <class T>
  requires std::is_trivially_copyable_v<T>
std::string bytes_of_values(std::vector<T> const& values) {
  return {reinterpret_cast<char const*>(values.data()), values.size() * sizeof(T)};
}
template <class T>
  requires std::is_trivially_copyable_v<T>
void append_values(std::string const& bytes, std::vector<T>& values) {
  auto const before = values.size();
  values.resize(before + bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data() + before, bytes.data(), bytes.size());
}

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
  void sum(std::span<float> values) const;
  void sum(std::span<std::int64_t> values) const;
  std::int64_t max(std::int64_t value) const;

  /// @collective The bytes of every rank, in rank order, on every rank.
  std::vector<std::string> all_gather(std::string const& bytes) const;

  /// @collective The values of every rank, in rank order, on every rank.
  template <class T>
    requires std::is_trivially_copyable_v<T>
  std::vector<T> gather_values(std::vector<T> const& mine) const {
    std::vector<T> all;
    for (std::string const& piece : all_gather(bytes_of_values(mine))) append_values(piece, all);
    return all;
  }

  /// @collective Hands the i-th text to rank i. In passes, none of which moves more than about `most_bytes` per rank.
  /// @param to_each  one for each rank. @return what each rank had for this one
  std::vector<std::string> exchange(std::vector<std::string> const& to_each,
                                    std::uint64_t most_bytes = std::uint64_t{1} << 30) const;

  /// Bytes from any other rank to the root, which must be at `receive_from`; below 2 GiB. Messages of one rank arrive in
  /// order. @throws Error(mpi)
  void send_to_root(std::string const& bytes) const;
  std::string receive_from(int rank) const;

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
