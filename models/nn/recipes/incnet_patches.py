"""Training patches of the weights of incnet that come with stfcube (docs/methods/incnet.md).

    python3 incnet_patches.py scenes --stfcube build/release/stfcube --data DIR --out scenes/
    python3 incnet_patches.py patches --scenes scenes/ --out train.patches --validation-out validation.patches
    stfcube_nn train --patches train.patches --validation validation.patches --network incnet --out incnet.safetensors \\
      --steps 3000 --batch 8 --loss l1 --learning-rate 2e-3 --warm-up 100 --ema 0.995 --validate-every 1000
    python3 incnet_patches.py card --weights incnet.safetensors --out models/weights/incnet.safetensors

`scenes` gathers series of fine images: simulated landscapes, and real ones whose licence allows weights to be made from them
(DIR holds one folder for each). It needs rasterio. `patches` draws patches of 96 px and makes the coarse images that belong to them: fine images blurred, displaced,
averaged over cells of 8 to 30 px, with errors that differ from date to date as those of sensors do. It needs NumPy and SciPy only. The file format is
that of models/nn/api/patch_file.hpp. `card` tells in the weight file what it was trained on.
"""
import argparse
import pathlib
import struct
import subprocess

import numpy

SIZE = 96
BANDS = 4
NO_VALUE = -32768
RATIOS = (8, 10, 15, 16, 20, 30)


# Scenes ------------------------------------------------------------------------------------------------------------


def store(path, fine, valid, days, coarse=None, ratio=0):
    """fine [date, band, y, x] int16; differences along x compress better."""
    more = {} if coarse is None else {"coarse": coarse, "ratio": ratio}
    steps = numpy.diff(fine, axis=-1, prepend=numpy.int16(0))
    numpy.savez_compressed(path, fine_steps=steps, valid=valid, days=numpy.array(days), **more)


def day_number(date):
    return int((numpy.datetime64(f"{date[:4]}-{date[4:6]}-{date[6:8]}") - numpy.datetime64("1970-01-01")).astype(int))


def simulated(arguments, out):
    import rasterio

    for seed in range(101, 101 + arguments.simulated):
        folder = out / f"simulated_{seed}"
        every = (8, 16, 24, 32)[seed % 4]
        subprocess.run([arguments.stfcube, "simulate", "--out", folder, "--size", "320", "--seed", str(seed), "--start",
                        f"2020-{1 + seed % 7:02d}-05", "--days", str(5 * every + 1), "--fine-every", str(every), "--coarse-every", str(every),
                        "--bands", "6", "--clouds", "0", "--truth", "--overwrite"], check=True, stdout=subprocess.DEVNULL)
        images, days = [], []
        bands = [1, 3, 4, 5] if seed % 2 else [2, 3, 4, 6]
        for truth in sorted((folder / "truth").glob("*.tif")):
            with rasterio.open(truth) as file:
                images.append(numpy.round((file.read(bands) * file.scales[0] + file.offsets[0]) * 1e4).astype(numpy.int16))
            days.append(day_number(truth.stem[-8:]))
        fine = numpy.stack(images)
        store(out / f"simulated_{seed}.npz", fine, numpy.ones(fine[:, 0].shape, bool), days)


def bolzano(data, out):
    import rasterio

    fine, valid, days = [], [], []
    for scene in sorted((data / "bolzano_s2_2022").glob("fine_*.tif")):
        with rasterio.open(scene) as file:
            values = file.read()
        with rasterio.open(scene.with_name(scene.name.replace("fine", "scl"))) as file:
            classes = file.read(1)
        clear = numpy.isin(classes, (2, 4, 5, 6, 7, 11)) & (values != 65535).all(0) & (values < 16000).all(0)
        fine.append(numpy.where(values < 16000, values, 0).astype(numpy.int16))
        valid.append(clear)
        days.append(day_number(scene.stem[-8:]))
    store(out / "bolzano.npz", numpy.stack(fine), numpy.stack(valid), days)


def pantanal(data, out):
    import rasterio

    for name, bands in (("a", [1, 3, 4, 6]), ("b", [2, 3, 4, 5])):
        fine, valid, days = [], [], []
        for scene in sorted((data / "pantanal_fire_2019").glob("fine_*.tif")):
            with rasterio.open(scene) as file:
                values = file.read(bands)
            valid.append((values != 0).all(0))
            fine.append(numpy.round(values * 0.2 - 1000).clip(-2000, 16000).astype(numpy.int16))
            days.append(day_number(scene.stem[-8:]))
        store(out / f"pantanal_{name}.npz", numpy.stack(fine), numpy.stack(valid), days)


def l8_modis(data, out):
    import rasterio

    folder, ratio = data / "l8_modis_2016_north", 15
    fine, coarse, valid, days = [], [], [], []
    for scene in sorted(folder.glob("fine_*.tif")):
        with rasterio.open(scene) as file:
            fine.append(numpy.round(file.read() * 0.2 - 1000).clip(-2000, 16000).astype(numpy.int16))
        with rasterio.open(folder / scene.name.replace("fine", "coarse_on_fine_grid")) as file:
            coarse.append(cell_means(file.read().astype(float), ratio).astype(numpy.float32))
        with rasterio.open(folder / scene.name.replace("fine", "eval_mask")) as file:
            valid.append(file.read(1) != 0)
        days.append(day_number(scene.stem[-8:]))
    store(out / "l8_modis.npz", numpy.stack(fine), numpy.stack(valid), days, numpy.stack(coarse), ratio)


def quarterly(data, out):
    """Seasonal NDVI (x 100), as the same value in every band: one quantity, large changes."""
    import rasterio

    with rasterio.open(data / "series" / "landsat_quarterly_2015_2020" / "ndvi_filled.tif") as file:
        values = file.read()
    picked = values[1::2][:9]
    fine = numpy.repeat((picked.astype(numpy.int32) * 50).clip(0, 10000).astype(numpy.int16)[:, None], 1, axis=1)
    store(out / "quarterly.npz", fine, picked != 255, [16500 + 182 * i for i in range(len(picked))])


def scenes(arguments):
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    data = pathlib.Path(arguments.data)
    simulated(arguments, out)
    for make in (bolzano, pantanal, l8_modis, quarterly):
        make(data, out)


# Coarse images -----------------------------------------------------------------------------------------------------


def cell_means(image, ratio):
    height, width = image.shape[-2] // ratio, image.shape[-1] // ratio
    blocks = image[..., :height * ratio, :width * ratio].reshape(*image.shape[:-2], height, ratio, width, ratio)
    return blocks.mean((-3, -1))


def bilinear_matrix(pixels, cells, ratio, first=0):
    """[pixels, cells]: fine pixel i reads cell (i + 0.5) / ratio - 0.5, clamped at the edge."""
    at = ((numpy.arange(pixels) + first + 0.5) / ratio - 0.5).clip(0, cells - 1)
    low = numpy.minimum(at.astype(int), max(cells - 2, 0))
    matrix = numpy.zeros((pixels, cells), numpy.float32)
    matrix[numpy.arange(pixels), low] = 1 - (at - low)
    if cells > 1:
        matrix[numpy.arange(pixels), low + 1] += at - low
    return matrix


def on_fine_grid(cells, ratio, top, left):
    """The window of SIZE pixels at (top, left) of an image of cells."""
    rows = bilinear_matrix(SIZE, cells.shape[-2], ratio, top)
    columns = bilinear_matrix(SIZE, cells.shape[-1], ratio, left)
    return rows @ cells @ columns.T


def sensor_errors(cells, size, difficulty, random):
    """What a coarse sensor adds on one date: gain and offset by band, a smooth field, noise by cell."""
    from scipy.ndimage import gaussian_filter

    bands = len(cells)
    gain = 1 + difficulty * 0.03 * random.standard_normal((bands, 1, 1))
    offset = difficulty * 0.004 * random.standard_normal((bands, 1, 1))
    correlation = random.uniform(1, 4)
    shared = gaussian_filter(random.standard_normal(cells.shape[1:]), correlation)
    own = gaussian_filter(random.standard_normal(cells.shape), (0, correlation, correlation))
    field = (0.7 * shared + 0.7 * own) * 2 * correlation * numpy.sqrt(numpy.pi)
    noise = random.standard_normal(cells.shape)
    return cells * gain + size * (offset + difficulty * (0.008 * field + 0.005 * noise))


def coarse_series(fine, ratio, difficulty, random):
    """[date, band, cell y, cell x] of fine [date, band, y, x] (reflectance)."""
    from scipy.ndimage import gaussian_filter, shift

    blur = random.uniform(0.2, 0.55) * ratio
    size = max(0.3, min(2.0, float(numpy.abs(fine).mean()) / 0.15))
    made = []
    for image in fine:
        displaced = difficulty * 0.2 * ratio * random.standard_normal(2)
        seen = numpy.stack([shift(gaussian_filter(band, blur), displaced, order=1, mode="nearest") for band in image])
        made.append(sensor_errors(cell_means(seen, ratio), size, difficulty, random))
    return numpy.stack(made)


# Patches -----------------------------------------------------------------------------------------------------------


def dates_of(count, random):
    """(target, first, second); second = None for a pair on one side only."""
    picked = sorted(random.choice(count, size=min(3, count), replace=False))
    if len(picked) == 3 and random.random() < 0.8:
        return picked[1], picked[0], picked[2]
    two = random.permutation(picked)[:2]
    return two[0], two[1], None


def record(fine, valid, days, coarse, ratio, dates, corner, random):
    """Bytes of one patch, or None when too little of it is clear. A pair on one side stands on both, and its second
    copy on the target's day."""
    target, first, second = dates
    top, left = corner
    window = numpy.s_[top:top + SIZE, left:left + SIZE]
    used = [target, first] + ([] if second is None else [second])
    if min(valid[date][window].mean() for date in used) < 0.85:
        return None
    images = []
    for date in (target, first, first if second is None else second):
        image = fine[date][(slice(None), *window)].astype(numpy.float32)
        image = numpy.where(valid[date][window], image, NO_VALUE)
        images += [image, on_fine_grid(coarse[date].astype(numpy.float32), ratio, top, left) * 1e4]
    bands = numpy.arange(images[0].shape[0])
    bands = random.permutation(bands) if len(bands) == BANDS else random.choice(bands, BANDS)
    values = numpy.stack([image[bands] for image in images]).round().clip(NO_VALUE, 32767).astype("<i2")
    numbers = struct.pack("<4i", days[target], days[first], days[target] if second is None else days[second], 0)
    return numbers + values.tobytes()


def header(count):
    text = struct.pack("<8sIIIIIIQ", b"STFPATCH", 1, 128, BANDS, SIZE, 16, 0, count) + b" ".join(f"band{i}".encode() for i in range(BANDS))
    return text.ljust(128, b"\0")


def drawn(path, rounds, per_round, seed):
    """Patches of one series: `rounds` realisations of its coarse images, `per_round` patches of each."""
    random = numpy.random.default_rng([seed, *path.stem.encode()])
    with numpy.load(path) as file:
        fine = file["fine_steps"].cumsum(-1, dtype=numpy.int16)
        valid, days = file["valid"], file["days"]
        observed = (file["coarse"], int(file["ratio"])) if "coarse" in file else None
    made = []
    for _ in range(rounds):
        if observed:
            coarse, ratio = observed
        else:
            ratio = int(random.choice(RATIOS))
            height, width = (extent // ratio * ratio for extent in fine.shape[-2:])
            coarse = coarse_series(fine[..., :height, :width] * 1e-4, ratio, random.choice([0.15, 0.5, 1.0, 1.5]), random)
        height, width = coarse.shape[-2] * ratio, coarse.shape[-1] * ratio
        for _ in range(per_round):
            corner = int(random.integers(0, height - SIZE + 1)), int(random.integers(0, width - SIZE + 1))
            made.append(record(fine, valid, days, coarse, ratio, dates_of(len(days), random), corner, random))
    return [one for one in made if one]


def write(path, records):
    with open(path, "wb") as file:
        file.write(header(len(records)))
        for one in records:
            file.write(one)


def patches(arguments):
    import concurrent.futures

    folder = pathlib.Path(arguments.scenes)
    work, held_out = [], []
    for path in sorted(folder.glob("*.npz")):
        if path.stem.startswith("simulated"):
            (held_out if path.stem.endswith("1") else work).append((path, 12, 24))
        else:
            work.append((path, *{"bolzano": (24, 40), "l8_modis": (1, 300), "quarterly": (16, 20)}.get(path.stem, (8, 30))))
    with concurrent.futures.ProcessPoolExecutor(arguments.workers) as pool:
        training = [pool.submit(drawn, *job, arguments.seed) for job in work]
        validation = [pool.submit(drawn, path, 4, 12, arguments.seed + 1) for path, *_ in held_out + work[:2]]
        write(arguments.out, [one for job in training for one in job.result()])
        write(arguments.validation_out, [one for job in validation for one in job.result()])


# Card --------------------------------------------------------------------------------------------------------------


def card(arguments):
    """The same numbers with a card that says what they were trained on."""
    import hashlib
    import json

    content = pathlib.Path(arguments.weights).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    header["__metadata__"].update({
        "stfcube.bands": "*",
        "stfcube.ratio": "8-30",
        "stfcube.licence": "Apache-2.0",
        "stfcube.sha256": hashlib.sha256(content[8 + length:]).hexdigest(),
        "stfcube.source": "stfcube, models/nn/recipes/incnet_patches.py",
        "stfcube.training_data":
            "stfcube simulate (5 landscapes, 6 dates each); Sentinel-2 of Bolzano, June 2022 (modified Copernicus Sentinel data 2022, "
            "openeo-processes-dask, Apache-2.0); Landsat 8 of the Pantanal, August 2019 (public domain, CC0); seasonal Landsat NDVI "
            "composites 2014-2020 (scikit-map, MIT); Landsat 8 and MODIS, central Europe, August 2016 (public domain, BSD-3-Clause). "
            "Coarse images are simulated, except those of the last one. Not trained on: BOREAS, Coleambally, Kranj, the NDVI series of 2015.",
    })
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(arguments.out).write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length:])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("scenes")
    one.set_defaults(call=scenes)
    one.add_argument("--stfcube", required=True)
    one.add_argument("--data", required=True)
    one.add_argument("--out", required=True)
    one.add_argument("--simulated", type=int, default=6)
    two = commands.add_parser("patches")
    two.set_defaults(call=patches)
    two.add_argument("--scenes", required=True)
    two.add_argument("--out", required=True)
    two.add_argument("--validation-out", required=True)
    two.add_argument("--workers", type=int, default=None)
    two.add_argument("--seed", type=int, default=1)
    three = commands.add_parser("card")
    three.set_defaults(call=card)
    three.add_argument("--weights", required=True)
    three.add_argument("--out", required=True)
    parsed = parser.parse_args()
    parsed.call(parsed)
