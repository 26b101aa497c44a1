"""Networks as a user runs them: with the weights that come with stfcube, with a weight file, and with the wrong one."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import h5py
import numpy
import rasterio

from harness import EndToEnd, digest, stfcube

FUSED = 4
TARGET = "2020-04-25"


class Networks(EndToEnd):
    @classmethod
    def setUpClass(cls):
        cls.archive = pathlib.Path(tempfile.mkdtemp(prefix="stfcube_networks_")) / "archive"
        cls.addClassCleanup(shutil.rmtree, cls.archive.parent, ignore_errors=True)
        stfcube("simulate", "--out", cls.archive, "--size", "320x288", "--seed", 3, "--start", "2020-04-01", "--days", 49, "--fine-every", 48,
                "--coarse-every", 8, "--bands", 3, "--ratio", 16, "--clouds", 0.05, "--truth-date", TARGET)

        job = (cls.archive / "job.cfg").read_text()
        (cls.archive / "unnamed.cfg").write_text("".join(line for line in job.splitlines(True) if not line.startswith("name = starfm")))

    def run_network(self, name, *words, ranks=1, check=True, job="unnamed.cfg"):
        cube = self.folder / f"{name}.nc"
        done = stfcube("run", self.archive / job, "--cube.path", cube, "--target.dates", TARGET, "--cube.chunk",
                       "1 1 64 64", *words, ranks=ranks, check=check)
        return cube if check else done

    def weights(self, network, bands="blue green red", *options):
        file = self.folder / f"{network}.safetensors"
        subprocess.run([os.environ["STFCUBE_WRITE_RANDOM_WEIGHTS"], file, network, bands, "16", "7", *options], check=True)
        return file

    def test_weights_that_come_with_stfcube_serve_at_once_and_beat_the_copy(self):
        cube = self.run_network("incnet", "--model.name", "incnet", ranks=2)
        stfcube("verify", cube)
        (truth,) = (self.archive / "truth").glob("*.tif")
        with rasterio.open(truth) as file:
            expected = file.read() * file.scales[0] + file.offsets[0]
        copy = self.run_network("copy", "--model.name", "copy")
        errors = []
        for path in (cube, copy):
            with h5py.File(path) as file:
                stored = file["reflectance"][0]
                errors.append(numpy.sqrt(numpy.mean((stored[stored != -32768] * 1e-4 - expected[stored != -32768]) ** 2)))
                if path == cube:
                    self.assertGreater(((file["quality"][0] & FUSED) != 0).mean(), 0.8)
                    self.assertTrue(any(b"incnet.safetensors" in href for href in file["provenance/href"]))
        self.assertLess(errors[0], 0.8 * errors[1])

    def test_ranks_tiles_and_threads_do_not_matter(self):
        whole = self.run_network("whole", "--model.name", "incnet", "--run.tile", 512, "--run.threads", 2)
        pieces = self.run_network("pieces", "--model.name", "incnet", "--run.tile", 128, "--run.threads", 1, ranks=3)
        self.assertEqual(digest(whole), digest(pieces))

    def test_card_names_the_network_and_the_file_is_part_of_the_job(self):
        file = self.weights("edcstfn", "blue green red", "width=4")
        cube = self.run_network("card", "--model.weights", file, ranks=2)
        with h5py.File(cube) as opened:
            self.assertIn("edcstfn", opened["provenance/job"].asstr()[()])
            self.assertIn("model.weights_sha256", opened["provenance/job"].asstr()[()].replace(" ", ""))

    def test_wrong_weights_are_refused_before_the_first_pixel(self):
        file = self.weights("edcstfn", "blue green nir", "width=4")
        cases = {
            ("--model.name", "edcstfn"): "model.weights is missing: edcstfn is a network",
            ("--model.name", "edcstfn", "--model.weights", file): "holds weights for the bands blue green nir",
            ("--model.name", "stfnet", "--model.weights", file): "holds weights of the network edcstfn",
        }
        for words, message in cases.items():
            with self.subTest(words):
                done = self.run_network("refused", *words, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(message, done.stderr)
        file = self.weights("edcstfn", "blue green red", "width=4")
        done = self.run_network("width", "--model.weights", file, "--edcstfn.width", 8, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("edcstfn.width = 4", done.stderr)
        done = self.run_network("classical", "--model.weights", file, check=False, job="job.cfg")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("model.name = starfm is a method without weights", done.stderr)
        file.write_bytes(file.read_bytes()[:-5])
        done = self.run_network("damaged", "--model.weights", file, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(file.name, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
