#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make long PART=seeds`: many drawn jobs against the reference, and how soon each planted mistake is found.

    python3 test/long/seeds.py BUILD_DIR [SEEDS]

Prints Markdown for docs/evidence/seeds.md; ends with 0 when no seed failed and every mistake was found.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEEDS = 20000
SANITIZED_SEEDS = 2000
FIND_SEEDS = 3000
CHUNK = 1000
CORES = len(os.sched_getaffinity(0))


def program(build, name):
    return os.path.join(TOP, build, "test", f"mapreduce-engine-{name}")


def run_chunk(build, first, last):
    done = subprocess.run([program(build, "job_seed_scenario"), "--seeds", f"{first}..{last}"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    figures = re.search(r"^# new seeds: .*?(\d+) seeds, (\d+) attempts, .*? (\d+) failed .*? (\d+) were",
                        done.stdout, re.M)
    failed = [line for line in done.stdout.split("\n") if line.startswith("not ok")]
    if done.returncode != 0 and not failed or not figures:
        failed.append(f"seeds {first} to {last}: status {done.returncode}: {done.stderr[-500:]}")
    return [int(figure) for figure in figures.groups()] if figures else [0] * 4, failed


def run_seeds(build, what, count):
    """Runs seeds 1 to count of a build; prints a row of the table and returns the lines of those that failed."""
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        chunks = [pool.submit(run_chunk, build, first, min(first + CHUNK - 1, count))
                  for first in range(1, count + 1, CHUNK)]
        results = [chunk.result() for chunk in chunks]
    sums = [sum(figures[i] for figures, _ in results) for i in range(4)]
    failed = [line for _, lines in results for line in lines]
    print(f"| {what} | {sums[0]} | {sums[1]} | {sums[2]} | {sums[3]} | {len(failed)} | "
          f"{time.monotonic() - started:.0f} |")
    return failed


def find_planted(build):
    """Prints the first seed that finds each planted mistake; false when one is not found."""
    done = subprocess.run([program(build, "job_planted_scenario"), "--find", f"1..{FIND_SEEDS}"],
                          stdout=subprocess.PIPE, text=True, check=False)
    print("\n| planted mistake | what it does | first seed that finds it |\n|---|---|---|")
    for line in done.stdout.splitlines():
        found = re.match(r"(\S+) (\d+) # (.*)", line)
        if found:
            print(f"| {found.group(1)} | {found.group(3)} | {found.group(2)} |")
        else:
            print(f"| {line.strip('# ')} | | |")
    return done.returncode == 0


def main():
    build = sys.argv[1]
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS
    print("Each seed draws a job, its memory, its input and what goes wrong (src/mapreduce/engine/seed_fixture.h);\n"
          "every byte of output and every counter is compared with a reference.\n")
    print("| build | seeds | attempts | failed as planned | executed twice | seeds that failed | seconds |\n"
          "|---|---|---|---|---|---|---|")
    failed = run_seeds(build, "release", seeds)
    if os.path.exists(program("build-asan", "job_seed_scenario")):
        failed += run_seeds("build-asan", "ASan and UBSan", min(seeds, SANITIZED_SEEDS))
    for line in failed:
        print(f"\n    {line[:500]}")
    found = find_planted(build)
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
