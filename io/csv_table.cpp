#include "stfcube/io/csv_table.hpp"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

/// Fields of one line; `quoted` fields may hold commas and doubled quotes, but no line ends.
std::vector<std::string> fields_of(std::string const& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    char const c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  for (auto& field : fields) field = std::string(trim(field));
  return fields;
}

}  // namespace

std::string const& CsvTable::Row::operator[](std::string const& column) const {
  static std::string const nothing;
  auto const found = fields.find(column);
  return found == fields.end() ? nothing : found->second;
}

bool CsvTable::has(std::string const& column) const {
  return std::ranges::find(columns, column) != columns.end();
}

CsvTable read_csv(std::filesystem::path const& path) {
  std::ifstream file(path);
  require(
      file.is_open(), ErrorKind::data,
      fmt::format("{}: the catalogue cannot be opened. Check the path and the permissions.", path.string()));
  CsvTable table;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (trim(line).empty()) continue;
    auto fields = fields_of(line);
    if (table.columns.empty()) {
      table.columns = std::move(fields);
      continue;
    }
    require(fields.size() == table.columns.size(), ErrorKind::data,
            fmt::format("{}, line {}: {} fields, but the header has {}. Quote fields that hold a comma.",
                        path.string(), number, fields.size(), table.columns.size()));
    CsvTable::Row row{number, {}};
    for (std::size_t i = 0; i < fields.size(); ++i) row.fields[table.columns[i]] = fields[i];
    table.rows.push_back(std::move(row));
  }
  require(!table.columns.empty(), ErrorKind::data,
          fmt::format("{}: the catalogue is empty. Its first line must name the columns, at least date,path.",
                      path.string()));
  return table;
}

}  // namespace stfcube
