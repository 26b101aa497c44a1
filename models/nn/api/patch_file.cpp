#include "stfcube/models/nn/api/patch_file.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {
namespace {

static_assert(std::endian::native == std::endian::little,
              "patch files are read and written as they lie in memory");

constexpr char magic[] = "STFPATCH";
constexpr std::uint32_t version = 1;
constexpr std::size_t names_offset = 40, alignment = 64;

std::string reason() {
  return std::strerror(errno);
}

std::string header_bytes(PatchFileHeader const& header) {
  std::string names;
  for (auto const& name : header.band_names) names += (names.empty() ? "" : " ") + name;
  std::string bytes((names_offset + names.size() + alignment - 1) / alignment * alignment, '\0');
  std::array<std::uint32_t, 6> const numbers = {version,
                                                static_cast<std::uint32_t>(bytes.size()),
                                                static_cast<std::uint32_t>(header.bands),
                                                static_cast<std::uint32_t>(header.size_px),
                                                static_cast<std::uint32_t>(header.ratio),
                                                0};
  std::memcpy(bytes.data(), magic, 8);
  std::memcpy(bytes.data() + 8, numbers.data(), sizeof numbers);
  std::memcpy(bytes.data() + 32, &header.count, sizeof header.count);
  std::memcpy(bytes.data() + names_offset, names.data(), names.size());
  return bytes;
}

void write_all(int descriptor, char const* bytes, std::size_t length, std::int64_t offset,
               std::string const& path) {
  while (length > 0) {
    auto const written = ::pwrite(descriptor, bytes, length, offset);
    if (written < 0 && errno == EINTR) continue;
    require(written > 0, ErrorKind::io, "Cannot write " + path + ": " + reason() + ".");
    bytes += written;
    offset += written;
    length -= static_cast<std::size_t>(written);
  }
}

}  // namespace

PatchFile::PatchFile(std::filesystem::path const& path) {
  int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(descriptor >= 0, ErrorKind::io,
          "Cannot open the patch file " + path.string() + ": " + reason() + ".");
  struct stat status {};
  ::fstat(descriptor, &status);
  length_ = static_cast<std::size_t>(status.st_size);
  void* const at =
      length_ >= alignment ? ::mmap(nullptr, length_, PROT_READ, MAP_SHARED, descriptor, 0) : MAP_FAILED;
  ::close(descriptor);
  bytes_ = at == MAP_FAILED ? nullptr : static_cast<char const*>(at);
  auto const refuse = [&](std::string const& problem) {
    if (bytes_ != nullptr) ::munmap(const_cast<char*>(bytes_), length_);
    throw Error(ErrorKind::data, path.string() + " " + problem);
  };
  if (bytes_ == nullptr || std::memcmp(bytes_, magic, 8) != 0) refuse("is no patch file of stfcube.");
  std::array<std::uint32_t, 6> numbers{};
  std::memcpy(numbers.data(), bytes_ + 8, sizeof numbers);
  std::memcpy(&header_.count, bytes_ + 32, sizeof header_.count);
  if (numbers[0] != version) refuse("is a patch file of another version.");
  if (numbers[1] < alignment || numbers[1] > length_ || numbers[2] < 1 || numbers[2] > 4096 ||
      numbers[3] < 1 || numbers[3] > 16384 || header_.count < 0)
    refuse("has a damaged header.");
  first_record_ = numbers[1];
  header_.bands = static_cast<int>(numbers[2]);
  header_.size_px = static_cast<int>(numbers[3]);
  header_.ratio = static_cast<int>(numbers[4]);
  std::string const names(bytes_ + names_offset, numbers[1] - names_offset);
  header_.band_names = split_words(names.substr(0, names.find('\0')));
  auto const records = (static_cast<std::int64_t>(length_) - first_record_) / header_.bytes_per_record();
  if (records != header_.count ||
      first_record_ + records * header_.bytes_per_record() != static_cast<std::int64_t>(length_))
    refuse("has another length than its header says: it was cut off, or is still being written.");
}

PatchFile::~PatchFile() {
  ::munmap(const_cast<char*>(bytes_), length_);
}

PatchDays PatchFile::days(std::int64_t record) const {
  std::array<std::int32_t, 3> days{};
  std::memcpy(days.data(), bytes_ + first_record_ + record * header_.bytes_per_record(), sizeof days);
  return {days[0], days[1], days[2]};
}

std::span<std::int16_t const> PatchFile::images(std::int64_t record) const {
  auto const* const at = bytes_ + first_record_ + record * header_.bytes_per_record() + 16;
  return {reinterpret_cast<std::int16_t const*>(at),
          static_cast<std::size_t>(6 * header_.values_per_image())};
}

PatchFileWriter::PatchFileWriter(std::filesystem::path const& path, PatchFileHeader const& header, Mode mode)
    : path_(path.string()), header_(header) {
  auto const bytes = header_bytes(header);
  first_record_ = static_cast<std::int64_t>(bytes.size());
  descriptor_ =
      ::open(path.c_str(), O_RDWR | O_CLOEXEC | (mode == Mode::create ? O_CREAT | O_TRUNC : 0), 0644);
  require(descriptor_ >= 0, ErrorKind::io, "Cannot open " + path_ + " for writing: " + reason() + ".");
  if (mode == Mode::join) return;
  keep(header.count);
}

PatchFileWriter::~PatchFileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PatchFileWriter::write(std::int64_t record, PatchDays const& days,
                            std::span<std::int16_t const> images) {
  ensure(record >= 0 && record < header_.count &&
             images.size() == static_cast<std::size_t>(6 * header_.values_per_image()),
         "a patch fits its file");
  std::array<std::int32_t, 4> const numbers = {days.target, days.first, days.second, 0};
  auto const offset = first_record_ + record * header_.bytes_per_record();
  write_all(descriptor_, reinterpret_cast<char const*>(numbers.data()), sizeof numbers, offset, path_);
  write_all(descriptor_, reinterpret_cast<char const*>(images.data()), images.size_bytes(), offset + 16,
            path_);
}

void PatchFileWriter::keep(std::int64_t count) {
  header_.count = count;
  auto const bytes = header_bytes(header_);
  write_all(descriptor_, bytes.data(), bytes.size(), 0, path_);
  require(::ftruncate(descriptor_, first_record_ + count * header_.bytes_per_record()) == 0, ErrorKind::io,
          "Cannot make " + path_ + " as long as its patches need: " + reason() + ".");
}

void PatchFileWriter::close() {
  int const descriptor = descriptor_;
  descriptor_ = -1;
  bool const synced = ::fsync(descriptor) == 0;
  require(::close(descriptor) == 0 && synced, ErrorKind::io,
          "Cannot finish " + path_ + ": " + reason() + ".");
}

}  // namespace stfcube::nn
