#include "stfcube/jobs/job_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "stfcube/models/registry.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

std::string without_model_prefix(std::string const& name) {
  // Options of a method may stand in [model] as "starfm.window".
  if (name.starts_with("model.") && std::ranges::count(name, '.') == 2) return name.substr(6);
  return name;
}

std::vector<JobKey> grid_keys() {
  return {
      {"grid.like", "", "raster whose grid the cube takes; may be combined with bounds", "fine/LC08_20200105.tif"},
      {"grid.crs", "", "CRS of the cube: EPSG code, WKT or PROJ text; with bounds and resolution", ""},
      {"grid.bounds", "", "xmin ymin xmax ymax in the CRS of the grid", ""},
      {"grid.resolution", "", "fine pixel size in CRS units: one number, or x and y", ""},
      {"grid.ratio", "", "coarse pixel size / fine pixel size, a whole number; default: from the first coarse scene", "16"},
  };
}

std::vector<JobKey> sensor_keys(std::string const& s, std::string const& resampling) {
  bool const fine = s == "fine";
  return {
      {s + ".scenes", "", "glob, path, or .csv catalogue (date,path,...); {band} = one file per band", s + "/*.tif", true},
      {s + ".date", "%Y%m%d", "date in the file name: %Y %m %d, or %Y %j, with literals; first place where it fits"},
      {s + ".exclude", "", "globs left out", "", true},
      {s + ".bands", "", "cube band:band of the file (or text for {band}), in the cube's order",
       fine ? "blue:1 green:2 red:3 nir:4" : "blue:1 green:2 red:3 nir:4"},
      {s + ".scale", "", "value = number x scale + offset; default: what the files say", ""},
      {s + ".offset", "", "see scale; default: what the files say", ""},
      {s + ".nodata", "", "number that means no data; default: what the files say", ""},
      {s + ".valid", "", "lowest and highest valid value; default: -0.2 1.6 for reflectance, else all", ""},
      {s + ".qa", "", "glob of quality files, matched to the scenes by date and name", fine ? "fine/*_QA.tif" : "", true},
      {s + ".qa_scheme", "", "how to read them: mask, landsat_c2, hls_fmask, s2_scl or mod09ga_state",
       fine ? "landsat_c2" : ""},
      {s + ".resampling", resampling, "GDAL's name of the kernel for scenes that are not on the grid"},
      {s + ".crs", "", "overrides or supplies the CRS of the files", ""},
  };
}

std::vector<JobKey> model_keys() {
  std::vector<JobKey> keys = {
      {"target.dates", "", "START/END/P8D (days), a list of dates, coarse, or fine", "2020-01-01/2020-12-31/P8D"},
      {"model.name", "starfm", "fusion method; 'stfcube models' lists them"},
      {"model.weights", "", "weight file of a network; model.name may then be left out", "", false, false},
      {"model.weights_sha256", "", "checksum that the weight file must have; recorded in the cube", ""},
      {"model.max_pair_gap", "90", "days between a target date and the pairs it may use"},
      {"model.pair_tolerance", "0", "days between the fine and the coarse observation of one pair"},
      {"model.stat_region", "scene", "where statistics come from: scene, or zones (areas larger than a scene)"},
      {"model.zone", "3072", "side of a statistics zone in fine pixels, even"},
      {"model.class_map", "", "raster of land-cover classes on the cube's grid, for methods that use classes; default: found by the method", ""},
      {"model.object_map", "", "raster of numbered objects (segments, fields) on the cube's grid, for methods that use objects", ""},
      {"model.gap_fill", "linear", "pixels without a usable coarse observation: linear (in time, flagged) or none"},
  };
  for (auto const& [method, entry] : model_registry()) {
    for (OptionSpec const& option : entry.options) {
      keys.push_back({method + "." + option.name, option.default_value, option.help});
    }
  }
  return keys;
}

std::vector<JobKey> output_keys() {
  return {
      {"cube.quantity", "surface_reflectance", "surface_reflectance, toa_reflectance, index or temperature"},
      {"cube.path", "cube.nc", "the cube; .nc lets GDAL and QGIS find CRS and time by themselves", "", false, false},
      {"cube.writer", "staged", "staged (compressed in threads) or collective (plain parallel HDF5)", "", false, false},
      {"cube.chunk", "1 1 256 256", "chunk of the file: time band y x"},
      {"cube.compression", "deflate:1", "none, deflate:1 to deflate:9, or zstd:1 to zstd:19 where HDF5 has that filter (docs/chunks.md)"},
      {"cube.extent_align", "4K", "places in the work file begin at multiples of this; 1M on Lustre", "", false, false},
      {"cube.uncertainty", "true", "write the uncertainty layer"},
      {"cube.title", "", "title stored in the cube", ""},
      {"cube.institution", "", "institution stored in the cube", ""},
      {"run.tile", "512", "tile side in fine pixels, rounded up to whole chunks; 0 = 512", "", false, false},
      {"run.slab", "0", "target dates worked on together; 0 = from the memory budget", "", false, false},
      {"run.grace", "120", "seconds for units in flight after a request to stop", "", false, false},
      {"run.time_limit", "0", "begin nothing that ends later: [days-]HH:MM:SS or seconds; 0 = what Slurm says", "", false, false},
      {"run.memory", "0", "bytes per rank, suffixes K M G T; 0 = what Slurm or the node gives", "", false, false},
      {"run.threads", "0", "threads per rank; 0 = the cores this process may use", "", false, false},
  };
}

std::vector<JobKey> training_keys() {
  auto const key = [](std::string const& name, std::string const& value, std::string const& help) {
    return JobKey{.name = "train." + name, .default_value = value, .help = help, .decides_result = false};
  };
  std::vector<JobKey> keys = {
      key("network", "", "network that 'stfcube train' trains; default: model.name"),
      key("out", "", "weight file that it writes; default: NETWORK.safetensors"),
      key("steps", "20000", "steps of training"),
      key("batch", "16", "patches per step, over all ranks"),
      key("patch", "128", "side of a patch in fine pixels, rounded up to whole coarse pixels"),
      key("patches", "2000", "training patches drawn from the archive"),
      key("validation_patches", "200", "patches drawn from what is withheld"),
      key("validation_dates", "", "fine dates withheld from training: YYYY-MM-DD ..."),
      key("validation_share", "0.1", "share of blocks (two patches a side) of the scene withheld from training"),
      key("learning_rate", "0.001", "highest learning rate"),
      key("schedule", "cosine", "of the learning rate: constant, cosine, step or plateau"),
      key("warm_up", "0", "steps over which the learning rate rises from zero"),
      key("weight_decay", "1e-6", "decay of the parameters, decoupled from the gradient (AdamW)"),
      key("clip", "1", "largest norm of a gradient; 0 = any"),
      key("loss", "l1 + 0.8 msssim",
          "sum of l1, mse, charbonnier, cos, sam, msssim, msssim-tan, msssim-relu with weights"),
      key("ema", "0.999", "share of the old value in the moving average of the parameters; 0 = none"),
      key("adversarial", "lsgan-half", "networks with a discriminator: lsgan-half, lsgan-plain, wgan or none"),
      key("adversarial_weight", "0.01", "of the adversarial term beside the loss"),
      key("gain", "0", "random gain of coarse images: up to 1 + gain"),
      key("offset", "0", "random offset of coarse images, reflectance"),
      key("seed", "1", "of all that is random"),
      key("validate_every", "500", "steps between validations"),
      key("early_stopping", "0", "validations without a better result that end the training; 0 = never"),
      key("checkpoint_every", "300", "seconds between checkpoints"),
      key("device", "cpu", "cpu, cuda or cuda:N"),
      key("licence", "", "licence of the weights, for their card"),
  };
  keys.push_back({.name = "train.withheld_regions",
                  .help = "xmin ymin xmax ymax in the CRS of the grid, withheld from training",
                  .repeatable = true,
                  .decides_result = false});
  return keys;
}

std::vector<JobKey> all_keys() {
  std::vector<JobKey> keys = grid_keys();
  for (auto& group : {sensor_keys("fine", "cubic"), sensor_keys("coarse", "bilinear"), model_keys(), output_keys(), training_keys()}) {
    keys.insert(keys.end(), group.begin(), group.end());
  }
  return keys;
}

}  // namespace

std::string JobKey::section() const {
  std::string const first = name.substr(0, name.find('.'));
  return model_registry().contains(first) ? "model" : first;
}

std::string JobKey::name_in_section() const {
  return model_registry().contains(name.substr(0, name.find('.'))) ? name : name.substr(name.find('.') + 1);
}

std::vector<JobKey> const& job_keys() {
  static std::vector<JobKey> const keys = all_keys();
  return keys;
}

JobKey const* find_job_key(std::string const& name) {
  auto const found = std::ranges::find(job_keys(), without_model_prefix(name), &JobKey::name);
  return found == job_keys().end() ? nullptr : &*found;
}

std::string unknown_key_message(std::string const& name) {
  std::vector<std::string> names;
  for (JobKey const& key : job_keys()) names.push_back(key.name);
  auto const near = nearest_word(without_model_prefix(name), names);
  return fmt::format("{} is not a key of the job file.{} 'stfcube init' prints all keys.", name,
                     near ? " Did you mean " + *near + "?" : "");
}

}  // namespace stfcube
