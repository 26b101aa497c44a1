#!/usr/bin/env python3
"""Proves that check.py sees what it is there to see: each case plants one violation in a small tree."""

import contextlib
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import check  # noqa: E402

TABLES = json.loads((check.HERE / "layers.json").read_text(encoding="utf-8"))
CLEAN = {
    "partitioning/core/date.hpp": '#pragma once\n#include <string>\n',
    "partitioning/mpi/native_mpi.hpp": '#pragma once\n#include <mpi.h>\n',
    "io/cube.hpp": '// a comment first\n#pragma once\n\n#include "stfcube/partitioning/core/date.hpp"\n',
    "io/hdf5/writer.cpp": '#include <hdf5.h>\n#include "stfcube/io/cube.hpp"\n#include "stfcube/partitioning/mpi/native_mpi.hpp"\n',
    "models/registry.cpp": '#include <fmt/format.h>\n      {"linear", x},\n',
    "pipeline/tile.cpp": '#include <oneapi/tbb/parallel_pipeline.h>\n#include "stfcube/io/cube.hpp"\n',
    "docs/methods/linear.md": "# linear\n",
    "tests/io/cube_test.cpp": '#include <gtest/gtest.h>\n#include "stfcube/io/cube.hpp"\n',
}
RULES = {
    "tested_folders": ["io", "models"],
    "tested_by": {"tests/io/cube_test.cpp": ["io/hdf5/writer"]},
    "untested": {"models/registry": "a table"},
    "registry": "models/registry.cpp",
    "pages": "docs/methods",
    "measured_folders": ["io"],
    "measured_endings": [".cpp", ".hpp"],
    "most_lines": 20,
}


@contextlib.contextmanager
def tree(changes):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in {**CLEAN, **changes}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        yield root


class Includes(unittest.TestCase):
    def expect(self, changes, *wanted):
        with tree(changes) as root:
            problems = check.check_includes(root, TABLES)
        self.assertEqual(len(problems), len(wanted), problems)
        for problem, text in zip(problems, wanted):
            self.assertIn(text, problem)

    def test_clean_tree_has_no_violation(self):
        self.expect({})

    def test_upward_include(self):
        self.expect({"models/x.hpp": '#pragma once\n\n#include "stfcube/io/cube.hpp"\n'},
                    "models/x.hpp:3: models/ may not include stfcube/io/cube.hpp")

    def test_backend_behind_the_front(self):
        self.expect({"io/hdf5/handle.hpp": "", "pipeline/x.cpp": '#include "stfcube/io/hdf5/handle.hpp"\n'},
                    "pipeline/x.cpp:1: pipeline/ may not include")

    def test_layers_inside_partitioning(self):
        self.expect({"partitioning/core/x.hpp": '#include "stfcube/partitioning/mpi/native_mpi.hpp"\n'},
                    "partitioning/core/ may not include", "MPI")

    def test_third_party_header_away_from_home(self):
        self.expect({"models/x.cpp": "#include <hdf5.h>\n"}, "models/x.cpp:1: hdf5.h (HDF5) may be included only in io/hdf5/")
        self.expect({"io/gdal/x.cpp": "# include  <spdlog/spdlog.h>\n"}, "io/gdal/x.cpp:1: spdlog/spdlog.h")
        self.expect({"pipeline/x.hpp": "#pragma once\n#include <oneapi/tbb/info.h>\n"}, "pipeline/x.hpp:2: oneapi/tbb/info.h")
        self.expect({"io/x.hpp": "#pragma once\n#include <fmt/format.h>\n"}, "io/x.hpp:2: fmt/format.h")

    def test_mpi_in_through_the_back_door(self):
        self.expect({"io/x.cpp": '#include "stfcube/partitioning/mpi/native_mpi.hpp"\n'}, "(MPI) may be included only in")
        self.expect({"io/hdf5/x.hpp": '#include "stfcube/partitioning/mpi/native_mpi.hpp"\n'}, "io/hdf5/x.hpp:1")

    def test_unknown_library(self):
        self.expect({"io/x.cpp": "#include <boost/filesystem.hpp>\n"}, "boost/filesystem.hpp has no home in layers.json")

    def test_include_by_relative_path(self):
        self.expect({"io/x.cpp": '#include "cube.hpp"\n'}, "cube.hpp has no home")

    def test_missing_header(self):
        self.expect({"io/x.cpp": '#include "stfcube/io/gone.hpp"\n'}, "stfcube/io/gone.hpp does not exist")

    def test_cycle_of_files(self):
        self.expect({"io/a.hpp": '#include "stfcube/io/b.hpp"\n', "io/b.hpp": '#include "stfcube/io/a.hpp"\n'},
                    "include cycle: io/a.hpp -> io/b.hpp -> io/a.hpp")

    def test_cycle_in_the_table(self):
        spoiled = {**TABLES, "folders": {**TABLES["folders"], "partitioning/core/": ["io/"]}}
        self.assertIsNone(check.table_cycle(TABLES))
        self.assertEqual(check.table_cycle(spoiled), ["io", "partitioning", "io"])


class Headers(unittest.TestCase):
    def problems(self, changes, compiled):
        with tree(changes) as root:
            built = root / "headers.txt"
            built.write_text("\n".join(compiled), encoding="utf-8")
            return check.check_headers(root, TABLES, built)

    def test_clean_tree_has_no_violation(self):
        self.assertEqual(self.problems({}, ["io/cube.hpp", "partitioning/core/date.hpp"]), [])

    def test_header_without_guard(self):
        problems = self.problems({"io/cube.hpp": "#include <string>\n"}, ["io/cube.hpp", "partitioning/core/date.hpp"])
        self.assertEqual(problems, ["io/cube.hpp:1: the first line of code must be #pragma once"])

    def test_header_that_nobody_compiles_alone(self):
        problems = self.problems({}, ["partitioning/core/date.hpp"])
        self.assertEqual(len(problems), 1)
        self.assertIn("io/cube.hpp:1: is not among the headers", problems[0])


class Files(unittest.TestCase):
    def problems(self, changes, **rules):
        with tree(changes) as root:
            return check.check_files(root, {**RULES, **rules})

    def test_clean_tree_has_no_violation(self):
        self.assertEqual(self.problems({}), [])

    def test_source_without_test(self):
        problems = self.problems({"io/forgotten.cpp": ""})
        self.assertEqual(problems, ["io/forgotten.cpp:1: has no test tests/.../forgotten_test.cpp and is not listed in files.json"])

    def test_parts_of_a_tested_subject(self):
        self.assertEqual(self.problems({"io/cube_cells.cpp": ""}), [])
        self.assertEqual(len(self.problems({"models/cube_cells.cpp": ""})), 1)

    def test_stale_lists(self):
        self.assertIn("io/gone does not exist", self.problems({}, untested={**RULES["untested"], "io/gone": "x"})[0])
        self.assertIn("io/cube has a test of its own", self.problems({}, untested={**RULES["untested"], "io/cube": "x"})[0])
        self.assertIn("which does not exist", self.problems({}, tested_by={"tests/io/no_test.cpp": ["io/hdf5/writer"]})[0])

    def test_method_without_page(self):
        problems = self.problems({"models/registry.cpp": '\n      {"starfm", StarfmModel::entry()},\n'})
        self.assertEqual(problems, ["models/registry.cpp:2: the method starfm has no page docs/methods/starfm.md"])

    def test_long_file(self):
        problems = self.problems({"io/cube.hpp": "\n" * 21})
        self.assertEqual(problems, ["io/cube.hpp:21: has 21 lines (at most 20)"])


if __name__ == "__main__":
    unittest.main()
