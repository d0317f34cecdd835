/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan.c - channels: a ring of items, and two lists of those who wait to send or to receive.
 *
 * At most one of the lists has waiters that can be had: senders wait when the ring is full,
 * receivers when it is empty and nobody sends. So an item goes straight from the one who sends to
 * the one who waits for it, and into the ring only when nobody does. Who wakes a waiter has carried
 * out its operation before: a task that is woken has its item, whatever happens to it then.
 */
#include "task/chan.h"
#include "task/loop.h"

#include "io/rare.h"

#include <stdlib.h>

struct gw_chan *gw_chan_new(size_t item_bytes, size_t capacity,
			    const struct gw_chan_options *options)
{
	const size_t most = PTRDIFF_MAX - sizeof(struct gw_chan);
	struct gw_chan *chan;

	if (item_bytes > GW_CHAN_ITEM_BYTES_MAX)
		return NULL;
	if (item_bytes > 0 && capacity > most / item_bytes)
		return NULL;
	chan = malloc(sizeof(*chan) + capacity * item_bytes);
	if (!chan)
		return NULL;
	memset(chan, 0, sizeof(*chan));
	chan->references = 1;
	chan->item_bytes = item_bytes;
	chan->capacity = capacity;
	if (options) {
		chan->name = options->name;
		chan->shared = options->shared;
	}
	return chan;
}

struct gw_chan *gw_chan_ref(struct gw_chan *chan)
{
	if (chan->shared)
		__atomic_fetch_add(&chan->references, 1, __ATOMIC_RELAXED);
	else
		chan->references++;
	return chan;
}

void gw_chan_unref(struct gw_chan *chan)
{
	size_t before;

	if (!chan)
		return;
	if (chan->shared)
		before = __atomic_fetch_sub(&chan->references, 1, __ATOMIC_ACQ_REL);
	else
		before = chan->references--;
	assert(before > 0);
	if (before > 1)
		return;
	assert(!chan->senders.first && !chan->receivers.first);
	free(chan);
}

size_t gw_chan_count(const struct gw_chan *chan)
{
	return __atomic_load_n(&chan->count, __ATOMIC_RELAXED);
}

/* A plain store, but for those who count without the guard. */
static inline void set_count(struct gw_chan *chan, size_t count)
{
	assert(count <= chan->capacity);
	__atomic_store_n(&chan->count, count, __ATOMIC_RELAXED);
}

/* Most items are a pointer or a number. */
static inline void copy_item(void *to, const void *from, size_t bytes)
{
	if (bytes == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else if (bytes > 0)
		memcpy(to, from, bytes);
}

static inline void copy_out(const struct gw_chan *chan, void *to, const void *from)
{
	if (to)
		copy_item(to, from, chan->item_bytes);
}

static inline void put(struct gw_chan *chan, const void *item)
{
	size_t at = chan->first + chan->count;

	if (at >= chan->capacity)
		at -= chan->capacity;
	copy_item(chan->items + at * chan->item_bytes, item, chan->item_bytes);
	set_count(chan, chan->count + 1);
}

static inline void get(struct gw_chan *chan, void *item)
{
	copy_out(chan, item, chan->items + chan->first * chan->item_bytes);
	chan->first = chan->first + 1 == chan->capacity ? 0 : chan->first + 1;
	set_count(chan, chan->count - 1);
}

int chan_try_send(struct gw_chan *chan, const void *item, struct gw_waiter **woken)
{
	struct gw_waiter *receiver;

	if (chan->closed)
		return GW_E_CLOSED;
	receiver = task_take(&chan->receivers);
	if (receiver) {
		assert(chan->count == 0);
		copy_out(chan, receiver->item, item);
		*woken = receiver;
		return 0;
	}
	if (chan->count == chan->capacity)
		return GW_E_TIMEOUT;
	put(chan, item);
	return 0;
}

int chan_try_receive(struct gw_chan *chan, void *item, struct gw_waiter **woken)
{
	struct gw_waiter *sender;

	if (chan->count > 0) {
		get(chan, item);
		sender = task_take(&chan->senders);
		if (sender)
			put(chan, sender->item);
		*woken = sender;
		return 0;
	}
	sender = task_take(&chan->senders);
	if (sender) {
		assert(chan->capacity == 0);
		copy_out(chan, item, sender->item);
		*woken = sender;
		return 0;
	}
	return chan->closed ? GW_E_CLOSED : GW_E_TIMEOUT;
}

/* Gives the guard back after a try that need not wait. */
static inline int finish(struct gw_chan *chan, struct gw_waiter *woken, int result)
{
	task_guard_unlock(&chan->guard, chan->shared);
	if (woken)
		task_wake(woken->wait, 0);
	return result;
}

static int wait_in(struct gw_chan *chan, struct gw_waiters *list, void *item, const char *doing,
		   uint64_t deadline_ns)
{
	struct gw_waiter waiter = {.item = item};
	struct task_wait wait;

	task_wait_init(&wait, doing, chan, chan->name, chan->shared);
	return task_wait_in(list, &waiter, &wait, &chan->guard, deadline_ns);
}

/* What receives from the waiter only reads there, but its item is a void * for both. */
static inline void *item_of_sender(const void *item)
{
	return (void *)(uintptr_t)item;
}

int gw_send(struct gw_chan *chan, const void *item, uint64_t deadline_ns)
{
	struct gw_waiter *woken = NULL;
	int result;

	assert(item || chan->item_bytes == 0);
	task_guard_lock(&chan->guard, chan->shared);
	result = chan_try_send(chan, item, &woken);
	if (result != GW_E_TIMEOUT)
		return finish(chan, woken, result);
	return wait_in(chan, &chan->senders, item_of_sender(item), "to send to channel",
		       deadline_ns);
}

int gw_receive(struct gw_chan *chan, void *item, uint64_t deadline_ns)
{
	struct gw_waiter *woken = NULL;
	int result;

	task_guard_lock(&chan->guard, chan->shared);
	result = chan_try_receive(chan, item, &woken);
	if (result != GW_E_TIMEOUT)
		return finish(chan, woken, result);
	result = wait_in(chan, &chan->receivers, item, "to receive from channel", deadline_ns);
	if (!chan->shared && deadline_ns != GW_FOREVER && gw_cancelled() &&
	    IO_BUG(task_io(), "task.item-lost"))
		return GW_E_CANCELLED;
	return result;
}

void gw_chan_close(struct gw_chan *chan)
{
	struct gw_waiters chain = {0};

	task_guard_lock(&chan->guard, chan->shared);
	if (!chan->closed) {
		chan->closed = true;
		task_take_all(&chan->senders, &chain);
		task_take_all(&chan->receivers, &chain);
	}
	task_guard_unlock(&chan->guard, chan->shared);
	task_wake_chain(chain.first, GW_E_CLOSED);
}
