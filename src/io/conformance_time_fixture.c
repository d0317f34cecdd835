/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_time_fixture.c - the promises of io.h on time, chance, work elsewhere and the loop.
 */
#include "io/conformance_world_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { NS_PER_MS = 1000000 };

/* ---- Time and chance ---------------------------------------------------------------------- */

static void a_timer_never_comes_early(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	uint64_t at = io_now_ns(world->io) + 3 * NS_PER_MS + 1;

	io_timer(world->io, start(&call), at, note);
	assert_int_equal(ended(&call), 0);
	assert_true(io_now_ns(world->io) >= at);
}

static void timers_come_in_the_order_of_their_times(void **state)
{
	struct world *world = (struct world *)*state;
	struct call calls[16];
	uint64_t now = io_now_ns(world->io);

	for (unsigned i = 0; i < 16; i++) {
		calls[i] = call_of(world);
		io_timer(world->io, start(&calls[i]), now + (i * 7 % 16 + 1) * 100000, note);
	}
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(ended(&calls[i]), 0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(calls[i].order, i * 7 % 16 + 1);
}

static void a_timer_of_the_past_comes_later_than_the_call(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);

	io_timer(world->io, start(&call), 0, note);
	assert_int_equal(call.calls, 0);
	assert_true(io_under_way(&call.request));
	assert_int_equal(ended(&call), 0);
}

static void a_stopped_timer_is_idle_and_silent(void **state)
{
	struct world *world = (struct world *)*state;
	struct call calls[2] = {call_of(world), call_of(world)};
	struct call far = call_of(world);

	assert_false(io_timer_stop(world->io, &far.request));
	io_timer(world->io, start(&far), UINT64_MAX, note);
	io_timer(world->io, start(&calls[0]), 0, note);
	io_timer(world->io, start(&calls[1]), io_now_ns(world->io) + NS_PER_MS, note);
	assert_true(io_timer_stop(world->io, &calls[0].request));
	assert_true(io_timer_stop(world->io, &far.request));
	assert_false(io_under_way(&calls[0].request));
	assert_int_equal(ended(&calls[1]), 0);
	run_out(world);
	assert_int_equal(calls[0].calls + far.calls, 0);
	assert_int_equal(io_pending(world->io), 0);
}

/* Stops the timer that its data's world was told of. */
struct stopper {
	struct call call;
	struct call *other;
	bool stopped;
};

static void stop_the_other(struct io_request *request, int result)
{
	struct stopper *stopper = (struct stopper *)request->data;

	stopper->stopped = io_timer_stop(stopper->call.world->io, &stopper->other->request);
	request->data = &stopper->call;
	note(request, result);
}

static void a_timer_that_is_due_can_still_be_stopped(void **state)
{
	struct world *world = (struct world *)*state;
	struct stopper pair[2] = {{.call = call_of(world)}, {.call = call_of(world)}};

	/* Both are due at once; whichever is first stops the other. */
	for (size_t i = 0; i < 2; i++) {
		pair[i].other = &pair[1 - i].call;
		io_timer(world->io, start(&pair[i].call), 1, stop_the_other);
		pair[i].call.request.data = &pair[i];
	}
	run_out(world);
	assert_int_equal(pair[0].call.calls + pair[1].call.calls, 1);
	assert_int_equal(pair[0].stopped + pair[1].stopped, 1);
}

static void thousands_of_timers_end_each_once(void **state)
{
	enum { TIMERS = 5000 };
	struct world *world = (struct world *)*state;
	struct call *calls = calloc(TIMERS, sizeof(*calls));
	uint64_t now = io_now_ns(world->io), seed = 1;
	int stopped = 0, cancelled = 0;

	assert_non_null(calls);
	for (size_t i = 0; i < TIMERS; i++) {
		calls[i] = call_of(world);
		io_timer(world->io, start(&calls[i]), now + test_pick(&seed, 5 * NS_PER_MS), note);
	}
	for (size_t i = 0; i < TIMERS; i += 3)
		stopped += io_timer_stop(world->io, &calls[i].request);
	for (size_t i = 1; i < TIMERS; i += 3)
		io_cancel(world->io, &calls[i].request);
	run_out(world);
	assert_int_equal(stopped, (TIMERS + 2) / 3);
	for (size_t i = 0; i < TIMERS; i++) {
		assert_int_equal(calls[i].calls, i % 3 != 0);
		cancelled += calls[i].result == GW_E_CANCELLED;
	}
	assert_int_equal(cancelled, (TIMERS + 1) / 3);
	free(calls);
}

static void monotonic_time_never_goes_back(void **state)
{
	struct world *world = (struct world *)*state;
	uint64_t last = io_now_ns(world->io);

	for (int i = 0; i < 1000; i++) {
		uint64_t now = io_now_ns(world->io);

		assert_true(now >= last);
		last = now;
	}
	assert_true(io_wall_ns(world->io) > 0);
}

static void the_boot_id_stays_the_same(void **state)
{
	struct world *world = (struct world *)*state;
	uint8_t first[16] = {0}, second[16] = {1};

	io_boot_id(world->io, first);
	io_boot_id(world->io, second);
	assert_memory_equal(first, second, sizeof(first));
}

static void random_bytes_differ(void **state)
{
	struct world *world = (struct world *)*state;
	uint8_t blocks[64][16], big[5000];
	unsigned seen[256] = {0};

	for (size_t i = 0; i < 64; i++) {
		io_random(world->io, blocks[i], sizeof(blocks[i]));
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(blocks[i], blocks[j], sizeof(blocks[i]));
	}
	io_random(world->io, big, sizeof(big));
	for (size_t i = 0; i < sizeof(big); i++)
		seen[big[i]]++;
	for (size_t i = 0; i < 256; i++) /* missing one: e^-19 for each */
		assert_true(seen[i] > 0);
}

static void a_pick_is_below_its_bound(void **state)
{
	struct world *world = (struct world *)*state;

	for (uint32_t n = 1; n < 100; n++)
		assert_true(io_pick(world->io, n) < n);
}

/* ---- Requests ----------------------------------------------------------------------------- */

static int add_one(void *context)
{
	return ++*(int *)context;
}

static void done_never_runs_inside_the_call(void **state)
{
	struct world *world = (struct world *)*state;
	struct call calls[6];
	struct io_file *file = NULL;
	struct io_addresses addresses;
	int number = 41;

	for (size_t i = 0; i < 6; i++)
		calls[i] = call_of(world);
	io_open(world->io, start(&calls[0]), "a", IO_WRITE | IO_CREATE, 0600, &file, note);
	io_unlink(world->io, start(&calls[1]), "none", note);
	io_timer(world->io, start(&calls[2]), 0, note);
	io_offload(world->io, start(&calls[3]), IO_POOL_CPU, add_one, &number, note);
	io_post(world->io, start(&calls[4]), note);
	io_resolve(world->io, start(&calls[5]), "127.0.0.1", "80", &addresses, note);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(calls[i].calls, 0);
		assert_true(io_under_way(&calls[i].request));
	}
	assert_int_equal(io_pending(world->io), 6);
	run_out(world);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(calls[i].calls, 1);
		assert_false(io_under_way(&calls[i].request));
	}
	assert_int_equal(calls[0].result, 0);
	assert_int_equal(calls[1].result, GW_E_NOT_FOUND);
	assert_int_equal(calls[3].result, 42);
	assert_int_equal(io_pending(world->io), 0);
	close_file(world, file);
}

static void a_cancelled_request_ends_once_and_with_cancelled(void **state)
{
	struct world *world = (struct world *)*state;
	struct call calls[5];
	struct io_file *file = NULL;
	struct io_list list = {0};
	int number = 0;

	for (size_t i = 0; i < 5; i++)
		calls[i] = call_of(world);
	io_timer(world->io, start(&calls[0]), UINT64_MAX, note);
	io_post(world->io, start(&calls[1]), note);
	io_offload(world->io, start(&calls[2]), IO_POOL_CPU, add_one, &number, note);
	io_open(world->io, start(&calls[3]), "a", IO_WRITE | IO_CREATE, 0600, &file, note);
	io_list(world->io, start(&calls[4]), ".", &list, note);
	for (size_t i = 0; i < 5; i++) {
		io_cancel(world->io, &calls[i].request);
		io_cancel(world->io, &calls[i].request); /* a second one changes nothing */
		assert_int_equal(calls[i].calls, 0);
	}
	run_out(world);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(calls[i].calls, 1);
		assert_int_equal(calls[i].result, GW_E_CANCELLED);
		io_cancel(world->io, &calls[i].request); /* idle: nothing happens */
	}
	run_out(world);
	assert_int_equal(calls[0].calls, 1);
}

static void a_request_cancelled_in_a_done_ends_with_cancelled(void **state)
{
	struct world *world = (struct world *)*state;
	struct call first = call_of(world), second = call_of(world);

	io_post(world->io, start(&first), note);
	assert_int_equal(ended(&first), 0);
	io_offload(world->io, start(&first), IO_POOL_CPU, add_one, &(int){0}, note);
	io_timer(world->io, start(&second), UINT64_MAX, note);
	assert_int_equal(ended(&first), 1);
	io_cancel(world->io, &second.request);
	assert_int_equal(ended(&second), GW_E_CANCELLED);
	assert_string_equal(second.error.text, "cannot wait : cancelled");
}

static void post_again(struct io_request *request, int result)
{
	struct call *call = (struct call *)request->data;

	assert_int_equal(result, 0);
	if (++call->calls < 1000)
		io_post(call->world->io, request, post_again);
	else
		stop(call->world);
}

static void a_request_may_be_started_again_in_its_done(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);

	io_post(world->io, start(&call), post_again);
	run_until(world, &call.calls, 1000);
	assert_int_equal(call.calls, 1000);
	assert_int_equal(io_pending(world->io), 0);
}

static void posts_keep_their_order(void **state)
{
	struct world *world = (struct world *)*state;
	struct call calls[50];

	for (unsigned i = 0; i < 50; i++) {
		calls[i] = call_of(world);
		io_post(world->io, start(&calls[i]), note);
	}
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(ended(&calls[i]), 0);
		assert_int_equal(calls[i].order, i + 1);
	}
}

/* ---- Work elsewhere ----------------------------------------------------------------------- */

static int fail_with_a_code(void *context)
{
	(void)context;
	return GW_E_CORRUPT;
}

static void offloaded_work_gives_back_what_it_returned(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	int number = 6;

	io_offload(world->io, start(&call), IO_POOL_CPU, add_one, &number, note);
	assert_int_equal(ended(&call), 7);
	assert_int_equal(number, 7);
	io_offload(world->io, start(&call), IO_POOL_CPU, fail_with_a_code, NULL, note);
	assert_int_equal(ended(&call), GW_E_CORRUPT);
	io_offload(world->io, start(&call), io_pool_of(world->io, "."), add_one, &number, note);
	assert_int_equal(ended(&call), 8);
}

/* A gate that work waits at, by lock and condition: on a real backend its thread is held. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool open;
	atomic_int begun;
};

static int wait_at_gate(void *context)
{
	struct gate *gate = (struct gate *)context;

	atomic_fetch_add(&gate->begun, 1);
	pthread_mutex_lock(&gate->mutex);
	while (!gate->open)
		pthread_cond_wait(&gate->cond, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
	return 1;
}

static void open_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->open = true;
	pthread_cond_broadcast(&gate->cond);
	pthread_mutex_unlock(&gate->mutex);
}

enum { GATE_JOBS = 200 }; /* more than a pool has threads */

static void a_pool_that_hangs_stalls_no_other(void **state)
{
	struct world *world = (struct world *)*state;
	struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
	struct call hung[GATE_JOBS], other = call_of(world), timer = call_of(world);
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	int number = 0;

	/* The pool for computing hangs; the disk goes on, then the other way around. */
	for (int round = 0; round < 2; round++) {
		uint32_t stuck = round ? io_pool_of(world->io, "a") : IO_POOL_CPU;

		gate.open = false;
		for (size_t i = 0; i < GATE_JOBS; i++) {
			hung[i] = call_of(world);
			io_offload(world->io, start(&hung[i]), stuck, wait_at_gate, &gate, note);
		}
		if (stuck == IO_POOL_CPU)
			write_file(world, file, "goes on", 0);
		io_offload(world->io, start(&other),
			   stuck == IO_POOL_CPU ? io_pool_of(world->io, "a") : IO_POOL_CPU, add_one,
			   &number, note);
		assert_int_equal(ended(&other), round + 1);
		io_timer(world->io, start(&timer), 0, note);
		assert_int_equal(ended(&timer), 0);
		open_gate(&gate);
		for (size_t i = 0; i < GATE_JOBS; i++)
			assert_int_equal(ended(&hung[i]), 1);
	}
	expect_file(world, file, "goes on", 0);
	close_file(world, file);
}

static void cancelled_work_that_has_not_begun_is_not_begun(void **state)
{
	struct world *world = (struct world *)*state;
	struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
	struct call hung[GATE_JOBS], late = call_of(world);
	int number = 0, cancelled = 0;

	for (size_t i = 0; i < GATE_JOBS; i++) {
		hung[i] = call_of(world);
		io_offload(world->io, start(&hung[i]), IO_POOL_CPU, wait_at_gate, &gate, note);
	}
	io_offload(world->io, start(&late), IO_POOL_CPU, add_one, &number, note);
	io_cancel(world->io, &late.request);
	/* It ends while the pool hangs. */
	assert_int_equal(ended(&late), GW_E_CANCELLED);
	for (size_t i = 0; i < GATE_JOBS; i++)
		io_cancel(world->io, &hung[i].request);
	open_gate(&gate);
	run_out(world);
	assert_int_equal(number, 0);
	for (size_t i = 0; i < GATE_JOBS; i++)
		cancelled += hung[i].calls == 1 && hung[i].result == GW_E_CANCELLED;
	assert_int_equal(cancelled, GATE_JOBS);
	assert_true(atomic_load(&gate.begun) < GATE_JOBS);
}

/* Threads that post; each has its requests, and the io's thread counts what it sees of them. */
enum { POSTERS = 4, POSTS = 500 };

struct poster {
	struct world *world;
	struct io_request requests[POSTS];
	size_t next; /* whose turn it is, by order */
	int *all;
	int values[POSTS];
};

static void posted(struct io_request *request, int result)
{
	struct poster *poster = (struct poster *)request->data;

	assert_int_equal(result, 0);
	assert_ptr_equal(request, &poster->requests[poster->next]);
	assert_int_equal(poster->values[poster->next], (int)poster->next + 1);
	poster->next++;
	if (++*poster->all == POSTERS * POSTS)
		stop(poster->world);
}

static void *post_all(void *context)
{
	struct poster *poster = (struct poster *)context;

	for (int i = 0; i < POSTS; i++) {
		poster->values[i] = i + 1; /* what was written before is seen */
		poster->requests[i].data = poster;
		io_post(poster->world->io, &poster->requests[i], posted);
	}
	return NULL;
}

static void posts_of_other_threads_arrive_in_order(void **state)
{
	struct world *world = (struct world *)*state;
	struct poster *posters = calloc(POSTERS, sizeof(*posters));
	struct call far = call_of(world);
	pthread_t threads[POSTERS];
	int all = 0;

	assert_non_null(posters);
	io_timer(world->io, start(&far), UINT64_MAX, note); /* something is pending meanwhile */
	for (size_t i = 0; i < POSTERS; i++) {
		posters[i].world = world;
		posters[i].all = &all;
		assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
	}
	run_until(world, &all, POSTERS * POSTS);
	for (size_t i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(io_timer_stop(world->io, &far.request));
	free(posters);
}

/* ---- The turn ----------------------------------------------------------------------------- */

struct counting_turn {
	struct io_turn turn;
	struct world *world;
	struct call *call;
	int runs, more;
	int seen_calls; /* calls that had ended when it ran last */
};

static bool count_turn(struct io_turn *turn)
{
	struct counting_turn *counting = (struct counting_turn *)turn;

	counting->runs++;
	counting->seen_calls = counting->call ? counting->call->calls : 0;
	return counting->runs < counting->more;
}

static void the_turn_function_runs_while_it_has_more(void **state)
{
	struct world *world = (struct world *)*state;
	struct counting_turn turn = {.turn = {count_turn}, .world = world, .more = 5};

	io_set_turn(world->io, &turn.turn);
	run_out(world);
	assert_int_equal(turn.runs, 5);
	io_set_turn(world->io, NULL);
	run_out(world);
	assert_int_equal(turn.runs, 5);
}

static void the_turn_function_runs_behind_the_callbacks(void **state)
{
	struct world *world = (struct world *)*state;
	struct call call = call_of(world);
	struct counting_turn turn = {.turn = {count_turn}, .world = world, .call = &call};

	io_set_turn(world->io, &turn.turn);
	io_post(world->io, start(&call), note);
	assert_int_equal(ended(&call), 0);
	run_out(world);
	assert_int_equal(turn.seen_calls, 1);
	io_set_turn(world->io, NULL);
}

const struct conformance_test conformance_time[] = {
	TEST(a_timer_never_comes_early, 0),
	TEST(timers_come_in_the_order_of_their_times, 0),
	TEST(a_timer_of_the_past_comes_later_than_the_call, 0),
	TEST(a_stopped_timer_is_idle_and_silent, 0),
	TEST(a_timer_that_is_due_can_still_be_stopped, 0),
	TEST(thousands_of_timers_end_each_once, 0),
	TEST(monotonic_time_never_goes_back, 0),
	TEST(the_boot_id_stays_the_same, 0),
	TEST(random_bytes_differ, 0),
	TEST(a_pick_is_below_its_bound, 0),
	TEST(done_never_runs_inside_the_call, 0),
	TEST(a_cancelled_request_ends_once_and_with_cancelled, 0),
	TEST(a_request_cancelled_in_a_done_ends_with_cancelled, 0),
	TEST(a_request_may_be_started_again_in_its_done, 0),
	TEST(posts_keep_their_order, 0),
	TEST(offloaded_work_gives_back_what_it_returned, 0),
	TEST(a_pool_that_hangs_stalls_no_other, IO_LACKS_THREADS),
	TEST(cancelled_work_that_has_not_begun_is_not_begun, IO_LACKS_THREADS),
	TEST(posts_of_other_threads_arrive_in_order, IO_LACKS_THREADS),
	TEST(the_turn_function_runs_while_it_has_more, 0),
	TEST(the_turn_function_runs_behind_the_callbacks, 0),
	{0},
};
