#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw vm replay --gdb with gdb-multiarch: from the crash of a guest (vm_gdb_crash.c) back to its cause, and forward again;
breakpoints, watchpoints and steps both ways, symbols and lines. TAP.

    python3 test/e2e/vm_gdb.py BUILD_DIR
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import tap

GW = os.environ.get("GW") or os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "gw")
HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = ("clang", "riscv64-linux-gnu-ld", "gdb-multiarch")


class Place:
    """A directory with the guest and a log of its crash."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="gw-vm-gdb-")
        self.guest = os.path.join(self.path, "crash.elf")
        self.log = os.path.join(self.path, "log")
        objects = os.path.join(self.path, "crash.o")
        subprocess.run(["clang", "--target=riscv64-unknown-elf", "-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany",
                        "-mno-relax", "-ffreestanding", "-gdwarf-4", "-O0", "-Wall", "-Werror", "-c",
                        os.path.join(HERE, "vm_gdb_crash.c"), "-o", objects], check=True)
        subprocess.run(["riscv64-linux-gnu-ld", "-Ttext=0x80000000", "--section-start=.text.start=0x80000000", "-e",
                        "_start", "-N", "--no-warn-rwx-segments", objects, "-o", self.guest], check=True)
        done = subprocess.run([GW, "vm", "run", "--bare", "--memory", "16M", "--kernel", self.guest, "--record",
                               self.log], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        assert done.stdout == b"crashed\n" and done.returncode == 1, done
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def gdb(self, *commands, until=None):
        """What gdb says to commands, and how the replay ended."""
        words = ["--until", str(until)] if until is not None else []
        replay = subprocess.Popen([GW, "vm", "replay", self.log, "--gdb", "0", *words], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            address = re.search(r"target remote (\S+)", replay.stderr.readline()).group(1)
            words = []
            for command in (f"target remote {address}", *commands):
                words += ["-ex", command]
            gdb = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-ex", "set pagination off", *words, self.guest],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
            out, errors = replay.communicate(timeout=60)
            return gdb.stdout + gdb.stderr, replay.returncode, out, errors
        finally:
            replay.kill()
            replay.communicate()


def gdb_goes_back_from_a_crash_to_its_cause(place):
    said, status, _, errors = place.gdb(
        "break crashed", "continue", "printf \"at the crash: %lu\\n\", $count", "print/x $mcause", "print/x accounts[3].heir",
        "watch accounts[3].heir", "reverse-continue", "backtrace", "printf \"the cause: %lu\\n\", $count",
        "print/x *(long *)&accounts[3].heir", "delete", "break crashed", "continue",
        "printf \"again: %lu\\n\", $count")
    assert status == 0, errors
    assert re.search(r"Breakpoint 1, crashed \(\)", said), said
    assert re.search(r"\$1 = 0x5\b", said), said  # load access fault
    hit = said.split("Hardware watchpoint 2: accounts[3].heir", 2)
    assert len(hit) == 3, said  # once when it is set
    assert re.search(r"Old value = .*\n\s*New value = ", hit[2]), said
    assert re.search(r"#0 .*rename_account \(.*name=.*\n#1 .*pass_a_day \(day=5000\)", hit[2]), said
    counts = [int(number) for number in re.findall(r"(?:at the crash|the cause|again): (\d+)", said)]
    assert len(counts) == 3 and counts[1] < counts[0] == counts[2], counts


def breakpoints_are_met_backwards(place):
    said, status, _, errors = place.gdb(
        "break settle", "continue", "break rename_account if account == &accounts[3]", "reverse-continue",
        "print name", "finish", "reverse-finish", "reverse-continue", "print name", "delete", "reverse-continue")
    assert status == 0, errors
    names = re.findall(r"\$\d+ = 0x[0-9a-f]+ .*\"(\w+)\"", said)
    assert names == ["Bartholomew", "nobody"], said
    assert "No more reverse-execution history" in said, said


def steps_go_both_ways(place):
    said, status, _, errors = place.gdb(
        "break pass_a_day if day == 3", "continue", "print $count", "next", "next", "next", "reverse-next",
        "reverse-next", "reverse-next", "stepi", "stepi", "reverse-stepi", "reverse-stepi", "print $count",
        "print day")
    assert status == 0, errors
    values = re.findall(r"\$\d+ = (\d+)", said)
    assert len(values) == 3 and values[2] == "3", said
    assert abs(int(values[0]) - int(values[1])) < 100, said


def registers_and_memory_are_those_of_the_guest(place):
    said, status, _, errors = place.gdb(
        "break settle", "continue", "print accounts[3].balance", "set var accounts[3].balance = 77",
        "print accounts[3].balance", "info registers sp pc mtvec priv", "monitor count", "monitor physical",
        "x/8xb 0x80000000", "stepi", "reverse-stepi", "disconnect")
    assert status == 0, errors
    assert "= 77" in said and "mtvec" in said and "addresses are physical" in said, said


def it_begins_where_that_is_wanted(place):
    said, status, out, errors = place.gdb("print $count", "reverse-continue", "print $count", "delete", "continue",
                                          until=1000)
    assert status == 0, errors
    assert re.findall(r"\$\d+ = (\d+)", said) == ["1000", "0"], said
    # What the guest says is said once.
    assert out == "crashed\n", out


TESTS = [gdb_goes_back_from_a_crash_to_its_cause, breakpoints_are_met_backwards, steps_go_both_ways,
         registers_and_memory_are_those_of_the_guest, it_begins_where_that_is_wanted]


def main():
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    if lacking:
        print(f"1..0 # SKIP {lacking[0]} is not there")
        return 0
    with Place() as place:
        return tap.run(TESTS, place)


if __name__ == "__main__":
    sys.exit(main())
