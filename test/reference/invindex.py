#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `gw mr invindex` has to print for the given files, sorted by bytes: invindex.py [--fold] FILE..."""
import collections
import os
import re
import sys

import pages

fold = sys.argv[1] == "--fold"
index = collections.defaultdict(set)
for path in sys.argv[2 if fold else 1:]:
    with open(path, "rb") as file:
        text = file.read()
    for word in set(re.findall(rb"[A-Za-z0-9_]+", text.lower() if fold else text)):
        index[word].add(pages.escape_name(os.fsencode(path)))
for word, documents in sorted(index.items()):
    sys.stdout.buffer.write(word + b"\t" + b" ".join(sorted(documents)) + b"\n")
