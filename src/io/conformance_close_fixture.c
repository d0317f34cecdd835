/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_close_fixture.c - the promises of io_net.h on the end of a stream.
 */
#include "io/conformance_stream_fixture.h"

enum { BIG_BYTES = 16 << 20 }; /* more than kernels keep for one connection */

/* ---- Closing ------------------------------------------------------------------------------ */

static void close_tells_the_other_side(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct collector collector;
	char bytes[32] = {0};

	connect_pair(world, family, pair);
	assert_int_equal(write_text(world, pair[0], "bye"), 0);
	io_stream_close(world->io, pair[0]);
	pair[0] = NULL;
	collect(&collector, world, pair[1], bytes, sizeof(bytes));
	run_to_end(world, &collector);
	assert_string_equal(bytes, "bye"); /* what the kernel had was sent */
	assert_int_equal(collector.last, 0);
	close_pair(world, pair);
}

static void a_close_sends_what_was_taken_and_ends(void **state)
{
	over_each(*state, close_tells_the_other_side);
}

static void a_reset_fails_the_other_side(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_stream *pair[2];
	struct collector collector;

	connect_pair(world, IO_FAMILY_IP4, pair);
	collect(&collector, world, pair[1], NULL, 0);
	io_stream_reset(world->io, pair[0]);
	pair[0] = NULL;
	run_to_end(world, &collector);
	assert_int_equal(collector.last, GW_E_CLOSED);
	assert_int_equal(write_text(world, pair[1], "x"), GW_E_CLOSED);
	close_pair(world, pair);
}

static void write_to_a_closed(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	int result = 0;

	connect_pair(world, family, pair);
	io_stream_close(world->io, pair[1]);
	pair[1] = NULL;
	/* The first ones may get into the kernel before it knows. */
	for (int i = 0; i < 1000 && result == 0; i++)
		result = write_text(world, pair[0], "is anybody there?");
	assert_int_equal(result, GW_E_CLOSED);
	close_pair(world, pair);
}

static void writing_to_a_closed_side_fails(void **state)
{
	over_each(*state, write_to_a_closed);
}

static void close_under_way(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct collector collector;
	struct call calls[4];
	uint8_t *bytes = calloc(1, BIG_BYTES);
	struct gw_bytes piece = {bytes, BIG_BYTES};

	assert_non_null(bytes);
	for (int reset = 0; reset < 2; reset++) {
		connect_pair(world, family, pair);
		collect(&collector, world, pair[0], NULL, 0);
		for (size_t i = 0; i < 3; i++) {
			calls[i] = call_of(world);
			io_writev(world->io, start(&calls[i]), pair[0], &piece, 1, note);
		}
		calls[3] = call_of(world);
		io_shutdown(world->io, start(&calls[3]), pair[0], note);
		if (reset)
			io_stream_reset(world->io, pair[0]);
		else
			io_stream_close(world->io, pair[0]);
		pair[0] = NULL;
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(calls[i].calls, 0);
		for (size_t i = 0; i < 4; i++) {
			assert_int_equal(ended(&calls[i]), GW_E_CANCELLED);
			if (i < 3) /* the name lasts until the last of them */
				assert_non_null(strstr(calls[i].error.text, "cannot send to "));
		}
		assert_int_equal(collector.asked, 0);
		close_pair(world, pair);
		run_out(world);
	}
	free(bytes);
}

static void closing_cancels_what_is_under_way(void **state)
{
	over_each(*state, close_under_way);
}

/* A reader that closes its stream from inside. */
struct closer {
	struct io_reader reader;
	struct world *world;
	struct io_stream *stream;
	int calls;
	char bytes[4];
};

static struct io_buffer closer_buffer(struct io_reader *reader)
{
	struct closer *closer = (struct closer *)reader;

	return (struct io_buffer){closer->bytes, sizeof(closer->bytes)};
}

static void closer_read(struct io_reader *reader, int result)
{
	struct closer *closer = (struct closer *)reader;

	assert_int_equal(result, 4);
	closer->calls++;
	io_stream_close(closer->world->io, closer->stream);
	stop(closer->world);
}

static void close_inside(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct closer closer = {.reader = {closer_buffer, closer_read, 0}, .world = world};

	connect_pair(world, family, pair);
	assert_int_equal(write_text(world, pair[0], "0123456789"), 0);
	closer.stream = pair[1];
	pair[1] = NULL;
	io_read_start(world->io, closer.stream, &closer.reader);
	run_until(world, &closer.calls, 1);
	run_out(world);
	assert_int_equal(closer.calls, 1);
	close_pair(world, pair);
}

static void a_reader_may_close_its_stream(void **state)
{
	over_each(*state, close_inside);
}

const struct conformance_test conformance_close[] = {
	TEST(a_close_sends_what_was_taken_and_ends, 0),
	TEST(a_reset_fails_the_other_side, 0),
	TEST(writing_to_a_closed_side_fails, 0),
	TEST(closing_cancels_what_is_under_way, 0),
	TEST(a_reader_may_close_its_stream, 0),
	{0},
};
