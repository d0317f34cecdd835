#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The runner of `make bench` on tiny inputs: `bench_test.py DIRECTORY_OF_THE_HELPERS`. TAP.

No figure is judged here, only that inputs are the same each time, that answers are compared, and that
what is printed follows from what was measured.
"""
import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "bench"))
sys.dont_write_bytecode = True

import corpora  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
import run as runner  # noqa: E402
import tools  # noqa: E402

HELPERS = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
CPUS = sorted(os.sched_getaffinity(0))


def helper(name, *arguments, stdin=b""):
    return subprocess.run([os.path.join(HELPERS, "bench-" + name), *arguments], input=stdin,
                          capture_output=True, check=False)


class Folder(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()


class Generators(unittest.TestCase):
    def test_fold_keeps_letters_and_newlines(self):
        folded = helper("corpus", "fold", stdin=b"Ab-Z9\n\tq\xc3\xa9~\n").stdout
        self.assertEqual(folded, b"ab z \n q   \n")

    def test_records_are_lines_of_100_bytes_with_a_printable_key(self):
        records = helper("corpus", "records", "1000").stdout
        self.assertEqual(len(records), 100000)
        lines = records.split(b"\n")[:-1]
        self.assertEqual({len(line) for line in lines}, {99})
        for number, line in enumerate(lines):
            self.assertRegex(line, rb"^[ -~]{10}  %032X  [0-9A-F]{53}$" % number)
        self.assertEqual(len({line[:10] for line in lines}), 1000)

    def test_records_are_the_same_on_every_machine(self):
        records = helper("corpus", "records", "1000").stdout
        self.assertEqual(hashlib.sha256(records).hexdigest(), RECORDS_SHA256)
        self.assertTrue(helper("corpus", "records", "2000").stdout.startswith(records))

    def test_logs_are_combined_log_format_and_no_longer_than_asked(self):
        logs = helper("corpus", "logs", "100000").stdout
        self.assertTrue(99000 < len(logs) <= 100000)
        form = (rb'^10(\.\d{1,3}){3} - - \[\d\d/Nov/2026:\d\d:\d\d:\d\d \+0000\] '
                rb'"(GET|HEAD|POST) /[!-~]* HTTP/1\.1" \d{3} \d+ "(-|https://[!-~]+)" "[^"]+"$')
        for line in logs.split(b"\n")[:-1]:
            self.assertRegex(line, form)
        self.assertEqual(hashlib.sha256(logs).hexdigest(), LOGS_SHA256)

    def test_some_urls_are_much_wanted(self):
        lines = helper("corpus", "logs", "1000000").stdout.split(b"\n")[:-1]
        urls = [line.split()[6] for line in lines]
        self.assertGreater(urls.count(b"/"), len(urls) // 40)
        self.assertGreater(len(set(urls)), len(urls) // 4)

    def test_wrong_arguments_and_a_full_disk_are_errors(self):
        self.assertEqual(helper("corpus", "nonsense").returncode, 2)
        with open("/dev/full", "wb") as full:
            for arguments in (["records", "100000"], ["logs", "10000000"], ["records", "1"]):
                done = subprocess.run([os.path.join(HELPERS, "bench-corpus"), *arguments], stdout=full,
                                      stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn(b"No space", done.stderr)


class Digests(Folder):
    def digest(self, form, *texts):
        paths = [self.write(f"{number}", text) for number, text in enumerate(texts)]
        done = helper("digest", form, *paths)
        return done.stdout if done.returncode == 0 else None

    def test_order_of_lines_and_cuts_into_files(self):
        self.assertEqual(self.digest("lines", b"a\nb\n"), self.digest("lines", b"b\n", b"a\n"))
        self.assertNotEqual(self.digest("lines", b"a\nb\n"), self.digest("lines", b"a\nb\nb\n"))
        self.assertNotEqual(self.digest("ordered", b"a\nb\n"), self.digest("ordered", b"b\na\n"))
        self.assertEqual(self.digest("ordered", b"a\nb\n"), self.digest("ordered", b"a\n", b"", b"b\n"))

    def test_both_ways_to_write_counts_are_one(self):
        one = self.digest("key-count", b"word\t12\na\t1\n")
        self.assertEqual(one, self.digest("count-key", b"      1 a\n     12 word\n"))
        self.assertEqual(one, self.digest("count-key", b"    345 \n      1 a\n     12 word\n"))
        self.assertNotEqual(one, self.digest("key-count", b"word\t13\na\t1\n"))
        self.assertNotEqual(one, self.digest("key-count", b"wore\t12\na\t1\n"))
        self.assertNotEqual(self.digest("key-count", b"a1\t1\n"), self.digest("key-count", b"a\t11\n"))

    def test_long_keys_differ_in_every_byte(self):
        base = b"0123456789abcdefghij\t1\n"
        seen = {self.digest("key-count", base[:at] + b"#" + base[at + 1:]) for at in range(20)}
        self.assertEqual(len(seen), 20)

    def test_other_formats_and_missing_files_are_errors(self):
        self.assertIsNone(self.digest("key-count", b"no tab\n"))
        self.assertIsNone(self.digest("count-key", b"word 1x\n\n"))
        self.assertNotEqual(helper("digest", "lines", self.folder + "/missing").returncode, 0)
        self.assertEqual(helper("digest", "nonsense").returncode, 2)


class Scans(Folder):
    def test_every_byte_is_looked_at_however_many_threads(self):
        data = bytearray(3 << 20)
        data[-1] = 0x41
        data[0] = 0x12
        path = self.write("data", bytes(data) + b"\x80")
        for threads in ("1", "2", "3", "64"):
            bits = int(helper("scan", threads, path).stdout, 16)
            folded = 0
            while bits:
                folded, bits = folded | bits & 0xFF, bits >> 8
            self.assertEqual(folded, 0xD3)

    def test_wrong_arguments(self):
        self.assertEqual(helper("scan", "0", "x").returncode, 2)
        self.assertEqual(helper("scan", "65", "x").returncode, 2)
        self.assertEqual(helper("scan", "1", self.folder + "/missing").returncode, 1)


class Texts(Folder):
    def tree(self):
        self.write("tree/b.c", b"two\nlines\n")
        self.write("tree/a/z", b"first\n")
        self.write("tree/a.bin", b"\0binary\n")
        self.write("tree/a.latin", b"caf\xe9\n")
        self.write("tree/a.feed", b"page\f\n")
        os.symlink("b.c", os.path.join(self.folder, "tree/c.c"))
        return os.path.join(self.folder, "tree")

    def text(self, size):
        out = os.path.join(self.folder, "text")
        corpora.write_tree(self.tree_path, size, out)
        return self.read("text")

    def setUp(self):
        super().setUp()
        self.tree_path = self.tree()

    def test_text_files_in_byte_order_of_paths(self):
        self.assertEqual(self.text(16), b"first\ntwo\nlines\n")

    def test_cut_after_a_whole_line_and_filled_to_the_size(self):
        self.assertEqual(self.text(13), b"first\ntwo\n\n\n\n")
        self.assertEqual(self.text(6), b"first\n")

    def test_repeated_when_short(self):
        self.assertEqual(self.text(22), b"first\ntwo\nlines\nfirst\n")

    def test_no_text_at_all(self):
        os.mkdir(self.folder + "/nothing")
        with self.assertRaises(corpora.CorpusError):
            corpora.write_tree(self.folder + "/nothing", 10, self.folder + "/text")

    def test_sizes_have_names(self):
        for text, size in (("1G", 1 << 30), ("256M", 1 << 28), ("12K", 12288), ("1000", 1000)):
            self.assertEqual(corpora.parse_size(text), size)
            self.assertEqual(corpora.size_name(size), text)
        for wrong in ("", "0", "-1", "1T", "1.5G"):
            self.assertRaises(ValueError, corpora.parse_size, wrong)


class Cache(Folder):
    def corpora(self, disk_limit=10**9):
        self.said = []
        return corpora.Corpora(self.folder, HELPERS, disk_limit, self.said.append)

    def test_made_once_and_recorded(self):
        inputs = self.corpora()
        first = inputs.need("records", 10050)
        self.assertEqual(first["bytes"], 10000)
        with open(first["path"], "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), first["sha256"])
        self.assertEqual(inputs.need("records", 10050), first)
        self.assertEqual(self.said, ["making records-10050"])
        inputs.warm(first)

    def test_a_corpus_that_changed_is_found_out(self):
        inputs = self.corpora()
        record = inputs.need("logs", 5000)
        with open(record["path"], "r+b") as file:
            file.write(b"#")
        with self.assertRaises(corpora.CorpusError):
            inputs.warm(record)
        inputs.warm(inputs.need("logs", 5000))

    def test_one_that_is_cut_short_or_has_no_record_is_made_again(self):
        inputs = self.corpora()
        record = inputs.need("records", 1000)
        os.truncate(record["path"], 10)
        self.assertEqual(inputs.need("records", 1000), record)
        os.remove(record["path"] + ".json")
        self.assertEqual(inputs.need("records", 1000), record)
        with unittest.mock.patch.object(corpora, "RECIPES", 0):
            self.assertEqual(inputs.need("records", 1000), {**record, "recipes": 0})
        self.assertEqual(self.said.count("making records-1000"), 4)

    def test_easy_and_repeated_are_made_from_hard(self):
        def hard(_, size, out):
            self.write("hard", b"Word 7\n" * (size // 7))
            os.rename(os.path.join(self.folder, "hard"), out)

        with unittest.mock.patch.object(corpora.Corpora, "make_hard", hard):
            inputs = self.corpora()
            easy, repeated = inputs.need("easy", 70), inputs.need("repeated", 280)
        with open(easy["path"], "rb") as file:
            self.assertEqual(file.read(), b"word  \n" * 10)
        with open(repeated["path"], "rb") as file:
            self.assertEqual(file.read(), b"Word 7\n" * 40)

    def test_the_cheapest_goes_when_the_disk_limit_is_reached(self):
        inputs = self.corpora(disk_limit=26 * 10**5)
        logs = inputs.need("logs", 10**6)
        records = inputs.need("records", 10**6)
        self.assertTrue(os.path.exists(logs["path"]))
        inputs.need("records", 900000)
        self.assertFalse(os.path.exists(records["path"]))
        self.assertTrue(os.path.exists(logs["path"]))
        last = inputs.need("logs", 500000, for_output=2 * 10**6)
        self.assertFalse(os.path.exists(logs["path"]))
        self.assertTrue(os.path.exists(last["path"]))
        inputs.need("logs", 500000, for_output=10**7)
        self.assertIn("will pass", self.said[-1])


class Measuring(Folder):
    def test_status_output_and_time(self):
        out, errors = os.path.join(self.folder, "out"), os.path.join(self.folder, "errors")
        run = measure.run_timed(["sh", "-c", "echo yes; echo no >&2; exit 3"], CPUS, out, errors)
        self.assertEqual(run.status, 3)
        self.assertEqual((self.read("out"), self.read("errors")), (b"yes\n", b"no\n"))
        self.assertGreater(run.wall_s, 0)

    def test_placement(self):
        out = os.path.join(self.folder, "out")
        script = "import os;print(os.sched_getaffinity(0))"
        measure.run_timed([sys.executable, "-c", script], CPUS[-1:], out)
        self.assertEqual(self.read("out").decode(), f"{{{CPUS[-1]}}}\n")
        self.assertEqual(sorted(os.sched_getaffinity(0)), CPUS)

    def test_cpu_time_of_a_whole_pipeline(self):
        script = "head -c 20000000 /dev/zero | sha256sum"
        self.assertGreater(measure.run_timed(["sh", "-c", script], CPUS).cpu_s, 0)

    def test_time_limit_kills_all_of_it(self):
        run = measure.run_timed(["sh", "-c", "sleep 1000 | sleep 1000"], CPUS, limit_s=0.05)
        self.assertEqual(run.status, -9)
        self.assertEqual(measure.run_watched(["sleep", "1000"], CPUS, limit_s=0.05).status, -9)

    def test_memory_of_children_is_counted_and_files_are_not(self):
        # The child holds its memory until somebody opens the pipe, which we do when we have seen it.
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        child = 'import sys; data = b"x" * (64 << 20); open(sys.argv[1]).read()'
        seen = measure.memory_of_tree

        def look(root):
            found = seen(root)
            if found[0] >= 64 << 20:
                with contextlib.suppress(OSError):     # it is not waiting yet, or not any more
                    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            return found

        with unittest.mock.patch.object(measure, "memory_of_tree", look):
            run = measure.run_watched(["sh", "-c", f"'{sys.executable}' -c '{child}' {pipe}; :"], CPUS,
                                      limit_s=60)
        self.assertEqual(run.status, 0)
        self.assertTrue(64 << 20 <= run.peak < 128 << 20, run.peak)
        self.assertGreaterEqual(run.rss, 64 << 20)

    def test_tree_has_orphans_of_the_session(self):
        table = {10: (1, 10), 11: (10, 10), 12: (11, 99), 13: (1, 10), 14: (1, 14), 15: (12, 99)}
        self.assertEqual(measure.tree_of(10, table), {10, 11, 12, 13, 15})

    def test_median(self):
        self.assertEqual(measure.median([5, 1, 9]), 5)
        self.assertEqual(measure.median([1, 2, 3, 10]), 2.5)


def result(who, runs, digest=("1", "ab"), **more):
    return {"row": "r", "who": who, "runs": runs, "cpus_s": runs, "cpu_s": 0, "version": "v",
            "memory": {"peak": 5 << 20, "rss": 7 << 20}, "placement": "0,1",
            "answer": {"digest": digest}, **more}


class Reports(unittest.TestCase):
    def results(self):
        results = [result("gw", [2.0, 1.0, 3.0]), result("peer", [9.0, 8.0, 10.0]),
                   result("other <&>", [4.0, 4.0, 4.0], ("1", "cd")),
                   {"row": "r", "who": "broken", "runs": [], "error": "exit status 1", "answer": {}}]
        runner.complete(results)
        return results

    def test_ratios_and_verdicts(self):
        gw, peer, other, _ = self.results()
        self.assertEqual((gw["median_s"], gw["ratio"], gw["answer"]["verdict"]), (2.0, 1.0, "same"))
        self.assertEqual((peer["median_s"], peer["ratio"], peer["cpu_s"]), (9.0, 4.5, 9.0))
        self.assertEqual(other["answer"]["verdict"], "DIFFERS")
        self.assertTrue(runner.differs(other))
        self.assertFalse(runner.differs(gw))

    def test_table(self):
        text = report.table(self.results())
        self.assertRegex(text, r"gw +2\.000 +1\.000 +3\.000 +2\.000 +1\.00 +5 +7 +0,1 +same")
        self.assertRegex(text, r"broken +failed: exit status 1")
        self.assertIn("DIFFERS", text)

    def test_goals(self):
        results = self.results()
        judge = report.judge
        self.assertIn("4.50 x, reached", judge(rows.Goal("gw", "peer", 4), results))
        self.assertIn("4.50 x, NOT REACHED", judge(rows.Goal("gw", "peer", 5), results))
        self.assertIn("5 MiB, reached", judge(rows.Goal("gw", memory=5 << 20), results))
        self.assertIn("NOT REACHED", judge(rows.Goal("gw", seconds=0.02), results))
        self.assertIsNone(judge(rows.Goal("gw", "broken", 1), results))
        self.assertIsNone(judge(rows.Goal("nobody", "peer", 1), results))

    def test_json_lines_and_plot_can_be_read(self):
        results = self.results()
        head = {"bench": 1, "machine": "2 x <CPU>", "runs": 3}
        broken = [{**results[-1], "row": "none"}]
        text = report.json_lines([(head, results), (head, broken)])
        entries = [json.loads(line) for line in text.splitlines()]
        self.assertEqual((entries[0], len(entries)), (head, 6))
        for field in ("row", "who", "runs", "cpu_s", "memory", "placement", "version"):
            self.assertIn(field, entries[1])
        self.assertEqual(report.json_lines(list(report.parse(text).values())), text)
        root = xml.etree.ElementTree.fromstring(report.svg([(head, results), (head, broken)], {"r": "title"}))
        bars = [bar for bar in root.iter() if bar.get("class") in ("we", "they")]
        self.assertEqual(len(bars), 3)
        self.assertEqual(max(float(bar.get("width")) for bar in bars), report.BAR_WIDTH)

    def test_the_last_run_of_each_row_is_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            settings = types.SimpleNamespace(save=os.path.join(folder, "kept.jsonl"))
            first, second = ({"bench": 1, "machine": "m", "runs": runs, "date": f"2026-01-0{runs}"} for runs in (1, 2))
            other = [{**result, "row": "other"} for result in self.results()]
            with unittest.mock.patch.object(runner, "HERE", folder):
                runner.save(settings, first, [self.results(), other], {})
                runner.save(settings, second, [self.results()], {})
            kept = runner.kept(settings.save)
            self.assertEqual({row: head for row, (head, _) in kept.items()}, {"r": second, "other": first})
            self.assertEqual([result["who"] for result in kept["other"][1]], [result["who"] for result in other])
            self.assertEqual(len(os.listdir(os.path.join(folder, "results"))), 4)


class Contests(Folder):
    """A whole row with commands that are on every machine."""

    def contest(self, contestants, **settings):
        settings = types.SimpleNamespace(**{"runs": 3, "size": "10K", "who": None, "cache": self.folder,
                                            **settings})
        programs = tools.Tools(os.path.dirname(HELPERS), self.folder, CPUS)
        inputs = corpora.Corpora(self.folder, HELPERS, 10**9, lambda text: None)
        row = rows.Row("r", "title", "records", 1, contestants, [rows.Goal("gw a", "b", 0)])
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()) as out:
            record, results = runner.Contest(settings, inputs, programs).run_row(row)
            runner.print_row(row, record, results)
        return results, out.getvalue()

    def test_same_answers_by_file_folder_and_output(self):
        results, text = self.contest([
            rows.Contestant("gw a", "sh", rows.shell(
                "mkdir @OUT@/job; sort @INPUT@ > @OUT@/job/part-00000; : > @OUT@/job/_SUCCESS"), "ordered"),
            rows.Contestant("b", "sort", ["sort", "-o", "@OUT@/answer", "@INPUT@"], "ordered", CPUS[:1]),
            rows.Contestant("c", "sort", ["sort", "@INPUT@"], "ordered"),
            rows.Contestant("floor", "cat", ["cat", "@INPUT@"])])
        self.assertEqual([one["answer"]["verdict"] for one in results], ["same", "same", "same", "-"])
        self.assertEqual([len(one["runs"]) for one in results], [3] * 4)
        self.assertEqual(results[1]["placement"], str(CPUS[0]))
        self.assertEqual(results[0]["input"]["bytes"], 10200)
        self.assertRegex(results[1]["version"], "sort")
        self.assertRegex(text, r"goal: gw a at least 0 x b: [\d.]+ x, reached")

    def test_another_answer_does_not_count(self):
        results, text = self.contest([
            rows.Contestant("gw a", "cat", ["cat", "@INPUT@"], "ordered"),
            rows.Contestant("b", "sort", ["sort", "@INPUT@"], "ordered"),
            rows.Contestant("c", "sort", ["sort", "@INPUT@"], "ordered")])
        self.assertEqual([one["answer"]["verdict"] for one in results], ["DIFFERS", "same", "same"])
        self.assertIn("gw a: another answer: 102 ", text)

    def test_a_failure_is_told_and_the_others_go_on(self):
        results, text = self.contest([
            rows.Contestant("gw a", "sh", rows.shell("echo no luck >&2; exit 7")),
            rows.Contestant("b", "true", ["true"]),
            rows.Contestant("c", "there-is-no-such-program", ["x"])], runs=1)
        self.assertEqual(len(results), 2)
        self.assertEqual(results[0]["error"], "exit status 7: no luck")
        self.assertRegex(text, r"gw a +failed: exit status 7: no luck")
        self.assertEqual(len(results[1]["runs"]), 1)

    def test_only_those_who_were_asked_for(self):
        true = ["true"]
        results, _ = self.contest([rows.Contestant(who, "true", true) for who in ("gw a", "b", "c")],
                                  who="c", runs=1)
        self.assertEqual([one["who"] for one in results], ["gw a", "c"])


class Peers(Folder):
    """A compiler that notes each call, and makes a program of it."""

    def setUp(self):
        super().setUp()
        go = self.write("bin/go", b'#!/bin/sh\necho "$*" >> "$0.log"\nshift 2\ntouch "$1"\n')
        os.chmod(go, 0o755)
        # The peers in C and C++ take long to build, and are left out without their libraries.
        os.chmod(self.write("bin/pkg-config", b"#!/bin/sh\nexit 1\n"), 0o755)
        self.path = os.path.dirname(go) + ":" + os.environ["PATH"]
        self.programs = tools.Tools(os.path.dirname(HELPERS), os.path.join(self.folder, "cache"), CPUS)

    def calls(self, path):
        with unittest.mock.patch.dict(os.environ, {"PATH": path}):
            self.programs.build_peers(lambda text: None)
        log = os.path.join(self.folder, "bin", "go.log")
        return self.read("bin/go.log").count(b"tasks.go") if os.path.exists(log) else 0

    def test_a_peer_is_built_when_it_has_changed(self):
        self.assertEqual(self.calls(self.path), 1)
        self.assertEqual(self.calls(self.path), 1)
        os.utime(self.programs.peer("tasks"), (1, 1))
        self.assertEqual(self.calls(self.path), 2)

    def test_a_peer_without_its_compiler_is_left_out(self):
        self.assertEqual(self.calls(os.path.join(self.folder, "nothing")), 0)
        self.assertTrue(self.programs.missing(self.programs.peer("tasks")))


class Table(unittest.TestCase):
    def test_rows_are_whole(self):
        table = rows.all_rows(tools.Tools("/build", "/cache", [0, 1]))
        self.assertEqual(len({row.name for row in table}), len(table))
        for row in table:
            names = [contestant.who for contestant in row.contestants]
            self.assertEqual(len(set(names)), len(names))
            self.assertEqual(names[0], "gw")
            self.assertFalse([name for name in names if "," in name], "--who splits at commas")
            for goal in row.goals:
                self.assertIn(goal.who, names)
                self.assertIn(goal.peer or goal.who, names)

    def test_command_line(self):
        for arguments in (["--rows", "nonsense"], ["--size", "0"], ["--runs", "0"]):
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                self.assertRaises(SystemExit, runner.main, arguments)
            self.assertIn("usage: bench/run", errors.getvalue())
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(runner.main(["--list", "--rows", "startup"]), 0)
        self.assertEqual(out.getvalue(), "startup: gw, true\n")


RECORDS_SHA256 = "ae2a29dde89fd8c2dfafd2ea976ec68f9742666cd2df08e59a611045e025c3b4"
LOGS_SHA256 = "f96f164d589c45ca903eda0bb327521eb5e830bb7da1a8bed42277d6bb54b0c3"


class Tap(unittest.TestResult):
    """Prints each test as it ends."""

    number = 0

    def line(self, verdict, test, details=""):
        self.number += 1
        title = re.sub(r"_", " ", test.id().split(".test_")[-1])
        print(f"{verdict} {self.number} - {title}")
        for line in details.strip().splitlines():
            print("# " + line)
        sys.stdout.flush()

    def addSuccess(self, test):
        self.line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line("not ok", test, self.errors[-1][1])


def main():
    if not HELPERS:
        sys.exit("usage: bench_test.py DIRECTORY_OF_THE_HELPERS")
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    print(f"1..{suite.countTestCases()}")
    outcome = Tap()
    suite.run(outcome)
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
