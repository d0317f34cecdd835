#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants a violation of each rule of test/tidy.py in a small tree and sees that this rule, and no other,
finds it. TAP."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import tidy

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
HASH = "# SPDX-License-Identifier: Apache-2.0\n"
TABLE = HASH + """
[limits]
function_lines = 10
line_columns = 60
file_lines = 100
file_lines_seldom = 50
example_lines = { "examples/wordcount.c" = 5 }
[arrows]
"src/base" = []
"src/engine" = ["src/base"]
"src/apps" = ["src/base"]
"examples" = []
[public]
"groundwork/base.h" = ["src/base", "src/engine", "src/apps"]
"groundwork/jobs.h" = ["src/engine", "src/apps", "examples"]
[calls]
files = "open close"
time = "time clock_gettime"
loop = "uv_*"
"""
# A tree without a fault: {path: text}.
GOOD = {
    "test/tidy.toml": TABLE,
    "README.md": "See docs/PAPERS.md, demo.sh and test/tidy.toml.\n",
    "docs/PAPERS.md": "| splits | `src/base/grow.c:gw_grow` | `demo.sh` |\n",
    "demo.sh": HASH,
    "include/groundwork/base.h": SPDX + "int gw_grow(int);\n",
    "include/groundwork/jobs.h": SPDX + "int gw_run(int);\n",
    "src/base/meson.build": HASH + "files('grow.c')\n",
    "src/base/grow.h": SPDX + "int base_grow(int);\n",
    "src/base/grow.c": SPDX + '#include "grow.h"\n#include <groundwork/base.h>\n'
                       "static const char *const names[] = {\"a\"};\n"
                       "int base_grow(int x)\n{\n\treturn x + names[x][0];\n}\n"
                       "int gw_grow(int x)\n{\n\treturn base_grow(x);\n}\n",
    "src/engine/meson.build": HASH + "files('run.c', 'run_test.c')\n",
    "src/engine/run.h": SPDX + "int mr_run(int);\n",
    "src/engine/run.c": SPDX + '#include "engine/run.h"\n#include "base/grow.h"\n#include <groundwork/jobs.h>\n'
                        "int mr_run(int x)\n{\n\treturn base_grow(x);\n}\n"
                        "int gw_run(int x)\n{\n\treturn mr_run(x);\n}\n",
    "src/engine/run_test.c": SPDX + '#include "engine/run.h"\n#include "support/unit.h"\n',
    "src/apps/meson.build": HASH + "files('count.c')\n",
    "src/apps/count.c": SPDX + "#include <groundwork/jobs.h>\nint app_count(int);\n"
                        "int app_count(int x)\n{\n\treturn gw_run(x);\n}\n",
    "examples/meson.build": HASH + "files('wordcount.c')\n",
    "examples/wordcount.c": SPDX + "#include <groundwork/jobs.h>\n",
    "test/support/unit.h": SPDX,
}
GROW, RUN, COUNT = GOOD["src/base/grow.c"], GOOD["src/engine/run.c"], GOOD["src/apps/count.c"]


def excuse(kind, file, name=None, reason="because", calls=None):
    row = f'[[{kind}]]\nfile = "{file}"\nreason = "{reason}"\n'
    row += f'name = "{name}"\n' if name else ""
    row += f"calls = {calls}\n" if calls else ""
    return {"test/tidy.toml": TABLE + row}


LONG = "int base_long(int x)\n{\n" + "\tx++;\n" * 8 + "\treturn x;\n}\n"
OPEN = "int open(const char *, int);\nint base_open(void)\n{\n\treturn open(\"x\", 0);\n}\n"
LOOP = "int uv_run(void *, int);\nint base_loop(void)\n{\n\treturn uv_run(0, 0);\n}\n"
COUNTER = "int base_next(void);\nint base_next(void)\n{\n\tstatic int count;\n\treturn count++;\n}\n"

# (what is planted, the rule that must see it or None, changes to the good tree; None removes a file)
CASES = [
    ("nothing", None, {}),
    ("a long function", "functions fit a screen", {"src/base/grow.c": GROW + LONG}),
    ("a long function, excused", None,
     {"src/base/grow.c": GROW + LONG, **excuse("allow_long_function", "src/base/grow.c", "base_long")}),
    ("a long line", "lines fit the width", {"src/base/grow.h": SPDX + "/*" + "x" * 60 + "*/\n"}),
    ("a line that is long because of its tabs", "lines fit the width",
     {"src/base/grow.h": SPDX + "\t" * 7 + "/* x */\n"}),
    ("a long file", "files are of a size to be read", {"src/base/grow.h": SPDX + "\n" * 100}),
    ("an include against the arrows", "includes follow the arrows",
     {"src/base/grow.c": '#include "engine/run.h"\n' + GROW}),
    ("an include beside the arrows", "includes follow the arrows",
     {"src/apps/count.c": '#include "engine/run.h"\n' + COUNT}),
    ("a public header against the arrows", "includes follow the arrows",
     {"src/base/grow.c": "#include <groundwork/jobs.h>\n" + GROW}),
    ("an internal header in an example", "includes follow the arrows",
     {"examples/wordcount.c": SPDX + '#include "base/grow.h"\n'}),
    ("a header of the tests in code", "includes follow the arrows",
     {"src/engine/run.c": '#include "support/unit.h"\n' + RUN}),
    ("an include of what is not there", "includes follow the arrows",
     {"src/engine/run.c": '#include "engine/gone.h"\n' + RUN}),
    ("code without a license", "every file names its license", {"src/base/grow.c": GROW[len(SPDX):]}),
    ("a script without a license", "every file names its license", {"demo.sh": "\n"}),
    ("something left to do", "nothing is left unfinished", {"demo.sh": HASH + "# TO" + "DO: more\n"}),
    ("a source that is not built", "all code is built", {"src/base/meson.build": HASH + "files('regrow.c')\n"}),
    ("a header that nothing includes", "all code is built", {"src/base/lonely.h": SPDX}),
    ("a header that includes only itself", "all code is built",
     {"src/base/lonely.h": SPDX + '#include "lonely.h"\n'}),
    ("a script that nothing names", "every file is named by another", {"test/lonely.sh": HASH}),
    ("a page that nothing names", "every file is named by another", {"docs/lonely.md": "lonely.md\n"}),
    ("a script that nothing names, excused", None,
     {"test/lonely.sh": HASH, **excuse("allow_unused_file", "test/lonely.sh")}),
    ("no docs/PAPERS.md", "docs/PAPERS.md names what is there", {"docs/PAPERS.md": None}),
    ("a file in docs/PAPERS.md that is gone", "docs/PAPERS.md names what is there",
     {"docs/PAPERS.md": "`src/base/shrink.c`\n"}),
    ("a test in docs/PAPERS.md that is gone", "docs/PAPERS.md names what is there",
     {"docs/PAPERS.md": "`src/base/grow.c:gw_shrink`\n"}),
    ("an example that is too long", "the examples stay short", {"examples/wordcount.c": SPDX + "\n" * 5}),
    ("a file that is too long to be an example, gone", "the examples stay short",
     {"examples/wordcount.c": None, "examples/meson.build": None}),
    ("an exception without a reason", "exceptions are needed",
     {"src/base/grow.c": GROW + LONG, **excuse("allow_long_function", "src/base/grow.c", "base_long", " ")}),
    ("an exception that is not needed", "exceptions are needed",
     excuse("allow_long_function", "src/base/grow.c", "gw_grow")),
    ("a call that reaches outside", "only listed files reach outside", {"src/base/grow.c": GROW + OPEN}),
    ("a call that a pattern stands for", "only listed files reach outside",
     {"src/base/grow.c": GROW + LOOP}),
    ("a call that a pattern stands for, excused", None,
     {"src/base/grow.c": GROW + LOOP, **excuse("allow_calls", "src/base/grow.c", calls=["loop"])}),
    ("a call that reaches outside, excused", None,
     {"src/base/grow.c": GROW + OPEN, **excuse("allow_calls", "src/base/grow.c", calls=["open"])}),
    ("a call of another group than is excused", "only listed files reach outside",
     {"src/base/grow.c": GROW + OPEN + "long time(long *);\nlong base_now(void)\n{\n\treturn time(0);\n}\n",
      **excuse("allow_calls", "src/base/grow.c", calls=["files"])}),
    ("an excused call that is not made", "exceptions are needed",
     {"src/base/grow.c": GROW + OPEN, **excuse("allow_calls", "src/base/grow.c", calls=["open", "time"])}),
    ("a variable of a function that lasts", "no variable of a file may change",
     {"src/base/grow.c": GROW + COUNTER}),
    ("a variable that starts with a value", "no variable of a file may change",
     {"src/base/grow.c": GROW + "int base_level = 3;\n"}),
    ("a table of pointers that is not const", "no variable of a file may change",
     {"src/base/grow.c": GROW + "int (*base_hook[])(int) = {base_grow};\n"}),
    ("a variable of a thread", "no variable of a file may change",
     {"src/base/grow.c": GROW + "_Thread_local int base_mine;\n"}),
    ("a variable, excused", None,
     {"src/base/grow.c": GROW + COUNTER, **excuse("allow_global", "src/base/grow.c", "count")}),
    ("a symbol taken against the arrows", "objects link along the arrows",
     {"src/apps/count.c": COUNT + "int mr_run(int);\nint app_x(int x)\n{\n\treturn mr_run(x);\n}\n"}),
]


def plant(directory, changes):
    for path, text in {**GOOD, **changes}.items():
        if text is None:
            continue
        file = os.path.join(directory, path)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)


def compile_all(root, build, kept):
    """Objects named and placed as meson does it; what does not compile is left out. Objects of sources that
    did not change since an earlier case are taken from the directory kept."""
    for room in ("base", "engine", "apps"):
        directory = os.path.join(build, f"lib{room}.a.p")
        os.makedirs(directory)
        for path in sorted(path for path in os.listdir(os.path.join(root, "src", room)) if path.endswith(".c")):
            source = os.path.join(root, "src", room, path)
            with open(source, "rb") as file:
                known = os.path.join(kept, hashlib.sha256(room.encode() + file.read()).hexdigest())
            if not os.path.exists(known):
                subprocess.run(["cc", "-w", "-O1", "-fPIC", "-I", os.path.join(root, "src"), "-I",
                                os.path.join(root, "include"), "-I", os.path.join(root, "test"), "-c", source,
                                "-o", known], check=False, stderr=subprocess.DEVNULL)
            if os.path.exists(known):
                shutil.copy(known, os.path.join(directory, f"src_{room}_{path}.o"))


def rules_that_see(changes, kept):
    with tempfile.TemporaryDirectory() as directory:
        root, build = os.path.join(directory, "tree"), os.path.join(directory, "objects")
        plant(root, changes)
        compile_all(root, build, kept)
        _, results = tidy.run(root, build)
        return {title: wrong for title, wrong in results if wrong}


def main():
    failures = 0
    print(f"1..{len(CASES) + 1}")
    with tempfile.TemporaryDirectory() as kept:
        for number, (planted, rule, changes) in enumerate(CASES, 1):
            seen = rules_that_see(changes, kept)
            good = set(seen) == ({rule} if rule else set())
            failures += not good
            print(f"{'ok' if good else 'not ok'} {number} - {planted}: {rule or 'no rule minds'}")
            for title, wrong in seen.items() if not good else ():
                print(f"# {title}: {wrong}")
    every = {title for title, _ in tidy.RULES + tidy.OBJECT_RULES} | {"exceptions are needed"}
    unseen = every - {rule for _, rule, _ in CASES}
    print(f"{'not ok' if unseen else 'ok'} {len(CASES) + 1} - each rule has a planted violation {unseen or ''}")
    return 1 if failures or unseen else 0


if __name__ == "__main__":
    sys.exit(main())
