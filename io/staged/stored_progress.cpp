#include "stfcube/io/stored_progress.hpp"

#include <string>
#include <vector>

#include "stfcube/io/staged/journal.hpp"
#include "stfcube/io/staged/unit_reader.hpp"

namespace stfcube {

namespace fs = std::filesystem;

StoredProgress stored_progress(fs::path const& work_directory) {
  std::vector<fs::path> journals;
  for (fs::directory_entry const& entry : fs::directory_iterator(work_directory)) {
    if (entry.path().filename().string().starts_with("journal.")) journals.push_back(entry.path());
  }
  RevokedCopies revoked;
  for (fs::path const& path : journals) {
    JournalReader reader(path);
    for (auto record = reader.next(); record; record = reader.next()) {
      if (record->revoked) revoked.insert(copy_named_by(record->chunk));
    }
  }
  StoredProgress progress;
  UnitReader units(journals, {}, revoked);
  while (auto const unit = units.next()) {
    if (!progress.units.insert(unit->number).second) continue;
    for (StoredChunk const& chunk : unit->chunks) progress.bytes += chunk.size;
  }
  return progress;
}

}  // namespace stfcube
