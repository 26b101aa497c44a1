#include "stfcube/models/nn/weights/pickle_reader.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <unordered_map>

#include "stfcube/models/nn/weights/input_file.hpp"
#include "stfcube/models/nn/weights/little_endian.hpp"
#include "stfcube/models/nn/weights/pickle_globals.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

constexpr std::size_t most_values = 1'000'000, most_extents = 16, longest_key = 200;

/// The stack machine. One method per group of opcodes; names are those of Python's pickletools.
class Machine {
 public:
  Machine(std::string_view bytes, std::string const& source) : bytes_(bytes), source_(source) {}

  PickleDocument run() {
    while (step()) {
    }
    demand(stack_.size() == 1 && marks_.empty(), "leaves more or less than one value");
    document_.root = stack_.back();
    document_.length = at_;
    return std::move(document_);
  }

 private:
  [[noreturn]] void refuse(std::string const& problem) const {
    throw Error(
        ErrorKind::data,
        source_ + ": the pickle " + problem + " (byte " + std::to_string(opcode_at_) +
            "). Nothing in it was executed. Fetch the file again, or ask its author for a plain state dict.");
  }
  void demand(bool condition, char const* problem) const {
    if (!condition) refuse(problem);
  }

  std::string_view take(std::uint64_t length) {
    demand(length <= bytes_.size() - at_, "is cut off");
    std::string_view const piece = bytes_.substr(at_, length);
    at_ += length;
    return piece;
  }
  template <class Integer>
  Integer number() {
    return little_endian<Integer>(take(sizeof(Integer)).data());
  }
  std::string_view line() {
    std::size_t const end = bytes_.find('\n', at_);
    demand(end != std::string_view::npos, "is cut off");
    std::string_view const text = take(end - at_);
    ++at_;
    return text;
  }

  /// Everything that needs memory passes here, copies of lists and shapes included.
  void spend(std::size_t count) {
    demand(count <= most_values - spent_, "holds more than a million values, which no state dict needs");
    spent_ += count;
  }

  void push(PickleValue value) {
    spend(1);
    document_.values.push_back(std::move(value));
    stack_.push_back(static_cast<PickleId>(document_.values.size() - 1));
  }
  PickleId pop() {
    demand(stack_.size() > floor(), "takes a value that is not there");
    PickleId const id = stack_.back();
    stack_.pop_back();
    return id;
  }
  PickleId top() const {
    demand(stack_.size() > floor(), "takes a value that is not there");
    return stack_.back();
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::vector<PickleId> pop_to_mark() {
    demand(!marks_.empty(), "ends a group that it did not begin");
    std::vector<PickleId> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  std::vector<PickleId> pop_items(std::size_t count) {
    std::vector<PickleId> items(count);
    for (std::size_t i = count; i > 0; --i) items[i - 1] = pop();
    return items;
  }

  template <class T>
  T const* get(PickleId id) const {
    return document_.get<T>(id);
  }

  bool step();
  bool step_number(char opcode);
  bool step_text(char opcode);
  bool step_container(char opcode);
  bool step_memo(char opcode);
  bool step_call(char opcode);

  void push_long(std::uint64_t length);
  void push_text(std::uint64_t length) { push(PickleString{std::string(take(length))}); }
  void push_bytes(std::uint64_t length) {
    take(length);
    push(PickleOpaque{"bytes"});
  }
  void push_global(std::string const& module, std::string const& name);
  void append(std::vector<PickleId> const& items);
  void set_items(std::vector<PickleId> const& items);
  void remember(std::uint64_t index) { memo_[index] = top(); }
  void recall(std::uint64_t index);
  void call(PickleId function, PickleId arguments);
  void call_ordered_dict(std::vector<PickleId> const& arguments);
  void call_tensor(std::vector<PickleId> const& arguments);
  void push_storage(PickleId persistent_id);
  std::int64_t count_of(PickleId id, char const* problem) const;
  std::vector<std::int64_t> extents_of(PickleId id, char const* problem);

  std::string_view bytes_;
  std::string const& source_;
  std::size_t at_ = 0, opcode_at_ = 0, spent_ = 0;
  PickleDocument document_;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleId> memo_;
};

bool Machine::step() {
  opcode_at_ = at_;
  char const opcode = take(1).front();
  if (opcode == '.') return false;  // STOP
  if (opcode == '\x80') {           // PROTO
    auto const protocol = number<std::uint8_t>();
    demand(protocol >= 2 && protocol <= 5, "has an unknown protocol");
    return true;
  }
  if (opcode == '\x95') {  // FRAME: says how far to read ahead
    number<std::uint64_t>();
    return true;
  }
  if (step_number(opcode) || step_text(opcode) || step_container(opcode) || step_memo(opcode) ||
      step_call(opcode))
    return true;
  constexpr char const* digits = "0123456789abcdef";
  auto const code = static_cast<unsigned char>(opcode);
  refuse(std::string("has the opcode 0x") + digits[code >> 4] + digits[code & 15] +
         ", which weight files do not need");
}

bool Machine::step_number(char opcode) {
  switch (opcode) {
    case 'N':  // NONE
      push(std::monostate{});
      return true;
    case '\x88':  // NEWTRUE
    case '\x89':  // NEWFALSE
      push(opcode == '\x88');
      return true;
    case 'J':  // BININT
      push(std::int64_t{number<std::int32_t>()});
      return true;
    case 'K':  // BININT1
      push(std::int64_t{number<std::uint8_t>()});
      return true;
    case 'M':  // BININT2
      push(std::int64_t{number<std::uint16_t>()});
      return true;
    case '\x8a':  // LONG1
      push_long(number<std::uint8_t>());
      return true;
    case '\x8b':  // LONG4; a negative length becomes one that is too long
      push_long(number<std::uint32_t>());
      return true;
    case 'G': {  // BINFLOAT, big-endian
      std::string reversed(take(8));
      std::ranges::reverse(reversed);
      push(std::bit_cast<double>(little_endian<std::uint64_t>(reversed.data())));
      return true;
    }
    default:
      return false;
  }
}

void Machine::push_long(std::uint64_t length) {
  std::string bytes(take(length));
  if (length > 8) return push(PickleOpaque{"a long integer"});
  bool const negative = !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80) != 0;
  bytes.resize(8, negative ? '\xff' : '\0');
  push(little_endian<std::int64_t>(bytes.data()));
}

bool Machine::step_text(char opcode) {
  switch (opcode) {
    case '\x8c':  // SHORT_BINUNICODE
    case 'U':     // SHORT_BINSTRING: text of Python 2
      push_text(number<std::uint8_t>());
      return true;
    case 'X':  // BINUNICODE
    case 'T':  // BINSTRING
      push_text(number<std::uint32_t>());
      return true;
    case '\x8d':  // BINUNICODE8
      push_text(number<std::uint64_t>());
      return true;
    case 'C':  // SHORT_BINBYTES
      push_bytes(number<std::uint8_t>());
      return true;
    case 'B':  // BINBYTES
      push_bytes(number<std::uint32_t>());
      return true;
    case '\x8e':  // BINBYTES8
    case '\x96':  // BYTEARRAY8
      push_bytes(number<std::uint64_t>());
      return true;
    default:
      return false;
  }
}

bool Machine::step_container(char opcode) {
  switch (opcode) {
    case '(':  // MARK
      spend(1);
      marks_.push_back(stack_.size());
      return true;
    case '0':  // POP
      pop();
      return true;
    case '1':  // POP_MARK
      pop_to_mark();
      return true;
    case '2':  // DUP
      spend(1);
      stack_.push_back(top());
      return true;
    case ')':  // EMPTY_TUPLE
      push(PickleTuple{});
      return true;
    case 't':  // TUPLE
      push(PickleTuple{pop_to_mark()});
      return true;
    case '\x85':  // TUPLE1
    case '\x86':  // TUPLE2
    case '\x87':  // TUPLE3
      push(PickleTuple{pop_items(static_cast<std::size_t>(static_cast<unsigned char>(opcode) - 0x84))});
      return true;
    case ']':  // EMPTY_LIST
      push(PickleList{});
      return true;
    case 'l':  // LIST
      push(PickleList{pop_to_mark()});
      return true;
    case 'a':  // APPEND
      append(pop_items(1));
      return true;
    case 'e':  // APPENDS
      append(pop_to_mark());
      return true;
    case '}':  // EMPTY_DICT
      push(PickleDict{});
      return true;
    case 's':  // SETITEM
      set_items(pop_items(2));
      return true;
    case 'u':  // SETITEMS
      set_items(pop_to_mark());
      return true;
    case '\x8f':  // EMPTY_SET
      push(PickleOpaque{"a set"});
      return true;
    case '\x90':  // ADDITEMS
      pop_to_mark();
      demand(get<PickleOpaque>(top()), "adds items to something that is no set");
      return true;
    case '\x91':  // FROZENSET
      pop_to_mark();
      push(PickleOpaque{"a set"});
      return true;
    default:
      return false;
  }
}

void Machine::append(std::vector<PickleId> const& items) {
  PickleValue& target = document_.values[top()];
  if (std::holds_alternative<PickleOpaque>(target)) return;
  auto* list = std::get_if<PickleList>(&target);
  demand(list, "appends to something that is no list");
  list->items.insert(list->items.end(), items.begin(), items.end());
}

void Machine::set_items(std::vector<PickleId> const& items) {
  PickleValue& target = document_.values[top()];
  if (std::holds_alternative<PickleOpaque>(target)) return;
  auto* dict = std::get_if<PickleDict>(&target);
  demand(dict, "sets items of something that is no dict");
  demand(items.size() % 2 == 0, "sets a key without a value");
  for (std::size_t i = 0; i < items.size(); i += 2) dict->items.emplace_back(items[i], items[i + 1]);
}

bool Machine::step_memo(char opcode) {
  switch (opcode) {
    case 'q':  // BINPUT
      remember(number<std::uint8_t>());
      return true;
    case 'r':  // LONG_BINPUT
      remember(number<std::uint32_t>());
      return true;
    case '\x94':  // MEMOIZE
      remember(memo_.size());
      return true;
    case 'h':  // BINGET
      recall(number<std::uint8_t>());
      return true;
    case 'j':  // LONG_BINGET
      recall(number<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

void Machine::recall(std::uint64_t index) {
  auto const found = memo_.find(index);
  demand(found != memo_.end(), "recalls a value that it did not store");
  spend(1);
  stack_.push_back(found->second);
}

bool Machine::step_call(char opcode) {
  switch (opcode) {
    case 'c': {  // GLOBAL
      std::string const module(line());
      push_global(module, std::string(line()));
      return true;
    }
    case '\x93': {  // STACK_GLOBAL
      auto const* name = get<PickleString>(pop());
      auto const* module = get<PickleString>(pop());
      demand(name && module, "names a function by something that is no text");
      push_global(module->text, name->text);
      return true;
    }
    case 'R':     // REDUCE
    case '\x81':  // NEWOBJ
    {
      PickleId const arguments = pop();
      call(pop(), arguments);
      return true;
    }
    case 'b':  // BUILD
      pop();
      // Attributes of a dict (PyTorch keeps versions there) or of what is not looked into.
      demand(get<PickleDict>(top()) || get<PickleOpaque>(top()),
             "gives attributes to something that has none");
      return true;
    case 'Q':  // BINPERSID
      push_storage(pop());
      return true;
    default:
      return false;
  }
}

void Machine::push_global(std::string const& module, std::string const& name) {
  std::string const global = module + "." + name;
  if (!is_known_global(global)) {
    throw Error(ErrorKind::data, source_ + " asks to call " + printable(global) + " (byte " +
                                     std::to_string(opcode_at_) +
                                     "); a weight file has no need to. It was not executed. If this is a "
                                     "whole model that you trust, let Python "
                                     "save its state dict alone (torch.save(model.state_dict(), ...)); if "
                                     "you do not know why it asks, delete the file.");
  }
  push(PickleGlobal{global});
}

void Machine::call(PickleId function, PickleId arguments_id) {
  auto const* global = get<PickleGlobal>(function);
  auto const* arguments = get<PickleTuple>(arguments_id);
  demand(global && arguments, "calls something that is no known function");
  std::string const name = global->name;
  std::vector<PickleId> const& given = arguments->items;
  if (name == "collections.OrderedDict") return call_ordered_dict(given);
  if (name == "torch._utils._rebuild_tensor_v2" || name == "torch._utils._rebuild_tensor")
    return call_tensor(given);
  if (name == "torch._utils._rebuild_parameter" || name == "torch.Size" ||
      name == "torch.jit._pickle.restore_type_tag") {
    // The same value: a parameter is a tensor, a size is a tuple, a tag says what a dict of LibTorch's holds.
    demand(!given.empty() && !get<PickleGlobal>(given.front()), "calls a function without its arguments");
    spend(1);
    return stack_.push_back(given.front());
  }
  demand(is_opaque_global(name), "calls a storage class, which is not done");
  push(PickleOpaque{name});
}

void Machine::call_ordered_dict(std::vector<PickleId> const& arguments) {
  PickleDict dict;
  demand(arguments.size() <= 1, "makes an ordered dict of unknown arguments");
  if (!arguments.empty()) {  // Python 2 writes a list of pairs
    auto const* list = get<PickleList>(arguments.front());
    demand(list, "makes an ordered dict of unknown arguments");
    spend(list->items.size());
    for (PickleId const item : list->items) {
      auto const* as_list = get<PickleList>(item);
      auto const* as_tuple = get<PickleTuple>(item);
      demand(as_list || as_tuple, "makes an ordered dict of unknown arguments");
      std::vector<PickleId> const& pair = as_list ? as_list->items : as_tuple->items;
      demand(pair.size() == 2, "makes an ordered dict of unknown arguments");
      dict.items.emplace_back(pair[0], pair[1]);
    }
  }
  push(std::move(dict));
}

std::int64_t Machine::count_of(PickleId id, char const* problem) const {
  auto const* number = get<std::int64_t>(id);
  demand(number && *number >= 0, problem);
  return *number;
}

std::vector<std::int64_t> Machine::extents_of(PickleId id, char const* problem) {
  auto const* tuple = get<PickleTuple>(id);
  demand(tuple && tuple->items.size() <= most_extents, problem);
  spend(tuple->items.size());
  std::vector<std::int64_t> extents;
  for (PickleId const item : tuple->items) extents.push_back(count_of(item, problem));
  return extents;
}

void Machine::call_tensor(std::vector<PickleId> const& arguments) {
  // storage, offset, shape, strides; then whether it has a gradient and hooks, which say nothing about
  // values.
  demand(arguments.size() >= 4, "describes a tensor without storage, offset, shape and strides");
  auto const* storage = get<PickledStorage>(arguments[0]);
  demand(storage, "describes a tensor without a storage");
  PickledTensor tensor{*storage, count_of(arguments[1], "describes a tensor with an impossible offset"),
                       extents_of(arguments[2], "describes a tensor with an impossible shape"),
                       extents_of(arguments[3], "describes a tensor with impossible strides")};
  demand(tensor.shape.size() == tensor.strides.size(),
         "describes a tensor with as many strides as it has not extents");
  push(std::move(tensor));
}

void Machine::push_storage(PickleId persistent_id) {
  // ("storage", class, key, device, number of elements[, view])
  auto const* tuple = get<PickleTuple>(persistent_id);
  constexpr char const* unknown = "refers to something outside that is no PyTorch storage";
  demand(tuple && (tuple->items.size() == 5 || tuple->items.size() == 6), unknown);
  auto const* kind = get<PickleString>(tuple->items[0]);
  auto const* global = get<PickleGlobal>(tuple->items[1]);
  auto const* key = get<PickleString>(tuple->items[2]);
  demand(kind && kind->text == "storage" && global && key && key->text.size() <= longest_key, unknown);
  auto const type = storage_of_global(global->name);
  demand(type.has_value(), unknown);
  demand(tuple->items.size() == 5 || get<std::monostate>(tuple->items[5]),
         "refers to a part of a storage, as PyTorch before 0.4 did. Save it anew with a later PyTorch");
  PickledStorage storage{*type, key->text, count_of(tuple->items[4], unknown)};
  auto const [known, is_new] = document_.storages.emplace(storage.key, storage);
  demand(is_new || known->second == storage, "describes one storage in two ways");
  push(std::move(storage));
}

}  // namespace

std::optional<PickleId> PickleDocument::find(PickleDict const& dict, std::string_view key) const {
  for (auto item = dict.items.rbegin(); item != dict.items.rend(); ++item) {
    auto const* text = get<PickleString>(item->first);
    if (text && text->text == key) return item->second;
  }
  return std::nullopt;
}

PickleDocument read_pickle(std::string_view bytes, std::string const& source) {
  return Machine(bytes, source).run();
}

}  // namespace stfcube::nn
