/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_disk_scenario.c - section 5.2 of the paper and what disks do: bits that flip, disks that are
 * full, read-only or dead, that lie about syncs, lose what was not synced, tear what was, or are
 * put into another machine.
 */
#include "sim/gfs_fixture.h"

#include <errno.h>
#include <stdlib.h>

enum { CHUNK = 1 << GFS_WORLD_CHUNK_LOG2, LARGE_LOG2 = 18, BLOCK = 64 << 10 };

static struct gfs_seen make(struct gfs_world *world, const char *path, size_t size)
{
	struct gfs_deed open = {.path = path, .chunk_log2 = LARGE_LOG2};

	gfs_must(world, &open, gfs_ask_open);
	gfs_write(world, path, 0, 'x', size);
	return gfs_see(world, path, 0);
}

/* Takes all but one server from a client. */
static void reads_from(struct gfs_world *world, int caller, int server)
{
	for (int i = 0; i < world->server_count; i++) {
		if (i == server)
			gfs_mend(world->callers[caller].node, world->servers[i].node);
		else
			gfs_cut(world->callers[caller].node, world->servers[i].node);
	}
}

/* ---- Bits that flip -------------------------------------------------------------------------- */

static void a_reader_of_a_rotten_replica_gets_the_bytes_of_another_and_it_is_replaced(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	struct chunk *rotten;

	(void)state;
	gfs_world_new(&world, 1, 5, 1);
	for (int i = 0; i < 3; i++) {
		int server;

		seen = make(&world, "/f", 2 * BLOCK);
		server = gfs_pick(seen.replicas, GFS_NOBODY, i);
		gfs_rot(&world, server, seen.handle, BLOCK + 1234);
		rotten = gfs_replica(&world, server, seen.handle);
		/* Whichever is read first, and in the end it is this one. */
		for (int n = 0; n < 20; n++)
			gfs_expect(&world, n % GFS_WORLD_CALLERS, "/f", 0, 'x', 2 * BLOCK);
		gfs_all_whole(&world);
		assert_true(gfs_replica(&world, server, seen.handle) != rotten);
		gfs_expect(&world, 0, "/f", 0, 'x', 2 * BLOCK);
	}
	gfs_world_end(&world);
}

/* How many bytes on the disk are not the letter. */
static size_t raw_other(struct gfs_world *world, int server, uint64_t handle, char letter)
{
	static const size_t size = 2 * BLOCK;
	char *bytes = malloc(size);
	size_t other = 0;

	assert_non_null(bytes);
	assert_int_equal(gfs_raw(world, server, handle, bytes, size), size);
	for (size_t i = 0; i < size; i++)
		other += bytes[i] != letter;
	free(bytes);
	return other;
}

static void rot_that_nobody_reads_is_found_by_scrubbing_and_mended(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	int rotten;

	(void)state;
	gfs_world_begin(&world, 1, 4, 15);
	world.scrub_bytes_per_second = 1 << 20;
	gfs_world_start(&world);
	seen = make(&world, "/f", 2 * BLOCK);
	rotten = gfs_pick(seen.replicas, GFS_NOBODY, 2);
	gfs_rot(&world, rotten, seen.handle, BLOCK + 7);
	assert_int_equal(raw_other(&world, rotten, seen.handle, 'x'), 1);
	gfs_pass_ms(&world, 10000);
	gfs_all_whole(&world);
	seen = gfs_see(&world, "/f", 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(raw_other(&world, gfs_pick(seen.replicas, GFS_NOBODY, i),
					   seen.handle, 'x'),
				 0);
	gfs_world_end(&world);
}

static void rot_is_not_cloned(void **state)
{
	struct gfs_deed goal = {.path = "/f", .goal = 5};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 2);
	seen = make(&world, "/f", 2 * BLOCK);
	/* Two of three: whoever is asked first has it. */
	gfs_rot(&world, gfs_pick(seen.replicas, GFS_NOBODY, 0), seen.handle, 99);
	gfs_rot(&world, gfs_pick(seen.replicas, GFS_NOBODY, 1), seen.handle, BLOCK + 99);
	gfs_must(&world, &goal, gfs_ask_set);
	for (int i = 0; i < 100 && gfs_see(&world, "/f", 0).count < 5; i++)
		gfs_pass_ms(&world, 500);
	for (int i = 0; i < 5; i++) {
		if (seen.replicas & 1u << i)
			continue;
		assert_int_equal(raw_other(&world, i, seen.handle, 'x'), 0);
		reads_from(&world, 1, i);
		gfs_expect(&world, 1, "/f", 0, 'x', 2 * BLOCK);
	}
	gfs_world_end(&world);
}

static void overwriting_a_part_of_a_rotten_block_does_not_hide_the_rot(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	int rotten;

	(void)state;
	gfs_world_new(&world, 1, 5, 3);
	seen = make(&world, "/f", 2 * BLOCK);
	rotten = gfs_pick(seen.replicas, seen.primary, 0);
	gfs_rot(&world, rotten, seen.handle, 500);
	gfs_write(&world, "/f", 1000, 'y', 100);
	/* The one that has it did not take part. */
	assert_false(gfs_see(&world, "/f", 0).replicas & 1u << rotten);
	gfs_all_whole(&world);
	seen = gfs_see(&world, "/f", 0);
	for (int i = 0; i < seen.count; i++) {
		reads_from(&world, 1, gfs_pick(seen.replicas, GFS_NOBODY, i));
		gfs_expect(&world, 1, "/f", 0, 'x', 1000);
		gfs_expect(&world, 1, "/f", 1000, 'y', 100);
		gfs_expect(&world, 1, "/f", 1100, 'x', 2 * BLOCK - 1100);
	}
	gfs_world_end(&world);
}

static void bytes_that_are_rotten_on_all_replicas_are_an_error_and_never_shown(void **state)
{
	struct gfs_deed read = {.caller = 1, .path = "/f", .size = BLOCK, .timeout_ms = 20000};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 3, 4);
	seen = make(&world, "/f", 2 * BLOCK);
	for (int i = 0; i < 3; i++)
		gfs_rot(&world, i, seen.handle, 500);
	read.into = calloc(1, BLOCK);
	assert_non_null(read.into);
	assert_int_equal(gfs_deed_do(&world, &read, gfs_ask_read), GW_E_CORRUPT);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(read.got, 0);
		assert_true(gfs_deed_do(&world, &read, gfs_ask_read) < 0);
	}
	assert_int_equal(read.got, 0);
	free(read.into);
	gfs_world_end(&world);
}

/* ---- Disks that refuse ----------------------------------------------------------------------- */

/* One server's disk does so; whatever is written goes on without it. */
static void refuse_writes(uint64_t seed, int os_error)
{
	const uint32_t writes = 1u << IO_OPERATION_PWRITEV;
	struct gfs_world world;
	struct gfs_seen seen;
	int bad;

	gfs_world_new(&world, 1, 5, seed);
	gfs_write(&world, "/f", 0, 'x', 1000);
	gfs_write(&world, "/g", 0, 'x', 1000);
	seen = gfs_see(&world, "/f", 0);
	bad = gfs_pick(seen.replicas, seen.primary, 0);
	sim_disk_fail_at(world.servers[bad].node, writes, 1, 0, os_error);
	gfs_write(&world, "/f", 0, 'y', 1000);
	gfs_expect(&world, 1, "/f", 0, 'y', 1000);
	assert_false(gfs_see(&world, "/f", 0).replicas & 1u << bad);
	/* What it has can be read from there. */
	if (gfs_see(&world, "/g", 0).replicas & 1u << bad)
		reads_from(&world, 2, bad);
	gfs_expect(&world, 2, "/g", 0, 'x', 1000);
	sim_disk_fail_at(world.servers[bad].node, 0, 0, 0, 0);
	sim_node_restart(world.servers[bad].node, false, 100 * SIM_MS);
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/f", 0, 'y', 1000);
	gfs_world_end(&world);
}

static void a_full_disk_is_left_out_and_serves_what_it_has(void **state)
{
	(void)state;
	refuse_writes(5, ENOSPC);
}

static void a_disk_that_is_read_only_is_left_out_and_serves_what_it_has(void **state)
{
	(void)state;
	refuse_writes(6, EROFS);
}

static void new_chunks_are_not_placed_on_a_full_disk(void **state)
{
	static const char *const paths[] = {"/0", "/1", "/2", "/3", "/4", "/5"};
	struct gfs_world world;

	(void)state;
	gfs_world_begin(&world, 1, 5, 7);
	sim_disk(world.servers[2].node)->total_bytes = CHUNK / 2;
	gfs_world_start(&world);
	for (int i = 0; i < 6; i++) {
		gfs_write(&world, paths[i], 0, 'x', 1000);
		assert_int_equal(gfs_see(&world, paths[i], 0).count, 3);
		assert_false(gfs_see(&world, paths[i], 0).replicas & 1u << 2);
	}
	gfs_world_end(&world);
}

static void a_disk_that_cannot_be_read_is_one_replica_less(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	int bad;

	(void)state;
	gfs_world_new(&world, 1, 5, 8);
	seen = make(&world, "/f", 2 * BLOCK);
	bad = gfs_pick(seen.replicas, GFS_NOBODY, 1);
	sim_disk(world.servers[bad].node)->read_error_ppm = SIM_PPM;
	for (int n = 0; n < 12; n++)
		gfs_expect(&world, n % GFS_WORLD_CALLERS, "/f", 0, 'x', 2 * BLOCK);
	sim_disk(world.servers[bad].node)->read_error_ppm = 0;
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void a_disk_that_hangs_holds_up_a_writer_only_for_a_while(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	int bad;

	(void)state;
	gfs_world_new(&world, 1, 5, 9);
	gfs_write(&world, "/f", 0, 'x', 1000);
	seen = gfs_see(&world, "/f", 0);
	bad = gfs_pick(seen.replicas, seen.primary, 0);
	sim_disk(world.servers[bad].node)->hung = true;
	gfs_write(&world, "/f", 0, 'y', 1000);
	gfs_expect(&world, 1, "/f", 0, 'y', 1000);
	sim_disk(world.servers[bad].node)->hung = false;
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/f", 0, 'y', 1000);
	gfs_world_end(&world);
}

/* ---- Deaths and losses of power -------------------------------------------------------------- */

static void what_was_acknowledged_survives_the_death_of_all_processes(void **state)
{
	struct gfs_world world;
	uint64_t at;

	(void)state;
	gfs_world_new(&world, 3, 4, 10);
	gfs_write(&world, "/f", 0, 'x', 2 * CHUNK);
	at = gfs_append(&world, "/g", 'y', 1000);
	for (int i = 0; i < 4; i++)
		sim_node_kill(world.servers[i].node);
	for (int i = 0; i < 3; i++)
		sim_node_restart(world.masters[i].node, false, 50 * SIM_MS);
	gfs_pass_ms(&world, 200);
	gfs_start_servers(&world);
	gfs_expect(&world, 1, "/f", 0, 'x', 2 * CHUNK);
	gfs_expect(&world, 1, "/g", at, 'y', 1000);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* Some sectors of what was not synced are kept, some torn, some not: the same for no two disks. */
static void what_was_synced_survives_the_loss_of_power_of_all_machines(void **state)
{
	(void)state;
	for (uint64_t seed = 20; seed < 26; seed++) {
		struct gfs_world world;

		gfs_world_new(&world, 3, 4, seed);
		gfs_write(&world, "/f", 0, 'x', CHUNK + 5000);
		gfs_sync(&world, "/f");
		for (int i = 0; i < 10; i++)
			(void)gfs_append(&world, "/f", 'y', 3000);
		for (int i = 0; i < 4; i++)
			sim_disk(world.servers[i].node)->tear_ppm = SIM_PPM / 4;
		gfs_power_loss_servers(&world);
		for (int i = 0; i < 3; i++)
			sim_node_restart(world.masters[i].node, true, 50 * SIM_MS);
		gfs_pass_ms(&world, 200);
		gfs_start_servers(&world);
		gfs_all_whole(&world);
		gfs_expect(&world, 1, "/f", 0, 'x', CHUNK + 5000);
		/* It goes on, behind what is left. */
		gfs_write(&world, "/f", 0, 'z', 100);
		(void)gfs_append(&world, "/f", 'z', 100);
		gfs_all_whole(&world);
		gfs_world_end(&world);
	}
}

static void who_lost_power_alone_is_not_believed_and_gets_the_bytes_of_others(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 3, 11);
	(void)gfs_append(&world, "/f", 'x', 5000);
	seen = gfs_see(&world, "/f", 0);
	for (int i = 0; i < 3; i++) {
		sim_disk(world.servers[i].node)->keep_ppm = 0;
		sim_node_power_loss(world.servers[i].node);
		gfs_pass_ms(&world, 100);
		sim_node_start(world.servers[i].node);
		reads_from(&world, 1, i);
		gfs_expect(&world, 1, "/f", 0, 'x', 5000);
		gfs_all_whole(&world);
	}
	assert_int_equal(gfs_see(&world, "/f", 0).handle, seen.handle);
	gfs_world_end(&world);
}

static void a_disk_that_lied_about_its_syncs_harms_nothing_that_others_have(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	int liar;

	(void)state;
	gfs_world_new(&world, 1, 4, 12);
	gfs_write(&world, "/f", 0, '-', 100);
	seen = gfs_see(&world, "/f", 0);
	liar = gfs_pick(seen.replicas, GFS_NOBODY, 0);
	sim_disk(world.servers[liar].node)->sync_lie_ppm = SIM_PPM;
	gfs_write(&world, "/f", 0, 'x', 5000);
	gfs_sync(&world, "/f");
	sim_disk(world.servers[liar].node)->keep_ppm = 0;
	sim_node_power_loss(world.servers[liar].node);
	sim_disk(world.servers[liar].node)->sync_lie_ppm = 0;
	gfs_pass_ms(&world, 100);
	sim_node_start(world.servers[liar].node);
	for (int n = 0; n < 10; n++)
		gfs_expect(&world, n % GFS_WORLD_CALLERS, "/f", 0, 'x', 5000);
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/f", 0, 'x', 5000);
	gfs_world_end(&world);
}

/* ---- Disks that go elsewhere ----------------------------------------------------------------- */

static void a_server_whose_disk_was_replaced_is_another_server(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen;
	uint32_t number;
	int lost;

	(void)state;
	gfs_world_new(&world, 1, 4, 13);
	gfs_write(&world, "/f", 0, 'x', 1000);
	seen = gfs_see(&world, "/f", 0);
	lost = gfs_pick(seen.replicas, seen.primary, 0);
	number = world.servers[lost].number;
	sim_node_kill(world.servers[lost].node);
	sim_disk_wipe(world.servers[lost].node);
	sim_node_start(world.servers[lost].node);
	gfs_wait_ready(&world);
	assert_int_not_equal(world.servers[lost].number, number);
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/f", 0, 'x', 1000);
	gfs_write(&world, "/f", 0, 'y', 1000);
	gfs_expect(&world, 1, "/f", 0, 'y', 1000);
	gfs_world_end(&world);
}

/* Who a server is says its disk, wherever it is. */
static void disks_that_are_swapped_between_servers_lose_nothing(void **state)
{
	struct gfs_world world;
	uint32_t numbers[2];

	(void)state;
	gfs_world_new(&world, 1, 4, 14);
	gfs_write(&world, "/f", 0, 'x', 3 * CHUNK);
	gfs_sync(&world, "/f");
	for (int i = 0; i < 2; i++) {
		numbers[i] = world.servers[i].number;
		sim_node_kill(world.servers[i].node);
	}
	sim_disk_swap(world.servers[0].node, world.servers[1].node);
	for (int i = 0; i < 2; i++)
		sim_node_start(world.servers[i].node);
	gfs_wait_ready(&world);
	assert_int_equal(world.servers[0].number, numbers[1]);
	assert_int_equal(world.servers[1].number, numbers[0]);
	gfs_expect(&world, 1, "/f", 0, 'x', 3 * CHUNK);
	gfs_write(&world, "/f", 0, 'y', 3 * CHUNK);
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/f", 0, 'y', 3 * CHUNK);
	gfs_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_reader_of_a_rotten_replica_gets_the_bytes_of_another_and_it_is_replaced),
		cmocka_unit_test(rot_that_nobody_reads_is_found_by_scrubbing_and_mended),
		cmocka_unit_test(rot_is_not_cloned),
		cmocka_unit_test(overwriting_a_part_of_a_rotten_block_does_not_hide_the_rot),
		cmocka_unit_test(
			bytes_that_are_rotten_on_all_replicas_are_an_error_and_never_shown),
		cmocka_unit_test(a_full_disk_is_left_out_and_serves_what_it_has),
		cmocka_unit_test(a_disk_that_is_read_only_is_left_out_and_serves_what_it_has),
		cmocka_unit_test(new_chunks_are_not_placed_on_a_full_disk),
		cmocka_unit_test(a_disk_that_cannot_be_read_is_one_replica_less),
		cmocka_unit_test(a_disk_that_hangs_holds_up_a_writer_only_for_a_while),
		cmocka_unit_test(what_was_acknowledged_survives_the_death_of_all_processes),
		cmocka_unit_test(what_was_synced_survives_the_loss_of_power_of_all_machines),
		cmocka_unit_test(who_lost_power_alone_is_not_believed_and_gets_the_bytes_of_others),
		cmocka_unit_test(a_disk_that_lied_about_its_syncs_harms_nothing_that_others_have),
		cmocka_unit_test(a_server_whose_disk_was_replaced_is_another_server),
		cmocka_unit_test(disks_that_are_swapped_between_servers_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
