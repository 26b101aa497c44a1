#include "stfcube/jobs/image_pairing.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

bool is_cube(ImageSourceInfo const& source) {
  return source.quantity.has_value();
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void match_by_name(ImageSourceInfo const& prediction, ImageSourceInfo const& reference, ImagePair& pair) {
  std::vector<std::string> wanted;
  std::ranges::transform(reference.band_names, std::back_inserter(wanted), lower);
  for (int b = 0; b < prediction.bands; ++b) {
    auto const& name = prediction.band_names[static_cast<std::size_t>(b)];
    auto const found = std::ranges::find(wanted, lower(name));
    if (found == wanted.end()) continue;
    pair.bands.push_back(name);
    pair.prediction_bands.push_back(b);
    pair.reference_bands.push_back(static_cast<int>(found - wanted.begin()));
  }
}

void match_by_position(ImageSourceInfo const& prediction, ImageSourceInfo const& reference, ImagePair& pair) {
  auto const& names = prediction.band_names.empty() ? reference.band_names : prediction.band_names;
  for (int b = 0; b < prediction.bands; ++b) {
    pair.bands.push_back(names.empty() ? fmt::format("band{}", b + 1) : names[static_cast<std::size_t>(b)]);
    pair.prediction_bands.push_back(b);
    pair.reference_bands.push_back(b);
  }
}

std::string band_list(ImageSourceInfo const& source) {
  return source.band_names.empty() ? fmt::format("{} without names", source.bands)
                                   : fmt::format("{}", fmt::join(source.band_names, " "));
}

class Pairer {
 public:
  Pairer(std::span<ImageSourceInfo const> predictions, std::span<ImageSourceInfo const> references)
      : predictions_(predictions), references_(references) {}

  ImagePairing result() {
    for (int p = 0; p < static_cast<int>(predictions_.size()); ++p) {
      if (is_cube(prediction(p))) add_cube(p);
    }
    add_files();
    use_distinct_labels();
    return std::move(pairing_);
  }

 private:
  ImageSourceInfo const& prediction(int p) const { return predictions_[static_cast<std::size_t>(p)]; }
  ImageSourceInfo const& reference(int r) const { return references_[static_cast<std::size_t>(r)]; }

  void note(std::string text) {
    if (std::ranges::find(pairing_.notes, text) == pairing_.notes.end())
      pairing_.notes.push_back(std::move(text));
  }

  ImagePair make_pair(ImageIndex p, ImageIndex r) {
    auto const& predicted = prediction(p.source);
    auto const& observed = reference(r.source);
    check_same_pixels(predicted, observed);
    ImagePair pair{{}, p, r, {}, {}, {}};
    pair.date = observed.dates[static_cast<std::size_t>(r.image)];
    if (!pair.date) pair.date = predicted.dates[static_cast<std::size_t>(p.image)];
    match_bands(predicted, observed, pair);
    return pair;
  }

  void match_bands(ImageSourceInfo const& predicted, ImageSourceInfo const& observed, ImagePair& pair) {
    bool const named = !predicted.band_names.empty() && !observed.band_names.empty();
    if (named) match_by_name(predicted, observed, pair);
    if (!pair.bands.empty()) {
      if (static_cast<int>(pair.bands.size()) < std::max(predicted.bands, observed.bands)) {
        note(fmt::format("{} has bands {}, {} has {}: only common ones are compared.",
                         predicted.path.string(), band_list(predicted), observed.path.string(),
                         band_list(observed)));
      }
      return;
    }
    require(
        predicted.bands == observed.bands, ErrorKind::data,
        fmt::format(
            "{} has bands {}, {} has {}: they share no name and differ in number. Give files with the same "
            "bands, or set the bands' descriptions to the cube's names.",
            predicted.path.string(), band_list(predicted), observed.path.string(), band_list(observed)));
    match_by_position(predicted, observed, pair);
    if (named) {
      note(fmt::format("{} has bands {}, {} has {}: no common name, compared by position.",
                       predicted.path.string(), band_list(predicted), observed.path.string(),
                       band_list(observed)));
    }
  }

  /// The images of the cube that have the date of an image of the reference.
  void add_cube(int p) {
    auto const& cube = prediction(p);
    PredictionSeries series{cube.path.stem().string(), {}};
    for (int r = 0; r < static_cast<int>(references_.size()); ++r) {
      auto const& dates = reference(r).dates;
      for (int i = 0; i < static_cast<int>(dates.size()); ++i) {
        int const found = find(cube, dates[static_cast<std::size_t>(i)], reference(r));
        if (found >= 0) series.pairs.push_back(make_pair({p, found}, {r, i}));
      }
    }
    require(!series.pairs.empty(), ErrorKind::data,
            fmt::format("{} has no date of the references. It has {}; they have {}.", cube.path.string(),
                        span_of(cube), reference_dates()));
    std::ranges::stable_sort(series.pairs, {}, &ImagePair::date);
    pairing_.series.push_back(std::move(series));
  }

  /// The image of `cube` of that date, or -1.
  int find(ImageSourceInfo const& cube, std::optional<Date> date, ImageSourceInfo const& other) {
    require(
        date.has_value(), ErrorKind::config,
        fmt::format(
            "{}: no date in its name, and {} is a cube with many. Rename the file, or say with --date where "
            "the date stands, for example --date %Y%j.",
            other.path.string(), cube.path.string()));
    auto const found = std::ranges::find(cube.dates, date);
    if (found != cube.dates.end()) return static_cast<int>(found - cube.dates.begin());
    if (!is_cube(other)) {
      note(fmt::format("{} is left out: {} has no image of {}. It has {}.", other.path.string(),
                       cube.path.string(), to_string(*date), span_of(cube)));
    }
    return -1;
  }

  static std::string span_of(ImageSourceInfo const& source) {
    if (source.dates.empty() || !source.dates.front()) return "no date";
    if (source.dates.size() == 1) return to_string(*source.dates.front());
    return fmt::format("{} dates from {} to {}", source.dates.size(), to_string(*source.dates.front()),
                       to_string(*source.dates.back()));
  }

  std::string reference_dates() const {
    std::vector<std::string> texts;
    for (auto const& source : references_) texts.push_back(span_of(source));
    constexpr std::size_t most = 5;
    bool const cut = texts.size() > most;
    if (cut) texts.resize(most);
    return fmt::format("{}{}", fmt::join(texts, ", "), cut ? ", ..." : "");
  }

  static std::vector<int> files_of(std::span<ImageSourceInfo const> sources) {
    std::vector<int> files;
    for (int i = 0; i < static_cast<int>(sources.size()); ++i) {
      if (!is_cube(sources[static_cast<std::size_t>(i)])) files.push_back(i);
    }
    return files;
  }

  std::vector<ImagePair> pairs_of_files(std::vector<int> const& files) {
    auto const observed = files_of(references_);
    require(
        observed.empty() || observed.size() == 1 || observed.size() == files.size(), ErrorKind::config,
        fmt::format("{} prediction files and {} reference files cannot be paired. Give as many references as "
                    "predictions, in the same order, or one reference for all.",
                    files.size(), observed.size()));
    std::vector<ImagePair> pairs;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (observed.empty()) {
        add_from_cubes(files[i], pairs);
      } else {
        pairs.push_back(make_pair({files[i], 0}, {observed[observed.size() == 1 ? 0 : i], 0}));
        note_different_dates(pairs.back());
      }
    }
    return pairs;
  }

  void note_different_dates(ImagePair const& pair) {
    auto const& predicted = prediction(pair.prediction.source);
    auto const& observed = reference(pair.reference.source);
    if (!predicted.dates[0] || !observed.dates[0] || predicted.dates[0] == observed.dates[0]) return;
    note(fmt::format("{} and {} are compared although their names say {} and {}.", predicted.path.string(),
                     observed.path.string(), to_string(*predicted.dates[0]), to_string(*observed.dates[0])));
  }

  void add_from_cubes(int file, std::vector<ImagePair>& pairs) {
    for (int r = 0; r < static_cast<int>(references_.size()); ++r) {
      int const found = find(reference(r), prediction(file).dates[0], prediction(file));
      if (found >= 0) pairs.push_back(make_pair({file, 0}, {r, found}));
    }
  }

  /// Files with references of their own are one series; files that share a reference are rivals, each for
  /// itself.
  void add_files() {
    auto const files = files_of(predictions_);
    if (files.empty()) return;
    auto pairs = pairs_of_files(files);
    require(!pairs.empty(), ErrorKind::data,
            fmt::format("{}: the references have no image of a prediction's date. They have {}.",
                        prediction(files.front()).path.string(), reference_dates()));
    std::set<ImageIndex> distinct;
    for (auto const& pair : pairs) distinct.insert(pair.reference);
    if (distinct.size() == pairs.size() && pairs.size() > 1) {
      std::string label = fmt::format("{} files", pairs.size());
      pairing_.series.push_back({std::move(label), std::move(pairs)});
      return;
    }
    for (auto& pair : pairs) {
      std::string label = prediction(pair.prediction.source).path.stem().string();
      pairing_.series.push_back({std::move(label), {std::move(pair)}});
    }
  }

  /// Two files of one name in two folders are told apart by their paths.
  void use_distinct_labels() {
    std::multiset<std::string> labels;
    for (auto const& series : pairing_.series) labels.insert(series.label);
    for (auto& series : pairing_.series) {
      if (labels.count(series.label) > 1) {
        series.label = prediction(series.pairs.front().prediction.source).path.string();
      }
    }
  }

  std::span<ImageSourceInfo const> predictions_, references_;
  ImagePairing pairing_;
};

}  // namespace

ImagePairing pair_images(std::span<ImageSourceInfo const> predictions,
                         std::span<ImageSourceInfo const> references) {
  return Pairer(predictions, references).result();
}

void check_same_pixels(ImageSourceInfo const& prediction, ImageSourceInfo const& other) {
  require(
      same_pixels(prediction.grid, other.grid), ErrorKind::data,
      fmt::format(
          "{} and {} do not have the same pixels: {}; and {}. Bring the latter to the prediction's grid "
          "first, for example with gdalwarp -te ... -tr ...",
          prediction.path.string(), other.path.string(), describe(prediction.grid), describe(other.grid)));
}

std::vector<int> bands_like(ImageSourceInfo const& source, ImagePair const& pair,
                            ImageSourceInfo const& reference) {
  std::vector<std::string> known;
  std::ranges::transform(source.band_names, std::back_inserter(known), lower);
  std::vector<int> bands;
  for (std::string const& name : pair.bands) {
    auto const found = std::ranges::find(known, lower(name));
    if (found != known.end()) bands.push_back(static_cast<int>(found - known.begin()));
  }
  if (bands.size() == pair.bands.size()) return bands;
  require(source.bands == reference.bands, ErrorKind::data,
          fmt::format(
              "{} has bands {}, the compared ones are {}. Give a file with these bands, named by their "
              "descriptions, or with as many bands as {}.",
              source.path.string(), band_list(source), fmt::join(pair.bands, " "), reference.path.string()));
  return pair.reference_bands;
}

}  // namespace stfcube
