#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`gw mr stream`: every option of Hadoop Streaming, against the same commands joined by pipes. TAP.

    python3 test/e2e/stream.py BUILD_DIR

A mapper whose lines do not depend on each other, a sort by key and a reducer give the same lines whether the
input was cut or not; so the pipeline `MAPPER < INPUT | sort -s -t TAB -k1,1 | REDUCER` says what has to come out.
"""
import gzip
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile

GW = os.environ.get("GW", os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build") + "/gw")
EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "examples")
MARK = ("GW_STREAM_TEST_MARK", str(os.getpid()))
ENVIRONMENT = {**os.environ, "LC_ALL": "C", MARK[0]: MARK[1]}
SORT = "sort -s -t '\t' -k1,1"
SECONDS_MAX = 120
WORDS = ["apple", "pear", "fig", "plum", "the", "a", "of", "zebra", "\xe4pfel"]

cases = []


def case(function):
    cases.append(function)
    return function


class Wrong(Exception):
    """What a case found."""


def check(truth, what):
    if not truth:
        raise Wrong(what)


def equal(got, expected):
    if got != expected:
        raise Wrong(f"got {got!r:.600}, expected {expected!r:.600}")


def run(words, **more):
    return subprocess.run(words, capture_output=True, env=ENVIRONMENT, timeout=SECONDS_MAX, check=False, **more)


def write(name, data, mode=0o644):
    with open(name, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    os.chmod(name, mode)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def shell(script):
    done = run(["sh", "-c", script])
    check(done.returncode == 0, f"{script}: status {done.returncode} {done.stderr!r}")
    return done.stdout


def parts(output="out"):
    return [read(os.path.join(output, name)) for name in sorted(os.listdir(output)) if name.startswith("part-")]


def stream(*options, source="text", status=0):
    """Runs a job over the input; its parts, or its standard error when it is to fail with a status."""
    shutil.rmtree("out", ignore_errors=True)
    before = set(os.listdir("."))
    inputs = ["-input", source] if source else []
    quiet = ["--quiet"] if status == 0 else []
    done = run([GW, "mr", "stream", *quiet, *inputs, "-output", "out", *options])
    text = done.stderr.decode(errors="replace")
    check(done.returncode == status, f"status {done.returncode}, not {status}: {text}")
    left = set(os.listdir(".")) - before - ({"out"} if status == 0 else set())
    check(not left, f"left behind: {left}")
    if status != 0:
        return text
    check(os.path.exists("out/_SUCCESS"), "no _SUCCESS")
    return parts()


def joined(*options, **more):
    return b"".join(stream(*options, **more))


def fails(*options, says, status=1, **more):
    text = stream(*options, status=status, **more)
    for sentence in [says] if isinstance(says, str) else says:
        check(sentence in text, f"no \"{sentence}\" in: {text}")
    check(not marked(), "processes are left")
    return text


def marked():
    """Processes of this test that still run, itself aside."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(name) == os.getpid():
                continue
            with open(f"/proc/{name}/environ", "rb") as environ, open(f"/proc/{name}/stat", "rb") as stat:
                if "=".join(MARK).encode() in environ.read().split(b"\0") and b") Z " not in stat.read():
                    found.append(name)
        except OSError:
            continue
    return found


def sorted_lines(text):
    return sorted(text.splitlines(keepends=True))


# ---- Commands -----------------------------------------------------------------------------------------

EACH_WORD = "awk '{ for (i = 1; i <= NF; i++) print $i \"\\t1\" }'"
ADD_UP = "awk -F '\\t' '$1 != key && NR > 1 { print key \"\\t\" sum; sum = 0 } { key = $1; sum += $2 } " \
         "END { if (NR) print key \"\\t\" sum }'"


@case
def word_count_is_that_of_the_pipeline():
    expected = shell(f"{EACH_WORD} < text | {SORT} | {ADD_UP}")
    equal(joined("-mapper", EACH_WORD, "-reducer", ADD_UP), expected)
    for options in (["-j", "1"], ["-split-size", "16K"], ["--memory=64M", "-combiner", ADD_UP],
                    ["-combiner", ADD_UP, "--split-size", "16K"]):
        equal(joined("-mapper", EACH_WORD, "-reducer", ADD_UP, *options), expected)
    several = stream("-mapper", EACH_WORD, "-reducer", ADD_UP, "-numReduceTasks", "3")
    equal(len(several), 3)
    equal(b"".join(sorted_lines(b"".join(several))), b"".join(sorted_lines(expected)))


@case
def tr_and_uniq_are_those_of_the_pipeline():
    mapper = "tr -s '[:space:]' '\\n'"
    equal(joined("-mapper", mapper, "-reducer", "uniq -c"), shell(f"{mapper} < text | sort | uniq -c"))


@case
def a_mapper_may_be_a_pipeline_of_its_own():
    mapper = "cut -d ' ' -f 1 | sed 's/p/P/g'"
    equal(joined("-mapper", mapper, "-reducer", "uniq -c"), shell(f"cat text | {mapper} | {SORT} | uniq -c"))


@case
def values_of_a_key_keep_the_order_of_the_input():
    expected = shell(f"sed 's/ /\\t/' < text | {SORT}")
    equal(joined("-mapper", "sed 's/ /\\t/'", "-reducer", "cat", "-split-size", "16K"), expected)
    equal(joined("-mapper", "sed 's/ /\\t/'", "--split-size=16K"), expected)


@case
def without_a_mapper_the_input_is_sorted_by_key():
    write("pairs", "b\t2\na\t1\nb\t1\nc\nc\t\na\t0")
    equal(joined(source="pairs"), b"a\t1\na\t0\nb\t2\nb\t1\nc\nc\t\n")
    equal(joined("-reducer", "cat -A", source="pairs"), b"a^I1$\na^I0$\nb^I2$\nb^I1$\nc$\nc^I$\n")
    equal(joined("-mapper", "org.apache.hadoop.mapred.lib.IdentityMapper", "-reducer",
                 "org.apache.hadoop.mapred.lib.IdentityReducer", source="pairs"), b"a\t1\na\t0\nb\t2\nb\t1\nc\nc\t\n")


@case
def map_only_output_is_the_mappers_in_the_order_of_the_input():
    expected = shell("sed 's/e/E/g' < text")
    for options in (["-reducer", "NONE"], ["-numReduceTasks", "0"], ["-D", "mapreduce.job.reduces=0"],
                    ["-jobconf", "mapred.reduce.tasks=0"], ["-reducer", "NONE", "--split-size", "16K"]):
        equal(joined("-mapper", "sed 's/e/E/g'", *options), expected)
    equal(joined("-reducer", "NONE"), read("text"))


@case
def any_bytes_go_through():
    data = bytes(range(256)) * 300 + b"\n" + b"\0\n\xff\xfe\n\r\n\n" + b"no newline"
    write("bytes", data)
    equal(joined("-mapper", "cat", "-reducer", "NONE", source="bytes"), data + b"\n")
    equal(joined("-mapper", "cat", "-reducer", "cat", source="bytes"), shell(f"(cat bytes; echo) | {SORT}"))


@case
def a_line_of_100_megabytes():
    write("long", b"short\tx\n" + b"y" * (100 << 20) + b"\tz\nlast\n")
    equal(joined("-mapper", "cat", "-reducer", "wc -c", source="long"), b"%d\n" % (len(read("long"))))
    check(joined("-mapper", "cat", "-reducer", "NONE", source="long") == read("long"), "the line was changed")
    os.unlink("long")


# ---- Separators and fields ----------------------------------------------------------------------------


@case
def separators_and_key_fields():
    write("dots", "11.12.1.2.a\n11.14.2.3.b\n11.11.4.1.c\n11.12.1.1.d\n11.14.2.2.e\nshort\n")
    dots = ["-D", "stream.map.output.field.separator=.", "-D", "stream.num.map.output.key.fields=4"]
    expected = b"11.11.4.1\tc\n11.12.1.1\td\n11.12.1.2\ta\n11.14.2.2\te\n11.14.2.3\tb\nshort\t\n"
    equal(joined(*dots, "-mapper", "cat", "-reducer", "cat", source="dots"), expected)
    equal(joined(*dots, "-mapper", "cat", source="dots"), expected)
    equal(joined(*dots, "-D", "stream.reduce.input.field.separator=:", "-mapper", "cat", "-reducer", "head -n 1",
                 source="dots"), b"11.11.4.1:c\n")
    equal(joined("-mapper", "cat", "-reducer", "sort -r", "-D", "stream.reduce.output.field.separator=.", "-D",
                 "stream.num.reduce.output.key.fields=2", source="dots"),
          b"short\t\n11.14\t2.3.b\n11.14\t2.2.e\n11.12\t1.2.a\n11.12\t1.1.d\n11.11\t4.1.c\n")
    equal(joined("-mapper", "head -n 1", "-reducer", "NONE", "-D", "mapred.textoutputformat.separator=,", "-D",
                 "stream.map.output.field.separator=.", source="dots"), b"11,12.1.2.a\n")


@case
def formats_of_lines():
    write("pairs", "b\t2\na\nb\t\n")
    equal(joined("-mapper", "cat", "-reducer", "cat", "-io", "text", source="pairs"), b"a\t\nb\t2\nb\t\n")
    equal(joined("-mapper", "cat", "-reducer", "uniq -c", "-io", "keyonlytext", source="pairs"),
          shell("sort pairs | uniq -c"))
    fails("-mapper", "cat", "-io", "typedbytes", says="-io typedbytes: known are text and keyonlytext", source="pairs")


@case
def keys_are_spread_by_fields():
    lines = "".join(f"{i % 7}.{i % 5}.{i}\tx\n" for i in range(500))
    write("dots", lines)
    got = stream("-mapper", "cat", "-reducer", "cat", "-numReduceTasks", "4", "-partitioner",
                 "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner", "-D", "map.output.key.field.separator=.",
                 "-D", "mapreduce.partition.keypartitioner.options=-k1,1", source="dots")
    equal(b"".join(sorted_lines(b"".join(got))), b"".join(sorted_lines(lines.encode())))
    where = {}
    for number, part in enumerate(got):
        equal(part, b"".join(sorted_lines(part)))
        for line in part.splitlines():
            where.setdefault(line.split(b".")[0], set()).add(number)
    check(all(len(numbers) == 1 for numbers in where.values()), f"a field is in several parts: {where}")
    for field, numbers in where.items(): # as Java's hash has it
        equal(numbers, {ord(field) % 4})


@case
def keys_are_sorted_by_fields():
    write("dots", "11.12.1.2\n11.14.2.3\n11.11.4.1\n11.9.1.1\n11.14.2.2\n")
    by_second = ["-D", "mapreduce.job.output.key.comparator.class=org.apache.hadoop.mapred.lib.KeyFieldBasedComparator",
                 "-D", "mapreduce.map.output.key.field.separator=."]
    expected = b"11.14.2.2\n11.14.2.3\n11.12.1.2\n11.11.4.1\n11.9.1.1\n"
    options = [*by_second, "-D", "mapreduce.partition.keycomparator.options=-k2,2nr"]
    equal(joined(*options, "-mapper", "cat", "-reducer", "cat", source="dots"), expected)
    equal(joined(*options, "-mapper", "cat", source="dots"), expected)
    equal(joined(*by_second, "-D", "mapred.text.key.comparator.options=-k2,2n -k4r", "-mapper", "cat", source="dots"),
          b"11.9.1.1\n11.11.4.1\n11.12.1.2\n11.14.2.3\n11.14.2.2\n")


@case
def parts_may_be_one_order():
    got = stream("-mapper", "tr ' ' '\\n'", "-reducer", "cat", "-numReduceTasks", "3", "-partitioner",
                 "TotalOrderPartitioner")
    equal(b"".join(got), shell("tr ' ' '\\n' < text | sort"))


# ---- Aggregate ----------------------------------------------------------------------------------------


@case
def aggregate_knows_hadoops_types():
    lines = []
    for i in range(1000):
        lines += [f"LongValueSum:sum\t{i}", f"LongValueMax:max\t{i * 7 % 1000}", f"LongValueMin:min\t{i - 500}",
                  f"StringValueMax:last\tw{i}", f"StringValueMin:first\tw{i}", f"UniqValueCount:seen\t{i % 37}",
                  f"ValueHistogram:words\tw{i % 4}", "DoubleValueSum:tenths\t0.1"]
    write("typed", "\n".join(lines) + "\n")
    tenths = 0.0
    for _ in range(1000):
        tenths += 0.1
    expected = sorted([b"sum\t499500", b"max\t999", b"min\t-500", b"last\tw999", b"first\tw0", b"seen\t37",
                       b"words\t4\t250\t250\t250\t250.0\t0.0", b"tenths\t%s" % repr(tenths).encode()])
    for options in ([], ["--split-size", "16K"], ["-combiner", "ignored"]):
        equal(sorted(joined("-mapper", "cat", "-reducer", "aggregate", *options, source="typed").splitlines()), expected)
    fails("-mapper", "sed 's/.*/LongValueSum:x\\ty/'", "-reducer", "aggregate",
          says=["aggregate: key \"LongValueSum:x\"", "value \"y\" is not a whole number"])
    fails("-mapper", "echo plain", "-reducer", "aggregate", says="aggregate needs TYPE:ID")


# ---- Input --------------------------------------------------------------------------------------------


@case
def inputs_are_lists_patterns_directories_and_uris():
    os.makedirs("logs/deep", exist_ok=True)
    for name in ("logs/b.log", "logs/a.log", "logs/deep/c.log", "logs/_skipped", "logs/.hidden"):
        write(name, name + "\n")
    everything = b"logs/a.log\nlogs/b.log\nlogs/deep/c.log\n"
    here = os.getcwd()
    for options, expected in ((["-input", "logs"], everything), (["-input", "logs/*.log"], everything[:22]),
                              (["-input", "logs/{a,b}.log"], everything[:22]),
                              (["-input", "logs/b.log,logs/a.log"], b"logs/b.log\nlogs/a.log\n"),
                              (["-input", "logs/a.log", "logs/b.log"], everything[:22]),
                              (["-input", "logs/a.log", "-input", "logs/b.log"], everything[:22]),
                              (["-input", f"file://{here}/logs/a.log"], b"logs/a.log\n")):
        equal(joined(*options, "-mapper", "cat", "-reducer", "NONE", source=None), expected)
    fails("-mapper", "cat", source="logs/*.none", status=5, says="input pattern logs/*.none matches no file")
    fails("-mapper", "cat", source="none", status=5, says="none: No such file or directory")
    fails("-mapper", "cat", source="hdfs://host/x", says="hdfs://host/x: only files of this machine")
    shutil.rmtree("logs")


@case
def a_compressed_file_goes_to_one_mapper():
    lines = b"".join(b"%d some text\n" % i for i in range(300000))
    with gzip.open("packed.gz", "wb", 1) as file:
        file.write(lines)
    equal(joined("-mapper", "wc -l", "-reducer", "NONE", source="packed.gz"), b"300000\n")
    os.unlink("packed.gz")


@case
def a_mapper_sees_one_file_unless_they_are_combined():
    os.mkdir("small")
    for number in range(20):
        write(f"small/{number:02}", f"{number}\n")
    mapper = "echo \"$(basename $mapreduce_map_input_file) $(cat)\""
    equal(joined("-mapper", mapper, "-reducer", "NONE", source="small"),
          b"".join(b"%02d %d\n" % (n, n) for n in range(20)))
    got = joined("-mapper", "wc -l", "-reducer", "NONE", "-inputformat", "CombineTextInputFormat", source="small")
    equal(sum(map(int, got.split())), 20)
    check(len(got.split()) < 20, f"{got!r}: nothing was combined")
    shutil.rmtree("small")


@case
def the_mapper_may_get_keys():
    write("pairs", "a=1=x\nb\n")
    equal(joined("-mapper", "cat", "-reducer", "NONE", "-D", "stream.map.input.ignoreKey=false", source="pairs"),
          b"0\ta=1=x\n6\tb\n")
    equal(joined("-mapper", "cat", "-reducer", "NONE", "-inputformat",
                 "org.apache.hadoop.mapred.KeyValueTextInputFormat", "-D", "key.value.separator.in.input.line==", "-D",
                 "stream.map.input.field.separator=:", source="pairs"), b"a:1=x\nb:\n")
    equal(joined("-reducer", "cat", "-inputformat", "KeyValueTextInputFormat", "-D",
                 "key.value.separator.in.input.line==", source="pairs"), b"a\t1=x\nb\t\n")


@case
def n_lines_a_mapper():
    write("jobs", "".join(f"job {i}\n" for i in range(10)))
    n_lines = ["-inputformat", "org.apache.hadoop.mapred.lib.NLineInputFormat", "-reducer", "NONE"]
    equal(joined(*n_lines, "-mapper", "wc -l", source="jobs"), b"1\n" * 10)
    equal(joined(*n_lines, "-mapper", "wc -l", "-D", "mapreduce.input.lineinputformat.linespermap=4", source="jobs"),
          b"4\n4\n2\n")
    equal(joined(*n_lines, "-mapper", "head -n 1", "-D", "mapred.line.input.format.linespermap=5", source="jobs"),
          b"0\tjob 0\n30\tjob 5\n")
    equal(joined(*n_lines, "-mapper", "cat", "-D", "stream.map.input.ignoreKey=true", source="jobs"), read("jobs"))


@case
def records_between_marks():
    write("pages", "<x>skip</x><page>one</page> noise\n<page>two\nlines</page><page>three</page>")
    equal(joined("-inputreader", "StreamXmlRecord,begin=<page>,end=</page>", "-mapper", "tr '\\n' ' '; echo",
                 "-reducer", "NONE", source="pages"), b"<page>one</page> <page>two lines</page> <page>three</page> \n")
    write("pages", "<page>one</page><page>endless")
    fails("-inputreader", "StreamXmlRecord,begin=<page>,end=</page>", "-mapper", "cat", source="pages",
          says="pages: the record at byte 16 does not end")


@case
def empty_input_gives_empty_parts():
    write("empty", "")
    equal(stream("-mapper", "cat", "-reducer", "wc -l", "-numReduceTasks", "2", source="empty"), [b"", b""])
    equal(stream("-mapper", "cat", "-reducer", "cat", "-numReduceTasks", "2", "-lazyOutput", source="empty"), [])
    write("one", "a\n")
    equal(stream("-mapper", "cat", "-reducer", "cat", "-numReduceTasks", "9", "-lazyOutput", source="one"), [b"a\n"])


# ---- Environment, files -------------------------------------------------------------------------------


@case
def commands_have_the_properties_in_their_environment():
    mapper = "cat > /dev/null; env"
    got = joined("-mapper", mapper, "-reducer", "NONE", "-cmdenv", "MINE=some value", "-cmdenv", "HOME=/elsewhere", "-D",
                 "my.own.property=x y", "-D", "mapreduce.job.name=A Job").decode().splitlines()
    for line in ("MINE=some value", "HOME=/elsewhere", "my_own_property=x y", "mapreduce_job_name=A Job",
                 "mapred_job_name=A Job", "mapreduce_task_ismap=true", "mapreduce_task_partition=0",
                 "mapreduce_map_input_file=text", "map_input_file=text", "mapreduce_map_input_start=0",
                 "mapreduce_job_reduces=0", "mapreduce_input_fileinputformat_inputdir=text",
                 "mapreduce_output_fileoutputformat_outputdir=out"):
        check(line in got, f"no {line}")
    for name in ("mapreduce_job_id=job_local", "mapreduce_task_id=task_local",
                 "mapreduce_task_attempt_id=attempt_local"):
        check(any(line.startswith(name) for line in got), f"no {name}")
    got = joined("-mapper", "cat", "-reducer", "cat > /dev/null; env | grep ^mapreduce_task", "-numReduceTasks", "2")
    check(b"mapreduce_task_partition=1\n" in got and b"mapreduce_task_ismap=false\n" in got, f"{got!r}")
    got = joined("-mapper", "cat > /dev/null; echo $long", "-reducer", "NONE", "-D", "long=12345678", "-D",
                 "stream.jobconf.truncate.limit=3")
    equal(got, b"123\n")


@case
def shipped_files_are_where_commands_run():
    os.makedirs("bin", exist_ok=True)
    write("bin/map.sh", "#!/bin/sh\nsed \"s/^/$(cat prefix)/\"\n")
    write("bin/reduce.sh", "#!/bin/sh\nuniq -c\n", 0o755)
    write("dict.txt", "P-")
    ship = ["-files", "bin/map.sh,dict.txt#prefix", "-file", "bin/reduce.sh"]
    expected = shell("sed 's/^/P-/' < text | sort | uniq -c")
    for mapper, reducer in (("map.sh", "reduce.sh"), ("./map.sh", "sh reduce.sh"), ("bin/map.sh", "./reduce.sh"),
                            (os.path.abspath("bin/map.sh"), "bin/reduce.sh")):
        equal(joined("-mapper", mapper, "-reducer", reducer, *ship), expected)
    check(not os.access("bin/map.sh", os.X_OK) or os.geteuid() == 0, "the user's file was changed")
    fails("-mapper", "cat", "-files", "missing", says="missing: No such file")
    fails("-mapper", "./reduce.sh", "-files", "dict.txt", says="a program of one's own has to be named by -files")
    shell("cp bin/reduce.sh local.sh")
    equal(joined("-mapper", "cat", "-reducer", "./local.sh"), shell("sort text | uniq -c"))


@case
def archives_are_unpacked():
    write("inner.txt", "inside\n")
    shell("tar -czf a.tgz inner.txt && tar -cf b.tar inner.txt")
    with zipfile.ZipFile("c.zip", "w") as archive:
        archive.write("inner.txt")
    got = joined("-archives", "a.tgz#dir,b.tar", "-cacheArchive", "c.zip#z", "-mapper",
                 "cat > /dev/null; cat dir/inner.txt b.tar/inner.txt z/inner.txt", "-reducer", "NONE")
    equal(got, b"inside\n" * 3)
    write("broken.tgz", "not an archive")
    fails("-archives", "broken.tgz", "-mapper", "cat", says=["unpacking", "broken.tgz"])


@case
def commands_have_a_directory_of_their_own():
    got = joined("-files", "text", "-mapper", "cat > /dev/null; touch file; ls; echo $TMPDIR | grep -c $PWD", "-reducer",
                 "NONE", "--split-size", "64K")
    equal(set(got.split()), {b"file", b"text", b"1"})


@case
def a_configuration_file_sets_properties():
    write("job.xml", "<?xml version='1.0'?><configuration><property><name>mapred.reduce.tasks</name>"
          "<value>3</value></property><property><name>from.file</name><value>a&amp;b</value></property></configuration>")
    got = stream("-conf", "job.xml", "-mapper", "cat", "-reducer", "cat")
    equal(len(got), 3)
    got = stream("-conf", "job.xml", "-D", "mapreduce.job.reduces=2", "-mapper", "cat >/dev/null; echo $from_file")
    equal(len(got), 2)
    check(b"a&b\n" in b"".join(got), "the property is not in the environment")
    write("job.xml", "<configuration>")
    fails("-conf", "job.xml", "-mapper", "cat", says="job.xml:1: ends inside an element")


# ---- What commands say and how they end ---------------------------------------------------------------


@case
def counters_and_status_are_understood():
    shutil.rmtree("out", ignore_errors=True)
    mapper = "cat; echo reporter:counter:My Group,lines,21 >&2; echo reporter:status:halfway >&2; echo plain >&2; " \
             "echo reporter:counter:My Group,lines,21 >&2"
    done = run([GW, "mr", "stream", "-input", "text", "-output", "out", "-mapper", mapper, "-j1", "--split-size", "64M",
                "-reducer", "NONE", "--json"])
    equal(done.returncode, 0)
    check(b"My Group:lines" in done.stdout and b"42" in done.stdout, f"{done.stdout!r}")
    text = fails("-mapper", "echo reporter:counter:a,b,1 >&2; echo reporter:what >&2; echo plain >&2; exit 1",
                 says=["| plain", "| not understood: reporter:what"])
    check("| reporter:counter" not in text, text)
    fails("-mapper", "echo '!status:x' >&2; echo reporter:status:x >&2; exit 1", "-D",
          "stream.stderr.reporter.prefix=!", says="reporter:status:x")


@case
def failures_name_the_command_and_what_it_said():
    fails("-mapper", "echo boom >&2; exit 3", says=["mapper `echo boom >&2; exit 3` ended with exit status 3", "| boom",
                                                   "text from byte 0 on"])
    fails("-mapper", "kill -SEGV $$", says="ended with signal 11 (Segmentation fault)")
    fails("-mapper", "kill -9 $$", says="ended with signal 9 (Killed)")
    fails("-mapper", "nosuchprogram", says="ended with exit status 127 (not found)")
    fails("-mapper", "cat", "-reducer", "echo oops >&2; exit 5", says=["reducer `", "exit status 5", "| oops"])
    fails("-mapper", "cat", "-reducer", "cat", "-combiner", "exit 6", says=["combiner `exit 6`", "exit status 6"])
    fails("-mapper", "cat", "-reducer", "cat; exit 1", "-D", "mapreduce.map.maxattempts=1", says="exit status 1")


@case
def an_exit_status_may_be_no_failure():
    equal(joined("-mapper", "cat; exit 1", "-reducer", "NONE", "-D", "stream.non.zero.exit.is.failure=false"),
          read("text"))


@case
def commands_need_not_read_everything():
    equal(joined("-mapper", "head -n 1", "-reducer", "NONE", "-j1", "--split-size", "64M"),
          read("text").splitlines(keepends=True)[0])
    equal(joined("-mapper", "exec <&-; echo closed", "-reducer", "NONE", "--split-size", "64M", "-j1"), b"closed\n")
    equal(joined("-mapper", "cat", "-reducer", "head -n 2"), shell("sort text | head -n 2"))
    equal(joined("-mapper", "true", "-reducer", "cat"), b"")


@case
def a_mapper_may_print_garbage():
    got = joined("-mapper", "cat > /dev/null; head -c 3000000 /dev/urandom", "-reducer", "wc -c", "-j1", "--split-size",
                 "64M")
    check(3000000 <= int(got) <= 3000001, f"{got!r}")


@case
def a_command_that_hangs_is_ended():
    for options in (["-D", "mapreduce.task.timeout=300"], ["--record-timeout", "300ms"]):
        fails("-mapper", "sleep 1000", *options, "-D", "mapreduce.map.maxattempts=1", source="pairs",
              says=["mapper `sleep 1000` neither read nor wrote for 300 ms", "pairs"])
    fails("-mapper", "cat", "-reducer", "sleep 1000 | cat", "-D", "mapred.task.timeout=300", "--attempts", "1",
          says="reducer `sleep 1000 | cat` neither read nor wrote for 300 ms")


@case
def processes_that_commands_leave_behind_are_ended():
    equal(joined("-mapper", "sleep 1000 > /dev/null 2>&1 & cat", "-reducer", "NONE"), read("text"))
    check(not marked(), "processes are left")


@case
def bad_records_are_found_and_skipped():
    lines = [b"line %d\n" % i for i in range(3000)]
    lines[1234] = b"poison\n"
    lines[2000] = b"poison again\n"
    write("lines", b"".join(lines))
    mapper = "awk '/poison/ { print \"cannot take \" $0 > \"/dev/stderr\"; exit 2 } { print }'"
    good = [line for line in lines if b"poison" not in line]
    where = len(b"".join(lines[:1234]))
    fails("-mapper", mapper, "-reducer", "NONE", source="lines", says=["exit status 2", f"lines, byte {where}"])
    for options in (["--skip-bad-records"], ["-D", "mapreduce.map.skip.maxrecords=1"],
                    ["--skip-bad-records", "-split-size", "16K"]):
        equal(joined("-mapper", mapper, "-reducer", "NONE", *options, source="lines"), b"".join(good))
    equal(joined("-mapper", mapper, "-reducer", "NONE", "-inputformat", "NLineInputFormat", "-D",
                 "stream.map.input.ignoreKey=true", "-D", "mapred.line.input.format.linespermap=100",
                 "--skip-bad-records", source="lines"), b"".join(good))


@case
def a_script_looks_at_failures():
    here = os.getcwd()
    write("debug.sh", f"cat \"$2\" \"$3\" > {here}/seen.txt\ngrep -c property \"$4\" >> {here}/seen.txt\n", 0o755)
    write("seen.txt", "")
    fails("-mapper", "echo why >&2; exit 3", "-mapdebug", "sh debug.sh", "-files", "debug.sh", says="exit status 3")
    seen = read("seen.txt")
    check(b"why" in seen and b"exit status 3" in seen, f"{seen!r}")
    fails("-mapper", "cat", "-reducer", "exit 4", "-reducedebug", f"sh {here}/debug.sh", says="exit status 4")
    check(b"exit status 4" in read("seen.txt"), "the reducer's script did not run")


@case
def the_example_counts_words():
    script = os.path.join(EXAMPLES, "stream/wordcount.sh")
    shutil.rmtree("out", ignore_errors=True)
    write("more", "apple apple new\n")
    done = subprocess.run(["sh", script, "text", "more", "out"], capture_output=True, check=False,
                          env={**ENVIRONMENT, "GW": GW})
    check(done.returncode == 0, f"status {done.returncode}: {done.stderr!r}")
    equal(len(parts()), 2)
    equal(sorted_lines(b"".join(parts())), sorted_lines(shell(f"cat text more | {EACH_WORD} | {SORT} | {ADD_UP}")))
    check(b"words:lines" in done.stderr and b"20001" in done.stderr, f"{done.stderr!r}")


# ---- The command itself -------------------------------------------------------------------------------


@case
def exit_statuses_are_hadoops():
    os.mkdir("there")
    for options, status, says in (
            (["-input", "text", "-output", "there", "-mapper", "cat"], 4, "there"),
            (["-input", "none", "-output", "out", "-mapper", "cat"], 5, "none"),
            (["-output", "out", "-mapper", "cat"], 1, "Required argument: -input"),
            (["-input", "text", "-mapper", "cat"], 1, "Required argument: -output"),
            (["-input", "text", "-output", "out", "-mapper", "false"], 1, "exit status 1"),
            (["-input", "text", "-output", "out", "-nosuchoption"], 1, "nosuchoption"),
            (["-input", "text", "-output", "out", "-mapper", "cat", "--", "more"], 1, "unexpected arguments"),
            (["-input", "text", "-output", "out", "-mapper"], 1, "-mapper: needs a value"),
            ([], 1, "Required argument")):
        shutil.rmtree("out", ignore_errors=True)
        done = run([GW, "mr", "stream", *options])
        check(done.returncode == status, f"{options}: status {done.returncode}, not {status}: {done.stderr!r}")
        check(says in done.stderr.decode(), f"{options}: no \"{says}\" in {done.stderr!r}")
    os.rmdir("there")


@case
def java_is_refused_by_name():
    for options, name in ((["-mapper", "org.apache.hadoop.mapred.lib.FieldSelectionMapReduce"], "FieldSelection"),
                          (["-mapper", "cat", "-inputformat", "SequenceFileInputFormat"], "SequenceFile"),
                          (["-mapper", "cat", "-outputformat", "com.acme.Format"], "com.acme.Format"),
                          (["-mapper", "cat", "-partitioner", "com.acme.Part"], "com.acme.Part"),
                          (["-mapper", "cat", "-libjars", "a.jar"], "-libjars"),
                          (["-mapper", "cat", "-fs", "hdfs://h"], "hdfs://h"),
                          (["-mapper", "cat", "-D", "mapred.output.compress=true"], "compress")):
        fails(*options, says=name)


@case
def options_stand_in_any_order_with_one_dash_or_two():
    expected = shell("tr a b < text | sort | uniq -c")
    for words in (["--mapper=tr a b", "--reducer", "uniq -c", "--input=text", "--output", "out"],
                  ["-reducer", "uniq -c", "-D", "a=b", "-memory", "64M", "-output", "out", "-cmdenv", "X=y", "-jobs=2",
                   "-mapper", "tr a b", "-Dc=d", "-input", "text", "-verbose", "-debug", "-jt", "local", "-fs", "local"]):
        shutil.rmtree("out", ignore_errors=True)
        done = run([GW, "mr", "stream", "-q", *words])
        check(done.returncode == 0, f"{done.stderr!r}")
        equal(b"".join(parts()), expected)
    check(b"STREAM: mapreduce.job.reduces=1" in done.stdout, f"-verbose: {done.stdout!r}")


@case
def help_names_every_option():
    done = run([GW, "mr", "stream", "-help"])
    equal(done.returncode, 0)
    for name in ("input", "output", "mapper", "reducer", "combiner", "file", "files", "archives", "inputformat",
                 "outputformat", "partitioner", "numReduceTasks", "inputreader", "cmdenv", "mapdebug", "reducedebug", "io",
                 "lazyOutput", "background", "verbose", "debug", "info", "conf", "fs", "libjars", "cacheFile",
                 "cacheArchive", "jobconf", "memory", "jobs", "skip-bad-records"):
        check(f"--{name}" in done.stdout.decode(), f"no --{name}")
    done = run([GW, "mr", "stream", "-info"])
    check(done.returncode == 0 and b"stream.non.zero.exit.is.failure" in done.stdout, "no tips")


@case
def a_job_goes_on_in_the_background():
    shutil.rmtree("out", ignore_errors=True)
    shell("mkfifo gate")
    done = run([GW, "mr", "stream", "-input", "text", "-output", "out", "-background", "-mapper",
                f"cat {os.getcwd()}/gate > /dev/null; cat", "-reducer", "NONE", "-j1", "--split-size", "64M"])
    equal(done.returncode, 0)
    check(b"background" in done.stderr and not os.path.exists("out"), f"{done.stderr!r}")
    child = int(done.stderr.decode().split("process ")[1].split(";")[0])
    watch = os.pidfd_open(child)
    write("gate", "go\n")
    import select
    check(select.select([watch], [], [], SECONDS_MAX)[0], "the job did not end")
    os.close(watch)
    equal(b"".join(parts()), read("text"))
    check(b"stream" in read("out.log"), "no report in out.log")
    os.unlink("out.log")
    os.unlink("gate")


@case
def an_interrupted_job_leaves_nothing():
    shutil.rmtree("out", ignore_errors=True)
    before = set(os.listdir("."))
    job = subprocess.Popen([GW, "mr", "stream", "-input", "text", "-output", "out", "-files", "text", "-mapper",
                            "echo ready >&2; exec sleep 1000", "--show-stderr"], stderr=subprocess.PIPE, env=ENVIRONMENT)
    while b"ready" not in job.stderr.readline():
        pass
    job.send_signal(signal.SIGINT)
    job.communicate(timeout=SECONDS_MAX)
    equal(job.returncode, 130)
    equal(set(os.listdir(".")), before)
    check(not marked(), "processes are left")


@case
def the_command_that_runs_a_task_again_works():
    done = run([GW, "mr", "stream", "-input", "text", "-output", "out", "-mapper", "echo first; exit 3", "-reducer", "NONE"])
    again = [line.strip() for line in done.stderr.decode().splitlines() if "--only-map" in line]
    check(again, f"no such command in {done.stderr!r}")
    done = run(["sh", "-c", again[0]])
    check(done.returncode == 1 and b"exit status 3" in done.stderr, f"{done.returncode}: {done.stderr!r}")


def main():
    work = tempfile.mkdtemp(prefix="gw-stream-")
    os.chdir(work)
    lines = [" ".join(WORDS[(i * 7 + j * 3) % len(WORDS)] for j in range(1 + i % 6)) for i in range(20000)]
    write("text", "\n".join(lines) + "\n")
    print(f"1..{len(cases)}")
    failed = 0
    for number, function in enumerate(cases, 1):
        problem = None
        try:
            function()
        except (Wrong, subprocess.TimeoutExpired) as wrong:
            problem = str(wrong)
        failed += problem is not None
        print(f"{'not ok' if problem else 'ok'} {number} - {function.__name__.replace('_', ' ')}", flush=True)
        for line in (problem or "").splitlines()[:20]:
            print(f"# {line}")
    os.chdir("/")
    shutil.rmtree(work)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
