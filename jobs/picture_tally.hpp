#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "stfcube/models/accuracy_sums.hpp"
#include "stfcube/partitioning/grid/rect.hpp"

namespace stfcube {

/// What pictures of one pair of images show: every n-th pixel of both, and how often which values meet.
struct PictureData {
  int width = 0, height = 0;  ///< of the map
  int factor = 1;             ///< pixels of the image per pixel of the map
  std::vector<std::vector<float>> reference,
      prediction;            ///< [channel][pixel of the map]; NaN where nothing counts
  std::vector<float> error;  ///< prediction - reference, mean over all bands
  std::vector<std::vector<std::int64_t>>
      counts;                           ///< [band][row x column]; columns: reference, rows: prediction
  std::vector<ReferenceLevels> levels;  ///< one per band
};

/// Cells of a scatter plot along each axis.
inline constexpr int scatter_cells = 80;

/// The values at both ends of the axes of a band's scatter plot: the reference's percentiles, with room
/// beside them.
struct ScatterRange {
  double low = 0, high = 1;
};
ScatterRange scatter_range(ReferenceLevels const& levels);

/// The bands to show: red, green and blue where they are named so, else the third, second and first, else the
/// first.
std::vector<int> picture_channels(std::vector<std::string> const& bands);

/// Collects what pictures of one pair of images need, tile by tile, on the ranks that hold the tiles. Memory
/// is that of a small picture.
class PictureTally {
 public:
  /// @param channels  bands shown as red, green and blue, or one as grey
  PictureTally(Rect const& all_px, std::vector<int> channels, std::vector<ReferenceLevels> levels);

  /// @param core_px  of the tile, in the image
  void add(PairedTile const& tile, Rect const& core_px);

  /// As bytes, for message passing between equal machines; added to another tally of the same image.
  std::string pack();
  void merge_packed(std::string_view bytes);

  /// The whole picture, where all ranks' parts were merged.
  PictureData const& data() const { return data_; }

 private:
  void add_counts(PairedTile const& tile);
  std::vector<std::vector<float>*> layers();

  std::vector<int> channels_;
  PictureData data_;
  std::vector<Rect> pieces_;  ///< parts of the map that were added here
};

}  // namespace stfcube
