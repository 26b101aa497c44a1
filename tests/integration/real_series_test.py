"""Real series end to end: a withheld date is predicted, its accuracy printed beside the floors."""
import json
import unittest

from harness import EndToEnd, stfcube, write_job

METHODS = ("starfm", "increment", "linear")


def by_band(report, metric):
    """The metric of each band of the only image, by name of the band."""
    (image,) = report["predictions"][0]["images"]
    return {band["band"]: band[metric] for band in image["bands"] if band["band"] != "all"}


class RealSeries(EndToEnd):
    def predict(self, name, sections, reference, evaluate=()):
        """Predicts the withheld date with every method on two ranks; {method: report}. Prints the accuracy side by side."""
        reports = {}
        for method in METHODS:
            cube = self.folder / f"{method}.nc"
            job = write_job(self.folder / f"{method}.cfg", {
                **sections,
                "model": {"name": method, "max_pair_gap": 60},
                "cube": {**sections.get("cube", {}), "path": cube},
            })
            stfcube("run", job, ranks=2)
            reports[method] = json.loads(
                stfcube("evaluate", "--prediction", cube, "--reference", reference, "--json", "-", *evaluate).stdout)
        print(f"\n{name}: RMSE and CC per band")
        for method, report in reports.items():
            rmse, cc = by_band(report, "rmse"), by_band(report, "cc")
            print(f"  {method:<10}", *(f"{band} {rmse[band]:.4f} {cc[band]:.3f} " for band in rmse))
        return reports

    def test_boreas_2001(self):
        folder = self.data("boreas_2001")
        bands = "green:1 red:2 nir:3"
        reports = self.predict("boreas_2001", {
            "grid": {"like": folder / "fine_20010524.tif", "ratio": 1},
            "fine": {"scenes": folder / "fine_*.tif", "exclude": "*20010711*", "bands": bands},
            "coarse": {"scenes": folder / "coarse_on_fine_grid_*.tif", "bands": bands},
            "target": {"dates": "2001-07-11"},
        }, folder / "fine_20010711.tif")
        # The table of the specification, to the last digit shown: STARFM with two pairs, and linear interpolation.
        self.assertEqual({b: f"{v:.4f}" for b, v in by_band(reports["starfm"], "rmse").items()},
                         {"green": "0.0040", "red": "0.0044", "nir": "0.0162"})
        self.assertEqual({b: f"{v:.4f}" for b, v in by_band(reports["linear"], "rmse").items()},
                         {"green": "0.0047", "red": "0.0052", "nir": "0.0248"})

    def test_cia_north_2001_2002(self):
        folder = self.data("cia_north_2001_2002")
        bands = "blue:1 green:2 red:3 nir:4 swir1:5 swir2:6"
        reports = self.predict("cia_north_2001_2002", {
            "grid": {"like": folder / "fine_20011125.tif", "ratio": 10},
            "fine": {"scenes": folder / "fine_20011125.tif", "bands": bands},
            "coarse": {"scenes": folder / "coarse_500m_*.tif", "bands": bands},
            "target": {"dates": "2002-01-12"},
        }, folder / "fine_20020112.tif")
        # One pair before the date: the best there is without the future is better than no change at all.
        for band, rmse in by_band(reports["starfm"], "rmse").items():
            self.assertLess(rmse, by_band(reports["linear"], "rmse")[band], band)

    def test_bolzano_s2_2022(self):
        folder = self.data("bolzano_s2_2022")
        bands = "blue:1 green:2 red:3 nir:4"
        reports = self.predict("bolzano_s2_2022", {
            "grid": {"like": folder / "fine_20220602.tif", "ratio": 30},
            "fine": {"scenes": folder / "fine_*.tif", "exclude": "*20220615*", "bands": bands,
                     "qa": folder / "scl_*.tif", "qa_scheme": "s2_scl"},
            "coarse": {"scenes": folder / "coarse_2022*.tif", "bands": bands},
            "target": {"dates": "2022-06-15"},
        }, folder / "fine_20220615.tif")
        for method, report in reports.items():
            (image,) = report["predictions"][0]["images"]
            self.assertGreater(image["bands"][0]["pixels"], 0.8 * 915 * 690, method)

    def test_pantanal_fire_2019(self):
        folder = self.data("pantanal_fire_2019")
        bands = "blue:1 green:2 red:3 nir:4 swir1:5 swir2:6"
        reports = self.predict("pantanal_fire_2019", {
            "grid": {"like": folder / "fine_20190809.tif", "ratio": 16},
            "fine": {"scenes": folder / "fine_20190809.tif", "bands": bands},
            "coarse": {"scenes": folder / "coarse_2019*.tif", "bands": bands},
            "target": {"dates": "2019-08-25"},
            "cube": {"quantity": "toa_reflectance"},
        }, folder / "fine_20190825.tif")
        # A third of the area burns between the dates: whoever ignores the coarse images sees nothing of it.
        for band in ("nir", "swir1"):
            for method in ("starfm", "increment"):
                self.assertLess(by_band(reports[method], "rmse")[band], by_band(reports["linear"], "rmse")[band])


if __name__ == "__main__":
    unittest.main(verbosity=2)
