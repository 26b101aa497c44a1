"""Makes demo.png from the archive and the cube that jobs/demo.sh leaves: four views of one day, side by side.

Usage: python3 docs/images/make_demo_picture.py [DEMO FOLDER] [DATE]      python3-rasterio, python3-h5py, python3-numpy
"""
import pathlib
import sys

import h5py
import numpy
import rasterio

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
date = sys.argv[2] if len(sys.argv) > 2 else "2020-03-13"
day = date.replace("-", "")
rows = columns = slice(0, 400)
bands = (3, 2, 1)  # near infrared, red, green

with h5py.File(folder / "cube.nc") as cube:
    days = cube["time"][:].astype("datetime64[D]")
    index = int(numpy.flatnonzero(days == numpy.datetime64(date))[0])
    fused = cube["reflectance"][index][list(bands), rows, columns]

before = max(path for path in folder.glob("fine/FINE_????????.tif") if path.stem[5:] < day)


def read(path, repeat=1):
    with rasterio.open(path) as file:
        values = file.read([band + 1 for band in bands])
    return values.repeat(repeat, axis=1).repeat(repeat, axis=2)[:, rows, columns]


panels = [read(before), read(folder / f"coarse/COARSE_{day}.tif", 16), fused, read(folder / f"truth/TRUTH_{day}.tif")]
low, high = numpy.percentile(panels[-1], (2, 98), axis=(1, 2), keepdims=True)
gap = numpy.full((3, 400, 8), 255, "uint8")
pictures = []
for panel in panels:
    pictures += [(numpy.clip((panel - low) / (high - low), 0, 1) * 255).astype("uint8"), gap]
picture = numpy.concatenate(pictures[:-1], axis=2)
out = pathlib.Path(__file__).with_name("demo.png")
with rasterio.open(out, "w", driver="PNG", width=picture.shape[2], height=picture.shape[1], count=3, dtype="uint8") as file:
    file.write(picture)
out.with_name("demo.png.aux.xml").unlink(missing_ok=True)
print(out)
