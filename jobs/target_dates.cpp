#include "stfcube/jobs/target_dates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

[[noreturn]] void refuse(std::string const& text, std::string const& why) {
  throw Error(ErrorKind::config, fmt::format("target.dates = {}: {}. Use START/END/P8D (for example "
                                             "2002-01-01/2002-12-31/P8D), dates separated by blanks, coarse, or fine.",
                                             text, why));
}

Date date_in(std::string const& word, std::string const& text) {
  auto const date = parse_date(word);
  if (!date) refuse(text, fmt::format("'{}' is no date (YYYY-MM-DD)", word));
  return *date;
}

/// Days of "P8D" or "P2W".
std::optional<int> period_days(std::string const& text) {
  if (text.size() < 3 || text.front() != 'P') return std::nullopt;
  int const factor = text.back() == 'D' ? 1 : text.back() == 'W' ? 7 : 0;
  auto const count = parse_integer(std::string_view(text).substr(1, text.size() - 2));
  if (factor == 0 || !count || *count < 1 || *count > 36600) return std::nullopt;
  return static_cast<int>(*count) * factor;
}

std::vector<Date> interval(std::string const& text) {
  auto const parts = split(text, '/');
  if (parts.size() != 3) refuse(text, "an interval has three parts");
  Date const first = date_in(parts[0], text);
  Date const last = date_in(parts[1], text);
  auto const step = period_days(parts[2]);
  if (!step) refuse(text, fmt::format("'{}' is no period of days (P8D) or weeks (P2W)", parts[2]));
  if (last < first) refuse(text, "the interval ends before it begins");
  std::vector<Date> dates;
  for (Date date = first; date <= last; date = date + *step) dates.push_back(date);
  return dates;
}

}  // namespace

std::vector<Date> resolve_target_dates(std::string const& text, std::span<Date const> fine,
                                       std::span<Date const> coarse) {
  if (text == "coarse") return {coarse.begin(), coarse.end()};
  if (text == "fine") return {fine.begin(), fine.end()};
  if (text.find('/') != std::string::npos) return interval(text);
  std::vector<Date> dates;
  for (std::string const& word : split_words(text)) dates.push_back(date_in(word, text));
  std::ranges::sort(dates);
  auto const [first, last] = std::ranges::unique(dates);
  dates.erase(first, last);
  return dates;
}

}  // namespace stfcube
