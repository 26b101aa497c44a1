#include "stfcube/io/synthetic/scene_simulator.hpp"

#include <array>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "stfcube/io/sensor.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

SceneSettings settings_of(int size, int bands = 4) {
  SceneSettings settings;
  settings.width = settings.height = size;
  settings.bands = bands;
  return settings;
}

Stack<float> truth_of(SceneSimulator const& simulator, GroundWindow const& ground, Date date) {
  Stack<float> truth(1, simulator.settings().bands, ground.px.height, ground.px.width);
  simulator.truth(ground, date, truth);
  return truth;
}

/// Truth of one window on one day.
struct Scene {
  GroundWindow ground;
  Stack<float> truth;
};

Scene scene_of(SceneSimulator const& simulator, Rect const& px, Date date) {
  Scene scene{simulator.ground(px), {}};
  scene.truth = truth_of(simulator, scene.ground, date);
  return scene;
}

Cover cover_at(GroundWindow const& ground, std::size_t i) {
  return ground.parcels[ground.first[i]].cover;
}

double ndvi(Stack<float> const& truth, std::size_t i) {
  double const red = static_cast<double>(truth.plane(0, 2)[i]);
  double const nir = static_cast<double>(truth.plane(0, 3)[i]);
  return (nir - red) / (nir + red);
}

double mean_ndvi(GroundWindow const& ground, Stack<float> const& truth, Cover cover) {
  double sum = 0;
  int count = 0;
  for (std::size_t i = 0; i < truth.plane_size(); ++i) {
    if (cover_at(ground, i) != cover) continue;
    sum += ndvi(truth, i);
    ++count;
  }
  return sum / count;
}

double share_of(Stack<float> const& qa, std::uint16_t word) {
  return static_cast<double>(std::ranges::count(qa.all(), static_cast<float>(word))) /
         static_cast<double>(qa.size());
}

/// Compares a part with the same pixels of the whole.
void expect_same(Stack<float> const& whole, Rect const& of, Stack<float> const& part, Rect const& px) {
  for (int band = 0; band < part.bands(); ++band) {
    for (int y = 0; y < px.height; ++y) {
      for (int x = 0; x < px.width; ++x) {
        ASSERT_EQ(whole.at(0, band, px.y - of.y + y, px.x - of.x + x), part.at(0, band, y, x))
            << band << ' ' << y << ' ' << x;
      }
    }
  }
}

TEST(SceneSimulator, windows_do_not_matter) {
  auto settings = settings_of(180);
  settings.clouds = 0.5;
  SceneSimulator const simulator(settings);
  Date const date = settings.start + 16;
  Rect const cells = simulator.coarse_extent();
  Rect const window = simulator.support(cells);
  auto const whole = scene_of(simulator, window, date);
  auto const whole_fine = simulator.fine(whole.ground, whole.truth, date, simulator.fine_extent());
  auto const whole_coarse = simulator.coarse(window, whole.truth, date, cells);

  Rect const part_cells{5, 7, 4, 3};
  Rect const part_window = simulator.support(part_cells);
  Rect const part_px{81, 113, 60, 41};
  ASSERT_TRUE(part_window.contains(part_px));
  auto const part = scene_of(simulator, part_window, date);
  expect_same(whole.truth, window, part.truth, part_window);
  auto const part_fine = simulator.fine(part.ground, part.truth, date, part_px);
  expect_same(whole_fine.reflectance, simulator.fine_extent(), part_fine.reflectance, part_px);
  expect_same(whole_fine.qa, simulator.fine_extent(), part_fine.qa, part_px);
  expect_same(whole_coarse, cells, simulator.coarse(part_window, part.truth, date, part_cells), part_cells);
}

TEST(SceneSimulator, a_coarse_cell_is_the_sum_over_its_point_spread_function) {
  auto const settings = settings_of(400, 2);
  SceneSimulator const simulator(settings);
  Date const date = settings.start + 140;
  Rect const cells = simulator.coarse_extent();
  Rect const window = simulator.support(cells);
  auto const scene = scene_of(simulator, window, date);
  auto const seen = simulator.coarse(window, scene.truth, date, cells);
  auto const view = simulator.coarse_view(date);
  EXPECT_LE(std::abs(view.shift_x), 0.2);
  EXPECT_NE(view.shift_x, simulator.coarse_view(date + 1).shift_x);
  for (int band = 0; band < settings.bands; ++band) {
    double sum = 0;
    double squares = 0;
    for (int row = 0; row < cells.height; ++row) {
      for (int column = 0; column < cells.width; ++column) {
        double const at_x = (column + 0.5 + view.shift_x) * 16;
        double const at_y = (row + 0.5 + view.shift_y) * 16;
        double value = 0;
        double weights = 0;
        for (int y = window.y; y < window.bottom(); ++y) {
          double const v = (y + 0.5 - at_y) / 16;
          if (std::abs(v) > 1.5) continue;
          for (int x = window.x; x < window.right(); ++x) {
            double const u = (x + 0.5 - at_x) / 16;
            if (std::abs(u) > 1.5) continue;
            double const weight = std::exp(-u * u / (2 * 0.35 * 0.35) - v * v / (2 * 0.25 * 0.25));
            value += weight * static_cast<double>(scene.truth.at(0, band, y - window.y, x - window.x));
            weights += weight;
          }
        }
        auto const index = static_cast<std::size_t>(band);
        double const expected =
            static_cast<double>(view.gain[index]) * value / weights + static_cast<double>(view.offset[index]);
        double const error = static_cast<double>(seen.at(0, band, row, column)) - expected;
        ASSERT_LE(std::abs(error), 3.5 * 0.002 + 1e-6);
        sum += error;
        squares += error * error;
      }
    }
    // What is left is the noise alone.
    auto const count = static_cast<double>(cells.area());
    EXPECT_LE(std::abs(sum / count), 4 * 0.002 / std::sqrt(count));
    EXPECT_NEAR(std::sqrt(squares / count), 0.002, 0.0002);
  }
}

TEST(SceneSimulator, a_small_scene_has_every_feature) {
  for (std::uint64_t const seed : {1U, 2U, 3U}) {
    auto settings = settings_of(300);
    settings.seed = seed;
    auto const ground = SceneSimulator(settings).ground({0, 0, 300, 300});
    std::map<Cover, int> count;
    int changed = 0;
    for (std::size_t i = 0; i < ground.first.size(); ++i) {
      ++count[cover_at(ground, i)];
      changed += ground.parcels[ground.first[i]].change != Change::none ? 1 : 0;
    }
    EXPECT_GT(count[Cover::crop], 15000) << seed;
    EXPECT_GT(count[Cover::grass], 2000) << seed;
    EXPECT_GT(count[Cover::deciduous] + count[Cover::conifer], 2000) << seed;
    EXPECT_GT(count[Cover::lake], 500) << seed;
    EXPECT_GT(count[Cover::river], 300) << seed;
    EXPECT_GT(count[Cover::roof] + count[Cover::hall], 500) << seed;
    EXPECT_GT(count[Cover::asphalt], 20) << seed;
    EXPECT_GT(changed, 4000) << seed;
  }
}

TEST(SceneSimulator, the_river_is_narrower_than_a_coarse_cell) {
  auto const settings = settings_of(300);
  SceneSimulator const simulator(settings);
  auto const ground = simulator.ground(simulator.fine_extent());
  auto const is_river = [&](int x, int y) {
    return x >= 0 && x < 300 && y >= 0 && y < 300 &&
           cover_at(ground, static_cast<std::size_t>(y * 300 + x)) == Cover::river;
  };
  int longest = 0;
  int columns_with_river = 0;
  for (int x = 0; x < 300; ++x) {
    bool found = false;
    for (int y = 0; y < 300; ++y) {
      if (!is_river(x, y)) continue;
      found = true;
      // The shorter of the runs through the pixel, across or down.
      auto const run = [&](int dx, int dy) {
        int length = 1;
        for (int k = 1; is_river(x + k * dx, y + k * dy); ++k) ++length;
        for (int k = 1; is_river(x - k * dx, y - k * dy); ++k) ++length;
        return length;
      };
      longest = std::max(longest, std::min(run(1, 0), run(0, 1)));
    }
    columns_with_river += found ? 1 : 0;
  }
  EXPECT_LT(longest, settings.ratio);
  EXPECT_GT(columns_with_river, 270);  // it crosses the scene
}

TEST(SceneSimulator, the_change_is_sudden_and_stays) {
  auto const settings = settings_of(600);
  SceneSimulator const simulator(settings);
  EXPECT_EQ(simulator.change_date() - settings.start, 106);  // 60 % of 177 days
  auto const ground =
      simulator.ground({30, 50, 300, 300});  // a quarter of the 600 x 600 pixels that have one change
  auto const before = truth_of(simulator, ground, simulator.change_date() + -1);
  auto const after = truth_of(simulator, ground, simulator.change_date());
  auto const at_end = truth_of(simulator, ground, settings.start + 176);
  std::array<int, 2> count{};
  std::array<double, 2> jump{};
  std::array<double, 2> later{};
  for (std::size_t i = 0; i < before.plane_size(); ++i) {
    std::size_t const changed = ground.parcels[ground.first[i]].change != Change::none ? 1 : 0;
    ++count[changed];
    auto const nir = [i](Stack<float> const& truth) { return static_cast<double>(truth.plane(0, 3)[i]); };
    jump[changed] += std::abs(nir(after) - nir(before));
    later[changed] += std::abs(nir(at_end) - nir(before));
  }
  EXPECT_GT(count[1], 0.03 * 600 * 600);
  EXPECT_LT(count[1], 0.10 * 600 * 600);
  EXPECT_GT(jump[1] / count[1], 0.05);
  EXPECT_GT(later[1] / count[1], 0.05);
  EXPECT_LT(jump[0] / count[0], 0.01);
}

TEST(SceneSimulator, clouds_have_the_asked_share_on_average_and_spare_the_ends) {
  auto settings = settings_of(160, 1);
  settings.days = 16 * 20 + 1;
  settings.clouds = 0.35;
  SceneSimulator const simulator(settings);
  auto const& dates = simulator.fine_dates();
  ASSERT_EQ(dates.size(), 21U);
  std::vector<double> shares;
  auto const scene = scene_of(simulator, simulator.fine_extent(), settings.start);
  for (Date const date : dates) {
    auto const seen = simulator.fine(scene.ground, scene.truth, date, simulator.fine_extent());
    shares.push_back(share_of(seen.qa, landsat_qa::cloud));
  }
  EXPECT_LT(shares.front(), 0.04);
  EXPECT_LT(shares.back(), 0.04);
  double sum = 0;
  for (std::size_t i = 1; i + 1 < shares.size(); ++i) sum += shares[i];
  EXPECT_NEAR(sum / 19, 0.35, 0.06);
  auto const [least, most] = std::ranges::minmax_element(shares);
  EXPECT_GT(*most - *least, 0.4);
}

TEST(SceneSimulator, no_clouds_when_none_are_asked) {
  auto settings = settings_of(100, 1);
  settings.clouds = 0;
  SceneSimulator const simulator(settings);
  auto const scene = scene_of(simulator, simulator.fine_extent(), settings.start + 16);
  auto const seen = simulator.fine(scene.ground, scene.truth, settings.start + 16, simulator.fine_extent());
  EXPECT_EQ(share_of(seen.qa, landsat_qa::clear) + share_of(seen.qa, landsat_qa::water), 1);
}

TEST(SceneSimulator, quality_says_where_the_surface_is_seen) {
  auto settings = settings_of(250, 6);
  settings.clouds = 0.4;
  SceneSimulator const simulator(settings);
  auto const ground = simulator.ground(simulator.fine_extent());
  std::map<int, int> count;
  for (int day = 16; day < 160; day += 48) {
    Date const date = settings.start + day;
    auto const truth = truth_of(simulator, ground, date);
    auto const seen = simulator.fine(ground, truth, date, simulator.fine_extent());
    for (std::size_t i = 0; i < seen.qa.size(); ++i) {
      auto const word = static_cast<std::uint16_t>(seen.qa.all()[i]);
      ++count[word];
      for (int band = 0; band < 6; ++band) {
        float const change = seen.reflectance.plane(0, band)[i] - truth.plane(0, band)[i];
        if (usable(QaScheme::landsat_c2, word)) {
          ASSERT_LE(std::abs(change), 0.0071F);
        } else if (word == landsat_qa::cloud && band < 3) {
          ASSERT_GT(change, 0.03F);
        } else if (word == landsat_qa::cloud_shadow) {
          ASSERT_LT(change, 0.007F);
        }
      }
    }
  }
  EXPECT_TRUE(usable(QaScheme::landsat_c2, landsat_qa::water));
  EXPECT_FALSE(usable(QaScheme::landsat_c2, landsat_qa::fill));
  for (auto const word : {landsat_qa::clear, landsat_qa::water, landsat_qa::cloud, landsat_qa::cloud_shadow,
                          landsat_qa::dilated_cloud}) {
    EXPECT_GT(count[word], 100) << word;
  }
  EXPECT_EQ(count.size(), 5U);
}

TEST(SceneSimulator, coarse_clouds_take_the_asked_share) {
  auto settings = settings_of(500, 2);
  settings.coarse_clouds = 0.3;
  settings.days = 10;
  SceneSimulator const simulator(settings);
  Rect const cells = simulator.coarse_extent();
  Rect const window = simulator.support(cells);
  auto const scene = scene_of(simulator, window, settings.start);
  double missing = 0;
  for (Date const date : simulator.coarse_dates()) {
    auto const seen = simulator.coarse(window, scene.truth, date, cells);
    for (std::size_t i = 0; i < seen.plane_size(); ++i) {
      ASSERT_EQ(std::isnan(seen.plane(0, 0)[i]), std::isnan(seen.plane(0, 1)[i]));
      missing += std::isnan(seen.plane(0, 0)[i]) ? 1 : 0;
    }
  }
  EXPECT_NEAR(missing / static_cast<double>(10 * cells.area()), 0.3, 0.05);
}

TEST(SceneSimulator, vegetation_follows_the_year) {
  SceneSimulator const simulator(settings_of(300));
  Date const january = simulator.settings().start;
  auto const ground = simulator.ground(simulator.fine_extent());
  auto const winter = truth_of(simulator, ground, january);
  auto const june = truth_of(simulator, ground, january + 155);
  auto const rise = [&](Cover cover) {
    return mean_ndvi(ground, june, cover) - mean_ndvi(ground, winter, cover);
  };
  EXPECT_GT(rise(Cover::crop), 0.1);
  EXPECT_GT(rise(Cover::grass), 0.1);
  EXPECT_GT(rise(Cover::deciduous), 0.25);
  EXPECT_LT(std::abs(rise(Cover::conifer)), 0.15);
  EXPECT_LT(mean_ndvi(ground, june, Cover::lake), 0);
}

TEST(SceneSimulator, the_new_year_is_no_jump) {
  SceneSimulator const simulator(settings_of(200));
  Date const new_year = *make_date(2021, 1, 1);
  auto const ground = simulator.ground(simulator.fine_extent());
  auto const before = truth_of(simulator, ground, new_year + -1);
  auto const after = truth_of(simulator, ground, new_year);
  for (std::size_t i = 0; i < before.size(); ++i) ASSERT_NEAR(before.all()[i], after.all()[i], 0.02F);
}

TEST(SceneSimulator, reflectances_are_plausible) {
  SceneSimulator const simulator(settings_of(300, 6));
  auto const ground = simulator.ground(simulator.fine_extent());
  for (int day : {0, 120, 200}) {
    auto const truth = truth_of(simulator, ground, simulator.settings().start + day);
    for (float const value : truth.all()) {
      ASSERT_GE(value, 0.005F);
      ASSERT_LE(value, 0.65F);
    }
  }
}

TEST(SceneSimulator, seeds_and_places_differ_and_places_far_away_work) {
  auto settings = settings_of(100000, 1);
  SceneSimulator const simulator(settings);
  settings.seed = 2;
  SceneSimulator const other(settings);
  Date const date = settings.start;
  auto const near = scene_of(simulator, {0, 0, 50, 50}, date);
  auto const far = scene_of(simulator, {99950, 99950, 50, 50}, date);
  auto const different = scene_of(other, {0, 0, 50, 50}, date);
  EXPECT_FALSE(std::ranges::equal(near.truth.all(), far.truth.all()));
  EXPECT_FALSE(std::ranges::equal(near.truth.all(), different.truth.all()));
}

TEST(SceneSimulator, dates_and_bands_are_those_asked_for) {
  auto settings = settings_of(10, 5);
  settings.days = 10;
  settings.fine_every = 9;
  settings.coarse_every = 4;
  SceneSimulator const simulator(settings);
  Date const start = settings.start;
  EXPECT_EQ(to_string(start), "2020-01-01");
  EXPECT_EQ(simulator.fine_dates(), (std::vector<Date>{start, start + 9}));
  EXPECT_EQ(simulator.coarse_dates(), (std::vector<Date>{start, start + 4, start + 8}));
  EXPECT_EQ(simulator.band_names(), (std::vector<std::string>{"blue", "green", "red", "nir", "swir1"}));
}

TEST(SceneSimulator, settings_out_of_range_are_named) {
  auto const message = [](auto change) -> std::string {
    SceneSettings settings;
    change(settings);
    try {
      SceneSimulator const simulator(settings);
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      return error.what();
    }
    return {};
  };
  EXPECT_NE(message([](SceneSettings& s) { s.bands = 7; }).find("--bands 7"), std::string::npos);
  EXPECT_NE(message([](SceneSettings& s) { s.clouds = 1.5; }).find("--clouds"), std::string::npos);
  EXPECT_NE(message([](SceneSettings& s) { s.ratio = 0; }).find("--ratio"), std::string::npos);
  EXPECT_NE(message([](SceneSettings& s) { s.width = 0; }).find("--size"), std::string::npos);
  EXPECT_NE(message([](SceneSettings& s) { s.fine_every = 0; }).find("--fine-every"), std::string::npos);
}

}  // namespace
}  // namespace stfcube
