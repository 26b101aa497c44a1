"""A run stays within run.memory, also where the whole series would not fit, and the budget does not change the cube."""
import os
import pathlib
import re
import subprocess
import time
import unittest

from harness import BINARY, ENVIRONMENT, EndToEnd, digest, stfcube


def peak_mebibytes(log):
    peak, unit = re.search(r"peak memory per rank ([0-9.]+) (MiB|GiB)", log).groups()
    return float(peak) * (1024 if unit == "GiB" else 1)


class Memory(EndToEnd):
    def test_peak_stays_below_the_budget_when_the_disk_is_slow(self):
        archive = self.folder / "archive"
        stfcube("simulate", "--out", archive, "--size", 900, "--seed", 2, "--days", 177, "--coarse-every", 8, "--bands", 6)
        # Interpolation makes pixels many times faster than such a disk takes them.
        log = stfcube("run", archive / "job.cfg", "--run.memory", "560M", "--run.threads", 2, "--model.name", "linear",
                      "--run.tile", 256, "--run.slab", 4, "--cube.path", self.folder / "slow.nc",
                      environment={"LD_PRELOAD": os.environ["STFCUBE_SLOW_DISK"]}).stderr
        self.assertLess(peak_mebibytes(log), 560, log)
        self.assertGreater(float(re.search(r"write ([0-9.]+) ", log).group(1)), 15, "the disk was not slow")

    def test_files_and_memory_stay_flat_over_a_thousand_units(self):
        archive = self.folder / "archive"
        stfcube("simulate", "--out", archive, "--size", 544, "--seed", 3, "--days", 105, "--fine-every", 52,
                "--coarse-every", 8, "--bands", 1, "--clouds", 0)
        run = subprocess.Popen([BINARY, "run", archive / "job.cfg", "--cube.chunk", "1 1 64 64", "--run.tile", "64",
                                "--run.slab", "1", "--run.threads", "1", "--model.name", "increment"],
                               env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        files, resident = [], []
        while run.poll() is None:
            try:
                files.append(len(os.listdir(f"/proc/{run.pid}/fd")))
                pages = int(pathlib.Path(f"/proc/{run.pid}/statm").read_text().split()[1])
                resident.append(pages * os.sysconf("SC_PAGESIZE") / 2**20)
            except (OSError, IndexError):
                break
            time.sleep(0.02)
        log = run.communicate()[1]
        self.assertEqual(run.returncode, 0, log)
        self.assertRegex(log, r"\(9 x 9\), 14 slabs of up to 1 dates: 1134 units")
        self.assertGreater(len(resident), 20, "the run was too quick to be watched")
        self.assertLess(max(files), 64)
        # What is read for the first time stays in the caches: 5 MiB in all.
        half = resident[len(resident) // 3: len(resident) * 9 // 10]
        self.assertLess(max(half[len(half) // 2:]) - max(half[: len(half) // 2]), 6, resident)

    def test_peak_stays_below_the_budget(self):
        archive = self.folder / "archive"
        stfcube("simulate", "--out", archive, "--size", 900, "--seed", 2, "--days", 177, "--coarse-every", 8, "--bands", 6)
        digests = set()
        for budget in (560, 2000):
            cube = self.folder / f"{budget}.nc"
            log = stfcube("run", archive / "job.cfg", "--run.memory", f"{budget}M", "--run.threads", 2, "--starfm.window", 9,
                          "--cube.path", cube).stderr
            self.assertLess(peak_mebibytes(log), budget, log)
            slabs = int(re.search(r"(\d+) slabs", log).group(1))
            self.assertEqual(slabs > 1, budget == 560, log)
            digests.add(digest(cube))
        self.assertEqual(len(digests), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
