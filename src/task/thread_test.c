/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_test.c - several loops: starting, joining and cancelling threads, waking tasks of another
 * loop, and deadlocks that go over threads. The thread sanitizer sees it too.
 *
 * Only the first loop may use cmocka; tasks of the others say by their result how it went.
 */
#include "task/loop_fixture.h"
#include "task/wait.h"

#include <stdlib.h>

static const struct gw_run_options quiet = {.without_deadlock_report = true};

static int return_it(void *argument)
{
	return *(int *)argument;
}

static int sleep_long(void *argument)
{
	int result = gw_sleep_ms(1000000);

	if (argument)
		*(int *)argument = result;
	return result;
}

static struct gw_thread *start(gw_task_function *function, void *argument)
{
	struct gw_thread *thread = NULL;

	assert_int_equal(gw_thread_start(&thread, function, argument, &quiet, NULL), 0);
	return thread;
}

static int a_thread_is_joined_with_its_result(void *argument)
{
	int result, given = 7;
	struct gw_thread *thread = start(return_it, &given);

	(void)argument;
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, 7);
	given = GW_E_CORRUPT;
	thread = start(return_it, &given);
	assert_int_equal(gw_sleep_ms(1), 0); /* it may have ended before */
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, GW_E_CORRUPT);
	return 0;
}

static int a_join_has_a_deadline(void *argument)
{
	struct gw_thread *thread = start(sleep_long, NULL);

	(void)argument;
	assert_int_equal(gw_thread_join(thread, NULL, GW_AT_ONCE), GW_E_TIMEOUT);
	assert_int_equal(gw_thread_join(thread, NULL, gw_after_ms(1)), GW_E_TIMEOUT);
	gw_thread_cancel(thread);
	assert_int_equal(gw_thread_join(thread, NULL, GW_FOREVER), 0);
	return 0;
}

static int a_cancel_of_a_thread_reaches_its_tasks(void *argument)
{
	int result;
	struct gw_thread *thread = start(sleep_long, NULL);

	(void)argument;
	gw_thread_cancel(thread);
	gw_thread_cancel(thread);
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, GW_E_CANCELLED);
	return 0;
}

static int threads_start_threads(void *argument)
{
	int depth = *(int *)argument, result = 0;
	struct gw_thread *thread;

	if (depth == 0)
		return 11;
	*(int *)argument = depth - 1;
	if (gw_thread_start(&thread, threads_start_threads, argument, &quiet, NULL) < 0 ||
	    gw_thread_join(thread, &result, GW_FOREVER) < 0)
		return GW_E_FAILED;
	return result;
}

static int a_thread_may_start_another(void *argument)
{
	int depth = 4;

	(void)argument;
	assert_int_equal(threads_start_threads(&depth), 11);
	return 0;
}

static int leave_a_thread_behind(void *argument)
{
	(void)start(sleep_long, argument);
	return 5;
}

static void a_thread_left_behind_is_cancelled_and_joined(void **state)
{
	int result = 0;

	(void)state;
	assert_int_equal(gw_run(leave_a_thread_behind, &result, NULL, NULL), 5);
	assert_int_equal(result, GW_E_CANCELLED);
}

static int start_on_another_io(void *argument)
{
	struct gw_thread *thread;
	struct gw_error error = {0};

	(void)argument;
	assert_int_equal(gw_thread_start(&thread, sleep_long, NULL, NULL, &error),
			 GW_E_UNSUPPORTED);
	assert_string_equal(error.text, "no threads on this io");
	return 0;
}

/* ---- Waking tasks of another loop ------------------------------------------------------------ */

/* The smallest shared object: a count, and those who wait for it to be more than 0. */
struct tokens {
	uint32_t guard;
	int64_t count;
	struct gw_waiters waiters;
};

static void tokens_put(struct tokens *tokens)
{
	struct gw_waiter *waiter;

	task_guard_lock(&tokens->guard, true);
	while ((waiter = tokens->waiters.first) != NULL) {
		task_waiters_remove(&tokens->waiters, waiter);
		if (task_claim(waiter->wait))
			break;
	}
	if (!waiter)
		tokens->count++;
	task_guard_unlock(&tokens->guard, true);
	if (waiter)
		task_wake(waiter->wait, 0);
}

static int tokens_take(struct tokens *tokens, uint64_t deadline_ns)
{
	struct task_wait wait;
	struct gw_waiter waiter = {.wait = &wait};
	int result = 0;

	task_guard_lock(&tokens->guard, true);
	if (tokens->count > 0)
		tokens->count--;
	else
		result = task_wait_refused(deadline_ns) ? GW_E_TIMEOUT : 1;
	if (result != 1) {
		task_guard_unlock(&tokens->guard, true);
		return result;
	}
	task_wait_init(&wait, "for a token", tokens, "tokens", true);
	task_waiters_add(&tokens->waiters, &waiter);
	task_guard_unlock(&tokens->guard, true);
	result = task_wait(&wait, deadline_ns);
	if (result < 0) {
		task_guard_lock(&tokens->guard, true);
		if (waiter.linked)
			task_waiters_remove(&tokens->waiters, &waiter);
		task_guard_unlock(&tokens->guard, true);
	}
	return result;
}

enum { ROUNDS = 2000 };

struct rally {
	struct tokens there, back;
	int64_t late; /* atomic */
};

static int return_balls(void *argument)
{
	struct rally *rally = argument;
	int result = 0;

	for (int i = 0; i < ROUNDS && result == 0; i++) {
		result = tokens_take(&rally->there, GW_FOREVER);
		tokens_put(&rally->back);
	}
	return result;
}

static int no_wake_is_lost_between_loops(void *argument)
{
	struct rally rally = {0};
	struct gw_thread *thread = start(return_balls, &rally);
	int result;

	(void)argument;
	for (int i = 0; i < ROUNDS; i++) {
		tokens_put(&rally.there);
		assert_int_equal(tokens_take(&rally.back, GW_FOREVER), 0);
	}
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, 0);
	return 0;
}

/* Takes with deadlines that are about as long as the putting takes; counts what it did not get. */
static int take_impatiently(void *argument)
{
	struct rally *rally = argument;

	for (int got = 0; got < ROUNDS;) {
		int result = tokens_take(&rally->there, gw_now_ns() + (uint64_t)got % 64 * 500);

		if (result == 0)
			got++;
		else if (result == GW_E_TIMEOUT)
			__atomic_fetch_add(&rally->late, 1, __ATOMIC_RELAXED);
		else
			return result;
	}
	return 0;
}

static int a_deadline_that_races_with_a_wake_loses_nothing(void *argument)
{
	struct rally rally = {0};
	struct gw_thread *thread = start(take_impatiently, &rally);
	int result;

	(void)argument;
	for (int i = 0; i < ROUNDS; i++) {
		tokens_put(&rally.there);
		assert_int_equal(gw_yield(), 0);
	}
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, 0);
	assert_int_equal(rally.there.count, 0);
	assert_null(rally.there.waiters.first);
	return 0;
}

static int take_one(void *argument)
{
	return tokens_take(argument, GW_FOREVER);
}

static int a_cancel_that_races_with_a_wake_loses_nothing(void *argument)
{
	struct rally rally = {0};

	(void)argument;
	for (int i = 0; i < 50; i++) {
		struct gw_thread *thread = start(take_one, &rally.there);
		int result;

		if (i % 2)
			gw_thread_cancel(thread);
		tokens_put(&rally.there);
		if (i % 2 == 0)
			gw_thread_cancel(thread);
		assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
		if (result == GW_E_CANCELLED)
			assert_int_equal(tokens_take(&rally.there, GW_AT_ONCE), 0);
		assert_int_equal(tokens_take(&rally.there, GW_AT_ONCE), GW_E_TIMEOUT);
	}
	return 0;
}

/* ---- Deadlocks over threads ------------------------------------------------------------------ */

static int wait_for_each_other(void *argument)
{
	struct rally *rally = argument;
	struct gw_thread *thread;
	int mine, other;

	assert_int_equal(gw_thread_start(&thread, take_one, &rally->there, &quiet, NULL), 0);
	mine = tokens_take(&rally->back, GW_FOREVER);
	assert_int_equal(mine, GW_E_CANCELLED);
	gw_shield_begin();
	assert_int_equal(gw_thread_join(thread, &other, GW_FOREVER), 0);
	gw_shield_end();
	assert_int_equal(other, GW_E_DEADLOCK);
	return mine;
}

static void loops_that_wait_for_each_other_are_a_deadlock(void **state)
{
	struct rally rally = {0};

	(void)state;
	assert_int_equal(gw_run(wait_for_each_other, &rally, &quiet, NULL), GW_E_DEADLOCK);
}

static int wait_for_one_that_ends(void *argument)
{
	struct rally *rally = argument;
	int zero = 0;

	(void)start(return_it, &zero);
	return tokens_take(&rally->back, GW_FOREVER);
}

static void a_wait_for_a_thread_that_ended_is_a_deadlock(void **state)
{
	struct rally rally = {0};

	(void)state;
	assert_int_equal(gw_run(wait_for_one_that_ends, &rally, &quiet, NULL), GW_E_DEADLOCK);
}

static int wait_in_a_shield(void *argument)
{
	int result;

	gw_shield_begin();
	result = tokens_take(argument, GW_FOREVER);
	gw_shield_end();
	return result;
}

static int shield_both(void *argument)
{
	struct rally *rally = argument;

	(void)start(wait_in_a_shield, &rally->there);
	return wait_in_a_shield(&rally->back);
}

static void a_deadlock_in_shields_ends_all_loops(void **state)
{
	struct rally rally = {0};

	(void)state;
	assert_int_equal(gw_run(shield_both, &rally, &quiet, NULL), GW_E_DEADLOCK);
}

static int sleep_then_put(void *argument)
{
	struct rally *rally = argument;
	int result = gw_sleep_ms(5);

	tokens_put(&rally->back);
	return result;
}

static int a_sleeping_thread_is_no_deadlock(void *argument)
{
	struct rally rally = {0};
	struct gw_thread *thread = start(sleep_then_put, &rally);

	(void)argument;
	assert_int_equal(tokens_take(&rally.back, GW_FOREVER), 0);
	assert_int_equal(gw_thread_join(thread, NULL, GW_FOREVER), 0);
	return 0;
}

#define in_a_run(function) {#function, run_in_gw, NULL, NULL, (void *)(function)}

static void run_in_gw(void **state)
{
	assert_int_equal(gw_run((gw_task_function *)*state, NULL, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_run(a_thread_is_joined_with_its_result),
		in_a_run(a_join_has_a_deadline),
		in_a_run(a_cancel_of_a_thread_reaches_its_tasks),
		in_a_run(a_thread_may_start_another),
		cmocka_unit_test(a_thread_left_behind_is_cancelled_and_joined),
		{"only_gw_run_has_threads", run_in_the_loop, NULL, NULL,
		 (void *)start_on_another_io},
		in_a_run(no_wake_is_lost_between_loops),
		in_a_run(a_deadline_that_races_with_a_wake_loses_nothing),
		in_a_run(a_cancel_that_races_with_a_wake_loses_nothing),
		cmocka_unit_test(loops_that_wait_for_each_other_are_a_deadlock),
		cmocka_unit_test(a_wait_for_a_thread_that_ended_is_a_deadlock),
		cmocka_unit_test(a_deadlock_in_shields_ends_all_loops),
		in_a_run(a_sleeping_thread_is_no_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
