#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make long PART=gfs`: real masters and chunkservers of the file system, killed a thousand times under load;
and its workloads in the simulator.

    python3 test/long/gfs.py BUILD_DIR [--rounds N] [--rows N] [--seeds N] [--find N]

Prints Markdown for docs/evidence/gfs.md; rows are kept as those of kv.py.
"""
import sys

import kv

KINDS = [
    ("kill -9 of a random one of three masters and four chunkservers, under load", "gfs_kill_rounds.py", 1000, 20,
     r"(\d+) kill rounds of seed \d+: (\d+) masters, (\d+) changes, (\d+) not known, (\d+) reads",
     ["rounds", "masters killed", "changes acknowledged", "outcome not known", "reads"]),
]

if __name__ == "__main__":
    sys.exit(kv.main("gfs", KINDS, ("rounds",)))
