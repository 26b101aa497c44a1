"""Chunk shapes and compressions that a job may ask for: the same pixels in all of them, for every reader.

HDF5_PLUGIN_PATH leads to the filter zstd that is built with the tests (tests/io/zstd_filter.cpp).
"""
import os
import subprocess
import unittest

import h5py
import numpy as np

from harness import EndToEnd, digest, sha256, stfcube

WITHOUT_PLUGIN = {"HDF5_PLUGIN_PATH": "/nowhere"}
ARRAYS = ("reflectance", "uncertainty", "quality")
ZSTD = 32015


def pixels(cube):
    with h5py.File(cube, "r") as file:
        return {name: file[name][()] for name in ARRAYS}


def filters(cube, name):
    with h5py.File(cube, "r") as file:
        properties = file[name].id.get_create_plist()
        return [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]


class Chunks(EndToEnd):
    def setUp(self):
        super().setUp()
        self.archive = self.folder / "archive"
        stfcube("simulate", "--out", self.archive, "--size", "360x300", "--seed", 3, "--days", 33, "--fine-every", 16,
                "--coarse-every", 8, "--bands", 2, "--ratio", 16, "--clouds", 0.1)

    def job(self, name, chunk="1 1 64 64", **options):
        return ["run", self.archive / "job.cfg", "--cube.path", self.folder / name, "--model.name", "linear", "--run.tile", 128,
                "--cube.chunk", chunk, *(word for key, value in options.items() for word in (f"--cube.{key}", value))]

    def make(self, name, *arguments, ranks=1, **options):
        done = stfcube(*self.job(name, *arguments, **options), ranks=ranks)
        return self.folder / name, done.stderr

    def assert_same_pixels(self, one, other):
        one, other = pixels(one), pixels(other)
        for name in ARRAYS:
            np.testing.assert_array_equal(one[name], other[name], name)


class Compression(Chunks):
    def test_zstd_holds_the_same_cube_on_any_ranks(self):
        usual, log = self.make("usual.nc")
        self.assertNotIn("WARN", log)
        cube, log = self.make("zstd.nc", compression="zstd:3")
        self.assertIn("WARN rank=0 cube.compression = zstd: whoever reads the cube needs the plugin, too", log)
        self.assertEqual(filters(cube, "reflectance"), [h5py.h5z.FILTER_SHUFFLE, ZSTD])
        self.assertEqual(filters(cube, "quality"), [ZSTD])
        self.assertEqual(digest(cube), digest(usual))
        self.assert_same_pixels(cube, usual)
        again, _ = self.make("again.nc", compression="zstd:3", ranks=2)
        self.assertEqual(sha256(again), sha256(cube))
        self.assertIn("whole", stfcube("verify", cube).stdout)
        stfcube("evaluate", "--prediction", cube, "--reference", usual)

    def test_zstd_is_refused_where_hdf5_has_no_filter_for_it(self):
        for ranks in (1, 2):
            for command in ("plan", "run"):
                done = stfcube(command, *self.job("cube.nc", compression="zstd:3")[1:], ranks=ranks, check=False,
                               environment=WITHOUT_PLUGIN)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("needs a plugin of HDF5's (filter 32015), which is not there", done.stderr)
                self.assertIn("HDF5_PLUGIN_PATH", done.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["archive"])

    def test_without_the_plugin_a_zstd_cube_is_refused_by_name_but_can_be_verified(self):
        cube, _ = self.make("zstd.nc", compression="zstd:3")
        done = stfcube("evaluate", "--prediction", cube, "--reference", cube, check=False, environment=WITHOUT_PLUGIN)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("compressed with HDF5's filter 32015 (zstd), which is not there", done.stderr)
        self.assertIn("HDF5_PLUGIN_PATH", done.stderr)
        stfcube("verify", cube, environment=WITHOUT_PLUGIN)

    def test_damaged_bytes_of_a_zstd_cube_are_found_by_plain_reading_and_by_verify(self):
        cube, _ = self.make("zstd.nc", compression="zstd:3")
        with h5py.File(cube, "r") as file:
            chunk = file["reflectance"].id.get_chunk_info(5)
        with open(cube, "r+b") as file:
            file.seek(chunk.byte_offset + chunk.size // 2)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        with self.assertRaises(OSError):
            pixels(cube)
        self.assertEqual(stfcube("verify", cube, check=False).returncode, 1)


    def test_zstd_is_exchanged_for_deflate_as_the_documents_say(self):
        cube, _ = self.make("zstd.nc", compression="zstd:3")
        plain = self.folder / "plain.nc"
        subprocess.run(["h5repack", "-f", "reflectance,uncertainty:SHUF", "-f", "reflectance,uncertainty,quality:GZIP=1", cube,
                        plain], check=True, capture_output=True)
        stfcube("verify", plain, environment=WITHOUT_PLUGIN)
        self.assert_same_pixels(plain, cube)


class Shapes(Chunks):
    def test_pixels_do_not_depend_on_the_chunks(self):
        usual, _ = self.make("usual.nc")
        for chunk, stored in (("1 1 4096 4096", (1, 1, 300, 360)), ("100 9 64 64", (5, 2, 64, 64)),
                              ("3 2 7 130", (3, 2, 7, 130)), ("2 1 300 1", (2, 1, 300, 1))):
            with self.subTest(chunk):
                cube, _ = self.make("cube.nc", chunk)
                with h5py.File(cube, "r") as file:
                    self.assertEqual(file["reflectance"].chunks, stored)
                self.assert_same_pixels(cube, usual)
                cube.unlink()

    def test_places_in_the_work_file_do_not_change_the_cube(self):
        one, _ = self.make("one.nc")
        other, _ = self.make("other.nc", extent_align="1M", ranks=2)
        self.assertEqual(sha256(one), sha256(other))

    def test_cubes_are_chunked_anew_as_the_documents_say(self):
        cube, _ = self.make("cube.nc", "1 1 128 128")
        for words in (["nccopy", "-c", "reflectance:5,1,64,64", "-c", "uncertainty:5,1,64,64", "-c", "quality:5,64,64"],
                      ["h5repack", "-l", "reflectance,uncertainty:CHUNK=5x1x64x64", "-l", "quality:CHUNK=5x64x64"]):
            with self.subTest(words[0]):
                deep = self.folder / f"{words[0]}.nc"
                subprocess.run([*words, cube, deep], check=True, capture_output=True)
                with h5py.File(deep, "r") as file:
                    self.assertEqual(file["reflectance"].chunks, (5, 1, 64, 64))
                    self.assertEqual(file["quality"].chunks, (5, 64, 64))
                self.assertEqual(filters(deep, "reflectance"), [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE])
                self.assert_same_pixels(deep, cube)
                stfcube("evaluate", "--prediction", deep, "--reference", cube)


if __name__ == "__main__":
    unittest.main(verbosity=2)
