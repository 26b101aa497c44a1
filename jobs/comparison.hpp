#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stfcube/io/label_map.hpp"
#include "stfcube/io/raster_file.hpp"
#include "stfcube/jobs/image_pairing.hpp"
#include "stfcube/jobs/image_source.hpp"
#include "stfcube/models/accuracy.hpp"

namespace stfcube {

/// What is compared with what, and where: the part of the options of `stfcube evaluate` that decides its
/// figures.
struct ComparisonSettings {
  std::vector<std::filesystem::path> predictions, references;  ///< cubes or raster files
  std::filesystem::path mask;                 ///< raster file, not zero = evaluate; empty: everywhere
  std::filesystem::path classes;              ///< raster file of class numbers; empty: no classes
  std::vector<std::filesystem::path> base;    ///< fine images from before the change; empty: no change strata
  std::vector<std::filesystem::path> coarse;  ///< coarse images of the dates; empty: no coarse consistency
  std::string date_pattern = "%Y%m%d";        ///< where file names say their date
  FileScaling reference_scaling,
      prediction_scaling;  ///< of files; that of references holds for base and coarse, too
  std::optional<double>
      ratio;  ///< coarse / fine pixel size, for ERGAS; default: of a cube's job, or of `coarse`
  std::optional<double>
      data_range;  ///< L of SSIM and MAX of PSNR; default 1, of other quantities their valid range
  std::string quality = "all";  ///< all | fused (pixels that the cube did not observe on that day)
};

/// The values a side may have.
struct ValueRange {
  double low = -accuracy_largest_value, high = accuracy_largest_value;
  bool known = false;  ///< values outside are no data; else they are only counted
};

/// L of SSIM and MAX of PSNR: 1 for reflectance and where nothing is known, else the width of the valid
/// range.
double default_data_range(Quantity const* quantity);

/// Images of one role: its files, opened when they are needed and then kept while the same one is asked for.
/// One thread at a time.
class Side {
 public:
  Side(std::vector<std::filesystem::path> const& paths, FileScaling const& scaling,
       std::string const& date_pattern);

  std::vector<ImageSourceInfo> const& infos() const { return infos_; }
  ImageSourceInfo const& info(int source) const { return infos_[static_cast<std::size_t>(source)]; }
  bool has_valid_range() const { return scaling_.valid.has_value(); }
  ImageSource& open(int source);

 private:
  FileScaling scaling_;
  std::string date_pattern_;
  std::vector<ImageSourceInfo> infos_;
  std::unique_ptr<ImageSource> open_;
  int current_ = -1;
};

/// An image beside a pair, and which of its bands are the pair's.
struct FurtherImage {
  ImageIndex image;
  std::vector<int> bands;
};

/// A pair of images with what else is known of its date.
struct ComparedPair {
  ImagePair const* pair = nullptr;
  std::optional<FurtherImage> base, coarse;
};

/// Everything `evaluate` compares, opened once and checked. One thread at a time.
struct Comparison {
  Side predictions, references, base, coarse;
  ImagePairing pairing;
  std::vector<ComparedPair> pairs;  ///< of all series, one series after the other
  std::unique_ptr<RasterReader> mask;
  std::unique_ptr<LabelMap> classes;
  AccuracyScale scale;
  bool fused_only = false;

  /// @throws Error(config, data) when something does not fit
  explicit Comparison(ComparisonSettings const& settings);

  /// The quantity that both sides of a pair should hold, when a cube tells it.
  Quantity const* quantity(ImagePair const& pair) const;
  ValueRange range(ImagePair const& pair, Side const& side) const;
  Rect all_px(ComparedPair const& pair) const;

 private:
  double known_ratio() const;
  void add_pair(ImagePair const& pair);
  void open_mask(std::filesystem::path const& path);
  void take_ratio_of_coarse(ImageSourceInfo const& fine, ImageSourceInfo const& cells);
};

}  // namespace stfcube
