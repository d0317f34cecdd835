/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_fixture.h - what io.h, io_file.h and io_net.h promise, as tests that run on any
 * backend. Each test's title is the promise, as a sentence.
 *
 * To plug in a backend: write a program (uv_test.c here is one) that fills in a struct io_maker and
 * returns io_conformance(makers, count) from main. A backend of another room lists these
 * fixtures in its meson.build as its own:
 *
 *     room_fixtures = files('../io/conformance_fixture.c', '../io/conformance_bytes_fixture.c',
 *       '../io/conformance_close_fixture.c', '../io/conformance_connect_fixture.c',
 *       '../io/conformance_datagrams_fixture.c', '../io/conformance_files_fixture.c',
 *       '../io/conformance_process_fixture.c', '../io/conformance_time_fixture.c')
 *
 * Each test has a world of its own: make gives a fresh io with an empty directory where relative
 * paths start, and release takes both away. The tests use one io for both ends of a connection, at
 * the addresses that the maker names. No test sleeps or looks at how long something took; timers
 * are asked to be a few milliseconds at most.
 */
#ifndef IO_CONFORMANCE_FIXTURE_H
#define IO_CONFORMANCE_FIXTURE_H

#include "io/io.h"

/* What a backend does not have; the tests of it are left out. */
enum io_lacks {
	IO_LACKS_UNIX = 1, /* UNIX sockets */
	IO_LACKS_DATAGRAMS = 2,
	IO_LACKS_PROCESSES = 4, /* spawn, kill, wait: /bin/sh, true, cat, sleep */
	IO_LACKS_POLL_FD = 8,
	IO_LACKS_THREADS = 16, /* posts from other threads, work that blocks a thread of a pool */
	IO_LACKS_IDS = 32,     /* the ids of a UNIX socket's peer */
	IO_LACKS_RESOLVE = 64, /* of the name "localhost"; numbers always */
	IO_LACKS_SLOW_READER = 128, /* a writer is never made to wait for the reader */
};

struct io_maker {
	const char *name;
	uint32_t lacks; /* enum io_lacks */
	/* A fresh io in an empty directory; *world is the maker's own. The maker may fail the test
	 * by a cmocka assertion. */
	struct io *(*make)(const struct io_maker *maker, void **world);
	void (*release)(void *world, struct io *io);
	/* Runs until stop is called in a callback, or until nothing is left to happen. */
	void (*run)(void *world, struct io *io);
	void (*stop)(void *world, struct io *io);
	/* An address of the family (IP4, or UNIX if there is) that is free to listen at; a port may
	 * be 0. */
	void (*address)(void *world, uint16_t family, struct io_address *address);
};

/* Runs all tests that the backend can run, as the one cmocka group of the program. */
int io_conformance(const struct io_maker **makers, size_t count);

#endif
