#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gw vm run as a command: small guests that speak and switch off, the terminal that is restored, what is refused with
a sentence, signals. No network and no kernel of others is needed. TAP.

    python3 test/e2e/vm.py BUILD_DIR
"""
import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios

import tap

GW = os.environ.get("GW") or os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "gw")
UART, POWER, RAM = 0x10000000, 0x100000, 0x80000000
OFF, FAILED = 0x5555, 0x3333
A0, T0, T1 = 10, 5, 6


# ---- Small guests -----------------------------------------------------------------------------------

def li(register, value):
    """Below 2^31."""
    return [((value + 0x800) & 0xfffff000) | register << 7 | 0x37,
            (value & 0xfff) << 20 | register << 15 | register << 7 | 0x1b]


def store(width, source, base):
    return [source << 20 | base << 15 | width << 12 | 0x23]


def say(text):
    words = li(T0, UART)
    for byte in text.encode():
        words += li(T1, byte) + store(0, T1, T0)
    return words


def power(value):
    return li(T0, POWER) + li(T1, value) + store(2, T1, T0)


def flat(words):
    return b"".join(struct.pack("<I", word) for word in words)


def elf(words, address=RAM):
    code = flat(words)
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 243, 1, address, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 120, address, address, len(code), len(code), 4) + code


FOREVER = [0x0000006f]


class Place:
    """A directory of its own, and commands in it."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="gw-vm-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def file(self, name, content):
        path = os.path.join(self.path, name)
        with open(path, "wb") as out:
            out.write(content)
        return path

    @staticmethod
    def run(*words):
        done = subprocess.run([GW, "vm", "run", *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                              check=False)
        return done.returncode, done.stdout, done.stderr.decode()


# ---- Tests ------------------------------------------------------------------------------------------

def a_guest_speaks_and_switches_off():
    with Place() as place:
        for kernel in (flat(say("hello\n") + power(OFF)), elf(say("hello\n") + power(OFF))):
            status, said, errors = place.run("--bare", "--memory", "16M", "--kernel", place.file("kernel", kernel))
            assert (status, said, errors) == (0, b"hello\n", ""), (status, said, errors)


def a_guest_that_fails_is_a_failure():
    with Place() as place:
        status, _, errors = place.run("--bare", "--kernel", place.file("kernel", flat(power(FAILED))))
        assert status == 1 and "the guest switched off because it failed" in errors, (status, errors)


def an_image_is_a_directory():
    with Place() as place:
        place.file("kernel", elf(say("image\n") + power(OFF)))
        place.file("append", b"quiet\n")
        place.file("disk", bytes(4096))
        status, said, errors = place.run("--bare", "--image", place.path)
        assert (status, said) == (0, b"image\n"), errors


def a_program_runs_a_machine_and_runs_it_again():
    machine = os.path.join(os.path.dirname(GW), "examples", "machine")
    with Place() as place:
        place.file("kernel", elf(say("twice\n") + power(OFF)))
        log = os.path.join(place.path, "log")
        for wanted in (0, 5):
            done = subprocess.run([machine, place.path, log], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=120, check=False)
            assert done.returncode == wanted, done
            if wanted == 0:
                said = re.fullmatch(r"twice\n(\d+) instructions and \d+ events, twice; [1-9]\d* hashes equal; "
                                    r"it said 6 bytes \([0-9a-f]{8}\)\n", done.stdout)
                assert said and int(said.group(1)) > 6, done
            else:
                assert log in done.stderr, done


def what_cannot_be_run_is_refused_with_a_sentence():
    with Place() as place:
        good = place.file("good", elf(power(OFF)))
        image = bytearray(4096)
        image[8:24] = struct.pack("<QQ", 2 << 20, 64 << 20)
        image[56:60] = b"RSC\x05"
        empty = os.path.join(place.path, "empty")
        os.mkdir(empty)
        cases = [
            ([], 2, "--image or --kernel is wanted"),
            (["--kernel", "/nowhere/kernel"], 4, "/nowhere/kernel: No such file"),
            (["--kernel", place.file("text", b"no kernel\n")], 13, "neither a Linux Image for RISC-V nor an ELF file"),
            (["--kernel", place.file("gz", b"\x1f\x8b" + bytes(99))], 13, "unpack it with gunzip first"),
            (["--kernel", place.file("zero", b"")], 13, "zero: empty"),
            (["--kernel", GW], 13, "not for a 64-bit RISC-V machine"),
            (["--kernel", place.path], 13, "not a regular file"),
            (["--memory", "32M", "--kernel", place.file("image", bytes(image))], 12,
             "64 MiB do not fit into the machine's 32 MiB"),
            (["--memory", "8M", "--kernel", good, "--initrd", place.file("initrd", bytes(8 << 20))], 12,
             "initrd: 8 MiB do not fit into the machine's 8 MiB"),
            (["--kernel", good, "--memory", "1M"], 13, "memory of 1 MiB: 4 to 65536 MiB are allowed"),
            (["--kernel", good, "--append", "a" * 1024], 12, "the kernel's command line has 1024 bytes"),
            (["--kernel", good, "--disk", place.file("small", b"x")], 13, "too small for a disk"),
            (["--kernel", good, "--net", "carrier-pigeon"], 13, "neither user nor tap:NAME"),
            (["--image", empty], 4, "no image: it has no kernel"),
            (["--kernel", good, "--firmware", place.file("fw", bytes(3 << 20))], 12, "and the kernel is at 2 MiB"),
            (["--bare", "--kernel", good, "--firmware", good], 13, "a bare program has no firmware below it"),
        ]
        for words, wanted, sentence in cases:
            status, _, errors = place.run(*words)
            assert status == wanted and sentence in errors and errors.count("\n") == 1, (words, status, errors)


def a_guest_that_jumps_to_nowhere_hurts_itself_only():
    with Place() as place:
        jump = li(T0, 0) + [T0 << 15 | 0x67]
        process = subprocess.Popen([GW, "vm", "run", "--bare", "--kernel",
                                    place.file("kernel", flat(say("lost\n") + jump))],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout.readline() == b"lost\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 15 and b"ended by a signal" in errors, (process.returncode, errors)


def a_disk_has_one_machine():
    with Place() as place:
        disk = place.file("disk", bytes(1 << 20))
        kernel = place.file("kernel", flat(say("on\n") + FOREVER))
        process = subprocess.Popen([GW, "vm", "run", "--bare", "--kernel", kernel, "--disk", disk],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert process.stdout.readline() == b"on\n"
            status, _, errors = place.run("--bare", "--kernel", kernel, "--disk", disk)
            assert status == 17 and "another machine uses it" in errors, (status, errors)
        finally:
            process.kill()
            process.communicate()


def the_terminal_is_raw_meanwhile_and_restored():
    with Place() as place:
        kernel = place.file("kernel", flat(say("on\n") + FOREVER))
        main, terminal = pty.openpty()
        before = termios.tcgetattr(terminal)
        process = subprocess.Popen([GW, "vm", "run", "--bare", "--kernel", kernel], stdin=terminal, stdout=terminal,
                                   stderr=subprocess.PIPE, start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        said = b""
        while b"on" not in said:
            said += os.read(main, 100)
        assert not termios.tcgetattr(terminal)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
        os.write(main, b"\x03\x1a")  # keys of the guest's, and no signals
        os.write(main, b"\x01x")
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 15 and b"ended by Ctrl-A x" in errors, (process.returncode, errors)
        assert termios.tcgetattr(terminal) == before
        os.close(main)
        os.close(terminal)


def a_machine_is_asked_and_told():
    def control(*words):
        done = subprocess.run([GW, "vm", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    with Place() as place:
        kernel = place.file("kernel", flat(say("on\n") + FOREVER))
        directory = os.path.join(place.path, "control")
        status, _, errors = control("status", directory)
        assert status == 4 and "no machine runs there" in errors, errors
        process = subprocess.Popen([GW, "vm", "run", "--bare", "--kernel", kernel, "--control", directory],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert process.stdout.readline() == b"on\n"
            assert os.stat(directory).st_mode & 0o777 == 0o700
            status, said, errors = control("status", directory)
            assert status == 0 and said.startswith("state running\ninstructions "), (said, errors)
            assert control("pause", directory) == (0, "", "")
            first = control("status", directory)[1]
            assert first.startswith("state paused\n") and control("status", directory)[1] == first
            assert control("resume", directory) == (0, "", "")
            assert control("status", directory)[1] != first
            watch = subprocess.Popen([GW, "vm", "status", "--watch", directory], stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True)
            line = watch.stdout.readline()
            assert re.match(r"running, \d+\.\d s of its time, \d+ M instructions, [1-9]\d*\.\d MIPS, [1-9]\d* exits/s, "
                            r"\d+ events/s$", line), line
            assert control("power", directory, "on")[0] == 2
            assert control("power", directory, "reset") == (0, "", "")
            assert process.stdout.readline() == b"on\n"
            assert control("pause", directory) == (0, "", "")
            assert control("power", directory, "off") == (0, "", "")
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            _, errors = watch.communicate(timeout=60)
            assert (watch.returncode, errors) == (0, ""), errors
        finally:
            process.kill()
            process.communicate()


def the_console_may_be_elsewhere():
    with Place() as place:
        kernel = place.file("kernel", flat(say("hello\n") + power(OFF)))
        out = os.path.join(place.path, "out")
        assert place.run("--bare", "--kernel", kernel, "--console", f"file:{out}") == (0, b"", "")
        with open(out, "rb") as file:
            assert file.read() == b"hello\n"
        status, _, errors = place.run("--bare", "--kernel", kernel, "--console", "tcp:1")
        assert status == 2 and "neither file:PATH nor unix:PATH" in errors, errors


def output_that_nobody_reads_does_not_stop_it():
    with Place() as place:
        # It speaks more than any pipe holds, then switches off.
        words = li(T0, UART) + li(T1, 4 << 20) + store(0, T1, T0) + [0xfff30313, 0xfe031ce3] + power(OFF)
        process = subprocess.Popen([GW, "vm", "run", "--bare", "--kernel", place.file("kernel", flat(words))],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert process.wait(timeout=100) == 0
        process.communicate()


TESTS = [a_machine_is_asked_and_told, the_console_may_be_elsewhere, output_that_nobody_reads_does_not_stop_it,
         a_guest_speaks_and_switches_off, a_guest_that_fails_is_a_failure, an_image_is_a_directory,
         a_program_runs_a_machine_and_runs_it_again,
         what_cannot_be_run_is_refused_with_a_sentence, a_guest_that_jumps_to_nowhere_hurts_itself_only,
         a_disk_has_one_machine, the_terminal_is_raw_meanwhile_and_restored]


def main():
    return tap.run(TESTS)


if __name__ == "__main__":
    sys.exit(main())
