#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Partitions: three members in network namespaces, cut off from each other in drawn ways under load. TAP.

    kv_partitions.py BUILD_DIR [--rounds N] [--seed S]

Each member and the clients are hosts of their own on one bridge. A host that is cut off from another has a wrong hardware
address for it, so its packets vanish, one way, as in a network that is broken. Writers and what is checked are those of
kv_kill_rounds.py. A round ends when every writer has got something acknowledged behind the cut, where a majority is
left, and behind the healing. Meanwhile the leader of before is asked alone: it answers rightly or not at all.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import kv_kill_rounds as kills

service, Wrong = kills.service, kills.Wrong
ROUNDS = 7  # one of each kind
MEMBERS = (0, 1, 2)
CLIENT = 3
FAST = ("--election", "300ms", "--heartbeat", "50ms", "--insecure")


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError("ip %s: %s" % (" ".join(words), done.stderr.strip()))


class Network:
    """Hosts on a bridge, as network namespaces; the context takes them away."""

    def __init__(self, count):
        self.count, self.made = count, []
        try:
            self.make()
        except OSError:
            self.__exit__()
            raise

    def name(self, host):
        return "gw-%d-%s" % (os.getpid(), host)

    def address(self, host):
        return "10.77.0.%d" % (host + 1)

    def hardware(self, host):
        return "02:00:00:00:00:%02x" % (host + 1)

    def make(self):
        for host in ("hub", *range(self.count)):
            ip("netns", "add", self.name(host))
            self.made.append(self.name(host))
            ip("-n", self.name(host), "link", "set", "lo", "up")
        ip("-n", self.name("hub"), "link", "add", "bridge", "type", "bridge")
        ip("-n", self.name("hub"), "link", "set", "bridge", "up")
        for host in range(self.count):
            ip("-n", self.name("hub"), "link", "add", "to%d" % host, "type", "veth", "peer", "name", "eth0", "address",
               self.hardware(host), "netns", self.name(host))
            ip("-n", self.name("hub"), "link", "set", "to%d" % host, "master", "bridge", "up")
            ip("-n", self.name(host), "address", "add", self.address(host) + "/24", "dev", "eth0")
            ip("-n", self.name(host), "link", "set", "eth0", "up")
        self.heal()

    def neighbour(self, host, other, hardware):
        ip("-n", self.name(host), "neighbour", "replace", self.address(other), "lladdr", hardware, "nud", "permanent", "dev",
           "eth0")

    def cut(self, host, other):
        """What host sends to other vanishes from now on."""
        self.neighbour(host, other, "02:00:00:00:ff:ff")

    def heal(self):
        for host in range(self.count):
            for other in range(self.count):
                if host != other:
                    self.neighbour(host, other, self.hardware(other))

    def at(self, host):
        """What runs a command there, as the same process."""
        return ("ip", "netns", "exec", self.name(host))

    def __enter__(self):
        return self

    def __exit__(self, *why):
        for name in reversed(self.made):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


class Cluster:
    """Three members on hosts of their own; the context ends them."""

    def __init__(self, network, directory):
        self.network, self.members = network, []
        self.at = ",".join("%s:7000" % network.address(host) for host in MEMBERS)
        for host in MEMBERS:
            join = ("--join", self.at) if host else ()
            self.members.append(service.Member(os.path.join(directory, "m%d" % host), 7000, *join, *FAST,
                                               host=network.address(host), prefix=network.at(host)))
        while sum(json.loads(line)["votes"] for line in self.gw("members", "--json").stdout.splitlines()) < 3:
            pass

    def gw(self, *words):
        return subprocess.run([*self.network.at(CLIENT), service.GW, "kv", *words, "--at", self.at, "--insecure",
                               "--deadline", "60s"], capture_output=True, timeout=120, check=False)

    def leader(self):
        """The host of who leads now, as the leader itself says."""
        rows = [json.loads(line) for line in self.gw("members", "--json").stdout.splitlines()]
        leads = [row["address"] for row in rows if row["leads"]]
        return [member.address for member in self.members].index(leads[0])

    def __enter__(self):
        return self

    def __exit__(self, *why):
        for member in self.members:
            member.kill()


# ---- Kinds of cuts: pairs whose packets vanish, and whether a majority is left ----------------------------

def both(a, b):
    return [(a, b), (b, a)]


def leader_cut_off(leader, one, two):
    return both(leader, one) + both(leader, two), True


def leader_not_heard(leader, one, two):
    return [(leader, one), (leader, two)], True


def leader_deaf(leader, one, two):
    return [(one, leader), (two, leader)], True


def follower_cut_off(leader, one, two):
    return both(one, two) + both(one, leader), True


def follower_deaf(leader, one, two):
    return [(leader, one), (two, one)], True


def one_line_cut(leader, one, _):
    return both(leader, one), True


def nobody_hears_anybody(leader, one, two):
    return both(leader, one) + both(leader, two) + both(one, two), False


KINDS = [leader_cut_off, leader_not_heard, leader_deaf, follower_cut_off, follower_deaf, one_line_cut, nobody_hears_anybody]


def all_go_on(writers):
    for writer, before in [(writer, len(writer.acknowledged)) for writer in writers]:
        writer.wait_for(before + 2)  # the first of them may have been there already


def one_round(cluster, writers, kind, chance):
    leader = cluster.leader()
    others = [host for host in MEMBERS if host != leader]
    chance.shuffle(others)
    pairs, has_majority = kind(leader, *others)
    for pair in pairs:
        cluster.network.cut(*pair)
    if has_majority:
        all_go_on(writers)
    answered = chance.choice(writers).read(at=cluster.members[leader].address, deadline="1s")
    cluster.network.heal()
    all_go_on(writers)
    return answered


def check_end(cluster, writers, told):
    for writer in writers:
        if writer.wrong:
            raise Wrong(writer.wrong)
        done = cluster.gw("get", writer.key)
        writer.check(writer.acknowledged, writer.mine(done.stdout))
        told["appends"] += len(writer.acknowledged)
        told["unknown"] += len(writer.unknown)
        told["reads"] += writer.reads


def run_rounds(directory, rounds, chance, told):
    with Network(len(MEMBERS) + 1) as network, Cluster(network, directory) as cluster:
        command = (*network.at(CLIENT), service.GW)
        writers = [kills.Writer(cluster.at, number, command, ("--insecure",)) for number in range(kills.WRITERS)]
        try:
            for number in range(rounds):
                if number % len(KINDS) == 0:
                    kinds = chance.sample(KINDS, len(KINDS))
                told["kind"] = kinds[number % len(KINDS)].__name__
                told["answered"] += one_round(cluster, writers, kinds[number % len(KINDS)], chance)
                told["rounds"] += 1
        finally:
            network.heal()
            for writer in writers:
                writer.over = True
            for writer in writers:
                writer.thread.join()
        check_end(cluster, writers, told)


def may_make_hosts():
    if not shutil.which("ip"):
        return False
    try:
        with Network(1):
            return True
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(description="partitions of the key/value service")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args(kills.arguments)
    told = {"rounds": 0, "answered": 0, "appends": 0, "unknown": 0, "reads": 0, "kind": ""}
    wrong = None
    print("1..1")
    if not may_make_hosts():
        print("ok 1 - partitions # SKIP network namespaces cannot be made here")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        try:
            run_rounds(directory, options.rounds, random.Random(options.seed), told)
        except (Wrong, AssertionError, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
            wrong = "%s: %s" % (told["kind"], error)
    print("%s 1 - %d partitions of seed %d: %d answers of old leaders, %d appends, %d not known, %d reads"
          % ("not ok" if wrong else "ok", told["rounds"], options.seed, told["answered"], told["appends"], told["unknown"],
             told["reads"]))
    if wrong:
        print("# " + wrong.replace("\n", "\n# ")[:2000])
        print("# again: %s BUILD_DIR --rounds %d --seed %d" % (os.path.basename(sys.argv[0]), options.rounds, options.seed))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
