# SPDX-License-Identifier: Apache-2.0
"""Runs one command once and says what it cost: wall time, CPU time, memory.

Timed runs are left alone: one spawn, one wait. What a program holds in memory is sampled in a run of its
own, so that sampling disturbs no timing.
"""

import dataclasses
import os
import signal
import statistics
import threading
import time

SAMPLE_S_MAX = 0.1  # between two looks at the memory of a running command; less in its first seconds
SAMPLE_S_MIN = 0.002
LIMIT_S = 1800      # a command that takes longer is killed and counts as failed


@dataclasses.dataclass
class Run:
    """One finished command. If it was watched: `peak` is the most that its processes held together in
    anonymous and shared memory, `rss` the most that one of them had mapped, files included."""
    wall_s: float
    cpu_s: float
    status: int
    peak: int = 0
    rss: int = 0


def median(figures):
    return statistics.median(figures)


def cpus_text(cpus):
    """The list as taskset -c takes it."""
    return ','.join(str(cpu) for cpu in cpus)


def start(argv, cpus, stdout, stderr, environment):
    """Spawns argv in a session of its own, bound to the processors in cpus; returns its process id."""
    before = os.sched_getaffinity(0)
    new_file = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, stdout, new_file, 0o666),
               (os.POSIX_SPAWN_OPEN, 2, stderr, new_file, 0o666)]
    os.sched_setaffinity(0, cpus)
    try:
        return os.posix_spawnp(argv[0], argv, environment, file_actions=actions, setsid=True)
    finally:
        os.sched_setaffinity(0, before)


def kill_session(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def finish(pid, began, flags=0):
    """Waits for pid; None when flags say not to block and it still runs."""
    done, status, usage = os.wait4(pid, flags)
    if done == 0:
        return None
    return Run(wall_s=time.monotonic() - began, cpu_s=usage.ru_utime + usage.ru_stime,
               status=os.waitstatus_to_exitcode(status))


def run_timed(argv, cpus, stdout=os.devnull, stderr=os.devnull, environment=None, limit_s=LIMIT_S):
    """Runs argv undisturbed."""
    environment = os.environ if environment is None else environment
    began = time.monotonic()
    pid = start(argv, cpus, stdout, stderr, environment)
    timer = threading.Timer(limit_s, kill_session, (pid,))
    timer.start()
    try:
        return finish(pid, began)
    except BaseException:
        kill_session(pid)
        raise
    finally:
        timer.cancel()


def run_watched(argv, cpus, stdout=os.devnull, stderr=os.devnull, environment=None, limit_s=LIMIT_S):
    """Runs argv and looks at the memory of all its processes again and again; its times mean nothing.

    (The kernel's own ru_maxrss will not do: across exec it remembers the size of this interpreter.)"""
    environment = os.environ if environment is None else environment
    began = time.monotonic()
    pid = start(argv, cpus, stdout, stderr, environment)
    peak, rss = 0, 0
    try:
        while (run := finish(pid, began, os.WNOHANG)) is None:
            elapsed = time.monotonic() - began
            if elapsed > limit_s:
                kill_session(pid)
            private, largest = memory_of_tree(pid)
            peak, rss = max(peak, private), max(rss, largest)
            time.sleep(min(SAMPLE_S_MAX, SAMPLE_S_MIN + elapsed / 20))
    except BaseException:
        kill_session(pid)
        raise
    run.peak, run.rss = peak, rss
    return run


def parents_and_sessions():
    """{process id: (parent, session)} of every process there is."""
    table = {}
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat', 'rb') as file:
                fields = file.read().rpartition(b')')[2].split()
        except OSError:    # it is gone
            continue
        table[int(name)] = (int(fields[1]), int(fields[3]))
    return table


def tree_of(root, table):
    """The processes that descend from root or are in its session (their parent may have ended)."""
    members = {pid for pid, (_, session) in table.items() if session == root}
    members.add(root)
    grown = True
    while grown:
        children = {pid for pid, (parent, _) in table.items() if parent in members}
        grown = not children <= members
        members |= children
    return members


def sum_of_lines(path, names):
    """Adds up the lines of a file in /proc that look like "Name:   12 kB", in bytes."""
    total = 0
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            for line in file:
                if line.startswith(names):
                    total += int(line.split()[1]) * 1024
    except OSError:        # it is gone, or not ours to see
        pass
    return total


def memory_of_tree(root):
    """(anonymous and shared memory of all processes below root, the largest resident size of one)."""
    private, largest = 0, 0
    for pid in tree_of(root, parents_and_sessions()):
        private += sum_of_lines(f'/proc/{pid}/smaps_rollup', ('Pss_Anon:', 'Pss_Shmem:'))
        largest = max(largest, sum_of_lines(f'/proc/{pid}/status', ('VmHWM:',)))
    return private, largest
