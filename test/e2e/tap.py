# SPDX-License-Identifier: Apache-2.0
"""Runs functions as the tests of a file: each one's name is its title, what it raises is its failure. TAP."""
import subprocess
import traceback

LINES = 30  # of a failure are shown, the last ones
FAILURES = (AssertionError, AttributeError, LookupError, OSError, ValueError, subprocess.SubprocessError)


def run(tests, *what):
    """Runs them one after the other, each with these arguments; the exit status of the file."""
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        title = test.__name__.replace("_", " ")
        try:
            test(*what)
            print(f"ok {number} - {title}", flush=True)
        except FAILURES as error:
            failed += 1
            text = str(error) or traceback.format_exc()
            print("\n# ".join([f"not ok {number} - {title}", *text.splitlines()[-LINES:]]), flush=True)
    return 1 if failed else 0
