#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

namespace stfcube {

/// The lock of a directory that one run at a time may write: the file LOCK in it, which says who holds it
/// (host, boot, process, Slurm job, since when). A thread touches it from time to time, so that others see a
/// sign of life.
///
/// A lock that nobody holds any more is taken over, with a warning: its process is dead, which can be seen on
/// the same host, or its last sign of life is too old. That age is taken from the clock of the file system
/// alone, so that clocks of hosts may differ. A file that names no process counts as held until it is old. Of
/// several that take over at once one wins. No locks of the system are used (flock, fcntl): file systems of
/// clusters often lack them.
///
/// Where processes see each other's directory late, or a host stood still for longer than the age, a lock can
/// be lost to another run. `check` finds that out.
class WorkLock {
 public:
  /// Takes the lock.
  /// @param interval  between signs of life
  /// @param age       of the last one from which on a lock counts as left behind
  /// @throws Error(config) when another run holds it or LOCK cannot be made; Error(io) when it cannot be
  /// written
  explicit WorkLock(std::filesystem::path const& directory,
                    std::chrono::milliseconds interval = std::chrono::seconds(15),
                    std::chrono::milliseconds age = std::chrono::seconds(120));

  /// Removes LOCK when it is still this one.
  ~WorkLock();
  WorkLock(WorkLock const&) = delete;
  WorkLock& operator=(WorkLock const&) = delete;

  /// @throws Error(io) when LOCK is or once was gone or another's: nothing may be written any more.
  /// Thread-safe.
  void check() const;

 private:
  bool create() const;
  void beat(std::chrono::milliseconds interval, std::stop_token const& stop);

  std::filesystem::path file_;
  std::string mine_;  ///< what LOCK says while it is this one
  std::atomic<bool> lost_ = false;
  std::jthread heart_;
};

/// What can be seen of a lock without taking it; for people, not for decisions.
struct LockSight {
  std::string holder;        ///< "process 12 on node7, since ..."
  bool alive = false;        ///< its process runs on this host, or another host's sign of life is not old
  long quiet_seconds = 0;    ///< since the last sign of life, by this host's clock
};

/// Nothing when there is no lock. @throws Error(config) when it cannot be read
std::optional<LockSight> look_at_lock(std::filesystem::path const& directory,
                                      std::chrono::milliseconds age = std::chrono::seconds(120));

}  // namespace stfcube
