/* SPDX-License-Identifier: Apache-2.0 */
/* mutex_test.c - what task.h promises of mutexes and conditions, in one loop. */
#include "sync_fixture.h"

/* A task that locks, and what it saw. */
struct locker {
	struct gw_mutex *mutex;
	struct gw_cond *cond;
	uint64_t deadline_ns;
	int result, rank, *order;
	bool done, stays; /* stays: in the lock until it is told */
};

static int locks(void *argument)
{
	struct locker *locker = argument;

	locker->result = gw_lock(locker->mutex, locker->deadline_ns);
	if (locker->order)
		locker->rank = ++*locker->order;
	locker->done = true;
	while (locker->stays)
		(void)gw_yield();
	if (locker->result == 0)
		gw_unlock(locker->mutex);
	return 0;
}

static int waits_for_the_condition(void *argument)
{
	struct locker *locker = argument;

	if (gw_lock(locker->mutex, GW_FOREVER) < 0)
		return GW_E_FAILED;
	locker->result = gw_cond_wait(locker->cond, locker->mutex, locker->deadline_ns);
	if (locker->order)
		locker->rank = ++*locker->order;
	locker->done = true;
	gw_unlock(locker->mutex); /* asserts that it is held */
	return 0;
}

static int only_one_holds_it(void *argument)
{
	struct gw_mutex mutex = {.name = "table"};
	struct gw_group group = {0};
	struct locker locker = {.mutex = &mutex, .deadline_ns = GW_FOREVER};

	(void)argument;
	assert_int_equal(gw_lock(&mutex, GW_AT_ONCE), 0);
	start(&group, locks, &locker);
	assert_false(locker.done);
	gw_unlock(&mutex);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(locker.result, 0);
	assert_int_equal(gw_lock(&mutex, GW_AT_ONCE), 0);
	gw_unlock(&mutex);
	return 0;
}

static int first_come_is_first_served(void *argument)
{
	enum { COUNT = 6 };
	struct gw_mutex mutex = {0};
	struct gw_group group = {0};
	struct locker lockers[COUNT];
	int order = 0;

	(void)argument;
	assert_int_equal(gw_lock(&mutex, GW_AT_ONCE), 0);
	for (int i = 0; i < COUNT; i++) {
		lockers[i] = (struct locker){.mutex = &mutex, .deadline_ns = GW_FOREVER};
		lockers[i].order = &order;
		start(&group, locks, &lockers[i]);
	}
	gw_unlock(&mutex);
	/* It was handed over: there is no overtaking. */
	assert_int_equal(gw_lock(&mutex, GW_AT_ONCE), GW_E_TIMEOUT);
	assert_int_equal(gw_lock(&mutex, GW_FOREVER), 0);
	assert_int_equal(order, COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(lockers[i].rank, i + 1);
	gw_unlock(&mutex);
	return gw_group_wait(&group, GW_FOREVER);
}

static int deadline_and_cancel_end_the_wait_for_a_lock(void *argument)
{
	struct gw_mutex mutex = {0};
	struct gw_group group = {0}, next = {0};
	struct locker holder = {.mutex = &mutex, .deadline_ns = GW_AT_ONCE, .stays = true};
	struct locker late = {.mutex = &mutex, .deadline_ns = GW_FOREVER};
	struct locker behind = late;

	(void)argument;
	start(&next, locks, &holder);
	assert_int_equal(gw_lock(&mutex, gw_after_ms(1)), GW_E_TIMEOUT);
	start(&group, locks, &late);
	start(&next, locks, &behind);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(late.result, GW_E_CANCELLED);
	holder.stays = false;
	assert_int_equal(gw_group_wait(&next, GW_FOREVER), 0);
	assert_int_equal(behind.result, 0);
	assert_null(mutex.holder);
	return 0;
}

static int a_task_cancelled_as_it_is_handed_the_lock_has_it(void *argument)
{
	struct gw_mutex mutex = {0};
	struct gw_group group = {0};
	struct locker locker = {.mutex = &mutex, .deadline_ns = GW_FOREVER};

	(void)argument;
	assert_int_equal(gw_lock(&mutex, GW_FOREVER), 0);
	start(&group, locks, &locker);
	gw_unlock(&mutex);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(locker.result, 0);
	assert_null(mutex.holder);
	return 0;
}

static int a_lock_is_not_handed_to_a_cancelled_task(void *argument)
{
	struct gw_mutex mutex = {0};
	struct gw_group group = {0};
	struct locker locker = {.mutex = &mutex, .deadline_ns = GW_FOREVER};

	(void)argument;
	assert_int_equal(gw_lock(&mutex, GW_FOREVER), 0);
	start(&group, locks, &locker);
	gw_group_cancel(&group);
	gw_unlock(&mutex);
	assert_int_equal(gw_lock(&mutex, GW_AT_ONCE), 0);
	gw_unlock(&mutex);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(locker.result, GW_E_CANCELLED);
	return 0;
}

static int locks_twice(void *argument)
{
	struct gw_mutex mutex = {.name = "twice"};
	int result;

	(void)argument;
	if (gw_lock(&mutex, GW_FOREVER) < 0)
		return GW_E_FAILED;
	result = gw_lock(&mutex, GW_FOREVER);
	gw_unlock(&mutex);
	return result;
}

static void a_task_that_waits_for_itself_is_told_so(void **state)
{
	struct gw_run_options options = {.without_deadlock_report = true};

	(void)state;
	assert_int_equal(gw_run(locks_twice, NULL, &options, NULL), GW_E_DEADLOCK);
}

static int a_signal_wakes_one_in_the_order_they_came(void *argument)
{
	enum { COUNT = 4 };
	struct gw_mutex mutex = {0};
	struct gw_cond cond = {0};
	struct gw_group group = {0};
	struct locker lockers[COUNT];
	int order = 0;

	(void)argument;
	gw_cond_signal(&cond); /* of no use to those who come later */
	for (int i = 0; i < COUNT; i++) {
		lockers[i] = (struct locker){&mutex, &cond, GW_FOREVER, 0, 0, &order, false, false};
		start(&group, waits_for_the_condition, &lockers[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(order, i);
		gw_cond_signal(&cond);
		settle();
		assert_int_equal(lockers[i].rank, i + 1);
		assert_int_equal(lockers[i].result, 0);
	}
	return gw_group_wait(&group, GW_FOREVER);
}

static int a_broadcast_wakes_all(void *argument)
{
	enum { COUNT = 4 };
	struct gw_mutex mutex = {0};
	struct gw_cond cond = {0};
	struct gw_group group = {0};
	struct locker lockers[COUNT];

	(void)argument;
	for (int i = 0; i < COUNT; i++) {
		lockers[i] = (struct locker){.mutex = &mutex, .cond = &cond};
		lockers[i].deadline_ns = GW_FOREVER;
		start(&group, waits_for_the_condition, &lockers[i]);
	}
	gw_cond_broadcast(&cond);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(lockers[i].result, 0);
	return 0;
}

/* A wake-up between giving up the mutex and waiting: whoever gets the mutex signals at once. */
static int signals_at_once(void *argument)
{
	struct locker *locker = argument;

	locker->result = gw_lock(locker->mutex, GW_FOREVER);
	gw_cond_signal(locker->cond);
	gw_unlock(locker->mutex);
	return 0;
}

static int no_signal_is_lost_between_unlock_and_wait(void *argument)
{
	struct gw_mutex mutex = {0};
	struct gw_cond cond = {0};
	struct gw_group group = {0};
	struct locker locker = {.mutex = &mutex, .cond = &cond};

	(void)argument;
	assert_int_equal(gw_lock(&mutex, GW_FOREVER), 0);
	start(&group, signals_at_once, &locker);
	assert_int_equal(gw_cond_wait(&cond, &mutex, GW_FOREVER), 0);
	gw_unlock(&mutex);
	return gw_group_wait(&group, GW_FOREVER);
}

static int the_mutex_is_held_however_the_wait_ended(void *argument)
{
	struct gw_mutex mutex = {0};
	struct gw_cond cond = {0};
	struct gw_group group = {0};
	struct locker locker = {.mutex = &mutex, .cond = &cond, .deadline_ns = GW_FOREVER};

	(void)argument;
	assert_int_equal(gw_lock(&mutex, GW_FOREVER), 0);
	assert_int_equal(gw_cond_wait(&cond, &mutex, GW_AT_ONCE), GW_E_TIMEOUT);
	assert_int_equal(gw_cond_wait(&cond, &mutex, gw_after_ms(1)), GW_E_TIMEOUT);
	assert_null(cond.waiters.first);
	gw_unlock(&mutex);
	start(&group, waits_for_the_condition, &locker);
	/* Cancelled while the mutex is somebody else's: it comes back only with it. */
	assert_int_equal(gw_lock(&mutex, GW_FOREVER), 0);
	gw_group_cancel(&group);
	settle();
	assert_false(locker.done);
	gw_unlock(&mutex);
	assert_int_equal(gw_group_done(&group), 0);
	assert_true(locker.done);
	assert_int_equal(locker.result, GW_E_CANCELLED);
	assert_null(mutex.holder);
	return 0;
}

static int a_signal_is_not_spent_on_a_cancelled_task(void *argument)
{
	struct gw_mutex mutex = {0};
	struct gw_cond cond = {0};
	struct gw_group first = {0}, second = {0};
	struct locker cancelled = {.mutex = &mutex, .cond = &cond, .deadline_ns = GW_FOREVER};
	struct locker other = cancelled;

	(void)argument;
	start(&first, waits_for_the_condition, &cancelled);
	start(&second, waits_for_the_condition, &other);
	gw_group_cancel(&first);
	gw_cond_signal(&cond);
	assert_int_equal(gw_group_done(&first), 0);
	assert_int_equal(gw_group_wait(&second, GW_FOREVER), 0);
	assert_int_equal(cancelled.result, GW_E_CANCELLED);
	assert_int_equal(other.result, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(only_one_holds_it),
		in_a_task(first_come_is_first_served),
		in_a_task(deadline_and_cancel_end_the_wait_for_a_lock),
		in_a_task(a_task_cancelled_as_it_is_handed_the_lock_has_it),
		in_a_task(a_lock_is_not_handed_to_a_cancelled_task),
		cmocka_unit_test(a_task_that_waits_for_itself_is_told_so),
		in_a_task(a_signal_wakes_one_in_the_order_they_came),
		in_a_task(a_broadcast_wakes_all),
		in_a_task(no_signal_is_lost_between_unlock_and_wait),
		in_a_task(the_mutex_is_held_however_the_wait_ended),
		in_a_task(a_signal_is_not_spent_on_a_cancelled_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
