#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "stfcube/io/observation_reader.hpp"

namespace stfcube {

/// Decoded blocks of the observations of one sensor, least recently used first out.
///
/// Blocks lie on a lattice that is anchored to the grid, so a pixel is always decoded (and, where needed, warped) in the
/// same rectangle, whichever tile asks: values cannot depend on the tiling. A block is decoded once for all the tiles
/// that touch it while it is in the cache. Thread-safe.
class BlockCache {
 public:
  /// @param reader    must outlive the cache
  /// @param grid_px   the whole grid of this sensor
  /// @param block_px  side of a block
  /// @param capacity_bytes  decoded blocks kept beyond those in use
  BlockCache(ObservationReader const& reader, Rect grid_px, int bands, int block_px, std::uint64_t capacity_bytes);

  ObservationReader const& reader() const { return reader_; }
  int bands() const { return bands_; }
  int block_px() const { return block_px_; }

  /// Copies observation `index` over `px` to date `slot` of `out` ([date, band, y, x], y and x of px).
  /// @return whether any pixel is valid. @throws Error(data)
  bool copy(int index, Rect const& px, Stack<Dn>& out, int slot);

 private:
  using Key = std::tuple<int, int, int>;  // observation, block column, block row
  struct Block {
    Rect px;
    Stack<Dn> dn;       // no values at all when nothing in the block is valid
    bool empty = false;
  };
  struct Entry {
    std::shared_ptr<Block const> block;  // null while being decoded
    std::list<Key>::iterator age;
  };

  std::shared_ptr<Block const> get(Key const& key);
  std::shared_ptr<Block const> decode(Key const& key) const;
  void evict();

  ObservationReader const& reader_;
  Rect grid_px_;
  int bands_, block_px_;
  std::uint64_t capacity_bytes_, held_bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable decoded_;
  std::map<Key, Entry> entries_;
  std::list<Key> ages_;  // oldest first
};

}  // namespace stfcube
