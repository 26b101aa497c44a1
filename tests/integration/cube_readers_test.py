"""A cube that `run` made opens in other people's software, with the values that stfcube reads itself."""
import json
import subprocess
import sys
import unittest

import h5py
import numpy
import rasterio
import xarray

from harness import SOURCE, EndToEnd, stfcube


class CubeReaders(EndToEnd):
    def setUp(self):
        super().setUp()
        archive = self.folder / "archive"
        stfcube("simulate", "--out", archive, "--size", "330x290", "--seed", 4, "--days", 33, "--coarse-every", 8, "--clouds",
                0.2)
        self.cube = archive / "cube.nc"
        stfcube("run", archive / "job.cfg", "--cube.chunk", "1 1 128 128", "--run.tile", 128, ranks=3)

    def test_every_reader_opens_it(self):
        subprocess.run([sys.executable, SOURCE / "tests/io/readers.py", self.cube], check=True)

    def test_xarray_and_rasterio_see_the_same_pixels_at_the_same_places(self):
        with h5py.File(self.cube) as file:
            stored = file["reflectance"][:]
            flags = file["quality"][:]
        for engine in ("h5netcdf", "netcdf4"):
            with xarray.open_dataset(self.cube, engine=engine) as cube:
                values = cube.reflectance.values
                numpy.testing.assert_array_equal(numpy.isnan(values), stored == -32768)
                numpy.testing.assert_allclose(values[stored != -32768], stored[stored != -32768] * 1e-4, rtol=0, atol=1e-7)
                self.assertEqual(cube.quality.dtype, numpy.uint8)
                self.assertEqual(str(cube.time.values[0])[:10], "2020-01-01")
                self.assertEqual(float(cube.x[0]), 600015.0)
                self.assertEqual(float(cube.y[0]), 5399985.0)
        with rasterio.open(f"NETCDF:{self.cube}:reflectance") as raster:
            self.assertEqual(raster.crs.to_epsg(), 32632)
            self.assertEqual(raster.transform[:6], (30.0, 0.0, 600000.0, 0.0, -30.0, 5400000.0))
            numpy.testing.assert_array_equal(raster.read(1), stored[0, 0])
        # No data in all bands is what the flag says, and nothing else (cube format, section 5).
        numpy.testing.assert_array_equal((stored == -32768).all(axis=1), (flags & 1) == 1)

    def test_evaluation_against_itself_finds_no_difference(self):
        report = json.loads(stfcube("evaluate", "--prediction", self.cube, "--reference", self.cube, "--json", "-").stdout)
        for image in report["predictions"][0]["images"]:
            self.assertEqual({band["rmse"] for band in image["bands"]}, {0.0})


if __name__ == "__main__":
    unittest.main(verbosity=2)
