/* SPDX-License-Identifier: Apache-2.0 */
/* store_fixture.c - see store_fixture.h. */
#include "gfs/chunkserver/store_fixture.h"

#include "base/crc32c.h"
#include "task/disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void remove_all(const char *path)
{
	char command[96];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", path);
	assert_int_equal(system(command), 0);
}

struct run {
	stored_test *test;
	struct stored stored;
};

static int run(void *argument)
{
	struct run *one = argument;
	struct stored *stored = &one->stored;
	char first[80], second[80];
	const char *const directories[] = {first, second};
	struct gw_error error = {0};

	(void)snprintf(first, sizeof(first), "%s/a", stored->path);
	(void)snprintf(second, sizeof(second), "%s/b", stored->path);
	stored->options.directories = directories;
	stored->options.count = 2;
	if (chunk_store_open(&stored->store, &stored->options, &error) < 0)
		fail_msg("%s", error.text);
	one->test(stored);
	chunk_store_close(stored->store);
	return 0;
}

void stored_run_test(void **state)
{
	struct run one = {.test = (stored_test *)*state, .stored.path = "/tmp/chunk-store-XXXXXX"};

	assert_non_null(mkdtemp(one.stored.path));
	assert_int_equal(gw_run(run, &one, NULL, NULL), 0);
	remove_all(one.stored.path);
}

void stored_reopen(struct stored *stored)
{
	struct gw_error error = {0};

	chunk_store_close(stored->store);
	stored->store = NULL;
	if (chunk_store_open(&stored->store, &stored->options, &error) < 0)
		fail_msg("%s", error.text);
}

struct chunk *stored_create(struct stored *stored, uint64_t handle)
{
	struct chunk *chunk;
	struct gw_error error = {0};

	if (chunk_create(stored->store, handle, STORED_LOG2, 1, &chunk, &error) < 0)
		fail_msg("%s", error.text);
	return chunk;
}

void stored_fill(uint8_t *bytes, uint64_t offset, size_t size, uint8_t salt)
{
	for (size_t i = 0; i < size; i++) {
		uint64_t at = offset + i;

		bytes[i] = (uint8_t)(at ^ (at >> 8) ^ (at >> 16) * 31 ^ salt);
	}
}

int stored_write(struct chunk *chunk, uint64_t offset, size_t size, uint8_t salt)
{
	uint8_t *bytes = malloc(size);
	struct chunk_mutation mutation = {.offset = offset, .data = {bytes, size}};
	int result;

	assert_non_null(bytes);
	stored_fill(bytes, offset, size, salt);
	result = chunk_mutate(chunk, 0, &mutation, 1, NULL);
	free(bytes);
	return result;
}

static void assert_pieces(uint64_t offset, struct gw_bytes out, const uint32_t *crcs)
{
	const uint8_t *at = out.data;
	size_t left = out.size;

	for (size_t i = 0; left > 0; i++) {
		size_t room = GFS_BLOCK_BYTES - (size_t)(offset % GFS_BLOCK_BYTES);
		size_t size = left < room ? left : room;

		assert_int_equal(crcs[i], base_crc32c(0, at, size));
		at += size;
		offset += size;
		left -= size;
	}
}

int stored_read(struct chunk *chunk, uint64_t offset, uint32_t size, uint8_t *bytes,
		struct gw_error *error)
{
	uint8_t *buffer = malloc(chunk_read_bytes(offset, size) + 1);
	uint32_t crcs[CHUNK_READ_BYTES_MAX / GFS_BLOCK_BYTES + 1];
	struct gw_bytes out;
	int result;

	assert_non_null(buffer);
	result = chunk_read(chunk, offset, size, buffer, &out, crcs, error);
	if (result == 0) {
		assert_pieces(offset, out, crcs);
		memcpy(bytes, out.data, out.size);
		result = (int)out.size;
	}
	free(buffer);
	return result;
}

bool stored_is(struct chunk *chunk, uint64_t offset, size_t size, uint8_t salt)
{
	uint8_t *bytes = malloc(2 * size);
	bool is;

	assert_non_null(bytes);
	stored_fill(bytes + size, offset, size, salt);
	is = stored_read(chunk, offset, (uint32_t)size, bytes, NULL) == (int)size &&
	     memcmp(bytes, bytes + size, size) == 0;
	free(bytes);
	return is;
}

void stored_flip(const struct chunk *chunk, const char *end, uint64_t offset)
{
	char path[CHUNK_PATH_MAX + 40];
	struct io_file *file;
	uint8_t byte;
	struct gw_bytes bytes = {&byte, 1};

	(void)snprintf(path, sizeof(path), "%s/chunks/%016" PRIx64 ".%s", chunk->disk->path,
		       chunk->handle, end);
	assert_int_equal(task_disk_open(path, IO_READ | IO_WRITE, &file, NULL), 0);
	assert_int_equal(task_disk_read(file, &byte, 1, offset, NULL), 1);
	byte ^= 4;
	assert_int_equal(task_disk_write(file, &bytes, 1, offset, 0, NULL), 0);
	assert_int_equal(task_disk_close(file, NULL), 0);
}

void stored_forget_boot(const char *directory, uint64_t handle)
{
	static const uint8_t other[CHUNK_BOOT_ID_BYTES] = {1, 2, 3};
	struct base_buffer before = {0}, after = {0};
	char path[CHUNK_PATH_MAX];
	uint32_t crc_before = 0, crc_after = 0;

	(void)snprintf(path, sizeof(path), "%s/chunks/%016" PRIx64 ".log", directory, handle);
	assert_int_equal(task_disk_load(path, 1 << 24, &before, NULL), 0);
	for (size_t at = 0; at < before.size;) {
		struct gw_bytes rest = {before.data + at, before.size - at};
		struct chunk_record record;
		int64_t size = chunk_record_get(path, rest, &crc_before, &record, NULL);

		assert_true(size > 0);
		/* A FILL has its size in no field of what is read. */
		if (record.kind == CHUNK_RECORD_FILL)
			record.bytes = (uint32_t)size - CHUNK_RECORD_HEAD_BYTES;
		if (record.kind == CHUNK_RECORD_STATE)
			record.boot_id = other;
		assert_int_equal(chunk_record_put(&after, &record, &crc_after, NULL), 0);
		at += (size_t)size;
	}
	assert_int_equal(task_disk_save(path, base_buffer_bytes(&after), NULL), 0);
	base_buffer_done(&before);
	base_buffer_done(&after);
}
