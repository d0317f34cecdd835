#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw kv with real processes: one member and three, killed, restarted, backed up, looked at; and programs for Redis. TAP."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
GW = os.environ.get("GW", os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "gw"))
SECONDS = 60  # that nothing takes


def free_ports(count):
    """Ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Member:
    """A member as a process; prefix is a command that runs it somewhere else."""

    def __init__(self, directory, port, *options, host="127.0.0.1", prefix=()):
        self.directory, self.port, self.options, self.prefix = directory, port, options, prefix
        self.address = "%s:%d" % (host, port)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.prefix, GW, "kv", "serve", "--dir", self.directory, "--listen", self.address, *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.redis = None
        for line in self.process.stdout:
            if line.startswith("for programs of Redis on "):
                self.redis = int(line.rsplit(":", 1)[1])
            if line.startswith("listening on "):
                return
        raise AssertionError(self.process.stderr.read())

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def stop(self):
        if self.process.returncode is None:
            self.process.terminate()
            self.said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode


def kv(at, *words, input=None, check=0):
    """What gw kv prints; its exit status has to be check (None: any)."""
    done = subprocess.run([GW, "kv", *words, "--at", at], input=input, capture_output=True, timeout=SECONDS,
                          check=False)
    assert check is None or done.returncode == check, (words, done.returncode, done.stderr)
    return done.stdout


def offline(*words, check=0):
    done = subprocess.run([GW, "kv", *words], capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == check, (words, done.returncode, done.stderr)
    return done.stdout


class Cluster:
    """Members with options; the context ends them."""

    def __init__(self, directory, *options, count=3):
        ports = free_ports(count)
        self.at = ",".join("127.0.0.1:%d" % port for port in ports)
        fast = ("--election", "300ms", "--heartbeat", "50ms", *options)
        self.members = [Member(os.path.join(directory, "m0"), ports[0], *fast)]
        for number in range(1, count):
            self.members.append(Member(os.path.join(directory, "m%d" % number), ports[number], "--join", self.at, *fast))

    def wait_for_voters(self):
        """A member votes when it has caught up."""
        while True:
            rows = [json.loads(line) for line in kv(self.at, "members", "--json").splitlines()]
            if sum(row["votes"] for row in rows) == len(self.members):
                return rows

    def leader(self):
        address = json.loads(kv(self.at, "status", "--json"))["leaderAddress"]
        found = [member for member in self.members if member.address == address]
        return found[0] if found else self.members[0]

    def __enter__(self):
        self.wait_for_voters()
        return self

    def __exit__(self, *why):
        for member in self.members:
            member.kill()


# ---- One member -----------------------------------------------------------------------------------

def values_are_put_and_got_as_they_are(directory):
    member = Member(os.path.join(directory, "d"), free_ports(1)[0])
    try:
        at = member.address
        value = bytes(range(256)) * 400
        kv(at, "put", "k", input=value)
        assert kv(at, "get", "k") == value
        kv(at, "put", "k", "a")
        kv(at, "append", "k", "-", input=b"b")
        assert kv(at, "get", "k") == b"ab"
        kv(at, "get", "none", check=4)
        kv(at, "cas", "k", "c", "--if-absent", check=1)
        kv(at, "cas", "k", "c", "--if-value", "ab")
        kv(at, "cas", "new", "n", "--if-version", "0")
        assert kv(at, "scan") == b"k\tc\nnew\tn\n"
        assert kv(at, "scan", "--prefix", "n", "--keys-only") == b"new\n"
        got = json.loads(kv(at, "get", "k", "--json"))
        kv(at, "cas", "k", "--delete", "--if-version", str(got["version"]))
        kv(at, "put", "k", input=b"x" * (1 << 20))
        kv(at, "put", "k", input=b"x" * ((1 << 20) + 1), check=12)
        kv(at, "put", "x" * 501, "v", check=12)
        kv(at, "put", "", "v", check=13)
        kv(at, "put", check=2)
        status = json.loads(kv(at, "status", "--json"))
        assert status["role"] == "leader" and status["keys"] == 2, status
    finally:
        assert member.stop() == 0
    assert offline("fsck", member.directory).rstrip().endswith(b"0 findings")


def a_watch_tells_each_change_once(directory):
    member = Member(os.path.join(directory, "d"), free_ports(1)[0])
    watch = subprocess.Popen([GW, "kv", "watch", "--prefix", "w", "-n", "3", "--json", "--at", member.address],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert watch.stderr.readline().startswith("watching from entry ")
        for words in (["put", "other", "x"], ["put", "w1", "a"], ["append", "w1", "b"], ["delete", "w1"]):
            kv(member.address, *words)
        told = [json.loads(line) for line in watch.communicate(timeout=SECONDS)[0].splitlines()]
        assert [(row["kind"], row.get("value")) for row in told] == [("put", "a"), ("put", "ab"), ("delete", None)], told
    finally:
        watch.kill()
        member.kill()


def a_killed_member_has_what_it_acknowledged(directory):
    member = Member(os.path.join(directory, "d"), free_ports(1)[0])
    try:
        for number in range(20):
            kv(member.address, "put", "k%02d" % number, str(number))
            if number % 5 == 4:
                member.kill()
                member.start()
        assert kv(member.address, "scan") == b"".join(b"k%02d\t%d\n" % (number, number) for number in range(20))
        assert member.stop() == 0
        member.start()
        assert kv(member.address, "get", "k07") == b"7"
    finally:
        member.kill()


def a_backup_becomes_a_new_cluster(directory):
    backup, port = os.path.join(directory, "backup"), free_ports(1)[0]
    member = Member(os.path.join(directory, "d"), port)
    try:
        kv(member.address, "put", "a", "1")
        kv(member.address, "put", "b", "2", "--ttl", "1h")
        kv(member.address, "backup", backup)
        kv(member.address, "put", "a", "after")
    finally:
        member.kill()
    new = os.path.join(directory, "new")
    offline("restore", "--dir", new, "--advertise", member.address, backup)
    offline("restore", "--dir", new, backup, check=5)
    member = Member(new, port)
    try:
        assert kv(member.address, "get", "a") == b"1"
        assert 0 < json.loads(kv(member.address, "get", "b", "--json"))["ttlMs"] <= 3600000
    finally:
        member.kill()
    with open(backup, "r+b") as file:
        file.truncate(os.path.getsize(backup) - 10)
    offline("restore", "--dir", os.path.join(directory, "cut"), backup, check=10)
    with open(backup, "r+b") as file:
        file.write(b"nonsense")
    offline("restore", "--dir", os.path.join(directory, "bad"), backup, check=9)


def a_directory_is_one_member_s_and_of_this_service(directory):
    member = Member(os.path.join(directory, "d"), free_ports(1)[0])
    other = "127.0.0.1:%d" % free_ports(1)[0]
    try:
        offline("serve", "--dir", member.directory, "--listen", other, check=17)
        offline("fsck", member.directory, check=17)
        foreign = os.path.join(directory, "foreign")
        os.mkdir(foreign)
        with open(os.path.join(foreign, "letter"), "w", encoding="utf-8") as file:
            file.write("dear")
        offline("serve", "--dir", foreign, "--listen", other, check=9)
        assert "letter" in os.listdir(foreign)
        offline("fsck", foreign, check=4)
        offline("fsck", os.path.join(directory, "none"), check=4)
        offline("serve", "--listen", other, check=2)
        offline("serve", "--dir", os.path.join(directory, "e"), "--listen", "0.0.0.0:0", check=6)
    finally:
        member.kill()


def damage_is_found_and_nothing_is_guessed(directory):
    member = Member(os.path.join(directory, "d"), free_ports(1)[0])
    for number in range(20):
        kv(member.address, "put", "k", "v" * 1000 + str(number))
    assert member.stop() == 0
    log = os.path.join(member.directory, "log", "log")
    segment = sorted(name for name in os.listdir(log) if re.fullmatch("[0-9a-f]{16}", name))[0]
    with open(os.path.join(log, segment), "r+b") as file:
        data = file.read(1 << 20)
        file.seek(data.index(b"v" * 1000 + b"3") + 10)
        file.write(b"X")
    offline("fsck", member.directory, check=9)
    done = subprocess.run([GW, "kv", "serve", "--dir", member.directory, "--listen", member.address],
                          capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 9 and segment in done.stderr, done.stderr


class SmallDisk:
    """A file system of its own at a directory; the context takes it away. None where it may not be made."""

    def __init__(self, directory, size):
        self.directory, self.filler = directory, os.path.join(directory, "filler")
        self.is_made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", directory],
                                      capture_output=True, check=False).returncode == 0

    def __enter__(self):
        return self if self.is_made else None

    def __exit__(self, *why):
        if self.is_made:
            subprocess.run(["umount", self.directory], check=True)

    def fill(self, left=0):
        """All of it but so many bytes."""
        with open(self.filler, "wb") as file:
            free = os.statvfs(self.directory).f_bavail * os.statvfs(self.directory).f_frsize
            if free > left:
                os.posix_fallocate(file.fileno(), 0, free - left)

    def empty(self):
        os.unlink(self.filler)


def put_until_refused(at, key):
    """How many puts of a MB were acknowledged, and what the next one was told."""
    acknowledged = 0
    while True:
        done = subprocess.run([GW, "kv", "put", key(acknowledged), "--at", at, "--deadline", "2s"],
                              input=b"%03d" % acknowledged + b"x" * 1000000, capture_output=True, check=False)
        if done.returncode:
            return acknowledged, done
        acknowledged += 1
        assert acknowledged < 200, "more than there is room for"


def a_log_without_space_refuses_changes_and_reads_go_on(directory):
    """One key is put again and again, which takes no more room in the table."""
    with SmallDisk(directory, "200m") as disk:
        if not disk:
            return
        member = Member(os.path.join(directory, "d"), free_ports(1)[0])
        try:
            at = member.address
            kv(at, "put", "first", "v")
            kv(at, "put", "k", input=b"x" * 1000000)
            kv(at, "put", "k", input=b"x" * 1000000)
            disk.fill(8 << 20)
            acknowledged, _ = put_until_refused(at, lambda number: "k")
            # The one that met it may have been given up at its deadline; the next ones are refused at once.
            for _ in range(3):
                refused = subprocess.run([GW, "kv", "put", "k", "other", "--at", at], capture_output=True, text=True,
                                         timeout=SECONDS, check=False)
                assert refused.returncode == 7 and "No space left" in refused.stderr, refused.stderr
                assert kv(at, "get", "k").startswith((b"%03d" % (acknowledged - 1), b"%03d" % acknowledged))
                assert kv(at, "get", "first") == b"v"
            assert member.process.poll() is None
            told = json.loads(kv(at, "status", "--json"))
            assert "No space left" in told["trouble"] and told["troubles"] > 0
            disk.empty()
            while subprocess.run([GW, "kv", "put", "again", "v", "--at", at], capture_output=True, check=False).returncode == 7:
                assert member.process.poll() is None
            assert kv(at, "scan", "--keys-only") == b"again\nfirst\nk\n"
            now = json.loads(kv(at, "status", "--json"))
            assert not now["trouble"] and now["troubles"] >= told["troubles"]
            assert member.stop() == 0
            assert "No space left" in member.said[1]
            member.start()
            assert kv(at, "get", "again") == b"v"
        finally:
            member.kill()


def a_table_without_space_ends_the_member_and_loses_nothing(directory):
    with SmallDisk(directory, "200m") as disk:
        if not disk:
            return
        member = Member(os.path.join(directory, "d"), free_ports(1)[0])
        try:
            kv(member.address, "put", "first", "v")
            disk.fill()
            acknowledged, _ = put_until_refused(member.address, lambda number: "k%03d" % number)
            member.process.wait(timeout=SECONDS)
            said = member.process.stderr.read()
            assert member.process.returncode == 7 and "table: No space left" in said, said
            disk.empty()
            member.start()
            assert kv(member.address, "get", "first") == b"v"
            keys = kv(member.address, "scan", "--prefix", "k", "--keys-only").split()
            assert [b"k%03d" % number for number in range(acknowledged)] == keys[:acknowledged]
            assert len(keys) <= acknowledged + 1, keys
            kv(member.address, "put", "again", "v")
        finally:
            member.kill()


def no_full_disk_ends_a_member_by_a_signal(directory):
    """Pages of the table that find no place when they are touched would."""
    with SmallDisk(directory, "160m") as disk:
        if not disk:
            return
        for left in (0, 4, 8, 12, 16, 20, 40, 64, 68, 72, 100, 4096, 4200):
            disk.fill(left << 10)
            done = subprocess.run([GW, "kv", "serve", "--dir", os.path.join(directory, "d"), "--listen", "127.0.0.1:0"],
                                  capture_output=True, text=True, timeout=SECONDS, check=False)
            assert done.returncode == 7 and "No space left" in done.stderr, (left, done)
            shutil.rmtree(os.path.join(directory, "d"), ignore_errors=True)


def a_table_that_is_cut_under_a_member_is_told(directory):
    """As a disk that fails where the table is mapped."""
    member = Member(os.path.join(directory, "d"), free_ports(1)[0])
    try:
        kv(member.address, "put", "k", "v")
        os.truncate(os.path.join(member.directory, "table"), 0)
        kv(member.address, "get", "k", "--deadline", "2s", check=None)
        member.process.wait(timeout=SECONDS)
        said = member.process.stderr.read()
        assert member.process.returncode == 8 and "table" in said, (member.process.returncode, said)
        member.start()
        assert kv(member.address, "get", "k") == b"v"
    finally:
        member.kill()


# ---- Programs for Redis -----------------------------------------------------------------------------

def programs_for_redis_work(directory):
    member = Member(os.path.join(directory, "d"), free_ports(1)[0], "--redis-port", "0")
    try:
        port = ["-p", str(member.redis)]
        for words, said in ((["set", "k", "v"], "OK"), (["get", "k"], "v"), (["incr", "n"], "1"),
                            (["mget", "k", "n"], "v\n1"), (["setnx", "k", "w"], "0"), (["ttl", "k"], "-1"),
                            (["--scan"], "k\nn"), (["-3", "ping"], "PONG")):
            done = subprocess.run(["redis-cli", *port, *words], capture_output=True, text=True, timeout=SECONDS,
                                  check=False)
            assert done.stdout.strip().endswith(said), (words, done.stdout, done.stderr)
        for options in (["-n", "400", "-c", "20"], ["-n", "2000", "-c", "10", "-P", "16"]):
            done = subprocess.run(["redis-benchmark", *port, *options, "-q", "-r", "100", "-d", "100",
                                   "-t", "ping,set,get,incr,mset"],
                                  capture_output=True, text=True, timeout=SECONDS, check=False)
            assert done.returncode == 0 and not done.stderr, done.stderr
            for name in ("PING_INLINE", "SET", "GET", "INCR", "MSET"):
                assert re.search(name + r".*requests per second", done.stdout), done.stdout
            assert "rror" not in done.stdout, done.stdout
        assert kv(member.address, "get", "k") == b"v"
        # A client library; Debian's own Python has it.
        done = subprocess.run(["/usr/bin/python3", os.path.join(HERE, "kv_redis_client.py"), str(member.redis)],
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        member.kill()


# ---- Three members ------------------------------------------------------------------------------------

class Load:
    """A thread that appends numbers to a key, one by one, until it is told to end."""

    def __init__(self, at, key):
        self.at, self.key, self.acknowledged, self.unknown, self.over = at, key, [], [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        number = 0
        while not self.over:
            done = subprocess.run([GW, "kv", "append", self.key, "%d " % number, "--at", self.at, "--deadline", "30s"],
                                  capture_output=True, check=False)
            (self.unknown if done.returncode else self.acknowledged).append(number)
            number += 1

    def end(self):
        self.over = True
        self.thread.join()

    def check(self, at):
        there = [int(word) for word in kv(at, "get", self.key).split()]
        assert there == sorted(set(there)), "twice or out of order: %s" % there
        lost = set(self.acknowledged) - set(there)
        assert not lost, "lost: %s" % lost
        assert set(there) <= set(self.acknowledged) | set(self.unknown)


def a_leader_killed_under_load_loses_nothing(directory):
    with Cluster(directory) as cluster:
        loads = [Load(cluster.at, "key%d" % number) for number in range(3)]
        try:
            for _ in range(3):
                before = sum(len(load.acknowledged) for load in loads)
                while sum(len(load.acknowledged) for load in loads) < before + 15:
                    kv(cluster.at, "status")
                leader = cluster.leader()
                leader.kill()
                kv(cluster.at, "put", "meanwhile", "x", "--deadline", "30s")
                leader.start()
        finally:
            for load in loads:
                load.end()
        for load in loads:
            load.check(cluster.at)
            assert not load.unknown, load.unknown


TESTS = [values_are_put_and_got_as_they_are, a_watch_tells_each_change_once, a_killed_member_has_what_it_acknowledged,
         a_backup_becomes_a_new_cluster, a_directory_is_one_member_s_and_of_this_service,
         damage_is_found_and_nothing_is_guessed, a_log_without_space_refuses_changes_and_reads_go_on,
         a_table_without_space_ends_the_member_and_loses_nothing, no_full_disk_ends_a_member_by_a_signal,
         a_table_that_is_cut_under_a_member_is_told, programs_for_redis_work,
         a_leader_killed_under_load_loses_nothing]


def run_tests(tests, *what):
    """Runs tests, each with these and, if there are none, a directory of its own; the exit status."""
    failures = 0
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as directory:
            try:
                test(*(what or (directory,)))
                print("ok %d - %s" % (number, test.__name__.replace("_", " ")), flush=True)
            except (AssertionError, subprocess.SubprocessError, OSError, ValueError) as error:
                failures += 1
                print("not ok %d - %s" % (number, test.__name__.replace("_", " ")))
                print("# " + (str(error) or traceback.format_exc()).replace("\n", "\n# ")[:2000], flush=True)
    return 1 if failures else 0


def main():
    only = sys.argv[2:]
    tests = [test for test in TESTS if not only or test.__name__ in only]
    print("1..%d" % len(tests))
    return run_tests(tests)


if __name__ == "__main__":
    sys.exit(main())
