/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_balance_scenario.c - section 4.3 of the paper: replicas move to where there is room and to
 * racks that have none, and at no moment are there fewer than there should be.
 */
#include "sim/gfs_fixture.h"

enum { CHUNK = 1 << GFS_WORLD_CHUNK_LOG2, CHUNKS = 20 };

static void make_chunks(struct gfs_world *world)
{
	gfs_write(world, "/f", 0, 'x', CHUNKS * CHUNK);
	gfs_sync(world, "/f");
	gfs_all_whole(world);
}

/* Chunks that have a replica in each of the three racks; none lacks one. */
static int spread(struct gfs_world *world)
{
	int found = 0;

	for (uint64_t index = 0; index < CHUNKS; index++) {
		struct gfs_seen seen = gfs_see(world, "/f", index);
		unsigned racks = 0;

		assert_true(seen.count >= 3);
		for (int i = 0; i < world->server_count; i++)
			if (seen.replicas & 1u << i)
				racks |= 1u << (world->servers[i].rack[0] - 'a');
		found += racks == 7;
	}
	return found;
}

/* They come later: not until then are they the world's. */
static void come(struct gfs_world *world, int count)
{
	for (; world->server_count < count; world->server_count++)
		sim_node_start(world->servers[world->server_count].node);
	gfs_wait_ready(world);
}

static int do_rebalance(struct gfs_deed *deed, struct gfs_caller *caller)
{
	return gw_gfs_rebalance(caller->client, (enum gw_gfs_rebalance_what)deed->sequence,
				deed->into, &deed->error);
}

static struct gw_gfs_rebalance ask(struct gfs_world *world, enum gw_gfs_rebalance_what what)
{
	struct gw_gfs_rebalance answer;
	struct gfs_deed deed = {.into = &answer, .sequence = what};

	gfs_must(world, &deed, do_rebalance);
	return answer;
}

static void a_server_that_comes_gets_its_share_of_what_is_there(void **state)
{
	const struct sim_options disks = {.disk_bytes = 4 << 20};
	struct gfs_world world;
	size_t before;

	(void)state;
	gfs_world_begin_with(&world, 1, 5, 31, &disks);
	world.rebalance_percent = 10;
	world.server_count = 4;
	gfs_world_start(&world);
	make_chunks(&world);
	/* Of rack "b" there was one alone, which so has of each chunk a replica. */
	before = gfs_chunks_on(&world, 1);
	assert_int_equal(before, CHUNKS);
	come(&world, 5);
	while (gfs_chunks_on(&world, 4) < CHUNKS / 4) {
		assert_int_equal(spread(&world), CHUNKS);
		gfs_pass_ms(&world, 100);
	}
	while (ask(&world, GW_GFS_REBALANCE_LOOK).is_running) {
		assert_int_equal(spread(&world), CHUNKS);
		gfs_pass_ms(&world, 100);
	}
	gfs_all_whole(&world);
	assert_int_equal(gfs_chunks_on(&world, 1) + gfs_chunks_on(&world, 4), CHUNKS);
	assert_in_range(gfs_chunks_on(&world, 4), CHUNKS / 4, CHUNKS / 2);
	gfs_expect(&world, 1, "/f", 0, 'x', CHUNKS * CHUNK);
	gfs_world_end(&world);
}

/* Three servers of one rack, and two others to come. */
static void begin_in_one_rack(struct gfs_world *world, int masters, uint64_t seed)
{
	gfs_world_begin(world, masters, 5, seed);
	for (int i = 0; i < 3; i++)
		world->servers[i].rack = "a";
	world->servers[3].rack = "b";
	world->servers[4].rack = "c";
	world->server_count = 3;
}

static void replicas_move_to_other_racks_when_it_is_asked_for(void **state)
{
	struct gw_gfs_rebalance answer;
	struct gfs_world world;

	(void)state;
	begin_in_one_rack(&world, 1, 32);
	gfs_world_start(&world);
	make_chunks(&world);
	come(&world, 5);
	gfs_pass_ms(&world, 30000);
	answer = ask(&world, GW_GFS_REBALANCE_LOOK);
	assert_true(answer.is_stopped && !answer.is_running);
	assert_int_equal(answer.left, CHUNKS);
	assert_int_equal(answer.moved, 0);
	assert_int_equal(spread(&world), 0);
	answer = ask(&world, GW_GFS_REBALANCE_START);
	assert_true(answer.is_running && answer.is_asked && !answer.is_stopped);
	while (answer.moved < CHUNKS) {
		gfs_pass_ms(&world, 100);
		(void)spread(&world);
		answer = ask(&world, GW_GFS_REBALANCE_LOOK);
		assert_true(answer.is_running);
		assert_true(answer.left > 0);
	}
	assert_true(answer.left_ms > 0);
	while (answer.is_asked) {
		gfs_pass_ms(&world, 100);
		answer = ask(&world, GW_GFS_REBALANCE_LOOK);
	}
	assert_int_equal(spread(&world), CHUNKS);
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/f", 0, 'x', CHUNKS * CHUNK);
	gfs_world_end(&world);
}

static void moves_that_are_stopped_end_and_others_do_not_begin(void **state)
{
	struct gw_gfs_rebalance answer;
	struct gfs_world world;
	int found;

	(void)state;
	begin_in_one_rack(&world, 1, 33);
	world.rebalance_percent = 10;
	gfs_world_start(&world);
	make_chunks(&world);
	come(&world, 5);
	while (spread(&world) == 0)
		gfs_pass_ms(&world, 50);
	answer = ask(&world, GW_GFS_REBALANCE_STOP);
	assert_true(answer.is_stopped);
	while (ask(&world, GW_GFS_REBALANCE_LOOK).under_way > 0)
		gfs_pass_ms(&world, 50);
	gfs_all_whole(&world);
	found = spread(&world);
	gfs_pass_ms(&world, 20000);
	assert_int_equal(spread(&world), found);
	gfs_world_end(&world);
}

static void a_leader_that_dies_amid_moves_costs_no_replica(void **state)
{
	struct gfs_world world;
	int leader;

	(void)state;
	begin_in_one_rack(&world, 3, 34);
	world.rebalance_percent = 10;
	gfs_world_start(&world);
	make_chunks(&world);
	come(&world, 5);
	while (spread(&world) == 0)
		gfs_pass_ms(&world, 50);
	leader = gfs_leader(&world);
	sim_node_kill(world.masters[leader].node);
	(void)gfs_leader_wait(&world, leader);
	gfs_wait_ready(&world);
	while (spread(&world) < CHUNKS)
		gfs_pass_ms(&world, 500);
	sim_node_start(world.masters[leader].node);
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/f", 0, 'x', CHUNKS * CHUNK);
	gfs_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_comes_gets_its_share_of_what_is_there),
		cmocka_unit_test(replicas_move_to_other_racks_when_it_is_asked_for),
		cmocka_unit_test(moves_that_are_stopped_end_and_others_do_not_begin),
		cmocka_unit_test(a_leader_that_dies_amid_moves_costs_no_replica),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
