#include "stfcube/jobs/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

/// What reflectance cannot be; used to notice a missing scale where no cube tells the valid range.
constexpr ValueRange plausible_reflectance{-2, 2, false};

ValueRange range_of(Quantity const& quantity) {
  return {quantity.lowest * quantity.step + quantity.offset,
          quantity.highest * quantity.step + quantity.offset, true};
}

/// The image of exactly that date; the only one when it has no date.
std::optional<ImageIndex> image_of_date(Side const& side, std::optional<Date> date) {
  if (side.infos().size() == 1 && side.info(0).dates.size() == 1 && !side.info(0).dates[0])
    return ImageIndex{0, 0};
  for (int s = 0; s < static_cast<int>(side.infos().size()); ++s) {
    auto const& dates = side.info(s).dates;
    auto const found = std::ranges::find(dates, date);
    if (date && found != dates.end()) return ImageIndex{s, static_cast<int>(found - dates.begin())};
  }
  return std::nullopt;
}

/// The image nearest in time, of another day; of equals the earlier. A single image serves every date.
std::optional<ImageIndex> nearest_image(Side const& side, std::optional<Date> date) {
  if (side.infos().size() == 1 && side.info(0).dates.size() == 1) return ImageIndex{0, 0};
  std::optional<ImageIndex> best;
  std::pair<int, int> best_distance{std::numeric_limits<int>::max(), 0};
  for (int s = 0; date && s < static_cast<int>(side.infos().size()); ++s) {
    auto const& dates = side.info(s).dates;
    for (int i = 0; i < static_cast<int>(dates.size()); ++i) {
      auto const& other = dates[static_cast<std::size_t>(i)];
      if (!other || *other == *date) continue;
      std::pair const distance{std::abs(*other - *date), *other - *date};
      if (distance < best_distance) {
        best_distance = distance;
        best = ImageIndex{s, i};
      }
    }
  }
  return best;
}

/// Whole fine pixels per coarse pixel; 0 when the coarse pixels do not lie on those of the fine grid.
int whole_ratio(Grid const& fine, Grid const& cells) {
  constexpr double tolerance = 0.01;
  double const ratio = cells.dx / fine.dx;
  auto const whole = static_cast<int>(std::lround(ratio));
  bool const fits = whole >= 1 && std::abs(ratio - whole) < tolerance * whole &&
                    std::abs(cells.dy / fine.dy - whole) < tolerance * whole &&
                    std::abs(cells.x0 - fine.x0) < tolerance * cells.dx &&
                    std::abs(cells.y0 - fine.y0) < tolerance * cells.dy;
  return fits ? whole : 0;
}

}  // namespace

double default_data_range(Quantity const* quantity) {
  if (!quantity || quantity->variable == "reflectance") return 1;
  ValueRange const range = range_of(*quantity);
  return range.high - range.low;
}

Side::Side(std::vector<std::filesystem::path> const& paths, FileScaling const& scaling,
           std::string const& date_pattern)
    : scaling_(scaling), date_pattern_(date_pattern) {
  for (auto const& path : paths) infos_.push_back(open_image_source(path, scaling, date_pattern)->info());
}

ImageSource& Side::open(int source) {
  if (source != current_) {
    open_ = open_image_source(info(source).path, scaling_, date_pattern_);
    current_ = source;
  }
  return *open_;
}

Comparison::Comparison(ComparisonSettings const& settings)
    : predictions(settings.predictions, settings.prediction_scaling, settings.date_pattern),
      references(settings.references, settings.reference_scaling, settings.date_pattern),
      base(settings.base, settings.reference_scaling, settings.date_pattern),
      coarse(settings.coarse, settings.reference_scaling, settings.date_pattern),
      pairing(pair_images(predictions.infos(), references.infos())),
      fused_only(settings.quality == "fused") {
  for (auto const& series : pairing.series) {
    for (auto const& pair : series.pairs) add_pair(pair);
  }
  scale.ratio = settings.ratio.value_or(known_ratio());
  scale.data_range = settings.data_range.value_or(default_data_range(quantity(*pairs.front().pair)));
  if (!settings.mask.empty()) open_mask(settings.mask);
  if (!settings.classes.empty()) {
    classes = open_label_map(settings.classes, predictions.infos().front().grid, "the class map (--classes)");
  }
  require(!fused_only ||
              std::ranges::any_of(predictions.infos(), [](auto const& p) { return p.quantity.has_value(); }),
          ErrorKind::config, "quality = fused needs a cube as prediction: files do not say what was fused.");
}

Quantity const* Comparison::quantity(ImagePair const& pair) const {
  auto const& predicted = predictions.info(pair.prediction.source).quantity;
  auto const& observed = references.info(pair.reference.source).quantity;
  return predicted ? &*predicted : observed ? &*observed : nullptr;
}

ValueRange Comparison::range(ImagePair const& pair, Side const& side) const {
  if (side.has_valid_range()) return {.known = true};
  Quantity const* const known = quantity(pair);
  return known ? range_of(*known) : plausible_reflectance;
}

Rect Comparison::all_px(ComparedPair const& pair) const {
  return predictions.info(pair.pair->prediction.source).grid.all();
}

void Comparison::add_pair(ImagePair const& pair) {
  ComparedPair compared{&pair, {}, {}};
  auto const& predicted = predictions.info(pair.prediction.source);
  auto const& observed = references.info(pair.reference.source);
  if (auto const image = nearest_image(base, pair.date)) {
    auto const& source = base.info(image->source);
    check_same_pixels(predicted, source);
    compared.base = {*image, bands_like(source, pair, observed)};
  }
  if (auto const image = image_of_date(coarse, pair.date)) {
    auto const& source = coarse.info(image->source);
    take_ratio_of_coarse(predicted, source);
    compared.coarse = {*image, bands_like(source, pair, observed)};
  }
  auto const note = [&](bool missing, char const* what) {
    if (!missing) return;
    pairing.notes.push_back(fmt::format("no {} image serves {}.", what,
                                        pair.date ? to_string(*pair.date) : "images without a date"));
  };
  note(!base.infos().empty() && !compared.base, "base");
  note(!coarse.infos().empty() && !compared.coarse, "coarse");
  pairs.push_back(std::move(compared));
}

void Comparison::take_ratio_of_coarse(ImageSourceInfo const& fine, ImageSourceInfo const& cells) {
  int const ratio = whole_ratio(fine.grid, cells.grid);
  require(ratio > 0 && (scale.coarse_cell_px == 0 || scale.coarse_cell_px == ratio), ErrorKind::data,
          fmt::format("the pixels of {} ({}) are not whole blocks of those of {} ({}). Give coarse images of "
                      "one size, with "
                      "pixels that begin at the same corner and are a whole number of fine pixels wide.",
                      cells.path.string(), describe(cells.grid), fine.path.string(), describe(fine.grid)));
  scale.coarse_cell_px = ratio;
}

/// The first that a cube's job or the coarse images tell, NaN when none does.
double Comparison::known_ratio() const {
  for (Side const* side : {&predictions, &references}) {
    for (auto const& source : side->infos()) {
      if (source.ratio) return *source.ratio;
    }
  }
  return scale.coarse_cell_px > 1 ? scale.coarse_cell_px : std::numeric_limits<double>::quiet_NaN();
}

void Comparison::open_mask(std::filesystem::path const& path) {
  mask = open_raster(path);
  for (auto const& source : predictions.infos()) {
    require(mask->grid().width == source.grid.width && mask->grid().height == source.grid.height,
            ErrorKind::data,
            fmt::format("mask {} has {} x {} pixels, {} has {} x {}. Give a mask on the prediction's grid.",
                        path.string(), mask->grid().width, mask->grid().height, source.path.string(),
                        source.grid.width, source.grid.height));
  }
}

}  // namespace stfcube
