#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make long PART=mapreduce`: many drawn jobs against a reference, kill rounds, and little memory on 4 GiB.

    python3 test/long/mapreduce.py BUILD_DIR [--seeds N] [--rounds N] [--size GIB]

Prints Markdown for docs/evidence/mapreduce.md; ends with 0 when all is well. Any of the three is left out with 0.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "bench"))
import measure  # noqa: E402

CORES = len(os.sched_getaffinity(0))
SANITIZED = "build-asan"
SANITIZED_SEEDS = 2000
FIND_SEEDS = 3000
CHUNK = 1000           # seeds a process
MIB = 1 << 20
BUDGET = 64 * MIB
BUDGET_SLACK = 64 * MIB
PIECE = 64 * MIB       # of the text; each occurs again, with other words, TAGS times
TAGS = 16
WORDS = 700000         # distinct ones in a piece


def program(build, name):
    return os.path.join(TOP, build, "test", f"mapreduce-engine-{name}")


# ---- Drawn jobs ---------------------------------------------------------------------------------------

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
          f"{time.monotonic() - started:.0f} |", flush=True)
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


def seeds(build, count):
    print("## Drawn jobs\n\nEach seed draws a job, its memory, its input and what goes wrong "
          "(`src/mapreduce/engine/seed_fixture.h`); every byte\nof output and every counter is compared "
          "with a reference.\n")
    print("| build | seeds | attempts | failed as planned | executed twice | seeds that failed | seconds |\n"
          "|---|---|---|---|---|---|---|")
    failed = run_seeds(build, "release", count)
    if os.path.exists(program(SANITIZED, "job_seed_scenario")):
        failed += run_seeds(SANITIZED, "ASan and UBSan", min(count, SANITIZED_SEEDS))
    for line in failed:
        print(f"\n    {line[:500]}")
    return find_planted(build) and not failed


# ---- Kill rounds --------------------------------------------------------------------------------------

def kills(build, rounds):
    seed = int(subprocess.run(["git", "-C", TOP, "rev-parse", "HEAD"], capture_output=True, text=True,
                              check=False).stdout[:7] or "1", 16)
    command = os.environ.get("GW", os.path.join(TOP, build, "gw"))
    done = subprocess.run([sys.executable, os.path.join(TOP, "test/e2e/kill_rounds.py"), os.path.join(TOP, build),
                           "--rounds", str(rounds), "--seed", str(seed)],
                          env={**os.environ, "GW": command}, stdout=subprocess.PIPE, text=True, check=False)
    print("\n## Kill rounds\n\nkill -9 of a process of a running job at a random moment (`test/e2e/kill_rounds.py`); "
          "nothing may be left, and what\nis committed is right.\n")
    print("\n".join("    " + line for line in done.stdout.splitlines()[1:]), flush=True)
    return done.returncode == 0


# ---- Little memory ------------------------------------------------------------------------------------

def make_text(path, pieces):
    """Writes pieces of words of which each 16th has the same words; returns how often each word occurs in one."""
    chance = random.Random(3)
    words = [b"%x" % chance.getrandbits(36) for _ in range(WORDS)]
    size = sum(len(word) + 2 for word in words) // WORDS + 1
    text = chance.choices(words, k=PIECE // size)
    with open(path, "wb") as file:
        for piece in range(pieces):
            tag = b"%c" % (ord("g") + piece % TAGS)
            for at in range(0, len(text), 10):
                file.write((tag + b" ").join(text[at:at + 10]) + tag + b"\n")
    return collections.Counter(text)


def counted(counts, pieces):
    """The digest of what word count has to make."""
    lines = []
    for tag in range(min(TAGS, pieces)):
        times = len(range(tag, pieces, TAGS))
        lines += [b"%s%c\t%d\n" % (word, ord("g") + tag, count * times) for word, count in counts.items()]
    lines.sort(key=lambda line: line[:line.index(b"\t")])
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest(), len(lines)


def digest_of(directory):
    digest = hashlib.sha256()
    for name in sorted(name for name in os.listdir(directory) if name.startswith("part-")):
        with open(os.path.join(directory, name), "rb") as file:
            while piece := file.read(MIB):
                digest.update(piece)
    return digest.hexdigest()


def watched(command, job, text, output, budget):
    """Runs a job and prints its row; (digest of its output or None, whether it kept the budget)."""
    argv = [command, "mr", job, "-q", *(["--memory", str(budget)] if budget else []), text, output]
    errors = output + ".errors"
    run = measure.run_watched(argv, sorted(os.sched_getaffinity(0)), stderr=errors)
    kept = not budget or run.peak <= budget + BUDGET_SLACK
    print(f"| {job} | {budget // MIB if budget else 'default'} | {run.peak / MIB:.0f} | {run.wall_s:.0f} | "
          f"{run.status} |", flush=True)
    if run.status != 0:
        with open(errors, encoding="utf-8", errors="replace") as file:
            print("\n    " + file.read()[-1000:])
        return None, kept
    digest = digest_of(output)
    shutil.rmtree(output)
    return digest, kept


def little_memory(build, gib):
    command = os.environ.get("GW", os.path.join(TOP, build, "gw"))
    directory = tempfile.mkdtemp(prefix="gw-long-")
    text, output = os.path.join(directory, "text"), os.path.join(directory, "out")
    pieces = max(1, int(gib * 1024 * MIB) // PIECE)
    try:
        expected, words = counted(make_text(text, pieces), pieces)
        print(f"\n## Little memory\n\n{os.path.getsize(text) / (1024 * MIB):.1f} GiB of text, {words} distinct words. "
              f"The peak is what all processes together hold in anonymous and\nshared memory; it may be "
              f"{BUDGET_SLACK // MIB} MiB over the budget.\n")
        print("| job | budget, MiB | peak, MiB | seconds, watched | status |\n|---|---|---|---|---|")
        count, count_kept = watched(command, "wordcount", text, output, BUDGET)
        ordered, sort_kept = watched(command, "sort", text, output, BUDGET)
        plenty, _ = watched(command, "sort", text, output, 0)
    finally:
        shutil.rmtree(directory)
    right = count == expected and ordered is not None and ordered == plenty
    print(f"\nThe counts are {'right' if count == expected else 'WRONG'}; both sorts give "
          f"{'the same bytes' if ordered == plenty else 'DIFFERENT bytes'}; the budget was "
          f"{'kept' if count_kept and sort_kept else 'NOT kept'}.")
    return right and count_kept and sort_kept


def main():
    parser = argparse.ArgumentParser(description="make long PART=mapreduce")
    parser.add_argument("build")
    parser.add_argument("--seeds", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--size", type=float, default=4)
    options = parser.parse_args()
    right = True
    if options.seeds:
        right = seeds(options.build, options.seeds)
    if options.rounds:
        right = kills(options.build, options.rounds) and right
    if options.size:
        right = little_memory(options.build, options.size) and right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
