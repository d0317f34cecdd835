#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kill rounds: three members under load, and kill -9 of one drawn from a seed, again and again.

    kv_kill_rounds.py BUILD_DIR [--rounds N] [--seed S]

Writers append numbers to shared keys, one after the other. A read has to show every append that was acknowledged before
it began; in the end each acknowledged one is there once, in its writer's order, and nothing else is. Where a change was
given up its number may be there or not. A round ends when every writer has got something acknowledged since the kill.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading

arguments = sys.argv[2:]
sys.argv = sys.argv[:2]
import kv as service  # noqa: E402  (it takes the build directory from sys.argv)

ROUNDS = 20
WRITERS = 4
KEYS = 2
READ_EVERY = 4


class Wrong(Exception):
    """The history is not one that may be."""


class Writer:
    """A thread that appends and reads until it is told to end; command is how it calls gw."""

    def __init__(self, at, number, command=(service.GW,), options=()):
        self.at, self.number, self.key = at, number, "key%d" % (number % KEYS)
        self.command, self.options = command, options
        self.begun, self.acknowledged, self.unknown, self.reads = 0, [], set(), 0
        self.wrong, self.over = None, False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def gw(self, *words, at=None, deadline="60s"):
        return subprocess.run([*self.command, "kv", *words, *self.options, "--at", at or self.at, "--deadline", deadline],
                              capture_output=True, check=False)

    def mine(self, value):
        words = [word.split(b".") for word in value.split()]
        return [int(number) for writer, number in words if int(writer) == self.number]

    def append(self, number):
        self.begun = number + 1
        done = self.gw("append", self.key, "%d.%d " % (self.number, number))
        with self.changed:
            if done.returncode:
                self.unknown.add(number)
            else:
                self.acknowledged.append(number)
            self.changed.notify_all()
        if done.returncode not in (0, 15, 16, 23, 24, 26):
            raise Wrong("append: status %d: %s" % (done.returncode, done.stderr))

    def read(self, **how):
        """True: there was an answer; it has to be a right one."""
        before = list(self.acknowledged)
        done = self.gw("get", self.key, **how)
        if done.returncode == 0:
            self.check(before, self.mine(done.stdout))
            self.reads += 1
        return done.returncode == 0

    def check(self, acknowledged, there):
        if there != sorted(set(there)):
            raise Wrong("writer %d: twice, or out of order: %s" % (self.number, there))
        if set(acknowledged) - set(there):
            raise Wrong("writer %d: acknowledged and not there: %s" % (self.number, set(acknowledged) - set(there)))
        if there and there[-1] >= self.begun:
            raise Wrong("writer %d: there and never written: %s" % (self.number, there))

    def run(self):
        number = 0
        try:
            while not self.over:
                self.append(number)
                number += 1
                if number % READ_EVERY == 0:
                    self.read()
        except (Wrong, OSError, ValueError) as error:
            with self.changed:
                self.wrong = str(error)
                self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: self.wrong or len(self.acknowledged) >= count, timeout=120):
                raise Wrong("writer %d: nothing acknowledged in two minutes" % self.number)
        if self.wrong:
            raise Wrong(self.wrong)


def one_round(cluster, writers, chance):
    victim = chance.choice(cluster.members)
    for writer in writers:
        writer.wait_for(len(writer.acknowledged) + chance.randrange(4))
    led = cluster.leader() is victim
    victim.kill()
    if chance.random() < 0.5:  # back at once, or when the others have gone on
        victim.start()
    for writer in writers:
        writer.wait_for(len(writer.acknowledged) + 1)
    if victim.process.returncode is not None:
        victim.start()
    return led


def run_rounds(directory, rounds, chance, told):
    with service.Cluster(directory) as cluster:
        writers = [Writer(cluster.at, number) for number in range(WRITERS)]
        try:
            for _ in range(rounds):
                told["leaders"] += one_round(cluster, writers, chance)
                told["rounds"] += 1
        finally:
            for writer in writers:
                writer.over = True
            for writer in writers:
                writer.thread.join()
        for writer in writers:
            if writer.wrong:
                raise Wrong(writer.wrong)
            writer.check(writer.acknowledged, writer.mine(service.kv(cluster.at, "get", writer.key)))
            told["appends"] += len(writer.acknowledged)
            told["not known"] += len(writer.unknown)
            told["reads"] += writer.reads


def main(run=run_rounds, of="the key/value service", counts=("leaders", "appends", "not known", "reads")):
    """run(directory, rounds, chance, told) counts rounds and the rest in told."""
    parser = argparse.ArgumentParser(description="kill rounds of " + of)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args(arguments)
    told = dict.fromkeys(("rounds", *counts), 0)
    wrong = None
    with tempfile.TemporaryDirectory() as directory:
        try:
            run(directory, options.rounds, random.Random(options.seed), told)
        except (Wrong, AssertionError, OSError, subprocess.SubprocessError) as error:
            wrong = str(error)
    print("1..1")
    print("%s 1 - %d kill rounds of seed %d: %s" % ("not ok" if wrong else "ok", told["rounds"], options.seed,
                                                   ", ".join("%d %s" % (told[count], count) for count in counts)))
    if wrong:
        print("# " + wrong.replace("\n", "\n# ")[:2000])
        print("# again: %s BUILD_DIR --seed %d" % (os.path.basename(sys.argv[0]), options.seed))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
