#include "stfcube/models/deep/network_images.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "stfcube/models/classical/coarse_planes.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// An image in DN over a rectangle, [band, y, x].
struct Image {
  int bands = 0;
  std::size_t pixels = 0;
  std::vector<double> values;
  std::vector<std::uint8_t> valid;   ///< [y, x]: observed
  std::vector<std::uint8_t> filled;  ///< [y, x]: has a value by now

  double* band(int b) { return values.data() + to_size(b) * pixels; }
  double const* band(int b) const { return values.data() + to_size(b) * pixels; }
};

Image coarse_image(FusionInput const& input, CellFrame const& frame, int date, Rect const& px) {
  Image image{input.coarse.dn.bands(), static_cast<std::size_t>(px.area()), {}, {}, {}};
  image.values.reserve(to_size(image.bands) * image.pixels);
  for (int b = 0; b < image.bands; ++b) {
    auto const plane = bilinear_plane(frame, cell_field(frame, input.coarse.dn.row(date, b, 0)), px);
    image.values.insert(image.values.end(), plane.begin(), plane.end());
  }
  for (std::size_t i = 0; i < image.pixels; ++i) image.valid.push_back(std::isnan(image.values[i]) ? 0 : 1);
  image.filled = image.valid;
  return image;
}

Image fine_image(FusionInput const& input, int date, Rect const& px) {
  Image image{input.fine.dn.bands(), static_cast<std::size_t>(px.area()), {}, {}, {}};
  image.values.reserve(to_size(image.bands) * image.pixels);
  int const dx = px.x - input.padded_px.x, dy = px.y - input.padded_px.y;
  for (int b = 0; b < image.bands; ++b) {
    for (int y = 0; y < px.height; ++y) {
      Dn const* const row = input.fine.dn.row(date, b, y + dy) + dx;
      image.values.insert(image.values.end(), row, row + px.width);
    }
  }
  for (std::size_t i = 0; i < image.pixels; ++i) image.valid.push_back(image.values[i] == no_data_dn ? 0 : 1);
  image.filled = image.valid;
  return image;
}

/// Pixels without a value take that of `donor`, where it was observed, plus the mean difference of what both
/// observed.
void fill_from(Image const& donor, Image& to) {
  if (std::ranges::find(to.filled, 0) == to.filled.end()) return;
  for (int b = 0; b < to.bands; ++b) {
    double const* const from = donor.band(b);
    double* const values = to.band(b);
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < to.pixels; ++i) {
      if (to.valid[i] == 0 || donor.valid[i] == 0) continue;
      sum += values[i] - from[i];
      ++count;
    }
    double const shift = count == 0 ? 0 : sum / static_cast<double>(count);
    for (std::size_t i = 0; i < to.pixels; ++i) {
      if (to.filled[i] == 0 && donor.valid[i] != 0) values[i] = from[i] + shift;
    }
  }
  for (std::size_t i = 0; i < to.pixels; ++i) to.filled[i] |= donor.valid[i];
}

/// Pixels that still have none take the mean of the image, or 0 where it has no value at all.
void fill_with_mean(Image& image) {
  if (std::ranges::find(image.filled, 0) == image.filled.end()) return;
  for (int b = 0; b < image.bands; ++b) {
    double* const values = image.band(b);
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < image.pixels; ++i) {
      if (image.filled[i] == 0) continue;
      sum += values[i];
      ++count;
    }
    double const mean = count == 0 ? 0 : sum / static_cast<double>(count);
    for (std::size_t i = 0; i < image.pixels; ++i) {
      if (image.filled[i] == 0) values[i] = mean;
    }
  }
  std::ranges::fill(image.filled, std::uint8_t{1});
}

/// Where the pixels of one axis of a rectangle come from inside the part of it that lies in the scene.
std::vector<std::size_t> sources(int first, int count, int inside_first, int inside_count, Beyond beyond) {
  std::vector<std::size_t> places;
  for (int i = first - inside_first; i < first - inside_first + count; ++i) {
    int place = std::clamp(i, 0, inside_count - 1);
    if (beyond == Beyond::mirror && inside_count > 1) {
      int const period = 2 * (inside_count - 1);
      int const folded = (i % period + period) % period;
      place = std::min(folded, period - folded);
    }
    places.push_back(to_size(place));
  }
  return places;
}

/// From the part of a rectangle in the scene to all of it.
class Extension {
 public:
  Extension(Rect const& px, Rect const& inside, Beyond beyond)
      : columns_(sources(px.x, px.width, inside.x, inside.width, beyond)),
        rows_(sources(px.y, px.height, inside.y, inside.height, beyond)),
        width_(to_size(inside.width)) {}

  template <class To, class From, class Convert>
  void append(std::vector<To>& to, From const* plane, Convert const& convert) const {
    for (std::size_t const y : rows_) {
      for (std::size_t const x : columns_) to.push_back(convert(plane[y * width_ + x]));
    }
  }

 private:
  std::vector<std::size_t> columns_, rows_;
  std::size_t width_;
};

/// Images by role, filled from each other.
struct Roles {
  std::vector<Image> coarse;  ///< target, before, after
  std::vector<Image> fine;    ///< before, after

  void fill() {
    auto const observed = coarse;
    for (std::size_t i = 0; i < coarse.size(); ++i) {
      for (std::size_t donor = 0; donor < coarse.size(); ++donor) {
        if (donor != i) fill_from(observed[donor], coarse[i]);
      }
      fill_with_mean(coarse[i]);
    }
    for (std::size_t i = 0; i < fine.size(); ++i) {
      Image donor = coarse[i + 1];
      std::ranges::fill(donor.valid, std::uint8_t{1});
      fill_from(donor, fine[i]);
    }
  }
};

}  // namespace

ImageSource::ImageSource(FusionInput const& input, Quantity const& quantity, std::vector<Pair> pairs)
    : input_(input), quantity_(quantity), pairs_(std::move(pairs)), frame_(cell_frame(input)) {}

NetworkImages ImageSource::gather(Rect const& px, int target, References const& references,
                                  Beyond beyond) const {
  Rect const inside = intersect(px, input_.scene_px);
  Roles roles;
  roles.coarse.push_back(coarse_image(input_, frame_, target, inside));
  for (int const index : {references.before, references.after}) {
    if (index < 0) continue;
    Pair const& pair = pairs_[to_size(index)];
    roles.coarse.push_back(coarse_image(input_, frame_, pair.coarse, inside));
    roles.fine.push_back(fine_image(input_, pair.fine, inside));
  }
  roles.fill();

  Extension const extension(px, inside, beyond);
  NetworkImages gathered;
  gathered.block.bands = input_.fine.dn.bands();
  gathered.block.height = px.height;
  gathered.block.width = px.width;
  std::vector<std::uint8_t> missing(static_cast<std::size_t>(inside.area()));
  auto const put = [&](Image const& image, std::vector<float>& values, std::vector<float>& mask) {
    auto const physical = [&](double dn) {
      return static_cast<float>(dn * quantity_.step + quantity_.offset);
    };
    auto const as_float = [](std::uint8_t flag) { return static_cast<float>(flag); };
    for (int b = 0; b < image.bands; ++b) extension.append(values, image.band(b), physical);
    extension.append(mask, image.valid.data(), as_float);
    for (std::size_t i = 0; i < missing.size(); ++i) missing[i] |= image.valid[i] ^ 1;
  };
  auto& block = gathered.block;
  Date const day = input_.coarse.dates[to_size(target)];
  block.days_before = static_cast<float>(std::abs(day - pairs_[to_size(references.before)].date));
  if (references.after >= 0 && references.after != references.before)
    block.days_after = static_cast<float>(std::abs(day - pairs_[to_size(references.after)].date));
  put(roles.coarse[0], block.coarse_target, block.coarse_target_valid);
  put(roles.coarse[1], block.coarse_before, block.coarse_before_valid);
  put(roles.fine[0], block.fine_before, block.fine_before_valid);
  if (references.after >= 0) {
    put(roles.coarse[2], block.coarse_after, block.coarse_after_valid);
    put(roles.fine[1], block.fine_after, block.fine_after_valid);
  }
  extension.append(gathered.filled, missing.data(), [](std::uint8_t flag) { return flag; });
  return gathered;
}

}  // namespace stfcube
