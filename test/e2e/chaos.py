#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw chaos between real processes: an echo server of sockets on one side, its clients on the other. TAP."""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import tap

GW = os.environ.get("GW", os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "gw"))
SECONDS = 20  # that nothing takes


class Echo:
    """A server that sends back what it gets; counts connections and their ends."""

    def __init__(self, path=None):
        self.connections, self.ends = 0, 0
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(path or ("127.0.0.1", 0))
        self.listener.listen(100)
        self.address = path or "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            pass
        self.ends += 1
        connection.close()


class Chaos:
    """The proxy as a process; the context ends it and collects what it says."""

    def __init__(self, to, *options, listen="127.0.0.1:0"):
        self.process = subprocess.Popen([GW, "chaos", "--listen", listen, "--to", to, "--seed", "7", *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line + self.process.stderr.read()
        self.address, self.said = line.split()[2], ""

    def connect(self):
        if "/" in self.address:
            client = socket.socket(socket.AF_UNIX)
            client.connect(self.address)
        else:
            host, port = self.address.rsplit(":", 1)
            client = socket.create_connection((host, int(port)))
        client.settimeout(SECONDS)
        return client

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        _, self.said = self.process.communicate(timeout=SECONDS)

    def count(self, what):
        return int(re.search(what + r" (\d+)", self.said).group(1))


def echo(client, data):
    client.sendall(data)
    back = b""
    while len(back) < len(data):
        piece = client.recv(65536)
        assert piece, "the end after %d bytes" % len(back)
        back += piece
    return back


def bytes_pass_as_they_are(_):
    data = os.urandom(1 << 20)
    with Chaos(Echo().address, "--split") as chaos, chaos.connect() as client:
        threading.Thread(target=client.sendall, args=(data,), daemon=True).start()
        back = b""
        while len(back) < len(data):
            back += client.recv(65536)
        assert back == data
    assert chaos.process.returncode == 0 and chaos.count("bytes") == 2 << 20, chaos.said


def delay_and_rate_take_their_time(_):
    with Chaos(Echo().address, "--delay", "20ms") as chaos, chaos.connect() as client:
        start = time.monotonic()
        assert echo(client, b"x") == b"x"
        assert time.monotonic() - start >= 0.04
    with Chaos(Echo().address, "--rate", "20K") as chaos, chaos.connect() as client:
        start = time.monotonic()
        echo(client, bytes(4096))
        assert time.monotonic() - start >= 4096 / 20480 * 0.9


def resets_and_refusals_are_counted(_):
    for option, what in [("--reset", "resets"), ("--refuse", "refused")]:
        with Chaos(Echo().address, option, "100%") as chaos, chaos.connect() as client:
            try:
                client.sendall(b"x")
                assert client.recv(1) == b""
            except ConnectionError:
                pass
        assert chaos.count(what) == 1, chaos.said


def chances_are_chances(_):
    ends = 0
    with Chaos(Echo().address, "--reset", "0.2") as chaos:
        for _ in range(60):
            with chaos.connect() as client:
                try:
                    echo(client, b"x")
                except (ConnectionError, AssertionError):
                    ends += 1
    assert 5 <= ends <= 50, ends
    assert chaos.count("resets") == ends, (chaos.said, ends)


def what_is_dropped_leaves_silence(_):
    with Chaos(Echo().address, "--drop", "1") as chaos, chaos.connect() as client:
        client.sendall(b"x")
        client.settimeout(0.1)
        try:
            client.recv(1)
            raise AssertionError("something came")
        except socket.timeout:
            pass
    assert chaos.count("dropped") == 1


def a_half_open_connection_outlives_its_client(_):
    server = Echo()
    with Chaos(server.address, "--half-open", "1") as chaos:
        with chaos.connect() as client:
            assert echo(client, b"x") == b"x"
        time.sleep(0.1)
        assert (server.connections, server.ends) == (1, 0)


def unix_sockets_work_and_are_put_away(where):
    path = os.path.join(where, "proxy")
    with Chaos(Echo(os.path.join(where, "echo")).address, listen=path) as chaos, chaos.connect() as client:
        assert echo(client, b"hello") == b"hello"
    assert not os.path.exists(path)


def mistakes_have_a_sentence(where):
    to = ["--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"]
    for arguments, code, sentence in [
            ([], 2, "--listen and --to are wanted"),
            (to[:2], 2, "--listen and --to are wanted"),
            (to + ["more"], 2, "no operands"),
            (to + ["--drop", "2"], 2, "--drop 2: a chance"),
            (to + ["--reset", "x"], 2, "--reset x: a chance"),
            (to + ["--half-open", "101%"], 2, "--half-open 101%: a chance"),
            (to + ["--delay", "fast"], 2, "--delay"),
            (["--listen", "nowhere", "--to", "127.0.0.1:1"], 13, "nowhere"),
            (["--listen", "127.0.0.1:0,127.0.0.1:0", "--to", "127.0.0.1:1"], 2, "one address"),
            (["--listen", where + "/no/such/place", "--to", "127.0.0.1:1"], 4, "/no/such/place")]:
        done = subprocess.run([GW, "chaos", *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == code and sentence in done.stderr, (arguments, done)


TESTS = [bytes_pass_as_they_are, delay_and_rate_take_their_time, resets_and_refusals_are_counted, chances_are_chances,
         what_is_dropped_leaves_silence, a_half_open_connection_outlives_its_client,
         unix_sockets_work_and_are_put_away, mistakes_have_a_sentence]


def main():
    with tempfile.TemporaryDirectory(prefix="gw-chaos-") as where:
        return tap.run(TESTS, where)


if __name__ == "__main__":
    sys.exit(main())
