#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/ give what a few lines of Python give, byte for byte. TAP.

    python3 test/e2e/examples.py BUILD_DIR
"""
import collections
import os
import re
import subprocess
import sys
import tempfile

import inputs
from results import Tests, files_below, read, unpacked_text

BLANKS = re.compile(rb"[ \t\n\v\f\r]+")


def words(text):
    return filter(None, BLANKS.split(text))


def counted(counts):
    return b"".join(b"%s\t%d\n" % item for item in sorted(counts.items()))


def listed(lists):
    return b"".join(key + b"\t" + b" ".join(sorted(values)) + b"\n" for key, values in sorted(lists.items()))


def index(paths):
    lists = collections.defaultdict(set)
    for path in paths:
        for word in words(read(path)):
            lists[word].add(os.fsencode(path))
    return listed(lists)


def links(paths):
    lists = collections.defaultdict(set)
    for path in paths:
        for target in re.findall(rb'href="([^"]*)"', read(path)):
            if target.startswith(b"http") and len(target) > 4:
                lists[target].add(os.fsencode(path))
    return listed(lists)


def requests(paths):
    counts = collections.Counter()
    for path in paths:
        for line in read(path).split(b"\n"):
            request = (line.split(b'"') + [b""])[1].split(b" ") if b'"' in line else []
            if len(request) > 1 and request[1]:
                counts[request[1]] += 1
    return counted(counts)


def vectors(path):
    hosts = collections.defaultdict(collections.Counter)
    for line in read(path).split(b"\n"):
        url, text = (line.split(b"\t") + [b"", b""])[:2]
        host = (url.split(b"/") + [b"", b"", b""])[2]
        hosts[host].update(word for word in words(text) if len(word) < 64)
    rows = []
    for host, counts in sorted(hosts.items()):
        best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
        if best:
            rows.append(host + b"\t" + b",".join(b"%s:%d" % item for item in best) + b"\n")
    return b"".join(rows)


def tasks(build, tests):
    """The programs on tasks: they print lines, in an order that is theirs."""
    host = "golang.org/"
    web = ["found " + host + path for path in ("", "pkg/", "pkg/fmt/", "pkg/io/", "pkg/io/fs/", "pkg/os/")]
    crawl = sorted(web + ["missing " + host + "cmd/"])
    primes = [str(n) for n in range(2, 542) if all(n % m for m in range(2, int(n ** 0.5) + 1))]
    expected = {
        "crawl_serial": crawl,
        "crawl_locks": crawl,
        "crawl_channels": crawl,
        "sieve 100": primes,
        "worker_pool": sorted(f"{n} {collatz(n)}" for n in range(1, 21)),
    }
    for command, lines in expected.items():
        name, *arguments = command.split()
        done = subprocess.run([os.path.join(build, "examples", name), *arguments], capture_output=True, text=True,
                              timeout=60, check=False)
        printed = done.stdout.split("\n")[:-1]
        if name != "sieve":
            printed.sort()
        fine = done.returncode == 0 and printed == lines
        tests.report(command, None if fine else f"exit status {done.returncode}\n" + done.stdout + done.stderr)


def collatz(number):
    steps = 0
    while number != 1:
        number = 3 * number + 1 if number % 2 else number // 2
        steps += 1
    return steps


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="gw-examples-") as work:
        inputs.text(work + "/text")
        inputs.logs(work + "/logs")
        inputs.html(work + "/html")
        inputs.write(work + "/pages", b"".join(
            b"http://host%d.example/%d\tword%d two two %s\n" % (number % 9, number, number % 17, b"x" * (number % 80))
            for number in range(3000)))
        tests = Tests(os.environ.get("GW") or os.path.join(build, "gw"), work)
        text = unpacked_text(work + "/text")
        lines = sorted(text.split(b"\n")[:-1])
        plain = [path for path in files_below(work + "/text") if not path.endswith(".gz") and " " not in path]
        pages = [path for path in files_below(work + "/html/doc") if path.endswith(".html")]

        def program(name, operands, expected, **more):
            for variant in ([], ["--parts", "3", "--memory", "64M"]):
                tests.program(" ".join([name, *variant]), [os.path.join(build, "examples", name), *variant], operands,
                              expected, **more)

        program("wordcount", [work + "/text"], counted(collections.Counter(words(text))))
        program("sort", [work + "/text"], b"".join(line + b"\n" for line in lines), ordered=True)
        program("urlcount", [work + "/logs"], requests(files_below(work + "/logs")))
        program("linkgraph", pages, links(pages))
        program("invindex", plain, index(plain))
        tasks(build, tests)
        program("termvector", [work + "/pages"], vectors(work + "/pages"))
        print(f"1..{tests.number}")
        return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main())
