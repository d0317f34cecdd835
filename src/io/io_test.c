/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_test.c - the interface io.h can be implemented, and keeps its promises when it is; the
 * backend is the fake in test/support.
 */
#include "support/fake_io.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

_Static_assert(sizeof(struct io_request) <= 192, "callers embed requests by the thousand");
_Static_assert(offsetof(struct io_request, data) == 0, "the caller's field comes first");
_Static_assert(sizeof(struct io_buffer) == sizeof(struct gw_bytes), "both are struct iovec");
_Static_assert(IO_OPERATIONS <= UINT8_MAX, "an operation is a byte of the request");

/* What a done saw. */
struct seen {
	struct fake *fake;
	int calls, result;
	struct gw_error error;
	uint64_t at_ns;
};

static void note(struct io_request *request, int result)
{
	struct seen *seen = (struct seen *)request->data;

	seen->calls++;
	seen->result = result;
	seen->at_ns = io_now_ns(&seen->fake->io);
	if (result < 0)
		assert_int_equal(io_request_error(request, &seen->error), result);
}

static struct io_file *open_now(struct fake *fake, const char *name, uint32_t flags)
{
	struct seen seen = {.fake = fake};
	struct io_request request = {.data = &seen};
	struct io_file *file = NULL;

	io_open(&fake->io, &request, name, flags, 0600, &file, note);
	while (fake_turn(fake))
		;
	assert_int_equal(seen.result, 0);
	return file;
}

static void close_now(struct fake *fake, struct io_file *file)
{
	struct seen seen = {.fake = fake};
	struct io_request request = {.data = &seen};

	io_close(&fake->io, &request, file, note);
	while (fake_turn(fake))
		;
	assert_int_equal(seen.calls, 1);
}

static int one_more(void *context)
{
	return ++*(int *)context;
}

static void done_never_runs_inside_the_call(void **state)
{
	struct fake fake;
	struct seen seen[4] = {{.fake = &fake}, {.fake = &fake}, {.fake = &fake}, {.fake = &fake}};
	struct io_request requests[4] = {{0}};
	struct io_file *file = NULL;
	int work = 41;

	(void)state;
	fake_init(&fake);
	for (size_t i = 0; i < 4; i++)
		requests[i].data = &seen[i];
	io_open(&fake.io, &requests[0], "a", IO_WRITE | IO_CREATE, 0600, &file, note);
	io_timer(&fake.io, &requests[1], 0, note);
	io_offload(&fake.io, &requests[2], IO_POOL_CPU, one_more, &work, note);
	io_unlink(&fake.io, &requests[3], "none", note);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(seen[i].calls, 0);
		assert_true(io_under_way(&requests[i]));
	}
	assert_int_equal(io_pending(&fake.io), 4);
	while (fake_turn(&fake))
		;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(seen[i].calls, 1);
		assert_false(io_under_way(&requests[i]));
	}
	assert_int_equal(seen[2].result, 42);
	assert_int_equal(seen[3].result, GW_E_UNSUPPORTED);
	assert_int_equal(io_pending(&fake.io), 0);
	close_now(&fake, file);
}

static void a_file_gives_back_what_was_written(void **state)
{
	struct fake fake;
	struct seen seen = {.fake = &fake};
	struct io_request request = {.data = &seen};
	struct gw_bytes pieces[2] = {gw_string("ground"), gw_string("work")};
	char head[4], tail[16];
	struct io_buffer buffers[2] = {{head, sizeof(head)}, {tail, sizeof(tail)}};
	struct io_file *file;
	uint64_t size = 0;

	(void)state;
	fake_init(&fake);
	file = open_now(&fake, "a", IO_READ | IO_WRITE | IO_CREATE | IO_EXCLUSIVE);
	io_pwritev(&fake.io, &request, file, pieces, 2, 0, IO_WRITE_SYNC, note);
	assert_true(fake_turn(&fake));
	assert_int_equal(seen.result, 0);
	assert_int_equal(fake.syncs, 1);
	io_size(&fake.io, &request, file, &size, note);
	assert_true(fake_turn(&fake));
	assert_int_equal(size, 10);
	/* A read is short only at the end of the file. */
	io_preadv(&fake.io, &request, file, buffers, 2, 1, note);
	assert_true(fake_turn(&fake));
	assert_int_equal(seen.result, 9);
	assert_memory_equal(head, "roun", 4);
	assert_memory_equal(tail, "dwork", 5);
	io_preadv(&fake.io, &request, file, buffers, 2, 10, note);
	assert_true(fake_turn(&fake));
	assert_int_equal(seen.result, 0);
	assert_int_equal(seen.calls, 4);
	close_now(&fake, file);
}

static void a_cancelled_request_ends_with_cancelled(void **state)
{
	struct fake fake;
	struct seen seen[2] = {{.fake = &fake}, {.fake = &fake}};
	struct io_request timer = {.data = &seen[0]}, open = {.data = &seen[1]};
	struct io_file *file = NULL;

	(void)state;
	fake_init(&fake);
	io_timer(&fake.io, &timer, 1000, note);
	io_open(&fake.io, &open, "a", IO_WRITE | IO_CREATE, 0600, &file, note);
	assert_int_equal(fake.files_open, 1); /* carried out, but not yet told */
	io_cancel(&fake.io, &timer);
	io_cancel(&fake.io, &open);
	io_cancel(&fake.io, &open);
	assert_int_equal(seen[0].calls + seen[1].calls, 0);
	while (fake_turn(&fake))
		;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(seen[i].calls, 1);
		assert_int_equal(seen[i].result, GW_E_CANCELLED);
	}
	assert_int_equal(fake.files_open, 0);
	assert_int_equal(fake.now_ns, 0); /* nobody waited for the timer */
	io_cancel(&fake.io, &timer);      /* idle: nothing happens */
	assert_false(fake_turn(&fake));
}

static void a_failure_names_the_file(void **state)
{
	struct fake fake;
	struct seen seen = {.fake = &fake};
	struct io_request request = {.data = &seen};
	struct io_file *file, *second = NULL;

	(void)state;
	fake_init(&fake);
	io_open(&fake.io, &request, "log/7", IO_READ, 0, &second, note);
	assert_true(fake_turn(&fake));
	assert_int_equal(seen.result, GW_E_NOT_FOUND);
	assert_string_equal(seen.error.text, "cannot open log/7: No such file or directory");
	file = open_now(&fake, "a", IO_WRITE | IO_CREATE | IO_LOCKED);
	io_open(&fake.io, &request, "a", IO_READ | IO_LOCKED, 0, &second, note);
	assert_true(fake_turn(&fake));
	assert_int_equal(seen.result, GW_E_BUSY);
	assert_int_equal(seen.error.code, GW_E_BUSY);
	assert_null(second);
	io_poll_fd(&fake.io, &request, 0, IO_POLL_READ, note);
	assert_true(fake_turn(&fake));
	assert_string_equal(seen.error.text, "cannot poll a descriptor: not supported here");
	close_now(&fake, file);
}

static void timers_come_in_order_and_can_be_stopped(void **state)
{
	struct fake fake;
	struct seen seen[3] = {{.fake = &fake}, {.fake = &fake}, {.fake = &fake}};
	struct io_request timers[3] = {{0}};

	(void)state;
	fake_init(&fake);
	for (size_t i = 0; i < 3; i++) {
		timers[i].data = &seen[i];
		io_timer(&fake.io, &timers[i], 300 - 100 * i, note);
	}
	assert_true(io_timer_stop(&fake.io, &timers[1]));
	assert_false(io_timer_stop(&fake.io, &timers[1]));
	assert_true(fake_turn(&fake));
	assert_int_equal(seen[2].at_ns, 100);
	assert_int_equal(seen[0].calls, 0);
	assert_true(fake_turn(&fake));
	assert_int_equal(seen[0].at_ns, 300);
	assert_false(fake_turn(&fake));
	assert_int_equal(seen[1].calls, 0);
}

/* A request that starts itself again, from inside its own done. */
static void again(struct io_request *request, int result)
{
	struct seen *seen = (struct seen *)request->data;

	assert_int_equal(result, 0);
	if (++seen->calls < 3)
		io_post(&seen->fake->io, request, again);
}

static void a_request_may_be_used_again_in_its_done(void **state)
{
	struct fake fake;
	struct seen seen = {.fake = &fake};
	struct io_request request = {.data = &seen};
	int turns = 0;

	(void)state;
	fake_init(&fake);
	io_post(&fake.io, &request, again);
	while (fake_turn(&fake))
		turns++;
	assert_int_equal(seen.calls, 3);
	assert_int_equal(turns, 3);
}

/* Reads into the middle of a text, at most step bytes at a time, as a frame reader does. */
struct text_reader {
	struct io_reader reader;
	char text[32];
	size_t used, step;
	int asked, last;
};

static struct io_buffer text_buffer(struct io_reader *reader)
{
	struct text_reader *text = (struct text_reader *)reader;

	text->asked++;
	return (struct io_buffer){text->text + text->used, text->step};
}

static void text_read(struct io_reader *reader, int result)
{
	struct text_reader *text = (struct text_reader *)reader;

	text->last = result;
	if (result > 0)
		text->used += (size_t)result;
}

static void a_reader_is_asked_where_bytes_go(void **state)
{
	struct fake fake;
	struct seen seen = {.fake = &fake};
	struct io_request request = {.data = &seen};
	struct gw_bytes pieces[2] = {gw_string("call "), gw_string("me")};
	struct text_reader text = {.reader = {text_buffer, text_read, 0}, .step = 4, .last = -1};
	struct io_stream *here, *there;

	(void)state;
	fake_init(&fake);
	here = &fake.ends[0].stream;
	there = &fake.ends[1].stream;
	io_read_start(&fake.io, there, &text.reader);
	assert_int_equal(text.asked, 0); /* not before there is something to read */
	io_writev(&fake.io, &request, here, pieces, 2, note);
	while (fake_turn(&fake))
		;
	assert_memory_equal(text.text, "call me", 7);
	assert_int_equal(text.asked, 2);
	/* Size 0 pauses; starting anew goes on. */
	text.step = 0;
	io_shutdown(&fake.io, &request, here, note);
	while (fake_turn(&fake))
		;
	assert_int_equal(io_pending(&fake.io), 0);
	text.step = 4;
	io_read_start(&fake.io, there, &text.reader);
	while (fake_turn(&fake))
		;
	assert_int_equal(text.last, 0); /* the end, told once */
	assert_int_equal(text.asked, 4);
	assert_int_equal(seen.calls, 2);
}

static void closing_a_stream_cancels_what_is_under_way(void **state)
{
	struct fake fake;
	struct seen seen = {.fake = &fake};
	struct io_request request = {.data = &seen};
	char big[FAKE_BYTES + 1] = {0};
	struct gw_bytes piece = {big, sizeof(big)};
	struct text_reader text = {.reader = {text_buffer, text_read, 0}, .step = 4, .last = -1};

	(void)state;
	fake_init(&fake);
	io_read_start(&fake.io, &fake.ends[0].stream, &text.reader);
	io_writev(&fake.io, &request, &fake.ends[0].stream, &piece, 1, note);
	assert_false(fake_turn(&fake)); /* the other side does not read */
	io_stream_reset(&fake.io, &fake.ends[0].stream);
	assert_int_equal(seen.calls, 0);
	assert_true(fake_turn(&fake));
	assert_int_equal(seen.result, GW_E_CANCELLED);
	assert_int_equal(text.asked, 0);
}

struct counting_turn {
	struct io_turn turn;
	int runs;
};

static bool count_turn(struct io_turn *turn)
{
	return ++((struct counting_turn *)turn)->runs < 5;
}

static void the_turn_function_keeps_the_loop_going(void **state)
{
	struct fake fake;
	struct counting_turn turn = {.turn = {count_turn}};

	(void)state;
	fake_init(&fake);
	io_set_turn(&fake.io, &turn.turn);
	while (fake_turn(&fake))
		;
	assert_int_equal(turn.runs, 5);
	io_set_turn(&fake.io, NULL);
	assert_false(fake_turn(&fake));
}

static void a_pick_is_in_range_and_repeats_with_its_seed(void **state)
{
	struct fake first, second;
	uint32_t all = 0;

	(void)state;
	fake_init(&first);
	fake_init(&second);
	for (int i = 0; i < 100; i++) {
		uint32_t pick = io_pick(&first.io, 3);

		assert_in_range(pick, 0, 2);
		assert_int_equal(pick, io_pick(&second.io, 3));
		all |= 1U << pick;
	}
	assert_int_equal(all, 7);
	assert_int_equal(io_pick(&first.io, 1), 0);
}

static void every_operation_has_its_own_text(void **state)
{
	(void)state;
	for (unsigned i = 0; i < IO_OPERATIONS; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(io_operation_text(i), io_operation_text(j));
	assert_string_equal(io_operation_text(IO_OPERATIONS), "unknown operation on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(done_never_runs_inside_the_call),
		cmocka_unit_test(a_file_gives_back_what_was_written),
		cmocka_unit_test(a_cancelled_request_ends_with_cancelled),
		cmocka_unit_test(a_failure_names_the_file),
		cmocka_unit_test(timers_come_in_order_and_can_be_stopped),
		cmocka_unit_test(a_request_may_be_used_again_in_its_done),
		cmocka_unit_test(a_reader_is_asked_where_bytes_go),
		cmocka_unit_test(closing_a_stream_cancels_what_is_under_way),
		cmocka_unit_test(the_turn_function_keeps_the_loop_going),
		cmocka_unit_test(a_pick_is_in_range_and_repeats_with_its_seed),
		cmocka_unit_test(every_operation_has_its_own_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
