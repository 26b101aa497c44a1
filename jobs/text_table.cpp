#include "stfcube/jobs/text_table.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace stfcube {

std::string date_text(std::optional<Date> date) {
  return date ? to_string(*date) : "-";
}

std::string number_text(double value, int decimals) {
  return std::isnan(value) ? "n/a" : std::isinf(value) ? "inf" : fmt::format("{:.{}f}", value, decimals);
}

TextTable::TextTable(std::vector<std::string> header, std::size_t left) : left_(left) {
  add(std::move(header));
}

void TextTable::add(std::vector<std::string> cells) {
  widths_.resize(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], cells[i].size());
  lines_.push_back(std::move(cells));
}

void TextTable::print(std::ostream& out) const {
  for (auto const& cells : lines_) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line += i < left_ ? fmt::format("{:<{}}  ", cells[i], widths_[i])
                        : fmt::format("{:>{}}  ", cells[i], widths_[i]);
    }
    out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
  }
}

}  // namespace stfcube
