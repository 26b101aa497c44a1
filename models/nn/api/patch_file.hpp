#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stfcube::nn {

/// A file of training patches, for reading by memory map and for writing by several processes at once.
///
/// Layout, all little-endian:
///   bytes 0..7    "STFPATCH"
///   bytes 8..11   uint32 version = 1
///   bytes 12..15  uint32 header_bytes, a multiple of 64: where the first record begins
///   bytes 16..19  uint32 bands
///   bytes 20..23  uint32 size_px: side of a patch, fine pixels
///   bytes 24..27  uint32 ratio: coarse pixel / fine pixel
///   bytes 28..31  uint32 0
///   bytes 32..39  uint64 count: number of records
///   bytes 40..    names of the bands between blanks, then zeros up to header_bytes
/// A record:
///   int32[4]      days since 1970-01-01 of target, first reference, second reference; 0. INT32_MIN = there
///   is no second int16[6][bands][size_px][size_px]  fine image of the target date, coarse image of the
///   target date, fine and coarse
///                 image of the first reference, fine and coarse image of the second reference. Reflectance x
///                 10000; -32768 = no value. The coarse images lie on the fine grid.
struct PatchFileHeader {
  int bands = 6;
  int size_px = 128;
  int ratio = 16;
  std::int64_t count = 0;
  std::vector<std::string> band_names = {};

  std::int64_t values_per_image() const { return std::int64_t{bands} * size_px * size_px; }
  std::int64_t bytes_per_record() const { return 16 + 2 * 6 * values_per_image(); }

  bool operator==(PatchFileHeader const&) const = default;
};

constexpr std::int32_t no_day = INT32_MIN;
constexpr std::int16_t no_value = INT16_MIN;
/// Places of the images in a record.
enum PatchImage {
  fine_target,
  coarse_target,
  fine_first,
  coarse_first,
  fine_second,
  coarse_second,
  patch_images
};

struct PatchDays {
  std::int32_t target = 0, first = 0, second = no_day;
};

/// A patch file for reading. The values are the file's own memory: they live as long as this.
class PatchFile {
 public:
  /// @throws Error(io) when it cannot be opened, Error(data) when it is no patch file or its length is not
  /// what the header says
  explicit PatchFile(std::filesystem::path const& path);
  ~PatchFile();
  PatchFile(PatchFile const&) = delete;
  PatchFile& operator=(PatchFile const&) = delete;

  PatchFileHeader const& header() const { return header_; }
  PatchDays days(std::int64_t record) const;
  /// [6][bands][size_px][size_px] of one record.
  std::span<std::int16_t const> images(std::int64_t record) const;

 private:
  char const* bytes_ = nullptr;
  std::size_t length_ = 0;
  std::int64_t first_record_ = 0;
  PatchFileHeader header_;
};

/// Writes the records of a patch file in any order. Several processes may write different records of one
/// file: one of them makes it before the others open it.
class PatchFileWriter {
 public:
  enum class Mode { create, join };

  /// @param header with the final count
  /// @throws Error(io)
  PatchFileWriter(std::filesystem::path const& path, PatchFileHeader const& header, Mode mode);
  ~PatchFileWriter();
  PatchFileWriter(PatchFileWriter const&) = delete;
  PatchFileWriter& operator=(PatchFileWriter const&) = delete;

  /// @param images [6][bands][size_px][size_px]
  /// @throws Error(io)
  void write(std::int64_t record, PatchDays const& days, std::span<std::int16_t const> images);

  /// Cuts the file off behind its first `count` records, when fewer were found than wanted. @throws Error(io)
  void keep(std::int64_t count);

  /// Brings everything to the disk. @throws Error(io)
  void close();

 private:
  std::string path_;
  PatchFileHeader header_;
  std::int64_t first_record_;
  int descriptor_ = -1;
};

}  // namespace stfcube::nn
