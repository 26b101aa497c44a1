#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stfcube/models/nn/weights/input_file.hpp"

namespace stfcube::nn {

/// A zip archive whose members are stored without compression, as PyTorch writes them; zip64 included.
/// Places and lengths are checked against the file and each other when it is opened, contents when they are
/// read.
class ZipArchive {
 public:
  /// @param file must outlive the archive
  /// @throws Error(data) when it is no zip archive, or is cut off, contradicts itself, or is encrypted
  explicit ZipArchive(InputFile const& file);

  std::vector<std::string> names() const;
  bool contains(std::string const& name) const { return members_.contains(name); }

  /// The bytes of one member. @throws Error(data) when there is none, it is compressed, or its checksum is
  /// wrong
  std::string read(std::string const& name) const;

  InputFile const& file() const { return file_; }

 private:
  struct Member {
    std::uint64_t header_offset = 0, size = 0,
                  end = 0;  ///< `end`: where the next member or the directory begins
    std::uint32_t crc = 0;
    int method = 0;
  };
  struct Directory {
    std::uint64_t offset = 0, size = 0, entries = 0;
  };

  Directory find_directory() const;
  Directory zip64_directory(std::uint64_t end_record) const;
  std::uint64_t add_member(std::string const& directory, std::uint64_t at, std::uint64_t directory_offset);
  void bound_members(std::uint64_t directory_offset);

  InputFile const& file_;
  std::map<std::string, Member> members_;
};

}  // namespace stfcube::nn
