#include "stfcube/io/scene_patterns.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <fnmatch.h>

#include "stfcube/io/file_patterns.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

constexpr std::string_view band_token = "{band}";

/// Files of one scene: one path for all bands, or one per band of the cube ("" = missing).
struct FileGroup {
  std::string name;  ///< with {band} where the band's text stands
  std::vector<std::string> paths;
};

/// `pattern` cut at each {band}.
std::vector<std::string> pieces_of(std::string const& pattern) {
  std::vector<std::string> pieces;
  std::size_t at = 0;
  for (std::size_t next; (next = pattern.find(band_token, at)) != std::string::npos;
       at = next + band_token.size())
    pieces.push_back(pattern.substr(at, next - at));
  pieces.push_back(pattern.substr(at));
  return pieces;
}

std::string join(std::vector<std::string> const& pieces, std::string const& between) {
  std::string text = pieces.front();
  for (std::size_t i = 1; i < pieces.size(); ++i) text += between + pieces[i];
  return text;
}

bool fits(std::string const& pattern, std::string const& text) {
  return fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
}

/// `path` with {band} where `source` stands, for a path that matches the pieces with `source` between them.
/// Where the text stands several times, the last place that fits is the band's.
std::optional<std::string> without_band(std::string const& path, std::span<std::string const> pieces,
                                        std::string const& source) {
  if (pieces.size() == 1) return fits(pieces[0], path) ? std::optional(path) : std::nullopt;
  for (std::size_t at = path.rfind(source); at != std::string::npos;
       at = at == 0 ? std::string::npos : path.rfind(source, at - 1)) {
    if (!fits(pieces.back(), path.substr(at + source.size()))) continue;
    auto const head = without_band(path.substr(0, at), pieces.first(pieces.size() - 1), source);
    if (head) return *head + std::string(band_token) + path.substr(at + source.size());
  }
  return std::nullopt;
}

std::vector<std::string> files_of(std::string const& pattern) {
  return has_wildcard(pattern) ? matching_files(pattern) : std::vector{pattern};
}

bool is_complete(std::vector<std::string> const& paths) {
  return std::ranges::none_of(paths, [](std::string const& path) { return path.empty(); });
}

/// Drops incomplete groups whose files all belong to complete ones: the band's text stood elsewhere in their names too.
void drop_chance_groups(std::map<std::string, std::vector<std::string>>& groups) {
  std::set<std::string> settled;
  for (auto const& [name, paths] : groups)
    if (is_complete(paths)) settled.insert(paths.begin(), paths.end());
  std::erase_if(groups, [&](auto const& group) {
    return !is_complete(group.second) && std::ranges::all_of(group.second, [&](std::string const& path) {
      return path.empty() || settled.contains(path);
    });
  });
}

std::vector<FileGroup> groups_by_band(std::string const& pattern, std::vector<BandSource> const& bands) {
  std::vector<std::string> const pieces = pieces_of(pattern);
  std::map<std::string, std::vector<std::string>> groups;
  for (std::size_t b = 0; b < bands.size(); ++b) {
    std::string const& source = bands[b].source;
    bool const expand = has_wildcard(pattern);
    for (auto const& path : files_of(join(pieces, expand ? escape_wildcards(source) : source))) {
      if (!expand && is_local_path(path) && !std::filesystem::exists(path)) continue;
      auto const name = expand ? without_band(path, pieces, source) : pattern;
      if (!name) continue;
      auto& paths = groups[*name];
      paths.resize(bands.size());
      paths[b] = path;
    }
  }
  drop_chance_groups(groups);
  std::vector<FileGroup> list;
  for (auto& [name, paths] : groups) list.push_back({name, std::move(paths)});
  return list;
}

std::vector<FileGroup> single_files(std::string const& pattern) {
  std::vector<FileGroup> list;
  for (auto& path : files_of(pattern)) list.push_back({path, {path}});
  return list;
}

std::optional<Date> date_of(FileGroup const& group, std::string const& pattern) {
  for (auto const& path : group.paths)
    if (auto const date = find_date(file_name(path), pattern)) return date;
  return std::nullopt;
}

/// What is wrong with one group: a band without file, a missing file, a name without date.
std::vector<std::string> problems_of(FileGroup const& group, SensorSpec const& sensor) {
  std::vector<std::string> problems;
  bool const per_band = group.name.find(band_token) != std::string::npos;
  for (std::size_t b = 0; b < group.paths.size(); ++b) {
    if (group.paths[b].empty()) {
      std::string const missing = join(pieces_of(group.name), sensor.bands[b].source);
      problems.push_back(
          fmt::format("{}: the file of band {} is missing. Complete the scene, or leave it out with "
                      "{}.exclude.",
                      missing, sensor.bands[b].name, sensor.role));
    } else if (!per_band && is_local_path(group.paths[b]) && !std::filesystem::exists(group.paths[b])) {
      problems.push_back(fmt::format("{}: no such file. Check {}.scenes.", group.paths[b], sensor.role));
    }
  }
  if (problems.empty() && !date_of(group, sensor.date_pattern))
    problems.push_back(
        fmt::format("{}: no date in the file name fits {}.date = {}. Set {}.date to the pattern of "
                    "the names (%Y %m %d %j, with literal text), or give a CSV catalogue.",
                    group.name, sensor.role, sensor.date_pattern, sensor.role));
  return problems;
}

SceneCandidate candidate_of(FileGroup const& group, SensorSpec const& sensor) {
  SceneCandidate candidate;
  candidate.name = file_name(group.name);
  candidate.scene.date = *date_of(group, sensor.date_pattern);
  bool const per_band = group.name.find(band_token) != std::string::npos;
  for (std::size_t b = 0; b < sensor.bands.size(); ++b) {
    if (per_band)
      candidate.scene.bands.push_back({group.paths[b], 1});
    else
      candidate.scene.bands.push_back(
          {group.paths[0], static_cast<int>(*parse_integer(sensor.bands[b].source))});
  }
  return candidate;
}

/// @throws Error(config) when a file holds all bands and a band's source is no number
void check_band_numbers(SensorSpec const& sensor, std::string const& entry) {
  for (auto const& band : sensor.bands) {
    auto const number = parse_integer(band.source);
    require(
        number && *number >= 1 && *number <= 65535, ErrorKind::config,
        fmt::format(
            "{}.bands: {}:{} is no band number, but {}.scenes = {} has no {{band}}. Give the number of the "
            "band in the file (from 1), or write {{band}} in the pattern.",
            sensor.role, band.name, band.source, sensor.role, entry));
  }
}

void drop_if(std::vector<FileGroup>& groups, auto const& unwanted) {
  std::erase_if(groups, [&](FileGroup const& group) { return std::ranges::any_of(group.paths, unwanted); });
}

}  // namespace

void list_pattern(std::string const& entry, SensorSpec const& sensor,
                  std::set<std::string> const& quality_files, SceneListing& listing) {
  auto const complain = [&](std::string const& reason) {
    listing.problems.push_back(
        fmt::format("{}.scenes = {} matches no scene: {}.", sensor.role, entry, reason));
  };
  std::string const pattern = anchored(entry, sensor.base);
  if (!is_local_path(pattern) && has_wildcard(pattern))
    return complain(
        "wildcards are not expanded in /vsi paths and subdataset names; list the files in a CSV catalogue");

  bool const per_band = pattern.find(band_token) != std::string::npos;
  if (!per_band) check_band_numbers(sensor, entry);
  auto groups = per_band ? groups_by_band(pattern, sensor.bands) : single_files(pattern);
  if (groups.empty())
    return complain(fmt::format("{}. Correct {}.scenes; relative patterns start at the folder of the job file",
                                explain_no_match(pattern), sensor.role));

  std::size_t const matched = groups.size();
  drop_if(groups, [&](std::string const& path) { return quality_files.contains(path); });
  if (groups.empty())
    return complain(fmt::format("all {} files it matches are quality files ({}.qa). Make the patterns differ",
                                matched, sensor.role));
  drop_if(groups, [&](std::string const& path) { return matches_any(path, sensor.exclude, sensor.base); });
  if (groups.empty())
    return complain(fmt::format("all {} files it matches are left out by {}.exclude or are quality files",
                                matched, sensor.role));

  for (auto const& group : groups) {
    auto const problems = problems_of(group, sensor);
    listing.problems.insert(listing.problems.end(), problems.begin(), problems.end());
    if (problems.empty()) listing.scenes.push_back(candidate_of(group, sensor));
  }
}

}  // namespace stfcube
