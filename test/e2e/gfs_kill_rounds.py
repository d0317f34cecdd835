#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kill rounds of the file system: three masters and four chunkservers under load, and kill -9 of one drawn from a seed,
again and again.

    gfs_kill_rounds.py BUILD_DIR [--rounds N] [--seed S]

Some clients append records to one file, others store files, replace them and read what they stored. What is read is what
was stored last, or what was given up since; in the end each acknowledged record is in the file once, and one that was
given up at most once. A round ends when every client has got something acknowledged since the kill.
"""
import random
import re
import subprocess
import sys
import threading
import zlib

import kv_kill_rounds as kills  # takes the arguments from sys.argv
import gfs as files

APPENDERS = 2
STORERS = 2
RECORD_BYTES = 5000
FILE_BYTES = 400000
SILENT_SECONDS = 120
# Not reached, late, not known, in the end of what is waited for: it may have happened. The codes of GW_ERROR_TABLE.
GIVEN_UP = (7, 15, 16, 23, 24, 26)


class Client:
    """A thread that does one thing after the other until it is told to end."""

    def __init__(self, at, number):
        self.at, self.number, self.chance = at, number, random.Random(number)
        self.acknowledged = self.unknown = self.reads = 0
        self.wrong, self.over = None, False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.run)

    def fs(self, *words, data=None):
        return subprocess.run([files.GW, "fs", *words, "--cluster", self.at, "--deadline", "60s"], input=data,
                              capture_output=True, check=False)

    def change(self, *words, data):
        """Whether it was acknowledged."""
        done = self.fs(*words, data=data)
        if done.returncode not in (0, *GIVEN_UP):
            raise kills.Wrong("%s: status %d: %s" % (words, done.returncode, done.stderr))
        with self.changed:
            if done.returncode:
                self.unknown += 1
            else:
                self.acknowledged += 1
            self.changed.notify_all()
        return done.returncode == 0

    def run(self):
        try:
            while not self.over:
                self.work()
        except (kills.Wrong, OSError, ValueError) as error:
            with self.changed:
                self.wrong = str(error)
                self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: self.wrong or self.acknowledged >= count, timeout=SILENT_SECONDS):
                raise kills.Wrong("client %d: nothing acknowledged in two minutes" % self.number)
        if self.wrong:
            raise kills.Wrong(self.wrong)


class Appender(Client):
    """Appends records, each with its client, number, length and checksum, to one file with the others."""

    def __init__(self, at, number):
        super().__init__(at, number)
        self.surely, self.maybe = set(), set()

    def work(self):
        name = "%d.%d" % (self.number, len(self.surely) + len(self.maybe))
        body = self.chance.randbytes(self.chance.randrange(1, RECORD_BYTES))
        record = b"<%s.%d.%d:%s>" % (name.encode(), len(body), zlib.crc32(body), body)
        (self.surely if self.change("append", "--chunk", "64K", "-", "/log", data=record) else self.maybe).add(name)

    def check_end(self):
        done = self.fs("cat", "/log")
        if done.returncode:
            raise kills.Wrong("cat /log: %s" % done.stderr)
        found = [name for name in records(done.stdout) if name.startswith("%d." % self.number)]
        if len(set(found)) != len(found):
            raise kills.Wrong("appender %d: some are there twice: %s" % (self.number, sorted(found)))
        if self.surely - set(found):
            raise kills.Wrong("appender %d: acknowledged and not there: %s" % (self.number, self.surely - set(found)))
        if set(found) - self.surely - self.maybe:
            raise kills.Wrong("appender %d: there and never appended: %s" % (self.number, set(found)))


def records(log):
    """The names of those that are whole."""
    for match in re.finditer(rb"<(\d+\.\d+)\.(\d+)\.(\d+):", log):
        body = log[match.end():match.end() + int(match.group(2))]
        if zlib.crc32(body) == int(match.group(3)) and len(body) == int(match.group(2)):
            yield match.group(1).decode()


class Storer(Client):
    """Stores a file of its own again and again, and reads it."""

    def __init__(self, at, number):
        super().__init__(at, number)
        self.path = "/file%d" % number
        self.may_be = [None]  # None: it is not there

    def work(self):
        data = self.chance.randbytes(self.chance.randrange(FILE_BYTES))
        if self.change("put", "--force", "--chunk", "64K", "-", self.path, data=data):
            self.may_be = [data]
        else:
            self.may_be.append(data)
        self.read()

    def read(self):
        done = self.fs("cat", self.path)
        there = None if done.returncode == 4 else done.stdout
        if done.returncode not in (0, 4, *GIVEN_UP):
            raise kills.Wrong("cat %s: status %d: %s" % (self.path, done.returncode, done.stderr))
        if done.returncode in (0, 4) and there not in self.may_be:
            raise kills.Wrong("%s is not what was stored: %s bytes, not one of %s" % (
                self.path, None if there is None else len(there), [None if one is None else len(one) for one in self.may_be]))
        self.reads += done.returncode == 0
        return done.returncode in (0, 4)

    def check_end(self):
        if not self.read():
            raise kills.Wrong("%s cannot be read" % self.path)


def one_round(room, clients, chance):
    victim = chance.choice(room.masters + room.chunkservers)
    for client in clients:
        client.wait_for(client.acknowledged + chance.randrange(3))
    victim.kill()
    if chance.random() < 0.5:  # back at once, or when the others have gone on
        victim.start()
    for client in clients:
        client.wait_for(client.acknowledged + 1)
    if victim.process.returncode is not None:
        victim.start()
    return victim in room.masters


def run_rounds(directory, rounds, chance, told):
    with files.Room(directory) as room:
        clients = [Appender(room.at, number) for number in range(APPENDERS)]
        clients += [Storer(room.at, number) for number in range(APPENDERS, APPENDERS + STORERS)]
        for client in clients:
            client.thread.start()
        try:
            for _ in range(rounds):
                told["masters"] += one_round(room, clients, chance)
                told["rounds"] += 1
        finally:
            for client in clients:
                client.over = True
            for client in clients:
                client.thread.join()
        for client in clients:
            if client.wrong:
                raise kills.Wrong(client.wrong)
            client.check_end()
            told["changes"] += client.acknowledged
            told["not known"] += client.unknown
            told["reads"] += client.reads


if __name__ == "__main__":
    sys.exit(kills.main(run_rounds, "the file system", ("masters", "changes", "not known", "reads")))
