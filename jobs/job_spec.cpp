#include "stfcube/jobs/job_spec.hpp"

#include <fmt/format.h>
#include <fmt/std.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

#include "stfcube/jobs/job_keys.hpp"
#include "stfcube/models/registry.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

/// Typed reading of the values of a job; defaults come from the table of keys.
class Values {
 public:
  explicit Values(KeyValues const& values) : values_(values) {}

  std::vector<std::string> list(std::string const& name) const {
    auto const found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
  }

  std::string text(std::string const& name) const {
    auto const found = values_.find(name);
    return found == values_.end() ? find_job_key(name)->default_value : found->second.front();
  }

  std::vector<double> numbers(std::string const& name, std::size_t least, std::size_t most) const {
    std::vector<double> numbers;
    for (std::string const& word : split_words(text(name))) {
      auto const number = parse_double(word);
      require(number.has_value(), ErrorKind::config, fmt::format("{} = {}: '{}' is no number.", name, text(name), word));
      numbers.push_back(*number);
    }
    require(numbers.size() >= least && numbers.size() <= most, ErrorKind::config,
            fmt::format("{} = {} (must be {} number{}).", name, text(name),
                        least == most ? std::to_string(least) : fmt::format("{} to {}", least, most), most == 1 ? "" : "s"));
    return numbers;
  }

  std::optional<double> number(std::string const& name) const {
    return text(name).empty() ? std::nullopt : std::optional(numbers(name, 1, 1).front());
  }

  int integer(std::string const& name, int lowest, int highest) const {
    auto const value = parse_integer(text(name));
    require(value && *value >= lowest && *value <= highest, ErrorKind::config,
            fmt::format("{} = {} (must be a whole number from {} to {}).", name, text(name), lowest, highest));
    return static_cast<int>(*value);
  }

  bool flag(std::string const& name) const {
    std::string const value = text(name);
    require(value == "true" || value == "false", ErrorKind::config,
            fmt::format("{} = {} (must be true or false).", name, value));
    return value == "true";
  }

  std::string choice(std::string const& name, std::vector<std::string> const& allowed) const {
    require(std::ranges::find(allowed, text(name)) != allowed.end(), ErrorKind::config,
            fmt::format("{} = {} is not known. Use {}.", name, text(name), fmt::join(allowed, " or ")));
    return text(name);
  }

 private:
  KeyValues const& values_;
};

std::filesystem::path absolute_from(std::filesystem::path const& folder, std::string const& path) {
  return path.empty() || path.starts_with('/') ? std::filesystem::path(path) : (folder / path).lexically_normal();
}

GridSpec grid_spec(Values const& values, std::filesystem::path const& folder) {
  GridSpec grid;
  grid.like = absolute_from(folder, values.text("grid.like"));
  grid.crs = values.text("grid.crs");
  if (!values.text("grid.bounds").empty()) {
    auto const b = values.numbers("grid.bounds", 4, 4);
    grid.bounds = {b[0], b[1], b[2], b[3]};
    require(b[2] > b[0] && b[3] > b[1], ErrorKind::config,
            fmt::format("grid.bounds = {} (order is xmin ymin xmax ymax, and the maxima must be larger).",
                        values.text("grid.bounds")));
  }
  if (!values.text("grid.resolution").empty()) {
    auto const r = values.numbers("grid.resolution", 1, 2);
    grid.resolution = {r.front(), r.back()};
    require(r.front() > 0 && r.back() > 0, ErrorKind::config,
            fmt::format("grid.resolution = {} (must be positive).", values.text("grid.resolution")));
  }
  if (!values.text("grid.ratio").empty()) grid.ratio = values.integer("grid.ratio", 1, most_ratio);
  bool const complete = !grid.crs.empty() && grid.bounds && grid.resolution;
  require(!grid.like.empty() || complete, ErrorKind::config,
          "grid.like is missing: the job has no grid. Set grid.like = a raster whose grid the cube takes, or grid.crs, grid.bounds and "
          "grid.resolution.");
  require(grid.like.empty() || (grid.crs.empty() && !grid.resolution), ErrorKind::config,
          "grid.like gives CRS and resolution already. Remove grid.crs and grid.resolution, or grid.like.");
  return grid;
}

std::vector<BandSource> band_sources(Values const& values, std::string const& key) {
  std::vector<BandSource> bands;
  std::set<std::string> seen;
  for (std::string const& word : split_words(values.text(key))) {
    auto const colon = word.find(':');
    require(colon != std::string::npos && colon > 0 && colon + 1 < word.size(), ErrorKind::config,
            fmt::format("{}: '{}' is not NAME:BAND. Write for example blue:1 green:2 red:3.", key, word));
    bands.push_back({word.substr(0, colon), word.substr(colon + 1)});
    require(seen.insert(bands.back().name).second, ErrorKind::config,
            fmt::format("{}: band {} stands twice.", key, bands.back().name));
  }
  require(!bands.empty(), ErrorKind::config,
          fmt::format("{} is missing. Name the cube's bands and where the files have them: blue:1 green:2 red:3 nir:4.", key));
  return bands;
}

/// Values are reflectances, and outside the usual range they are faults of the data; other quantities have no such rule.
std::vector<double> valid_range(Values const& values, std::string const& key, Quantity const& quantity) {
  if (!values.text(key).empty()) {
    auto range = values.numbers(key, 2, 2);
    require(range[0] < range[1], ErrorKind::config, fmt::format("{} = {} (lowest, then highest).", key, values.text(key)));
    return range;
  }
  return {quantity.offset + quantity.lowest * quantity.step, quantity.offset + quantity.highest * quantity.step};
}

SensorSpec sensor_spec(Values const& values, std::string const& role, Quantity const& quantity,
                       std::filesystem::path const& folder) {
  auto const key = [&](char const* name) { return role + "." + name; };
  SensorSpec sensor;
  sensor.role = role;
  sensor.base = folder;
  sensor.scenes = values.list(key("scenes"));
  require(!sensor.scenes.empty(), ErrorKind::config,
          fmt::format("{} is missing. Set it to the {} images, for example {}/*.tif.", key("scenes"), role, role));
  sensor.exclude = values.list(key("exclude"));
  sensor.date_pattern = values.text(key("date"));
  sensor.bands = band_sources(values, key("bands"));
  sensor.scale = values.number(key("scale"));
  sensor.offset = values.number(key("offset"));
  sensor.no_data = values.number(key("nodata"));
  auto const range = valid_range(values, key("valid"), quantity);
  sensor.valid_low = range[0];
  sensor.valid_high = range[1];
  sensor.qa = values.list(key("qa"));
  std::string const scheme = values.text(key("qa_scheme"));
  require(sensor.qa.empty() == scheme.empty(), ErrorKind::config,
          fmt::format("{0} and {1} belong together: {2} is missing.", key("qa"), key("qa_scheme"),
                      scheme.empty() ? key("qa_scheme") : key("qa")));
  if (!scheme.empty()) sensor.qa_scheme = qa_scheme_named(scheme, key("qa_scheme"));
  sensor.resampling = values.choice(key("resampling"), {"near", "bilinear", "cubic", "cubicspline", "lanczos", "average",
                                                        "mode", "max", "min", "med", "q1", "q3"});
  sensor.crs = values.text(key("crs"));
  return sensor;
}

std::vector<std::string> cube_bands(SensorSpec const& fine, SensorSpec const& coarse) {
  std::vector<std::string> names, coarse_names;
  for (auto const& band : fine.bands) names.push_back(band.name);
  for (auto const& band : coarse.bands) coarse_names.push_back(band.name);
  require(names == coarse_names, ErrorKind::config,
          fmt::format("fine.bands names {} but coarse.bands names {}. Both must name the cube's bands in the same order.",
                      fmt::join(names, " "), fmt::join(coarse_names, " ")));
  return names;
}

std::array<int, 4> chunk_shape(Values const& values) {
  auto const numbers = values.numbers("cube.chunk", 4, 4);
  std::array<int, 4> chunk{};
  for (std::size_t i = 0; i < 4; ++i) {
    require(numbers[i] >= 1 && numbers[i] <= 1 << 16 && numbers[i] == std::floor(numbers[i]), ErrorKind::config,
            fmt::format("cube.chunk = {} (must be four positive whole numbers: time band y x).", values.text("cube.chunk")));
    chunk[i] = static_cast<int>(numbers[i]);
  }
  return chunk;
}

Compression compression(std::string const& text, std::string const& writer) {
  if (text == "none") return no_compression;
  auto const colon = text.find(':');
  bool const zstd = text.substr(0, colon) == "zstd";
  std::int64_t const level = colon == std::string::npos ? 0 : parse_integer(text.substr(colon + 1)).value_or(0);
  require((zstd || text.starts_with("deflate:")) && level >= 1 && level <= (zstd ? 19 : 9), ErrorKind::config,
          fmt::format("cube.compression = {} is not known. Use none, deflate:1 to deflate:9, or zstd:1 to zstd:19.", text));
  require(!zstd || writer == "staged", ErrorKind::config,
          fmt::format("cube.compression = {} needs cube.writer = staged: with plugins of HDF5's, collective writing is not safe. "
                      "Use that writer, or deflate.",
                      text));
  return {zstd ? Coder::zstd : Coder::deflate, static_cast<int>(level)};
}

/// "7200", "02:00:00" or "1-12:00:00", as Slurm's users write times.
std::chrono::seconds time_limit(std::string const& text) {
  auto const wrong = [&](bool good) {
    require(good, ErrorKind::config,
            fmt::format("run.time_limit = {} (must be seconds, HH:MM:SS or days-HH:MM:SS; 0 = what Slurm says).", text));
  };
  auto const dash = text.find('-');
  auto const days = dash == std::string::npos ? std::optional<std::int64_t>(0) : parse_integer(text.substr(0, dash));
  auto const parts = split(dash == std::string::npos ? text : text.substr(dash + 1), ':');
  wrong(days && *days >= 0 && *days < 10000 && (parts.size() == 3 || (parts.size() == 1 && dash == std::string::npos)));
  std::int64_t seconds = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto const value = parse_integer(parts[i]);
    wrong(value && *value >= 0 && *value < (i == 0 ? 100000000 : 60));
    seconds = seconds * 60 + *value;
  }
  return std::chrono::hours(24 * *days) + std::chrono::seconds(seconds);
}

std::uint64_t extent_align(std::string const& text) {
  auto const bytes = parse_bytes(text);
  bool const power = bytes && *bytes >= 4096 && *bytes <= (std::uint64_t{1} << 30) && (*bytes & (*bytes - 1)) == 0;
  require(power, ErrorKind::config,
          fmt::format("cube.extent_align = {} (must be a power of two from 4K to 1G).", text));
  return *bytes;
}

/// Side of a statistics zone; 0 when statistics are those of the whole scene.
int zone_px(Values const& values) {
  int const side = values.integer("model.zone", 64, 1 << 20);
  require(side % 2 == 0, ErrorKind::config, fmt::format("model.zone = {} (must be even: zones overlap by halves).", side));
  return values.choice("model.stat_region", {"scene", "zones"}) == "zones" ? side : 0;
}

std::filesystem::path optional_path(std::filesystem::path const& folder, std::string const& text) {
  return text.empty() ? std::filesystem::path() : absolute_from(folder, text);
}

std::vector<Date> validation_dates(Values const& values) {
  std::vector<Date> dates;
  for (std::string const& word : split_words(values.text("train.validation_dates"))) {
    auto const date = parse_date(word);
    require(date.has_value(), ErrorKind::config,
            fmt::format("train.validation_dates = {}: '{}' is no date YYYY-MM-DD.", values.text("train.validation_dates"), word));
    dates.push_back(*date);
  }
  return dates;
}

std::vector<std::array<double, 4>> withheld_regions(Values const& values) {
  std::vector<std::array<double, 4>> regions;
  for (std::string const& text : values.list("train.withheld_regions")) {
    std::vector<double> numbers;
    for (std::string const& word : split_words(text)) {
      if (auto const number = parse_double(word)) numbers.push_back(*number);
    }
    require(numbers.size() == 4 && split_words(text).size() == 4 && numbers[2] > numbers[0] && numbers[3] > numbers[1],
            ErrorKind::config,
            fmt::format("train.withheld_regions = {} (must be xmin ymin xmax ymax in the CRS of the grid).", text));
    regions.push_back({numbers[0], numbers[1], numbers[2], numbers[3]});
  }
  return regions;
}

double number_in(Values const& values, std::string const& name, double lowest, double highest) {
  double const number = values.numbers(name, 1, 1).front();
  require(number >= lowest && number <= highest, ErrorKind::config,
          fmt::format("{} = {} (must be a number from {} to {}).", name, number, lowest, highest));
  return number;
}

nn::TrainingOptions training_options(Values const& values) {
  constexpr int many = 1'000'000'000;
  nn::TrainingOptions options;
  options.steps = values.integer("train.steps", 1, many);
  options.batch = values.integer("train.batch", 1, 1 << 20);
  options.schedule.kind = values.choice("train.schedule", {"constant", "cosine", "step", "plateau"});
  options.schedule.learning_rate = number_in(values, "train.learning_rate", 1e-9, 10);
  options.schedule.warm_up = values.integer("train.warm_up", 0, many);
  options.weight_decay = number_in(values, "train.weight_decay", 0, 1);
  options.clip = number_in(values, "train.clip", 0, 1e9);
  options.loss = values.text("train.loss");
  options.ema = number_in(values, "train.ema", 0, 0.999999);
  options.adversarial = values.choice("train.adversarial", {"lsgan-half", "lsgan-plain", "wgan", "none"});
  options.adversarial_weight = number_in(values, "train.adversarial_weight", 0, 1e6);
  options.augmentation.gain = number_in(values, "train.gain", 0, 0.5);
  options.augmentation.offset = number_in(values, "train.offset", 0, 0.5);
  options.seed = static_cast<std::uint64_t>(values.integer("train.seed", 0, many));
  options.validate_every = values.integer("train.validate_every", 1, many);
  options.early_stopping = values.integer("train.early_stopping", 0, many);
  return options;
}

TrainingSpec training_spec(Values const& values, std::filesystem::path const& folder) {
  TrainingSpec training;
  training.network = values.text(values.text("train.network").empty() ? "model.name" : "train.network");
  training.options = training_options(values);
  training.patch_px = values.integer("train.patch", 16, 4096);
  training.patches = values.integer("train.patches", 1, 100'000'000);
  training.validation_patches = values.integer("train.validation_patches", 0, 100'000'000);
  training.validation_dates = validation_dates(values);
  training.withheld_regions = withheld_regions(values);
  training.validation_share = number_in(values, "train.validation_share", 0, 0.9);
  auto const out = values.text("train.out");
  training.out = absolute_from(folder, out.empty() ? training.network + ".safetensors" : out);
  training.checkpoint_every = std::chrono::seconds(values.integer("train.checkpoint_every", 0, 1 << 20));
  training.device = values.text("train.device");
  training.licence = values.text("train.licence");
  return training;
}

std::map<std::string, std::string> model_options(KeyValues const& values) {
  std::map<std::string, std::string> options;
  for (auto const& [key, list] : values) {
    if (model_registry().contains(key.substr(0, key.find('.')))) options[key] = list.front();
  }
  return options;
}

}  // namespace

JobSpec make_job_spec(KeyValues const& key_values, std::filesystem::path const& folder) {
  Values const values(key_values);
  JobSpec job;
  job.folder = folder;
  job.grid = grid_spec(values, folder);
  job.quantity = quantity_named(values.text("cube.quantity"));
  job.fine = sensor_spec(values, "fine", job.quantity, folder);
  job.coarse = sensor_spec(values, "coarse", job.quantity, folder);
  job.bands = cube_bands(job.fine, job.coarse);
  job.target_dates = values.text("target.dates");
  require(!job.target_dates.empty(), ErrorKind::config,
          "target.dates is missing. Set START/END/P8D, a list of dates, coarse, or fine.");
  job.model_name = values.text("model.name");
  job.weights = optional_path(folder, values.text("model.weights"));
  job.model_options = model_options(key_values);
  job.max_pair_gap_days = values.integer("model.max_pair_gap", 0, 100000);
  job.pair_tolerance_days = values.integer("model.pair_tolerance", 0, 366);
  job.zone_px = zone_px(values);
  job.class_map = optional_path(folder, values.text("model.class_map"));
  job.object_map = optional_path(folder, values.text("model.object_map"));
  job.gap_fill = values.choice("model.gap_fill", {"linear", "none"}) == "linear";
  job.cube_path = absolute_from(folder, values.text("cube.path"));
  job.writer = values.choice("cube.writer", {"staged", "collective"});
  job.chunk = chunk_shape(values);
  job.compression = compression(values.text("cube.compression"), job.writer);
  job.uncertainty = values.flag("cube.uncertainty");
  job.title = values.text("cube.title");
  job.institution = values.text("cube.institution");
  job.tile_px = values.integer("run.tile", 0, 1 << 20);
  if (job.tile_px == 0) job.tile_px = 512;
  job.slab_dates = values.integer("run.slab", 0, 1 << 20);
  job.threads = values.integer("run.threads", 0, 4096);
  job.grace = std::chrono::seconds(values.integer("run.grace", 0, 1 << 20));
  job.time_limit = time_limit(values.text("run.time_limit"));
  job.extent_align = extent_align(values.text("cube.extent_align"));
  auto const memory = parse_bytes(values.text("run.memory"));
  require(memory.has_value(), ErrorKind::config,
          fmt::format("run.memory = {} (must be bytes, with K, M, G or T: 16G).", values.text("run.memory")));
  job.memory_bytes = *memory;
  job.training = training_spec(values, folder);
  job.text = canonical_job(key_values);
  job.digest = sha256_hex(deciding_lines(job.text));
  return job;
}

}  // namespace stfcube
