#!/bin/bash
# Installs what stfcube needs to be built and tested, on Debian 12 and its relatives. Does nothing when all is there.
# Usage: tests/install_dependencies.sh
set -euo pipefail

packages=(
  git cmake ninja-build g++ pkg-config ccache
  libopenmpi-dev openmpi-bin
  libhdf5-openmpi-dev
  libgdal-dev gdal-bin
  libtbb-dev
  libboost-dev libboost-program-options-dev
  libhwy-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libssl-dev libisal-dev libdeflate-dev libzstd-dev
  # networks; the default BLAS is slow in matrix products, the serial OpenBLAS wrong in several threads
  libtorch-dev libopenblas0-openmp
  libgtest-dev libgmock-dev libbenchmark-dev
  # for the tests that read cubes as users do
  python3-h5py python3-xarray python3-h5netcdf python3-netcdf4 python3-rasterio python3-numpy python3-skimage python3-dask
  netcdf-bin hdf5-tools
)

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "This system has no apt-get, so nothing is installed. Needed, by their Debian 12 names:"
  printf '  %s\n' "${packages[*]}"
  echo "Going on with what is here; CMake names what it does not find."
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
if (( ${#missing[@]} == 0 )); then
  echo "All ${#packages[@]} packages are installed."
  exit 0
fi

as_root=()
if (( EUID != 0 )); then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages, and neither root nor sudo to install them. Let an administrator run:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "Installing ${#missing[@]} of ${#packages[@]} packages with ${as_root[*]:+sudo }apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -qq </dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
