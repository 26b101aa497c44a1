#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stfcube/io/synthetic/landscape.hpp"
#include "stfcube/partitioning/core/date.hpp"
#include "stfcube/partitioning/core/stack.hpp"

namespace stfcube {

/// What an archive of simulated scenes consists of.
struct SceneSettings {
  std::uint64_t seed = 1;
  int width = 600, height = 600;  ///< fine pixels
  int bands = 4;                  ///< the first of blue green red nir swir1 swir2
  int ratio = 16;                 ///< coarse pixel / fine pixel
  Date start{18262};              ///< 2020-01-01
  int days = 177;                 ///< of the period; the last day is start + days - 1
  int fine_every = 16;            ///< days between fine scenes
  int coarse_every = 1;
  double clouds = 0.3;  ///< mean share of the fine pixels under clouds, without the first and the last scene
  double coarse_clouds = 0;  ///< mean share of coarse cells without a value
};

/// @throws Error(config) naming the setting that is out of range
void check(SceneSettings const& settings);

/// Words of a quality file as in Landsat Collection 2, QA_PIXEL (product guide LSDS-1618), for Landsat 8.
namespace landsat_qa {
inline constexpr std::uint16_t fill = 1;
inline constexpr std::uint16_t clear = 21824;          ///< bit 6; all confidences low
inline constexpr std::uint16_t water = 21952;          ///< bits 6 and 7
inline constexpr std::uint16_t dilated_cloud = 21762;  ///< bit 1
inline constexpr std::uint16_t cloud = 22280;          ///< bit 3; high confidence
inline constexpr std::uint16_t cloud_shadow = 23888;   ///< bits 4 and 6; high confidence of a shadow
}  // namespace landsat_qa

/// How the coarse sensor sees on one day.
struct CoarseView {
  double shift_x = 0, shift_y = 0;  ///< of the cells' centres, in cells, to the east and south
  Spectrum gain{}, offset{};
};

/// What a fine sensor sees on one day.
struct FineObservation {
  Stack<float> reflectance;  ///< [1, band, y, x]
  Stack<float> qa;           ///< [1, 1, y, x], words of landsat_qa
};

/// A landscape through the year, as fine and coarse sensors see it. Every value is a function of the
/// settings, the global pixel (or cell) and the date; windows, threads and ranks do not matter. Thread-safe.
///
/// Coarse cells are sums over the truth with a Gaussian point-spread function (sigma 0.35 cell across, 0.25
/// cell along the track, cut at 1.5 cells), moved by up to 0.2 cell per date, with gain (0.97..1.03) and
/// offset (+-0.005) per date and band, and noise of 0.002. The landscape goes on outside the scene, so that
/// cells at its border are like others.
class SceneSimulator {
 public:
  /// @throws Error(config)
  explicit SceneSimulator(SceneSettings const& settings);

  SceneSettings const& settings() const { return settings_; }
  std::vector<std::string> band_names() const;
  std::vector<Date> const& fine_dates() const { return fine_dates_; }
  std::vector<Date> const& coarse_dates() const { return coarse_dates_; }
  /// The first day after the sudden change: about 60 % of the period.
  Date change_date() const { return change_date_; }
  Rect fine_extent() const { return {0, 0, settings_.width, settings_.height}; }
  Rect coarse_extent() const;

  /// Fine pixels whose truth the coarse cells need, on any date.
  Rect support(Rect const& cells) const;

  /// What does not change with the date, of any window of fine pixels.
  GroundWindow ground(Rect const& px) const { return landscape_.window(px); }

  /// Reflectance without clouds, noise and sensor, [1, band, y, x] over the whole of `ground`.
  void truth(GroundWindow const& ground, Date date, Stack<float>& values) const;

  /// The part `px` of `ground` as seen by the fine sensor: noise, clouds, their shadows, and the words that
  /// say so.
  /// @param truth  of `ground` on `date`
  FineObservation fine(GroundWindow const& ground, Stack<float> const& truth, Date date,
                       Rect const& px) const;

  CoarseView coarse_view(Date date) const;

  /// Coarse cells [1, band, y, x]; NaN where clouds took the value.
  /// @param truth  on `date`, of the window `px`, which holds support(cells)
  Stack<float> coarse(Rect const& px, Stack<float> const& truth, Date date, Rect const& cells) const;

 private:
  /// Clouds of one date: where a noise surface is above a threshold. The threshold is taken from a sample of
  /// the whole scene, so that the share is as asked even where a scene is smaller than a cloud.
  struct Sky {
    RandomField field;
    double size_px;
    double wind_x, wind_y;
    double threshold;  ///< infinite: no clouds

    double height(double x, double y) const;
    bool is_clear() const;
  };

  Sky make_sky(RandomField const& field, double share, double size_px) const;
  std::vector<Sky> make_skies(std::vector<Date> const& dates, double share, double share_at_ends,
                              RandomField const& field) const;
  void put_clouds(Sky const& sky, Rect const& px, FineObservation& seen) const;
  void hide_clouded(Sky const& sky, Rect const& cells, Stack<float>& seen) const;

  SceneSettings settings_;
  Landscape landscape_;
  RandomField fine_sensor_, coarse_sensor_;
  std::vector<Date> fine_dates_, coarse_dates_;
  std::vector<Sky> fine_skies_, coarse_skies_;  ///< one per date
  Date change_date_;
};

}  // namespace stfcube
