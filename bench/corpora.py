# SPDX-License-Identifier: Apache-2.0
"""The inputs of `make bench`: made by script, the same bytes each time, kept in the cache folder.

    hard        Linux 6.1's source: its text files, in byte order of their paths, one after the other
    easy        the same folded to lower-case letters
    repeated    hard, four times
    records     records of 100 bytes with random keys of 10, each a line
    logs        an access log in the Combined Log Format
    empty       nothing

A text file here is valid UTF-8 without control bytes but tab and newline (43 of 78,579 files are not), so
that all programs mean the same by a word. Size and SHA-256 are recorded beside each corpus when it is
made, and compared whenever it is read into the page cache.
"""

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess

GIB = 1 << 30
RECIPES = 1    # raised when a corpus is made in another way: those made before do not count any more
RECORD_SIZE = 100
PIECE = 1 << 20
KINDS_EASY_TO_MAKE_FIRST = ('records', 'repeated', 'logs', 'easy', 'hard', 'empty')
CONTROL_BYTES = re.compile(rb'[\x00-\x08\x0b-\x1f\x7f]')
LINUX_ARCHIVE = '/usr/src/linux-source-6.1.tar.xz'


class CorpusError(Exception):
    """A corpus cannot be made or is not what was recorded."""


def size_name(size):
    """1073741824 -> 1G: the shortest exact name."""
    for unit, letter in ((GIB, 'G'), (1 << 20, 'M'), (1 << 10, 'K')):
        if size >= unit and size % unit == 0:
            return f'{size // unit}{letter}'
    return str(size)


def parse_size(text):
    """256M -> 268435456."""
    match = re.fullmatch(r'(\d+)([KMG]?)', text.upper())
    if not match or int(match.group(1)) == 0:
        raise ValueError(f'{text}: not a size; say 256M or 1G')
    return int(match.group(1)) << {'': 0, 'K': 10, 'M': 20, 'G': 30}[match.group(2)]


def sha256_of(path):
    """Also reads the file into the page cache, which is what the caller wants before measuring."""
    digest = hashlib.sha256()
    with open(path, 'rb', buffering=0) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def text_of(path):
    """The bytes of a text file; None if it is not one."""
    with open(path, 'rb') as file:
        data = file.read()
    if CONTROL_BYTES.search(data):
        return None
    try:
        data.decode('utf-8')
    except UnicodeDecodeError:
        return None
    return data


def files_below(root):
    """The regular files below root, as bytes, in byte order of their paths."""
    found = []
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                found.append(path)
    return sorted(found)


def write_cut(file, data, room):
    """Writes data; what does not fit is cut after the last whole line and filled up with newlines."""
    if len(data) > room:
        whole = data.rfind(b'\n', 0, room) + 1
        data = data[:whole] + b'\n' * (room - whole)
    file.write(data)
    return room - len(data)


def write_tree(root, size, out):
    """Writes the text files below root to out, over again if they are short, exactly size bytes."""
    paths = files_below(root)
    room = size
    with open(out, 'wb') as file:
        while room > 0:
            before = room
            for path in paths:
                data = text_of(path) if room > 0 else None
                if data:
                    room = write_cut(file, data, room)
            if room == before:
                raise CorpusError(f'{root}: no text files')


def folder_size(folder):
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


class Corpora:
    """The corpora in a folder, made when they are first asked for, within disk_limit bytes in all."""

    def __init__(self, cache, helpers, disk_limit=12 * 10**9, say=print):
        self.cache = cache
        self.folder = os.path.join(cache, 'corpora')
        self.helpers = helpers
        self.disk_limit = disk_limit
        self.say = say
        os.makedirs(self.folder, exist_ok=True)

    def path(self, kind, size):
        return os.path.join(self.folder, f'{kind}-{size_name(size)}')

    def need(self, kind, size, for_output=0):
        """The record {name, path, bytes, sha256, source} of a corpus that is there, with room on disk for
        what will be written next to it. Other corpora go if they must."""
        path = self.path(kind, size)
        record = self.recorded(path)
        if record is None:
            source = self.needed_source(kind, size)
            keep = {path} | ({source['path']} if source else set())
            self.make_room(keep, size + (2 * GIB if kind == 'hard' else 0))
            self.say(f'making {os.path.basename(path)}')
            self.make(kind, size, path, source)
            record = self.record(path, kind)
        self.make_room({path}, for_output)
        return record

    def needed_source(self, kind, size):
        if kind == 'easy':
            return self.need('hard', size)
        if kind == 'repeated':
            return self.need('hard', size // 4)
        return None

    def make(self, kind, size, path, source):
        part = path + '.part'
        if kind == 'hard':
            self.make_hard(size, part)
        elif kind == 'easy':
            with open(source['path'], 'rb') as file:
                self.helper(['fold'], part, file)
        elif kind == 'repeated':
            with open(part, 'wb') as file:
                for _ in range(4):
                    with open(source['path'], 'rb') as again:
                        shutil.copyfileobj(again, file, PIECE)
        elif kind == 'records':
            self.helper(['records', str(size // RECORD_SIZE)], part)
        elif kind == 'logs':
            self.helper(['logs', str(size)], part)
        else:
            with open(part, 'wb'):
                pass
        os.rename(part, path)

    def helper(self, arguments, out, stdin=None):
        with open(out, 'wb') as file:
            subprocess.run([os.path.join(self.helpers, 'bench-corpus'), *arguments], stdout=file,
                           stdin=stdin or subprocess.DEVNULL, check=True)

    def make_hard(self, size, out):
        if not os.path.exists(LINUX_ARCHIVE):
            raise CorpusError(f'{LINUX_ARCHIVE} is missing: sh test/setup.sh bench')
        tree = os.path.join(self.folder, 'linux.part')
        shutil.rmtree(tree, ignore_errors=True)
        os.makedirs(tree)
        try:
            subprocess.run(['tar', '-xJf', LINUX_ARCHIVE, '-C', tree], check=True)
            write_tree(tree, size, out)
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    def record(self, path, kind):
        record = {'name': os.path.basename(path), 'path': path, 'bytes': os.path.getsize(path),
                  'sha256': sha256_of(path), 'recipes': RECIPES}
        if kind in ('hard', 'easy', 'repeated'):
            record['source'] = linux_version()
        with open(path + '.json.part', 'w', encoding='utf-8') as file:
            json.dump(record, file)
        os.rename(path + '.json.part', path + '.json')
        return record

    def recorded(self, path):
        """The record of a corpus made earlier; None if it is not there or not whole."""
        try:
            with open(path + '.json', encoding='utf-8') as file:
                record = json.load(file)
            if os.path.getsize(path) != record['bytes'] or record['recipes'] != RECIPES:
                return None
        except (OSError, ValueError, KeyError):
            return None
        record['path'] = path
        return record

    def warm(self, record):
        """Reads a corpus into the page cache and checks it on the way."""
        if sha256_of(record['path']) != record['sha256']:
            self.remove(record['path'])
            raise CorpusError(f'{record["path"]} was not what was recorded and is removed: run again')

    def make_room(self, keep, size):
        """Removes corpora that are not in keep, the cheapest to make again first, until size fits."""
        for kind in KINDS_EASY_TO_MAKE_FIRST:
            for path in sorted(glob.glob(os.path.join(self.folder, f'{kind}-*'))):
                if folder_size(self.cache) + size <= self.disk_limit:
                    return
                if path not in keep and not path.endswith('.json'):
                    self.say(f'removing {os.path.basename(path)} to make room')
                    self.remove(path)
        if folder_size(self.cache) + size > self.disk_limit:
            self.say(f'{self.cache} will pass {self.disk_limit / 1e9:.1f} GB (--disk)')

    def remove(self, path):
        for name in (path, path + '.json'):
            if os.path.exists(name):
                os.remove(name)


def linux_version():
    """Version of the source package that the text was taken from."""
    done = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', 'linux-source-6.1'],
                          capture_output=True, text=True, check=False)
    return f'linux-source-6.1 {done.stdout.strip()}'
