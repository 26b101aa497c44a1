#pragma once

#include <span>
#include <string>
#include <vector>

#include "stfcube/partitioning/core/date.hpp"

namespace stfcube {

/// The dates `target.dates` means, ascending and unique: an ISO 8601 interval START/END/PnD (or PnW), a list of dates
/// separated by blanks, "coarse" or "fine" (the dates of that sensor). Pure.
/// @throws Error(config) with the text and the forms that are allowed
std::vector<Date> resolve_target_dates(std::string const& text, std::span<Date const> fine, std::span<Date const> coarse);

}  // namespace stfcube
