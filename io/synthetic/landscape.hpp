#pragma once

#include <cstdint>
#include <vector>

#include "stfcube/io/synthetic/parcel.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// What one pixel is made of. Its texture is the same on all days.
struct Ground {
  Parcel first, second;  ///< `first` covers at least half
  double first_share = 1;
  double brightness = 0;  ///< relative; of all bands
  double vigour = 0;      ///< of the plants: share of green ground that is added
};

/// Ground of a window, as columns. `parcels` holds every parcel once; `first` and `second` count in it.
struct GroundWindow {
  Rect px;
  std::vector<Parcel> parcels;
  std::vector<std::uint32_t> first, second;
  std::vector<float> first_share, brightness, vigour;
};

/// A farming landscape without end or repetition: rotated strips of fields, woods, a narrow river, lakes,
/// towns, roads, and regions that will change. A pure function of seed and global pixel; thread-safe. Around
/// pixel (0, 0) lie a lake, a town, a river and a change, so that a scene of 300 pixels has each of them.
class Landscape {
 public:
  explicit Landscape(std::uint64_t seed);

  Ground at(int x, int y) const;
  /// `px` may reach outside any scene.
  GroundWindow window(Rect const& px) const;

 private:
  struct Place;  ///< a pixel, its bent coordinates, and what is known of its surroundings
  struct Blob;   ///< a lake, a town or a change: one per cell of a lattice

  void lay_fields(Place& place) const;
  void lay_roads(Place& place) const;
  void lay_towns(Place& place) const;
  void lay_waters(Place& place) const;
  void mark_change(Place& place) const;
  void add_texture(Place& place) const;

  Cover use_of_field(Place const& place, std::uint64_t id, double centre_x, double centre_y) const;
  Blob blob_near(RandomField const& field, double x, double y, double cell, double home_x, double home_y,
                 double radius) const;

  RandomField bend_, blocks_, hills_, region_, roads_, towns_, villages_, lakes_, rivers_, changes_, texture_;
};

}  // namespace stfcube
