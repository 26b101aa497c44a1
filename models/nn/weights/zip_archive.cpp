#include "stfcube/models/nn/weights/zip_archive.hpp"

#include <algorithm>
#include <optional>

#include "stfcube/models/nn/weights/crc32.hpp"
#include "stfcube/models/nn/weights/little_endian.hpp"

namespace stfcube::nn {
namespace {

// APPNOTE.TXT, the zip specification: section 4.3.
constexpr std::string_view local_signature = "PK\3\4", entry_signature = "PK\1\2", end_signature = "PK\5\6",
                           end64_signature = "PK\6\6", locator64_signature = "PK\6\7";
constexpr std::uint64_t local_size = 30, entry_size = 46, end_size = 22, end64_size = 56, locator64_size = 20;
constexpr std::uint64_t longest_comment = 0xffff, largest_directory = 1 << 28;
constexpr std::uint16_t encrypted = 1;

std::uint64_t number16(std::string const& bytes, std::uint64_t at) {
  return little_endian<std::uint16_t>(bytes.data() + at);
}
std::uint64_t number32(std::string const& bytes, std::uint64_t at) {
  return little_endian<std::uint32_t>(bytes.data() + at);
}
std::uint64_t number64(std::string const& bytes, std::uint64_t at) {
  return little_endian<std::uint64_t>(bytes.data() + at);
}

/// The zip64 block of an entry's extra fields: 64-bit numbers for those fields alone that are all ones.
class Zip64Extra {
 public:
  explicit Zip64Extra(std::string_view extra) {
    while (extra.size() >= 4) {
      auto const id = little_endian<std::uint16_t>(extra.data());
      std::size_t const length = little_endian<std::uint16_t>(extra.data() + 2);
      if (length > extra.size() - 4) return;
      if (id == 1) numbers_ = extra.substr(4, length);
      extra.remove_prefix(4 + length);
    }
  }

  /// Nothing when the block should have one more number and has not.
  std::optional<std::uint64_t> widen(std::uint64_t field) {
    if (field != 0xffffffff) return field;
    if (numbers_.size() < 8) return std::nullopt;
    auto const value = little_endian<std::uint64_t>(numbers_.data());
    numbers_.remove_prefix(8);
    return value;
  }

 private:
  std::string_view numbers_;
};

}  // namespace

ZipArchive::ZipArchive(InputFile const& file) : file_(file) {
  Directory const place = find_directory();
  file_.demand(place.size <= largest_directory, "the archive's directory claims " +
                                                    std::to_string(place.size) +
                                                    " bytes, more than any weight file needs.");
  std::string const directory = file_.read(place.offset, place.size, "the archive's directory");
  std::uint64_t at = 0;
  for (std::uint64_t entry = 0; entry < place.entries; ++entry) at = add_member(directory, at, place.offset);
  bound_members(place.offset);
}

ZipArchive::Directory ZipArchive::find_directory() const {
  std::uint64_t const tail_size = std::min(file_.size(), end_size + longest_comment);
  std::string const tail = file_.read(file_.size() - tail_size, tail_size, "the archive's end");
  std::size_t const at = tail.rfind(end_signature);
  file_.demand(at != std::string::npos && tail.size() - at >= end_size,
               "this is no complete zip archive: its end is missing. Fetch it again.");
  Directory place{number32(tail, at + 16), number32(tail, at + 12), number16(tail, at + 10)};
  file_.demand(number16(tail, at + 4) == number16(tail, at + 6),
               "the archive is one part of several. Join them first.");
  bool const wide = place.offset == 0xffffffff || place.size == 0xffffffff || place.entries == 0xffff;
  return wide ? zip64_directory(file_.size() - tail_size + at) : place;
}

ZipArchive::Directory ZipArchive::zip64_directory(std::uint64_t end_record) const {
  file_.demand(end_record >= locator64_size, "the archive's zip64 locator is missing. The file is damaged.");
  std::string const locator =
      file_.read(end_record - locator64_size, locator64_size, "the archive's zip64 locator");
  file_.demand(locator.starts_with(locator64_signature),
               "the archive's zip64 locator is missing. The file is damaged.");
  std::string const end = file_.read(number64(locator, 8), end64_size, "the archive's zip64 end record");
  file_.demand(end.starts_with(end64_signature),
               "the archive's zip64 end record is not where the file says. It is damaged.");
  return {number64(end, 48), number64(end, 40), number64(end, 32)};
}

std::uint64_t ZipArchive::add_member(std::string const& directory, std::uint64_t at,
                                     std::uint64_t directory_offset) {
  std::string const damaged =
      "the archive's directory is damaged at its byte " + std::to_string(at) + ". Fetch the file again.";
  file_.demand(directory.size() - at >= entry_size && directory.compare(at, 4, entry_signature) == 0,
               damaged);
  std::uint64_t const name_length = number16(directory, at + 28), extra_length = number16(directory, at + 30);
  std::uint64_t const next = at + entry_size + name_length + extra_length + number16(directory, at + 32);
  file_.demand(next <= directory.size(), damaged);
  std::string const name = directory.substr(at + entry_size, name_length);
  file_.demand((number16(directory, at + 8) & encrypted) == 0,
               "member " + printable(name) + " is encrypted. Decrypt the archive first.");

  Zip64Extra extra(std::string_view(directory).substr(at + entry_size + name_length, extra_length));
  auto const size = extra.widen(number32(directory, at + 24));
  auto const packed_size = extra.widen(number32(directory, at + 20));
  auto const header = extra.widen(number32(directory, at + 42));
  file_.demand(size && packed_size && header, damaged);
  int const method = static_cast<int>(number16(directory, at + 10));
  file_.demand(method != 0 || size == packed_size, damaged);
  file_.demand(*header < directory_offset, "member " + printable(name) + " would begin at byte " +
                                               std::to_string(*header) +
                                               ", outside the archive's data. The file is damaged.");
  Member const member{*header, *size, 0, static_cast<std::uint32_t>(number32(directory, at + 16)), method};
  file_.demand(members_.emplace(name, member).second,
               "the archive has two members " + printable(name) + ". That is no PyTorch file.");
  return next;
}

void ZipArchive::bound_members(std::uint64_t directory_offset) {
  std::vector<Member*> in_order;
  for (auto& [name, member] : members_) in_order.push_back(&member);
  std::ranges::sort(in_order, {}, &Member::header_offset);
  for (std::size_t i = 0; i < in_order.size(); ++i) {
    in_order[i]->end = i + 1 < in_order.size() ? in_order[i + 1]->header_offset : directory_offset;
  }
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  for (auto const& [name, member] : members_) names.push_back(name);
  return names;
}

std::string ZipArchive::read(std::string const& name) const {
  auto const found = members_.find(name);
  file_.demand(found != members_.end(), "the archive has no member " + printable(name) + ".");
  Member const& member = found->second;
  file_.demand(
      member.method == 0,
      "member " + printable(name) +
          " is compressed, which PyTorch never does. Unpack the archive and pack it with 'zip -0 -r'.");
  std::string const header =
      file_.read(member.header_offset, local_size, "the header of member " + printable(name));
  file_.demand(header.starts_with(local_signature),
               "member " + printable(name) + " is not where the archive says. The file is damaged.");
  std::uint64_t const begin = member.header_offset + local_size + number16(header, 26) + number16(header, 28);
  file_.demand(begin <= member.end && member.size <= member.end - begin,
               "member " + printable(name) + " claims " + std::to_string(member.size) +
                   " bytes and would run into what follows it. The file is damaged.");
  file_.demand(
      file_.read(member.header_offset + local_size, number16(header, 26), "the name of a member") == name,
      "member " + printable(name) + " has another name in its own header. The file is damaged.");
  std::string bytes = file_.read(begin, member.size, "member " + printable(name));
  file_.demand(crc32(bytes) == member.crc,
               "member " + printable(name) + " has a wrong checksum. The file is damaged; fetch it again.");
  return bytes;
}

}  // namespace stfcube::nn
