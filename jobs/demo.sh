#!/bin/bash
# From a fresh checkout to a data cube: installs what is missing, builds stfcube, simulates an archive, fuses it on two
# ranks, compares the cube with the known truth, and makes a picture.
# Usage: jobs/demo.sh [FOLDER]     (default: demo/ in the checkout)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$(realpath -m "${1:-$root/demo}")
say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

say "1/6 Libraries and tools"
"$root/tests/install_dependencies.sh"

say "2/6 Build (build/release)"
cd "$root"
cmake --preset release >/dev/null
cmake --build build/release --target stfcube_app
stfcube=$root/build/release/stfcube

# mpirun wants to be told that root and more ranks than cores are meant.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
started=$SECONDS

say "3/6 Simulate an archive: $out"
"$stfcube" simulate --out "$out" --overwrite --size 800 --seed 7 --days 112 --fine-every 16 --coarse-every 8 --bands 4 --ratio 16 \
  --clouds 0.3 --truth

say "4/6 Fuse it on two ranks"
rm -f "$out/cube.nc"
mpirun -n 2 --oversubscribe --bind-to none "$stfcube" run "$out/job.cfg"

say "5/6 Compare the cube with the truth (pixels that were fused, not observed)"
"$stfcube" evaluate --prediction "$out/cube.nc" --reference "$out"/truth/*.tif --quality fused --ratio 16

say "6/6 Picture"
"$stfcube" export "$out/cube.nc" --date 2020-02-26 --format png --out "$out/cube_20200226.png"

say "Done in $((SECONDS - started)) s after the build"
cat <<TEXT
The cube:      $out/cube.nc
A quicklook:   $out/cube_20200226.png   (near infrared, red, green: plants are red)

Open it:
  python3 -c "import xarray; print(xarray.open_dataset('$out/cube.nc'))"
  gdalinfo NETCDF:$out/cube.nc:reflectance
  QGIS: Layer > Add raster layer > $out/cube.nc

Your own images: start from $out/job.cfg, or from 'stfcube init'.
TEXT
