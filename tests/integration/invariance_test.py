"""The cube is bit-identical for any number of ranks, threads, any tile size and any slab length: its content, and its file."""
import itertools
import unittest

from harness import EndToEnd, digest, sha256, stfcube


class Invariance(EndToEnd):
    def test_content_does_not_depend_on_how_it_was_computed(self):
        archive = self.folder / "archive"
        # Larger than the largest tile, no multiple of tile, chunk or coarse cell; clouds on both sensors.
        stfcube("simulate", "--out", archive, "--size", "1100x700", "--seed", 11, "--days", 33, "--fine-every", 16,
                "--coarse-every", 8, "--bands", 2, "--ratio", 16, "--clouds", 0.3, "--coarse-clouds", 0.05)
        job = ["run", archive / "job.cfg", "--cube.chunk", "1 1 64 64", "--starfm.window", 21,
               "--target.dates", "2020-01-09 2020-01-17 2020-01-25"]
        seen = {}
        for number, (ranks, tile) in enumerate(itertools.product((1, 2, 3, 4), (256, 320, 512, 1024))):
            threads = 1 + number % 2
            slab = (1, 2, 3)[number % 3]
            cube = self.folder / f"r{ranks}_t{tile}.nc"
            stfcube(*job, "--cube.path", cube, "--run.tile", tile, "--run.threads", threads, "--run.slab", slab,
                    ranks=ranks)
            seen[(ranks, tile, threads, slab)] = digest(cube), sha256(cube)
            cube.unlink()
        for threads, slab in itertools.product((1, 2), (1, 2, 3)):
            cube = self.folder / "one.nc"
            stfcube(*job, "--cube.path", cube, "--run.tile", 320, "--run.threads", threads, "--run.slab", slab)
            seen[(1, 320, threads, slab)] = digest(cube), sha256(cube)
            cube.unlink()
        self.assertEqual(len({content for content, _ in seen.values()}), 1, seen)
        # Beside the content the file tells how many units there were.
        cuts = {(tile, slab) for _, tile, _, slab in seen}
        self.assertEqual(len({(tile, slab, file) for (_, tile, _, slab), (_, file) in seen.items()}), len(cuts), seen)


if __name__ == "__main__":
    unittest.main(verbosity=2)
