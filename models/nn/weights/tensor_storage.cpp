#include "stfcube/models/nn/weights/tensor_storage.hpp"

#include <algorithm>
#include <string_view>

#include "stfcube/models/nn/weights/little_endian.hpp"
#include "stfcube/models/nn/weights/pickle_reader.hpp"

namespace stfcube::nn {
namespace {

constexpr std::uint64_t largest_pickle = 1 << 26;

std::uint64_t bytes_needed(InputFile const& file, PickledStorage const& storage) {
  auto const count = static_cast<std::uint64_t>(storage.count);
  file.demand(count <= file.size(), "storage " + printable(storage.key) + " claims " + std::to_string(count) +
                                        " elements, more than the file has bytes. It is damaged.");
  return count * bytes_of(storage.type);
}

/// PyTorch 1.6 and later: an archive with ROOT/data.pkl and ROOT/data/KEY.
class ArchiveStorages final : public TensorStorages {
 public:
  explicit ArchiveStorages(InputFile const& file) : archive_(file), root_(find_root()) {
    std::string const pickle = root_ + "data.pkl";
    document_ = read_pickle(archive_.read(pickle), file.path().string() + ", " + printable(pickle));
  }

  PickleDocument const& document() const override { return document_; }

  std::string read(PickledStorage const& storage) const override {
    InputFile const& file = archive_.file();
    std::uint64_t const needed = bytes_needed(file, storage);
    std::string bytes = archive_.read(root_ + "data/" + storage.key);
    file.demand(bytes.size() >= needed, "storage " + printable(storage.key) + " has " +
                                            std::to_string(bytes.size()) +
                                            " bytes; its tensors were described with " +
                                            std::to_string(needed) + ". The file is damaged.");
    return bytes;
  }

 private:
  std::string find_root() const {
    InputFile const& file = archive_.file();
    std::vector<std::string> roots;
    for (std::string const& name : archive_.names()) {
      std::size_t const slash = name.find('/');
      if (slash != std::string::npos && name.substr(slash) == "/data.pkl")
        roots.push_back(name.substr(0, slash + 1));
    }
    file.demand(roots.size() == 1,
                "this zip archive is no PyTorch file: it has no data.pkl in its first folder. If it "
                "contains a .pth or .pt file, unpack it first.");
    std::string const& root = roots.front();
    refuse_programs(root);
    std::string const order = root + "byteorder";
    file.demand(!archive_.contains(order) || archive_.read(order) == "little",
                "it was written on a big-endian machine. Load and save it on a little-endian one.");
    return root;
  }

  void refuse_programs(std::string const& root) const {
    auto const names = archive_.names();
    bool const has_code =
        std::ranges::any_of(names, [&](std::string const& name) { return name.starts_with(root + "code/"); });
    archive_.file().demand(
        !has_code && !archive_.contains(root + "constants.pkl"),
        "this is a TorchScript module, a program with its weights; run it with model.name = torchscript.");
  }

  ZipArchive archive_;
  std::string root_;
  PickleDocument document_;
};

/// Before PyTorch 1.6: four pickles (magic number, protocol, machine, object), then one with the list of
/// storages, then each storage as its number of elements and its bytes.
class StreamStorages final : public TensorStorages {
 public:
  explicit StreamStorages(InputFile const& file)
      : file_(file), head_(file.head(largest_pickle)), name_(file.path().string()) {
    for (int skipped = 0; skipped < 2; ++skipped) next_pickle();
    check_machine(next_pickle());
    document_ = next_pickle();
    find_storages(next_pickle());
    head_ = {};
  }

  PickleDocument const& document() const override { return document_; }

  std::string read(PickledStorage const& storage) const override {
    auto const found = offsets_.find(storage.key);
    file_.demand(found != offsets_.end(),
                 "storage " + printable(storage.key) + " is missing. The file is damaged.");
    return file_.read(found->second, bytes_needed(file_, storage), "storage " + printable(storage.key));
  }

 private:
  PickleDocument next_pickle() {
    PickleDocument document = read_pickle(std::string_view(head_).substr(at_), name_);
    at_ += document.length;
    return document;
  }

  void check_machine(PickleDocument const& machine) const {
    auto const* facts = machine.get<PickleDict>(machine.root);
    file_.demand(facts != nullptr,
                 "it does not say on what machine it was written. That is no PyTorch file.");
    auto const little = machine.find(*facts, "little_endian");
    auto const* value = little ? machine.get<bool>(*little) : nullptr;
    file_.demand(value && *value,
                 "it was written on a big-endian machine. Load and save it on a little-endian one.");
  }

  void find_storages(PickleDocument const& keys) {
    auto const* list = keys.get<PickleList>(keys.root);
    file_.demand(list != nullptr, "its list of storages is missing. The file is damaged.");
    std::uint64_t offset = at_;
    for (PickleId const item : list->items) {
      auto const* key = keys.get<PickleString>(item);
      auto const described = key ? document_.storages.find(key->text) : document_.storages.end();
      file_.demand(described != document_.storages.end(),
                   "it lists a storage that no tensor uses. The file is damaged.");
      PickledStorage const& storage = described->second;
      std::string const count = file_.read(offset, 8, "the length of storage " + printable(storage.key));
      file_.demand(little_endian<std::int64_t>(count.data()) == storage.count,
                   "storage " + printable(storage.key) +
                       " has another length than its tensors were described with. The file is damaged.");
      file_.demand(offsets_.emplace(storage.key, offset + 8).second,
                   "it lists a storage twice. The file is damaged.");
      offset += 8 + bytes_needed(file_, storage);
      file_.demand(offset <= file_.size(),
                   "it is cut off within storage " + printable(storage.key) + ". Fetch it again.");
    }
  }

  InputFile const& file_;
  std::string head_;
  std::string name_;
  std::size_t at_ = 0;
  PickleDocument document_;
  std::map<std::string, std::uint64_t> offsets_;
};

/// Whether the first pickle is the magic number of torch.save, in any protocol.
bool begins_with_magic_number(std::string_view head) {
  constexpr std::string_view magic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 13);
  std::size_t const at = head.find(magic);
  return head.starts_with('\x80') && (at == 2 || at == 11);  // 11: after a FRAME of protocol 4
}

}  // namespace

std::unique_ptr<TensorStorages> open_tensor_storages(InputFile const& file) {
  std::string const head = file.head(32);
  if (head.starts_with("PK")) return std::make_unique<ArchiveStorages>(file);
  if (begins_with_magic_number(head)) return std::make_unique<StreamStorages>(file);
  // A pickle by itself shows soonest what is wrong with it: often a call.
  if (head.starts_with('\x80')) read_pickle(file.head(largest_pickle), file.path().string());
  file.refuse(
      "this is no PyTorch checkpoint: torch.save writes a zip archive or begins with its magic number.");
}

}  // namespace stfcube::nn
