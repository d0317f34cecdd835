/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_net_fixture.c - the promises of io_net.h on streams and listeners.
 */
#include "io/conformance_world_fixture.h"

#include <stdio.h>

enum { BIG_BYTES = 16 << 20 }; /* more than kernels keep for one connection */

/* ---- Steps --------------------------------------------------------------------------------- */

static void close_pair(struct world *world, struct io_stream *pair[2])
{
	for (int i = 0; i < 2; i++) {
		if (pair[i])
			io_stream_close(world->io, pair[i]);
	}
}

static int write_text(struct world *world, struct io_stream *stream, const char *text)
{
	struct call call = call_of(world);
	struct gw_bytes piece = gw_string(text);

	io_writev(world->io, start(&call), stream, &piece, 1, note);
	return ended(&call);
}

static int shut_down(struct world *world, struct io_stream *stream)
{
	struct call call = call_of(world);

	io_shutdown(world->io, start(&call), stream, note);
	return ended(&call);
}

/* Runs until the collector has so many bytes, or was told of the end. */
static void run_for(struct world *world, const struct collector *collector, size_t size)
{
	while (collector->size < size && !collector->ends)
		world->maker->run(world->own, world->io);
	assert_true(collector->size >= size);
}

static void run_to_end(struct world *world, const struct collector *collector)
{
	run_until(world, &collector->ends, 1);
}

/* All tests of a pair run over both families that there are. */
static void over_each(struct world *world, void (*test)(struct world *world, uint16_t family))
{
	test(world, IO_FAMILY_IP4);
	if (!(world->maker->lacks & IO_LACKS_UNIX))
		test(world, IO_FAMILY_UNIX);
}

static void pattern(uint8_t *bytes, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i += 8) {
		uint64_t value = test_random(&seed);

		memcpy(bytes + i, &value, size - i < 8 ? size - i : 8);
	}
}

/* ---- Listening and connecting ------------------------------------------------------------- */

static void both_ends_learn_of_each_other(struct world *world, uint16_t family)
{
	struct call connect = call_of(world), accept = call_of(world);
	struct io_address address;
	struct io_listener *listener = listen_at(world, family, &address);
	struct io_stream *pair[2] = {NULL, NULL};
	struct io_peer peer;

	if (family == IO_FAMILY_IP4)
		assert_true(address.port > 0); /* a free one was chosen */
	/* The connection is there before anybody accepts. */
	io_connect(world->io, start(&connect), &address, "the server", &pair[0], note);
	assert_int_equal(ended(&connect), 0);
	io_accept(world->io, start(&accept), listener, &pair[1], note);
	assert_int_equal(ended(&accept), 0);
	assert_string_equal(pair[0]->name, "the server");
	io_peer(world->io, pair[0], &peer);
	assert_true(io_address_equal(&peer.address, &address));
	io_peer(world->io, pair[1], &peer);
	assert_int_equal(peer.address.family, family);
	if (family == IO_FAMILY_IP4)
		assert_memory_equal(peer.address.ip, address.ip, 4);
	io_listener_close(world->io, listener);
	close_pair(world, pair);
}

static void a_connection_is_made_and_named(void **state)
{
	over_each(*state, both_ends_learn_of_each_other);
}

static void nobody_listens(struct world *world, uint16_t family)
{
	struct call connect = call_of(world);
	struct io_address address;
	struct io_stream *stream = NULL;

	io_listener_close(world->io, listen_at(world, family, &address));
	run_out(world);
	io_connect(world->io, start(&connect), &address, "nobody", &stream, note);
	assert_true(ended(&connect) < 0);
	assert_null(stream);
	assert_int_equal(connect.result,
			 family == IO_FAMILY_UNIX ? GW_E_NOT_FOUND : GW_E_UNREACHABLE);
	assert_non_null(strstr(connect.error.text, "cannot connect to nobody"));
}

static void where_nobody_listens_is_unreachable(void **state)
{
	over_each(*state, nobody_listens);
}

static void listen_twice(struct world *world, uint16_t family)
{
	struct io_address address;
	struct io_listener *listener = listen_at(world, family, &address), *second = NULL;
	struct gw_error error = {0};

	assert_int_equal(io_listen(world->io, &address, &second, &error), GW_E_BUSY);
	assert_null(second);
	assert_true(strlen(error.text) > 0);
	io_listener_close(world->io, listener);
	assert_int_equal(io_listen(world->io, &address, &second, &error), 0);
	io_listener_close(world->io, second);
}

static void an_address_has_one_listener_at_a_time(void **state)
{
	over_each(*state, listen_twice);
}

static void a_listener_outlives_nothing(struct world *world, uint16_t family)
{
	struct call accept = call_of(world);
	struct io_address address;
	struct io_listener *listener = listen_at(world, family, &address);
	struct io_stream *stream = NULL, *pair[2];
	struct collector collector;

	io_accept(world->io, start(&accept), listener, &stream, note);
	io_listener_close(world->io, listener);
	assert_int_equal(accept.calls, 0);
	assert_int_equal(ended(&accept), GW_E_CANCELLED);
	assert_null(stream);
	/* connect_pair closes its listener; the streams live on. */
	connect_pair(world, family, pair);
	assert_int_equal(write_text(world, pair[0], "alive"), 0);
	collect(&collector, world, pair[1], NULL, 0);
	run_for(world, &collector, 5);
	close_pair(world, pair);
}

static void closing_a_listener_cancels_accept_only(void **state)
{
	over_each(*state, a_listener_outlives_nothing);
}

static void cancel_both(struct world *world, uint16_t family)
{
	struct call connect = call_of(world), accept = call_of(world);
	struct io_address address;
	struct io_listener *listener = listen_at(world, family, &address);
	struct io_stream *pair[2] = {NULL, NULL};

	io_accept(world->io, start(&accept), listener, &pair[1], note);
	io_cancel(world->io, &accept.request);
	assert_int_equal(ended(&accept), GW_E_CANCELLED);
	io_connect(world->io, start(&connect), &address, NULL, &pair[0], note);
	io_cancel(world->io, &connect.request);
	assert_int_equal(ended(&connect), GW_E_CANCELLED);
	assert_null(pair[0]);
	assert_null(pair[1]);
	/* The listener is none the worse for it. What the cancelled one left comes first, if it
	 * came so far. */
	io_connect(world->io, start(&connect), &address, NULL, &pair[0], note);
	assert_int_equal(ended(&connect), 0);
	io_accept(world->io, start(&accept), listener, &pair[1], note);
	assert_int_equal(ended(&accept), 0);
	io_listener_close(world->io, listener);
	close_pair(world, pair);
}

static void cancelled_connections_leave_nothing(void **state)
{
	over_each(*state, cancel_both);
}

static void a_unix_peer_has_its_ids(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_stream *pair[2];
	struct io_peer peers[2];

	connect_pair(world, IO_FAMILY_UNIX, pair);
	for (int i = 0; i < 2; i++) {
		io_peer(world->io, pair[i], &peers[i]);
		assert_true(peers[i].has_ids);
		assert_true(peers[i].process_id > 0);
	}
	assert_int_equal(peers[0].process_id, peers[1].process_id); /* both are this one */
	assert_int_equal(peers[0].user_id, peers[1].user_id);
	close_pair(world, pair);
	connect_pair(world, IO_FAMILY_IP4, pair);
	io_peer(world->io, pair[0], &peers[0]);
	assert_false(peers[0].has_ids);
	close_pair(world, pair);
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

/* ---- Many --------------------------------------------------------------------------------- */

enum { CONNECTIONS = 1000 };

struct many {
	struct call connect, accept, calls[2];
	struct io_stream *pair[2];
	struct collector *collector;
	char bytes[16];
};

static void a_thousand_connections_work_at_once(void **state)
{
	struct world *world = (struct world *)*state;
	struct many *many = calloc(CONNECTIONS, sizeof(*many));
	struct collector *collectors = calloc(CONNECTIONS, sizeof(*collectors));
	struct io_address address;
	struct io_listener *listener = listen_at(world, IO_FAMILY_IP4, &address);
	struct gw_bytes piece = gw_string("hello");

	assert_true(many && collectors);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		many[i].connect = many[i].accept = call_of(world);
		io_connect(world->io, start(&many[i].connect), &address, NULL, &many[i].pair[0],
			   note);
		io_accept(world->io, start(&many[i].accept), listener, &many[i].pair[1], note);
		assert_int_equal(ended(&many[i].connect), 0);
		assert_int_equal(ended(&many[i].accept), 0);
	}
	for (size_t i = 0; i < CONNECTIONS; i++) {
		collect(&collectors[i], world, many[i].pair[1], many[i].bytes, 5);
		many[i].calls[0] = call_of(world);
		io_writev(world->io, start(&many[i].calls[0]), many[i].pair[0], &piece, 1, note);
	}
	for (size_t i = 0; i < CONNECTIONS; i++) {
		assert_int_equal(ended(&many[i].calls[0]), 0);
		run_for(world, &collectors[i], 5);
		assert_memory_equal(many[i].bytes, "hello", 5);
	}
	io_listener_close(world->io, listener);
	for (size_t i = 0; i < CONNECTIONS; i++)
		close_pair(world, many[i].pair);
	run_out(world);
	free(collectors);
	free(many);
}

/* ---- Names of hosts ------------------------------------------------------------------------ */

static void numbers_resolve_to_themselves(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct io_addresses addresses = {0};
	const uint8_t ip[4] = {127, 0, 0, 1};

	io_resolve(world->io, start(&call), "127.0.0.1", "7002", &addresses, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(addresses.count, 1);
	assert_int_equal(addresses.items[0].family, IO_FAMILY_IP4);
	assert_int_equal(addresses.items[0].port, 7002);
	assert_memory_equal(addresses.items[0].ip, ip, 4);
	io_resolve(world->io, start(&call), "127.0.0.1", "7002", &addresses, note);
	io_cancel(world->io, &call.request);
	assert_int_equal(ended(&call), GW_E_CANCELLED);
}

static void a_host_resolves_by_name(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct io_addresses addresses = {0};

	io_resolve(world->io, start(&call), "localhost", "80", &addresses, note);
	assert_int_equal(ended(&call), 0);
	assert_in_range(addresses.count, 1, IO_ADDRESSES_MAX);
	for (size_t i = 0; i < addresses.count; i++)
		assert_int_equal(addresses.items[i].port, 80);
	io_resolve(world->io, start(&call), "localhost", "no such service", &addresses, note);
	assert_int_equal(ended(&call), GW_E_NOT_FOUND);
	assert_string_equal(call.error.text, "cannot resolve localhost: not found");
}

#define TEST(name, needs)                                                                          \
	{                                                                                          \
#name, name, needs                                                                 \
	}

const struct conformance_test conformance_net[] = {
	TEST(a_connection_is_made_and_named, 0),
	TEST(where_nobody_listens_is_unreachable, 0),
	TEST(an_address_has_one_listener_at_a_time, 0),
	TEST(closing_a_listener_cancels_accept_only, 0),
	TEST(cancelled_connections_leave_nothing, 0),
	TEST(a_unix_peer_has_its_ids, IO_LACKS_UNIX | IO_LACKS_IDS),
	TEST(bytes_arrive_in_order_both_ways, 0),
	TEST(empty_writes_end_well, 0),
	TEST(much_is_written_whole_and_in_order, 0),
	TEST(a_writer_waits_for_its_reader, IO_LACKS_SLOW_READER),
	TEST(a_write_cancelled_in_its_middle_ends_the_sending_side, IO_LACKS_SLOW_READER),
	TEST(a_reader_says_where_bytes_go, 0),
	TEST(a_stopped_reader_is_not_called, 0),
	TEST(a_half_closed_stream_goes_on_the_other_way, 0),
	TEST(a_close_sends_what_was_taken_and_ends, 0),
	TEST(a_reset_fails_the_other_side, 0),
	TEST(writing_to_a_closed_side_fails, 0),
	TEST(closing_cancels_what_is_under_way, 0),
	TEST(a_reader_may_close_its_stream, 0),
	TEST(a_thousand_connections_work_at_once, 0),
	TEST(numbers_resolve_to_themselves, 0),
	TEST(a_host_resolves_by_name, IO_LACKS_RESOLVE),
	{0},
};
