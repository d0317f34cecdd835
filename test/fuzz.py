#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the fuzzers: each over its corpus, test/corpus/NAME/ for NAME_fuzz.c, then on new inputs.

    python3 test/fuzz.py [--target NAME] [--seconds N]       what `make fuzz` does

Inputs that were found wrong are left in build-fuzz/fuzz/; such an input belongs into the corpus once what it
shows is mended.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def targets(directory):
    """The programs of a build directory."""
    return sorted(path for path in glob.glob(os.path.join(directory, "test", "*_fuzz")) if os.access(path, os.X_OK))


def corpus(target):
    name = re.sub(r"_fuzz$", "", os.path.basename(target)).split("-")[-1]
    directory = os.path.join(TOP, "test", "corpus", name)
    return [directory] if os.path.isdir(directory) else []


def run_one(target, runs, seconds, deadline):
    """None when nothing was found, else what the fuzzer printed."""
    found = os.path.join(os.path.dirname(os.path.dirname(target)), "fuzz")
    os.makedirs(found, exist_ok=True)
    with tempfile.TemporaryDirectory() as new_inputs:
        common = [target, f"-artifact_prefix={found}/{os.path.basename(target)}-", "-timeout=20",
                  "-rss_limit_mb=2048"]
        replay = common + ["-runs=0"] + corpus(target)
        search = common + [f"-runs={runs}", f"-max_total_time={seconds}", new_inputs] + corpus(target)
        for command in ([replay] if corpus(target) else []) + [search]:
            left = deadline - time.monotonic()
            try:
                done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False,
                                      timeout=max(0.1, left))
            except subprocess.TimeoutExpired:
                return "not done in its time: " + " ".join(command)
            if done.returncode != 0:
                return "\n".join((done.stdout + done.stderr).split("\n")[-60:] + [" ".join(command)])
    return None


def run_all(programs, runs, seconds, deadline):
    """Yields (name, None or what went wrong) for each program; two at a time."""
    workers = min(2, len(os.sched_getaffinity(0)))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        results = [(os.path.basename(program), pool.submit(run_one, program, runs, seconds, deadline))
                   for program in programs]
        for name, result in results:
            yield name, result.result()


def main():
    parser = argparse.ArgumentParser(description="make fuzz")
    parser.add_argument("--target", type=lambda name: name.replace("/", "-"),
                        help="only those with this in their name, like base/options_fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each; default 60")
    arguments = parser.parse_args()
    import check  # which imports this file
    part = check.Part("builds", 30, lambda part: check.build(part, *check.FUZZED, "fuzzers"), True,
                      time.monotonic() + 1800)
    part.run()
    if part.failures:
        return 1
    programs = [program for program in targets(os.path.join(TOP, "build-fuzz"))
                if not arguments.target or arguments.target in os.path.basename(program)]
    deadline = time.monotonic() + (arguments.seconds + 60) * len(programs) + 60
    bad = 0
    for name, output in run_all(programs, -1, arguments.seconds, deadline):
        print(f"{name}: {'ok' if output is None else 'FOUND'}", flush=True)
        if output is not None:
            bad += 1
            print(output)
    return 1 if bad or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
