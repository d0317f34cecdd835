# SPDX-License-Identifier: Apache-2.0
"""Where the programs are that `make bench` runs, and which versions they have.

Debian's packages come by `test/setup.sh bench`. DuckDB comes from npm, into the cache folder, once. The
programs of peers/ are built there when they have changed.
"""

import os
import re
import shutil
import subprocess

DUCKDB_PACKAGE = '@duckdb/node-api@1.5.6-r.1'
HERE = os.path.dirname(os.path.abspath(__file__))

# How a program is asked for its version; the first line of the answer counts.
VERSION_QUESTIONS = {
    'mawk': ['mawk', '-W', 'version'],
    'cat': ['cat', '--version'],
    'grep': ['grep', '--version'],
    'rg': ['rg', '--version'],
    'sort': ['sort', '--version'],
    'redis-server': ['redis-server', '--version'],
    'true': ['env', 'true', '--version'],
}


# The Debian libraries behind programs of peers/, as pkg-config names them.
PEER_PACKAGES = {'echo_zeromq': 'libzmq', 'echo_tirpc': 'libtirpc', 'echo_grpc': 'grpc++', 'echo_capnp': 'capnp-rpc'}
CANNOT_BUILD = 3  # status of peers/build.sh


class ToolError(Exception):
    """A program is missing."""


def first_line(argv):
    """The first line that a command prints; '' if it cannot be run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return ''
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if lines else ''


class Tools:
    """The programs: ours below `build`, DuckDB below `cache`, the others in the PATH."""

    def __init__(self, build, cache, cpus):
        self.build = os.path.abspath(build)
        self.helpers = os.path.join(self.build, 'bench')
        self.gw = os.path.join(self.build, 'gw')
        self.wordcount = os.path.join(self.build, 'examples', 'wordcount')
        self.cpus = cpus
        self.modules = os.path.join(cache, 'npm', 'node_modules')
        self.peers = os.path.join(cache, 'peers')
        self.versions = {}

    def helper(self, name):
        return os.path.join(self.helpers, 'bench-' + name)

    def duckdb(self, sql):
        return ['node', os.path.join(HERE, 'duckdb.mjs'), self.modules, str(len(self.cpus)), sql]

    def install_duckdb(self, say):
        """Fetches DuckDB into the cache folder, unless this version is there."""
        prefix = os.path.dirname(self.modules)
        marker = os.path.join(prefix, 'installed')
        if os.path.exists(marker):
            with open(marker, encoding='utf-8') as file:
                if file.read().strip() == DUCKDB_PACKAGE:
                    return
        say(f'installing {DUCKDB_PACKAGE} into {prefix}')
        shutil.rmtree(prefix, ignore_errors=True)
        os.makedirs(prefix)
        with open(os.path.join(prefix, 'package.json'), 'w', encoding='utf-8') as file:
            file.write('{"private": true}\n')
        done = subprocess.run(['npm', 'install', '--prefix', prefix, '--no-audit', '--no-fund', '--silent',
                               DUCKDB_PACKAGE], check=False)
        if done.returncode != 0:
            raise ToolError(f'npm could not install {DUCKDB_PACKAGE}')
        with open(marker, 'w', encoding='utf-8') as file:
            file.write(DUCKDB_PACKAGE + '\n')

    def peer(self, name):
        return os.path.join(self.peers, name)

    def build_peers(self, say):
        """Compiles the programs of peers/ that are new; without compiler or library they are left out."""
        sources = os.path.join(HERE, 'peers')
        for source in sorted(os.listdir(sources)):
            name, end = os.path.splitext(source)
            path, program = os.path.join(sources, source), self.peer(name)
            if end not in ('.go', '.c', '.cc'):
                continue
            if os.path.exists(program) and os.path.getmtime(program) > os.path.getmtime(path):
                continue
            say(f'building {program}')
            os.makedirs(self.peers, exist_ok=True)
            environment = {**os.environ, 'GO111MODULE': 'off', 'GOCACHE': os.path.join(self.peers, 'go-cache')}
            done = subprocess.run(['/bin/sh', os.path.join(sources, 'build.sh'), source, program], cwd=self.peers,
                                  env=environment, check=False)
            if done.returncode not in (0, CANNOT_BUILD):
                raise ToolError(f'could not build {path}')

    def missing(self, program):
        """Whether a program cannot be run at all."""
        return shutil.which(program) is None

    def version(self, program):
        """Name and version of a program, asked once."""
        if program not in self.versions:
            self.versions[program] = self.ask_version(program)
        return self.versions[program]

    def ask_version(self, program):
        if program in (self.gw, self.wordcount):
            return first_line([self.gw, '--version'])
        if program in [self.helper(name) for name in ('tasks', 'echo-rpc', 'append', 'kv-load')]:
            return first_line([self.gw, '--version'])
        if program in (self.peer('tasks'), self.peer('echo_net_rpc')):
            return first_line(['go', 'version'])
        if program == self.peer('kv_etcd'):
            return first_line(['etcd', '--version'])
        for name, package in PEER_PACKAGES.items():
            if program == self.peer(name):
                return f'{package} ' + first_line(['pkg-config', '--modversion', package])
        if program == 'node':
            return 'DuckDB ' + first_line(self.duckdb('VERSION'))
        if program in VERSION_QUESTIONS:
            return re.sub(r'\s+', ' ', first_line(VERSION_QUESTIONS[program]))
        return ''
