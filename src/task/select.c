/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.c - waits for several channels, and carries out one operation.
 *
 * All channels are locked together, in the order of their addresses, while the cases are tried and
 * while, if none can go on, a waiter is put into each of them. So nothing can become ready between
 * look and wait, and a select never has to claim its own wait. All waiters share one wait: who
 * claims it has chosen.
 *
 * Cases are tried in an order that is drawn anew each time, so that each that is ready has the same
 * chance. The real io always picks 0; the simulator's pick turns the order further.
 */
#include "task/chan.h"
#include "task/loop.h"

#include <stdlib.h>

enum {
	CASES_ON_STACK = 12,
	CASES_MAX = 1 << 16,
};

/* What is needed for each case. */
struct entry {
	struct gw_waiter waiter;
	struct gw_chan *locked; /* of all entries: the channels, by address */
	uint32_t order;         /* of all entries: the cases, as they are tried */
};

struct select {
	struct gw_select_case *cases;
	struct entry *entries;
	size_t count, channels; /* channels: those that need their guard, each once */
	bool shared;
};

static inline bool is_send(const struct gw_select_case *one)
{
	return one->send != NULL;
}

static int by_address(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return (one->locked > other->locked) - (one->locked < other->locked);
}

/* The shared channels, each once, by address. */
static void sort_channels(struct select *select)
{
	size_t found = 0;

	for (size_t i = 0; i < select->count; i++) {
		struct gw_chan *chan = select->cases[i].chan;

		if (chan && chan->shared)
			select->entries[found++].locked = chan;
	}
	select->channels = 0;
	select->shared = found > 0;
	if (found > 1)
		qsort(select->entries, found, sizeof(*select->entries), by_address);
	for (size_t i = 0; i < found; i++) {
		struct gw_chan *chan = select->entries[i].locked;

		if (i == 0 || chan != select->entries[select->channels - 1].locked)
			select->entries[select->channels++].locked = chan;
	}
}

static void lock_all(struct select *select)
{
	for (size_t i = 0; i < select->channels; i++)
		task_guard_lock(&select->entries[i].locked->guard, true);
}

static void unlock_all(struct select *select)
{
	for (size_t i = 0; i < select->channels; i++)
		task_guard_unlock(&select->entries[i].locked->guard, true);
}

/* A number that differs from select to select; under the guards. */
static uint32_t draw(struct select *select)
{
	uint32_t mixed = 0;

	for (size_t i = 0; i < select->count && mixed == 0; i++) {
		if (select->cases[i].chan)
			mixed = ++select->cases[i].chan->turns;
	}
	mixed *= 0x9e3779b1;
	mixed = (mixed ^ (mixed >> 15)) * 0x85ebca6b;
	mixed = (mixed ^ (mixed >> 13)) * 0xc2b2ae35;
	return mixed ^ (mixed >> 16);
}

/* Shuffles the cases. */
static void draw_order(struct select *select)
{
	uint32_t random = draw(select), count = (uint32_t)select->count;
	uint32_t turn = count > 1 ? io_pick(task_io(), count) : 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t j = (uint32_t)(((uint64_t)random * (i + 1)) >> 32);

		if (j != i)
			select->entries[i].order = select->entries[j].order;
		select->entries[j].order = i + turn < count ? i + turn : i + turn - count;
		random = random * 1664525 + 1013904223;
	}
}

/* Carries out the first case that can go on; its number, or GW_E_TIMEOUT. */
static int try_all(struct select *select, struct gw_waiter **woken)
{
	for (size_t i = 0; i < select->count; i++) {
		uint32_t number = select->entries[i].order;
		struct gw_select_case *one = &select->cases[number];
		int result = GW_E_TIMEOUT;

		if (one->chan)
			result = is_send(one) ? chan_try_send(one->chan, one->send, woken)
					      : chan_try_receive(one->chan, one->receive, woken);
		if (result == GW_E_TIMEOUT)
			continue;
		one->result = result;
		return (int)number;
	}
	return GW_E_TIMEOUT;
}

static struct gw_waiters *list_of(const struct gw_select_case *one)
{
	return is_send(one) ? &one->chan->senders : &one->chan->receivers;
}

static void link_all(struct select *select, struct task_wait *wait)
{
	for (size_t i = 0; i < select->count; i++) {
		struct gw_select_case *one = &select->cases[i];
		struct gw_waiter *waiter = &select->entries[i].waiter;

		if (!one->chan)
			continue;
		*waiter = (struct gw_waiter){.wait = wait, .index = (uint32_t)i};
		waiter->item = is_send(one) ? (void *)(uintptr_t)one->send : one->receive;
		task_waiters_add(list_of(one), waiter);
	}
}

/* One channel after the other. Also where the wait was woken by another: see task_leave. */
static void leave_all(struct select *select)
{
	for (size_t i = 0; i < select->count; i++) {
		struct gw_select_case *one = &select->cases[i];

		if (one->chan)
			task_leave(list_of(one), &select->entries[i].waiter, &one->chan->guard,
				   one->chan->shared);
	}
}

static const char *first_name(const struct select *select)
{
	for (size_t i = 0; i < select->count; i++) {
		const struct gw_chan *chan = select->cases[i].chan;

		if (chan && chan->name)
			return chan->name;
	}
	return NULL;
}

/* With the guards held at the call, and given back. */
static int wait_for_one(struct select *select, uint64_t deadline_ns)
{
	struct task_wait wait;
	int result = task_wait_refused(deadline_ns);

	if (result < 0) {
		unlock_all(select);
		return result;
	}
	task_wait_init(&wait, "in select, among others for channel", select->cases,
		       first_name(select), select->shared);
	link_all(select, &wait);
	unlock_all(select);
	result = task_wait(&wait, deadline_ns);
	leave_all(select);
	if (result != 0 && result != GW_E_CLOSED)
		return result;
	assert(wait.index < select->count);
	select->cases[wait.index].result = result;
	return (int)wait.index;
}

static int select_with(struct select *select, uint64_t deadline_ns)
{
	struct gw_waiter *woken = NULL;
	int result;

	sort_channels(select);
	lock_all(select);
	draw_order(select);
	result = try_all(select, &woken);
	if (result == GW_E_TIMEOUT)
		return wait_for_one(select, deadline_ns);
	unlock_all(select);
	if (woken)
		task_wake(woken->wait, 0);
	return result;
}

int gw_select(struct gw_select_case *cases, size_t count, uint64_t deadline_ns)
{
	struct entry on_stack[CASES_ON_STACK];
	struct select select = {.cases = cases, .entries = on_stack, .count = count};
	int result;

	if (count > CASES_MAX)
		return GW_E_TOO_LARGE;
	if (count <= CASES_ON_STACK)
		return select_with(&select, deadline_ns);
	select.entries = malloc(count * sizeof(*select.entries));
	if (!select.entries)
		return GW_E_NO_MEMORY;
	result = select_with(&select, deadline_ns);
	free(select.entries);
	return result;
}
