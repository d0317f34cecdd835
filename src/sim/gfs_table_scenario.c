/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_table_scenario.c - table 1 of the paper (2.7.1), a scenario for each cell: writes and record
 * appends, one after the other, at the same time, and failing. Each also shows what a reader has to
 * bear: fragments that mingle, replicas that differ, padding, a record that is there twice.
 */
#include "sim/gfs_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 1 << GFS_WORLD_CHUNK_LOG2, RECORD = 9000 };

/* That all replicas have so many times the letter there. */
static void raw_fill(struct gfs_world *world, const char *path, uint64_t offset, char fill,
		     size_t size)
{
	struct gfs_seen seen = gfs_see(world, path, offset / CHUNK);
	char *bytes = malloc(size);

	assert_non_null(bytes);
	memset(bytes, fill, size);
	gfs_raw_equal(world, &seen, offset % CHUNK, bytes, size);
	free(bytes);
}

static char raw_at(struct gfs_world *world, int server, uint64_t handle, size_t at)
{
	char *bytes = malloc(at + 1);
	char found;

	assert_non_null(bytes);
	assert_int_equal(gfs_raw(world, server, handle, bytes, at + 1), at + 1);
	found = bytes[at];
	free(bytes);
	return found;
}

/* ---- Writes ---------------------------------------------------------------------------------- */

static void serial_writes_that_succeed_are_defined(void **state)
{
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 1, 5, 1);
	gfs_write(&world, "/f", 0, 'a', 3 * CHUNK);
	gfs_write(&world, "/f", CHUNK - 100, 'b', 200);
	for (int caller = 0; caller < GFS_WORLD_CALLERS; caller++) {
		gfs_expect(&world, caller, "/f", 0, 'a', CHUNK - 100);
		gfs_expect(&world, caller, "/f", CHUNK - 100, 'b', 200);
		gfs_expect(&world, caller, "/f", CHUNK + 100, 'a', 2 * CHUNK - 100);
	}
	raw_fill(&world, "/f", CHUNK - 100, 'b', 100);
	raw_fill(&world, "/f", CHUNK, 'b', 100);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void writes_at_borders_and_behind_the_end_leave_zeros_between(void **state)
{
	struct gfs_deed read = {.caller = 1, .path = "/f", .size = 100}, stat = {.path = "/f"};
	struct gfs_world world;
	char bytes[100];

	(void)state;
	gfs_world_new(&world, 1, 5, 10);
	gfs_write(&world, "/f", CHUNK - 1, 'a', 1);
	gfs_write(&world, "/f", CHUNK, 'b', 1);
	gfs_write(&world, "/f", 3 * CHUNK + 7, 'c', CHUNK);
	gfs_expect(&world, 1, "/f", 0, 0, CHUNK - 1);
	gfs_expect(&world, 1, "/f", CHUNK - 1, 'a', 1);
	gfs_expect(&world, 1, "/f", CHUNK, 'b', 1);
	gfs_expect(&world, 1, "/f", CHUNK + 1, 0, 2 * CHUNK + 6);
	gfs_expect(&world, 1, "/f", 3 * CHUNK + 7, 'c', CHUNK);
	gfs_must(&world, &stat, gfs_ask_stat);
	assert_int_equal(stat.at, 4 * CHUNK + 7);
	/* Some of it, nothing, and what no file can have. */
	read.into = bytes;
	read.offset = 4 * CHUNK - 13;
	gfs_must(&world, &read, gfs_ask_read);
	assert_int_equal(read.got, 20);
	read.offset = 4 * CHUNK + 7;
	gfs_must(&world, &read, gfs_ask_read);
	assert_int_equal(read.got, 0);
	read.offset = (uint64_t)-100;
	assert_int_equal(gfs_deed_do(&world, &read, gfs_ask_read), GW_E_INVALID);
	assert_int_equal(
		gfs_deed_do(&world,
			    &(struct gfs_deed){.path = "/f", .offset = (uint64_t)-1, .size = 2},
			    gfs_ask_write),
		GW_E_TOO_LARGE);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* A border of chunks whose primaries are two servers. */
static uint64_t border_of_two(struct gfs_world *world, const char *path, struct gfs_seen sides[2])
{
	for (uint64_t i = 1; i < 8; i++) {
		gfs_write(world, path, 0, '-', (size_t)(i + 1) * CHUNK);
		sides[0] = gfs_see(world, path, i - 1);
		sides[1] = gfs_see(world, path, i);
		if (sides[0].primary != sides[1].primary)
			return i * CHUNK;
	}
	fail_msg("one server is primary of all chunks");
	return 0;
}

static void concurrent_writes_that_succeed_are_consistent_and_mingle_at_a_border(void **state)
{
	struct gfs_deed one = {.caller = 0, .path = "/f", .fill = 'A', .size = 2000};
	struct gfs_deed other = {.caller = 1, .path = "/f", .fill = 'B', .size = 2000};
	struct gfs_seen sides[2];
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 1, 5, 2);
	one.offset = other.offset = border_of_two(&world, "/f", sides) - 1000;
	/* The first writer's half before the border comes late. */
	gfs_cut(world.callers[0].node, world.servers[sides[0].primary].node);
	gfs_deed_start(&world, &one, gfs_ask_write);
	gfs_pass_ms(&world, 100);
	gfs_must(&world, &other, gfs_ask_write);
	assert_false(one.is_over);
	gfs_mend(world.callers[0].node, world.servers[sides[0].primary].node);
	assert_int_equal(gfs_deed_wait(&world, &one), 0);
	/* All readers see the same, and it is what neither of them wrote. */
	for (int caller = 0; caller < GFS_WORLD_CALLERS; caller++) {
		gfs_expect(&world, caller, "/f", one.offset, 'A', 1000);
		gfs_expect(&world, caller, "/f", one.offset + 1000, 'B', 1000);
	}
	raw_fill(&world, "/f", one.offset, 'A', 1000);
	raw_fill(&world, "/f", one.offset + 1000, 'B', 1000);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* A reader that reaches one replica alone. */
static void expect_from(struct gfs_world *world, int server, char fill, size_t size)
{
	for (int i = 0; i < world->server_count; i++)
		if (i != server)
			gfs_cut(world->callers[2].node, world->servers[i].node);
	gfs_expect(world, 2, "/f", 0, fill, size);
	for (int i = 0; i < world->server_count; i++)
		gfs_mend(world->callers[2].node, world->servers[i].node);
}

static void a_write_that_failed_leaves_replicas_that_differ_until_it_is_repeated(void **state)
{
	struct gfs_deed write = {.path = "/f", .fill = 'y', .size = 100, .timeout_ms = 500};
	struct gfs_world world;
	struct gfs_seen seen;
	int away;

	(void)state;
	gfs_world_new(&world, 1, 5, 3);
	gfs_write(&world, "/f", 0, 'x', 1000);
	seen = gfs_see(&world, "/f", 0);
	assert_int_equal(seen.count, 3);
	away = gfs_pick(seen.replicas, seen.primary, 0);
	gfs_cut(world.servers[seen.primary].node, world.servers[away].node);
	assert_int_equal(gfs_deed_do(&world, &write, gfs_ask_write), GW_E_UNREACHABLE);
	/* Different clients may see different data. */
	assert_int_equal(raw_at(&world, seen.primary, seen.handle, 0), 'y');
	assert_int_equal(raw_at(&world, away, seen.handle, 0), 'x');
	expect_from(&world, away, 'x', 100);
	expect_from(&world, seen.primary, 'y', 100);
	/* Written again it is what all see, without the one that cannot be reached. */
	gfs_write(&world, "/f", 0, 'y', 100);
	assert_true(gfs_see(&world, "/f", 0).version > seen.version);
	assert_false(gfs_see(&world, "/f", 0).replicas & 1u << away);
	raw_fill(&world, "/f", 0, 'y', 100);
	raw_fill(&world, "/f", 100, 'x', 900);
	sim_heal(world.sim);
	gfs_all_whole(&world);
	gfs_expect(&world, 1, "/f", 0, 'y', 100);
	gfs_world_end(&world);
}

/* ---- Record appends -------------------------------------------------------------------------- */

static void serial_appends_that_succeed_are_defined_at_the_offsets_that_were_told(void **state)
{
	uint64_t offsets[5], end = 0;
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 1, 5, 4);
	for (int i = 0; i < 5; i++) {
		offsets[i] = gfs_append(&world, "/f", (char)('a' + i), 1000 + (size_t)i);
		assert_int_equal(offsets[i], end);
		end += 1000 + (uint64_t)i;
	}
	for (int i = 0; i < 5; i++) {
		gfs_expect(&world, 1, "/f", offsets[i], (char)('a' + i), 1000 + (size_t)i);
		raw_fill(&world, "/f", offsets[i], (char)('a' + i), 1000 + (size_t)i);
	}
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

enum { APPENDS = 24 };

/* Concurrent appends come in some order, each whole, with padding where one did not fit. */
static void concurrent_appends_are_whole_and_padding_lies_between_them(void **state)
{
	struct gfs_deed deeds[APPENDS] = {{0}};
	bool is_record[4 * CHUNK] = {false};
	struct gfs_world world;
	size_t padding = 0;

	(void)state;
	gfs_world_new(&world, 1, 5, 5);
	for (int i = 0; i < APPENDS; i++) {
		deeds[i] = (struct gfs_deed){.caller = i % GFS_WORLD_CALLERS, .path = "/f",
					     .fill = (char)('A' + i), .size = RECORD};
		gfs_deed_start(&world, &deeds[i], gfs_ask_append);
	}
	for (int i = 0; i < APPENDS; i++) {
		assert_int_equal(gfs_deed_wait(&world, &deeds[i]), 0);
		assert_int_equal(deeds[i].at / CHUNK, (deeds[i].at + RECORD - 1) / CHUNK);
		assert_true(deeds[i].at + RECORD <= sizeof(is_record));
		for (uint64_t at = deeds[i].at; at < deeds[i].at + RECORD; at++) {
			assert_false(is_record[at]);
			is_record[at] = true;
		}
	}
	for (int i = 0; i < APPENDS; i++)
		raw_fill(&world, "/f", deeds[i].at, deeds[i].fill, RECORD);
	/* Seven of them fit into a chunk. */
	for (uint64_t chunk = 0; chunk < 3; chunk++)
		for (size_t at = 7 * RECORD; at < CHUNK; at++)
			padding += !is_record[chunk * CHUNK + at];
	assert_int_equal(padding, 3 * (CHUNK - 7 * RECORD));
	raw_fill(&world, "/f", 7 * RECORD, 0, CHUNK - 7 * RECORD);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void an_append_that_failed_leaves_a_record_on_some_replicas_only(void **state)
{
	struct gfs_deed append = {.path = "/f", .fill = 'y', .size = 100, .timeout_ms = 500};
	struct gfs_world world;
	struct gfs_seen seen;
	uint64_t at;
	int away;

	(void)state;
	gfs_world_new(&world, 1, 5, 6);
	(void)gfs_append(&world, "/f", 'x', 50);
	seen = gfs_see(&world, "/f", 0);
	away = gfs_pick(seen.replicas, seen.primary, 0);
	gfs_cut(world.servers[seen.primary].node, world.servers[away].node);
	assert_int_equal(gfs_deed_do(&world, &append, gfs_ask_append), GW_E_UNREACHABLE);
	assert_int_equal(gfs_replica(&world, seen.primary, seen.handle)->length, 150);
	assert_int_equal(gfs_replica(&world, away, seen.handle)->length, 50);
	/* The next one is behind the rest of it, at the same offset everywhere; a first try of it,
	 * under the old grant, may have left a copy. */
	at = gfs_append(&world, "/f", 'z', 100);
	assert_true(at >= 150 && at % 100 == 50);
	raw_fill(&world, "/f", 50, 'y', 100);
	raw_fill(&world, "/f", at, 'z', 100);
	sim_heal(world.sim);
	gfs_all_whole(&world);
	raw_fill(&world, "/f", at, 'z', 100);
	assert_int_equal(gfs_see(&world, "/f", 0).count, 3);
	gfs_world_end(&world);
}

static void an_append_whose_answer_was_lost_is_there_twice(void **state)
{
	struct gfs_deed append = {.path = "/f", .fill = 'y', .size = 100};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 7);
	(void)gfs_append(&world, "/f", 'x', 50);
	seen = gfs_see(&world, "/f", 0);
	sim_link(world.servers[seen.primary].node, world.callers[0].node)->blocked = true;
	gfs_deed_start(&world, &append, gfs_ask_append);
	gfs_pass_ms(&world, 100);
	assert_false(append.is_over);
	raw_fill(&world, "/f", 50, 'y', 100);
	sim_node_kill(world.servers[seen.primary].node);
	assert_int_equal(gfs_deed_wait(&world, &append), 0);
	/* At least once: the copy that was told of is at its offset on all replicas. */
	assert_int_equal(append.at, 150);
	gfs_expect(&world, 1, "/f", 50, 'y', 200);
	raw_fill(&world, "/f", append.at, 'y', 100);
	sim_heal(world.sim);
	sim_node_start(world.servers[seen.primary].node);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* ---- What applications do about it (2.7.2, 3.3) ---------------------------------------------- */

static int append_framed(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_record_writer *writer;
	struct gw_gfs_file *file;
	int code = gfs_file_of(deed, caller, true, &file);
	uint8_t data[RECORD];

	if (code == 0)
		code = gw_gfs_record_writer_new(&writer, file, &deed->error);
	if (code < 0)
		return code;
	for (int i = 0; i < 20 && code == 0; i++) {
		memset(data, 'a' + i, sizeof(data));
		code = gw_gfs_record_append(writer, (struct gw_bytes){data, sizeof(data)}, NULL,
					    &deed->error);
	}
	gw_gfs_record_writer_free(writer);
	return code;
}

/* One after the other, each once. */
static int read_framed(struct gfs_deed *deed, struct gfs_caller *caller)
{
	struct gw_gfs_record_reader *reader;
	struct gw_gfs_record record;
	struct gw_gfs_file *file;
	int code = gfs_file_of(deed, caller, false, &file);

	if (code == 0)
		code = gw_gfs_record_reader_new(&reader, file, NULL, &deed->error);
	if (code < 0)
		return code;
	while ((code = gw_gfs_record_next(reader, &record, &deed->error)) == 1) {
		const uint8_t *data = record.data.data;

		if (record.data.size != RECORD || data[0] != 'a' + deed->got ||
		    data[RECORD - 1] != data[0])
			break;
		deed->got++;
	}
	deed->at = gw_gfs_record_skipped(reader);
	gw_gfs_record_reader_free(reader);
	return code;
}

static void a_reader_of_records_skips_padding_and_duplicates(void **state)
{
	struct gfs_deed append = {.path = "/f"}, read = {.caller = 1, .path = "/f"};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_new(&world, 1, 5, 8);
	gfs_must(&world, &(struct gfs_deed){.path = "/f"}, gfs_ask_open);
	gfs_deed_start(&world, &append, append_framed);
	/* In the middle an answer is lost, and the primary. */
	gfs_pass_ms(&world, 3);
	assert_false(append.is_over);
	seen = gfs_see(&world, "/f", 0);
	assert_true(seen.handle != 0);
	sim_link(world.servers[seen.primary].node, world.callers[0].node)->blocked = true;
	gfs_pass_ms(&world, 100);
	sim_node_kill(world.servers[seen.primary].node);
	assert_int_equal(gfs_deed_wait(&world, &append), 0);
	gfs_must(&world, &read, read_framed);
	assert_int_equal(read.got, 20);
	/* One record twice, with its frame, and the ends of chunks. */
	assert_true(read.at >= RECORD);
	gfs_world_end(&world);
}

static void a_record_over_a_quarter_of_a_chunk_is_refused(void **state)
{
	struct gfs_deed append = {.path = "/f", .fill = 'x', .size = CHUNK / 4 + 1};
	struct gfs_world world;

	(void)state;
	gfs_world_new(&world, 1, 3, 9);
	assert_int_equal(gfs_append(&world, "/f", 'x', CHUNK / 4), 0);
	assert_int_equal(gfs_deed_do(&world, &append, gfs_ask_append), GW_E_TOO_LARGE);
	assert_int_equal(gfs_append(&world, "/f", 'x', 1), CHUNK / 4);
	gfs_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serial_writes_that_succeed_are_defined),
		cmocka_unit_test(writes_at_borders_and_behind_the_end_leave_zeros_between),
		cmocka_unit_test(
			concurrent_writes_that_succeed_are_consistent_and_mingle_at_a_border),
		cmocka_unit_test(
			a_write_that_failed_leaves_replicas_that_differ_until_it_is_repeated),
		cmocka_unit_test(
			serial_appends_that_succeed_are_defined_at_the_offsets_that_were_told),
		cmocka_unit_test(concurrent_appends_are_whole_and_padding_lies_between_them),
		cmocka_unit_test(an_append_that_failed_leaves_a_record_on_some_replicas_only),
		cmocka_unit_test(an_append_whose_answer_was_lost_is_there_twice),
		cmocka_unit_test(a_reader_of_records_skips_padding_and_duplicates),
		cmocka_unit_test(a_record_over_a_quarter_of_a_chunk_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
