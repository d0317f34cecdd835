/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_bytes_fixture.c - the promises of io_net.h on the bytes of a stream: writing and
 * reading.
 */
#include "io/conformance_stream_fixture.h"

enum { BIG_BYTES = 16 << 20 }; /* more than kernels keep for one connection */

static void pattern(uint8_t *bytes, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i += 8) {
		uint64_t value = test_random(&seed);

		memcpy(bytes + i, &value, size - i < 8 ? size - i : 8);
	}
}

/* ---- Bytes -------------------------------------------------------------------------------- */

static void talk(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct collector collectors[2];
	char bytes[2][32] = {{0}};
	struct call calls[4];
	struct gw_bytes pieces[3] = {gw_string("call "), {NULL, 0}, gw_string("me")};

	connect_pair(world, family, pair);
	for (int i = 0; i < 2; i++) {
		collect(&collectors[i], world, pair[i], bytes[i], sizeof(bytes[i]));
		assert_int_equal(collectors[i].asked, 0); /* not before there is something */
	}
	for (int i = 0; i < 4; i++) { /* two each way, in order */
		calls[i] = call_of(world);
		io_writev(world->io, start(&calls[i]), pair[i % 2], pieces, 3, note);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(ended(&calls[i]), 0);
	for (int i = 0; i < 2; i++) {
		run_for(world, &collectors[i], 14);
		assert_string_equal(bytes[i], "call mecall me");
		assert_int_equal(collectors[i].ends, 0);
	}
	close_pair(world, pair);
}

static void bytes_arrive_in_order_both_ways(void **state)
{
	over_each(*state, talk);
}

static void write_nothing(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct collector collector;
	struct call call = call_of(world);
	struct gw_bytes pieces[2] = {{NULL, 0}, {"", 0}};

	connect_pair(world, family, pair);
	io_writev(world->io, start(&call), pair[0], NULL, 0, note);
	assert_int_equal(call.calls, 0);
	assert_int_equal(ended(&call), 0);
	io_writev(world->io, start(&call), pair[0], pieces, 2, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(write_text(world, pair[0], "x"), 0);
	collect(&collector, world, pair[1], NULL, 0);
	run_for(world, &collector, 1);
	assert_int_equal(collector.size, 1);
	close_pair(world, pair);
}

static void empty_writes_end_well(void **state)
{
	over_each(*state, write_nothing);
}

static void write_much(struct world *world, uint16_t family)
{
	enum { WRITES = 64, PIECES = 100 };
	struct io_stream *pair[2];
	struct collector collector;
	uint8_t *bytes = malloc(BIG_BYTES), *back = malloc(BIG_BYTES);
	struct gw_bytes(*pieces)[PIECES] = calloc(WRITES, sizeof(*pieces));
	struct call *calls = calloc(WRITES, sizeof(*calls));
	size_t at = 0;
	uint64_t seed = 7;

	assert_true(bytes && back && pieces && calls);
	pattern(bytes, BIG_BYTES, 42);
	connect_pair(world, family, pair);
	for (size_t i = 0; i < WRITES; i++) {
		for (size_t j = 0; j < PIECES; j++) {
			size_t size = (size_t)test_pick(&seed, BIG_BYTES / WRITES / PIECES);

			pieces[i][j] = (struct gw_bytes){bytes + at, size};
			at += size;
		}
		calls[i] = call_of(world);
		io_writev(world->io, start(&calls[i]), pair[0], pieces[i], PIECES, note);
	}
	collect(&collector, world, pair[1], back, BIG_BYTES);
	run_for(world, &collector, at);
	for (size_t i = 0; i < WRITES; i++) {
		assert_int_equal(ended(&calls[i]), 0);
		if (i > 0)
			assert_true(calls[i].order > calls[i - 1].order);
	}
	assert_int_equal(collector.size, at);
	assert_memory_equal(back, bytes, at);
	close_pair(world, pair);
	free(calls);
	free(pieces);
	free(back);
	free(bytes);
}

static void much_is_written_whole_and_in_order(void **state)
{
	over_each(*state, write_much);
}

static void write_against_nobody(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct collector collector;
	struct call big = call_of(world), timer = call_of(world), small = call_of(world);
	uint8_t *bytes = malloc(BIG_BYTES), *back = malloc(BIG_BYTES + 1);
	struct gw_bytes piece = {bytes, BIG_BYTES};

	assert_true(bytes && back);
	pattern(bytes, BIG_BYTES, 43);
	connect_pair(world, family, pair);
	io_writev(world->io, start(&big), pair[0], &piece, 1, note);
	io_timer(world->io, start(&timer), io_now_ns(world->io) + 1000000, note);
	assert_int_equal(ended(&timer), 0);
	assert_int_equal(big.calls, 0); /* waits for the reader, not in anybody's way */
	assert_int_equal(write_text(world, pair[1], "other way"), 0);
	/* One that was not begun can be taken back without a trace. */
	io_writev(world->io, start(&small), pair[0], &piece, 1, note);
	io_cancel(world->io, &small.request);
	assert_int_equal(ended(&small), GW_E_CANCELLED);
	collect(&collector, world, pair[1], back, BIG_BYTES + 1);
	collector.step = 100001;
	run_for(world, &collector, BIG_BYTES);
	assert_int_equal(ended(&big), 0);
	assert_memory_equal(back, bytes, BIG_BYTES);
	assert_int_equal(shut_down(world, pair[0]), 0);
	run_to_end(world, &collector);
	assert_int_equal(collector.size, BIG_BYTES);
	close_pair(world, pair);
	free(back);
	free(bytes);
}

static void a_writer_waits_for_its_reader(void **state)
{
	over_each(*state, write_against_nobody);
}

static void cancel_in_the_middle(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct call big = call_of(world), behind = call_of(world), timer = call_of(world);
	uint8_t *bytes = calloc(1, BIG_BYTES);
	struct gw_bytes piece = {bytes, BIG_BYTES};

	assert_non_null(bytes);
	connect_pair(world, family, pair);
	io_writev(world->io, start(&big), pair[0], &piece, 1, note);
	io_writev(world->io, start(&behind), pair[0], &piece, 1, note);
	io_timer(world->io, start(&timer), io_now_ns(world->io) + 1000000, note);
	assert_int_equal(ended(&timer), 0);
	assert_int_equal(big.calls, 0);
	io_cancel(world->io, &big.request);
	assert_int_equal(ended(&big), GW_E_CANCELLED);
	assert_int_equal(ended(&behind), GW_E_CLOSED);
	assert_int_equal(write_text(world, pair[0], "x"), GW_E_CLOSED);
	assert_int_equal(shut_down(world, pair[0]), GW_E_CLOSED);
	close_pair(world, pair);
	free(bytes);
}

static void a_write_cancelled_in_its_middle_ends_the_sending_side(void **state)
{
	over_each(*state, cancel_in_the_middle);
}

/* ---- Reading ------------------------------------------------------------------------------ */

static void read_in_steps(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct collector first, second;
	char bytes[32] = {0};

	connect_pair(world, family, pair);
	assert_int_equal(write_text(world, pair[0], "0123456789"), 0);
	/* The reader decides where the bytes go and how many at a time. */
	collect(&first, world, pair[1], bytes, 6);
	first.step = 4;
	while (first.size < 6)
		world->maker->run(world->own, world->io);
	/* Its buffer is full: reading has ended by itself, or does at the next event. */
	run_out(world);
	assert_string_equal(bytes, "012345");
	assert_int_equal(first.ends, 0);
	assert_int_equal(io_pending(world->io), 0);
	/* Another reader goes on where it stopped. */
	collect(&second, world, pair[1], bytes + 6, 16);
	run_for(world, &second, 4);
	assert_string_equal(bytes, "0123456789");
	close_pair(world, pair);
}

static void a_reader_says_where_bytes_go(void **state)
{
	over_each(*state, read_in_steps);
}

static void stop_reading(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct collector collector;
	struct call timer = call_of(world);
	char bytes[32] = {0};

	connect_pair(world, family, pair);
	collect(&collector, world, pair[1], bytes, sizeof(bytes));
	assert_int_equal(io_pending(world->io), 1);
	io_read_stop(world->io, pair[1]);
	assert_int_equal(io_pending(world->io), 0);
	assert_int_equal(write_text(world, pair[0], "later"), 0);
	io_timer(world->io, start(&timer), io_now_ns(world->io) + 1000000, note);
	assert_int_equal(ended(&timer), 0);
	assert_int_equal(collector.asked, 0);
	collect(&collector, world, pair[1], bytes, sizeof(bytes));
	run_for(world, &collector, 5);
	assert_string_equal(bytes, "later");
	close_pair(world, pair);
}

static void a_stopped_reader_is_not_called(void **state)
{
	over_each(*state, stop_reading);
}

static void half_close(struct world *world, uint16_t family)
{
	struct io_stream *pair[2];
	struct collector collectors[2];
	struct call calls[2] = {call_of(world), call_of(world)};
	struct gw_bytes piece = gw_string("last words");
	char bytes[2][32] = {{0}};

	connect_pair(world, family, pair);
	/* Behind what was written before, in the same turn. */
	io_writev(world->io, start(&calls[0]), pair[0], &piece, 1, note);
	io_shutdown(world->io, start(&calls[1]), pair[0], note);
	collect(&collectors[1], world, pair[1], bytes[1], sizeof(bytes[1]));
	run_to_end(world, &collectors[1]);
	assert_int_equal(ended(&calls[0]), 0);
	assert_int_equal(ended(&calls[1]), 0);
	assert_string_equal(bytes[1], "last words");
	assert_int_equal(collectors[1].last, 0);
	/* Reading has ended there; starting it anew tells the same once more. */
	assert_int_equal(io_pending(world->io), 0);
	collect(&collectors[1], world, pair[1], bytes[1], sizeof(bytes[1]));
	run_to_end(world, &collectors[1]);
	assert_int_equal(collectors[1].last, 0);
	/* The other direction goes on. */
	assert_int_equal(write_text(world, pair[1], "an answer"), 0);
	collect(&collectors[0], world, pair[0], bytes[0], sizeof(bytes[0]));
	run_for(world, &collectors[0], 9);
	assert_string_equal(bytes[0], "an answer");
	assert_int_equal(write_text(world, pair[0], "x"), GW_E_CLOSED);
	close_pair(world, pair);
}

static void a_half_closed_stream_goes_on_the_other_way(void **state)
{
	over_each(*state, half_close);
}

const struct conformance_test conformance_bytes[] = {
	TEST(bytes_arrive_in_order_both_ways, 0),
	TEST(empty_writes_end_well, 0),
	TEST(much_is_written_whole_and_in_order, 0),
	TEST(a_writer_waits_for_its_reader, IO_LACKS_SLOW_READER),
	TEST(a_write_cancelled_in_its_middle_ends_the_sending_side, IO_LACKS_SLOW_READER),
	TEST(a_reader_says_where_bytes_go, 0),
	TEST(a_stopped_reader_is_not_called, 0),
	TEST(a_half_closed_stream_goes_on_the_other_way, 0),
	{0},
};
