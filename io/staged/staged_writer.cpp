#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "stfcube/io/content_digest.hpp"
#include "stfcube/io/cube.hpp"
#include "stfcube/io/hdf5/chunk_check.hpp"
#include "stfcube/io/hdf5/chunk_index.hpp"
#include "stfcube/io/hdf5/skeleton.hpp"
#include "stfcube/io/staged/ordered_copy.hpp"
#include "stfcube/io/staged/plain_file.hpp"
#include "stfcube/io/staged/unit_encoder.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using Access = PlainFile::Access;

/// Compressed chunks that a rank holds at once.
constexpr std::size_t batch_bytes = std::size_t{32} << 20;

/// Pieces of different ranks share no page of the file.
constexpr std::uint64_t page_bytes = 4096;

std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

class StagedWriter final : public CubeWriter {
 public:
  StagedWriter(CubeLayout const& layout, WorkDirectory const& place, Communicator const& comm)
      : layout_(layout),
        place_(place),
        comm_(comm),
        arrays_(cube_arrays(layout)),
        encoder_(arrays_, layout.deflate_level, batch_bytes),
        part_(place.file("staged.part")) {
    comm_.together([&] {
      if (!comm_.is_root()) return;
      hdf5::write_skeleton(part_, layout_);
      PlainFile(staging_path(), Access::create).close();
    });
    comm_.together([&] { staging_.emplace(staging_path(), Access::write); });
  }

  ~StagedWriter() override {
    std::error_code ignored;
    for (fs::path const& file : {part_, staging_path()}) {
      if (comm_.is_root()) fs::remove(file, ignored);
    }
  }

  std::vector<std::int64_t> const& units_done() const override { return units_done_; }
  std::uint64_t first_extent() const override { return 0; }
  bool in_rounds() const override { return true; }

  void write(CubeUnit const* unit, Extents const&) override {
    int mine = 0;
    comm_.together([&] {
      if (unit == nullptr) return;
      check_unit(*unit, layout_);
      mine = encoder_.batches(*unit);
    });
    int const rounds = static_cast<int>(comm_.max(mine));
    for (int round = 0; round < rounds; ++round) {
      std::vector<EncodedChunk> chunks;
      comm_.together([&] {
        if (round < mine) chunks = encoder_.encode(*unit, round);
      });
      std::uint64_t const offset = claim(chunks);
      comm_.together([&] { append(chunks, offset); });
    }
  }

  std::string finish(CubeSummary const& summary) override {
    // Closed and opened again: other nodes see what was written then on every file system.
    comm_.together([&] { staging_->close(); });
    std::vector<StoredChunk> const chunks = all_in_order(written_, comm_);
    ContentDigest const mine = digest_of_mine();
    std::string const digest = mine.merged_hex(comm_);
    std::uint64_t const skeleton_bytes = size_of_skeleton();
    std::vector<std::uint64_t> const offsets = ordered_offsets(chunks, whole_pages(skeleton_bytes));
    comm_.together([&] { copy(chunks, offsets); });
    together_in_file([&] {
      if (!comm_.is_root()) return;
      hdf5::add_chunk_index(part_, arrays_, chunks, offsets);
      hdf5::complete_skeleton(part_, digest, summary);
    });
    together_in_file([&] {
      // Every node has pages of its own to flush.
      sync_to_disk(part_);
      hdf5::check_sample(part_, mine);
    });
    comm_.together([&] {
      if (comm_.is_root()) place_.publish(part_);
    });
    return digest;
  }

 private:
  static constexpr char const* staging_name = "data.part";

  fs::path staging_path() const { return part_.parent_path() / staging_name; }

  template <class Work>
  void together_in_file(Work&& work) {
    comm_.together([&] { naming_file(part_, work); });
  }

  /// A place in the staging file for these chunks, which no other rank gets: ranks lie one behind the other.
  /// @collective
  std::uint64_t claim(std::vector<EncodedChunk> const& chunks) {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(comm_.size()));
    auto const rank = static_cast<std::size_t>(comm_.rank());
    for (EncodedChunk const& chunk : chunks) sizes[rank] += chunk.record.size;
    comm_.sum(sizes);
    std::uint64_t const start = staging_end_;
    std::uint64_t mine = start;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (i == rank) mine = staging_end_;
      staging_end_ += whole_pages(static_cast<std::uint64_t>(sizes[i]));
    }
    return mine;
  }

  void append(std::vector<EncodedChunk> const& chunks, std::uint64_t offset) {
    for (EncodedChunk const& chunk : chunks) {
      staging_->write(offset, chunk.bytes);
      written_.push_back(chunk.record);
      written_.back().offset = offset;
      offset += chunk.record.size;
    }
  }

  ContentDigest digest_of_mine() const {
    ContentDigest digest(arrays_);
    for (StoredChunk const& chunk : written_) digest.add(chunk.array, chunk.chunk, chunk.raw_crc);
    return digest;
  }

  /// @collective
  std::uint64_t size_of_skeleton() const {
    std::int64_t size = 0;
    comm_.together([&] {
      if (comm_.is_root()) size = static_cast<std::int64_t>(fs::file_size(part_));
    });
    return static_cast<std::uint64_t>(comm_.max(size));
  }

  void copy(std::vector<StoredChunk> const& chunks, std::vector<std::uint64_t> const& offsets) const {
    PlainFile const from(staging_path(), Access::read);
    PlainFile to(part_, Access::write);
    with_threads(threads_per_rank(comm_.node_size()),
                 [&] { copy_share(chunks, offsets, from, to, comm_.rank(), comm_.size()); });
    to.close();
  }

  CubeLayout layout_;
  WorkDirectory const& place_;
  Communicator comm_;
  std::vector<CubeArray> arrays_;
  UnitEncoder encoder_;
  fs::path part_;
  std::vector<std::int64_t> units_done_;
  std::optional<PlainFile> staging_;  
  std::uint64_t staging_end_ = 0;     ///< the same on every rank
  std::vector<StoredChunk> written_;  ///< by this rank
};

}  // namespace

std::unique_ptr<CubeWriter> make_staged_writer(CubeLayout const& layout, WorkDirectory const& place,
                                               Communicator const& comm) {
  return std::make_unique<StagedWriter>(layout, place, comm);
}

}  // namespace stfcube
