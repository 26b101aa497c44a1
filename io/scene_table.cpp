#include "stfcube/io/scene_table.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "stfcube/io/csv_table.hpp"
#include "stfcube/io/file_patterns.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;

/// The scenes of one catalogue in the making.
class TableReader {
 public:
  TableReader(fs::path csv, SensorSpec const& sensor, SceneListing& listing)
      : csv_(std::move(csv)), folder_(csv_.parent_path()), sensor_(sensor), listing_(listing) {}

  void read() {
    CsvTable const table = read_csv(csv_);
    for (char const* column : {"date", "path"})
      require(table.has(column), ErrorKind::data,
              fmt::format(
                  "{}: no column '{}'. The first line must name the columns, at least date,path; found: {}.",
                  csv_.string(), column, fmt::join(table.columns, ",")));
    for (auto const& row : table.rows)
      if (is_ours(row)) take(row);
    for (auto& scene : scenes_) finish(scene);
  }

 private:
  struct Draft {
    SceneCandidate candidate;
    int line = 0;
    bool unusable = false;
  };

  bool is_ours(CsvTable::Row const& row) const {
    std::string const& name = row["sensor"];
    bool const names_role = name == "fine" || name == "coarse";
    if (names_role && name != sensor_.role) return false;
    if (!row["band"].empty() && !band_index(row["band"])) return false;
    return !matches_any(anchored(row["path"], folder_), sensor_.exclude, sensor_.base);
  }

  std::optional<std::size_t> band_index(std::string const& text) const {
    for (std::size_t b = 0; b < sensor_.bands.size(); ++b)
      if (sensor_.bands[b].name == text || sensor_.bands[b].source == text) return b;
    return std::nullopt;
  }

  void complain(int line, std::string const& reason) {
    listing_.problems.push_back(fmt::format("{}, line {}: {}", csv_.string(), line, reason));
  }

  void take(CsvTable::Row const& row) {
    auto const date = parse_date(std::string_view(row["date"]).substr(0, row["date"].find_first_of("T ")));
    if (!date)
      return complain(row.line, fmt::format("date '{}' is not YYYY-MM-DD or YYYYMMDD.", row["date"]));
    if (row["path"].empty()) return complain(row.line, "the path is empty.");
    std::string const path = anchored(row["path"], folder_);
    bool const exists = !is_local_path(path) || fs::exists(path);
    if (!exists) complain(row.line, fmt::format("{}: no such file.", path));

    Draft& draft = scene_of(row, *date);
    draft.unusable |= !exists;
    place(row, path, draft);
    set_quality(row, draft);
    set_number(row, "scale", draft.candidate.scene.scale);
    set_number(row, "offset", draft.candidate.scene.offset);
  }

  /// A new scene for a row with all bands; the n-th scene of the date and sensor for the n-th row of a band.
  Draft& scene_of(CsvTable::Row const& row, Date date) {
    auto const add = [&]() -> std::size_t {
      Draft draft;
      draft.line = row.line;
      draft.candidate.scene.date = date;
      draft.candidate.name = file_name(row["path"]);
      draft.candidate.scene.bands.resize(sensor_.bands.size());
      scenes_.push_back(std::move(draft));
      return scenes_.size() - 1;
    };
    if (row["band"].empty()) return scenes_[add()];
    auto& of_sensor = by_sensor_[{date, row["sensor"]}];
    int const nth = seen_[{date, row["sensor"], *band_index(row["band"])}]++;
    while (static_cast<int>(of_sensor.size()) <= nth) of_sensor.push_back(add());
    return scenes_[of_sensor[static_cast<std::size_t>(nth)]];
  }

  void place(CsvTable::Row const& row, std::string const& path, Draft& draft) {
    auto& bands = draft.candidate.scene.bands;
    if (!row["band"].empty()) {
      bands[*band_index(row["band"])] = {path, 1};
      return;
    }
    for (std::size_t b = 0; b < bands.size(); ++b) {
      auto const number = parse_integer(sensor_.bands[b].source);
      require(
          number && *number >= 1 && *number <= 65535, ErrorKind::config,
          fmt::format(
              "{}.bands: {}:{} is no band number, but {}, line {}, stands for all bands. Give the number of "
              "the band in the file (from 1), or fill the column 'band'.",
              sensor_.role, sensor_.bands[b].name, sensor_.bands[b].source, csv_.string(), row.line));
      bands[b] = {path, static_cast<int>(*number)};
    }
  }

  void set_quality(CsvTable::Row const& row, Draft& draft) {
    if (row["qa"].empty()) return;
    BandFile const quality{anchored(row["qa"], folder_), 1};
    auto& known = draft.candidate.scene.qa;
    if (is_local_path(quality.path) && !fs::exists(quality.path))
      complain(row.line, fmt::format("{}: no such quality file.", quality.path));
    else if (known && known->path != quality.path)
      complain(row.line,
               fmt::format("quality file {} differs from {} of the same scene.", quality.path, known->path));
    known = quality;
  }

  void set_number(CsvTable::Row const& row, std::string const& column, std::optional<double>& known) {
    if (row[column].empty()) return;
    auto const value = parse_double(row[column]);
    if (!value) return complain(row.line, fmt::format("{} '{}' is not a number.", column, row[column]));
    if (known && *known != *value)
      complain(row.line, fmt::format("{} {} differs from {} of the same scene.", column, *value, *known));
    known = value;
  }

  void finish(Draft& draft) {
    auto const& bands = draft.candidate.scene.bands;
    for (std::size_t b = 0; b < bands.size(); ++b) {
      if (!bands[b].path.empty()) continue;
      draft.unusable = true;
      complain(draft.line, fmt::format("the scene {} has no row for band {}.", draft.candidate.name,
                                       sensor_.bands[b].name));
    }
    if (!draft.unusable) listing_.scenes.push_back(std::move(draft.candidate));
  }

  fs::path csv_, folder_;
  SensorSpec const& sensor_;
  SceneListing& listing_;
  std::vector<Draft> scenes_;
  std::map<std::pair<Date, std::string>, std::vector<std::size_t>> by_sensor_;
  std::map<std::tuple<Date, std::string, std::size_t>, int> seen_;
};

}  // namespace

void list_table(fs::path const& csv, SensorSpec const& sensor, SceneListing& listing) {
  std::size_t const before = listing.scenes.size() + listing.problems.size();
  TableReader(csv, sensor, listing).read();
  if (listing.scenes.size() + listing.problems.size() == before)
    listing.problems.push_back(
        fmt::format("{}: no row stands for a {} scene. Check the rows, the column 'sensor' and {}.exclude.",
                    csv.string(), sensor.role, sensor.role));
}

}  // namespace stfcube
