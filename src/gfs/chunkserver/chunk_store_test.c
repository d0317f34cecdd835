/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_store_test.c - chunks on a real disk: what was written is there, also after a restart; what
 * has rotten is told. */
#include "gfs/chunkserver/store_fixture.h"

#include "task/disk.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = GFS_BLOCK_BYTES };

static void bytes_are_there_after_a_restart(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);

	assert_int_equal(stored_write(chunk, 0, 100, 1), 0);
	assert_int_equal(stored_write(chunk, 100, 2 * BLOCK, 1), 0);
	assert_true(stored_is(chunk, 0, 100 + 2 * BLOCK, 1));
	assert_true(stored_is(chunk, BLOCK - 3, 7, 1));
	stored_reopen(stored);
	chunk = chunk_find(stored->store, 7);
	assert_non_null(chunk);
	assert_int_equal(chunk->version, 1);
	assert_int_equal(chunk->length, 100 + 2 * BLOCK);
	assert_true(chunk->is_open);
	assert_false(chunk->is_suspect);
	assert_true(stored_is(chunk, 0, 100 + 2 * BLOCK, 1));
	assert_int_equal(stored_write(chunk, 100 + 2 * BLOCK, 50, 1), 0);
	assert_true(stored_is(chunk, 0, 150 + 2 * BLOCK, 1));
}

static void as_much_as_an_append_may_have_is_added_at_once(struct stored *stored)
{
	enum { SIZE = CHUNK_EXTENSION_BYTES_MAX };
	uint8_t *bytes = malloc(SIZE + 1);
	struct chunk_mutation three[] = {
		{.data = {"before", 6}},
		{.offset = 6, .data = {bytes, SIZE}, .completion = {.writer = 5, .sequence = 1}},
		{.offset = 6 + SIZE, .data = {"behind", 6}},
	};
	struct chunk_mutation over = {.data = {bytes, SIZE + 1}};
	struct chunk_mutation in_place = {.data = {bytes, SIZE}};
	struct chunk_completion found;
	struct chunk *chunk;

	assert_non_null(bytes);
	stored_fill(bytes, 6, SIZE, 3);
	assert_int_equal(chunk_create(stored->store, 8, GFS_CHUNK_LOG2, 1, &chunk, NULL), 0);
	over.offset = 12 + SIZE;
	assert_int_equal(chunk_mutate(chunk, 1, three, 3, NULL), 0);
	assert_int_equal(chunk_mutate(chunk, 1, &over, 1, NULL), GW_E_INVALID);
	assert_int_equal(chunk_mutate(chunk, 1, &in_place, 1, NULL), GW_E_INVALID);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(chunk->length, SIZE + 12);
		for (uint64_t at = 6; at < SIZE; at += CHUNK_READ_BYTES_MAX)
			assert_true(stored_is(chunk, at, CHUNK_READ_BYTES_MAX, 3));
		assert_int_equal(stored_read(chunk, SIZE + 6, 6, bytes, NULL), 6);
		assert_memory_equal(bytes, "behind", 6);
		assert_int_equal(chunk_hold(chunk, NULL), 0);
		assert_int_equal(chunk_outcome(&chunk->state, 5, 1, &found), CHUNK_DONE);
		assert_int_equal(found.bytes, SIZE);
		chunk_release(chunk);
		stored_reopen(stored);
		chunk = chunk_find(stored->store, 8);
	}
	free(bytes);
}

static void bytes_are_changed_across_a_border_of_blocks(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);

	assert_int_equal(stored_write(chunk, 0, 3 * BLOCK, 1), 0);
	assert_int_equal(stored_write(chunk, BLOCK - 10, 2 * BLOCK, 9), 0);
	assert_int_equal(stored_write(chunk, 3 * BLOCK - 5, 10, 5), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(stored_is(chunk, 0, BLOCK - 10, 1));
		assert_true(stored_is(chunk, BLOCK - 10, 2 * BLOCK, 9));
		assert_true(stored_is(chunk, 3 * BLOCK - 10, 5, 1));
		assert_true(stored_is(chunk, 3 * BLOCK - 5, 10, 5));
		stored_reopen(stored);
		chunk = chunk_find(stored->store, 7);
	}
}

static void zeros_lie_before_a_write_beyond_the_end(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);
	struct chunk_mutation pad = {.what = CHUNK_PAD, .offset = STORED_BYTES};
	static uint8_t bytes[STORED_BYTES];

	assert_int_equal(stored_write(chunk, 0, 10, 1), 0);
	assert_int_equal(stored_write(chunk, 2 * BLOCK + 1, 10, 1), 0);
	assert_int_equal(chunk_mutate(chunk, 1, &pad, 1, NULL), 0);
	stored_reopen(stored);
	chunk = chunk_find(stored->store, 7);
	assert_int_equal(chunk->length, STORED_BYTES);
	assert_int_equal(stored_read(chunk, 0, STORED_BYTES, bytes, NULL), STORED_BYTES);
	assert_true(stored_is(chunk, 0, 10, 1));
	assert_true(stored_is(chunk, 2 * BLOCK + 1, 10, 1));
	for (int i = 10; i < 2 * BLOCK + 1; i++)
		assert_int_equal(bytes[i], 0);
	for (int i = 2 * BLOCK + 11; i < STORED_BYTES; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(stored_write(chunk, STORED_BYTES, 1, 1), GW_E_INVALID);
	assert_int_equal(stored_read(chunk, STORED_BYTES, 5, bytes, NULL), 0);
}

static void rot_is_told_and_not_hidden_by_a_write(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);
	struct gw_error error = {0};
	uint8_t byte;

	assert_int_equal(stored_write(chunk, 0, 2 * BLOCK, 1), 0);
	stored_flip(chunk, "data", BLOCK + 100);
	assert_true(stored_is(chunk, 0, BLOCK, 1));
	assert_int_equal(stored_write(chunk, BLOCK + 300, 10, 1), GW_E_CORRUPT);
	assert_true(chunk->is_bad);
	assert_int_equal(stored_read(chunk, BLOCK, 1, &byte, &error), GW_E_CORRUPT);
	assert_string_equal(error.text, "chunk 7 version 1: checksum mismatch in block 1");
	assert_int_equal(stored_write(chunk, 2 * BLOCK, 10, 1), GW_E_CORRUPT);
}

static void rot_in_a_log_makes_a_chunk_bad(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);

	for (int i = 0; i < 4; i++)
		assert_int_equal(stored_write(chunk, chunk->length, 100, 1), 0);
	stored_flip(chunk, "log", chunk->log_end - 250);
	stored_reopen(stored);
	assert_true(chunk_find(stored->store, 7)->is_bad);
	
}

static void what_became_of_an_append_is_remembered(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);
	struct chunk_mutation two[] = {
		{.data = {"ab", 2}, .completion = {.writer = 5, .sequence = 3}},
		{.what = CHUNK_NOTE,
		 .completion = {.writer = 5, .sequence = 4, .kind = CHUNK_FENCED}},
	};
	struct chunk_completion found;

	assert_int_equal(chunk_mutate(chunk, 1, two, 2, NULL), 0);
	two[0] = (struct chunk_mutation){.offset = 2, .data = {"c", 1}, .first_unanswered = 4,
					 .completion = {.writer = 5, .sequence = 5}};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(chunk_hold(chunk, NULL), 0);
		assert_int_equal(chunk_outcome(&chunk->state, 5, 3, &found),
				 i == 2 ? CHUNK_FLOOR : CHUNK_DONE);
		assert_int_equal(chunk_outcome(&chunk->state, 5, 4, &found), CHUNK_FENCED);
		assert_int_equal(chunk_outcome(&chunk->state, 5, 6, &found), -1);
		assert_int_equal(chunk_outcome(&chunk->state, 4, 3, &found), -1);
		chunk_release(chunk);
		if (i == 1)
			assert_int_equal(chunk_mutate(chunk, 1, two, 1, NULL), 0);
		if (i == 1)
			assert_int_equal(chunk_sync(chunk, true, NULL), 0);
		stored_reopen(stored);
		chunk = chunk_find(stored->store, 7);
	}
	assert_false(chunk->is_open);
}

static void a_chunk_is_cut_and_forgets_what_was_appended_behind(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);
	struct chunk_mutation append = {.offset = BLOCK + 20, .data = {"ab", 2},
					.completion = {.writer = 5, .sequence = 3}};
	struct chunk_mutation cut = {.what = CHUNK_CUT, .offset = BLOCK + 21};

	assert_int_equal(stored_write(chunk, 0, BLOCK + 20, 1), 0);
	assert_int_equal(chunk_mutate(chunk, 1, &append, 1, NULL), 0);
	assert_int_equal(chunk_mutate(chunk, 1, &cut, 1, NULL), 0);
	cut.offset = BLOCK + 10;
	assert_int_equal(chunk_mutate(chunk, 1, &cut, 1, NULL), 0);
	cut.offset = 2 * BLOCK;
	assert_int_equal(chunk_mutate(chunk, 1, &cut, 1, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(chunk->length, BLOCK + 10);
		assert_true(stored_is(chunk, 0, BLOCK + 10, 1));
		assert_int_equal(chunk_hold(chunk, NULL), 0);
		assert_int_equal(chunk_outcome(&chunk->state, 5, 3, NULL), -1);
		chunk_release(chunk);
		stored_reopen(stored);
		chunk = chunk_find(stored->store, 7);
	}
	assert_int_equal(stored_write(chunk, BLOCK + 30, 10, 2), 0);
	assert_true(stored_is(chunk, BLOCK + 30, 10, 2));
}

static void a_log_is_written_anew_when_it_is_long(struct stored *stored)
{
	struct chunk *chunk;

	stored->options.log_bytes_max = 4000;
	stored_reopen(stored);
	chunk = stored_create(stored, 7);
	for (int i = 0; i < 400; i++) {
		assert_int_equal(stored_write(chunk, chunk->length, 100, 1), 0);
		assert_true(chunk->log_end < 3 * 4000);
	}
	assert_int_equal(stored_write(chunk, 50, 10000, 2), 0);
	assert_int_equal(chunk_sync(chunk, false, NULL), 0);
	assert_true(chunk->log_end < 4000);
	stored_reopen(stored);
	chunk = chunk_find(stored->store, 7);
	assert_true(stored_is(chunk, 0, 50, 1));
	assert_true(stored_is(chunk, 50, 10000, 2));
	assert_true(stored_is(chunk, 10050, 400 * 100 - 10050, 1));
}

static void few_chunks_have_their_files_open(struct stored *stored)
{
	stored->options.loaded_max = 2;
	stored_reopen(stored);
	for (uint64_t handle = 1; handle <= 9; handle++)
		assert_int_equal(stored_write(stored_create(stored, handle), 0, 1000,
					      (uint8_t)handle), 0);
	for (uint64_t handle = 1; handle <= 9; handle++)
		assert_int_equal(chunk_find(stored->store, handle)->is_loaded, handle > 7);
	for (uint64_t handle = 1; handle <= 9; handle++)
		assert_true(stored_is(chunk_find(stored->store, handle), 0, 1000,
				      (uint8_t)handle));
	assert_int_equal(chunk_store_count(stored->store), 9);
}

static void a_version_never_falls(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);

	assert_int_equal(chunk_grant(chunk, 5, NULL), 0);
	assert_int_equal(chunk_grant(chunk, 4, NULL), GW_E_STALE);
	assert_int_equal(chunk_sync(chunk, true, NULL), 0);
	assert_int_equal(stored_write(chunk, 0, 1, 1), GW_E_STALE);
	stored_reopen(stored);
	chunk = chunk_find(stored->store, 7);
	assert_int_equal(chunk->version, 5);
	assert_false(chunk->is_open);
}

static void a_dropped_chunk_is_gone(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7), *again;

	assert_int_equal(chunk_create(stored->store, 7, STORED_LOG2, 1, &again, NULL), GW_E_EXISTS);
	assert_int_equal(stored_write(chunk, 0, 10, 1), 0);
	assert_int_equal(chunk_hold(chunk, NULL), 0);
	assert_int_equal(chunk_drop(chunk, NULL), 0);
	assert_null(chunk_find(stored->store, 7));
	assert_int_equal(stored_write(chunk, 10, 10, 1), GW_E_NOT_FOUND);
	chunk_release(chunk);
	stored_reopen(stored);
	assert_null(chunk_find(stored->store, 7));
	assert_int_equal(stored_create(stored, 7)->length, 0);
}

struct granting {
	struct chunk *chunk;
	uint64_t version;
	int result;
	bool was_to_be_had; /* when it was granted */
};

static int grant_one(void *argument)
{
	struct granting *granting = argument;

	granting->result = chunk_grant(granting->chunk, granting->version, NULL);
	granting->was_to_be_had = granting->result == 0 && !granting->chunk->is_partial;
	return 0;
}

static void a_chunk_that_is_dropped_is_not_had_again_by_a_grant_under_way(struct stored *stored)
{
	struct chunk *chunk = stored_create(stored, 7);
	struct granting first = {.chunk = chunk, .version = 2};
	struct granting second = {.chunk = chunk, .version = 3};
	struct gw_group group = {0};

	assert_int_equal(chunk_hold(chunk, NULL), 0);
	assert_int_equal(gw_spawn(&group, grant_one, &first, NULL), 0);
	while (chunk->lock.holder == NULL)
		assert_int_equal(gw_yield(), 0);
	assert_int_equal(gw_spawn(&group, grant_one, &second, NULL), 0);
	assert_int_equal(chunk_drop(chunk, NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(gw_group_done(&group), 0);
	assert_false(first.was_to_be_had || second.was_to_be_had);
	assert_int_equal(chunk_grant(chunk, 4, NULL), GW_E_NOT_FOUND);
	chunk_release(chunk);
	assert_null(chunk_find(stored->store, 7));
	stored_reopen(stored);
	assert_null(chunk_find(stored->store, 7));
}

static void a_clone_that_was_not_finished_is_removed(struct stored *stored)
{
	struct chunk *chunk;

	assert_int_equal(chunk_create(stored->store, 7, STORED_LOG2, 0, &chunk, NULL), 0);
	assert_int_equal(stored_write(chunk, 0, 10, 1), 0);
	stored_reopen(stored);
	assert_null(chunk_find(stored->store, 7));
}

static void disks_of_two_servers_are_refused(struct stored *stored)
{
	char other[80];
	const char *const directories[] = {stored->options.directories[0], other};
	struct chunk_store_options options = {.directories = directories + 1, .count = 1};
	struct chunk_store *store;

	(void)snprintf(other, sizeof(other), "%s/c", stored->path);
	assert_int_equal(chunk_store_open(&store, &options, NULL), 0);
	chunk_store_close(store);
	options = (struct chunk_store_options){.directories = directories, .count = 2};
	assert_int_equal(chunk_store_open(&store, &options, NULL), GW_E_BUSY);
	chunk_store_close(stored->store);
	assert_int_equal(chunk_store_open(&store, &options, NULL), GW_E_INVALID);
	stored->store = NULL;
}

/* Puts a file where the second disk was, or the disk back. */
static void break_disk(struct stored *stored, bool is_broken)
{
	const char *disk = stored->options.directories[1];
	char away[80];

	(void)snprintf(away, sizeof(away), "%s.away", disk);
	if (is_broken) {
		assert_int_equal(rename(disk, away), 0);
		assert_int_equal(task_disk_save(disk, (struct gw_bytes){"no disk", 7}, NULL), 0);
	} else {
		assert_int_equal(remove(disk), 0);
		assert_int_equal(rename(away, disk), 0);
	}
}

static void count(void *context, const struct gw_error *error)
{
	int *troubles = context;

	assert_true(error->text[0] != '\0');
	++*troubles;
}

/* Of two chunks that were made one after the other, the one on the disk that breaks. Which it is
 * goes by the space that was measured, and others write to the file system. */
static uint64_t breaks(const struct stored *stored, uint64_t first, uint64_t second)
{
	const char *disk = stored->options.directories[1];
	bool is_second = strcmp(chunk_find(stored->store, second)->disk->path, disk) == 0;

	assert_true(is_second != (strcmp(chunk_find(stored->store, first)->disk->path, disk) == 0));
	return is_second ? second : first;
}

static void a_disk_that_fails_takes_its_own_chunks_only(struct stored *stored)
{
	struct chunk *first = stored_create(stored, 7), *second = stored_create(stored, 8);
	struct chunk_home home = *chunk_store_home(stored->store);
	uint64_t lost = breaks(stored, 7, 8), kept = 15 - lost;
	int troubles = 0;

	assert_int_equal(stored_write(first, 0, 100, 7), 0);
	assert_int_equal(stored_write(second, 0, 100, 8), 0);
	stored->options.troubled = count;
	stored->options.context = &troubles;
	break_disk(stored, true);
	stored_reopen(stored);
	assert_int_equal(troubles, 1);
	assert_true(stored_is(chunk_find(stored->store, kept), 0, 100, (uint8_t)kept));
	assert_null(chunk_find(stored->store, lost));
	assert_memory_equal(chunk_store_home(stored->store)->uuid, home.uuid, sizeof(home.uuid));
	/* Chunks and terms go to the one that is left. */
	for (uint64_t handle = 9; handle < 12; handle++)
		assert_ptr_equal(stored_create(stored, handle)->disk,
				 chunk_find(stored->store, kept)->disk);
	home.term = 5;
	assert_int_equal(chunk_store_set_home(stored->store, &home, NULL), 0);
	break_disk(stored, false);
	stored_reopen(stored);
	assert_int_equal(troubles, 1);
	assert_int_equal(chunk_store_home(stored->store)->term, 5);
	assert_true(stored_is(chunk_find(stored->store, lost), 0, 100, (uint8_t)lost));
}

static void of_a_chunk_on_two_disks_the_newer_one_is_kept(struct stored *stored)
{
	struct chunk *chunk;
	uint64_t one, other;

	for (uint64_t handle = 7; handle <= 10; handle++)
		assert_int_equal(stored_write(stored_create(stored, handle), 0, 100, 1), 0);
	one = breaks(stored, 7, 8);
	other = breaks(stored, 9, 10);
	assert_int_equal(chunk_grant(chunk_find(stored->store, other), 6, NULL), 0);
	break_disk(stored, true);
	stored_reopen(stored);
	/* Meanwhile both were cloned to this server anew. */
	for (uint64_t handle = one; handle <= other; handle += other - one) {
		chunk = stored_create(stored, handle);
		assert_int_equal(stored_write(chunk, 0, 100, 2), 0);
		assert_int_equal(chunk_grant(chunk, 3, NULL), 0);
	}
	break_disk(stored, false);
	for (int i = 0; i < 2; i++) {
		stored_reopen(stored);
		assert_int_equal(chunk_store_count(stored->store), 4);
		assert_int_equal(chunk_find(stored->store, one)->version, 3);
		assert_true(stored_is(chunk_find(stored->store, one), 0, 100, 2));
		assert_int_equal(chunk_find(stored->store, other)->version, 6);
		assert_true(stored_is(chunk_find(stored->store, other), 0, 100, 1));
	}
}

static void without_a_disk_that_says_whose_it_is_nothing_starts(struct stored *stored)
{
	char fresh[80];
	const char *const both[] = {stored->options.directories[1], fresh};
	struct chunk_store_options options = {.directories = both, .count = 1};
	struct gw_error error = {0};
	struct chunk_store *store;

	chunk_store_close(stored->store);
	stored->store = NULL;
	break_disk(stored, true);
	assert_true(chunk_store_open(&store, &options, &error) < 0);
	assert_non_null(strstr(error.text, options.directories[0]));
	/* Nor does a new one beside it become another server's. */
	(void)snprintf(fresh, sizeof(fresh), "%s/new", stored->path);
	options = (struct chunk_store_options){.directories = both, .count = 2};
	assert_int_equal(chunk_store_open(&store, &options, &error), GW_E_IO);
	break_disk(stored, false);
	assert_int_equal(chunk_store_open(&store, &options, &error), 0);
	chunk_store_close(store);
	stored_reopen(stored);
}

/* A chunk with so much synced and so much more, behind a loss of power. */
static struct chunk *make_suspect(struct stored *stored, size_t synced, size_t more)
{
	struct chunk *chunk = stored_create(stored, 7);
	const char *disk = chunk->disk == stored_create(stored, 8)->disk ?
				   NULL : stored->options.directories[0];

	assert_non_null(disk);
	assert_int_equal(stored_write(chunk, 0, synced, 1), 0);
	assert_int_equal(chunk_sync(chunk, false, NULL), 0);
	assert_int_equal(stored_write(chunk, synced, more, 1), 0);
	chunk_store_close(stored->store);
	stored_forget_boot(disk, 7);
	stored->store = NULL;
	stored_reopen(stored);
	chunk = chunk_find(stored->store, 7);
	assert_true(chunk->is_suspect && chunk->is_open);
	return chunk;
}

static void a_suspect_is_settled(struct stored *stored)
{
	struct chunk *chunk = make_suspect(stored, BLOCK + 100, 50);

	assert_int_equal(chunk->length, BLOCK + 150);
	assert_int_equal(chunk->synced_length, BLOCK + 100);
	assert_int_equal(stored_write(chunk, 0, 1, 1), GW_E_STALE);
	assert_int_equal(chunk_grant(chunk, 2, NULL), GW_E_STALE);
	assert_int_equal(chunk_settle(chunk, 2, BLOCK + 151, NULL), GW_E_INVALID);
	assert_int_equal(chunk_settle(chunk, 0, BLOCK + 120, NULL), GW_E_STALE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(chunk_settle(chunk, 2, BLOCK + 120, NULL), 0);
		assert_true(!chunk->is_suspect && !chunk->is_open);
		assert_int_equal(chunk->version, 2);
		assert_int_equal(chunk->length, BLOCK + 120);
		assert_true(stored_is(chunk, 0, BLOCK + 120, 1));
		stored_reopen(stored);
		chunk = chunk_find(stored->store, 7);
	}
	assert_int_equal(chunk_settle(chunk, 3, BLOCK + 120, NULL), GW_E_STALE);
	assert_int_equal(chunk_grant(chunk, 3, NULL), 0);
	assert_int_equal(stored_write(chunk, BLOCK + 120, 10, 1), 0);
	assert_true(stored_is(chunk, 0, BLOCK + 130, 1));
}

static void checksums_are_those_of_a_prefix(struct stored *stored)
{
	struct chunk *chunk = make_suspect(stored, 100, 2 * BLOCK);
	struct chunk *other = stored_create(stored, 9);
	uint32_t crcs[4] = {0}, same[4] = {0};

	assert_int_equal(stored_write(other, 0, BLOCK + 77, 1), 0);
	assert_int_equal(chunk_checksums(chunk, BLOCK + 77, crcs, NULL), 0);
	assert_int_equal(chunk_checksums(other, BLOCK + 77, same, NULL), 0);
	assert_memory_equal(crcs, same, sizeof(crcs));
	assert_int_equal(chunk_checksums(other, BLOCK, same, NULL), 0);
	assert_int_equal(crcs[0], same[0]);
	assert_int_equal(chunk_checksums(chunk, 0, same, NULL), 0);
	assert_int_equal(chunk_checksums(chunk, 100 + 2 * BLOCK + 1, same, NULL), GW_E_INVALID);
	stored_flip(chunk, "data", BLOCK + 5);
	assert_int_equal(chunk_checksums(chunk, BLOCK + 77, crcs, NULL), GW_E_CORRUPT);
	assert_true(chunk->is_bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_store(bytes_are_there_after_a_restart),
		in_a_store(as_much_as_an_append_may_have_is_added_at_once),
		in_a_store(bytes_are_changed_across_a_border_of_blocks),
		in_a_store(zeros_lie_before_a_write_beyond_the_end),
		in_a_store(rot_is_told_and_not_hidden_by_a_write),
		in_a_store(rot_in_a_log_makes_a_chunk_bad),
		in_a_store(what_became_of_an_append_is_remembered),
		in_a_store(a_chunk_is_cut_and_forgets_what_was_appended_behind),
		in_a_store(a_log_is_written_anew_when_it_is_long),
		in_a_store(few_chunks_have_their_files_open),
		in_a_store(a_version_never_falls),
		in_a_store(a_dropped_chunk_is_gone),
		in_a_store(a_chunk_that_is_dropped_is_not_had_again_by_a_grant_under_way),
		in_a_store(a_clone_that_was_not_finished_is_removed),
		in_a_store(disks_of_two_servers_are_refused),
		in_a_store(a_suspect_is_settled),
		in_a_store(checksums_are_those_of_a_prefix),
		in_a_store(a_disk_that_fails_takes_its_own_chunks_only),
		in_a_store(of_a_chunk_on_two_disks_the_newer_one_is_kept),
		in_a_store(without_a_disk_that_says_whose_it_is_nothing_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
