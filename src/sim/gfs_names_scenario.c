/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_names_scenario.c - sections 3.4, 4.1 and 4.4 of the paper: snapshots and copies on write,
 * names that many make at once, deleted files and what is collected of them.
 */
#include "sim/gfs_fixture.h"

#include <stdio.h>

#include "gfs/master/grants.h"
#include "gfs/master/master.h"
#include "gfs/master/namespace.h"

enum { CHUNK = 1 << GFS_WORLD_CHUNK_LOG2 };

static void snapshot(struct gfs_world *world, const char *from, const char *to)
{
	struct gfs_deed deed = {.path = from, .to = to};

	gfs_must(world, &deed, gfs_ask_snapshot);
}

/* ---- Snapshots (3.4) ------------------------------------------------------------------------- */

static void a_snapshot_shares_chunks_until_one_is_written_on_the_same_servers(void **state)
{
	struct gfs_seen before, shared, own, kept;
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 1, 7, 1);
	gfs_write(&world, "/f", 0, 'x', 2 * CHUNK);
	before = gfs_see(&world, "/f", 0);
	snapshot(&world, "/f", "/s");
	shared = gfs_see(&world, "/s", 0);
	assert_int_equal(shared.handle, before.handle);
	assert_int_equal(shared.references, 2);
	assert_int_equal(gfs_master_machine(gfs_lead(&world))->state.chunks.count, 2);
	gfs_write(&world, "/f", 10, 'y', 100);
	own = gfs_see(&world, "/f", 0);
	kept = gfs_see(&world, "/s", 0);
	assert_int_equal(kept.handle, before.handle);
	assert_int_not_equal(own.handle, before.handle);
	assert_int_equal(own.replicas, before.replicas);
	/* The other chunk is shared still. */
	assert_int_equal(gfs_see(&world, "/f", 1).handle, gfs_see(&world, "/s", 1).handle);
	gfs_expect(&world, 1, "/s", 0, 'x', 2 * CHUNK);
	gfs_expect(&world, 1, "/f", 0, 'x', 10);
	gfs_expect(&world, 1, "/f", 10, 'y', 100);
	gfs_expect(&world, 1, "/f", 110, 'x', 2 * CHUNK - 110);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* Leases are revoked first: a writer that believes in one asks again, and meets the copy. */
static void a_writer_with_a_lease_does_not_write_into_a_snapshot(void **state)
{
	struct gfs_deed append = {.path = "/f", .fill = 'z', .size = 100};
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 3, 5, 2);
	gfs_write(&world, "/f", 0, 'x', 1000);
	for (int i = 0; i < 5; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "/s%d", i);
		gfs_write(&world, "/f", 0, (char)('a' + i), 1000);
		snapshot(&world, "/f", name);
		gfs_write(&world, "/f", 0, '-', 1000);
		gfs_must(&world, &append, gfs_ask_append);
		gfs_expect(&world, 1, name, 0, (char)('a' + i), 1000);
		gfs_expect(&world, 1, "/f", 0, '-', 1000);
	}
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void a_snapshot_waits_for_a_primary_that_cannot_be_asked_for_its_lease(void **state)
{
	struct gfs_deed take = {.path = "/f", .to = "/s"};
	struct gfs_world world;
	struct gfs_seen seen;
	uint64_t from_ns;

	(void)state;
	gfs_world_new(&world, 1, 5, 3);
	gfs_write(&world, "/f", 0, 'x', 1000);
	seen = gfs_see(&world, "/f", 0);
	gfs_cut_from_masters(&world, world.servers[seen.primary].node);
	from_ns = sim_now_ns(world.sim);
	gfs_deed_start(&world, &take, gfs_ask_snapshot);
	gfs_pass_ms(&world, GFS_WORLD_LEASE_MS / 2);
	assert_false(take.is_over);
	/* It is primary still, and this is before the snapshot. */
	gfs_write(&world, "/f", 0, 'y', 1000);
	assert_false(take.is_over);
	assert_int_equal(gfs_deed_wait(&world, &take), 0);
	assert_true(sim_now_ns(world.sim) - from_ns >=
		    (GFS_WORLD_LEASE_MS - GFS_WORLD_BEAT_MS) * SIM_MS);
	gfs_write(&world, "/f", 0, 'z', 1000);
	gfs_expect(&world, 1, "/s", 0, 'y', 1000);
	gfs_expect(&world, 1, "/f", 0, 'z', 1000);
	gfs_world_end(&world);
}

/* One replica, and no chunkserver can talk to another. */
static void chunks_are_copied_on_write_without_the_network(void **state)
{
	struct gfs_world world;
	struct gfs_seen before;

	(void)state;
	gfs_world_new(&world, 1, 3, 4);
	gfs_must(&world, &(struct gfs_deed){.path = "/f", .goal = 1}, gfs_ask_open);
	gfs_write(&world, "/f", 0, 'x', CHUNK);
	before = gfs_see(&world, "/f", 0);
	assert_int_equal(before.count, 1);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < i; j++)
			gfs_cut(world.servers[i].node, world.servers[j].node);
	snapshot(&world, "/f", "/s");
	gfs_write(&world, "/f", 0, 'y', 10);
	assert_int_equal(gfs_see(&world, "/f", 0).replicas, before.replicas);
	gfs_expect(&world, 1, "/f", 0, 'y', 10);
	gfs_expect(&world, 1, "/f", 10, 'x', CHUNK - 10);
	gfs_expect(&world, 1, "/s", 0, 'x', CHUNK);
	gfs_world_end(&world);
}

/* The log says that a chunk is to be copied; nobody has copied it yet. */
static bool copy_is_logged(void *context)
{
	struct gfs_world *world = context;
	int leader = gfs_leader(world);
	const struct gfs_state *table;
	struct gfs_file file;
	uint32_t slot;

	if (leader == GFS_NOBODY)
		return false;
	table = &gfs_master_machine(world->masters[leader].master)->state;
	return gfs_find(table, gw_string("/f"), &file) && gfs_chunk_of(table, file.id, 0, &slot) &&
	       gfs_source_of(table, slot) != 0;
}

static void a_copy_that_a_master_left_unfinished_is_finished_by_the_next(void **state)
{
	struct gfs_deed write = {.path = "/f", .fill = 'y', .size = 100};
	struct gfs_world world;
	int old;

	(void)state;
	gfs_world_new(&world, 3, 5, 5);
	gfs_write(&world, "/f", 0, 'x', 1000);
	snapshot(&world, "/f", "/s");
	gfs_deed_start(&world, &write, gfs_ask_write);
	gfs_wait_until(&world, copy_is_logged, &world);
	old = gfs_leader(&world);
	sim_node_kill(world.masters[old].node);
	/* Who reads meanwhile reads the source. */
	gfs_expect(&world, 1, "/f", 100, 'x', 900);
	assert_int_equal(gfs_deed_wait(&world, &write), 0);
	assert_int_not_equal(gfs_leader(&world), old);
	gfs_expect(&world, 1, "/f", 0, 'y', 100);
	gfs_expect(&world, 1, "/s", 0, 'x', 1000);
	sim_node_start(world.masters[old].node);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void bytes_last_as_long_as_any_snapshot_refers_to_them(void **state)
{
	struct gfs_deed remove = {.path = "/f", .now = true};
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 1, 4, 6);
	gfs_write(&world, "/f", 0, 'x', CHUNK + 10);
	snapshot(&world, "/f", "/s");
	snapshot(&world, "/s", "/t");
	assert_int_equal(gfs_see(&world, "/t", 1).references, 3);
	gfs_must(&world, &remove, gfs_ask_delete);
	gfs_pass_ms(&world, 5000);
	gfs_expect(&world, 1, "/s", 0, 'x', CHUNK + 10);
	remove.path = "/s";
	gfs_must(&world, &remove, gfs_ask_delete);
	gfs_pass_ms(&world, 5000);
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/t", 0, 'x', CHUNK + 10);
	assert_int_equal(gfs_see(&world, "/t", 0).references, 1);
	remove.path = "/t";
	gfs_must(&world, &remove, gfs_ask_delete);
	gfs_all_whole(&world);
	for (int i = 0; i < 4; i++)
		assert_int_equal(gfs_chunks_on(&world, i), 0);
	gfs_world_end(&world);
}

static void what_was_appended_once_is_there_once_behind_a_copy_on_write(void **state)
{
	struct gfs_deed first = {.path = "/f", .sequence = 1, .fill = 'P', .size = 10};
	struct gfs_deed lost = {.path = "/f", .sequence = 2, .fill = 'Q', .size = 100};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 7);
	gfs_must(&world, &first, gfs_ask_append_once);
	seen = gfs_see(&world, "/f", 0);
	sim_link(world.servers[seen.primary].node, world.callers[0].node)->blocked = true;
	gfs_deed_start(&world, &lost, gfs_ask_append_once);
	gfs_pass_ms(&world, 50);
	assert_int_equal(gfs_deed_do(&world,
				     &(struct gfs_deed){.caller = 1, .path = "/f", .to = "/s"},
				     gfs_ask_snapshot),
			 0);
	(void)sim_reset_streams(world.servers[seen.primary].node, world.callers[0].node);
	sim_node_kill(world.servers[seen.primary].node);
	sim_heal(world.sim);
	assert_int_equal(gfs_deed_wait(&world, &lost), 0);
	assert_int_not_equal(gfs_see(&world, "/f", 0).handle, seen.handle);
	assert_int_equal(lost.at, 10);
	gfs_expect(&world, 1, "/f", 10, 'Q', 100);
	assert_int_equal(gfs_append(&world, "/f", 'R', 10), 110);
	gfs_world_end(&world);
}

/* ---- Names (4.1) ----------------------------------------------------------------------------- */

enum { MAKERS = 30 };

/* A snapshot of a directory has the files whose making is before it in the log, and no others. */
static void files_made_beside_a_snapshot_of_their_directory_are_before_or_behind_it(void **state)
{
	struct gfs_deed make[MAKERS] = {{0}}, take = {.caller = 2, .path = "/home", .to = "/save"};
	char paths[MAKERS][24], saved[24];
	struct gfs_deed stat = {.path = saved};
	struct gfs_world world;
	int before = 0;

	(void)state;
	gfs_world_new(&world, 3, 4, 8);
	gfs_must(&world, &(struct gfs_deed){.path = "/home"}, gfs_ask_mkdir);
	for (int i = 0; i < MAKERS; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "/home/%d", i);
		make[i] = (struct gfs_deed){.caller = i % 2, .path = paths[i]};
		gfs_deed_start(&world, &make[i], gfs_ask_mkdir);
		if (i == MAKERS / 2)
			gfs_deed_start(&world, &take, gfs_ask_snapshot);
		sim_run_for(world.sim, sim_draw(world.sim, 1000) * SIM_US);
	}
	assert_int_equal(gfs_deed_wait(&world, &take), 0);
	for (int i = 0; i < MAKERS; i++) {
		assert_int_equal(gfs_deed_wait(&world, &make[i]), 0);
		(void)snprintf(saved, sizeof(saved), "/save/%d", i);
		assert_int_equal(gfs_deed_do(&world, &stat, gfs_ask_stat),
				 make[i].at < take.at ? 0 : GW_E_NOT_FOUND);
		before += make[i].at < take.at;
	}
	assert_true(before > 0 && before < MAKERS);
	gfs_world_end(&world);
}

/* Several in one directory at once, and a name has one maker. */
static void many_create_in_one_directory_at_once_and_each_name_has_one_maker(void **state)
{
	struct gfs_deed deeds[3 * MAKERS] = {{0}};
	struct gfs_world world;
	char paths[MAKERS][24];

	(void)state;
	gfs_world_new(&world, 1, 4, 9);
	gfs_must(&world, &(struct gfs_deed){.path = "/d"}, gfs_ask_mkdir);
	for (int i = 0; i < 3 * MAKERS; i++) {
		(void)snprintf(paths[i / 3], sizeof(paths[0]), "/d/%d", i / 3);
		deeds[i] = (struct gfs_deed){.caller = i % 3, .path = paths[i / 3]};
		gfs_deed_start(&world, &deeds[i], gfs_ask_mkdir);
	}
	for (int i = 0; i < MAKERS; i++) {
		int made = 0, refused = 0;

		for (int j = 3 * i; j < 3 * i + 3; j++) {
			int code = gfs_deed_wait(&world, &deeds[j]);

			made += code == 0;
			refused += code == GW_E_EXISTS;
		}
		assert_int_equal(made, 1);
		assert_int_equal(refused, 2);
	}
	assert_int_equal(gfs_status(&world).directories, MAKERS + 2);
	gfs_world_end(&world);
}

static void names_have_every_byte_and_paths_that_lead_nowhere_are_refused(void **state)
{
	static const char *const wrong[] = {"", "f", "//", "/.", "/..", "/a/../b", "/a//b", "/a/"};
	char every[] = "/x", longest[4097], long_name[4096];
	struct gfs_deed deed = {.path = every};
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 1, 3, 10);
	for (int byte = 1; byte < 256; byte++) {
		every[1] = (char)byte;
		assert_int_equal(gfs_deed_do(&world, &deed, gfs_ask_mkdir),
				 byte == '/' || byte == '.' ? GW_E_INVALID : 0);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		deed.path = wrong[i];
		assert_int_equal(gfs_deed_do(&world, &deed, gfs_ask_mkdir), GW_E_INVALID);
	}
	memset(long_name, 'n', sizeof(long_name));
	long_name[0] = '/';
	long_name[GW_GFS_PATH_BYTES_MAX] = '\0';
	deed.path = long_name;
	gfs_must(&world, &deed, gfs_ask_mkdir);
	gfs_must(&world, &deed, gfs_ask_stat);
	memset(longest, 'n', sizeof(longest));
	longest[0] = '/';
	longest[GW_GFS_PATH_BYTES_MAX + 1] = '\0';
	deed.path = longest;
	assert_int_equal(gfs_deed_do(&world, &deed, gfs_ask_mkdir), GW_E_TOO_LARGE);
	gfs_world_end(&world);
}

/* ---- Deleted files (4.4) --------------------------------------------------------------------- */

enum { COLLECT_MS = 60000 };

static void make_deleted(struct gfs_world *world, const char *path)
{
	struct gfs_deed keep = {.path = "/", .collect_ms = COLLECT_MS + 1};
	struct gfs_deed remove = {.path = path};

	gfs_must(world, &keep, gfs_ask_set);
	gfs_write(world, path, 0, 'x', CHUNK + 10);
	gfs_must(world, &remove, gfs_ask_delete);
	assert_int_equal(gfs_deed_do(world, &remove, gfs_ask_stat), GW_E_NOT_FOUND);
}

static void a_deleted_file_comes_back_with_its_bytes(void **state)
{
	struct gfs_deed back = {.path = "/f"};
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 1, 4, 11);
	make_deleted(&world, "/f");
	gfs_pass_ms(&world, COLLECT_MS / 2);
	gfs_must(&world, &back, gfs_ask_undelete);
	gfs_pass_ms(&world, 2 * COLLECT_MS);
	gfs_expect(&world, 1, "/f", 0, 'x', CHUNK + 10);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void a_deleted_file_is_collected_after_its_time_and_not_before(void **state)
{
	struct gfs_deed back = {.path = "/f"};
	struct gfs_world world;
	size_t chunks = 0;

	(void)state;
	gfs_world_new(&world, 1, 4, 12);
	make_deleted(&world, "/f");
	gfs_pass_ms(&world, COLLECT_MS - 10000);
	for (int i = 0; i < 4; i++)
		chunks += gfs_chunks_on(&world, i);
	assert_int_equal(chunks, 2 * 3);
	gfs_pass_ms(&world, 30000);
	for (int i = 0; i < 4; i++)
		assert_int_equal(gfs_chunks_on(&world, i), 0);
	assert_int_equal(gfs_deed_do(&world, &back, gfs_ask_undelete), GW_E_NOT_FOUND);
	gfs_world_end(&world);
}

static bool is_there(void *context)
{
	return ((struct gfs_machine_of_world *)context)->server != NULL;
}

static void a_server_that_was_away_drops_what_was_collected_meanwhile(void **state)
{
	struct gfs_deed remove = {.path = "/f", .now = true};
	struct gfs_world world;
	struct gfs_seen seen;
	int away;

	(void)state;
	gfs_world_new(&world, 1, 4, 13);
	gfs_write(&world, "/f", 0, 'x', 100);
	gfs_write(&world, "/g", 0, 'y', 100);
	gfs_all_whole(&world);
	seen = gfs_see(&world, "/f", 0);
	away = gfs_pick(seen.replicas, seen.primary, 0);
	sim_node_kill(world.servers[away].node);
	gfs_must(&world, &remove, gfs_ask_delete);
	gfs_pass_ms(&world, 20000);
	sim_node_start(world.servers[away].node);
	gfs_wait_until(&world, is_there, &world.servers[away]);
	assert_non_null(gfs_replica(&world, away, seen.handle));
	gfs_all_whole(&world);
	assert_null(gfs_replica(&world, away, seen.handle));
	gfs_expect(&world, 1, "/g", 0, 'y', 100);
	gfs_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_shares_chunks_until_one_is_written_on_the_same_servers),
		cmocka_unit_test(a_writer_with_a_lease_does_not_write_into_a_snapshot),
		cmocka_unit_test(a_snapshot_waits_for_a_primary_that_cannot_be_asked_for_its_lease),
		cmocka_unit_test(chunks_are_copied_on_write_without_the_network),
		cmocka_unit_test(a_copy_that_a_master_left_unfinished_is_finished_by_the_next),
		cmocka_unit_test(bytes_last_as_long_as_any_snapshot_refers_to_them),
		cmocka_unit_test(what_was_appended_once_is_there_once_behind_a_copy_on_write),
		cmocka_unit_test(
			files_made_beside_a_snapshot_of_their_directory_are_before_or_behind_it),
		cmocka_unit_test(
			many_create_in_one_directory_at_once_and_each_name_has_one_maker),
		cmocka_unit_test(names_have_every_byte_and_paths_that_lead_nowhere_are_refused),
		cmocka_unit_test(a_deleted_file_comes_back_with_its_bytes),
		cmocka_unit_test(a_deleted_file_is_collected_after_its_time_and_not_before),
		cmocka_unit_test(a_server_that_was_away_drops_what_was_collected_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
