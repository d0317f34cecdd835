/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world_fixture.h - what the tests of the simulator's core share: a world of a few nodes that the
 * test drives by their ios, between events.
 */
#ifndef SIM_WORLD_FIXTURE_H
#define SIM_WORLD_FIXTURE_H

#include "sim/sim.h"

#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>

enum { WORLD_NODES = 3, WORLD_PORT = 7000 };

struct world {
	struct sim *sim;
	struct sim_node *nodes[WORLD_NODES];
};

/* Nodes without programs, started. options may be NULL. */
void world_start(struct world *world, uint64_t seed, const struct sim_options *options);
void world_end(struct world *world);
struct io *world_io(struct world *world, unsigned node);

/* A request and what its done saw. */
struct op {
	struct io_request request; /* first */
	struct sim *sim;
	int calls, result;
	uint64_t at_ns;
	struct gw_error error;
};

struct op op_of(struct world *world);
void op_done(struct io_request *request, int result);
/* Runs until it has ended (a simulated hour at most, then the test fails); its result. */
int op_wait(struct op *op);

/* ---- Files: each runs until it is done ----------------------------------------------------- */

struct io_file *file_open(struct world *world, unsigned node, const char *path, uint32_t flags);
int file_open_result(struct world *world, unsigned node, const char *path, uint32_t flags);
int file_write(struct world *world, unsigned node, struct io_file *file, uint64_t offset,
	       const void *data, size_t size, uint32_t flags);
int file_sync(struct world *world, unsigned node, struct io_file *file);
int file_read(struct world *world, unsigned node, struct io_file *file, uint64_t offset,
	      void *data, size_t size);
int file_truncate(struct world *world, unsigned node, struct io_file *file, uint64_t size);
int file_close(struct world *world, unsigned node, struct io_file *file);
int path_sync(struct world *world, unsigned node, const char *path);
int path_rename(struct world *world, unsigned node, const char *path, const char *to);
int path_unlink(struct world *world, unsigned node, const char *path);
int path_mkdir(struct world *world, unsigned node, const char *path);
uint64_t path_free_bytes(struct world *world, unsigned node);
/* A file of `size` bytes of this value, synced, with its name. */
void file_make(struct world *world, unsigned node, const char *path, uint8_t value, size_t size);
/* Whether the file is there and is `size` bytes of that value. */
bool file_is(struct world *world, unsigned node, const char *path, uint8_t value, size_t size);
/* Power off and on again. */
void power_cycle(struct world *world, unsigned node);

/* ---- Streams ------------------------------------------------------------------------------- */

/* Collects what a stream brings. */
struct collector {
	struct io_reader reader; /* first */
	struct sim *sim;
	uint8_t *bytes;
	size_t capacity, size, step; /* step: asked for at most; 0: all */
	unsigned reads;
	bool ended;
	int last;
	uint64_t last_ns;
};

void collector_start(struct collector *collector, struct world *world, unsigned node,
		     struct io_stream *stream, void *bytes, size_t capacity);
/* Runs until it has so many bytes (true) or reading has ended, or the time is over. */
bool collector_wait(struct collector *collector, size_t size, uint64_t ns);

struct pair {
	struct io_listener *listener;
	struct io_stream *ends[2]; /* of the one who connected; of the one who accepted */
};

/* Connects node `from` to node `to`. */
void pair_make(struct pair *pair, struct world *world, unsigned from, unsigned to);
int stream_send(struct world *world, unsigned node, struct io_stream *stream, const void *data,
		size_t size);

#endif
