# SPDX-License-Identifier: Apache-2.0
"""What `make bench` measures: a row is one task on one input, and everybody who does it.

In a command, @INPUT@ stands for the input file and @OUT@ for a fresh folder. The answer is what the
command leaves there: the parts of a job in @OUT@/job, else @OUT@/answer, else what it printed. A command that
writes @OUT@/seconds has measured by itself, without what it needs to begin and end.
"""

import dataclasses
import os

from measure import cpus_text

MIB = 1 << 20
PATTERN = 'schedule_timeout'                      # in one of 67,000 lines
REGEX = r'spin_(un)?lock_irq[a-z]*\(&[a-z]+->'    # in one of 1,000

COUNT_WORDS = '{for(i=1;i<=NF;i++)count[$i]++}END{for(word in count)print word"\\t"count[word]}'
COUNT_LINES = '{count[$0]++}END{for(word in count)print word"\\t"count[word]}'
COUNT_URLS = '{count[$7]++}END{for(url in count)print url"\\t"count[url]}'
EACH_WORD = '{for(i=1;i<=NF;i++)print $i"\\t1"}'
# Words are compared as text: "1" and "1.0" are two, though equal as numbers.
ADD_UP = ('$1""!=word""{if(NR>1)print word"\\t"sum;word=$1;sum=0}{sum+=$2}'
          'END{if(NR)print word"\\t"sum}')

# One column that holds the line: the separator is a byte that the inputs do not have.
DUCKDB_LINES = ("read_csv('@INPUT@', header=false, auto_detect=false, delim='\x01', quote='', escape='', "
                "strict_mode=false, max_line_size=16000000, columns={'line': 'VARCHAR'})")
DUCKDB_OUT = "TO '@OUT@/answer' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '%s')"
# The fastest of seven ways that were tried (regular expressions, other ways to get rid of tabs and of
# the empty words between two spaces).
DUCKDB_COUNT = ("COPY (SELECT word, count(*) FROM (SELECT unnest(string_split(replace(line, chr(9), ' '), "
                f"' ')) AS word FROM {DUCKDB_LINES}) WHERE word <> '' GROUP BY word) "
                + DUCKDB_OUT % '\t')
DUCKDB_SORT = f'COPY (SELECT line FROM {DUCKDB_LINES} ORDER BY line) ' + DUCKDB_OUT % '\x01'


@dataclasses.dataclass
class Contestant:
    """Somebody who does the task. `program` must be there and gives the version. `answer` is the format
    for bench-digest, None if there is nothing to compare. `cpus` None: all. `fine`: exit statuses that
    are no failure. `placement`: which processors, where the command says it itself."""
    who: str
    program: str
    argv: list
    answer: str = None
    cpus: list = None
    fine: tuple = (0,)
    placement: str = ''


@dataclasses.dataclass
class Goal:
    """What `who` has to reach: to be so many `times` as fast as `peer`; or to stay below."""
    who: str
    peer: str = None
    times: float = 0
    memory: int = 0
    seconds: float = 0


@dataclasses.dataclass
class Row:
    """`size` is in units of what --size says (1 GiB). `output` is the most that a command leaves, in sizes of
    the input, for the disk limit. The first contestant is whom the others are compared with."""
    name: str
    title: str
    corpus: str
    size: float
    contestants: list
    goals: list
    output: float = 1
    runs_min: int = 0


def shell(script):
    return ['sh', '-c', script]


def scans(tools):
    """The floor: looking at each byte, with one thread and with all."""
    scan = tools.helper('scan')
    return [Contestant('scan -j1', scan, [scan, '1', '@INPUT@'], cpus=tools.cpus[:1]),
            Contestant('scan', scan, [scan, str(len(tools.cpus)), '@INPUT@'])]


def job(tools, *arguments, jobs=None):
    """`gw mr` with a number of slots, from @INPUT@ to @OUT@/job."""
    slots = str(jobs or len(tools.cpus))
    return [tools.gw, 'mr', arguments[0], '-j', slots, '--quiet', *arguments[1:], '@INPUT@', '@OUT@/job']


def count_peers(tools):
    parallel = len(tools.cpus)
    return [
        Contestant('mawk', 'mawk', ['mawk', COUNT_WORDS, '@INPUT@'], 'key-count'),
        Contestant('tr|mawk', 'mawk', shell(
            f"tr -s '[:space:]' '\\n' < @INPUT@ | mawk '{COUNT_LINES}'"), 'key-count'),
        Contestant('DuckDB', 'node', tools.duckdb(DUCKDB_COUNT), 'key-count'),
        Contestant('tr|sort|uniq', 'sort', shell(
            f"tr -s '[:space:]' '\\n' < @INPUT@ | sort --parallel={parallel} | uniq -c"), 'count-key'),
    ]


def count_words(tools):
    """Both word counts: few different words, many different words."""
    splitter = Contestant('gw', tools.gw, job(tools, 'wordcount'), 'key-count')
    plain = Contestant('gw plain', tools.wordcount,
                       [tools.wordcount, '-j', str(len(tools.cpus)), '--quiet', '@INPUT@', '@OUT@/job'],
                       'key-count')
    tight = Contestant('gw --memory 512M', tools.gw, job(tools, 'wordcount', '--memory', '512M'),
                       'key-count')
    return [
        Row('wordcount-easy', 'word count, few different words', 'easy', 1,
            [splitter, plain, *count_peers(tools), *scans(tools)],
            [Goal('gw', 'mawk', 12), Goal('gw', 'DuckDB', 14), Goal('gw plain', 'mawk', 6)]),
        Row('wordcount-hard', 'word count, many different words', 'hard', 1,
            [splitter, plain, tight, *count_peers(tools), *scans(tools)],
            [Goal('gw', 'mawk', 10), Goal('gw', 'DuckDB', 4), Goal('gw', memory=2048 * MIB),
             Goal('gw --memory 512M', memory=576 * MIB)]),
    ]


def find_lines(tools, name, title, option, pattern, goals):
    """A row of grep. What has one slot or thread gets one processor, so that they are equals."""
    one = tools.cpus[:1]
    hit_or_none = (0, 1)
    rg = ['rg', '--no-config', '--text', '--no-line-number', '--no-filename']
    fixed = ['-F'] if option == '-F' else []
    rg += [*fixed, '-e', pattern]
    gw = [*fixed, '-e', pattern]
    return Row(name, title, 'repeated', 4, [
        Contestant('gw', tools.gw, job(tools, 'grep', *gw), 'lines'),
        Contestant('gw -j1', tools.gw, job(tools, 'grep', *gw, jobs=1), 'lines', one),
        Contestant('ripgrep', 'rg', [*rg, '@INPUT@'], 'lines', fine=hit_or_none),
        Contestant('ripgrep -j1', 'rg', [*rg, '-j1', '@INPUT@'], 'lines', one, hit_or_none),
        Contestant('GNU grep', 'grep', ['grep', '-a', option, pattern, '@INPUT@'], 'lines',
                   fine=hit_or_none),
        *scans(tools)], goals, output=0.1)


def sort_records(tools, name, size):
    parallel = len(tools.cpus)
    return Row(name, f'sort records of 100 bytes, {size} GiB', 'records', size, [
        Contestant('gw', tools.gw, job(tools, 'sort'), 'ordered'),
        Contestant('gw --record-size 100', tools.gw,
                   job(tools, 'sort', '--record-size', '100', '--key-size', '10'), 'ordered'),
        Contestant('GNU sort', 'sort', ['sort', f'--parallel={parallel}', '-o', '@OUT@/answer', '@INPUT@'],
                   'ordered'),
        Contestant('DuckDB', 'node', tools.duckdb(DUCKDB_SORT), 'ordered'),
        Contestant('copy', 'cat', ['cat', '@INPUT@'])],
        [Goal('gw', 'GNU sort', 3)] + ([Goal('gw', 'DuckDB', 2)] if size == 4 else []))


def stream(tools, name, title, mapper, reducer, answer):
    """Two commands as a streaming job, and the same two joined by pipes and a sort."""
    commands = ['-mapper', mapper, '-reducer', reducer, '-numReduceTasks', str(len(tools.cpus))]
    return Row(name, title, 'hard', 1, [
        Contestant('gw', tools.gw, [tools.gw, 'mr', 'stream', '--quiet', '-input', '@INPUT@',
                                    '-output', '@OUT@/job', *commands], answer),
        Contestant('pipes', 'sort', shell(
            f'{mapper} < @INPUT@ | sort --parallel={len(tools.cpus)} | {reducer}'), answer)],
        [Goal('gw', 'pipes', 1 / 1.5)], output=3)


def tasks(tools, name, title, what, count, goals):
    """What tasks and channels cost, beside goroutines; on one processor, with nothing else to do. The figures are
    for all of `count`, so that those of one are a matter of the decimal point."""
    one = tools.cpus[:1]
    ours, go = tools.helper('tasks'), tools.peer('tasks')
    return Row(name, title, 'empty', 0, [
        Contestant('gw', ours, [ours, what, str(count)], cpus=one),
        Contestant('Go', go, [go, what, str(count)], cpus=one)], goals)


def all_tasks(tools):
    """Ten million of each, so 0.1 s is 10 ns."""
    count, live = 10**7, 10**5
    return [
        tasks(tools, 'task-switch', 'ten million switches of tasks', 'switch', count, [Goal('gw', seconds=0.30)]),
        tasks(tools, 'task-spawn', 'ten million tasks started and ended', 'spawn', count,
              [Goal('gw', seconds=1.00)]),
        tasks(tools, 'chan-unbuffered', 'ten million items through an unbuffered channel', 'chan0', count,
              [Goal('gw', seconds=0.80)]),
        tasks(tools, 'chan-buffered', 'ten million items through a channel with room for 128', 'chan128', count,
              [Goal('gw', seconds=0.30)]),
        tasks(tools, 'chan-select', 'ten million selects among four channels', 'select', count, []),
        tasks(tools, 'task-memory', 'a hundred thousand tasks that wait, for half a second', 'live', live,
              [Goal('gw', memory=live * 6 * 1024)]),
    ]


def echo(tools, name, title, numbers, count, goals, same_core=False, once=False, peers=()):
    """Messages there and back between two processes: (bytes, connections, under way at once). The server has one
    processor and the client another, or both have one. `peers`: who takes part besides us and the floor."""
    server, client = tools.cpus[0], tools.cpus[0 if same_core else -1]
    arguments = [*map(str, numbers), str(count), str(server), str(client)]
    ours, floor = tools.helper('echo-rpc'), tools.helper('floor-epoll')
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peers', 'echo.sh')
    field = [Contestant('gw', ours, [ours, 'batched', *arguments])]
    if once:
        field.append(Contestant('gw at most once', ours, [ours, 'once', *arguments]))
    field.append(Contestant('floor', floor, [floor, 'batched', *arguments]))
    for who, program in (('Go net/rpc', 'echo_net_rpc'), ('gRPC', 'echo_grpc'), ("Cap'n Proto", 'echo_capnp'),
                         ('ZeroMQ', 'echo_zeromq'), ('tirpc', 'echo_tirpc')):
        if who in peers:
            program = tools.peer(program)
            field.append(Contestant(who, program, ['sh', script, program, *arguments]))
    for contestant in field if same_core else []:
        contestant.cpus = tools.cpus[:1]
    return Row(name, title, 'empty', 0, field, goals)


def all_echoes(tools):
    """Calls beside peers and beside bare epoll."""
    many = ('Go net/rpc', 'gRPC', "Cap'n Proto", 'ZeroMQ')
    return [
        echo(tools, 'rpc-one', '50,000 calls of 64 bytes, one at a time, one core', (64, 1, 1), 50000,
             [Goal('gw', 'floor', 1 / 1.4), Goal('gw', 'Go net/rpc', 2)], True, True, (*many, 'tirpc')),
        echo(tools, 'rpc-16', '300,000 calls of 64 bytes, 64 at once, 16 connections', (64, 16, 64), 300000,
             [Goal('gw', 'floor', 0.5), Goal('gw', 'Go net/rpc', 5), Goal('gw', 'gRPC', 7),
              Goal('gw', 'ZeroMQ', 2)], once=True, peers=many),
        echo(tools, 'rpc-1', '300,000 calls of 64 bytes, 64 at once, one connection', (64, 1, 64), 300000,
             [Goal('gw', 'floor', 0.5)], once=True, peers=many),
        echo(tools, 'rpc-4k', '200,000 calls of 4 KiB, 64 at once, one connection', (4096, 1, 64), 200000,
             [Goal('gw', 'floor', 0.4)], peers=many),
        echo(tools, 'rpc-1m', '2,000 attachments of 1 MiB there and back', (MIB, 1, 1), 2000,
             [Goal('gw', 'floor', 0.8)], peers=('gRPC', "Cap'n Proto", 'ZeroMQ')),
    ]


def appends(tools):
    """Records that are on the disk before the next one comes: one job for a thread, two jobs, and no thread."""
    program, count = tools.helper('append'), 10000
    return Row('io-append', '10,000 durable appends of 128 bytes, one at a time', 'empty', 0, [
        Contestant('gw', program, [program, 'one', str(count), '@OUT@/log']),
        Contestant('gw sync apart', program, [program, 'two', str(count), '@OUT@/log']),
        Contestant('floor', program, [program, 'inline', str(count), '@OUT@/log'])],
        [Goal('gw', 'floor', 0.8), Goal('gw', 'gw sync apart', 1)])


def keys(tools, name, title, op, clients, count, goals, who=('gw', 'Redis', 'etcd'), members=1, front=False):
    """Operations on keys with values of 100 bytes, each of `clients` waiting for one at a time. One server has one
    processor and its clients another; three servers share all with their clients. The time is the load's own. `front`:
    redis-benchmark asks us, too."""
    cpus = [cpus_text(tools.cpus[:1]), cpus_text(tools.cpus[-1:])] if members == 1 else [cpus_text(tools.cpus)] * 2
    kinds = {'gw': ('gw-redis' if front else 'gw', op, tools.helper('kv-load')),
             'gw one connection': ('gw-shared', op, tools.helper('kv-load')),
             'gw weak': ('gw', op + '-weak', tools.helper('kv-load')),
             'Redis': ('redis', op, 'redis-server'),
             'etcd': ('etcd', op, tools.peer('kv_etcd')), 'etcd weak': ('etcd', op + '-weak', tools.peer('kv_etcd'))}
    field = []
    for one in who:
        kind, what, program = kinds[one]
        field.append(Contestant(one, program, [
            'python3', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'kv.py'), kind, what, str(clients),
            str(count), str(members), *cpus, '@OUT@', 'gw=' + tools.gw, 'load=' + tools.helper('kv-load'),
            'etcd-client=' + tools.peer('kv_etcd')], placement=f'{cpus[0]}|{cpus[1]}'))
    return Row(name, f'{count:,} {title}', 'empty', 0, field, goals)


def all_keys(tools):
    """The key/value service: durable puts, gets, and the port for programs of Redis."""
    level = {'goals': [Goal('gw', 'Redis', 0.9)], 'who': ('gw', 'Redis'), 'front': True}
    ours = [Goal('gw', 'Redis', 2)]
    return [
        keys(tools, 'kv-put-1', 'durable puts, one client', 'put', 1, 8000, [Goal('gw', 'Redis', 1.2)]),
        keys(tools, 'kv-put-64', 'durable puts, 64 clients', 'put', 64, 40000,
             [Goal('gw', 'Redis', 1.2), Goal('gw', 'etcd', 5)]),
        keys(tools, 'kv-put-64-three', 'durable puts, 64 clients, three members', 'put', 64, 20000,
             [Goal('gw', 'etcd', 4)], ('gw', 'etcd'), 3),
        keys(tools, 'kv-get-1', 'gets, one client', 'get', 1, 20000, ours),
        keys(tools, 'kv-get-64', 'gets, 64 clients', 'get', 64, 50000,
             [*ours, Goal('gw one connection', 'Redis', 2)], ('gw', 'gw one connection', 'Redis', 'etcd')),
        keys(tools, 'kv-get-64-three', 'gets, 64 clients, three members', 'get', 64, 40000, [],
             ('gw', 'gw weak', 'etcd', 'etcd weak'), 3),
        keys(tools, 'kv-redis-set', 'SETs by redis-benchmark, 50 clients', 'put', 50, 60000, **level),
        keys(tools, 'kv-redis-set-16', 'SETs by redis-benchmark, 50 clients, pipelines of 16', 'put:16', 50, 500000,
             **level),
        keys(tools, 'kv-redis-get', 'GETs by redis-benchmark, 50 clients', 'get', 50, 100000, **level),
        keys(tools, 'kv-redis-get-16', 'GETs by redis-benchmark, 50 clients, pipelines of 16', 'get:16', 50, 800000,
             **level),
    ]


def all_rows(tools):
    mawk = "mawk '%s'"
    add_up = "mawk -F '\\t' '%s'"
    return [
        *count_words(tools),
        find_lines(tools, 'grep', 'grep for a fixed string', '-F', PATTERN,
                   [Goal('gw -j1', 'ripgrep -j1', 1.0), Goal('gw', 'ripgrep', 1.3)]),
        find_lines(tools, 'grep-regex', 'grep for a regular expression', '-E', REGEX, []),
        sort_records(tools, 'sort-1g', 1),
        sort_records(tools, 'sort-4g', 4),
        Row('urlcount', 'count the URLs of an access log', 'logs', 0.25, [
            Contestant('gw', tools.gw, job(tools, 'urlcount'), 'key-count'),
            Contestant('mawk|sort', 'mawk', shell(f"mawk '{COUNT_URLS}' @INPUT@ | sort"), 'key-count'),
            *scans(tools)], []),
        stream(tools, 'stream-mawk', 'streaming: word count by two mawk commands', mawk % EACH_WORD,
               add_up % ADD_UP, 'key-count'),
        stream(tools, 'stream-tr', 'streaming: tr and uniq -c', "tr -s '[:space:]' '\\n'", 'uniq -c',
               'count-key'),
        *all_tasks(tools),
        *all_echoes(tools),
        appends(tools),
        *all_keys(tools),
        Row('startup', 'an empty job from start to _SUCCESS', 'empty', 0, [
            Contestant('gw', tools.gw, job(tools, 'wordcount'), 'key-count'),
            Contestant('true', 'true', ['true'])],
            [Goal('gw', seconds=0.020)], runs_min=20),
    ]
