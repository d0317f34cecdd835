#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw kv where a majority is gone, members are paused or all killed, the network repeats and clocks jump. TAP."""
import json
import os
import signal
import subprocess
import sys
import time

import chaos as proxy
import kv as service  # both take the build directory from sys.argv

kv, Cluster, Member = service.kv, service.Cluster, service.Member

# A clock that a file moves: seconds to be added to the time of the day.
CLOCK = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time)
{
	FILE *file = clock == CLOCK_REALTIME ? fopen(getenv("CLOCK_FILE"), "r") : NULL;
	long more = 0;
	int result = (int)syscall(SYS_clock_gettime, clock, time);
	if (file && fscanf(file, "%ld", &more) == 1)
		time->tv_sec += more;
	if (file)
		fclose(file);
	return result;
}
"""


def ends(at, *words):
    done = subprocess.run([service.GW, "kv", *words, "--at", at, "--deadline", "2s"], capture_output=True, text=True,
                          timeout=service.SECONDS, check=False)
    return done.returncode, done.stderr


def without_a_majority_changes_wait_and_weak_reads_go_on(directory):
    with Cluster(directory) as cluster:
        kv(cluster.at, "put", "k", "v")
        leader = cluster.leader()
        others = [member for member in cluster.members if member is not leader]
        for member in others:
            member.kill()
        for words in (("put", "k", "no"), ("get", "k")):
            code, said = ends(cluster.at, *words)
            assert code in (16, 23, 26), (code, said)
        code, said = ends(leader.address, "get", "k")
        assert code in (16, 23, 26) and "leads" in said, (code, said)
        assert kv(leader.address, "get", "k", "--weak") == b"v"
        others[0].start()
        kv(cluster.at, "append", "k", "w", "--deadline", "30s")
        assert kv(cluster.at, "get", "k") in (b"vw", b"now")


def leaders(addresses):
    """Who leads, as each of them sees it; "": nobody."""
    return [json.loads(kv(address, "status", "--json"))["leaderAddress"] for address in addresses]


def a_paused_leader_is_replaced_and_answers_nothing_old(directory, *options):
    with Cluster(directory, *options) as cluster:
        kv(cluster.at, "put", "k", "0")
        for number in range(1, 4):
            leader = cluster.leader()
            others = [member.address for member in cluster.members if member is not leader]
            leader.process.send_signal(signal.SIGSTOP)
            # Before they know better they send a client to the one that is paused.
            while not set(leaders(others)) <= set(others):
                pass
            kv(",".join(others), "put", "k", str(number), "--deadline", "30s")
            leader.process.send_signal(signal.SIGCONT)
            assert kv(leader.address, "get", "k") == b"%d" % number
            cluster.wait_for_voters()


def all_members_killed_at_once_have_what_was_acknowledged(directory):
    with Cluster(directory) as cluster:
        load = service.Load(cluster.at, "log")
        try:
            for _ in range(2):
                before = len(load.acknowledged)
                while len(load.acknowledged) < before + 10:
                    kv(cluster.at, "status")
                for member in cluster.members:
                    member.process.kill()
                for member in cluster.members:
                    member.kill()
                    member.start()
        finally:
            load.end()
        load.check(cluster.at)


def what_a_bad_network_repeats_happens_once(directory):
    member = Member(os.path.join(directory, "d"), service.free_ports(1)[0])
    acknowledged, unknown = [], []
    try:
        with proxy.Chaos(member.address, "--reset", "10%", "--split", "--refuse", "10%") as chaos:
            for number in range(60):
                done = subprocess.run([service.GW, "kv", "append", "k", "%d " % number, "--at", chaos.address],
                                      capture_output=True, timeout=service.SECONDS, check=False)
                (unknown if done.returncode else acknowledged).append(number)
        assert chaos.count("resets") > 0, chaos.said
        there = [int(word) for word in kv(member.address, "get", "k").split()]
        assert there == sorted(set(there)), there
        assert set(acknowledged) <= set(there) <= set(acknowledged + unknown) and len(acknowledged) > 30, (there, unknown)
    finally:
        member.kill()


class Clock:
    """What a member's wall clock is ahead of ours, for members with this prefix."""

    def __init__(self, directory):
        source, shim = os.path.join(directory, "clock.c"), os.path.join(directory, "clock.so")
        self.moved = os.path.join(directory, "moved")
        with open(source, "w", encoding="utf-8") as file:
            file.write(CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)
        self.prefix = ("env", "LD_PRELOAD=" + shim, "CLOCK_FILE=" + self.moved)
        self.move(0)

    def move(self, seconds):
        with open(self.moved + ".new", "w", encoding="utf-8") as file:
            file.write(str(seconds))
        os.rename(self.moved + ".new", self.moved)


def clocks_that_jump_move_ends_of_keys_and_nothing_else(directory):
    clock = Clock(directory)
    move = clock.move
    member = Member(os.path.join(directory, "d"), service.free_ports(1)[0], prefix=clock.prefix)
    try:
        at = member.address
        kv(at, "put", "stays", "v")
        kv(at, "put", "ends", "v", "--ttl", "30m")
        wall = json.loads(kv(at, "status", "--json"))["wallMs"]
        assert abs(wall / 1000 - time.time()) < 600
        move(-86400)  # a day back: the time of the log stands still
        kv(at, "append", "stays", "w")
        assert json.loads(kv(at, "status", "--json"))["wallMs"] >= wall
        assert kv(at, "get", "ends") == b"v"
        move(3600)  # and an hour forth
        kv(at, "append", "stays", "x")
        kv(at, "get", "ends", check=4)
        move(0)
        kv(at, "get", "ends", check=4)
        assert kv(at, "get", "stays") == b"vwx"
        member.kill()
        member.start()
        kv(at, "get", "ends", check=4)
        assert kv(at, "get", "stays") == b"vwx"
    finally:
        member.kill()


TESTS = [without_a_majority_changes_wait_and_weak_reads_go_on, a_paused_leader_is_replaced_and_answers_nothing_old,
         all_members_killed_at_once_have_what_was_acknowledged, what_a_bad_network_repeats_happens_once,
         clocks_that_jump_move_ends_of_keys_and_nothing_else]


def main():
    only = sys.argv[2:]
    tests = [test for test in TESTS if not only or test.__name__ in only]
    print("1..%d" % len(tests))
    return service.run_tests(tests)


if __name__ == "__main__":
    sys.exit(main())
