#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ready-made jobs give, byte for byte, what shell pipelines and the scripts of test/reference give. TAP.

    python3 test/e2e/results.py BUILD_DIR

Each job runs over real text of this machine and over made up inputs, with several numbers of slots and parts and with
little memory. A hash spreads keys over parts: of these each part must be sorted, and all of them together the result.
"""
import json
import os
import shlex
import subprocess
import sys
import tempfile

import inputs

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REFERENCE = os.path.join(TOP, "test/reference")
VARIANTS = [[], ["-j", "1"], ["--memory", "64M", "--parts", "3"], ["-j", "2", "--parts", "5", "--split-size", "300K"]]
WORDS = r"""tr -s ' \t\n\v\f\r' '\n' | grep -av '^$' | sort | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)$/\2\t\1/'"""
FOLDED = r"""tr A-Z a-z | tr -cs a-z '\n' | grep -v '^$' | sort | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)$/\2\t\1/'"""

# Options of sort, each checked against GNU sort. Both see -- and the long names alike.
SORTS = ["", "-r", "-n", "-nr", "-u", "-ru", "-f", "-fs", "-fu", "-d", "-df", "-i", "-b", "-nu", "-nru", "-s", "-sr",
         "-k2", "-k2,2", "-k2n", "-k2,2nr", "-k 1,1 -k2,2n", "-k3b", "-k2.2,2.3", "-k1.3", "-k2,1", "-n -k2,2 -k1,1r",
         "-r -k2,2", "-r -k2,2n", "-s -k2,2n", "-u -k2,2", "-u -k1,1n", "-f -k2", "-b -k2,2", "-k2b,2b -s", "-t: -k2",
         "-t: -k2,2n", "-t: -k1,1 -k3n", "-t, -k2nr", "-s -t: -k2.1,2.2", "-b -k2.1,3.1b", "-k4 -s", "-k99,99 -u"]


class Tests:
    def __init__(self, command, work):
        self.command, self.work, self.number, self.failed = command, work, 0, 0

    def report(self, title, problem):
        self.number += 1
        self.failed += problem is not None
        print(f"{'not ok' if problem else 'ok'} {self.number} - {title}", flush=True)
        for line in (problem or "").splitlines()[:20]:
            print(f"# {line}")

    def job(self, title, arguments, operands, expected, ordered=False):
        """Runs the job and compares: `ordered` when the parts one behind the other are the result."""
        self.program(title, [self.command, "mr", *arguments], operands, expected, ordered)

    def program(self, title, words, operands, expected, ordered=False):
        output = os.path.join(self.work, f"out{self.number}")
        done = subprocess.run([*words, "--quiet", *operands, output], capture_output=True, check=False)
        if done.returncode != 0 or done.stderr:
            self.report(title, f"exit status {done.returncode}\n" + done.stderr.decode(errors="replace"))
            return
        self.report(title, self.compare(output, expected, ordered))
        subprocess.run(["rm", "-rf", output], check=True)

    def compare(self, output, expected, ordered):
        shown = subprocess.run([self.command, "mr", "cat", output], capture_output=True, check=False)
        if shown.returncode != 0:
            return "gw mr cat: " + shown.stderr.decode(errors="replace")
        got = shown.stdout
        if not ordered:
            parts = [read(os.path.join(output, name)) for name in sorted(os.listdir(output)) if name.startswith("part-")]
            if b"".join(parts) != got:
                return "gw mr cat does not print the parts"
            rows = [part.split(b"\n")[:-1] for part in parts]
            if any(keys(part) != sorted(keys(part)) for part in rows):
                return "a part is not sorted"
            got = b"".join(line + b"\n" for line in sorted(sum(rows, []), key=key))
        return None if got == expected else difference(got, expected)


def key(line):
    return line.split(b"\t")[0]


def keys(rows):
    return [key(line) for line in rows]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def difference(got, expected):
    rows, wanted = got.split(b"\n"), expected.split(b"\n")
    at = next((i for i in range(min(len(rows), len(wanted))) if rows[i] != wanted[i]), min(len(rows), len(wanted)))
    return "\n".join([f"{len(rows)} lines, not {len(wanted)}; the first difference is in line {at + 1}",
                      f"got      {rows[at:at + 1]!r:.300}", f"expected {wanted[at:at + 1]!r:.300}"])


def shell(command, **more):
    return subprocess.run(["sh", "-c", command], env={**os.environ, "LC_ALL": "C"}, stdout=subprocess.PIPE, check=True,
                          **more).stdout


def reference(script, *arguments):
    return subprocess.run([sys.executable, os.path.join(REFERENCE, script), *arguments], stdout=subprocess.PIPE,
                          check=True).stdout


def named(variant):
    return " ".join(variant) or "defaults"


def files_below(directory):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(directory) for name in names)


def unpacked_text(text):
    """All bytes of the files, each ended by a newline, so that no word or line goes on in the next file."""
    pieces = []
    for path in files_below(text):
        data = subprocess.run(["gzip", "-dc", path], stdout=subprocess.PIPE, check=True).stdout if path.endswith(
            ".gz") else read(path)
        pieces += [data, b"" if data.endswith(b"\n") or not data else b"\n"]
    return b"".join(pieces)


def test_wordcount(tests, text):
    everything = unpacked_text(text)
    plain, folded = shell(WORDS, input=everything), shell(FOLDED, input=everything)
    for variant in VARIANTS:
        tests.job(f"wordcount, {named(variant)}", ["wordcount", *variant], [text], plain)
    tests.job("wordcount --fold", ["wordcount", "--fold"], [text], folded)
    tests.job("wordcount of a file without words", ["wordcount"], [text + "/odd/newlines"], b"")
    tests.job("wordcount of an empty file", ["wordcount"], [text + "/odd/empty"], b"")


def test_sort(tests, text, lines):
    everything = shell("sort", input=unpacked_text(text))
    for variant in VARIANTS:
        tests.job(f"sort, {named(variant)}", ["sort", *variant], [text], everything, ordered=True)
    unique = shell("sort -u", input=everything)
    tests.job("sort -u of text", ["sort", "-u", "--memory", "64M", "--parts", "3"], [text], unique, ordered=True)
    for number, options in enumerate(SORTS):
        variant = VARIANTS[number % len(VARIANTS)]
        expected = shell(f"sort {options} {lines}")
        tests.job(f"sort {options}, {named(variant)}", ["sort", *options.split(), *variant], [lines], expected,
                  ordered=True)


def test_records(tests, path):
    data = read(path)
    rows = [data[at:at + 100] for at in range(0, len(data), 100)]
    cases = [("", sorted(rows)), ("--key-size 10", sorted(rows, key=lambda row: row[:10])),
             ("--key-size 2", sorted(rows, key=lambda row: row[:2])),
             ("--reverse", sorted(rows, reverse=True)),
             ("--key-size 2 --reverse", sorted(rows, key=lambda row: bytes(255 - byte for byte in row[:2])))]
    for options, expected in cases:
        for variant in VARIANTS:
            tests.job(f"sort of records {options}, {named(variant)}",
                      ["sort", "--record-size", "100", *options.split(), *variant], [path], b"".join(expected),
                      ordered=True)


def test_grep(tests, text):
    paths = [path for path in files_below(text) if not path.endswith(".gz")]
    listed = " ".join(shlex.quote(path) for path in paths)
    cases = [("define", ""), ("DEFINE", "-i"), ("int", "-w"), ("a.b", "-F"), ("a.b", ""), ("^#(if|endif)", "-E"),
             ("(struct|union) [a-z_]+ \\{", "-E"), ("define", "-c"), ("tiny 29", "-n"), ("e", "-v"), ("no such text", "")]
    for number, (pattern, options) in enumerate(cases):
        names = "-H" if number % 2 else "-h"
        expected = shell(f"grep -a {names} {options} {shlex.quote(pattern)} {listed} || [ $? = 1 ]")
        ours = options.replace("-E", "").split() + [names, *VARIANTS[number % 2]]
        tests.job(f"grep {options} '{pattern}' {names}", ["grep", *ours, pattern], paths, expected, ordered=True)


    one, ordinary = text + "/odd/empty", paths[0]
    for operands in ([one], [one, one, ordinary], [ordinary, one, ordinary, one]):
        expected = shell(f"grep -a -c define {' '.join(map(shlex.quote, operands))} || [ $? = 1 ]")
        tests.job(f"grep -c of {len(operands)} files, some empty", ["grep", "-c", "define"], operands, expected,
                  ordered=True)


def test_urlcount(tests, logs):
    expected = reference("urlcount.py", *files_below(logs))
    for variant in VARIANTS:
        tests.job(f"urlcount, {named(variant)}", ["urlcount", *variant], [logs], expected)


def test_linkgraph(tests, pages, archives):
    for options in ([], ["--base", "http://doc.example/a/b"], ["--base", "http://doc.example/"]):
        expected = reference("linkgraph.py", *options, pages)
        for variant in VARIANTS[len(options):]:
            tests.job(f"linkgraph {' '.join(options)}, {named(variant)}", ["linkgraph", *options, *variant], [pages],
                      expected)
    expected = reference("linkgraph.py", *files_below(archives))
    for variant in VARIANTS:
        tests.job(f"linkgraph of archives, {named(variant)}", ["linkgraph", *variant], files_below(archives), expected)
    tests.job("linkgraph of a directory of archives", ["linkgraph", "--format", "warc"], [archives], expected)


def test_termvector(tests, pages, archives, lines):
    expected = reference("termvector.py", "10", "--base", "http://", pages)
    for variant in VARIANTS:
        tests.job(f"termvector of pages, {named(variant)}", ["termvector", "--base", "http://", *variant], [pages],
                  expected)
    expected = reference("termvector.py", "3", *files_below(archives))
    tests.job("termvector of archives", ["termvector", "-k", "3", "--parts", "2"], files_below(archives), expected)
    expected = reference("termvector.py", "1000", lines)
    for variant in VARIANTS:
        tests.job(f"termvector of lines, {named(variant)}", ["termvector", "--format", "text", "-k1000", *variant],
                  [lines], expected)


def test_invindex(tests, text):
    paths = [path for path in files_below(text) if not path.endswith(".gz")]
    expected = reference("invindex.py", *paths)
    for variant in VARIANTS:
        tests.job(f"invindex, {named(variant)}", ["invindex", *variant], paths, expected)
    tests.job("invindex --fold", ["invindex", "--fold"], paths, reference("invindex.py", "--fold", *paths))
    test_query(tests, paths, expected)


def test_query(tests, paths, expected):
    index = os.path.join(tests.work, "index")
    subprocess.run([tests.command, "mr", "invindex", "--quiet", "--parts", "4", *paths, index], check=True)
    lists = dict(line.split(b"\t") for line in expected.splitlines())
    for words in (["define"], ["define", "include", "tiny"], ["tiny", "299"], ["int", "char", "long"], ["no_such_word"],
                  ["define", "no_such_word"], ["w" * 100000], ["0"]):
        documents = set.intersection(*(set(lists.get(word.encode(), b"").split()) for word in words))
        asked = subprocess.run([tests.command, "mr", "query", index, *words], capture_output=True, check=False)
        wanted = b"".join(document + b"\n" for document in sorted(documents))
        tests.report(f"query {' '.join(words):.40}", None if asked.stdout == wanted and asked.returncode == 0
                     else difference(asked.stdout, wanted) + asked.stderr.decode())


def test_bad_usage(tests, work):
    """One clear sentence, and a status that is not 0; no output is left."""
    text, cut = os.path.join(work, "text/odd/one_word"), os.path.join(work, "cut.warc.gz")
    inputs.write(cut, read(work + "/archives/packed.warc.gz")[:-50])
    cases = [
        ("sort -k 0", text, "fields are counted from 1"), ("sort -k 1g", text, "not supported"),
        ("sort -t ab", text, "one byte"), ("sort -n -d", text, "excludes"), ("sort --key-size 4", text, "--record-size"),
        ("sort --record-size 4 --key-size 5", text, "--key-size 5"), ("sort --record-size 4 -n", text, "--reverse only"),
        ("sort --record-size 7", text, "one_word"), ("linkgraph --base ftp://a/", text, "not an http"),
        ("linkgraph", os.path.join(work, "text/odd/tiny"), "no .html files"),
        ("linkgraph --format warc", os.path.join(work, "text/odd/tiny"), "no .warc files"),
        ("linkgraph --format warc", text, "not a WARC record"), ("linkgraph", cut, "cut.warc.gz"), ("termvector", os.path.join(work, "html"), "--base"),
        ("termvector -k 0 --format text", text, "1 to"), ("wordcount", os.path.join(work, "missing"), "missing"),
        ("linkgraph", os.path.join(work, "missing"), "missing"), ("sort --format x", text, "--format"),
    ]
    for options, operand, because in cases:
        output = os.path.join(work, "bad")
        done = subprocess.run([tests.command, "mr", *options.split(), operand, output], capture_output=True, text=True,
                              check=False)
        problem = None
        if done.returncode == 0 or because not in done.stderr or os.path.exists(output):
            problem = f"exit status {done.returncode}, output {os.path.exists(output)}\n{done.stderr}"
        tests.report(f"{options} says what is wrong", problem)
    for words, because in (("", "Usage"), ("unknown", "no such job"), ("cat", "wanted: DIR"),
                           (f"cat {work}/missing", "missing"), (f"cat {text}", "not the output directory"),
                           (f"cat --top -1 {work}", "1 to"), (f"query {work}", "wanted: DIR WORD"), (f"query {work} x", "_SUCCESS"),
                           (f"query --limit -1 {work} x", "less than 0")):
        done = subprocess.run([tests.command, "mr", *words.split()], capture_output=True, text=True, check=False)
        refused = done.returncode != 0 and because in done.stderr and not done.stdout
        tests.report(f"gw mr {words.replace(work, 'DIR')} says what is wrong", None if refused else done.stderr)


def counters(tests, arguments, operand):
    """What the job counted."""
    output = os.path.join(tests.work, "counted")
    done = subprocess.run([tests.command, "mr", *arguments, "--json", operand, output], capture_output=True, check=True)
    subprocess.run(["rm", "-rf", output], check=True)
    return json.loads(done.stdout)["user_counters"]


def test_counters(tests, logs):
    """What a job leaves out, it counts."""
    lines = sum(read(path).count(b"\n") for path in files_below(logs)) + 1
    taken = sum(int(line.split(b"\t")[1]) for line in reference("urlcount.py", *files_below(logs)).splitlines())
    expected = {"malformed_lines": lines - taken}
    got = counters(tests, ["urlcount"], logs)
    tests.report("urlcount counts malformed lines", None if got == expected else f"{got}, not {expected}")
    ok, html = b"HTTP/1.1 200 OK\r\n", b"Content-Type: text/html\r\n"
    archive = os.path.join(tests.work, "mixed.warc")
    inputs.write(archive, b"".join(inputs.record(b"response", target, block) for target, block in [
        (b"http://a/", ok + html + b"\r\n<a href=b><a href=mailto:c>"),
        (b"http://b/", ok + html + b"Content-Encoding: br\r\n\r\nx"),
        (b"http://c/", ok + html + b"Content-Encoding: gzip\r\n\r\nx is not gzip"),
        (b"http://d/", ok + html + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n"),
        (b"http://e/", ok + b"Content-Type: text/plain\r\n\r\nx"),
        (b"http://f/", b"HTTP/1.1 404 Not Found\r\n" + html + b"\r\nx"), (b"http://g/", b"no HTTP"),
        (b"dns:h", ok + html + b"\r\nx")]))
    got = counters(tests, ["linkgraph"], archive)
    expected = {"pages": 1, "other_links": 1, "bad_pages": 3, "other_records": 3, "bad_urls": 1}
    tests.report("linkgraph counts what is no page", None if got == expected else f"{got}, not {expected}")
    lines = os.path.join(tests.work, "mixed_lines")
    inputs.write(lines, b"http://a/\ttext\nno tab\nmailto:x\ttext\n\n\thost is missing\n")
    got = counters(tests, ["termvector", "--format", "text"], lines)
    tests.report("termvector counts malformed lines", None if got == {"malformed_lines": 4} else str(got))


def test_cat(tests, text):
    output = os.path.join(tests.work, "cat")
    subprocess.run([tests.command, "mr", "wordcount", "--quiet", "--parts", "3", text, output], check=True)
    rows = subprocess.run([tests.command, "mr", "cat", output], stdout=subprocess.PIPE, check=True).stdout.splitlines()
    best = sorted(rows, key=lambda row: (-int(row.split(b"\t")[1]), row))[:20]
    top = subprocess.run([tests.command, "mr", "cat", "--top", "20", output], stdout=subprocess.PIPE, check=True).stdout
    tests.report("cat --top prints the greatest", None if top.splitlines() == best else difference(top, b"\n".join(best)))
    os.remove(output + "/_SUCCESS")
    done = subprocess.run([tests.command, "mr", "cat", output], capture_output=True, text=True, check=False)
    refused = done.returncode != 0 and not done.stdout and "_SUCCESS" in done.stderr
    tests.report("cat refuses what is not whole", None if refused else done.stderr)
    done = subprocess.run([tests.command, "mr", "cat", "--force", output], stdout=subprocess.PIPE, check=False)
    tests.report("cat --force prints it", None if done.stdout.splitlines() == rows else "something else")


def main():
    command = os.environ.get("GW") or os.path.join(sys.argv[1], "gw")
    with tempfile.TemporaryDirectory(prefix="gw-results-") as work:
        inputs.text(work + "/text")
        inputs.lines(work + "/lines")
        inputs.records(work + "/records")
        inputs.logs(work + "/logs")
        inputs.html(work + "/html")
        inputs.archives(work + "/archives")
        inputs.url_lines(work + "/url_lines")
        tests = Tests(command, work)
        test_wordcount(tests, work + "/text")
        test_sort(tests, work + "/text", work + "/lines")
        test_records(tests, work + "/records")
        test_grep(tests, work + "/text")
        test_urlcount(tests, work + "/logs")
        test_linkgraph(tests, work + "/html", work + "/archives")
        test_termvector(tests, work + "/html", work + "/archives", work + "/url_lines")
        test_invindex(tests, work + "/text")
        test_cat(tests, work + "/text")
        test_counters(tests, work + "/logs")
        test_bad_usage(tests, work)
        print(f"1..{tests.number}")
        return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main())
