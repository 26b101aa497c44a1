#include "stfcube/partitioning/core/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <numeric>

namespace stfcube {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t const replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, replaced});
    }
  }
  return row.back();
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;) {
    std::size_t const end = std::min(text.find_first_of(blanks, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(blanks, end);
  }
  return words;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0;;) {
    std::size_t const end = text.find(separator, at);
    pieces.emplace_back(text.substr(at, end == std::string_view::npos ? end : end - at));
    if (end == std::string_view::npos) return pieces;
    at = end + 1;
  }
}

std::string_view trim(std::string_view text) {
  std::size_t const first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<double> parse_double(std::string_view text) { return parse_number<double>(text); }
std::optional<std::int64_t> parse_integer(std::string_view text) { return parse_number<std::int64_t>(text); }

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  text = trim(text);
  double factor = 1;
  if (!text.empty()) {
    std::size_t const power = std::string_view("KMGT").find(static_cast<char>(text.back() & ~0x20));
    if (power != std::string_view::npos) {
      factor = static_cast<double>(std::uint64_t{1} << (10 * (power + 1)));
      text.remove_suffix(1);
    }
  }
  auto const value = parse_double(text);
  if (!value || !(*value >= 0) || *value * factor > 9e18) return std::nullopt;
  return static_cast<std::uint64_t>(*value * factor);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr char const* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  if (unit == 0) return std::to_string(bytes) + " B";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, units[unit]);
  return text;
}

std::optional<std::string> nearest_word(std::string_view word, std::span<std::string const> candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 2) + 1;
  for (auto const& candidate : candidates) {
    std::size_t const distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string join_limited(std::span<std::string const> lines, std::size_t limit) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), limit); ++i) text += (i ? "\n" : "") + lines[i];
  if (lines.size() > limit) text += "\n... and " + std::to_string(lines.size() - limit) + " more";
  return text;
}

}  // namespace stfcube
