#include "stfcube/io/synthetic/landscape.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <unordered_map>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

// Sizes in pixels; at 30 m a field is a few hundred metres across.
constexpr double block_px = 78;
constexpr double highway_px = 430;
constexpr double town_cell_px = 640;
constexpr double village_cell_px = 230;
constexpr double lake_cell_px = 760;
constexpr double change_cell_px = 600;
constexpr double river_spacing_px = 700;
constexpr double river_half_width_px = 1.5;

std::uint64_t join(std::uint64_t a, std::int64_t b, std::int64_t c = 0) {
  return RandomField(a, 5).bits(b, c);
}

/// One cell of a jittered Voronoi pattern, seen from a point.
struct Site {
  std::uint64_t id = 0;
  double x = 0, y = 0;
  double distance2 = std::numeric_limits<double>::infinity();
};

/// The nearest two sites and how far the point is from the line between them.
struct Sites {
  Site nearest, next;
  double border = 0;
};

Site site_of(RandomField const& field, std::int64_t column, std::int64_t row, double cell) {
  Site site;
  site.id = field.bits(column, row);
  RandomField const own(site.id, 1);
  site.x = (static_cast<double>(column) + 0.12 + 0.76 * own.uniform(0)) * cell;
  site.y = (static_cast<double>(row) + 0.12 + 0.76 * own.uniform(1)) * cell;
  return site;
}

Sites nearest_sites(RandomField const& field, double x, double y, double cell) {
  auto const column = static_cast<std::int64_t>(std::floor(x / cell));
  auto const row = static_cast<std::int64_t>(std::floor(y / cell));
  Sites found;
  for (std::int64_t j = row - 1; j <= row + 1; ++j) {
    for (std::int64_t i = column - 1; i <= column + 1; ++i) {
      Site site = site_of(field, i, j, cell);
      site.distance2 = (site.x - x) * (site.x - x) + (site.y - y) * (site.y - y);
      if (site.distance2 < found.nearest.distance2) {
        found.next = found.nearest;
        found.nearest = site;
      } else if (site.distance2 < found.next.distance2) {
        found.next = site;
      }
    }
  }
  double const between = std::hypot(found.next.x - found.nearest.x, found.next.y - found.nearest.y);
  found.border = (found.next.distance2 - found.nearest.distance2) / (2 * between);
  return found;
}

/// The same for both sides of a border.
double draw_of_border(Sites const& sites, std::int64_t what) {
  return RandomField(sites.nearest.id ^ sites.next.id, 2).uniform(what);
}

/// Jittered cuts of a line: piece k lies between cut(k) and cut(k+1).
struct Cuts {
  RandomField field;
  std::int64_t line = 0;
  double step = 1;

  double cut(std::int64_t k) const {
    return (static_cast<double>(k) + 0.55 * (field.uniform(k, line) - 0.5)) * step;
  }
  std::int64_t piece(double at) const {
    auto const k = static_cast<std::int64_t>(std::floor(at / step));
    if (at < cut(k)) return k - 1;
    return at < cut(k + 1) ? k : k + 1;
  }
};

/// The strips of one block of fields: rows across v, pieces of a row along u.
struct Strips {
  Cuts rows;
  RandomField field;
  double length = 1;

  Strips(std::uint64_t block, double width, double length_px)
      : rows{RandomField(block, 3), 0, width}, field(block, 4), length(length_px) {}
  Cuts row(std::int64_t k) const { return {field, k, length}; }
};

struct FieldPiece {
  std::int64_t row = 0, piece = 0;
};

/// The field at (u, v), its neighbour across the nearest edge, and the distance to that edge.
struct FieldEdge {
  FieldPiece here, beyond;
  double distance = 0;
};

FieldEdge field_at(Strips const& strips, double u, double v) {
  FieldEdge edge;
  std::int64_t const row = strips.rows.piece(v);
  Cuts const along = strips.row(row);
  std::int64_t const piece = along.piece(u);
  edge.here = edge.beyond = {row, piece};
  std::array<double, 4> const gaps = {v - strips.rows.cut(row), strips.rows.cut(row + 1) - v,
                                      u - along.cut(piece), along.cut(piece + 1) - u};
  auto const nearest = std::ranges::min_element(gaps) - gaps.begin();
  edge.distance = gaps[static_cast<std::size_t>(nearest)];
  switch (nearest) {
    case 0:
      edge.beyond = {row - 1, strips.row(row - 1).piece(u)};
      break;
    case 1:
      edge.beyond = {row + 1, strips.row(row + 1).piece(u)};
      break;
    case 2:
      edge.beyond.piece = piece - 1;
      break;
    default:
      edge.beyond.piece = piece + 1;
      break;
  }
  return edge;
}

/// Share of a pixel that lies inside an edge, from the distance of its centre (positive inside).
double coverage(double distance) {
  return std::clamp(0.5 + distance, 0.0, 1.0);
}

}  // namespace

struct Landscape::Place {
  int column, row;
  double x, y;  ///< bent
  double soil = 0;
  double hill = 0;
  bool farmland = true;  ///< no town, water or road
  Ground ground;

  /// Puts `parcel` on a share of the pixel; what was dominant keeps the rest.
  void cover(Parcel const& parcel, double share) {
    if (share <= 0) return;
    Parcel const below = ground.first;
    bool const dominant = share >= 0.5;
    ground.first = dominant ? parcel : below;
    ground.second = dominant ? below : parcel;
    ground.first_share = dominant ? share : 1 - share;
    if (dominant) farmland = false;
  }
};

struct Landscape::Blob {
  std::uint64_t id = 0;
  double inside = 0;  ///< distance to its shore, positive inside
  double dx = 0, dy = 0;
};

Landscape::Landscape(std::uint64_t seed)
    : bend_(seed, 1),
      blocks_(seed, 2),
      hills_(seed, 3),
      region_(seed, 4),
      roads_(seed, 5),
      towns_(seed, 6),
      villages_(seed, 7),
      lakes_(seed, 8),
      rivers_(seed, 9),
      changes_(seed, 10),
      texture_(seed, 11) {}

Cover Landscape::use_of_field(Place const& place, std::uint64_t id, double centre_x, double centre_y) const {
  // Woods keep to the hills; their edges follow fields here and slopes there.
  double const hill = 0.55 * fractal_noise(hills_, centre_x / 210, centre_y / 210, 4) + 0.45 * place.hill;
  RandomField const own(id, 6);
  if (hill > 0.62 || own.uniform(0) < 0.025) {
    double const needles =
        smooth_noise(region_.sub(1), centre_x / 120, centre_y / 120) + 1.2 * (own.uniform(1) - 0.5);
    return needles > 0.25 ? Cover::conifer : Cover::deciduous;
  }
  double const meadows =
      0.16 + 0.12 * smooth_noise(region_.sub(2), centre_x / 300, centre_y / 300) + (hill > 0.35 ? 0.25 : 0.0);
  return own.uniform(2) < meadows ? Cover::grass : Cover::crop;
}

void Landscape::lay_fields(Place& place) const {
  Sites const sites = nearest_sites(blocks_, place.x, place.y, block_px);
  Site const& block = sites.nearest;
  RandomField const own(block.id, 7);
  double const regional = 0.5 * smooth_noise(region_.sub(3), block.x / 600, block.y / 600);
  double const turn = own.uniform(0) < 0.6 ? 0.0 : std::numbers::pi / 2;
  double const angle = regional + turn + 0.5 * (own.uniform(1) - 0.5);
  double const along_x = std::cos(angle);
  double const along_y = std::sin(angle);
  double const u = (place.x - block.x) * along_x + (place.y - block.y) * along_y;
  double const v = (place.y - block.y) * along_x - (place.x - block.x) * along_y;
  double const small = own.uniform(2);  // villages have smaller fields than estates
  double const width = 7 + 11 * small * small;
  Strips const strips(block.id, width, width * (1.5 + 1.6 * own.uniform(3)));
  FieldEdge const edge = field_at(strips, u, v);
  auto const parcel_of = [&](FieldPiece piece) {
    Parcel parcel;
    parcel.id = join(block.id, piece.row, piece.piece);
    double const centre_v = (static_cast<double>(piece.row) + 0.5) * strips.rows.step;
    double const centre_u = (static_cast<double>(piece.piece) + 0.5) * strips.length;
    parcel.cover = use_of_field(place, parcel.id, block.x + centre_u * along_x - centre_v * along_y,
                                block.y + centre_u * along_y + centre_v * along_x);
    parcel.soil = static_cast<float>(
        std::clamp(0.45 + 0.22 * smooth_noise(region_.sub(4), block.x / 260, block.y / 260) +
                       0.30 * (RandomField(parcel.id, 8).uniform(0) - 0.5),
                   0.0, 1.0));
    return parcel;
  };
  place.ground.first = parcel_of(edge.here);
  double const share = coverage(edge.distance);
  if (share < 1) {
    place.ground.second = parcel_of(edge.beyond);
    place.ground.first_share = share;
  } else {
    place.ground.second = place.ground.first;
  }
  // Blocks are parted by hedges and farm tracks.
  double const kind = draw_of_border(sites, 0);
  bool const wood =
      place.ground.first.cover == Cover::deciduous || place.ground.first.cover == Cover::conifer;
  if (wood || kind > 0.75) return;
  Parcel border;
  border.id = sites.nearest.id ^ sites.next.id;
  border.cover = kind < 0.4 ? Cover::track : Cover::deciduous;
  place.cover(border, std::min(coverage((kind < 0.4 ? 0.0 : 0.6) - sites.border), 0.8));
}

void Landscape::lay_roads(Place& place) const {
  Sites const sites =
      nearest_sites(roads_, place.x + 0.4 * place.column, place.y + 0.4 * place.row, highway_px * 1.4);
  if (sites.border > 3 || draw_of_border(sites, 0) > 0.75) return;
  Parcel road;
  road.cover = Cover::asphalt;
  place.cover(road, coverage((draw_of_border(sites, 1) < 0.3 ? 1.0 : 0.35) - sites.border));
}

Landscape::Blob Landscape::blob_near(RandomField const& field, double x, double y, double cell, double home_x,
                                     double home_y, double radius) const {
  auto const column = static_cast<std::int64_t>(std::floor(x / cell));
  auto const row = static_cast<std::int64_t>(std::floor(y / cell));
  bool const home = column == 0 && row == 0;
  Blob blob;
  blob.id = field.bits(column, row);
  RandomField const own(blob.id, 9);
  double const at_x = home ? home_x : (static_cast<double>(column) + 0.26 + 0.48 * own.uniform(0)) * cell;
  double const at_y = home ? home_y : (static_cast<double>(row) + 0.26 + 0.48 * own.uniform(1)) * cell;
  blob.dx = x - at_x;
  blob.dy = y - at_y;
  double const angle = std::numbers::pi * own.uniform(2);
  double const stretch = 1 + 0.6 * own.uniform(3);
  double const along = (blob.dx * std::cos(angle) + blob.dy * std::sin(angle)) / stretch;
  double const across = (blob.dy * std::cos(angle) - blob.dx * std::sin(angle)) * stretch;
  double const distance = std::sqrt(along * along + across * across);
  if (distance > 2.2 * radius) {
    blob.inside = -radius;
    return blob;
  }
  double const coast = 1 + 0.28 * fractal_noise(field.sub(1), x / (0.9 * radius), y / (0.9 * radius), 4);
  blob.inside = radius * coast - distance;
  return blob;
}

void Landscape::lay_towns(Place& place) const {
  Blob const town = blob_near(towns_, place.x, place.y, town_cell_px, 212, 92, 34);
  Blob const village = blob_near(villages_, place.x, place.y, village_cell_px, 70, 60, 8);
  bool const in_town = town.inside > village.inside;
  Blob const& here = in_town ? town : village;
  // The border frays: plots are built up or not.
  RandomField const own(here.id, 10);
  double const angle = own.uniform(0) * 1.5;
  double const u = here.dx * std::cos(angle) + here.dy * std::sin(angle);
  double const v = here.dy * std::cos(angle) - here.dx * std::sin(angle);
  Cuts const streets_u{own.sub(1), 0, 6.5};
  Cuts const streets_v{own.sub(2), 0, 5};
  std::int64_t const block_u = streets_u.piece(u);
  std::int64_t const block_v = streets_v.piece(v);
  double const ragged = here.inside - 9 * own.sub(3).uniform(block_u, block_v);
  if (ragged < 0) return;
  double const street = std::min({u - streets_u.cut(block_u), streets_u.cut(block_u + 1) - u,
                                  v - streets_v.cut(block_v), streets_v.cut(block_v + 1) - v});
  Parcel garden;
  garden.cover = own.sub(4).uniform(block_u, block_v) < 0.4 ? Cover::deciduous : Cover::grass;
  garden.id = join(here.id, block_u, block_v);
  Parcel building;
  bool const industry = in_town && own.sub(5).uniform(block_u / 3, block_v / 3) < 0.16;
  building.cover = industry ? Cover::hall : Cover::roof;
  double const dense = std::clamp(0.25 + 0.012 * here.inside, 0.2, 0.55) + (industry ? 0.3 : 0.0);
  double const built = dense + 0.55 * (texture_.sub(5).uniform(place.column / 2, place.row / 2) - 0.5);
  place.cover(garden, 1);
  place.cover(building, std::clamp(built, 0.0, 0.95));
  Parcel pavement;
  pavement.cover = Cover::asphalt;
  place.cover(pavement, 0.8 * coverage(0.1 - street));
  place.farmland = false;
  place.ground.brightness += 0.22 * (texture_.sub(6).uniform(place.column, place.row) - 0.5);
}

void Landscape::lay_waters(Place& place) const {
  // The river is the zero line of a bent surface; dividing by its slope gives a constant width.
  auto const height = [this](double x, double y) {
    double const bent_x = x + 15 * smooth_noise(rivers_.sub(1), x / 36, y / 36);
    double const bent_y = y + 13 * smooth_noise(rivers_.sub(2), x / 42, y / 42);
    double const number = std::floor((bent_y + river_spacing_px / 2 - 150) / river_spacing_px);
    auto const own = rivers_.sub(static_cast<std::int64_t>(number) + 100);
    double const course =
        34 * smooth_noise(own.sub(1), bent_x / 250) + 14 * smooth_noise(own.sub(2), bent_x / 70);
    return bent_y - 150 - number * river_spacing_px - course;
  };
  double const level = height(place.column, place.row);
  if (std::abs(level) < 40) {
    double const slope_x = height(place.column + 0.5, place.row) - height(place.column - 0.5, place.row);
    double const slope_y = height(place.column, place.row + 0.5) - height(place.column, place.row - 0.5);
    double const distance = std::abs(level) / std::max(0.3, std::sqrt(slope_x * slope_x + slope_y * slope_y));
    bool const trees = smooth_noise(rivers_.sub(3), place.column / 12.0, place.row / 12.0) > -0.2;
    if (trees && distance < river_half_width_px + 3.5) {
      Parcel bank;
      bank.cover = Cover::deciduous;
      bank.id = join(7, place.column / 64, place.row / 64);
      place.cover(bank, std::min(0.85, coverage(river_half_width_px + 2.5 - distance)));
    }
    Parcel river;
    river.cover = Cover::river;
    place.cover(river, coverage(river_half_width_px - distance));
  }
  Blob const lake = blob_near(lakes_, place.x, place.y, lake_cell_px, 66, 232, 28);
  Parcel water;
  water.cover = Cover::lake;
  place.cover(water, coverage(lake.inside));
}

void Landscape::mark_change(Place& place) const {
  if (!place.farmland) return;
  double const radius = change_cell_px * 0.142;  // about 6.5 % of the cell
  Blob const region = blob_near(changes_, place.x, place.y, change_cell_px, 176, 196, radius);
  if (region.inside < 0) return;
  std::array<Change, 3> const kinds = {Change::harvest, Change::burn, Change::flood};
  Change const kind = kinds[region.id % kinds.size()];
  place.ground.first.change = kind;
  if (!is_water(place.ground.second.cover)) place.ground.second.change = kind;
}

void Landscape::add_texture(Place& place) const {
  Cover const cover = place.ground.first.cover;
  if (is_water(cover)) return;
  bool const forest = cover == Cover::conifer || cover == Cover::deciduous;
  double const x = place.column;
  double const y = place.row;
  double const patches = smooth_noise(texture_.sub(1), x / 7, y / 7);
  double const grain = smooth_noise(texture_.sub(2), x / 2.6, y / 2.6);
  double const pixel = static_cast<double>(texture_.sub(3).normal(place.column, place.row));
  place.ground.brightness += forest ? 0.02 * patches + 0.045 * grain + 0.03 * pixel
                                    : 0.022 * patches + 0.013 * grain + 0.008 * pixel;
  place.ground.vigour = 0.05 * smooth_noise(texture_.sub(4), x / 13, y / 13);
}

Ground Landscape::at(int x, int y) const {
  Place place{x, y, 0, 0, 0, 0, true, {}};
  place.x = x + 7 * smooth_noise(bend_.sub(1), x / 90.0, y / 90.0) +
            0.7 * smooth_noise(bend_.sub(2), x / 9.0, y / 9.0);
  place.y = y + 7 * smooth_noise(bend_.sub(3), x / 90.0, y / 90.0) +
            0.7 * smooth_noise(bend_.sub(4), x / 9.0, y / 9.0);
  place.hill = fractal_noise(hills_, place.x / 210, place.y / 210, 5);
  lay_fields(place);
  lay_roads(place);
  lay_towns(place);
  lay_waters(place);
  mark_change(place);
  add_texture(place);
  return place.ground;
}

GroundWindow Landscape::window(Rect const& px) const {
  struct Hash {
    std::size_t operator()(Parcel const& parcel) const {
      return static_cast<std::size_t>(parcel.id ^ (static_cast<std::uint64_t>(parcel.cover) << 8) ^
                                      static_cast<std::uint64_t>(parcel.change));
    }
  };
  GroundWindow window;
  window.px = px;
  auto const count = static_cast<std::size_t>(px.area());
  window.first.reserve(count);
  window.second.reserve(count);
  window.first_share.reserve(count);
  window.brightness.reserve(count);
  window.vigour.reserve(count);
  std::unordered_map<Parcel, std::uint32_t, Hash> known;
  auto const number_of = [&](Parcel const& parcel) {
    auto const [place, is_new] = known.try_emplace(parcel, static_cast<std::uint32_t>(known.size()));
    if (is_new) window.parcels.push_back(parcel);
    return place->second;
  };
  for (int y = px.y; y < px.bottom(); ++y) {
    for (int x = px.x; x < px.right(); ++x) {
      Ground const ground = at(x, y);
      window.first.push_back(number_of(ground.first));
      window.second.push_back(number_of(ground.second));
      window.first_share.push_back(static_cast<float>(ground.first_share));
      window.brightness.push_back(static_cast<float>(ground.brightness));
      window.vigour.push_back(static_cast<float>(ground.vigour));
    }
  }
  return window;
}

}  // namespace stfcube
