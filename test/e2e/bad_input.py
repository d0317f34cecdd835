#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input, crashing user code, full disks and deaths of processes, against the built command and a user's program.

    bad_input.py BUILD_DIR

After each of them: one clear sentence that names the thing, a status that is not 0, no output to be seen, no
temporary file, no process left, and the same command works once the cause is gone. Runs alone: it looks at all
processes of the machine (by a mark in their environment), mounts small disks in a mount namespace and kills.
"""
import gzip
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
GW = os.environ.get("GW", BUILD + "/gw")
SOURCE = os.path.dirname(os.path.abspath(__file__))
MARK = f"GW_TEST_MARK={os.getpid()}"
SECONDS_MAX = 120

cases = []


def case(function):
    cases.append(function)
    return function


class Wrong(Exception):
    """What a case found."""


def check(truth, what):
    if not truth:
        raise Wrong(what)


def environment():
    name, value = MARK.split("=")
    return {**os.environ, name: value}


def run(*command, **more):
    return subprocess.run(command, capture_output=True, env=environment(), timeout=SECONDS_MAX, check=False, **more)


def start(*command, **more):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), **more)


def marked_processes():
    """Processes that this test started, itself and what no longer runs aside."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and int(name) != os.getpid():
                with open(f"/proc/{name}/environ", "rb") as environ, open(f"/proc/{name}/stat", "rb") as stat:
                    if MARK.encode() in environ.read().split(b"\0") and b") Z " not in stat.read():
                        found.append(int(name))
        except OSError:
            continue
    return found


def gone(pids):
    """Waits for the end of processes, whoever's children they are."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            ready, _, _ = select.select([descriptor], [], [], 30)
            check(ready, f"process {pid} is still there")
        finally:
            os.close(descriptor)


def nothing_left(directory, names):
    gone(marked_processes())
    left = sorted(set(os.listdir(directory)) - set(names))
    check(not left, f"left behind: {left}")


def fails(directory, command, *sentences, status=None):
    """The command fails as it should; returns its stderr."""
    before = os.listdir(directory)
    done = run(*command, cwd=directory)
    text = done.stderr.decode("utf-8", "replace")
    check(done.returncode > 0, f"status {done.returncode}: {text}")
    check(status is None or done.returncode == status, f"status {done.returncode}, not {status}: {text}")
    for sentence in sentences:
        check(sentence in text, f"no \"{sentence}\" in: {text}")
    nothing_left(directory, before)
    return text


def works(directory, command, output="out"):
    """The command works; returns its output, which is removed."""
    done = run(*command, cwd=directory)
    check(done.returncode == 0, f"status {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
    path = os.path.join(directory, output)
    check(os.path.exists(path + "/_SUCCESS"), "no _SUCCESS")
    text = b""
    for name in sorted(os.listdir(path)):
        if name.startswith("part-"):
            with open(os.path.join(path, name), "rb") as part:
                text += part.read()
    shutil.rmtree(path)
    return text


def write(directory, name, data):
    path = os.path.join(directory, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def count(text):
    """wordcount, the obvious way."""
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return b"".join(b"%s\t%d\n" % (word, counts[word]) for word in sorted(counts))


def wordcount(*options):
    return [GW, "mr", "wordcount", "-q", *options]


# ---- Inputs -------------------------------------------------------------------------------------------


@case
def a_missing_input_is_named(directory):
    fails(directory, [*wordcount(), "nowhere.txt", "out"], "nowhere.txt", status=4)


@case
def an_unreadable_input_is_named(directory):
    write(directory, "secret", b"x\n")
    os.chmod(directory + "/secret", 0)
    os.chmod(directory, 0o777)
    if os.geteuid() != 0:
        fails(directory, [*wordcount(), "secret", "out"], "secret", status=6)
        return
    reader = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    copy = shutil.copy(GW, directory + "/gw")
    os.chmod(copy, 0o755)
    fails(directory, [*reader, copy, "mr", "wordcount", "-q", "secret", "out"], "secret", status=6)


@case
def an_output_that_exists_stays_as_it_is(directory):
    write(directory, "in", b"x\n")
    os.mkdir(directory + "/out")
    write(directory + "/out", "keep", b"mine")
    fails(directory, [*wordcount(), "in", "out"], "out", status=5)
    check(os.listdir(directory + "/out") == ["keep"], "the output was touched")


@case
def empty_files_and_empty_directories_give_an_empty_part(directory):
    write(directory, "empty", b"")
    os.mkdir(directory + "/none")
    check(works(directory, [*wordcount(), "empty", "none", "out"]) == b"", "output of nothing")


@case
def no_newline_nul_and_other_bytes_are_just_bytes(directory):
    text = b"a \0b\xff\xfe caf\xe9 a\r\nlast" + bytes(range(33, 256)) + b" end"
    write(directory, "in", text)
    check(works(directory, [*wordcount(), "in", "out"]) == count(text), "counts differ")


@case
def a_line_of_100_mb_is_a_line(directory):
    line = b"x" * (100 << 20)
    write(directory, "in", b"first\n" + line + b"\nlast")
    done = works(directory, [GW, "mr", "sort", "-q", "in", "out"])
    check(done == b"first\nlast\n" + line + b"\n", f"{len(done)} bytes came back")


@case
def a_key_of_10_mb_is_a_key(directory):
    word = b"k" * (10 << 20)
    write(directory, "in", word + b" a " + word + b"\n" + word)
    check(works(directory, [*wordcount("--memory", "128M"), "in", "out"]) == b"a\t1\n" + word + b"\t3\n", "wrong count")


@case
def one_key_with_all_values_fits_little_memory(directory):
    write(directory, "in", b"k\n" * (4 << 20))
    for stage in ("sort", "wordcount"):
        done = works(directory, [GW, "mr", stage, "-q", "--memory", "64M", "in", "out"])
        check(done == (b"k\n" * (4 << 20) if stage == "sort" else b"k\t%d\n" % (4 << 20)), stage)


@case
def truncated_and_corrupt_compressed_files_are_named(directory):
    packed = gzip.compress(os.urandom(300000), mtime=0)
    for name, data in {"cut.gz": packed[:-5000], "bad.gz": packed[:1000] + b"junk" * 9 + packed[1036:],
                       "no.gz": b"this is no gzip file\n", "no.zst": b"nor is this zstd\n", "no.lz4": b"or lz4\n"}.items():
        write(directory, name, data)
        fails(directory, [*wordcount(), name, "out"], name)


@case
def a_directory_is_all_its_files(directory):
    os.makedirs(directory + "/in/deep")
    write(directory + "/in", "a", b"x y\n")
    write(directory + "/in/deep", "b", b"y\n")
    write(directory + "/in", "_SUCCESS", b"hidden\n")
    write(directory + "/in", ".hidden", b"hidden\n")
    check(works(directory, [*wordcount(), "in", "out"]) == b"x\t1\ny\t2\n", "other files")


@case
def a_fifo_is_refused(directory):
    os.mkfifo(directory + "/pipe")
    fails(directory, [*wordcount(), "pipe", "out"], "pipe")


@case
def a_hundred_thousand_tiny_files(directory):
    os.mkdir(directory + "/in")
    for number in range(100000):
        with open(f"{directory}/in/{number:05d}", "wb") as file:
            file.write(b"w%d\n" % (number % 10))
    done = works(directory, [*wordcount(), "in", "out"])
    check(done == b"".join(b"w%d\t10000\n" % number for number in range(10)), done[:200])
    shutil.rmtree(directory + "/in")


@case
def an_input_that_shrinks_is_named(directory):
    """Cut while it is mapped: SIGBUS in the slot becomes a sentence about the file."""
    path = write(directory, "in", b"word\n" * (1 << 20))
    os.mkfifo(directory + "/go")
    write(directory, "first", b"wait\n")
    job = start(directory + "/../bad_job", "--wait", "go", "-j", "1", "--split-size", "1M", "first", "in", "out",
                cwd=directory)
    with open(directory + "/go", "wb"):
        os.truncate(path, 100)
    _, errors = job.communicate(timeout=SECONDS_MAX)
    check(job.returncode > 0 and b"in" in errors, errors)
    check(not os.path.exists(directory + "/out"), "output of half an input")


# ---- User code ---------------------------------------------------------------------------------------------


def crash(directory, word, *sentences):
    write(directory, "in", b"a\nb\n" + word + b"\nc\na\n")
    for options in ([], ["--block"]):
        text = fails(directory, ["../bad_job", *options, "in", "out"], "map task 0", "byte 4", "--in-process --only-map 0",
                     *sentences)
        check("at in" in text, text)
        done = works(directory, ["../bad_job", *options, "--skip-bad-records", "in", "out"])
        check(done == b"a\t2\nb\t1\nc\t1\n", f"{options}: {done}")


@case
def crashes_name_the_record_and_can_be_skipped(directory):
    for word, name in ((b"segv", "SIGSEGV"), (b"bus", "SIGBUS"), (b"fpe", "SIGFPE"), (b"abort", "SIGABRT"),
                       (b"ill", "SIGILL"), (b"kill", "SIGKILL")):
        crash(directory, word, name, "about to " + word.decode())
    crash(directory, b"overflow", "SIGSEGV")


@case
def exits_and_failures_name_the_record_and_can_be_skipped(directory):
    crash(directory, b"exit", "exit status 7")
    crash(directory, b"fail", "this line is not liked")


@case
def a_record_that_hangs_is_ended(directory):
    write(directory, "in", b"a\nhang\nb\n")
    fails(directory, ["../bad_job", "--record-timeout", "1s", "in", "out"], "map task 0", "byte 2")
    done = works(directory, ["../bad_job", "--record-timeout", "1s", "--skip-bad-records", "in", "out"])
    check(done == b"a\t1\nb\t1\n", done)


@case
def a_crash_in_reduce_names_the_key(directory):
    write(directory, "in", b"a\nreduce-segv\nz\n")
    fails(directory, ["../bad_job", "in", "out"], "reduce task 0", "reduce-segv", "--only-reduce 0")
    done = works(directory, ["../bad_job", "--skip-bad-records", "in", "out"])
    check(done == b"a\t1\nz\t1\n", done)


@case
def counters_are_exact_in_spite_of_crashes(directory):
    write(directory, "in", b"a\n" * 1000 + b"segv\n" + b"b\n" * 1000)
    done = run("../bad_job", "--skip-bad-records", "--json", "in", "out", cwd=directory)
    report = json.loads(done.stdout)
    check(report["user_counters"]["lines"] == 2000, report["user_counters"])
    check(report["counters"]["skipped_records"] == 1, report["counters"])
    shutil.rmtree(directory + "/out")


@case
def one_task_runs_alone_and_commits_nothing(directory):
    write(directory, "in", b"a\nb\n")
    before = os.listdir(directory)
    done = run("../bad_job", "--in-process", "--only-map", "0", "in", "out", cwd=directory)
    check(done.returncode == 0, done.stderr)
    nothing_left(directory, before)


# ---- Full disks ----------------------------------------------------------------------------------------------


def on_small_disk(directory, mib, *command):
    """Runs the command with the output on a file system of so many MiB; fails if anything is left there."""
    script = ("mkdir -p disk && mount -t tmpfs -o size=%dM tmpfs disk && \"$@\"; status=$?; "
              "left=$(ls -A disk); [ -z \"$left\" ] || echo \"LEFT BEHIND $left\" >&2; umount disk; exit $status" % mib)
    return fails(directory, ["unshare", "-m", "sh", "-c", script, "sh", *command], "no space left", status=7)


@case
def a_full_disk_while_maps_spill(directory):
    os.mkdir(directory + "/disk")
    write(directory, "in", b"".join(b"%d\n" % (number * 7919 % 1000003) for number in range(4 << 20)))
    text = on_small_disk(directory, 8, GW, "mr", "sort", "-q", "--memory", "32M", "in", "disk/out")
    check("LEFT BEHIND" not in text, text)


@case
def a_full_disk_while_output_is_written(directory):
    os.mkdir(directory + "/disk")
    write(directory, "in", b"".join(b"%d\n" % (number * 7919 % 1000003) for number in range(2 << 20)))
    for job in ("sort", "wordcount"):
        text = on_small_disk(directory, 4, GW, "mr", job, "-q", "in", "disk/out")
        check("LEFT BEHIND" not in text, text)
    check(len(works(directory, [GW, "mr", "sort", "-q", "in", "out"])) > 1 << 20, "short output")


# ---- Deaths ----------------------------------------------------------------------------------------------------


def waiting_job(directory, *options):
    """A job whose map waits for a byte in `go`: returns it and the open FIFO, when the map has come there."""
    if not os.path.exists(directory + "/go"):
        os.mkfifo(directory + "/go")
        write(directory, "in", b"a\nwait\nb\n")
    job = start("../bad_job", "--wait", "go", *options, "in", "out", cwd=directory)
    return job, open(directory + "/go", "wb", buffering=0)


def slot_of_map(fifo_path):
    """The process that has the FIFO open for reading."""
    for pid in marked_processes():
        try:
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") == fifo_path:
                    return pid
        except OSError:
            continue
    raise Wrong("no slot waits")


@case
def a_killed_slot_is_replaced(directory):
    job, fifo = waiting_job(directory)
    path = os.path.realpath(directory + "/go")
    slot = slot_of_map(path)
    os.kill(slot, signal.SIGKILL)
    gone([slot])
    fifo.close()
    with open(directory + "/go", "wb") as again:
        again.write(b"g")
    _, errors = job.communicate(timeout=SECONDS_MAX)
    check(job.returncode == 0, errors)
    shutil.rmtree(directory + "/out")
    nothing_left(directory, ["in", "go"])


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


@case
def a_killed_slot_takes_its_command_along(directory):
    """Each member of the pipeline, the orphans of the shell; and the job goes on."""
    os.mkfifo(directory + "/go")
    write(directory, "in", b"a\n")
    job = start(GW, "mr", "stream", "-input", "in", "-output", "out", "-mapper", f"yes | cat {directory}/go", "-reducer",
                "NONE", cwd=directory)
    with open(directory + "/go", "wb", buffering=0):
        shell = parent_of(slot_of_map(os.path.realpath(directory + "/go")))
        slot, members = parent_of(shell), [pid for pid in marked_processes() if parent_of(pid) == shell]
        check(len(members) == 2, f"members of the pipeline: {members}")
        os.kill(slot, signal.SIGKILL)
        gone([slot, shell, *members])
        check(job.poll() is None, "the job is gone")
    with open(directory + "/go", "wb") as again:
        again.write(b"went on\n")
    _, errors = job.communicate(timeout=SECONDS_MAX)
    check(job.returncode == 0, errors)
    parts = [name for name in os.listdir(directory + "/out") if name.startswith("part-")]
    with open(f"{directory}/out/{parts[0]}", "rb") as part:
        check(part.read() == b"went on\n", "output")
    shutil.rmtree(directory + "/out")
    nothing_left(directory, ["in", "go"])


@case
def a_killed_keeper_ends_the_job_clearly(directory):
    job, fifo = waiting_job(directory)
    keeper = parent_of(slot_of_map(os.path.realpath(directory + "/go")))
    check(parent_of(keeper) == job.pid, "the slots' parent is not the driver's child")
    os.kill(keeper, signal.SIGKILL)
    _, errors = job.communicate(timeout=SECONDS_MAX)
    fifo.close()
    check(job.returncode > 0 and errors.strip(), f"{job.returncode}: {errors}")
    nothing_left(directory, ["in", "go"])


def dies(directory, number, status):
    job, fifo = waiting_job(directory)
    started = marked_processes()
    check(len(started) >= 3, f"only {started}")
    job.send_signal(number)
    _, errors = job.communicate(timeout=SECONDS_MAX)
    check(job.returncode == status, f"status {job.returncode}: {errors}")
    fifo.close()
    gone(started)
    nothing_left(directory, ["in", "go"])
    return errors


@case
def interrupts_leave_nothing(directory):
    check(b"interrupted" in dies(directory, signal.SIGINT, 130).lower(), "no word of the interrupt")
    dies(directory, signal.SIGTERM, 143)


@case
def a_killed_driver_leaves_nothing(directory):
    for _ in range(5):
        dies(directory, signal.SIGKILL, -9)
    job, fifo = waiting_job(directory)
    fifo.write(b"g")
    fifo.close()
    _, errors = job.communicate(timeout=SECONDS_MAX)
    check(job.returncode == 0, errors)
    shutil.rmtree(directory + "/out")


@case
def a_whole_process_group_killed_leaves_nothing(directory):
    os.mkfifo(directory + "/go")
    write(directory, "in", b"a\nwait\nb\n")
    job = start("../bad_job", "--wait", "go", "in", "out", cwd=directory, start_new_session=True)
    with open(directory + "/go", "wb", buffering=0):
        started = marked_processes()
        os.killpg(job.pid, signal.SIGKILL)
        job.communicate(timeout=SECONDS_MAX)
    gone(started)
    nothing_left(directory, ["in", "go"])


# ---- Running ------------------------------------------------------------------------------------------------------


def build_job(directory):
    top = os.path.dirname(os.path.dirname(SOURCE))
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-O1", f"-I{top}/include", "-o", directory + "/bad_job",
                    SOURCE + "/bad_job.c", f"-L{BUILD}", "-lgroundwork", f"-Wl,-rpath,{BUILD}"], check=True)


def main():
    failed = 0
    chosen = [function for function in cases if len(sys.argv) < 3 or function.__name__ in sys.argv[2:]]
    top = tempfile.mkdtemp(prefix="gw-bad-")
    os.chmod(top, 0o755)
    try:
        build_job(top)
        print(f"1..{len(chosen)}")
        for number, function in enumerate(chosen, 1):
            directory = os.path.join(top, "case")
            os.mkdir(directory)
            wrong = None
            try:
                function(directory)
            except (Wrong, OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
                wrong = str(error)
            shutil.rmtree(directory)
            title = function.__name__.replace("_", " ")
            print(f"{'not ok' if wrong else 'ok'} {number} - {title}", flush=True)
            if wrong:
                failed += 1
                print("\n".join("# " + line for line in wrong.split("\n")), flush=True)
    finally:
        for pid in marked_processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        shutil.rmtree(top)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
