#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a file of C in which each text file named is a string: embed.py OUT NAME=FILE..."""
import sys


def literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return "\n".join(f'\t"{line}\\n"' for line in escaped.rstrip("\n").split("\n"))


with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write('/* Made by embed.py. */\n#include "vm/image/scripts.h"\n')
    for pair in sys.argv[2:]:
        name, path = pair.split("=", 1)
        with open(path, encoding="utf-8") as file:
            out.write(f"\nconst char {name}[] =\n{literal(file.read())};\n")
