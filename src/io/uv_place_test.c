/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_place_test.c - requests on names go to the pool of their disk, and a directory is asked only
 * once which one that is.
 */
#include "io/uv_io.h"
#include "support/unit.h"

#include <stdio.h>

static struct io *new_io(void)
{
	struct io *io;

	assert_int_equal(io_uv_new(&io, NULL, NULL), 0);
	return io;
}

struct call {
	struct io_request request;
	int calls, result;
};

static void note(struct io_request *request, int result)
{
	struct call *call = (struct call *)request->data;

	call->calls++;
	call->result = result;
}

static struct io_request *start(struct call *call)
{
	*call = (struct call){.result = 1};
	call->request.data = call;
	return &call->request;
}

static int unlink_now(struct io *io, const char *path)
{
	struct call call;

	io_unlink(io, start(&call), path, note);
	io_uv_run(io);
	assert_int_equal(call.calls, 1);
	return call.result;
}

static void each_disk_has_its_pool_until_they_share(void **state)
{
	struct io *io = new_io();
	struct io_uv *uv = real_of(io);

	(void)state;
	for (dev_t device = 1000; device < 1000 + IO_UV_POOLS_MAX - REAL_POOL_DISKS; device++) {
		uint32_t pool = real_pool_of_device(uv, device);

		assert_int_equal(pool, REAL_POOL_DISKS + (device - 1000));
		assert_int_equal(real_pool_of_device(uv, device), pool);
	}
	for (dev_t device = 5000; device < 5100; device++)
		assert_in_range(real_pool_of_device(uv, device), REAL_POOL_DISKS,
				IO_UV_POOLS_MAX - 1);
	io_uv_free(io);
}

static void a_path_that_is_absent_is_on_the_disk_above(void **state)
{
	struct io *io = new_io();
	uint32_t pool = io_pool_of(io, "/tmp");

	(void)state;
	assert_true(pool >= REAL_POOL_DISKS);
	assert_int_equal(io_pool_of(io, "/tmp/no/such/thing/anywhere"), pool);
	assert_int_equal(io_pool_of(io, "no-such-name"), io_pool_of(io, "."));
	io_uv_free(io);
}

static void a_directory_is_looked_up_once(void **state)
{
	struct io *io = new_io();
	struct io_uv *uv = real_of(io);
	uint32_t pool;
	struct call calls[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(unlink_now(io, "/tmp/no-such-name-here"), GW_E_NOT_FOUND);
	assert_int_equal(uv->directories_count, 1);
	assert_string_equal(uv->directories[0].name, "/tmp");
	assert_int_equal(uv->directories[0].pool, io_pool_of(io, "/tmp"));
	/* Several at once that all do not know yet. */
	for (int i = 0; i < 3; i++)
		io_unlink(io, start(&calls[i]), "/no-such-name-here", note);
	io_uv_run(io);
	for (int i = 0; i < 3; i++)
		assert_int_equal(calls[i].result, GW_E_NOT_FOUND);
	assert_int_equal(uv->directories_count, 2);
	assert_true(real_place_known(uv, &calls[0].request, &pool));
	io_uv_free(io);
}

static void more_directories_than_are_remembered_work(void **state)
{
	struct io *io = new_io();
	char path[64];

	(void)state;
	for (int i = 0; i < 3 * REAL_DIRECTORIES_MAX; i++) {
		snprintf(path, sizeof(path), "/tmp/none-%d/a", i);
		assert_int_equal(unlink_now(io, path), GW_E_NOT_FOUND);
	}
	assert_int_equal(real_of(io)->directories_count, REAL_DIRECTORIES_MAX);
	io_uv_free(io);
}

static void what_is_too_long_is_refused(void **state)
{
	static char path[2 * IO_PATH_BYTES_MAX], longer[REAL_DIRECTORY_BYTES_MAX + 32];
	struct io *io = new_io();

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	assert_int_equal(unlink_now(io, path), GW_E_TOO_LARGE);
	for (size_t i = 1; i < sizeof(path) - 1; i += 2)
		path[i] = '/';
	assert_int_equal(unlink_now(io, path), GW_E_TOO_LARGE);
	/* A directory too long to be remembered is looked up each time. */
	memset(longer, '/', sizeof(longer) - 1);
	longer[sizeof(longer) - 2] = 'x';
	memcpy(longer, "/tmp", 4);
	for (int i = 0; i < 2; i++)
		assert_int_equal(unlink_now(io, longer), GW_E_NOT_FOUND);
	assert_true(real_of(io)->directories_count <= 2);
	assert_int_equal(unlink_now(io, ""), GW_E_NOT_FOUND);
	io_uv_free(io);
}

static void a_cancelled_look_up_remembers_nothing_wrong(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct io *io = new_io();
		struct io_uv *uv = real_of(io);
		struct call calls[20];

		for (size_t j = 0; j < 20; j++)
			io_unlink(io, start(&calls[j]), "/tmp/no-such-name-here", note);
		for (size_t j = 0; j < 20; j++)
			io_cancel(io, &calls[j].request);
		io_uv_run(io);
		for (size_t j = 0; j < 20; j++)
			assert_int_equal(calls[j].result, GW_E_CANCELLED);
		assert_int_equal(unlink_now(io, "/tmp/no-such-name-here"), GW_E_NOT_FOUND);
		for (size_t j = 0; j < uv->directories_count; j++)
			assert_int_equal(uv->directories[j].pool, io_pool_of(io, "/tmp"));
		io_uv_free(io);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_disk_has_its_pool_until_they_share),
		cmocka_unit_test(a_path_that_is_absent_is_on_the_disk_above),
		cmocka_unit_test(a_directory_is_looked_up_once),
		cmocka_unit_test(more_directories_than_are_remembered_work),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(a_cancelled_look_up_remembers_nothing_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
