#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sees that test/check.py counts what it should, above all that it cannot pass by mistake. TAP."""
import contextlib
import io
import os
import select
import sys
import tempfile
import time

import check

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "e2e"))
import tap  # noqa: E402


def counted(result="OK", returncode=0, stdout="", stderr=""):
    """(passed, failures) of one program of a suite."""
    part = check.Part("part", 1, None, True, time.monotonic() + 60)
    with contextlib.redirect_stdout(io.StringIO()):
        check.count_cases(part, "build", {"name": "x_test", "result": result, "returncode": returncode,
                                          "stdout": stdout, "stderr": stderr})
    return part.passed, part.failures


def ran(function, minutes=1.0, must_have_tests=True, end=60.0):
    """(part, what it printed) after it ran."""
    part = check.Part("part", minutes, function, must_have_tests, time.monotonic() + end)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        part.run()
    return part, printed.getvalue()


def passes_and_failures_are_counted():
    passed, failures = counted("ERROR", 1, "1..3\nok 1 - a\nnot ok 2 - b\n# why\nok 3 - c\n")
    assert passed == 2 and failures == ["build x_test: b"], (passed, failures)


def what_is_skipped_neither_passed_nor_failed():
    assert counted(stdout="1..3\nok 1 - a\nnot ok 2 # SKIP b\nok 3 # SKIP why\n") == (1, [])


def a_crash_is_one_failure():
    passed, failures = counted("ERROR", -11, "1..3\nok 1 - a\n")
    assert passed == 1 and len(failures) == 1 and "-11" in failures[0], (passed, failures)


def a_timeout_is_one_failure():
    assert len(counted("TIMEOUT", -15, "ok 1 - a\n")[1]) == 1


def a_word_that_begins_with_ok_is_no_case():
    assert counted(stdout="okay\nnot okay\n# ok 1\n    ok 2\n") == (0, [])


def scenarios_are_told_as_sentences():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        check.tell_scenarios([
            {"name": "groundwork:unit / io/io_test", "stdout": "1..1\nok 1 - a_b\n", "duration": 1.0},
            {"name": "groundwork:scenario / sim/x_scenario", "duration": 1.0,
             "stdout": "ok 1 - two_die\nnot ok 2 - no\n"},
            {"name": "groundwork:unit / replog/y_test", "stdout": "ok 1 - else\n", "duration": 9.0}])
    lines = printed.getvalue().split("\n")
    assert "    two die" in lines and not any("a b" in line or "no" == line.strip() for line in lines), lines
    assert any(line.startswith("2 tests of src/io") and ", 1 of them scenarios" in line for line in lines), lines


def no_test_at_all_is_a_failure():
    part, _ = ran(lambda part: None)
    assert part.failures == ["part: no test ran"], part.failures
    part, _ = ran(lambda part: None, must_have_tests=False)
    assert part.failures == []


def sleeps(part):
    part.command(sys.executable, "-c", "import time; time.sleep(100)")


def a_late_part_fails_and_is_ended():
    started = time.monotonic()
    part, _ = ran(sleeps, minutes=0.005)
    assert len(part.failures) == 1 and "not done" in part.failures[0], part.failures
    assert time.monotonic() - started < 50
    part, _ = ran(sleeps, minutes=1, end=0.3)
    assert len(part.failures) == 1, part.failures


def a_part_has_what_others_left():
    ends = time.monotonic() + 1000
    assert check.Part("part", 1, None, True, ends, spare=60).deadline > time.monotonic() + 100
    assert check.Part("part", 1, None, True, ends, spare=9999).deadline == ends


def what_a_command_leaves_behind_is_ended():
    with tempfile.TemporaryDirectory() as directory:
        pipe = os.path.join(directory, "pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        ran(lambda part: part.command("sh", "-c", f"exec 3>{pipe}; echo here >&3; sleep 1000 & exit 0"))
        assert os.read(reader, 100) == b"here\n"
        # The other end closes when the last process that has it ended.
        ends = select.select([reader], [], [], 20)[0]
        assert ends and os.read(reader, 100) == b"", "sleep is still there"
        os.close(reader)


def a_missing_build_is_a_failure():
    part, _ = ran(lambda part: check.suite(part, "no-such-build", "unit"))
    assert part.failures == ["no-such-build: not built"], part.failures


def the_last_line_is_plain():
    good, _ = ran(lambda part: setattr(part, "passed", 7))
    bad, _ = ran(lambda part: part.fail("x"))
    for parts, status, line in (([good], 0, "7 passed, 0 failed"), ([good, bad], 1, "7 passed, 1 failed")):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            assert check.report(0.0, parts) == status
        assert printed.getvalue().split("\n")[-2:] == [line, ""], printed.getvalue()


def the_parts_fit_the_time():
    assert 5 + sum(minutes for _, minutes, _, _ in check.PARTS) <= check.MINUTES_IN_ALL


TESTS = [passes_and_failures_are_counted, what_is_skipped_neither_passed_nor_failed, a_crash_is_one_failure,
         a_timeout_is_one_failure,
         a_word_that_begins_with_ok_is_no_case, scenarios_are_told_as_sentences, no_test_at_all_is_a_failure,
         a_late_part_fails_and_is_ended, a_part_has_what_others_left,
         what_a_command_leaves_behind_is_ended, a_missing_build_is_a_failure,
         the_last_line_is_plain, the_parts_fit_the_time]


def main():
    return tap.run(TESTS)


if __name__ == "__main__":
    sys.exit(main())
