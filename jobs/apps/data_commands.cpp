#include <fmt/format.h>

#include <iostream>

#include "stfcube/jobs/apps/commands.hpp"
#include "stfcube/jobs/cross_validation.hpp"
#include "stfcube/jobs/evaluate.hpp"
#include "stfcube/jobs/export.hpp"
#include "stfcube/jobs/job_file.hpp"
#include "stfcube/jobs/job_spec.hpp"
#include "stfcube/jobs/model_weights.hpp"
#include "stfcube/jobs/simulate.hpp"
#include "stfcube/jobs/verify.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

using Words = std::vector<std::string>;

Date date_of(std::string const& text, std::string const& option) {
  auto const date = parse_date(text);
  require(date.has_value(), ErrorKind::config, fmt::format("--{} {} is no date. Write YYYY-MM-DD.", option, text));
  return *date;
}

/// "800" or "1200x800".
std::pair<int, int> size_of(std::string const& text) {
  auto const parts = split(text, 'x');
  auto const width = parse_integer(parts.front());
  auto const height = parse_integer(parts.back());
  require(parts.size() <= 2 && width && height && *width > 0 && *height > 0 && *width < 1 << 24 && *height < 1 << 24,
          ErrorKind::config, fmt::format("--size {} (must be a number of pixels, or WIDTHxHEIGHT).", text));
  return {static_cast<int>(*width), static_cast<int>(*height)};
}

SimulateSettings simulate_settings(CommandArguments const& a) {
  SimulateSettings s;
  require(a.has("out"), ErrorKind::config, "'stfcube simulate' needs --out DIR, the folder for the archive.");
  s.out = a.text("out");
  std::tie(s.scene.width, s.scene.height) = size_of(a.text("size"));
  auto const seed = parse_integer(a.text("seed"));
  require(seed && *seed >= 0, ErrorKind::config, fmt::format("--seed {} (must be a whole number, not negative).", a.text("seed")));
  s.scene.seed = static_cast<std::uint64_t>(*seed);
  s.scene.start = date_of(a.text("start"), "start");
  s.scene.days = a.integer("days", 1, 36600);
  s.scene.fine_every = a.integer("fine-every", 1, 36600);
  s.scene.coarse_every = a.integer("coarse-every", 1, 36600);
  s.scene.bands = a.integer("bands", 1, 6);
  s.scene.ratio = a.integer("ratio", 1, 1000);
  s.scene.clouds = a.number("clouds", 0, 1);
  s.scene.coarse_clouds = a.number("coarse-clouds", 0, 1);
  s.crs = a.text("crs");
  s.truth = a.has("truth");
  for (std::string const& date : a.list("truth-date")) s.truth_dates.push_back(date_of(date, "truth-date"));
  s.overwrite = a.has("overwrite");
  return s;
}

int run_simulate(CommandArguments const& arguments, Words const&, Communicator const& comm) {
  SimulateSettings settings;
  comm.together([&] { settings = simulate_settings(arguments); });
  simulate(settings, comm);
  if (comm.is_root()) fmt::print("{}\n", (settings.out / "job.cfg").string());
  return 0;
}

std::optional<double> optional_number(CommandArguments const& a, std::string const& name) {
  if (!a.has(name)) return std::nullopt;
  return a.number(name, -1e12, 1e12);
}

FileScaling scaling(CommandArguments const& a, std::string const& prefix) {
  FileScaling s;
  s.scale = optional_number(a, prefix + "scale");
  s.offset = optional_number(a, prefix + "offset");
  if (a.has(prefix + "valid")) {
    auto const range = a.list(prefix + "valid");
    auto const low = parse_double(range.front());
    auto const high = parse_double(range.back());
    require(range.size() == 2 && low && high, ErrorKind::config, fmt::format("--{}valid needs two numbers, lowest and highest.", prefix));
    s.valid = {*low, *high};
  }
  return s;
}

std::vector<std::filesystem::path> paths(Words const& words) { return {words.begin(), words.end()}; }

EvaluateSettings evaluate_settings(CommandArguments const& a) {
  EvaluateSettings s;
  require(!a.has("methods"), ErrorKind::config, "--methods goes with --cross-validate JOB.cfg. Add it, or leave --methods out.");
  s.predictions = paths(a.list("prediction"));
  s.references = paths(a.list("reference"));
  require(!s.predictions.empty() && !s.references.empty(), ErrorKind::config,
          "'stfcube evaluate' needs --prediction P and --reference R: cubes or raster files; or --cross-validate JOB.cfg.");
  s.mask = a.text("mask");
  s.classes = a.text("classes");
  s.base = paths(a.list("base"));
  s.coarse = paths(a.list("coarse"));
  s.date_pattern = a.text("date");
  s.reference_scaling = scaling(a, "");
  s.prediction_scaling = scaling(a, "prediction-");
  s.ratio = optional_number(a, "ratio");
  s.data_range = optional_number(a, "data-range");
  s.quality = a.text("quality");
  s.json = a.text("json");
  s.csv = a.text("csv");
  s.pictures = a.text("pictures");
  return s;
}

CrossValidationSettings cross_validation_settings(CommandArguments const& a) {
  for (char const* name : {"prediction", "reference", "base", "coarse", "quality", "ratio", "date", "scale", "offset", "valid",
                           "prediction-scale", "prediction-offset", "prediction-valid", "data-range"}) {
    require(!a.has(name), ErrorKind::config,
            fmt::format("--{} does not go with --cross-validate, which predicts and judges the scenes of the job. Leave it out.", name));
  }
  std::filesystem::path const path = a.text("cross-validate");
  CrossValidationSettings s;
  std::filesystem::path const folder = path.has_parent_path() ? path.parent_path() : ".";
  s.job = make_job_spec(with_weights(read_job_file(path), folder), folder);
  for (std::string const& words : a.list("methods")) {
    for (std::string const& name : split(words, ',')) {
      if (!name.empty()) s.methods.push_back(name);
    }
  }
  s.mask = a.text("mask");
  s.classes = a.text("classes");
  s.json = a.text("json");
  s.csv = a.text("csv");
  s.pictures = a.text("pictures");
  return s;
}

int run_cross_validation(CommandArguments const& arguments, Communicator const& comm) {
  CrossValidationSettings settings;
  try {
    comm.together([&] { settings = cross_validation_settings(arguments); });
    cross_validate(settings, comm, std::cout);
  } catch (Error const& error) {
    std::string const place = place_in_job_file(arguments.text("cross-validate"), error.what());
    throw place.empty() ? error : error.with(place);
  }
  return 0;
}

int run_evaluate(CommandArguments const& arguments, Words const&, Communicator const& comm) {
  if (arguments.has("cross-validate")) return run_cross_validation(arguments, comm);
  EvaluateSettings settings;
  comm.together([&] { settings = evaluate_settings(arguments); });
  evaluate(settings, comm, std::cout);
  return 0;
}

int run_export(CommandArguments const& a, Words const&, Communicator const& comm) {
  ExportSettings settings;
  comm.together([&] {
    settings.cube = a.positional();
    if (a.has("date")) settings.dates = a.list("date");
    settings.format = a.text("format");
    settings.bands = a.list("bands");
    settings.variable = a.text("variable");
    settings.out = a.text("out");
    settings.max_size_px = a.integer("max-size", 1, 1 << 16);
  });
  export_cube(settings, comm, std::cout);
  return 0;
}

int run_verify(CommandArguments const& arguments, Words const&, Communicator const& comm) {
  VerifySettings settings;
  comm.together([&] {
    settings.cube = arguments.positional();
    settings.json = arguments.has("json");
  });
  return verify(settings, comm, std::cout);
}

CommandSyntax simulate_syntax() {
  return {"simulate",
          "",
          "Makes an archive of fine and coarse scenes with known truth, of any size, and a job file for it.",
          {{"out", "DIR", "folder for the archive"},
           {"size", "PX", "fine pixels: one number, or WIDTHxHEIGHT", "600"},
           {"seed", "N", "same seed, same archive", "1"},
           {"start", "DATE", "first day", "2020-01-01"},
           {"days", "D", "length of the period", "177"},
           {"fine-every", "D", "days between fine scenes", "16"},
           {"coarse-every", "D", "days between coarse scenes", "1"},
           {"bands", "B", "the first of blue green red nir swir1 swir2", "4"},
           {"ratio", "R", "coarse pixel / fine pixel", "16"},
           {"clouds", "SHARE", "mean share of the fine pixels under clouds", "0.3"},
           {"coarse-clouds", "SHARE", "mean share of coarse cells without a value", "0"},
           {"crs", "CRS", "of the archive, with metres", "EPSG:32632"},
           {"truth", "", "write the cloud-free truth of every coarse date"},
           {"truth-date", "DATE", "write the truth of this date; may be repeated", "", true},
           {"overwrite", "", "replace an archive in DIR"}}};
}

CommandSyntax evaluate_syntax() {
  return {"evaluate",
          "",
          "Accuracy of predictions against references: RMSE, MAE, CC, SSIM, SAM, ERGAS and more, per band and date.",
          {{"prediction", "P", "cubes or raster files", "", true, true},
           {"reference", "R", "cubes or raster files", "", true, true},
           {"cross-validate", "JOB.cfg", "withhold the fine scene of every pair date of a job in turn and let methods predict it"},
           {"methods", "NAMES", "for --cross-validate: methods, separated by commas; default: all", "", true, true},
           {"mask", "M", "raster: not zero = evaluate"},
           {"classes", "C", "raster of class numbers: figures for each class, too"},
           {"base", "B", "fine images before the change, cubes or files: figures for stable, gradual and abrupt change", "", true,
            true},
           {"coarse", "C", "coarse images of the dates, cubes or files: how well predictions agree with them", "", true, true},
           {"ratio", "N", "coarse pixel / fine pixel, for ERGAS"},
           {"quality", "WHICH", "all, or fused: only pixels the cube did not observe that day", "all"},
           {"date", "PATTERN", "date in file names", "%Y%m%d"},
           {"scale", "X", "of reference files: value = number x scale + offset; default: what the file says"},
           {"offset", "X", "of reference files"},
           {"valid", "LOW HIGH", "reference values outside are no data", "", false, true},
           {"prediction-scale", "X", "of prediction files"},
           {"prediction-offset", "X", "of prediction files"},
           {"prediction-valid", "LOW HIGH", "prediction values outside are no data", "", false, true},
           {"data-range", "L", "range of values for SSIM and PSNR; default 1 for reflectance"},
           {"json", "FILE", "write JSON; - = to standard output in place of the table"},
           {"csv", "FILE", "write CSV; - = to standard output in place of the table"},
           {"pictures", "DIR", "draw error maps, scatter plots and bar charts (SVG) into this folder"}}};
}

CommandSyntax export_syntax() {
  return {"export",
          "CUBE",
          "Writes dates of a cube as PNG pictures, GeoTIFF or cloud-optimised GeoTIFF.",
          {{"date", "DATE", "a date, several, or all", "all", true, true},
           {"format", "FORMAT", "png, geotiff or cog", "png"},
           {"bands", "NAMES", "bands, in the order of red, green and blue for a picture", "", false, true},
           {"variable", "NAME", "reflectance, uncertainty or quality"},
           {"out", "PATH", "file for one date, folder for several"},
           {"max-size", "PX", "longest side of a picture", "1600"}}};
}

CommandSyntax verify_syntax() {
  return {"verify",
          "CUBE",
          "Checks every chunk and attribute of a finished cube; names what is damaged. Exit status 1 then.",
          {{"json", "", "for machines"}}};
}

}  // namespace

std::vector<Command> data_commands() {
  return {{simulate_syntax(), run_simulate},
          {evaluate_syntax(), run_evaluate},
          {export_syntax(), run_export},
          {verify_syntax(), run_verify}};
}

}  // namespace stfcube
