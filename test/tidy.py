#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the tree to the rules of DESIGN.md sections 1 and 2. TAP, one test a rule.

    python3 test/tidy.py [--root DIR] [--build DIR]

Without --build the rules about object files (what they call, their variables, whom they link with) are
left out. Limits and exceptions are in test/tidy.toml, each exception with a reason; one that is needed no
longer is a failure as well. test/tidy_test.py plants a violation of each rule.
"""
import argparse
import os
import re
import subprocess
import sys
import tomllib

import tidy_objects

SOURCE_ENDS = (".c", ".h", ".proto", ".py", ".sh", ".mjs", "meson.build", "Makefile")
TEXT_ENDS = SOURCE_ENDS + (".md", ".1", ".toml", ".txt", ".map", ".json", ".html", "control", "rules", "run")
# Known by name to make, meson, git, editors and readers; debian/ is read by the packaging tools.
KNOWN = {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "Makefile",
         "meson.build", "meson_options.txt", ".gitignore", ".clang-format", ".clang-tidy", ".editorconfig"}
# Read by folder, not by name.
DATA = ("debian/", "test/corpus/", "bench/results/")
TABLE = "test/tidy.toml"


class House:
    """The tree: its files as text, and the table; remembers which exceptions were used."""

    def __init__(self, root, build=None):
        self.root, self.build = root, build
        with open(os.path.join(root, TABLE), "rb") as file:
            self.table = tomllib.load(file)
        self.used = set()
        self.paths = list_files(root)
        self.texts = {path: read(root, path) for path in self.paths
                      if path.endswith(TEXT_ENDS) and not path.startswith("test/corpus/")}

    def sources(self, *ends):
        return {path: text for path, text in self.texts.items() if path.endswith(ends)}

    def limit(self, name):
        return self.table["limits"][name]

    def excused(self, kind, file, name=None):
        """Whether the table has an exception of this kind; it then counts as used."""
        for number, row in enumerate(self.table.get(kind, [])):
            if row["file"] == file and row.get("name") == name:
                self.used.add((kind, number))
                return True
        return False

    def room(self, path):
        """The room that a file is in, or None: the longest that fits."""
        return max((room for room in self.table["arrows"] if path.startswith(room + "/")), key=len, default=None)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def list_files(root):
    """What git knows or would add; in a tree without git everything but build directories."""
    done = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
                          capture_output=True, text=True, check=False)
    paths = done.stdout.split("\n")
    if done.returncode != 0 or not os.path.exists(os.path.join(root, ".git")):
        paths = []
        for where, directories, names in os.walk(root):
            directories[:] = [name for name in directories if not name.startswith("build") and name != "__pycache__"]
            paths += [os.path.relpath(os.path.join(where, name), root) for name in names]
    return sorted(path for path in set(paths) if path and os.path.isfile(os.path.join(root, path)))


def is_test(path):
    return path.startswith("test/") or re.search(r"(_(test|fuzz|scenario)|\bfixture|_fixture)\.[ch]$", path) is not None


def functions(text):
    """(name, first line, number of lines) of each function: C whose braces of functions stand at column 0."""
    lines = text.split("\n")
    start = 0
    for at, line in enumerate(lines):
        if at and re.match(r"[A-Za-z_]", line) and not re.match(r"[ \t(]", line) and not lines[at - 1].endswith(","):
            start = at
        if line == "{":
            end = next((i for i in range(at, len(lines)) if lines[i].startswith("}")), len(lines) - 1)
            name = re.search(r"(\w+)\s*\(", " ".join(lines[start:at]))
            yield name.group(1) if name else "?", start + 1, end - start + 1


# ---- The rules: each yields what is wrong -----------------------------------------------------------

def function_length(house):
    limit = house.limit("function_lines")
    for path, text in house.sources(".c", ".h").items():
        for name, line, lines in functions(text):
            if lines > limit and not house.excused("allow_long_function", path, name):
                yield f"{path}:{line}: {name} has {lines} lines, at most {limit}"


def line_length(house):
    limit = house.limit("line_columns")
    for path, text in house.sources(".c", ".h").items():
        for number, line in enumerate(text.split("\n"), 1):
            columns = len(line.expandtabs(8))
            if columns > limit:
                yield f"{path}:{number}: {columns} columns, at most {limit}"


def file_length(house):
    limit = house.limit("file_lines")
    for path, text in house.sources(*SOURCE_ENDS).items():
        lines = text.count("\n")
        if lines >= limit and not house.excused("allow_long_file", path):
            yield f"{path}: {lines} lines, fewer than {limit}"


def included_file(house, path, name):
    """The file of the tree that `#include "name"` means, or None. A generated header means its .proto."""
    name = re.sub(r"\.(pb-c|rpc)\.h$", ".proto", name)
    for base in (os.path.dirname(path), "src", "test", ""):
        candidate = os.path.normpath(os.path.join(base, name))
        if candidate in house.texts:
            return candidate
    return None


def include_arrows(house):
    arrows, public = house.table["arrows"], house.table["public"]
    for path, text in house.sources(".c", ".h").items():
        room = house.room(path)
        if room is None:
            continue
        for number, line in enumerate(text.split("\n"), 1):
            include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not include:
                continue
            kind, name = include.groups()
            where = f"{path}:{number}"
            if kind == "<":
                if name.startswith("groundwork/") and room not in public.get(name, []):
                    yield f"{where}: {room} may not use <{name}>"
                continue
            file = included_file(house, path, name)
            if file is None:
                yield f"{where}: there is no {name}"
            elif is_test(file) and not is_test(path):
                yield f"{where}: code may not include {file} of the tests"
            elif not is_test(file) and house.room(file) not in [room] + arrows[room]:
                yield f"{where}: {room} may not use {house.room(file) or file}"


def license_line(house):
    for path, text in house.sources(*SOURCE_ENDS).items():
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.split("\n")[:3]):
            yield f"{path}: no SPDX line at its beginning"


def unfinished_words(house):
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    for path, text in house.sources(*SOURCE_ENDS).items():
        for number, line in enumerate(text.split("\n"), 1):
            if words.search(line):
                yield f"{path}:{number}: {words.search(line).group(1)}: do it, or say in a test what is missing"


def dead_code(house):
    """Every .c is listed in a meson.build of its folder or above or compiled by a script of its folder; every .h is
    included by something."""
    included = set()
    for path, text in house.sources(".c", ".h").items():
        names = re.findall(r'#\s*include\s*"([^"]+)"', text)
        included.update(file for file in (included_file(house, path, name) for name in names) if file != path)
        included.update("include/" + name for name in re.findall(r"#\s*include\s*<(groundwork/[^>]+)>", text))
    for path, text in house.sources(".proto").items():  # protoc-c includes for an import
        included.update("include/" + name[:-6] + ".pb-c.h" for name in re.findall(r'import "(groundwork/[^"]+)"', text))
    builds = house.sources("meson.build", ".py", ".sh")
    for path in house.sources(".c", ".h"):
        folders = path.split("/")[:-1]
        above = ["/".join(folders[:depth] + ["meson.build"]) for depth in range(len(folders) + 1)]
        beside = [file for file in builds if file.split("/")[:-1] == folders]
        name = re.compile(r"(?<![\w-])" + re.escape(os.path.basename(path)) + r"(?!\w)")
        listed = any(name.search(builds.get(file, "")) for file in above + beside)
        if path.endswith(".c") and not listed and not house.excused("allow_unused_file", path):
            yield f"{path}: in no meson.build"
        if path.endswith(".h") and path not in included and not house.excused("allow_unused_file", path):
            yield f"{path}: included by nothing"


def dead_files(house):
    """Every other file is named by a file that is not itself, nor the table of exceptions."""
    for path in house.paths:
        name = os.path.basename(path)
        if path.endswith((".c", ".h")) or name in KNOWN or path.startswith(DATA):
            continue
        stem = name[:-3] if name.endswith((".py", ".sh")) else name
        named = re.compile(r"(?<![\w-])" + re.escape(stem) + r"(?![\w-])")
        if not any(named.search(text) for other, text in house.texts.items() if other not in (path, TABLE)):
            if not house.excused("allow_unused_file", path):
                yield f"{path}: no other file names it"


def papers(house):
    """Each `path` in docs/PAPERS.md is there, and in `path:name` the file has that name in it."""
    text = house.texts.get("docs/PAPERS.md")
    if text is None:
        yield "docs/PAPERS.md: missing"
        return
    for number, line in enumerate(text.split("\n"), 1):
        for path, name in re.findall(r"`([\w.-]+/[\w./-]+|[\w-]+\.(?:c|h|py|sh|md))(?::(\w+))?`", line):
            if path.startswith("build/"):
                continue
            if not os.path.exists(os.path.join(house.root, path)):
                yield f"docs/PAPERS.md:{number}: there is no {path}"
            elif name and not re.search(r"\b" + name + r"\b", read(house.root, path)):
                yield f"docs/PAPERS.md:{number}: {path} has no {name}"


def example_length(house):
    for path, limit in house.limit("example_lines").items():
        lines = house.texts.get(path, "").count("\n")
        if path not in house.texts:
            yield f"{path}: missing"
        elif lines > limit:
            yield f"{path}: {lines} lines, at most {limit}"


def exceptions_are_needed(house):
    """Runs last: every exception of the table was used, and gives a reason."""
    for kind, rows in house.table.items():
        if not kind.startswith("allow_"):
            continue
        for number, row in enumerate(rows):
            if not row.get("reason", "").strip():
                yield f"test/tidy.toml: {kind} of {row['file']}: no reason"
            if kind in ("allow_calls", "allow_global") and not house.build:
                continue
            if (kind, number) not in house.used:
                yield f"test/tidy.toml: {kind} of {row['file']} {row.get('name', '')}: not needed"


RULES = [
    ("functions fit a screen", function_length),
    ("lines fit the width", line_length),
    ("files are of a size to be read", file_length),
    ("includes follow the arrows", include_arrows),
    ("every file names its license", license_line),
    ("nothing is left unfinished", unfinished_words),
    ("all code is built", dead_code),
    ("every file is named by another", dead_files),
    ("docs/PAPERS.md names what is there", papers),
    ("the examples stay short", example_length),
]
OBJECT_RULES = [
    ("objects link along the arrows", tidy_objects.symbol_arrows),
    ("no variable of a file may change", tidy_objects.mutable_globals),
    ("only listed files reach outside", tidy_objects.calls),
]


def describe(house):
    """Figures that are for people to look at."""
    sizes = sorted(lines for text in house.sources(".c").values() for _, _, lines in functions(text))
    code = sum(text.count("\n") for path, text in house.sources(".c").items() if not is_test(path))
    tests = sum(text.count("\n") for path, text in house.sources(".c").items() if is_test(path))
    checks = sum(len(re.findall(r"\bassert\(", text)) for path, text in house.sources(".c").items()
                 if not is_test(path))
    if sizes and code:
        print(f"# {len(sizes)} functions, median {sizes[len(sizes) // 2]} lines, 9 in 10 up to "
              f"{sizes[len(sizes) * 9 // 10]}; {code} lines of code, {tests} of tests; "
              f"{1000 * checks // code} assertions a thousand lines")
    for path, text in house.sources(*SOURCE_ENDS).items():
        if text.count("\n") > house.limit("file_lines_seldom"):
            print(f"# {path}: {text.count(chr(10))} lines")


def run(root, build=None):
    """(title, list of violations) for each rule."""
    house = House(root, build)
    rules = RULES + (OBJECT_RULES if build else []) + [("exceptions are needed", exceptions_are_needed)]
    return house, [(title, list(rule(house))) for title, rule in rules]


def main():
    parser = argparse.ArgumentParser(description="the tidy test")
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("--build", help="a build directory, for the rules about object files")
    arguments = parser.parse_args()
    house, results = run(arguments.root, arguments.build)
    print(f"1..{len(results)}")
    for number, (title, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {title}")
        for line in wrong:
            print("# " + line)
    describe(house)
    return 1 if any(wrong for _, wrong in results) else 0


if __name__ == "__main__":
    sys.exit(main())
