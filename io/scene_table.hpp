#pragma once

#include <filesystem>

#include "stfcube/io/scene_candidate.hpp"

namespace stfcube {

/// Appends the scenes of a CSV catalogue, in the order of its rows.
///
/// Columns: `date` (YYYY-MM-DD or YYYYMMDD, a time of day may follow) and `path`; optional `qa`, `sensor`,
/// `band`, `scale`, `offset`; others are ignored. Relative paths start at the catalogue's folder.
///
/// - `sensor` is the name of an instrument or platform. Rows that say "fine" or "coarse" belong to that role
/// alone and
///   are skipped by the other, so that one catalogue can serve both.
/// - A row with an empty `band` is a scene of one file with all bands.
/// - A row with a `band` (the cube's name of the band, or its source in `bands`) is one band of a scene, band
/// 1 of its
///   file. The n-th row of a (date, sensor, band) belongs to the n-th scene of that (date, sensor); rows of
///   bands that the job does not use are skipped. The scene stands where its first row stands.
/// - `qa`, `scale` and `offset` hold for the scene; rows of one scene may leave them empty but must not
/// differ.
void list_table(std::filesystem::path const& csv, SensorSpec const& sensor, SceneListing& listing);

}  // namespace stfcube
