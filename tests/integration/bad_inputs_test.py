"""What users do wrong: one clear message, the right exit status, nothing left behind; on one rank and on several.

The job files of tests/data/bad_jobs say in their first lines what must happen:
    # expect: exit 3            exit status
    # ranks: 2                  also under mpirun, with as many ranks
    # message: ...              text that the message must contain; may be repeated
They take their places from the environment: ${ARCHIVE} is a sound archive, ${BAD} holds damaged files, ${OUT} is empty.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import h5py
import numpy
import rasterio
from rasterio.transform import from_origin

from harness import BINARY, ENVIRONMENT, SOURCE, EndToEnd, digest, stfcube, write_job

JOBS = SOURCE / "tests" / "data" / "bad_jobs"
SECONDS = 60  # more is a hang
NO_DATA, FUSED, GAP_FILLED, STATE, EXTRAPOLATED = 1, 4, 6, 6, 32  # of `quality`, cube format
NOBODY = 65534

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|WARN|ERROR) ")
MPIRUN_BOX = re.compile(r"^-{60,}$.*?^-{60,}$\n?", re.MULTILINE | re.DOTALL)
FORBIDDEN = ("Traceback", "terminate called", "HDF5-DIAG", "ERROR 1:", "ERROR 4:", "Process received signal",
             "fault of the program")


def without_log(stderr):
    """What is left for the user: no lines of the log, no boxes of mpirun."""
    kept = "\n".join(line for line in stderr.splitlines() if not LOG_LINE.match(line))
    return MPIRUN_BOX.sub("", kept).strip()


def scene(name, folder, source):
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.copy(source, folder / name)


def cut(path, share):
    os.truncate(path, int(os.path.getsize(path) * share))


def move(path, x, y, pixel=None):
    """Gives a scene another corner, and another pixel size."""
    with rasterio.open(path, "r+") as file:
        size = pixel or file.transform.a
        file.transform = from_origin(x, y, size, size)


class BadInputs(EndToEnd):
    """One archive and one folder of damaged files for all tests; ${OUT} is made for each."""

    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="stfcube_bad_inputs_"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.archive, cls.bad = cls.shared / "archive", cls.shared / "bad"
        stfcube("simulate", "--out", cls.archive, "--size", 320, "--seed", 5, "--days", 33, "--fine-every", 16,
                "--coarse-every", 8, "--bands", 2, "--ratio", 16, "--clouds", 0.1)
        cls.damage()

    @classmethod
    def damage(cls):
        fine = sorted((cls.archive / "fine").glob("FINE_????????.tif"))
        quality = sorted((cls.archive / "fine").glob("FINE_*_QA.tif"))
        coarse = sorted((cls.archive / "coarse").glob("COARSE_*.tif"))
        for folder in ("truncated", "empty", "web_page", "several", "without_quality"):
            for path in fine:
                scene(path.name, cls.bad / folder, path)
        second = fine[1].name
        cut(cls.bad / "truncated" / second, 0.6)
        cut(cls.bad / "empty" / second, 0)
        page = "<!DOCTYPE html>\n<html><body>Please log in</body></html>\n"
        (cls.bad / "web_page" / second).write_text(page)
        cut(cls.bad / "several" / fine[0].name, 0)
        (cls.bad / "several" / second).write_text(page)
        cut(cls.bad / "several" / fine[2].name, 0.6)
        for path in quality[::2]:
            scene(path.name, cls.bad / "without_quality", path)
        for path in fine:
            for band in ("B2", "B3"):
                scene(path.name.replace("FINE", "LC08").replace(".tif", f"_{band}.tif"), cls.bad / "per_band", path)
        (cls.bad / "per_band" / second.replace("FINE", "LC08").replace(".tif", "_B3.tif")).unlink()
        scene("summer.tif", cls.bad / "undated", fine[0])
        for path in coarse:
            move(scene(path.name, cls.bad / "elsewhere", path), -3e6, 2e6)
            move(scene(path.name, cls.bad / "odd_pixels", path), 600000, 5400000, pixel=463.3)
        with rasterio.open(fine[0]) as file:
            profile = {**file.profile, "count": 1, "dtype": "float32", "nodata": None}
        with rasterio.open(cls.bad / "objects.tif", "w", **profile) as file:
            file.write(numpy.full((profile["height"], profile["width"]), 0.5, "float32"), 1)
        (cls.bad / "notes.nc").write_text("what I wanted to do next week\n")

    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"
        self.out.mkdir()
        self.places = {"ARCHIVE": str(self.archive), "BAD": str(self.bad), "OUT": str(self.out)}

    def write_job(self, name, **sections):
        """A sound job of one date, with sections replaced."""
        return write_job(self.folder / f"{name}.cfg", {
            "grid": {"like": self.archive / "fine/FINE_20200101.tif", "ratio": 16},
            "fine": {"scenes": self.archive / "fine/FINE_????????.tif", "bands": "blue:1 green:2"},
            "coarse": {"scenes": self.archive / "coarse/COARSE_*.tif", "bands": "blue:1 green:2"},
            "cube": {"path": self.out / "cube.nc"},
            "target": {"dates": "2020-01-09"},
            "model": {"name": "linear"},
            **sections,
        })

    def somebody(self):
        """A user without the right to everything; None when the tests run as one."""
        if os.geteuid() != 0:
            return None
        for folder in (self.folder, self.shared):
            folder.chmod(0o755)
        try:
            subprocess.run([BINARY, "--version"], user=NOBODY, env=ENVIRONMENT, check=True, capture_output=True)
        except (PermissionError, subprocess.CalledProcessError):
            self.skipTest("root may do everything, and others may not run the program here")
        return NOBODY

    def run_well(self, *words, ranks=1):
        return stfcube(*words, ranks=ranks, timeout=SECONDS, environment=self.places)

    def assert_refused(self, status, messages, *words, ranks=1, user=None):
        """Ends with `status` and one message that contains all of `messages`; files are as they were before."""
        before = sorted(self.folder.rglob("*")) + sorted(self.shared.rglob("*"))
        done = stfcube(*words, ranks=ranks, check=False, timeout=SECONDS, environment=self.places, user=user)
        text = without_log(done.stderr)
        print(f"  {ranks} rank(s), exit {done.returncode}: {text}")
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(re.findall(r"^stfcube: ", text, re.MULTILINE)), 1, done.stderr)
        self.assertTrue(text.startswith("stfcube: "), done.stderr)
        for word in FORBIDDEN:
            self.assertNotIn(word, done.stderr)
        for message in messages:
            self.assertIn(message, text)
        self.assertEqual(sorted(self.folder.rglob("*")) + sorted(self.shared.rglob("*")), before, "something was left")
        return done


class JobFiles(BadInputs):
    """One test per file of tests/data/bad_jobs."""

    def check(self, path):
        text = path.read_text()
        status = int(re.search(r"^# expect: exit (\d)$", text, re.MULTILINE)[1])
        messages = re.findall(r"^# message: (.*)$", text, re.MULTILINE)
        for name, place in self.places.items():
            messages = [message.replace("${%s}" % name, place) for message in messages]
        self.assertTrue(messages, path)
        for ranks in (1, *map(int, re.findall(r"^# ranks: (\d)$", text, re.MULTILINE))):
            self.assert_refused(status, messages, "run", path, ranks=ranks)


for job in sorted(JOBS.glob("*.cfg")):
    setattr(JobFiles, f"test_{job.stem}", lambda self, job=job: self.check(job))


class CommandLine(BadInputs):
    def test_slips(self):
        good = self.write_job("good")
        for status, message, *words in (
                (2, "no command is given. Choose one, for example: stfcube run JOB.cfg",),
                (2, "'rnu' is no command. Did you mean run? 'stfcube --help' lists them.", "rnu", good),
                (2, "'stfcube run' needs JOB.cfg. Write: stfcube run JOB.cfg", "run"),
                (2, f"job file {self.folder}/nowhere.cfg does not exist.", "run", self.folder / "nowhere.cfg"),
                (2, f"job file {self.folder} is a folder.", "run", self.folder),
                (2, "is neither [section] nor key = value", "run", self.archive / "fine" / "FINE_20200101.tif"),
                (2, "run.tlie is not a key of the job file. Did you mean run.tile?", "run", good, "--run.tlie", 64),
                (2, "--freshh is not an option of 'stfcube run'. Did you mean --fresh?", "run", good, "--freshh"),
                (2, "'extra' is one word too many for 'stfcube run'.", "run", good, "extra"),
                (2, "--run.tile is given twice but holds one value. Keep one", "run", good, "--run.tile=1", "--run.tile=2"),
                (2, "the required argument for option '--run.tile' is missing", "run", good, "--run.tile"),
                (2, "stfcube: run.tile = big (must be a whole number", "run", good, "--run.tile", "big"),
                (2, "cube.path = : no file name.", "run", good, "--cube.path", ""),
                (2, "--size -3 (must be a number of pixels", "simulate", "--out", self.out / "a", "--size=-3"),
                (2, "--start 2020-13-01 is no date. Write YYYY-MM-DD.", "simulate", "--out", self.out / "a", "--start",
                 "2020-13-01"),
                (2, "already there and not an empty folder", "simulate", "--out", self.archive),
                (2, "Choose a writable place with --out", "simulate", "--out", good / "archive"),
                (2, "model.name = starfn is not known. Did you mean starfm?", "models", "starfn")):
            with self.subTest(words=words):
                self.assert_refused(status, [message], *words)

    def test_on_several_ranks(self):
        self.assert_refused(2, ["no command is given"], ranks=2)
        self.assert_refused(2, ["'rnu' is no command"], "rnu", ranks=3)
        self.assert_refused(2, ["does not exist"], "run", self.folder / "nowhere.cfg", ranks=2)
        self.assert_refused(2, ["does not exist"], "plan", self.folder / "nowhere.cfg", ranks=2)
        self.assert_refused(2, ["--ranks 0 (must be"], "plan", self.write_job("good"), "--ranks", 0, ranks=2)
        self.assert_refused(2, ["Did you mean starfm?"], "models", "starfn", ranks=2)

    def test_commands_without_ranks_speak_once(self):
        for words in (["init"], ["models"], ["models", "starfm"], ["plan", self.write_job("good")], ["--version"]):
            with self.subTest(words=words):
                self.assertEqual(self.run_well(*words, ranks=2).stdout.count("\n"), self.run_well(*words).stdout.count("\n"))


class Memory(BadInputs):
    def test_what_is_said_to_be_needed_is_enough(self):
        job = self.write_job("good")
        done = self.assert_refused(2, ["run.memory"], "run", job, "--run.memory=20M")
        needed = float(re.search(r"needs ([0-9.]+) MiB per rank", done.stderr)[1])
        self.run_well("run", job, "--run.memory", f"{int(needed) + 1}M")


class PlaceOfTheCube(BadInputs):
    def test_finished_cube_is_left_alone_and_that_of_another_job_is_kept_until_told_otherwise(self):
        job, cube = self.write_job("good"), self.out / "cube.nc"
        self.run_well("run", job)
        first = digest(cube)
        for ranks in (1, 2):
            again = self.run_well("run", job, ranks=ranks)
            self.assertIn("is the finished cube of this job: nothing to do", again.stderr)
            self.assert_refused(2, [f"good.cfg, line 11: cube.path = {cube} holds the cube of another job; different: "
                                    "model.name, target.dates. Choose another cube.path, or start over with --fresh."],
                                "run", job, "--model.name=increment", "--target.dates=2020-01-25", ranks=ranks)
        self.assertEqual(digest(cube), first)
        self.run_well("run", job, "--target.dates=2020-01-25", "--fresh", ranks=2)
        self.assertNotEqual(digest(cube), first)

    def test_fresh_does_not_overwrite_what_is_no_cube(self):
        self.assert_refused(2, ["exists and is no stfcube cube"], "run", self.write_job("good"), "--fresh",
                            "--cube.path", self.bad / "notes.nc")

    def test_folder_that_may_not_be_written(self):
        self.out.chmod(0o555)
        self.assert_refused(2, ["good.cfg, line 11: cube.path", f"the folder {self.out} cannot be written"], "run",
                            self.write_job("good"), user=self.somebody())


class Scenes(BadInputs):
    def test_file_that_may_not_be_read(self):
        user = self.somebody()
        self.out.chmod(0o777)
        path = pathlib.Path(scene("FINE_20200101.tif", self.folder / "fine", self.archive / "fine/FINE_20200101.tif"))
        path.chmod(0o000)
        job = self.write_job("secret", fine={"scenes": path, "bands": "blue:1 green:2"})
        self.assert_refused(3, [f"{path}: cannot be read (Permission denied). Check the permissions."], "run", job, user=user)

    def test_damage_that_one_rank_meets_while_others_work(self):
        archive = self.folder / "wide"
        stfcube("simulate", "--out", archive, "--size", "1536x256", "--seed", 5, "--days", 33, "--fine-every", 16,
                "--coarse-every", 8, "--bands", 2, "--clouds", 0)
        # Three tiles of one block each, and several slabs: only the rank with the second tile meets the damage.
        cube = self.out / "cube.nc"
        job = [archive / "job.cfg", "--cube.path", cube, "--run.tile=512", "--run.slab=1",
               "--run.threads=1"]
        self.run_well("run", *job, "--model.name=starfm")
        whole = digest(cube)
        path = archive / "fine" / "FINE_20200117.tif"
        with rasterio.open(path) as file:
            place = int(file.get_tag_item("BLOCK_OFFSET_2_0", "TIFF", bidx=1))
        with open(path, "r+b") as file:
            file.seek(place)  # deflate notices a wrong beginning for sure; wrong pixels further on it may not
            file.write(bytes(64))
        self.run_well("plan", *job, "--model.name=starfm")  # nothing is wrong with the headers, and the last blocks can be read
        # Methods that need statistics of the scene read everything first, and refuse.
        refusal = 3, [f"{path}, band 1: cannot be read", "fetch it again", "fine.exclude"], "run", *job
        for ranks in (1, 2, 3):
            self.assert_refused(*refusal, "--model.name=starfm", "--fresh", ranks=ranks)
        self.assertEqual(digest(cube), whole, "a cube that stands there is replaced at the end only")
        cube.unlink()
        # The others go on without the tile.
        for ranks in (1, 2, 3):
            done = stfcube("run", *job, "--model.name=linear", "--fresh", ranks=ranks, check=False)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn(f"{path}, band 1: cannot be read", done.stderr)
            with h5py.File(cube) as file:
                failed = file["provenance/failed_tiles"][()].decode().split("\n")
            self.assertEqual({line.split()[0] for line in failed}, {"x001y000"})


class Dates(BadInputs):
    def quality(self):
        with h5py.File(self.out / "cube.nc") as cube:
            return cube["quality"][:]

    def test_pairs_on_one_side_are_enough_and_flagged(self):
        # One pair, of 2020-01-01, eight days before the target.
        job = self.write_job("one_side", model={"name": "increment", "max_pair_gap": 8},
                             fine={"scenes": self.archive / "fine/FINE_20200101.tif", "bands": "blue:1 green:2"})
        self.run_well("run", job, ranks=2)
        quality = self.quality()
        self.assertTrue((quality[quality & NO_DATA == 0] & EXTRAPOLATED).all())
        self.assertTrue((quality & NO_DATA == 0).any())

    def test_target_without_coarse_image_is_filled_in_time_and_flagged(self):
        job = self.write_job("gap", model={"name": "increment", "gap_fill": "linear"}, target={"dates": "2020-01-10"})
        done = self.run_well("run", job, ranks=2)
        self.assertIn("1 of 1 target dates have no coarse observation (first: 2020-01-10)", done.stderr)
        quality = self.quality()
        self.assertTrue((quality & STATE == GAP_FILLED).any())
        self.assertFalse((quality & STATE == FUSED).any())


class OtherCommands(BadInputs):
    def test_wrong_words_after_a_cube(self):
        self.run_well("run", self.write_job("good"))
        cube, coarse = self.out / "cube.nc", self.archive / "coarse" / "COARSE_20200109.tif"
        for status, message, *words in (
                (2, "date 2020-03-01 is not in the cube. The nearest is 2020-01-09", "export", cube, "--date=2020-03-01"),
                (2, "band blau is not in the cube. Did you mean blue? It has blue green.", "export", cube, "--bands", "blau"),
                (2, "format = jpg is not available. Use png, geotiff or cog.", "export", cube, "--format=jpg"),
                (2, "Choose a writable place", "export", cube, "--out", cube / "pictures"),
                (3, f"cube {self.out}/nothing.nc: there is no such file", "export", self.out / "nothing.nc"),
                (3, "is no cube, or damaged", "export", self.bad / "notes.nc"),
                (2, "needs --prediction P and --reference R", "evaluate", "--prediction", cube),
                (3, "do not have the same pixels", "evaluate", "--prediction", cube, "--reference", coarse),
                (3, "no such file. Check the path.", "evaluate", "--prediction", cube, "--reference", self.out / "a.tif"),
                (3, "no format that GDAL knows here", "evaluate", "--prediction", cube, "--reference", self.bad / "notes.nc")):
            for ranks in (1, 2) if words[-1] in (coarse, "--date=2020-03-01") else (1,):
                with self.subTest(words=words, ranks=ranks):
                    self.assert_refused(status, [message], *words, ranks=ranks)


if __name__ == "__main__":
    unittest.main(verbosity=2)
