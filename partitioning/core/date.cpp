#include "stfcube/partitioning/core/date.hpp"

#include <fmt/format.h>

#include <chrono>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

year_month_day civil(Date date) { return year_month_day(sys_days(std::chrono::days(date.days))); }

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// What a pattern found; a field that the pattern does not have stays empty.
struct Fields {
  std::optional<int> year, month, day, day_of_year;
};

std::optional<Date> date_of(Fields const& f) {
  int const year = f.year.value_or(0);
  if (!f.day_of_year) return make_date(year, f.month.value_or(0), f.day.value_or(0));
  auto const first = make_date(year, 1, 1);
  if (!first || *f.day_of_year < 1) return std::nullopt;
  Date const date = *first + (*f.day_of_year - 1);
  return static_cast<int>(civil(date).year()) == year ? std::optional(date) : std::nullopt;
}

/// Reads one conversion at `at`; the number of characters taken, or 0 when it does not fit.
std::size_t take(char conversion, std::string_view text, std::size_t at, Fields& fields) {
  auto const number = [&](std::size_t width, std::optional<int>& field) -> std::size_t {
    field = digits(text, at, width);
    return field ? width : 0;
  };
  switch (conversion) {
    case 'Y':
      return number(4, fields.year);
    case 'm':
      return number(2, fields.month);
    case 'd':
      return number(2, fields.day);
    case 'j':
      return number(3, fields.day_of_year);
    case 'y': {
      std::size_t const width = number(2, fields.year);
      if (fields.year) *fields.year += *fields.year < 70 ? 2000 : 1900;
      return width;
    }
    default:
      return 0;
  }
}

std::optional<Date> fit(std::string_view text, std::size_t at, std::string_view pattern) {
  Fields fields;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    if (pattern[p] == '%') {
      std::size_t const width = take(pattern[++p], text, at, fields);
      if (width == 0) return std::nullopt;
      at += width;
    } else if (at >= text.size() || text[at++] != pattern[p]) {
      return std::nullopt;
    }
  }
  return date_of(fields);
}

void check_pattern(std::string_view pattern) {
  bool has_year = false;
  bool has_month = false;
  bool has_day = false;
  bool has_day_of_year = false;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    if (pattern[p] != '%') continue;
    char const c = p + 1 < pattern.size() ? pattern[++p] : '\0';
    require(std::string_view("Ymdjy").find(c) != std::string_view::npos && c != '\0', ErrorKind::config,
            fmt::format("date pattern '{}': '%{}' is not known. Use %Y %m %d, or %Y %j, with literal text around them.",
                        pattern, c == '\0' ? ' ' : c));
    has_year |= c == 'Y' || c == 'y';
    has_month |= c == 'm';
    has_day |= c == 'd';
    has_day_of_year |= c == 'j';
  }
  require(has_year && (has_day_of_year || (has_month && has_day)), ErrorKind::config,
          fmt::format("date pattern '{}' gives no full date. Use %Y%m%d, or %Y%j for year and day of year.", pattern));
}

}  // namespace

std::optional<Date> make_date(int year, int month, int day) {
  year_month_day const ymd{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                           std::chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok() || year < 1900 || year > 2200) return std::nullopt;
  return Date{static_cast<std::int32_t>(sys_days(ymd).time_since_epoch().count())};
}

std::optional<Date> parse_date(std::string_view text) {
  bool const dashed = text.size() == 10 && text[4] == '-' && text[7] == '-';
  if (!dashed && text.size() != 8) return std::nullopt;
  return fit(text, 0, dashed ? "%Y-%m-%d" : "%Y%m%d");
}

std::string to_string(Date date) {
  auto const ymd = civil(date);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

std::string compact(Date date) {
  auto const ymd = civil(date);
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

int day_of_year(Date date) {
  return date - *make_date(static_cast<int>(civil(date).year()), 1, 1) + 1;
}

std::optional<Date> find_date(std::string_view text, std::string_view pattern) {
  check_pattern(pattern);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (auto const date = fit(text, at, pattern)) return date;
  }
  return std::nullopt;
}

}  // namespace stfcube
