#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace stfcube {

/// How a quality file says that a pixel can be used (docs: job file, `qa_scheme`).
enum class QaScheme { none, mask, landsat_c2, hls_fmask, s2_scl, mod09ga_state };

/// @throws Error(config) listing the known names
QaScheme qa_scheme_named(std::string const& name, std::string const& key = "qa_scheme");

/// Whether a pixel with quality word `value` can be used. Pure.
/// mask: 0 is unusable, anything else usable. The bits of the others: specs, preprocessing.md, section 2.
bool usable(QaScheme scheme, unsigned value);

/// One band of the cube and where a scene has it.
struct BandSource {
  std::string name;    ///< band of the cube ("nir")
  std::string source;  ///< band number in the file (from 1), or the text that replaces {band} in a file name
};

/// One sensor of the job file, [fine] or [coarse], as values.
struct SensorSpec {
  std::string role = "fine";                ///< for messages: "fine" or "coarse"
  std::vector<std::string> scenes;          ///< globs, paths or one .csv catalogue; {band}: one file per band
  std::vector<std::string> exclude;         ///< globs left out
  std::string date_pattern = "%Y%m%d";
  std::vector<BandSource> bands;            ///< in the cube's order
  std::optional<double> scale, offset;      ///< default: what the files say, else 1 and 0
  std::optional<double> no_data;            ///< default: what the files say
  double valid_low = -0.2, valid_high = 1.6;  ///< physical values outside are no data
  std::vector<std::string> qa;              ///< globs of quality files, matched to scenes by date and name
  QaScheme qa_scheme = QaScheme::none;
  std::string resampling = "cubic";         ///< GDAL's name; used when a scene is not on the grid
  std::string crs;                          ///< overrides or supplies what the files say
  std::filesystem::path base;               ///< relative paths start here (the job file's folder)
};

}  // namespace stfcube
