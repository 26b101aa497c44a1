#pragma once

#include <cstdint>
#include <filesystem>
#include <set>

namespace stfcube {

/// How far the staged writer is, as its journals tell, while a run writes as well as after its end.
struct StoredProgress {
  std::set<std::int64_t> units;  ///< numbers of those that are written to their end
  std::uint64_t bytes = 0;       ///< that the compressed chunks of these units take
};

/// @param work_directory  `<cube>.work`. @throws Error(io) when a journal cannot be read
StoredProgress stored_progress(std::filesystem::path const& work_directory);

}  // namespace stfcube
