#include "stfcube/jobs/evaluate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "stfcube/io/raster_file.hpp"
#include "stfcube/jobs/image_pairing.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr int tile_px = 512;

/// How many values of one side of a pair were looked at, and how many did not look like the quantity.
struct RangeCount {
  std::int64_t values = 0, outside = 0;
  bool mostly_outside() const { return 2 * outside > values; }
};

/// The values a side may have.
struct ValueRange {
  double low = -accuracy_largest_value, high = accuracy_largest_value;
  bool known = false;  ///< values outside are no data; else they are only counted
};

/// Everything one pair of images adds up to on this rank.
struct PairResult {
  ImageSums sums;
  RangeCount prediction, reference;
};

/// What reflectance cannot be; used to notice a missing scale where no cube tells the valid range.
constexpr ValueRange plausible_reflectance{-2, 2, false};

ValueRange range_of(Quantity const& quantity) {
  return {quantity.lowest * quantity.step + quantity.offset,
          quantity.highest * quantity.step + quantity.offset, true};
}

/// One side of the comparison: its files, opened when they are needed and then kept while the same one is
/// asked for.
class Side {
 public:
  Side(std::vector<std::filesystem::path> const& paths, FileScaling const& scaling,
       std::string const& date_pattern)
      : scaling_(scaling), date_pattern_(date_pattern) {
    for (auto const& path : paths) infos_.push_back(open_image_source(path, scaling, date_pattern)->info());
  }

  std::vector<ImageSourceInfo> const& infos() const { return infos_; }
  ImageSourceInfo const& info(int source) const { return infos_[static_cast<std::size_t>(source)]; }
  bool has_valid_range() const { return scaling_.valid.has_value(); }

  ImageSource& open(int source) {
    if (source != current_) {
      open_ = open_image_source(info(source).path, scaling_, date_pattern_);
      current_ = source;
    }
    return *open_;
  }

 private:
  FileScaling scaling_;
  std::string date_pattern_;
  std::vector<ImageSourceInfo> infos_;
  std::unique_ptr<ImageSource> open_;
  int current_ = -1;
};

/// What to compare: both sides, the pairs of all series in one list, and the mask.
struct Comparison {
  Side predictions, references;
  ImagePairing pairing;
  std::vector<ImagePair const*> pairs;
  std::unique_ptr<RasterReader> mask;
  AccuracyScale scale;
  bool fused_only = false;

  explicit Comparison(EvaluateSettings const& settings)
      : predictions(settings.predictions, settings.prediction_scaling, settings.date_pattern),
        references(settings.references, settings.reference_scaling, settings.date_pattern),
        pairing(pair_images(predictions.infos(), references.infos())),
        fused_only(settings.quality == "fused") {
    for (auto const& series : pairing.series) {
      for (auto const& pair : series.pairs) pairs.push_back(&pair);
    }
    scale.ratio = settings.ratio.value_or(known_ratio());
    scale.data_range = settings.data_range.value_or(default_data_range());
    if (!settings.mask.empty()) open_mask(settings.mask);
    require(
        !fused_only ||
            std::ranges::any_of(predictions.infos(), [](auto const& p) { return p.quantity.has_value(); }),
        ErrorKind::config, "quality = fused needs a cube as prediction: files do not say what was fused.");
  }

  /// The quantity that both sides should hold, when a cube tells it.
  Quantity const* quantity(ImagePair const& pair) const {
    auto const& predicted = predictions.info(pair.prediction.source).quantity;
    auto const& observed = references.info(pair.reference.source).quantity;
    return predicted ? &*predicted : observed ? &*observed : nullptr;
  }

  ValueRange range(ImagePair const& pair, Side const& side) const {
    if (side.has_valid_range()) return {.known = true};
    Quantity const* const known = quantity(pair);
    return known ? range_of(*known) : plausible_reflectance;
  }

 private:
  /// The first that a cube's job tells, NaN when none does.
  double known_ratio() const {
    for (Side const* side : {&predictions, &references}) {
      for (auto const& source : side->infos()) {
        if (source.ratio) return *source.ratio;
      }
    }
    return std::numeric_limits<double>::quiet_NaN();
  }

  double default_data_range() const {
    Quantity const* const known = quantity(*pairs.front());
    if (!known || known->variable == "reflectance") return 1;
    ValueRange const range = range_of(*known);
    return range.high - range.low;
  }

  void open_mask(std::filesystem::path const& path) {
    mask = open_raster(path);
    for (auto const& source : predictions.infos()) {
      require(mask->grid().width == source.grid.width && mask->grid().height == source.grid.height,
              ErrorKind::data,
              fmt::format("mask {} has {} x {} pixels, {} has {} x {}. Give a mask on the prediction's grid.",
                          path.string(), mask->grid().width, mask->grid().height, source.path.string(),
                          source.grid.width, source.grid.height));
    }
  }
};

/// Reads one tile of one pair and adds it up.
class TileWork {
 public:
  TileWork(Comparison& comparison, ImagePair const& pair, Rect const& core)
      : comparison_(comparison),
        pair_(pair),
        px_(intersect({core.x, core.y, core.width + accuracy_margin_px, core.height + accuracy_margin_px},
                      comparison.predictions.info(pair.prediction.source).grid.all())),
        core_(core) {}

  void add_to(PairResult& result) {
    PairedTile const tile = read(result);
    std::vector<BandSums> sums(pair_.bands.size());
    parallel_for(0, static_cast<int>(sums.size()), [&](int band) {
      sums[static_cast<std::size_t>(band)] = band_sums(tile, band, comparison_.scale.data_range);
    });
    result.sums.merge({std::move(sums), 0, 0});
    add_spectral_angles(tile, result.sums);
  }

 private:
  PairedTile read(PairResult& result) {
    PairedTile tile{px_.width, px_.height, core_.width, core_.height, {}, {}, {}};
    tile.valid.assign(static_cast<std::size_t>(px_.area()), 1);
    apply_mask(tile.valid);
    apply_quality(tile.valid);
    for (std::size_t b = 0; b < pair_.bands.size(); ++b) {
      tile.reference.push_back(read(comparison_.references, pair_.reference, pair_.reference_bands[b],
                                    tile.valid, result.reference));
      tile.prediction.push_back(read(comparison_.predictions, pair_.prediction, pair_.prediction_bands[b],
                                     tile.valid, result.prediction));
    }
    for (auto* const images : {&tile.reference, &tile.prediction}) {
      for (auto& image : *images) {
        for (std::size_t i = 0; i < image.size(); ++i) image[i] *= tile.valid[i];
      }
    }
    return tile;
  }

  /// One band in billionths; clears `valid` where there is no value.
  std::vector<Nano> read(Side& side, ImageIndex image, int band, std::vector<std::uint8_t>& valid,
                         RangeCount& count) {
    std::vector<double> const values = side.open(image.source).read(image.image, band, px_);
    ValueRange const range = comparison_.range(pair_, side);
    std::vector<Nano> result(values.size(), 0);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) {
        valid[i] = 0;
        continue;
      }
      bool const outside = values[i] < range.low || values[i] > range.high;
      bool const in_core = static_cast<int>(i % static_cast<std::size_t>(px_.width)) < core_.width &&
                           static_cast<int>(i / static_cast<std::size_t>(px_.width)) < core_.height;
      count.values += in_core;
      count.outside += in_core && outside;
      if ((outside && range.known) || std::abs(values[i]) > accuracy_largest_value) {
        valid[i] = 0;
      } else {
        result[i] = to_nano(values[i]);
      }
    }
    return result;
  }

  void apply_mask(std::vector<std::uint8_t>& valid) const {
    if (!comparison_.mask) return;
    std::vector<double> const values = comparison_.mask->read(1, px_);
    for (std::size_t i = 0; i < values.size(); ++i) valid[i] &= !std::isnan(values[i]) && values[i] != 0;
  }

  void apply_quality(std::vector<std::uint8_t>& valid) {
    if (!comparison_.fused_only) return;
    auto& source = comparison_.predictions.open(pair_.prediction.source);
    auto const flags = source.read_quality(pair_.prediction.image, px_);
    for (std::size_t i = 0; i < flags.size(); ++i)
      valid[i] &= (flags[i] & quality::state_mask) != quality::observed;
  }

  Comparison& comparison_;
  ImagePair const& pair_;
  Rect px_, core_;
};

struct WorkUnit {
  std::size_t pair = 0;
  Rect core;
};

/// All tiles of all pairs, one pair after the other.
std::vector<WorkUnit> work_units(Comparison const& comparison) {
  std::vector<WorkUnit> units;
  for (std::size_t p = 0; p < comparison.pairs.size(); ++p) {
    Rect const all = comparison.predictions.info(comparison.pairs[p]->prediction.source).grid.all();
    for (int y = 0; y < all.height; y += tile_px) {
      for (int x = 0; x < all.width; x += tile_px)
        units.push_back({p, intersect({x, y, tile_px, tile_px}, all)});
    }
  }
  return units;
}

int thread_count(EvaluateSettings const& settings, Communicator const& comm) {
  return settings.threads > 0 ? settings.threads : std::max(1, available_threads() / comm.node_size());
}

/// This rank's share: a contiguous piece, so that it opens few files.
std::map<std::size_t, PairResult> local_results(Comparison& comparison, int threads,
                                                Communicator const& comm) {
  auto const units = work_units(comparison);
  auto const ranks = static_cast<std::size_t>(comm.size());
  auto const rank = static_cast<std::size_t>(comm.rank());
  std::map<std::size_t, PairResult> results;
  with_threads(threads, [&] {
    for (std::size_t u = units.size() * rank / ranks; u < units.size() * (rank + 1) / ranks; ++u) {
      TileWork(comparison, *comparison.pairs[units[u].pair], units[u].core).add_to(results[units[u].pair]);
    }
  });
  return results;
}

/// The head of one packed result: which pair, how many bytes of sums follow, and the counts of both sides.
using PackedHead = std::array<std::int64_t, 6>;

std::string pack(std::map<std::size_t, PairResult> const& results) {
  std::string bytes;
  for (auto const& [pair, result] : results) {
    std::string const sums = result.sums.pack();
    PackedHead const head{static_cast<std::int64_t>(pair), static_cast<std::int64_t>(sums.size()),
                          result.prediction.values,        result.prediction.outside,
                          result.reference.values,         result.reference.outside};
    bytes.append(reinterpret_cast<char const*>(head.data()), sizeof head);
    bytes += sums;
  }
  return bytes;
}

void unpack(std::string_view bytes, std::vector<PairResult>& results) {
  while (!bytes.empty()) {
    PackedHead head{};
    std::memcpy(head.data(), bytes.data(), sizeof head);
    auto const size = static_cast<std::size_t>(head[1]);
    PairResult& result = results[static_cast<std::size_t>(head[0])];
    result.sums.merge(ImageSums::unpack(bytes.substr(sizeof head, size)));
    result.prediction.values += head[2];
    result.prediction.outside += head[3];
    result.reference.values += head[4];
    result.reference.outside += head[5];
    bytes.remove_prefix(sizeof head + size);
  }
}

/// A side whose values cannot be of the quantity: most likely a scale is missing.
[[noreturn]] void refuse_values(ImageSourceInfo const& source, ValueRange const& range, char const* option) {
  throw Error(
      ErrorKind::data,
      fmt::format(
          "{}: most values lie outside {:g} to {:g}. If the file holds scaled integers and does not say "
          "so, give --{}scale (0.0001 for reflectance x 10000) and --{}offset; if the values are "
          "meant, give --{}valid LOW HIGH.",
          source.path.string(), range.low, range.high, option, option, option));
}

/// Refuses sides whose values do not fit together; notes what was left out.
void check_values(Comparison const& comparison, ImagePair const& pair, PairResult const& result,
                  std::vector<std::string>& notes) {
  auto const& predicted = comparison.predictions.info(pair.prediction.source);
  auto const& observed = comparison.references.info(pair.reference.source);
  ValueRange const predicted_range = comparison.range(pair, comparison.predictions);
  ValueRange const observed_range = comparison.range(pair, comparison.references);
  bool const unscaled_both = result.prediction.mostly_outside() && result.reference.mostly_outside() &&
                             !predicted_range.known && !observed_range.known;
  if (unscaled_both) {
    notes.push_back(
        fmt::format("{} and {} hold values beyond 2: SSIM and PSNR suppose a range of {:g}. Give a scale, "
                    "or --data-range.",
                    predicted.path.string(), observed.path.string(), comparison.scale.data_range));
    return;
  }
  if (result.reference.mostly_outside()) refuse_values(observed, observed_range, "");
  if (result.prediction.mostly_outside()) refuse_values(predicted, predicted_range, "prediction-");
  auto const note = [&](ImageSourceInfo const& source, ValueRange const& range, RangeCount const& count) {
    if (!range.known || count.outside == 0) return;
    notes.push_back(fmt::format("{}: {} of {} values outside {:g} to {:g} are left out.",
                                source.path.string(), count.outside, count.values, range.low, range.high));
  };
  note(observed, observed_range, result.reference);
  note(predicted, predicted_range, result.prediction);
}

ImageAccuracy image_accuracy_of(Comparison const& comparison, ImagePair const& pair, ImageSums const& sums) {
  ImageAccuracy image{pair.date,
                      comparison.predictions.info(pair.prediction.source).path.string(),
                      comparison.references.info(pair.reference.source).path.string(),
                      {},
                      image_accuracy(sums, comparison.scale)};
  for (std::size_t b = 0; b < pair.bands.size(); ++b) {
    image.bands.push_back({pair.bands[b], band_accuracy(sums.bands[b], comparison.scale)});
  }
  return image;
}

/// The report of one series: its images, the mean of each band, and the mean of all.
class SeriesReport {
 public:
  explicit SeriesReport(std::string label) { prediction_.label = std::move(label); }

  void add(ImageAccuracy image, ImageSums const& sums) {
    for (std::size_t b = 0; b < image.bands.size(); ++b) {
      auto const known = std::ranges::find(names_, image.bands[b].band);
      auto const at = static_cast<std::size_t>(known - names_.begin());
      if (known == names_.end()) {
        names_.push_back(image.bands[b].band);
        parts_.emplace_back();
        band_sums_.emplace_back();
      }
      parts_[at].push_back(image.bands[b].accuracy);
      band_sums_[at].push_back(sums.bands[b]);
      pooled_.push_back(sums.bands[b]);
    }
    all_.push_back(image.all);
    prediction_.images.push_back(std::move(image));
  }

  PredictionAccuracy result() {
    for (std::size_t b = 0; b < names_.size(); ++b) {
      prediction_.bands.push_back({names_[b], mean_of(parts_[b], band_sums_[b])});
    }
    prediction_.overall = mean_of(all_, pooled_);
    return std::move(prediction_);
  }

 private:
  static Accuracy mean_of(std::vector<Accuracy> const& images, std::vector<BandSums> const& pooled) {
    Accuracy accuracy = mean_accuracy(images, pooled);
    for (Accuracy const& image : images) accuracy.pixels += image.pixels;
    return accuracy;
  }

  PredictionAccuracy prediction_;
  std::vector<std::string> names_;
  std::vector<std::vector<Accuracy>> parts_;      ///< [band][image]
  std::vector<std::vector<BandSums>> band_sums_;  ///< [band][image]
  std::vector<Accuracy> all_;
  std::vector<BandSums> pooled_;
};

AccuracyReport report_of(EvaluateSettings const& settings, Comparison const& comparison,
                         std::vector<PairResult> const& results) {
  AccuracyReport report{comparison.scale, settings.quality, {}, comparison.pairing.notes};
  if (std::isnan(report.scale.ratio)) {
    report.notes.push_back("ERGAS needs the ratio of coarse to fine pixel size: give --ratio.");
  }
  std::size_t next = 0;
  for (auto const& series : comparison.pairing.series) {
    SeriesReport prediction(series.label);
    for (auto const& pair : series.pairs) {
      PairResult const& result = results[next++];
      check_values(comparison, pair, result, report.notes);
      prediction.add(image_accuracy_of(comparison, pair, result.sums), result.sums);
    }
    report.predictions.push_back(prediction.result());
  }
  return report;
}

void check(EvaluateSettings const& settings) {
  require(!settings.predictions.empty() && !settings.references.empty(), ErrorKind::config,
          "evaluate compares predictions with references. Give --prediction and --reference, cubes or files; "
          "both may "
          "be repeated.");
  require(settings.quality == "all" || settings.quality == "fused", ErrorKind::config,
          fmt::format("quality = {} is not known. Use all, or fused for the pixels that were not observed.",
                      settings.quality));
  require(
      !settings.ratio || *settings.ratio > 0, ErrorKind::config,
      fmt::format("ratio = {} (must be positive). It is coarse pixel size / fine pixel size, for example 16.",
                  settings.ratio.value_or(0)));
  require(!settings.data_range || *settings.data_range > 0, ErrorKind::config,
          fmt::format("data range = {} (must be positive). It is 1 for reflectance.",
                      settings.data_range.value_or(0)));
  require(settings.json != "-" || settings.csv != "-", ErrorKind::config,
          "JSON and CSV cannot both go to standard output. Give one of them a file name.");
}

void write_text(std::string const& path, std::string const& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  require(
      file.good(), ErrorKind::io,
      fmt::format("{}: cannot be written. Check that the folder exists and is writable, and the free space.",
                  path));
}

/// Writes a document to a file, or to `out` in place of the table. True when `out` got it.
bool put_document(std::string const& place, std::string const& text, std::ostream& out) {
  if (place != "-") {
    write_text(place, text);
    return false;
  }
  out << text;
  return true;
}

}  // namespace

AccuracyReport measure_accuracy(EvaluateSettings const& settings, Communicator const& comm) {
  AccuracyReport report;
  std::optional<Comparison> comparison;
  std::string packed;
  comm.together([&] {
    check(settings);
    comparison.emplace(settings);
  });
  comm.together([&] { packed = pack(local_results(*comparison, thread_count(settings, comm), comm)); });
  std::vector<PairResult> results(comparison->pairs.size());
  for (std::string const& piece : comm.all_gather(packed)) unpack(piece, results);
  comm.together([&] { report = report_of(settings, *comparison, results); });
  return report;
}

void evaluate(EvaluateSettings const& settings, Communicator const& comm, std::ostream& out) {
  AccuracyReport const report = measure_accuracy(settings, comm);
  comm.together([&] {
    if (!comm.is_root()) return;
    bool json_shown = false, csv_shown = false;
    if (!settings.json.empty()) json_shown = put_document(settings.json, accuracy_json(report), out);
    if (!settings.csv.empty()) csv_shown = put_document(settings.csv, accuracy_csv(report), out);
    if (!json_shown && !csv_shown) print_table(report, out);
  });
}

}  // namespace stfcube
