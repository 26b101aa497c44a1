#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stfcube/io/compression.hpp"
#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/core/stack.hpp"
#include "stfcube/partitioning/grid/grid.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

class WorkDirectory;

/// One input named in the cube's provenance.
struct InputRecord {
  std::string href;         ///< relative to the job file, or a URL without its query
  std::string product_id;   ///< file name without ending
  std::string role;         ///< fine, coarse, mask, weights
  Date acquired;
};

/// Where a cube comes from. Nothing here may depend on host, rank count or clock beyond `created`.
struct Provenance {
  std::string job_text;     ///< canonical job file
  std::string job_digest;   ///< SHA-256 of what decides the result
  std::string created;      ///< "2026-05-01T12:00:00Z", from the first start or SOURCE_DATE_EPOCH
  std::string command;      ///< "stfcube run job.cfg ..."
  std::string model, model_title, model_citation;
  std::string title, institution;
  std::vector<InputRecord> inputs;
};

/// Everything that is known of a cube before its first pixel (docs/cube-format).
struct CubeLayout {
  std::filesystem::path path;           ///< final name; a cube that stands there is replaced at the end
  Grid grid;
  std::vector<Date> dates;              ///< target dates, ascending
  std::vector<std::string> bands;
  std::vector<float> wavelengths_um;    ///< one per band, NaN = unknown
  Quantity quantity;
  bool uncertainty = true;
  std::array<int, 4> chunk = {1, 1, 256, 256};  ///< time, band, y, x
  Compression compression;
  std::uint64_t extent_align = 4096;    ///< of places in the file that ranks append to, bytes (staged writer)
  Provenance provenance;
};

/// The result of one unit: [date of the slab, band, y, x] of one tile, without halo.
struct CubeUnit {
  std::int64_t number = 0;              ///< of the unit in the plan: what a resumed run knows it by
  Rect px;
  int first_date = 0;                   ///< index of the slab's first target date
  Stack<Dn> dn, uncertainty;            ///< uncertainty is empty when the layout has none
  Stack<quality::Flags> quality;
};

/// What is known at the end and stored with the cube.
struct CubeSummary {
  std::size_t units_done = 0, units_planned = 0;
  std::string failed_tiles = {};             ///< one line per failed unit; empty: none
};

/// Gives out places in a file that all ranks append to: asked for a number of bytes it returns an offset that nobody else
/// gets. The ranks of a run share one counter; it may be asked from one thread per rank.
using Extents = std::function<std::uint64_t(std::uint64_t bytes)>;

/// Writes one cube. Nothing new stands under the final name before `finish` returned; a writer destroyed before that leaves
/// no half cube. The seam between the pipeline and the ways to write (`cube.writer`).
class CubeWriter {
 public:
  virtual ~CubeWriter() = default;

  /// Numbers of the units that earlier starts of the same job finished, ascending; the same on every rank.
  virtual std::vector<std::int64_t> const& units_done() const = 0;

  /// Where the first place for `write` may begin. The same on every rank.
  virtual std::uint64_t first_extent() const = 0;

  /// Whether `write` is collective: every rank calls it equally often then, with null when it has no unit left.
  virtual bool in_rounds() const = 0;

  /// Writes one unit. Tiles are whole chunks, far edges excepted. When it returns the unit is as safe as the writer makes
  /// it (`units_done`). Places in the file come from `extents`, where the writer needs any. @throws Error(io)
  virtual void write(CubeUnit const* unit, Extents const& extents) = 0;

  /// Completes attributes and digest, checks, renames to the final name. To be called once, after the last `write`.
  /// @collective @return stfcube_content_digest. @throws Error(io)
  virtual std::string finish(CubeSummary const& summary) = 0;
};

/// Plain parallel HDF5: serial skeleton, then collective filtered writes (design: parallel-io, section 7).
/// @param place  outlives the writer. @collective
std::unique_ptr<CubeWriter> make_collective_writer(CubeLayout const& layout, WorkDirectory const& place,
                                                   Communicator const& comm);

/// Chunks compressed in threads, appended to a plain file with a journal beside it, and copied into one cube in their
/// order at the end (design: parallel-io, section 1). Equal units give equal bytes on any number of ranks, in any order, in
/// one start or several: what `write` returned from is done for good, and the next start goes on from there. Without room
/// for the copy the file itself becomes the cube, with equal content. While units have failed, the work directory keeps
/// what a later start needs. Compresses on the threads of the arena that `write` is called from.
/// @param place  outlives the writer. @collective
std::unique_ptr<CubeWriter> make_staged_writer(CubeLayout const& layout, WorkDirectory const& place,
                                               Communicator const& comm);

/// The writer of that name: staged or collective (`cube.writer`). @collective
std::unique_ptr<CubeWriter> make_cube_writer(std::string const& name, CubeLayout const& layout,
                                             WorkDirectory const& place, Communicator const& comm);

/// A finished cube, for reading. One thread at a time.
class CubeReader {
 public:
  virtual ~CubeReader() = default;
  virtual Grid const& grid() const = 0;
  virtual std::vector<Date> const& dates() const = 0;
  virtual std::vector<std::string> const& bands() const = 0;
  virtual Quantity const& quantity() const = 0;
  virtual bool has_uncertainty() const = 0;
  /// DN, row-major, no_data_dn where empty. @throws Error(data)
  virtual std::vector<Dn> read(int date, int band, Rect const& px) = 0;
  virtual std::vector<Dn> read_uncertainty(int date, int band, Rect const& px) = 0;
  virtual std::vector<quality::Flags> read_quality(int date, Rect const& px) = 0;
  /// A text attribute of the file; empty when it has none of that name.
  virtual std::string attribute(std::string const& name) = 0;
  /// The canonical job the cube was made from (/provenance/job).
  virtual std::string job_text() = 0;
};

/// @throws Error(data) when it is no stfcube cube or damaged
std::unique_ptr<CubeReader> open_cube(std::filesystem::path const& path);

/// Whether the file looks like one of our cubes. Never throws.
bool is_cube(std::filesystem::path const& path) noexcept;

/// The cube file library's version, for `--version`.
std::string cube_library_version();

}  // namespace stfcube
