#include "stfcube/models/nn/weights/whole_file.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

namespace fs = std::filesystem;

/// A new file that goes away unless it is renamed.
class PartFile {
 public:
  explicit PartFile(fs::path const& path)
      : path_(path), part_(path.string() + ".part-" + std::to_string(getpid())) {
    descriptor_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    demand(descriptor_ >= 0);
  }
  ~PartFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!renamed_) unlink(part_.c_str());
  }
  PartFile(PartFile const&) = delete;
  PartFile& operator=(PartFile const&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t const done = ::write(descriptor_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      demand(done > 0);
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  void publish() {
    demand(fsync(descriptor_) == 0);
    int const descriptor = descriptor_;
    descriptor_ = -1;
    demand(close(descriptor) == 0);
    demand(rename(part_.c_str(), path_.c_str()) == 0);
    renamed_ = true;
  }

 private:
  void demand(bool done) const {
    if (done) return;
    throw Error(ErrorKind::io, path_.string() + " cannot be written: " + std::strerror(errno) +
                                   ". Check the folder and its free space.");
  }

  fs::path path_, part_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

/// So that the new name outlives a power cut. Not every file system can.
void sync_folder(fs::path const& path) {
  fs::path const folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  int const descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

void write_whole_file(fs::path const& path, std::string_view bytes) {
  PartFile file(path);
  file.write(bytes);
  file.publish();
  sync_folder(path);
}

}  // namespace stfcube::nn
