#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "stfcube/partitioning/core/date.hpp"

namespace stfcube {

/// "2020-06-01", "-" where there is none.
std::string date_text(std::optional<Date> date);

/// With that many decimals; "n/a" for NaN, "inf".
std::string number_text(double value, int decimals);

/// Lines of texts, printed with columns as wide as they need: the first `left` to the left, figures to the
/// right.
class TextTable {
 public:
  TextTable(std::vector<std::string> header, std::size_t left);

  /// @param cells  as many as the header has
  void add(std::vector<std::string> cells);
  void print(std::ostream& out) const;

 private:
  std::size_t left_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> lines_;
};

}  // namespace stfcube
