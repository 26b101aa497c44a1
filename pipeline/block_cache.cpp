#include "stfcube/pipeline/block_cache.hpp"

#include <algorithm>

namespace stfcube {
namespace {

/// Copies the common part of a decoded block into `out`, which covers `px`.
bool copy_block(Rect const& block_px, Stack<Dn> const& block, Rect const& px, Stack<Dn>& out, int slot) {
  Rect const common = intersect(block_px, px);
  bool any = false;
  for (int band = 0; band < block.bands(); ++band) {
    for (int y = common.y; y < common.bottom(); ++y) {
      Dn const* from = block.row(0, band, y - block_px.y) + (common.x - block_px.x);
      std::copy_n(from, common.width, out.row(slot, band, y - px.y) + (common.x - px.x));
      // All bands of a pixel are valid or none: one band tells.
      if (band == 0 && !any) any = std::any_of(from, from + common.width, [](Dn v) { return v != no_data_dn; });
    }
  }
  return any;
}

void fill_common(Rect const& block_px, Rect const& px, Stack<Dn>& out, int slot) {
  Rect const common = intersect(block_px, px);
  for (int band = 0; band < out.bands(); ++band) {
    for (int y = common.y; y < common.bottom(); ++y) {
      std::fill_n(out.row(slot, band, y - px.y) + (common.x - px.x), common.width, no_data_dn);
    }
  }
}

}  // namespace

BlockCache::BlockCache(ObservationReader const& reader, Rect grid_px, int bands, int block_px,
                       std::uint64_t capacity_bytes)
    : reader_(reader), grid_px_(grid_px), bands_(bands), block_px_(block_px), capacity_bytes_(capacity_bytes) {}

bool BlockCache::copy(int index, Rect const& px, Stack<Dn>& out, int slot) {
  bool any = false;
  for (int row = px.y / block_px_; row * block_px_ < px.bottom(); ++row) {
    for (int column = px.x / block_px_; column * block_px_ < px.right(); ++column) {
      auto const block = get({index, column, row});
      if (block->empty) {
        fill_common(block->px, px, out, slot);
      } else {
        any |= copy_block(block->px, block->dn, px, out, slot);
      }
    }
  }
  return any;
}

std::shared_ptr<BlockCache::Block const> BlockCache::get(Key const& key) {
  {
    std::unique_lock lock(mutex_);
    for (;;) {
      auto const found = entries_.find(key);
      if (found == entries_.end()) break;
      if (found->second.block) {
        ages_.splice(ages_.end(), ages_, found->second.age);
        return found->second.block;
      }
      decoded_.wait(lock);  // another thread decodes it; when that fails, the entry vanishes and we try
    }
    entries_[key] = {nullptr, ages_.insert(ages_.end(), key)};
  }
  std::shared_ptr<Block const> block;
  try {
    block = decode(key);
  } catch (...) {
    std::lock_guard const lock(mutex_);
    ages_.erase(entries_.at(key).age);
    entries_.erase(key);
    decoded_.notify_all();
    throw;
  }
  std::lock_guard const lock(mutex_);
  entries_.at(key).block = block;
  held_bytes_ += block->dn.bytes();
  evict();
  decoded_.notify_all();
  return block;
}

std::shared_ptr<BlockCache::Block const> BlockCache::decode(Key const& key) const {
  auto const [index, column, row] = key;
  auto block = std::make_shared<Block>();
  block->px = intersect({column * block_px_, row * block_px_, block_px_, block_px_}, grid_px_);
  if (intersect(block->px, reader_.footprint(index)).empty()) {
    block->empty = true;
    return block;
  }
  block->dn = reader_.read(index, block->px);
  auto const first_band = block->dn.plane(0, 0);
  block->empty = std::ranges::all_of(first_band, [](Dn v) { return v == no_data_dn; });
  if (block->empty) block->dn = Stack<Dn>();
  return block;
}

void BlockCache::evict() {
  for (auto oldest = ages_.begin(); held_bytes_ > capacity_bytes_ && oldest != ages_.end();) {
    auto const entry = entries_.find(*oldest);
    if (!entry->second.block) {
      ++oldest;
      continue;
    }
    held_bytes_ -= entry->second.block->dn.bytes();
    entries_.erase(entry);
    oldest = ages_.erase(oldest);
  }
}

}  // namespace stfcube
