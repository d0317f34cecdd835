/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records_test.c - records and checkpoints as bytes: what version 1 wrote is read for ever, what is
 * damaged or cut at any byte is told, and a checkpoint is of one moment while the state goes on.
 */
#include "gfs/master/records.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "gfs/master/golden_fixture.h"
#include "gfs/master/grants.h"
#include "gfs/master/namespace.h"
#include "gfs/master/servers.h"
#include "gfs/master/state_fixture.h"

static const struct gfs_record every_field[] = {
	{.kind = GFS_RECORD_CREATE, .options = GFS_WITH_CHUNK, .mode = 0640, .user = 1000,
	 .group = 100000, .goal = 2, .chunk_log2 = 20, .path = {"/a/b", 4}, .incarnation = 1u << 31,
	 .set = {.count = 3, .servers = {3, 1, 65535}}, .has_call = true,
	 .call = {.client = {{1, 2}}, .sequence = 3, .first_incomplete = 2, .object = 4,
		  .fingerprint = 5}},
	{.kind = GFS_RECORD_MKDIR, .mode = 0755, .user = 1, .group = 2, .path = {"/a", 2}},
	{.kind = GFS_RECORD_DELETE, .options = GFS_NOW, .id = 9, .path = {"/a", 2}},
	{.kind = GFS_RECORD_UNDELETE, .id = 9, .path = {"/a", 2}, .to = {"/b", 2}},
	{.kind = GFS_RECORD_RENAME, .options = GFS_REPLACE, .path = {"/a", 2}, .to = {"/b", 2}},
	{.kind = GFS_RECORD_SET, .options = GFS_SET_GOAL, .mode = 1, .user = 2, .group = 3,
	 .modified_ms = 4, .goal = 5, .collect_ms = 6, .path = {"/", 1}},
	{.kind = GFS_RECORD_TRUNCATE, .length = 1u << 30, .path = {"/a", 2}},
	{.kind = GFS_RECORD_SNAPSHOT, .path = {"/a", 2}, .to = {"/b", 2}},
	{.kind = GFS_RECORD_LENGTH, .id = 7, .length = 8, .path = {"/a", 2}},
	{.kind = GFS_RECORD_COLLECT, .count = 100},
	{.kind = GFS_RECORD_CHUNK_ADD, .id = 7, .index = 8, .path = {"/a", 2}, .incarnation = 9,
	 .set = {.count = 1, .servers = {4}}},
	{.kind = GFS_RECORD_CHUNK_COPY, .id = 7, .index = 8, .handle = UINT64_MAX,
	 .path = {"/a", 2}},
	{.kind = GFS_RECORD_CHUNK_COPIED, .handle = 1},
	{.kind = GFS_RECORD_GRANT, .handle = 1, .version = 2, .incarnation = 3,
	 .set = {.count = 2, .servers = {1, 2}}},
	{.kind = GFS_RECORD_RELEASE, .handle = 1, .version = 2},
	{.kind = GFS_RECORD_VERSION, .handle = 1, .version = 2},
	{.kind = GFS_RECORD_SERVER, .uuid = {"0123456789abcdef", 16}, .address = {"h:1", 3},
	 .rack = {"r", 1}},
	{.kind = GFS_RECORD_DRAIN, .options = GFS_BACK, .server = 5},
	{.kind = GFS_RECORD_WRITER_OPEN},
	{.kind = GFS_RECORD_WRITER_KEEP, .writer = 6},
	{.kind = GFS_RECORD_WRITER_CLOSE, .writer = 6},
	{.kind = GFS_RECORD_CLIENT, .client_first = 1, .client_second = 2},
	{.kind = GFS_RECORD_TICK},
};

enum { RECORDS = sizeof(every_field) / sizeof(every_field[0]) };

static void print_bytes(const char *name, struct gw_bytes bytes)
{
	const uint8_t *at = bytes.data;

	printf("# %s[] = {", name);
	for (size_t i = 0; i < bytes.size; i++)
		printf("%s0x%02x,", i % 12 ? " " : "\n#\t", at[i]);
	printf("\n# };\n");
}

static void golden_is(const char *name, struct gw_bytes golden, struct gw_bytes bytes)
{
	if (gw_bytes_compare(golden, bytes) != 0)
		print_bytes(name, bytes);
	assert_int_equal(bytes.size, golden.size);
	assert_memory_equal(bytes.data, golden.data, golden.size);
}

static bool same(struct gw_bytes a, struct gw_bytes b)
{
	return gw_bytes_compare(a, b) == 0;
}

static void records_of_version_1_are_read(void **state)
{
	struct base_buffer bytes = {0};
	const uint8_t *at = golden_records;

	(void)state;
	assert_int_equal(RECORDS, GFS_RECORD_KINDS - 1);
	for (int i = 0; i < RECORDS; i++)
		assert_int_equal(gfs_record_encode(&every_field[i], &bytes, NULL), 0);
	golden_is("golden_records", (struct gw_bytes){golden_records, sizeof(golden_records)},
		  base_buffer_bytes(&bytes));
	for (int i = 0; i < RECORDS; i++) {
		const struct gfs_record *wrote = &every_field[i];
		struct gfs_record read;
		size_t begin = bytes.size, size;

		assert_int_equal(gfs_record_encode(wrote, &bytes, NULL), 0);
		size = bytes.size - begin;
		assert_int_equal(gfs_record_decode((struct gw_bytes){at, size}, &read, NULL), 0);
		at += size;
		assert_true(same(read.path, wrote->path) && same(read.to, wrote->to));
		assert_true(same(read.uuid, wrote->uuid) && same(read.address, wrote->address));
		assert_true(same(read.rack, wrote->rack));
		read.path = wrote->path;
		read.to = wrote->to;
		read.uuid = wrote->uuid;
		read.address = wrote->address;
		read.rack = wrote->rack;
		assert_memory_equal(&read, wrote, sizeof(read));
	}
	base_buffer_done(&bytes);
}

static void a_record_that_is_cut_or_damaged_is_told(void **state)
{
	struct base_buffer bytes = {0};
	struct gw_error error = {0};
	struct gfs_record record;

	(void)state;
	assert_int_equal(gfs_record_encode(&every_field[0], &bytes, NULL), 0);
	for (size_t i = 0; i < bytes.size; i++) {
		struct gw_bytes part = {bytes.data, i};

		assert_int_equal(gfs_record_decode(part, &record, &error), GW_E_CORRUPT);
		bytes.data[i] ^= 0x10;
		assert_int_equal(gfs_record_decode(base_buffer_bytes(&bytes), &record, &error),
				 GW_E_CORRUPT);
		bytes.data[i] ^= 0x10;
	}
	base_buffer_done(&bytes);
}

static void paths_that_cannot_be_are_refused(void **state)
{
	static const struct gw_bytes wrong[] = {
		{"", 0}, {"a", 1}, {"//", 2}, {"/a/", 3}, {"/a//b", 5}, {"/.", 2}, {"/..", 3},
		{"/a/./b", 6}, {"/a/../b", 7}, {"/a\0b", 4}, {"/../a", 5},
	};
	static const struct gw_bytes right[] = {
		{"/", 1}, {"/a", 2}, {"/...", 4}, {"/.a", 3}, {"/a.", 3}, {"/..a/b..", 8},
		{"/\001\377\n", 4}, {"/ ", 2},
	};
	char longest[GFS_PATH_BYTES_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(gfs_path_check(wrong[i], NULL), GW_E_INVALID);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(gfs_path_check(right[i], NULL), 0);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	assert_int_equal(gfs_path_check((struct gw_bytes){longest, GFS_PATH_BYTES_MAX}, NULL), 0);
	assert_int_equal(gfs_path_check((struct gw_bytes){longest, sizeof(longest)}, NULL),
			 GW_E_TOO_LARGE);
}

/* ---- Checkpoints ---------------------------------------------------------------------------- */

/* A little of everything. */
static void fill(struct state_fixture *fixture)
{
	struct gfs_record server = every_field[16];
	struct gfs_record create = {.kind = GFS_RECORD_CREATE, .options = GFS_WITH_CHUNK,
				    .mode = 0644, .path = gw_string("/dir/granted"),
				    .set = {.count = 1, .servers = {1}}, .incarnation = 3};
	const struct gfs_record removed = {.kind = GFS_RECORD_DELETE,
					   .path = gw_string("/dir/gone")};
	const struct gfs_record snapshot = {.kind = GFS_RECORD_SNAPSHOT,
					    .path = gw_string("/dir/shared"),
					    .to = gw_string("/dir/snapshot")};
	struct gfs_record copy = {.kind = GFS_RECORD_CHUNK_COPY, .path = gw_string("/dir/shared")};
	const struct gfs_record writer = {.kind = GFS_RECORD_WRITER_OPEN};

	assert_int_equal(state_do(fixture, &server), 0);
	assert_int_equal(state_mkdir(fixture, "/dir"), 0);
	assert_int_equal(state_do(fixture, &create), 0);
	create.set.count = 0;
	create.path = gw_string("/dir/gone");
	assert_int_equal(state_do(fixture, &create), 0);
	assert_int_equal(state_do(fixture, &removed), 0);
	create.path = gw_string("/dir/shared");
	assert_int_equal(state_do(fixture, &create), 0);
	copy.handle = fixture->done.handle;
	assert_int_equal(state_do(fixture, &snapshot), 0);
	assert_int_equal(state_do(fixture, &copy), 0);
	assert_int_equal(state_do(fixture, &writer), 0);
	assert_int_equal(gfs_state_check(&fixture->state, NULL), 0);
}

static void a_checkpoint_of_version_1_is_read(void **state)
{
	const struct gw_bytes golden = {golden_checkpoint, sizeof(golden_checkpoint)};
	struct state_fixture fixture;
	struct gw_error error = {0};
	struct base_buffer bytes;
	struct gfs_state again;

	(void)state;
	state_fixture_init(&fixture);
	fill(&fixture);
	state_checkpoint(&fixture.state, &bytes);
	golden_is("golden_checkpoint", golden, base_buffer_bytes(&bytes));
	for (size_t piece = 1; piece < 40; piece++) {
		assert_int_equal(state_restore(&again, golden, piece, &error), 0);
		assert_int_equal(gfs_state_check(&again, &error), 0);
		gfs_state_done(&again);
	}
	base_buffer_done(&bytes);
	state_fixture_done(&fixture);
}

static void a_checkpoint_that_is_cut_or_damaged_is_told(void **state)
{
	uint8_t bytes[sizeof(golden_checkpoint)];
	struct gw_error error = {0};
	struct gfs_state again;

	(void)state;
	memcpy(bytes, golden_checkpoint, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		int code = state_restore(&again, (struct gw_bytes){bytes, i}, 100, &error);

		assert_int_equal(code, GW_E_TRUNCATED);
		bytes[i] ^= 0x10;
		code = state_restore(&again, (struct gw_bytes){bytes, sizeof(bytes)}, 100, &error);
		assert_true(code == GW_E_CORRUPT || code == GW_E_TRUNCATED);
		bytes[i] ^= 0x10;
	}
}

static void a_checkpoint_is_of_one_moment(void **state)
{
	struct gfs_checkpoint_writer *writer;
	struct base_buffer before, during = {0}, calls = {0};
	struct state_fixture fixture;
	uint8_t piece[100];
	char path[32];
	int size, number = 0;

	(void)state;
	state_fixture_init(&fixture);
	fill(&fixture);
	for (; number < 2000; number++) {
		snprintf(path, sizeof(path), "/dir/file-%d", number);
		assert_int_equal(state_create(&fixture, path), 0);
	}
	state_checkpoint(&fixture.state, &before);
	assert_int_equal(gfs_checkpoint_writer_new(&writer, &fixture.state, &calls, NULL), 0);
	while ((size = gfs_checkpoint_read(writer, piece, sizeof(piece))) > 0) {
		assert_int_equal(base_buffer_append(&during, piece, (size_t)size, NULL), 0);
		snprintf(path, sizeof(path), "/dir/file-%d", number++);
		assert_int_equal(state_create(&fixture, path), 0);
	}
	gfs_checkpoint_writer_free(writer);
	assert_int_equal(during.size, before.size);
	assert_memory_equal(during.data, before.data, before.size);
	assert_int_equal(gfs_state_check(&fixture.state, NULL), 0);
	base_buffer_done(&before);
	base_buffer_done(&during);
	state_fixture_done(&fixture);
}

static int write_and_read(void *context)
{
	struct base_buffer bytes = {0};
	struct gfs_checkpoint_reader reader;
	struct gfs_checkpoint_writer *writer;
	struct gfs_state *from = context, to;
	struct base_buffer calls = {0};
	uint8_t piece[4096];
	int code = gfs_checkpoint_writer_new(&writer, from, &calls, NULL), size;

	if (code < 0)
		return code;
	code = gfs_state_init_empty(&to, NULL);
	if (code == 0) {
		reader = (struct gfs_checkpoint_reader){.state = &to};
		while (code == 0 && (size = gfs_checkpoint_read(writer, piece, sizeof(piece))) > 0)
			code = gfs_checkpoint_take(&reader,
						   (struct gw_bytes){piece, (size_t)size}, NULL);
		if (code == 0)
			code = gfs_checkpoint_end(&reader, NULL);
		gfs_checkpoint_reader_done(&reader);
		gfs_state_done(&to);
	}
	gfs_checkpoint_writer_free(writer);
	base_buffer_done(&bytes);
	return code;
}

static void each_allocation_may_fail(void **state)
{
	struct state_fixture fixture;

	(void)state;
	state_fixture_init(&fixture);
	fill(&fixture);
	assert_true(test_each_allocation_fails(write_and_read, &fixture.state) > 8);
	assert_int_equal(gfs_state_check(&fixture.state, NULL), 0);
	state_fixture_done(&fixture);
}

/* ---- Servers and writers, which the model leaves out ----------------------------------------- */

static void a_server_keeps_its_number(void **state)
{
	struct gfs_record record = every_field[16];
	const struct gfs_record drain = {.kind = GFS_RECORD_DRAIN, .server = 1};
	struct state_fixture fixture;
	struct gfs_server server;

	(void)state;
	state_fixture_init(&fixture);
	assert_int_equal(state_do(&fixture, &drain), GW_E_NOT_FOUND);
	assert_int_equal(state_do(&fixture, &record), 0);
	assert_int_equal(fixture.done.number, 1);
	assert_int_equal(state_do(&fixture, &drain), 0);
	record.address = gw_string("elsewhere:2");
	assert_int_equal(state_do(&fixture, &record), 0);
	assert_true(fixture.done.existed && fixture.done.number == 1);
	assert_true(gfs_server_find(&fixture.state, 1, &server));
	assert_int_equal(server.flags, GFS_SERVER_DRAINING);
	assert_true(same(server.address, gw_string("elsewhere:2")) &&
		    same(server.rack, gw_string("r")));
	record.uuid = gw_string("another 16 bytes");
	assert_int_equal(state_do(&fixture, &record), 0);
	assert_int_equal(fixture.done.number, 2);
	assert_false(gfs_server_find(&fixture.state, 3, &server));
	state_fixture_done(&fixture);
}

static void a_writer_ends_when_it_is_not_kept(void **state)
{
	const struct gfs_record open = {.kind = GFS_RECORD_WRITER_OPEN};
	const struct gfs_record keep = {.kind = GFS_RECORD_WRITER_KEEP, .writer = 2};
	const struct gfs_record closing = {.kind = GFS_RECORD_WRITER_CLOSE, .writer = 3};
	struct state_fixture fixture;
	uint64_t until_ms;

	(void)state;
	state_fixture_init(&fixture);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(state_do(&fixture, &open), 0);
		assert_int_equal(fixture.done.number, i);
	}
	assert_int_equal(state_do(&fixture, &closing), 0);
	assert_int_equal(state_do(&fixture, &closing), GW_E_STALE);
	fixture.wall_ms += GFS_WRITER_MS - 1;
	assert_int_equal(state_do(&fixture, &keep), 0);
	assert_int_equal(gfs_writers_from(&fixture.state), 1);
	fixture.wall_ms++;
	assert_int_equal(state_do(&fixture, &keep), 0);
	assert_false(gfs_writer_find(&fixture.state, 1, &until_ms));
	assert_int_equal(gfs_writers_from(&fixture.state), 2);
	fixture.wall_ms += GFS_WRITER_MS;
	assert_int_equal(state_do(&fixture, &keep), GW_E_STALE);
	assert_int_equal(fixture.state.writers, 0);
	assert_int_equal(gfs_writers_from(&fixture.state), 4);
	assert_int_equal(gfs_state_check(&fixture.state, NULL), 0);
	state_fixture_done(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_version_1_are_read),
		cmocka_unit_test(a_record_that_is_cut_or_damaged_is_told),
		cmocka_unit_test(paths_that_cannot_be_are_refused),
		cmocka_unit_test(a_checkpoint_of_version_1_is_read),
		cmocka_unit_test(a_checkpoint_that_is_cut_or_damaged_is_told),
		cmocka_unit_test(a_checkpoint_is_of_one_moment),
		cmocka_unit_test(each_allocation_may_fail),
		cmocka_unit_test(a_server_keeps_its_number),
		cmocka_unit_test(a_writer_ends_when_it_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
