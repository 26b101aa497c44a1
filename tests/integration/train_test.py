"""Training as a user runs it: from a simulated archive to a weight file, with a stop in between."""
import json
import signal
import struct
import subprocess
import time
import unittest

from harness import BINARY, EndToEnd, stfcube


class Train(EndToEnd):
    def archive(self):
        folder = self.folder / "archive"
        stfcube("simulate", "--out", folder, "--size", 160, "--days", 33, "--fine-every", 8, "--coarse-every", 8, "--clouds", 0,
                "--ratio", 8, "--bands", 3, "--seed", 5)
        return folder

    def words(self, archive, out, steps):
        return ["train", archive / "job.cfg", "--train.network", "edcstfn", "--edcstfn.width", 4, "--edcstfn.residual", "true",
                "--train.out", out, "--train.steps", steps, "--train.batch", 4, "--train.patch", 32, "--train.patches", 30,
                "--train.validation_patches", 8, "--train.validate_every", 20, "--train.loss", "l1", "--run.threads", 1]

    def metadata(self, weights):
        data = weights.read_bytes()
        length, = struct.unpack("<Q", data[:8])
        return json.loads(data[8:8 + length])["__metadata__"]

    def test_leaves_weights_with_a_card_and_the_curve(self):
        archive, out = self.archive(), self.folder / "w.safetensors"
        told = stfcube(*self.words(archive, out, 40), ranks=2)
        self.assertIn("40 steps", told.stderr)
        card = self.metadata(out)
        self.assertEqual(card["stfcube.network"], "edcstfn")
        self.assertIn("5 pairs from 2020-01-01 to 2020-02-02", card["stfcube.training_data"])
        self.assertIn("copy of the reference", card["stfcube.metrics"])
        self.assertEqual(len((self.folder / "w.safetensors.loss.csv").read_text().splitlines()), 41)
        self.assertTrue((self.folder / "w.safetensors.loss.svg").read_text().startswith("<"))
        self.assertFalse((self.folder / "w.safetensors.work").exists())
        again = stfcube(*self.words(archive, out, 40))
        self.assertIn("nothing to do", again.stderr)

    def test_a_signal_stops_it_and_the_next_start_goes_on(self):
        archive, out = self.archive(), self.folder / "w.safetensors"
        words = [str(word) for word in self.words(archive, out, 400)]
        run = subprocess.Popen([BINARY, *words], stderr=subprocess.PIPE, text=True)
        while not (self.folder / "w.safetensors.work" / "drawn").exists():
            self.assertIsNone(run.poll())
            time.sleep(0.05)
        run.send_signal(signal.SIGUSR1)
        _, told = run.communicate()
        self.assertEqual(run.returncode, 75, told)
        self.assertIn("run the same command again", told)
        stfcube(*words)
        self.assertEqual(len((self.folder / "w.safetensors.loss.csv").read_text().splitlines()), 401)


if __name__ == "__main__":
    unittest.main()
