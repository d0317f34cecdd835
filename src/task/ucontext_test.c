/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ucontext_test.c - the switch that is used where there is none in assembly. The scheduler is
 * compiled once more, into this program, with that switch; what is not a switch is the library's.
 */
#define TASK_UCONTEXT 1

#include "await.c"
#include "group.c"
#include "inbox.c"
#include "loop.c"
#include "overflow.c"
#include "report.c"
#include "run.c"
#include "schedule.c"
#include "self.c"
#include "stack.c"
#include "symbols.c"
#include "timers.c"
#include "wait.c"
#include "world.c"

#include "task/loop_fixture.h"

struct walker {
	uint64_t sleep_ms;
	int steps, done;
	double sum;
};

static int walk_with_numbers(void *argument)
{
	struct walker *walker = argument;
	double third = walker->steps / 3.0;
	int ended = 0;

	for (int i = 0; i < walker->steps && ended == 0; i++) {
		ended = walker->sleep_ms ? gw_sleep_ms(walker->sleep_ms) : gw_yield();
		walker->sum += third;
		walker->done++;
	}
	return ended;
}

static void check(struct walker *walkers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double wanted = 0;

		for (int step = 0; step < walkers[i].steps; step++)
			wanted += walkers[i].steps / 3.0;
		assert_int_equal(walkers[i].done, walkers[i].steps);
		assert_true(walkers[i].sum == wanted);
	}
}

static int tasks_take_turns_and_keep_their_numbers(void *argument)
{
	struct walker walkers[10] = {{0}};
	struct gw_group group = {0};

	(void)argument;
	for (size_t i = 0; i < 10; i++) {
		walkers[i].steps = (int)(20 + i);
		walkers[i].sleep_ms = i % 3;
		assert_int_equal(gw_spawn(&group, walk_with_numbers, &walkers[i], NULL), 0);
	}
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	check(walkers, 10);
	return 0;
}

static int a_task_is_cancelled_in_its_sleep(void *argument)
{
	struct walker walker = {.sleep_ms = 1000, .steps = 5};
	struct gw_group group = {0};

	(void)argument;
	assert_int_equal(gw_spawn(&group, walk_with_numbers, &walker, NULL), 0);
	assert_int_equal(gw_sleep_ms(1500), 0);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), GW_E_CANCELLED);
	assert_int_equal(walker.done, 2);
	return 0;
}

static int start_many(void *argument)
{
	struct walker *walkers = argument;
	struct gw_group group = {0};
	struct gw_thread *thread;
	int other, result;

	result = gw_thread_start(&thread, walk_with_numbers, &walkers[0], NULL, NULL);
	if (result < 0)
		return result;
	for (int i = 1; i < 300; i++)
		assert_int_equal(gw_spawn(&group, walk_with_numbers, &walkers[i], NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(gw_thread_join(thread, &other, GW_FOREVER), 0);
	return other;
}

static void a_run_with_threads_goes_to_its_end(void **state)
{
	static struct walker walkers[300];

	(void)state;
	for (int i = 0; i < 300; i++)
		walkers[i].steps = i % 7 + 3;
	assert_int_equal(gw_run(start_many, walkers, NULL, NULL), 0);
	check(walkers, 300);
}

static int wait_for_itself(void *argument)
{
	struct gw_group group = {.count = 1};

	(void)argument;
	return gw_group_wait(&group, GW_FOREVER);
}

static void a_deadlock_is_found(void **state)
{
	struct gw_run_options quiet = {.without_deadlock_report = true};

	(void)state;
	assert_int_equal(gw_run(wait_for_itself, NULL, &quiet, NULL), GW_E_DEADLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_the_loop(tasks_take_turns_and_keep_their_numbers),
		in_the_loop(a_task_is_cancelled_in_its_sleep),
		cmocka_unit_test(a_run_with_threads_goes_to_its_end),
		cmocka_unit_test(a_deadlock_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
