#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw cert, by the command; the openssl command, where it is there, judges what it made. TAP."""
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import tap

GW = os.environ.get("GW", os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "gw"))


def gw(*arguments):
    done = subprocess.run([GW, "cert", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def authority_server_and_user(where):
    certs = os.path.join(where, "certs")
    assert gw("ca", "--name", "lab", certs)[0] == 0
    code, out, _ = gw("issue", certs, "--role", "kv", "--name", "host1", "--san", "host1.lan", "--san", "::1")
    assert code == 0 and out.split() == [certs + "/kv.host1.crt", certs + "/kv.host1.key"], out
    assert gw("issue", certs, "--user", "alice", "--days", "7")[0] == 0
    modes = {name: stat.S_IMODE(os.stat(os.path.join(certs, name)).st_mode) for name in os.listdir(certs)}
    assert set(modes.values()) == {0o600} and len(modes) == 6, modes
    assert stat.S_IMODE(os.stat(certs).st_mode) == 0o700


def show_says_who_it_is(where):
    certs = os.path.join(where, "certs")
    out = gw("show", certs + "/kv.host1.crt")[1]
    for line in ["role +kv", "name +host1", "issued by +lab", "may +serve and call", "host +host1.lan",
                 "state +valid now", "fingerprint +[0-9a-f]{64}"]:
        assert re.search("^%s$" % line, out, re.M), (line, out)
    assert "may          call\n" in gw("show", certs + "/user.alice.crt")[1]
    assert "may          issue certificates\n" in gw("show", certs + "/ca.crt")[1]
    assert "PRIVATE" not in out


def openssl_agrees(where):
    certs = os.path.join(where, "certs")
    for purpose, name, fine in [("sslserver", "kv.host1", True), ("sslclient", "kv.host1", True),
                                ("sslserver", "user.alice", False), ("sslclient", "user.alice", True)]:
        said = openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile", certs + "/ca.crt",
                       certs + "/" + name + ".crt")
        assert said.strip().endswith(": OK") == fine, said
    text = openssl("x509", "-noout", "-text", "-fingerprint", "-sha256", "-in", certs + "/kv.host1.crt")
    assert "URI:groundwork:role/kv, DNS:host1.lan, IP Address:0:0:0:0:0:0:0:1" in text, text
    print_ = re.search(r"Fingerprint=([0-9A-F:]+)", text).group(1).replace(":", "").lower()
    assert print_ in gw("show", certs + "/kv.host1.crt")[1]


def nothing_is_overwritten(where):
    certs = os.path.join(where, "certs")
    with open(certs + "/ca.key", "rb") as file:
        before = file.read()
    code, _, said = gw("ca", certs)
    assert code == 5 and "ca.key exists already" in said
    assert gw("issue", certs, "--user", "alice")[0] == 5
    with open(certs + "/ca.key", "rb") as file:
        assert file.read() == before


def mistakes_have_a_sentence(where):
    certs = os.path.join(where, "certs")
    for arguments, code, sentence in [
            ((), 2, "Usage: gw cert"),
            (("sign",), 2, "sign: no such action"),
            (("ca",), 2, "wanted: DIR"),
            (("ca", "a", "b"), 2, "wanted: DIR"),
            (("ca", os.path.join(where, "new"), "--days", "0x"), 2, "--days"),
            (("ca", os.path.join(where, "new"), "--days", "-1"), 2, "--days -1"),
            (("issue", certs), 2, "--role and --name, or --user, are wanted"),
            (("issue", certs, "--user", "bob", "--role", "kv"), 2, "--user stands for"),
            (("issue", certs, "--role", "K V", "--name", "x"), 13, "role"),
            (("issue", certs, "--role", "kv", "--name", "../x"), 13, "name"),
            (("issue", certs, "--user", "bob", "--days", "9999"), 13, "the authority itself ends"),
            (("issue", where, "--user", "bob"), 4, "ca.crt"),
            (("show", os.path.join(where, "nothing")), 4, "nothing"),
            (("show", certs + "/ca.key"), 9, "no certificate in it")]:
        got, _, said = gw(*arguments)
        assert got == code and sentence in said, (arguments, got, said)
        assert said.count("\n") == 1 or not arguments, said


def others_may_not_read_the_keys(where):
    certs = os.path.join(where, "certs")
    os.chmod(certs + "/ca.key", 0o644)
    code, _, said = gw("issue", certs, "--user", "carol")
    os.chmod(certs + "/ca.key", 0o600)
    assert code == 6 and "0600 is wanted" in said, said
    os.chmod(certs, 0o755)
    code, _, said = gw("issue", certs, "--user", "carol")
    os.chmod(certs, 0o700)
    assert code == 6 and "0700 is wanted" in said, said


TESTS = [authority_server_and_user, show_says_who_it_is, openssl_agrees, nothing_is_overwritten,
         mistakes_have_a_sentence, others_may_not_read_the_keys]


def main():
    with tempfile.TemporaryDirectory(prefix="gw-cert-") as where:
        return tap.run(TESTS, where)


if __name__ == "__main__":
    sys.exit(main())
