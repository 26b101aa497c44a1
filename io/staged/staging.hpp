#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/staged/journal.hpp"
#include "stfcube/io/staged/plain_file.hpp"
#include "stfcube/io/staged/unit_reader.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The units that this start of a job and earlier ones have written: the file data.part, which holds the
/// stored bytes of chunks in no order, and the journals, which say what lies where. What a journal names is
/// on the disk. Nothing is removed but by `remove`.
class Staging {
 public:
  /// Opens what is there, or begins anew. Units whose bytes are not all in data.part are revoked, for good.
  /// @param head_bytes  the first bytes of data.part, kept free
  /// @param align       of places in data.part, bytes
  /// @collective @throws Error(io), also when the ranks do not see the same file
  Staging(WorkDirectory const& place, std::vector<CubeArray> const& arrays, std::uint64_t head_bytes,
          std::uint64_t align, Communicator const& comm);
  ~Staging();
  Staging(Staging const&) = delete;
  Staging& operator=(Staging const&) = delete;

  /// Of earlier starts, ascending.
  std::vector<std::int64_t> const& units_done() const { return units_done_; }
  /// From here on nothing lies in data.part, and nothing that a journal speaks of ever did.
  std::uint64_t first_extent() const { return first_extent_; }
  std::uint64_t aligned(std::uint64_t bytes) const { return (bytes + align_ - 1) / align_ * align_; }
  std::filesystem::path const& data() const { return data_; }

  /// Puts bytes into data.part. @throws Error(io)
  void write(std::uint64_t offset, std::span<std::byte const> bytes) const { file_->write(offset, bytes); }

  /// Notes that the unit is written and consists of these chunks. When it returns the unit will survive
  /// everything but the loss of the disk. @throws Error(io): the unit does not count as written
  void commit(std::int64_t unit, std::vector<StoredChunk> const& chunks);

  /// Ends writing. Closes data.part: opened again, other nodes see what was written on every file system.
  /// @collective
  void close();

  /// After `close`, on each rank: its share of all units written. @throws Error(io)
  UnitReader share_of_units() const;

  /// After `close`: compares the numbers of all units that `share_of_units` gave on this rank with what was
  /// committed.
  /// @collective @throws Error(io) on every rank when one is missing
  void check_complete(std::vector<std::int64_t> const& found) const;

  /// Makes units that hold one of the copies count as not written, for good. The root does it. @throws
  /// Error(io)
  void revoke(std::vector<StoredChunk> const& copies);

  /// The root removes all. @throws Error(io)
  void remove() const;

 private:
  std::filesystem::path journal_path(std::int64_t start, int rank) const;
  void find_journals();
  void check_same_size() const;
  void read_revoked();
  void read_units();
  std::vector<std::filesystem::path> my_journals() const;
  Journal& journal();

  WorkDirectory const& place_;
  std::vector<CubeArray> arrays_;
  std::uint64_t align_;
  Communicator comm_;
  std::filesystem::path data_;
  std::optional<PlainFile> file_;
  std::vector<std::string> journals_;  ///< names, of all ranks
  std::int64_t start_ = 1;
  std::optional<Journal> journal_;
  RevokedCopies revoked_;
  std::vector<std::int64_t> units_done_, committed_;  ///< by earlier starts; by this rank
  std::uint64_t first_extent_;
};

}  // namespace stfcube
