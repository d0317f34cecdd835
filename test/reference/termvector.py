#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `gw mr termvector` has to print, sorted by bytes: termvector.py N [--base URL] DIRECTORY, or ARCHIVE...,
or files of lines of URL TAB text."""
import collections
import html.parser
import os
import re
import sys

import pages


class Text(html.parser.HTMLParser):
    """The text with a blank for each tag, without what is in scripts and styles."""

    def __init__(self):
        super().__init__()
        self.pieces, self.inside = [], None

    def handle_starttag(self, tag, attributes):
        self.pieces.append(" ")
        self.inside = tag if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self.pieces.append(" ")
        self.inside = None

    def handle_data(self, data):
        if not self.inside:
            self.pieces.append(data)


def texts(argument, base):
    if not os.path.isdir(argument) and ".warc" not in argument:
        with open(argument, "rb") as file:
            for line in file:
                url, tab, text = line.rstrip(b"\n").partition(b"\t")
                if tab:
                    yield url, text
        return
    for url, _, page in pages.html_files(argument, base) if os.path.isdir(argument) else pages.warc_pages(argument):
        text = Text()
        text.feed(pages.decode(page))
        text.close()
        yield url, "".join(text.pieces).encode()


arguments = sys.argv[1:]
most = int(arguments.pop(0))
base = arguments.pop(1) if arguments[0] == "--base" else None
if base is not None:
    arguments.pop(0)
vectors = collections.defaultdict(collections.Counter)
for argument in arguments:
    for url, text in texts(argument, base):
        url = pages.resolve(None, url)
        words = re.findall(rb"[a-z0-9\x80-\xff]+", text.lower())
        if url and words:
            host = re.match(rb"https?://(?:[^/?]*@)?(\[.*?\]|[^/:?]*)", url)[1]
            vectors[host].update(words)
for host, counts in sorted(vectors.items()):
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    sys.stdout.buffer.write(host + b"\t" + b",".join(b"%s:%d" % item for item in best) + b"\n")
