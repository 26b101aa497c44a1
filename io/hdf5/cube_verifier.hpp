#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/io/content_digest.hpp"
#include "stfcube/io/hdf5/stored_arrays.hpp"
#include "stfcube/io/pixel_check.hpp"

namespace stfcube::hdf5 {

/// The first problems that one rank found, by their place in the grid of chunks.
class Findings {
 public:
  void add(std::int64_t column, std::string text);

  std::int64_t count() const { return count_; }

  /// The first of those of all ranks, and how many there are. @collective
  std::pair<std::vector<std::string>, std::int64_t> of_all(Communicator const& comm) const;

 private:
  std::multimap<std::int64_t, std::string> first_;
  std::int64_t count_ = 0;
};

/// Checks the pixels of one rank's share of a cube. A column is the unit of work: all chunks, of every array
/// and band, over one place in the grid of chunks in time, y and x. HDF5 reads in the calling thread,
/// decoding and checking run on the threads of this rank.
class CubeVerifier {
 public:
  struct Totals {
    std::int64_t chunks = 0, stored_chunks = 0, stored_bytes = 0;
  };

  /// @throws Error(data) when the file has no arrays of a cube
  CubeVerifier(std::filesystem::path const& path, int threads);

  /// Checks one of `shares` about equal parts.
  void check_share(int share, int shares);

  std::vector<CubeArray> const& arrays() const { return stored_.arrays(); }
  Totals const& totals() const { return totals_; }
  /// Chunks that cannot be read.
  Findings const& unreadable() const { return unreadable_; }
  /// Chunks that are not what the table of checksums says.
  Findings const& not_as_written() const { return not_as_written_; }
  /// Pixels that break a rule.
  Findings const& broken_rules() const { return broken_rules_; }
  /// Why there is no table of checksums to compare with; empty: there is one.
  std::string const& without_table() const { return without_table_; }
  /// Of the chunks of this share.
  ContentDigest const& digest() const { return digest_; }

 private:
  struct Chunk;
  struct Column;

  void open_table();
  void read_labels();
  Column read(std::int64_t number) const;
  void read_checksums(Column& column) const;
  void check(Column& column) const;
  bool decode(Chunk& chunk, std::vector<std::byte>& raw) const;
  void check_band(Column& column, PixelCheck& pixels, std::vector<std::byte> const& product,
                  std::vector<std::byte> const* uncertainty) const;
  void take(Column const& column);
  std::string place(Chunk const& chunk) const;
  std::string dates(int first, int last) const;
  void report(Column& column, Chunk const& chunk, std::vector<PixelCheck::Violation> const& violations) const;

  File file_;
  StoredArrays stored_;
  int threads_;
  Dataset table_;
  std::string without_table_;
  std::vector<std::int64_t> table_begins_;
  std::vector<std::uint32_t> empty_checksums_;
  std::vector<std::string> date_names_, band_names_;
  ContentDigest digest_;
  Totals totals_;
  Findings unreadable_, not_as_written_, broken_rules_;
};

}  // namespace stfcube::hdf5
