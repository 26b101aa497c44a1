#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/dn.hpp"
#include "stfcube/partitioning/core/stack.hpp"
#include "stfcube/partitioning/grid/grid.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

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
  std::filesystem::path path;           ///< final name
  bool overwrite = false;               ///< a finished cube under that name is replaced, at the end and at once
  Grid grid;
  std::vector<Date> dates;              ///< target dates, ascending
  std::vector<std::string> bands;
  std::vector<float> wavelengths_um;    ///< one per band, NaN = unknown
  Quantity quantity;
  bool uncertainty = true;
  std::array<int, 4> chunk = {1, 1, 256, 256};  ///< time, band, y, x
  int deflate_level = 1;                ///< 0: none
  Provenance provenance;
};

/// The result of one unit: [date of the slab, band, y, x] of one tile, without halo.
struct CubeUnit {
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

/// Writes one cube. Nothing stands under the final name before `finish` returned; a writer destroyed before that leaves no
/// half cube. The seam between the pipeline and the ways to write (`cube.writer`).
class CubeWriter {
 public:
  virtual ~CubeWriter() = default;

  /// Writes one unit, or nothing when `unit` is null. Tiles are whole chunks, far edges excepted.
  /// @collective every rank calls it equally often, with null when it has no unit left. @throws Error(io)
  virtual void write(CubeUnit const* unit) = 0;

  /// Completes attributes and digest, checks, renames to the final name. To be called once, after the last `write`.
  /// @collective @return stfcube_content_digest. @throws Error(io)
  virtual std::string finish(CubeSummary const& summary) = 0;
};

/// Plain parallel HDF5: serial skeleton, then collective filtered writes (design: parallel-io, section 7).
/// @collective @throws Error(config) when the place is not writable or taken by something that is not a cube
std::unique_ptr<CubeWriter> make_collective_writer(CubeLayout const& layout, Communicator const& comm);

/// Chunks compressed in threads, appended to a plain file, and copied into one cube in their order at the end (design:
/// parallel-io, section 1). Equal units give equal bytes on any number of ranks, in any order. Compresses on the threads
/// of the arena that `write` is called from. @collective @throws Error(config) as above
std::unique_ptr<CubeWriter> make_staged_writer(CubeLayout const& layout, Communicator const& comm);

/// The writer of that name: staged or collective (`cube.writer`). @collective
std::unique_ptr<CubeWriter> make_cube_writer(std::string const& name, CubeLayout const& layout,
                                             Communicator const& comm);

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
