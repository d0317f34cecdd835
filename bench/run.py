#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: the peers beside us in the same run. bench/README.md says how it is done."""

import argparse
import datetime
import os
import platform
import shutil
import subprocess
import sys

import corpora
import measure
import report
import rows
import tools

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)


def say(text):
    """Progress, beside the result."""
    print(text, file=sys.stderr, flush=True)


def options():
    cache = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'),
                         'groundwork-bench')
    parser = argparse.ArgumentParser(prog='bench/run', description='Speed beside the peers.')
    parser.add_argument('--rows', metavar='NAME,...', help='only these rows (default: all)')
    parser.add_argument('--who', metavar='NAME,...', help='only these contestants, and us')
    parser.add_argument('--runs', type=int, default=5, help='timed runs of each (default 5)')
    parser.add_argument('--size', default='1G', help='what 1 GiB becomes, for quick runs (256M)')
    parser.add_argument('--build', default=os.path.join(TOP, 'build'), help='build directory')
    parser.add_argument('--cache', default=cache, help='folder of the corpora and of DuckDB')
    parser.add_argument('--disk', default='12', type=float, metavar='GB',
                        help='room that the cache folder may take (default 12)')
    parser.add_argument('--save', metavar='FILE', help='keep the last run of each row there, as JSON lines and a plot')
    parser.add_argument('--list', action='store_true', help='name rows and contestants, and stop')
    parser.add_argument('--corpora', action='store_true', help='only make the corpora of the rows')
    return parser


class Contest:
    """Runs rows one after the other; keeps what a row needs to know about the whole."""

    def __init__(self, settings, inputs, programs):
        self.settings = settings
        self.inputs = inputs
        self.programs = programs
        self.size = corpora.parse_size(settings.size)
        self.out = os.path.join(settings.cache, 'out')
        # Everybody's temporary files count against the same disk; bytes are bytes, not a language's.
        self.environment = {**os.environ, 'LC_ALL': 'C', 'TMPDIR': self.out}

    def input_size(self, row):
        return int(row.size * self.size)

    def fill_in(self, argument, path):
        return argument.replace('@INPUT@', path).replace('@OUT@', self.out)

    def fresh_out(self):
        shutil.rmtree(self.out, ignore_errors=True)
        os.makedirs(self.out)

    def once(self, contestant, path, runner):
        """One run into a fresh folder; its error, if it failed, is in the result."""
        self.fresh_out()
        argv = [self.fill_in(argument, path) for argument in contestant.argv]
        errors = os.path.join(self.out, 'stderr')
        run = runner(argv, contestant.cpus or self.programs.cpus, os.path.join(self.out, 'stdout'), errors,
                     self.environment)
        if run.status in contestant.fine:
            self.take_seconds(run)
            return run, None
        with open(errors, encoding='utf-8', errors='replace') as file:
            last = file.read().strip().splitlines()[-1:]
        return run, f'exit status {run.status}: {" ".join(last)}'

    def take_seconds(self, run):
        """What a command has measured by itself."""
        path = os.path.join(self.out, 'seconds')
        if os.path.exists(path):
            with open(path, encoding='ascii') as file:
                run.wall_s = float(file.read())

    def answer_files(self):
        parts = os.path.join(self.out, 'job')
        if os.path.isdir(parts):
            return [os.path.join(parts, name) for name in sorted(os.listdir(parts))
                    if name.startswith('part-')]
        answer = os.path.join(self.out, 'answer')
        return [answer if os.path.exists(answer) else os.path.join(self.out, 'stdout')]

    def digest(self, form):
        """(lines, hash) of the answer in @OUT@."""
        if form is None:
            return None
        done = subprocess.run([self.programs.helper('digest'), form, *self.answer_files()],
                              capture_output=True, text=True, check=False)
        return tuple(done.stdout.split()) if done.returncode == 0 else ('?', done.stderr.strip())

    def present(self, row):
        """The contestants that were asked for and are there; says who is not."""
        wanted = self.settings.who.split(',') if self.settings.who else None
        found = []
        for contestant in row.contestants:
            if wanted and contestant.who not in wanted and not contestant.who.startswith('gw'):
                continue
            if self.programs.missing(contestant.program):
                say(f'{row.name}: {contestant.who} is left out: there is no {contestant.program}')
            else:
                found.append(contestant)
        return found

    def first_look(self, row, contestant, path):
        """The untimed run: memory, and the answer. It warms everything up as well."""
        run, error = self.once(contestant, path, measure.run_watched)
        result = {'row': row.name, 'who': contestant.who, 'runs': [], 'cpu_s': 0, 'cpus_s': [],
                  'memory': {'peak': run.peak, 'rss': run.rss},
                  'placement': contestant.placement or measure.cpus_text(contestant.cpus or self.programs.cpus),
                  'version': self.programs.version(contestant.program),
                  'command': contestant.argv, 'answer': {}}
        if error:
            result['error'] = error
        else:
            result['answer'] = {'digest': self.digest(contestant.answer)}
        return result

    def rounds(self, row, field, path):
        """A B C, A B C, ...: what disturbs one disturbs all. field: [(contestant, result)]."""
        count = max(self.settings.runs, row.runs_min)
        for number in range(count):
            say(f'{row.name}: round {number + 1} of {count}')
            for contestant, result in field:
                if result.get('error'):
                    continue
                run, error = self.once(contestant, path, measure.run_timed)
                if error:
                    result['error'] = error
                    continue
                result['runs'].append(round(run.wall_s, 6))
                result['cpus_s'].append(run.cpu_s)

    def run_row(self, row):
        """Measures a row; the results in the order of its contestants."""
        size = self.input_size(row)
        record = self.inputs.need(row.corpus, size, int(size * row.output))
        field = []
        os.sync()
        self.inputs.warm(record)
        for contestant in self.present(row):
            say(f'{row.name}: memory and answer: {contestant.who}')
            field.append((contestant, self.first_look(row, contestant, record['path'])))
        self.rounds(row, field, record['path'])
        self.fresh_out()
        results = [result for _, result in field]
        for result in results:
            result['input'] = {key: record[key] for key in ('name', 'bytes', 'sha256')}
        complete(results)
        return record, results


def complete(results):
    """Fills in medians, ratios to us (who come first), and whether the answers are the same."""
    good = [result for result in results if not result.get('error')]
    for result in good:
        result['median_s'] = measure.median(result['runs'])
        result['cpu_s'] = round(measure.median(result.pop('cpus_s')), 3)
    ours = good[0]['median_s'] if good and good[0]['who'].startswith('gw') else None
    digests = [result['answer']['digest'] for result in good if result['answer']['digest']]
    usual = max(digests, key=digests.count) if digests else None
    for result in good:
        result['ratio'] = round(result['median_s'] / ours, 4) if ours else None
        digest = result['answer']['digest']
        verdict = 'same' if digest == usual else 'DIFFERS'
        result['answer']['verdict'] = verdict if digest and len(digests) > 1 else '-'


def differs(result):
    return result.get('error') or result['answer']['verdict'] == 'DIFFERS'


def print_row(row, record, results):
    print(f'\n{row.name}: {row.title} ({record["name"]}, {record["bytes"]} bytes, sha256 '
          f'{record["sha256"][:16]}{", " + record["source"] if "source" in record else ""})')
    print(report.table(results))
    for goal in row.goals:
        verdict = report.judge(goal, results)
        if verdict:
            print(verdict)
    for result in results:
        if not result.get('error') and result['answer']['verdict'] == 'DIFFERS':
            print(f'  {result["who"]}: another answer: {" ".join(result["answer"]["digest"])}')
    sys.stdout.flush()


def commit_of_tree():
    """What is measured: "-dirty" is for changes of what is built or run, not of what is written about it."""
    commit = tools.first_line(['git', '-C', TOP, 'describe', '--always', '--abbrev=12'])
    changed = tools.first_line(['git', '-C', TOP, 'status', '--porcelain', '--', 'src', 'include', 'bench', 'examples'])
    return commit + ('-dirty' if changed else '')


def head_line(settings, cpus):
    with open('/proc/cpuinfo', encoding='ascii', errors='replace') as file:
        models = [line.split(':')[1].strip() for line in file if line.startswith('model name')]
    memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    return {'bench': 1, 'commit': commit_of_tree(), 'runs': settings.runs, 'size': settings.size,
            'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
            'machine': f'{len(cpus)} x {models[0] if models else platform.machine()}, '
                       f'{memory / corpora.GIB:.0f} GiB, Linux {platform.release()}'}


def write(target, done, titles):
    os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
    with open(target, 'w', encoding='utf-8') as file:
        file.write(report.json_lines(done))
    with open(os.path.splitext(target)[0] + '.svg', 'w', encoding='utf-8') as file:
        file.write(report.svg(done, titles))


def kept(target):
    """What earlier runs left in the place that --save names."""
    if not os.path.exists(target):
        return {}
    with open(target, encoding='utf-8') as file:
        return report.parse(file.read())


def save(settings, head, done, titles):
    """bench/results/ keeps every run; --save names a place that keeps the last of each row. Both are written after
    each row, so that a run that is broken off loses none that ended."""
    stem = head['date'].replace(':', '').replace('+0000', 'Z')
    here = {results[0]['row']: (head, results) for results in done}
    write(os.path.join(HERE, 'results', stem + '.jsonl'), list(here.values()), titles)
    if settings.save:
        write(settings.save, list((kept(settings.save) | here).values()), titles)


def chosen(settings, programs):
    """The rows that were asked for, in the order of the table."""
    table = rows.all_rows(programs)
    names = settings.rows.split(',') if settings.rows else [row.name for row in table]
    unknown = set(names) - {row.name for row in table}
    if unknown:
        raise ValueError(f'no such row: {", ".join(sorted(unknown))} (--list names them)')
    return [row for row in table if row.name in names]


def contest(settings, programs):
    inputs = corpora.Corpora(settings.cache, programs.helpers, settings.disk * 10**9, say)
    event = Contest(settings, inputs, programs)
    table = chosen(settings, programs)
    if settings.corpora:
        for row in table:
            record = inputs.need(row.corpus, event.input_size(row))
            print(f'{record["path"]} {record["bytes"]} {record["sha256"]}')
        return 0
    programs.install_duckdb(say)
    programs.build_peers(say)
    head = head_line(settings, programs.cpus)
    print(f'{head["machine"]}; commit {head["commit"]}; medians of {settings.runs}, interleaved; '
          'x we: so many times our time')
    done, titles = [], {row.name: row.title for row in rows.all_rows(programs)}
    try:
        for row in table:
            record, results = event.run_row(row)
            print_row(row, record, results)
            done.append(results)
            save(settings, head, done, titles)
    finally:
        shutil.rmtree(event.out, ignore_errors=True)
    return 1 if any(differs(result) for results in done for result in results) else 0


def main(arguments):
    parser = options()
    settings = parser.parse_args(arguments)
    settings.cache = os.path.abspath(settings.cache)
    programs = tools.Tools(settings.build, settings.cache, sorted(os.sched_getaffinity(0)))
    try:
        if settings.runs < 1:
            raise ValueError('--runs must be at least 1')
        corpora.parse_size(settings.size)
        if settings.list:
            for row in chosen(settings, programs):
                print(f'{row.name}: {", ".join(contestant.who for contestant in row.contestants)}')
            return 0
        return contest(settings, programs)
    except ValueError as error:
        parser.error(str(error))
    except (corpora.CorpusError, tools.ToolError, OSError, subprocess.CalledProcessError) as error:
        say(f'bench: {error}')
        return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
