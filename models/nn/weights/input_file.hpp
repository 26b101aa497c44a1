#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace stfcube::nn {

/// A file that says itself where its parts lie: every read is checked against its size. Reading is
/// thread-safe.
class InputFile {
 public:
  /// @throws Error(io) when there is no such file or it cannot be opened
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(InputFile const&) = delete;
  InputFile& operator=(InputFile const&) = delete;

  std::filesystem::path const& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  /// @param what names the part in messages ("the directory of the archive")
  /// @throws Error(data) when it reaches beyond the end of the file, before anything is allocated; Error(io)
  std::string read(std::uint64_t offset, std::uint64_t length, std::string_view what) const;

  /// The first bytes, fewer when the file is shorter.
  std::string head(std::uint64_t length) const;

  /// @throws Error(data) with the file in front
  [[noreturn]] void refuse(std::string const& problem) const;
  void demand(bool condition, std::string const& problem) const {
    if (!condition) refuse(problem);
  }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// For messages: a name that a file gives, without control characters and not longer than a line.
std::string printable(std::string_view name);

}  // namespace stfcube::nn
