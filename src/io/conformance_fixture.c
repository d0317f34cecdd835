/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_fixture.c - the frame of the conformance suite: makes a world for each test, and the
 * steps that tests share.
 */
#include "io/conformance_world_fixture.h"

#include <stdlib.h>

enum { CONFORMANCE_TESTS_MAX = 256 };

/* ---- Calls -------------------------------------------------------------------------------- */

struct io_request *start(struct call *call)
{
	assert_false(io_under_way(&call->request));
	call->request.data = call;
	call->calls = 0;
	call->result = 0;
	return &call->request;
}

void stop(struct world *world)
{
	world->maker->stop(world->own, world->io);
}

void note(struct io_request *request, int result)
{
	struct call *call = (struct call *)request->data;

	assert_false(io_under_way(request));
	call->calls++;
	call->result = result;
	call->order = ++call->world->ended;
	if (result < 0)
		assert_int_equal(io_request_error(request, &call->error), result);
	stop(call->world);
}

void run_until(struct world *world, const int *count, int least)
{
	while (*count < least) {
		bool idle = io_pending(world->io) == 0;

		world->maker->run(world->own, world->io);
		if (idle && *count < least)
			fail_msg("nothing is left to happen, and %d of %d happened", *count, least);
	}
}

int ended(struct call *call)
{
	run_until(call->world, &call->calls, 1);
	assert_int_equal(call->calls, 1);
	return call->result;
}

void run_out(struct world *world)
{
	do
		world->maker->run(world->own, world->io);
	while (io_pending(world->io) > 0);
}

/* ---- Files -------------------------------------------------------------------------------- */

struct io_file *open_file(struct world *world, const char *path, uint32_t flags)
{
	struct call call = call_of(world);
	struct io_file *file = NULL;

	io_open(world->io, start(&call), path, flags, 0600, &file, note);
	assert_int_equal(ended(&call), 0);
	assert_non_null(file);
	return file;
}

int open_fails(struct world *world, const char *path, uint32_t flags)
{
	struct call call = call_of(world);
	struct io_file *file = NULL;

	io_open(world->io, start(&call), path, flags, 0600, &file, note);
	assert_true(ended(&call) < 0);
	assert_null(file);
	assert_non_null(strstr(call.error.text, path));
	return call.result;
}

void close_file(struct world *world, struct io_file *file)
{
	struct call call = call_of(world);

	io_close(world->io, start(&call), file, note);
	assert_int_equal(ended(&call), 0);
}

void write_file(struct world *world, struct io_file *file, const char *text, uint64_t offset)
{
	struct call call = call_of(world);
	struct gw_bytes piece = gw_string(text);

	io_pwritev(world->io, start(&call), file, &piece, 1, offset, 0, note);
	assert_int_equal(ended(&call), 0);
}

void expect_file(struct world *world, struct io_file *file, const char *text, uint64_t offset)
{
	struct call call = call_of(world);
	char bytes[256];
	struct io_buffer buffer = {bytes, sizeof(bytes)};
	size_t size = strlen(text);

	assert_true(size < sizeof(bytes));
	io_preadv(world->io, start(&call), file, &buffer, 1, offset, note);
	assert_int_equal(ended(&call), (int)size);
	assert_memory_equal(bytes, text, size);
}

/* ---- Network ------------------------------------------------------------------------------ */

struct io_listener *listen_at(struct world *world, uint16_t family, struct io_address *address)
{
	struct io_listener *listener = NULL;
	struct gw_error error = {0};

	world->maker->address(world->own, family, address);
	if (io_listen(world->io, address, &listener, &error) < 0)
		fail_msg("%s", error.text);
	io_listener_address(world->io, listener, address);
	assert_int_equal(address->family, family);
	return listener;
}

void connect_pair(struct world *world, uint16_t family, struct io_stream *pair[2])
{
	struct call connect = call_of(world), accept = call_of(world);
	struct io_address address;
	struct io_listener *listener = listen_at(world, family, &address);

	pair[0] = pair[1] = NULL;
	io_accept(world->io, start(&accept), listener, &pair[1], note);
	io_connect(world->io, start(&connect), &address, NULL, &pair[0], note);
	assert_int_equal(ended(&connect), 0);
	assert_int_equal(ended(&accept), 0);
	assert_non_null(pair[0]);
	assert_non_null(pair[1]);
	io_listener_close(world->io, listener);
}

static struct io_buffer collector_buffer(struct io_reader *reader)
{
	struct collector *collector = (struct collector *)reader;
	size_t left = collector->size_max - collector->size;

	collector->asked++;
	if (!collector->bytes)
		return (struct io_buffer){collector->scrap, sizeof(collector->scrap)};
	if (collector->step && left > collector->step)
		left = collector->step;
	return (struct io_buffer){collector->bytes + collector->size, left};
}

static void collector_read(struct io_reader *reader, int result)
{
	struct collector *collector = (struct collector *)reader;

	collector->last = result;
	if (result > 0)
		collector->size += (size_t)result;
	else
		collector->ends++;
	stop(collector->world);
}

void collect(struct collector *collector, struct world *world, struct io_stream *stream,
	     void *bytes, size_t size_max)
{
	memset(collector, 0, sizeof(*collector));
	collector->reader = (struct io_reader){.buffer = collector_buffer, .read = collector_read};
	collector->world = world;
	collector->bytes = bytes;
	collector->size_max = size_max;
	collector->last = -1;
	io_read_start(world->io, stream, &collector->reader);
}

/* ---- The frame ---------------------------------------------------------------------------- */

static int begin_test(void **state)
{
	const struct io_maker *maker = *(const struct io_maker **)*state;
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->maker = maker;
	world->io = maker->make(maker, &world->own);
	assert_non_null(world->io);
	*state = world;
	return 0;
}

static int end_test(void **state)
{
	struct world *world = (struct world *)*state;

	world->maker->release(world->own, world->io);
	free(world);
	return 0;
}

/* Adds the tests that the maker's backend can pass. */
static size_t list_tests(const struct io_maker **maker, struct CMUnitTest *tests, size_t count,
			 size_t room)
{
	const struct conformance_test *const groups[] = {
		conformance_time,  conformance_files,     conformance_connect,   conformance_bytes,
		conformance_close, conformance_datagrams, conformance_processes,
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		for (const struct conformance_test *test = groups[i]; test->title; test++) {
			if (test->needs & (*maker)->lacks)
				continue;
			assert_true(count < room);
			tests[count++] = (struct CMUnitTest){test->title, test->function,
							     begin_test, end_test, maker};
		}
	}
	return count;
}

int io_conformance(const struct io_maker **makers, size_t count)
{
	size_t room = count * CONFORMANCE_TESTS_MAX, listed = 0;
	struct CMUnitTest *tests = calloc(room, sizeof(*tests));
	int failed;

	assert_non_null(tests);
	for (size_t i = 0; i < count; i++)
		listed = list_tests(&makers[i], tests, listed, room);
	failed = _cmocka_run_group_tests(makers[0]->name, tests, listed, NULL, NULL);
	free(tests);
	return failed;
}
