#include "stfcube/io/staged/staging.hpp"

#include <algorithm>
#include <iterator>
#include <regex>
#include <system_error>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using Access = PlainFile::Access;

/// The start that wrote a journal; nothing when the file is none.
std::optional<std::int64_t> start_of(std::string const& name) {
  static std::regex const pattern(R"(journal\.(\d{1,15})\.\d{1,15})");
  std::smatch parts;
  if (!std::regex_match(name, parts, pattern)) return std::nullopt;
  return parse_integer(parts[1].str());
}

std::vector<std::string> journals_in(fs::path const& directory) {
  std::vector<std::string> names;
  for (fs::directory_entry const& entry : fs::directory_iterator(directory)) {
    std::string const name = entry.path().filename().string();
    if (start_of(name)) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

bool lies_within(StoredChunk const& chunk, std::uint64_t size) {
  return chunk.offset <= size && chunk.size <= size - chunk.offset;
}

template <class T>
void make_sorted_set(std::vector<T>& values) {
  std::ranges::sort(values);
  auto const doubled = std::ranges::unique(values);
  values.erase(doubled.begin(), doubled.end());
}

}  // namespace

Staging::Staging(WorkDirectory const& place, std::vector<CubeArray> const& arrays, std::uint64_t head_bytes,
                 std::uint64_t align, Communicator const& comm)
    : place_(place),
      arrays_(arrays),
      align_(align),
      comm_(comm),
      data_(place.file("data.part")),
      first_extent_(head_bytes) {
  ensure(align > 0, "places are multiples of something");
  comm_.together([&] {
    if (!comm_.is_root()) return;
    PlainFile(data_, Access::open_or_create).close();
    sync_to_disk(data_.parent_path());
  });
  find_journals();
  comm_.together([&] { file_.emplace(data_, Access::write); });
  check_same_size();
  read_revoked();
  read_units();
}

Staging::~Staging() {
  std::error_code ignored;
  if (comm_.is_root() && journals_.empty() && fs::file_size(data_, ignored) == 0) fs::remove(data_, ignored);
}

void Staging::find_journals() {
  std::string names;
  comm_.together([&] {
    if (!comm_.is_root()) return;
    for (std::string const& name : journals_in(data_.parent_path())) names += name + " ";
  });
  journals_ = split_words(comm_.broadcast(names));
  for (std::string const& name : journals_) start_ = std::max(start_, start_of(name).value_or(0) + 1);
}

void Staging::check_same_size() const {
  std::int64_t size = 0;
  comm_.together([&] { size = static_cast<std::int64_t>(file_->size()); });
  std::int64_t const largest = comm_.max(size), smallest = -comm_.max(-size);
  require(largest == smallest, ErrorKind::io,
          fmt::format(
              "{}: some ranks see {} bytes, others {}. All nodes must see one and the same directory; choose "
              "another cube.path.",
              data_.string(), largest, smallest));
}

/// Also sets where new places begin.
void Staging::read_revoked() {
  std::vector<ChunkCopy> mine;
  std::uint64_t end = 0;
  comm_.together([&] {
    end = std::max(first_extent_, file_->size());
    for (fs::path const& path : my_journals()) {
      JournalReader reader(path);
      for (auto record = reader.next(); record && fits(*record, arrays_); record = reader.next()) {
        if (record->revoked) mine.push_back(copy_named_by(record->chunk));
        if (!record->empty) end = std::max(end, record->chunk.offset + record->chunk.size);
      }
    }
  });
  auto const all = comm_.gather_values(mine);
  revoked_.insert(all.begin(), all.end());
  first_extent_ = aligned(static_cast<std::uint64_t>(comm_.max(static_cast<std::int64_t>(end))));
}

void Staging::read_units() {
  std::vector<std::int64_t> mine;
  std::vector<StoredChunk> lost;
  comm_.together([&] {
    std::uint64_t const size = file_->size();
    UnitReader units = share_of_units();
    while (auto const unit = units.next()) {
      auto const beyond = std::ranges::find_if(
          unit->chunks, [&](StoredChunk const& chunk) { return !lies_within(chunk, size); });
      if (beyond == unit->chunks.end()) {
        mine.push_back(unit->number);
      } else {
        lost.push_back(*beyond);
      }
    }
  });
  units_done_ = comm_.gather_values(mine);
  make_sorted_set(units_done_);
  lost = comm_.gather_values(lost);
  if (lost.empty()) return;
  if (comm_.is_root()) {
    log::warning(fmt::format("{} ends before all that was written to it; {} units are computed again",
                             data_.string(), lost.size()));
  }
  comm_.together([&] { revoke(lost); });
}

void Staging::commit(std::int64_t unit, std::vector<StoredChunk> const& chunks) {
  std::vector<JournalRecord> records;
  for (StoredChunk const& chunk : chunks) {
    records.push_back({.unit = unit, .position = static_cast<std::uint32_t>(records.size()), .chunk = chunk});
  }
  if (records.empty()) records.push_back({.unit = unit, .empty = true});
  records.back().last = true;
  file_->sync();
  journal().append(records);
  committed_.push_back(unit);
}

void Staging::close() {
  comm_.together([&] { file_->close(); });
  std::string const mine = journal_ ? journal_path(start_, comm_.rank()).filename().string() : "";
  for (std::string const& name : comm_.all_gather(mine)) {
    if (!name.empty()) journals_.push_back(name);
  }
  make_sorted_set(journals_);
}

UnitReader Staging::share_of_units() const {
  return {my_journals(), arrays_, revoked_};
}

void Staging::check_complete(std::vector<std::int64_t> const& found) const {
  auto all = comm_.gather_values(found), expected = comm_.gather_values(committed_);
  expected.insert(expected.end(), units_done_.begin(), units_done_.end());
  make_sorted_set(all);
  make_sorted_set(expected);
  std::vector<std::int64_t> missing;
  std::ranges::set_difference(expected, all, std::back_inserter(missing));
  require(missing.empty(), ErrorKind::io,
          fmt::format(
              "{}: the journals lost {} of {} units (the first is number {}). The file system lost data; run "
              "the command again, on another one if need be.",
              data_.parent_path().string(), missing.size(), expected.size(),
              missing.empty() ? 0 : missing.front()));
}

void Staging::revoke(std::vector<StoredChunk> const& copies) {
  for (StoredChunk const& copy : copies) revoked_.insert(copy_named_by(copy));
  if (!comm_.is_root()) return;
  std::vector<JournalRecord> records;
  for (StoredChunk const& copy : copies) records.push_back({.unit = -1, .revoked = true, .chunk = copy});
  journal().append(records);
}

void Staging::remove() const {
  if (!comm_.is_root()) return;
  std::error_code failed;
  for (std::string const& name : journals_) {
    if (!failed) fs::remove(place_.file(name), failed);
  }
  if (!failed) fs::remove(data_, failed);
  require(!failed, ErrorKind::io,
          fmt::format("{} cannot be emptied: {}", data_.parent_path().string(), failed.message()));
}

fs::path Staging::journal_path(std::int64_t start, int rank) const {
  return place_.file(fmt::format("journal.{}.{}", start, rank));
}

/// The i-th journal is the business of rank i modulo the number of ranks.
std::vector<fs::path> Staging::my_journals() const {
  std::vector<fs::path> mine;
  auto const ranks = static_cast<std::size_t>(comm_.size());
  for (auto i = static_cast<std::size_t>(comm_.rank()); i < journals_.size(); i += ranks) {
    mine.push_back(place_.file(journals_[i]));
  }
  return mine;
}

Journal& Staging::journal() {
  if (!journal_) journal_.emplace(journal_path(start_, comm_.rank()));
  return *journal_;
}

}  // namespace stfcube
