/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_lease_scenario.c - sections 3.1 and 4.5 of the paper: one order of mutations, leases that
 * end, that are extended and that nobody honours past their end, versions, and who is left out.
 */
#include "sim/gfs_fixture.h"

enum { WRITES = 60, LONG_LEASE_MS = 10000 };

/* ---- One order ------------------------------------------------------------------------------- */

static void all_replicas_follow_the_order_of_the_primary(void **state)
{
	struct gfs_deed deeds[WRITES] = {{0}};
	struct gfs_world world;
	struct gfs_seen seen;
	uint8_t bytes[6000];

	(void)state;
	gfs_world_new(&world, 1, 5, 1);
	gfs_write(&world, "/f", 0, '-', sizeof(bytes));
	for (int i = 0; i < WRITES; i++) {
		deeds[i] = (struct gfs_deed){.caller = i % GFS_WORLD_CALLERS, .path = "/f",
					     .fill = (char)('0' + i)};
		deeds[i].offset = sim_draw(world.sim, 3000);
		deeds[i].size = 1 + sim_draw(world.sim, 3000);
		gfs_deed_start(&world, &deeds[i], gfs_ask_write);
	}
	for (int i = 0; i < WRITES; i++)
		assert_int_equal(gfs_deed_wait(&world, &deeds[i]), 0);
	seen = gfs_see(&world, "/f", 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(gfs_raw(&world, seen.primary, seen.handle, bytes, sizeof(bytes)),
			 sizeof(bytes));
	gfs_raw_equal(&world, &seen, 0, bytes, sizeof(bytes));
	gfs_world_end(&world);
}

static void what_is_acknowledged_is_on_every_replica(void **state)
{
	struct gfs_deed open = {.path = "/f", .goal = 5};
	struct gfs_world world;
	struct gfs_seen seen;
	char bytes[500];

	(void)state;
	gfs_world_new(&world, 1, 6, 17);
	gfs_must(&world, &open, gfs_ask_open);
	for (int i = 0; i < 20; i++) {
		gfs_write(&world, "/f", (uint64_t)i * 100, (char)('a' + i), sizeof(bytes));
		memset(bytes, 'a' + i, sizeof(bytes));
		seen = gfs_see(&world, "/f", 0);
		assert_int_equal(seen.count, 5);
		gfs_raw_equal(&world, &seen, (uint64_t)i * 100, bytes, sizeof(bytes));
	}
	gfs_world_end(&world);
}

/* ---- Leases ---------------------------------------------------------------------------------- */

static void a_lease_that_is_used_is_extended_by_heartbeats(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 2);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	for (int i = 0; i < 20; i++) {
		gfs_pass_ms(&world, GFS_WORLD_LEASE_MS / 2);
		gfs_write(&world, "/f", 0, 'y', 100);
	}
	assert_int_equal(gfs_see(&world, "/f", 0).version, seen.version);
	assert_int_equal(gfs_see(&world, "/f", 0).primary, seen.primary);
	gfs_world_end(&world);
}

static void the_version_rises_at_each_grant(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen, then;

	(void)state;
	gfs_world_new(&world, 1, 5, 3);
	gfs_write(&world, "/f", 0, 'x', 100);
	for (int i = 0; i < 3; i++) {
		seen = gfs_see(&world, "/f", 0);
		sim_node_restart(world.servers[seen.primary].node, false, 50 * SIM_MS);
		gfs_write(&world, "/f", 0, 'y', 100);
		then = gfs_see(&world, "/f", 0);
		assert_true(then.version > seen.version);
		/* Whoever is in the set has it on its disk. */
		for (int n = 0; n < then.count; n++) {
			int server = gfs_pick(then.replicas, GFS_NOBODY, n);

			assert_int_equal(gfs_replica(&world, server, then.handle)->version,
					 then.version);
		}
	}
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void a_restarted_primary_has_a_new_incarnation_and_is_not_waited_for(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	uint64_t from_ns;

	(void)state;
	gfs_world_begin(&world, 1, 5, 4);
	world.lease_ms = LONG_LEASE_MS;
	gfs_world_start(&world);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	from_ns = sim_now_ns(world.sim);
	sim_node_restart(world.servers[seen.primary].node, false, 100 * SIM_MS);
	gfs_write(&world, "/f", 0, 'y', 100);
	assert_true(gfs_since_ms(&world, from_ns) < LONG_LEASE_MS / 2);
	assert_true(gfs_see(&world, "/f", 0).version > seen.version);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void a_silent_primary_is_waited_out(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	uint64_t from_ns;

	(void)state;
	gfs_world_begin(&world, 1, 5, 5);
	world.lease_ms = LONG_LEASE_MS;
	gfs_world_start(&world);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	from_ns = sim_now_ns(world.sim);
	sim_node_power_loss(world.servers[seen.primary].node);
	gfs_write(&world, "/f", 0, 'y', 100);
	assert_true(gfs_since_ms(&world, from_ns) >= LONG_LEASE_MS - 2 * GFS_WORLD_BEAT_MS);
	assert_int_not_equal(gfs_see(&world, "/f", 0).primary, seen.primary);
	gfs_world_end(&world);
}

/* Its client still believes in it, and there is nobody else whom it would have to ask. */
static void a_primary_whose_lease_is_over_refuses(void **state)
{
	struct gfs_deed open = {.path = "/f", .goal = 1};
	struct gfs_deed write = {.path = "/f", .fill = 'y', .size = 100, .timeout_ms = 2000};
	struct gfs_world world;
	struct gfs_seen seen;
	char bytes[100];

	(void)state;
	gfs_world_new(&world, 1, 3, 18);
	gfs_must(&world, &open, gfs_ask_open);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	gfs_cut_from_masters(&world, world.servers[seen.primary].node);
	gfs_pass_ms(&world, GFS_WORLD_LEASE_MS);
	assert_true(gfs_deed_do(&world, &write, gfs_ask_write) < 0);
	assert_int_equal(gfs_raw(&world, seen.primary, seen.handle, bytes, sizeof(bytes)), 100);
	assert_int_equal(bytes[0], 'x');
	sim_heal(world.sim);
	gfs_write(&world, "/f", 0, 'z', 100);
	gfs_expect(&world, 1, "/f", 0, 'z', 100);
	gfs_world_end(&world);
}

/* The primary loses the masters, and its clients do not: it goes on to the end of its lease. */
static void cut_off_primary(struct gfs_world *world)
{
	struct gfs_deed write = {.path = "/f", .fill = 'z', .size = 100};
	struct gfs_watch watch = {.world = world, .deed = &write};
	struct gfs_seen seen;

	gfs_write(world, "/f", 0, 'x', 100);
	seen = gfs_see(world, "/f", 0);
	watch.handle = seen.handle;
	gfs_cut_from_masters(world, world->servers[seen.primary].node);
	gfs_pass_ms(world, world->lease_ms / 2);
	gfs_write(world, "/f", 0, 'y', 100);
	assert_int_equal(gfs_see(world, "/f", 0).version, seen.version);
	for (int i = 0; i < 40 && watch.last != GFS_NOBODY; i++) {
		gfs_deed_start(world, &write, gfs_ask_write);
		gfs_wait_until(world, gfs_is_over_watched, &watch);
		assert_int_equal(write.result, 0);
		if (gfs_see(world, "/f", 0).version > seen.version)
			break;
		gfs_pass_ms(world, world->lease_ms / 20);
	}
	assert_false(watch.were_two);
	assert_true(watch.was_none);
	assert_int_not_equal(watch.last, seen.primary);
	gfs_expect(world, 1, "/f", 0, 'z', 100);
	sim_heal(world->sim);
	gfs_all_whole(world);
}

static void a_lease_holder_cut_off_from_the_master_stops_before_another_is_granted(void **state)
{
	struct gfs_world world;

	(void)state;
	gfs_world_begin(&world, 1, 5, 6);
	world.lease_ms = LONG_LEASE_MS;
	gfs_world_start(&world);
	cut_off_primary(&world);
	gfs_world_end(&world);
}

static void clocks_that_drift_make_no_two_primaries(void **state)
{
	enum { DRIFT_PPB = 40000000 }; /* 4 of 100, where 5 are allowed for */
	struct gfs_world world;

	(void)state;
	gfs_world_begin(&world, 1, 5, 7);
	world.lease_ms = LONG_LEASE_MS;
	gfs_world_start(&world);
	sim_clock_drift(world.masters[0].node, DRIFT_PPB);
	for (int i = 0; i < 5; i++)
		sim_clock_drift(world.servers[i].node, -DRIFT_PPB);
	gfs_pass_ms(&world, LONG_LEASE_MS);
	cut_off_primary(&world);
	gfs_world_end(&world);
}

static void clocks_that_jump_change_nothing(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 8);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	for (int i = 0; i < 5; i++)
		sim_clock_jump(world.servers[i].node,
			       (i % 2 ? 1 : -1) * 3600 * (int64_t)SIM_SECOND);
	sim_clock_jump(world.masters[0].node, 3600 * (int64_t)SIM_SECOND);
	gfs_write(&world, "/f", 0, 'y', 100);
	sim_clock_jump(world.masters[0].node, -7200 * (int64_t)SIM_SECOND);
	gfs_write(&world, "/f", 0, 'z', 100);
	gfs_pass_ms(&world, 2 * GFS_WORLD_LEASE_MS);
	assert_int_equal(gfs_see(&world, "/f", 0).version, seen.version);
	gfs_expect(&world, 1, "/f", 0, 'z', 100);
	gfs_world_end(&world);
}

/* ---- Who is left out ------------------------------------------------------------------------- */

static void a_secondary_that_the_primary_alone_cannot_reach_is_left_out_and_comes_back(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen, then;
	int away;

	(void)state;
	gfs_world_new(&world, 1, 3, 9);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	away = gfs_pick(seen.replicas, seen.primary, 0);
	gfs_cut(world.servers[seen.primary].node, world.servers[away].node);
	gfs_write(&world, "/f", 0, 'y', 100);
	then = gfs_see(&world, "/f", 0);
	assert_true(then.version > seen.version);
	assert_int_equal(then.count, 2);
	assert_true(then.replicas & 1u << seen.primary || then.replicas & 1u << away);
	gfs_expect(&world, 1, "/f", 0, 'y', 100);
	gfs_mend(world.servers[seen.primary].node, world.servers[away].node);
	gfs_all_whole(&world);
	assert_int_equal(gfs_see(&world, "/f", 0).count, 3);
	gfs_world_end(&world);
}

/* Its deadline is over before a secondary that is far away has answered: that is its own affair. */
static void a_client_in_a_hurry_ends_no_grant(void **state)
{
	struct gfs_deed hurry = {.path = "/f", .fill = 'h', .size = 100, .timeout_ms = 100};
	struct gfs_deed patient = {.caller = 1, .path = "/f", .fill = 'p', .size = 100,
				   .offset = 200};
	struct gfs_world world;
	struct gfs_seen seen;
	int far;

	(void)state;
	gfs_world_new(&world, 1, 5, 20);
	gfs_write(&world, "/f", 0, 'x', 1000);
	seen = gfs_see(&world, "/f", 0);
	far = gfs_pick(seen.replicas, seen.primary, 0);
	sim_link(world.servers[far].node, world.servers[seen.primary].node)->delay_min_ns =
		500 * SIM_MS;
	gfs_deed_start(&world, &hurry, gfs_ask_write);
	gfs_pass_ms(&world, 10);
	gfs_deed_start(&world, &patient, gfs_ask_write);
	assert_true(gfs_deed_wait(&world, &hurry) < 0);
	assert_int_equal(gfs_deed_wait(&world, &patient), 0);
	assert_int_equal(gfs_see(&world, "/f", 0).version, seen.version);
	gfs_expect(&world, 1, "/f", 0, 'h', 100);
	gfs_expect(&world, 1, "/f", 200, 'p', 100);
	gfs_world_end(&world);
}

static void fewer_than_two_replicas_of_three_are_not_written(void **state)
{
	struct gfs_deed write = {.path = "/f", .fill = 'y', .size = 100, .timeout_ms = 30000};
	struct gfs_world world;
	struct gfs_seen seen;
	int gone[2];

	(void)state;
	gfs_world_new(&world, 1, 3, 10);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	for (int i = 0; i < 2; i++) {
		gone[i] = gfs_pick(seen.replicas, seen.primary, i);
		sim_node_kill(world.servers[gone[i]].node);
	}
	assert_int_equal(gfs_deed_do(&world, &write, gfs_ask_write), GW_E_UNREACHABLE);
	assert_non_null(strstr(write.error.text, "2 are needed"));
	for (int i = 0; i < 2; i++)
		sim_node_start(world.servers[gone[i]].node);
	gfs_write(&world, "/f", 0, 'z', 100);
	gfs_expect(&world, 1, "/f", 0, 'z', 100);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

struct raised {
	struct chunk *chunk;
	uint64_t version;
};

static int raise_version(void *argument)
{
	struct raised *raised = argument;
	int code = chunk_hold(raised->chunk, NULL);

	if (code < 0)
		return code;
	code = chunk_grant(raised->chunk, raised->version, NULL);
	chunk_release(raised->chunk);
	return code;
}

/* As if the master had granted it and failed before it could remember that (4.5). */
static void a_replica_with_a_higher_version_than_the_masters_wins(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen, then;
	struct raised raised;
	int higher;

	(void)state;
	gfs_world_new(&world, 1, 5, 11);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	higher = gfs_pick(seen.replicas, seen.primary, 0);
	raised = (struct raised){gfs_replica(&world, higher, seen.handle), seen.version + 7};
	assert_int_equal(
		gfs_visit_loop(&world, world.servers[higher].loop, raise_version, &raised), 0);
	gfs_pass_ms(&world, 3 * GFS_WORLD_BEAT_MS);
	then = gfs_see(&world, "/f", 0);
	assert_true(then.version >= raised.version);
	gfs_expect(&world, 1, "/f", 0, 'x', 100);
	gfs_all_whole(&world);
	then = gfs_see(&world, "/f", 0);
	assert_true(then.replicas & 1u << higher);
	gfs_write(&world, "/f", 0, 'y', 100);
	gfs_expect(&world, 1, "/f", 0, 'y', 100);
	gfs_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_replicas_follow_the_order_of_the_primary),
		cmocka_unit_test(what_is_acknowledged_is_on_every_replica),
		cmocka_unit_test(a_lease_that_is_used_is_extended_by_heartbeats),
		cmocka_unit_test(the_version_rises_at_each_grant),
		cmocka_unit_test(
			a_restarted_primary_has_a_new_incarnation_and_is_not_waited_for),
		cmocka_unit_test(a_silent_primary_is_waited_out),
		cmocka_unit_test(a_primary_whose_lease_is_over_refuses),
		cmocka_unit_test(
			a_lease_holder_cut_off_from_the_master_stops_before_another_is_granted),
		cmocka_unit_test(clocks_that_drift_make_no_two_primaries),
		cmocka_unit_test(clocks_that_jump_change_nothing),
		cmocka_unit_test(
			a_secondary_that_the_primary_alone_cannot_reach_is_left_out_and_comes_back),
		cmocka_unit_test(a_client_in_a_hurry_ends_no_grant),
		cmocka_unit_test(fewer_than_two_replicas_of_three_are_not_written),
		cmocka_unit_test(a_replica_with_a_higher_version_than_the_masters_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
