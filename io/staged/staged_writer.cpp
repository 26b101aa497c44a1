#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "stfcube/io/content_digest.hpp"
#include "stfcube/io/cube.hpp"
#include "stfcube/io/hdf5/chunk_check.hpp"
#include "stfcube/io/hdf5/chunk_index.hpp"
#include "stfcube/io/hdf5/skeleton.hpp"
#include "stfcube/io/staged/chunk_ranges.hpp"
#include "stfcube/io/staged/ordered_copy.hpp"
#include "stfcube/io/staged/plain_file.hpp"
#include "stfcube/io/staged/staging.hpp"
#include "stfcube/io/staged/unit_encoder.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using Access = PlainFile::Access;

/// Compressed chunks that a rank holds at once.
constexpr std::size_t batch_bytes = std::size_t{32} << 20;

/// The head of data.part that the skeleton may need is a multiple of this.
constexpr std::uint64_t head_step = std::uint64_t{4} << 20;

/// The chunks of a cube that was finished in order begin at a multiple of this.
constexpr std::uint64_t page_bytes = 4096;

/// Of the index of one chunk, in the worst order (measured: 65 to 116).
constexpr std::int64_t index_bytes = 128;

std::uint64_t rounded_up(std::uint64_t bytes, std::uint64_t step) {
  return (bytes + step - 1) / step * step;
}

class StagedWriter final : public CubeWriter {
 public:
  StagedWriter(CubeLayout const& layout, WorkDirectory const& place, Communicator const& comm)
      : layout_(layout),
        place_(place),
        comm_(comm),
        arrays_(cube_arrays(layout)),
        encoder_(arrays_, layout.compression, batch_bytes),
        part_(place.file("finishing.part")),
        skeleton_bytes_(write_skeleton()),
        staging_(place, arrays_, rounded_up(skeleton_bytes_, head_step), layout.extent_align, comm) {}

  ~StagedWriter() override {
    std::error_code ignored;
    if (comm_.is_root()) fs::remove(part_, ignored);
  }

  std::vector<std::int64_t> const& units_done() const override { return staging_.units_done(); }
  std::uint64_t first_extent() const override { return staging_.first_extent(); }
  bool in_rounds() const override { return false; }

  void write(CubeUnit const* unit, Extents const& extents) override {
    ensure(unit != nullptr, "without rounds there is a unit to write");
    check_unit(*unit, layout_);
    std::vector<StoredChunk> written;
    for (int batch = 0; batch < encoder_.batches(*unit); ++batch) {
      append(encoder_.encode(*unit, batch), extents, written);
    }
    staging_.commit(unit->number, written);
  }

  std::string finish(CubeSummary const& summary) override {
    staging_.close();
    ChunkRanges chunks(arrays_, comm_);
    UnitReader units = staging_.share_of_units();
    staging_.check_complete(chunks.gather(units));
    bool const in_place = !has_room_for_copy(chunks.totals());
    check_and_copy(chunks, !in_place);
    fs::path const file = in_place ? staging_.data() : part_;
    if (in_place) put_skeleton_before_chunks(chunks);
    std::optional<ChunkChecksums> checksums;
    if (comm_.is_root()) checksums.emplace(arrays_);
    std::string const digest = add_index(file, chunks, checksums);
    complete(file, digest, checksums, summary, chunks);
    publish(file, !summary.failed_tiles.empty());
    return digest;
  }

 private:
  template <class Work>
  void together_in_file(fs::path const& file, Work&& work) {
    comm_.together([&] { naming_file(file, work); });
  }

  /// What an earlier start left of a finish is thrown away. @collective @return bytes
  std::uint64_t write_skeleton() const {
    std::int64_t size = 0;
    comm_.together([&] {
      if (!comm_.is_root()) return;
      fs::remove(part_);  // not overwritten: it may be a second name of data.part
      hdf5::write_skeleton(part_, layout_);
      size = static_cast<std::int64_t>(fs::file_size(part_));
    });
    return static_cast<std::uint64_t>(comm_.max(size));
  }

  void append(std::vector<EncodedChunk> const& chunks, Extents const& extents,
              std::vector<StoredChunk>& written) const {
    std::uint64_t size = 0;
    for (EncodedChunk const& chunk : chunks) size += chunk.record.size;
    if (size == 0) return;
    std::uint64_t offset = extents(staging_.aligned(size));
    for (EncodedChunk const& chunk : chunks) {
      staging_.write(offset, chunk.bytes);
      written.push_back(chunk.record);
      written.back().offset = offset;
      offset += chunk.record.size;
    }
  }

  /// The same on every rank. @collective
  bool has_room_for_copy(ChunkRanges::Totals const& totals) const {
    bool enough = true;
    comm_.together([&] {
      if (!comm_.is_root()) return;
      auto const needed =
          static_cast<std::uint64_t>(1.05 * static_cast<double>(totals.bytes + totals.chunks * index_bytes +
                                                                static_cast<std::int64_t>(page_bytes)));
      std::uint64_t const free = fs::space(part_.parent_path()).available;
      enough = free >= needed;
      if (enough) return;
      log::info(fmt::format(
          "{}: an ordered copy needs {}, {} are free there. The cube is finished in place: its content is "
          "the same, its bytes depend on the order of the work.",
          part_.parent_path().string(), format_bytes(needed), format_bytes(free)));
    });
    return comm_.max(enough ? 0 : 1) == 0;
  }

  /// Compares the checksums of all chunks; with `copy` brings them to their final places, which the ranges
  /// know then.
  /// @collective
  void check_and_copy(ChunkRanges& chunks, bool copy) {
    auto const begins = chunks.ordered_begins(rounded_up(skeleton_bytes_, page_bytes));
    std::vector<StoredChunk> damaged;
    comm_.together([&] {
      PlainFile const from(staging_.data(), Access::read);
      std::optional<PlainFile> to;
      if (copy) to.emplace(part_, Access::write);
      with_threads(threads_per_rank(comm_.node_size()), [&] {
        for (std::size_t i = 0; i < begins.size(); ++i) {
          ChunkRanges::Range& range = chunks.mine()[i];
          auto const found = copy_checked(range, from, to ? &*to : nullptr, begins[i]);
          damaged.insert(damaged.end(), found.begin(), found.end());
          if (!copy) continue;
          auto const offsets = ordered_offsets(range, begins[i]);
          for (std::size_t k = 0; k < range.size(); ++k) range[k].offset = offsets[k];
        }
      });
      if (to) to->close();
    });
    refuse(comm_.gather_values(damaged));
  }

  /// @collective
  void refuse(std::vector<StoredChunk> const& damaged) {
    if (damaged.empty()) return;
    comm_.together([&] { staging_.revoke(damaged); });
    throw Error(
        ErrorKind::io,
        fmt::format(
            "{}: {} of the chunks do not read as they were written (wrong checksum), first {} bytes at {}. "
            "The file system lost data; run the command again: the damaged units are computed again.",
            staging_.data().string(), damaged.size(), damaged.front().size, damaged.front().offset))
        .as_agreed();
  }

  /// Makes data.part the cube: the skeleton comes to its head, and what lies behind its chunks goes.
  /// @collective
  void put_skeleton_before_chunks(ChunkRanges const& chunks) {
    auto const [begin, end] = chunks.totals().extent;
    together_in_file(staging_.data(), [&] {
      if (!comm_.is_root()) return;
      require(
          begin >= skeleton_bytes_, ErrorKind::resource,
          fmt::format(
              "has no room for {} of metadata before its chunks, and there is none for a copy. Make space.",
              format_bytes(skeleton_bytes_)));
      // After failed units the cube that stands there may be this very file.
      if (fs::exists(place_.cube()) && fs::equivalent(place_.cube(), staging_.data()))
        fs::remove(place_.cube());
      PlainFile file(staging_.data(), Access::write);
      std::vector<std::byte> skeleton(skeleton_bytes_);
      PlainFile(part_, Access::read).read(0, skeleton);
      file.resize(std::max(end, skeleton_bytes_));
      file.write(0, skeleton);
      file.close();
    });
  }

  /// @param checksums  are set, on the root. @collective @return the content digest, on the root
  std::string add_index(fs::path const& file, ChunkRanges const& chunks, std::optional<ChunkChecksums>& checksums) {
    std::uint64_t const end = std::max(rounded_up(skeleton_bytes_, page_bytes), chunks.totals().extent.end);
    std::optional<hdf5::ChunkIndex> index;
    Sha256 digest;
    together_in_file(file, [&] {
      if (comm_.is_root()) index.emplace(file, arrays_, end);
    });
    chunks.visit_on_root([&](std::span<StoredChunk const> range) {
      naming_file(file, [&] { index->add(range); });
      for (StoredChunk const& chunk : range) {
        digest.add(ContentDigest::line(arrays_[chunk.array], chunk.chunk, chunk.raw_crc));
        checksums->set(chunk.array, chunk.chunk, chunk.raw_crc);
      }
    });
    together_in_file(file, [&] {
      if (index) index->close();
    });
    return comm_.broadcast(digest.hex());
  }

  /// @collective
  void complete(fs::path const& file, std::string const& digest,
                std::optional<ChunkChecksums> const& checksums, CubeSummary const& summary,
                ChunkRanges const& chunks) {
    together_in_file(file, [&] {
      if (checksums) hdf5::complete_skeleton(file, digest, *checksums, summary);
    });
    together_in_file(file, [&] {
      // Every node has pages of its own to flush.
      sync_to_disk(file);
      hdf5::check_sample(file, sample_of(chunks));
    });
  }

  /// Some of the chunks of this rank, evenly spread.
  ContentDigest sample_of(ChunkRanges const& chunks) const {
    constexpr std::size_t per_range = 16;
    ContentDigest sample(arrays_);
    for (ChunkRanges::Range const& range : chunks.mine()) {
      std::size_t const step = (range.size() + per_range - 1) / per_range;
      for (std::size_t i = 0; i < range.size(); i += step) {
        sample.add(range[i].array, range[i].chunk, range[i].raw_crc);
      }
    }
    return sample;
  }

  /// Gives the cube its name. What was stored goes, unless a later start needs it. @collective
  void publish(fs::path const& file, bool keep) {
    comm_.together([&] {
      if (!comm_.is_root()) return;
      fs::path const named = keep && file == staging_.data() ? second_name() : file;
      place_.publish(named);
      if (!keep || named == staging_.data()) staging_.remove();
    });
  }

  /// A cube that was finished in place and what a later start goes on from are one file with two names, where
  /// the file system has such.
  fs::path second_name() const {
    std::error_code failed;
    fs::remove(part_);
    fs::create_hard_link(staging_.data(), part_, failed);
    if (!failed) return part_;
    log::warning(fmt::format("{} cannot have a second name ({}): the next start computes all units again",
                             staging_.data().string(), failed.message()));
    return staging_.data();
  }

  CubeLayout layout_;
  WorkDirectory const& place_;
  Communicator comm_;
  std::vector<CubeArray> arrays_;
  UnitEncoder encoder_;
  fs::path part_;
  std::uint64_t skeleton_bytes_;
  Staging staging_;
};

}  // namespace

std::unique_ptr<CubeWriter> make_staged_writer(CubeLayout const& layout, WorkDirectory const& place,
                                               Communicator const& comm) {
  return std::make_unique<StagedWriter>(layout, place, comm);
}

}  // namespace stfcube
