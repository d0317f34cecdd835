/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad_input_test.c - a server on a real socket and peers that do not keep to the protocol. Whatever
 * one of them does costs its own connection and nothing else: a good client calls all the while.
 */
#include "rpc/address.h"
#include "rpc/bad_input_fixture.h"
#include "rpc/service_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

struct world {
	struct served served;
	struct gw_rpc_server *server;
	struct gw_rpc_client *client;
	struct io_address address;
	struct gw_group group;
	bool over;
	uint64_t calls;
};

/* Calls until it is over; every call is answered. */
static int call_all_the_while(void *argument)
{
	struct world *world = argument;
	struct gw_error error = {0};

	while (!world->over) {
		if (served_echo(world->client, "good", NULL, &error) != 0)
			fail_msg("a good call: %s", error.text);
		world->calls++;
		assert_int_equal(gw_sleep_ms(1), 0);
	}
	return 0;
}

static void begin(struct world *world, bool is_patient)
{
	struct gw_rpc_server_options options = bad_input_server_options(is_patient);
	struct io_addresses found;
	struct rpc_address parsed;
	struct gw_error error = {0};
	const char *text;

	assert_int_equal(gw_rpc_server_new(&world->server, &options, &error), 0);
	assert_int_equal(fixture_serve(world->server, &served_handlers, &world->served, NULL,
				       &error),
			 0);
	assert_int_equal(gw_rpc_server_listen(world->server, "127.0.0.1:0", &error), 0);
	text = gw_rpc_server_address(world->server);
	assert_int_equal(gw_rpc_client_new(&world->client, text, NULL, &error), 0);
	assert_int_equal(rpc_address_parse(&text, &parsed, &error), 0);
	assert_int_equal(rpc_address_resolve(task_io(), &parsed, &found, GW_FOREVER, &error), 0);
	world->address = found.items[0];
	assert_int_equal(gw_spawn(&world->group, call_all_the_while, world, NULL), 0);
}

static void end(struct world *world)
{
	world->over = true;
	assert_int_equal(gw_group_wait(&world->group, GW_FOREVER), 0);
	assert_true(world->calls > 0);
	gw_rpc_client_free(world->client);
	gw_rpc_server_free(world->server);
}

static int run_input(void *argument)
{
	const struct bad_input *bad = argument;
	struct world world = {0};

	begin(&world, true);
	bad_input_run(bad, &world.address);
	end(&world);
	return 0;
}

static void an_input(void **state)
{
	assert_int_equal(gw_run(run_input, *state, NULL, NULL), 0);
}

/* ---- Slow and many ------------------------------------------------------------------------ */

struct peer {
	struct world *world;
	void (*bad)(const struct io_address *server);
};

static int run_peer(void *argument)
{
	struct peer *peer = argument;

	peer->bad(&peer->world->address);
	return 0;
}

/* So many of them at once. */
static void run_peers(void (*bad)(const struct io_address *server), size_t count)
{
	struct world world = {0};
	struct peer peer = {&world, bad};
	struct gw_group group = {0};

	begin(&world, false);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(gw_spawn(&group, run_peer, &peer, NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	end(&world);
}

static int slow_bytes(void *unused)
{
	(void)unused;
	run_peers(bad_peer_sends_a_byte_at_a_time, 10);
	return 0;
}

static int nothing_said(void *unused)
{
	(void)unused;
	run_peers(bad_peer_says_nothing, 300);
	return 0;
}

static int silence_after_the_greeting(void *unused)
{
	(void)unused;
	run_peers(bad_peer_greets_and_is_silent, 10);
	return 0;
}

static int nothing_read(void *unused)
{
	(void)unused;
	run_peers(bad_peer_never_reads, 3);
	return 0;
}

static void in_a_run(gw_task_function *function)
{
	assert_int_equal(gw_run(function, NULL, NULL, NULL), 0);
}

static void a_peer_that_sends_a_byte_at_a_time_is_cut(void **state)
{
	(void)state;
	in_a_run(slow_bytes);
}

static void peers_that_say_nothing_are_cut(void **state)
{
	(void)state;
	in_a_run(nothing_said);
}

static void a_peer_that_greets_and_is_silent_is_cut(void **state)
{
	(void)state;
	in_a_run(silence_after_the_greeting);
}

static void a_peer_that_never_reads_is_cut(void **state)
{
	(void)state;
	in_a_run(nothing_read);
}

int main(void)
{
	struct CMUnitTest tests[64] = {
		cmocka_unit_test(a_peer_that_sends_a_byte_at_a_time_is_cut),
		cmocka_unit_test(peers_that_say_nothing_are_cut),
		cmocka_unit_test(a_peer_that_greets_and_is_silent_is_cut),
		cmocka_unit_test(a_peer_that_never_reads_is_cut),
	};
	static char titles[64][96];
	size_t count = 4;

	for (const struct bad_input *bad = bad_inputs; bad->title; bad++, count++) {
		(void)snprintf(titles[count], sizeof(titles[count]), "%s %s", bad->title,
			       bad->end == BAD_INPUT_HUNG_UP ? "costs only its connection"
							     : "is answered");
		tests[count] = (struct CMUnitTest){titles[count], an_input, NULL, NULL,
						   (void *)(uintptr_t)bad};
	}
	return _cmocka_run_group_tests("bad_input", tests, count, NULL, NULL);
}
