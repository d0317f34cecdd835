/* SPDX-License-Identifier: Apache-2.0 */
/* file_test.c - reads, writes, appends and syncs against servers that fail as the test wants. */
#include "gfs/client/fake_fixture.h"

#include <stdlib.h>

enum { PLENTY = FAKE_CHUNK_BYTES * 3 };

static uint8_t *numbers(size_t size)
{
	uint8_t *data = malloc(size);
	uint64_t state = size;

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)test_random(&state);
	return data;
}

static void assert_holds(struct gw_gfs_file *file, uint64_t offset, const void *data, size_t size)
{
	struct gw_error error = {0};
	uint8_t *back = malloc(size + 1);
	size_t bytes;

	assert_non_null(back);
	if (gw_gfs_read(file, offset, back, size + 1, &bytes, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(bytes, size);
	assert_memory_equal(back, data, size);
	free(back);
}

static void assert_on_all(const struct fake *fake, unsigned chunk, uint64_t offset,
			  const char *text)
{
	for (unsigned i = 0; i < FAKE_SERVERS; i++) {
		const struct fake_replica *replica = &fake->servers[i].chunks[chunk];

		if (!(fake->chunks[chunk].set & (1u << i)))
			continue;
		assert_true(replica->length >= offset + strlen(text));
		assert_memory_equal(replica->bytes + offset, text, strlen(text));
	}
}

/* ---- Writing and reading --------------------------------------------------------------------- */

static int a_write_is_cut_at_borders_of_chunks(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;
	uint8_t *data = numbers(PLENTY);
	uint64_t length;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_file_created(file), 5);
	assert_int_equal(gw_gfs_write(file, 0, (struct gw_bytes){data, PLENTY - 100}, &error), 0);
	assert_int_equal(gw_gfs_write(file, PLENTY - 100,
				      (struct gw_bytes){data + PLENTY - 100, 100}, &error),
			 0);
	assert_int_equal(fake.servers[0].chunks[2].length, FAKE_CHUNK_BYTES);
	assert_memory_equal(fake.servers[2].chunks[1].bytes, data + FAKE_CHUNK_BYTES,
			    FAKE_CHUNK_BYTES);
	assert_holds(file, 0, data, PLENTY);
	assert_holds(file, FAKE_CHUNK_BYTES - 1, data + FAKE_CHUNK_BYTES - 1,
		     PLENTY - FAKE_CHUNK_BYTES + 1);
	assert_int_equal(gw_gfs_file_length(file, &length, &error), 0);
	assert_int_equal(length, PLENTY);
	assert_int_equal(fake.length, 0);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	assert_int_equal(fake.length, PLENTY);
	free(data);
	fake_end(&fake);
	return 0;
}

static int large_data_is_pushed_along_the_chain(void *argument)
{
	const struct gw_gfs_client_options options = {.rack = "here"};
	const size_t size = (5 << 20) + 17;
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;
	uint8_t *data = numbers(size);

	(void)argument;
	fake_begin(&fake, FAKE_LARGE_LOG2, &options);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_write(file, 3, (struct gw_bytes){data, size}, &error), 0);
	/* Server 1 is in the client's rack; the last piece travels with its request. */
	assert_int_equal(fake.servers[0].calls[FAKE_PUSH], 5);
	assert_int_equal(fake.servers[1].calls[FAKE_PUSH] + fake.servers[2].calls[FAKE_PUSH], 0);
	assert_holds(file, 3, data, size);
	assert_true(fake.servers[0].calls[FAKE_READ] >= 6);
	assert_int_equal(fake.servers[1].calls[FAKE_READ], 0);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	free(data);
	fake_end(&fake);
	return 0;
}

static int what_was_never_written_is_zeros_up_to_the_end(void *argument)
{
	const size_t size = FAKE_CHUNK_BYTES * 2 + 9;
	uint8_t *expected = calloc(1, size);
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;
	size_t bytes = 1;

	(void)argument;
	assert_non_null(expected);
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_read(file, 0, expected, 10, &bytes, &error), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(gw_gfs_write(file, size - 4, gw_string("end."), &error), 0);
	memcpy(expected + size - 4, "end.", 4);
	assert_holds(file, 0, expected, size); /* chunk 0 is empty, 1 is not there */
	assert_int_equal(gw_gfs_read(file, size, expected, 10, &bytes, &error), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(gw_gfs_write(file, UINT64_MAX - 2, gw_string("end."), &error),
			 GW_E_TOO_LARGE);
	assert_int_equal(gw_gfs_read(file, UINT64_MAX, expected, 10, &bytes, &error), GW_E_INVALID);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	free(expected);
	fake_end(&fake);
	return 0;
}

/* ---- Reads that fail ------------------------------------------------------------------------- */

static int a_read_goes_to_the_next_replica(void *argument)
{
	const struct gw_gfs_client_options options = {.rack = "here"};
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, &options);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_write(file, 0, gw_string("here it is"), &error), 0);
	fake.servers[0].flips = 1;
	assert_holds(file, 0, "here it is", 10);
	assert_int_equal(fake.servers[0].calls[FAKE_READ], 1);
	assert_int_equal(fake.servers[1].calls[FAKE_READ] + fake.servers[2].calls[FAKE_READ], 1);
	fake.servers[1].failures[FAKE_READ] = (struct fake_failure){9, GW_E_IO, false, false};
	fake_kill(&fake.servers[0]);
	assert_holds(file, 0, "here it is", 10);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	return 0;
}

static int bytes_that_no_replica_has_right_are_damage(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;
	char buffer[16];
	size_t bytes;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_write(file, 0, gw_string("here it is"), &error), 0);
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		fake.servers[i].flips = 99;
	assert_int_equal(gw_gfs_read(file, 0, buffer, 10, &bytes, &error), GW_E_CORRUPT);
	assert_non_null(strstr(error.text, "wrong checksum"));
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	return 0;
}

static int one_replica_is_read_and_no_other(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_locations locations;
	struct gw_gfs_file *file;
	char buffer[20];
	size_t bytes;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_write(file, 0, gw_string("here it is"), &error), 0);
	fake.servers[1].chunks[0].bytes[3] = '!'; /* that of this one is not the others' */
	fake.servers[2].flips = 1;
	assert_int_equal(gw_gfs_locate(fake.client, gw_string("/file"), 0, 1, &locations, &error),
			 0);
	for (unsigned i = 0; i < locations.chunks[0].place_count; i++) {
		const struct gw_gfs_place *place = &locations.chunks[0].places[i];
		int code = gw_gfs_read_replica(fake.client, &locations.chunks[0], place, 2, buffer,
					       sizeof(buffer), &bytes, &error);

		if (place->server == fake.servers[2].id) {
			assert_int_equal(code, GW_E_CORRUPT);
			assert_int_equal(bytes, 0);
			continue;
		}
		assert_int_equal(code, 0);
		assert_int_equal(bytes, 8);
		assert_memory_equal(buffer,
				    place->server == fake.servers[1].id ? "r! it is" : "re it is",
				    8);
	}
	locations.chunks[0].version++;
	assert_int_equal(gw_gfs_read_replica(fake.client, &locations.chunks[0],
					     &locations.chunks[0].places[0], 0, buffer,
					     sizeof(buffer), &bytes, &error),
			 GW_E_STALE);
	assert_int_equal(gw_gfs_read_replica(fake.client, &locations.chunks[0],
					     &locations.chunks[0].places[0], 0, buffer,
					     GW_GFS_PIECE_BYTES + 1, &bytes, &error),
			 GW_E_TOO_LARGE);
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		assert_int_equal(fake.servers[i].calls[FAKE_READ], i == 0 ? 2 : 1);
	gw_gfs_locations_done(&locations);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	return 0;
}

/* Chunk 0 of server 1 has missed a grant, and the client's places are from before. */
static int an_old_replica_is_not_read(void *argument)
{
	const struct gw_gfs_client_options options = {.rack = "here"};
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file, *other;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, &options);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_write(file, 0, gw_string("old"), &error), 0);
	other = fake_open(&fake);
	assert_holds(other, 0, "old", 3);
	fake.chunks[0].set = 6;
	fake.chunks[0].version = fake.servers[1].chunks[0].version =
		fake.servers[2].chunks[0].version = 2;
	fake.chunks[0].primary = 2;
	assert_int_equal(gw_gfs_write(file, 3, gw_string(", new"), &error), 0);
	/* It asks once more because more is known to be there. */
	assert_holds(file, 0, "old, new", 8);
	assert_int_equal(fake.servers[0].chunks[0].length, 3);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	/* This one does not know, until its places are too old: it ends early. */
	assert_holds(other, 0, "old", 3);
	assert_int_equal(gw_gfs_close(other, &error), 0);
	fake_end(&fake);
	return 0;
}

/* ---- Writes that fail ------------------------------------------------------------------------ */

/* The rows of mutate.c's table. */
static const struct row {
	enum fake_call call;
	struct fake_failure failure;
	bool is_large;
	uint64_t version; /* of the chunk at the end */
	int result;
} rows[] = {
	{FAKE_WRITE, {1, GW_E_NOT_FOUND, false, false}, true, 1, 0},
	{FAKE_WRITE, {1, GW_E_STALE, false, false}, false, 1, 0},
	{FAKE_WRITE, {2, GW_E_OVERLOADED, false, false}, false, 1, 0},
	{FAKE_WRITE, {1, GW_E_UNREACHABLE, true, true}, false, 2, 0}, /* a secondary has failed */
	{FAKE_WRITE, {1, GW_E_TIMEOUT, true, false}, true, 2, 0},
	{FAKE_WRITE, {1, GW_E_NO_SPACE, false, false}, false, 2, 0},
	{FAKE_WRITE, {1, GW_E_TOO_LARGE, false, false}, false, 1, GW_E_TOO_LARGE},
	{FAKE_PUSH, {1, GW_E_UNREACHABLE, false, false}, true, 2, 0},
};

static void write_once(const struct row *row)
{
	const struct gw_gfs_client_options options = {.rack = "here"}; /* pushes to the first */
	const size_t size = row->is_large ? 1 << 20 : 100;
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;
	uint8_t *data = numbers(size);

	fake_begin(&fake, FAKE_LARGE_LOG2, &options);
	file = fake_open(&fake);
	for (unsigned i = 0; i < (row->call == FAKE_PUSH ? 1 : FAKE_SERVERS); i++)
		fake.servers[i].failures[row->call] = row->failure;
	assert_int_equal(gw_gfs_write(file, 0, (struct gw_bytes){data, size}, &error), row->result);
	assert_int_equal(fake.chunks[0].version, row->version);
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		fake.servers[i].failures[row->call].count = 0;
	if (row->result == 0) {
		for (unsigned i = 0; i < FAKE_SERVERS; i++)
			assert_memory_equal(fake.servers[i].chunks[0].bytes, data, size);
		assert_holds(file, 0, data, size);
	}
	assert_int_equal(gw_gfs_close(file, &error), 0);
	free(data);
	fake_end(&fake);
}

static int a_failed_write_is_tried_again_as_its_failure_wants(void *argument)
{
	(void)argument;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		write_once(&rows[i]);
	return 0;
}

static int a_dead_primary_is_replaced(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_write(file, 0, gw_string("one"), &error), 0);
	fake_kill(&fake.servers[fake.chunks[0].primary - 1]);
	assert_int_equal(gw_gfs_write(file, 3, gw_string(", two"), &error), 0);
	assert_int_equal(fake.failed_version, 1);
	assert_int_equal(__builtin_popcount(fake.chunks[0].set), 2);
	assert_on_all(&fake, 0, 0, "one, two");
	assert_holds(file, 0, "one, two", 8);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	return 0;
}

static int too_few_replicas_are_told_at_the_deadline(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	fake_kill(&fake.servers[0]);
	fake_kill(&fake.servers[1]);
	(void)gw_deadline_set(gw_after_ms(300));
	assert_int_equal(gw_gfs_write(file, 0, gw_string("one"), &error), GW_E_UNREACHABLE);
	(void)gw_deadline_set(GW_FOREVER);
	assert_non_null(strstr(error.text, "too few replicas live"));
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	return 0;
}

static int a_master_that_refuses_is_asked_again(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	fake.refuse = GW_E_BUSY;
	fake.refusals = 2;
	assert_int_equal(gw_gfs_write(file, FAKE_CHUNK_BYTES, gw_string("one"), &error), 0);
	assert_int_equal(fake.refusals, 0);
	fake.refuse = GW_E_STALE; /* the path is another file's now */
	fake.refusals = 1;
	assert_int_equal(gw_gfs_write(file, 2 * FAKE_CHUNK_BYTES, gw_string("one"), &error),
			 GW_E_STALE);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	return 0;
}

/* ---- Sync ------------------------------------------------------------------------------------ */

static int a_sync_goes_to_each_chunk_that_was_changed(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;
	unsigned syncs = 0;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_write(file, FAKE_CHUNK_BYTES - 2, gw_string("four"), &error), 0);
	assert_int_equal(gw_gfs_write(file, 7, gw_string("four"), &error), 0);
	fake.servers[0].failures[FAKE_SYNC] = (struct fake_failure){1, GW_E_IO, false, false};
	assert_int_equal(gw_gfs_sync(file, &error), 0);
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		syncs += fake.servers[i].calls[FAKE_SYNC];
	assert_int_equal(syncs, 3); /* two, and one again */
	assert_int_equal(fake.length, FAKE_CHUNK_BYTES + 2);
	assert_int_equal(gw_gfs_sync(file, &error), 0);
	assert_int_equal(syncs, 3);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(a_write_is_cut_at_borders_of_chunks),
		in_a_task(large_data_is_pushed_along_the_chain),
		in_a_task(what_was_never_written_is_zeros_up_to_the_end),
		in_a_task(a_read_goes_to_the_next_replica),
		in_a_task(bytes_that_no_replica_has_right_are_damage),
		in_a_task(one_replica_is_read_and_no_other),
		in_a_task(an_old_replica_is_not_read),
		in_a_task(a_failed_write_is_tried_again_as_its_failure_wants),
		in_a_task(a_dead_primary_is_replaced),
		in_a_task(too_few_replicas_are_told_at_the_deadline),
		in_a_task(a_master_that_refuses_is_asked_again),
		in_a_task(a_sync_goes_to_each_chunk_that_was_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
