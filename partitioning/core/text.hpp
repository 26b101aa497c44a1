#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stfcube {

/// Pieces of `text` between runs of blanks, tabs or line ends; no empty pieces.
std::vector<std::string> split_words(std::string_view text);

/// Pieces between single separators; empty pieces are kept.
std::vector<std::string> split(std::string_view text, char separator);

std::string_view trim(std::string_view text);

/// The whole of `text` as a number, or nothing.
std::optional<double> parse_double(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);

/// "2G", "512M", "1.5T", "1000": bytes, powers of 1024. Nothing when it is no such thing.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// "1.5 GiB", for people.
std::string format_bytes(std::uint64_t bytes);

/// The candidate with the smallest edit distance, when it is near enough to be a slip of the finger.
std::optional<std::string> nearest_word(std::string_view word, std::span<std::string const> candidates);

/// The first `limit` lines, then "... and N more".
std::string join_limited(std::span<std::string const> lines, std::size_t limit = 20);

}  // namespace stfcube
