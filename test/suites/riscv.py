#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs test programs for RISC-V that somebody else wrote and built, on src/vm/cpu. TAP, one test a program.

    python3 test/suites/riscv.py FOLDER [SIGNATURES]

FOLDER holds ELF files for RV64 that end by writing to tohost, as those of riscv-tests and riscv-arch-test do; other
files are passed over. With SIGNATURES, a program NAME or NAME.elf has also to leave what NAME.reference_output there
says; one without such a file is passed over too. RISCV_RUN names the runner (else build/riscv-run).

Without arguments the folders are those of GW_RISCV_TESTS (FOLDER, or FOLDER:SIGNATURES; several separated by spaces);
if it is not set there is nothing to do. That is how `make check` calls it.
"""
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS = 60


def programs(folder):
    """Names of the ELF files, sorted."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield name


def reference(signatures, name):
    """The lines that a program has to leave, or None."""
    stem = name[:-4] if name.endswith(".elf") else name
    path = os.path.join(signatures, stem + ".reference_output")
    if not os.path.exists(path):
        return None
    with open(path, encoding="ascii") as file:
        return file.read().split()


def run(runner, path, expected):
    """What is wrong with a program, or None."""
    with tempfile.NamedTemporaryFile("r") as signature:
        command = [runner, path] + ([signature.name] if expected is not None else [])
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"not done after {SECONDS} s"
        if done.returncode != 0:
            return (done.stdout + done.stderr).strip() or f"status {done.returncode}"
        if expected is None:
            return None
        found = signature.read().split()
    for at, word in enumerate(expected):
        if at >= len(found) or found[at] != word:
            return f"signature, word {at}: {word} expected, {found[at] if at < len(found) else 'nothing'} found"
    return None


def places(arguments):
    """(folder, signatures or None) for each place to look."""
    if arguments:
        return [(arguments[0], arguments[1] if len(arguments) > 1 else None)]
    named = os.environ.get("GW_RISCV_TESTS", "").split()
    return [(place.split(":")[0], place.split(":")[1] if ":" in place else None) for place in named]


def main():
    runner = os.environ.get("RISCV_RUN", os.path.join(TOP, "build/riscv-run"))
    tests = []
    for folder, signatures in places(sys.argv[1:3]):
        for name in programs(folder):
            expected = reference(signatures, name) if signatures else None
            if signatures is None or expected is not None:
                tests.append((os.path.join(folder, name), expected))
    if not tests:
        print("1..0 # SKIP GW_RISCV_TESTS names no folder with programs")
        return 0
    print(f"1..{len(tests)}")
    failed = 0
    for number, (path, expected) in enumerate(tests, 1):
        wrong = run(runner, path, expected)
        failed += wrong is not None
        print(f"{'ok' if wrong is None else 'not ok'} {number} - {os.path.basename(path)}")
        if wrong is not None:
            print(f"# {wrong}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
