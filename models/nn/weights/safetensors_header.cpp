#include "stfcube/models/nn/weights/safetensors_header.hpp"

#include <set>

namespace stfcube::nn {
namespace {

constexpr std::size_t most_extents = 16;

void append_utf8(std::string& text, std::uint32_t code) {
  auto const tail = [&](int shift) { text.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f))); };
  if (code < 0x80) {
    text.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    text.push_back(static_cast<char>(0xc0 | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    text.push_back(static_cast<char>(0xe0 | (code >> 12)));
    tail(6);
    tail(0);
  } else {
    text.push_back(static_cast<char>(0xf0 | (code >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

class Parser {
 public:
  Parser(std::string_view json, InputFile const& file) : json_(json), file_(file) {}

  SafetensorsHeader parse() {
    SafetensorsHeader header;
    members([&](std::string const& name) {
      if (name == "__metadata__") {
        members([&](std::string const& key) { header.metadata[key] = string(); });
      } else {
        header.tensors[name] = entry();
      }
    });
    blanks();
    demand(at_ == json_.size(), "ends later than its JSON");
    return header;
  }

 private:
  void demand(bool condition, char const* problem) const {
    if (condition) return;
    file_.refuse("its safetensors header " + std::string(problem) + ", at byte " + std::to_string(at_) +
                 ". The file is damaged or none of this format.");
  }

  void blanks() {
    while (at_ < json_.size() && std::string_view(" \t\r\n").find(json_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool accept(char wanted) {
    blanks();
    if (at_ == json_.size() || json_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted, char const* problem) { demand(accept(wanted), problem); }

  /// { "name": <what read_value reads>, ... }
  template <class ReadValue>
  void members(ReadValue read_value) {
    std::set<std::string> names;
    expect('{', "has something else where an object should begin");
    if (accept('}')) return;
    do {
      std::string const name = string();
      demand(names.insert(name).second, "has a name twice");
      expect(':', "has no colon after a name");
      read_value(name);
    } while (accept(','));
    expect('}', "does not end an object");
  }

  /// [ <what read_value reads>, ... ]
  template <class ReadValue>
  void elements(ReadValue read_value) {
    expect('[', "has something else where a list should begin");
    if (accept(']')) return;
    do read_value();
    while (accept(','));
    expect(']', "does not end a list");
  }

  SafetensorsEntry entry() {
    SafetensorsEntry entry;
    std::vector<std::uint64_t> offsets;
    int known = 0;
    members([&](std::string const& name) {
      ++known;
      if (name == "dtype") {
        entry.type = string();
      } else if (name == "shape") {
        elements([&] {
          demand(entry.shape.size() < most_extents, "has a shape with too many extents");
          entry.shape.push_back(static_cast<std::int64_t>(number()));
        });
      } else if (name == "data_offsets") {
        elements([&] {
          demand(offsets.size() < 2, "has more than two data_offsets");
          offsets.push_back(number());
        });
      } else {
        demand(false, "describes a tensor by something else than dtype, shape and data_offsets");
      }
    });
    demand(known == 3 && offsets.size() == 2, "describes a tensor without dtype, shape or two data_offsets");
    entry.begin = offsets[0];
    entry.end = offsets[1];
    return entry;
  }

  std::uint64_t number() {
    constexpr std::uint64_t largest = std::uint64_t{1} << 62;
    blanks();
    std::size_t const first = at_;
    std::uint64_t value = 0;
    for (; at_ < json_.size() && json_[at_] >= '0' && json_[at_] <= '9'; ++at_) {
      demand(value < largest / 10, "has a number that is too large");
      value = value * 10 + static_cast<std::uint64_t>(json_[at_] - '0');
    }
    demand(at_ > first, "has something else where a whole number, not negative, should be");
    demand(json_[first] != '0' || at_ == first + 1, "has a number with leading zeros");
    return value;
  }

  std::string string() {
    expect('"', "has something else where a text should begin");
    std::string text;
    for (;;) {
      demand(at_ < json_.size(), "is cut off within a text");
      char const c = json_[at_++];
      if (c == '"') return text;
      demand(static_cast<unsigned char>(c) >= 0x20, "has a control character in a text");
      if (c == '\\') {
        escaped(text);
      } else {
        text.push_back(c);
      }
    }
  }

  void escaped(std::string& text) {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    demand(at_ < json_.size(), "is cut off within a text");
    char const c = json_[at_++];
    if (c == 'u') return append_utf8(text, code_point());
    std::size_t const which = letters.find(c);
    demand(which != std::string_view::npos, "has an unknown escape in a text");
    text.push_back(meanings[which]);
  }

  std::uint32_t code_point() {
    std::uint32_t const first = four_digits();
    demand(first < 0xdc00 || first > 0xdfff, "has half a character in a text");
    if (first < 0xd800 || first > 0xdbff) return first;
    demand(json_.substr(at_, 2) == "\\u", "has half a character in a text");
    at_ += 2;
    std::uint32_t const second = four_digits();
    demand(second >= 0xdc00 && second <= 0xdfff, "has half a character in a text");
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  }

  std::uint32_t four_digits() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      demand(at_ < json_.size(), "is cut off within a text");
      char const c = json_[at_++];
      std::size_t const digit =
          std::string_view("0123456789abcdef").find(static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c));
      demand(digit != std::string_view::npos, "has an unknown escape in a text");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  std::string_view json_;
  InputFile const& file_;
  std::size_t at_ = 0;
};

std::string json_string(std::string_view text) {
  constexpr char const* digits = "0123456789abcdef";
  std::string json = "\"";
  for (char const c : text) {
    auto const code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += {'\\', c};
    } else if (code < 0x20) {
      json += std::string("\\u00") + digits[code >> 4] + digits[code & 15];
    } else {
      json += c;
    }
  }
  return json + "\"";
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, InputFile const& file) {
  return Parser(json, file).parse();
}

std::string safetensors_header_text(SafetensorsHeader const& header) {
  std::string json = "{\"__metadata__\":{";
  char const* comma = "";
  for (auto const& [key, value] : header.metadata) {
    json += comma + json_string(key) + ":" + json_string(value);
    comma = ",";
  }
  json += "}";
  for (auto const& [name, entry] : header.tensors) {
    json += "," + json_string(name) + ":{\"dtype\":" + json_string(entry.type) + ",\"shape\":[";
    for (std::size_t i = 0; i < entry.shape.size(); ++i)
      json += (i ? "," : "") + std::to_string(entry.shape[i]);
    json += "],\"data_offsets\":[" + std::to_string(entry.begin) + "," + std::to_string(entry.end) + "]}";
  }
  return json + "}";
}

}  // namespace stfcube::nn
