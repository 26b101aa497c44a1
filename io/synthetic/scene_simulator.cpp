#include "stfcube/io/synthetic/scene_simulator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include <fmt/format.h>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr std::array<char const*, most_scene_bands> all_band_names = {"blue", "green", "red",
                                                                      "nir",  "swir1", "swir2"};
constexpr float sensor_noise = 0.002F;
constexpr double psf_radius = 1.5;  // of a cell
constexpr double psf_sigma_across = 0.35;
constexpr double psf_sigma_along = 0.25;
constexpr double most_shift = 0.2;
constexpr double cloud_px = 90;
constexpr float cloud_rim = 0.12F;  // of the noise surface: a few pixels around a cloud
constexpr Spectrum cloud_white = {0.62F, 0.60F, 0.60F, 0.63F, 0.42F, 0.33F};
constexpr Spectrum shade = {0.62F, 0.54F, 0.50F, 0.42F, 0.36F, 0.34F};  // the sky lights visible bands most

std::vector<Date> dates_every(Date start, int days, int step) {
  std::vector<Date> dates;
  for (int day = 0; day < days; day += step) dates.push_back(start + day);
  return dates;
}

std::size_t index_of(std::vector<Date> const& dates, Date date) {
  auto const place = std::ranges::lower_bound(dates, date);
  ensure(place != dates.end() && *place == date, "a date of the sensor");
  return static_cast<std::size_t>(place - dates.begin());
}

/// One axis of the point-spread function of a cell: weights of the fine pixels from `first` on, relative to
/// the cell's first pixel. The same for all cells of a date.
struct Taps {
  int first = 0;
  std::vector<float> weights;

  Taps(int ratio, double sigma, double shift) {
    double const centre = (0.5 + shift) * ratio;
    first = static_cast<int>(std::ceil(centre - psf_radius * ratio - 0.5));
    int const last = static_cast<int>(std::floor(centre + psf_radius * ratio - 0.5));
    double sum = 0;
    std::vector<double> exact;
    for (int pixel = first; pixel <= last; ++pixel) {
      double const distance = (pixel + 0.5 - centre) / (sigma * ratio);
      exact.push_back(std::exp(-0.5 * distance * distance));
      sum += exact.back();
    }
    for (double const weight : exact) weights.push_back(static_cast<float>(weight / sum));
  }
  int count() const { return static_cast<int>(weights.size()); }
};

/// Tables of one date, one entry per parcel; eight numbers a row, so that a pixel's bands are made together.
struct ParcelTable {
  static constexpr int stride = 8;
  std::vector<float> reflectance, vigour;

  ParcelTable(std::vector<Parcel> const& parcels, LandOnDate const& land)
      : reflectance(parcels.size() * stride), vigour(parcels.size() * stride) {
    for (std::size_t i = 0; i < parcels.size(); ++i) {
      ParcelState const state = land.state(parcels[i]);
      std::ranges::copy(state.reflectance, &reflectance[i * stride]);
      std::ranges::copy(state.vigour, &vigour[i * stride]);
    }
  }
};

}  // namespace

void check(SceneSettings const& s) {
  auto const in_range = [](char const* name, double value, double low, double high) {
    require(value >= low && value <= high, ErrorKind::config,
            fmt::format("simulate: {} = {} (must be {} to {}).", name, value, low, high));
  };
  in_range("--size (width)", s.width, 1, 1e6);
  in_range("--size (height)", s.height, 1, 1e6);
  require(s.bands >= 1 && s.bands <= most_scene_bands, ErrorKind::config,
          fmt::format("simulate: --bands {} (must be 1 to {}). The bands are the first of blue green red nir "
                      "swir1 swir2.",
                      s.bands, most_scene_bands));
  in_range("--ratio", s.ratio, 1, 1000);
  in_range("--days", s.days, 1, 100000);
  in_range("--fine-every", s.fine_every, 1, 100000);
  in_range("--coarse-every", s.coarse_every, 1, 100000);
  in_range("--clouds", s.clouds, 0, 1);
  in_range("--coarse-clouds", s.coarse_clouds, 0, 1);
}

double SceneSimulator::Sky::height(double x, double y) const {
  double const along = (x * wind_x + y * wind_y) / (1.4 * size_px);
  double const across = (y * wind_x - x * wind_y) / size_px;
  double const bend_along = 0.06 * smooth_noise(field.sub(1), 2.1 * along, 2.1 * across);
  double const bend_across = 0.06 * smooth_noise(field.sub(2), 2.1 * along, 2.1 * across);
  return fractal_noise(field.sub(3), along + bend_along, across + bend_across, 6);
}

bool SceneSimulator::Sky::is_clear() const {
  return !std::isfinite(threshold);
}

SceneSimulator::Sky SceneSimulator::make_sky(RandomField const& field, double share, double size_px) const {
  double const angle = std::numbers::pi * field.uniform(0);
  Sky sky{field, size_px, std::cos(angle), std::sin(angle), std::numeric_limits<double>::infinity()};
  if (share <= 0) return sky;
  constexpr int side = 64;
  std::vector<double> sample;
  for (int j = 0; j < side; ++j) {
    for (int i = 0; i < side; ++i) {
      sample.push_back(sky.height((i + 0.5) * settings_.width / side, (j + 0.5) * settings_.height / side));
    }
  }
  auto const rank = static_cast<std::ptrdiff_t>((1 - share) * (side * side - 1));
  std::ranges::nth_element(sample, sample.begin() + rank);
  sky.threshold = sample[static_cast<std::size_t>(rank)];
  return sky;
}

/// Shares differ from date to date, evenly between none and twice the mean, in an order drawn by chance.
std::vector<SceneSimulator::Sky> SceneSimulator::make_skies(std::vector<Date> const& dates, double share,
                                                            double share_at_ends,
                                                            RandomField const& field) const {
  std::vector<double> draws;
  for (Date const date : dates) draws.push_back(field.uniform(date.days));
  std::vector<double> sorted = draws;
  std::ranges::sort(sorted);
  std::vector<Sky> skies;
  for (std::size_t i = 0; i < dates.size(); ++i) {
    auto const rank = static_cast<double>(std::ranges::lower_bound(sorted, draws[i]) - sorted.begin());
    double const place = (rank + 0.5) / static_cast<double>(dates.size());
    bool const at_an_end = i == 0 || i + 1 == dates.size();
    double const own = share <= 0.5 ? 2 * share * place : 1 - 2 * (1 - share) * place;
    skies.push_back(make_sky(field.sub(dates[i].days), at_an_end ? share_at_ends : own, cloud_px));
  }
  return skies;
}

SceneSimulator::SceneSimulator(SceneSettings const& settings)
    : settings_((check(settings), settings)),
      landscape_(settings.seed),
      fine_sensor_(settings.seed, 101),
      coarse_sensor_(settings.seed, 102),
      fine_dates_(dates_every(settings.start, settings.days, settings.fine_every)),
      coarse_dates_(dates_every(settings.start, settings.days, settings.coarse_every)),
      change_date_(settings.start + static_cast<int>(std::lround(0.6 * settings.days))) {
  fine_skies_ = make_skies(fine_dates_, settings.clouds, std::min(0.02, 0.1 * settings.clouds),
                           RandomField(settings.seed, 103));
  coarse_skies_ = make_skies(coarse_dates_, settings.coarse_clouds, settings.coarse_clouds,
                             RandomField(settings.seed, 104));
}

std::vector<std::string> SceneSimulator::band_names() const {
  return {all_band_names.begin(), all_band_names.begin() + settings_.bands};
}

Rect SceneSimulator::coarse_extent() const {
  int const ratio = settings_.ratio;
  return {0, 0, (settings_.width + ratio - 1) / ratio, (settings_.height + ratio - 1) / ratio};
}

Rect SceneSimulator::support(Rect const& cells) const {
  int const ratio = settings_.ratio;
  int const margin = static_cast<int>(std::ceil((psf_radius + most_shift - 0.5) * ratio));
  return grow({cells.x * ratio, cells.y * ratio, cells.width * ratio, cells.height * ratio}, margin);
}

void SceneSimulator::truth(GroundWindow const& ground, Date date, Stack<float>& values) const {
  constexpr auto stride = static_cast<std::size_t>(ParcelTable::stride);
  ParcelTable const table(ground.parcels, LandOnDate(settings_.seed, date, change_date_));
  auto const bands = static_cast<std::size_t>(settings_.bands);
  std::size_t const count = values.plane_size();
  ensure(values.bands() == settings_.bands && values.cols() == ground.px.width &&
             values.rows() == ground.px.height,
         "a stack of the window's size");
  std::array<float*, most_scene_bands> planes{};
  for (std::size_t band = 0; band < bands; ++band) planes[band] = values.row(0, static_cast<int>(band), 0);
  for (std::size_t i = 0; i < count; ++i) {
    float const* const first = &table.reflectance[ground.first[i] * stride];
    float const* const first_vigour = &table.vigour[ground.first[i] * stride];
    float const* const second = &table.reflectance[ground.second[i] * stride];
    float const* const second_vigour = &table.vigour[ground.second[i] * stride];
    float const share = ground.first_share[i];
    float const vigour = ground.vigour[i];
    float const brightness = 1 + ground.brightness[i];
    std::array<float, stride> pixel;
    for (std::size_t band = 0; band < stride; ++band) {
      float const a = first[band] + vigour * first_vigour[band];
      float const b = second[band] + vigour * second_vigour[band];
      pixel[band] = std::clamp((b + share * (a - b)) * brightness, 0.005F, 0.7F);
    }
    for (std::size_t band = 0; band < bands; ++band) planes[band][i] = pixel[band];
  }
}

FineObservation SceneSimulator::fine(GroundWindow const& ground, Stack<float> const& truth, Date date,
                                     Rect const& px) const {
  ensure(ground.px.contains(px), "a part of the window");
  FineObservation seen{Stack<float>(1, settings_.bands, px.height, px.width),
                       Stack<float>(1, 1, px.height, px.width)};
  for (int band = 0; band < settings_.bands; ++band) {
    RandomField const noise = fine_sensor_.sub(date.days).sub(band);
    for (int y = 0; y < px.height; ++y) {
      float const* from = truth.row(0, band, px.y + y - ground.px.y) + (px.x - ground.px.x);
      float* to = seen.reflectance.row(0, band, y);
      for (int x = 0; x < px.width; ++x) to[x] = from[x] + sensor_noise * noise.normal(px.x + x, px.y + y);
    }
  }
  for (int y = 0; y < px.height; ++y) {
    std::size_t const start =
        static_cast<std::size_t>(px.y + y - ground.px.y) * static_cast<std::size_t>(ground.px.width) +
        static_cast<std::size_t>(px.x - ground.px.x);
    for (int x = 0; x < px.width; ++x) {
      Cover const cover = ground.parcels[ground.first[start + static_cast<std::size_t>(x)]].cover;
      seen.qa.at(0, 0, y, x) = is_water(cover) ? landsat_qa::water : landsat_qa::clear;
    }
  }
  put_clouds(fine_skies_[index_of(fine_dates_, date)], px, seen);
  return seen;
}

void SceneSimulator::put_clouds(Sky const& sky, Rect const& px, FineObservation& seen) const {
  if (sky.is_clear()) return;
  // The sun stands in the south-south-east; the shadow falls as far as the clouds are high.
  int const reach = 10 + static_cast<int>(14 * sky.field.uniform(1));
  int const west = reach / 2;
  int const north = reach;
  Stack<float> heights(1, 1, px.height + north, px.width + west);
  for (int y = 0; y < heights.rows(); ++y) {
    for (int x = 0; x < heights.cols(); ++x) {
      heights.at(0, 0, y, x) = static_cast<float>(sky.height(px.x + x, px.y + y) - sky.threshold);
    }
  }
  for (int y = 0; y < px.height; ++y) {
    for (int x = 0; x < px.width; ++x) {
      float const height = heights.at(0, 0, y, x);
      float& qa = seen.qa.at(0, 0, y, x);
      if (height > 0) {
        qa = landsat_qa::cloud;
        float const thickness = std::min(1.0F, height / 0.5F);
        float const opacity = 0.4F + 0.6F * thickness * (2 - thickness);
        for (int band = 0; band < settings_.bands; ++band) {
          float& value = seen.reflectance.at(0, band, y, x);
          value +=
              opacity * (cloud_white[static_cast<std::size_t>(band)] * (0.72F + 0.28F * thickness) - value);
        }
      } else if (heights.at(0, 0, y + north, x + west) > 0) {
        qa = landsat_qa::cloud_shadow;
        for (int band = 0; band < settings_.bands; ++band) {
          seen.reflectance.at(0, band, y, x) *= shade[static_cast<std::size_t>(band)];
        }
      } else if (height > -cloud_rim) {
        qa = landsat_qa::dilated_cloud;
      }
    }
  }
}

CoarseView SceneSimulator::coarse_view(Date date) const {
  RandomField const own = coarse_sensor_.sub(date.days);
  CoarseView view;
  view.shift_x = most_shift * (2 * own.uniform(1) - 1);
  view.shift_y = most_shift * (2 * own.uniform(2) - 1);
  for (std::size_t band = 0; band < view.gain.size(); ++band) {
    auto const index = static_cast<std::int64_t>(band);
    view.gain[band] = static_cast<float>(0.97 + 0.06 * own.uniform(10, index));
    view.offset[band] = static_cast<float>(0.01 * (own.uniform(11, index) - 0.5));
  }
  return view;
}

Stack<float> SceneSimulator::coarse(Rect const& px, Stack<float> const& truth, Date date,
                                    Rect const& cells) const {
  ensure(px.contains(support(cells)), "the truth that the coarse cells need");
  int const ratio = settings_.ratio;
  RandomField const own = coarse_sensor_.sub(date.days);
  CoarseView const view = coarse_view(date);
  Taps const across_taps(ratio, psf_sigma_across, view.shift_x);
  Taps const along_taps(ratio, psf_sigma_along, view.shift_y);
  Sky const& sky = coarse_skies_[index_of(coarse_dates_, date)];
  Stack<float> seen(1, settings_.bands, cells.height, cells.width);
  int const left = cells.x * ratio + across_taps.first - px.x;
  int const width = (cells.width - 1) * ratio + across_taps.count();
  std::vector<float> line(static_cast<std::size_t>(width));
  for (int band = 0; band < settings_.bands; ++band) {
    RandomField const noise = own.sub(100 + band);
    auto const index = static_cast<std::size_t>(band);
    for (int y = 0; y < cells.height; ++y) {
      int const top = (cells.y + y) * ratio + along_taps.first - px.y;
      // Down the columns first: whole lines at once; then along the line, cell by cell, always in the same
      // order.
      std::ranges::fill(line, 0.0F);
      for (int tap = 0; tap < along_taps.count(); ++tap) {
        float const weight = along_taps.weights[static_cast<std::size_t>(tap)];
        float const* const from = truth.row(0, band, top + tap) + left;
        for (int x = 0; x < width; ++x) line[static_cast<std::size_t>(x)] += weight * from[x];
      }
      for (int x = 0; x < cells.width; ++x) {
        float sum = 0;
        for (int tap = 0; tap < across_taps.count(); ++tap) {
          sum += across_taps.weights[static_cast<std::size_t>(tap)] *
                 line[static_cast<std::size_t>(x * ratio + tap)];
        }
        seen.at(0, band, y, x) = view.gain[index] * sum + view.offset[index] +
                                 sensor_noise * noise.normal(cells.x + x, cells.y + y);
      }
    }
  }
  hide_clouded(sky, cells, seen);
  return seen;
}

void SceneSimulator::hide_clouded(Sky const& sky, Rect const& cells, Stack<float>& seen) const {
  if (sky.is_clear()) return;
  for (int y = 0; y < cells.height; ++y) {
    for (int x = 0; x < cells.width; ++x) {
      double const at_x = (cells.x + x + 0.5) * settings_.ratio;
      double const at_y = (cells.y + y + 0.5) * settings_.ratio;
      if (sky.height(at_x, at_y) <= sky.threshold) continue;
      for (int band = 0; band < settings_.bands; ++band) {
        seen.at(0, band, y, x) = std::numeric_limits<float>::quiet_NaN();
      }
    }
  }
}

}  // namespace stfcube
