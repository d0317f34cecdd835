/* SPDX-License-Identifier: Apache-2.0 */
/* store_fixture.c - see store_fixture.h. */
#include "store_fixture.h"

#include <inttypes.h>
#include <unistd.h>

static int remove_rmdir(const char *path)
{
	struct task_request wait = {0};

	io_rmdir(task_io(), &wait.request, path, task_request_done);
	return task_await(&wait, GW_FOREVER);
}

static void remove_all(const char *path)
{
	struct io_list list;

	if (task_disk_list(path, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.count; i++) {
		char name[STORE_PATH_MAX];

		store_path(name, path, list.entries[i].name);
		if (list.entries[i].is_directory)
			remove_all(name);
		else
			(void)!task_disk_unlink(name, NULL);
	}
	io_list_free(task_io(), &list);
	(void)remove_rmdir(path);
}

struct run {
	place_test *test;
	struct place place;
};

static int run(void *argument)
{
	struct run *one = argument;

	one->test(&one->place);
	place_close(&one->place);
	remove_all(one->place.path);
	return 0;
}

void place_run(place_test *test)
{
	struct run one = {
		.test = test,
		.place = {
			.path = "/tmp/replog-store-XXXXXX",
			.identity = {.cluster = "a cluster of us", .member = 7},
			.options = {.segment_bytes = REPLOG_SEGMENT_BYTES_MIN},
		},
	};
	struct raft_member member = {.id = 7, .votes = true, .address = "10.0.0.7:4000"};

	assert_int_equal(raft_member_add(&one.place.identity.members, &member), 0);
	assert_non_null(mkdtemp(one.place.path));
	assert_int_equal(gw_run(run, &one, NULL, NULL), 0);
}

void place_run_test(void **state)
{
	place_run((place_test *)*state);
}

void place_create(struct place *place)
{
	assert_int_equal(replog_store_create(place->path, &place->identity, NULL), 0);
}

void place_open(struct place *place, struct replog_recovered *recovered)
{
	struct replog_recovered own;
	struct gw_error error = {0};
	int result = replog_store_open(&place->store, place->path, &place->options,
				       recovered ? recovered : &own, &error);

	assert_string_equal(error.text, "");
	assert_int_equal(result, 0);
	if (!recovered)
		replog_recovered_done(&own);
}

void place_close(struct place *place)
{
	replog_store_close(place->store);
	place->store = NULL;
}

void place_remove(struct place *place)
{
	remove_all(place->path);
}

void place_reopen(struct place *place, struct replog_recovered *recovered)
{
	place_close(place);
	place_open(place, recovered);
}

void place_refuses(struct place *place, int code, const char *part)
{
	struct replog_recovered recovered;
	struct gw_error error = {0};

	place_close(place);
	assert_int_equal(replog_store_open(&place->store, place->path, &place->options,
					   &recovered, &error), code);
	if (!strstr(error.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, error.text);
	place->store = NULL;
}

/* ---- The log ------------------------------------------------------------------------------ */

static size_t entry_text(uint64_t index, uint64_t term, char text[64])
{
	return (size_t)snprintf(text, 64, "entry %" PRIu64 " of term %" PRIu64, index, term);
}

void add_entries(struct place *place, uint64_t index, uint64_t count, uint64_t term)
{
	for (uint64_t i = index; i < index + count; i++) {
		char text[64];
		size_t size = entry_text(i, term, text);
		struct raft_entry entry = {term, RAFT_ENTRY_COMMAND, {text, size}};

		assert_int_equal(replog_store_add_entry(place->store, i, &entry, NULL), 0);
	}
}

void add_state(struct place *place, uint64_t term, uint64_t vote)
{
	assert_int_equal(replog_store_add_state(place->store, term, vote, NULL), 0);
}

void commit(struct place *place)
{
	struct gw_error error = {0};
	int result = replog_store_commit(place->store, &error);

	assert_string_equal(error.text, "");
	assert_int_equal(result, 0);
}

bool is_entry(const struct raft_entry *entry, uint64_t index, uint64_t term)
{
	char text[64];
	size_t size = entry_text(index, term, text);

	return entry->term == term && entry->kind == RAFT_ENTRY_COMMAND &&
	       entry->data.size == size && memcmp(entry->data.data, text, size) == 0;
}

/* ---- Files -------------------------------------------------------------------------------- */

static struct io_file *open_file(struct place *place, const char *name, uint32_t flags)
{
	char path[STORE_PATH_MAX];
	struct io_file *file;

	store_path(path, place->path, name);
	assert_int_equal(task_disk_open(path, flags, &file, NULL), 0);
	return file;
}

void place_write_file(struct place *place, const char *name, const void *data, size_t size)
{
	char path[STORE_PATH_MAX];

	store_path(path, place->path, name);
	assert_int_equal(task_disk_save(path, (struct gw_bytes){data, size}, NULL), 0);
}

void place_poke(struct place *place, const char *name, uint64_t offset, const void *data,
		size_t size)
{
	struct io_file *file = open_file(place, name, IO_READ | IO_WRITE);
	struct gw_bytes piece = {data, size};

	assert_int_equal(task_disk_write(file, &piece, 1, offset, 0, NULL), 0);
	assert_int_equal(task_disk_close(file, NULL), 0);
}

void place_flip(struct place *place, const char *name, uint64_t offset)
{
	struct io_file *file = open_file(place, name, IO_READ | IO_WRITE);
	uint8_t byte;
	struct gw_bytes piece = {&byte, 1};

	assert_int_equal(task_disk_read(file, &byte, 1, offset, NULL), 1);
	byte ^= 0x10;
	assert_int_equal(task_disk_write(file, &piece, 1, offset, 0, NULL), 0);
	assert_int_equal(task_disk_close(file, NULL), 0);
}

void place_load(struct place *place, const char *name, struct base_buffer *bytes)
{
	char path[STORE_PATH_MAX];

	store_path(path, place->path, name);
	assert_int_equal(task_disk_load(path, 1 << 30, bytes, NULL), 0);
}

size_t place_count(struct place *place, const char *name)
{
	char path[STORE_PATH_MAX];
	struct io_list list;
	size_t count;

	store_path(path, place->path, name);
	assert_int_equal(task_disk_list(path, &list, NULL), 0);
	count = list.count;
	io_list_free(task_io(), &list);
	return count;
}
