#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps what is written in step with what is built. TAP.

    python3 test/docs_test.py BUILD/gw

The options come from `gw mr JOB --help`, which is made from the tables that parse the command line; so
an option that no manual names, and a manual that names one that is gone, fail here.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GW = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(TOP, "build/gw")
ROOMS = ["src/base", "src/io", "src/mapreduce/engine", "src/mapreduce/api", "src/mapreduce/apps", "src/cli",
         "bench", "test"]
# Of a job's --help, in every command of the house and so described once, in gw(1).
EVERYWHERE = {"help", "version"}


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def files(*ends):
    """The files of the tree, as git knows them; all of it where there is no git."""
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "-co", "--exclude-standard"],
                            capture_output=True, text=True, check=False).stdout.split("\n")
    if len(listed) < 2:
        listed = [os.path.relpath(os.path.join(where, name), TOP)
                  for where, _, names in os.walk(TOP) for name in names]
    return sorted(path for path in listed if path.endswith(ends) and os.path.exists(os.path.join(TOP, path)))


def jobs():
    return [word for word in run(GW, "completion", "words", "mr").split() if not word.startswith("-")]


def help_options(job):
    """Long options of a job; those with one dash too in stream's."""
    return set(re.findall(r"^\s+(?:-\w, )?--?([A-Za-z][\w.-]+)", run(GW, "mr", job, "--help"), re.M))


def man_sections():
    """The options that each subsection of gw-mr(1) names; "" is what belongs to every job."""
    sections, name = {"": set()}, ""
    for line in read("man/gw-mr.1").split("\n"):
        heading = re.match(r'\.S([hs]) "?([^"]*)', line)
        if heading:
            name = heading.group(2).split()[-1] if heading.group(1) == "s" else ""
            sections.setdefault(name, set())
        if line.startswith(".It Fl"):
            sections[name].update(re.findall(r"Fl (?:Fl )?([A-Za-z][\w.-]*)", line))
    return sections


def options_are_in_the_manual():
    missing, sections = [], man_sections()
    for job in jobs():
        known = sections[""] | sections.get(job, set()) | EVERYWHERE
        missing += ["%s --%s" % (job, option) for option in sorted(help_options(job) - known)]
    return missing


def the_manual_names_no_other_options():
    every = set().union(*(help_options(job) for job in jobs()))
    named = set().union(*man_sections().values())
    return sorted("--" + option for option in named - every - EVERYWHERE if len(option) > 1)


def pages_name_the_options():
    """Commands with a page of their own, gw-COMMAND(1): exactly the options of their tables are in it."""
    wrong = []
    for page in sorted(set(files(".1")) - {"man/gw.1", "man/gw-mr.1"}):
        command = re.match(r"man/gw-([\w-]+)\.1", page).group(1)
        program = os.path.join(os.path.dirname(GW), "src/rpc/gw-" + command)  # not every page is of a command of gw
        actions = [word for word in run(GW, "completion", "words", command).split() if not word.startswith("-")]
        tables = [run(GW, command, *action, "--help") for action in [[action] for action in actions] or [[]]]
        if os.path.exists(program):
            tables = [run(program, "--help")]
        has = set(re.findall(r"^\s+(?:-\w, )?--([a-z][\w-]+)", "\n".join(tables), re.M)) - EVERYWHERE
        named = set(re.findall(r"^\.It Fl Fl ([a-z][\w-]*)", read(page), re.M))
        wrong += ["%s: --%s" % (page, option) for option in sorted(has ^ named)] or ([] if has else [page])
    return wrong


def jobs_are_in_the_manual():
    sections = man_sections()
    return [job for job in jobs() if job not in sections] or ([] if jobs() else ["no jobs found"])


def options_are_in_the_guide():
    guide = read("docs/mapreduce.md")
    every = set().union(*(help_options(job) for job in jobs())) - EVERYWHERE
    return sorted(option for option in every if not re.search(r"`-{1,2}%s\b" % re.escape(option), guide))


def commands_are_in_the_manual():
    manual = read("man/gw.1")
    return [command for command in run(GW, "completion", "words").split()
            if not command.startswith("-") and not re.search(r"^\.(It|Ss) .*\b%s\b" % command, manual, re.M)]


def codes_are_in_the_manual():
    rows = re.findall(r'X\((\d+), \w+, "([^"]*)"\)', read("include/groundwork/base.h"))
    manual = read("man/gw.1")
    return [text for code, text in rows if ".It %s\n%s" % (code, text.capitalize()) not in manual]


def counters_are_in_the_guide():
    names = re.findall(r'X\([A-Z_]+, "(\w+)"\)', read("src/mapreduce/engine/attempt.h"))
    guide = read("docs/mapreduce.md")
    return [name for name in names if "`%s`" % name not in guide] or ([] if names else ["none found"])


def declarations(text):
    """(name, documented) of each function of a header. A comment documents what follows up to a blank line,
    or sits behind a declaration."""
    documented, inside = False, False
    for line in text.split("\n"):
        if inside or line.lstrip().startswith("/*"):
            inside = "*/" not in line
            documented = True
            continue
        if not line.strip():
            documented = False
        name = re.match(r"[a-z][\w *]*?\**(gw_\w+)\(", line)
        if name and not line.startswith("#"):
            yield name.group(1), documented or "/*" in line


def functions_are_documented():
    prose = "".join(read(path) for path in files(".md", ".1"))
    return ["%s: %s" % (header, name) for header in files(".h") if header.startswith("include/")
            for name, documented in declarations(read(header)) if not documented and name not in prose]


def anchors(path):
    """The anchors that the headings of a Markdown file get."""
    heads = re.findall(r"^#+ (.*)$", read(path), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links_resolve():
    broken = []
    for path in files(".md"):
        text = re.sub(r"^(```.*?^```|    [^\n]*)$", "", read(path), flags=re.M | re.S if "```" in read(path) else re.M)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            there = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            if not os.path.exists(os.path.join(TOP, there)):
                broken.append("%s: %s" % (path, target))
            elif anchor and there.endswith(".md") and anchor not in anchors(there):
                broken.append("%s: %s (no such heading)" % (path, target))
    return broken


def rooms_have_a_readme():
    return [room for room in ROOMS if not os.path.exists(os.path.join(TOP, room, "README.md"))]


def manuals_are_well_formed():
    said = []
    for path in files(".1"):
        if shutil.which("mandoc"):
            said += run("mandoc", "-Tlint", "-W", "warning", os.path.join(TOP, path)).splitlines()
        if shutil.which("groff"):
            said += run("groff", "-Tutf8", "-ww", "-z", "-mandoc", os.path.join(TOP, path)).splitlines()
    return said


def compile_text(compiler, flags, text):
    """What the compiler says of a source text that includes from the tree."""
    with tempfile.TemporaryDirectory() as directory:
        unit = os.path.join(directory, "unit")
        with open(unit, "w", encoding="utf-8") as file:
            file.write(text)
        return run(compiler, *flags, "-Wall", "-Wextra", "-Werror", "-I" + os.path.join(TOP, "include"),
                   "-I" + os.path.join(TOP, "src"), "-fsyntax-only", unit).splitlines()


def headers_compile_alone():
    failed = []
    compilers = [("cc", ["-std=c11", "-x", "c"]), ("c++", ["-std=c++17", "-x", "c++"])]
    for header in [path for path in files(".h") if path.startswith(("include/", "src/io/io.h"))]:
        text = '#include "%s"\nint main(void) { return 0; }\n' % os.path.join(TOP, header)
        for compiler, flags in compilers:
            if shutil.which(compiler):
                failed += ["%s: %s" % (compiler, line) for line in compile_text(compiler, flags, text)]
    return failed


def code_compiles():
    failed = []
    for path in files(".md"):
        for block in re.findall(r"^```c\n(.*?)^```", read(path), re.M | re.S):
            failed += compile_text("cc", ["-std=c11", "-x", "c", "-Wno-unused-function"],
                                   "#include <groundwork/mapreduce.h>\n" + block)
    return failed


CHECKS = [
    ("every option of every job is in gw-mr(1)", options_are_in_the_manual),
    ("gw-mr(1) names no option that no job has", the_manual_names_no_other_options),
    ("the other pages name the options of their commands", pages_name_the_options),
    ("every job has its place in gw-mr(1)", jobs_are_in_the_manual),
    ("every option is in docs/mapreduce.md", options_are_in_the_guide),
    ("every command is in gw(1)", commands_are_in_the_manual),
    ("every error code is in gw(1) as an exit status", codes_are_in_the_manual),
    ("every automatic counter is in docs/mapreduce.md", counters_are_in_the_guide),
    ("every public function is documented", functions_are_documented),
    ("every link in a Markdown file leads somewhere", links_resolve),
    ("every room has a README.md", rooms_have_a_readme),
    ("the manual pages are well-formed", manuals_are_well_formed),
    ("the public headers and io.h compile alone, as C and as C++", headers_compile_alone),
    ("the C code in Markdown files compiles", code_compiles),
]


def main():
    failures = 0
    print("1..%d" % len(CHECKS))
    for number, (title, check) in enumerate(CHECKS, 1):
        try:
            wrong = check()
        except OSError as error:
            wrong = [str(error)]
        failures += bool(wrong)
        print("%s %d - %s" % ("not ok" if wrong else "ok", number, title))
        for line in wrong[:40]:
            print("# " + line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
