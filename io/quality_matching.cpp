#include "stfcube/io/quality_matching.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "stfcube/io/file_patterns.hpp"

namespace stfcube {
namespace {

/// A scene and a quality file of one date that could belong together.
struct Match {
  std::ptrdiff_t beginning = 0, end = 0;  ///< characters that the names have in common
  std::size_t scene = 0, file = 0;

  /// The better match comes first.
  bool operator<(Match const& o) const {
    return std::tuple(-beginning, -end, scene, file) < std::tuple(-o.beginning, -o.end, o.scene, o.file);
  }
};

Match compare_names(std::string const& scene, std::string const& file) {
  Match match;
  match.beginning = std::ranges::mismatch(scene, file).in1 - scene.begin();
  match.end = std::mismatch(scene.rbegin(), scene.rend(), file.rbegin(), file.rend()).first - scene.rbegin();
  return match;
}

std::multimap<Date, std::string> by_date(std::vector<std::string> const& files, SensorSpec const& sensor,
                                         std::vector<std::string>& problems) {
  std::multimap<Date, std::string> dated;
  for (auto const& file : files) {
    if (auto const date = find_date(file_name(file), sensor.date_pattern))
      dated.emplace(*date, file);
    else
      problems.push_back(
          fmt::format("{}: no date in the name of this quality file fits {}.date = {}. Give quality files "
                      "names with dates like those of the scenes, or a CSV catalogue.",
                      file, sensor.role, sensor.date_pattern));
  }
  return dated;
}

}  // namespace

std::vector<std::string> list_quality_files(SensorSpec const& sensor, std::vector<std::string>& problems) {
  std::vector<std::string> files;
  for (auto const& entry : sensor.qa) {
    std::string const pattern = anchored(entry, sensor.base);
    auto found = is_local_path(pattern) ? matching_files(pattern) : std::vector{pattern};
    if (found.empty())
      problems.push_back(
          fmt::format("{}.qa = {} matches no file: {}. Correct {}.qa; relative patterns start at the folder of the job file.",
                      sensor.role, entry, explain_no_match(pattern), sensor.role));
    std::erase_if(found, [&](std::string const& path) {
      return matches_any(path, sensor.exclude, sensor.base) || std::ranges::find(files, path) != files.end();
    });
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

void match_quality_files(std::vector<std::string> const& files, SensorSpec const& sensor,
                         SceneListing& listing) {
  auto const dated = by_date(files, sensor, listing.problems);
  auto& scenes = listing.scenes;

  std::vector<std::string const*> paths;
  std::vector<Match> matches;
  std::map<std::string const*, std::size_t> numbers;
  for (std::size_t s = 0; s < scenes.size(); ++s) {
    if (scenes[s].scene.qa) continue;
    auto const [first, last] = dated.equal_range(scenes[s].scene.date);
    for (auto it = first; it != last; ++it) {
      auto const [entry, is_new] = numbers.try_emplace(&it->second, paths.size());
      if (is_new) paths.push_back(&it->second);
      Match match = compare_names(scenes[s].name, file_name(it->second));
      match.scene = s;
      match.file = entry->second;
      matches.push_back(match);
    }
  }

  std::ranges::sort(matches, [](Match const& a, Match const& b) { return a < b; });
  std::vector<bool> taken(paths.size(), false);
  for (auto const& match : matches) {
    auto& quality = scenes[match.scene].scene.qa;
    if (quality || taken[match.file]) continue;
    quality = BandFile{*paths[match.file], 1};
    taken[match.file] = true;
  }
  for (auto const& candidate : scenes)
    if (!candidate.scene.qa)
      listing.problems.push_back(fmt::format(
          "{}: no quality file of {} is left for this scene. Add it, leave the scene out with {}.exclude, or "
          "remove {}.qa and {}.qa_scheme.",
          candidate.name, to_string(candidate.scene.date), sensor.role, sensor.role, sensor.role));
}

}  // namespace stfcube
