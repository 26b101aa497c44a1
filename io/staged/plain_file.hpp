#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace stfcube {

/// A file that is read and written at given places, without a position of its own: threads and ranks may work
/// on different places at once. Interrupted and short transfers are continued. Errors name the file, what is
/// missing and how much space is free.
class PlainFile {
 public:
  enum class Access {
    read,
    write,
    create,         ///< empty, in place of an older file
    open_or_create  ///< what the file holds stays
  };

  /// @throws Error(io)
  PlainFile(std::filesystem::path path, Access access);
  ~PlainFile();
  PlainFile(PlainFile const&) = delete;
  PlainFile& operator=(PlainFile const&) = delete;

  std::filesystem::path const& path() const { return path_; }

  /// @throws Error(io)
  std::uint64_t size() const;

  /// @throws Error(io), also when the file ends before
  void read(std::uint64_t offset, std::span<std::byte> into) const;
  /// @throws Error(io)
  void write(std::uint64_t offset, std::span<std::byte const> bytes) const;

  /// Cuts the file, or lengthens it by zeros. @throws Error(io)
  void resize(std::uint64_t bytes) const;

  /// Returns when what was written lies on the disk. After a failure the data count as lost: a second call
  /// would prove nothing. @throws Error(io)
  void sync() const;

  /// Some file systems report failed writes only here; the destructor would ignore them. To be called once,
  /// last.
  /// @throws Error(io)
  void close();

 private:
  [[noreturn]] void fail(char const* doing, std::uint64_t bytes, std::uint64_t offset, int reason) const;

  std::filesystem::path path_;
  int file_;
};

}  // namespace stfcube
