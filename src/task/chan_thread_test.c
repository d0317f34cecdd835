/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_thread_test.c - channels between two loops: nothing is lost, nothing comes twice, nobody
 * waits for ever. The thread sanitizer sees it too.
 *
 * Only the first loop may use cmocka; tasks of the other one say by their result how it went.
 */
#include "sync_fixture.h"

enum { ITEMS = 3000, TASKS = 4 };

/* ---- Channels: each item that was sent is received once ---------------------------------- */

struct traffic {
	struct gw_chan *chans[2];
	uint8_t sent[2 * ITEMS], received[2 * ITEMS]; /* how often; atomic */
	int senders;                                  /* loops that still send; atomic */
};

struct half {
	struct traffic *traffic;
	bool there;
	uint64_t seed;
	int next; /* item to be sent */
	struct gw_group senders, receivers;
};

static uint64_t some_deadline(struct half *half)
{
	switch (test_pick(&half->seed, 4)) {
	case 0:
		return GW_AT_ONCE;
	case 1:
		return gw_now_ns() + test_pick(&half->seed, 20000);
	default:
		return GW_FOREVER;
	}
}

static void count_one(uint8_t *counts, int item)
{
	__atomic_fetch_add(&counts[item], 1, __ATOMIC_RELAXED);
}

static int is_fine(int result)
{
	return result == GW_E_TIMEOUT || result == GW_E_CANCELLED ? 0 : result;
}

/* Either channel, by send or by select in one order or the other. */
static int send_one(struct half *half, int item)
{
	struct gw_chan **chans = half->traffic->chans;
	size_t first = test_pick(&half->seed, 2);
	struct gw_select_case cases[] = {
		{.chan = chans[first], .send = &item},
		{.chan = chans[!first], .send = &item},
	};

	if (test_pick(&half->seed, 2))
		return gw_send(chans[first], &item, some_deadline(half));
	return gw_select(cases, 2, some_deadline(half));
}

static int receive_one(struct half *half, int *item)
{
	struct gw_chan **chans = half->traffic->chans;
	size_t first = test_pick(&half->seed, 2);
	struct gw_select_case cases[] = {
		{.chan = chans[first], .receive = item},
		{.chan = chans[!first], .receive = item},
	};
	int result;

	if (test_pick(&half->seed, 2))
		return gw_receive(chans[first], item, some_deadline(half));
	result = gw_select(cases, 2, some_deadline(half));
	return result < 0 ? result : cases[result].result;
}

static int sends_all(void *argument)
{
	struct half *half = argument;
	int item, result;

	while ((item = half->next++) < ITEMS) {
		item += half->there ? ITEMS : 0;
		result = send_one(half, item);
		if (result >= 0)
			count_one(half->traffic->sent, item);
		else if (is_fine(result) < 0)
			return result;
		if (gw_cancelled())
			return 0;
	}
	return 0;
}

static int receives_all(void *argument)
{
	struct half *half = argument;
	int item = 0, result;

	while (!gw_cancelled()) {
		result = receive_one(half, &item);
		if (result == 0)
			count_one(half->traffic->received, item);
		else if (result == GW_E_CLOSED)
			return 0;
		else if (is_fine(result) < 0)
			return result;
	}
	return 0;
}

/* Ends some tasks of a group in the middle of it, and starts new ones. */
static int cancel_some(struct half *half, struct gw_group *group, gw_task_function *function)
{
	int result = gw_group_done(group);

	for (size_t i = 0; result == 0 && i < TASKS; i++)
		result = gw_spawn(group, function, half, NULL);
	return result;
}

static int half_of_the_traffic(void *argument)
{
	struct half *half = argument;
	struct traffic *traffic = half->traffic;
	int result = 0;

	for (int round = 0; result == 0 && half->next < ITEMS; round++) {
		result = cancel_some(half, &half->receivers, receives_all);
		if (result == 0 && round % 2 == 0)
			result = cancel_some(half, &half->senders, sends_all);
		for (int i = 0; result == 0 && i < 20; i++)
			result = gw_yield();
	}
	if (result == 0)
		result = gw_group_wait(&half->senders, GW_FOREVER);
	/* The last one says that there is no more. */
	if (__atomic_sub_fetch(&traffic->senders, 1, __ATOMIC_ACQ_REL) == 0) {
		gw_chan_close(traffic->chans[0]);
		gw_chan_close(traffic->chans[1]);
	}
	if (result == 0)
		result = gw_group_wait(&half->receivers, GW_FOREVER);
	(void)gw_group_done(&half->senders);
	(void)gw_group_done(&half->receivers);
	return result;
}

static void take_the_rest(struct traffic *traffic, struct gw_chan *chan)
{
	int item;

	while (gw_receive(chan, &item, GW_AT_ONCE) == 0)
		count_one(traffic->received, item);
}

static int no_item_is_lost_or_doubled(void *argument)
{
	(void)argument;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		static struct traffic traffic;
		struct half here = {.traffic = &traffic, .seed = seed};
		struct half there = {.traffic = &traffic, .seed = ~seed, .there = true};
		struct gw_chan_options shared = {.shared = true};
		int received = 0;

		memset(&traffic, 0, sizeof(traffic));
		traffic.senders = 2;
		traffic.chans[0] = gw_chan_new(sizeof(int), seed % 3, &shared);
		traffic.chans[1] = gw_chan_new(sizeof(int), seed % 2 * 5, &shared);
		assert_true(traffic.chans[0] && traffic.chans[1]);
		in_two_loops(half_of_the_traffic, &here, &there);
		/* Receivers end at the first channel that is closed. */
		take_the_rest(&traffic, traffic.chans[0]);
		take_the_rest(&traffic, traffic.chans[1]);
		for (int i = 0; i < 2 * ITEMS; i++) {
			assert_int_equal(traffic.sent[i], traffic.received[i]);
			assert_in_range(traffic.sent[i], 0, 1);
			received += traffic.received[i];
		}
		assert_true(received > 0);
		gw_chan_unref(traffic.chans[0]);
		gw_chan_unref(traffic.chans[1]);
	}
	return 0;
}

/* Ping and pong: a wake-up lost between look and wait would end in a wait for ever. */
struct table {
	struct gw_chan *to, *from;
	bool serves;
};

static int plays(void *argument)
{
	struct table *table = argument;
	int result = 0, ball = 0;

	for (int i = 0; result == 0 && i < ITEMS; i++) {
		if (table->serves)
			result = gw_send(table->to, &i, GW_FOREVER);
		if (result == 0)
			result = gw_receive(table->from, &ball, GW_FOREVER);
		if (result == 0 && ball != i)
			return GW_E_CORRUPT;
		if (result == 0 && !table->serves)
			result = gw_send(table->to, &ball, GW_FOREVER);
	}
	return result;
}

static int no_wake_up_is_lost_between_look_and_wait(void *argument)
{
	(void)argument;
	for (size_t capacity = 0; capacity < 2; capacity++) {
		struct gw_chan_options shared = {.shared = true};
		struct gw_chan *ping = gw_chan_new(sizeof(int), capacity, &shared);
		struct gw_chan *pong = gw_chan_new(sizeof(int), capacity, &shared);
		struct table here = {ping, pong, true}, there = {pong, ping, false};

		assert_true(ping && pong);
		in_two_loops(plays, &here, &there);
		gw_chan_unref(ping);
		gw_chan_unref(pong);
	}
	return 0;
}

/* The last reference may be given back by either loop, right after the wake. */
static int passes_it_on(void *argument)
{
	struct table *table = argument;

	for (int i = 0; i < ITEMS / 10; i++) {
		struct gw_chan_options shared = {.shared = true};
		struct gw_chan *inner = NULL;
		int result = 0, item = i;

		if (table->serves) {
			inner = gw_chan_new(sizeof(int), 0, &shared);
			if (!inner)
				return GW_E_NO_MEMORY;
			(void)gw_chan_ref(inner);
			result = gw_send(table->to, &inner, GW_FOREVER);
			if (result == 0)
				result = gw_receive(inner, &item, GW_FOREVER);
		} else {
			result = gw_receive(table->from, &inner, GW_FOREVER);
			if (result == 0)
				result = gw_send(inner, &item, GW_FOREVER);
		}
		gw_chan_unref(inner);
		if (result < 0 || item != i)
			return GW_E_CORRUPT;
	}
	return 0;
}

static int a_channel_travels_by_a_channel(void *argument)
{
	struct gw_chan_options shared = {.shared = true};
	struct gw_chan *chan = gw_chan_new(sizeof(struct gw_chan *), 0, &shared);
	struct table here = {chan, chan, true}, there = {chan, chan, false};

	(void)argument;
	assert_non_null(chan);
	in_two_loops(passes_it_on, &here, &there);
	gw_chan_unref(chan);
	return 0;
}

/* ---- A loop that is cancelled from outside --------------------------------------------------- */

static int sends_and_receives(void *argument)
{
	struct half *half = argument;
	struct gw_group group = {0};
	int result = 0;

	half->next = 0;
	for (size_t i = 0; result == 0 && i < TASKS; i++) {
		result = gw_spawn(&group, sends_all, half, NULL);
		if (result == 0)
			result = gw_spawn(&group, receives_all, half, NULL);
	}
	if (result == 0)
		result = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	return is_fine(result);
}

/* In the middle of its traffic; this loop has the rest of the items. */
static int a_cancelled_thread_loses_no_item(void *argument)
{
	struct gw_chan_options shared = {.shared = true};

	(void)argument;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		static struct traffic traffic;
		struct half there = {.traffic = &traffic, .seed = seed, .there = true};
		struct half here = {.traffic = &traffic, .seed = ~seed};
		struct gw_thread *thread;
		struct gw_group group = {0};
		int result;

		memset(&traffic, 0, sizeof(traffic));
		for (size_t i = 0; i < 2; i++) {
			traffic.chans[i] = gw_chan_new(sizeof(int), (seed + i) % 3, &shared);
			assert_non_null(traffic.chans[i]);
		}
		assert_int_equal(gw_thread_start(&thread, sends_and_receives, &there, NULL, NULL),
				 0);
		assert_int_equal(gw_spawn(&group, sends_and_receives, &here, NULL), 0);
		for (uint64_t i = 0; i < 5 * seed; i++)
			(void)gw_yield();
		gw_thread_cancel(thread);
		assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
		assert_int_equal(result, 0);
		assert_int_equal(gw_group_done(&group), 0);
		for (size_t i = 0; i < 2; i++) {
			gw_chan_close(traffic.chans[i]);
			take_the_rest(&traffic, traffic.chans[i]);
			gw_chan_unref(traffic.chans[i]);
		}
		assert_memory_equal(traffic.sent, traffic.received, sizeof(traffic.sent));
	}
	return 0;
}

/* ---- A close wakes those of the other loop ------------------------------------------------- */

struct waiting {
	struct gw_chan *chan;
	bool sends;
	int waiting; /* atomic */
};

static int waits_for_the_close(void *argument)
{
	struct waiting *waiting = argument;
	int item = 1, result;

	__atomic_fetch_add(&waiting->waiting, 1, __ATOMIC_RELAXED);
	result = waiting->sends ? gw_send(waiting->chan, &item, GW_FOREVER)
				: gw_receive(waiting->chan, &item, GW_FOREVER);
	return result == GW_E_CLOSED ? 0 : GW_E_FAILED;
}

static int many_wait(void *argument)
{
	struct gw_group group = {0};
	int result = 0;

	for (size_t i = 0; result == 0 && i < TASKS; i++)
		result = gw_spawn(&group, waits_for_the_close, argument, NULL);
	if (result == 0)
		result = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	return result;
}

static int a_close_wakes_those_of_the_other_loop(void *argument)
{
	struct gw_chan_options shared = {.shared = true};

	(void)argument;
	for (int i = 0; i < 40; i++) {
		struct waiting waiting = {.chan = gw_chan_new(sizeof(int), 0, &shared)};
		struct gw_thread *thread;
		int result;

		assert_non_null(waiting.chan);
		waiting.sends = i % 2;
		assert_int_equal(gw_thread_start(&thread, many_wait, &waiting, NULL, NULL), 0);
		/* Sometimes before all of them wait. */
		while (__atomic_load_n(&waiting.waiting, __ATOMIC_RELAXED) < i % 5)
			(void)gw_yield();
		gw_chan_close(waiting.chan);
		assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
		assert_int_equal(result, 0);
		gw_chan_unref(waiting.chan);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(no_item_is_lost_or_doubled),
		in_a_task(no_wake_up_is_lost_between_look_and_wait),
		in_a_task(a_channel_travels_by_a_channel),
		in_a_task(a_cancelled_thread_loses_no_item),
		in_a_task(a_close_wakes_those_of_the_other_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
