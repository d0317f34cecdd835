#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""src/task compiles for aarch64 without a warning, and its switch works there: the scheduler is built for it with
aarch64_tasks.c and run by qemu. TAP. Where there is no such compiler (other machines than amd64), nothing is run.

    python3 test/e2e/aarch64.py BUILD_DIR
"""
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPILER, RUNNER = "aarch64-linux-gnu-gcc", "qemu-aarch64"
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Isrc", "-Iinclude", "-Itest"]
NEEDS = ["src/base/allocate.c", "src/base/buffer.c", "src/base/error.c", "test/support/fake_io.c",
         "test/support/planted.c",
         "test/e2e/aarch64_tasks.c"]


def run(command):
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def sources():
    """All of src/task but its tests; run.c apart, as it stands on the real io."""
    names = sorted(name for name in os.listdir(os.path.join(TOP, "src/task")) if name.endswith(".c"))
    return [f"src/task/{name}" for name in names if not name.endswith(("_test.c", "_fixture.c", "_fuzz.c"))]


def compiles(work):
    for source in sources():
        status, said = run([COMPILER, *FLAGS, "-O3", "-c", source, "-o", f"{work}/object"])
        if status != 0:
            return said
    return None


def works(work, level):
    linked = [source for source in sources() if source != "src/task/run.c"]
    status, said = run([COMPILER, *FLAGS, level, "-static", *NEEDS, *linked, "-o", f"{work}/tasks", "-lpthread"])
    if status == 0:
        status, said = run([RUNNER, f"{work}/tasks"])
    return None if status == 0 and said == "right\n" else f"status {status}: {said}"


def main():
    for program in (COMPILER, RUNNER):
        if not shutil.which(program):
            print(f"1..0 # SKIP no {program}")
            return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix="gw-aarch64-") as work:
        cases = [("src/task compiles for aarch64", compiles(work))]
        cases += [(f"tasks keep their numbers over switches on aarch64, {level}", works(work, level))
                  for level in ("-O0", "-O2", "-O3")]
    for number, (title, wrong) in enumerate(cases, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {title}")
        if wrong:
            failed += 1
            print("\n".join("# " + line for line in wrong.split("\n")[:20]))
    print(f"1..{len(cases)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
