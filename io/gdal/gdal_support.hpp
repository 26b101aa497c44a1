#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <gdal_priv.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/grid/grid.hpp"

namespace stfcube::gdal {

/// Registers the drivers and sets the library's options, once per process. Thread-safe.
void start();

/// Collects what the library complains about on this thread while in scope, instead of letting it print.
class ErrorTrap {
 public:
  ErrorTrap();
  ~ErrorTrap();
  ErrorTrap(ErrorTrap const&) = delete;
  ErrorTrap& operator=(ErrorTrap const&) = delete;

  bool failed() const { return !first_failure_.empty(); }
  /// The first failure, or "no reason given".
  std::string reason() const;

 private:
  static void CPL_STDCALL collect(CPLErr severity, CPLErrorNum number, char const* message);
  std::string first_failure_;
};

struct CloseDataset {
  void operator()(GDALDataset* dataset) const { GDALClose(dataset); }
};
using DatasetPtr = std::unique_ptr<GDALDataset, CloseDataset>;

/// Opens a raster of an allowed format for reading. @throws Error(kind) naming the file and the library's
/// reason
DatasetPtr open_dataset(std::string const& path, ErrorKind kind = ErrorKind::data);

/// The grid of a dataset; without georeference pixel (0,0) has its corner at (0,0) and pixels of size 1.
/// @throws Error(kind) when it is rotated or not north-up
Grid grid_of(GDALDataset& dataset, std::string const& path, ErrorKind kind = ErrorKind::data);

}  // namespace stfcube::gdal
