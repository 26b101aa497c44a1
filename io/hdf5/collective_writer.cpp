#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "stfcube/io/content_digest.hpp"
#include "stfcube/io/cube.hpp"
#include "stfcube/io/hdf5/attributes.hpp"
#include "stfcube/io/hdf5/chunk_check.hpp"
#include "stfcube/io/hdf5/mpi_io.hpp"
#include "stfcube/io/hdf5/skeleton.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/mpi/native_mpi.hpp"
#include "stfcube/partitioning/mpi/session.hpp"

namespace stfcube {
namespace {

using namespace hdf5;
namespace fs = std::filesystem;

/// The piece of a dataset that one rank writes in one round; nothing when it is idle.
struct Piece {
  std::array<hsize_t, 4> start{}, count{};
  void const* values = nullptr;
};

/// A cube file that all ranks have open for collective writing.
class ParallelFile {
 public:
  /// @collective
  ParallelFile(fs::path const& path, std::vector<CubeArray> const& arrays, Communicator const& comm)
      : arrays_(arrays), transfer_(checked(H5Pcreate(H5P_DATASET_XFER), "transfer list")) {
    PropertyList const access = file_access();
    checked(H5Pset_fapl_mpio(access, mpi_comm(comm), MPI_INFO_NULL), "MPI-IO");
    checked(H5Pset_coll_metadata_write(access, true), "collective metadata");
    checked(H5Pset_all_coll_metadata_ops(access, true), "collective metadata");
    checked(H5Pset_dxpl_mpio(transfer_, H5FD_MPIO_COLLECTIVE), "collective transfer");
    file_ = File(checked(H5Fopen(path.c_str(), H5F_ACC_RDWR, access), "opening the file on all ranks"));
    for (CubeArray const& array : arrays) {
      datasets_.emplace_back(checked(H5Dopen2(file_, array.name.c_str(), H5P_DEFAULT), array.name));
    }
  }

  /// Writes this rank's piece of one array. @collective
  void write(std::size_t array, Piece const& piece) {
    CubeArray const& one = arrays_[array];
    auto const without_band = [&](std::array<hsize_t, 4> const& v) {
      return one.banded ? std::vector<hsize_t>(v.begin(), v.end()) : std::vector<hsize_t>{v[0], v[2], v[3]};
    };
    std::vector<hsize_t> const start = without_band(piece.start), count = without_band(piece.count);
    Dataspace const in_file(checked(H5Dget_space(datasets_[array]), one.name));
    Dataspace const in_memory(
        checked(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), one.name));
    if (piece.values != nullptr) {
      checked(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
              one.name);
    } else {
      checked(H5Sselect_none(in_file), one.name);
      checked(H5Sselect_none(in_memory), one.name);
    }
    char const nothing = 0;
    checked(
        H5Dwrite(datasets_[array], one.item_bytes == 1 ? stored_type<quality::Flags>() : stored_type<Dn>(),
                 in_memory, in_file, transfer_, piece.values != nullptr ? piece.values : &nothing),
        fmt::format("writing {}", one.name));
  }

  /// @collective
  void close() {
    datasets_.clear();
    // A failed close cannot be repeated or undone; a failed flush can still be thrown away.
    checked(H5Fflush(file_, H5F_SCOPE_GLOBAL), "flushing the file");
    checked(H5Fclose(file_.release()), "closing the file on all ranks");
  }

 private:
  std::vector<CubeArray> arrays_;
  PropertyList transfer_;
  File file_;
  std::vector<Dataset> datasets_;
};

class CollectiveWriter final : public CubeWriter {
 public:
  CollectiveWriter(CubeLayout const& layout, WorkDirectory const& place, Communicator const& comm)
      : layout_(layout),
        place_(place),
        comm_(comm),
        arrays_(cube_arrays(layout)),
        digest_(arrays_),
        part_(place.file("collective.part")) {
    quiet_library();
    choose_collective_io();
    comm_.together([&] {
      if (comm_.is_root()) write_skeleton(part_, layout_);
    });
    together_in_file([&] { file_.emplace(part_, arrays_, comm_); });
  }

  ~CollectiveWriter() override {
    if (file_) close_unfinished();
    std::error_code ignored;
    if (comm_.is_root()) fs::remove(part_, ignored);
  }

  /// Of an earlier run nothing can be used: HDF5 promises nothing for a file that was open for writing.
  std::vector<std::int64_t> const& units_done() const override { return units_done_; }
  std::uint64_t first_extent() const override { return 0; }
  bool in_rounds() const override { return true; }

  void write(CubeUnit const* unit, Extents const&) override {
    comm_.together([&] {
      if (unit != nullptr) record(*unit);
    });
    for (std::size_t array = 0; array < arrays_.size(); ++array) write_array(array, unit);
  }

  std::string finish(CubeSummary const& summary) override {
    together_in_file([&] { file_->close(); });
    file_.reset();
    ContentDigest const all = digest_.merged(comm_);
    std::string const digest = all.hex();
    together_in_file([&] {
      if (comm_.is_root()) complete_skeleton(part_, digest, checksums(all), summary);
    });
    together_in_file([&] {
      // Every node has pages of its own to flush.
      sync_to_disk(part_);
      check_sample(part_, digest_);
    });
    comm_.together([&] {
      if (comm_.is_root()) place_.publish(part_);
    });
    return digest;
  }

 private:
  /// One MPI message of the I/O layer must stay below 2 GiB.
  static constexpr std::size_t most_bytes_per_call = std::size_t{1} << 30;

  static ChunkChecksums checksums(ContentDigest const& all) {
    ChunkChecksums table(all.arrays());
    for (ContentDigest::Record const& record : all.records())
      table.set(record.array, record.chunk, record.crc);
    return table;
  }

  template <class Work>
  void together_in_file(Work&& work) {
    comm_.together([&] { naming_file(part_, work); });
  }

  void record(CubeUnit const& unit) {
    check_unit(unit, layout_);
    std::size_t array = 0;
    auto const add = [&](auto const& values) {
      for_each_chunk(
          arrays_[array], values, unit.px, unit.first_date,
          [&](std::array<int, 4> const& index, auto raw) { digest_.add(array, index, std::as_bytes(raw)); });
      ++array;
    };
    add(unit.dn);
    if (layout_.uncertainty) add(unit.uncertainty);
    add(unit.quality);
  }

  /// As few collective calls as the size of the largest unit allows: usually one.
  void write_array(std::size_t array, CubeUnit const* unit) {
    int const step = unit != nullptr ? dates_per_call(arrays_[array], *unit) : 1;
    int const mine = unit != nullptr ? (unit->dn.dates() + step - 1) / step : 0;
    int const calls = static_cast<int>(comm_.max(mine));
    for (int call = 0; call < calls; ++call) {
      Piece const piece = call < mine ? piece_of(array, *unit, call * step, step) : Piece();
      together_in_file([&] { file_->write(array, piece); });
    }
  }

  static int dates_per_call(CubeArray const& array, CubeUnit const& unit) {
    std::size_t const depth = static_cast<std::size_t>(array.chunk[0]);
    std::size_t const bytes =
        depth * unit.dn.plane_size() * static_cast<std::size_t>(array.shape[1] * array.item_bytes);
    return static_cast<int>(depth * std::max<std::size_t>(1, most_bytes_per_call / bytes));
  }

  Piece piece_of(std::size_t array, CubeUnit const& unit, int first, int step) const {
    int const dates = std::min(step, unit.dn.dates() - first);
    auto const size = [](int value) { return static_cast<hsize_t>(value); };
    Piece piece = {
        .start = {size(unit.first_date + first), 0, size(unit.px.y), size(unit.px.x)},
        .count = {size(dates), size(arrays_[array].shape[1]), size(unit.px.height), size(unit.px.width)}};
    if (arrays_[array].item_bytes == 1) {
      piece.values = unit.quality.row(first, 0, 0);
    } else {
      piece.values = (array == 0 ? unit.dn : unit.uncertainty).row(first, 0, 0);
    }
    return piece;
  }

  /// Closing is collective. Errors are agreed on before each collective step, so all ranks come here
  /// together; should one of them not come, waiting would be for ever. The file is emptied first: closing
  /// writes once more, and after a full disk that would fail, which HDF5 1.10 answers with a crash when MPI
  /// ends.
  void close_unfinished() noexcept {
    std::error_code ignored;
    if (comm_.is_root()) fs::resize_file(part_, 0, ignored);
    if (everybody_is_here()) {
      file_.reset();
      return;
    }
    log::error("the ranks did not meet to close the unfinished cube; ending all of them");
    Session::abort(1);
  }

  bool everybody_is_here() const noexcept {
    if (comm_.size() == 1) return true;
    constexpr auto patience = std::chrono::seconds(60);
    MPI_Request request = MPI_REQUEST_NULL;
    int done = 0;
    if (MPI_Ibarrier(mpi_comm(comm_), &request) != MPI_SUCCESS) return false;
    auto const start = std::chrono::steady_clock::now();
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done) {
      if (std::chrono::steady_clock::now() - start > patience) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return done != 0;
  }

  CubeLayout layout_;
  WorkDirectory const& place_;
  Communicator comm_;
  std::vector<CubeArray> arrays_;
  ContentDigest digest_;
  fs::path part_;
  std::vector<std::int64_t> units_done_;
  std::optional<ParallelFile> file_;
};

}  // namespace

std::unique_ptr<CubeWriter> make_collective_writer(CubeLayout const& layout, WorkDirectory const& place,
                                                   Communicator const& comm) {
  return std::make_unique<CollectiveWriter>(layout, place, comm);
}

}  // namespace stfcube
