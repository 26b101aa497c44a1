#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stfcube {

/// A calendar day, proleptic Gregorian, as days since 1970-01-01. A value type; ordered by time.
struct Date {
  std::int32_t days = 0;

  auto operator<=>(Date const&) const = default;
  Date operator+(int n) const { return {days + n}; }
  int operator-(Date other) const { return days - other.days; }
};

/// The day of a civil date, or nothing when there is no such day.
std::optional<Date> make_date(int year, int month, int day);

/// Parses "YYYY-MM-DD" or "YYYYMMDD", nothing else around it.
std::optional<Date> parse_date(std::string_view text);

/// "YYYY-MM-DD".
std::string to_string(Date date);

/// "YYYYMMDD", as used in file names.
std::string compact(Date date);

/// Day of the year, 1..366.
int day_of_year(Date date);

/// The first place in `text` where `pattern` fits a valid date.
/// Pattern: literals and %Y (4 digits) %m %d (2 digits) %j (3 digits, day of year) %y (2 digits, 19/20 split at 70).
/// @throws Error(config) when the pattern names an unknown conversion or cannot give a date.
std::optional<Date> find_date(std::string_view text, std::string_view pattern);

}  // namespace stfcube
