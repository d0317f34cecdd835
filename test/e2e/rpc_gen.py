#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What gw-rpc-gen makes of .proto files, and what it refuses. TAP.

    python3 test/e2e/rpc_gen.py BUILD_DIR [--write]

The stubs of test/reference/stubs/small.proto are compared with small.rpc.h.txt and small.rpc.c.txt there; --write
makes these anew, after a change that was meant. Others are compiled as C and C++ with all warnings.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from results import Tests

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STUBS = os.path.join(TOP, "test/reference/stubs")
INCLUDE = os.path.join(TOP, "include")
GENERATOR = os.path.join(os.path.abspath(sys.argv[1]), "src/rpc/gw-rpc-gen")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
GOLDEN = {"small.rpc.h": "small.rpc.h.txt", "small.rpc.c": "small.rpc.c.txt"}
HEAD = 'syntax = "proto3";\npackage t;\nimport "groundwork/rpc_options.proto";\n'
SERVICE = "service S { rpc Go(A) returns (A); }\n"

# (title, the .proto, exit status, what the sentence has in it)
EMPTY = "message A { }\n"
REFUSED = [
    ("a message that contains itself", HEAD + SERVICE + "message A { repeated A children = 1; }", 14,
     "t.A.children: t.A contains itself"),
    ("two messages that contain each other",
     HEAD + SERVICE + "message A { B b = 1; }\nmessage B { map<string, A> a = 1; }", 14, "contains itself"),
    ("an optional field", HEAD + SERVICE + "message A { optional int32 x = 1; }", 14,
     "t.A.x is `optional`, which is not supported: use a oneof"),
    ("proto2", 'syntax = "proto2";\n' + SERVICE + EMPTY, 14, "bad.proto: not `syntax = \"proto3\"`"),
    ("two methods with one name in C",
     HEAD + "service S { rpc DoIt(A) returns (A); rpc Do_it(A) returns (A); }\n" + EMPTY, 5,
     "t.S: DoIt and Do_it have the same name in C"),
    ("a method named like a stub of another",
     HEAD + "service S { rpc Go(A) returns (A); rpc GoOpen(A) returns (A); }\n" + EMPTY, 5,
     "t.S: Go and GoOpen have the same name in C"),
    ("a method named like a word of C", HEAD + "service S { rpc Return(A) returns (A); }\n" + EMPTY, 14,
     "t.S: return is a word of C"),
    ("a service without methods", HEAD + "service S { }\n" + EMPTY, 14, "t.S: a service without methods"),
    ("a file without a service", HEAD + EMPTY, 4, "no service in the set"),
    ("a role that is none",
     HEAD + 'service S { rpc Go(A) returns (A) { option (gw.rpc).roles = "a,b"; } }\n' + EMPTY, 14,
     "letters that are not possible"),
]

# A .proto with what is allowed: words of C, maps, oneofs, nested types, streams, no package.
ALLOWED = """syntax = "proto3";
import "groundwork/rpc_options.proto";
import "other.proto";
service While {
  rpc Discard(Outer) returns (Outer.Inner);
  rpc Both(stream Outer) returns (stream other.Thing) { option (gw.rpc).semantics = BEST_EFFORT; }
  rpc HTTPGet(other.Thing) returns (stream Outer);
  rpc Up(stream other.Thing) returns (Outer);
}
service Second { rpc Go(Outer) returns (Outer); }
message Outer {
  message Inner { map<string, bytes> inside = 1; enum E { A = 0; } E e = 2; }
  repeated Inner inners = 1;
  oneof one { int32 a = 2; Inner b = 3; }
}
"""


def run(command, work):
    return subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)


def make(work, name, text=None, messages=False):
    """Runs protoc and the generator in work; what the generator said and its status."""
    if text is not None:
        with open(os.path.join(work, name + ".proto"), "w", encoding="utf-8") as file:
            file.write(text)
    paths = ["-I.", "-I" + INCLUDE]
    for command in [["protoc", *paths, "--include_imports", f"--descriptor_set_out={name}.set", name + ".proto"]] + (
            [["protoc-c", *paths, "--c_out=.", name + ".proto"]] if messages else []):
        done = run(command, work)
        if done.returncode != 0:
            return done.stderr, -1
    done = run([GENERATOR, name + ".set"], work)
    return done.stderr, done.returncode


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def golden(work):
    shutil.copy(os.path.join(STUBS, "small.proto"), work)
    said, status = make(work, "small")
    if status != 0:
        return said
    for made, kept in GOLDEN.items():
        if "--write" in sys.argv:
            shutil.copy(os.path.join(work, made), os.path.join(STUBS, kept))
        if read(work, made) != read(STUBS, kept):
            return f"{made} is not {kept}; if that was meant: python3 test/e2e/rpc_gen.py BUILD_DIR --write"
    return None


def compiles(work):
    said, status = make(work, "other", 'syntax = "proto3";\npackage other;\nmessage Thing { string name = 1; }', True)
    if status != 4:  # it has no service
        return said
    said, status = make(work, "allowed", ALLOWED, True)
    if status != 0:
        return said
    with open(os.path.join(work, "x.cc"), "w", encoding="utf-8") as file:
        file.write('#include "allowed.rpc.h"\nint main() { return while_service.method_count == 4 ? 0 : 1; }\n')
    for command in (["cc", "-std=c11", "-pedantic", "-c", "allowed.rpc.c"],
                    ["c++", "-std=c++17", "-c", "x.cc"]):
        done = run([*command, *WARNINGS, "-I.", "-I" + INCLUDE], work)
        if done.returncode != 0:
            return done.stderr
    return None


def refused(work, text, status, sentence):
    said, got = make(work, "bad", text)
    left = [name for name in os.listdir(work) if name.startswith("bad.rpc")]
    if got != status or sentence not in said or not said.startswith("gw-rpc-gen: bad.set: ") or left:
        return f"exit status {got}: {said} {left}"
    return None


def said_of(work, arguments, status, sentence):
    done = run([GENERATOR, *arguments], work)
    if done.returncode != status or sentence not in done.stderr + done.stdout:
        return f"exit status {done.returncode}: {done.stderr}"
    return None


def one_file(work):
    """Of two files with services only the one that is named is made; with --check none."""
    made = os.path.join(work, "made")
    os.mkdir(made)
    problem = said_of(work, ["--check", "allowed.set"], 0, "") or said_of(
        work, ["--out", "made", "--file", "allowed.proto", "allowed.set"], 0, "")
    names = sorted(os.listdir(made))
    return problem or (None if names == ["allowed.rpc.c", "allowed.rpc.h"] else " ".join(names))


def main():
    with tempfile.TemporaryDirectory(prefix="gw-rpc-gen-") as work:
        tests = Tests(GENERATOR, work)
        tests.report("the stubs of a small file are as they were", golden(work))
        tests.report("stubs compile without warnings as C and C++", compiles(work))
        tests.report("only what is asked for is made", one_file(work))
        for title, text, status, sentence in REFUSED:
            tests.report(f"refused, by name: {title}", refused(work, text, status, sentence))
        with open(os.path.join(work, "broken.set"), "wb") as file:
            file.write(b"\x0a\x10nonsense")
        for title, arguments, status, sentence in [
                ("a set that is none is refused", ["broken.set"], 10, "broken.set: message ends inside"),
                ("a set that is not there is named", ["nowhere.set"], 4, "nowhere.set: "),
                ("a file that is not in the set is an error", ["--file", "x.proto", "small.set"], 4,
                 "a file of --file is not in the set"),
                ("a directory that is not there is named", ["--out", "nowhere", "small.set"], 4,
                 "nowhere/small.rpc.h: "),
                ("one operand is wanted", [], 2, "one set of descriptors is wanted, not 0"),
                ("--help says how a set is made", ["--help"], 0, "protoc --include_imports --descriptor_set_out=SET")]:
            tests.report(title, said_of(work, arguments, status, sentence))
        print(f"1..{tests.number}")
        return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main())
