#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw kv: members that come back, are replaced, catch up, are five; leases; other clusters; a disk that becomes
read-only; a client that was forgotten. TAP."""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys

import kv as service  # takes the build directory from sys.argv
import kv_faults as faults

kv, Cluster, Member = service.kv, service.Cluster, service.Member
TALLY = os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "examples", "tally")
KEPT_ENTRIES = 4096  # before a snapshot (REPLOG_KEEP_ENTRIES)
LARGE_VALUES = 96  # of 1 MiB: three times what is kept of a log (REPLOG_KEEP_BYTES)
MORE_MIB = 48  # that a member which comes may take beside what it began with


def status(member):
    return json.loads(kv(member.address, "status", "--json"))


def not_started(member, directory, address, *options):
    """What a member says that is to end by itself, and its exit status."""
    done = subprocess.run([service.GW, "kv", "serve", "--dir", directory, "--listen", address, *options], capture_output=True,
                          text=True, timeout=service.SECONDS, check=False)
    assert member.process.poll() is not None and done.returncode != 0
    return done.returncode, done.stderr


def a_directory_of_another_member_or_cluster_is_told(directory):
    with Cluster(directory) as cluster:
        kv(cluster.at, "put", "k", "v")
        one, two = cluster.members[1:]
        two.kill()
        one.kill()
        code, said = not_started(one, one.directory, two.address)
        assert code == 13 and one.address in said and two.address in said, said
        one.start()
        other = Member(os.path.join(directory, "other"), two.port)
        try:
            assert "another cluster" in other.process.stderr.readline()
            assert "another cluster" in json.loads(kv(other.address, "status", "--json"))["trouble"]
            kv(",".join(member.address for member in cluster.members[:2]), "append", "k", "w")
        finally:
            other.kill()
        two.start()
        assert kv(cluster.at, "get", "k") == b"vw"


def a_wiped_member_is_replaced(directory):
    with Cluster(directory) as cluster:
        kv(cluster.at, "put", "k", "v")
        wiped = cluster.members[2]
        number = [row["id"] for row in cluster.wait_for_voters() if row["address"] == wiped.address][0]
        wiped.kill()
        shutil.rmtree(wiped.directory)
        code, said = not_started(wiped, wiped.directory, wiped.address, *wiped.options)
        assert code == 5 and "has to be replaced" in said, said
        others = ",".join(member.address for member in cluster.members[:2])
        kv(others, "members", "replace", str(number), "--deadline", "30s")
        wiped.start()
        rows = cluster.wait_for_voters()
        assert number not in [row["id"] for row in rows], rows
        assert kv(wiped.address, "get", "k", "--weak") == b"v"


# ---- Five members, and a snapshot ----------------------------------------------------------------

def two_of_five_are_killed_again_and_again_and_nothing_is_lost(directory):
    with Cluster(directory, count=5) as cluster:
        load = service.Load(cluster.at, "log")
        try:
            for number in range(2):
                before = len(load.acknowledged)
                leader = cluster.leader()
                other = cluster.members[number] if cluster.members[number] is not leader else cluster.members[number - 1]
                leader.process.kill()
                other.kill()
                leader.kill()
                while len(load.acknowledged) < before + 10:
                    kv(cluster.at, "status")
                leader.start()
                other.start()
        finally:
            load.end()
        load.check(cluster.at)
        assert not load.unknown, load.unknown
        last = json.loads(kv(cluster.at, "put", "last", "v", "--json"))["index"]
        logs = {kv(member.address, "get", "log", "--weak", "--min-index", str(last), "--deadline", "30s")
                for member in cluster.members}
        assert len(logs) == 1, logs


def add_entries(port, count):
    """By the port for Redis, where each INCR is an entry of its own, and many go at once."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(count // 500):
            connection.sendall(b"INCR n\r\n" * 500)
            answers = b""
            while answers.count(b"\n") < 500:
                answers += connection.recv(65536)
            assert b"-" not in answers, answers[:200]


def a_replaced_member_catches_up_by_snapshot(directory):
    with Cluster(directory, "--snapshot-after", "256K", "--redis-port", "0") as cluster:
        wiped = cluster.members[2]
        number = status(wiped)["member"]
        others = ",".join(member.address for member in cluster.members[:2])
        wiped.kill()
        shutil.rmtree(wiped.directory)
        kv(others, "put", "k", "v", "--deadline", "30s")
        leader = cluster.leader()
        while status(leader)["snapshot"] < 2 * KEPT_ENTRIES:
            add_entries(leader.redis, 2000)
        kv(others, "members", "replace", str(number), "--deadline", "30s")
        wiped.start()
        cluster.wait_for_voters()
        # Those who have a log from its beginning make snapshots at entries of their own.
        assert status(wiped)["snapshot"] in {status(member)["snapshot"] for member in cluster.members[:2]}
        last = status(leader)["applied"]
        weak = [kv(member.address, "get", "n", "--weak", "--min-index", str(last)) for member in cluster.members]
        assert len(set(weak)) == 1 and kv(wiped.address, "get", "k", "--weak") == b"v", weak


def data_mib(member):
    """What the process may write to that is its own alone: of the table, which is mapped, nothing."""
    with open("/proc/%d/status" % member.process.pid, encoding="ascii") as file:
        return [int(line.split()[1]) for line in file if line.startswith("VmData:")][0] >> 10


def a_member_comes_by_a_snapshot_that_is_larger_than_its_memory(directory):
    ports = service.free_ports(2)
    first = Member(os.path.join(directory, "first"), ports[0], "--snapshot-after", "8M")
    second = None
    try:
        for number in range(LARGE_VALUES):
            kv(first.address, "put", "k%d" % number, input=b"%04d" % number * (1 << 18))
        while True:  # what is behind the snapshot comes by the log
            now = status(first)
            if now["applied"] - now["snapshot"] < 32:
                break
        second = Member(os.path.join(directory, "second"), ports[1], "--join", first.address, "--snapshot-after", "8M")
        resource.prlimit(second.process.pid, resource.RLIMIT_DATA, ((data_mib(second) + MORE_MIB) << 20,) * 2)
        both = first.address + "," + second.address
        while [json.loads(line)["votes"] for line in kv(both, "members", "--json").splitlines()] != [True, True]:
            pass
        last = str(status(first)["applied"])
        for number in (0, LARGE_VALUES // 2, LARGE_VALUES - 1):
            assert kv(second.address, "get", "k%d" % number, "--weak", "--min-index", last) == b"%04d" % number * (1 << 18)
        assert status(second)["snapshot"] == status(first)["snapshot"] and status(second)["keys"] == LARGE_VALUES
    finally:
        first.kill()
        if second:
            second.kill()


# ---- Leases --------------------------------------------------------------------------------------

def answers(member):
    """Whether a strong read is answered there, before a leader has noticed that it is alone."""
    return subprocess.run([service.GW, "kv", "get", "k", "--at", member.address, "--deadline", "1s"],
                          capture_output=True, timeout=service.SECONDS, check=False).stdout == b"v"


def reads_by_lease_ask_nobody_until_it_ends(directory):
    with Cluster(directory, "--lease", "--election", "1s") as cluster:
        kv(cluster.at, "put", "k", "v")
        leader = cluster.leader()
        others = [member for member in cluster.members if member is not leader]

        def signal_others(number):
            for member in others:
                member.process.send_signal(number)

        signal_others(signal.SIGSTOP)
        tries = 1
        while not answers(leader):
            assert tries < 10, "no read is answered without the others"
            signal_others(signal.SIGCONT)
            kv(cluster.at, "get", "k", "--deadline", "30s")
            leader = cluster.leader()
            others[:] = [member for member in cluster.members if member is not leader]
            signal_others(signal.SIGSTOP)
            tries += 1
        while answers(leader):
            pass
        signal_others(signal.SIGCONT)
        assert kv(cluster.at, "get", "k", "--deadline", "30s") == b"v"


def with_leases_a_paused_leader_answers_nothing_old(directory):
    faults.a_paused_leader_is_replaced_and_answers_nothing_old(directory, "--lease")


# ---- Clients -------------------------------------------------------------------------------------

class Tally:
    """The program of examples/, which counts words; the context ends it."""

    def __init__(self, at):
        self.process = subprocess.Popen([TALLY, at], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def count(self, word):
        self.say(word)
        return self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=service.SECONDS)


def a_member_of_another_cluster_is_not_asked(directory):
    ports = service.free_ports(2)
    ours, other = [Member(os.path.join(directory, name), port) for name, port in zip(("ours", "other"), ports)]
    try:
        both, cluster = other.address + "," + ours.address, status(ours)["cluster"]
        kv(ours.address, "put", "k", "v")
        assert kv(both, "get", "k", "--cluster", cluster) == b"v"
        code, said = faults.ends(other.address, "get", "k", "--cluster", cluster)
        assert code == 23 and "another cluster" in said, (code, said)
        kv(both, "get", "k", "--cluster", cluster[1:], check=13)
        code, said = faults.ends(both, "get", "k", "--cluster", "0" * 32)
        assert code == 23 and "another cluster" in said, (code, said)
        with Tally(ours.address + "," + other.address) as tally:
            assert tally.count("word") == "word 1\n"
            ours.kill()
            tally.say("word")
            ours.start()
            assert tally.process.stdout.readline() == "word 2\n"
        kv(other.address, "get", "word", check=4)
    finally:
        ours.kill()
        other.kill()


def a_client_that_was_forgotten_goes_on_and_counts_once(directory):
    clock = faults.Clock(directory)
    member = Member(os.path.join(directory, "d"), service.free_ports(1)[0], prefix=clock.prefix)
    try:
        with Tally(member.address) as tally:
            assert tally.count("word") == "word 1\n"
            kv(member.address, "put", "k", "v")
            assert status(member)["clients"] == 2
            clock.move(600)  # the log's time: ten minutes without a word of it
            kv(member.address, "put", "k", "w")
            assert status(member)["clients"] == 1
            assert tally.count("word") == "word 2\n"
            assert tally.count("word") == "word 3\n"
        assert kv(member.address, "get", "word") == b"3"
    finally:
        member.kill()


# ---- Disks ---------------------------------------------------------------------------------------

class FailingDisk:
    """A file system that can be made to believe that its disk fails, upon which it becomes read-only. None where it may
    not be made."""

    def __init__(self, directory):
        self.directory, self.image = os.path.join(directory, "disk"), os.path.join(directory, "image")
        os.mkdir(self.directory)
        with open(self.image, "wb") as file:
            file.truncate(512 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=False)
        self.is_made = self.mount()

    def mount(self):
        return subprocess.run(["mount", "-o", "loop,errors=remount-ro", self.image, self.directory], capture_output=True,
                              check=False).returncode == 0

    def fail(self):
        device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", self.directory], capture_output=True, text=True,
                                check=True).stdout.strip()
        with open("/sys/fs/ext4/%s/trigger_fs_error" % os.path.basename(device), "w", encoding="ascii") as file:
            file.write("1")

    def mend(self):
        """On a copy: a mount namespace that somebody made meanwhile may keep the file system as it is, read-only."""
        failed, self.image = self.image, self.image + ".mended"
        subprocess.run(["umount", self.directory], check=True)
        subprocess.run(["cp", "--sparse=always", failed, self.image], check=True)
        subprocess.run(["fsck.ext4", "-p", self.image], capture_output=True, check=False)
        assert self.mount()

    def __enter__(self):
        return self if self.is_made else None

    def __exit__(self, *why):
        if self.is_made:
            subprocess.run(["umount", self.directory], check=True)


def a_disk_that_becomes_read_only_ends_the_member_and_loses_nothing(directory):
    with FailingDisk(directory) as disk:
        if not disk:
            return
        member = Member(os.path.join(disk.directory, "d"), service.free_ports(1)[0])
        try:
            at = member.address
            for number in range(20):
                kv(at, "append", "k", "%d " % number)
            disk.fail()
            code, said = faults.ends(at, "put", "k", "no")
            assert code != 0, said
            member.process.wait(timeout=service.SECONDS)
            said = member.process.stderr.read()
            assert member.process.returncode > 0 and "Read-only file system" in said, (member.process.returncode, said)
            code, said = not_started(member, member.directory, at)
            assert "Read-only file system" in said, said
            disk.mend()
            member.start()
            assert kv(at, "get", "k") in (b"no", b"".join(b"%d " % number for number in range(20)))
        finally:
            member.kill()


TESTS = [a_directory_of_another_member_or_cluster_is_told, a_wiped_member_is_replaced,
         two_of_five_are_killed_again_and_again_and_nothing_is_lost, a_replaced_member_catches_up_by_snapshot,
         a_member_comes_by_a_snapshot_that_is_larger_than_its_memory,
         reads_by_lease_ask_nobody_until_it_ends, with_leases_a_paused_leader_answers_nothing_old,
         a_member_of_another_cluster_is_not_asked, a_client_that_was_forgotten_goes_on_and_counts_once,
         a_disk_that_becomes_read_only_ends_the_member_and_loses_nothing]


def main():
    only = sys.argv[2:]
    tests = [test for test in TESTS if not only or test.__name__ in only]
    print("1..%d" % len(tests))
    return service.run_tests(tests)


if __name__ == "__main__":
    sys.exit(main())
