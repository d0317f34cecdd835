#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw kv over TLS with real processes: three members with certificates of gw cert, and who is refused. TAP."""
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile

import kv as service  # it takes the build directory from sys.argv

FAST = ("--election", "300ms", "--heartbeat", "50ms")


def cert(*words):
    done = subprocess.run([service.GW, "cert", *words], capture_output=True, text=True, timeout=service.SECONDS, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


class Authority:
    """A directory of certificates."""

    def __init__(self, directory, name):
        self.directory = os.path.join(directory, name)
        cert("ca", "--name", name, self.directory)

    def issue(self, role, name):
        more = ("--client",) if role in ("user", "admin") else ("--san", "127.0.0.1")
        cert("issue", self.directory, "--role", role, "--name", name, *more)
        return self.of(role, name)

    def of(self, role, name, ca=None):
        """The options that say who we are."""
        mine = os.path.join(self.directory, role + "." + name)
        return ("--ca", os.path.join((ca or self).directory, "ca.crt"), "--cert", mine + ".crt", "--key", mine + ".key")


class Cluster:
    """Three members, each with a certificate of its own; the context ends them."""

    def __init__(self, directory):
        self.authority, self.directory = Authority(directory, "lab"), directory
        self.alice, self.admin = self.authority.issue("user", "alice"), self.authority.issue("admin", "root")
        ports = service.free_ports(3)
        self.at = ",".join("127.0.0.1:%d" % port for port in ports)
        self.members = []
        for number, port in enumerate(ports):
            self.members.append(self.member(port, "m%d" % number, self.authority.issue("kv", "m%d" % number)))
        while sum(row["votes"] for row in self.rows()) < 3:
            pass

    def member(self, port, name, who, *options):
        join = ("--join", self.at) if self.members else ()
        return service.Member(os.path.join(self.directory, name), port, *join, *FAST, *who, *options)

    def kv(self, *words, who=None, at=None, check=0):
        return service.kv(at or self.at, *words, *(who or self.alice), check=check)

    def rows(self):
        return [json.loads(line) for line in self.kv("members", "--json").splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *why):
        for member in self.members:
            member.kill()


def refused(at, *words):
    """Exit status and sentence of one that is to be refused soon."""
    done = subprocess.run([service.GW, "kv", *words, "--at", at, "--deadline", "2s"], capture_output=True, text=True,
                          timeout=service.SECONDS, check=False)
    assert done.returncode != 0, done.stdout
    return done.returncode, done.stderr


def a_cluster_with_certificates_works_and_fails_over(cluster):
    cluster.kv("put", "k", "v")
    assert cluster.kv("get", "k") == b"v"
    leads = [row["address"] for row in cluster.rows() if row["leads"]]
    for member in cluster.members:
        if member.address in leads:
            member.kill()
            cluster.kv("append", "k", "w", "--deadline", "30s")
            member.start()
    assert cluster.kv("get", "k") == b"vw"
    assert cluster.kv("get", "k", "--server-role", "kv") == b"vw"


def whoever_has_no_certificate_of_the_authority_is_refused(cluster):
    other = Authority(cluster.directory, "other")
    mallory = other.issue("user", "mallory")
    # She does not believe the members; and they do not believe her.
    code, said = refused(cluster.at, "get", "k", *mallory)
    assert code == 6 and "certificate" in said, (code, said)
    code, said = refused(cluster.at, "get", "k", *other.of("user", "mallory", ca=cluster.authority))
    assert code in (6, 23), (code, said)
    # Plain text.
    code, said = refused(cluster.at, "put", "k", "plain")
    assert code == 23, (code, said)
    assert cluster.kv("get", "k") == b"vw"


def a_role_may_do_what_is_its_own(cluster):
    code, said = refused(cluster.at, "backup", os.path.join(cluster.directory, "stolen"), *cluster.alice)
    assert code == 6 and 'role "user"' in said, said
    assert not os.path.exists(os.path.join(cluster.directory, "stolen"))
    code, said = refused(cluster.at, "members", "remove", "1", *cluster.alice)
    assert code == 6, said
    cluster.kv("backup", os.path.join(cluster.directory, "backup"), who=cluster.admin)
    # A user's certificate makes no member, nor does a server's of another role.
    gfs = cluster.authority.issue("gfs", "host")
    port = service.free_ports(1)[0]
    for who in (cluster.alice, gfs):
        serve = subprocess.Popen(
            [service.GW, "kv", "serve", "--dir", os.path.join(cluster.directory, "intruder"), "--listen",
             "127.0.0.1:%d" % port, "--join", cluster.at, *who], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert serve.wait(timeout=service.SECONDS) == 6, serve.stderr.read()
            assert "role" in serve.stderr.read()
        finally:
            serve.kill()
            serve.communicate()
    assert len(cluster.rows()) == 3


def without_tls_no_other_machine_is_served_or_asked(cluster):
    directory = os.path.join(cluster.directory, "open")
    for address in ("0.0.0.0:0", "[::]:0"):
        done = subprocess.run([service.GW, "kv", "serve", "--dir", directory, "--listen", address],
                              capture_output=True, text=True, timeout=service.SECONDS, check=False)
        assert done.returncode == 6 and "plain text" in done.stderr, done.stderr
    code, said = refused("192.0.2.1:7000", "get", "k")
    assert code == 6 and "plain text" in said, said
    done = subprocess.run([service.GW, "kv", "serve", "--dir", directory, "--insecure", *cluster.alice],
                          capture_output=True, text=True, timeout=service.SECONDS, check=False)
    assert done.returncode == 2 and "--insecure" in done.stderr, done.stderr
    done = subprocess.run([service.GW, "kv", "serve", "--dir", directory, *cluster.alice[:2]],
                          capture_output=True, text=True, timeout=service.SECONDS, check=False)
    assert done.returncode == 2, done.stderr


def shown(cluster, member):
    """The certificate that a member shows to whom it does not know yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(os.path.join(cluster.authority.directory, "ca.crt"))
    context.load_cert_chain(cluster.alice[3], cluster.alice[5])
    with context.wrap_socket(socket.create_connection(("127.0.0.1", member.port), service.SECONDS),
                             server_hostname="127.0.0.1") as connection:
        return connection.getpeercert(binary_form=True)


def sighup_makes_a_member_show_its_new_certificate(cluster):
    member = cluster.members[1]
    before = shown(cluster, member)
    for name in ("kv.m1.crt", "kv.m1.key"):
        os.unlink(os.path.join(cluster.authority.directory, name))
    cluster.authority.issue("kv", "m1")
    assert shown(cluster, member) == before
    member.process.send_signal(signal.SIGHUP)
    while shown(cluster, member) == before:
        pass
    after = shown(cluster, member)
    # What cannot be read is told, and the old one stays.
    with open(os.path.join(cluster.authority.directory, "kv.m1.crt"), "w", encoding="utf-8") as file:
        file.write("nonsense")
    member.process.send_signal(signal.SIGHUP)
    said = member.process.stderr.readline()
    assert "kv.m1.crt" in said, said
    assert shown(cluster, member) == after
    cluster.kv("put", "k", "still", at=member.address)
    assert cluster.kv("get", "k") == b"still"


TESTS = [a_cluster_with_certificates_works_and_fails_over, whoever_has_no_certificate_of_the_authority_is_refused,
         a_role_may_do_what_is_its_own, without_tls_no_other_machine_is_served_or_asked,
         sighup_makes_a_member_show_its_new_certificate]


def main():
    print("1..%d" % len(TESTS))
    with tempfile.TemporaryDirectory() as directory, Cluster(directory) as cluster:
        return service.run_tests(TESTS, cluster)


if __name__ == "__main__":
    sys.exit(main())
