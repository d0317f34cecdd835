#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `gw mr linkgraph` has to print, sorted by bytes: linkgraph.py [--base URL] DIRECTORY, or ARCHIVE..."""
import collections
import html.parser
import os
import sys

import pages


class Links(html.parser.HTMLParser):
    def __init__(self, url):
        super().__init__()
        self.base, self.found = url, []

    def handle_starttag(self, tag, attributes):
        href = next((value for name, value in attributes if name == "href" and value is not None), None)
        if href is None or tag not in ("a", "area", "base"):
            return
        target = pages.resolve(self.base, href.encode())
        if target and tag == "base":
            self.base = target
        elif target:
            self.found.append(target)

    handle_startendtag = handle_starttag


arguments = sys.argv[1:]
base = arguments.pop(1) if arguments[0] == "--base" else None
if base is not None:
    arguments.pop(0)
graph = collections.defaultdict(set)
for argument in arguments:
    found = pages.html_files(argument, base) if os.path.isdir(argument) else pages.warc_pages(argument)
    for url, path, page in found:
        url = url and pages.resolve(None, url)
        links = Links(url)
        links.feed(pages.decode(page))
        links.close()
        for target in links.found:
            graph[target].add(url or pages.escape_name(path))
for target, sources in sorted(graph.items()):
    sys.stdout.buffer.write(target + b"\t" + b" ".join(sorted(sources)) + b"\n")
