#include "stfcube/models/nn/weights/torch_checkpoint.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "stfcube/models/nn/weights/tensor_storage.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

constexpr std::array usual_names{"state_dict", "model_state_dict", "model", "generator", "net", "params"};
constexpr std::string_view parallel_prefix = "module.";

/// A dict that may be the state dict.
struct Candidate {
  std::string key;
  PickleDict const* dict = nullptr;
  std::size_t tensors = 0;
};

std::size_t count_tensors(PickleDocument const& document, PickleDict const& dict) {
  return static_cast<std::size_t>(std::ranges::count_if(dict.items, [&](auto const& item) {
    return document.get<PickleString>(item.first) && document.get<PickledTensor>(item.second);
  }));
}

void add_candidates(PickleDocument const& document, PickleDict const& dict, std::string const& prefix,
                    std::vector<Candidate>& found) {
  for (auto const& [key, value] : dict.items) {
    auto const* name = document.get<PickleString>(key);
    auto const* inner = document.get<PickleDict>(value);
    std::size_t const tensors = name && inner ? count_tensors(document, *inner) : 0;
    if (tensors > 0) found.push_back({prefix + name->text, inner, tensors});
  }
}

/// State dicts in the dict or, when it has none, in the dicts within it.
std::vector<Candidate> find_candidates(PickleDocument const& document, PickleDict const& root) {
  std::vector<Candidate> found;
  std::size_t const tensors = count_tensors(document, root);
  // A training script's dict may hold a loss as a tensor beside the state dict.
  if (2 * tensors > root.items.size()) return {{"", &root, tensors}};
  add_candidates(document, root, "", found);
  if (!found.empty()) return found;
  for (auto const& [key, value] : root.items) {
    auto const* name = document.get<PickleString>(key);
    auto const* inner = document.get<PickleDict>(value);
    if (name && inner) add_candidates(document, *inner, name->text + ".", found);
  }
  return found;
}

std::string list_of(std::vector<Candidate> const& candidates) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(candidates.size(), 20); ++i) {
    text += (i ? ", " : "") + (candidates[i].key.empty() ? "the file itself" : printable(candidates[i].key)) +
            " (" + std::to_string(candidates[i].tensors) + " tensors)";
  }
  return candidates.size() > 20 ? text + ", ..." : text;
}

Candidate const& choose(InputFile const& file, std::vector<Candidate> const& candidates,
                        std::string const& key) {
  file.demand(!candidates.empty(),
              "it holds no state dict: no dict of tensors by name, at most two levels down.");
  if (!key.empty()) {
    auto const found = std::ranges::find(candidates, key, &Candidate::key);
    require(found != candidates.end(), ErrorKind::config,
            file.path().string() + " has no state dict " + key + "; it has: " + list_of(candidates) + ".");
    return *found;
  }
  if (candidates.size() == 1) return candidates.front();
  std::vector<Candidate const*> usual;
  for (Candidate const& candidate : candidates) {
    if (std::ranges::find(usual_names, candidate.key) != usual_names.end()) usual.push_back(&candidate);
  }
  require(usual.size() == 1, ErrorKind::config,
          file.path().string() + " has several state dicts: " + list_of(candidates) +
              ". Choose one with --key NAME.");
  return *usual.front();
}

/// Elements of a storage in the order of a tensor.
class Gatherer {
 public:
  Gatherer(InputFile const& file, std::string const& name, PickledTensor const& tensor)
      : file_(file), name_(name), tensor_(tensor) {
    auto const count = count_elements(tensor.shape, static_cast<std::uint64_t>(tensor.storage.count));
    file_.demand(count.has_value(),
                 "tensor " + printable(name) + " " + shape_text(tensor.shape) +
                     " has more elements than its storage, " + std::to_string(tensor.storage.count) +
                     ". The file is damaged, or the tensor was expanded: save it as .contiguous().");
    count_ = *count;
    check_reach();
  }

  std::uint64_t count() const { return count_; }

  /// @param bytes of the whole storage
  NamedArray gather(std::string_view bytes) const {
    NamedArray array{tensor_.shape, {}};
    if (count_ == 0) return array;
    std::size_t const step = bytes_of(tensor_.storage.type);
    if (is_contiguous()) {
      array.values = as_floats(tensor_.storage.type,
                               bytes.substr(static_cast<std::size_t>(tensor_.offset) * step, count_ * step));
      return array;
    }
    std::string ordered;
    ordered.reserve(count_ * step);
    std::vector<std::int64_t> index(tensor_.shape.size());
    for (std::uint64_t i = 0; i < count_; ++i) {
      std::int64_t place = tensor_.offset;
      for (std::size_t axis = 0; axis < index.size(); ++axis) place += index[axis] * tensor_.strides[axis];
      ordered += bytes.substr(static_cast<std::size_t>(place) * step, step);
      for (std::size_t axis = index.size(); axis > 0 && ++index[axis - 1] == tensor_.shape[axis - 1]; --axis)
        index[axis - 1] = 0;
    }
    array.values = as_floats(tensor_.storage.type, ordered);
    return array;
  }

 private:
  void check_reach() const {
    if (count_ == 0) return;
    std::int64_t left =
        tensor_.storage.count - 1 - tensor_.offset;  // how far beyond its first element it may reach
    for (std::size_t axis = 0; axis < tensor_.shape.size() && left >= 0; ++axis) {
      std::int64_t const steps = tensor_.shape[axis] - 1;
      left = steps > 0 && tensor_.strides[axis] > left / steps ? -1 : left - steps * tensor_.strides[axis];
    }
    file_.demand(left >= 0, "tensor " + printable(name_) + " " + shape_text(tensor_.shape) + " with offset " +
                                std::to_string(tensor_.offset) + " and strides " +
                                shape_text(tensor_.strides) + " reaches beyond its storage of " +
                                std::to_string(tensor_.storage.count) + " elements. The file is damaged.");
  }

  bool is_contiguous() const {
    std::int64_t expected = 1;
    for (std::size_t axis = tensor_.shape.size(); axis > 0; --axis) {
      if (tensor_.shape[axis - 1] > 1 && tensor_.strides[axis - 1] != expected) return false;
      expected *= tensor_.shape[axis - 1];
    }
    return true;
  }

  InputFile const& file_;
  std::string const& name_;
  PickledTensor const& tensor_;
  std::uint64_t count_ = 0;
};

std::map<std::string, PickledTensor const*> tensors_of(InputFile const& file, PickleDocument const& document,
                                                       PickleDict const& dict) {
  std::map<std::string, PickledTensor const*> tensors;
  for (auto const& [key, value] : dict.items) {
    auto const* name = document.get<PickleString>(key);
    auto const* tensor = document.get<PickledTensor>(value);
    if (!name || !tensor) continue;
    file.demand(tensors.emplace(name->text, tensor).second,
                "it has two tensors " + printable(name->text) + ".");
  }
  return tensors;
}

NamedArrays read_tensors(InputFile const& file, TensorStorages const& storages,
                         std::map<std::string, PickledTensor const*> const& tensors) {
  std::map<std::string, std::vector<std::string>>
      users;  // tensors by storage: each storage is read once, one at a time
  std::uint64_t elements = 0;
  for (auto const& [name, tensor] : tensors) {
    users[tensor->storage.key].push_back(name);
    elements += Gatherer(file, name, *tensor).count();
    // Tensors may share a storage, but not so that a small file fills the memory.
    file.demand(
        elements / 4 <= file.size(),
        "its tensors have many times more elements than the file has bytes. It is no sane weight file.");
  }
  NamedArrays arrays;
  for (auto const& [key, names] : users) {
    std::string const bytes = storages.read(tensors.at(names.front())->storage);
    for (std::string const& name : names)
      arrays[name] = Gatherer(file, name, *tensors.at(name)).gather(bytes);
  }
  return arrays;
}

NamedArrays without_parallel_prefix(NamedArrays arrays) {
  if (!std::ranges::all_of(arrays, [](auto const& item) { return item.first.starts_with(parallel_prefix); }))
    return arrays;
  NamedArrays renamed;
  for (auto& [name, array] : arrays) renamed[name.substr(parallel_prefix.size())] = std::move(array);
  return renamed;
}

}  // namespace

TorchCheckpoint read_torch_checkpoint(std::filesystem::path const& path, std::string const& key) {
  InputFile const file(path);
  auto const storages = open_tensor_storages(file);
  PickleDocument const& document = storages->document();
  auto const* root = document.get<PickleDict>(document.root);
  file.demand(root != nullptr,
              "it holds no state dict but a single value. Let Python save model.state_dict().");
  auto const candidates = find_candidates(document, *root);
  Candidate const& chosen = choose(file, candidates, key);
  TorchCheckpoint checkpoint{
      chosen.key,
      without_parallel_prefix(read_tensors(file, *storages, tensors_of(file, document, *chosen.dict))),
      {}};
  for (Candidate const& candidate : candidates) {
    if (&candidate != &chosen) checkpoint.left_out.push_back(candidate.key);
  }
  return checkpoint;
}

}  // namespace stfcube::nn
