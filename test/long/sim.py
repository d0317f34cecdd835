#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make long PART=sim`: many seeds of the simulator's workloads of communication, and a search for each planted bug.

    python3 test/long/sim.py BUILD_DIR [--part PART] [--seeds N] [--find N] [--workload NAME]

Prints Markdown for docs/evidence/sim.md; ends with 0 when all is well. Either count is left out with 0.
The workloads of the key/value service and of the file system are run in the same way by kv.py and gfs.py.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORES = len(os.sched_getaffinity(0))
TWICE_EVERY = 10
SIMULATED_PER_SECOND = 50  # at least, on each core
# The workloads that are a part's, and the rooms whose ordinary tests its planted bugs have to leave green.
PARTS = {
    "sim": (["disk-log", "echo-counter", "tasks"], ["io", "sim", "task", "rpc"]),
    "kv": (["raft", "replog-store", "replog", "kv"], ["sim", "replog", "kv"]),
    "gfs": (["chunks", "gfs-names", "gfs"], ["sim", "gfs"]),
}


def say(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                          check=False)
    return done.returncode, done.stdout, done.stderr


def workloads(build):
    """Name and planted bugs of each, of all parts."""
    found = {}
    for line in say([os.path.join(TOP, build, "gw"), "sim", "--list"])[1].splitlines():
        words = line.split()
        if line.startswith("  --bug"):
            found[list(found)[-1]].append(words[1])
        elif words:
            found[words[0]] = []
    return found


def run_seeds(build, workload, count):
    """Prints the row of a workload; returns (all right, what was counted, lines of seeds that failed)."""
    started = time.monotonic()
    status, output, errors = say([os.path.join(TOP, build, "gw"), "sim", "--workload", workload, "--seeds", f"1..{count}",
                                  "--jobs", str(CORES), "--twice", str(TWICE_EVERY), "--keep-going"])
    seconds = time.monotonic() - started
    total = re.search(r": (\d+) seeds right, (\d+) failed; (\d+) exceeded the promise; (\d+) simulated seconds, (\d+)",
                      output)
    if not total:
        print(f"| {workload} | | | | | | | FAILED, status {status} |\n\n    {errors[-500:]}")
        return False, [], []
    right, failed, beyond, simulated, events = (int(figure) for figure in total.groups())
    # Seeds that are run twice are work, too.
    rate = simulated * (1 + 1 / TWICE_EVERY) / seconds / CORES
    print(f"| {workload} | {right + failed} | {failed} | {beyond} | {simulated} | {events / 1e6:.1f} | {seconds:.0f} | "
          f"{rate:.0f} |", flush=True)
    counted = re.findall(r"^ *(\d+) (faults: .*|times .*)$", output, re.M)
    lines = [line for line in output.splitlines() if " FAILED " in line or "again: " in line]
    return failed == 0 and status == 0 and rate >= SIMULATED_PER_SECOND, counted, lines


def seeds(build, names, count):
    print(f"## Seeds 1 to {count}\n\nEvery {TWICE_EVERY}th seed is run twice, and has to have the same hash of all "
          f"events. At least {SIMULATED_PER_SECOND} simulated seconds a\nsecond and core are wanted.\n")
    print("| workload | seeds | failed | exceed the promise | simulated seconds | million events | seconds | simulated "
          "seconds a second and core |\n|---|---|---|---|---|---|---|---|")
    right, details = True, []
    for name in names:
        well, counted, lines = run_seeds(build, name, count)
        right = right and well
        details += [f"\n### {name}\n"] + [f"    {line.strip()}" for line in lines]
        details += ["| times | what |", "|---|---|"] + [f"| {times} | {what} |" for times, what in counted]
    print("\n".join(details), flush=True)
    return right


def ordinary_tests(build, rooms):
    """Unit tests and scenarios of these rooms, as meson names them."""
    output = say(["meson", "test", "-C", os.path.join(TOP, build), "--list"])[1]
    return sorted({line.split(" / ")[-1] for line in output.splitlines()
                   if re.match(rf"groundwork:(unit|unit\+threads|scenario) / ({'|'.join(rooms)})[/-]", line)})


def stay_green(build, tests, bug):
    """Runs the ordinary tests with the bug on (test/support/planted.h); what they say, in a few words."""
    log = os.path.join(TOP, build, "meson-logs", "planted.json")
    subprocess.run(["meson", "test", "-C", os.path.join(TOP, build), "--no-rebuild", "--logbase", "planted", *tests],
                   env={**os.environ, "GW_TEST_BUG": bug}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=False)
    with open(log, encoding="utf-8") as lines:
        results = [json.loads(line) for line in lines]
    failed = [result["name"] for result in results if result["result"] != "OK"]
    reached = sum(int(times) for result in results
                  for times in re.findall(r"its line ran (\d+) times", result.get("stdout", "")))
    if failed or len(results) != len(tests):
        return False, "RED: " + ", ".join(failed[:3])
    return True, f"{len(results)} programs green, line run {reached} times"


def find_planted(build, names, rooms, count):
    """Prints the first seed that finds each planted bug, and whether ordinary tests do; false when one is not
    found, or is found by these."""
    print(f"\n## Planted bugs\n\nEach is one line (`IO_BUG` in the code), switched on in seeds 1, 2, 3 ... up to {count} "
          f"until a check finds it. The ordinary tests, unit\ntests and scenarios of src/{', src/'.join(rooms)}, have to stay "
          "green with it (`GW_TEST_BUG`).\n")
    print("| workload | planted bug | first seed that finds it | what was found wrong | ordinary tests |\n"
          "|---|---|---|---|---|")
    everything, tests = True, ordinary_tests(build, rooms)
    for name, bugs in names.items():
        for bug in bugs:
            _, output, _ = say([os.path.join(TOP, build, "gw"), "sim", "--workload", name, "--seeds", f"1..{count}",
                                "--jobs", str(CORES), "--bug", bug])
            found = re.search(r"^\S+ (\d+) [0-9a-f]+ FAILED [\d.]+ s \d+ events(?: beyond)?: (.*)$", output, re.M)
            green, ordinary = stay_green(build, tests, bug)
            everything = everything and found is not None and green
            print(f"| {name} | {bug} | {found.group(1) if found else 'NOT FOUND'} | "
                  f"{found.group(2)[:160].replace('|', '/') if found else ''} | {ordinary} |", flush=True)
    return everything


def run(build, part, seed_count=1000, find=1000, only=None):
    """The tables of a part; true when all is well. Either count is left out with 0."""
    wanted, rooms = PARTS[part]
    listed = workloads(build)
    if sorted(listed) != sorted(name for names, _ in PARTS.values() for name in names):
        print("FAILED: a workload of the simulator is of no part: " + ", ".join(listed))
        return False
    names = {name: listed[name] for name in wanted if only in (None, name)}
    right = bool(names)
    if seed_count:
        right = seeds(build, names, seed_count) and right
    if find:
        right = find_planted(build, names, rooms, find) and right
    return right


def main():
    parser = argparse.ArgumentParser(description="make long PART=sim")
    parser.add_argument("build")
    parser.add_argument("--part", default="sim", choices=sorted(PARTS), help="whose workloads")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--find", type=int, default=1000)
    parser.add_argument("--workload", help="only this one")
    options = parser.parse_args()
    return 0 if run(options.build, options.part, options.seeds, options.find, options.workload) else 1


if __name__ == "__main__":
    sys.exit(main())
