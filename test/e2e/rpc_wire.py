#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peers of a server of another process that do not keep to the protocol, written by the wire format of docs/rpc.md
and not by the library: each costs its own connection, and `gw rpc` is answered all the while. TAP.

    python3 test/e2e/rpc_wire.py BUILD_DIR
"""
import os
import random
import socket
import struct
import subprocess
import sys

from results import Tests

BUILD = os.path.abspath(sys.argv[1])
GW = os.environ.get("GW", BUILD + "/gw")
SERVER = BUILD + "/examples/kv_server"
WAIT_S = 60


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def method_id(name):
    value = 2166136261
    for byte in name.encode():
        value = ((value ^ byte) * 16777619) & 0xffffffff
    return value


def frame(kind, payload=b"", method=0, call=0, left_ns=0, attachment=0, version=1, size=None, crc=None, spoil=0):
    head = b"GW" + struct.pack("<BBHHIIQQQQI", version, kind, 0, 0, len(payload) if size is None else size, method,
                               call, left_ns, attachment, 0, crc32c(payload) if crc is None else crc)
    return head + struct.pack("<I", crc32c(head) ^ spoil) + payload


def get(call=1, payload=b"\x0a\x01a", **fields):
    return frame(2, payload, method=fields.pop("method", method_id("kv.Kv.Get")), call=call, left_ns=10 ** 10, **fields)


HELLO = frame(1, struct.pack("<IIQ", 1 << 20, 0, 1 << 20))
FOUND = b"\x0a\x05hello\x10\x01"  # GetReply{value: "hello", version: 1}
NOISE = random.Random(1).randbytes(4096)

HUNG_UP = [
    ("garbage", NOISE),
    ("garbage behind the greeting", HELLO + NOISE),
    ("another protocol", b"GET / HTTP/1.1\r\nHost: groundwork\r\nAccept: text/html, text/plain\r\n\r\n"),
    ("another version", HELLO + get(version=2)),
    ("a header with a wrong checksum", HELLO + get(spoil=1)),
    ("a message with a wrong checksum", HELLO + get(crc=7)),
    ("a message over 4 MiB", HELLO + get(size=(4 << 20) + 1)),
    ("an attachment over 64 MiB", HELLO + get(attachment=(64 << 20) + 1)),
    ("an unknown kind of frame", HELLO + frame(99)),
    ("a call before the greeting", get()),
]
ANSWERED = [
    ("an unknown method", get(method=12345), -4),
    ("a message that does not parse", get(payload=b"\x0a\xc8xy"), -9),
    ("text that is no UTF-8", get(payload=b"\x0a\x01\xff"), -9),
]


class Peer:
    """A connection of a peer that may do anything."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=WAIT_S)
        self.bytes = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it was cut already

    def take(self, size):
        while len(self.bytes) < size:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.bytes += more
        taken, self.bytes = self.bytes[:size], self.bytes[size:]
        return taken

    def reply(self):
        """Code and payload of the next REPLY."""
        while True:
            head = self.take(56)
            payload = self.take(struct.unpack("<I", head[8:12])[0])
            if head[3] == 3:
                return struct.unpack("<i", head[12:16])[0], payload

    def until_cut(self):
        """None, or what came instead of the end."""
        try:
            code, payload = self.reply()
            return f"it was answered with {code}: {payload}"
        except (EOFError, ConnectionResetError):
            return None
        except socket.timeout:
            return "the server did not hang up"


class Server:
    def __init__(self):
        self.process = subprocess.Popen([SERVER, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[-1]
        self.call("Put", '{"key": "a", "value": "aGVsbG8="}')

    def call(self, method, request):
        return subprocess.run([GW, "rpc", "call", "--json", self.address, "kv.Kv." + method, request],
                              capture_output=True, text=True, check=False, timeout=WAIT_S)

    def wrong(self):
        """None while a good caller is answered."""
        done = self.call("Get", '{"key": "a"}')
        return None if '"value": "aGVsbG8="' in done.stdout else f"{done.returncode}: {done.stdout}{done.stderr}"


def hung_up(server, data):
    peer = Peer(server.address)
    peer.send(data)
    wrong = peer.until_cut()
    peer.socket.close()
    return wrong or server.wrong()


def cut_off(server):
    """Part of a frame, and the end of the stream."""
    peer = Peer(server.address)
    peer.send(HELLO + get()[:50])
    peer.socket.shutdown(socket.SHUT_WR)
    wrong = peer.until_cut()
    peer.socket.close()
    return wrong or server.wrong()


def answered(server, data, code):
    peer = Peer(server.address)
    peer.send(HELLO + data)
    got, text = peer.reply()
    peer.send(get(call=2))
    after = peer.reply()
    peer.socket.close()
    if got != code:
        return f"answered with {got}: {text}, wanted {code}"
    return None if after == (0, FOUND) else f"the next call on it got {after}"


def main():
    tests = Tests(None, None)
    server = Server()
    try:
        for title, data in HUNG_UP:
            tests.report(f"{title} costs its connection", hung_up(server, data))
        tests.report("a frame that breaks off costs its connection", cut_off(server))
        for title, data, code in ANSWERED:
            tests.report(f"{title} is answered, and the connection goes on", answered(server, data, code))
        tests.report("the server is still the same", None if server.process.poll() is None else "it has ended")
    finally:
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
    print(f"1..{tests.number}")
    return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main())
