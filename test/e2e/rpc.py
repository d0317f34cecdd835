#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw rpc and the key/value example, over real sockets: what is printed, and every exit status. TAP.

    python3 test/e2e/rpc.py BUILD_DIR
"""
import base64
import json
import os
import subprocess
import sys
import tempfile

from results import Tests

BUILD = os.path.abspath(sys.argv[1])
GW = os.environ.get("GW", BUILD + "/gw")
SERVER, CLIENT = BUILD + "/examples/kv_server", BUILD + "/examples/kv_client"


def run(*command, text=None):
    return subprocess.run(command, capture_output=True, text=True, check=False, input=text, timeout=60)


class Server:
    """A key/value server; its address is what it prints when it listens."""

    def __init__(self, address, *certificates):
        self.process = subprocess.Popen([SERVER, address, *certificates], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.address = line.split()[-1] if line else ""

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def wrong(done, status, out="", error=""):
    """None, or how the outcome differs; out and error are parts of what is printed."""
    if done.returncode == status and out in done.stdout and error in done.stderr and bool(error) == bool(done.stderr):
        return None
    return f"exit status {done.returncode}, wanted {status}\n{done.stdout}\n{done.stderr}"


def example(tests, address):
    for title, words, status, out, error in [
            ("a put by the example's client", ["put", "a", "hello"], 0, "version 1\n", ""),
            ("an append", ["append", "a", " world"], 0, "version 2\n", ""),
            ("a get", ["get", "a"], 0, "hello world\n", ""),
            ("a key that is not there is the service's own failure", ["get", "b"], 4, "", "b: no such key"),
            ("an empty value", ["put", "empty", ""], 0, "version 1\n", ""),
            ("comes back empty", ["get", "empty"], 0, "\n", "")]:
        tests.report(title, wrong(run(CLIENT, address, *words), status, out, error))


def listing(tests, address):
    done = run(GW, "rpc", "list", address)
    tests.report("gw rpc list prints services and methods", wrong(
        done, 0, "service kv.Kv\n"
        "  Put(kv.PutRequest) returns (kv.PutReply), at most once, 5000 ms, for writer, admin\n"
        "  Append(kv.PutRequest) returns (kv.PutReply), at most once, 5000 ms, for writer, admin\n"
        "  Get(kv.GetRequest) returns (kv.GetReply), best effort, 5000 ms, for *\n"
        "service groundwork.Reflection\n"))
    tests.report("of one service the messages too", wrong(
        run(GW, "rpc", "list", address, "Kv"), 0, "message kv.GetReply\n  bytes value = 1\n  uint64 version = 2\n"))
    tests.report("a service that is not there is answered with those that are", wrong(
        run(GW, "rpc", "list", address, "Kx"), 4, "", "there are kv.Kv, groundwork.Reflection"))
    done = run(GW, "rpc", "list", "--json", address)
    services = [json.loads(line) for line in done.stdout.splitlines()]
    methods = services[0]["methods"] if services else []
    right = [service["name"] for service in services] == ["kv.Kv", "groundwork.Reflection"] and \
        methods[2]["semantics"] == "best effort" and methods[0]["roles"] == ["writer", "admin"]
    tests.report("with --json a line a service", None if right else done.stdout + done.stderr)


def calls(tests, address):
    put = json.dumps({"key": "j", "value": base64.b64encode(b"\0\1\xff").decode()})
    tests.report("gw rpc call puts", wrong(run(GW, "rpc", "call", address, "kv.Kv.Put", put), 0,
                                           '{\n  "version": "1"\n}\n'))
    tests.report("the request may come from standard input", wrong(
        run(GW, "rpc", "call", "--json", address, "Kv.Get", "-", text='{"key":\n"j"}\n'), 0,
        '{"value": "AAH/", "version": "1"}\n'))
    tests.report("a request that is left out has no field set", wrong(
        run(GW, "rpc", "call", address, "Kv.Get"), 4, "", ": no such key"))
    for title, words, status, error in [
            ("a failure of the handler is the exit status", ["Kv.Get", '{"key": "none"}'], 4,
             "gw rpc call: none: no such key"),
            ("an unknown method", ["Kv.Nonsense"], 4, "kv.Kv has no method Nonsense; it has Put, Append, Get"),
            ("an unknown service", ["Other.Get"], 4, "Other: no such service there"),
            ("a method without a service", ["Get"], 2, "a method is written SERVICE.METHOD"),
            ("text that is no JSON", ["Kv.Get", "{key: 1}"], 13, "no JSON: line 1"),
            ("an unknown field", ["Kv.Get", '{"kye": "a"}'], 13, "kv.GetRequest has no field kye; it has key"),
            ("a value of the wrong type", ["Kv.Get", '{"key": 1}'], 13, "key: a string is wanted, not an integer"),
            ("bytes that are no base64", ["Kv.Put", '{"value": "*"}'], 13, "value: base64 of 1 letters"),
            ("too many operands", ["Kv.Get", "{}", "{}"], 2, "wanted: ADDRESS SERVICE.METHOD [REQUEST]"),
            ("an option that is none", ["Kv.Get", "--nonsense"], 2, "--nonsense")]:
        tests.report(title + " is said", wrong(run(GW, "rpc", "call", address, *words), status, "", error))
    done = run(GW, "rpc", "call", "--json", address, "Kv.Get", '{"key": "none"}')
    tests.report("with --json an error is JSON", None if done.returncode == 4 and json.loads(done.stderr) == {
        "error": {"code": 4, "name": "NOT_FOUND", "text": "none: no such key"}} else done.stderr)


def attachments(tests, address, work):
    """The example's service has none: what is sent with a request is left alone, and nothing comes with the reply."""
    sent, saved, gone = (os.path.join(work, name) for name in ("sent", "saved", "gone"))
    with open(sent, "wb") as file:
        file.write(bytes(100000))
    words = [GW, "rpc", "call", address, "Kv.Put", '{"key": "b"}']
    tests.report("a file goes with a request, and one comes with the reply", wrong(
        run(*words, "--attachment", sent, "--save", saved), 0, '"version": "1"'))
    tests.report("what came is in the file", None if os.path.getsize(saved) == 0 else "it is not empty")
    for title, more, status, error in [
            ("a file that is there", ["--save", saved], 5, saved),
            ("no file to send", ["--attachment", gone], 4, gone),
            ("an unknown method", ["--save", gone], 4, "kv.Kv has no method")]:
        name = "Kv.Nonsense" if "method" in title else "Kv.Put"
        tests.report(f"{title} is said, with attachments",
                     wrong(run(GW, "rpc", "call", address, name, "{}", *more), status, "", error))
    tests.report("a failed call leaves no file", "it is there" if os.path.exists(gone) else None)


def connecting(tests, work):
    nowhere = os.path.join(work, "nowhere")
    for title, words, status, error in [
            ("a server that is not there", [nowhere, "--deadline", "200ms"], 23, "cannot be reached"),
            ("an address that is none", ["host"], 13, "host"),
            ("TLS without a key", [nowhere, "--ca", "x"], 2, "TLS takes --ca, --cert and --key"),
            ("TLS and plain text at once", [nowhere, "--ca", "x", "--cert", "x", "--key", "x", "--insecure"], 2,
             "one or the other"),
            ("certificates that are not there", [nowhere, "--ca", nowhere, "--cert", "x", "--key", "x"], 4, nowhere)]:
        tests.report(title + " is said", wrong(run(GW, "rpc", "list", *words), status, "", error))
    for title, words, status, out, error in [
            ("gw rpc --help lists the actions", ["--help"], 0, "list", ""),
            ("gw rpc call --help has the options", ["call", "--help"], 0, "--server-role=ROLE", ""),
            ("no action is wrong usage", [], 2, "", "Usage: gw rpc ACTION"),
            ("an unknown action is wrong usage", ["nonsense"], 2, "", "nonsense: no such action")]:
        tests.report(title, wrong(run(GW, "rpc", *words), status, out, error))
    tests.report("the shell completes actions and options", wrong(
        run(GW, "completion", "words", "rpc", "call"), 0, "--deadline\n"))


def certificates(tests, work):
    """By TLS, with certificates that gw cert made: who may call what is what kv.proto says."""
    certs, others = os.path.join(work, "certs"), os.path.join(work, "others")
    for command in (["ca", certs], ["ca", others], ["issue", certs, "--user", "reader"],
                    ["issue", certs, "--role", "kv", "--name", "one", "--san", "127.0.0.1"],
                    ["issue", certs, "--role", "writer", "--name", "w"],
                    ["issue", others, "--user", "stranger"]):
        done = run(GW, "cert", *command)
        if done.returncode != 0:
            tests.report("gw cert makes the certificates", done.stderr)
            return
    server = Server("127.0.0.1:0", certs + "/ca.crt", certs + "/kv.one.crt", certs + "/kv.one.key")

    def call(holder, *words, ca=certs, options=()):
        return run(GW, "rpc", words[0], server.address, *words[1:], "--ca", ca + "/ca.crt", "--cert",
                   holder + ".crt", "--key", holder + ".key", "--deadline", "2s", *options)

    reader, writer = certs + "/user.reader", certs + "/writer.w"
    put = ["call", "Kv.Put", '{"key": "a", "value": "AA=="}']
    try:
        for title, done, status, out, error in [
                ("over TLS anyone with a certificate may list", call(reader, "list"), 0, "service kv.Kv\n", ""),
                ("a role that the method names may call it", call(writer, *put), 0, '"version": "1"', ""),
                ("another role may not", call(reader, *put), 6, "", "gw rpc call: "),
                ("a method for all roles may be called by it", call(reader, "call", "Kv.Get", '{"key": "a"}'), 0,
                 "AA==", ""),
                ("the server may be known by its role", call(reader, "list", options=["--server-role", "kv"]), 0,
                 "kv.Kv", ""),
                ("a server of another role is refused", call(reader, "list", options=["--server-role", "db"]), 6, "",
                 "one has the role kv, not db"),
                ("a certificate of another cluster is refused", call(others + "/user.stranger", "list"), 6, "",
                 "permission denied"),
                ("a server of another cluster is refused", call(reader, "list", ca=others), 6, "", "TLS: self-signed"),
                ("plain text is not understood", run(GW, "rpc", "list", server.address, "--deadline", "1s"), None, "",
                 "gw rpc list: ")]:
            tests.report(title, wrong(done, status if status is not None else done.returncode or -1, out, error))
    finally:
        server.end()


def again(tests, address):
    """A server that was started anew answers at the same address."""
    server = Server(address)
    tests.report("a server started anew has forgotten, and answers", wrong(
        run(CLIENT, server.address, "get", "a"), 4, "", "a: no such key"))
    server.end()


def left_over(tests, work):
    """The name of a UNIX socket that nobody listens at any more is taken over; nothing else is."""
    path = os.path.join(work, "socket")
    first = Server(path)
    second = subprocess.run([SERVER, path], capture_output=True, text=True, check=False, timeout=60)
    tests.report("a socket that a server listens at is refused",
                 None if second.returncode == 17 and path in second.stderr else f"{second}")
    first.end()
    tests.report("a killed server leaves its socket", None if os.path.exists(path) else "it is gone")
    server = Server(path)
    tests.report("a server started anew takes it over", wrong(
        run(CLIENT, path, "put", "a", "1"), 0, "version 1\n", ""))
    server.end()
    file = os.path.join(work, "file")
    with open(file, "w", encoding="utf-8") as out:
        out.write("precious\n")
    refused = subprocess.run([SERVER, file], capture_output=True, text=True, check=False, timeout=60)
    with open(file, encoding="utf-8") as kept:
        tests.report("a file of another kind is left alone",
                     None if refused.returncode != 0 and kept.read() == "precious\n" else f"{refused}")


def main():
    with tempfile.TemporaryDirectory(prefix="gw-rpc-") as work:
        tests = Tests(GW, work)
        connecting(tests, work)
        for address in (os.path.join(work, "socket"), "127.0.0.1:0"):
            server = Server(address)
            tests.report(f"the server listens at {address.replace(work, '...')}",
                         None if server.address else "it printed no address")
            try:
                example(tests, server.address)
                listing(tests, server.address)
                calls(tests, server.address)
                attachments(tests, server.address, tempfile.mkdtemp(dir=work))
            finally:
                server.end()
        again(tests, server.address)
        left_over(tests, work)
        certificates(tests, work)
        print(f"1..{tests.number}")
        return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main())
