/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_snapshot_test.c - snapshots: made, read, fetched by another member, and what goes when they
 * are there. And memory that ends anywhere.
 */
#include "store_fixture.h"

#include "store_manifest.h"

enum { BIG_BYTES = 2 * REPLOG_PIECE_BYTES + 1000 };

static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

static void fill(uint8_t *out, uint64_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = byte_at(at + i);
}

/* A snapshot with an empty file, a small one, one of three pieces. */
static int write_snapshot(struct replog_store *store, uint64_t index, uint64_t term,
			  struct gw_error *error)
{
	struct raft_snapshot snapshot = {.index = index, .term = term};
	struct replog_snapshot_writer *writer;
	static uint8_t bytes[5000];
	int result = replog_snapshot_begin(store, &snapshot, &writer, error);

	if (result < 0)
		return result;
	result = replog_snapshot_file(writer, "empty", error);
	if (result == 0)
		result = replog_snapshot_file(writer, "small", error);
	if (result == 0)
		result = replog_snapshot_write(writer, gw_string("some bytes"), error);
	if (result == 0)
		result = replog_snapshot_file(writer, "table.mdb", error);
	for (uint64_t at = 0; result == 0 && at < BIG_BYTES; at += sizeof(bytes)) {
		size_t size = BIG_BYTES - at < sizeof(bytes) ? BIG_BYTES - at : sizeof(bytes);

		fill(bytes, at, size);
		result = replog_snapshot_write(writer, (struct gw_bytes){bytes, size}, error);
	}
	if (result < 0) {
		replog_snapshot_abandon(writer);
		return result;
	}
	return replog_snapshot_finish(writer, error);
}

static void make_snapshot(struct place *place, uint64_t index, uint64_t term)
{
	struct gw_error error = {0};
	int result = write_snapshot(place->store, index, term, &error);

	assert_string_equal(error.text, "");
	assert_int_equal(result, 0);
}

static void assert_snapshot(struct place *place, uint64_t index, uint64_t term)
{
	const struct replog_manifest *manifest = replog_store_manifest(place->store);
	uint8_t *piece = malloc(REPLOG_PIECE_BYTES);

	assert_non_null(piece);
	assert_non_null(manifest);
	assert_int_equal(manifest->snapshot.index, index);
	assert_int_equal(manifest->snapshot.term, term);
	assert_int_equal(manifest->file_count, 3);
	assert_string_equal(manifest->files[2].name, "table.mdb");
	assert_int_equal(manifest->files[2].size, BIG_BYTES);
	assert_int_equal(replog_file_pieces(&manifest->files[0]), 0);
	assert_int_equal(replog_snapshot_read(place->store, index, term, 1, 0, piece, NULL), 10);
	assert_memory_equal(piece, "some bytes", 10);
	for (uint64_t i = 0; i < 3; i++) {
		int size = replog_snapshot_read(place->store, index, term, 2, i, piece, NULL);

		assert_int_equal(size, replog_piece_bytes(&manifest->files[2], i));
		for (int k = 0; k < size; k++)
			assert_true(piece[k] == byte_at(i * REPLOG_PIECE_BYTES + (uint64_t)k));
	}
	free(piece);
}

/* ---- Making and reading --------------------------------------------------------------------- */

static void a_snapshot_is_there_when_it_is_opened_again(struct place *place)
{
	struct replog_recovered recovered;

	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 20, 1);
	commit(place);
	make_snapshot(place, 15, 1);
	assert_snapshot(place, 15, 1);
	place_reopen(place, &recovered);
	assert_snapshot(place, 15, 1);
	assert_int_equal(recovered.snapshot.index, 15);
	assert_int_equal(recovered.snapshot.term, 1);
	assert_int_equal(recovered.entry_count, 5);
	assert_true(is_entry(&recovered.entries[0], 16, 1));
	replog_recovered_done(&recovered);
}

static void an_older_or_equal_snapshot_is_not_made(struct place *place)
{
	struct gw_error error = {0};

	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 20, 1);
	commit(place);
	make_snapshot(place, 15, 1);
	assert_int_equal(write_snapshot(place->store, 15, 1, &error), GW_E_EXISTS);
	assert_int_equal(write_snapshot(place->store, 3, 1, &error), GW_E_EXISTS);
}

static void what_was_abandoned_leaves_nothing(struct place *place)
{
	struct raft_snapshot snapshot = {.index = 4, .term = 1};
	struct replog_snapshot_writer *writer;

	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 20, 1);
	commit(place);
	assert_int_equal(replog_snapshot_begin(place->store, &snapshot, &writer, NULL), 0);
	assert_int_equal(replog_snapshot_file(writer, "one", NULL), 0);
	assert_int_equal(replog_snapshot_write(writer, gw_string("bytes"), NULL), 0);
	replog_snapshot_abandon(writer);
	assert_int_equal(place_count(place, "snapshot"), 0);
}

static void a_file_is_named_once_and_without_slashes(struct place *place)
{
	struct raft_snapshot snapshot = {.index = 4, .term = 1};
	struct replog_snapshot_writer *writer;
	static const char *const names[] = {"", ".", "../up", "a/b", ".hidden", "blank here"};

	place_create(place);
	place_open(place, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(replog_snapshot_begin(place->store, &snapshot, &writer, NULL), 0);
		assert_int_equal(replog_snapshot_file(writer, names[i], NULL), GW_E_INVALID);
		/* And nothing more is taken. */
		assert_int_equal(replog_snapshot_finish(writer, NULL), GW_E_INVALID);
	}
	assert_int_equal(replog_snapshot_begin(place->store, &snapshot, &writer, NULL), 0);
	assert_int_equal(replog_snapshot_file(writer, "a", NULL), 0);
	assert_int_equal(replog_snapshot_file(writer, "a", NULL), GW_E_EXISTS);
	replog_snapshot_abandon(writer);
}

static void rot_of_a_piece_is_told_when_it_is_read(struct place *place)
{
	uint8_t *piece = malloc(REPLOG_PIECE_BYTES);
	struct gw_error error = {0};

	place_create(place);
	place_open(place, NULL);
	make_snapshot(place, 15, 1);
	place_flip(place, "snapshot/000000000000000f-0000000000000001.2", REPLOG_PIECE_BYTES + 9);
	assert_int_equal(replog_snapshot_read(place->store, 15, 1, 2, 1, piece, &error),
			 GW_E_CORRUPT);
	assert_non_null(strstr(error.text, ".2: wrong checksum of the 1048576 bytes at offset "
			       "1048576"));
	assert_true(replog_snapshot_read(place->store, 15, 1, 2, 0, piece, NULL) > 0);
	assert_int_equal(replog_snapshot_read(place->store, 14, 1, 2, 0, piece, NULL),
			 GW_E_NOT_FOUND);
	assert_int_equal(replog_snapshot_read(place->store, 15, 1, 2, 3, piece, NULL),
			 GW_E_INVALID);
	free(piece);
}

static void a_damaged_manifest_or_cut_file_is_told_at_the_open(struct place *place)
{
	const char *manifest = "snapshot/000000000000000f-0000000000000001.manifest";

	place_create(place);
	place_open(place, NULL);
	make_snapshot(place, 15, 1);
	place_close(place);
	place_flip(place, manifest, 50);
	place_refuses(place, GW_E_CORRUPT, "0001.manifest: wrong checksum");
	place_flip(place, manifest, 50);
	place_write_file(place, "snapshot/000000000000000f-0000000000000001.1", "some", 4);
	place_refuses(place, GW_E_CORRUPT, "0001.1: 4 bytes, the manifest says 10");
}

/* ---- What goes ---------------------------------------------------------------------------- */

static void what_a_snapshot_stands_for_is_removed(struct place *place)
{
	struct replog_recovered recovered;
	size_t before;

	place_create(place);
	place_open(place, NULL);
	for (uint64_t i = 1; i <= 200; i++) {
		add_entries(place, i, 1, 1);
		commit(place);
	}
	before = place_count(place, "log");
	make_snapshot(place, 100, 1);
	assert_int_equal(replog_store_compact(place->store, 90, NULL), 0);
	assert_true(place_count(place, "log") < before - 4);
	make_snapshot(place, 180, 1);
	/* More than the snapshot has is not removed. */
	assert_int_equal(replog_store_compact(place->store, 1000, NULL), 0);
	assert_int_equal(place_count(place, "snapshot"), 4);
	place_reopen(place, &recovered);
	assert_int_equal(recovered.snapshot.index, 180);
	assert_int_equal(recovered.entry_count, 20);
	for (uint64_t i = 0; i < 20; i++)
		assert_true(is_entry(&recovered.entries[i], 181 + i, 1));
	replog_recovered_done(&recovered);
}

static void segments_are_used_again(struct place *place)
{
	place_create(place);
	place_open(place, NULL);
	for (uint64_t i = 1; i <= 400; i++) {
		add_entries(place, i, 1, 1);
		commit(place);
		if (i % 20 == 0) {
			make_snapshot(place, i, 1);
			assert_int_equal(replog_store_compact(place->store, i, NULL), 0);
			assert_true(place_count(place, "log") < 8);
		}
	}
}

static void a_log_that_contradicts_a_snapshot_is_dropped_at_the_open(struct place *place)
{
	struct replog_recovered recovered;

	place_create(place);
	place_open(place, NULL);
	add_entries(place, 1, 20, 1);
	commit(place);
	make_snapshot(place, 15, 2); /* as fetched: entry 15 is of term 1 here */
	place_reopen(place, &recovered);
	assert_int_equal(recovered.snapshot.index, 15);
	assert_int_equal(recovered.entry_count, 0);
	assert_int_equal(replog_store_next_index(place->store), 16);
	replog_recovered_done(&recovered);
	add_entries(place, 16, 3, 2);
	commit(place);
	place_reopen(place, &recovered);
	assert_int_equal(recovered.entry_count, 3);
	assert_true(is_entry(&recovered.entries[0], 16, 2));
	replog_recovered_done(&recovered);
}

/* The entry that contradicts a fetched snapshot is what tells that those behind it do not follow
 * from it; it stays until they are cleared on the disk. */
static void a_log_that_is_to_be_cleared_is_not_removed_piece_by_piece(struct place *place)
{
	struct replog_recovered recovered;
	uint64_t last;

	place_create(place);
	place_open(place, NULL);
	for (uint64_t i = 1; i <= 40; i++) {
		add_entries(place, i, 1, 1);
		commit(place);
	}
	last = place->store->segments[0].last_index;
	assert_in_range(last, 1, 39);
	make_snapshot(place, last, 2); /* as fetched */
	assert_int_equal(replog_store_add_clear(place->store, last + 1, NULL), 0);
	assert_int_equal(replog_store_compact(place->store, last, NULL), 0);
	place_reopen(place, &recovered); /* which commits nothing */
	assert_int_equal(recovered.snapshot.index, last);
	assert_int_equal(recovered.entry_count, 0);
	replog_recovered_done(&recovered);
	add_entries(place, last + 1, 1, 2);
	commit(place);
	assert_int_equal(replog_store_compact(place->store, last, NULL), 0);
	assert_true(place->store->segments[0].last_index > last);
}

/* ---- Fetching ----------------------------------------------------------------------------- */

/* Another member, whose snapshot is fetched. */
static void other_begin(struct place *other)
{
	*other = (struct place){
		.path = "/tmp/replog-store-XXXXXX",
		.identity = {.cluster = "a cluster of us", .member = 8},
		.options = {.segment_bytes = REPLOG_SEGMENT_BYTES_MIN},
	};
	assert_non_null(mkdtemp(other->path));
	place_create(other);
	place_open(other, NULL);
	make_snapshot(other, 50, 3);
}

static int put_one(struct place *other, struct replog_fetch *fetch, uint32_t file, uint64_t piece)
{
	uint8_t *bytes = malloc(REPLOG_PIECE_BYTES);
	int size = replog_snapshot_read(other->store, 50, 3, file, piece, bytes, NULL);
	int result;

	assert_true(size > 0);
	result = replog_fetch_put(fetch, file, piece, (struct gw_bytes){bytes, (size_t)size},
				  NULL);
	free(bytes);
	return result;
}

static void a_snapshot_is_fetched_in_pieces_and_goes_on_where_it_stopped(struct place *place)
{
	struct replog_fetch *fetch;
	struct replog_recovered recovered;
	struct place other;
	struct gw_bytes manifest;
	uint32_t file = 0;
	uint64_t piece = 0;
	unsigned missing = 0;

	other_begin(&other);
	place_create(place);
	place_open(place, NULL);
	manifest = replog_store_manifest(other.store)->bytes;
	assert_int_equal(replog_fetch_begin(place->store, manifest, &fetch, NULL), 0);
	assert_int_equal(put_one(&other, fetch, 2, 1), 0);
	assert_int_equal(replog_fetch_put(fetch, 1, 0, gw_string("some other"), NULL),
			 GW_E_CORRUPT);
	replog_fetch_stop(fetch);
	place_reopen(place, NULL);
	assert_int_equal(replog_fetch_begin(place->store, manifest, &fetch, NULL), 0);
	for (; replog_fetch_missing(fetch, &file, &piece); piece++, missing++)
		assert_int_equal(put_one(&other, fetch, file, piece), 0);
	assert_int_equal(missing, 3); /* of four, one was there */
	assert_int_equal(replog_fetch_finish(fetch, NULL), 0);
	assert_snapshot(place, 50, 3);
	assert_int_equal(replog_fetch_begin(place->store, manifest, &fetch, NULL), GW_E_EXISTS);
	place_reopen(place, &recovered);
	assert_snapshot(place, 50, 3);
	assert_int_equal(recovered.snapshot.index, 50);
	assert_int_equal(replog_store_next_index(place->store), 51);
	replog_recovered_done(&recovered);
	place_close(&other);
	place_remove(&other);
}

static void a_wrong_manifest_is_not_fetched(struct place *place)
{
	struct replog_fetch *fetch;
	struct gw_error error = {0};

	place_create(place);
	place_open(place, NULL);
	assert_int_equal(replog_fetch_begin(place->store, gw_string("this is no manifest"), &fetch,
					    &error), GW_E_CORRUPT);
	assert_string_equal(error.text, "manifest that was fetched: not a manifest");
}

/* ---- Memory ------------------------------------------------------------------------------- */

/* As test_each_allocation_fails, but that some failures are of no matter: what could not be removed
 * is removed later. */
static unsigned each_allocation_fails(int (*function)(struct place *place), struct place *place)
{
	unsigned count = 0;

	for (uint64_t n = 1;; n++) {
		int result;

		test_fail_allocation(n);
		result = function(place);
		if (!test_allocation_failed()) {
			test_fail_allocation(0);
			assert_int_equal(result, 0);
			return count;
		}
		assert_true(result == 0 || result == GW_E_NO_MEMORY);
		count += result < 0;
	}
}

/* A life with a bit of everything; each failure but a lack of memory is a failure of the test. */
static int short_life(struct place *place, struct gw_error *error)
{
	struct raft_entry entry = {1, RAFT_ENTRY_COMMAND, {"entry", 5}};
	struct replog_recovered recovered;
	int result = replog_store_open(&place->store, place->path, &place->options, &recovered,
				       error);

	if (result < 0)
		return result;
	replog_recovered_done(&recovered);
	result = replog_store_add_state(place->store, 1, 7, error);
	if (result == 0)
		result = replog_store_add_entry(place->store, 1, &entry, error);
	if (result == 0)
		result = replog_store_commit(place->store, error);
	place_close(place);
	return result;
}

static int with_memory_ending(struct place *place)
{
	struct gw_error error = {0};
	int result = short_life(place, &error);

	if (result < 0 && result != GW_E_NO_MEMORY)
		fail_msg("%s", error.text);
	return result;
}

static void a_lack_of_memory_anywhere_is_told_and_loses_nothing(struct place *place)
{
	struct replog_recovered recovered;

	place_create(place);
	assert_true(each_allocation_fails(with_memory_ending, place) > 5);
	place_open(place, &recovered);
	assert_int_equal(recovered.entry_count, 1);
	replog_recovered_done(&recovered);
}

static int snapshot_with_memory_ending(struct place *place)
{
	if (replog_store_manifest(place->store))
		return 0;
	return write_snapshot(place->store, 5, 1, NULL);
}

static int fetch_with_memory_ending(struct place *place)
{
	struct replog_snapshot_file file = {.name = "one", .size = 3};
	uint32_t checksum = 0x364b3fb7; /* of "abc" */
	struct replog_manifest manifest = {{.index = 9, .term = 1}, 1, &file, {NULL, 0}};
	struct base_buffer bytes = {0};
	struct replog_fetch *fetch;
	int result;

	if (replog_store_manifest(place->store)->snapshot.index == 9)
		return 0;
	file.piece_checksums = &checksum;
	result = replog_manifest_encode(&manifest, &bytes, NULL);
	if (result == 0)
		result = replog_fetch_begin(place->store, base_buffer_bytes(&bytes), &fetch, NULL);
	base_buffer_done(&bytes);
	if (result < 0)
		return result;
	result = replog_fetch_put(fetch, 0, 0, gw_string("abc"), NULL);
	if (result < 0) {
		replog_fetch_stop(fetch);
		return result;
	}
	return replog_fetch_finish(fetch, NULL);
}

static void a_lack_of_memory_spoils_no_snapshot(struct place *place)
{
	place_create(place);
	place_open(place, NULL);
	assert_true(each_allocation_fails(snapshot_with_memory_ending, place) > 5);
	assert_snapshot(place, 5, 1);
	assert_true(each_allocation_fails(fetch_with_memory_ending, place) > 5);
	assert_int_equal(replog_store_manifest(place->store)->snapshot.index, 9);
	place_reopen(place, NULL);
	assert_int_equal(replog_store_manifest(place->store)->snapshot.index, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_place(a_snapshot_is_there_when_it_is_opened_again),
		in_a_place(an_older_or_equal_snapshot_is_not_made),
		in_a_place(what_was_abandoned_leaves_nothing),
		in_a_place(a_file_is_named_once_and_without_slashes),
		in_a_place(rot_of_a_piece_is_told_when_it_is_read),
		in_a_place(a_damaged_manifest_or_cut_file_is_told_at_the_open),
		in_a_place(what_a_snapshot_stands_for_is_removed),
		in_a_place(segments_are_used_again),
		in_a_place(a_log_that_contradicts_a_snapshot_is_dropped_at_the_open),
		in_a_place(a_log_that_is_to_be_cleared_is_not_removed_piece_by_piece),
		in_a_place(a_snapshot_is_fetched_in_pieces_and_goes_on_where_it_stopped),
		in_a_place(a_wrong_manifest_is_not_fetched),
		in_a_place(a_lack_of_memory_anywhere_is_told_and_loses_nothing),
		in_a_place(a_lack_of_memory_spoils_no_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
