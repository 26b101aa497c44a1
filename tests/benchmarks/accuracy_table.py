"""Accuracy of all methods on the real sets, by leave-one-date-out cross-validation: the tables of docs/methods.md.

    python3 tests/benchmarks/accuracy_table.py --stfcube build/release/stfcube --data DIR --out FOLDER [--sets boreas,...]

DIR holds the sets, one folder each. FOLDER keeps the job files and the JSON of every set; a set whose JSON is there is
not computed again. Prints Markdown.
"""
import argparse
import json
import pathlib
import subprocess

import numpy
import rasterio

REFLECTANCE_6 = "blue:1 green:2 red:3 nir:4 swir1:5 swir2:6"


def boreas(data, _):
    bands = "green:1 red:2 nir:3"
    return {"grid": {"like": data / "fine_20010524.tif", "ratio": 16},
            "fine": {"scenes": data / "fine_*.tif", "bands": bands},
            "coarse": {"scenes": data / "coarse_480m_*.tif", "bands": bands},
            "model": {"max_pair_gap": 120}}


def l8_modis(data, _):
    # Level-1 numbers of Landsat 8 are top-of-atmosphere reflectance with these factors; MODIS is surface reflectance.
    bands = "green:1 swir2:2 nir:3 red:4"
    return {"grid": {"like": data / "fine_20160823.tif", "ratio": 15},
            "fine": {"scenes": data / "fine_*.tif", "bands": bands, "scale": 2e-5, "offset": -0.1,
                     "qa": data / "eval_mask_*.tif", "qa_scheme": "mask"},
            "coarse": {"scenes": data / "coarse_on_fine_grid_*.tif", "bands": bands, "resampling": "average"},
            "model": {"max_pair_gap": 60}}


def kranj(data, _):
    return {"grid": {"like": data / "fine_20200308.tif", "ratio": 15},
            "fine": {"scenes": data / "fine_2020*.tif", "bands": REFLECTANCE_6},
            "coarse": {"scenes": data / "coarse_on_fine_grid_*.tif", "bands": REFLECTANCE_6, "resampling": "average"},
            "model": {"max_pair_gap": 60}}


def ndvi(data, folder):
    """Each fine date has the composite of 16 days that holds it. Fmask classes 0, 1 and 3 (clear, water, snow) are used. One date is
    clear and has no mask."""
    for scene in data.glob("fine_ndvi_*.tif"):
        mask = scene.with_name(scene.name.replace("ndvi", "fmask"))
        with rasterio.open(mask if mask.exists() else scene) as file:
            profile, classes = file.profile, file.read(1)
        profile.update(nodata=None, dtype="uint8")
        with rasterio.open(folder / mask.name, "w", **profile) as file:
            file.write(numpy.where(numpy.isin(classes, (0, 1, 3)) | (not mask.exists()), 1, 0).astype("uint8"), 1)
    with rasterio.open(data / "coarse_ndvi_2015_23x16day.tif") as file:
        profile, first_days = file.profile, file.descriptions
        profile.update(count=1)
        for scene in data.glob("fine_ndvi_*.tif"):
            date = scene.stem[-8:]
            composite = max(i for i, day in enumerate(first_days) if day <= date)
            with rasterio.open(folder / f"coarse_{date}.tif", "w", **profile) as one:
                one.write(file.read(composite + 1), 1)
                one.scales = (1e-4,)
    return {"grid": {"like": data / "fine_ndvi_20150414.tif", "ratio": 8},
            "fine": {"scenes": data / "fine_ndvi_*.tif", "bands": "ndvi:1", "qa": folder / "fine_fmask_*.tif", "qa_scheme": "mask"},
            "coarse": {"scenes": folder / "coarse_2015*.tif", "bands": "ndvi:1"},
            "model": {"max_pair_gap": 120},
            "cube": {"quantity": "index"}}


def bolzano(data, _):
    bands = "blue:1 green:2 red:3 nir:4"
    return {"grid": {"like": data / "fine_20220602.tif", "ratio": 30},
            "fine": {"scenes": data / "fine_*.tif", "bands": bands, "qa": data / "scl_*.tif", "qa_scheme": "s2_scl"},
            "coarse": {"scenes": data / "coarse_2022*.tif", "bands": bands},
            "model": {"max_pair_gap": 60}}


def cia(data, _):
    return {"grid": {"like": data / "fine_20011125.tif", "ratio": 10},
            "fine": {"scenes": data / "fine_*.tif", "bands": REFLECTANCE_6},
            "coarse": {"scenes": data / "coarse_500m_*.tif", "bands": REFLECTANCE_6},
            "model": {"max_pair_gap": 60}}


def pantanal(data, _):
    return {"grid": {"like": data / "fine_20190809.tif", "ratio": 16},
            "fine": {"scenes": data / "fine_*.tif", "bands": REFLECTANCE_6},
            "coarse": {"scenes": data / "coarse_2019*.tif", "bands": REFLECTANCE_6},
            "model": {"max_pair_gap": 60},
            "cube": {"quantity": "toa_reflectance"}}


def brumadinho(data, _):
    return {"grid": {"like": data / "fine_20190114.tif", "ratio": 16},
            "fine": {"scenes": data / "fine_*.tif", "bands": REFLECTANCE_6, "qa": data / "eval_mask_*.tif", "qa_scheme": "mask"},
            "coarse": {"scenes": data / "coarse_2019*.tif", "bands": REFLECTANCE_6},
            "model": {"max_pair_gap": 60}}


def yanco(data, _):
    return {"grid": {"like": data / "fine_20160205.tif", "ratio": 10},
            "fine": {"scenes": data / "fine_*.tif", "bands": "lst:1"},
            "coarse": {"scenes": data / "coarse_on_fine_grid_*.tif", "bands": "lst:1", "resampling": "average"},
            "model": {"max_pair_gap": 60},
            "cube": {"quantity": "temperature"}}


SETS = {"boreas": ("boreas_2001", boreas), "l8_modis": ("l8_modis_2016_north", l8_modis), "kranj": ("kranj_2020", kranj),
        "ndvi": ("ndvi_landsat_modis_2015", ndvi), "bolzano": ("bolzano_s2_2022", bolzano),
        "cia": ("cia_north_2001_2002", cia), "pantanal": ("pantanal_fire_2019", pantanal),
        "brumadinho": ("brumadinho_2019", brumadinho), "yanco": ("lst_yanco_2016", yanco)}


def cross_validated(name, options):
    """The report of a set, computed once."""
    folder = options.out / name
    report = folder / "report.json"
    if not report.exists():
        folder.mkdir(parents=True, exist_ok=True)
        data = (options.data / SETS[name][0]).resolve()
        sections = SETS[name][1](data, folder.resolve())
        sections["target"] = {"dates": "fine"}
        with open(folder / "job.cfg", "w") as file:
            for section, keys in sections.items():
                file.write(f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
        words = [options.stfcube, "evaluate", "--cross-validate", folder / "job.cfg", "--json", report]
        subprocess.run([*words, *(["--methods", options.methods] if options.methods else [])], check=True)
    return json.loads(report.read_text())


def overall(report):
    """{method: its measures over the dates and pixels that all methods predicted}, methods without one left out."""
    return {one["method"]: one["common"]["overall"] for one in report["cross_validation"]["methods"]
            if one["common"]["overall"]["mean_rmse"] is not None}


def table(title, cell, reports, order):
    """One Markdown table, a row for each method and a column for each set; the best three of a column stand out."""
    print(f"\n{title}\n\n| method | {' | '.join(reports)} |\n|{'---|' * (1 + len(reports))}")
    for method in order:
        cells = [cell(reports[name], method) for name in reports]
        print(f"| `{method}` | {' | '.join(cells)} |")


def rmse_cell(report, method):
    measures = overall(report)
    if method not in measures:
        return "–"
    values = sorted(one["mean_rmse"] for one in measures.values())
    value = measures[method]["mean_rmse"]
    text = f"{value:.2f}" if report["data_range"] > 10 else f"{value * 1e4:.0f}"
    return f"**{text}**" if value <= values[min(2, len(values) - 1)] else text


def share_cell(report, method):
    measures = overall(report)
    return f"{measures[method]['within_sigma']:.2f}" if method in measures else "–"


def beaten(reports, method):
    """Whether the method is better than each of these floors on every set that both predicted: {floor: sets won, sets}."""
    result = {}
    for floor in ("increment", "linear", "starfm"):
        both = [overall(r) for r in reports.values() if method in overall(r) and floor in overall(r)]
        result[floor] = (sum(m[method]["mean_rmse"] < m[floor]["mean_rmse"] for m in both), len(both))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stfcube", required=True, type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--methods", default="", help="separated by commas; default: all")
    options = parser.parse_args()
    reports = {name: cross_validated(name, options) for name in options.sets.split(",")}

    def mean_rank(method):
        ranks = []
        for report in reports.values():
            order = sorted(overall(report), key=lambda m: overall(report)[m]["mean_rmse"])
            if method in order:
                ranks.append((order.index(method) + 1) / len(order))
        return (len(ranks) < 2, sum(ranks) / max(len(ranks), 1))  # one set says little: last

    methods = sorted({m for report in reports.values() for m in overall(report)}, key=mean_rank)
    table("Mean RMSE over bands and common dates, reflectance and NDVI in 1e-4, temperature in K", rmse_cell, reports, methods)
    table("Share of errors below one standard deviation as told by the uncertainty layer", share_cell, reports, methods)
    print("\n| method | sets where it beats increment | linear | STARFM |\n|---|---|---|---|")
    for method in methods:
        print(f"| `{method}` | " + " | ".join(f"{won} of {sets}" for won, sets in beaten(reports, method).values()) + " |")


if __name__ == "__main__":
    main()
