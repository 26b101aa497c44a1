#include "stfcube/jobs/evaluate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>
#include <span>
#include <tuple>

#include <fmt/format.h>

#include "stfcube/jobs/accuracy_pictures.hpp"
#include "stfcube/jobs/comparison_tile.hpp"
#include "stfcube/jobs/series_report.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

/// Everything one pair of images adds up to.
struct PairResult {
  ComparisonSums sums;
  RangeCount prediction, reference;
};

/// A reference whose levels are counted once for all predictions that are held against it alike.
using ReferenceKey = std::tuple<ImageIndex, std::vector<int>, double, double>;

ReferenceKey key_of(Comparison const& comparison, ComparedPair const& pair) {
  ValueRange const range = comparison.range(*pair.pair, comparison.references);
  return {pair.pair->reference, pair.pair->reference_bands, range.low, range.high};
}

/// A tile of an image, and the number of that image in some list.
struct WorkUnit {
  std::size_t image = 0;
  Rect core;
};

/// This rank's share of all tiles of some pairs: a contiguous piece, so that it opens few files.
std::vector<WorkUnit> my_units(Comparison const& comparison, std::span<std::size_t const> pairs,
                               Communicator const& comm) {
  std::vector<WorkUnit> units;
  for (std::size_t const pair : pairs) {
    for (Rect const& tile : comparison_tiles(comparison.all_px(comparison.pairs[pair])))
      units.push_back({pair, tile});
  }
  auto const ranks = static_cast<std::size_t>(comm.size());
  auto const rank = static_cast<std::size_t>(comm.rank());
  auto const at = [&](std::size_t r) {
    return units.begin() + static_cast<std::ptrdiff_t>(units.size() * r / ranks);
  };
  return {at(rank), at(rank + 1)};
}

int thread_count(EvaluateSettings const& settings, Communicator const& comm) {
  return settings.threads > 0 ? settings.threads : std::max(1, available_threads() / comm.node_size());
}

/// Levels of all references, one list per pair. The counts of a few references are held at a time.
class LevelPass {
 public:
  LevelPass(Comparison& comparison, int threads, Communicator const& comm)
      : comparison_(comparison), threads_(threads), comm_(comm) {}

  std::vector<std::vector<ReferenceLevels>> run() {
    std::map<ReferenceKey, std::size_t> pair_of_key;
    for (std::size_t p = 0; p < comparison_.pairs.size(); ++p)
      pair_of_key.emplace(key_of(comparison_, comparison_.pairs[p]), p);
    std::vector<std::size_t> pairs;
    for (auto const& [key, pair] : pair_of_key) pairs.push_back(pair);
    std::vector<std::vector<ReferenceLevels>> levels(comparison_.pairs.size());
    for (std::size_t first = 0; first < pairs.size(); first += most_at_once) {
      count(std::span(pairs).subspan(first, std::min(most_at_once, pairs.size() - first)), levels);
    }
    for (std::size_t p = 0; p < levels.size(); ++p)
      levels[p] = levels[pair_of_key[key_of(comparison_, comparison_.pairs[p])]];
    return levels;
  }

 private:
  static constexpr std::size_t most_at_once = 16;
  using Counts = std::map<std::size_t, std::vector<LevelCounts>>;

  std::vector<LevelCounts>& of(Counts& counts, std::size_t pair) const {
    std::size_t const bands = comparison_.pairs[pair].pair->bands.size();
    return counts.try_emplace(pair, bands, LevelCounts(comparison_.scale.data_range)).first->second;
  }

  void count(std::span<std::size_t const> pairs, std::vector<std::vector<ReferenceLevels>>& levels) {
    Counts counts;
    std::string packed;
    comm_.together([&] {
      with_threads(threads_, [&] {
        for (auto const& unit : my_units(comparison_, pairs, comm_)) {
          count_levels(comparison_, comparison_.pairs[unit.image], unit.core, of(counts, unit.image));
        }
      });
      packed = pack(counts);
    });
    Counts all;
    for (std::string const& piece : comm_.all_gather(packed)) unpack(piece, all);
    for (std::size_t const pair : pairs) {
      for (LevelCounts const& band : of(all, pair)) levels[pair].push_back(band.levels());
    }
  }

  static std::string pack(Counts const& counts) {
    std::string bytes;
    for (auto const& [pair, bands] : counts) {
      for (std::size_t b = 0; b < bands.size(); ++b) {
        std::string const one = bands[b].pack();
        std::array<std::uint64_t, 3> const head{pair, b, one.size()};
        bytes.append(reinterpret_cast<char const*>(head.data()), sizeof head);
        bytes += one;
      }
    }
    return bytes;
  }

  void unpack(std::string_view bytes, Counts& counts) const {
    while (!bytes.empty()) {
      std::array<std::uint64_t, 3> head{};
      std::memcpy(head.data(), bytes.data(), sizeof head);
      of(counts, head[0])[head[1]].merge_packed(bytes.substr(sizeof head, head[2]));
      bytes.remove_prefix(sizeof head + head[2]);
    }
  }

  Comparison& comparison_;
  int threads_;
  Communicator const& comm_;
};

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

void add(RangeCount& count, std::int64_t values, std::int64_t outside) {
  count.values += values;
  count.outside += outside;
}

void unpack(std::string_view bytes, std::vector<PairResult>& results) {
  while (!bytes.empty()) {
    PackedHead head{};
    std::memcpy(head.data(), bytes.data(), sizeof head);
    auto const size = static_cast<std::size_t>(head[1]);
    PairResult& result = results[static_cast<std::size_t>(head[0])];
    result.sums.merge(ComparisonSums::unpack(bytes.substr(sizeof head, size)));
    add(result.prediction, head[2], head[3]);
    add(result.reference, head[4], head[5]);
    bytes.remove_prefix(sizeof head + size);
  }
}

/// Compares pairs, a few at a time where pictures are drawn: each holds a small picture until it is written.
class PairPass {
 public:
  PairPass(Comparison& comparison, std::vector<std::vector<ReferenceLevels>> const& levels, int threads,
           AccuracyPictures const& pictures, Communicator const& comm)
      : comparison_(comparison),
        levels_(levels),
        threads_(threads),
        pictures_(pictures),
        comm_(comm),
        results_(comparison.pairs.size()) {}

  std::vector<PairResult> run() {
    std::vector<std::size_t> pairs(comparison_.pairs.size());
    std::iota(pairs.begin(), pairs.end(), std::size_t{0});
    std::size_t const at_once = pictures_.wanted() ? most_pictures : pairs.size();
    for (std::size_t first = 0; first < pairs.size(); first += at_once) {
      auto const some = std::span(pairs).subspan(first, std::min(at_once, pairs.size() - first));
      compare(some);
      if (pictures_.wanted()) draw(some);
    }
    return std::move(results_);
  }

 private:
  static constexpr std::size_t most_pictures = 8;

  void compare(std::span<std::size_t const> pairs) {
    std::map<std::size_t, PairResult> mine;
    std::string packed;
    comm_.together([&] {
      if (pictures_.wanted()) start_pictures(pairs);
      with_threads(threads_, [&] {
        for (auto const& unit : my_units(comparison_, pairs, comm_)) add_tile(unit, mine[unit.image]);
      });
      packed = pack(mine);
    });
    for (std::string const& piece : comm_.all_gather(packed)) unpack(piece, results_);
  }

  void start_pictures(std::span<std::size_t const> pairs) {
    tallies_.clear();
    for (std::size_t const p : pairs) {
      tallies_.try_emplace(p, comparison_.all_px(comparison_.pairs[p]),
                           picture_channels(comparison_.pairs[p].pair->bands), levels_[p]);
    }
  }

  void add_tile(WorkUnit const& unit, PairResult& result) {
    ComparedTile const tile = read_tile(comparison_, comparison_.pairs[unit.image], unit.core);
    result.sums.merge(
        compare_tile(tile.tile, tile.layers, comparison_.scale.data_range, levels_[unit.image]));
    add(result.prediction, tile.prediction.values, tile.prediction.outside);
    add(result.reference, tile.reference.values, tile.reference.outside);
    if (auto const tally = tallies_.find(unit.image); tally != tallies_.end())
      tally->second.add(tile.tile, unit.core);
  }

  void draw(std::span<std::size_t const> pairs) {
    for (std::size_t const p : pairs) {
      SeriesReport one(label_of(p), comparison_.scale);
      one.add({comparison_.pairs[p].pair->date, {}, {}}, comparison_.pairs[p].pair->bands, results_[p].sums);
      PredictionAccuracy const figures = one.result();
      pictures_.write_image(figures.label, figures.images.front(), tallies_.at(p));
    }
  }

  /// Of the series that the pair belongs to.
  std::string label_of(std::size_t pair) const {
    for (auto const& series : comparison_.pairing.series) {
      if (pair < series.pairs.size()) return series.label;
      pair -= series.pairs.size();
    }
    return {};
  }

  Comparison& comparison_;
  std::vector<std::vector<ReferenceLevels>> const& levels_;
  int threads_;
  AccuracyPictures const& pictures_;
  Communicator const& comm_;
  std::vector<PairResult> results_;
  std::map<std::size_t, PictureTally> tallies_;
};

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

AccuracyReport report_of(EvaluateSettings const& settings, Comparison const& comparison,
                         std::vector<PairResult> const& results) {
  AccuracyReport report{comparison.scale, settings.quality, {}, comparison.pairing.notes};
  if (std::isnan(report.scale.ratio)) {
    report.notes.push_back("ERGAS needs the ratio of coarse to fine pixel size: give --ratio.");
  }
  std::size_t next = 0;
  for (auto const& series : comparison.pairing.series) {
    SeriesReport prediction(series.label, comparison.scale);
    for (auto const& pair : series.pairs) {
      PairResult const& result = results[next++];
      check_values(comparison, pair, result, report.notes);
      prediction.add({pair.date, comparison.predictions.info(pair.prediction.source).path.string(),
                      comparison.references.info(pair.reference.source).path.string()},
                     pair.bands, result.sums);
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
  comm.together([&] {
    check(settings);
    comparison.emplace(settings);
  });
  int const threads = thread_count(settings, comm);
  auto const levels = LevelPass(*comparison, threads, comm).run();
  AccuracyPictures const pictures(settings.pictures, comm);
  auto const results = PairPass(*comparison, levels, threads, pictures, comm).run();
  comm.together([&] { report = report_of(settings, *comparison, results); });
  pictures.write_report(report);
  return report;
}

void put_report(AccuracyReport const& report, std::string const& json, std::string const& csv,
                Communicator const& comm, std::ostream& out) {
  comm.together([&] {
    if (!comm.is_root()) return;
    bool json_shown = false, csv_shown = false;
    if (!json.empty()) json_shown = put_document(json, accuracy_json(report), out);
    if (!csv.empty()) csv_shown = put_document(csv, accuracy_csv(report), out);
    if (!json_shown && !csv_shown) print_table(report, out);
  });
}

void evaluate(EvaluateSettings const& settings, Communicator const& comm, std::ostream& out) {
  put_report(measure_accuracy(settings, comm), settings.json, settings.csv, comm, out);
}

}  // namespace stfcube
