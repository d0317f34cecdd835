/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_io.h - a struct io in memory without faults or delays: a few small files, a clock that
 * jumps to the next timer, one pair of connected streams. It carries a request out when it is
 * submitted and tells so on a later turn, one thing a turn. It shows that io/io.h can be
 * implemented; what it lacks answers GW_E_UNSUPPORTED.
 */
#ifndef TEST_SUPPORT_FAKE_IO_H
#define TEST_SUPPORT_FAKE_IO_H

#include "io/io.h"

enum { FAKE_NODES = 4, FAKE_BYTES = 64 };

struct fake_node {
	char name[16]; /* "": free */
	uint8_t bytes[FAKE_BYTES];
	uint64_t size;
	bool locked;
};

struct fake_file {
	struct io_file file;
	struct fake_node *node;
	bool locked;
};

/* One end; what is written at one is read at the other. */
struct fake_stream {
	struct io_stream stream;
	struct fake_stream *other;
	struct io_reader *reader;
	uint8_t bytes[FAKE_BYTES]; /* arrived and not yet read */
	size_t used;
	bool ended;
};

struct fake {
	struct io io;
	struct io_request *first; /* linked by next: under way, in order; timers among them */
	struct fake_node nodes[FAKE_NODES];
	struct fake_stream ends[2];
	struct io_turn *turn;
	uint64_t now_ns, seed;
	int files_open, syncs;
};

/* Nothing in it needs to be freed once all files are closed. */
void fake_init(struct fake *fake);

/* One thing happens. False: nothing was left to happen. */
bool fake_turn(struct fake *fake);

#endif
