#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's client library for Redis (python3-redis) at our port: `kv_redis_client.py PORT`. Run by kv.py, by Debian's own
Python, which has the library."""
import sys

import redis


def refused(call, *words):
    try:
        call(*words)
    except redis.ResponseError as error:
        return str(error)
    raise AssertionError("not refused: %r" % (words,))


def single_keys(client):
    assert client.ping()
    client.delete("k", "n")
    assert client.get("k") is None
    assert client.set("k", b"\x00\r\n\xff")
    assert client.get("k") == b"\x00\r\n\xff"
    assert client.set("k", "x", nx=True) is None
    assert client.setnx("n", "1") and not client.setnx("n", "2")
    assert client.append("n", "0") == 2
    assert client.incr("n") == 11
    assert "not an integer" in refused(client.incr, "k")
    assert client.expire("k", 100) and 98 <= client.ttl("k") <= 100
    assert client.ttl("n") == -1 and client.ttl("none") == -2
    assert client.exists("k", "n", "none") == 2
    assert client.delete("k", "none") == 1


def many_keys(client):
    assert client.mset({"m%03d" % number: number for number in range(300)})
    assert client.mget("m000", "none", "m299") == [b"0", None, b"299"]
    assert len(set(client.scan_iter(match="m*", count=50))) == 300


def pipelines(client):
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.set("p", number)
        pipeline.get("p")
        pipeline.set("q" * 501, "x")
        pipeline.set("p", "last").get("p")
        answers = pipeline.execute(raise_on_error=False)
    assert answers[:1000] == [True] * 1000 and answers[1000] == b"999"
    assert isinstance(answers[1001], redis.ResponseError) and answers[1002:] == [True, b"last"]


def main():
    client = redis.Redis(port=int(sys.argv[1]))
    single_keys(client)
    many_keys(client)
    pipelines(client)
    assert client.info()["role"] == "master"
    client.close()


main()
