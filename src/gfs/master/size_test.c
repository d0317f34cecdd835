/* SPDX-License-Identifier: Apache-2.0 */
/*
 * size_test.c - what a file and a chunk cost in the master's memory: a million files with names of
 * 12 bytes, a chunk each, three replicas. All of it is in pages, so pages are what is counted; what
 * the process grew by is printed beside it.
 */
#include "gfs/master/replicas.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "gfs/master/namespace.h"
#include "gfs/master/state_fixture.h"

#if defined(__SANITIZE_ADDRESS__)
#define IS_SLOW 1
#elif defined(__has_feature)
#define IS_SLOW __has_feature(address_sanitizer)
#else
#define IS_SLOW 0
#endif

enum {
	FILES = IS_SLOW ? 50000 : 1000000,
	DIRECTORIES = FILES / 1000,
	FILE_BYTES_MAX = 96,
	CHUNK_BYTES_MAX = 64,
};

static uint64_t resident(void)
{
	unsigned long long total = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file) {
		if (fscanf(file, "%llu %llu", &total, &pages) != 2)
			pages = 0;
		fclose(file);
	}
	return pages * 4096;
}

static uint64_t bytes_of(const struct gfs_state *state, const struct gfs_replicas *replicas)
{
	return gfs_pages_bytes(&state->table.pages) + gfs_pages_bytes(&state->chunks.pages) +
	       gfs_pages_bytes(&replicas->pages);
}

/* Names are drawn: in a directory files do not come in order. */
static void path_of(uint32_t number, char path[64])
{
	uint64_t mixed = number, name = test_random(&mixed);

	snprintf(path, 64, "/data/dir-%05u/%012llx", number / (FILES / DIRECTORIES),
		 (unsigned long long)(name >> 16 & 0xffffffffffff));
}

static void make_files(struct gfs_state *state)
{
	struct gfs_record record = {.kind = GFS_RECORD_MKDIR, .mode = 0755,
				    .path = gw_string("/data")};
	struct gfs_done done;
	char path[64];

	assert_int_equal(gfs_state_do(state, &record, &done, NULL), 0);
	for (uint32_t i = 0; i < DIRECTORIES; i++) {
		snprintf(path, sizeof(path), "/data/dir-%05u", i);
		record.path = gw_string(path);
		assert_int_equal(gfs_state_do(state, &record, &done, NULL), 0);
	}
	record = (struct gfs_record){.kind = GFS_RECORD_CREATE, .mode = 0644, .user = 1000,
				     .group = 1000};
	for (uint32_t i = 0; i < FILES; i++) {
		path_of(i, path);
		record.path = gw_string(path);
		state->applied++;
		state->wall_ms = 1790000000000 + i;
		assert_int_equal(gfs_state_do(state, &record, &done, NULL), 0);
	}
}

static void make_chunks(struct gfs_state *state, struct gfs_replicas *replicas)
{
	struct gfs_record add = {.kind = GFS_RECORD_CHUNK_ADD};
	struct gfs_record length = {.kind = GFS_RECORD_LENGTH};
	struct gfs_done done;
	uint32_t slot;
	char path[64];

	for (uint32_t i = 0; i < FILES; i++) {
		path_of(i, path);
		add.path = length.path = gw_string(path);
		length.length = 1 + (i * 7919u) % (64u << 20);
		assert_int_equal(gfs_state_do(state, &add, &done, NULL), 0);
		slot = gfs_slot_of(done.handle);
		assert_int_equal(gfs_state_do(state, &length, &done, NULL), 0);
		for (uint16_t server = 1; server <= 3; server++)
			assert_int_equal(gfs_replicas_add(replicas, slot,
							  (uint16_t)(server + i % 1000), NULL),
					 1);
	}
}

static void a_file_and_a_chunk_are_small(void **state)
{
	struct gfs_state master;
	struct gfs_replicas replicas = {0};
	struct base_buffer checkpoint;
	uint64_t before = resident(), with_files, with_chunks, grown, read;
	struct gfs_state again;

	(void)state;
	assert_int_equal(gfs_state_init(&master, NULL), 0);
	make_files(&master);
	with_files = bytes_of(&master, &replicas);
	make_chunks(&master, &replicas);
	with_chunks = bytes_of(&master, &replicas);
	grown = resident() - before;
	print_message("a file: %.1f bytes; a chunk with three replicas: %.1f; both, as the process "
		      "grew: %.1f\n", (double)with_files / FILES,
		      (double)(with_chunks - with_files) / FILES, (double)grown / FILES);
	assert_true(with_files <= (uint64_t)FILES * FILE_BYTES_MAX);
	assert_true(with_chunks - with_files <= (uint64_t)FILES * CHUNK_BYTES_MAX);
	state_checkpoint(&master, &checkpoint);
	assert_int_equal(state_restore(&again, base_buffer_bytes(&checkpoint), 1 << 20, NULL), 0);
	read = bytes_of(&again, &replicas) - gfs_pages_bytes(&replicas.pages);
	print_message("its checkpoint: %.1f bytes a file; read back: %.1f in memory\n",
		      (double)checkpoint.size / FILES, (double)read / FILES);
	assert_int_equal(again.files, FILES);
	base_buffer_done(&checkpoint);
	gfs_state_done(&again);
	gfs_state_done(&master);
	gfs_replicas_done(&replicas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_and_a_chunk_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
