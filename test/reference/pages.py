# SPDX-License-Identifier: Apache-2.0
"""Web pages for the reference scripts: where they come from, and URLs after RFC 3986."""
import gzip
import os
import re

NAMES = (".html", ".htm", ".xhtml")


def html_files(root, base):
    """(URL or None, bytes) of each page below root; base is the address of root, or None."""
    for where, directories, names in os.walk(root):
        directories[:] = [name for name in directories if name[0] not in "._"]
        for name in names:
            path = os.path.join(where, name)
            if name[0] in "._" or os.path.islink(path) or not name.removesuffix(".gz").endswith(NAMES):
                continue
            with open(path, "rb") as file:
                page = file.read()
            if name.endswith(".gz"):
                page = gzip.decompress(page)
            below = os.fsencode(os.path.relpath(path, root))
            url = base and (base if base.endswith("/") else base + "/").encode() + escape(below, b"%?#")
            if page:
                yield url, os.fsencode(path), page


def warc_pages(path):
    """The same for the responses of an archive."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        while True:
            line = file.readline()
            if not line:
                return
            if not line.startswith(b"WARC/"):
                continue
            head = dict(read_fields(file))
            block = file.read(int(head[b"content-length"]))
            if head[b"warc-type"] != b"response":
                continue
            top, _, body = block.partition(b"\r\n\r\n")
            status, *fields = top.split(b"\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)}
            if status.split()[1] != b"200" or not fields.get(b"content-type", b"").startswith(b"text/html"):
                continue
            if fields.get(b"transfer-encoding") == b"chunked":
                body = join_chunks(body)
            if fields.get(b"content-encoding") == b"gzip":
                body = gzip.decompress(body)
            yield head[b"warc-target-uri"].strip(b"<>"), None, body


def read_fields(file):
    for line in iter(file.readline, b"\r\n"):
        name, _, value = line.partition(b":")
        yield name.lower(), value.strip()


def join_chunks(body):
    joined = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        size = int(size.split(b";")[0], 16)
        if size == 0:
            return joined
        joined, body = joined + body[:size], body[size + 2:]


def decode(page):
    try:
        return page.decode("utf-8")
    except UnicodeDecodeError:
        return page.decode("latin-1")


def escape(text, more=b""):
    return re.sub(rb"[\x00-\x20\x7f-\xff" + re.escape(more) + rb"]", lambda byte: b"%%%02X" % byte[0][0], text)


def escape_name(path):
    return re.sub(rb"[\x00-\x20\x7f%]", lambda byte: b"%%%02X" % byte[0][0], path)


# RFC 3986, appendix B, on a text without fragment.
PARTS = re.compile(rb"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?]*))?([^?]*)(?:\?(.*))?", re.DOTALL)


def resolve(base, reference):
    """The http or https URL that reference stands for on the page at base (None: no address), or None."""
    text = re.sub(rb"[\t\n\r]", b"", reference.strip(bytes(range(33)))).partition(b"#")[0]
    scheme, authority, path, query = PARTS.fullmatch(escape(text)).groups()
    if scheme is None:
        if base is None:
            return None
        scheme, base_authority, base_path, base_query = PARTS.fullmatch(base).groups()
        if authority is None:
            authority = base_authority
            if path == b"":
                path = base_path
                query = base_query if query is None else query
            elif not path.startswith(b"/"):
                path = base_path.rpartition(b"/")[0] + b"/" + path
    scheme = scheme.lower()
    if scheme not in (b"http", b"https") or authority is None:
        return None
    match = re.fullmatch(rb"((?:.*@)?)(\[[^\]]*\]|[^:\[][^:]*)(:\d*)?", authority)
    if not match:
        return None
    user, host, port = match.groups()
    port = b"" if port in (None, b":", b":80" if scheme == b"http" else b":443") else port
    url = scheme + b"://" + user + host.lower() + port + without_dots(path)
    url += b"" if query is None else b"?" + query
    return url if len(url) <= 8192 else None


def without_dots(path):
    kept = []
    segments = path.split(b"/")[1:]
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        if segment == b"..":
            kept[-1:] = []
        elif segment != b".":
            kept.append(segment)
            continue
        if last:
            kept.append(b"")
    return b"/" + b"/".join(kept)
