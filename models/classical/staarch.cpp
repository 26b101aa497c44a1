#include "stfcube/models/classical/staarch.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "stfcube/models/classical/disturbance.hpp"
#include "stfcube/models/classical/pair_pixels.hpp"
#include "stfcube/models/classical/starfm.hpp"
#include "stfcube/models/classical/starfm_settings.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

/// Disturbed pixels are predicted in blocks of this side.
constexpr int block_side = 64;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

std::vector<OptionSpec> const specs = {
    {"index", "2", "least disturbance index (brightness - greenness - wetness) in standard deviations"},
    {"brightness", "-3", "least brightness in standard deviations"},
    {"wetness", "-1", "largest wetness in standard deviations"},
    {"vegetation", "0", "largest vegetation index (NDVI) in standard deviations"},
    {"neighbours", "1", "so many of the four neighbours must be disturbed too, 0 to 4"},
    {"dates", "3", "valid coarse dates in the forward mean of the coarse disturbance index, 1 to 100"},
    {"share", "0.6667",
     "dated where that mean, and then the index itself, has risen by this share of the mean's range"},
    {"classes", "10", "land classes of k-means, where the job has no class map"},
};

DisturbanceSettings disturbance_settings(ModelSettings const& settings) {
  ModelOptions const options("staarch", specs, settings.options);
  return {.index = options.number("index", -100, 100),
          .brightness = options.number("brightness", -100, 100),
          .wetness = options.number("wetness", -100, 100),
          .vegetation = options.number("vegetation", -100, 100),
          .neighbours = options.integer("neighbours", 0, 4),
          .dates = options.integer("dates", 1, 100),
          .share = options.number("share", 0, 1),
          .classes = options.integer("classes", 1, 64),
          .class_map = settings.class_map,
          .zone_px = settings.zone_px};
}

/// STARFM takes both pairs, whatever its own option says.
ModelSettings two_pairs(ModelSettings settings) {
  settings.options["starfm.pairs"] = "2";
  return settings;
}

template <class T>
Stack<T> cut(Stack<T> const& from, std::vector<int> const& dates, Rect const& held, Rect const& wanted) {
  Stack<T> to(static_cast<int>(dates.size()), from.bands(), wanted.height, wanted.width);
  for (int d = 0; d < to.dates(); ++d) {
    for (int band = 0; band < to.bands(); ++band) {
      for (int y = 0; y < wanted.height; ++y) {
        T const* const row = from.row(dates[to_size(d)], band, wanted.y - held.y + y) + (wanted.x - held.x);
        std::copy_n(row, wanted.width, to.row(d, band, y));
      }
    }
  }
  return to;
}

/// A disturbed pixel, and a target that one pair alone predicts.
struct Request {
  int target, y, x;    ///< of the core
  quality::Flags own;  ///< what the disturbance adds to the flags
};

class Staarch final : public FusionModel {
 public:
  explicit Staarch(ModelSettings const& settings)
      : starfm_settings_(two_pairs(settings)),
        starfm_(starfm_entry().make(two_pairs(settings))),
        detector_(disturbance_settings(settings), SixBands("staarch", settings.bands)),
        choice_{.most_pairs = 2,
                .tolerance_days = settings.pair_tolerance_days,
                .max_gap_days = settings.max_pair_gap_days,
                .bilinear = starfm_settings_.bilinear} {
    info_ = starfm_->info();
    info_.name = "staarch";
    info_.title = "STAARCH, Spatial Temporal Adaptive Algorithm for mapping Reflectance Change";
    info_.citation =
        "Hilker, T., Wulder, M., Coops, N., et al. (2009): A new data fusion model for high spatial- and "
        "temporal-resolution mapping of forest disturbance based on Landsat and MODIS. Remote Sensing of "
        "Environment 113(8), 1613-1627. doi:10.1016/j.rse.2009.03.007";
    info_.coarse_between_pairs = true;
    info_.observes = Observed::pairs_and_between;
    info_.support.halo_px = std::max(info_.support.halo_px, 1);
  }

  ModelInfo const& info() const override { return info_; }

  std::size_t memory_bytes(TileShape const& shape, int threads) const override {
    std::size_t const pairs = to_size(std::min(shape.fine_dates, 2 * shape.targets));
    std::size_t const combinations = pairs * (pairs - std::min<std::size_t>(pairs, 1)) / 2;
    std::size_t const padded_side = to_size(block_side + 2 * info_.support.halo_px);
    std::size_t const padded = padded_side * padded_side, block = to_size(block_side) * to_size(block_side);
    std::size_t const images = 1 + to_size(shape.targets);
    // A block's input (coarse images have at most as many pixels, with a margin), output, and requests.
    std::size_t const margin = (padded_side + 8) * (padded_side + 8);
    std::size_t const block_bytes =
        to_size(shape.bands) * sizeof(Dn) * (padded + images * margin + 2 * to_size(shape.targets) * block) +
        to_size(shape.targets) * block * (1 + 2 * sizeof(Request)) + PairPixels::Row::bytes(shape);
    return starfm_->memory_bytes(shape, threads) + DisturbanceDetector::bytes(shape) +
           combinations * DisturbanceDetector::result_bytes(shape) + to_size(threads) * block_bytes;
  }

  bool wants_statistics() const override { return !detector_.done(); }

  void observe(FusionInput const& input, Statistics& statistics) const override {
    detector_.observe(input, statistics);
    if (detector_.last_round()) starfm_->observe(input, statistics);
  }

  void prepare(Statistics const& statistics) override {
    require(
        !statistics.pack().empty(), ErrorKind::model,
        "staarch finds disturbances between two pairs, and there are no two pairs with a valid pixel within "
        "model.max_pair_gap of the target dates. Give more scenes, raise model.max_pair_gap, or use "
        "model.name = starfm.");
    if (detector_.last_round()) starfm_->prepare(statistics);
    detector_.prepare(statistics);
  }

  void fuse(FusionInput const& input, FusionOutput& output) const override {
    starfm_->fuse(input, output);
    PairPixels const pixels(input, choice_);
    Found found;
    for (auto const& pair : used_pairs(input, pixels)) {
      auto disturbances =
          detector_.find(input, pixels.pairs()[to_size(pair.first)], pixels.pairs()[to_size(pair.second)]);
      if (!disturbances.date.empty()) found.emplace(pair, std::move(disturbances));
    }
    if (found.empty()) return;
    int const across = (input.core_px.width + block_side - 1) / block_side;
    int const down = (input.core_px.height + block_side - 1) / block_side;
    parallel_for(0, across * down, [&](int i) {
      Rect const block{i % across * block_side, i / across * block_side, block_side, block_side};
      predict_block(input, pixels, found, intersect(block, {0, 0, input.core_px.width, input.core_px.height}),
                    output);
    });
  }

 private:
  using PairOfPairs = std::pair<int, int>;
  using Found = std::map<PairOfPairs, Disturbances>;

  /// The two pairs that some pixel of the tile lies between at some target.
  static std::set<PairOfPairs> used_pairs(FusionInput const& input, PairPixels const& pixels) {
    std::vector<std::set<PairOfPairs>> by_row(to_size(input.core_px.height));
    parallel_for(0, input.core_px.height, [&](int row) {
      PairPixels::Row pixel_row(pixels, row);
      std::vector<PairRun> const* last = nullptr;
      for (int col = 0; col < input.core_px.width; ++col) {
        auto const& runs = pixel_row.runs(col);
        if (&runs == last) continue;
        last = &runs;
        for (PairRun const& run : runs) {
          if (run.pairs == 2) by_row[to_size(row)].emplace(run.pair[0], run.pair[1]);
        }
      }
    });
    std::set<PairOfPairs> used;
    for (auto const& row : by_row) used.insert(row.begin(), row.end());
    return used;
  }

  /// Predicts the disturbed pixels of a block again, each from the pair on its side. @param block  of the
  /// core
  void predict_block(FusionInput const& input, PairPixels const& pixels, Found const& found,
                     Rect const& block, FusionOutput& output) const {
    std::map<int, std::vector<Request>> requests;  // by pair
    for (int y = block.y; y < block.bottom(); ++y) {
      PairPixels::Row pixel_row(pixels, y);
      for (int x = block.x; x < block.right(); ++x) {
        std::size_t const at = to_size(y) * to_size(input.core_px.width) + to_size(x);
        for (PairRun const& run : pixel_row.runs(x)) {
          auto const between = run.pairs == 2 ? found.find({run.pair[0], run.pair[1]}) : found.end();
          if (between == found.end() || between->second.state[at] == Disturbances::none) continue;
          for (int t = run.first; t < run.last; ++t) {
            bool const before = input.targets[to_size(t)] < between->second.date[at];
            bool const undated = between->second.state[at] == Disturbances::undated;
            auto const own = static_cast<quality::Flags>((before ? 0 : quality::disturbed) |
                                                         (undated ? quality::low_confidence : 0));
            requests[run.pair[before ? 0 : 1]].push_back({t, y, x, own});
          }
        }
      }
    }
    for (auto const& [pair, wanted] : requests) {
      predict_from(input, pixels, pixels.pairs()[to_size(pair)], wanted, block, output);
    }
  }

  /// One-pair STARFM at single pixels of a block.
  void predict_from(FusionInput const& input, PairPixels const& pixels, Pair const& pair,
                    std::vector<Request> const& wanted, Rect const& block, FusionOutput& output) const {
    std::map<int, int> targets;  // of the tile: of the block
    std::set<int> coarse = {pair.coarse};
    for (Request const& request : wanted) {
      int const image = pixels.target_coarse()[to_size(request.target)];
      if (image < 0) continue;
      targets[request.target] = 0;
      coarse.insert(image);
    }
    FusionInput part;
    part.scene_px = input.scene_px;
    part.ratio = input.ratio;
    part.core_px = {input.core_px.x + block.x, input.core_px.y + block.y, block.width, block.height};
    part.padded_px = intersect(grow(part.core_px, info_.support.halo_px), input.padded_px);
    Rect const outer = align_outward(part.padded_px, input.ratio);
    part.cells = intersect(grow({outer.x / input.ratio, outer.y / input.ratio, outer.width / input.ratio,
                                 outer.height / input.ratio},
                                info_.support.halo_cells),
                           input.cells);
    part.fine = {{input.fine.dates[to_size(pair.fine)]},
                 cut(input.fine.dn, {pair.fine}, input.padded_px, part.padded_px)};
    std::vector<int> const images(coarse.begin(), coarse.end());
    for (int const image : images) part.coarse.dates.push_back(input.coarse.dates[to_size(image)]);
    part.coarse.dn = cut(input.coarse.dn, images, input.cells, part.cells);
    for (auto& [target, index] : targets) {
      index = static_cast<int>(part.targets.size());
      part.targets.push_back(input.targets[to_size(target)]);
    }
    if (part.targets.empty()) return;
    FusionOutput predicted(static_cast<int>(part.targets.size()), output.dn.bands(), block.height,
                           block.width);
    std::optional<Stack<double>> exact;
    if (output.exact != nullptr) {
      exact.emplace(predicted.dn.dates(), predicted.dn.bands(), block.height, block.width);
      predicted.exact = &*exact;
    }
    starfm_->fuse(part, predicted);
    for (Request const& request : wanted) {
      auto const target = targets.find(request.target);
      if (target != targets.end()) take(predicted, target->second, request, block, output);
    }
  }

  static void take(FusionOutput const& from, int target, Request const& at, Rect const& block,
                   FusionOutput& output) {
    int const y = at.y - block.y, x = at.x - block.x;
    quality::Flags const flags = from.quality.at(target, 0, y, x);
    if ((flags & quality::no_data) != 0) return;
    output.quality.at(at.target, 0, at.y, at.x) = flags | at.own;
    for (int band = 0; band < output.dn.bands(); ++band) {
      output.dn.at(at.target, band, at.y, at.x) = from.dn.at(target, band, y, x);
      output.uncertainty.at(at.target, band, at.y, at.x) = from.uncertainty.at(target, band, y, x);
      if (output.exact) output.exact->at(at.target, band, at.y, at.x) = from.exact->at(target, band, y, x);
    }
  }

  StarfmSettings starfm_settings_;
  std::unique_ptr<FusionModel> starfm_;
  DisturbanceDetector detector_;
  PairChoice choice_;
  ModelInfo info_;
};

}  // namespace

ModelEntry staarch_entry() {
  return {.summary =
              "STARFM from the pair on the right side of a disturbance, which the coarse series dates "
              "(Hilker et al. 2009)",
          .options = specs,
          .make = [](ModelSettings const& settings) { return std::make_unique<Staarch>(settings); }};
}

}  // namespace stfcube
