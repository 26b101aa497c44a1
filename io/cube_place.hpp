#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <system_error>

namespace stfcube {

/// Where a cube is written: a work directory `<cube>.work` beside the final name, on the same file system, so
/// that the last step is an atomic rename. Destroyed before `publish` it removes the unfinished file, and the
/// directory when nothing else is in it. One rank owns it.
class CubePlace {
 public:
  /// Checks the place, makes the work directory and removes an unfinished file that an earlier run left
  /// there.
  /// @throws Error(config) when the directory is missing or not writable, or when the final name is a
  /// directory, some other file, or a cube while `overwrite` is false
  CubePlace(std::filesystem::path final_name, std::string const& part_name, bool overwrite);
  ~CubePlace();
  CubePlace(CubePlace const&) = delete;
  CubePlace& operator=(CubePlace const&) = delete;

  /// The unfinished file inside the work directory; the caller makes it.
  std::filesystem::path const& part() const { return part_; }

  /// A second file in the work directory, for the caller to make; removed with the part. What an earlier run
  /// left there is removed now. @throws Error(config) when it cannot be
  std::filesystem::path scratch(std::string const& name);

  /// Gives the part, complete and synced to disk, the final name. @throws Error(io)
  void publish();

 private:
  [[noreturn]] void refuse_directory(std::error_code const& failed) const;
  void tidy() noexcept;

  std::filesystem::path final_, part_, scratch_;
};

/// Flushes a file or directory to the disk. @throws Error(io) with the reason
void sync_to_disk(std::filesystem::path const& path);

/// Runs `work`; an error gains the file's name and the space that is free there. @throws Error of `work`
void naming_file(std::filesystem::path const& file, std::function<void()> const& work);

}  // namespace stfcube
