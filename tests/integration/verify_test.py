"""What is damaged in a finished cube is found and named; a whole cube passes, whatever wrote it and on any number of ranks."""
import json
import os
import pathlib
import random
import shutil
import tempfile
import unittest
import zlib

import h5py
import numpy

from harness import EndToEnd, digest, stfcube

BULK = ("reflectance", "uncertainty", "quality")


def chunks(cube):
    """(array, index of the chunk, offset, stored bytes) of all chunks of a cube."""
    found = []
    with h5py.File(cube) as file:
        for name in BULK:
            if name not in file:
                continue
            dataset = file[name]
            for i in range(dataset.id.get_num_chunks()):
                one = dataset.id.get_chunk_info(i)
                index = [first // size for first, size in zip(one.chunk_offset, dataset.chunks)]
                found.append((name, " ".join(map(str, index)), one.byte_offset, one.size))
    return found


def flip(cube, offset, bit):
    with open(cube, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def changes_nothing(cube, offset, size, place, bit):
    """Whether a zlib stream has the same content and checksum after the flip: some hold a few bits that nothing uses."""
    with open(cube, "rb") as file:
        file.seek(offset)
        stored = file.read(size)
    flipped = bytearray(stored)
    flipped[place] ^= 1 << bit
    try:
        return zlib.decompress(flipped) == zlib.decompress(stored)
    except zlib.error:
        return False


def replace(cube, old, new):
    """Replaces the one place where these bytes stand."""
    content = cube.read_bytes()
    assert content.count(old) == 1, content.count(old)
    cube.write_bytes(content.replace(old, new))


class Verify(EndToEnd):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="stfcube_verify_"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        archive = cls.shared / "archive"
        stfcube("simulate", "--out", archive, "--size", "330x290", "--seed", 4, "--days", 33, "--coarse-every", 16,
                "--clouds", 0.3, "--bands", 2)
        # The first ten columns lie outside of the images: pixels without data.
        cls.job = ["run", archive / "job.cfg", "--model.name", "increment", "--grid.bounds", "599700 5391300 609600 5400000"]
        cls.whole = cls.make("whole.nc")

    @classmethod
    def make(cls, name, *options, chunk="2 1 64 128", ranks=1):
        cube = cls.shared / name
        stfcube(*cls.job, "--cube.path", cube, "--cube.chunk", chunk, *options, ranks=ranks)
        return cube

    def copy(self, cube=None, name="cube.nc"):
        return pathlib.Path(shutil.copy(cube or self.whole, self.folder / name))

    def verify(self, cube, ranks=1, status=1):
        done = stfcube("verify", cube, "--json", ranks=ranks, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["whole"], status == 0)
        self.assertEqual(len(report["problems"]), min(report["problem_count"], 20))
        return report

    def assert_named(self, report, *texts):
        for text in texts:
            self.assertTrue(any(text in problem for problem in report["problems"]), f"{text}\n{report['problems']}")

    def assert_whole(self, cube):
        for ranks in (1, 3):
            report = self.verify(cube, ranks, status=0)
            self.assertEqual(report["content_digest"], digest(cube))
            self.assertEqual(report["stored_chunks"], len(chunks(cube)))
            self.assertEqual(report["stored_bytes"], sum(size for *_, size in chunks(cube)))
            self.assertEqual(report["holes"], [])
        return report

    def test_whole_cube_passes(self):
        report = self.assert_whole(self.whole)
        self.assertEqual(report["chunks"], 2 * (2 * 5 * 3 * 2) + 2 * 5 * 3)
        text = stfcube("verify", self.whole).stdout
        self.assertIn("whole.nc is whole: 150 chunks checked", text)
        self.assertIn(digest(self.whole), text)

    def test_whole_cube_passes_however_it_was_written(self):
        self.assert_whole(self.make("collective.nc", "--cube.writer", "collective", ranks=2))
        self.assert_whole(self.make("certain.nc", "--cube.uncertainty", "false"))
        self.assert_whole(self.make("plain.nc", "--cube.compression", "none"))
        self.assert_whole(self.make("one_chunk.nc", "--cube.compression", "deflate:6", chunk="3 2 512 512"))

    def flips(self, cube, rng, count):
        """Flips one random bit in each of so many chunks. @return how they are named"""
        named = []
        for name, index, offset, size in rng.sample(chunks(cube), count):
            place, bit = rng.randrange(size), rng.randrange(8)
            while changes_nothing(cube, offset, size, place, bit):
                place, bit = rng.randrange(size), rng.randrange(8)
            flip(cube, offset + place, bit)
            named.append(f"{name}, chunk {index} (")
        return named

    def test_sixty_of_sixty_flipped_bits_are_found(self):
        rng = random.Random(60)
        for ranks in (1, 2, 3):
            cube = self.copy()
            named = self.flips(cube, rng, 20)
            report = self.verify(cube, ranks)
            self.assertEqual(report["problem_count"], 20, report["problems"])
            self.assert_named(report, *named)
            self.assertEqual(report["content_digest"], "")

    def test_flipped_bits_are_found_without_compression_by_the_checksums(self):
        plain = self.make("uncompressed.nc", "--cube.compression", "none")
        rng = random.Random(61)
        for ranks in (1, 3):
            cube = self.copy(plain)
            named = self.flips(cube, rng, 15)
            report = self.verify(cube, ranks)
            self.assert_named(report, *named, "the content digest is ")
            self.assertNotEqual(report["content_digest"], digest(cube))
            self.assertIn("is not what was written: CRC-32C", report["problems"][0])

    def test_many_problems_are_counted(self):
        cube = self.copy()
        named = self.flips(cube, random.Random(62), 50)
        seen = [self.verify(cube, ranks) for ranks in (1, 2, 3)]
        self.assertEqual(seen[0]["problem_count"], 50)
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0], seen[2])
        for problem in seen[0]["problems"]:
            self.assertTrue(any(problem.startswith(name) for name in named), problem)
        text = stfcube("verify", cube, check=False).stdout
        self.assertIn("... and 30 more\n", text)
        self.assertIn("cube.nc is damaged, 50 problems: 150 chunks checked", text)

    def test_file_that_does_not_open_is_named(self):
        cube = self.copy()
        os.truncate(cube, cube.stat().st_size // 2)
        for ranks in (1, 2):
            report = self.verify(cube, ranks)
            self.assertEqual(report["problem_count"], 1)
            self.assert_named(report, "truncated file")
        cube.write_text("what I wanted to do next week\n")
        self.assert_named(self.verify(cube), "the file is no cube, or damaged")

    def test_damaged_index_is_found(self):
        name, index, offset, _ = chunks(self.whole)[7]
        cube = self.copy()
        replace(cube, offset.to_bytes(8, "little"), b"\xff" * 8)  # HDF5's word for a chunk that is not stored
        self.assert_named(self.verify(cube), f"{name}, chunk {index} (", "is missing: CRC-32C", "the content digest is ")
        cube = self.copy()
        replace(cube, offset.to_bytes(8, "little"), (1 << 40).to_bytes(8, "little"))
        self.assert_named(self.verify(cube), f"{name}, chunk {index} (")
        cube = self.copy()
        replace(cube, offset.to_bytes(8, "little"), chunks(self.whole)[8][2].to_bytes(8, "little"))
        self.assert_named(self.verify(cube), f"{name}, chunk {index} (")

    def test_removed_objects_and_attributes_are_named(self):
        cube = self.copy()
        removed = [("/", "Conventions"), ("/", "stfcube_job_digest"), ("time", "units"), ("time", "calendar"), ("y", "axis"),
                   ("x", "standard_name"), ("crs", "GeoTransform"), ("crs", "crs_wkt"), ("reflectance", "grid_mapping"),
                   ("reflectance", "scale_factor"), ("reflectance", "_FillValue"), ("quality", "flag_masks"),
                   ("uncertainty", "coordinates"), ("wavelength", "units"), ("/", "history")]
        for place, name in removed:
            cube = self.copy()
            with h5py.File(cube, "r+") as file:
                del file[place].attrs[name]
            done = stfcube("verify", cube, check=False)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(name, done.stdout)
        for name in ("time_bnds", "band_name", "provenance/job", "provenance/chunk_checksum", "quality", "crs"):
            cube = self.copy()
            with h5py.File(cube, "r+") as file:
                del file[name]
            done = stfcube("verify", cube, check=False)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(f"{name} is missing", done.stdout)
            self.assertNotIn("does not name", done.stdout)  # what stayed is whole

    def test_changed_attributes_are_named(self):
        changes = {
            ("time", "units"): ("days since 2000-01-01", "time has units = \"days since 2000-01-01\""),
            ("reflectance", "scale_factor"): (numpy.array([1e-3]), "reflectance has scale_factor = 0.001, not 0.0001"),
            ("reflectance", "valid_range"): (numpy.array([0, 10000], "i2"), "reflectance has valid_range = 0 10000"),
            ("uncertainty", "_FillValue"): (numpy.array([-32768], "i4"), "uncertainty has _FillValue of another type"),
            ("quality", "flag_values"): (numpy.arange(9, dtype="u1"), "quality has flag_values = 0 1 2"),
            ("quality", "_FillValue"): (numpy.array([1], "u1"), "quality has an attribute _FillValue"),
            ("crs", "GeoTransform"): ("600000 30 0 5400030 0 -30", "y is 5399985 at pixel 0, not 5400015"),
            ("crs", "crs_wkt"): ("LOCAL_CS[\"mine\"]", "crs has crs_wkt and spatial_ref that are not the same"),
            ("/", "stfcube_content_digest"): ("0" * 64, "so the attribute was changed"),
            ("/", "stfcube_completeness"): ("5/6", "provenance/failed_tiles is empty although"),
            ("/", "time_coverage_end"): ("2021-01-01", "the file has time_coverage_end = \"2021-01-01\""),
            ("/", "id"): ("0" * 36, "the file has id ="),
        }
        for (place, name), (value, message) in changes.items():
            cube = self.copy()
            with h5py.File(cube, "r+") as file:
                file[place].attrs[name] = numpy.bytes_(value) if isinstance(value, str) else value
            self.assert_named(self.verify(cube), message)

    def test_axes_that_are_wrong_are_named(self):
        for name, value, message in (("x", 1.0, "x is 1 at pixel 3"), ("time", 0.0, "time does not ascend at date 1"),
                                     ("time_bnds", 0.0, "time_bnds of date 1 is not the day of time"),
                                     ("band", 7, "band is not 1, 2, 3 ...")):
            cube = self.copy()
            with h5py.File(cube, "r+") as file:
                place = {"x": 3, "time": 1, "time_bnds": (1, 0), "band": 1}[name]
                file[name][place] = value
            self.assert_named(self.verify(cube), message)

    def test_pixels_that_break_the_rules_are_named(self):
        cube = self.copy()
        with h5py.File(cube, "r+") as file:
            flags, product, deviation = file["quality"][:], file["reflectance"][:], file["uncertainty"][:]
            filled = numpy.argwhere((flags & 1) == 0)
            empty = numpy.argwhere((flags & 1) == 1)
            self.assertGreater(len(empty), 0)
            edits = [tuple(filled[i]) for i in (0, len(filled) // 2, -1)]
            flags[edits[0]] = 255
            flags[edits[1]] = 0
            flags[tuple(empty[0])] = 4
            product[(edits[2][0], 1, *edits[2][1:])] = 16001
            deviation[(edits[2][0], 0, *edits[2][1:])] = -32768
            file["quality"][:], file["reflectance"][:], file["uncertainty"][:] = flags, product, deviation
            days = [str(numpy.datetime64("1970-01-01") + int(day)) for day in file["time"][:]]
        where = [f"1 pixel, {days[t]}, row {y}, column {x}" for t, y, x in edits]
        for ranks in (1, 2):
            report = self.verify(cube, ranks)
            self.assert_named(
                report, f"quality is 255: {where[0]}", f"no_data nor a state (observed, fused, gap_filled): {where[1]}",
                f"outside of the valid range -2000..16000: {where[2]}", f"uncertainty is missing where there is a value: {where[2]}",
                "quality does not say no_data where no band has a value: 1 pixel", "is not what was written",
                "the content digest is ")

    def test_damaged_table_of_checksums_is_told_from_damaged_pixels(self):
        cube = self.copy()
        with h5py.File(cube, "r+") as file:
            file["provenance/chunk_checksum"][5] += 1
        report = self.verify(cube)
        self.assertEqual(report["problem_count"], 1)
        self.assert_named(report, "/provenance/chunk_checksum is damaged: 1 of its checksums")

    def test_what_is_no_finished_cube_is_refused(self):
        for name, message in (("missing.nc", "there is no such file"), ("", "is a folder"),
                              ("started.nc", "started.nc is not finished: 'stfcube status ")):
            (self.folder / "started.nc.work").mkdir(exist_ok=True)
            for ranks in (1, 2):
                done = stfcube("verify", self.folder / name, ranks=ranks, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
