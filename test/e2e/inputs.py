# SPDX-License-Identifier: Apache-2.0
"""Inputs for results.py: real text of this machine, a few MB of it, and made up ones with all that is odd in them.
The made up ones are the same in every run."""
import gzip
import os
import random
import shutil

ODD_WORDS = [b"a", b"A", b"aa", b"ab", b"a.b", b"a-b", b"_", b"__x", b"0", b"-1", b"-0", b"00", b".5", b"-.5", b"1e3",
             b"+2", b"10", b"9", b"1,000", b"0x1f", b"99999999999999999999", b"-99999999999999999999", b"1.50", b"1.5",
             b"caf\xc3\xa9", b"\xff\xfe", b"\x00", b"x\x00y", b"\x01", b"\x7f", b"it's", b"%41", b"key:value"]
ODD_BLANKS = [b" ", b" ", b"  ", b"\t", b" \t ", b"\r", b"\v", b"\f", b":", b"::"]


def real_files(root, endings, bytes_max):
    """Readable files below root whose names end so, in order, until there are enough bytes."""
    for where, directories, names in os.walk(root):
        directories.sort()
        for name in sorted(names):
            path = os.path.join(where, name)
            if not name.endswith(endings) or os.path.islink(path) or not os.access(path, os.R_OK):
                continue
            bytes_max -= os.path.getsize(path)
            if bytes_max < 0:
                return
            yield path


def copy_files(paths, root, target):
    for path in paths:
        copy = os.path.join(target, os.path.relpath(path, root))
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(path, copy)


def is_utf8(path):
    with open(path, "rb") as file:
        try:
            return "\0" not in file.read().decode("utf-8")
        except UnicodeDecodeError:
            return False


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def odd_lines(chance, count):
    for _ in range(count):
        yield b"".join(chance.choice(ODD_WORDS) + chance.choice(ODD_BLANKS) for _ in range(chance.randrange(7)))


def text(directory):
    """Headers of this machine and files with everything odd."""
    chance = random.Random(1)
    copy_files(real_files("/usr/include", ".h", 6 << 20), "/usr/include", directory + "/include")
    write(directory + "/odd/no newline at the end", b"\n".join(odd_lines(chance, 5000)))
    write(directory + "/odd/100% caf\xc3\xa9".encode("latin-1").decode("utf-8"), b"one word")
    write(directory + "/odd/empty", b"")
    write(directory + "/odd/newlines", b"\n" * 1000)
    write(directory + "/odd/one_line", b" ".join(odd_lines(chance, 20000)).replace(b"\n", b""))
    write(directory + "/odd/one_word", b"w" * 100000 + b"\n")
    write(directory + "/odd/bytes", bytes(chance.randrange(256) for _ in range(200000)))
    write(directory + "/odd/packed.gz", gzip.compress(b"\n".join(odd_lines(chance, 5000)) + b"\n", mtime=0))
    for number in range(300):
        write(f"{directory}/odd/tiny/{number}", b"tiny %d\n" % number)


def lines(path):
    """Lines with fields to sort by: many that are equal in some field."""
    chance = random.Random(2)
    numbers = [b"%d" % chance.randrange(-50, 50) for _ in range(30)] + [b"%.2f" % chance.uniform(-5, 5) for _ in range(9)]
    rows = list(odd_lines(chance, 20000))
    for _ in range(30000):
        fields = [chance.choice(ODD_WORDS), chance.choice(numbers), b"%d" % chance.randrange(10 ** 6)]
        chance.shuffle(fields)
        rows.append(chance.choice(ODD_BLANKS).join(fields))
    chance.shuffle(rows)
    write(path, b"\n".join(rows))


def records(path):
    chance = random.Random(3)
    write(path, b"".join(bytes([chance.randrange(4) * 85 for _ in range(4)]) + b"%06d" % number + chance.randbytes(90)
                         for number in range(10000)))


def logs(directory):
    chance = random.Random(4)
    urls = [b"/", b"/index.html", b"/a?b=%20c", b"*", b"http://other.example/", b"/q\\\"uote", b"/\xc3\xa9", b"/x\\\\"]
    urls += [b"/page/%d" % number for number in range(500)]
    broken = [b"", b"-", b"GET", b'h - - [t] "GET / HTTP/1.1', b'h - - [t] "-" 408 0', b"\xff\xfe",
              b'h - - [t] "GET / HTTP/1.1" x 0', b'h - - "GET / HTTP/1.1" 200 0', b'h - - [t] "GET / HTTP/1.1" 200 1x',
              b'h - - [t] "GET / HTTP/1.1" 200 0trail', b'h - - [t] "GET /x HTTP/1.1"  200 0']

    def log_lines(count):
        for _ in range(count):
            if chance.random() < 0.02:
                yield chance.choice(broken)
                continue
            end = chance.choice([b"", b'', b' "-" "agent \\"x\\" 1"', b' "http://a/" "b" more', b"\r"])
            yield b'%d.0.0.1 - %s [10/Oct/2000:13:55:36 -0700] "%s %s%s" %d %s%s' % (
                chance.randrange(256), chance.choice([b"-", b"frank", b"two names"]),
                chance.choice([b"GET", b"POST"]), chance.choice(urls), chance.choice([b" HTTP/1.1", b" HTTP/1.0", b""]),
                chance.choice([200, 404, 301]), chance.choice([b"-", b"0", b"2326"]), end)

    write(directory + "/access.log", b"\n".join(log_lines(30000)) + b"\n")
    write(directory + "/access.log.1", b"\n".join(log_lines(5000)))


def page(chance):
    """A page as people write them: broken, relative, entities, scripts."""
    links = [b"x.html", b"../up.html", b"./a/../b", b"/root#part", b"//other.example/y", b"?q=1&amp;r=2", b"#top", b"",
             b"http://a.example", b"HTTP://A.example:80/%7Euser", b"https://a.example:443/../..", b"mailto:x@example.org",
             b"javascript:void(0)", b" http://a.example/space in it ", b"http://a.example/\xc3\xa9?\xc3\xa9", b"ftp://a.example/",
             b"http://user@b.example:8080/p;x=1", b"http://[::1]:8080/", b"http://", b"http:///x", b"http://a::b/", b"x:y"]
    yield b"<!DOCTYPE html><html><head><title>Page &amp; title</title>"
    if chance.random() < 0.2:
        yield b"<base href='%s'>" % chance.choice([b"http://base.example/dir/", b"sub/", b"mailto:x"])
    yield b"<style>p { color: red }</style><script>var s = \"<a href='no'>\";</script></head><body>"
    for _ in range(chance.randrange(40)):
        link = chance.choice(links)
        yield chance.choice([b'<a href="%s">word</a>', b"<A HREF='%s'>Word caf\xc3\xa9</A>", b'<area href="%s">',
                             b'<a name="n" href="%s"><b>bo</b>ld', b"<!-- <a href='%s'> -->", b'<link href="%s">']) % link
        yield chance.choice([b"<p>some text", b" term:count,", b"<br/>0 1 22 333", b"&eacute;t&eacute;", b"</p>"])
    yield b"</body></html>"


def html(directory):
    chance = random.Random(5)
    # The reference reads no other encodings.
    real = filter(is_utf8, real_files("/usr/share/doc", (".html", ".htm"), 3 << 20))
    copy_files(real, "/usr/share/doc", directory + "/doc")
    for number in range(200):
        write(f"{directory}/made/host{number % 7}.example/{number}.html", b"".join(page(chance)))
    write(directory + "/made/with blank?#%.html", b"<a href=b>")
    write(directory + "/made/packed.html.gz", gzip.compress(b"<a href=packed>text</a>", mtime=0))
    write(directory + "/made/empty.html", b"")
    write(directory + "/made/not_a_page.txt", b"<a href='http://no.example/'>")
    write(directory + "/made/_hidden.html", b"<a href='http://no.example/'>")


def record(kind, target, block):
    return (b"WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
            % (kind, target, len(block), block))


def chunks(body, chance):
    while body:
        size = chance.randrange(1, 400)
        yield b"%x\r\n%s\r\n" % (len(body[:size]), body[:size])
        body = body[size:]
    yield b"0\r\n\r\n"


def archive_records(chance, count):
    yield record(b"warcinfo", b"", b"software: none\r\n")
    for number in range(count):
        body, head = b"".join(page(chance)), b""
        if number % 5 == 1:
            head, body = b"Content-Encoding: gzip\r\n", gzip.compress(body, mtime=0)
        if number % 3 == 1:
            head, body = head + b"Transfer-Encoding: chunked\r\n", b"".join(chunks(body, chance))
        kind = chance.choice([b"text/html", b"text/html; charset=utf-8", b"text/plain", b"image/png"])
        status = chance.choice([b"200 OK", b"200 OK", b"404 Not Found"])
        target = b"http://host%d.example/%d" % (number % 5, number)
        yield record(b"request", target, b"GET / HTTP/1.1\r\n\r\n")
        yield record(b"response", target if number % 2 else b"<%s>" % target,
                     b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%s\r\n%s" % (status, kind, head, body))


def archives(directory):
    chance = random.Random(6)
    write(directory + "/plain.warc", b"".join(archive_records(chance, 300)))
    write(directory + "/packed.warc.gz", b"".join(gzip.compress(one, mtime=0) for one in archive_records(chance, 200)))


def url_lines(path):
    chance = random.Random(7)
    rows = [b"http://host%d.example/%d\t%s" % (chance.randrange(50), number, line)
            for number, line in enumerate(odd_lines(chance, 20000))]
    write(path, b"\n".join(rows + [b"no tab", b"mailto:x\tno host", b"http://Host1.Example:81/\tMIXED Case"]))
