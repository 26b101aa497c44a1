#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "stfcube/io/hdf5/handle.hpp"

namespace stfcube::hdf5 {

struct SerialState;

/// A cube file that one rank has open for writing, through a file driver of our own. It does two things that
/// HDF5's drivers do not. A write that fails is remembered and told by `close`, not to HDF5, which would
/// leave an id behind that crashes the program when MPI ends. And chunks that lie in the file already can be
/// entered into the index (docs/decisions/0005).
class SerialFile {
 public:
  /// Makes a new file, in place of an older one. @throws Error(io)
  static SerialFile create(std::filesystem::path const& path, hid_t creation);
  /// @throws Error(io)
  static SerialFile open(std::filesystem::path const& path);
  /// Opens a file that ends at byte `end`, where HDF5 knows only of its beginning: metadata go behind `end`,
  /// and pixels are not written but found where `place_next` says. @throws Error(io)
  static SerialFile open_with_pixels(std::filesystem::path const& path, std::uint64_t end);
  ~SerialFile();
  SerialFile(SerialFile&&) noexcept;
  SerialFile& operator=(SerialFile&&) = delete;

  operator hid_t() const { return file_; }

  /// Runs `work` on the file. After a failed write HDF5 cannot read what it believes to have written; the
  /// write is what `work` is told to have failed of then. @throws Error of `work`, or of the first write that
  /// failed
  void doing(std::function<void()> const& work) const;

  /// The next chunk lies at `offset`.
  void place_next(std::uint64_t offset, std::uint64_t size);

  /// @throws Error(io) for the first write that failed since the file was opened
  void close();

 private:
  SerialFile(std::unique_ptr<SerialState> state, hid_t file);

  std::unique_ptr<SerialState> state_;  ///< outlives the file
  File file_;
};

}  // namespace stfcube::hdf5
