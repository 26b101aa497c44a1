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

void Statistics::merge(Statistics const& other) {
  for (auto const& [name, sums] : other.rows_) {
    auto const mine = row(name, sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i) mine[i] += sums[i];
  }
}

std::string Statistics::pack() const {
  std::string bytes;
  for (auto const& [name, sums] : rows_) {
    std::uint64_t const sizes[2] = {name.size(), sums.size()};
    append(bytes, sizes, sizeof sizes);
    bytes += name;
    append(bytes, sums.data(), sums.size() * sizeof(ExactSum));
  }
  return bytes;
}

Statistics Statistics::unpack(std::string const& bytes) {
  Statistics statistics;
  for (Reader reader(bytes); !reader.done();) {
    std::string name(reader.size(), '\0');
    std::size_t const count = reader.size();
    reader.take(name.data(), name.size());
    reader.take(statistics.row(name, count).data(), count * sizeof(ExactSum));
  }
  return statistics;
}

double population_sigma(ExactSum n, ExactSum sum, ExactSum sum_of_squares) {
  if (n == 0) return std::numeric_limits<double>::quiet_NaN();
  double const count = static_cast<double>(n);
  return std::sqrt(static_cast<double>(n * sum_of_squares - sum * sum)) / count;
}

}  // namespace stfcube
