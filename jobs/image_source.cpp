#include "stfcube/jobs/image_source.hpp"

#include <algorithm>
#include <limits>

#include "stfcube/io/cube.hpp"
#include "stfcube/io/raster_file.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

/// grid.ratio of a canonical job; nothing when the job left it to the coarse scenes.
std::optional<double> ratio_of(std::string const& job_text) {
  for (std::string const& line : split(job_text, '\n')) {
    auto const equals = line.find('=');
    if (equals == std::string::npos || trim(std::string_view(line).substr(0, equals)) != "grid.ratio")
      continue;
    return parse_double(trim(std::string_view(line).substr(equals + 1)));
  }
  return std::nullopt;
}

class CubeImages final : public ImageSource {
 public:
  explicit CubeImages(std::filesystem::path const& path) : cube_(open_cube(path)) {
    info_.path = path;
    info_.grid = cube_->grid();
    info_.band_names = cube_->bands();
    info_.bands = static_cast<int>(info_.band_names.size());
    info_.quantity = cube_->quantity();
    info_.ratio = ratio_of(cube_->job_text());
    info_.dates.assign(cube_->dates().begin(), cube_->dates().end());
    info_.uncertainty = cube_->has_uncertainty();
  }

  ImageSourceInfo const& info() const override { return info_; }

  std::vector<double> read(int image, int band, Rect const& px) override {
    return physical(cube_->read(image, band, px), info_.quantity->offset);
  }

  std::vector<double> read_uncertainty(int image, int band, Rect const& px) override {
    if (!info_.uncertainty) return {};
    return physical(cube_->read_uncertainty(image, band, px), 0);
  }

  std::vector<quality::Flags> read_quality(int image, Rect const& px) override {
    return cube_->read_quality(image, px);
  }

 private:
  std::vector<double> physical(std::vector<Dn> const& dn, double offset) const {
    std::vector<double> values(dn.size());
    std::ranges::transform(dn, values.begin(), [&](Dn one) {
      return one == no_data_dn ? std::numeric_limits<double>::quiet_NaN()
                               : one * info_.quantity->step + offset;
    });
    return values;
  }

  std::unique_ptr<CubeReader> cube_;
  ImageSourceInfo info_;
};

class FileImage final : public ImageSource {
 public:
  FileImage(std::filesystem::path const& path, FileScaling const& scaling, std::string const& date_pattern)
      : file_(open_raster(path, scaling.scale, scaling.offset)), valid_(scaling.valid) {
    info_.path = path;
    info_.grid = file_->grid();
    info_.bands = file_->bands();
    info_.band_names = file_->band_names();
    info_.dates = {find_date(path.filename().string(), date_pattern)};
    if (std::ranges::any_of(info_.band_names, &std::string::empty)) info_.band_names.clear();
  }

  ImageSourceInfo const& info() const override { return info_; }

  std::vector<double> read(int /*image*/, int band, Rect const& px) override {
    std::vector<double> values = file_->read(band + 1, px);
    if (!valid_) return values;
    for (double& value : values) {
      if (value < valid_->first || value > valid_->second) value = std::numeric_limits<double>::quiet_NaN();
    }
    return values;
  }

  std::vector<double> read_uncertainty(int /*image*/, int /*band*/, Rect const& /*px*/) override {
    return {};
  }
  std::vector<quality::Flags> read_quality(int /*image*/, Rect const& /*px*/) override { return {}; }

 private:
  std::unique_ptr<RasterReader> file_;
  std::optional<std::pair<double, double>> valid_;
  ImageSourceInfo info_;
};

}  // namespace

std::unique_ptr<ImageSource> open_image_source(std::filesystem::path const& path, FileScaling const& scaling,
                                               std::string const& date_pattern) {
  if (is_cube(path)) return std::make_unique<CubeImages>(path);
  return std::make_unique<FileImage>(path, scaling, date_pattern);
}

}  // namespace stfcube
