# SPDX-License-Identifier: Apache-2.0
"""One run of a row on the key/value service: servers of a kind on empty directories, a load on them, their end.

    kv.py KIND OP CLIENTS COUNT MEMBERS SERVER_CPUS CLIENT_CPUS OUT [NAME=PROGRAM...]

KIND is gw, redis, etcd, gw-shared: all our clients on one connection, or gw-redis: ours asked by redis-benchmark.
OP is put, get or get-weak; with redis-benchmark a number of commands in a pipeline may follow it, as put:16. What the
load took, by its own clock and without the start of anything, is written to OUT/seconds; its words go to OUT/load.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

VALUE_BYTES, KEYS, WARM = 100, 10000, 1000
START_S = 60     # for servers to be ready
POLL_S = 0.05


class Servers:
    """The processes, bound to their processors; the context ends them and removes what they wrote."""

    def __init__(self, out, cpus, programs):
        self.folder = os.path.join(out, 'data')
        self.cpus, self.programs = cpus, programs
        self.processes, self.sockets = [], []
        os.makedirs(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, name):
        return os.path.join(self.folder, name)

    def start(self, *argv):
        log = open(self.place(f'log-{len(self.processes)}'), 'wb')
        with log:
            self.processes.append(subprocess.Popen(['taskset', '-c', self.cpus, *argv], stdout=log,
                                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL))

    def check(self):
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                with open(self.place(f'log-{number}'), encoding='utf-8', errors='replace') as file:
                    raise SystemExit(f'a server has ended: {file.read()[-500:]}')

    def wait_until(self, is_ready):
        last = time.monotonic() + START_S
        while not is_ready():
            self.check()
            if time.monotonic() > last:
                raise SystemExit('the servers are not ready')
            time.sleep(POLL_S)


def free_ports(count):
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answers(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=1).close()
        return True
    except OSError:
        return False


def voters(gw, cluster):
    done = subprocess.run([gw, 'kv', 'members', '--at', cluster, '--json'], capture_output=True, text=True, check=False)
    return sum(json.loads(line)['votes'] for line in done.stdout.splitlines())


def start_gw(servers, members, redis=False):
    """Ours; the address of all members, or the port for programs of Redis."""
    gw, ports = servers.programs['gw'], free_ports(members + 1)
    front = ports.pop()
    cluster = ','.join(f'127.0.0.1:{port}' for port in ports)
    for number, port in enumerate(ports):
        more = ['--join', cluster] if number else ['--redis-port', str(front)] if redis else []
        servers.start(gw, 'kv', 'serve', '--dir', servers.place(f'm{number}'), '--listen', f'127.0.0.1:{port}', *more)
        servers.wait_until(lambda port=port: answers(port))
    servers.wait_until(lambda: voters(gw, cluster) == members)
    return str(front) if redis else cluster


def start_redis(servers, members):
    assert members == 1
    port = free_ports(1)[0]
    servers.start('redis-server', '--port', str(port), '--bind', '127.0.0.1', '--dir', servers.folder, '--save', '',
                  '--appendonly', 'yes', '--appendfsync', 'always', '--daemonize', 'no')
    servers.wait_until(lambda: answers(port))
    return str(port)


def is_healthy(port):
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/health', timeout=2) as reply:
            return b'true' in reply.read()
    except OSError:
        return False


def start_etcd(servers, members):
    ports = free_ports(2 * members)
    clients, peers = ports[:members], ports[members:]
    cluster = ','.join(f'e{number}=http://127.0.0.1:{port}' for number, port in enumerate(peers))
    for number in range(members):
        client, peer = f'http://127.0.0.1:{clients[number]}', f'http://127.0.0.1:{peers[number]}'
        servers.start('etcd', '--name', f'e{number}', '--data-dir', servers.place(f'e{number}'),
                      '--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer,
                      '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster, '--logger', 'zap',
                      '--log-level', 'error')
    servers.wait_until(lambda: all(is_healthy(port) for port in clients))
    return ','.join(f'127.0.0.1:{port}' for port in clients)


def load(cpus, *argv):
    done = subprocess.run(['taskset', '-c', cpus, *argv], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f'{argv[0]}: {(done.stderr or done.stdout)[-500:]}')
    return done.stdout


def benchmark(cpus, port, op, clients, count):
    """redis-benchmark; keys are there before they are read."""
    op, _, pipeline = op.partition(':')
    argv = ['redis-benchmark', '-p', port, '-r', str(KEYS), '-d', str(VALUE_BYTES), '-q']
    if op == 'get':
        load(cpus, *argv, '-t', 'set', '-n', str(20 * KEYS), '-P', '100')
    argv += ['-t', 'set' if op == 'put' else op, '-c', str(clients), '-P', pipeline or '1']
    load(cpus, *argv, '-n', str(WARM))
    text = load(cpus, *argv, '-n', str(count))
    rate = re.search(r'([0-9.]+) requests per second', text)
    if not rate:
        raise SystemExit(f'redis-benchmark: {text[-500:]}')
    return count / float(rate[1]), text


def measure(kind, op, clients, count, members, cpus, servers):
    if kind in ('redis', 'gw-redis'):
        port = start_redis(servers, members) if kind == 'redis' else start_gw(servers, members, True)
        return benchmark(cpus, port, op, clients, count)
    if kind in ('gw', 'gw-shared'):
        text = load(cpus, servers.programs['load'], '--cluster', start_gw(servers, members), '--op', op, '--clients',
                    str(clients), '--count', str(count), '--keys', str(KEYS), '--value', str(VALUE_BYTES), '--warm',
                    str(WARM), '--connections', '1' if kind == 'gw-shared' else str(clients))
    else:
        words = [op.removesuffix('-weak'), start_etcd(servers, members), str(clients), str(count), str(VALUE_BYTES)]
        text = load(cpus, servers.programs['etcd-client'], *words, *(['weak'] if op == 'get-weak' else []))
    return json.loads(text)['seconds'], text


def main(arguments):
    kind, op, clients, count, members, server_cpus, client_cpus, out, *programs = arguments
    programs = dict(pair.split('=', 1) for pair in programs)
    with Servers(out, server_cpus, programs) as servers:
        seconds, text = measure(kind, op, int(clients), int(count), int(members), client_cpus, servers)
    with open(os.path.join(out, 'load'), 'w', encoding='utf-8') as file:
        file.write(text)
    with open(os.path.join(out, 'seconds'), 'w', encoding='utf-8') as file:
        file.write(f'{seconds:.6f}\n')


if __name__ == '__main__':
    main(sys.argv[1:])
