#!/usr/bin/env python3
"""Holds the architecture: who may include whom, what headers look like, which files belong together.

check.py includes|headers|files [--root DIR] [--built FILE]

The rules are data: layers.json and files.json beside this program. Every violation is printed as file:line: text; the exit
status is 1 when there is one. Only the Python standard library is used.
"""

import argparse
import collections
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
SOURCES = (".hpp", ".cpp", ".h", ".c", ".cc", ".inc", ".cpp.in", ".hpp.in")
OWN = "stfcube/"


def sources(root, folders):
    """Source files below the folders, as paths relative to the root, sorted."""
    found = []
    for folder in folders:
        found += [p for p in (root / folder).rglob("*") if p.is_file() and p.name.endswith(SOURCES)]
    return sorted(p.relative_to(root).as_posix() for p in found)


def includes_of(path):
    """(line number, include as written) of one file."""
    with open(path, encoding="utf-8") as text:
        for number, line in enumerate(text, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1) or match.group(2)


def folder_of(file, table):
    """The longest prefix in the table that fits; None when there is none."""
    return max((prefix for prefix in table if file.startswith(prefix)), key=len, default=None)


def find_cycle(graph):
    """One cycle of a graph {node: [nodes]} as a list that ends where it starts; None when there is none."""
    done = set()

    def walk(node, path):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        for target in graph.get(node, ()):
            cycle = walk(target, path + [node])
            if cycle:
                return cycle
        done.add(node)
        return None

    for node in sorted(graph):
        cycle = walk(node, [])
        if cycle:
            return cycle
    return None


def check_own(file, include, tables):
    """What is wrong with the include of one of our own headers; None when nothing is."""
    folder = folder_of(file, tables["folders"])
    if folder is None:
        return f"{file} lies in no folder that layers.json knows"
    target = include[len(OWN):]
    if any(re.match(allowed, target) for allowed in tables["folders"][folder]):
        return None
    return f"{folder} may not include {include}"


def check_home(file, include, homes, must_be_known):
    """What is wrong with the place of a third-party include; None when nothing is."""
    fitting = [home for home in homes if re.fullmatch(home["header"], include)]
    if not fitting:
        return f"{include} has no home in layers.json" if must_be_known else None
    if any(re.match(place, file) for home in fitting for place in home["home"]):
        return None
    return f"{include} ({fitting[0]['library']}) may be included only in {' '.join(fitting[0]['home'])}"


def table_cycle(tables):
    """A cycle among the top folders as the table allows them, tests and docs left out."""
    graph = collections.defaultdict(set)
    tops = [folder for folder in tables["scanned"] if folder not in ("tests", "docs")]
    for prefix, allowed in tables["folders"].items():
        top = prefix.split("/")[0]
        # The one program is allowed to see everything; nothing may include it.
        if top not in tops or prefix == "jobs/apps/":
            continue
        for other in tops:
            if other != top and any(rule == "" or rule.startswith(other + "/") or re.match(rule, other + "/x") for rule in allowed):
                graph[top].add(other)
    return find_cycle(graph)


def check_includes(root, tables):
    problems = []
    graph = {}
    cycle = table_cycle(tables)
    if cycle:
        problems.append("layers.json: the table itself allows a cycle: " + " -> ".join(cycle))
    for file in sources(root, tables["scanned"]):
        graph[file] = []
        for line, include in includes_of(root / file):
            own = include.startswith(OWN)
            wrong = [check_own(file, include, tables)] if own else []
            wrong.append(check_home(file, include, tables["homes"], not own))
            problems += [f"{file}:{line}: {text}" for text in wrong if text]
            if own:
                graph[file].append(include[len(OWN):])
                if not (root / include[len(OWN):]).is_file():
                    problems.append(f"{file}:{line}: {include} does not exist")
    cycle = find_cycle(graph)
    if cycle:
        problems.append(f"{cycle[0]}:1: include cycle: " + " -> ".join(cycle))
    return problems


def check_headers(root, tables, built):
    """`#pragma once` in every header; every header is compiled alone (listed in `built`) or excused by the table."""
    problems = []
    excused = [rule["header"] for rule in tables["headers_not_compiled_alone"]]
    compiled = set(built.read_text(encoding="utf-8").split()) if built else None
    for file in sources(root, [folder for folder in tables["scanned"] if folder not in ("tests", "docs")]):
        if not file.endswith((".hpp", ".h")):
            continue
        lines = (root / file).read_text(encoding="utf-8").splitlines()
        code = [line for line in lines if line.strip() and not line.lstrip().startswith("//")]
        if not file.endswith("-inl.hpp") and (not code or code[0].strip() != "#pragma once"):
            problems.append(f"{file}:1: the first line of code must be #pragma once")
        if compiled is not None and file not in compiled and not any(re.fullmatch(rule, file) for rule in excused):
            problems.append(f"{file}:1: is not among the headers that are compiled alone; configure again")
    return problems


def units_of(root, folders):
    """Source pairs without their endings, each with the file to name in a message."""
    units = {}
    for file in sources(root, folders):
        unit = re.sub(r"\.(hpp|cpp|h|c|cc|inc)(\.in)?$", "", file)
        units.setdefault(unit, file)
    return units


def check_tests(root, rules):
    """Every source pair has a test of its name (starfm_kernel: also of starfm), or is listed with the test that covers it or
    the reason why none does."""
    problems = []
    units = units_of(root, rules["tested_folders"])
    subjects = {re.sub(r"_test\.[a-z]+$", "", p.name) for p in (root / "tests").rglob("*_test.*")}
    tested_by = {unit: test for test, covered in rules["tested_by"].items() for unit in covered}
    listed = [*tested_by, *rules["untested"]]
    for unit, file in units.items():
        name = unit.split("/")[-1]
        words = name.split("_")
        prefixes = {"_".join(words[:count]) for count in range(1, len(words))}
        # A part of a subject counts only beside it: models/classical/starfm_kernel beside models/classical/starfm.
        parts = {prefix for prefix in prefixes & subjects if unit[: -len(name)] + prefix in units}
        if name not in subjects and not parts and unit not in listed:
            problems.append(f"{file}:1: has no test tests/.../{name}_test.cpp and is not listed in files.json")
        if name in subjects and unit in listed:
            problems.append(f"files.json:1: {unit} has a test of its own; take it off the list")
    for unit, test in tested_by.items():
        if not (root / test).is_file():
            problems.append(f"files.json:1: {unit} is said to be tested by {test}, which does not exist")
    problems += [f"files.json:1: {unit} does not exist; take it off the list" for unit in listed if unit not in units]
    return problems


def check_pages(root, rules):
    """Every method of the registry has a page of its name."""
    problems = []
    entry = re.compile(r'^\s*\{"([a-z0-9_]+)",')
    registry = rules["registry"]
    for number, line in enumerate((root / registry).read_text(encoding="utf-8").splitlines(), 1):
        match = entry.match(line)
        page = match and f"{rules['pages']}/{match.group(1)}.md"
        if match and not (root / page).is_file():
            problems.append(f"{registry}:{number}: the method {match.group(1)} has no page {page}")
    return problems


def check_sizes(root, rules):
    """No source, script or build file is longer than the limit."""
    problems = []
    for folder in rules["measured_folders"]:
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or not path.name.endswith(tuple(rules["measured_endings"])):
                continue
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > rules["most_lines"]:
                file = path.relative_to(root).as_posix()
                problems.append(f"{file}:{lines}: has {lines} lines (at most {rules['most_lines']})")
    return problems


def check_files(root, rules):
    return check_tests(root, rules) + check_pages(root, rules) + check_sizes(root, rules)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["includes", "headers", "files"])
    parser.add_argument("--root", type=pathlib.Path, default=HERE.parent.parent, help="the source tree")
    parser.add_argument("--built", type=pathlib.Path, help="list of the headers that are compiled alone")
    options = parser.parse_args()
    tables = json.loads((HERE / "layers.json").read_text(encoding="utf-8"))
    if options.what == "includes":
        problems = check_includes(options.root, tables)
    elif options.what == "headers":
        problems = check_headers(options.root, tables, options.built)
    else:
        problems = check_files(options.root, json.loads((HERE / "files.json").read_text(encoding="utf-8")))
    for problem in problems:
        print(problem)
    print(f"architecture.{options.what}: {len(problems)} violations")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
