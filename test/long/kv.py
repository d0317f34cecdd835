#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make long PART=kv`: real members of the key/value service, killed a thousand times under load and cut off from each
other two hundred times; and its workloads in the simulator (sim.py).

    python3 test/long/kv.py BUILD_DIR [--rounds N] [--partitions N] [--rows N] [--seeds N] [--find N]

Prints Markdown for docs/evidence/kv.md; ends with 0 when all is well. Rows that were right are kept in
BUILD_DIR/long-kv.jsonl and not run again while the command is the same one, so it may be ended and begun again; --rows ends it
by itself behind so many new ones.
"""
import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time

import sim

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KINDS = [
    ("kill -9 of a random member of three, under load", "kv_kill_rounds.py", 1000, 50,
     r"(\d+) kill rounds of seed \d+: (\d+) leaders, (\d+) appends, (\d+) not known, (\d+) reads",
     ["rounds", "leaders killed", "appends acknowledged", "outcome not known", "reads"]),
    ("Members cut off from each other in network namespaces, under load", "kv_partitions.py", 210, 21,
     r"(\d+) partitions of seed \d+: (\d+) answers of old leaders, (\d+) appends, (\d+) not known, (\d+) reads",
     ["rounds", "answers of old leaders", "appends acknowledged", "outcome not known", "reads"]),
]


class Rows:
    """What was run, kept in a file."""

    def __init__(self, build, part, most):
        self.build, self.most = build, most
        self.path = os.path.join(build, "long-%s.jsonl" % part)
        with open(os.path.join(build, "gw"), "rb") as file:
            self.command = hashlib.sha256(file.read()).hexdigest()
        self.known = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                for row in map(json.loads, file):
                    if row["command"] == self.command:
                        self.known[row["script"], row["seed"], row["rounds"]] = row

    def get(self, script, pattern, seed, rounds):
        """The row; None: there is to be no new one."""
        row = self.known.get((script, seed, rounds))
        if row or self.most == 0:
            return row
        self.most -= 1
        started = time.monotonic()
        done = subprocess.run([sys.executable, os.path.join(TOP, "test/e2e", script), self.build, "--rounds", str(rounds),
                               "--seed", str(seed)],
                              env=dict(os.environ, GW=os.path.join(self.build, "gw")), capture_output=True, text=True,
                              check=False)
        counts = re.search(pattern, done.stdout)
        row = {"script": script, "seed": seed, "rounds": rounds, "command": self.command,
               "counts": counts.groups() if counts else (), "seconds": round(time.monotonic() - started),
               "well": bool(done.returncode == 0 and counts and int(counts.group(1)) == rounds)}
        if row["well"]:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        else:
            row["said"] = (done.stdout + done.stderr)[-2000:]
        return row


def tell(rows, kind, count):
    """Prints a table; what was wrong and how many rows are missing."""
    title, script, _, rounds_a_cluster, pattern, columns = kind
    wrong = missing = 0
    sums = [0] * len(columns)
    print("## %s\n\nEach row is a cluster of its own; what is checked is said in test/e2e/%s.\n" % (title, script))
    print("| seed | %s | seconds | |" % " | ".join(columns))
    print("|---" * (len(columns) + 3) + "|")
    for seed in range(1, 1 + (count + rounds_a_cluster - 1) // rounds_a_cluster):
        row = rows.get(script, pattern, seed, min(rounds_a_cluster, count - (seed - 1) * rounds_a_cluster))
        if not row:
            missing += 1
            continue
        counts = row["counts"] or ["-"] * len(columns)
        print("| %d | %s | %d | %s |" % (seed, " | ".join(counts), row["seconds"], "" if row["well"] else "FAILED"), flush=True)
        if row["well"]:
            sums = [before + int(now) for before, now in zip(sums, counts)]
        else:
            wrong += 1
            print("\n    " + row["said"].replace("\n", "\n    ") + "\n")
    print("| all | %s | | |\n" % " | ".join(map(str, sums)))
    return wrong, missing


def main(part, kinds, words):
    """words are the options that say how many there are of each kind."""
    parser = argparse.ArgumentParser(description="the full counts of " + part)
    parser.add_argument("build")
    for kind, word in zip(kinds, words):
        parser.add_argument("--" + word, type=int, default=kind[2])
    parser.add_argument("--rows", type=int, default=-1)
    parser.add_argument("--seeds", type=int, default=1000, help="of each workload in the simulator")
    parser.add_argument("--find", type=int, default=1000, help="seeds to search for each planted bug")
    options = parser.parse_args()
    rows = Rows(os.path.abspath(options.build), part, options.rows)
    told = [tell(rows, kind, getattr(options, word)) for kind, word in zip(kinds, words)]
    missing = sum(one[1] for one in told)
    if missing:
        print("%d rows are missing." % missing)
    right = sim.run(options.build, part, options.seeds, options.find)
    return 0 if right and not missing and not sum(one[0] for one in told) else 1


if __name__ == "__main__":
    sys.exit(main("kv", KINDS, ("rounds", "partitions")))
