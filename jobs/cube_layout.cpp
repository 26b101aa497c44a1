#include "stfcube/jobs/cube_layout.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>

#include <fmt/format.h>

namespace stfcube {
namespace {

/// Centre wavelengths of the usual band names (Landsat 8 OLI), micrometres.
float wavelength_um(std::string const& band) {
  static std::map<std::string, float> const known = {
      {"coastal", 0.443F}, {"blue", 0.482F},  {"green", 0.561F}, {"red", 0.655F},
      {"nir", 0.865F},     {"swir1", 1.609F}, {"swir2", 2.201F}, {"thermal", 10.9F}};
  auto const found = known.find(band);
  return found == known.end() ? std::numeric_limits<float>::quiet_NaN() : found->second;
}

}  // namespace

CubeLayout cube_layout(PreparedJob const& job, StartedRun const& started) {
  JobSpec const& spec = job.spec;
  CubeLayout layout;
  layout.path = spec.cube_path;
  layout.grid = job.task.fine_grid;
  layout.dates = job.task.targets;
  layout.bands = spec.bands;
  std::ranges::transform(spec.bands, std::back_inserter(layout.wavelengths_um), wavelength_um);
  layout.quantity = spec.quantity;
  layout.uncertainty = spec.uncertainty;
  layout.chunk = spec.chunk;
  layout.compression = spec.compression;
  layout.extent_align = spec.extent_align;
  ModelInfo const& info = job.model->info();
  layout.provenance = {.job_text = started.job_text,
                       .job_digest = started.job_digest,
                       .created = started.created,
                       .command = started.command,
                       .model = info.name,
                       .model_title = info.title,
                       .model_citation = info.citation,
                       .title = spec.title.empty()
                                    ? fmt::format("{} data cube by {}", spec.quantity.name, info.name)
                                    : spec.title,
                       .institution = spec.institution,
                       .inputs = job.inputs};
  return layout;
}

}  // namespace stfcube
