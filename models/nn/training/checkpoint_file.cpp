#include "stfcube/models/nn/training/checkpoint_file.hpp"

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints are written as they lie in memory");

constexpr std::string_view magic = "STFCHKP1";
enum EntryKind : std::uint32_t { text_entry, float_entry, double_entry };

std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (unsigned char const byte : bytes) hash = (hash ^ byte) * 0x100000001B3ULL;
  return hash;
}

template <class Number>
void append(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<char const*>(&number), sizeof number);
}

template <class Container>
void append_entry(std::string& bytes, EntryKind kind, std::string const& name, Container const& elements) {
  append(bytes, static_cast<std::uint32_t>(kind));
  append(bytes, static_cast<std::uint32_t>(name.size()));
  append(bytes, static_cast<std::uint64_t>(elements.size()));
  bytes += name;
  bytes.append(reinterpret_cast<char const*>(elements.data()), elements.size() * sizeof(elements[0]));
}

/// Takes pieces from the front of a file's bytes.
class Pieces {
 public:
  Pieces(std::string_view bytes, std::string path) : rest_(bytes), path_(std::move(path)) {}

  bool empty() const { return rest_.empty(); }

  std::string_view take(std::uint64_t length) {
    require(length <= rest_.size(), ErrorKind::data, path_ + " is a damaged checkpoint.");
    auto const piece = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return piece;
  }

  template <class Number>
  Number number() {
    Number value{};
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  template <class Container>
  Container elements(std::uint64_t count) {
    using Element = typename Container::value_type;
    require(count <= rest_.size() / sizeof(Element), ErrorKind::data, path_ + " is a damaged checkpoint.");
    Container values(count, Element{});
    auto const piece = take(count * sizeof(Element));
    if (count > 0) std::memcpy(values.data(), piece.data(), piece.size());
    return values;
  }

 private:
  std::string_view rest_;
  std::string path_;
};

}  // namespace

void write_checkpoint(std::filesystem::path const& path, Checkpoint const& checkpoint) {
  std::string bytes(magic);
  for (auto const& [name, text] : checkpoint.texts) append_entry(bytes, text_entry, name, text);
  for (auto const& [name, values] : checkpoint.floats) append_entry(bytes, float_entry, name, values);
  for (auto const& [name, values] : checkpoint.numbers) append_entry(bytes, double_entry, name, values);
  append(bytes, checksum(bytes));
  auto const partial = path.string() + ".partial";
  int const descriptor = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  require(descriptor >= 0, ErrorKind::io, "Cannot write " + partial + ": " + std::strerror(errno) + ".");
  std::string_view rest = bytes;
  bool good = true;
  while (good && !rest.empty()) {
    auto const written = ::write(descriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    good = written > 0;
    if (good) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  good = good && ::fsync(descriptor) == 0;
  int const error = errno;
  ::close(descriptor);
  require(good, ErrorKind::io, "Cannot write " + partial + ": " + std::strerror(error) + ".");
  std::filesystem::rename(partial, path);
}

Checkpoint read_checkpoint(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  require(file.good(), ErrorKind::io, "Cannot open the checkpoint " + path.string() + ".");
  std::string const bytes{std::istreambuf_iterator<char>(file), {}};
  auto const body = bytes.size() < magic.size() + 8 ? 0 : bytes.size() - 8;
  std::uint64_t sum = 0;
  if (body > 0) std::memcpy(&sum, bytes.data() + body, 8);
  require(body > 0 && bytes.starts_with(magic) && sum == checksum(std::string_view(bytes).substr(0, body)),
          ErrorKind::data, path.string() + " is no checkpoint of stfcube, or a damaged one.");
  Pieces pieces(std::string_view(bytes).substr(magic.size(), body - magic.size()), path.string());
  Checkpoint checkpoint;
  while (!pieces.empty()) {
    auto const kind = pieces.number<std::uint32_t>();
    auto const name_length = pieces.number<std::uint32_t>();
    auto const count = pieces.number<std::uint64_t>();
    std::string const name(pieces.take(name_length));
    if (kind == text_entry) checkpoint.texts[name] = std::string(pieces.take(count));
    if (kind == float_entry) checkpoint.floats[name] = pieces.elements<std::vector<float>>(count);
    if (kind == double_entry) checkpoint.numbers[name] = pieces.elements<std::vector<double>>(count);
  }
  return checkpoint;
}

}  // namespace stfcube::nn
