/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_world_fixture.h - what the files of the conformance suite share: a world (one io for
 * one test), calls (a request and what its done saw), and the few steps that most tests begin with.
 */
#ifndef IO_CONFORMANCE_WORLD_FIXTURE_H
#define IO_CONFORMANCE_WORLD_FIXTURE_H

#include "io/conformance_fixture.h"
#include "support/unit.h"

#include <stdlib.h>

struct world {
	const struct io_maker *maker;
	void *own; /* the maker's */
	struct io *io;
	unsigned ended; /* calls of note so far */
};

/* A request and what its done saw. Starts by call_of; may be used again after its end. */
struct call {
	struct io_request request;
	struct world *world;
	int calls, result;
	unsigned order; /* world->ended when it ended */
	struct gw_error error;
};

/* A test of the suite and what a backend must not lack for it. */
struct conformance_test {
	const char *title;
	void (*function)(void **state);
	uint32_t needs; /* enum io_lacks */
};

/* A row of a table below. */
#define TEST(name, needs) {#name, name, needs}

/* Of each file; ended by a title of NULL. */
extern const struct conformance_test conformance_files[];
extern const struct conformance_test conformance_connect[];
extern const struct conformance_test conformance_bytes[];
extern const struct conformance_test conformance_close[];
extern const struct conformance_test conformance_datagrams[];
extern const struct conformance_test conformance_time[];
extern const struct conformance_test conformance_processes[];

static inline struct call call_of(struct world *world)
{
	return (struct call){.world = world};
}

/* The request of a call that is to be started now, with `note` as its done. */
struct io_request *start(struct call *call);
/* Records the end and stops the run. */
void note(struct io_request *request, int result);
/* Runs until the call has ended; fails the test when nothing is left to happen before. */
int ended(struct call *call);
/* Runs until *count >= least. */
void run_until(struct world *world, const int *count, int least);
/* Stops the run that is on: from callbacks that are not `note`. */
void stop(struct world *world);
/* Runs until nothing is left to happen: all that is pending has to end by itself. */
void run_out(struct world *world);

struct io_file *open_file(struct world *world, const char *path, uint32_t flags);
int open_fails(struct world *world, const char *path, uint32_t flags);
void close_file(struct world *world, struct io_file *file);
void write_file(struct world *world, struct io_file *file, const char *text, uint64_t offset);
/* The file's bytes from offset on have to be these, and end there. */
void expect_file(struct world *world, struct io_file *file, const char *text, uint64_t offset);

/* A listener, or a connected pair made by one that is closed again. */
struct io_listener *listen_at(struct world *world, uint16_t family, struct io_address *address);
void connect_pair(struct world *world, uint16_t family, struct io_stream *pair[2]);

/* Collects what a stream brings. */
struct collector {
	struct io_reader reader;
	struct world *world;
	uint8_t *bytes; /* room for size_max; NULL: only counted */
	size_t size_max, size;
	size_t step; /* bytes asked for at most each time; 0: as many as are left */
	int asked, ends, last;
	uint8_t scrap[65536];
};

/* Starts as this; ends: how often read was told of the end or of a failure. */
void collect(struct collector *collector, struct world *world, struct io_stream *stream,
	     void *bytes, size_t size_max);

#endif
