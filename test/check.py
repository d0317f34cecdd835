#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All of `make check` after the set-up: builds, then every suite of test/meson.build, counted case by case.

    python3 test/check.py [--started SECONDS] [PART...]

Each part has its minutes (the table of CONTRIBUTING.md), and what those before it left of theirs, as a slower machine
needs; what is not done by then is ended and counts as a failure, and so does a part that has to have tests and ran none.
The last line is `N passed, N failed`.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

import fuzz

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MINUTES_IN_ALL = 30
MINUTES_OF_SETUP = 5
CORES = len(os.sched_getaffinity(0))

# Directory, compiler and options of each build.
RELEASE = ("build", "gcc", ["--buildtype=release"])
SANITIZED = ("build-asan", "clang", ["--buildtype=debugoptimized", "-Doptimization=1", "-Db_lundef=false",
                                     "-Db_sanitize=address,undefined", "-Ddefault_library=static"])
# The same, with what libFuzzer wants to know of each branch; that makes tests slow.
FUZZED = ("build-fuzz", "clang", SANITIZED[2] + ["-Dfuzz=true"])
THREADS = ("build-tsan", "clang", ["--buildtype=debugoptimized", "-Db_lundef=false", "-Db_sanitize=thread",
                                   "-Ddefault_library=static"])


class Late(Exception):
    """A part's time is over."""


class Part:
    """One part while it runs: its deadline and what it counted."""

    def __init__(self, name, minutes, function, must_have_tests, end, spare=0.0):
        self.name, self.minutes, self.function, self.must_have_tests = name, minutes, function, must_have_tests
        self.started = time.monotonic()
        self.deadline = min(self.started + 60 * minutes + spare, end)
        self.passed, self.failures = 0, []

    def fail(self, what, details=""):
        self.failures.append(what)
        print(f"FAILED {what}")
        for line in details.strip().split("\n")[-60:] if details.strip() else ():
            print(f"    {line}")

    def command(self, *command, environment=None, quiet=False):
        """Runs a command until the deadline; returns (status, output if quiet). Ends all it started."""
        process = subprocess.Popen(command, cwd=TOP, start_new_session=True, text=True, errors="replace",
                                   env={**os.environ, **(environment or {})},
                                   stdout=subprocess.PIPE if quiet else None,
                                   stderr=subprocess.STDOUT if quiet else None)
        try:
            output, _ = process.communicate(timeout=max(0.1, self.deadline - time.monotonic()))
            return process.returncode, output
        except subprocess.TimeoutExpired:
            raise Late(" ".join(command)) from None
        finally:
            end_group(process)

    def run(self):
        print(f"\n== {self.name} (at most {self.minutes} minutes)", flush=True)
        try:
            self.function(self)
        except Late as late:
            minutes = (time.monotonic() - self.started) / 60
            self.fail(f"{self.name}: not done after {minutes:.1f} minutes: {late}")
        if self.must_have_tests and self.passed + len(self.failures) == 0:
            self.fail(f"{self.name}: no test ran")
        self.seconds = time.monotonic() - self.started


def end_group(process):
    """Nothing of a command outlives it: asked first, so that scripts can clean up, then killed."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=5)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


# ---- Builds -----------------------------------------------------------------------------------------

def build(part, directory, compiler, options, *targets):
    """Sets a build directory up or brings it up to date, and builds; true when it worked."""
    fresh = not os.path.exists(os.path.join(TOP, directory, "build.ninja"))
    setup = ["meson", "setup", directory, "-Dwerror=true"] + ([] if fresh else ["--reconfigure"]) + options
    # Of hundreds of programs that are linked with sanitizers gold makes half the work.
    linker = {"CC_LD": "gold"} if compiler == "clang" else {}
    for command in (setup, ["ninja", "-C", directory, "-j", str(CORES), *targets]):
        status, output = part.command(*command, environment={"CC": compiler, **linker}, quiet=True)
        if status != 0:
            part.fail(f"{directory}: {' '.join(command[:2])} with {compiler}", output)
            return False
    part.passed += 1
    print(f"{directory}: {compiler}, no warnings", flush=True)
    return True


def builds(part):
    build(part, *RELEASE, "all", "meson-test-prereq")
    build(part, *SANITIZED, "all", "meson-test-prereq")
    build(part, *FUZZED, "fuzzers")
    programs = programs_of(part, RELEASE[0], "threads")
    if programs:
        build(part, *THREADS, *programs)


def tests_of(part, directory, suite):
    status, output = part.command("meson", "introspect", "--tests", directory, quiet=True)
    tests = json.loads(output) if status == 0 else []
    return [test for test in tests if suite in test["suite"] or "groundwork:" + suite in test["suite"]]


def programs_of(part, directory, suite):
    """What the tests of a suite are made of, as targets of ninja, which have one name in all build directories."""
    top = os.path.join(TOP, directory)
    files = {word for test in tests_of(part, directory, suite) for word in test["cmd"] + list(test["env"].values())}
    return sorted(os.path.relpath(word, top) for word in files
                  if word.startswith(top + os.sep) and os.path.isfile(word))


# ---- Suites -----------------------------------------------------------------------------------------

def suite(part, directory, *suites, alone=False, prefix=(), environment=None):
    """Runs suites of a build by `meson test` and counts their cases from its log."""
    log = os.path.join(TOP, directory, "meson-logs", f"check-{suites[0]}.json")
    if os.path.exists(log):
        os.unlink(log)
    if not os.path.exists(os.path.join(TOP, directory, "build.ninja")):
        part.fail(f"{directory}: not built")
        return
    chosen = [word for name in suites for word in ("--suite", name)]
    tests = []
    try:
        part.command(*prefix, "meson", "test", "-C", directory, "--no-rebuild", "--logbase", f"check-{suites[0]}",
                     "--num-processes", "1" if alone else str(CORES), *chosen, environment=environment)
    finally:
        if os.path.exists(log):
            with open(log, encoding="utf-8") as lines:
                tests = [json.loads(line) for line in lines]
        for test in tests:
            count_cases(part, directory, test)
    return tests


def count_cases(part, directory, test):
    """Counts the TAP lines of one program; one that ended badly without such a line counts as failed."""
    name = f"{directory} {test['name']}"
    output = test.get("stdout", "")
    before = len(part.failures)
    lines = output.split("\n")
    for at, line in enumerate(lines):
        case = re.match(r"(not )?ok\b\s*\d*\s*-?\s*(.*)", line)
        if not case or case.group(2).startswith("# SKIP"): # which cmocka says is not ok
            continue
        if case.group(1):
            end = next((i for i in range(at + 1, len(lines)) if re.match(r"(not )?ok\b", lines[i])), len(lines))
            part.fail(f"{name}: {case.group(2)}", "\n".join(lines[at + 1:end]))
        else:
            part.passed += 1
    if test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and len(part.failures) == before:
        part.fail(f"{name}: {test['result'].lower()}, status {test['returncode']}",
                  output[-2000:] + "\n" + test.get("stderr", ""))
    elif len(part.failures) > before and test.get("stderr", "").strip():
        print("\n".join("    " + line for line in test["stderr"].strip().split("\n")[-40:]))


def titles(test):
    """The titles of the cases that passed, as sentences."""
    return [title.replace("_", " ") for title in re.findall(r"^ok\b\s*\d*\s*-?\s*(.*)", test.get("stdout", ""), re.M)]


def tell_scenarios(tests):
    """What is run of the rooms that every server stands on, and the titles of those that simulate machines."""
    rooms = re.compile(r"(?:.* / )?(io|task|rpc|sim)/")
    ours = [test for test in tests if rooms.match(test["name"])]
    simulated = [test for test in ours
                 if rooms.match(test["name"]).group(1) == "sim" and test["name"].endswith("_scenario")]
    print("\nScenarios of simulated machines:")
    for test in simulated:
        print(f"  {os.path.basename(test['name'])}")
        for title in titles(test):
            print(f"    {title}")
    print(f"{sum(len(titles(test)) for test in ours)} tests of src/io, src/task, src/rpc and src/sim, "
          f"{sum(len(titles(test)) for test in simulated)} of them scenarios of simulated machines, in "
          f"{sum(test['duration'] for test in ours) / CORES:.0f} s on {CORES} cores\n", flush=True)


# Memory is filled so that what reads behind what was written does so in every run.
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:"
                                     "max_malloc_fill_size=65536",
                     "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "second_deadlock_stack=1"}


def units(part):
    tell_scenarios(suite(part, RELEASE[0], "unit", "scenario") or [])
    suite(part, SANITIZED[0], "unit", "scenario", environment=SANITIZER_OPTIONS)
    if os.path.exists(os.path.join(TOP, THREADS[0], "build.ninja")) and tests_of(part, THREADS[0], "threads"):
        # The thread sanitizer wants addresses that are not random.
        suite(part, THREADS[0], "threads", prefix=("setarch", "-R"), environment=SANITIZER_OPTIONS)


def whole(part):
    suite(part, RELEASE[0], "tidy", "docs", "e2e")


def commit():
    done = subprocess.run(["git", "-C", TOP, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "0"


def seeds(part):
    """100 new seeds a workload, counted from the commit, and every seed that ever failed."""
    if tests_of(part, RELEASE[0], "seeds"):
        base = {"GW_SEED_BASE": str(int(commit()[:12], 16))}
        suite(part, RELEASE[0], "seeds", environment=base)
        suite(part, SANITIZED[0], "seeds", environment={**base, **SANITIZER_OPTIONS})
    else:
        print("no workload yet")


def planted(part):
    if tests_of(part, RELEASE[0], "planted"):
        suite(part, RELEASE[0], "planted")
    else:
        print("no workload yet")


def kills(part):
    suite(part, RELEASE[0], "kill", alone=True)


def fuzzers(part):
    targets = fuzz.targets(os.path.join(TOP, FUZZED[0]))
    seconds = max(1, int(40 / max(1, len(targets)) * min(2, CORES)))
    for name, output in fuzz.run_all(targets, runs=5000, seconds=seconds, deadline=part.deadline):
        if output is None:
            part.passed += 1
        else:
            part.fail(f"fuzz {name}", output)
    print(f"{len(targets)} fuzzers: corpora replayed, then 5000 runs or {seconds} s each")


# Name, minutes, function, whether it has to have tests.
PARTS = [
    ("builds", 8, builds, True),
    ("units and scenarios", 4, units, True),
    ("tidy, docs, end to end", 3, whole, True),
    ("seeds", 5, seeds, False),
    ("planted bugs", 1, planted, False),
    ("kill rounds", 3, kills, True),
    ("fuzz corpora", 1, fuzzers, True),
]


def report(setup_seconds, parts):
    """The table and the last line; the exit status."""
    print(f"\n{'part':<24} {'minutes':>8} {'at most':>8} {'passed':>8} {'failed':>8}")
    print(f"{'set-up':<24} {setup_seconds / 60:>8.1f} {MINUTES_OF_SETUP:>8}")
    for part in parts:
        print(f"{part.name:<24} {part.seconds / 60:>8.1f} {part.minutes:>8} {part.passed:>8} "
              f"{len(part.failures):>8}")
    minutes = (setup_seconds + sum(part.seconds for part in parts)) / 60
    print(f"{'in all':<24} {minutes:>8.1f} {MINUTES_IN_ALL:>8}\n")
    for part in parts:
        for failure in part.failures:
            print(f"FAILED {failure}")
    failed = sum(len(part.failures) for part in parts)
    print(f"{sum(part.passed for part in parts)} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description="make check")
    parser.add_argument("--started", type=float, default=time.time(), help="when the set-up began")
    parser.add_argument("parts", nargs="*", help="only parts whose name begins like this; default: all")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    setup_seconds = max(0.0, time.time() - arguments.started)
    end = time.monotonic() + 60 * MINUTES_IN_ALL - setup_seconds
    spare = 0.0 if arguments.parts else max(0.0, 60 * MINUTES_OF_SETUP - setup_seconds)
    done = []
    for name, minutes, function, must_have_tests in PARTS:
        if arguments.parts and not any(name.startswith(begin) for begin in arguments.parts):
            continue
        part = Part(name, minutes, function, must_have_tests, end, spare)
        part.run()
        spare = max(0.0, spare + 60 * minutes - part.seconds)
        done.append(part)
    return report(setup_seconds, done)


if __name__ == "__main__":
    sys.exit(main())
