"""Cross-validation as a user runs it: equal for any number of ranks, equal to doing it by hand, and with messages that help."""
import base64
import json
import re
import unittest
import xml.etree.ElementTree

import numpy
import rasterio
from harness import EndToEnd, stfcube, write_job


def figures(report, prediction):
    """The figures of one prediction by date, without paths."""
    series = next(one for one in report["predictions"] if one["prediction"] == prediction)
    return {image["date"]: (image["bands"], image["all"], image["strata"]) for image in series["images"]}


class Evaluation(EndToEnd):
    def archive(self, **settings):
        folder = self.folder / "archive"
        options = {"size": "150x130", "days": 33, "fine-every": 8, "coarse-every": 4, "clouds": 0, "ratio": 10, "bands": 3,
                   "seed": 5, **settings}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        stfcube("simulate", "--out", folder, *words)
        return folder

    def evaluate(self, *words, ranks=1):
        return json.loads(stfcube("evaluate", *words, "--json", "-", ranks=ranks).stdout)

    def test_folds_equal_runs_without_the_date(self):
        archive = self.archive(**{"coarse-clouds": 0.1})
        job = archive / "job.cfg"
        job.write_text(job.read_text().replace("[model]", "[model]\ngap_fill = none"))
        validated = self.evaluate("--cross-validate", job, "--methods", "starfm,increment,linear")
        # The base is the nearest scene that is left, the earlier of two.
        for date, base in (("20200101", "20200109"), ("20200117", "20200109"), ("20200202", "20200125")):
            for method in ("starfm", "increment", "linear"):
                cube = self.folder / f"{method}_{date}.nc"
                target = f"{date[:4]}-{date[4:6]}-{date[6:]}"
                stfcube("run", job, "--cube.path", cube, "--fine.exclude", f"*{date}*", "--target.dates", target,
                        "--model.name", method)
                by_hand = self.evaluate("--prediction", cube, "--reference", archive / "fine" / f"FINE_{date}.tif", "--base",
                                        archive / "fine" / f"FINE_{base}.tif", "--coarse",
                                        archive / "coarse" / f"COARSE_{date}.tif")
                [(by_hand_date, expected)] = figures(by_hand, cube.stem).items()
                self.assertEqual(by_hand_date, target)
                self.assertEqual(figures(validated, method)[target], expected, (method, date))
                self.assertIsNotNone(expected[1]["within_sigma"])
                self.assertIsNotNone(expected[1]["coarse_rmse"])

    def test_any_number_of_ranks_gives_the_same_report(self):
        archive = self.archive(clouds=0.4, **{"coarse-clouds": 0.2})
        reports = [self.evaluate("--cross-validate", archive / "job.cfg", "--methods", "starfm,increment,linear", ranks=ranks)
                   for ranks in (1, 2, 3)]
        self.assertEqual(reports[0], reports[1])
        self.assertEqual(reports[0], reports[2])
        standings = {one["method"]: one for one in reports[0]["cross_validation"]["methods"]}
        starfm = standings["starfm"]
        self.assertLess(starfm["predicted_pixels"], starfm["reference_pixels"], "coarse clouds leave holes")
        pixels = {name: one["common"]["overall"]["pixels"] for name, one in standings.items()}
        self.assertEqual(len(set(pixels.values())), 1, "what is compared is the same for all")
        self.assertLessEqual(pixels["starfm"], starfm["predicted_pixels"])
        self.assertEqual(sorted(one["rank"] for one in standings.values()), list(range(1, len(standings) + 1)))

    def test_all_methods_take_part_unless_some_are_named(self):
        archive = self.archive(days=17, size="50x40", clouds=0.2)
        reports = [self.evaluate("--cross-validate", archive / "job.cfg", ranks=ranks) for ranks in (1, 2)]
        self.assertEqual(reports[0], reports[1])
        classical, _, networks = stfcube("models").stdout.partition("\nNetworks")
        names = [line.split()[0] for line in classical.splitlines() if line and not line.startswith("'")]
        # Of the networks the one whose weights come with stfcube.
        known = sorted(names + [line.split()[0] for line in networks.splitlines() if line.startswith("incnet ")])
        methods = reports[0]["cross_validation"]["methods"]
        self.assertEqual([one["method"] for one in methods], known)
        for one in methods:
            self.assertEqual(one["folds"] + len(one["missed"]), 3)
            self.assertTrue(all(fold["reason"] for fold in one["missed"]))

    def test_folds_that_cannot_be_predicted_are_told(self):
        archive = self.archive()
        job = archive / "job.cfg"
        job.write_text(job.read_text().replace("[model]", "[model]\nmax_pair_gap = 8"))
        # Without the pair of 9 January the first date has nothing within 8 days.
        job.write_text(job.read_text().replace("[fine]", "[fine]\nexclude = *20200109*"))
        job.write_text(job.read_text().replace("dates = coarse", "dates = 2020-01-01 2020-01-25"))
        report = self.evaluate("--cross-validate", job, "--methods", "starfm,linear")
        self.assertEqual([one["method"] for one in report["cross_validation"]["methods"]], ["starfm", "linear"])
        for standing in report["cross_validation"]["methods"]:
            self.assertEqual([fold["date"] for fold in standing["missed"]], ["2020-01-01"])
            self.assertEqual(standing["folds"], 3)
        self.assertIn("it needs 1 pair, 0 are left within model.max_pair_gap = 8 days",
                      report["cross_validation"]["methods"][0]["missed"][0]["reason"])
        self.assertEqual(report["cross_validation"]["common_folds"], 3)
        table = stfcube("evaluate", "--cross-validate", job, "--methods", "starfm", "linear").stdout
        for words in ("rank", "3/4", "starfm does not predict 2020-01-01: it needs 1 pair", "mean RMSE"):
            self.assertIn(words, table)

    def test_wrong_inputs_are_told(self):
        archive = self.archive(days=9, size=60)
        job = archive / "job.cfg"
        cases = [
            (2, ["--methods", "starfn"], ["starfn is no method", "Did you mean starfm?", "increment"]),
            (2, ["--reference", job], ["--reference does not go with --cross-validate"]),
            (2, ["--ratio", 3], ["--ratio does not go with --cross-validate"]),
            (2, ["--cross-validate", archive / "absent.cfg"], ["absent.cfg"]),
            (3, ["--mask", archive / "coarse" / "COARSE_20200101.tif"], ["is not on the job's grid"]),
            (3, ["--classes", archive / "coarse" / "COARSE_20200101.tif"], ["(--classes)", "is not on the cube's grid"]),
        ]
        for status, words, messages in cases:
            first = [] if "--cross-validate" in words else ["--cross-validate", job]
            done = stfcube("evaluate", *first, *words, check=False, ranks=2)
            self.assertEqual(done.returncode, status, done.stderr)
            for message in messages:
                self.assertIn(message, done.stderr)
        done = stfcube("evaluate", "--prediction", job, "--reference", job, "--methods", "linear", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--methods goes with --cross-validate", done.stderr)
        wrong = archive / "wrong.cfg"
        wrong.write_text(job.read_text().replace("[model]", "[model]\nmax_pair_gap = near"))
        done = stfcube("evaluate", "--cross-validate", wrong, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"wrong.cfg, line [0-9]+: model.max_pair_gap = near")
        job.write_text(job.read_text().replace("[fine]", "[fine]\nexclude = *20200109*"))
        done = stfcube("evaluate", "--cross-validate", job, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("the job has 1", done.stderr)

    def test_mask_and_classes_hold_for_every_fold(self):
        archive = self.archive()
        with rasterio.open(archive / "fine" / "FINE_20200101.tif") as scene:
            profile = scene.profile
        profile.update(count=1, dtype="uint8", nodata=255)
        classes = numpy.add.outer(numpy.arange(130) // 40, numpy.arange(150) // 40).astype("uint8")
        for name, values in (("classes.tif", classes), ("mask.tif", (classes < 3).astype("uint8"))):
            with rasterio.open(self.folder / name, "w", **profile) as file:
                file.write(values, 1)
        report = self.evaluate("--cross-validate", archive / "job.cfg", "--methods", "linear", "--mask", self.folder / "mask.tif",
                               "--classes", self.folder / "classes.tif")
        for image in report["predictions"][0]["images"]:
            self.assertEqual(image["all"]["pixels"], int((classes < 3).sum()))
            seen = {one["value"]: one["all"]["pixels"] for one in image["strata"] if one["layer"] == "class"}
            self.assertEqual(seen, {str(c): int((classes == c).sum()) for c in range(3)})


    def test_withheld_date_of_boreas_has_the_published_errors(self):
        folder = self.data("boreas_2001")
        bands = "green:1 red:2 nir:3"
        job = write_job(self.folder / "job.cfg", {
            "grid": {"like": folder / "fine_20010524.tif", "ratio": 1},
            "fine": {"scenes": folder / "fine_*.tif", "bands": bands},
            "coarse": {"scenes": folder / "coarse_on_fine_grid_*.tif", "bands": bands},
            "target": {"dates": "2001-07-11"},
            "model": {"name": "starfm", "max_pair_gap": 60},
        })
        report = self.evaluate("--cross-validate", job, "--methods", "starfm", ranks=2)
        of_bands, _, strata = figures(report, "starfm")["2001-07-11"]
        self.assertEqual([f"{band['rmse']:.4f}" for band in of_bands], ["0.0040", "0.0044", "0.0162"])
        self.assertEqual([stratum["value"] for stratum in strata], ["stable", "gradual"])
        missed = report["cross_validation"]["methods"][0]["missed"]
        self.assertEqual(missed, [], "24 May has 11 July within 60 days, 12 August has it, too")

    def test_pictures_are_drawings_that_do_not_depend_on_ranks(self):
        archive = self.archive(days=17, clouds=0.2)
        folders = []
        for ranks in (1, 3):
            folders.append(self.folder / f"pictures{ranks}" / "deep")
            stfcube("evaluate", "--cross-validate", archive / "job.cfg", "--methods", "starfm,linear", "--pictures", folders[-1],
                    ranks=ranks)
        names = sorted(path.name for path in folders[0].iterdir())
        dates = ("20200101", "20200109", "20200117")
        expected = [f"{kind}_{method}_{date}.svg" for kind in ("map", "scatter") for method in ("starfm", "linear") for date in dates]
        self.assertEqual(names, sorted(expected + [f"{name}.svg" for name in ("measures", "bands", "strata", "dates")]))
        for name in names:
            text = (folders[0] / name).read_text()
            self.assertEqual(text, (folders[1] / name).read_text(), name)
            texts = [element.text for element in xml.etree.ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
            self.assertTrue(texts and all(texts), name)
        pictures = re.findall('base64,([^"]*)"', (folders[0] / "map_starfm_20200109.svg").read_text())
        self.assertEqual(len(pictures), 3)
        for picture in pictures:
            with rasterio.MemoryFile(base64.b64decode(picture)).open() as opened:
                self.assertEqual((opened.count, opened.width, opened.height), (3, 150, 130))
        done = stfcube("evaluate", "--cross-validate", archive / "job.cfg", "--pictures", archive / "job.cfg", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the folder cannot be made", done.stderr)

    def test_pictures_of_files_and_cubes(self):
        archive = self.archive(days=17)
        scenes = [archive / "fine" / f"FINE_{date}.tif" for date in ("20200101", "20200109", "20200117")]
        stfcube("evaluate", "--prediction", *scenes[:2], "--reference", scenes[2], "--pictures", self.folder / "pictures")
        names = sorted(path.name for path in (self.folder / "pictures").iterdir())
        self.assertEqual(names, ["bands.svg", "map_FINE_20200101_20200117.svg", "map_FINE_20200109_20200117.svg", "measures.svg",
                                 "scatter_FINE_20200101_20200117.svg", "scatter_FINE_20200109_20200117.svg"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
