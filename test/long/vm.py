#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make long PART=vm`: Debian's own kernel in the machine: booted, with a disk, a network, behind OpenSBI, restarted; and
twice at once with the same hashes. Recordings are replayed three times each. It needs the mirror that apt is set up with,
for the image.

    python3 test/long/vm.py BUILD_DIR [--image DIR] [--only WORD]

Prints Markdown for docs/evidence/vm.md; ends with 0 when all is well.
"""
import argparse
import glob
import hashlib
import os
import random
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MINUTES = 5  # for one guest
REPLAYS = 3
FIRMWARE = "/usr/lib/riscv64-linux-gnu/opensbi/generic"


class Guest:
    """A machine whose console is talked to."""

    def __init__(self, gw, *words):
        self.process = subprocess.Popen([gw, "vm", "run", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.said, self.end = b"", time.monotonic() + 60 * MINUTES

    def expect(self, words):
        """Waits for words; what was said up to them."""
        while words not in self.said:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, self.end - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert piece, f"no {words!r} in: {self.said[-2000:].decode(errors='replace')}"
            self.said += piece
        before, self.said = self.said.split(words, 1)
        return before.decode(errors="replace")

    def ask(self, command):
        """What a command in the guest's shell prints. The word at its end is not in its echo."""
        self.process.stdin.write(command.encode() + b"; echo END-OF'-'COMMAND\n")
        self.process.stdin.flush()
        return self.expect(b"END-OF-COMMAND")

    def off(self):
        self.process.stdin.write(b"poweroff -f\n")
        self.process.stdin.flush()
        return self.wait()

    def wait(self):
        status = self.process.wait(timeout=max(1, self.end - time.monotonic()))
        assert status == 0, f"status {status}: {self.process.stdout.read()[-500:]}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Rows:
    def __init__(self, only):
        self.failed, self.only = 0, only
        print("| what | seconds | |\n|---|---|---|")

    def row(self, what, function, *arguments):
        if self.only not in what:
            return
        started = time.monotonic()
        try:
            result = function(*arguments) or "well"
        except (AssertionError, subprocess.SubprocessError, OSError) as problem:
            self.failed += 1
            result = "FAILED: " + str(problem).replace("\n", " ").replace("|", "/")[-600:]
        print(f"| {what} | {time.monotonic() - started:.1f} | {result} |", flush=True)


# ---- What is done -----------------------------------------------------------------------------------

def boot(gw, image, *words):
    guest = Guest(gw, "--image", image, *words)
    try:
        guest.expect(b"# ")
        lines = guest.ask("uname -a").strip().splitlines()
        guest.off()
        return next((line for line in lines if line.startswith("Linux")), "no uname?")
    finally:
        guest.kill()


def restart(gw, image):
    guest = Guest(gw, "--image", image)
    try:
        guest.expect(b"# ")
        guest.ask("touch /was-here")
        guest.process.stdin.write(b"reboot -f\n")
        guest.process.stdin.flush()
        guest.expect(b"init: ready")
        guest.expect(b"# ")
        assert "No such file" in guest.ask("ls /was-here")
        guest.off()
    finally:
        guest.kill()


def make_disk(directory):
    path = os.path.join(directory, "disk.img")
    with open(path, "wb") as out:
        out.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)
    return path


def disk(gw, image, directory):
    path = make_disk(directory)
    guest = Guest(gw, "--image", image, "--disk", path)
    try:
        guest.expect(b"# ")
        use_disk(guest)
        guest.off()
    finally:
        guest.kill()
    done = subprocess.run(["e2fsck", "-fn", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def serve(directory):
    """Files over HTTP, at a port of this host."""
    server = subprocess.Popen([sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory",
                               directory], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return server, re.search(r"port (\d+)", server.stdout.readline()).group(1)


def network(gw, image, directory):
    with open(os.path.join(directory, "hello"), "w", encoding="utf-8") as out:
        out.write("hello from the host\n")
    server, port = serve(directory)
    guest = None
    try:
        guest = Guest(gw, "--image", image, "--net", "user")
        guest.expect(b"# ")
        guest.ask("ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2")
        assert "hello from the host" in guest.ask(f"wget -q -O - http://10.0.2.2:{port}/hello")
        guest.off()
    finally:
        if guest:
            guest.kill()
        server.kill()
        server.communicate()


# ---- Recorded and replayed --------------------------------------------------------------------------

def replay(gw, log):
    started = time.monotonic()
    done = subprocess.run([gw, "vm", "replay", log], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=60 * MINUTES, check=False)
    assert done.returncode == 0, done.stderr
    words = re.search(r"(\d+) instructions, \d+ events, (\d+) hashes equal; (.*)", done.stderr)
    return time.monotonic() - started, int(words.group(1)), int(words.group(2)), words.group(3)


def recorded(gw, image, directory, work, *words):
    """Runs work(guest) in a machine that is recorded, and replays that; work may return bytes that came in."""
    log = os.path.join(directory, "log")
    started = time.monotonic()
    guest = Guest(gw, "--image", image, "--record", log, *words)
    try:
        guest.expect(b"# ")
        before, begun = os.stat(log).st_size, time.monotonic()
        received = work(guest)
        size, seconds = os.stat(log).st_size - before, time.monotonic() - begun
        guest.off()
        took = time.monotonic() - started
        replays = [replay(gw, log) for _ in range(REPLAYS)]
    finally:
        guest.kill()
        if os.path.exists(log):
            os.unlink(log)
    assert all(words == "to its end" for _, _, _, words in replays), replays
    ratio = statistics.median(seconds for seconds, _, _, _ in replays) / took
    text = (f"{replays[0][2]} hashes equal, {REPLAYS} times; {replays[0][1] / 1e9:.2f} G instructions; replay takes "
            f"{ratio:.2f} of the recording's time (goal 1.05); log {size * 8 / seconds / 1e6:.4f} Mbit/s")
    return text + (f", {size / received:.4f} bytes a byte of frames received (goal 1.02)" if received else "")


def idle(guest):
    guest.ask("sleep 20")


def compute(guest):
    said = guest.ask("dd if=/dev/zero bs=1M count=48 2>/dev/null | sha256sum; i=0; while [ $i -lt 30000 ]; do "
                     "i=$((i+1)); done")
    assert re.search(r"[0-9a-f]{64}", said), said


def use_disk(guest):
    guest.ask("mkdir -p /mnt; mount -t ext4 /dev/vda /mnt; dd if=/dev/urandom of=/mnt/big bs=1M count=20")
    before = re.search(r"[0-9a-f]{32}", guest.ask("sync; md5sum /mnt/big")).group()
    guest.ask("umount /mnt; echo 3 >/proc/sys/vm/drop_caches; mount -t ext4 /dev/vda /mnt")
    assert before in guest.ask("md5sum /mnt/big")
    guest.ask("umount /mnt")


def recorded_disk(gw, image, directory):
    return recorded(gw, image, directory, use_disk, "--disk", make_disk(directory))


def recorded_network(gw, image, directory):
    size = 16 << 20
    site = os.path.join(directory, "download")
    os.makedirs(site, exist_ok=True)
    content = random.Random(1).randbytes(size)
    with open(os.path.join(site, "big"), "wb") as out:
        out.write(content)
    server, port = serve(site)

    def fetch(guest):
        guest.ask("ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2")
        assert hashlib.md5(content).hexdigest() in guest.ask(f"wget -q -O - http://10.0.2.2:{port}/big | md5sum")
        return int(re.search(r"^(\d+)\r?$", guest.ask("cat /sys/class/net/eth0/statistics/rx_bytes"), re.M).group(1))

    try:
        return recorded(gw, image, directory, fetch, "--net", "user")
    finally:
        server.kill()
        server.communicate()


def killed(gw, image, directory):
    """Wherever a recorder is killed, its log replays to its end."""
    log, chance, reached = os.path.join(directory, "log"), random.Random(), []
    for _ in range(5):
        guest = Guest(gw, "--image", image, "--record", log)
        try:
            while not os.path.exists(log) or os.stat(log).st_size < chance.randrange(2000, 9000):
                assert guest.process.poll() is None, "it ended"
        finally:
            guest.kill()
        _, instructions, _, words = replay(gw, log)
        assert words == "to where the log was cut", words
        reached.append(f"{instructions / 1e9:.2f}")
        os.unlink(log)
    return "replayed to where they were cut, G instructions: " + ", ".join(reached)


def twice(program, image, *words):
    """words: options before the kernel, then what follows the command line."""
    options = [word for word in words if word.startswith("-")]
    rest = [word for word in words if not word.startswith("-")]
    done = subprocess.run([program, *options, os.path.join(image, "kernel"), os.path.join(image, "initrd"),
                           "console=ttyS0 job=off", *rest], capture_output=True, text=True, errors="replace",
                          timeout=60 * MINUTES, check=False)
    hashes = re.findall(r"^# (\d+) ([0-9a-f]{16})$", done.stdout, re.M)
    assert done.returncode == 0 and hashes, done.stderr + done.stdout[-500:]
    return f"{len(hashes)} hashes equal, {int(hashes[-1][0]) / 1e9:.2f} G instructions"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--image", help="an image that was made before")
    parser.add_argument("--only", default="", help="rows that have this word")
    arguments = parser.parse_args()
    gw = os.path.join(TOP, arguments.build, "gw")
    program = os.path.join(TOP, arguments.build, "vm-twice")
    directory = tempfile.mkdtemp(prefix="gw-vm-long-")
    rows = Rows(arguments.only)
    try:
        image = arguments.image or os.path.join(directory, "image")
        if not arguments.image:
            subprocess.run([gw, "vm", "image", "make", image, "--minimal"], check=True, stdout=sys.stderr)
        subprocess.run(["ninja", "-C", os.path.join(TOP, arguments.build), "vm-twice"], check=True,
                       stdout=sys.stderr)
        rows.row("boot to a shell and switch off", boot, gw, image)
        for firmware in sorted(glob.glob(FIRMWARE + "/fw_dynamic.*") + glob.glob(FIRMWARE + "/fw_jump.*")):
            rows.row(f"the same behind {os.path.basename(firmware)}", boot, gw, image, "--firmware", firmware)
        rows.row("restart", restart, gw, image)
        rows.row("20 MB to ext4 and back", disk, gw, image, directory)
        rows.row("a file over the network (user)", network, gw, image, directory)
        rows.row("twice, cut elsewhere", twice, program, image)
        rows.row("twice, hardly anything kept", twice, program, image, "--small")
        if os.path.isdir(FIRMWARE):
            rows.row("twice, behind OpenSBI", twice, program, image, FIRMWARE + "/fw_dynamic.bin")
        rows.row("recorded: idle", recorded, gw, image, directory, idle)
        rows.row("recorded: a computation", recorded, gw, image, directory, compute)
        rows.row("recorded: a disk", recorded_disk, gw, image, directory)
        rows.row("recorded: 16 MB over the network (user)", recorded_network, gw, image, directory)
        rows.row("recorder killed", killed, gw, image, directory)
    finally:
        shutil.rmtree(directory)
    return 1 if rows.failed else 0


if __name__ == "__main__":
    sys.exit(main())
