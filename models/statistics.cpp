#include "stfcube/models/statistics.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

void append(std::string& bytes, void const* data, std::size_t size) {
  bytes.append(static_cast<char const*>(data), size);
}

void append_name(std::string& bytes, std::string const& name, std::size_t entries) {
  std::uint64_t const size = name.size(), count = entries;
  append(bytes, &size, sizeof size);
  bytes += name;
  append(bytes, &count, sizeof count);
}

/// Takes pieces off the front of packed bytes.
class Reader {
 public:
  explicit Reader(std::string const& bytes) : bytes_(bytes) {}
  bool done() const { return at_ == bytes_.size(); }
  void take(void* to, std::size_t size) {
    ensure(at_ + size <= bytes_.size(), "packed statistics are whole");
    bytes_.copy(static_cast<char*>(to), size, at_);
    at_ += size;
  }
  std::uint64_t size() {
    std::uint64_t value = 0;
    take(&value, sizeof value);
    return value;
  }
  std::string name() {
    std::string text(size(), '\0');
    take(text.data(), text.size());
    return text;
  }

 private:
  std::string const& bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::span<ExactSum> Statistics::row(std::string const& name, std::size_t count) {
  auto& sums = rows_.try_emplace(name, count, ExactSum{0}).first->second;
  ensure(sums.size() == count, "a row of statistics keeps its length");
  return sums;
}

std::span<ExactSum const> Statistics::find(std::string const& name) const {
  auto const found = rows_.find(name);
  if (found == rows_.end()) return {};
  return found->second;
}

Tally const& Statistics::find_tally(std::string const& name) const {
  static Tally const none;
  auto const found = tallies_.find(name);
  return found == tallies_.end() ? none : found->second;
}

std::vector<std::string> Statistics::row_names() const {
  std::vector<std::string> names;
  for (auto const& [name, row] : rows_) names.push_back(name);
  return names;
}

void Statistics::merge(Statistics const& other) {
  for (auto const& [name, sums] : other.rows_) {
    auto const mine = row(name, sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i) mine[i] += sums[i];
  }
  for (auto const& [name, counts] : other.tallies_) {
    Tally& mine = tallies_[name];
    for (auto const& [value, count] : counts) mine[value] += count;
  }
}

std::string Statistics::pack() const {
  std::string bytes;
  if (rows_.empty() && tallies_.empty()) return bytes;
  std::uint64_t const count = rows_.size();
  append(bytes, &count, sizeof count);
  for (auto const& [name, sums] : rows_) {
    append_name(bytes, name, sums.size());
    append(bytes, sums.data(), sums.size() * sizeof(ExactSum));
  }
  for (auto const& [name, counts] : tallies_) {
    append_name(bytes, name, counts.size());
    for (auto const& entry : counts) append(bytes, &entry, sizeof entry);
  }
  return bytes;
}

Statistics Statistics::unpack(std::string const& bytes) {
  Statistics statistics;
  Reader reader(bytes);
  if (reader.done()) return statistics;
  for (std::uint64_t rows = reader.size(); rows > 0; --rows) {
    std::string const name = reader.name();
    std::size_t const count = reader.size();
    reader.take(statistics.row(name, count).data(), count * sizeof(ExactSum));
  }
  while (!reader.done()) {
    Tally& tally = statistics.tally(reader.name());
    for (std::uint64_t entries = reader.size(); entries > 0; --entries) {
      Tally::value_type entry{};
      reader.take(&entry, sizeof entry);
      tally.insert(tally.end(), entry);
    }
  }
  return statistics;
}

std::vector<Statistics> Statistics::split(std::size_t parts) const {
  std::vector<Statistics> pieces(parts);
  // FNV-1a, the same on every machine.
  auto const part = [&](std::string const& name) {
    std::size_t hash = 0xcbf29ce484222325;
    for (char const c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash % parts;
  };
  for (auto const& [name, sums] : rows_) pieces[part(name)].rows_[name] = sums;
  for (auto const& [name, counts] : tallies_) pieces[part(name)].tallies_[name] = counts;
  return pieces;
}

std::int64_t quantile(Tally const& tally, double q) {
  std::int64_t total = 0;
  for (auto const& [value, count] : tally) total += count;
  ensure(total > 0, "a quantile is of something");
  auto const rank = static_cast<std::int64_t>(std::ceil(q * static_cast<double>(total)));
  std::int64_t below = 0;
  for (auto const& [value, count] : tally) {
    below += count;
    if (below >= rank) return value;
  }
  return tally.rbegin()->first;
}

double population_sigma(ExactSum n, ExactSum sum, ExactSum sum_of_squares) {
  if (n == 0) return std::numeric_limits<double>::quiet_NaN();
  double const count = static_cast<double>(n);
  return std::sqrt(static_cast<double>(n * sum_of_squares - sum * sum)) / count;
}

}  // namespace stfcube
