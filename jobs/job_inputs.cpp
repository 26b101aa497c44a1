#include "stfcube/jobs/job_inputs.hpp"

#include <system_error>

#include <fmt/format.h>

namespace stfcube {
namespace {

namespace fs = std::filesystem;

std::string href_of(std::string const& path, fs::path const& folder) {
  // A signed URL holds a secret behind its question mark.
  if (path.starts_with("/vsi") || path.find("://") != std::string::npos)
    return path.substr(0, path.find('?'));
  return fs::absolute(path).lexically_proximate(fs::absolute(folder)).string();
}

void add_inputs(std::vector<InputRecord>& inputs, Catalog const& catalog, fs::path const& folder) {
  auto const add = [&](std::string const& path, std::string const& role, Date date) {
    inputs.push_back({href_of(path, folder), fs::path(path).stem().string(), role, date});
  };
  for (Scene const& scene : catalog.scenes) {
    std::string last;
    for (BandFile const& band : scene.bands) {
      if (band.path != last) add(last = band.path, catalog.sensor.role, scene.date);
    }
    if (scene.qa) add(scene.qa->path, "mask", scene.date);
  }
}

}  // namespace

std::vector<InputRecord> input_records(Catalog const& fine, Catalog const& coarse, std::vector<fs::path> const& maps,
                                       fs::path const& folder) {
  std::vector<InputRecord> inputs;
  add_inputs(inputs, fine, folder);
  add_inputs(inputs, coarse, folder);
  for (fs::path const& map : maps) {
    if (!map.empty()) inputs.push_back({href_of(map.string(), folder), map.stem().string(), "map", Date{0}});
  }
  return inputs;
}

InputRecord weights_record(fs::path const& weights, fs::path const& folder) {
  return {href_of(weights.string(), folder), weights.stem().string(), "weights", Date{0}};
}

std::vector<InputLine> input_lines(std::vector<InputRecord> const& inputs, fs::path const& folder) {
  std::vector<InputLine> lines;
  for (InputRecord const& input : inputs) {
    std::error_code unknown;
    auto const size = fs::file_size(folder / input.href, unknown);
    lines.push_back(
        {fmt::format("{} {} {}", input.role, to_string(input.acquired), input.href), unknown ? 0 : size});
  }
  return lines;
}

}  // namespace stfcube
