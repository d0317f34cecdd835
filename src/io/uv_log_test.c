/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_log_test.c - files that are written as logs: what goes to the kernel and what to a thread, and
 * that the bytes are there whichever way they went. The engine counts, refuses and fails as a test
 * wants.
 */
#include "io/uv_file.h"

#include "support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = IO_LOG_ALIGN_BYTES, FILE_BYTES = 1 << 20 };

struct place {
	char directory[32];
	struct io *io;
	struct io_file *file;
	struct io_request request, other;
	int result, other_result;
	struct gw_bytes piece;
};

/* ---- The engine ------------------------------------------------------------------------------ */

/* Of the one test that runs. */
struct orders {
	unsigned submitted; /* that the kernel took */
	long refuse;        /* -errno of each submit; 0: none is refused */
	long fail;          /* what each event says; 0: the truth */
};

static struct orders *orders_of(void)
{
	static struct orders orders;

	return &orders;
}

static long submit(aio_context_t context, struct iocb *write)
{
	struct orders *orders = orders_of();
	long result;

	if (orders->refuse)
		return orders->refuse;
	result = real_log_engine()->submit(context, write);
	orders->submitted += result == 1;
	return result;
}

static long events(aio_context_t context, struct io_event *events, long count)
{
	struct orders *orders = orders_of();
	long result = real_log_engine()->events(context, events, count);

	for (long i = 0; i < result && orders->fail; i++)
		events[i].res = orders->fail;
	return result;
}

static const struct io_log_engine engine = {submit, events};

/* ---- A file ---------------------------------------------------------------------------------- */

static void told(struct io_request *request, int result)
{
	struct place *place = request->data;

	*(request == &place->other ? &place->other_result : &place->result) = result;
}

static int wait(struct place *place)
{
	io_uv_run(place->io);
	assert_false(io_under_way(&place->request));
	return place->result;
}

static struct real_log_file *log_of(const struct place *place)
{
	return ((struct real_file *)place->file)->log;
}

static void start(struct place *place, char letter, size_t size, uint64_t offset, uint32_t flags)
{
	char *bytes = malloc(size);

	assert_non_null(bytes);
	memset(bytes, letter, size);
	place->piece = (struct gw_bytes){bytes, size};
	io_pwritev(place->io, &place->request, place->file, &place->piece, 1, offset, flags, told);
}

static int write_it(struct place *place, char letter, size_t size, uint64_t offset, uint32_t flags)
{
	int result;

	start(place, letter, size, offset, flags);
	result = wait(place);
	free((void *)(uintptr_t)place->piece.data);
	if (log_of(place))
		log_of(place)->slow = 0; /* a busy machine is none of these tests' matter */
	return result;
}

static int sync_it(struct place *place)
{
	io_sync(place->io, &place->request, place->file, told);
	return wait(place);
}

static void check(struct place *place, char letter, size_t size, uint64_t offset)
{
	char *bytes = malloc(size), *wanted = malloc(size);
	struct io_buffer buffer = {bytes, size};

	assert_non_null(bytes);
	assert_non_null(wanted);
	memset(wanted, letter, size);
	io_preadv(place->io, &place->request, place->file, &buffer, 1, offset, told);
	assert_int_equal(wait(place), size);
	assert_memory_equal(bytes, wanted, size);
	free(wanted);
	free(bytes);
}

/* A file that is filled, durable, and open as a log. */
static void begin(struct place *place)
{
	struct io_uv_options options = {.log_engine = &engine};

	*orders_of() = (struct orders){0};
	*place = (struct place){.directory = "/tmp/io-log-test-XXXXXX"};
	assert_non_null(mkdtemp(place->directory));
	options.directory = place->directory;
	assert_int_equal(io_uv_new(&place->io, &options, NULL), 0);
	place->request.data = place->other.data = place;
	io_open(place->io, &place->request, "log", IO_READ | IO_WRITE | IO_CREATE | IO_LOG, 0600,
		&place->file, told);
	assert_int_equal(wait(place), 0);
	assert_int_equal(write_it(place, '.', FILE_BYTES, 0, IO_WRITE_SYNC), 0);
	assert_int_equal(orders_of()->submitted, 0);
	io_close(place->io, &place->request, place->file, told);
	assert_int_equal(wait(place), 0);
	io_open(place->io, &place->request, "log", IO_READ | IO_WRITE | IO_LOG, 0, &place->file,
		told);
	assert_int_equal(wait(place), 0);
	assert_int_equal(sync_it(place), 0);
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

/* Not every file system can, and not every kernel lets us. */
static bool is_quick(struct place *place)
{
	return log_of(place) && write_it(place, '-', SECTOR, 0, IO_WRITE_SYNC) == 0 &&
	       orders_of()->submitted == 1;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void small_writes_with_sync_need_no_thread(void **state)
{
	struct place place;

	(void)state;
	begin(&place);
	if (is_quick(&place)) {
		for (unsigned i = 1; i < 20; i++) {
			assert_int_equal(write_it(&place, (char)('a' + i), SECTOR * (i % 3 + 1),
						  (uint64_t)4 * SECTOR * i, IO_WRITE_SYNC),
					 0);
			assert_int_equal(orders_of()->submitted, i + 1);
		}
	}
	for (unsigned i = 1; i < 20 && orders_of()->submitted; i++) {
		check(&place, (char)('a' + i), SECTOR * (i % 3 + 1), (uint64_t)4 * SECTOR * i);
		check(&place, '.', SECTOR, (uint64_t)4 * SECTOR * i + 3 * SECTOR);
	}
	end(&place);
}

static void other_writes_go_the_usual_way(void **state)
{
	struct place place;

	(void)state;
	begin(&place);
	assert_int_equal(write_it(&place, 'a', SECTOR - 1, 0, IO_WRITE_SYNC), 0);
	assert_int_equal(write_it(&place, 'b', SECTOR, SECTOR + 1, IO_WRITE_SYNC), 0);
	assert_int_equal(write_it(&place, 'c', REAL_LOG_BYTES_MAX + SECTOR, 4 * SECTOR,
				  IO_WRITE_SYNC),
			 0);
	assert_int_equal(write_it(&place, 'd', 0, 0, IO_WRITE_SYNC), 0);
	assert_int_equal(write_it(&place, 'e', SECTOR, 3 * SECTOR, 0), 0);
	assert_int_equal(orders_of()->submitted, 0);
	check(&place, 'a', SECTOR - 1, 0);
	check(&place, 'b', SECTOR, SECTOR + 1);
	check(&place, 'e', SECTOR, 3 * SECTOR);
	check(&place, 'c', REAL_LOG_BYTES_MAX + SECTOR, 4 * SECTOR);
	end(&place);
}

static void what_was_changed_before_is_made_durable_too(void **state)
{
	struct place place;
	unsigned before;

	(void)state;
	begin(&place);
	if (is_quick(&place)) {
		before = orders_of()->submitted;
		assert_int_equal(write_it(&place, 'a', SECTOR, SECTOR, 0), 0);
		/* The kernel would sync this write alone. */
		assert_int_equal(write_it(&place, 'b', SECTOR, 2 * SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(orders_of()->submitted, before);
		assert_int_equal(write_it(&place, 'c', SECTOR, 3 * SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(orders_of()->submitted, before + 1);
		check(&place, 'a', SECTOR, SECTOR);
		check(&place, 'b', SECTOR, 2 * SECTOR);
		check(&place, 'c', SECTOR, 3 * SECTOR);
		io_truncate(place.io, &place.request, place.file, FILE_BYTES / 2, told);
		assert_int_equal(wait(&place), 0);
		assert_int_equal(log_of(&place)->changes, log_of(&place)->durable + 1);
		assert_int_equal(sync_it(&place), 0);
		assert_int_equal(log_of(&place)->changes, log_of(&place)->durable);
	}
	end(&place);
}

static void what_the_kernel_refuses_a_thread_writes(void **state)
{
	struct place place;

	(void)state;
	begin(&place);
	if (is_quick(&place)) {
		orders_of()->refuse = -EAGAIN;
		assert_int_equal(write_it(&place, 'a', SECTOR, SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(log_of(&place)->refused, 1);
		orders_of()->refuse = 0;
		orders_of()->fail = -EAGAIN;
		assert_int_equal(write_it(&place, 'b', SECTOR, 2 * SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(log_of(&place)->refused, 2);
		orders_of()->fail = SECTOR / 2; /* half of it, it says */
		assert_int_equal(write_it(&place, 'c', SECTOR, 3 * SECTOR, IO_WRITE_SYNC), 0);
		orders_of()->fail = 0;
		assert_int_equal(write_it(&place, 'd', SECTOR, 4 * SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(log_of(&place)->refused, 0);
		for (int i = 0; i < 4; i++)
			check(&place, (char)('a' + i), SECTOR, (uint64_t)SECTOR * (i + 1));
	}
	end(&place);
}

static void a_kernel_that_always_refuses_is_not_asked_any_more(void **state)
{
	struct place place;
	unsigned submitted;

	(void)state;
	begin(&place);
	if (is_quick(&place)) {
		orders_of()->refuse = -EAGAIN;
		for (int i = 0; i < REAL_LOG_REFUSED_MAX; i++)
			assert_int_equal(write_it(&place, 'a', SECTOR, SECTOR, IO_WRITE_SYNC), 0);
		orders_of()->refuse = 0;
		submitted = orders_of()->submitted;
		assert_int_equal(write_it(&place, 'b', SECTOR, SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(orders_of()->submitted, submitted);
		check(&place, 'b', SECTOR, SECTOR);
	}
	end(&place);
	/* It cannot do it at all, as on tmpfs. */
	for (int i = 0; i < 2; i++) {
		begin(&place);
		if (is_quick(&place)) {
			orders_of()->refuse = i ? -EOPNOTSUPP : -EINVAL;
			assert_int_equal(write_it(&place, 'a', SECTOR, SECTOR, IO_WRITE_SYNC), 0);
			assert_true(log_of(&place)->refused >= REAL_LOG_REFUSED_MAX);
			check(&place, 'a', SECTOR, SECTOR);
		}
		end(&place);
	}
}

static void a_kernel_that_is_slow_is_left_alone_for_a_while(void **state)
{
	struct real_log_file log = {0};
	struct place place;

	(void)state;
	for (int i = 0; i < 1000; i++) /* now and then is nothing */
		real_log_took(&log, i % (REAL_LOG_SLOW_POINTS + 1) ? 100000 : REAL_LOG_SLOW_NS);
	assert_int_equal(log.rest, 0);
	for (int i = 0; i < 5 && log.rest == 0; i++)
		real_log_took(&log, REAL_LOG_SLOW_NS);
	assert_int_equal(log.rest, REAL_LOG_REST);
	begin(&place);
	if (is_quick(&place)) {
		unsigned submitted = orders_of()->submitted;

		log_of(&place)->rest = 2;
		assert_int_equal(write_it(&place, 'a', SECTOR, SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(write_it(&place, 'b', SECTOR, 2 * SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(orders_of()->submitted, submitted);
		assert_int_equal(write_it(&place, 'c', SECTOR, 3 * SECTOR, IO_WRITE_SYNC), 0);
		assert_int_equal(orders_of()->submitted, submitted + 1);
		for (int i = 0; i < 3; i++)
			check(&place, (char)('a' + i), SECTOR, (uint64_t)SECTOR * (i + 1));
	}
	end(&place);
}

static void a_write_that_fails_is_told(void **state)
{
	struct gw_error error = {0};
	struct place place;

	(void)state;
	begin(&place);
	if (is_quick(&place)) {
		orders_of()->fail = -EIO;
		assert_int_equal(write_it(&place, 'a', SECTOR, SECTOR, IO_WRITE_SYNC), GW_E_IO);
		(void)io_request_error(&place.request, &error);
		assert_non_null(strstr(error.text, "cannot write log: "));
		orders_of()->fail = 0;
		assert_int_equal(write_it(&place, 'b', SECTOR, SECTOR, IO_WRITE_SYNC), 0);
		check(&place, 'b', SECTOR, SECTOR);
	}
	end(&place);
}

/* A buffered write that meets one around the page cache is corruption to the kernel. */
static void changes_of_a_file_wait_for_each_other(void **state)
{
	struct place place;

	(void)state;
	begin(&place);
	if (is_quick(&place)) {
		static const char bytes[SECTOR] = "the second";
		const struct gw_bytes second = {bytes, 10};
		char found[10];
		struct io_buffer buffer = {found, sizeof(found)};

		start(&place, 'a', SECTOR, SECTOR, IO_WRITE_SYNC);
		io_pwritev(place.io, &place.other, place.file, &second, 1, 2 * SECTOR, 0, told);
		assert_ptr_equal(log_of(&place)->held.first, &place.other);
		assert_int_equal(wait(&place), 0);
		assert_int_equal(place.other_result, 0);
		free((void *)(uintptr_t)place.piece.data);
		check(&place, 'a', SECTOR, SECTOR);
		io_preadv(place.io, &place.request, place.file, &buffer, 1, 2 * SECTOR, told);
		assert_int_equal(wait(&place), 10);
		assert_memory_equal(found, bytes, 10);
		assert_int_equal(sync_it(&place), 0);
	}
	end(&place);
}

static void what_is_cancelled_leaves_the_file_to_others(void **state)
{
	static const char bytes[SECTOR];
	const struct gw_bytes second = {bytes, SECTOR};
	struct place place;

	(void)state;
	begin(&place);
	if (is_quick(&place)) {
		for (int i = 0; i < 2; i++) { /* the one with the kernel, the one that waits */
			start(&place, 'a', SECTOR, SECTOR, IO_WRITE_SYNC);
			io_pwritev(place.io, &place.other, place.file, &second, 1, 2 * SECTOR,
				   IO_WRITE_SYNC, told);
			io_cancel(place.io, i ? &place.other : &place.request);
			assert_int_equal(wait(&place), i ? 0 : GW_E_CANCELLED);
			assert_false(io_under_way(&place.other));
			assert_int_equal(place.other_result, i ? GW_E_CANCELLED : 0);
			free((void *)(uintptr_t)place.piece.data);
			assert_int_equal(write_it(&place, 'c', SECTOR, 3 * SECTOR, IO_WRITE_SYNC),
					 0);
			check(&place, 'c', SECTOR, 3 * SECTOR);
		}
		check(&place, 'a', SECTOR, SECTOR);
		check(&place, 0, SECTOR, 2 * SECTOR);
	}
	end(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_writes_with_sync_need_no_thread),
		cmocka_unit_test(other_writes_go_the_usual_way),
		cmocka_unit_test(what_was_changed_before_is_made_durable_too),
		cmocka_unit_test(what_the_kernel_refuses_a_thread_writes),
		cmocka_unit_test(a_kernel_that_always_refuses_is_not_asked_any_more),
		cmocka_unit_test(a_kernel_that_is_slow_is_left_alone_for_a_while),
		cmocka_unit_test(a_write_that_fails_is_told),
		cmocka_unit_test(changes_of_a_file_wait_for_each_other),
		cmocka_unit_test(what_is_cancelled_leaves_the_file_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
