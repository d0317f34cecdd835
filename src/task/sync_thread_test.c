/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync_thread_test.c - locks and counts of two loops: they keep what they promise of one, and
 * nobody waits for ever. The thread sanitizer sees it too.
 *
 * Only the first loop may use cmocka; tasks of the other one say by their result how it went.
 */
#include "sync_fixture.h"

enum { ITEMS = 3000, TASKS = 4 };

/* ---- Locks and counts ---------------------------------------------------------------------- */

struct shop {
	struct gw_mutex mutex;
	struct gw_cond changed;
	struct gw_semaphore places;
	struct gw_wait_group open;
	int inside, inside_max; /* atomic */
	long count, goods;      /* under the mutex */
	long taken;             /* atomic */
};

static void shop_init(struct shop *shop)
{
	*shop = (struct shop){
		.mutex = {.name = "shop", .shared = true},
		.changed = {.name = "goods", .shared = true},
		.places = {.name = "places", .shared = true},
		.open = {.name = "open", .shared = true},
	};
}

static int run_tasks(gw_task_function *function, void *argument)
{
	struct gw_group group = {0};
	int result = 0;

	for (size_t i = 0; result == 0 && i < TASKS; i++)
		result = gw_spawn(&group, function, argument, NULL);
	if (result == 0)
		result = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	return result;
}

static int adds(void *argument)
{
	struct shop *shop = argument;

	for (int i = 0; i < ITEMS / TASKS; i++) {
		uint64_t deadline_ns = i % 3 ? GW_FOREVER : gw_now_ns() + 5000;
		int result = gw_lock(&shop->mutex, deadline_ns);

		if (result == GW_E_TIMEOUT)
			continue;
		if (result < 0)
			return result;
		shop->count++;
		if (i % 7 == 0)
			(void)gw_yield(); /* held over a wait */
		gw_unlock(&shop->mutex);
		__atomic_fetch_add(&shop->taken, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

static int many_add(void *argument)
{
	return run_tasks(adds, argument);
}

static int a_shared_mutex_keeps_others_out(void *argument)
{
	struct shop shop;

	(void)argument;
	shop_init(&shop);
	in_two_loops(many_add, &shop, &shop);
	assert_int_equal(shop.count, shop.taken);
	assert_null(shop.mutex.holder);
	return 0;
}

/* One makes goods and one takes them; who finds none waits for the condition. */
static int makes_or_takes(struct shop *shop, bool makes)
{
	for (int i = 0; i < ITEMS / TASKS; i++) {
		int result = gw_lock(&shop->mutex, GW_FOREVER);

		while (result == 0 && !makes && shop->goods == 0) {
			result = gw_cond_wait(&shop->changed, &shop->mutex, GW_FOREVER);
			if (result < 0)
				gw_unlock(&shop->mutex);
		}
		if (result < 0)
			return result;
		shop->goods += makes ? 1 : -1;
		if (makes && i % 2)
			gw_cond_signal(&shop->changed);
		else if (makes)
			gw_cond_broadcast(&shop->changed);
		gw_unlock(&shop->mutex);
	}
	return 0;
}

static int makes(void *argument)
{
	return makes_or_takes(argument, true);
}

static int takes(void *argument)
{
	return makes_or_takes(argument, false);
}

struct side {
	struct shop *shop;
	gw_task_function *function;
};

static int one_side(void *argument)
{
	struct side *side = argument;

	return run_tasks(side->function, side->shop);
}

static int a_shared_condition_loses_no_signal(void *argument)
{
	struct shop shop;
	struct side here = {&shop, makes}, there = {&shop, takes};

	(void)argument;
	shop_init(&shop);
	in_two_loops(one_side, &here, &there);
	assert_int_equal(shop.goods, 0);
	assert_null(shop.changed.waiters.first);
	return 0;
}

/*
 * Each signal counts: who misses one waits for ever. One end waits for the condition; the other
 * only tries the mutex, again and again, so that it is there the moment that the first gives it up.
 */
struct seesaw {
	struct gw_mutex mutex;
	struct gw_cond moved;
	int up; /* whose turn it is */
};

static int waits_for_its_turn(void *argument)
{
	struct seesaw *seesaw = argument;

	for (int i = 0; i < ITEMS; i++) {
		int result = gw_lock(&seesaw->mutex, GW_FOREVER);

		while (result == 0 && seesaw->up != 0) {
			result = gw_cond_wait(&seesaw->moved, &seesaw->mutex, GW_FOREVER);
			if (result < 0)
				gw_unlock(&seesaw->mutex);
		}
		if (result < 0)
			return result;
		seesaw->up = 1;
		gw_unlock(&seesaw->mutex);
	}
	return 0;
}

static int tries_for_its_turn(void *argument)
{
	struct seesaw *seesaw = argument;

	for (int i = 0; i < ITEMS;) {
		if (gw_lock(&seesaw->mutex, GW_AT_ONCE) < 0)
			continue;
		if (seesaw->up == 1) {
			seesaw->up = 0;
			gw_cond_signal(&seesaw->moved);
			i++;
		}
		gw_unlock(&seesaw->mutex);
	}
	return 0;
}

static int no_signal_is_lost_between_loops(void *argument)
{
	struct seesaw seesaw = {.mutex = {.shared = true}, .moved = {.shared = true}};
	struct gw_thread *thread;
	int result;

	(void)argument;
	assert_int_equal(gw_thread_start(&thread, tries_for_its_turn, &seesaw, NULL, NULL), 0);
	assert_int_equal(waits_for_its_turn(&seesaw), 0);
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, 0);
	return 0;
}

static int goes_in_and_out(void *argument)
{
	struct shop *shop = argument;

	for (uint64_t i = 0; i < ITEMS / TASKS; i++) {
		uint64_t number = 1 + i % 3, at_ns = i % 4 ? GW_FOREVER : gw_now_ns() + 5000;
		int result = gw_acquire(&shop->places, number, at_ns), inside;

		if (result == GW_E_TIMEOUT)
			continue;
		if (result < 0)
			return result;
		inside = __atomic_add_fetch(&shop->inside, (int)number, __ATOMIC_RELAXED);
		if (inside > 5)
			return GW_E_TOO_LARGE;
		if (i % 5 == 0)
			(void)gw_yield();
		__atomic_sub_fetch(&shop->inside, (int)number, __ATOMIC_RELAXED);
		gw_release(&shop->places, number);
	}
	return 0;
}

static int many_go_in_and_out(void *argument)
{
	return run_tasks(goes_in_and_out, argument);
}

static int a_shared_semaphore_gives_no_more_than_it_has(void *argument)
{
	struct shop shop;

	(void)argument;
	shop_init(&shop);
	gw_release(&shop.places, 5);
	in_two_loops(many_go_in_and_out, &shop, &shop);
	assert_int_equal(shop.places.count, 5);
	return 0;
}

/* The wait group is on the stack of the one that waits, and gone when it has waited. */
static int counts_down(void *argument)
{
	struct gw_chan *groups = argument;
	struct gw_wait_group *group;

	while (gw_receive(groups, &group, GW_FOREVER) == 0)
		gw_wait_group_add(group, -1);
	return 0;
}

static int a_wait_group_may_go_when_its_wait_has_ended(void *argument)
{
	struct gw_chan_options shared = {.shared = true};
	struct gw_chan *groups = gw_chan_new(sizeof(void *), 2, &shared);
	struct gw_thread *thread;
	int result;

	(void)argument;
	assert_non_null(groups);
	assert_int_equal(gw_thread_start(&thread, counts_down, groups, NULL, NULL), 0);
	for (int i = 0; i < ITEMS; i++) {
		struct gw_wait_group group = {.shared = true}, *pointer = &group;

		gw_wait_group_add(&group, 2);
		assert_int_equal(gw_send(groups, &pointer, GW_FOREVER), 0);
		assert_int_equal(gw_send(groups, &pointer, GW_FOREVER), 0);
		assert_int_equal(gw_wait_group_wait(&group, GW_FOREVER), 0);
		memset(&group, 0x55, sizeof(group));
	}
	gw_chan_close(groups);
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, 0);
	gw_chan_unref(groups);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(a_shared_mutex_keeps_others_out),
		in_a_task(a_shared_condition_loses_no_signal),
		in_a_task(no_signal_is_lost_between_loops),
		in_a_task(a_shared_semaphore_gives_no_more_than_it_has),
		in_a_task(a_wait_group_may_go_when_its_wait_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
