#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw sim as a command: a line a seed with its hash, what a failing seed prints, and that the command it names repeats
it. TAP.

    python3 test/e2e/sim.py BUILD_DIR
"""
import os
import re
import shlex
import subprocess
import sys

import tap

GW = os.environ.get("GW") or os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "gw")
LINE = re.compile(r"^(\S+) (\d+) ([0-9a-f]{16}) (ok|FAILED) [\d.]+ s \d+ events( beyond)?", re.M)


def run(*words):
    done = subprocess.run([GW, "sim", *words], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def seeds_have_a_line_each_and_the_same_hash_in_any_process():
    status, one, _ = run("--workload", "tasks", "--seeds", "1..8")
    assert status == 0, one
    lines = LINE.findall(one)
    assert [int(line[1]) for line in lines] == list(range(1, 9)), one
    assert len({line[2] for line in lines}) == 8, one
    status, two, _ = run("--workload", "tasks", "--seeds", "1..8", "--jobs", "2", "--twice", "2")
    assert status == 0 and sorted(LINE.findall(two)) == sorted(lines), two


def what_was_done_is_counted_behind_them():
    status, output, _ = run("--workload", "disk-log", "--seeds", "1..20", "--jobs", "2")
    assert status == 0, output
    for words in ("faults: the machine loses power", "times rare path taken: ", "times probe reached: "):
        assert words in output, (words, output)
    total = re.search(r"^disk-log: 20 seeds right, 0 failed; (\d+) exceeded the promise", output, re.M)
    beyond = sum(line[4] == " beyond" for line in LINE.findall(output))
    assert total and int(total.group(1)) == beyond > 0, output


def a_failing_seed_prints_its_trace_and_the_command_that_repeats_it():
    status, output, errors = run("--workload", "echo-counter", "--seeds", "1..50", "--jobs", "2", "--bug", "rpc.dup-early")
    assert status == 1 and "1 seeds failed" in errors, (status, errors)
    failed = [line for line in LINE.findall(output) if line[3] == "FAILED"]
    assert len(failed) == 1, output
    trace = re.findall(r"^ +\d+\.\d{9} (?:server|client \d+|-) ", output, re.M)
    assert len(trace) >= 20, output
    command = re.search(r"^ +again: (gw sim .*)$", output, re.M)
    assert command, output
    words = shlex.split(command.group(1))[2:]
    assert failed[0][1] in words and "--bug" in words, words
    status, again, _ = run(*words)
    assert status == 1 and failed[0] in LINE.findall(again), (failed, again[-500:])
    assert len(re.findall(r"^ +\d+\.\d{9} ", again, re.M)) > len(trace)


def the_same_seed_without_the_bug_is_right():
    status, output, _ = run("--workload", "echo-counter", "--seeds", "2")
    assert status == 0 and " 2 " in output, output


def what_there_is_not_is_refused_by_name():
    for words in (["--workload", "nonsense"], ["--workload", "tasks", "--bug", "nonsense"], ["--seeds", "5..1"]):
        status, output, errors = run(*words)
        assert status == 2 and output == "" and words[-1] in errors, (words, status, errors)


TESTS = [seeds_have_a_line_each_and_the_same_hash_in_any_process, what_was_done_is_counted_behind_them,
         a_failing_seed_prints_its_trace_and_the_command_that_repeats_it, the_same_seed_without_the_bug_is_right,
         what_there_is_not_is_refused_by_name]


def main():
    return tap.run(TESTS)


if __name__ == "__main__":
    sys.exit(main())
