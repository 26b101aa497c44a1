"""Every method as a user runs it: from an archive to a cube on two ranks, with maps, with zones, and against the truth."""
import pathlib
import re
import shutil
import tempfile
import unittest

import h5py
import numpy
import rasterio
import xarray

from harness import EndToEnd, digest, stfcube

NO_DATA, OBSERVED, STATE = 1, 2, 6
TARGETS = "2020-01-09 2020-01-25"
# Small windows for a small scene, and little to learn.
OPTIONS = {"spstfm": {"spstfm.atoms": 32, "spstfm.training": 200, "spstfm.rounds": 2}}


def methods():
    listing = stfcube("models").stdout.split("Networks")[0]
    return [line.split()[0] for line in listing.splitlines() if re.match(r"[a-z_]+  ", line)]


class Methods(EndToEnd):
    @classmethod
    def setUpClass(cls):
        cls.archive = pathlib.Path(tempfile.mkdtemp(prefix="stfcube_methods_")) / "archive"
        cls.addClassCleanup(shutil.rmtree, cls.archive.parent, ignore_errors=True)
        stfcube("simulate", "--out", cls.archive, "--size", "176x144", "--seed", 3, "--days", 33, "--fine-every", 16,
                "--coarse-every", 4, "--bands", 6, "--ratio", 8, "--clouds", 0.1, "--truth-date", "2020-01-09")

    def run_method(self, method, name="", ranks=2, **options):
        cube = self.folder / f"{method}{name}.nc"
        given = {"run.tile": 64, **OPTIONS.get(method, {}), **options}
        words = [word for key, value in given.items() for word in (f"--{key}", value)]
        stfcube("run", self.archive / "job.cfg", "--model.name", method, "--cube.path", cube, "--target.dates", TARGETS,
                "--cube.chunk", "1 1 64 64", *words, ranks=ranks)
        return cube

    def test_every_method_tells_its_source_and_options(self):
        for method in methods():
            text = stfcube("models", method).stdout
            self.assertIn("Source: ", text)
            self.assertIn("Pairs needed", text)

    def test_every_method_makes_a_sound_cube_near_the_truth(self):
        (truth,) = (self.archive / "truth").glob("*20200109*.tif")
        with rasterio.open(truth) as file:
            expected = file.read() * file.scales[0] + file.offsets[0]
        for method in methods():
            with self.subTest(method):
                cube = self.run_method(method)
                stfcube("verify", cube)
                with xarray.open_dataset(cube) as data:
                    predicted = data.reflectance.isel(time=0).values
                    flags = data.quality.isel(time=0).values.astype(int)
                    sigma = data.uncertainty.isel(time=0).values
                empty = (flags & NO_DATA) != 0
                self.assertLess(empty.mean(), 0.05)
                self.assertTrue((numpy.isnan(predicted) == empty).all())
                self.assertTrue((sigma[~numpy.isnan(sigma)] >= 0).all())
                error = numpy.sqrt(numpy.nanmean((predicted - expected) ** 2))
                self.assertLess(error, 0.06 if method in ("coarse_up", "improphe") else 0.025)

    def test_tiles_and_ranks_do_not_show_in_a_cube(self):
        for method in ("estarfm", "fitfc", "fsdaf", "robot", "vipstf"):
            with self.subTest(method):
                one = self.run_method(method, "_whole", ranks=1, **{"run.tile": 192, "run.threads": 1})
                many = self.run_method(method, "_tiles", ranks=3)
                self.assertEqual(digest(one), digest(many))

    def test_maps_of_classes_and_objects_are_used_and_recorded(self):
        with rasterio.open(next((self.archive / "fine").glob("FINE_20200101.tif"))) as file:
            profile, nir = file.profile, file.read(4)
        profile.update(count=1, dtype="uint8", nodata=255)
        classes, objects = self.folder / "classes.tif", self.folder / "objects.tif"
        with rasterio.open(classes, "w", **profile) as file:
            file.write((nir > numpy.median(nir)).astype("uint8"), 1)
        rows, columns = numpy.indices(nir.shape)
        with rasterio.open(objects, "w", **profile) as file:
            file.write((rows // 24 * 8 + columns // 24).astype("uint8"), 1)
        for method, key, path in (("fsdaf", "model.class_map", classes), ("unmixing", "model.class_map", classes),
                                  ("obsum", "model.object_map", objects)):
            with self.subTest(method):
                plain, mapped = self.run_method(method), self.run_method(method, "_map", **{key: path})
                self.assertNotEqual(digest(plain), digest(mapped))
                with h5py.File(mapped) as file:
                    roles = [role.decode() for role in file["provenance/role"]]
                    names = [href.decode() for href in file["provenance/href"]]
                self.assertIn("map", roles)
                self.assertTrue(names[roles.index("map")].endswith(path.name))

    def test_zones_count_and_a_killed_run_keeps_its_rounds(self):
        scene = self.run_method("starfm", "_scene")
        zones = self.run_method("starfm", "_zones", **{"model.stat_region": "zones", "model.zone": 64})
        self.assertNotEqual(digest(scene), digest(zones))
        # A first pass of several rounds, kept by the start that was stopped and used by the next one.
        whole = self.run_method("fsdaf", "_whole")
        cube = self.folder / "fsdaf_stopped.nc"
        words = ["run", self.archive / "job.cfg", "--model.name", "fsdaf", "--cube.path", cube, "--target.dates", TARGETS,
                 "--cube.chunk", "1 1 64 64", "--run.tile", 64]
        stopped = stfcube(*words, "--run.time_limit", 3, "--run.grace", 60, check=False)
        self.assertIn(stopped.returncode, (0, 75), stopped.stderr)
        stfcube(*words)
        self.assertEqual(digest(cube), digest(whole))


if __name__ == "__main__":
    unittest.main(verbosity=2)
