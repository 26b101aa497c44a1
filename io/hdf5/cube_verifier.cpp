#include "stfcube/io/hdf5/cube_verifier.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/io/chunk_checksums.hpp"
#include "stfcube/io/cube_check.hpp"
#include "stfcube/io/hdf5/datasets.hpp"
#include "stfcube/io/hdf5/skeleton.hpp"
#include "stfcube/io/staged/chunk_decoder.hpp"
#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube::hdf5 {
namespace {

namespace fs = std::filesystem;

template <class T>
std::span<T const> values_of(std::vector<std::byte> const& raw) {
  return {reinterpret_cast<T const*>(raw.data()), raw.size() / sizeof(T)};
}

/// How much of a chunk lies within the array, along one axis.
int inside(CubeArray const& array, std::array<int, 4> const& index, std::size_t axis) {
  return std::min(array.chunk[axis], array.shape[axis] - index[axis] * array.chunk[axis]);
}

/// One band of a chunk as [date, y, x]. Chunks of one band are that already.
std::vector<Dn> band_of(CubeArray const& array, std::span<Dn const> chunk, int band) {
  auto const plane = static_cast<std::size_t>(array.chunk[2]) * static_cast<std::size_t>(array.chunk[3]);
  std::vector<Dn> values;
  values.reserve(plane * static_cast<std::size_t>(array.chunk[0]));
  for (int t = 0; t < array.chunk[0]; ++t) {
    auto const first = chunk.begin() + static_cast<std::ptrdiff_t>(
                                           static_cast<std::size_t>(t * array.chunk[1] + band) * plane);
    values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(plane));
  }
  return values;
}

/// "rows 32-47", or "row 32".
std::string numbers(char const* one, int first, int last) {
  return first == last ? fmt::format("{} {}", one, first) : fmt::format("{}s {}-{}", one, first, last);
}

}  // namespace

void Findings::add(std::int64_t column, std::string text) {
  ++count_;
  first_.emplace(column, std::move(text));
  if (first_.size() > most_named_problems) first_.erase(std::prev(first_.end()));
}

std::pair<std::vector<std::string>, std::int64_t> Findings::of_all(Communicator const& comm) const {
  std::string mine;
  for (auto const& [column, text] : first_) mine += fmt::format("{} {}\n", column, text);
  Findings all;
  for (std::string const& of_rank : comm.all_gather(mine)) {
    std::istringstream lines(of_rank);
    for (std::string line; std::getline(lines, line);) {
      auto const blank = line.find(' ');
      all.add(std::stoll(line.substr(0, blank)), line.substr(blank + 1));
    }
  }
  std::vector<std::string> texts;
  for (auto const& [column, text] : all.first_) texts.push_back(text);
  std::vector<std::int64_t> count = {count_};
  comm.sum(count);
  return {texts, count.front()};
}

/// One chunk on its way.
struct CubeVerifier::Chunk {
  std::size_t array;
  std::int64_t number;
  std::array<int, 4> index;
  std::optional<std::vector<std::byte>> stored = {};
  std::string damage = {};                     ///< empty: it can be read
  std::optional<std::uint32_t> recorded = {};  ///< checksum of the table
  std::optional<std::uint32_t> checksum = {};  ///< nothing when it holds the fill value alone
};

/// All chunks over one place: those of the product, band by band, then of the uncertainty, then the flags.
struct CubeVerifier::Column {
  std::int64_t number;
  std::vector<Chunk> chunks;
  std::vector<std::string> problems = {};

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (Chunk const& chunk : chunks) sum += chunk.stored ? chunk.stored->size() : 0;
    return sum;
  }
};

CubeVerifier::CubeVerifier(fs::path const& path, int threads)
    : file_(checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, file_access()), "the file cannot be opened")),
      stored_(file_),
      threads_(threads),
      table_begins_(ChunkChecksums::begins(stored_.arrays())),
      digest_(stored_.arrays()) {
  std::ranges::transform(arrays(), std::back_inserter(empty_checksums_), ChunkChecksums::of_empty_chunk);
  try {
    open_table();
  } catch (Error const& error) {
    without_table_ = error.what();
  }
  read_labels();
}

void CubeVerifier::open_table() {
  std::string const name = chunk_checksum_path;
  require(H5Lexists(file_, "provenance", H5P_DEFAULT) > 0 && H5Lexists(file_, name.c_str(), H5P_DEFAULT) > 0,
          ErrorKind::data, "is missing");
  Dataset table = open_dataset(file_, name);
  std::int64_t const chunks = table_begins_.back() + arrays().back().chunks();
  Datatype const type(checked(H5Dget_type(table), name));
  require(sizes_of(table) == std::vector<hsize_t>{static_cast<hsize_t>(chunks)} &&
              H5Tequal(type, stored_type<std::uint32_t>()) > 0,
          ErrorKind::data,
          fmt::format("does not hold a number of four bytes for each of the {} chunks", chunks));
  table_ = std::move(table);
}

/// What is named in messages. Where the file does not say it properly, numbers must do; that is told
/// elsewhere.
void CubeVerifier::read_labels() {
  auto const& shape = arrays().front().shape;
  try {
    for (double const day : read_numbers<double>(open_dataset(file_, "time"), "time")) {
      date_names_.push_back(std::abs(day) < 1e7 ? to_string(Date{static_cast<std::int32_t>(day)}) : "");
    }
    band_names_ = read_strings(file_, "band_name");
  } catch (Error const&) {
  }
  for (auto i = static_cast<int>(date_names_.size()); i < shape[0]; ++i)
    date_names_.push_back(fmt::format("date {}", i));
  for (auto i = static_cast<int>(band_names_.size()); i < shape[1]; ++i)
    band_names_.push_back(std::to_string(i + 1));
}

void CubeVerifier::check_share(int share, int shares) {
  std::int64_t const columns = arrays().back().chunks();  // one chunk of flags each
  std::int64_t const first = columns * share / shares, last = columns * (share + 1) / shares;
  constexpr std::size_t enough_bytes = std::size_t{64} << 20;
  auto const enough_columns = static_cast<std::size_t>(16 * threads_);
  for (std::int64_t next = first; next < last;) {
    std::vector<Column> batch;
    for (std::size_t bytes = 0; next < last && bytes < enough_bytes && batch.size() < enough_columns;
         ++next) {
      batch.push_back(read(next));
      bytes += batch.back().bytes();
    }
    with_threads(threads_, [&] {
      parallel_for(0, static_cast<int>(batch.size()),
                   [&](int i) { check(batch[static_cast<std::size_t>(i)]); });
    });
    for (Column const& column : batch) take(column);
  }
}

CubeVerifier::Column CubeVerifier::read(std::int64_t number) const {
  Column column = {number, {}};
  auto const place = arrays().back().chunk_index(number);
  for (std::size_t a = 0; a < arrays().size(); ++a) {
    for (int band = 0; band < arrays()[a].chunk_counts()[1]; ++band) {
      std::array<int, 4> const index = {place[0], band, place[2], place[3]};
      Chunk chunk = {.array = a, .number = arrays()[a].chunk_number(index), .index = index};
      try {
        chunk.stored = stored_.read(a, chunk.number);
      } catch (Error const& error) {
        chunk.damage = error.what();
      }
      column.chunks.push_back(std::move(chunk));
    }
  }
  if (table_) read_checksums(column);
  return column;
}

void CubeVerifier::read_checksums(Column& column) const {
  std::vector<hsize_t> places;
  for (Chunk const& chunk : column.chunks) {
    places.push_back(static_cast<hsize_t>(table_begins_[chunk.array] + chunk.number));
  }
  std::vector<std::uint32_t> found(places.size());
  hsize_t const count = places.size();
  Dataspace const in_file(checked(H5Dget_space(table_), chunk_checksum_path));
  Dataspace const in_memory(checked(H5Screate_simple(1, &count, nullptr), chunk_checksum_path));
  checked(H5Sselect_elements(in_file, H5S_SELECT_SET, places.size(), places.data()), chunk_checksum_path);
  checked(H5Dread(table_, stored_type<std::uint32_t>(), in_memory, in_file, H5P_DEFAULT, found.data()),
          chunk_checksum_path);
  for (std::size_t i = 0; i < found.size(); ++i) column.chunks[i].recorded = found[i];
}

/// Makes `raw` the chunk before compression. @return false when its bytes are damaged
bool CubeVerifier::decode(Chunk& chunk, std::vector<std::byte>& raw) const {
  CubeArray const& array = arrays()[chunk.array];
  raw.resize(array.chunk_bytes());
  if (chunk.damage.empty() && chunk.stored) {
    ChunkDecoder decoder(stored_.coder(chunk.array));
    chunk.damage = decoder.decode(*chunk.stored, array.item_bytes, raw).value_or("");
  } else if (chunk.damage.empty()) {
    Dn const fill = static_cast<Dn>(array.fill);
    auto const size = static_cast<std::size_t>(array.item_bytes);
    for (std::size_t i = 0; i < raw.size(); i += size) std::memcpy(raw.data() + i, &fill, size);
  }
  if (chunk.damage.empty()) chunk.checksum = ContentDigest::checksum(array, raw);
  return chunk.damage.empty();
}

void CubeVerifier::check(Column& column) const {
  CubeArray const& product = arrays().front();
  Chunk& flags = column.chunks.back();
  PixelCheck pixels(
      stored_.quantity(), {product.chunk[0], product.chunk[2], product.chunk[3]},
      {inside(product, flags.index, 0), inside(product, flags.index, 2), inside(product, flags.index, 3)});
  std::vector<std::byte> raw_flags, raw_product, raw_uncertainty;
  bool all_sound = decode(flags, raw_flags);
  if (all_sound) report(column, flags, pixels.flags(values_of<quality::Flags>(raw_flags)));
  auto const band_chunks = static_cast<std::size_t>(product.chunk_counts()[1]);
  for (std::size_t i = 0; i < band_chunks; ++i) {
    Chunk& chunk = column.chunks[i];
    bool const sound = decode(chunk, raw_product);
    bool const uncertain =
        stored_.has_uncertainty() && decode(column.chunks[band_chunks + i], raw_uncertainty);
    all_sound = all_sound && sound;
    if (!sound) continue;
    for (int band = 0; band < inside(product, chunk.index, 1); ++band) {
      auto const values = band_of(product, values_of<Dn>(raw_product), band);
      report(column, chunk, pixels.band(values));
      if (!uncertain) continue;
      auto const deviations = band_of(product, values_of<Dn>(raw_uncertainty), band);
      report(column, column.chunks[band_chunks + i], pixels.uncertainty(values, deviations));
    }
  }
  if (all_sound) report(column, flags, pixels.together(values_of<quality::Flags>(raw_flags)));
}

void CubeVerifier::report(Column& column, Chunk const& chunk,
                          std::vector<PixelCheck::Violation> const& violations) const {
  auto const& size = arrays()[chunk.array].chunk;
  for (PixelCheck::Violation const& v : violations) {
    int const t = chunk.index[0] * size[0], y = chunk.index[2] * size[2], x = chunk.index[3] * size[3];
    column.problems.push_back(fmt::format("{}: {}: {} pixel{}, {}, {}, {}", place(chunk), v.rule, v.pixels,
                                          v.pixels == 1 ? "" : "s", dates(t + v.lowest[0], t + v.highest[0]),
                                          numbers("row", y + v.lowest[1], y + v.highest[1]),
                                          numbers("column", x + v.lowest[2], x + v.highest[2])));
  }
}

/// Adds what was found in a column to that of this rank.
void CubeVerifier::take(Column const& column) {
  for (Chunk const& chunk : column.chunks) {
    ++totals_.chunks;
    if (chunk.stored) {
      ++totals_.stored_chunks;
      totals_.stored_bytes += static_cast<std::int64_t>(chunk.stored->size());
    }
    if (!chunk.damage.empty()) {
      unreadable_.add(column.number, fmt::format("{} {}", place(chunk), chunk.damage));
      continue;
    }
    if (chunk.checksum) digest_.add(chunk.array, chunk.number, *chunk.checksum);
    std::uint32_t const found = chunk.checksum.value_or(empty_checksums_[chunk.array]);
    if (!chunk.recorded || found == *chunk.recorded) continue;
    not_as_written_.add(
        column.number,
        fmt::format("{} {}: CRC-32C {:08x}, not {:08x} as recorded", place(chunk),
                    chunk.stored ? "is not what was written" : "is missing", found, *chunk.recorded));
  }
  for (std::string const& problem : column.problems) broken_rules_.add(column.number, problem);
}

std::string CubeVerifier::dates(int first, int last) const {
  auto const name = [&](int date) { return date_names_[static_cast<std::size_t>(date)]; };
  return first == last ? name(first) : fmt::format("{} to {}", name(first), name(last));
}

/// "reflectance, chunk 0 1 2 3 (2020-01-09, band red, rows 32-47, columns 0-31)".
std::string CubeVerifier::place(Chunk const& chunk) const {
  CubeArray const& array = arrays()[chunk.array];
  std::array<int, 4> first{}, last{};
  for (std::size_t axis = 0; axis < 4; ++axis) {
    first[axis] = chunk.index[axis] * array.chunk[axis];
    last[axis] = first[axis] + inside(array, chunk.index, axis) - 1;
  }
  std::string bands;
  for (int band = first[1]; array.banded && band <= last[1]; ++band) {
    bands += (bands.empty() ? ", band " : " ") + band_names_[static_cast<std::size_t>(band)];
  }
  std::vector<int> index(chunk.index.begin(), chunk.index.end());
  if (!array.banded) index.erase(index.begin() + 1);
  return fmt::format("{}, chunk {} ({}{}, {}, {})", array.name, fmt::join(index, " "),
                     dates(first[0], last[0]), bands, numbers("row", first[2], last[2]),
                     numbers("column", first[3], last[3]));
}

}  // namespace stfcube::hdf5
