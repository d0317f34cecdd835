#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file system whose chunkservers all lose power at once: what was synced is read again. The machine stays on; the logs
of chunks are made to say that they were open on another boot, and what no sync had covered is taken from some. TAP."""
import glob
import json
import os
import struct
import subprocess
import sys

import gfs
import kv as service  # takes the build directory from sys.argv

HEAD, STATE, SYNCED = 12, 2, 3  # src/gfs/chunkserver/record.h
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(crc, data):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def records(log):
    """(checksum, all behind it) of each record."""
    at = 0
    while at < len(log):
        crc, body = struct.unpack_from("<II", log, at)
        yield crc, log[at + 4:at + HEAD + body]
        at += HEAD + body


def rewrite(path, keep_unsynced):
    """The log as another boot left it. Whether the chunk is open."""
    with open(path, "rb") as file:
        log = file.read()
    before = after = 0
    out, kept, is_open = b"", 0, False
    for crc, rest in records(log):
        before = crc32c(before, rest)
        assert before == crc, path
        kind = rest[4]
        if kind == STATE:
            is_open = rest[HEAD - 4 + 8] == 1
            rest = rest[:HEAD - 4 + 16] + bytes(16)
        after = crc32c(after, rest)
        out += struct.pack("<I", after) + rest
        if kind in (STATE, SYNCED):
            kept = len(out)
    with open(path, "wb") as file:
        file.write(out if keep_unsynced else out[:kept])
    return is_open


def lose_power(directory, keep=lambda number: True):
    """How many open replicas there were."""
    logs = sorted(glob.glob(os.path.join(directory, "up", "**", "chunks", "*.log"), recursive=True))
    assert logs
    return sum(rewrite(path, keep(number)) for number, path in enumerate(logs))


def read_all(at, path):
    return gfs.fs(at, "cat", path)


def what_was_synced_is_there_when_all_have_lost_power(directory):
    data, more = gfs.noise(200000), gfs.noise(3000, 2)
    cluster = gfs.up(directory)
    with cluster:
        gfs.fs(cluster.address, "put", "--chunk", "64K", "-", "/f", data=data)
        gfs.fs(cluster.address, "snapshot", "/f", "/then")
    assert lose_power(directory) > 0
    cluster.start()
    with cluster:
        assert read_all(cluster.address, "/f") == data
        assert read_all(cluster.address, "/then") == data
        gfs.fs(cluster.address, "append", "-", "/f", data=more)
        assert read_all(cluster.address, "/f").endswith(more)
        gfs.wait_for_replicas(cluster.address)


def write_some(at, path, data):
    """All of the data are written, and nobody has asked for a sync yet: who writes goes on."""
    writer = subprocess.Popen([gfs.GW, "fs", "append", "--cluster", at, "-", path], stdin=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    writer.stdin.write(data)
    writer.stdin.flush()
    return writer


def replicas_that_differ_settle_on_what_all_have(directory):
    data, more = gfs.noise(50000), gfs.noise(4 << 20, 2)
    cluster = gfs.up(directory)
    with cluster:
        gfs.fs(cluster.address, "put", "-", "/f", data=data)
        writer = write_some(cluster.address, "/f", more)
        while json.loads(gfs.fs(cluster.address, "stat", "--exact", "--json", "/f"))["length"] <= len(data):
            pass
    writer.kill()
    writer.communicate()
    assert lose_power(directory, keep=lambda number: number != 1) > 0
    cluster.start()
    with cluster:
        found = read_all(cluster.address, "/f")
        assert found.startswith(data) and (data + more).startswith(found), len(found)
        gfs.fs(cluster.address, "append", "-", "/f", data=b"one more")
        assert read_all(cluster.address, "/f") == found + b"one more"
        gfs.wait_for_replicas(cluster.address)


TESTS = [what_was_synced_is_there_when_all_have_lost_power, replicas_that_differ_settle_on_what_all_have]


def main():
    print("1..%d" % len(TESTS))
    return service.run_tests(TESTS)


if __name__ == "__main__":
    sys.exit(main())
