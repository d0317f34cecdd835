/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_test.c - logs are written and read: every record comes back, wherever the file was cut; what
 * is no log, or another's, is refused by name.
 */
#include "log.h"

#include "golden_fixture.h"
#include "support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct world {
	char directory[64];
	char path[96];
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	snprintf(world->directory, sizeof(world->directory), "/tmp/gw-log-XXXXXX");
	if (!mkdtemp(world->directory))
		return -1;
	snprintf(world->path, sizeof(world->path), "%s/log", world->directory);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	unlink(world->path);
	rmdir(world->directory);
	free(world);
	return 0;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

static struct vm_log_header some_header(void)
{
	struct vm_log_header header = {
		.has_network = true,
		.ram_size = UINT64_C(512) << 20,
		.start_ns = 1700000000000000000,
		.disk_bytes = 4096,
		.hash_interval = 1000,
		.network_address = {2, 0, 0, 0, 0, 1},
		.append = "console=ttyS0",
		.made_by = "groundwork 0.1.0",
	};

	header.seed[5] = 17;
	header.files[VM_LOG_KERNEL] = (struct vm_log_file){true, "/boot/kernel", 31, {1, 2, 3}};
	header.files[VM_LOG_DISK] = (struct vm_log_file){true, "disk.img", 4096, {9}};
	return header;
}

static const struct vm_log_record some_records[] = {
	{VM_EVENT_CONSOLE, 100, 0, 0, {"ls\n", 3}},
	{VM_EVENT_TIME, 100, 0, 250, {NULL, 0}},
	{VM_EVENT_WAKE, 100, 0, 0, {NULL, 0}},
	{VM_EVENT_BLOCK, 1000000, 7, -8, {NULL, 0}},
	{VM_LOG_HASH, 1000000, 0, 0, {"0123456789abcdef", 16}},
	{VM_LOG_ON_DISK, 1000001, 8, 0, {"\1\2\3\4", 4}},
	{VM_LOG_RESTART, 1000002, 0, 0, {NULL, 0}},
	{VM_LOG_END, UINT64_C(1) << 60, 0, VM_PAUSE_OFF, {NULL, 0}},
};

enum { SOME = sizeof(some_records) / sizeof(*some_records) };

/* A group a record, or all in one. Returns the size of the file. */
static uint64_t write_log(const char *path, const struct vm_log_header *header, bool apart)
{
	struct vm_log_writer *writer;
	struct gw_error error = {0};
	uint64_t size;

	assert_int_equal(vm_log_create(&writer, path, header, &error), 0);
	for (size_t at = 0; at < SOME; at++) {
		assert_int_equal(vm_log_append(writer, &some_records[at], &error), 0);
		if (apart)
			assert_int_equal(vm_log_flush(writer, &error), 0);
	}
	assert_int_equal(vm_log_flush(writer, &error), 0);
	size = vm_log_size(writer);
	assert_int_equal(vm_log_close(writer, &error), 0);
	return size;
}

static void assert_same(const struct vm_log_record *a, const struct vm_log_record *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->value, b->value);
	assert_int_equal(a->data.size, b->data.size);
	if (a->data.size)
		assert_memory_equal(a->data.data, b->data.data, a->data.size);
}

/* How many records are read, each of them right. */
static size_t read_log(const char *path, bool *torn)
{
	struct vm_log_reader *reader;
	struct vm_log_record record;
	struct gw_error error = {0};
	size_t count = 0;
	int code;

	assert_int_equal(vm_log_open(&reader, path, &error), 0);
	while ((code = vm_log_next(reader, &record, &error)) > 0) {
		assert_true(count < SOME);
		assert_same(&record, &some_records[count++]);
	}
	assert_int_equal(code, 0);
	*torn = vm_log_torn(reader);
	vm_log_reader_free(reader);
	return count;
}

static void flip(const char *path, off_t at)
{
	int file = open(path, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(file, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(file, &byte, 1, at), 1);
	close(file);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void what_was_written_is_read(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	struct vm_log_reader *reader;
	bool torn;

	write_log(world->path, &header, false);
	assert_int_equal(read_log(world->path, &torn), SOME);
	assert_false(torn);
	assert_int_equal(vm_log_open(&reader, world->path, NULL), 0);

	const struct vm_log_header *back = vm_log_header(reader);

	assert_true(back->has_network && !back->disk_read_only && !back->bare);
	assert_int_equal(back->ram_size, header.ram_size);
	assert_int_equal(back->start_ns, header.start_ns);
	assert_int_equal(back->hash_interval, 1000);
	assert_memory_equal(back->seed, header.seed, VM_SEED_BYTES);
	assert_memory_equal(back->network_address, header.network_address, VM_NET_ADDRESS_BYTES);
	assert_string_equal(back->append, "console=ttyS0");
	assert_string_equal(back->made_by, "groundwork 0.1.0");
	assert_string_equal(back->files[VM_LOG_KERNEL].path, "/boot/kernel");
	assert_int_equal(back->files[VM_LOG_KERNEL].size, 31);
	assert_int_equal(back->files[VM_LOG_DISK].digest[0], 9);
	assert_false(back->files[VM_LOG_INITRD].there);
	vm_log_reader_free(reader);
}

static void a_log_cut_anywhere_is_good_to_its_last_whole_group(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	uint64_t size = write_log(world->path, &header, true);
	size_t before = SOME;
	struct gw_error error = {0};
	struct vm_log_reader *reader;
	bool torn;

	while (size-- > 0) {
		assert_int_equal(truncate(world->path, (off_t)size), 0);
		if (vm_log_open(&reader, world->path, &error) < 0)
			break;
		vm_log_reader_free(reader);

		size_t count = read_log(world->path, &torn);

		assert_true(count == before || count == before - 1);
		assert_true(torn || count < SOME);
		before = count;
	}
	assert_int_equal(before, 0);
	for (; size > 0; size--) {
		assert_int_equal(truncate(world->path, (off_t)size), 0);
		assert_true(vm_log_open(&reader, world->path, &error) < 0);
		assert_non_null(strstr(error.text, world->path));
	}
}

static void a_tail_of_zeroes_is_torn(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	uint64_t size = write_log(world->path, &header, true);
	bool torn;

	assert_int_equal(truncate(world->path, (off_t)size + 10000), 0);
	assert_int_equal(read_log(world->path, &torn), SOME);
	assert_true(torn);
}

static void a_wrong_bit_is_found(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	uint64_t size = write_log(world->path, &header, true);

	for (uint64_t at = 0; at < size; at++) {
		struct vm_log_reader *reader;
		struct vm_log_record record;
		struct gw_error error = {0};
		size_t count = 0;
		int code;

		flip(world->path, (off_t)at);
		code = vm_log_open(&reader, world->path, &error);
		if (code == 0) {
			while ((code = vm_log_next(reader, &record, &error)) > 0)
				assert_same(&record, &some_records[count++]);
			/* In the last group, or where a size now points beyond the end, it
			 * cannot be told from a log that was cut. */
			assert_true(code < 0 || vm_log_torn(reader));
			assert_true(count < SOME);
			vm_log_reader_free(reader);
		}
		if (code < 0)
			assert_non_null(strstr(error.text, world->path));
		flip(world->path, (off_t)at);
	}
}

static void another_version_is_refused_by_name(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	struct vm_log_reader *reader;
	struct gw_error error = {0};

	write_log(world->path, &header, false);
	flip(world->path, 7);
	assert_int_equal(vm_log_open(&reader, world->path, &error), GW_E_VERSION);
	assert_non_null(strstr(error.text, "version 17; known is 1"));
	assert_int_equal(vm_log_open(&reader, "/dev/null", &error), GW_E_INVALID);
	assert_int_equal(vm_log_open(&reader, "/nowhere/log", &error), GW_E_NOT_FOUND);
}

static void no_log_is_overwritten(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	struct vm_log_writer *writer;
	struct gw_error error = {0};

	write_log(world->path, &header, false);
	assert_int_equal(vm_log_create(&writer, world->path, &header, &error), GW_E_EXISTS);
	assert_non_null(strstr(error.text, world->path));
}

static void a_reader_goes_back_to_any_place(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();

	for (int apart = 0; apart < 2; apart++) {
		struct vm_log_place places[SOME + 1];
		struct vm_log_reader *reader;
		struct vm_log_record record;

		write_log(world->path, &header, apart);
		assert_int_equal(vm_log_open(&reader, world->path, NULL), 0);
		for (size_t at = 0; at < SOME; at++) {
			places[at] = vm_log_place(reader);
			assert_int_equal(vm_log_next(reader, &record, NULL), 1);
		}
		places[SOME] = vm_log_place(reader);
		for (size_t at = SOME + 1; at-- > 0;) {
			assert_int_equal(vm_log_seek(reader, &places[at], NULL), 0);
			assert_int_equal(vm_log_next(reader, &record, NULL), at < SOME);
			if (at < SOME)
				assert_same(&record, &some_records[at]);
		}
		vm_log_reader_free(reader);
		unlink(world->path);
	}
}

static void frames_cost_less_than_a_fiftieth_more(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	struct vm_log_writer *writer;
	uint8_t frame[1514] = {0};
	uint64_t before;

	assert_int_equal(vm_log_create(&writer, world->path, &header, NULL), 0);
	before = vm_log_size(writer);
	for (uint64_t at = 1; at <= 1000; at++) {
		/* Each as it comes while the guest sleeps. */
		const struct vm_log_record records[] = {
			{VM_EVENT_TIME, at * 50000, 0, 1200, {NULL, 0}},
			{VM_EVENT_FRAME, at * 50000, 0, 0, {frame, sizeof(frame)}},
		};

		for (size_t i = 0; i < 2; i++)
			assert_int_equal(vm_log_append(writer, &records[i], NULL), 0);
	}
	assert_true(vm_log_size(writer) - before <= 1000 * sizeof(frame) * 102 / 100);
	assert_int_equal(vm_log_close(writer, NULL), 0);
}

/* A file that may not grow stands for a disk that is full. */
static void a_full_disk_is_said_and_leaves_a_good_log(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	struct vm_log_writer *writer;
	struct rlimit old, tight;
	struct gw_error error = {0};
	static const uint8_t frame[1514];
	struct vm_log_record record = {.kind = VM_EVENT_FRAME, .data = {frame, sizeof(frame)}};
	struct vm_log_reader *reader;
	uint64_t count = 0, read = 0;
	int code;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = 100000;
	setrlimit(RLIMIT_FSIZE, &tight);
	assert_int_equal(vm_log_create(&writer, world->path, &header, &error), 0);
	do {
		record.count = ++count;
		code = vm_log_append(writer, &record, &error);
	} while (code == 0);
	assert_true(code < 0);
	assert_non_null(strstr(error.text, world->path));
	error = (struct gw_error){0};
	assert_int_equal(vm_log_flush(writer, &error), code);
	assert_non_null(strstr(error.text, world->path));
	assert_int_equal(vm_log_close(writer, &error), code);
	setrlimit(RLIMIT_FSIZE, &old);

	assert_int_equal(vm_log_open(&reader, world->path, &error), 0);
	while ((code = vm_log_next(reader, &record, &error)) > 0)
		assert_int_equal(record.count, ++read);
	assert_int_equal(code, 0);
	assert_false(vm_log_torn(reader));
	assert_true(read > 0 && read < count);
	vm_log_reader_free(reader);
}

static void a_log_of_the_first_version_is_read(void **state)
{
	struct world *world = *state;
	struct vm_log_header header = some_header();
	int file = open(world->path, O_WRONLY | O_CREAT, 0600);
	uint8_t written[sizeof(golden_log)];
	bool torn;

	assert_int_equal(write(file, golden_log, sizeof(golden_log)), sizeof(golden_log));
	close(file);
	assert_int_equal(read_log(world->path, &torn), SOME);
	assert_false(torn);
	unlink(world->path);
	/* And so it is still written. */
	assert_int_equal(write_log(world->path, &header, false), sizeof(golden_log));
	file = open(world->path, O_RDONLY);
	assert_int_equal(read(file, written, sizeof(written)), sizeof(written));
	close(file);
	assert_memory_equal(written, golden_log, sizeof(golden_log));
}

static int write_and_read(void *context)
{
	struct world *world = context;
	struct vm_log_header header = some_header();
	struct vm_log_writer *writer = NULL;
	struct vm_log_reader *reader = NULL;
	struct vm_log_record record;
	int code, closed;

	unlink(world->path);
	code = vm_log_create(&writer, world->path, &header, NULL);
	if (code < 0)
		return code;
	for (size_t at = 0; code == 0 && at < SOME; at++)
		code = vm_log_append(writer, &some_records[at], NULL);
	closed = vm_log_close(writer, NULL);
	if (code == 0)
		code = closed;
	if (code == 0)
		code = vm_log_open(&reader, world->path, NULL);
	while (code == 0 && (code = vm_log_next(reader, &record, NULL)) > 0)
		code = 0;
	vm_log_reader_free(reader);
	return code;
}

static void each_allocation_that_fails_is_said(void **state)
{
	assert_true(test_each_allocation_fails(write_and_read, *state) > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_was_written_is_read),
		TEST(a_log_cut_anywhere_is_good_to_its_last_whole_group),
		TEST(a_tail_of_zeroes_is_torn),
		TEST(a_wrong_bit_is_found),
		TEST(another_version_is_refused_by_name),
		TEST(no_log_is_overwritten),
		TEST(a_reader_goes_back_to_any_place),
		TEST(frames_cost_less_than_a_fiftieth_more),
		TEST(a_full_disk_is_said_and_leaves_a_good_log),
		TEST(a_log_of_the_first_version_is_read),
		TEST(each_allocation_that_fails_is_said),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
