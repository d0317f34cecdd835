#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw kv backup, restore and fsck while all goes on, and directories that are damaged, cut, read-only or of the future. TAP."""
import json
import os
import re
import shutil
import subprocess
import sys

import kv as service  # it takes the build directory from sys.argv

kv, offline, Member = service.kv, service.offline, service.Member
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def one_member(directory, name="d", *options):
    return Member(os.path.join(directory, name), service.free_ports(1)[0], *options)


def segments(member):
    log = os.path.join(member.directory, "log", "log")
    return [os.path.join(log, name) for name in sorted(os.listdir(log)) if re.fullmatch("[0-9a-f]{16}", name)]


def change(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def ends(*words):
    """Exit status and sentence of a command that is to fail."""
    done = subprocess.run([service.GW, "kv", *words], capture_output=True, text=True, timeout=service.SECONDS, check=False)
    assert done.returncode > 0, done
    return done.returncode, done.stderr


def start_fails(member):
    return ends("serve", "--dir", member.directory, "--listen", member.address)


def everything(directory):
    """Names and bytes of all files, to see that nothing was changed."""
    found = {}
    for where, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                found[path] = (os.path.getsize(path), hash(file.read(1 << 20)))
    return found


# ---- Backups ------------------------------------------------------------------------------------------

def a_backup_under_load_is_of_one_moment(directory):
    """Pairs of keys are written together by one writer: a backup has both or the first of each."""
    member = one_member(directory)
    load = service.Load(member.address, "log")
    try:
        for number in range(6):
            backup = os.path.join(directory, "backup%d" % number)
            while len(load.acknowledged) < 10 * (number + 1):
                kv(member.address, "status")
            before = len(load.acknowledged)
            told = json.loads(kv(member.address, "backup", backup, "--json"))
            new = os.path.join(directory, "new%d" % number)
            restored = json.loads(offline("restore", "--dir", new, backup, "--json"))
            assert restored["index"] == told["index"] and restored["keys"] == 1, (told, restored)
            copy = Member(new, service.free_ports(1)[0])
            try:
                there = [int(word) for word in kv(copy.address, "get", "log").split()]
                assert there == list(range(len(there))) and len(there) >= before, (before, there)
            finally:
                copy.kill()
            shutil.rmtree(new)
    finally:
        load.end()
        member.kill()


def a_restored_cluster_grows_and_has_its_times_to_live(directory):
    member = one_member(directory)
    backup = os.path.join(directory, "backup")
    try:
        kv(member.address, "put", "stays", "1")
        kv(member.address, "put", "ends", "2", "--ttl", "1h")
        kv(member.address, "put", "ended", "3", "--ttl", "1ms")
        with open(backup, "wb") as file:
            file.write(kv(member.address, "backup", "-"))
    finally:
        member.kill()
    ports = service.free_ports(2)
    addresses = ["127.0.0.1:%d" % port for port in ports]
    offline("restore", "--dir", os.path.join(directory, "a"), "--advertise", addresses[0], backup)
    members = [Member(os.path.join(directory, "a"), ports[0])]
    try:
        members.append(Member(os.path.join(directory, "b"), ports[1], "--join", addresses[0]))
        while sum(json.loads(line)["votes"] for line in kv(addresses[0], "members", "--json").splitlines()) < 2:
            pass
        assert kv(",".join(addresses), "scan") == b"ends\t2\nstays\t1\n"
        assert 0 < json.loads(kv(addresses[0], "get", "ends", "--json"))["ttlMs"] <= 3600000
    finally:
        for one in members:
            one.kill()


def the_backup_of_version_1_is_read(directory):
    new, backup = os.path.join(directory, "new"), os.path.join(directory, "backup")
    with open(os.path.join(TOP, "test/corpus/snapshot/v1"), "rb") as golden, open(backup, "wb") as file:
        file.write(golden.read()[1:])  # the first byte is its fuzzer's
    restored = json.loads(offline("restore", "--dir", new, backup, "--json"))
    assert restored["keys"] + restored["expired"] == 2, restored
    member = Member(new, service.free_ports(1)[0])
    try:
        assert kv(member.address, "get", "a") == b"x"
    finally:
        member.kill()
    assert offline("fsck", new).rstrip().endswith(b" 0 findings")


# ---- Directories ---------------------------------------------------------------------------------------

def a_torn_end_of_the_log_is_dropped_and_nothing_acknowledged_with_it(directory):
    member = one_member(directory)
    for number in range(10):
        kv(member.address, "put", "k", "%d " % number * 300)
    member.kill()
    before = json.loads(offline("fsck", "--json", member.directory))
    # As a write that was not finished: a batch behind the last one whose end is not there.
    path = segments(member)[-1]
    with open(path, "rb") as file:
        data = file.read(1 << 20)
    last = data.rindex(b"GWLB")
    size = 24 + int.from_bytes(data[last + 16:last + 20], "little")
    torn = bytearray(data[last:last + size])
    torn[8:16] = (int.from_bytes(torn[8:16], "little") + 1).to_bytes(8, "little")
    change(path, last + (size + 511) // 512 * 512, bytes(torn[:700]))
    report = json.loads(offline("fsck", "--json", member.directory))
    assert report["findings"] == 0 and report["last"] == before["last"] and report["tornBytes"] > 0, report
    member.start()
    assert kv(member.address, "get", "k") == b"9 " * 300
    kv(member.address, "put", "k", "on")
    assert member.stop() == 0


def damage_in_the_middle_names_file_and_offset_and_changes_nothing(directory):
    member = one_member(directory)
    for number in range(20):
        kv(member.address, "put", "k%d" % number, "v" * 1000)
    assert member.stop() == 0
    path = segments(member)[0]
    with open(path, "rb") as file:
        data = file.read(1 << 20)
    at = [match.start() for match in re.finditer(b"v" * 1000, data)][9] + 500
    change(path, at, bytes([data[at] ^ 1]))
    before = everything(os.path.join(member.directory, "log"))
    done = subprocess.run([service.GW, "kv", "fsck", member.directory], capture_output=True, text=True, check=False)
    offset = re.search(os.path.basename(path) + r".*?(\d+)", done.stdout)
    assert done.returncode == 9 and offset and at - 1024 <= int(offset.group(1)) <= at, (at, done.stdout)
    code, said = start_fails(member)
    assert code == 9 and os.path.basename(path) in said, said
    assert everything(os.path.join(member.directory, "log")) == before
    change(path, at, bytes([data[at]]))
    offline("fsck", member.directory)


def versions_that_are_not_known_are_refused_by_name(directory):
    member = one_member(directory, "d", "--snapshot-after", "4K")
    for number in range(20):
        kv(member.address, "put", "k%d" % number, "v" * 1000)
    while json.loads(kv(member.address, "status", "--json"))["snapshot"] == 0:
        pass
    backup = os.path.join(directory, "backup")
    kv(member.address, "backup", backup)
    assert member.stop() == 0
    shots = os.path.join(member.directory, "log", "snapshot")
    manifest = [name for name in os.listdir(shots) if name.endswith(".manifest")][0]
    for path, offset, new, words in (
            (os.path.join(member.directory, "format"), 14, b"2", "not of a version"),
            (os.path.join(member.directory, "log", "format"), 4, b"\2", "version 2"),
            (segments(member)[-1], 4, b"\2", "version 2"),
            (os.path.join(shots, manifest), 4, b"\2", "version 2")):
        with open(path, "rb") as file:
            file.seek(offset)
            old = file.read(len(new))
        change(path, offset, new)
        code, said = start_fails(member)
        assert code == 11 and words in said and os.path.basename(path) in said, (path, code, said)
        change(path, offset, old)
    with open(backup, "r+b") as file:
        data = file.read()
        place = data.index(b"GWKVSNAP") + 8
        assert data[place] == 1
    change(backup, place, b"\2")
    code, said = ends("restore", "--dir", os.path.join(directory, "new"), backup)
    assert code in (9, 11), said
    member.start()
    assert len(kv(member.address, "scan", "--keys-only").split()) == 20
    assert member.stop() == 0


def a_read_only_directory_is_told_and_may_be_looked_at(directory):
    with service.SmallDisk(directory, "200m") as disk:
        if not disk:
            return
        member = one_member(directory)
        kv(member.address, "put", "k", "v")
        assert member.stop() == 0
        subprocess.run(["mount", "-o", "remount,ro", directory], check=True)
        code, said = start_fails(member)
        assert code in (6, 8) and "ead-only" in said and member.directory in said, (code, said)
        offline("fsck", member.directory)
        code, said = ends("serve", "--dir", os.path.join(directory, "new"), "--listen", member.address)
        assert code in (6, 8) and "ead-only" in said, (code, said)
        subprocess.run(["mount", "-o", "remount,rw", directory], check=True)
        member.start()
        assert kv(member.address, "get", "k") == b"v"
        assert member.stop() == 0


TESTS = [a_backup_under_load_is_of_one_moment, a_restored_cluster_grows_and_has_its_times_to_live,
         the_backup_of_version_1_is_read, a_torn_end_of_the_log_is_dropped_and_nothing_acknowledged_with_it,
         damage_in_the_middle_names_file_and_offset_and_changes_nothing, versions_that_are_not_known_are_refused_by_name,
         a_read_only_directory_is_told_and_may_be_looked_at]


def main():
    only = sys.argv[2:]
    tests = [test for test in TESTS if not only or test.__name__ in only]
    print("1..%d" % len(tests))
    return service.run_tests(tests)


if __name__ == "__main__":
    sys.exit(main())
