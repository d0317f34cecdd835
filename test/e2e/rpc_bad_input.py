#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server process and peers that do not keep to the protocol: garbage, half frames, ten thousand connections that
say nothing, a bad network between them. Meanwhile and afterwards calls are answered. TAP.

    python3 test/e2e/rpc_bad_input.py BUILD_DIR
"""
import multiprocessing
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time

from results import Tests

BUILD = os.path.abspath(sys.argv[1])
GW = os.environ.get("GW", BUILD + "/gw")
SERVER = BUILD + "/examples/kv_server"
SECONDS = 60       # that nothing takes
CROWD = 10000      # connections; in two processes, as each may have fewer descriptors
SERVER_MIB = 1024  # that the server may need for them


class Server:
    def __init__(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.process = subprocess.Popen(
            [SERVER, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard)))
        self.address = self.process.stdout.readline().split()[-1]
        self.place = ("127.0.0.1", int(self.address.rsplit(":", 1)[1]))

    def connect(self):
        connection = socket.create_connection(self.place)
        connection.settimeout(SECONDS)
        return connection

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() >> 20

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def answers(address):
    """None when a call is answered."""
    done = subprocess.run([GW, "rpc", "call", address, "kv.Kv.Put", '{"key": "k"}'], capture_output=True, text=True,
                          timeout=SECONDS, check=False)
    return None if done.returncode == 0 and "version" in done.stdout else f"{done.returncode}: {done.stderr}"


def hung_up(connection):
    """Reads to the end."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass


def garbage(server):
    """Everything is refused, whatever it is."""
    noise = random.Random(1)
    for number in range(60):
        data = noise.randbytes(noise.randrange(1, 5000))
        if number % 3 == 0:
            data = b"GW\x01" + data
        with server.connect() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it is refused already
            hung_up(connection)
    return answers(server.address)


def half_frames(server):
    """The server greets; a peer sends the greeting back cut off anywhere, and ends."""
    with server.connect() as connection:
        greeting = connection.recv(4096)
    for size in range(len(greeting)):
        with server.connect() as connection:
            connection.sendall(greeting[:size])
            connection.shutdown(socket.SHUT_WR)
            hung_up(connection)
    return answers(server.address)


def hold(place, count, pipe):
    """A process with many connections; tells when they are there, and lets go when it is told."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connections = [socket.create_connection(place) for _ in range(count)]
    pipe.send(len(connections))
    pipe.recv()


def crowd(server):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < CROWD + 100:
        return None  # the simulator has this test, too
    holders, problem = [], None
    for _ in range(2):
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=hold, args=(server.place, CROWD // 2, there))
        process.start()
        holders.append((process, here))
    try:
        for process, here in holders:
            if not here.poll(SECONDS) or here.recv() != CROWD // 2:
                return "the connections did not come about"
        problem = answers(server.address)
        if not problem and server.resident_mib() > SERVER_MIB:
            problem = f"the server has {server.resident_mib()} MiB"
        # They never greet, so they are cut, one and all.
        patience = time.monotonic() + SECONDS
        while not problem and server.descriptors() > 100:
            if time.monotonic() > patience:
                problem = f"{server.descriptors()} descriptors are still open"
            time.sleep(0.05)
        return problem or answers(server.address)
    finally:
        for process, here in holders:
            here.send(0)
            process.join()


def network(server):
    """Calls arrive through a proxy that cuts, delays and now and then resets."""
    proxy = subprocess.Popen([GW, "chaos", "--listen", "127.0.0.1:0", "--to", server.address, "--split", "--jitter",
                              "5ms", "--reset", "3%", "--seed", "5"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
    try:
        address = proxy.stdout.readline().split()[-1]
        for _ in range(15):
            problem = answers(address)
            # A reset at the wrong moment makes an at-most-once call's outcome unknown, and says so.
            if problem and "may or may not have happened" not in problem:
                return problem
        return answers(server.address)
    finally:
        proxy.send_signal(signal.SIGTERM)
        proxy.wait()
        proxy.stdout.close()


def main():
    tests = Tests(GW, "")
    server = Server()
    try:
        for title, test in [("garbage costs only its connection", garbage),
                            ("half a greeting costs only its connection", half_frames),
                            ("ten thousand connections that say nothing are borne, and cut", crowd),
                            ("calls arrive through a bad network", network)]:
            tests.report(title, test(server))
        tests.report("the server lives on", None if server.process.poll() is None else "it has ended")
    finally:
        server.end()
    print(f"1..{tests.number}")
    return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main())
