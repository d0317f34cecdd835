#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make long PART=kv`: real members of the key/value service killed under load, a thousand times.

    python3 test/long/kv.py BUILD_DIR [--rounds N]

Prints Markdown for docs/evidence/kv.md; ends with 0 when all is well.
"""
import argparse
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROUNDS = 1000
ROUNDS_A_CLUSTER = 100


def main():
    parser = argparse.ArgumentParser(description="kill rounds of the key/value service")
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    environment = dict(os.environ, GW=os.path.join(TOP, options.build, "gw"))
    right = True
    print("## kill -9 of a random member of three, under load\n\nEach row is a cluster of its own; what is checked is in "
          "test/e2e/kv_kill_rounds.py.\n")
    print("| seed | rounds | leaders killed | appends acknowledged | outcome not known | reads | seconds | |")
    print("|---|---|---|---|---|---|---|---|")
    for seed in range(1, 1 + (options.rounds + ROUNDS_A_CLUSTER - 1) // ROUNDS_A_CLUSTER):
        rounds = min(ROUNDS_A_CLUSTER, options.rounds - (seed - 1) * ROUNDS_A_CLUSTER)
        started = time.monotonic()
        done = subprocess.run([sys.executable, os.path.join(TOP, "test/e2e/kv_kill_rounds.py"), options.build, "--rounds",
                               str(rounds), "--seed", str(seed)],
                              env=environment, capture_output=True, text=True, check=False)
        counts = re.search(r"(\d+) kill rounds of seed \d+: (\d+) \w+, (\d+) \w+, (\d+) not known, (\d+) reads",
                           done.stdout)
        well = done.returncode == 0 and counts and int(counts.group(1)) == rounds
        print("| %d | %s | %.0f | %s |" % (seed, " | ".join(counts.groups() if counts else "-----"),
                                           time.monotonic() - started, "" if well else "FAILED"), flush=True)
        if not well:
            print("\n    " + (done.stdout + done.stderr)[-2000:].replace("\n", "\n    ") + "\n")
        right = right and well
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
