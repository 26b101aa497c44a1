"""Drives the built stfcube as a user would. Used by the end-to-end tests of this folder.

Each test file is run as:  python3 FILE   with STFCUBE_BINARY, and STFCUBE_SHARED where the real imagery lies.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import h5py

BINARY = os.environ["STFCUBE_BINARY"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIME_FACTOR = float(os.environ.get("STFCUBE_TEST_TIME_FACTOR", "1"))
SHARED = pathlib.Path(os.environ.get("STFCUBE_SHARED", SOURCE.parent / "shared"))

# Root in a container, and more ranks than cores, are meant here.
ENVIRONMENT = dict(
    os.environ,
    OMPI_ALLOW_RUN_AS_ROOT="1",
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
    OMPI_MCA_mpi_yield_when_idle="1",
    OMPI_MCA_btl_vader_single_copy_mechanism="none",
    SOURCE_DATE_EPOCH="1600000000",
)


def stfcube(*words, ranks=1, check=True, timeout=600, environment=None, user=None):
    """Runs one command; the finished process, with its output as text. `timeout`: seconds, more with sanitizers."""
    command = [BINARY, *map(str, words)]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *command]
    done = subprocess.run(command, env={**ENVIRONMENT, **(environment or {})}, user=user, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout * TIME_FACTOR)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def digest(cube):
    with h5py.File(cube, "r") as file:
        return file.attrs["stfcube_content_digest"].decode()


def sha256(path):
    """Of all bytes of a file."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def write_job(path, sections):
    """A job file from {"grid": {"ratio": 16, ...}, ...}; a list makes a repeated key."""
    with open(path, "w") as file:
        for section, keys in sections.items():
            file.write(f"[{section}]\n")
            for key, value in keys.items():
                for one in value if isinstance(value, list) else [value]:
                    file.write(f"{key} = {one}\n")
    return path


class EndToEnd(unittest.TestCase):
    """One folder per test, removed afterwards."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stfcube_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def data(self, name):
        """A folder of the real imagery; the test is skipped where it is not there."""
        folder = SHARED / "data" / name
        if not folder.is_dir():
            self.skipTest(f"{folder} is absent: real imagery is not part of the repository")
        return folder
