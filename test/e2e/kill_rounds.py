#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kill rounds: a job of the built command, and at a random moment kill -9 of one of its processes, drawn from a seed.

    kill_rounds.py BUILD_DIR [--rounds N] [--seed S]

A slot that dies is replaced and the output is what it would have been, byte for byte. When the keeper or the driver
dies there is no output. In every case no process, no temporary file and no staging directory is left.
"""
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.argv, arguments = sys.argv[:2], sys.argv[2:]
import bad_input as bad  # noqa: E402  (it takes the build directory from sys.argv)

ROUNDS = 24
WORDS = 4 << 20
COMMANDS = [["wordcount", "-j", "3", "--memory", "48M"], ["sort", "-j", "2", "--memory", "32M"],
            ["sort", "-j", "3", "-r", "--compress-spill", "zstd", "--memory", "48M"]]


def make_input(path):
    chance = random.Random(7)
    words = [b"w%d" % number for number in range(50000)]
    with open(path, "wb") as file:
        for _ in range(WORDS >> 10):
            file.write(b"\n".join(chance.choices(words, k=1024)) + b"\n")


def digest(directory):
    name = [name for name in sorted(os.listdir(directory)) if name.startswith("part-")]
    done = subprocess.run(["sha256sum", *name], cwd=directory, capture_output=True, check=True)
    return done.stdout


def family(job):
    """The job's processes: role -> pids."""
    roles = {"driver": [job.pid], "keeper": [], "slot": []}
    for pid in bad.marked_processes():
        try:
            parent = bad.parent_of(pid)
            if parent == job.pid:
                roles["keeper"].append(pid)
            elif pid != job.pid:
                roles["slot"].append(pid)
        except OSError:
            continue
    return roles


def one_round(directory, chance, expected, seconds):
    which = chance.randrange(len(COMMANDS))
    role = chance.choice(["slot", "slot", "keeper", "driver"])
    job = bad.start(bad.GW, "mr", *COMMANDS[which], "-q", "in", "out", cwd=directory)
    # The moment of the fault, not a wait for something to happen.
    time.sleep(chance.uniform(0, seconds[which] * 1.2))
    victims = family(job)[role]
    if victims:
        try:
            os.kill(chance.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            victims = []
    _, errors = job.communicate(timeout=bad.SECONDS_MAX)
    # A driver that dies behind its last rename has done its work: the output is all there.
    committed = role == "driver" and os.path.exists(directory + "/out/_SUCCESS")
    if job.returncode == 0 or committed:
        bad.check(digest(directory + "/out") == expected[which], f"{COMMANDS[which]}: other output after a {role} died")
        shutil.rmtree(directory + "/out")
    else:
        bad.check(role != "slot", f"a dead slot ended the job: {errors}")
        bad.check(role == "driver" or errors.strip(), "no word of why the job ended")
    bad.nothing_left(directory, ["in"])
    return role if victims and job.returncode != 0 and not committed or role == "slot" and victims else "none"


def prepare(directory):
    """Each command undisturbed: the digest of its output, and how long it takes."""
    expected, seconds = [], []
    for command in COMMANDS:
        started = time.monotonic()
        done = bad.run(bad.GW, "mr", *command, "-q", "in", "out", cwd=directory)
        bad.check(done.returncode == 0, done.stderr)
        seconds.append(time.monotonic() - started)
        expected.append(digest(directory + "/out"))
        shutil.rmtree(directory + "/out")
    return expected, seconds


def main():
    parser = argparse.ArgumentParser(description="kill rounds")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args(arguments)
    directory = tempfile.mkdtemp(prefix="gw-kill-")
    chance = random.Random(options.seed)
    killed = {"none": 0, "slot": 0, "keeper": 0, "driver": 0}
    wrong = None
    done = 0
    try:
        make_input(directory + "/in")
        expected, seconds = prepare(directory)
        while done < options.rounds:
            killed[one_round(directory, chance, expected, seconds)] += 1
            done += 1
    except (bad.Wrong, OSError, subprocess.SubprocessError) as error:
        wrong = str(error)
    finally:
        for pid in bad.marked_processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(directory)
    print("1..1")
    print(f"{'not ok' if wrong else 'ok'} 1 - {done} kill rounds of seed {options.seed}: "
          f"{killed['slot']} slots, {killed['keeper']} keepers, {killed['driver']} drivers, {killed['none']} too late")
    if wrong:
        print(f"# round {done}: {wrong}")
        print(f"# again: {sys.argv[0]} BUILD_DIR --seed {options.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
