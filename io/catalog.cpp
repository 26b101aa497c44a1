#include "stfcube/io/catalog.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "stfcube/io/file_patterns.hpp"
#include "stfcube/io/quality_matching.hpp"
#include "stfcube/io/scene_patterns.hpp"
#include "stfcube/io/scene_table.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

bool is_table(std::string const& entry) {
  return entry.ends_with(".csv") || entry.ends_with(".CSV");
}

/// A file that several patterns match is one scene of its date, where it came first.
void drop_repeated(std::vector<SceneCandidate>& scenes) {
  std::set<std::tuple<Date, std::string, int>> known;
  std::erase_if(scenes, [&](SceneCandidate const& candidate) {
    BandFile const& first = candidate.scene.bands.front();
    return !known.emplace(candidate.scene.date, first.path, first.band).second;
  });
}

void check_settings(SensorSpec const& sensor) {
  require(!sensor.bands.empty(), ErrorKind::config,
          fmt::format("{}.bands is empty. Name the bands, for example {}.bands = red:1 nir:2.", sensor.role,
                      sensor.role));
  require(!sensor.scenes.empty(), ErrorKind::config,
          fmt::format("{}.scenes is empty. Give a pattern such as {}/*.tif, or a CSV catalogue.", sensor.role,
                      sensor.role));
  require(
      sensor.qa.empty() || sensor.qa_scheme != QaScheme::none, ErrorKind::config,
      fmt::format("{}.qa is given, but {}.qa_scheme does not say how to read it. Set it to mask, landsat_c2, "
                  "hls_fmask, s2_scl or mod09ga_state.",
                  sensor.role, sensor.role));
}

void fail(SensorSpec const& sensor, std::vector<std::string> const& problems) {
  if (problems.size() == 1) throw Error(ErrorKind::data, problems.front());
  throw Error(ErrorKind::data, fmt::format("{} problems with the {} scenes:\n{}", problems.size(),
                                           sensor.role, join_limited(problems)));
}

}  // namespace

std::vector<Date> Catalog::dates() const {
  std::set<Date> unique;
  for (auto const& scene : scenes) unique.insert(scene.date);
  return {unique.begin(), unique.end()};
}

Catalog find_scenes(SensorSpec const& sensor) {
  check_settings(sensor);
  SceneListing listing;
  auto const quality_files = list_quality_files(sensor, listing.problems);
  std::set<std::string> const quality_set(quality_files.begin(), quality_files.end());
  for (auto const& entry : sensor.scenes) {
    if (is_table(entry))
      list_table(anchored(entry, sensor.base), sensor, listing);
    else
      list_pattern(entry, sensor, quality_set, listing);
  }
  drop_repeated(listing.scenes);
  bool const can_match = sensor.qa.empty() || !quality_files.empty();
  if (sensor.qa_scheme != QaScheme::none && can_match) match_quality_files(quality_files, sensor, listing);
  if (!listing.problems.empty()) fail(sensor, listing.problems);

  Catalog catalog{sensor, {}};
  for (auto& candidate : listing.scenes) catalog.scenes.push_back(std::move(candidate.scene));
  std::ranges::stable_sort(catalog.scenes, {}, &Scene::date);
  return catalog;
}

}  // namespace stfcube
