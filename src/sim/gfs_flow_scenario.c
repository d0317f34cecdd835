/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_flow_scenario.c - sections 2.7, 3.2 and 3.3 of the paper: data along a chain, what was pushed
 * and never written, appends that are there once, and clients that believe old places.
 */
#include "sim/gfs_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "gfs/chunkserver/inside.h"

enum { CHUNK = 1 << GFS_WORLD_CHUNK_LOG2, LARGE_LOG2 = 20, LARGE = 600000 };

/* Cuts a machine off from all but one other. */
static void leave_only(struct sim_node *node, struct sim_node *other)
{
	sim_isolate(node, true, true);
	gfs_mend(node, other);
}

/* ---- Data flow (3.2) ------------------------------------------------------------------------- */

static void data_goes_along_a_chain_and_leaves_the_client_once(void **state)
{
	struct gfs_deed write = {.fill = 'y', .size = LARGE, .chunk_log2 = LARGE_LOG2};
	struct gfs_world world;
	struct gfs_seen seen = {.primary = GFS_NOBODY};
	char bytes[1000], path[16];

	(void)state;
	gfs_world_begin(&world, 1, 5, 1);
	world.callers[0].rack = "a";
	gfs_world_start(&world);
	/* The nearest is its primary, so that the client need not talk to any other. */
	write.path = path;
	for (int i = 0; i < 16 && (seen.primary == GFS_NOBODY || seen.primary % 3 != 0); i++) {
		(void)snprintf(path, sizeof(path), "/%d", i);
		write.caller = 1 + i % 2;
		gfs_must(&world, &write, gfs_ask_write);
		seen = gfs_see(&world, path, 0);
	}
	assert_int_equal(seen.primary % 3, 0);
	write.caller = 0;
	gfs_must(&world, &write, gfs_ask_write);
	for (int i = 0; i < 5; i++)
		if (i != seen.primary)
			gfs_cut(world.callers[0].node, world.servers[i].node);
	write.fill = 'z';
	write.timeout_ms = 1000;
	gfs_must(&world, &write, gfs_ask_write);
	assert_int_equal(gfs_see(&world, write.path, 0).version, seen.version);
	memset(bytes, 'z', sizeof(bytes));
	gfs_raw_equal(&world, &seen, LARGE - sizeof(bytes), bytes, sizeof(bytes));
	gfs_world_end(&world);
}

/* How long a write takes over links that are slow, to so many replicas. */
static uint64_t write_ms(struct gfs_world *world, const char *path, uint32_t goal)
{
	struct gfs_deed write = {.path = path, .fill = 'y', .size = LARGE, .goal = goal,
				 .chunk_log2 = LARGE_LOG2};
	uint64_t from_ns;

	gfs_must(world, &write, gfs_ask_write); /* the lease is there, and all are connected */
	for (int i = 0; i < 3; i++) {
		sim_link(world->callers[0].node, world->servers[i].node)->bytes_per_s = 100000;
		for (int j = 0; j < 3; j++)
			sim_link(world->servers[i].node, world->servers[j].node)->bytes_per_s =
				100000;
	}
	from_ns = sim_now_ns(world->sim);
	gfs_must(world, &write, gfs_ask_write);
	sim_heal(world->sim);
	return (sim_now_ns(world->sim) - from_ns) / SIM_MS;
}

/* B/T + RL, not R times B/T. */
static void data_is_forwarded_while_it_arrives(void **state)
{
	struct gfs_world world;
	uint64_t one_ms, three_ms;

	(void)state;
	gfs_world_new(&world, 1, 3, 2);
	one_ms = write_ms(&world, "/one", 1);
	three_ms = write_ms(&world, "/three", 3);
	assert_true(three_ms > one_ms);
	assert_true(three_ms < 2 * one_ms);
	gfs_world_end(&world);
}

static bool all_hold_it(void *context)
{
	const struct gfs_world *world = context;

	for (int i = 0; i < world->server_count; i++) {
		if (world->servers[i].server->held.bytes < LARGE)
			return false;
	}
	return true;
}

static void a_client_that_dies_between_push_and_write_has_written_nothing(void **state)
{
	enum { HELD = 2 * LARGE };
	struct gfs_deed write = {.path = "/f", .fill = 'y', .size = LARGE};
	struct gfs_deed other = {.caller = 1, .path = "/f", .fill = 'z', .size = LARGE};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_begin(&world, 1, 3, 3);
	for (int i = 0; i < 3; i++)
		world.servers[i].held_bytes_max = HELD;
	gfs_world_start(&world);
	gfs_must(&world, &(struct gfs_deed){.path = "/f", .chunk_log2 = LARGE_LOG2}, gfs_ask_open);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	for (int i = 0; i < 6; i++) {
		sim_node_start(world.callers[0].node);
		gfs_pass_ms(&world, 1);
		write.result = 0;
		gfs_deed_start(&world, &write, gfs_ask_write);
		gfs_wait_until(&world, all_hold_it, &world);
		sim_node_kill(world.callers[0].node);
		gfs_pass_ms(&world, 100);
		for (int s = 0; s < 3; s++) {
			/* Bounded: the oldest go. */
			assert_true(world.servers[s].server->held.bytes <= HELD);
			assert_int_equal(gfs_replica(&world, s, seen.handle)->length, 100);
			held_done(&world.servers[s].server->held);
		}
	}
	gfs_must(&world, &other, gfs_ask_write);
	assert_int_equal(gfs_see(&world, "/f", 0).version, seen.version);
	gfs_expect(&world, 1, "/f", 0, 'z', LARGE);
	gfs_world_end(&world);
}

static void writers_that_push_more_than_is_held_all_succeed(void **state)
{
	struct gfs_deed deeds[GFS_WORLD_CALLERS] = {{0}};
	struct gfs_world world;

	(void)state;
	gfs_world_begin(&world, 1, 3, 4);
	for (int i = 0; i < 3; i++)
		world.servers[i].held_bytes_max = LARGE + 1000;
	gfs_world_start(&world);
	gfs_must(&world, &(struct gfs_deed){.path = "/f", .chunk_log2 = LARGE_LOG2}, gfs_ask_open);
	for (int i = 0; i < GFS_WORLD_CALLERS; i++) {
		deeds[i] = (struct gfs_deed){.caller = i, .path = "/f", .size = LARGE,
					     .fill = (char)('a' + i)};
		deeds[i].offset = (uint64_t)i << LARGE_LOG2;
		gfs_deed_start(&world, &deeds[i], gfs_ask_write);
	}
	for (int i = 0; i < GFS_WORLD_CALLERS; i++)
		assert_int_equal(gfs_deed_wait(&world, &deeds[i]), 0);
	for (int i = 0; i < GFS_WORLD_CALLERS; i++)
		gfs_expect(&world, 0, "/f", deeds[i].offset, deeds[i].fill, LARGE);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* ---- Appends that are there once ------------------------------------------------------------- */

/* How many bytes of the file are the letter. */
static size_t count(struct gfs_world *world, int caller, const char *path, char letter)
{
	struct gfs_deed read = {.caller = caller, .path = path, .size = 4 * CHUNK, .fresh = true};
	size_t found = 0;

	read.into = malloc(read.size);
	assert_non_null(read.into);
	gfs_must(world, &read, gfs_ask_read);
	for (size_t i = 0; i < read.got; i++)
		found += ((const char *)read.into)[i] == letter;
	free(read.into);
	return found;
}

enum { ONCE_BYTES = 16000 };

/* The first try is under way to the file's first chunk, which others then fill. */
static struct gfs_seen lose_append(struct gfs_world *world, struct gfs_deed *lost, bool answer)
{
	struct gfs_seen seen;

	gfs_must(world, &(struct gfs_deed){.path = "/f", .sequence = 1, .fill = 'P', .size = 10},
		 gfs_ask_append_once);
	seen = gfs_see(world, "/f", 0);
	if (answer)
		sim_link(world->servers[seen.primary].node, world->callers[0].node)->blocked = true;
	else
		sim_link(world->callers[0].node, world->servers[seen.primary].node)->blocked = true;
	gfs_deed_start(world, lost, gfs_ask_append_once);
	gfs_pass_ms(world, 50);
	assert_false(lost->is_over);
	for (int i = 0; i < 6; i++)
		gfs_must(world, &(struct gfs_deed){.caller = 1, .path = "/f", .fill = '-',
						   .size = ONCE_BYTES},
			 gfs_ask_append);
	assert_true(gfs_see(world, "/f", 1).handle != 0);
	assert_false(lost->is_over);
	return seen;
}

/* The record is in chunk 0, whose primary is dead, and the retry would go to chunk 1. */
static void an_append_once_whose_answer_was_lost_is_found_in_the_chunk_before(void **state)
{
	struct gfs_deed lost = {.path = "/f", .sequence = 2, .fill = 'Q', .size = ONCE_BYTES};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 5);
	seen = lose_append(&world, &lost, true);
	(void)sim_reset_streams(world.servers[seen.primary].node, world.callers[0].node);
	sim_node_kill(world.servers[seen.primary].node);
	sim_heal(world.sim);
	assert_int_equal(gfs_deed_wait(&world, &lost), 0);
	assert_int_equal(lost.at, 10);
	assert_int_equal(count(&world, 1, "/f", 'Q'), ONCE_BYTES);
	gfs_expect(&world, 1, "/f", lost.at, 'Q', ONCE_BYTES);
	sim_node_start(world.servers[seen.primary].node);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* It was not done in chunk 0, and may still come there: it is fenced before chunk 1 is tried. */
static void an_append_once_that_may_still_come_is_fenced_before_another_chunk_is_tried(void **state)
{
	struct gfs_deed lost = {.path = "/f", .sequence = 2, .fill = 'Q', .size = ONCE_BYTES};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 6);
	seen = lose_append(&world, &lost, false);
	gfs_pass_ms(&world, 20000);
	sim_link(world.callers[0].node, world.servers[seen.primary].node)->blocked = false;
	assert_int_equal(gfs_deed_wait(&world, &lost), 0);
	gfs_pass_ms(&world, 20000);
	assert_true(lost.at >= CHUNK);
	assert_int_equal(count(&world, 1, "/f", 'Q'), ONCE_BYTES);
	gfs_expect(&world, 1, "/f", lost.at, 'Q', ONCE_BYTES);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* Three servers have it done, two get clones of it, and only those live when it is tried again. */
static void completion_records_travel_with_clones(void **state)
{
	struct gfs_deed lost = {.path = "/f", .sequence = 2, .fill = 'Q', .size = 1000};
	struct gfs_deed goal = {.caller = 1, .path = "/f", .goal = 5};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 7);
	gfs_must(&world, &(struct gfs_deed){.path = "/f", .sequence = 1, .fill = 'P', .size = 10},
		 gfs_ask_append_once);
	seen = gfs_see(&world, "/f", 0);
	sim_link(world.servers[seen.primary].node, world.callers[0].node)->blocked = true;
	gfs_deed_start(&world, &lost, gfs_ask_append_once);
	gfs_pass_ms(&world, 50);
	/* It asks nobody again until the clones are there. */
	sim_isolate(world.callers[0].node, true, true);
	gfs_must(&world, &goal, gfs_ask_set);
	gfs_all_whole(&world);
	assert_int_equal(gfs_see(&world, "/f", 0).count, 5);
	for (int i = 0; i < 5; i++) {
		(void)sim_reset_streams(world.servers[i].node, world.callers[0].node);
		if (seen.replicas & 1u << i)
			sim_node_kill(world.servers[i].node);
	}
	sim_heal(world.sim);
	assert_int_equal(gfs_deed_wait(&world, &lost), 0);
	assert_int_equal(lost.at, 10);
	assert_int_equal(count(&world, 1, "/f", 'Q'), 1000);
	gfs_world_end(&world);
}

/* ---- Old places (2.7.1) ---------------------------------------------------------------------- */

/* Reader and one replica are alone with each other, while the others go on. Returns who it is. */
static int part(struct gfs_world *world)
{
	struct gfs_seen seen = gfs_see(world, "/f", 0);
	int old = gfs_pick(seen.replicas, seen.primary, 0);

	leave_only(world->callers[2].node, world->servers[old].node);
	leave_only(world->servers[old].node, world->callers[2].node);
	return old;
}

static void a_client_with_old_places_reads_a_stale_replica_until_they_expire(void **state)
{
	struct gfs_deed read = {.caller = 2, .path = "/f", .size = 100, .timeout_ms = 3000};
	struct gfs_world world;
	char bytes[100];

	(void)state;
	gfs_world_new(&world, 1, 5, 8);
	gfs_write(&world, "/f", 0, 'x', 100);
	read.into = bytes;
	gfs_must(&world, &read, gfs_ask_read);
	(void)part(&world);
	gfs_write(&world, "/f", 0, 'y', 100);
	gfs_expect(&world, 1, "/f", 0, 'y', 100);
	/* Old bytes, */
	gfs_must(&world, &read, gfs_ask_read);
	assert_int_equal(bytes[0], 'x');
	/* for so long and no longer. */
	gfs_pass_ms(&world, GW_GFS_LOCATION_MS);
	assert_true(gfs_deed_do(&world, &read, gfs_ask_read) < 0);
	sim_heal(world.sim);
	gfs_must(&world, &read, gfs_ask_read);
	assert_int_equal(bytes[0], 'y');
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void an_append_only_file_ends_early_at_a_stale_replica_and_shows_nothing_old(void **state)
{
	struct gfs_deed read = {.caller = 2, .path = "/f", .size = 1000, .timeout_ms = 3000};
	struct gfs_world world;
	char bytes[1000];

	(void)state;
	gfs_world_new(&world, 1, 5, 9);
	(void)gfs_append(&world, "/f", 'x', 400);
	read.into = bytes;
	gfs_must(&world, &read, gfs_ask_read);
	assert_int_equal(read.got, 400);
	(void)part(&world);
	(void)gfs_append(&world, "/f", 'y', 400);
	/* What it has is right; that the file goes on it cannot know. */
	if (gfs_deed_do(&world, &read, gfs_ask_read) == 0) {
		assert_int_equal(read.got, 400);
		for (size_t i = 0; i < read.got; i++)
			assert_int_equal(bytes[i], 'x');
	}
	sim_heal(world.sim);
	gfs_pass_ms(&world, GW_GFS_LOCATION_MS);
	gfs_must(&world, &read, gfs_ask_read);
	assert_true(read.got >= 800);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void who_writes_and_then_renames_shows_a_file_whole_or_not_at_all(void **state)
{
	struct gfs_deed writes[2] = {{.path = "/new", .fill = 'a', .size = 3 * CHUNK},
				     {.path = "/new", .fill = 'b', .size = 3 * CHUNK}};
	struct gfs_deed rename = {.path = "/new", .to = "/f"}, length = {.caller = 1, .path = "/f"};
	char *bytes = malloc(3 * CHUNK);
	struct gfs_world world;

	(void)state;
	assert_non_null(bytes);
	gfs_world_new(&world, 1, 5, 10);
	for (int i = 0; i < 2; i++) {
		struct gfs_deed read = {.caller = 1, .path = "/f", .size = 3 * CHUNK,
					.fresh = true, .into = bytes};

		writes[i].fresh = true;
		gfs_deed_start(&world, &writes[i], gfs_ask_write);
		while (!writes[i].is_over) {
			gfs_pass_ms(&world, 1);
			if (i == 0) {
				assert_int_equal(gfs_deed_do(&world, &length, gfs_ask_stat),
						 GW_E_NOT_FOUND);
				continue;
			}
			gfs_must(&world, &read, gfs_ask_read);
			assert_int_equal(read.got, 3 * CHUNK);
			assert_int_equal(bytes[0], 'a');
			assert_int_equal(bytes[3 * CHUNK - 1], 'a');
		}
		assert_int_equal(writes[i].result, 0);
		gfs_must(&world, &rename, gfs_ask_rename);
		gfs_expect(&world, 1, "/f", 0, writes[i].fill, 3 * CHUNK);
	}
	free(bytes);
	gfs_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_goes_along_a_chain_and_leaves_the_client_once),
		cmocka_unit_test(data_is_forwarded_while_it_arrives),
		cmocka_unit_test(a_client_that_dies_between_push_and_write_has_written_nothing),
		cmocka_unit_test(writers_that_push_more_than_is_held_all_succeed),
		cmocka_unit_test(an_append_once_whose_answer_was_lost_is_found_in_the_chunk_before),
		cmocka_unit_test(
			an_append_once_that_may_still_come_is_fenced_before_another_chunk_is_tried),
		cmocka_unit_test(completion_records_travel_with_clones),
		cmocka_unit_test(a_client_with_old_places_reads_a_stale_replica_until_they_expire),
		cmocka_unit_test(
			an_append_only_file_ends_early_at_a_stale_replica_and_shows_nothing_old),
		cmocka_unit_test(who_writes_and_then_renames_shows_a_file_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
