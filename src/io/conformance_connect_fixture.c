/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_connect_fixture.c - the promises of io_net.h on listening, connecting, and names of
 * hosts.
 */
#include "io/conformance_stream_fixture.h"

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

const struct conformance_test conformance_connect[] = {
	TEST(a_connection_is_made_and_named, 0),
	TEST(where_nobody_listens_is_unreachable, 0),
	TEST(an_address_has_one_listener_at_a_time, 0),
	TEST(closing_a_listener_cancels_accept_only, 0),
	TEST(cancelled_connections_leave_nothing, 0),
	TEST(a_unix_peer_has_its_ids, IO_LACKS_UNIX | IO_LACKS_IDS),
	TEST(a_thousand_connections_work_at_once, 0),
	TEST(numbers_resolve_to_themselves, 0),
	TEST(a_host_resolves_by_name, IO_LACKS_RESOLVE),
	{0},
};
