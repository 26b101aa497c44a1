#include "stfcube/models/nn/weights/input_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  struct stat facts {};
  require(stat(path_.c_str(), &facts) == 0, ErrorKind::io,
          path_.string() + " cannot be opened: " + std::strerror(errno) + ". Check the path.");
  // Opening a pipe would wait for a writer.
  require(S_ISREG(facts.st_mode), ErrorKind::io, path_.string() + " is not a file. Name a weight file.");
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  require(descriptor_ >= 0, ErrorKind::io,
          path_.string() + " cannot be opened: " + std::strerror(errno) + ".");
  size_ = static_cast<std::uint64_t>(facts.st_size);
}

InputFile::~InputFile() {
  close(descriptor_);
}

std::string InputFile::read(std::uint64_t offset, std::uint64_t length, std::string_view what) const {
  demand(offset <= size_ && length <= size_ - offset,
         std::string(what) + " would reach from byte " + std::to_string(offset) + " over " +
             std::to_string(length) + " bytes, but the file has " + std::to_string(size_) +
             ". It is cut off or damaged; fetch it again.");
  std::string bytes(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    ssize_t const got =
        pread(descriptor_, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    require(got > 0, ErrorKind::io,
            path_.string() +
                " cannot be read: " + (got < 0 ? std::strerror(errno) : "it became shorter meanwhile") + ".");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

std::string InputFile::head(std::uint64_t length) const {
  return read(0, std::min(length, size_), "its beginning");
}

void InputFile::refuse(std::string const& problem) const {
  throw Error(ErrorKind::data, path_.string() + ": " + problem);
}

std::string printable(std::string_view name) {
  constexpr std::size_t longest = 100;
  std::string text(name.substr(0, longest));
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return name.size() > longest ? text + "..." : text;
}

}  // namespace stfcube::nn
