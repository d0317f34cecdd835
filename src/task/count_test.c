/* SPDX-License-Identifier: Apache-2.0 */
/* count_test.c - what task.h promises of wait groups and semaphores, in one loop. */
#include "sync_fixture.h"

/* A task that waits for one of the two. */
struct claimant {
	struct gw_wait_group *group;
	struct gw_semaphore *semaphore;
	uint64_t number, deadline_ns;
	int result, rank, *order;
	bool done;
};

static int waits(void *argument)
{
	struct claimant *claimant = argument;

	claimant->result = gw_wait_group_wait(claimant->group, claimant->deadline_ns);
	claimant->done = true;
	return 0;
}

static int acquires(void *argument)
{
	struct claimant *claimant = argument;

	claimant->result = gw_acquire(claimant->semaphore, claimant->number, claimant->deadline_ns);
	if (claimant->order)
		claimant->rank = ++*claimant->order;
	claimant->done = true;
	return 0;
}

static int a_wait_group_waits_until_its_count_is_0(void *argument)
{
	struct gw_wait_group count = {.name = "pages"};
	struct gw_group group = {0};
	struct claimant claimants[3];

	(void)argument;
	assert_int_equal(gw_wait_group_wait(&count, GW_AT_ONCE), 0);
	gw_wait_group_add(&count, 2);
	assert_int_equal(gw_wait_group_wait(&count, GW_AT_ONCE), GW_E_TIMEOUT);
	for (int i = 0; i < 3; i++) {
		claimants[i] = (struct claimant){.group = &count, .deadline_ns = GW_FOREVER};
		start(&group, waits, &claimants[i]);
	}
	gw_wait_group_add(&count, -1);
	settle();
	assert_false(claimants[0].done);
	gw_wait_group_add(&count, -1);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	for (int i = 0; i < 3; i++)
		assert_true(claimants[i].done && claimants[i].result == 0);
	return 0;
}

/* Woken is woken, also when the count has grown again before they run. */
static int a_wait_group_may_be_used_again(void *argument)
{
	struct gw_wait_group count = {0};
	struct gw_group group = {0};
	struct claimant claimant = {.group = &count, .deadline_ns = GW_FOREVER};

	(void)argument;
	for (int i = 0; i < 3; i++) {
		gw_wait_group_add(&count, 1);
		start(&group, waits, &claimant);
		gw_wait_group_add(&count, -1);
		gw_wait_group_add(&count, 1);
		assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
		assert_int_equal(claimant.result, 0);
		gw_wait_group_add(&count, -1);
	}
	return 0;
}

static int deadline_and_cancel_end_the_wait_for_a_group(void *argument)
{
	struct gw_wait_group count = {0};
	struct gw_group group = {0};
	struct claimant claimant = {.group = &count, .deadline_ns = GW_FOREVER};

	(void)argument;
	gw_wait_group_add(&count, 1);
	assert_int_equal(gw_wait_group_wait(&count, gw_after_ms(1)), GW_E_TIMEOUT);
	start(&group, waits, &claimant);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(claimant.result, GW_E_CANCELLED);
	assert_null(count.waiters.first);
	gw_wait_group_add(&count, -1);
	return 0;
}

static int a_semaphore_gives_what_it_has(void *argument)
{
	struct gw_semaphore semaphore = {.name = "buffers"};

	(void)argument;
	assert_int_equal(gw_acquire(&semaphore, 0, GW_AT_ONCE), 0);
	assert_int_equal(gw_acquire(&semaphore, 1, GW_AT_ONCE), GW_E_TIMEOUT);
	gw_release(&semaphore, 3);
	assert_int_equal(gw_acquire(&semaphore, 2, GW_AT_ONCE), 0);
	assert_int_equal(gw_acquire(&semaphore, 2, GW_AT_ONCE), GW_E_TIMEOUT);
	assert_int_equal(gw_acquire(&semaphore, 1, GW_AT_ONCE), 0);
	assert_int_equal(semaphore.count, 0);
	return 0;
}

/* One who wants much is not passed by those who want little. */
static int those_who_came_before_have_theirs_first(void *argument)
{
	struct gw_semaphore semaphore = {0};
	struct gw_group group = {0};
	struct claimant claimants[3];
	int order = 0;

	(void)argument;
	for (int i = 0; i < 3; i++) {
		claimants[i] = (struct claimant){.semaphore = &semaphore, .order = &order};
		claimants[i].number = i == 0 ? 3 : 1;
		claimants[i].deadline_ns = GW_FOREVER;
		start(&group, acquires, &claimants[i]);
	}
	gw_release(&semaphore, 2);
	settle();
	assert_int_equal(order, 0);
	assert_int_equal(gw_acquire(&semaphore, 1, GW_AT_ONCE), GW_E_TIMEOUT);
	gw_release(&semaphore, 2);
	settle();
	assert_int_equal(order, 2);
	assert_true(claimants[0].done && claimants[1].done && !claimants[2].done);
	gw_release(&semaphore, 1);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(semaphore.count, 0);
	return 0;
}

/* The trap: what the first waited for in vain is enough for the second. */
static int who_gives_up_lets_those_behind_go_on(void *argument)
{
	struct gw_semaphore semaphore = {0};
	struct gw_group first = {0}, second = {0};
	struct claimant much = {.semaphore = &semaphore, .number = 5, .deadline_ns = GW_FOREVER};
	struct claimant little = {.semaphore = &semaphore, .number = 2, .deadline_ns = GW_FOREVER};

	(void)argument;
	gw_release(&semaphore, 3);
	start(&first, acquires, &much);
	start(&second, acquires, &little);
	assert_false(little.done);
	gw_group_cancel(&first);
	/* Cancelled, though it has not run yet, it is in nobody's way. */
	assert_int_equal(gw_acquire(&semaphore, 1, GW_AT_ONCE), 0);
	assert_int_equal(gw_group_wait(&second, GW_FOREVER), 0);
	assert_int_equal(little.result, 0);
	assert_int_equal(gw_group_done(&first), 0);
	assert_int_equal(much.result, GW_E_CANCELLED);
	assert_int_equal(semaphore.count, 0);
	return 0;
}

static int a_deadline_passed_lets_those_behind_go_on(void *argument)
{
	struct gw_semaphore semaphore = {0};
	struct gw_group group = {0};
	struct claimant much = {.semaphore = &semaphore, .number = 5};
	struct claimant little = {.semaphore = &semaphore, .number = 2, .deadline_ns = GW_FOREVER};

	(void)argument;
	gw_release(&semaphore, 3);
	much.deadline_ns = gw_after_ms(1);
	assert_int_equal(gw_spawn(&group, acquires, &much, NULL), 0);
	assert_int_equal(gw_spawn(&group, acquires, &little, NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(much.result, GW_E_TIMEOUT);
	assert_int_equal(little.result, 0);
	assert_int_equal(semaphore.count, 1);
	return 0;
}

/* What was granted is there, cancel or not: it is for the task to give it back. */
static int a_task_cancelled_as_it_is_granted_has_it(void *argument)
{
	struct gw_semaphore semaphore = {0};
	struct gw_group group = {0};
	struct claimant claimant = {.semaphore = &semaphore, .number = 2};

	(void)argument;
	claimant.deadline_ns = GW_FOREVER;
	start(&group, acquires, &claimant);
	gw_release(&semaphore, 2);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(claimant.result, 0);
	assert_int_equal(semaphore.count, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(a_wait_group_waits_until_its_count_is_0),
		in_a_task(a_wait_group_may_be_used_again),
		in_a_task(deadline_and_cancel_end_the_wait_for_a_group),
		in_a_task(a_semaphore_gives_what_it_has),
		in_a_task(those_who_came_before_have_theirs_first),
		in_a_task(who_gives_up_lets_those_behind_go_on),
		in_a_task(a_deadline_passed_lets_those_behind_go_on),
		in_a_task(a_task_cancelled_as_it_is_granted_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
