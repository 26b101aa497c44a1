#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "stfcube/io/cube_arrays.hpp"
#include "stfcube/io/staged/stored_chunk.hpp"
#include "stfcube/io/staged/unit_reader.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// The chunks of a cube, dealt out to the ranks: ranges of consecutive chunks in the order of the finished
/// file (by array and number), the i-th held by rank i modulo the number of ranks, each range sorted. So no
/// rank holds the records of all chunks, and the finish can go on range by range.
class ChunkRanges {
 public:
  using Range = std::vector<StoredChunk>;

  ChunkRanges(std::vector<CubeArray> const& arrays, Communicator const& comm);

  /// Brings what the ranks read from journals to the ranks that hold it. Of a chunk that was written twice
  /// the copy with the lowest offset counts. To be called once.
  /// @return the numbers of the units that this rank read. @collective @throws Error(io)
  std::vector<std::int64_t> gather(UnitReader& units);

  /// The ranges of this rank, in order.
  std::vector<Range>& mine() { return mine_; }
  std::vector<Range> const& mine() const { return mine_; }

  struct Extent {
    std::uint64_t begin, end;
  };
  struct Totals {
    std::int64_t chunks, bytes;
    Extent extent;  ///< from the first to the last byte, in the file that the offsets speak of
  };
  /// Of all ranks. @collective
  Totals totals() const;

  /// Where each range of this rank begins when all chunks lie one behind the other from byte `begin` on.
  /// @collective
  std::vector<std::uint64_t> ordered_begins(std::uint64_t begin) const;

  /// Brings all ranges to the root, one at a time, and calls `visit` there, in order.
  /// @collective @throws what `visit` threw, on every rank
  void visit_on_root(std::function<void(std::span<StoredChunk const>)> const& visit) const;

 private:
  std::int64_t number_in_cube(StoredChunk const& chunk) const;
  std::int64_t holder(std::int64_t range) const { return range % comm_.size(); }
  bool send_some(UnitReader& units, std::vector<Range>& to_each, std::vector<std::int64_t>& numbers) const;
  void receive(Range const& chunks);
  void settle();

  Communicator comm_;
  std::vector<std::int64_t> first_of_array_;
  std::int64_t range_chunks_, ranges_;
  std::vector<Range> mine_;
};

}  // namespace stfcube
