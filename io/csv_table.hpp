#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stfcube {

/// A comma-separated table with a header line, as texts. Quoted fields, CR LF and a byte-order mark are
/// understood; blank lines are skipped.
struct CsvTable {
  struct Row {
    int line = 0;                               ///< in the file, from 1
    std::map<std::string, std::string> fields;  ///< by column name; trimmed

    /// Empty when the column is absent.
    std::string const& operator[](std::string const& column) const;
  };

  std::vector<std::string> columns;
  std::vector<Row> rows;

  bool has(std::string const& column) const;
};

/// @throws Error(data) when the file cannot be read, has no header, or a row has more or fewer fields than
/// the header
CsvTable read_csv(std::filesystem::path const& path);

}  // namespace stfcube
