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
import rasterio
from rasterio.transform import from_origin

from harness import ENVIRONMENT, SOURCE, EndToEnd, digest, stfcube

JOBS = SOURCE / "tests" / "data" / "bad_jobs"
SECONDS = 60  # more is a hang
GAP_FILLED, EXTRAPOLATED = 3, 32  # states and flags of `quality`, cube format
STATE_MASK = 7
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
        (cls.bad / "notes.nc").write_text("what I wanted to do next week\n")

    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"
        self.out.mkdir()
        self.places = {"ARCHIVE": str(self.archive), "BAD": str(self.bad), "OUT": str(self.out)}

    def run_stfcube(self, *words, ranks=1):
        return stfcube(*words, ranks=ranks, check=False, timeout=SECONDS, environment=self.places)

    def assert_refused(self, status, messages, *words, ranks=1):
        """Ends with `status` and one message that contains all of `messages`; files are as they were before."""
        before = sorted(self.folder.rglob("*")) + sorted(self.shared.rglob("*"))
        done = self.run_stfcube(*words, ranks=ranks)
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
