"""Whatever stops a run, the same command continues it and ends with the bytes of a run that nothing disturbed.

STFCUBE_KILLS sets how many times ranks are killed (5; 25 under the label fault).
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

import h5py
import rasterio

from harness import BINARY, ENVIRONMENT, TIME_FACTOR, EndToEnd, sha256, stfcube

KILLS = int(os.environ.get("STFCUBE_KILLS", "5"))


def processes(command_part):
    """Process numbers of running stfcube whose command line has this word."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].decode(errors="replace") == BINARY and command_part.encode() in words:
            found.append(int(entry.name))
    return found


class Fault(EndToEnd):
    @classmethod
    def setUpClass(cls):
        cls.archive = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"stfcube_fault_{os.getpid()}"
        cls.addClassCleanup(shutil.rmtree, cls.archive, ignore_errors=True)
        stfcube("simulate", "--out", cls.archive, "--size", "448x320", "--seed", 5, "--days", 49, "--fine-every", 16,
                "--coarse-every", 8, "--bands", 3, "--clouds", 0.2)
        stfcube(*cls.words(cls.archive / "reference.nc"))
        cls.reference = sha256(cls.archive / "reference.nc")

    @classmethod
    def words(cls, cube, window=41):
        # 35 tiles x 7 slabs, each of them some hundredths of a second: long enough to be stopped before the end.
        return ["run", cls.archive / "job.cfg", "--cube.path", cube, "--cube.chunk", "1 1 64 64", "--run.tile", 64,
                "--run.slab", 1, "--run.threads", 1, "--starfm.window", window]

    def start(self, cube, ranks, environment=None, window=41):
        return subprocess.Popen(
            ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), BINARY,
             *map(str, self.words(cube, window))],
            env={**ENVIRONMENT, **(environment or {})}, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait_for_work(self, cube, run):
        """Until the run has journalled some units."""
        work = pathlib.Path(f"{cube}.work")
        for _ in range(int(6000 * TIME_FACTOR)):
            if run.poll() is not None or sum(f.stat().st_size for f in work.glob("journal.*")) > 640:
                return
            time.sleep(0.01)
        self.fail("no unit was written")

    def wait_for_finish(self, cube, run):
        part = pathlib.Path(f"{cube}.work/status.json")
        for _ in range(int(30000 * TIME_FACTOR)):
            try:
                if run.poll() is not None or "finishing" in part.read_text():
                    return
            except OSError:
                pass
            time.sleep(0.001)
        self.fail("the run did not come to its finish")

    def finish(self, cube, ranks=2):
        stfcube(*self.words(cube), ranks=ranks)
        self.assertEqual(sha256(cube), self.reference)
        self.assertFalse(os.path.exists(f"{cube}.work"))

    def test_bytes_after_kills_of_ranks_at_any_moment(self):
        rng = random.Random(3)
        kills = in_finish = rounds = 0
        while kills < KILLS:
            rounds += 1
            cube = self.folder / f"cube{rounds}.nc"
            while kills < KILLS and not cube.exists():
                ranks = rng.choice((1, 2, 3))
                run = self.start(cube, ranks)
                if rng.random() < 0.3:
                    self.wait_for_finish(cube, run)
                    time.sleep(rng.uniform(0, 0.05))
                    in_finish += 1
                else:
                    time.sleep(rng.uniform(0.2, 3.0))
                victims = processes(str(cube))
                if victims:
                    try:
                        os.kill(rng.choice(victims), signal.SIGKILL)
                        kills += 1
                    except ProcessLookupError:
                        pass
                run.communicate(timeout=300 * TIME_FACTOR)
                for left in processes(str(cube)):
                    os.kill(left, signal.SIGKILL)
            if not cube.exists():
                stfcube(*self.words(cube), ranks=rng.choice((1, 2, 3)))
            else:
                # A rank may have died when the cube had its name already.
                stfcube(*self.words(cube))
            self.assertEqual(sha256(cube), self.reference, f"cube {rounds}")
            self.assertFalse(os.path.exists(f"{cube}.work"))
            cube.unlink()
        print(f"{kills} kills ({in_finish} starts aimed at the finish), {rounds} cubes")

    def stop_with(self, send, expected, window=41):
        cube = self.folder / "cube.nc"
        run = self.start(cube, 2, window=window)
        self.wait_for_work(cube, run)
        send(run, cube)
        _, log = run.communicate(timeout=300 * TIME_FACTOR)
        if expected is not None:
            self.assertEqual(run.returncode, expected, log)
            self.assertIn("Run the same command again to continue", log)
            self.assertIn("stopped", stfcube("status", cube).stdout)
        self.assertFalse(cube.exists())
        done = json.loads(stfcube("status", cube, "--json").stdout)["units_done"]
        self.assertGreater(done, 0)
        again = stfcube(*self.words(cube, window), ranks=3)
        self.assertIn(f"{done} of 245 units were done by earlier starts", again.stderr)
        reference = self.reference
        if window != 41:
            stfcube(*self.words(self.folder / "reference.nc", window), ranks=2)
            reference = sha256(self.folder / "reference.nc")
        self.assertEqual(sha256(cube), reference)

    def test_user_signal_to_mpirun_stops_all_ranks(self):
        self.stop_with(lambda run, cube: run.send_signal(signal.SIGUSR1), 75)

    def test_user_signal_to_one_rank_stops_all(self):
        self.stop_with(lambda run, cube: os.kill(max(processes(str(cube))), signal.SIGUSR1), 75)

    def test_termination_of_one_rank_stops_all(self):
        self.stop_with(lambda run, cube: os.kill(min(processes(str(cube))), signal.SIGTERM), 75)

    def test_mpirun_that_kills_its_ranks_does_no_harm(self):
        # mpirun lets the ranks live for about a second: the run has to be longer than that on any machine.
        self.stop_with(lambda run, cube: run.send_signal(signal.SIGTERM), None, window=151)

    def test_time_limit_stops_in_time(self):
        cube = self.folder / "cube.nc"
        done = stfcube(*self.words(cube), "--run.time_limit", "00:00:30", check=False)
        self.assertEqual(done.returncode, 75, done.stderr)
        slurm = {"SLURM_JOB_END_TIME": str(int(time.time()) + 30)}
        done = stfcube(*self.words(cube), check=False, environment=slurm)
        self.assertEqual(done.returncode, 75, done.stderr)
        self.finish(cube)

    def test_units_in_flight_are_given_up_after_the_grace(self):
        cube = self.folder / "cube.nc"
        words = ["run", self.archive / "job.cfg", "--cube.path", cube, "--run.threads", 1, "--starfm.window", 151,
                 "--run.tile", 448, "--run.grace", 0]
        run = subprocess.Popen([BINARY, *map(str, words)], env=ENVIRONMENT, text=True, stderr=subprocess.PIPE)
        time.sleep(1.5)
        run.send_signal(signal.SIGUSR1)
        _, log = run.communicate(timeout=300 * TIME_FACTOR)
        self.assertEqual(run.returncode, 75, log)
        self.assertIn("run.grace", log)

    def test_second_run_is_refused_and_a_dead_one_taken_over(self):
        cube = self.folder / "cube.nc"
        first = self.start(cube, 2)
        self.wait_for_work(cube, first)
        second = stfcube(*self.words(cube), check=False)
        self.assertEqual(second.returncode, 2, second.stderr)
        self.assertIn("another run writes this cube: process", second.stderr)
        self.assertIn("Wait for its end, stop it, or choose another cube.path", second.stderr)
        for process in processes(str(cube)):
            os.kill(process, signal.SIGKILL)
        first.communicate(timeout=300 * TIME_FACTOR)
        self.assertIn("dead", stfcube("status", cube).stdout)
        third = stfcube(*self.words(cube), ranks=2)
        self.assertIn("left behind", third.stderr)
        self.assertEqual(sha256(cube), self.reference)

    def started(self, ranks=2):
        """A cube of which some units are done, by a run that was killed."""
        cube = self.folder / "cube.nc"
        run = self.start(cube, ranks)
        self.wait_for_work(cube, run)
        for process in processes(str(cube)):
            os.kill(process, signal.SIGKILL)
        run.communicate(timeout=300 * TIME_FACTOR)
        return cube

    def test_another_job_is_refused_naming_the_keys_and_fresh_starts_over(self):
        cube = self.started()
        other = stfcube(*self.words(cube), "--model.max_pair_gap", 30, check=False)
        self.assertEqual(other.returncode, 2, other.stderr)
        self.assertIn("was started for another job; different: model.max_pair_gap", other.stderr)
        self.assertIn("--fresh", other.stderr)
        fresh = stfcube(*self.words(cube), "--fresh", ranks=2)
        self.assertNotIn("earlier starts", fresh.stderr)
        self.assertEqual(sha256(cube), self.reference)

    def test_other_tiles_threads_and_memory_continue_with_those_of_the_first_start(self):
        cube = self.started()
        stfcube(*self.words(cube)[:-8], "--run.tile", 256, "--run.slab", 3, "--run.threads", 2, "--starfm.window", 41)
        self.assertEqual(sha256(cube), self.reference)

    def test_plan_tells_that_the_run_is_started(self):
        cube = self.started()
        self.assertRegex(stfcube("plan", *self.words(cube)[1:]).stdout, r"cube .*started: \d+ of 245 units done")

    def test_changed_inputs_are_named(self):
        archive = self.folder / "archive"
        shutil.copytree(self.archive, archive)
        cube = archive / "cube.nc"
        words = ["run", archive / "job.cfg", *self.words(cube)[2:]]
        run = subprocess.Popen([BINARY, *map(str, words)], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        self.wait_for_work(cube, run)
        run.kill()
        run.wait()
        scene = sorted((archive / "fine").glob("FINE_????????.tif"))[1]
        away = archive / "away.tif"
        scene.rename(away)
        done = stfcube(*words, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(f"was: fine 2020-01-17 fine/{scene.name}", done.stderr)
        away.rename(scene)
        stfcube(*words)
        self.assertEqual(sha256(cube), self.reference)

    def test_torn_journals_and_flipped_bits_in_stored_chunks(self):
        cube = self.started(ranks=3)
        work = pathlib.Path(f"{cube}.work")
        for journal in work.glob("journal.*"):
            with open(journal, "r+b") as file:
                # A rank killed before its first unit leaves a journal that is shorter than the tear.
                file.truncate(max(0, journal.stat().st_size - 37))
        data = work / "data.part"
        with open(data, "r+b") as file:
            file.seek(-3000, os.SEEK_END)
            byte = file.read(1)
            file.seek(-3000, os.SEEK_END)
            file.write(bytes([byte[0] ^ 4]))
        first = stfcube(*self.words(cube), ranks=2, check=False)
        if first.returncode != 0:  # the byte belonged to a unit that was done
            self.assertEqual(first.returncode, 1, first.stderr)
            self.assertIn("data.part", first.stderr)
            self.assertIn("run the command again", first.stderr)
            stfcube(*self.words(cube), ranks=2)
        self.assertEqual(sha256(cube), self.reference)

    def test_full_disk_is_named_and_the_rerun_completes(self):
        disk = self.folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True).returncode != 0:
            self.skipTest("only root may mount a small file system")
        self.addCleanup(subprocess.run, ["umount", disk], capture_output=True)
        cube = disk / "cube.nc"
        full = stfcube(*self.words(cube), ranks=2, check=False)
        self.assertEqual(full.returncode, 1, full.stderr)
        self.assertRegex(full.stderr, r"stfcube: .*data\.part.* failed: No space left on device .*needed.*free there")
        self.assertIn("Make space", full.stderr)
        self.assertFalse(cube.exists())
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        self.finish(cube)

    def test_directory_that_cannot_be_written(self):
        if os.geteuid() == 0:
            locked = pathlib.Path("/proc")  # not even for root
        else:
            locked = self.folder / "locked"
            locked.mkdir(mode=0o500)
        done = stfcube(*self.words(locked / "cube.nc"), check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("cube.path", done.stderr)

    def test_vanished_work_directory_ends_the_run(self):
        cube = self.folder / "cube.nc"
        run = self.start(cube, 2)
        self.wait_for_work(cube, run)
        shutil.rmtree(f"{cube}.work", ignore_errors=True)
        _, log = run.communicate(timeout=300 * TIME_FACTOR)
        self.assertEqual(run.returncode, 1, log)
        self.assertRegex(log, r"stfcube: .*cube\.nc\.work")
        self.assertFalse(cube.exists())
        self.finish(cube)

    def break_scene(self, archive):
        """Damages one scene of an archive; its path and its bytes when it was whole."""
        scene = sorted((archive / "fine").glob("FINE_????????.tif"))[1]
        whole = scene.read_bytes()
        # One block of the second band cannot be decoded any more; `plan` looks at the last ones only.
        with rasterio.open(scene) as file:
            begin = int(file.get_tag_item("BLOCK_OFFSET_0_1", "TIFF", bidx=2))
        scene.write_bytes(whole[:begin] + bytes(2) + whole[begin + 2:])
        return scene, whole

    def test_input_that_breaks_in_the_middle_costs_its_tiles_and_they_are_done_later(self):
        archive = self.folder / "archive"
        shutil.copytree(self.archive, archive)
        cube = archive / "cube.nc"
        words = ["run", archive / "job.cfg", *self.words(cube)[2:]]
        scene, whole = self.break_scene(archive)
        # A method without statistics of the whole scene; those read every block before the first unit, and refuse.
        refused = stfcube(*words, check=False)
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn(f"{scene.name}, band", refused.stderr)
        self.assertFalse(cube.exists())
        # Nothing was computed, so another job may begin there.
        words += ["--model.name", "increment"]
        broken = stfcube(*words, ranks=2, check=False)
        self.assertEqual(broken.returncode, 4, broken.stderr)
        self.assertIn("is tried again", broken.stderr)
        failed = int(re.search(r"(\d+) of 245 units failed", broken.stderr).group(1))
        self.assertGreater(failed, 0)
        self.assertLess(failed, 245)
        self.assertTrue(cube.exists())
        status = json.loads(stfcube("status", cube, "--json").stdout)
        self.assertEqual(status["state"], "finished with failed tiles")
        self.assertEqual(len(status["failed"]), failed)
        lines = [json.loads(line) for line in pathlib.Path(f"{cube}.work/failed.jsonl").read_text().splitlines()]
        self.assertEqual({line["attempt"] for line in lines}, {1, 2})
        self.assertIn(scene.name, lines[0]["reason"])
        with h5py.File(cube) as file:
            self.assertEqual(file.attrs["stfcube_completeness"].decode(), f"{245 - failed}/245")
            listed = file["provenance/failed_tiles"][()].decode().split("\n")
            self.assertEqual(len(listed), failed)
            column, row, slab = map(int, re.match(r"x(\d+)y(\d+) slab (\d+)$", listed[0]).groups())
            here = slice(row * 64, row * 64 + 64), slice(column * 64, column * 64 + 64)
            self.assertTrue((file["reflectance"][slab][(slice(None), *here)] == -32768).all())
            self.assertTrue((file["quality"][slab][here] == 1).all())
        scene.write_bytes(whole)
        undisturbed = self.folder / "undisturbed.nc"
        stfcube(*[undisturbed if word == cube else word for word in words])
        again = stfcube(*words, ranks=3)
        self.assertIn(f"{245 - failed} of 245 units were done by earlier starts", again.stderr)
        self.assertFalse(os.path.exists(f"{cube}.work"))
        # Uncertainties keep the scale of the first start, which could not look at the broken scene (decision 0008).
        with h5py.File(cube) as mended, h5py.File(undisturbed) as sound:
            for name in ("reflectance", "quality"):
                self.assertTrue((mended[name][()] == sound[name][()]).all(), name)
            ours, theirs = mended["uncertainty"][()].astype(float), sound["uncertainty"][()].astype(float)
        self.assertTrue(((ours == -32768) == (theirs == -32768)).all())
        self.assertLess(abs(ours - theirs).max(), 0.2 * theirs.max())

    def test_repaired_input_gives_the_bytes_of_an_undisturbed_run_without_uncertainties(self):
        archive = self.folder / "archive"
        shutil.copytree(self.archive, archive)
        scene, whole = self.break_scene(archive)
        cube, undisturbed = self.folder / "cube.nc", self.folder / "undisturbed.nc"
        words = ["run", archive / "job.cfg", *self.words(cube)[2:], "--model.name", "increment", "--cube.uncertainty", "false"]
        self.assertEqual(stfcube(*words, check=False).returncode, 4)
        scene.write_bytes(whole)
        stfcube(*words, ranks=2)
        stfcube(*[undisturbed if word == cube else word for word in words])
        self.assertEqual(sha256(cube), sha256(undisturbed))


if __name__ == "__main__":
    unittest.main(verbosity=2)
