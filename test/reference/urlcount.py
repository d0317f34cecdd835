#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `gw mr urlcount` has to print for the given log files, sorted by bytes."""
import collections
import re
import sys

LINE = re.compile(rb'([^ ]+) [^\[]*\[[^\]]+\] "([^ "\\]+) +((?:[^ "\\]|\\.)+)(?: (?:[^"\\]|\\.)*)?" \d{3} '
                  rb'(?:\d+|-)(?:[ \r].*)?', re.DOTALL)

counts = collections.Counter()
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        for line in file:
            match = LINE.fullmatch(line.removesuffix(b"\n"))
            if match:
                counts[match[3]] += 1
for url, count in sorted(counts.items()):
    sys.stdout.buffer.write(b"%s\t%d\n" % (url, count))
