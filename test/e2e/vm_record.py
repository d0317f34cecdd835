#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw vm run --record and gw vm replay as commands: what a guest said is said again, a recorder that is killed leaves a log
that replays to its end, a log is refused by name, a full disk under the log ends the run. The guest echoes what is
typed, and switches off at 'q'. TAP.

    python3 test/e2e/vm_record.py BUILD_DIR
"""
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

import tap

GW = os.environ.get("GW") or os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "gw")

# t0 is the console, t1 'q', t2 the power, t3 what it is told, t6 counts.
ECHO = [
    0x100002b7,  # lui t0, 0x10000
    0x07100313,  # li t1, 'q'
    0x001003b7,  # lui t2, 0x100
    0x00005e37,  # lui t3, 5
    0x555e0e13,  # addi t3, t3, 0x555
    0x001f8f93,  # look: addi t6, t6, 1
    0x0052ce83,  # lbu t4, 5(t0)
    0x001efe93,  # andi t4, t4, 1
    0xfe0e8ae3,  # beqz t4, look
    0x0002cf03,  # lbu t5, 0(t0)
    0x01e28023,  # sb t5, 0(t0)
    0xfe6f14e3,  # bne t5, t1, look
    0x01c3a023,  # sw t3, 0(t2)
    0x0000006f,  # j .
]


class Place:
    """A directory of its own with the guest in it."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="gw-vm-record-")
        self.log = os.path.join(self.path, "log")
        self.kernel = os.path.join(self.path, "kernel")
        with open(self.kernel, "wb") as out:
            out.write(b"".join(struct.pack("<I", word) for word in ECHO))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def start(self, *words, **options):
        return subprocess.Popen([GW, "vm", "run", "--bare", "--memory", "16M", "--kernel", self.kernel, "--record",
                                 self.log, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **options)

    def record(self, typed, *words, **options):
        machine = self.start(*words, **options)
        said, errors = machine.communicate(typed, timeout=120)
        return machine.returncode, said, errors.decode()

    def replay(self, *words):
        done = subprocess.run([GW, "vm", "replay", self.log, *words], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr.decode()


def what_was_said_is_said_again():
    with Place() as place:
        assert place.record(b"hello q") == (0, b"hello q", "")
        for _ in range(3):
            status, said, words = place.replay()
            assert (status, said) == (0, b"hello q") and "to its end" in words, (status, said, words)
        status, said, words = place.replay("--until", "1000")
        assert status == 0 and said == b"" and " 1000 instructions" in words, (status, said, words)


def a_killed_recorder_leaves_a_log_that_replays():
    with Place() as place:
        machine = place.start()
        for byte in b"some words":
            machine.stdin.write(bytes([byte]))
            machine.stdin.flush()
            assert machine.stdout.read(1) == bytes([byte])
        machine.send_signal(signal.SIGKILL)
        machine.communicate()
        status, said, words = place.replay()
        assert status == 0 and "where the log was cut" in words, (status, words)
        assert b"some words".startswith(said), said


def a_disk_is_not_written_to():
    with Place() as place:
        disk = os.path.join(place.path, "disk")
        with open(disk, "wb") as out:
            out.write(b"x" * 65536)
        assert place.record(b"q", "--disk", disk)[0] == 0
        assert place.replay()[0] == 0
        with open(disk, "rb") as file:
            assert file.read() == b"x" * 65536
        with open(disk, "r+b") as out:
            out.write(b"y")
        status, _, words = place.replay()
        assert status != 0 and f"{disk}: not the disk that was recorded in {place.log}" in words, words
        os.unlink(disk)
        status, _, words = place.replay()
        assert status != 0 and disk in words, words


def a_wrong_log_is_refused_by_name():
    with Place() as place:
        for content, why in ((b"", "not the log of a machine"), (b"x" * 100, "not the log of a machine"),
                             (b"gwvmlog\x09" + bytes(100), "a log of version 9; known is 1")):
            with open(place.log, "wb") as out:
                out.write(content)
            status, said, words = place.replay()
            assert status != 0 and said == b"" and place.log in words and why in words, words
        status, _, words = place.record(b"q")
        assert status != 0 and place.log in words, words  # it is there already


def a_log_that_finds_no_room_ends_the_run():
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    with Place() as place:
        status, _, words = place.record(b"z" * 1000000, preexec_fn=limit)
        assert status != 0 and f"{place.log}: the log cannot be written" in words, (status, words)
        status, _, words = place.replay()
        assert status == 0 and "where the log was cut" in words, words


def a_snapshot_is_where_a_replay_begins():
    with Place() as place:
        control, snapshot = os.path.join(place.path, "control"), os.path.join(place.path, "snapshot")
        machine = place.start("--control", control)
        machine.stdin.write(b"before ")
        machine.stdin.flush()
        assert machine.stdout.read(7) == b"before "
        for path, status in ((snapshot, 0), (snapshot, 5)):  # it is there already
            done = subprocess.run([GW, "vm", "snapshot", control, path], capture_output=True, text=True, timeout=60,
                                  check=False)
            assert done.returncode == status, done.stderr
        assert f"{snapshot}: the snapshot cannot be made" in done.stderr, done.stderr
        said, errors = machine.communicate(b"behind q", timeout=120)
        assert machine.returncode == 0 and said == b"behind q", (said, errors)
        assert place.replay()[1] == b"before behind q"
        status, said, words = place.replay("--from", snapshot)
        assert (status, said) == (0, b"behind q") and "to its end" in words, (status, said, words)
        # And one of a replay.
        other = os.path.join(place.path, "other")
        status, _, words = place.replay("--until", "5000", "--snapshot", other)
        assert status == 0, words
        status, _, words = place.replay("--from", other)
        assert status == 0 and "to its end" in words, words
        with open(other, "r+b") as out:
            out.truncate(os.stat(other).st_size - 1)
        status, _, words = place.replay("--from", other)
        assert status != 0 and f"{other}: it ends too early" in words, words


TESTS = [
    a_snapshot_is_where_a_replay_begins,
    what_was_said_is_said_again,
    a_killed_recorder_leaves_a_log_that_replays,
    a_disk_is_not_written_to,
    a_wrong_log_is_refused_by_name,
    a_log_that_finds_no_room_ends_the_run,
]


def main():
    return tap.run(TESTS)


if __name__ == "__main__":
    sys.exit(main())
