"""A run stays within run.memory, also where the whole series would not fit, and the budget does not change the cube."""
import re
import unittest

from harness import EndToEnd, digest, stfcube


class Memory(EndToEnd):
    def test_peak_stays_below_the_budget(self):
        archive = self.folder / "archive"
        stfcube("simulate", "--out", archive, "--size", 900, "--seed", 2, "--days", 177, "--coarse-every", 8, "--bands", 6)
        digests = set()
        for budget in (560, 2000):
            cube = self.folder / f"{budget}.nc"
            log = stfcube("run", archive / "job.cfg", "--run.memory", f"{budget}M", "--run.threads", 2, "--starfm.window", 9,
                          "--cube.path", cube).stderr
            peak, unit = re.search(r"peak memory per rank ([0-9.]+) (MiB|GiB)", log).groups()
            self.assertLess(float(peak) * (1024 if unit == "GiB" else 1), budget, log)
            slabs = int(re.search(r"(\d+) slabs", log).group(1))
            self.assertEqual(slabs > 1, budget == 560, log)
            digests.add(digest(cube))
        self.assertEqual(len(digests), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
