#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "stfcube/io/work_lock.hpp"
#include "stfcube/partitioning/mpi/communicator.hpp"

namespace stfcube {

/// Checks the place of a cube: its directory is there and may be written, and what stands under the name, if
/// anything, is a cube of ours. @throws Error(config)
void check_cube_place(std::filesystem::path const& cube);

/// `<cube>.work`, beside the final name.
std::filesystem::path work_directory_of(std::filesystem::path const& cube);

/// Where a cube is written: the directory `<cube>.work` beside the final name, on the same file system, so
/// that the last step is an atomic rename. Every rank has one of these; all but `file` and `cube` is the
/// business of rank 0.
///
/// As long as it lives no other run can have the directory: rank 0 holds its LOCK (WorkLock). It says which
/// host, process and Slurm job write the cube since when; a second run is refused with that. A lock of a dead
/// run is taken over with a warning: on the same host as soon as the process is gone, from another one after
/// 120 s without a sign of life. A run that has lost its lock all the same can neither replace files nor
/// publish the cube.
///
/// Destroyed it gives the lock back, and removes the directory when nothing is in it.
class WorkDirectory {
 public:
  /// Checks the place, makes the directory and locks it; what an earlier run left in it stays.
  /// @collective @throws Error(config) as `check_cube_place`, when the directory cannot be made, or when
  /// another run has it
  WorkDirectory(std::filesystem::path cube, Communicator const& comm);
  ~WorkDirectory();
  WorkDirectory(WorkDirectory const&) = delete;
  WorkDirectory& operator=(WorkDirectory const&) = delete;

  /// The final name.
  std::filesystem::path const& cube() const { return cube_; }
  /// A file in the directory.
  std::filesystem::path file(std::string const& name) const { return directory_ / name; }

  /// Gives a file of the directory this text, at once and durably: readers see the old or the new text,
  /// whole.
  /// @throws Error(io), also when the lock was lost
  void replace(std::string const& name, std::string const& text) const;

  /// Gives a file of the directory, complete and synced to disk, the final name.
  /// @throws Error(io), also when the lock was lost
  void publish(std::filesystem::path const& part) const;

  /// Removes what stfcube keeps in the directory; files of others stay.
  /// @throws Error(io), also when the lock was lost
  void clear() const;

 private:
  /// @throws Error(io) when another run has the directory now
  void check_lock() const;

  std::filesystem::path cube_, directory_;
  std::optional<WorkLock> lock_;  ///< on rank 0
};

/// Flushes a file or directory to the disk. @throws Error(io) with the reason
void sync_to_disk(std::filesystem::path const& path);

/// Runs `work`; an error gains the file's name and the space that is free there. @throws Error of `work`
void naming_file(std::filesystem::path const& file, std::function<void()> const& work);

}  // namespace stfcube
