/* SPDX-License-Identifier: Apache-2.0 */
/* loop_test.c - tasks in one loop: order, time, deadlines, cancels, shields, and its end. */
#include "task/loop_fixture.h"

#include <stdio.h>

enum { MS = 1000000 };

/* Letters in the order that tasks ran. */
struct trail {
	char text[64];
	size_t size;
};

struct walker {
	struct trail *trail;
	char letter;
	int steps;
	uint64_t sleep_ms;
	int result; /* of the last wait */
	bool ended;
};

static int walk(void *argument)
{
	struct walker *walker = argument;
	struct trail *trail = walker->trail;

	for (int i = 0; i < walker->steps; i++) {
		trail->text[trail->size++] = walker->letter;
		walker->result = walker->sleep_ms ? gw_sleep_ms(walker->sleep_ms) : gw_yield();
	}
	walker->ended = true;
	return walker->result;
}

static int ready_tasks_run_first_come_first_served(void *argument)
{
	struct trail trail = {{0}, 0};
	struct gw_group group = {0};
	struct walker walkers[3] = {
		{.trail = &trail, .letter = 'a', .steps = 2},
		{.trail = &trail, .letter = 'b', .steps = 3},
		{.trail = &trail, .letter = 'c', .steps = 1},
	};

	(void)argument;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(gw_spawn(&group, walk, &walkers[i], NULL), 0);
	assert_int_equal(trail.size, 0); /* they run when the caller waits */
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_string_equal(trail.text, "abcabb");
	return 0;
}

static int sleepers_wake_in_the_order_of_their_times(void *argument)
{
	struct trail trail = {{0}, 0};
	struct gw_group group = {0};
	struct walker walkers[5];
	uint64_t begun = gw_now_ns();

	(void)argument;
	for (int i = 0; i < 5; i++) {
		walkers[i] = (struct walker){.trail = &trail, .letter = (char)('a' + i),
					     .steps = 2, .sleep_ms = (uint64_t)(10 * (7 - i))};
		assert_int_equal(gw_spawn(&group, walk, &walkers[i], NULL), 0);
	}
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_string_equal(trail.text, "abcdeedcba");
	assert_int_equal(gw_now_ns() - begun, 140 * MS);
	return 0;
}

static int sleep_until_a_time_that_is_past_is_0(void *argument)
{
	(void)argument;
	assert_int_equal(gw_sleep_ms(3), 0);
	assert_int_equal(gw_sleep_until(gw_now_ns() - 1), 0);
	assert_int_equal(gw_sleep_until(GW_AT_ONCE), 0);
	assert_int_equal(gw_after_ms(UINT64_MAX / 2), GW_FOREVER);
	assert_int_equal(gw_after_ms(2), gw_now_ns() + 2 * MS);
	return 0;
}

static int the_deadline_of_a_task_ends_all_its_waits(void *argument)
{
	struct gw_group empty = {0};
	struct trail trail = {{0}, 0};
	struct walker walker = {.trail = &trail, .letter = 'a', .steps = 1, .sleep_ms = 100};
	uint64_t at = gw_after_ms(10);

	(void)argument;
	assert_int_equal(gw_deadline_set(at), GW_FOREVER);
	assert_int_equal(gw_deadline(), at);
	assert_int_equal(gw_sleep_ms(5), 0);
	assert_int_equal(gw_sleep_ms(50), GW_E_TIMEOUT);
	assert_int_equal(gw_now_ns(), at);
	assert_int_equal(gw_yield(), GW_E_TIMEOUT);
	assert_int_equal(gw_spawn(&empty, walk, &walker, NULL), 0);
	assert_int_equal(gw_group_wait(&empty, GW_FOREVER), GW_E_TIMEOUT);
	assert_int_equal(gw_deadline_set(GW_FOREVER), at);
	assert_int_equal(gw_group_done(&empty), 0);
	return 0;
}

static int tell_deadline(void *argument)
{
	*(uint64_t *)argument = gw_deadline();
	task_trace()->low++;
	return (int)task_trace()->low;
}

static int sleep_a_little(void *argument)
{
	return gw_sleep_ms(*(uint64_t *)argument);
}

static int deadlines_that_did_not_come_leave_nothing(void *argument)
{
	struct gw_group group = {0};
	uint64_t ms = 3, begun = gw_now_ns();

	(void)argument;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(gw_spawn(&group, sleep_a_little, &ms, NULL), 0);
		assert_int_equal(gw_group_wait(&group, gw_after_ms(1000)), 0);
	}
	assert_int_equal(gw_now_ns() - begun, 30 * MS);
	return 0; /* and the clock does not go on to 1000, as the run's end shows */
}

static void a_loop_that_is_done_waits_for_no_timer(void **state)
{
	struct loop_world world;

	(void)state;
	loop_world_begin(&world, NULL);
	assert_int_equal(task_loop_spawn(world.loop, deadlines_that_did_not_come_leave_nothing,
					 NULL, NULL), 0);
	loop_world_run(&world);
	assert_int_equal(world.fake.now_ns, 30 * MS);
	assert_int_equal(io_pending(&world.fake.io), 0);
	loop_world_end(&world);
}

static int deadline_and_trace_are_inherited(void *argument)
{
	struct gw_group group = {0};
	uint64_t seen = 0;

	(void)argument;
	task_trace()->low = 41;
	(void)gw_deadline_set(gw_after_ms(77));
	assert_int_equal(gw_spawn(&group, tell_deadline, &seen, NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(seen, gw_deadline());
	assert_int_equal(task_trace()->low, 41); /* the other one changed its own */
	return 0;
}

static int the_earlier_deadline_counts(void *argument)
{
	struct gw_group group = {0};
	struct trail trail = {{0}, 0};
	struct walker walker = {.trail = &trail, .letter = 'a', .steps = 1, .sleep_ms = 100};
	uint64_t begun = gw_now_ns();

	(void)argument;
	assert_int_equal(gw_spawn(&group, walk, &walker, NULL), 0);
	(void)gw_deadline_set(gw_after_ms(20));
	assert_int_equal(gw_group_wait(&group, gw_after_ms(10)), GW_E_TIMEOUT);
	assert_int_equal(gw_now_ns() - begun, 10 * MS);
	assert_int_equal(gw_group_wait(&group, gw_after_ms(30)), GW_E_TIMEOUT);
	assert_int_equal(gw_now_ns() - begun, 20 * MS);
	assert_int_equal(gw_group_wait(&group, GW_AT_ONCE), GW_E_TIMEOUT);
	(void)gw_deadline_set(GW_FOREVER);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(gw_now_ns() - begun, 100 * MS);
	return 0;
}

static int a_cancel_ends_this_wait_and_all_to_come(void *argument)
{
	struct gw_group group = {0};
	struct trail trail = {{0}, 0};
	struct walker walker = {.trail = &trail, .letter = 'a', .steps = 4, .sleep_ms = 100};
	uint64_t begun = gw_now_ns();

	(void)argument;
	assert_int_equal(gw_spawn(&group, walk, &walker, NULL), 0);
	assert_int_equal(gw_sleep_ms(150), 0);
	gw_group_cancel(&group);
	assert_int_equal(gw_spawn(&group, walk, &walker, NULL), GW_E_CANCELLED);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), GW_E_CANCELLED);
	assert_string_equal(trail.text, "aaaa");
	assert_int_equal(gw_now_ns() - begun, 150 * MS);
	assert_int_equal(gw_group_done(&group), GW_E_CANCELLED);
	assert_int_equal(gw_spawn(&group, tell_deadline, &begun, NULL), 0); /* as new */
	assert_int_equal(gw_group_done(&group), 0);
	return 0;
}

struct shielded {
	int inside, outside, yielded;
	bool knew;
};

static int wait_in_a_shield(void *argument)
{
	struct shielded *shielded = argument;

	(void)gw_deadline_set(gw_after_ms(20));
	gw_shield_begin();
	gw_shield_begin();
	shielded->inside = gw_sleep_ms(50);
	gw_shield_end();
	shielded->yielded = gw_yield();
	shielded->knew = gw_cancelled();
	gw_shield_end();
	shielded->outside = gw_sleep_ms(50);
	return 0;
}

static int a_shield_keeps_cancel_and_deadline_off(void *argument)
{
	struct gw_group group = {0};
	struct shielded late = {0}, cancelled = {0};
	uint64_t begun = gw_now_ns();

	(void)argument;
	assert_int_equal(gw_spawn(&group, wait_in_a_shield, &late, NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(late.inside, 0);
	assert_int_equal(late.yielded, 0);
	assert_false(late.knew);
	assert_int_equal(late.outside, GW_E_TIMEOUT);
	assert_int_equal(gw_spawn(&group, wait_in_a_shield, &cancelled, NULL), 0);
	assert_int_equal(gw_sleep_ms(10), 0);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(cancelled.inside, 0);
	assert_int_equal(cancelled.yielded, 0);
	assert_true(cancelled.knew);
	assert_int_equal(cancelled.outside, GW_E_CANCELLED);
	assert_int_equal(gw_now_ns() - begun, 100 * MS);
	return 0;
}

static int note_name(void *argument)
{
	snprintf((char *)argument, GW_TASK_NAME_MAX, "%s", gw_task_name());
	return 0;
}

static int names_are_copied_and_cut(void *argument)
{
	struct gw_group group = {0};
	char given[] = "a name that is longer than a task's name can be";
	char names[3][GW_TASK_NAME_MAX];
	struct gw_spawn_options options = {.name = given};

	(void)argument;
	assert_int_equal(gw_spawn(&group, note_name, names[0], &options), 0);
	memset(given, 'x', 5);
	options.name = "short";
	assert_int_equal(gw_spawn(&group, note_name, names[1], &options), 0);
	assert_int_equal(gw_spawn(&group, note_name, names[2], NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_string_equal(names[0], "a name that is longer than a ta");
	assert_string_equal(names[1], "short");
	assert_string_equal(names[2], "task 4"); /* the fourth of this loop */
	return 0;
}

/* ---- Loops from outside ---------------------------------------------------------------------- */

static void a_turn_ends_when_tasks_never_wait(void **state)
{
	struct loop_world world;
	struct trail trail = {{0}, 0};
	struct walker walker = {.trail = &trail, .letter = 'a', .steps = 0};
	size_t turns = 0;

	(void)state;
	loop_world_begin(&world, NULL);
	for (int i = 0; i < 2 * TASK_BATCH + 1; i++)
		assert_int_equal(task_loop_spawn(world.loop, walk, &walker, NULL), 0);
	assert_false(task_loop_idle(world.loop));
	while (task_loop_tasks(world.loop) > 0) {
		size_t before = task_loop_tasks(world.loop);

		(void)fake_turn(&world.fake);
		assert_true(before - task_loop_tasks(world.loop) <= TASK_BATCH);
		turns++;
	}
	assert_true(task_loop_idle(world.loop));
	assert_int_equal(turns, 3);
	loop_world_run(&world);
	loop_world_end(&world);
}

static void the_io_picks_the_order_where_it_is_asked(void **state)
{
	struct task_loop_options options = {.pick = true};
	char first[64] = "";
	size_t different = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct loop_world world;
		struct trail trail = {{0}, 0};
		struct walker walkers[4];

		loop_world_begin(&world, &options);
		world.fake.seed = seed * 7919;
		for (size_t i = 0; i < 4; i++) {
			walkers[i] = (struct walker){.trail = &trail, .letter = (char)('a' + i),
						     .steps = 3};
			assert_int_equal(task_loop_spawn(world.loop, walk, &walkers[i], NULL), 0);
		}
		loop_world_run(&world);
		assert_int_equal(trail.size, 12);
		if (seed == 1)
			memcpy(first, trail.text, sizeof(first));
		different += strcmp(first, trail.text) != 0;
		loop_world_end(&world);
	}
	assert_true(different > 10);
}

static void a_loop_may_end_with_tasks_suspended(void **state)
{
	struct loop_world world;
	struct trail trail = {{0}, 0};
	struct walker walkers[3];

	(void)state;
	loop_world_begin(&world, NULL);
	for (size_t i = 0; i < 3; i++) {
		walkers[i] = (struct walker){.trail = &trail, .letter = (char)('a' + i),
					     .steps = 2, .sleep_ms = 10 + i};
		assert_int_equal(task_loop_spawn(world.loop, walk, &walkers[i], NULL), 0);
	}
	fake_turn(&world.fake); /* they run */
	fake_turn(&world.fake); /* the first wakes */
	assert_string_equal(trail.text, "abca");
	assert_int_equal(task_loop_tasks(world.loop), 3);
	loop_world_end(&world);
	for (size_t i = 0; i < 3; i++)
		assert_false(walkers[i].ended);
	assert_null(world.fake.turn);
}

static void a_loop_that_is_cancelled_cancels_tasks_to_come(void **state)
{
	struct loop_world world;
	struct trail trail = {{0}, 0};
	struct walker walkers[2];

	(void)state;
	loop_world_begin(&world, NULL);
	for (size_t i = 0; i < 2; i++) {
		walkers[i] = (struct walker){.trail = &trail, .letter = (char)('a' + i),
					     .steps = 2, .sleep_ms = 10};
		assert_int_equal(task_loop_spawn(world.loop, walk, &walkers[i], NULL), 0);
		fake_turn(&world.fake);
		task_loop_cancel(world.loop);
	}
	loop_world_run(&world);
	assert_int_equal(world.fake.now_ns, 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(walkers[i].result, GW_E_CANCELLED);
	assert_int_equal(task_loop_tasks(world.loop), 0);
	loop_world_end(&world);
}

static void over_the_limit_of_tasks_is_busy(void **state)
{
	struct task_loop_options options = {.tasks_max = 2};
	struct loop_world world;
	struct trail trail = {{0}, 0};
	struct walker walker = {.trail = &trail, .letter = 'a', .steps = 1, .sleep_ms = 1};

	(void)state;
	loop_world_begin(&world, &options);
	for (int i = 0; i < 5; i++)
		assert_int_equal(task_loop_spawn(world.loop, walk, &walker, NULL),
				 i < 2 ? 0 : GW_E_BUSY);
	loop_world_run(&world);
	assert_int_equal(task_loop_spawn(world.loop, walk, &walker, NULL), 0);
	loop_world_run(&world);
	assert_string_equal(trail.text, "aaa");
	loop_world_end(&world);
}

static void two_loops_share_a_thread(void **state)
{
	struct loop_world worlds[2];
	struct trail trail = {{0}, 0};
	struct walker walkers[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		loop_world_begin(&worlds[i], NULL);
		walkers[i] = (struct walker){.trail = &trail, .letter = (char)('a' + i),
					     .steps = 3, .sleep_ms = 1};
		assert_int_equal(task_loop_spawn(worlds[i].loop, walk, &walkers[i], NULL), 0);
	}
	while (task_loop_tasks(worlds[0].loop) + task_loop_tasks(worlds[1].loop) > 0)
		for (size_t i = 0; i < 2; i++)
			(void)fake_turn(&worlds[i].fake);
	assert_string_equal(trail.text, "ababab");
	loop_world_end(&worlds[0]);
	loop_world_end(&worlds[1]);
}

static int make_and_run(void *context)
{
	struct fake fake;
	struct gw_loop *loop;
	struct trail trail = {{0}, 0};
	struct walker walkers[20];
	int result;

	(void)context;
	fake_init(&fake);
	result = task_loop_new(&fake.io, NULL, &loop, NULL);
	if (result < 0)
		return result;
	for (size_t i = 0; i < 20 && result == 0; i++) {
		struct gw_spawn_options options = {.stack_bytes = i % 7 == 0 ? 1 << 20 : 0};

		walkers[i] = (struct walker){.trail = &trail, .letter = 'a', .steps = 1,
					     .sleep_ms = 3};
		result = task_loop_spawn(loop, walk, &walkers[i], &options);
	}
	while (fake_turn(&fake))
		;
	task_loop_free(loop);
	return result;
}

static void memory_that_is_short_is_told(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(make_and_run, NULL) >= 5);
}

static void a_stack_over_the_limit_is_refused(void **state)
{
	struct task_loop_options options = {.stack_bytes = (size_t)GW_STACK_BYTES_MAX + 1};
	struct gw_spawn_options large = {.stack_bytes = (size_t)GW_STACK_BYTES_MAX + 1};
	struct loop_world world;
	struct gw_error error = {0};

	(void)state;
	fake_init(&world.fake);
	assert_int_equal(task_loop_new(&world.fake.io, &options, &world.loop, &error),
			 GW_E_INVALID);
	assert_non_null(strstr(error.text, "67108865 bytes"));
	loop_world_begin(&world, NULL);
	assert_int_equal(task_loop_spawn(world.loop, walk, NULL, &large), GW_E_INVALID);
	assert_int_equal(task_loop_tasks(world.loop), 0);
	loop_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_the_loop(ready_tasks_run_first_come_first_served),
		in_the_loop(sleepers_wake_in_the_order_of_their_times),
		in_the_loop(sleep_until_a_time_that_is_past_is_0),
		in_the_loop(the_deadline_of_a_task_ends_all_its_waits),
		in_the_loop(deadline_and_trace_are_inherited),
		in_the_loop(the_earlier_deadline_counts),
		in_the_loop(a_cancel_ends_this_wait_and_all_to_come),
		in_the_loop(a_shield_keeps_cancel_and_deadline_off),
		in_the_loop(names_are_copied_and_cut),
		cmocka_unit_test(a_loop_that_is_done_waits_for_no_timer),
		cmocka_unit_test(a_turn_ends_when_tasks_never_wait),
		cmocka_unit_test(the_io_picks_the_order_where_it_is_asked),
		cmocka_unit_test(a_loop_may_end_with_tasks_suspended),
		cmocka_unit_test(a_loop_that_is_cancelled_cancels_tasks_to_come),
		cmocka_unit_test(over_the_limit_of_tasks_is_busy),
		cmocka_unit_test(two_loops_share_a_thread),
		cmocka_unit_test(memory_that_is_short_is_told),
		cmocka_unit_test(a_stack_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
