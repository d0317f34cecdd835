/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_file_test.c - what the real io asks the kernel for when something is to be durable. That bytes
 * are there after a write, every backend's suite shows (conformance_files_fixture.c); that they
 * would be there after the power went can only be seen in the system calls.
 */
#include "io/uv.h"

#include "support/syncs.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char directory[32];
	struct io *io;
	struct io_file *file;
	struct io_request request;
	int result;
};

static void told(struct io_request *request, int result)
{
	struct place *place = request->data;

	place->result = result;
}

/* Runs the request that was just started; its result. */
static int wait(struct place *place)
{
	io_uv_run(place->io);
	assert_false(io_under_way(&place->request));
	return place->result;
}

static void begin(struct place *place)
{
	struct io_uv_options options = {0};

	*place = (struct place){.directory = "/tmp/io-file-test-XXXXXX"};
	assert_non_null(mkdtemp(place->directory));
	options.directory = place->directory;
	assert_int_equal(io_uv_new(&place->io, &options, NULL), 0);
	place->request.data = place;
	io_open(place->io, &place->request, "log", IO_WRITE | IO_CREATE, 0600, &place->file, told);
	assert_int_equal(wait(place), 0);
}

static void end(struct place *place)
{
	io_close(place->io, &place->request, place->file, told);
	assert_int_equal(wait(place), 0);
	io_unlink(place->io, &place->request, "log", told);
	assert_int_equal(wait(place), 0);
	io_uv_free(place->io);
	assert_int_equal(rmdir(place->directory), 0);
}

static int write_record(struct place *place, uint64_t offset, uint32_t flags)
{
	const struct gw_bytes piece = gw_string("a record");

	io_pwritev(place->io, &place->request, place->file, &piece, 1, offset, flags, told);
	return wait(place);
}

static void a_write_with_sync_is_synced_once_when_its_bytes_are_written(void **state)
{
	uint64_t before = test_sync_count();
	struct place place;

	(void)state;
	begin(&place);
	assert_int_equal(write_record(&place, 0, IO_WRITE_SYNC), 0);
	assert_int_equal(test_sync_count(), before + 1);
	assert_int_equal(test_sync_last().size, 8);
	assert_false(test_sync_last().whole);
	assert_int_not_equal(test_sync_last().thread, gettid());
	assert_int_equal(write_record(&place, 8, IO_WRITE_SYNC), 0);
	assert_int_equal(test_sync_count(), before + 2);
	assert_int_equal(test_sync_last().size, 16);
	end(&place);
}

static void a_write_alone_is_not_synced(void **state)
{
	uint64_t before = test_sync_count();
	struct place place;

	(void)state;
	begin(&place);
	assert_int_equal(write_record(&place, 0, 0), 0);
	assert_int_equal(test_sync_count(), before);
	io_sync(place.io, &place.request, place.file, told);
	assert_int_equal(wait(&place), 0);
	assert_int_equal(test_sync_count(), before + 1);
	end(&place);
}

static void a_sync_that_fails_is_told(void **state)
{
	struct gw_error error = {0};
	struct place place;

	(void)state;
	begin(&place);
	test_fail_sync(EIO);
	assert_int_equal(write_record(&place, 0, IO_WRITE_SYNC), GW_E_IO);
	(void)io_request_error(&place.request, &error);
	assert_non_null(strstr(error.text, "cannot write log: "));
	test_fail_sync(ENOSPC);
	io_sync(place.io, &place.request, place.file, told);
	assert_int_equal(wait(&place), GW_E_NO_SPACE);
	assert_int_equal(write_record(&place, 0, IO_WRITE_SYNC), 0);
	end(&place);
}

static void a_directory_sync_is_one_of_the_directory(void **state)
{
	uint64_t before = test_sync_count();
	struct stat status;
	struct place place;

	(void)state;
	begin(&place);
	assert_int_equal(stat(place.directory, &status), 0);
	io_sync_directory(place.io, &place.request, ".", told);
	assert_int_equal(wait(&place), 0);
	assert_int_equal(test_sync_count(), before + 1);
	assert_true(test_sync_last().whole);
	assert_int_equal(test_sync_last().file, status.st_ino);
	test_fail_sync(EIO);
	io_sync_directory(place.io, &place.request, ".", told);
	assert_int_equal(wait(&place), GW_E_IO);
	end(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_with_sync_is_synced_once_when_its_bytes_are_written),
		cmocka_unit_test(a_write_alone_is_not_synced),
		cmocka_unit_test(a_sync_that_fails_is_told),
		cmocka_unit_test(a_directory_sync_is_one_of_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
