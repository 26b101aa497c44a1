#!/usr/bin/env python3
"""What chunk shapes and compression cost the readers of a cube, and its writer (docs/chunks.md).

reader_cost.py --stfcube build/release/stfcube --out FOLDER [--size 1536] [--dates 46] [--shapes S ...] [--compressions C ...]

Simulates an archive, writes one cube of it per shape (with deflate:1) and per compression (with 1x1x256x256) and reads each
as users do: with h5py, a chunk cache of 4 MiB, a file that was not open before. Times are CPU time, the least of some runs;
megabytes are what the reader asked of the system. The files are in the page cache: what a disk adds follows from the
megabytes. zstd takes part where HDF5_PLUGIN_PATH leads to its filter. Prints Markdown.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import time

import h5py

SHAPES = ["1x1x128x128", "1x1x256x256", "1x1x512x512", "1x1x1024x1024", "8x1x128x128", "23x1x64x64", "46x1x64x64"]
COMPRESSIONS = ["none", "deflate:1", "deflate:4", "deflate:6", "zstd:1", "zstd:3"]
USUAL_SHAPE, USUAL_COMPRESSION = "1x1x256x256", "deflate:1"
ZSTD = 32015
CACHE_BYTES = 4 << 20


def requests(size, dates):
    """What readers ask for, as slices of [time, band, y, x]. Windows lie across chunk borders, as those of users do."""
    a, b, c, date = size // 5, size // 4, size // 3, dates // 2
    everything = slice(None)
    return {
        "map: 1 date, 1 band": (date, 2, everything, everything),
        "window 512 x 512, 1 date, all bands": (date, everything, slice(a, a + 512), slice(b, b + 512)),
        "one pixel, all dates, 1 band": (everything, 2, c, c),
        "3 x 3 pixels, all dates and bands": (everything, everything, slice(c, c + 3), slice(c, c + 3)),
        "block 256 x 256, all dates and bands": (everything, everything, slice(a, a + 256), slice(b, b + 256)),
    }


def bytes_read():
    with open("/proc/self/io") as counters:
        return int(counters.readline().split()[1])


def read(cube, where, repeats):
    """CPU milliseconds, the least of some runs, and megabytes of one request."""
    least = None
    for _ in range(repeats):
        bytes_before, start = bytes_read(), time.process_time()
        with h5py.File(cube, "r", rdcc_nbytes=CACHE_BYTES) as file:
            file["reflectance"][where]
        seconds, count = time.process_time() - start, bytes_read() - bytes_before
        least = seconds if least is None else min(least, seconds)
    return least * 1e3, count / 1e6


def write(stfcube, job, cube, shape, compression, dates):
    """CPU seconds of the whole program."""
    log = cube.with_suffix(".log")
    command = [stfcube, "run", job, "--fresh", "--model.name", "linear", "--target.dates", "coarse",
               "--cube.path", cube, "--cube.chunk", shape.replace("x", " "), "--cube.compression", compression,
               "--model.max_pair_gap", str(8 * dates)]
    with open(log, "w") as output:
        process = subprocess.Popen(list(map(str, command)), stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(log.read_text())
    return usage.ru_utime + usage.ru_stime


def stored(cube):
    """Megabytes of reflectance in the file, and how many times smaller than its pixels that is."""
    with h5py.File(cube, "r") as file:
        data = file["reflectance"]
        return data.id.get_storage_size() / 1e6, data.size * data.dtype.itemsize / data.id.get_storage_size()


def measure(arguments, job, shape, compression):
    cube = arguments.out / "cube.nc"
    row = {"write": write(arguments.stfcube, job, cube, shape, compression, arguments.dates)}
    row["megabytes"], row["ratio"] = stored(cube)
    row["reads"] = {name: read(cube, where, arguments.repeats) for name, where in requests(arguments.size, arguments.dates).items()}
    cube.unlink()
    return row


def table(title, rows):
    """One column per cube."""
    lines = [["request"] + list(rows), ["---"] * (len(rows) + 1)]
    for name in next(iter(rows.values()))["reads"]:
        lines.append([name] + ["{:.3g} ms, {:.3g} MB".format(*row["reads"][name]) for row in rows.values()])
    lines.append(["reflectance in the file"] + ["{:.0f} MB ({:.2f}:1)".format(row["megabytes"], row["ratio"]) for row in rows.values()])
    lines.append(["CPU time of `stfcube run`"] + ["{:.1f} s".format(row["write"]) for row in rows.values()])
    print(f"\n{title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stfcube", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the archive and one cube at a time")
    parser.add_argument("--size", type=int, default=1536)
    parser.add_argument("--dates", type=int, default=46)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--shapes", nargs="*", default=SHAPES)
    parser.add_argument("--compressions", nargs="*", default=COMPRESSIONS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if not h5py.h5z.filter_avail(ZSTD):
        arguments.compressions = [name for name in arguments.compressions if not name.startswith("zstd")]
    archive = arguments.out / "archive"
    subprocess.run([arguments.stfcube, "simulate", "--out", archive, "--size", str(arguments.size), "--seed", "9",
                    "--days", str(8 * arguments.dates - 7), "--fine-every", "48", "--coarse-every", "8", "--bands", "4",
                    "--clouds", "0.1", "--overwrite"], check=True, stdout=subprocess.DEVNULL)
    job = archive / "job.cfg"
    table(f"Shapes, {USUAL_COMPRESSION}",
          {shape: measure(arguments, job, shape, USUAL_COMPRESSION) for shape in arguments.shapes})
    table(f"Compressions, {USUAL_SHAPE}",
          {name: measure(arguments, job, USUAL_SHAPE, name) for name in arguments.compressions})
    shutil.rmtree(archive)


if __name__ == "__main__":
    main()
