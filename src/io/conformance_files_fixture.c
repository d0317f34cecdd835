/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_files_fixture.c - the promises of io_file.h.
 */
#include "io/conformance_world_fixture.h"

#include <stdio.h>

/* ---- Steps --------------------------------------------------------------------------------- */

static uint64_t size_of(struct world *world, struct io_file *file)
{
	struct call call = call_of(world);
	uint64_t size = 77;

	io_size(world->io, start(&call), file, &size, note);
	assert_int_equal(ended(&call), 0);
	return size;
}

/* One request on a file that has no other arguments than these. */
static int range(struct world *world, struct io_file *file,
		 void (*operation)(struct io *io, struct io_request *request, struct io_file *file,
				   uint64_t offset, uint64_t size, io_done *done),
		 uint64_t offset, uint64_t size)
{
	struct call call = call_of(world);

	operation(world->io, start(&call), file, offset, size, note);
	return ended(&call);
}

static int truncate_to(struct world *world, struct io_file *file, uint64_t size)
{
	struct call call = call_of(world);

	io_truncate(world->io, start(&call), file, size, note);
	return ended(&call);
}

static int rename_to(struct world *world, const char *path, const char *to, uint32_t flags)
{
	struct call call = call_of(world);

	io_rename(world->io, start(&call), path, to, flags, note);
	return ended(&call);
}

static int on_path(struct world *world, const char *path,
		   void (*operation)(struct io *io, struct io_request *request, const char *path,
				     io_done *done))
{
	struct call call = call_of(world);

	operation(world->io, start(&call), path, note);
	return ended(&call);
}

static int make_directory(struct world *world, const char *path)
{
	struct call call = call_of(world);

	io_mkdir(world->io, start(&call), path, 0700, note);
	return ended(&call);
}

static void make_file(struct world *world, const char *path, const char *text)
{
	struct io_file *file = open_file(world, path, IO_WRITE | IO_CREATE | IO_TRUNCATE);

	write_file(world, file, text, 0);
	close_file(world, file);
}

static void expect_path(struct world *world, const char *path, const char *text)
{
	struct io_file *file = open_file(world, path, IO_READ);

	expect_file(world, file, text, 0);
	close_file(world, file);
}

/* ---- Opening ------------------------------------------------------------------------------- */

static void a_file_gives_back_what_was_written(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);

	assert_string_equal(file->name, "a");
	assert_int_equal(size_of(world, file), 0);
	write_file(world, file, "groundwork", 0);
	write_file(world, file, "GROUND", 0);
	expect_file(world, file, "GROUNDwork", 0);
	expect_file(world, file, "Dwork", 5);
	assert_int_equal(size_of(world, file), 10);
	close_file(world, file);
	expect_path(world, "a", "GROUNDwork");
}

static void what_is_absent_is_not_found(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct io_list list;
	struct io_space space;

	assert_int_equal(open_fails(world, "none", IO_READ), GW_E_NOT_FOUND);
	assert_int_equal(open_fails(world, "none/a", IO_WRITE | IO_CREATE), GW_E_NOT_FOUND);
	assert_int_equal(on_path(world, "none", io_unlink), GW_E_NOT_FOUND);
	assert_int_equal(on_path(world, "none", io_rmdir), GW_E_NOT_FOUND);
	assert_int_equal(on_path(world, "none", io_sync_directory), GW_E_NOT_FOUND);
	assert_int_equal(rename_to(world, "none", "b", 0), GW_E_NOT_FOUND);
	assert_int_equal(make_directory(world, "none/b"), GW_E_NOT_FOUND);
	io_list(world->io, start(&call), "none", &list, note);
	assert_int_equal(ended(&call), GW_E_NOT_FOUND);
	assert_string_equal(call.error.text, "cannot list none: No such file or directory");
	io_space(world->io, start(&call), "none", &space, note);
	assert_int_equal(ended(&call), GW_E_NOT_FOUND);
}

static void exclusive_create_refuses_what_exists(void **state)
{
	struct world *world = (struct world *)*state;
	const uint32_t flags = IO_WRITE | IO_CREATE | IO_EXCLUSIVE;
	struct io_file *file = open_file(world, "a", flags);

	assert_int_equal(open_fails(world, "a", flags), GW_E_EXISTS);
	close_file(world, file);
	assert_int_equal(open_fails(world, "a", flags), GW_E_EXISTS);
}

static void truncate_on_open_empties_the_file(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file;

	make_file(world, "a", "full");
	file = open_file(world, "a", IO_READ | IO_WRITE | IO_TRUNCATE);
	assert_int_equal(size_of(world, file), 0);
	close_file(world, file);
}

static void a_directory_is_not_opened_as_a_file(void **state)
{
	struct world *world = (struct world *)*state;

	assert_int_equal(make_directory(world, "d"), 0);
	assert_int_equal(open_fails(world, "d", IO_READ), GW_E_INVALID);
	assert_int_equal(open_fails(world, "d", IO_READ | IO_WRITE), GW_E_INVALID);
}

static void a_locked_file_has_one_opener_at_a_time(void **state)
{
	struct world *world = (struct world *)*state;
	const uint32_t flags = IO_READ | IO_WRITE | IO_CREATE | IO_LOCKED;
	struct io_file *file = open_file(world, "a", flags), *other;

	write_file(world, file, "mine", 0);
	assert_int_equal(open_fails(world, "a", flags), GW_E_BUSY);
	assert_int_equal(open_fails(world, "a", IO_READ | IO_LOCKED), GW_E_BUSY);
	/* Who does not ask for the lock does not need it, and a refused truncate cuts nothing. */
	assert_int_equal(open_fails(world, "a", flags | IO_TRUNCATE), GW_E_BUSY);
	other = open_file(world, "a", IO_READ);
	expect_file(world, other, "mine", 0);
	close_file(world, other);
	close_file(world, file);
	file = open_file(world, "a", IO_READ | IO_LOCKED);
	close_file(world, file);
}

static void a_cancelled_open_leaves_no_lock_behind(void **state)
{
	struct world *world = (struct world *)*state;
	const uint32_t flags = IO_WRITE | IO_CREATE | IO_LOCKED;

	for (int i = 0; i < 20; i++) {
		struct call call = call_of(world), other = call_of(world);
		struct io_file *file = NULL;

		io_open(world->io, start(&call), "a", flags, 0600, &file, note);
		if (i % 2) { /* let it get on its way, or even be over */
			io_post(world->io, start(&other), note);
			ended(&other);
		}
		if (!io_under_way(&call.request)) {
			close_file(world, file);
			continue;
		}
		io_cancel(world->io, &call.request);
		assert_int_equal(ended(&call), GW_E_CANCELLED);
		assert_null(file);
		close_file(world, open_file(world, "a", flags));
	}
}

/* ---- Reading and writing ------------------------------------------------------------------- */

static void pieces_are_read_and_written_as_one(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	struct gw_bytes pieces[3] = {gw_string("ground"), {NULL, 0}, gw_string("work")};
	char head[4], tail[16];
	struct io_buffer buffers[3] = {{head, sizeof(head)}, {NULL, 0}, {tail, sizeof(tail)}};
	struct call call = call_of(world);

	io_pwritev(world->io, start(&call), file, pieces, 3, 2, 0, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(size_of(world, file), 12);
	io_preadv(world->io, start(&call), file, buffers, 3, 1, note);
	assert_int_equal(ended(&call), 11);
	assert_memory_equal(head, "\0gro", 4); /* what was never written is 0 */
	assert_memory_equal(tail, "undwork", 7);
	close_file(world, file);
}

static void a_read_is_short_only_at_the_end(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	char bytes[8];
	struct io_buffer buffer = {bytes, sizeof(bytes)};
	struct call call = call_of(world);

	write_file(world, file, "0123456789", 0);
	io_preadv(world->io, start(&call), file, &buffer, 1, 2, note);
	assert_int_equal(ended(&call), 8);
	io_preadv(world->io, start(&call), file, &buffer, 1, 7, note);
	assert_int_equal(ended(&call), 3);
	io_preadv(world->io, start(&call), file, &buffer, 1, 10, note);
	assert_int_equal(ended(&call), 0);
	io_preadv(world->io, start(&call), file, &buffer, 1, 1 << 20, note);
	assert_int_equal(ended(&call), 0);
	io_preadv(world->io, start(&call), file, NULL, 0, 0, note);
	assert_int_equal(ended(&call), 0);
	close_file(world, file);
}

static void what_was_not_opened_for_it_is_refused(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_WRITE | IO_CREATE);
	char byte = 0;
	struct io_buffer buffer = {&byte, 1};
	struct gw_bytes piece = {&byte, 1};
	struct call call = call_of(world);

	io_preadv(world->io, start(&call), file, &buffer, 1, 0, note);
	assert_true(ended(&call) < 0);
	close_file(world, file);
	file = open_file(world, "a", IO_READ);
	io_pwritev(world->io, start(&call), file, &piece, 1, 0, 0, note);
	assert_true(ended(&call) < 0);
	assert_int_equal(size_of(world, file), 0);
	close_file(world, file);
}

enum { MANY = 1000, BIG = 1 << 20 };

static void many_pieces_are_written_whole(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	uint8_t *bytes = malloc(BIG), *back = malloc(BIG);
	struct gw_bytes pieces[MANY];
	struct io_buffer buffers[MANY];
	struct call call = call_of(world);
	uint64_t seed = 1;
	size_t at = 0;

	assert_non_null(bytes);
	assert_non_null(back);
	for (size_t i = 0; i < BIG; i++)
		bytes[i] = (uint8_t)test_random(&seed);
	for (size_t i = 0; i < MANY; i++) {
		size_t size = i + 1 < MANY ? (size_t)test_pick(&seed, 1500) : 3000;

		pieces[i] = (struct gw_bytes){bytes + at, size};
		at += size;
	}
	assert_true(at <= BIG);
	io_pwritev(world->io, start(&call), file, pieces, MANY, 5, 0, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(size_of(world, file), at + 5);
	for (size_t i = 0; i < MANY; i++)
		buffers[i] = (struct io_buffer){back + i * (BIG / MANY), BIG / MANY};
	io_preadv(world->io, start(&call), file, buffers, MANY, 5, note);
	assert_int_equal(ended(&call), (int)at);
	assert_memory_equal(back, bytes, at);
	free(bytes);
	free(back);
	close_file(world, file);
}

static void a_transfer_over_the_limit_is_too_large(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	char byte = 0;
	struct gw_bytes pieces[2] = {{&byte, 1}, {&byte, IO_TRANSFER_BYTES_MAX}};
	struct io_buffer buffers[2] = {{&byte, 1}, {&byte, IO_TRANSFER_BYTES_MAX}};
	struct call call = call_of(world);

	io_pwritev(world->io, start(&call), file, pieces, 2, 0, 0, note);
	assert_int_equal(ended(&call), GW_E_TOO_LARGE);
	io_preadv(world->io, start(&call), file, buffers, 2, 0, note);
	assert_int_equal(ended(&call), GW_E_TOO_LARGE);
	assert_int_equal(size_of(world, file), 0);
	close_file(world, file);
}

static void writes_under_way_together_all_happen(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	struct call calls[26];
	char letters[26];
	struct gw_bytes pieces[26];

	for (int i = 0; i < 26; i++) {
		letters[i] = (char)('a' + i);
		pieces[i] = (struct gw_bytes){&letters[i], 1};
		calls[i] = call_of(world);
		io_pwritev(world->io, start(&calls[i]), file, &pieces[i], 1, (uint64_t)i,
			   i % 2 ? IO_WRITE_SYNC : 0, note);
	}
	for (int i = 0; i < 26; i++)
		assert_int_equal(ended(&calls[i]), 0);
	expect_file(world, file, "abcdefghijklmnopqrstuvwxyz", 0);
	close_file(world, file);
}

static void writing_and_syncing_is_one_operation(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	struct gw_bytes piece = gw_string("durable");
	struct call call = call_of(world);

	io_pwritev(world->io, start(&call), file, &piece, 1, 0, IO_WRITE_SYNC, note);
	assert_int_equal(ended(&call), 0);
	io_sync(world->io, start(&call), file, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(on_path(world, ".", io_sync_directory), 0);
	expect_file(world, file, "durable", 0);
	close_file(world, file);
}

/* ---- The shape of a file ------------------------------------------------------------------- */

static void truncate_cuts_and_lengthens_with_zeros(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	char bytes[8] = "xxxxxxxx";
	struct io_buffer buffer = {bytes, sizeof(bytes)};
	struct call call = call_of(world);

	write_file(world, file, "abcdef", 0);
	assert_int_equal(truncate_to(world, file, 3), 0);
	expect_file(world, file, "abc", 0);
	assert_int_equal(truncate_to(world, file, 6), 0);
	io_preadv(world->io, start(&call), file, &buffer, 1, 0, note);
	assert_int_equal(ended(&call), 6);
	assert_memory_equal(bytes, "abc\0\0\0", 6);
	close_file(world, file);
}

static void preallocated_space_leaves_the_size(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);

	write_file(world, file, "abc", 0);
	assert_int_equal(range(world, file, io_preallocate, 0, 1 << 16), 0);
	assert_int_equal(range(world, file, io_preallocate, 0, 0), 0);
	assert_int_equal(size_of(world, file), 3);
	expect_file(world, file, "abc", 0);
	close_file(world, file);
}

static void a_punched_hole_reads_as_zeros(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	char bytes[8];
	struct io_buffer buffer = {bytes, sizeof(bytes)};
	struct call call = call_of(world);

	write_file(world, file, "abcdefgh", 0);
	assert_int_equal(range(world, file, io_punch, 2, 3), 0);
	assert_int_equal(range(world, file, io_punch, 6, 100), 0);
	assert_int_equal(size_of(world, file), 8);
	io_preadv(world->io, start(&call), file, &buffer, 1, 0, note);
	assert_int_equal(ended(&call), 8);
	assert_memory_equal(bytes, "ab\0\0\0f\0\0", 8);
	close_file(world, file);
}

static void a_range_can_be_flushed(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);

	write_file(world, file, "abc", 0);
	assert_int_equal(range(world, file, io_flush_range, 0, 3), 0);
	expect_file(world, file, "abc", 0);
	close_file(world, file);
}

static void direct_transfers_must_be_aligned(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct io_file *file = NULL;
	static _Alignas(IO_DIRECT_ALIGN_BYTES) const char zeros[2 * IO_DIRECT_ALIGN_BYTES];
	uint8_t *memory = aligned_alloc(IO_DIRECT_ALIGN_BYTES, (size_t)4 * IO_DIRECT_ALIGN_BYTES);
	struct io_buffer buffer = {memory, (size_t)4 * IO_DIRECT_ALIGN_BYTES};
	struct gw_bytes piece = {zeros, sizeof(zeros)};

	assert_non_null(memory);
	io_open(world->io, start(&call), "a", IO_READ | IO_WRITE | IO_CREATE | IO_DIRECT, 0600,
		&file, note);
	if (ended(&call) == GW_E_UNSUPPORTED) { /* not on every file system */
		free(memory);
		return;
	}
	assert_int_equal(call.result, 0);
	io_pwritev(world->io, start(&call), file, &piece, 1, 0, 0, note);
	assert_int_equal(ended(&call), 0);
	io_pwritev(world->io, start(&call), file, &piece, 1, 1, 0, note);
	assert_int_equal(ended(&call), GW_E_INVALID);
	piece.size--;
	io_pwritev(world->io, start(&call), file, &piece, 1, 0, 0, note);
	assert_int_equal(ended(&call), GW_E_INVALID);
	io_preadv(world->io, start(&call), file, &buffer, 1, 0, note);
	assert_int_equal(ended(&call), 2 * IO_DIRECT_ALIGN_BYTES);
	assert_memory_equal(memory, zeros, sizeof(zeros));
	buffer.data = memory + 1;
	buffer.size = IO_DIRECT_ALIGN_BYTES;
	io_preadv(world->io, start(&call), file, &buffer, 1, 0, note);
	assert_int_equal(ended(&call), GW_E_INVALID);
	close_file(world, file);
	free(memory);
}

/* Writes of all kinds, one after the other, to a file that is opened as a log. */
static void a_log_is_a_file_like_others(void **state)
{
	enum { BYTES = 64 * IO_LOG_ALIGN_BYTES };
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	static uint8_t expected[BYTES], found[BYTES], bytes[BYTES];
	struct io_buffer buffer = {found, BYTES};
	struct io_file *file = NULL;

	memset(expected, 0, sizeof(expected));
	io_open(world->io, start(&call), "a", IO_READ | IO_WRITE | IO_CREATE | IO_LOG, 0600, &file,
		note);
	assert_int_equal(ended(&call), 0);
	for (uint32_t i = 0, drawn = 7; i < 120; i++, drawn = drawn * 1664525 + 1013904223) {
		bool is_aligned = drawn >> 31;
		uint32_t unit = is_aligned ? IO_LOG_ALIGN_BYTES : 1;
		uint32_t offset = (drawn >> 8) % (BYTES / 2) / unit * unit;
		uint32_t size = ((drawn >> 20) % 8 * 500 + IO_LOG_ALIGN_BYTES) / unit * unit;
		struct gw_bytes pieces[2] = {{bytes, 100}, {bytes + 100, 0}};

		if (i == 0) { /* all of it, so that the rest finds it written */
			offset = 0;
			size = BYTES;
		}
		pieces[1].size = size - 100;
		memset(bytes, (int)i, size);
		memcpy(expected + offset, bytes, size);
		io_pwritev(world->io, start(&call), file, pieces, 2, offset,
			   i % 7 == 3 ? 0 : IO_WRITE_SYNC, note);
		assert_int_equal(ended(&call), 0);
	}
	io_preadv(world->io, start(&call), file, &buffer, 1, 0, note);
	assert_int_equal(ended(&call), BYTES);
	assert_memory_equal(found, expected, BYTES);
	close_file(world, file);
}

/* ---- Names --------------------------------------------------------------------------------- */

static void rename_replaces_what_is_there(void **state)
{
	struct world *world = (struct world *)*state;

	make_file(world, "a", "new");
	make_file(world, "b", "old");
	assert_int_equal(rename_to(world, "a", "b", 0), 0);
	expect_path(world, "b", "new");
	assert_int_equal(open_fails(world, "a", IO_READ), GW_E_NOT_FOUND);
}

static void exclusive_rename_refuses_what_is_there(void **state)
{
	struct world *world = (struct world *)*state;

	make_file(world, "a", "one");
	make_file(world, "b", "two");
	assert_int_equal(rename_to(world, "a", "b", IO_RENAME_EXCLUSIVE), GW_E_EXISTS);
	expect_path(world, "a", "one");
	expect_path(world, "b", "two");
	assert_int_equal(rename_to(world, "a", "c", IO_RENAME_EXCLUSIVE), 0);
	expect_path(world, "c", "one");
}

static void who_has_a_removed_file_open_keeps_it(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);

	write_file(world, file, "still", 0);
	assert_int_equal(on_path(world, "a", io_unlink), 0);
	assert_int_equal(open_fails(world, "a", IO_READ), GW_E_NOT_FOUND);
	expect_file(world, file, "still", 0);
	make_file(world, "a", "another");
	expect_file(world, file, "still", 0);
	close_file(world, file);
	expect_path(world, "a", "another");
}

static void directories_are_made_and_removed_when_empty(void **state)
{
	struct world *world = (struct world *)*state;

	assert_int_equal(make_directory(world, "d"), 0);
	assert_int_equal(make_directory(world, "d"), GW_E_EXISTS);
	make_file(world, "d/a", "inside");
	expect_path(world, "d/a", "inside");
	assert_int_equal(on_path(world, "d", io_rmdir), GW_E_EXISTS);
	assert_int_equal(on_path(world, "d", io_unlink), GW_E_INVALID);
	assert_int_equal(on_path(world, "d/a", io_rmdir), GW_E_NOT_FOUND);
	assert_int_equal(on_path(world, "d/a", io_unlink), 0);
	assert_int_equal(on_path(world, "d", io_rmdir), 0);
	assert_int_equal(on_path(world, "d", io_rmdir), GW_E_NOT_FOUND);
}

static void a_list_is_sorted_by_bytes(void **state)
{
	static const char *const sorted[] = {"A", "Z", "a", "a.b", "aa", "b", "\xc3\xa4"};
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct io_list list;

	io_list(world->io, start(&call), ".", &list, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(list.count, 0);
	io_list_free(world->io, &list);
	for (int i = 6; i >= 0; i--) {
		if (i == 4)
			assert_int_equal(make_directory(world, sorted[i]), 0);
		else
			make_file(world, sorted[i], "");
	}
	io_list(world->io, start(&call), ".", &list, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(list.count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_string_equal(list.entries[i].name, sorted[i]);
		assert_int_equal(list.entries[i].is_directory, i == 4);
	}
	io_list_free(world->io, &list);
}

static void a_list_of_a_file_fails(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct io_list list;

	make_file(world, "a", "");
	io_list(world->io, start(&call), "a", &list, note);
	assert_int_equal(ended(&call), GW_E_NOT_FOUND);
}

static void a_large_directory_is_listed_whole(void **state)
{
	enum { FILES = 300 };
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct io_list list;
	char name[32];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%03d-of-many-files", i * 7 % FILES);
		make_file(world, name, "");
	}
	io_list(world->io, start(&call), ".", &list, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(list.count, FILES);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%03d-of-many-files", i);
		assert_string_equal(list.entries[i].name, name);
	}
	io_list_free(world->io, &list);
}

static void the_space_left_is_known(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct io_space space = {0};

	io_space(world->io, start(&call), ".", &space, note);
	assert_int_equal(ended(&call), 0);
	assert_true(space.total_bytes > 0);
	assert_true(space.free_bytes <= space.total_bytes);
}

static void a_cancelled_close_closes_all_the_same(void **state)
{
	struct world *world = (struct world *)*state;
	const uint32_t flags = IO_WRITE | IO_CREATE | IO_LOCKED;
	struct call call = call_of(world);

	io_close(world->io, start(&call), open_file(world, "a", flags), note);
	io_cancel(world->io, &call.request);
	assert_int_equal(ended(&call), GW_E_CANCELLED);
	close_file(world, open_file(world, "a", flags));
}

static void cancelled_reads_and_writes_end_with_cancelled(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	struct call calls[40];
	char bytes[40][16];
	struct io_buffer buffers[40];
	struct gw_bytes piece = gw_string("cancelled");

	for (size_t i = 0; i < 40; i++) {
		calls[i] = call_of(world);
		buffers[i] = (struct io_buffer){bytes[i], sizeof(bytes[i])};
		if (i % 2)
			io_pwritev(world->io, start(&calls[i]), file, &piece, 1, 0, IO_WRITE_SYNC,
				   note);
		else
			io_preadv(world->io, start(&calls[i]), file, &buffers[i], 1, 0, note);
	}
	for (size_t i = 0; i < 40; i++)
		io_cancel(world->io, &calls[i].request);
	for (size_t i = 0; i < 40; i++)
		assert_int_equal(ended(&calls[i]), GW_E_CANCELLED);
	close_file(world, file);
}

const struct conformance_test conformance_files[] = {
	TEST(a_file_gives_back_what_was_written, 0),
	TEST(what_is_absent_is_not_found, 0),
	TEST(exclusive_create_refuses_what_exists, 0),
	TEST(truncate_on_open_empties_the_file, 0),
	TEST(a_directory_is_not_opened_as_a_file, 0),
	TEST(a_locked_file_has_one_opener_at_a_time, 0),
	TEST(a_cancelled_open_leaves_no_lock_behind, 0),
	TEST(pieces_are_read_and_written_as_one, 0),
	TEST(a_read_is_short_only_at_the_end, 0),
	TEST(what_was_not_opened_for_it_is_refused, 0),
	TEST(many_pieces_are_written_whole, 0),
	TEST(a_transfer_over_the_limit_is_too_large, 0),
	TEST(writes_under_way_together_all_happen, 0),
	TEST(writing_and_syncing_is_one_operation, 0),
	TEST(truncate_cuts_and_lengthens_with_zeros, 0),
	TEST(preallocated_space_leaves_the_size, 0),
	TEST(a_punched_hole_reads_as_zeros, 0),
	TEST(a_range_can_be_flushed, 0),
	TEST(direct_transfers_must_be_aligned, 0),
	TEST(a_log_is_a_file_like_others, 0),
	TEST(rename_replaces_what_is_there, 0),
	TEST(exclusive_rename_refuses_what_is_there, 0),
	TEST(who_has_a_removed_file_open_keeps_it, 0),
	TEST(directories_are_made_and_removed_when_empty, 0),
	TEST(a_list_is_sorted_by_bytes, 0),
	TEST(a_list_of_a_file_fails, 0),
	TEST(a_large_directory_is_listed_whole, 0),
	TEST(the_space_left_is_known, 0),
	TEST(a_cancelled_close_closes_all_the_same, 0),
	TEST(cancelled_reads_and_writes_end_with_cancelled, 0),
	{0},
};
