#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw gfs and gw fs with real processes: a cluster in one, and masters and chunkservers by themselves, killed and started
again. TAP."""
import json
import os
import pty
import random
import subprocess
import sys

import kv as service  # takes the build directory from sys.argv
import kv_tls as tls

GW, SECONDS = service.GW, service.SECONDS
PUBLISH = os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "examples", "publish")
BEAT = ("--chunk-heartbeat", "100ms")
FAST = ("--election", "300ms", "--heartbeat", "50ms", "--chunk-lease", "1s", *BEAT)
CHUNK = 64 << 10  # the smallest


class Server:
    """`gw gfs WORDS` as a process; the context ends it."""

    def __init__(self, *words):
        self.words = words
        self.start()

    def start(self):
        self.process = subprocess.Popen([GW, "gfs", *self.words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise AssertionError(self.process.communicate()[1])
        self.address = line[len("listening on "):].rstrip()

    def kill(self):
        self.process.kill()
        self.said = self.process.communicate()[1]

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.kill()


def up(directory, *options, who=(), chunkservers=3):
    """A cluster in one process, when all of its chunkservers are known: a chunk that is made before may have two replicas."""
    cluster = Server("up", "--dir", os.path.join(directory, "up"), "--listen", "127.0.0.1:%d" % service.free_ports(1)[0],
                     *FAST, *options)
    while sum(row["lives"] for row in servers(cluster.address, who)) != chunkservers:
        pass
    return cluster


def servers(at, who=()):
    return [json.loads(line) for line in fs(at, "df", "--json", *who).splitlines()]


def fs(at, *words, data=None, check=0):
    """What gw fs prints; its exit status has to be check."""
    done = subprocess.run([GW, "fs", *words, "--cluster", at], input=data, capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == check, (words, done.returncode, done.stderr)
    return done.stdout


def wait_for_replicas(at):
    """Until every chunk has as many as its goal, on servers that live."""
    while subprocess.run([GW, "fs", "fsck", "--cluster", at], capture_output=True, timeout=SECONDS, check=False).returncode:
        pass


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def refused(*words):
    """The exit status and the sentence of a server that ends by itself."""
    done = subprocess.run([GW, "gfs", *words], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.stderr.count("\n") == 1 and not done.stdout, (words, done.stderr, done.stdout)
    return done.returncode, done.stderr


class Room:
    """Masters and chunkservers, each a process with a port of its own; the context ends them."""

    def __init__(self, directory, masters=3, chunkservers=4, racks=2):
        ports = service.free_ports(masters + chunkservers)
        self.at = ",".join("127.0.0.1:%d" % port for port in ports[:masters])
        self.masters, self.chunkservers = [], []
        for number, port in enumerate(ports[:masters]):
            join = ("--join", self.at) if number else ()
            self.masters.append(Server("master", "--dir", os.path.join(directory, "m%d" % number), "--listen",
                                       "127.0.0.1:%d" % port, *join, *FAST))
        for number, port in enumerate(ports[masters:]):
            self.chunkservers.append(Server("chunkserver", "--dir", os.path.join(directory, "c%d" % number), "--listen",
                                            "127.0.0.1:%d" % port, "--cluster", self.at, "--rack", "r%d" % (number % racks), *BEAT))

    def servers(self):
        return servers(self.at)

    def wait_for_lives(self, count):
        while sum(row["lives"] for row in self.servers()) != count:
            pass

    def leader(self):
        return next(master for master in self.masters if is_leader(master))

    def __enter__(self):
        self.wait_for_lives(len(self.chunkservers))
        return self

    def __exit__(self, *why):
        for server in self.masters + self.chunkservers:
            server.kill()


def is_leader(master):
    return json.loads(fs(master.address, "status", "--json"))["role"] == "leader"


# ---- A cluster in one process ---------------------------------------------------------------------

def files_are_stored_and_fetched_as_they_are(directory):
    data, more = noise(300000), noise(1000, 2)
    with up(directory) as cluster:
        at, local = cluster.address, os.path.join(directory, "local")
        fs(at, "mkdir", "/d", "/d/e")
        fs(at, "mkdir", "/d", check=5)
        fs(at, "mkdir", "-p", "/d/e", "/p/q/r")
        assert fs(at, "ls", "/p/q") == b"r/\n"
        fs(at, "rm", "-r", "/p")
        fs(at, "put", "--chunk", "64K", "-", "/d/f", data=data)
        fs(at, "put", "-", "/d/f", data=more, check=5)
        assert fs(at, "ls", "/d") == b"e/\nf\n"
        assert fs(at, "cat", "/d/f") == data
        fs(at, "mkdir", "-p", "/d/f", check=5)
        fs(at, "mkdir", "-p", "nothing", check=13)
        fs(at, "get", "/d/f", local)
        with open(local, "rb") as file:
            assert file.read() == data
        fs(at, "cp", "/d/f", "/d/copy")
        fs(at, "cat", "/none", check=4)
        stat = json.loads(fs(at, "stat", "--json", "/d/f"))
        assert (stat["length"], stat["chunks"], stat["goal"]) == (300000, 5, 3), stat
        rows = [json.loads(line) for line in fs(at, "locations", "--json", "/d/f").splitlines()]
        assert [len(set(row["places"])) for row in rows] == [3] * 5, rows
        fs(at, "put", "--force", "-", "/d/f", data=more)
        assert fs(at, "cat", "/d/f", "/d/copy") == more + data
        fs(at, "put", "-", "/empty", data=b"")
        assert fs(at, "cat", "/empty") == b""
        os.environ["GW_CLUSTER"] = at
        told = subprocess.run([GW, "fs", "du", "/d"], capture_output=True, timeout=SECONDS, check=True).stdout
        del os.environ["GW_CLUSTER"]
        assert told == b"301000 bytes in 2 files, 2 directories\n", told


def tree_of(directory):
    """Path below the directory -> bytes; None of a directory."""
    found = {}
    for where, names, files in os.walk(directory):
        for name in names:
            found[os.path.relpath(os.path.join(where, name), directory)] = None
        for name in files:
            path = os.path.join(where, name)
            found[os.path.relpath(path, directory)] = content(path)
    return found


def trees_go_in_and_out_and_are_copied(directory):
    local = os.path.join(directory, "local")
    os.makedirs(os.path.join(local, "a", "b"))
    os.makedirs(os.path.join(local, "none"))
    for path, data in (("one", b"1"), ("a/two", b"22"), ("a/b/three", b"333"), ("a/.hidden", b"")):
        with open(os.path.join(local, path), "wb") as file:
            file.write(data)
    os.symlink("one", os.path.join(local, "link"))
    wanted = tree_of(local)
    with up(directory) as cluster:
        at = cluster.address
        fs(at, "put", local, "/t", check=13)
        fs(at, "put", "-r", local, "/t")
        fs(at, "put", "-R", local, "/t/")  # a directory that is there: below it
        fs(at, "put", "-r", local + "/.", "/t", check=5)
        fs(at, "put", "-rf", local + "/.", "/t")
        assert fs(at, "ls", "-R", "/t/a") == b"/t/a/.hidden\n/t/a/b/\n/t/a/b/three\n/t/a/two\n"
        fs(at, "cp", "/t", "/u", check=13)
        fs(at, "cp", "-r", "/t/local", "/u")
        fs(at, "cp", "-R", "/u", "/u/v", check=13)
        fs(at, "cp", "-r", "/u/one", "/u/a", "/d", check=4)
        fs(at, "mkdir", "/d")
        fs(at, "cp", "-r", "/u/one", "/u/a", "/d")
        assert fs(at, "ls", "/d") == b"a/\none\n"
        os.mkdir(os.path.join(directory, "there"))
        for name, found in (("there", "there/local"), ("new", "new")):
            fs(at, "get", "/t/local", os.path.join(directory, name), check=13)
            fs(at, "get", "-r", "/t/local", os.path.join(directory, name))
            assert tree_of(os.path.join(directory, found)) == wanted, name
        fs(at, "get", "-r", "/u", os.path.join(directory, "no", "where"), check=4)
        fs(at, "get", "/u/one", os.path.join(directory, "none") + "/", check=4)
        fs(at, "mv", "/u/one", "/u/a", "/t/local/none")
        assert fs(at, "ls", "/t/local/none") == b"a/\none\n"
        fs(at, "chmod", "-R", "700", "/t")
        fs(at, "chown", "-R", "5:6", "/t")
        rows = [json.loads(line) for line in fs(at, "ls", "-R", "--json", "/t").splitlines()]
        assert {(row["mode"], row["user"], row["group"]) for row in rows} == {(0o700, 5, 6)}, rows
        assert "/t/local/none/a/b/three" in [row["path"] for row in rows], rows
        fs(at, "rm", "-R", "/t/")
        fs(at, "ls", "/t", check=4)
        os.symlink(".", os.path.join(local, "circle"))
        fs(at, "put", "-r", local, "/w", check=14)
        os.remove(os.path.join(local, "circle"))
        os.mkfifo(os.path.join(local, "pipe"))
        fs(at, "put", "-r", local, "/x", check=14)


def patterns_mean_what_is_there(directory):
    with up(directory) as cluster:
        at = cluster.address
        fs(at, "mkdir", "/logs", "/logs/old", "/logs/older")
        for name in ("a.gz", "b.gz", "c.txt", ".d.gz", "old/a.gz", "older/z.gz", "*"):
            fs(at, "put", "-", "/logs/" + name, data=name.encode())
        assert fs(at, "cat", "/logs/?.gz") == b"a.gzb.gz"
        assert fs(at, "ls", "/logs/[bc].*") == b"/logs/b.gz\n/logs/c.txt\n"
        assert fs(at, "ls", "/logs/old*") == b"/logs/old/a.gz\n/logs/older/z.gz\n"
        assert fs(at, "cat", "/*/old*/*.gz") == b"old/a.gzolder/z.gz"
        assert fs(at, "cat", "/logs/old/[a]*") == b"old/a.gz"
        assert fs(at, "cat", "/logs/.*") == b".d.gz"
        assert fs(at, "cat", "/logs/*") == b"*"  # what has that name is itself
        fs(at, "cat", "/logs/*.zip", check=4)
        fs(at, "cat", "--literal", "/logs/?.gz", check=4)
        fs(at, "mkdir", "/logs/[x]", "/logs/x")
        fs(at, "put", "-", "/logs/[x]/[y]", data=b"brackets")
        assert fs(at, "cat", "/logs/\\[x]/*") == b"brackets"
        rows = [json.loads(line) for line in fs(at, "count", "--json", "/logs/old*").splitlines()]
        assert [row["path"] for row in rows] == ["/logs/old", "/logs/older"], rows
        assert fs(at, "du", "/logs/old*") == (b"/logs/old: 8 bytes in 1 files, 1 directories\n"
                                              b"/logs/older: 10 bytes in 1 files, 1 directories\n")
        there = os.path.join(directory, "there")
        fs(at, "get", "/logs/?.gz", there, check=4)
        os.mkdir(there)
        fs(at, "get", "/logs/?.gz", there)
        assert sorted(os.listdir(there)) == ["a.gz", "b.gz"]
        assert fs(at, "get", "/logs/?.gz", "-") == b"a.gzb.gz"
        fs(at, "mkdir", "/kept")
        fs(at, "mv", "/logs/*.gz", "/kept")
        assert fs(at, "ls", "/kept") == b"a.gz\nb.gz\n"
        fs(at, "rm", "-r", "/logs/old*")
        assert fs(at, "ls", "/logs") == b"*\n.d.gz\n[x]/\nc.txt\nx/\n"


def what_is_asked_is_answered_in_json(directory):
    with up(directory) as cluster:
        at = cluster.address
        fs(at, "mkdir", "/d")
        fs(at, "put", "--chunk", "64K", "-", "/d/f", data=noise(100000))
        for words, keys in ((["du", "/d"], "bytes directories files path"), (["count", "/d"], "bytes directories files path"),
                            (["stat", "/d/f"], "changedMs chunkBytes chunks goal group id index kind length mode modifiedMs"
                             " path user"), (["locations", "/d/f"], "handle index path places version"),
                            (["df"], "address bytes bytesFree chunks draining lives rack server")):
            for line in fs(at, *words, "--json").splitlines():
                assert sorted(json.loads(line)) == keys.split(), (words, line)
        for action in ("du", "count", "stat", "locations", "ls", "cat", "fsck"):
            for path, code in (("/none", 4), ("d", 13), ("", 13), ("/d/../d", 13), ("/" + "n" * 4095, 12)):
                done = subprocess.run([GW, "fs", action, path, "--json", "--cluster", at], capture_output=True,
                                      timeout=SECONDS, check=False)
                told = json.loads(done.stderr)["error"]
                assert (done.returncode, told["code"]) == (code, code) and told["text"], (action, path[:9], told["code"])
                assert not done.stdout, done
        for words in (["stat"], ["locations"], ["count"], ["df", "/d"], ["status", "/d"], ["put", "-"], ["get"], ["cp", "/d"],
                      ["ls", "--deleted", "/d", "/d"]):
            fs(at, *words, check=2)


def on_a_terminal(at, *words):
    """What gw fs says there on standard error."""
    ours, theirs = pty.openpty()
    done = subprocess.run([GW, "fs", *words, "--cluster", at], stderr=theirs, stdout=subprocess.DEVNULL, timeout=SECONDS,
                          check=True)
    os.close(theirs)
    said = b""
    while done.returncode == 0:
        try:
            said += os.read(ours, 65536)
        except OSError:  # all of it was read
            break
    os.close(ours)
    return said


def how_far_a_copy_is_is_drawn_on_a_terminal(directory):
    local = os.path.join(directory, "loc\x1bal")
    with open(local, "wb") as file:
        file.write(noise(2000000))
    with up(directory) as cluster:
        at = cluster.address
        for words in (["put", local, "/f"], ["cp", "/f", "/g"], ["get", "/f", local]):
            said = on_a_terminal(at, *words)
            assert b"2 of 2 MB  100 %" in said and said.endswith(b"\r\x1b[K"), (words, said)
            assert b"\x1ba" not in said, said
        assert on_a_terminal(at, "put", "--json", local, "/h") == b""
        assert on_a_terminal(at, "get", "/f", "-") == b""
        piped = subprocess.run([GW, "fs", "put", local, "/i", "--cluster", at], capture_output=True, timeout=SECONDS,
                               check=True)
        assert (piped.stdout, piped.stderr) == (b"", b""), piped


def an_example_replaces_a_file_in_one_step(directory):
    old, new = noise(200000), noise(300000, 2)
    with up(directory) as cluster:
        at = cluster.address
        fs(at, "put", "-", "/index", data=old)
        writer = subprocess.Popen([PUBLISH, at, "/index"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        writer.stdin.write(new[:200000])
        while b"index.new\n" not in fs(at, "ls"):
            pass
        assert fs(at, "cat", "/index") == old
        said = writer.communicate(new[200000:], timeout=SECONDS)[1]
        assert writer.returncode == 0, said
        assert fs(at, "cat", "/index") == new and fs(at, "ls") == b"index\n"
        done = subprocess.run([PUBLISH, at, "/no/where"], input=b"", capture_output=True, timeout=SECONDS, check=False)
        assert done.returncode == 4 and b"/no: no such directory" in done.stderr, done


def appends_are_whole_and_once(directory):
    with up(directory) as cluster:
        at, pieces = cluster.address, [noise(16 << 10, seed) for seed in range(10)]
        for piece in pieces:
            fs(at, "append", "--chunk", "64K", "-", "/log", data=piece)
        log = fs(at, "cat", "/log")
        assert [log.count(piece) for piece in pieces] == [1] * len(pieces)
        assert len(log) >= sum(map(len, pieces))
        length = json.loads(fs(at, "stat", "--exact", "--json", "/log"))["length"]
        assert length == len(log), (length, len(log))


def what_is_deleted_comes_back_and_a_snapshot_stays(directory):
    old, new = noise(100000), noise(5000, 2)
    with up(directory) as cluster:
        at = cluster.address
        fs(at, "mkdir", "/d")
        fs(at, "put", "--chunk", "64K", "-", "/d/f", data=old)
        fs(at, "snapshot", "/d", "/then")
        fs(at, "append", "-", "/d/f", data=new)
        assert fs(at, "cat", "/then/f") == old and fs(at, "cat", "/d/f").endswith(new)
        fs(at, "mv", "/d/f", "/d/g")
        fs(at, "cat", "/d/f", check=4)
        fs(at, "rm", "/d/g")
        fs(at, "cat", "/d/g", check=4)
        assert b"/d/g" in fs(at, "ls", "--deleted", "/d")
        fs(at, "undelete", "/d/g", "/d/h")
        assert fs(at, "cat", "/d/h").startswith(old)
        fs(at, "rm", "/d", check=17)
        fs(at, "rm", "-r", "--now", "/d")
        assert fs(at, "ls", "/") == b"then/\n" and fs(at, "cat", "/then/f") == old


def a_cluster_that_is_killed_has_what_it_acknowledged(directory):
    data, more = noise(500000), noise(7000, 2)
    with up(directory) as cluster:
        for number in range(3):
            fs(cluster.address, "put", "--chunk", "64K", "-", "/f%d" % number, data=data)
        fs(cluster.address, "append", "-", "/log", data=more)
        cluster.kill()
        cluster.start()
        for number in range(3):
            assert fs(cluster.address, "cat", "/f%d" % number) == data
        fs(cluster.address, "append", "-", "/log", data=data[:1000])
        assert fs(cluster.address, "cat", "/log") == more + data[:1000]
        assert len(os.listdir(os.path.join(directory, "up"))) == 6  # a master, three chunkservers, format, lock


def attributes_and_counts_are_told(directory):
    with up(directory) as cluster:
        at = cluster.address
        fs(at, "mkdir", "/d", "/d/e", "--mode", "700")
        fs(at, "put", "-", "/d/e/f", data=b"12345")
        fs(at, "chmod", "-r", "750", "/d")
        fs(at, "chown", "7:8", "/d/e/f")
        fs(at, "chown", "9", "/d/e/f")
        fs(at, "goal", "2", "/d/e/f")
        row = json.loads(fs(at, "stat", "--json", "/d/e/f"))
        assert (row["mode"], row["user"], row["group"], row["goal"]) == (0o750, 9, 8, 2), row
        assert json.loads(fs(at, "stat", "--json", "/d"))["mode"] == 0o750
        row = json.loads(fs(at, "count", "--json", "/d"))
        assert row == {"path": "/d", "directories": 2, "files": 1, "bytes": 5}, row
        for words in (["chmod", "9", "/d"], ["chmod", "7777777", "/d"], ["chown", ":3", "/d"], ["chown", "3:x", "/d"],
                      ["goal", "9", "/d"], ["goal", "-1", "/d"], ["drain", "here"], ["rebalance", "now"], ["mkdir", "--mode", "-7", "/x"]):
            fs(at, *words, check=2)
        assert fs(at, "fsck") == b"1 files, 1 chunks\n"


def three_masters_in_one_process_are_a_cluster(directory):
    ports = service.free_ports(1)[0]
    words = ("up", "--dir", os.path.join(directory, "up"), "--listen", "127.0.0.1:%d" % ports, "--masters", "3", *FAST)
    with Server(*words) as cluster:
        assert cluster.address.count(",") == 2
        fs(cluster.address, "put", "-", "/f", data=b"kept")
        cluster.kill()
        assert not cluster.said, cluster.said  # that a master does not lead is no trouble
        cluster.start()
        assert fs(cluster.address.split(",")[2], "cat", "/f") == b"kept"


def rot_is_not_served_and_is_mended(directory):
    data = noise(300000)
    with up(directory) as cluster:
        fs(cluster.address, "put", "-", "/f", data=data)
        chunks = [os.path.join(directory, "up", "chunkserver-%d" % number, "chunks") for number in (1, 2, 3)]
        files = [os.path.join(path, name) for path in chunks for name in os.listdir(path) if name.endswith(".data")]
        assert len(files) == 3, files
        for path in files[:2]:
            with open(path, "r+b") as file:
                file.seek(1000)
                file.write(b"rotten")
        while any(content(path) != data for path in files):
            assert fs(cluster.address, "cat", "/f") == data


def replicas_are_compared(directory):
    data = noise(150000)
    with up(directory) as cluster:
        at = cluster.address
        fs(at, "put", "--chunk", "64K", "-", "/f", data=data)
        fs(at, "put", "-", "/empty", data=b"")
        fs(at, "snapshot", "/f", "/then")
        assert fs(at, "verify") == b"3 files, 21 replicas, 900000 bytes\n"  # an empty file has a chunk, too
        chunks = os.path.join(directory, "up", "chunkserver-2", "chunks")
        path = next(os.path.join(chunks, name) for name in sorted(os.listdir(chunks)) if name.endswith(".data"))
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"rotten")
        told = [json.loads(line) for line in fs(at, "verify", "--json", "/f", check=9).splitlines()]
        assert [(row["path"], row["name"]) for row in told] == [("/f", "CORRUPT")], told
        # It is dropped when its server next tells the master, and cloned.
        while subprocess.run([GW, "fs", "verify", "/f", "--cluster", at], capture_output=True, timeout=SECONDS,
                             check=False).stdout != b"1 files, 9 replicas, 450000 bytes\n":
            pass
        fs(at, "verify", "/none", check=4)


def content(path):
    """None: it is not there now."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def too_few_chunkservers_are_told(directory):
    with up(directory, "--chunkservers", "1", chunkservers=1) as cluster:
        put = subprocess.run([GW, "fs", "put", "--deadline", "1s", "-", "/f", "--cluster", cluster.address], input=b"x",
                             capture_output=True, timeout=SECONDS, check=False)
        assert put.returncode == 23 and b"2 are needed" in put.stderr, put
        fs(cluster.address, "put", "--goal", "1", "-", "/f", data=b"x")
        assert fs(cluster.address, "ls") == b"f\n"
        fs(cluster.address, "goal", "3", "/f")
        fs(cluster.address, "fsck", check=1)


def over_tls_only_those_with_certificates_are_served(directory):
    authority = tls.Authority(directory, "lab")
    alice, server = authority.issue("user", "alice"), authority.issue("gfs", "up")
    stranger = tls.Authority(directory, "other").issue("user", "eve")
    with up(directory, *server, who=alice) as cluster:
        fs(cluster.address, "put", "-", "/f", *alice, data=b"secret")
        assert fs(cluster.address, "cat", "/f", *alice) == b"secret"
        for who in ((), stranger):
            done = subprocess.run([GW, "fs", "cat", "/f", "--deadline", "1s", "--cluster", cluster.address, *who],
                                  capture_output=True, timeout=SECONDS, check=False)
            assert done.returncode != 0 and not done.stdout, done


def what_makes_no_sense_is_told_in_a_sentence(directory):
    mine, other = os.path.join(directory, "up"), os.path.join(directory, "other")
    os.mkdir(other)
    with open(os.path.join(other, "notes"), "w", encoding="utf-8"):
        pass
    with up(directory) as cluster:
        code, said = refused("up", "--dir", mine)
        assert code == 17 and "another process has this directory" in said, said
        code, said = refused("up", "--dir", os.path.join(directory, "new"), "--listen", cluster.address)
        assert code == 17 and cluster.address in said, said
        code, said = refused("chunkserver", "--dir", os.path.join(directory, "new2"), "--listen", cluster.address)
        assert code == 17 and cluster.address in said, said
    for kind in ("up", "master", "chunkserver"):
        code, said = refused(kind, "--dir", other)
        assert code == 9 and "notes" in said, said
    assert os.listdir(other) in (["notes"], ["lock", "notes"], ["notes", "lock"])
    code, said = refused("chunkserver", "--dir", os.path.join(mine, "master-1"))
    assert code == 11 and "master-1" in said, (code, said)
    code, said = refused("master", "--dir", os.path.join(mine, "chunkserver-1"))
    assert code == 11 and "chunkserver-1" in said, (code, said)
    for words, text in ((["--chunkservers", "2"], "has 3 chunkservers"), (["--chunkservers", "65"], "1 to 64"),
                        (["--masters", "6"], "1 to 5"), (["--listen", "here"], "HOST:PORT"),
                        (["--listen", "127.0.0.1:0", "--masters", "3"], "ports"), (["--cert", "x"], "--ca")):
        code, said = refused("up", "--dir", mine, *words)
        assert code == 2 and text in said, (words, code, said)
    for kind in ("up", "master", "chunkserver"):
        code, said = refused(kind)
        assert code == 2 and "--dir" in said, said


# ---- Masters and chunkservers by themselves -------------------------------------------------------

def a_disk_of_another_cluster_is_refused(directory):
    disk = os.path.join(directory, "up", "chunkserver-1")
    with up(directory) as cluster:
        fs(cluster.address, "put", "-", "/f", data=b"x")  # so all are known
    other = os.path.join(directory, "other")
    os.mkdir(other)
    with up(other) as cluster, Server("chunkserver", "--dir", disk, "--listen", "127.0.0.1:0", "--cluster", cluster.address,
                                      *BEAT) as stray:
        assert any("of another cluster" in line for line in stray.process.stderr)


def a_leader_that_is_killed_is_replaced_and_nothing_is_lost(directory):
    data = noise(300000)
    with Room(directory) as room:
        fs(room.at, "put", "--chunk", "64K", "-", "/before", data=data)
        leader = room.leader()
        leader.kill()
        fs(room.at, "put", "--chunk", "64K", "-", "/after", data=data)
        fs(room.at, "put", "--chunk", "64K", "-", "/after2", data=data)
        fs(room.at, "append", "-", "/before", data=b"more")
        leader.start()
        for server in room.masters + room.chunkservers:
            server.kill()
        # That the one that led is gone is said once, though it is so at each heartbeat.
        for server in room.chunkservers:
            assert server.said.count("cannot be reached: cannot connect to " + leader.address) <= 2, server.said
        for server in room.masters + room.chunkservers:
            server.start()
        assert fs(room.at, "cat", "/after") == data and fs(room.at, "cat", "/before") == data + b"more"


def a_server_that_is_drained_has_no_chunks(directory):
    data = noise(300000)
    with Room(directory, masters=1) as room:
        fs(room.at, "put", "--chunk", "64K", "-", "/f", data=data)
        server = next(row for row in room.servers() if row["chunks"])
        fs(room.at, "drain", str(server["server"]))
        while next(row["chunks"] for row in room.servers() if row["server"] == server["server"]):
            assert fs(room.at, "cat", "/f") == data
        assert fs(room.at, "fsck") == b"1 files, 5 chunks\n"
        fs(room.at, "drain", "--back", str(server["server"]))
        assert not any(row["draining"] for row in room.servers())


def replicas_go_to_racks_that_come(directory):
    def left():
        return json.loads(fs(room.at, "rebalance", "--json"))["left"]

    def racks():
        return [sorted(rack[place] for place in json.loads(line)["places"])
                for line in fs(room.at, "locations", "--json", "/f").splitlines()]

    data = noise(300000)
    with Room(directory, masters=1, chunkservers=3, racks=1) as room:
        fs(room.at, "put", "--chunk", "64K", "-", "/f", data=data)
        while left() != 0:
            pass
        answer = json.loads(fs(room.at, "rebalance", "stop", "--json"))
        assert answer["stopped"] and not answer["running"]
        for port, name in zip(service.free_ports(2), ("x", "y")):
            room.chunkservers.append(Server("chunkserver", "--dir", os.path.join(directory, name), "--listen",
                                            "127.0.0.1:%d" % port, "--cluster", room.at, "--rack", name, *BEAT))
        rack = {server.address: "r0" for server in room.chunkservers[:3]}
        rack.update({room.chunkservers[3].address: "x", room.chunkservers[4].address: "y"})
        while left() != 5:
            assert racks() == [["r0", "r0", "r0"]] * 5
        assert fs(room.at, "rebalance").startswith(b"state    stopped\n")
        answer = json.loads(fs(room.at, "rebalance", "start", "--json"))
        assert answer["running"] and answer["asked"] and not answer["stopped"]
        while racks() != [["r0", "x", "y"]] * 5:
            assert fs(room.at, "cat", "/f") == data
        while sum(row["chunks"] for row in room.servers()) != 15 or left() != 0:
            pass
        assert fs(room.at, "fsck") == b"1 files, 5 chunks\n"
        fs(room.at, "verify", "/f")
        while fs(room.at, "rebalance").startswith(b"state    running\n"):
            pass
        assert fs(room.at, "rebalance", "status").startswith(b"state    nothing to do\n")


def what_only_lost_servers_have_is_missing(directory):
    data = noise(1000)
    with Room(directory, masters=1, chunkservers=2) as room:
        fs(room.at, "put", "--goal", "1", "-", "/f", data=data)
        address = json.loads(fs(room.at, "locations", "--json", "/f"))["places"][0]
        server = next(server for server in room.chunkservers if server.address == address)
        while missing(room.at) != 0:
            pass
        server.kill()
        while missing(room.at) != 1:
            pass
        fs(room.at, "fsck", check=9)
        told = json.loads(fs(room.at, "verify", "--json", check=9))
        assert (told["name"], told["index"]) == ("UNREACHABLE", 0), told
        server.start()
        while missing(room.at) != 0:
            pass
        assert fs(room.at, "cat", "/f") == data


def missing(at):
    return json.loads(fs(at, "status", "--json"))["chunksMissing"]


def a_shadow_answers_what_may_be_old(directory):
    with Room(directory, masters=1, chunkservers=0) as room:
        fs(room.at, "mkdir", "/d")
        with Server("master", "--dir", os.path.join(directory, "s"), "--listen",
                    "127.0.0.1:%d" % service.free_ports(1)[0], "--join", room.at, "--standby", *FAST) as shadow:
            while fs(shadow.address, "ls", "--weak") != b"d/\n":
                pass
            assert json.loads(fs(shadow.address, "status", "--json"))["role"] == "learner"
            room.masters[0].kill()
            assert fs(shadow.address, "ls", "--weak") == b"d/\n"
            fs(shadow.address, "ls", "--deadline", "1s", check=16)


def a_chunkserver_killed_under_a_writer_costs_it_nothing(directory):
    data = noise(40 << 20)
    with Room(directory, masters=1) as room:
        fs(room.at, "put", "--chunk", "64K", "-", "/small", data=data[:1 << 20])
        put = subprocess.Popen([GW, "fs", "put", "--chunk", "1M", "-", "/f", "--cluster", room.at], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        put.stdin.write(data[:24 << 20])  # the pipe holds 64 KiB: most of it is stored when this returns
        victim = room.chunkservers[0]
        victim.kill()
        said = put.communicate(data[24 << 20:], timeout=SECONDS)[1]
        assert put.returncode == 0, said
        assert fs(room.at, "cat", "/f") == data and fs(room.at, "cat", "/small") == data[:1 << 20]
        room.wait_for_lives(3)
        wait_for_replicas(room.at)
        victim.start()
        room.wait_for_lives(4)
        assert fs(room.at, "cat", "/f") == data


TESTS = [files_are_stored_and_fetched_as_they_are, an_example_replaces_a_file_in_one_step, trees_go_in_and_out_and_are_copied, patterns_mean_what_is_there,
         what_is_asked_is_answered_in_json, how_far_a_copy_is_is_drawn_on_a_terminal, appends_are_whole_and_once,
         what_is_deleted_comes_back_and_a_snapshot_stays, a_cluster_that_is_killed_has_what_it_acknowledged,
         attributes_and_counts_are_told,
         rot_is_not_served_and_is_mended, replicas_are_compared,
         too_few_chunkservers_are_told, over_tls_only_those_with_certificates_are_served,
         a_disk_of_another_cluster_is_refused, three_masters_in_one_process_are_a_cluster, what_makes_no_sense_is_told_in_a_sentence,
         a_leader_that_is_killed_is_replaced_and_nothing_is_lost, a_server_that_is_drained_has_no_chunks, replicas_go_to_racks_that_come,
         what_only_lost_servers_have_is_missing,
         a_shadow_answers_what_may_be_old, a_chunkserver_killed_under_a_writer_costs_it_nothing]


def main():
    only = sys.argv[2:]
    tests = [test for test in TESTS if not only or test.__name__ in only]
    print("1..%d" % len(tests))
    return service.run_tests(tests)


if __name__ == "__main__":
    sys.exit(main())
