/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_stream_fixture.h - the steps that tests of streams share, for the files of the
 * conformance suite.
 */
#ifndef IO_CONFORMANCE_STREAM_FIXTURE_H
#define IO_CONFORMANCE_STREAM_FIXTURE_H

#include "io/conformance_world_fixture.h"

static inline void close_pair(struct world *world, struct io_stream *pair[2])
{
	for (int i = 0; i < 2; i++) {
		if (pair[i])
			io_stream_close(world->io, pair[i]);
	}
}

static inline int write_text(struct world *world, struct io_stream *stream, const char *text)
{
	struct call call = call_of(world);
	struct gw_bytes piece = gw_string(text);

	io_writev(world->io, start(&call), stream, &piece, 1, note);
	return ended(&call);
}

static inline int shut_down(struct world *world, struct io_stream *stream)
{
	struct call call = call_of(world);

	io_shutdown(world->io, start(&call), stream, note);
	return ended(&call);
}

/* Runs until the collector has so many bytes, or was told of the end. */
static inline void run_for(struct world *world, const struct collector *collector, size_t size)
{
	while (collector->size < size && !collector->ends)
		world->maker->run(world->own, world->io);
	assert_true(collector->size >= size);
}

static inline void run_to_end(struct world *world, const struct collector *collector)
{
	run_until(world, &collector->ends, 1);
}

/* All tests of a pair run over both families that there are. */
static inline void over_each(struct world *world,
			     void (*test)(struct world *world, uint16_t family))
{
	test(world, IO_FAMILY_IP4);
	if (!(world->maker->lacks & IO_LACKS_UNIX))
		test(world, IO_FAMILY_UNIX);
}

#endif
